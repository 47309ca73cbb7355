check_PROGRAMS += \
	tests/unit/test_upstream \
	tests/unit/test_upstream_http_check \
	tests/unit/test_upstream_own \
	tests/unit/test_upstream_probe

upstream_test_libs = src/upstream/libupstream.a src/balance/libbalance.a src/net/libnet.a \
	src/http/libhttp.a src/base/libbase.a $(EVENT_LIBS) $(OPENSSL_LIBS) $(NGHTTP2_LIBS) \
	$(CHECK_LIBS)

tests_unit_test_upstream_SOURCES = tests/unit/test_upstream.c tests/unit/arrives.h
tests_unit_test_upstream_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_upstream_LDADD = $(upstream_test_libs)
tests_unit_test_upstream_own_SOURCES = tests/unit/test_upstream_own.c tests/unit/arrives.h
tests_unit_test_upstream_own_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_upstream_own_LDADD = $(upstream_test_libs)
tests_unit_test_upstream_probe_SOURCES = tests/unit/test_upstream_probe.c
tests_unit_test_upstream_probe_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_upstream_probe_LDADD = $(upstream_test_libs)
tests_unit_test_upstream_http_check_SOURCES = tests/unit/test_upstream_http_check.c
tests_unit_test_upstream_http_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_upstream_http_check_LDADD = $(upstream_test_libs)
