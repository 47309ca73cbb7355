noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_SOURCES = \
	src/ctl/call.c src/ctl/call.h \
	src/ctl/commands.h \
	src/ctl/explain.c \
	src/ctl/servers.c
