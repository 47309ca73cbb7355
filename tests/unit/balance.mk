check_PROGRAMS += \
	tests/unit/test_balance_breaker \
	tests/unit/test_balance_health \
	tests/unit/test_balance_keys \
	tests/unit/test_balance_pool \
	tests/unit/test_balance_queue \
	tests/unit/test_balance_retries

balance_test_libs = src/balance/libbalance.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_balance_health_SOURCES = tests/unit/test_balance_health.c
tests_unit_test_balance_health_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_balance_health_LDADD = $(balance_test_libs)
tests_unit_test_balance_keys_SOURCES = tests/unit/test_balance_keys.c
tests_unit_test_balance_keys_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_balance_keys_LDADD = $(balance_test_libs)
tests_unit_test_balance_pool_SOURCES = tests/unit/test_balance_pool.c
tests_unit_test_balance_pool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_balance_pool_LDADD = $(balance_test_libs)
tests_unit_test_balance_retries_SOURCES = tests/unit/test_balance_retries.c
tests_unit_test_balance_retries_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_balance_retries_LDADD = $(balance_test_libs)
tests_unit_test_balance_breaker_SOURCES = tests/unit/test_balance_breaker.c
tests_unit_test_balance_breaker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_balance_breaker_LDADD = $(balance_test_libs)
tests_unit_test_balance_queue_SOURCES = tests/unit/test_balance_queue.c
tests_unit_test_balance_queue_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_balance_queue_LDADD = $(balance_test_libs)
