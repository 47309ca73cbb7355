/* The first half of an exchange: the request is read, judged, routed, and sent. */
#include <errno.h>

#include "base/assert.h"
#include "base/log.h"
#include "http/authority.h"
#include "http/connection.h"
#include "http/hops.h"
#include "net/tls.h"
#include "proxy/affinity.h"
#include "proxy/exchange.h"
#include "proxy/exchange_body.h"
#include "proxy/limiter.h"
#include "proxy/prefix.h"
#include "proxy/split.h"

/* Unsafe methods use only connections so young that the server cannot be closing them
 * (HTTP.md 92). */
#define UNSAFE_REUSE_US 1000000ull

/* A fault that `relax` overlooks is told, so that somebody mends the client (HTTP.md 18). */
static void tell_relaxed(const struct session *s, const struct conf_frontend *conf)
{
	if (!worker_may_tell(s->worker, &s->worker->shared->relax_told_at))
		return;
	log_notice("frontend %.*s took a request from %s whose head has a line that ends with LF "
		   "alone, which only its setting relax permits: mend the client",
		   STR_ARGS(conf->name), s->peer_host);
}

/* Who may say what the request's id is; of anybody else nothing of that name goes on. */
static void judge_request_id(struct exchange *x)
{
	const struct conf_request_id *conf = &x->frontend->conf->request_id;
	struct http_field *sent = NULL;
	struct str id;

	if (conf->on)
		sent = request_id_find(&x->req.fields, x->frontend->request_id, conf->header);
	if (!sent)
		return;
	id = request_id_take(&x->req.fields, sent,
			     conf->keep || session_peer_is_trusted(x->session));
	if (!id.n)
		return;
	x->request_id = id;
	x->id_passed = true;
}

/* The head is understood: what follows in the buffer is its body, and then another request. */
static void head_taken(struct exchange *x)
{
	struct session *s = x->session;

	s->in->at += x->req.head_size;
	x->head_whole = true;
	x->head_at = loop_now(s->worker->loop);
	x->keep_alive = x->req.keep_alive;
	judge_request_id(x);
	x->to_server.keep = s->in->at;
	x->to_server.in_done = x->req.framing == FRAMING_NONE;
}

/* What was understood and is not done: what comes behind it is read all the same (HTTP.md 83).
 * Behind anything else that is refused nothing is. */
static bool is_sound(enum reason why)
{
	return why == REASON_REQ_TRACE || why == REASON_REQ_EXPECT;
}

enum step_result step_read_head(struct exchange *x)
{
	struct session *s = x->session;
	enum reason why;
	size_t n;

	for (;;) {
		switch (s->codec->parse_request(&x->parser, buf_unread(s->in),
						&x->frontend->limits, &x->arena, &x->req, &why)) {
		case HTTP_OK:
			head_taken(x);
			if (x->parser.relaxed)
				tell_relaxed(s, x->frontend->conf);
			return exchange_go(x, EXCHANGE_ROUTE);
		case HTTP_BAD:
			if (why == REASON_REQ_VERSION_UNSUPPORTED && session_has_preface(s)) {
				x->preface = true;
				return STEP_OVER;
			}
			if (is_sound(why))
				head_taken(x);
			else
				s->in->at = s->in->end;
			return exchange_end(x, why);
		case HTTP_MORE:
			break;
		}
		conn_ask_again(&s->conn);
		switch (conn_recv(&s->conn, s->in->bytes + s->in->end, buf_room(s->in), &n)) {
		case CONN_OK:
			s->in->end += n;
			break;
		case CONN_AGAIN:
			return exchange_await(x, WAIT_CLIENT_HEAD);
		case CONN_EOF:
		case CONN_FAIL:
			return exchange_end(x, REASON_CLIENT_ABORT_HEAD);
		}
	}
}

/* For an HTTP/1.0 client that named no host: the address that it reached. */
static struct str default_host(struct exchange *x)
{
	struct addr reached;
	char text[ADDR_TEXT];
	size_t n;

