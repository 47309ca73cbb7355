/* What comes before all else on a connection: the PROXY header of a proxy in front. */
#include "proxy/limiter.h"

/* Nobody is served: the header was all that had come. */
static enum step_result wait_for_request(struct exchange *x)
{
	x->keep_alive = true;
	return STEP_OVER;
}

static enum step_result header_whole(struct exchange *x, const struct proxy_header *h)
{
	struct session *s = x->session;
	enum reason why;

	s->in->at += h->size;
	if (!session_take_header(s, h))
		return exchange_end(x, REASON_NO_MEMORY);
	if (session_is_to_secure(s)) /* and is judged by that */
		return wait_for_request(x);
	if (s->frontend->n_holds && !limiter_admit(s, &why))
		return exchange_turn_away(x, why);
	x->limited = s->limited;
	if (exchange_is_tcp(x))
		return exchange_go(x, EXCHANGE_ROUTE);
	if (s->in->at == s->in->end)
		return wait_for_request(x);
	exchange_begin_head(x);
	return STEP_GO;
}

/* A check of the proxy in front that only connects makes no noise. */
static enum step_result client_gone(struct exchange *x)
{
	struct session *s = x->session;

	if (s->in->end > 0)
		return exchange_end(x, REASON_PROXY_ABORT);
	conn_close(&s->conn);
	return STEP_OVER;
}

enum step_result step_proxy_header(struct exchange *x)
{
	struct session *s = x->session;
	struct proxy_header header;
	enum reason why;
	size_t n;

	if (!s->in)
		s->in = buf_get(&s->worker->buffers);
	if (!s->in)
		return exchange_end(x, REASON_NO_MEMORY);
	for (;;) {
		switch (proxy_header_parse(buf_unread(s->in), &header, &why)) {
		case PROXY_OK:
			return header_whole(x, &header);
		case PROXY_BAD:
			return exchange_end(x, why);
		case PROXY_MORE:
			break;
		}
		conn_ask_again(&s->conn);
		switch (conn_recv(&s->conn, s->in->bytes + s->in->end, buf_room(s->in), &n)) {
		case CONN_OK:
			s->in->end += n;
			break;
		case CONN_AGAIN:
			if (s->in->end == 0)
				buf_put(&s->worker->buffers, &s->in);
			return exchange_await(x, WAIT_PROXY_HEADER);
		case CONN_EOF:
		case CONN_FAIL:
			return client_gone(x);
		}
	}
}
