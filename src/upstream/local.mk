noinst_LIBRARIES += src/upstream/libupstream.a
src_upstream_libupstream_a_SOURCES = \
	src/upstream/h2_line.c src/upstream/h2_trunk.c \
	src/upstream/h2_trunk.h src/upstream/h2_trunk_parts.h \
	src/upstream/http_check.c src/upstream/http_check.h \
	src/upstream/probe.c src/upstream/probe.h \
	src/upstream/upstream.c src/upstream/upstream.h \
	src/upstream/upstream_h2.c src/upstream/upstream_parts.h
