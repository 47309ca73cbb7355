check_PROGRAMS += \
	tests/unit/test_runner \
	tests/unit/test_runner_checks \
	tests/unit/test_runner_parts

runner_test_libs = src/runner/librunner.a src/ipc/libipc.a src/net/libnet.a src/base/libbase.a \
	$(CHECK_LIBS) $(EVENT_LIBS)

tests_unit_test_runner_SOURCES = tests/unit/test_runner.c tests/unit/runner_rig.h
tests_unit_test_runner_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_runner_LDADD = $(runner_test_libs)
tests_unit_test_runner_checks_SOURCES = tests/unit/test_runner_checks.c tests/unit/runner_rig.h
tests_unit_test_runner_checks_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_runner_checks_LDADD = $(runner_test_libs)
tests_unit_test_runner_parts_SOURCES = tests/unit/test_runner_parts.c
tests_unit_test_runner_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_runner_parts_LDADD = $(runner_test_libs)
