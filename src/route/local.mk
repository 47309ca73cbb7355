noinst_LIBRARIES += src/route/libroute.a
src_route_libroute_a_SOURCES = \
	src/route/route.h
