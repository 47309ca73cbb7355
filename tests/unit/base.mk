check_PROGRAMS += \
	tests/unit/test_base_addr \
	tests/unit/test_base_files \
	tests/unit/test_base_log \
	tests/unit/test_base_memory \
	tests/unit/test_base_stats \
	tests/unit/test_base_str

base_test_libs = src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_base_addr_SOURCES = tests/unit/test_base_addr.c
tests_unit_test_base_addr_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_addr_LDADD = $(base_test_libs)
tests_unit_test_base_files_SOURCES = tests/unit/test_base_files.c
tests_unit_test_base_files_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_files_LDADD = $(base_test_libs)
tests_unit_test_base_log_SOURCES = tests/unit/test_base_log.c
tests_unit_test_base_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_log_LDADD = $(base_test_libs)
tests_unit_test_base_memory_SOURCES = tests/unit/test_base_memory.c
tests_unit_test_base_memory_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_memory_LDADD = $(base_test_libs)
tests_unit_test_base_stats_SOURCES = tests/unit/test_base_stats.c
tests_unit_test_base_stats_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_stats_LDADD = $(base_test_libs)
tests_unit_test_base_str_SOURCES = tests/unit/test_base_str.c
tests_unit_test_base_str_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_str_LDADD = $(base_test_libs)
