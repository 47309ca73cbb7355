noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/addr.c src/base/addr.h \
	src/base/arena.c src/base/arena.h \
	src/base/assert.c src/base/assert.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/files.c src/base/files.h \
	src/base/hash.c src/base/hash.h \
	src/base/iovq.c src/base/iovq.h \
	src/base/latency.c src/base/latency.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/reason.c src/base/reason.def src/base/reason.h \
	src/base/stats.def src/base/stats.h \
	src/base/str.c src/base/str.h \
	src/base/trace.c src/base/trace.h
