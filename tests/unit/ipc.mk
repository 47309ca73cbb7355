check_PROGRAMS += \
	tests/unit/test_ipc_board \
	tests/unit/test_ipc_board_move \
	tests/unit/test_ipc_bundle \
	tests/unit/test_ipc_control \
	tests/unit/test_ipc_msg

ipc_test_libs = src/ipc/libipc.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_ipc_board_SOURCES = tests/unit/test_ipc_board.c
tests_unit_test_ipc_board_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ipc_board_LDADD = $(ipc_test_libs)
tests_unit_test_ipc_board_move_SOURCES = tests/unit/test_ipc_board_move.c
tests_unit_test_ipc_board_move_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ipc_board_move_LDADD = $(ipc_test_libs)
tests_unit_test_ipc_bundle_SOURCES = tests/unit/test_ipc_bundle.c
tests_unit_test_ipc_bundle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ipc_bundle_LDADD = $(ipc_test_libs)
tests_unit_test_ipc_control_SOURCES = tests/unit/test_ipc_control.c
tests_unit_test_ipc_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ipc_control_LDADD = $(ipc_test_libs)
tests_unit_test_ipc_msg_SOURCES = tests/unit/test_ipc_msg.c
tests_unit_test_ipc_msg_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ipc_msg_LDADD = $(ipc_test_libs)