	if (x->req.authority.n)
		return STR_NONE;
	session_reached(x->session, &reached);
	if (reached.len == 0 || reached.u.sa.sa_family == AF_UNIX)
		return STR("localhost");
	n = addr_format(&reached, text, sizeof(text));
	return arena_str(&x->arena, (struct str){ text, n });
}

/* The head on its way to a server, and what has come of the body behind it: a fault in that
 * part is found before any server is touched. Again for every try. */
bool exchange_make_request(struct exchange *x, enum reason *why)
{
	struct session *s = x->session;
	bool is_unix = s->peer.u.sa.sa_family == AF_UNIX; /* it has no address to tell of */
	const struct h1_forwarding f = { .on = x->frontend->conf->forwarded_for,
					 .forwarded = x->frontend->conf->forwarded,
					 .via = x->frontend->conf->via,
					 .trusted = session_peer_is_trusted(s),
					 .node = x->tenancy->gen->pseudonym,
					 .peer = is_unix ? STR_NONE : str_of(s->peer_host),
					 .proto = s->conn.facts->scheme,
					 .port = session_port(s),
					 .default_host = default_host(x),
					 .edited = x->edited,
					 .id_name = exchange_id_name(x, x->id_passed),
					 .id = x->request_id };

	s->in->at = x->to_server.keep;
	iovq_init(&x->to_server.q);
	flow_begin(&x->to_server, x->req.framing, x->req.content_length, x->req.framing,
		   x->to_server.keep);
	if (x->req.framing == FRAMING_CHUNKED)
		x->to_server.chunks.connection = x->reserved;
	*why = REASON_NO_MEMORY;
	return x->backend->codec->write_request(&x->req, &f, &x->to_server.q, &x->arena) &&
	       flow_fill(&x->to_server, s->in, &x->arena, why);
}

/* The body that is announced is what the frontend allows. */
static bool body_is_allowed(struct exchange *x)
{
	uint64_t limit = x->frontend->conf->max_body_size;

	x->to_server.limit = limit;
	return x->req.framing != FRAMING_LENGTH || x->req.content_length <= limit;
}

/* Whether the client took this connection for one to another name (HTTP.md 125). */
static bool is_misdirected(struct exchange *x)
{
	const struct conn *c = session_conn(x->session);
	struct http_authority a;
	char name[256];
	struct str host;

	if (!c->facts->server_name.n || !http_authority_parse(x->req.authority, &a))
		return false;
	host = str_without_root(a.host);
	if (!host.n || host.n > sizeof(name) ||
	    str_ieq(host, c->facts->server_name))
		return false;
	for (size_t i = 0; i < host.n; i++)
		name[i] = str_lower_char(host.p[i]);
	return tls_misdirects(c, (struct str){ name, host.n });
}

/* What goes no further, whatever the routes say (HTTP.md 60, 61). */
static enum reason judge_hops(struct exchange *x)
{
	const struct conf_frontend *conf = x->frontend->conf;

	if (is_misdirected(x))
		return REASON_MISDIRECTED;
	if (x->req.max_forwards == 0)
		return REASON_OPTIONS_ANSWERED;
	if (conf->via && http_via_count(&x->req.fields, x->tenancy->gen->pseudonym) >=
				 conf->via_limit)
		return REASON_REQ_LOOP;
	return body_is_allowed(x) ? REASON_COMPLETE : REASON_REQ_BODY_TOO_LARGE;
}

/* No one backend takes it: the route has a split, it answers, or there is none. */
static enum reason answer(struct exchange *x, struct route_facts *facts, int route)
{
	static const enum reason reasons[] = { [CONF_ROUTE_REDIRECT] = REASON_REDIRECTED,
					       [CONF_ROUTE_DENY] = REASON_DENIED,
					       [CONF_ROUTE_RESPOND] = REASON_RESPONDED };
	const struct conf_route *conf;

