check_PROGRAMS += \
	tests/unit/test_supervisor_children \
	tests/unit/test_supervisor_daemon \
	tests/unit/test_supervisor_filewatch \
	tests/unit/test_supervisor_parts \
	tests/unit/test_supervisor_reload \
	tests/unit/test_supervisor_rights

supervisor_test_libs = src/supervisor/libsupervisor.a src/ipc/libipc.a src/net/libnet.a \
	src/base/libbase.a $(CHECK_LIBS) $(EVENT_LIBS) $(OPENSSL_LIBS) $(CAPNG_LIBS) \
	$(SECCOMP_LIBS)

supervisor_test_daemon = tests/unit/daemon_fixture.c tests/unit/daemon_fixture.h \
	tests/unit/fake_child.c tests/unit/fake_child.h tests/unit/fake_loader.c

tests_unit_test_supervisor_children_SOURCES = tests/unit/test_supervisor_children.c \
	$(supervisor_test_daemon)
tests_unit_test_supervisor_children_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_children_LDADD = $(supervisor_test_libs)

tests_unit_test_supervisor_daemon_SOURCES = tests/unit/test_supervisor_daemon.c \
	$(supervisor_test_daemon)
tests_unit_test_supervisor_daemon_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_daemon_LDADD = $(supervisor_test_libs)
tests_unit_test_supervisor_parts_SOURCES = tests/unit/test_supervisor_parts.c
tests_unit_test_supervisor_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_parts_LDADD = $(supervisor_test_libs)
tests_unit_test_supervisor_reload_SOURCES = tests/unit/test_supervisor_reload.c \
	$(supervisor_test_daemon)
tests_unit_test_supervisor_reload_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_reload_LDADD = $(supervisor_test_libs)
tests_unit_test_supervisor_rights_SOURCES = tests/unit/test_supervisor_rights.c
tests_unit_test_supervisor_rights_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_rights_LDADD = $(supervisor_test_libs)
tests_unit_test_supervisor_filewatch_SOURCES = tests/unit/test_supervisor_filewatch.c
tests_unit_test_supervisor_filewatch_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_supervisor_filewatch_LDADD = $(supervisor_test_libs)
