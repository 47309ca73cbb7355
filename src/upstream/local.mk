noinst_LIBRARIES += src/upstream/libupstream.a
src_upstream_libupstream_a_SOURCES = \
	src/upstream/probe.c src/upstream/probe.h \
	src/upstream/upstream.c src/upstream/upstream.h
