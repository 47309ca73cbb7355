check_PROGRAMS += tests/unit/test_loader
tests_unit_test_loader_SOURCES = tests/unit/test_loader.c tests/unit/conf_rig.h
tests_unit_test_loader_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_loader_LDADD = \
	src/loader/libloader.a \
	src/vrrp/libvrrp.a \
	src/route/libroute.a \
	src/http/libhttp.a \
	src/ipc/libipc.a \
	src/net/libnet.a \
	src/conf/libconf.a \
	src/base/libbase.a \
	$(CONFIG_LIBS) $(OPENSSL_LIBS) $(PCRE2_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
