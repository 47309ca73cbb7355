noinst_LIBRARIES += src/balance/libbalance.a
src_balance_libbalance_a_SOURCES = \
	src/balance/health.h \
	src/balance/pool.h \
	src/balance/server.h
