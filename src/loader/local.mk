noinst_LIBRARIES += src/loader/libloader.a
src_loader_libloader_a_SOURCES = \
	src/loader/certificates.c src/loader/certificates.h \
	src/loader/checks.c src/loader/checks.h \
	src/loader/file.c src/loader/file.h \
	src/loader/flatten.c src/loader/flatten.h \
	src/loader/hosts.c src/loader/hosts.h \
	src/loader/loader.c src/loader/loader.h \
	src/loader/program.c src/loader/program.h \
	src/loader/programs.c src/loader/programs.h \
	src/loader/read.c \
	src/loader/resolve.c src/loader/resolve.h \
	src/loader/routers.c src/loader/routers.h
