check_PROGRAMS += \
	tests/unit/test_net_certificate \
	tests/unit/test_net_conn \
	tests/unit/test_net_conn_peer \
	tests/unit/test_net_loop \
	tests/unit/test_net_proxy_header \
	tests/unit/test_net_timers \
	tests/unit/test_net_tls

net_test_libs = src/net/libnet.a src/base/libbase.a $(EVENT_LIBS) $(CHECK_LIBS)

tests_unit_test_net_conn_SOURCES = tests/unit/test_net_conn.c tests/unit/arrives.h
tests_unit_test_net_conn_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_conn_LDADD = $(net_test_libs)
tests_unit_test_net_conn_peer_SOURCES = tests/unit/test_net_conn_peer.c tests/unit/arrives.h
tests_unit_test_net_conn_peer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_conn_peer_LDADD = $(net_test_libs)
tests_unit_test_net_loop_SOURCES = tests/unit/test_net_loop.c
tests_unit_test_net_loop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_loop_LDADD = $(net_test_libs)
tests_unit_test_net_proxy_header_SOURCES = tests/unit/test_net_proxy_header.c
tests_unit_test_net_proxy_header_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_proxy_header_LDADD = $(net_test_libs)
tests_unit_test_net_timers_SOURCES = tests/unit/test_net_timers.c
tests_unit_test_net_timers_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_timers_LDADD = $(net_test_libs)

net_tls_test_libs = src/net/libnet.a src/base/libbase.a $(OPENSSL_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)
tests_unit_test_net_certificate_SOURCES = tests/unit/test_net_certificate.c tests/unit/pki_rig.h
tests_unit_test_net_certificate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_certificate_LDADD = $(net_tls_test_libs)
tests_unit_test_net_tls_SOURCES = tests/unit/test_net_tls.c tests/unit/pki_rig.h
tests_unit_test_net_tls_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_net_tls_LDADD = $(net_tls_test_libs)
