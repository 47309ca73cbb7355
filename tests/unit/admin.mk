check_PROGRAMS += \
	tests/unit/test_admin_follow \
	tests/unit/test_admin_hpcbalctl \
	tests/unit/test_admin_limits \
	tests/unit/test_admin_metrics \
	tests/unit/test_admin_sessions \
	tests/unit/test_admin_snapshot \
	tests/unit/test_admin_vrrp

admin_test_libs = src/admin/libadmin.a src/ipc/libipc.a src/base/libbase.a $(JANSSON_LIBS) \
	$(CHECK_LIBS)
admin_test_boards = tests/unit/admin_boards.c tests/unit/admin_boards.h

tests_unit_test_admin_follow_SOURCES = tests/unit/test_admin_follow.c
tests_unit_test_admin_follow_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_follow_LDADD = $(admin_test_libs)
# Runs ./hpcbalctl.
tests_unit_test_admin_hpcbalctl_SOURCES = tests/unit/test_admin_hpcbalctl.c
tests_unit_test_admin_hpcbalctl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_hpcbalctl_LDADD = $(admin_test_libs)
tests_unit_test_admin_limits_SOURCES = tests/unit/test_admin_limits.c $(admin_test_boards)
tests_unit_test_admin_limits_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_limits_LDADD = $(admin_test_libs)
tests_unit_test_admin_metrics_SOURCES = tests/unit/test_admin_metrics.c $(admin_test_boards)
tests_unit_test_admin_metrics_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_metrics_LDADD = $(admin_test_libs)
tests_unit_test_admin_sessions_SOURCES = tests/unit/test_admin_sessions.c
tests_unit_test_admin_sessions_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_sessions_LDADD = $(admin_test_libs)
tests_unit_test_admin_snapshot_SOURCES = tests/unit/test_admin_snapshot.c $(admin_test_boards)
tests_unit_test_admin_snapshot_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_snapshot_LDADD = $(admin_test_libs)
tests_unit_test_admin_vrrp_SOURCES = tests/unit/test_admin_vrrp.c $(admin_test_boards)
tests_unit_test_admin_vrrp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_vrrp_LDADD = $(admin_test_libs)
