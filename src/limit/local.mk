noinst_LIBRARIES += src/limit/liblimit.a
src_limit_liblimit_a_SOURCES = \
	src/limit/command.c src/limit/command.h \
	src/limit/exempt.c src/limit/exempt.h \
	src/limit/gcra.h \
	src/limit/key.c src/limit/key.h \
	src/limit/limit.c src/limit/limit.h \
	src/limit/table.c src/limit/table.h
