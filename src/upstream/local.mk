noinst_LIBRARIES += src/upstream/libupstream.a
src_upstream_libupstream_a_SOURCES = \
	src/upstream/http_check.c src/upstream/http_check.h \
	src/upstream/probe.c src/upstream/probe.h \
	src/upstream/upstream.c src/upstream/upstream.h
