noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_SOURCES = \
	src/http/fields.def \
	src/http/h1_chunk.h \
	src/http/h1_parse.h \
	src/http/h1_write.h \
	src/http/message.h
