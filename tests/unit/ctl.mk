check_PROGRAMS += \
	tests/unit/test_ctl_top

tests_unit_test_ctl_top_SOURCES = tests/unit/test_ctl_top.c $(admin_test_boards)
tests_unit_test_ctl_top_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_top_LDADD = src/ctl/libctl.a $(admin_test_libs)
