noinst_LIBRARIES += src/web/libweb.a
src_web_libweb_a_SOURCES = \
	src/web/client.c src/web/client.h \
	src/web/documents.c src/web/documents.h \
	src/web/page.c src/web/page.h \
	src/web/process.c src/web/web.h \
	src/web/reply.c src/web/reply.h \
	src/web/server.c src/web/server.h

# It is taken into the program as it is.
EXTRA_DIST += src/web/page.html
AM_CPPFLAGS += -DHPCBAL_PAGE=\"$(top_srcdir)/src/web/page.html\"
src/web/page.$(OBJEXT): $(top_srcdir)/src/web/page.html
