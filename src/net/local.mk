noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/conn.c src/net/conn.h \
	src/net/digest.c src/net/digest.h \
	src/net/loop.c src/net/loop.h \
	src/net/proxy_header.c src/net/proxy_header.h
