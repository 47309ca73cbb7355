noinst_LIBRARIES += src/web/libweb.a
src_web_libweb_a_SOURCES = \
	src/web/client.c src/web/client.h \
	src/web/documents.c src/web/documents.h \
	src/web/process.c src/web/web.h \
	src/web/reply.c src/web/reply.h \
	src/web/server.c src/web/server.h
