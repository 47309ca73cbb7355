noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/certificate.c src/net/certificate.h src/net/certificate_parts.h \
	src/net/conn.c src/net/conn.h \
	src/net/digest.c src/net/digest.h \
	src/net/loop.c src/net/loop.h \
	src/net/proxy_header.c src/net/proxy_header.h \
	src/net/tls.c src/net/tls.h \
	src/net/tls_client.c src/net/tls_client.h \
	src/net/tls_options.c src/net/tls_options.h \
	src/net/tls_server.c src/net/tls_server.h \
	src/net/tls_tickets.c src/net/tls_tickets.h
