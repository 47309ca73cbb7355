check_PROGRAMS += \
	tests/unit/test_vrrp_fsm \
	tests/unit/test_vrrp_packet \
	tests/unit/test_vrrp_packet_build \
	tests/unit/test_vrrp_service \
	tests/unit/test_vrrp_sim \
	tests/unit/test_vrrp_times

vrrp_test_libs = src/vrrp/libvrrp.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_vrrp_fsm_SOURCES = tests/unit/test_vrrp_fsm.c tests/unit/vrrp_rig.h
tests_unit_test_vrrp_fsm_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_fsm_LDADD = $(vrrp_test_libs)
tests_unit_test_vrrp_packet_SOURCES = tests/unit/test_vrrp_packet.c \
	tests/unit/vrrp_packet_testing.h
tests_unit_test_vrrp_packet_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_packet_LDADD = $(vrrp_test_libs)
tests_unit_test_vrrp_packet_build_SOURCES = tests/unit/test_vrrp_packet_build.c \
	tests/unit/vrrp_packet_testing.h
tests_unit_test_vrrp_packet_build_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_packet_build_LDADD = $(vrrp_test_libs)
tests_unit_test_vrrp_service_SOURCES = tests/unit/test_vrrp_service.c tests/unit/vrrp_rig.h
tests_unit_test_vrrp_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_service_LDADD = $(vrrp_test_libs)
tests_unit_test_vrrp_sim_SOURCES = tests/unit/test_vrrp_sim.c tests/unit/vrrp_sim.h
tests_unit_test_vrrp_sim_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_sim_LDADD = $(vrrp_test_libs)
tests_unit_test_vrrp_times_SOURCES = tests/unit/test_vrrp_times.c
tests_unit_test_vrrp_times_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_times_LDADD = $(vrrp_test_libs)

# The shells, against the real kernel.
check_PROGRAMS += \
	tests/unit/test_vrrp_addresses \
	tests/unit/test_vrrp_neighbour \
	tests/unit/test_vrrp_process \
	tests/unit/test_vrrp_shells \
	tests/unit/test_vrrp_trouble

vrrp_shell_libs = $(vrrp_test_libs) $(NETLINK_LIBS)
vrrp_shell_lan = tests/unit/netns_lan.c tests/unit/netns_lan.h

tests_unit_test_vrrp_addresses_SOURCES = tests/unit/test_vrrp_addresses.c $(vrrp_shell_lan)
tests_unit_test_vrrp_addresses_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_addresses_LDADD = $(vrrp_shell_libs)
tests_unit_test_vrrp_neighbour_SOURCES = tests/unit/test_vrrp_neighbour.c
tests_unit_test_vrrp_neighbour_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_neighbour_LDADD = $(vrrp_test_libs)
tests_unit_test_vrrp_shells_SOURCES = tests/unit/test_vrrp_shells.c $(vrrp_shell_lan)
tests_unit_test_vrrp_shells_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_shells_LDADD = $(vrrp_shell_libs)

# The whole process, and so the loop that it runs in.
vrrp_node_libs = src/vrrp/libvrrp.a src/net/libnet.a src/ipc/libipc.a src/base/libbase.a \
	$(CHECK_LIBS) $(NETLINK_LIBS) $(EVENT_LIBS) $(OPENSSL_LIBS)
vrrp_node = tests/unit/vrrp_node.c tests/unit/vrrp_node.h $(vrrp_shell_lan)

tests_unit_test_vrrp_process_SOURCES = tests/unit/test_vrrp_process.c $(vrrp_node)
tests_unit_test_vrrp_process_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_process_LDADD = $(vrrp_node_libs)
tests_unit_test_vrrp_trouble_SOURCES = tests/unit/test_vrrp_trouble.c $(vrrp_node)
tests_unit_test_vrrp_trouble_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_trouble_LDADD = $(vrrp_node_libs)