	if (route < 0)
		return REASON_NO_BACKEND;
	conf = &x->frontend->conf->routes[route];
	if (conf->action == CONF_ROUTE_SPLIT) {
		x->backend = &x->tenancy->gen->backends[split_choose(
			x->frontend->splits[route], x->tenancy->gen->backends, facts->src,
			facts->req)];
		return REASON_COMPLETE;
	}
	if (conf->action == CONF_ROUTE_REDIRECT) {
		facts->default_host = default_host(x);
		x->location = router_location(x->frontend->router, route, facts, &x->arena);
		if (!x->location.n)
			return REASON_NO_MEMORY;
	}
	x->answer = &conf->answer;
	return reasons[conf->action];
}

/* The backend, or why there is none. A request that is too much for an expression gets past no
 * limit and no route by that (HTTP.md 37). */
static enum reason ask_router(struct exchange *x, struct route_facts *facts, enum reason why)
{
	int backend = -1, route = -1;
	bool guessed;

	if (x->frontend->n_rates && !limiter_pass(x, facts))
		why = REASON_LIMIT_REQUESTS;
	if (why == REASON_COMPLETE)
		backend = router_decide(x->frontend->router, facts, &route);
	guessed = router_gave_up(facts->scratch);
	if (why != REASON_COMPLETE)
		return why;
	if (guessed)
		return REASON_REQ_EXPRESSION;
	x->prefix = router_prefix(x->frontend->router, route);
	if (backend < 0)
		return answer(x, facts, route);
	x->backend = &x->tenancy->gen->backends[backend];
	return REASON_COMPLETE;
}

/* What the client itself says there is removed. */
static unsigned add_subject(struct exchange *x, struct http_edit *out)
{
	struct str name = x->frontend->conf->subject_header;
	struct str subject = x->session->conn.facts->subject;

	if (!name.n)
		return 0;
	*out = (struct http_edit){ .kind = subject.n ? HTTP_EDIT_SET : HTTP_EDIT_DELETE,
				   .id = FIELD_OTHER,
				   .name = name,
				   .value = subject };
	return 1;
}

static unsigned add_hsts(struct exchange *x, struct http_edit *out)
{
	struct str says = exchange_hsts(x);

	if (!says.n)
		return 0;
	*out = (struct http_edit){ .kind = HTTP_EDIT_SET,
				   .id = FIELD_OTHER,
				   .name = STR(HSTS_NAME),
				   .value = says };
	return 1;
}

static unsigned choose_edits(struct exchange *x, const struct route_facts *facts, bool response,
			     struct http_edit *out)
{
	unsigned n = router_edits(x->frontend->router, response, facts, &x->arena, out);

	return n + router_edits(x->backend->edits, response, facts, &x->arena, out + n);
}

static bool rules_say_id(const struct exchange *x, const struct http_edit *edits, unsigned n)
{
	return http_edits_name(edits, n, x->frontend->request_id,
			       x->frontend->conf->request_id.header);
}

/* Both are chosen now, while the whole request is at hand, and the path as it came. False: out of
 * memory. */
static bool edit_request(struct exchange *x, const struct route_facts *facts)
{
	struct http_edit edits[2 + 2 * CONF_MAX_HEADERS];
	struct str path = x->req.path;
	unsigned n = x->prefix ? prefix_begin(x, &path, edits) : 0;

	n += add_subject(x, edits + n);
	n += choose_edits(x, facts, false, edits + n);
	if (n && x->req.framing == FRAMING_CHUNKED)
		x->reserved = http_edits_list(edits, n, x->reserved, &x->arena);
	if (n && !http_edits_apply(edits, n, &x->req.fields, &x->arena, &x->edited))
		return false;
	x->id_passed |= rules_say_id(x, edits, n);
	n = add_hsts(x, edits);
	n += choose_edits(x, facts, true, edits + n);
	x->id_told = rules_say_id(x, edits, n);
	if (n)
		x->res_edits = arena_alloc(&x->arena, n * sizeof(*edits));
	if (x->res_edits)
		memcpy(x->res_edits, edits, n * sizeof(*edits));
	x->n_res_edits = x->res_edits ? n : 0;
	x->req.path = path;
	return !arena_failed(&x->arena);
}

