noinst_LIBRARIES += src/balance/libbalance.a
src_balance_libbalance_a_SOURCES = \
	src/balance/bounded.c \
	src/balance/breaker.c src/balance/breaker.h \
	src/balance/budget.c src/balance/budget.h \
	src/balance/first.c \
	src/balance/health.c src/balance/health.h \
	src/balance/leastconn.c \
	src/balance/pool.c src/balance/pool.h \
	src/balance/pool_inside.h \
	src/balance/queue.c src/balance/queue.h \
	src/balance/random.c \
	src/balance/rendezvous.c src/balance/rendezvous.h \
	src/balance/roundrobin.c \
	src/balance/server.c src/balance/server.h \
	src/balance/source.c
