check_PROGRAMS += \
	tests/unit/test_loader \
	tests/unit/test_loader_checks
loader_test_libs = \
	src/loader/libloader.a \
	src/vrrp/libvrrp.a \
	src/route/libroute.a \
	src/http/libhttp.a \
	src/ipc/libipc.a \
	src/net/libnet.a \
	src/conf/libconf.a \
	src/base/libbase.a \
	$(CONFIG_LIBS) $(OPENSSL_LIBS) $(PCRE2_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)

tests_unit_test_loader_SOURCES = tests/unit/test_loader.c tests/unit/conf_rig.h
tests_unit_test_loader_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_loader_LDADD = $(loader_test_libs)
tests_unit_test_loader_checks_SOURCES = tests/unit/test_loader_checks.c tests/unit/conf_rig.h
tests_unit_test_loader_checks_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_loader_checks_LDADD = $(loader_test_libs)
