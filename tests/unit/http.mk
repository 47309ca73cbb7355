check_PROGRAMS += \
	tests/unit/test_http_accept \
	tests/unit/test_http_chunk \
	tests/unit/test_http_cookies \
	tests/unit/test_http_edits \
	tests/unit/test_http_h2 \
	tests/unit/test_http_h2_origin \
	tests/unit/test_http_hops \
	tests/unit/test_http_message \
	tests/unit/test_http_named \
	tests/unit/test_http_page \
	tests/unit/test_http_path \
	tests/unit/test_http_prefix \
	tests/unit/test_http_request \
	tests/unit/test_http_request_fields \
	tests/unit/test_http_request_id \
	tests/unit/test_http_response \
	tests/unit/test_http_write \
	tests/unit/test_http_ws_frames

http_test_libs = src/http/libhttp.a src/base/libbase.a $(CHECK_LIBS)

tests_unit_test_http_accept_SOURCES = tests/unit/test_http_accept.c tests/unit/http_testing.h
tests_unit_test_http_accept_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_accept_LDADD = $(http_test_libs)

tests_unit_test_http_chunk_SOURCES = tests/unit/test_http_chunk.c tests/unit/http_testing.h
tests_unit_test_http_chunk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_chunk_LDADD = $(http_test_libs)

tests_unit_test_http_cookies_SOURCES = tests/unit/test_http_cookies.c tests/unit/http_testing.h
tests_unit_test_http_cookies_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_cookies_LDADD = $(http_test_libs)

tests_unit_test_http_edits_SOURCES = tests/unit/test_http_edits.c tests/unit/http_testing.h
tests_unit_test_http_edits_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_edits_LDADD = $(http_test_libs)

tests_unit_test_http_h2_SOURCES = tests/unit/test_http_h2.c tests/unit/http_testing.h
tests_unit_test_http_h2_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_h2_LDADD = $(http_test_libs) $(NGHTTP2_LIBS)

tests_unit_test_http_h2_origin_SOURCES = tests/unit/test_http_h2_origin.c \
	tests/unit/http_testing.h
tests_unit_test_http_h2_origin_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_h2_origin_LDADD = $(http_test_libs) $(NGHTTP2_LIBS)

tests_unit_test_http_hops_SOURCES = tests/unit/test_http_hops.c tests/unit/http_testing.h
tests_unit_test_http_hops_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_hops_LDADD = $(http_test_libs)

tests_unit_test_http_message_SOURCES = tests/unit/test_http_message.c tests/unit/http_testing.h
tests_unit_test_http_message_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_message_LDADD = $(http_test_libs)

tests_unit_test_http_named_SOURCES = tests/unit/test_http_named.c tests/unit/http_testing.h
tests_unit_test_http_named_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_named_LDADD = $(http_test_libs)

tests_unit_test_http_page_SOURCES = tests/unit/test_http_page.c tests/unit/http_testing.h
tests_unit_test_http_page_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_page_LDADD = $(http_test_libs)

tests_unit_test_http_path_SOURCES = tests/unit/test_http_path.c tests/unit/http_testing.h
tests_unit_test_http_path_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_path_LDADD = $(http_test_libs)

tests_unit_test_http_prefix_SOURCES = tests/unit/test_http_prefix.c tests/unit/http_testing.h
tests_unit_test_http_prefix_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_prefix_LDADD = $(http_test_libs)

tests_unit_test_http_request_SOURCES = tests/unit/test_http_request.c tests/unit/http_testing.h
tests_unit_test_http_request_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_request_LDADD = $(http_test_libs)

tests_unit_test_http_request_fields_SOURCES = tests/unit/test_http_request_fields.c \
	tests/unit/http_testing.h
tests_unit_test_http_request_fields_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_request_fields_LDADD = $(http_test_libs)

tests_unit_test_http_request_id_SOURCES = tests/unit/test_http_request_id.c \
	tests/unit/http_testing.h
tests_unit_test_http_request_id_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_request_id_LDADD = $(http_test_libs)

tests_unit_test_http_response_SOURCES = tests/unit/test_http_response.c tests/unit/http_testing.h
tests_unit_test_http_response_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_response_LDADD = $(http_test_libs)

tests_unit_test_http_write_SOURCES = tests/unit/test_http_write.c tests/unit/http_testing.h
tests_unit_test_http_write_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_write_LDADD = $(http_test_libs)

tests_unit_test_http_ws_frames_SOURCES = tests/unit/test_http_ws_frames.c
tests_unit_test_http_ws_frames_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_ws_frames_LDADD = $(http_test_libs)
