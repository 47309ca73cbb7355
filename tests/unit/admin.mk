check_PROGRAMS += \
	tests/unit/test_admin_hpcbalctl \
	tests/unit/test_admin_snapshot

admin_test_libs = src/admin/libadmin.a src/ipc/libipc.a src/base/libbase.a $(JANSSON_LIBS) \
	$(CHECK_LIBS)

# Runs ./hpcbalctl.
tests_unit_test_admin_hpcbalctl_SOURCES = tests/unit/test_admin_hpcbalctl.c
tests_unit_test_admin_hpcbalctl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_hpcbalctl_LDADD = $(admin_test_libs)
tests_unit_test_admin_snapshot_SOURCES = tests/unit/test_admin_snapshot.c
tests_unit_test_admin_snapshot_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_admin_snapshot_LDADD = $(admin_test_libs)
