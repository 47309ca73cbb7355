noinst_LIBRARIES += src/proxy/libproxy.a
src_proxy_libproxy_a_SOURCES = \
	src/proxy/accesslog.c src/proxy/accesslog.h \
	src/proxy/health.h \
	src/proxy/logger.c src/proxy/logger.h \
	src/proxy/logring.c src/proxy/logring.h \
	src/proxy/logtarget.c src/proxy/logtarget.h \
	src/proxy/logtext.c src/proxy/logtext.h \
	src/proxy/proxy.h
