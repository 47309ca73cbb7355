check_PROGRAMS += \
	tests/unit/test_vrrp_packet

vrrp_test_libs = src/vrrp/libvrrp.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_vrrp_packet_SOURCES = tests/unit/test_vrrp_packet.c
tests_unit_test_vrrp_packet_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_vrrp_packet_LDADD = $(vrrp_test_libs)
