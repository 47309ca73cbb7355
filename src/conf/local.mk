noinst_LIBRARIES += src/conf/libconf.a
src_conf_libconf_a_SOURCES = \
	src/conf/conf.h \
	src/conf/diag.h \
	src/conf/sections.h
