noinst_LIBRARIES += src/conf/libconf.a
src_conf_libconf_a_SOURCES = \
	src/conf/answer.c \
	src/conf/backend.c src/conf/build.h \
	src/conf/balance.c \
	src/conf/blot.c src/conf/blot.h \
	src/conf/check.c \
	src/conf/conf.c src/conf/conf.h \
	src/conf/diag.c src/conf/diag.h \
	src/conf/draft.c src/conf/draft.h \
	src/conf/errors.c \
	src/conf/expect.c \
	src/conf/frontend.c \
	src/conf/headers.c \
	src/conf/limit.c \
	src/conf/options.c src/conf/options.def src/conf/options.h \
	src/conf/prefix.c \
	src/conf/scalar.c src/conf/scalar.h \
	src/conf/scan.c src/conf/scan.h \
	src/conf/section.c src/conf/section.h \
	src/conf/sections.c src/conf/sections.h \
	src/conf/split.c \
	src/conf/sticky.c \
	src/conf/syntax.c src/conf/syntax.h \
	src/conf/value.c src/conf/value.h \
	src/conf/vrrp.c src/conf/vrrp_address.c src/conf/vrrp_track.c \
	src/conf/wants.c src/conf/wants.h

exampledir = $(docdir)/examples
dist_example_DATA = etc/hpcbal.conf
