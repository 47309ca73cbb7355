/* What remains of an exchange: its counts and its line in the access log. */
#include <inttypes.h>

#include "base/log.h"
#include "proxy/accesslog.h"
#include "proxy/exchange.h"

/* What a reason says of a limit; a limit of 0: nothing. */
struct over {
	uint64_t limit, size;
	const char *unit, *setting;
};

static struct over over_of(const struct exchange *x)
{
	const struct flow *body = &x->to_server;
	bool told = x->head_whole && x->req.framing == FRAMING_LENGTH;

	switch (x->reason) {
	case REASON_REQ_LINE_TOO_LONG:
	case REASON_REQ_HEAD_TOO_LARGE:
		return (struct over){ x->parser.limit, x->parser.size, "bytes",
				      " (max_header_size)" };
	case REASON_REQ_TOO_MANY_FIELDS:
		return (struct over){ x->parser.limit, x->parser.size, "fields",
				      " (max_headers)" };
	case REASON_REQ_CONNECTION:
	case REASON_RES_CONNECTION:
		return (struct over){ x->parser.limit, x->parser.size, "options", "" };
	case REASON_REQ_TRAILER_TOO_LARGE:
		return (struct over){ body->chunks.max_trailer, body->chunks.trailer_size,
				      "bytes", " (max_header_size)" };
	case REASON_REQ_TRAILER_TOO_MANY:
		return (struct over){ body->chunks.max_trailer_fields,
				      body->chunks.trailer_fields, "fields",
				      " (max_headers)" };
	case REASON_REQ_BODY_TOO_LARGE:
		return (struct over){ x->frontend->conf->max_body_size,
				      told ? x->req.content_length : body->body,
				      "bytes", " (max_body_size)" };
	case REASON_RES_TOO_MANY_INTERIM:
		return (struct over){ x->parser.limit, x->parser.size, "responses", "" };
	case REASON_RES_HEAD_TOO_LARGE:
		return (struct over){ x->parser.limit, x->parser.size, "bytes", "" };
	case REASON_RES_TOO_MANY_FIELDS:
		return (struct over){ x->parser.limit, x->parser.size, "fields", "" };
	default:
		return (struct over){ 0, 0, NULL, NULL };
	}
}

/* Once a minute, and in words, since the formats that others made have no place for it. */
static void tell_over(struct exchange *x, const struct over *over)
{
	struct session *s = x->session;
	struct str backend = x->backend ? x->backend->conf->name : STR_NONE;

	if (!worker_may_tell(s->worker, &s->worker->shared->over_told_at))
		return;
	log_notice("frontend %.*s, client %s%s%.*s%s%.*s: %s: %" PRIu64 " %s came, the limit is "
		   "%" PRIu64 "%s",
		   STR_ARGS(x->frontend->conf->name), s->peer_host, backend.n ? ", server " : "",
		   STR_ARGS(backend), backend.n ? "/" : "", STR_ARGS(x->server_name),
		   reason_text(x->reason), over->size, over->unit, over->limit, over->setting);
}

/* `by` are the counters of each class; by[0] takes what is of no class. */
static void count_code(unsigned status, _Atomic uint64_t *const by[6])
{
	unsigned class = status / 100;

	stats_add(*by[class < 6 ? class : 0], 1);
}

/* µs between two stages, -1 when one was not reached. */
static int64_t between(uint64_t from, uint64_t to)
{
	return from && to ? (int64_t)(to - from) : -1;
}

static struct str field_value(const struct exchange *x, enum http_field_id id)
{
	const struct http_field *f =
		x->head_whole ? http_field_find(&x->req.fields, id) : NULL;

	return f ? f->value : STR_NONE;
}

