check_PROGRAMS += \
	tests/unit/test_web_documents \
	tests/unit/test_web_server

web_test_libs = src/web/libweb.a src/admin/libadmin.a src/net/libnet.a src/http/libhttp.a \
	src/ipc/libipc.a src/base/libbase.a $(JANSSON_LIBS) $(EVENT_LIBS) $(OPENSSL_LIBS) \
	$(CHECK_LIBS)

tests_unit_test_web_documents_SOURCES = tests/unit/test_web_documents.c \
	tests/unit/admin_boards.c tests/unit/admin_boards.h
tests_unit_test_web_documents_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_web_documents_LDADD = $(web_test_libs)
tests_unit_test_web_server_SOURCES = tests/unit/test_web_server.c \
	tests/unit/admin_boards.c tests/unit/admin_boards.h
tests_unit_test_web_server_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_web_server_LDADD = $(web_test_libs)
