check_PROGRAMS += \
	tests/unit/test_proxy_accesslog \
	tests/unit/test_proxy_logger

proxy_test_libs = src/proxy/libproxy.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_proxy_accesslog_SOURCES = tests/unit/test_proxy_accesslog.c
tests_unit_test_proxy_accesslog_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_accesslog_LDADD = $(proxy_test_libs)
tests_unit_test_proxy_logger_SOURCES = tests/unit/test_proxy_logger.c
tests_unit_test_proxy_logger_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_logger_LDADD = $(proxy_test_libs)