static void log_exchange(struct exchange *x, const struct over *over, uint64_t bytes_out,
			 uint64_t bytes_in)
{
	struct session *s = x->session;
	struct worker *w = s->worker;
	uint64_t now = loop_now(w->loop);
	char line[ACCESSLOG_LINE];
	struct access_record r = {
		.node = x->tenancy->gen->conf->node,
		.tcp = exchange_is_tcp(x),
		.frontend = x->frontend->conf->name,
		.backend = x->backend ? x->backend->conf->name : STR_NONE,
		.server = x->server_name,
		.client = s->peer,
		.start_wall_us = x->began_wall,
		.request_us = between(x->began_at, x->head_at),
		.queue_us = x->connect_at || x->queue_us ? (int64_t)x->queue_us : -1,
		.connect_us = between(x->connect_at, x->connected_at),
		.response_us = between(x->connected_at, x->response_at),
		.total_us = (int64_t)(now - x->began_at),
		.status = x->status,
		.bytes_to_client = bytes_out,
		.bytes_from_client = bytes_in,
		.reason = x->reason,
		.limit = over->limit,
		.size = over->size,
		.detail = x->detail,
		.letters = reason_letters(x->reason),
		.process_connections = stats_get(w->shared->board->stats.connections),
		.frontend_connections = stats_get(s->stats->connections),
		.server_active = x->server ? stats_get(x->server->stats->active) : 0,
		.server_queue = x->before_server,
		.backend_queue = x->before_any,
		.retries = x->retries,
		.redispatched = x->redispatched,
		.n_tried = x->n_attempts,
		.tried = x->attempts,
		.limited = x->limited,
		.request_id = x->request_id,
		.method = x->req.method_text,
		.target = x->req.target,
		.authority = x->head_whole ? x->req.authority : STR_NONE,
		.user_agent = field_value(x, FIELD_USER_AGENT),
		.referer = field_value(x, FIELD_REFERER),
		.version = x->req.version,
	};
	size_t n;

	n = accesslog_format(x->tenancy->gen->conf->log_format, &r, line, sizeof(line));
	logger_put(w->shared->logger, w->index, (struct str){ line, n });
}

/* A check of the proxy in front, which named nobody and said nothing: it is counted, and makes no
 * noise. */
static bool is_silent_check(const struct exchange *x)
{
	char who = reason_letters(x->reason)[0];

	return x->session->local && exchange_is_tcp(x) && x->to_server.body == 0 &&
	       (who == '-' || who == 'C');
}

void exchange_count_server(struct exchange *x)
{
	struct server_stats *st = x->server->stats;
	_Atomic uint64_t *const by[6] = { &st->code_1xx, &st->code_1xx, &st->code_2xx,
					  &st->code_3xx, &st->code_4xx, &st->code_5xx };

	/* Interim responses were counted as they passed. */
	if (x->response_at)
		count_code(x->res.status, by);
	stats_add(st->bytes_in, x->to_server.body);
	stats_add(st->bytes_out, x->to_client.body);
}

/* Of a tunnel, until it was open: how long it lives is the matter of its ends. */
static uint64_t duration(const struct exchange *x)
{
	uint64_t from = x->head_at ? x->head_at : x->began_at;
	uint64_t to = loop_now(x->session->worker->loop);

	if (x->tunnel)
		to = exchange_is_tcp(x) ? x->connected_at : x->response_at;
	return to > from ? to - from : 0;
}

static void count_road(struct exchange *x)
{
	struct board_road *road = &x->frontend->roads[x->backend ? x->backend->slot
								  : BOARD_NOWHERE];
	_Atomic uint64_t *const by[6] = { &road->codes[BOARD_OTHER], &road->codes[BOARD_OTHER],
					  &road->codes[BOARD_2XX],   &road->codes[BOARD_3XX],
					  &road->codes[BOARD_4XX],   &road->codes[BOARD_5XX] };

	count_code(x->status, by);
	if (x->backend)
		latency_add(x->backend->latency, duration(x));
}

void exchange_record(struct exchange *x)
{
	struct frontend_stats *st = x->frontend->stats;
	uint64_t in = x->req.head_size + x->to_server.body, out = x->to_client.sent;
	const struct over over = over_of(x);

	stats_add(st->requests, 1);
	count_road(x);
	stats_add(st->bytes_in, in);
	stats_add(st->bytes_out, out);
	if (logger_wanted(x->session->worker->shared->logger) && !is_silent_check(x))
		log_exchange(x, &over, out, in);
	if (over.limit)
		tell_over(x, &over);
}
