noinst_LIBRARIES += src/proxy/libproxy.a
src_proxy_libproxy_a_SOURCES = \
	src/proxy/accesslog.h \
	src/proxy/health.h \
	src/proxy/logger.h \
	src/proxy/proxy.h
