check_PROGRAMS += \
	tests/unit/test_limit_command \
	tests/unit/test_limit_table \
	tests/unit/test_limit_threads

limit_test_libs = src/limit/liblimit.a src/ipc/libipc.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_limit_command_SOURCES = tests/unit/test_limit_command.c tests/unit/limit_rig.h
tests_unit_test_limit_command_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_limit_command_LDADD = $(limit_test_libs)
tests_unit_test_limit_table_SOURCES = tests/unit/test_limit_table.c tests/unit/limit_rig.h
tests_unit_test_limit_table_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_limit_table_LDADD = $(limit_test_libs)
tests_unit_test_limit_threads_SOURCES = tests/unit/test_limit_threads.c tests/unit/limit_rig.h
tests_unit_test_limit_threads_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_limit_threads_LDADD = $(limit_test_libs)