/* False: out of memory. */
static bool take_cookie(struct exchange *x)
{
	x->sticky = affinity_bound(x->backend, &x->req);
	return affinity_hide(x->backend, &x->req, &x->arena, &x->edited);
}

static bool has_edits(const struct exchange *x)
{
	const struct conf_frontend *f = x->frontend->conf;

	return x->prefix || x->backend->edits || f->request_headers.n || f->response_headers.n ||
	       f->hsts || f->subject_header.n;
}

enum step_result step_route(struct exchange *x)
{
	struct session *s = x->session;
	bool tcp = exchange_is_tcp(x);
	struct route_facts facts = { .req = tcp ? NULL : &x->req,
				     .src = &s->peer,
				     .dst_port = session_port(s),
				     .request_id = x->request_id,
				     .tls = s->conn.facts->secure,
				     .sni = s->conn.facts->server_name,
				     .scratch = s->worker->scratch };
	enum reason why = ask_router(x, &facts, tcp ? REASON_COMPLETE : judge_hops(x));

	if (why != REASON_COMPLETE)
		return exchange_end(x, why);
	if (x->req.framing == FRAMING_CHUNKED)
		x->reserved = http_connection_list(&x->req.fields, &x->arena);
	if (!tcp && has_edits(x) && !edit_request(x, &facts))
		return exchange_end(x, REASON_NO_MEMORY);
	if (x->backend->sticky.name.n && !take_cookie(x))
		return exchange_end(x, REASON_NO_MEMORY);
	if (!tcp && !exchange_make_request(x, &why)) {
		x->keep_alive &= why == REASON_REQ_BODY_TOO_LARGE; /* its framing is sound */
		return exchange_end(x, why);
	}
	return exchange_go(x, EXCHANGE_BALANCE);
}

static void server_ready(struct upstream_conn *u)
{
	exchange_run(u->user);
}

static enum reason connect_fault(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REASON_CONNECT_REFUSED;
	case ETIMEDOUT:
		return REASON_CONNECT_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case EADDRNOTAVAIL:
		return REASON_NO_SOCKET;
	case ENOMEM:
	case ENOBUFS:
		return REASON_NO_MEMORY;
	case EPROTONOSUPPORT:
		return REASON_SERVER_NO_WEBSOCKET;
	default:
		return REASON_CONNECT_FAILED;
	}
}

/* What OpenSSL says of a handshake stands in the log (HTTP.md 91: it is retried as the rest). */
static enum reason connected_fault(struct exchange *x)
{
	const struct conn *c = &x->up->conn;

	x->detail = c->facts->words;
	switch (c->facts->fault) {
	case CONN_FINE:
		return connect_fault(c->error);
	case CONN_UNTRUSTED:
		return REASON_SERVER_CERTIFICATE;
	default:
		return REASON_SERVER_TLS;
	}
}

static struct upstream_way way_to_server(const struct exchange *x)
{
	const struct backend *b = x->backend;

	if (!b->conf->sends_proxy && !b->conf->speaks_tls)
		return (struct upstream_way){ 0 };
	for (unsigned i = 0; i < b->conf->n_servers; i++)
		if (b->servers[i] == x->server)
			return (struct upstream_way){ .tls = b->tls ? b->tls[i] : NULL,
						      .header = b->conf->servers[i].send_proxy };
	wrong("a server that its backend does not have");
}

/* What speaks for one client must carry nobody else's; and what a connection of HTTP/1.1 alone can
 * do is done by one where that can be had, which who has a PROXY header to say learns too late. */
static struct upstream_way way_of_request(const struct exchange *x)
{
	struct upstream_way way = way_to_server(x);
	bool binds = x->req.authenticates_connection;

	if (!x->backend->conf->http2)
		return way;
	way.http2 = true;
	way.idle = x->backend->conf->timeouts.upstream_idle;
	way.websocket = x->req.upgrade_websocket;
	way.alone = way.header || binds;
	way.only_h1 = way.tls && (x->by_h1 || binds || (way.header && way.websocket));
	return way;
}

