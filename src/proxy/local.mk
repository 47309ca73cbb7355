noinst_LIBRARIES += src/proxy/libproxy.a
src_proxy_libproxy_a_SOURCES = \
	src/proxy/accesslog.c src/proxy/accesslog.h \
	src/proxy/acceptor.c src/proxy/acceptor.h \
	src/proxy/affinity.c src/proxy/affinity.h \
	src/proxy/answer.c \
	src/proxy/circuit.c src/proxy/circuit.h \
	src/proxy/exchange.c src/proxy/exchange.h \
	src/proxy/exchange_accept.c \
	src/proxy/exchange_balance.c \
	src/proxy/exchange_body.h \
	src/proxy/exchange_request.c \
	src/proxy/exchange_response.c \
	src/proxy/exchange_steps.def src/proxy/exchange_waits.def \
	src/proxy/explain.c src/proxy/explain.h \
	src/proxy/external.c src/proxy/external.h \
	src/proxy/forward.c src/proxy/forward.h \
	src/proxy/generation.c src/proxy/generation.h \
	src/proxy/h2_client.c src/proxy/h2_client.h \
	src/proxy/h2_client_parts.h src/proxy/h2_client_streams.c \
	src/proxy/limiter.c src/proxy/limiter.h \
	src/proxy/health.c src/proxy/health.h \
	src/proxy/logger.c src/proxy/logger.h \
	src/proxy/logring.c src/proxy/logring.h \
	src/proxy/logtarget.c src/proxy/logtarget.h \
	src/proxy/logtext.c src/proxy/logtext.h \
	src/proxy/linger.c src/proxy/linger.h \
	src/proxy/operate.c src/proxy/operate.h \
	src/proxy/pace.c src/proxy/pace.h \
	src/proxy/prefix.c src/proxy/prefix.h \
	src/proxy/proxy.c src/proxy/proxy.h \
	src/proxy/record.c \
	src/proxy/roster.c src/proxy/roster.h \
	src/proxy/session.c src/proxy/session.h \
	src/proxy/split.c src/proxy/split.h \
	src/proxy/tunnel.c \
	src/proxy/walk.c src/proxy/walk.h \
	src/proxy/worker.c src/proxy/worker.h \
	src/proxy/worker_thread.c src/proxy/worker_thread.h
