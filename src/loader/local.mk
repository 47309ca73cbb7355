noinst_LIBRARIES += src/loader/libloader.a
src_loader_libloader_a_SOURCES = \
	src/loader/loader.h