/* The PROXY header, in front of all that the server gets. */
static struct str proxy_header(struct exchange *x, unsigned version)
{
	struct session *s = x->session;
	char *to = version ? arena_alloc(&x->arena, PROXY_HEADER_BUILT) : NULL;
	struct addr reached;

	if (!to)
		return STR_NONE;
	session_reached(s, &reached);
	return (struct str){ to, proxy_header_build(version, reached.len ? &s->peer : NULL,
						    &reached, to) };
}

/* TLS has it in front of its handshake. */
static bool announce_client(struct exchange *x)
{
	struct str header;

	if (x->up->way.tls)
		return true;
	header = proxy_header(x, x->up->way.header);
	return header.n && iovq_add_first(&x->to_server.q, header);
}

/* What must not be sent twice is worth a call that asks whether the server has gone: into an end
 * that the loop has not seen yet a first write goes all the same. */
static void reuse_connection(struct exchange *x, const struct upstream_way *way)
{
	struct session *s = x->session;
	uint64_t max_idle = x->backend->conf->timeouts.upstream_idle;
	bool unsafe = !http_method_idempotent(x->req.method);

	if (unsafe && max_idle > UNSAFE_REUSE_US)
		max_idle = UNSAFE_REUSE_US;
	if (!list_empty(&s->own))
		x->up = upstream_reuse_own(&s->own, x->server, way, max_idle, x, server_ready);
	if (!x->up && !way->header)
		x->up = upstream_reuse(s->worker->upstream, x->server, way, max_idle, x,
				       server_ready);
	if (!x->up || !unsafe || conn_is_quiet(&x->up->conn))
		return;
	upstream_close(x->up);
	x->up = NULL;
}

static bool start_connection(struct exchange *x)
{
	struct worker *w = x->session->worker;
	const struct upstream_way way = exchange_is_tcp(x) ? way_to_server(x) : way_of_request(x);
	struct str header = STR_NONE;

	x->connect_at = loop_now(w->loop);
	x->progress = UINT64_MAX; /* it was that of another connection */
	if (!x->fresh_only && !exchange_is_tcp(x))
		reuse_connection(x, &way);
	if (x->up)
		return true;
	if (way.tls || way.http2)
		header = proxy_header(x, way.header);
	x->up = upstream_connect(w->upstream, x->server, &way, header, x, server_ready);
	return x->up != NULL;
}

enum step_result step_connect(struct exchange *x)
{
	struct session *s = x->session;

	if (!x->up && !start_connection(x))
		return exchange_connect_failed(x, connect_fault(errno));
	switch (upstream_connected(&x->up)) {
	case CONN_OK:
		x->connected_at = loop_now(s->worker->loop);
		x->detail = NULL;
		if (server_is_avoided(x->server, x->connected_at))
			server_avoid(x->server, 0);
		return exchange_go(x, EXCHANGE_SEND_REQUEST);
	case CONN_AGAIN:
		/* Its body is not read yet: only what is behind a whole request can be. */
		if (x->to_server.in_done ? !session_read_ahead(s) : conn_is_reset(&s->conn))
			return exchange_end(x, REASON_CLIENT_ABORT_CONNECT);
		return exchange_await(x, WAIT_CONNECT);
	case CONN_EOF:
	case CONN_FAIL:
		break;
	}
	return exchange_connect_failed(x, connected_fault(x));
}

enum step_result step_send_request(struct exchange *x)
{
	if (!x->unsent)
		stats_add(x->server->stats->requests, 1);
	x->unsent = false;
	if (x->req.authenticates_connection)
		x->up->authenticated = true;
	h1_parser_reset(&x->parser);
	if (x->up->way.header && !x->up->reused && !announce_client(x))
		return exchange_end(x, REASON_NO_MEMORY);
	if (exchange_is_tcp(x))
		return exchange_go(x, EXCHANGE_TUNNEL);
	return exchange_go(x, EXCHANGE_READ_RESPONSE);
}
