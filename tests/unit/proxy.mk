check_PROGRAMS += \
	tests/unit/test_proxy_accesslog \
	tests/unit/test_proxy_external \
	tests/unit/test_proxy_forward \
	tests/unit/test_proxy_health \
	tests/unit/test_proxy_linger \
	tests/unit/test_proxy_logger \
	tests/unit/test_proxy_pace \
	tests/unit/test_proxy_roster

proxy_test_libs = src/proxy/libproxy.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_proxy_accesslog_SOURCES = tests/unit/test_proxy_accesslog.c
tests_unit_test_proxy_accesslog_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_accesslog_LDADD = $(proxy_test_libs)
tests_unit_test_proxy_linger_SOURCES = tests/unit/test_proxy_linger.c
tests_unit_test_proxy_linger_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_linger_LDADD = $(proxy_test_libs)
tests_unit_test_proxy_logger_SOURCES = tests/unit/test_proxy_logger.c
tests_unit_test_proxy_logger_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_logger_LDADD = $(proxy_test_libs)
tests_unit_test_proxy_health_SOURCES = tests/unit/test_proxy_health.c
tests_unit_test_proxy_health_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_health_LDADD = src/proxy/libproxy.a src/upstream/libupstream.a \
	src/balance/libbalance.a src/net/libnet.a src/http/libhttp.a src/ipc/libipc.a \
	src/base/libbase.a $(EVENT_LIBS) $(OPENSSL_LIBS) $(NGHTTP2_LIBS) $(CHECK_LIBS)
tests_unit_test_proxy_external_SOURCES = tests/unit/test_proxy_external.c
tests_unit_test_proxy_external_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_external_LDADD = src/proxy/libproxy.a src/net/libnet.a \
	src/base/libbase.a $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_test_proxy_forward_SOURCES = tests/unit/test_proxy_forward.c
tests_unit_test_proxy_forward_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_forward_LDADD = src/proxy/libproxy.a src/net/libnet.a \
	src/http/libhttp.a src/base/libbase.a $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_test_proxy_pace_SOURCES = tests/unit/test_proxy_pace.c
tests_unit_test_proxy_pace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_pace_LDADD = $(proxy_test_libs)
tests_unit_test_proxy_roster_SOURCES = tests/unit/test_proxy_roster.c
tests_unit_test_proxy_roster_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_roster_LDADD = src/proxy/libproxy.a src/upstream/libupstream.a \
	src/limit/liblimit.a src/balance/libbalance.a src/route/libroute.a src/http/libhttp.a \
	src/net/libnet.a src/conf/libconf.a src/ipc/libipc.a src/base/libbase.a $(CONFIG_LIBS) $(EVENT_LIBS) \
	$(PCRE2_LIBS) $(OPENSSL_LIBS) $(NGHTTP2_LIBS) $(CHECK_LIBS)
