/* The loop that walks an exchange along its steps, its beginning and its end. */
#include "proxy/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/trace.h"
#include "proxy/circuit.h"

#define ARENA_BLOCK 2048u
#define ARENA_LIMIT (1u << 20)
#define SPARES 256
/* Of a body that nobody wants, so much is read for the sake of the connection. */
#define BODY_SKIP_MAX 65536u
/* No exchange takes this many steps between two events. */
#define STEPS_MAX 4096
/* Nobody knows when another connection of a client ends. */
#define CONNECTION_RETRY_SECONDS 1

struct step {
	const char *name;
	enum step_result (*run)(struct exchange *x);
};

static const struct step steps[EXCHANGE_STEPS] = {
#define STEP(name, function) { #name, function },
#include "proxy/exchange_steps.def"
#undef STEP
};

enum whose { FRONTEND, BACKEND, SMALLER };

struct wait {
	enum whose whose;
	size_t timeout; /* offset in struct conf_timeouts */
	enum reason reason;
};

static const struct wait waits[EXCHANGE_WAITS] = {
#define WAIT(name, whose, timeout, reason)                                                        \
	{ whose, offsetof(struct conf_timeouts, timeout), REASON_##reason },
#include "proxy/exchange_waits.def"
#undef WAIT
};

const char *exchange_step_name(enum exchange_step s)
{
	must((unsigned)s < EXCHANGE_STEPS);
	return steps[s].name;
}

/* ---- beginning ---- */

static struct exchange *exchange_alloc(struct worker *w)
{
	struct exchange *x = w->spare;

	if (x) {
		w->spare = x->next_spare;
		w->n_spare--;
		return x;
	}
	x = malloc(sizeof(*x));
	if (x)
		arena_init(&x->arena, ARENA_BLOCK, ARENA_LIMIT);
	return x;
}

static void exchange_free(struct worker *w, struct exchange *x)
{
	if (w->n_spare >= SPARES) {
		arena_free(&x->arena);
		free(x);
		return;
	}
	arena_reset(&x->arena);
	x->next_spare = w->spare;
	w->spare = x;
	w->n_spare++;
}

void exchange_free_spares(struct worker *w)
{
	struct exchange *x;

	while ((x = w->spare)) {
		w->spare = x->next_spare;
		arena_free(&x->arena);
		free(x);
	}
}

/* The head has to fit behind what a pipelining client sent before, and some body too. */
static void make_room(struct session *s)
{
	size_t need = s->frontend->conf->max_header_size + 4096;

	/* A session that is refused before it sent anything has no buffer. */
	if (s->in && BUF_SIZE - s->in->at < need)
		buf_compact(s->in);
}

void exchange_begin_head(struct exchange *x)
{
	struct worker *w = x->session->worker;

	make_room(x->session);
	x->step = EXCHANGE_READ_HEAD;
	x->began_at = loop_now(w->loop);
	x->head_limit_at = x->began_at + x->frontend->conf->timeouts.request;
}

/* What the log asks for when no request was read. */
static void no_request(struct http_request *r)
{
	memset(r, 0, offsetof(struct http_request, fields));
	r->fields.count = 0;
	r->head_size = 0;
}

struct exchange *exchange_begin(struct session *s)
{
	struct worker *w = s->worker;
	struct exchange *x = exchange_alloc(w);

	if (!x)
		return NULL;
	memset(x, 0, offsetof(struct exchange, arena));
	x->id = ++w->last_exchange;
	request_id_make(&w->ids, x->id_text);
	x->request_id = (struct str){ x->id_text, sizeof(x->id_text) };
	x->session = s;
	x->frontend = s->frontend;
	x->tenancy = s->tenancy;
	x->tenancy->users++;
	h1_parser_reset(&x->parser);
	flow_init(&x->to_server, &x->frontend->limits);
	flow_init(&x->to_client, &exchange_response_limits);
	if (s->header_due || exchange_is_tcp(x)) {
		no_request(&x->req);
		x->step = s->header_due ? EXCHANGE_PROXY_HEADER : EXCHANGE_ROUTE;
		x->began_at = loop_now(w->loop);
	} else {
		exchange_begin_head(x);
	}
	if (logger_wanted(w->shared->logger))
		x->began_wall = clock_wall_us();
	x->limited = s->limited;
	x->waiting = WAIT_CLIENT_HEAD;
	x->progress = UINT64_MAX;
	return x;
}

/* ---- walking ---- */

static void exchange_over(struct exchange *x)
{
	struct worker *w = x->session->worker;

	tenancy_leave(x->tenancy);
	exchange_free(w, x);
}

/* What is still to come of the request's body. Without a request (there was a PROXY header alone)
 * `req` is that of an exchange before. */
static uint64_t body_left(const struct exchange *x)
{
	if (!x->head_whole || x->to_server.in_done || x->req.framing == FRAMING_NONE)
		return 0;
	if (x->req.framing == FRAMING_LENGTH)
		return x->req.content_length - x->to_server.body;
	return UINT64_MAX;
}

bool exchange_rest_is_small(const struct exchange *x)
{
	const struct flow *body = &x->to_server;

	if (body->in_done)
		return true;
	/* Who waits to be asked for it may never send it (RFC 9110 10.1.1). */
	if (x->session->client_ended || x->session->worker->phase != WORKER_RUNNING ||
	    (x->req.expect_continue && !x->continued && body->body == 0))
		return false;
	return body_left(x) <= BODY_SKIP_MAX;
}

static enum session_after what_follows(const struct exchange *x)
{
	if (x->keep_alive) {
		x->session->skip = body_left(x);
		return SESSION_KEEP;
	}
	if (x->preface)
		return SESSION_STREAMS;
	return x->head_whole && x->to_server.in_done && !x->req.keep_alive ? SESSION_CLOSE
									   : SESSION_WASTE;
}

void exchange_run(struct exchange *x)
{
	struct session *s = x->session;
	enum step_result r = STEP_GO;

	for (unsigned guard = 0; r == STEP_GO; guard++) {
		if (guard == STEPS_MAX) {
			log_error("an exchange of %s made no progress in step %s: it is ended; "
				  "please report this", s->peer_host, steps[x->step].name);
			exchange_end(x, REASON_SPINNING);
		}
		trace_note(steps[x->step].name, (uint64_t)(uintptr_t)x, x->session->conn.io.fd);
		r = steps[x->step].run(x);
	}
	if (r == STEP_OVER) {
		session_next(s, what_follows(x));
		exchange_over(x);
	}
}

enum step_result exchange_go(struct exchange *x, enum exchange_step to)
{
	x->step = to;
	return STEP_GO;
}

/* ---- waiting ---- */

static uint64_t timeout_of(const struct conf_timeouts *t, size_t at)
{
	uint64_t us;

	memcpy(&us, (const char *)t + at, sizeof(us));
	return us;
}

static uint64_t wait_limit(const struct exchange *x, const struct wait *w)
{
	uint64_t front = timeout_of(&x->frontend->conf->timeouts, w->timeout), back = front;

	if (x->backend)
		back = timeout_of(&x->backend->conf->timeouts, w->timeout);
	if (w->whose == FRONTEND)
		return front;
	return w->whose == BACKEND || back < front ? back : front;
}

/* What those we wait for have done so far. A receiver is known by what it takes only. */
static uint64_t progress_of(const struct exchange *x, enum exchange_wait w)
{
	const struct conn *client = &x->session->conn, *server = x->up ? &x->up->conn : client;

	switch (w) {
	case WAIT_CLIENT_READ:
		return client->received + client->sent;
	case WAIT_CLIENT_WRITE:
		return client->sent;
	case WAIT_SERVER_HEAD:
	case WAIT_SERVER_READ:
		return server->received + server->sent;
	case WAIT_SERVER_WRITE:
		return server->sent;
	default:
		return client->received + client->sent + server->received + server->sent;
	}
}

/* Once the server answers while the body still comes, the two have a talk, whose pauses are
 * theirs. */
static struct pace *pace_of(struct exchange *x, enum exchange_wait w)
{
	if (w == WAIT_CLIENT_READ)
		return x->response_begun ? NULL : &x->sends;
	return w == WAIT_CLIENT_WRITE ? &x->takes : NULL;
}

static void wait_for(struct exchange *x, enum exchange_wait w, uint64_t now)
{
	struct pace *before = pace_of(x, x->waiting), *pace = pace_of(x, w);

	if (before && before != pace)
		pace_stop(before, now);
	if (pace)
		pace_wait(pace, now);
	x->waiting = w;
}

/* When the client has been waited for too long for what it has sent or taken. */
static uint64_t pace_limit(struct exchange *x)
{
	uint64_t rate = x->frontend->conf->timeouts.body_min_rate, missing;

	if (!pace_of(x, x->waiting))
		return UINT64_MAX;
	if (x->waiting == WAIT_CLIENT_READ)
		return pace_due(&x->sends, x->to_server.body, rate);
	if (x->taken == UINT64_MAX)
		return UINT64_MAX;
	missing = x->session->conn.sent - x->taken; /* of this response, or of one before */
	return pace_due(&x->takes, x->to_client.sent > missing ? x->to_client.sent - missing : 0,
			rate);
}

/* A receiver may take for long what the kernel holds for it, so it is looked at several times
 * before its timeout has passed. */
#define LOOKS 4

static bool is_receiver(enum exchange_wait w)
{
	return w == WAIT_CLIENT_WRITE || w == WAIT_SERVER_WRITE;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t wait_due(struct exchange *x, uint64_t now)
{
	uint64_t limit = wait_limit(x, &waits[x->waiting]);

	if (is_receiver(x->waiting)) {
		x->taken = UINT64_MAX;
		return now + limit / LOOKS;
	}
	return sooner(now + limit, pace_limit(x));
}

enum step_result exchange_await(struct exchange *x, enum exchange_wait w)
{
	struct loop *l = x->session->worker->loop;
	uint64_t progress = progress_of(x, w), due;
	bool same = w == x->waiting && progress == x->progress;

	if (w != x->waiting)
		wait_for(x, w, loop_now(l));
	x->progress = progress;
	if (!same)
		x->moved_at = loop_now(l);
	switch (w) {
	case WAIT_PROXY_HEADER: /* from the connection's beginning */
		due = x->began_at + wait_limit(x, &waits[w]);
		break;
	case WAIT_CLIENT_HEAD: /* from its first byte, however it trickles */
		due = x->head_limit_at;
		break;
	case WAIT_TURNAROUND:
		due = wait_limit(x, &waits[WAIT_CONNECT]);
		due = loop_now(l) + sooner(due, CLOCK_SEC);
		break;
	case WAIT_QUEUE:
		due = x->queued_at + wait_limit(x, &waits[w]);
		break;
	case WAIT_CONNECT:
		due = x->connect_at + wait_limit(x, &waits[w]);
		break;
	default:
		if (same)
			return STEP_WAIT;
		due = wait_due(x, loop_now(l));
		break;
	}
	loop_timer_set(l, &x->session->timer, due);
	return STEP_WAIT;
}

/* Whether the receiver has taken something within its time after all; then the timer is set
 * anew. */
static bool receiver_goes_on(struct exchange *x)
{
	struct loop *l = x->session->worker->loop;
	bool client = x->waiting == WAIT_CLIENT_WRITE;
	uint64_t now = loop_now(l), limit = wait_limit(x, &waits[x->waiting]);
	uint64_t taken = conn_taken(client ? &x->session->conn : &x->up->conn), due;

	if (taken != x->taken)
		x->taken_at = now;
	x->taken = taken;
	due = sooner(x->taken_at + limit, pace_limit(x));
	if (due <= now)
		return false;
	loop_timer_set(l, &x->session->timer, sooner(due, now + limit / LOOKS));
	return true;
}

static enum reason why_late(struct exchange *x)
{
	bool slow = pace_limit(x) <= loop_now(x->session->worker->loop);

	if (slow && x->waiting == WAIT_CLIENT_READ)
		return REASON_CLIENT_BODY_SLOW;
	if (slow && x->waiting == WAIT_CLIENT_WRITE)
		return REASON_CLIENT_SEND_SLOW;
	return waits[x->waiting].reason;
}

void exchange_timed_out(struct exchange *x)
{
	if (is_receiver(x->waiting) && receiver_goes_on(x))
		return;
	x->progress = UINT64_MAX;
	if (x->waiting == WAIT_TURNAROUND) {
		x->n_tried = 0;
		x->step = x->server ? EXCHANGE_CONNECT : EXCHANGE_BALANCE;
	} else if (x->waiting == WAIT_CONNECT && !x->ended) {
		exchange_connect_failed(x, REASON_CONNECT_TIMEOUT);
	} else {
		/* Whoever was too late once is not waited for again. */
		x->keep_alive = x->keep_alive && x->to_server.in_done;
		exchange_end(x, why_late(x));
	}
	exchange_run(x);
}

/* ---- the server's part ---- */

/* Shorter than the server said that it would wait itself (HTTP.md 97). */
static uint64_t idle_time(const struct exchange *x)
{
	uint64_t most = x->backend->conf->timeouts.upstream_idle, said = x->res.idle_limit;

	if (!x->res.has_idle_limit || said > most / CLOCK_SEC + 1)
		return most;
	said = said > 1 ? (said - 1) * CLOCK_SEC : said * CLOCK_SEC / 2;
	return said < most ? said : most;
}

static void put_connection(struct exchange *x, bool reusable)
{
	bool own = upstream_is_own(x->up);

	if (!reusable || (own && !x->keep_alive))
		upstream_close(x->up);
	else if (own)
		upstream_keep_own(x->up, idle_time(x), &x->session->own);
	else
		upstream_keep(x->up, idle_time(x));
	x->up = NULL;
}

void exchange_release_server(struct exchange *x, bool reusable)
{
	exchange_leave_queue(x);
	if (x->server)
		circuit_judge(x);
	if (x->up)
		put_connection(x, reusable);
	if (x->server) {
		exchange_count_server(x);
		pool_release(x->server, loop_now(x->session->worker->loop));
		x->server = NULL;
	}
}

enum step_result exchange_pause(struct exchange *x)
{
	x->step = EXCHANGE_PAUSE;
	return exchange_await(x, WAIT_TURNAROUND);
}

static void note_attempt(struct exchange *x, enum reason why)
{
	if (x->n_attempts < ACCESSLOG_TRIED)
		x->attempts[x->n_attempts++] = (struct access_attempt){ x->server_name, why };
}

enum step_result exchange_retry(struct exchange *x, enum reason why)
{
	const struct conf_backend *conf = x->backend->conf;

	if (x->retries >= conf->retries)
		return exchange_end(x, why);
	x->unsent = false;
	note_attempt(x, why);
	circuit_failed(x, why);
	if (why != REASON_SERVER_REFUSED &&
	    !pool_may_retry(x->backend->pool, loop_now(x->session->worker->loop),
			    conf->retry_budget)) {
		stats_add(x->server->stats->retries_denied, 1);
		return exchange_end(x, REASON_RETRY_BUDGET);
	}
	x->retries++;
	stats_add(x->server->stats->retries, 1);
	if (!conf->redispatch) { /* this server or none */
		if (x->up)
			upstream_close(x->up);
		x->up = NULL;
		return x->at_once ? exchange_go(x, EXCHANGE_CONNECT) : exchange_pause(x);
	}
	if (x->n_tried < EXCHANGE_TRIED_MAX)
		x->tried[x->n_tried++] = x->server;
	exchange_release_server(x, false);
	return exchange_go(x, EXCHANGE_BALANCE);
}

/* What we lack ourselves is no fault of the server. */
enum step_result exchange_connect_failed(struct exchange *x, enum reason why)
{
	if (why == REASON_SERVER_NO_WEBSOCKET) /* it can be reached, and will not change */
		return exchange_end(x, why);
	stats_add(x->server->stats->connect_errors, 1);
	if (why != REASON_NO_SOCKET && why != REASON_NO_MEMORY)
		server_avoid(x->server,
			     loop_now(x->session->worker->loop) + SERVER_AVOID_US);
	return exchange_retry(x, why);
}

/* ---- ending ---- */

/* A client that understands an answer, and has had no byte of one. */
static bool may_answer(const struct exchange *x)
{
	return !x->response_begun && !x->session->header_due && !exchange_is_tcp(x);
}

/* The client has got all that it was to get. */
static bool was_served(enum reason why)
{
	return why == REASON_COMPLETE || why == REASON_RES_STRAY;
}

/* What a server or a message did wrong says nothing against the client's connection. */
static bool may_linger(enum reason why)
{
	return strchr("SsP", *reason_letters(why)) != NULL;
}

/* Where only the end of the connection ends the body, an orderly end would make a cut response
 * look whole. Else the session lingers, if it may: a client that was told of the end hears that
 * out, and an answer to an earlier request is not lost to a reset (HTTP.md 86). */
static void cut_client(struct exchange *x)
{
	struct conn *c = &x->session->conn;

	x->keep_alive = false;
	if (x->client_told)
		return;
	if (x->response_begun && x->to_client.out == FRAMING_CLOSE)
		conn_abort(c);
	else if (!x->response_begun || x->tunnel || !may_linger(x->reason))
		conn_close(c);
}

/* A response that is bad in what came with its head: none of it has gone out, so that the client
 * can be told (HTTP.md 82). */
static void take_back_response(struct exchange *x)
{
	if (!x->response_begun || x->tunnel || x->to_client.sent != x->response_from)
		return;
	iovq_init(&x->to_client.q);
	x->response_begun = false;
}

enum step_result exchange_end(struct exchange *x, enum reason why)
{
	unsigned status = x->answer ? x->answer->status : reason_status(why);

	if (x->ended) { /* the answer of our own did not get through */
		x->keep_alive = false;
		return exchange_go(x, EXCHANGE_FINISH);
	}
	x->ended = true;
	x->reason = why;
	if (was_served(why))
		return exchange_go(x, EXCHANGE_FINISH);
	if (x->tunnel)
		tunnel_cut(x);
	exchange_release_server(x, false);
	take_back_response(x);
	if (status && may_answer(x)) {
		x->status = status;
		return exchange_go(x, EXCHANGE_REPLY);
	}
	cut_client(x);
	return exchange_go(x, EXCHANGE_FINISH);
}

void exchange_cut(struct exchange *x, enum reason why)
{
	if (x->tunnel && !x->ended)
		tunnel_take_leave(x);
	x->keep_alive = x->keep_alive && why != REASON_STOPPING;
	exchange_end(x, why);
	exchange_run(x);
}

enum step_result exchange_refuse(struct exchange *x, enum reason why, const char *words)
{
	no_request(&x->req);
	x->detail = words;
	return exchange_end(x, why);
}

enum step_result exchange_turn_away(struct exchange *x, enum reason why)
{
	no_request(&x->req);
	x->limited = x->session->limited;
	x->retry_after = CONNECTION_RETRY_SECONDS;
	return exchange_end(x, why);
}

void exchange_note_fault(struct exchange *x, enum reason why)
{
	no_request(&x->req);
	x->client_told = true;
	exchange_end(x, why);
}

void exchange_drop(struct exchange *x)
{
	if (!x->ended) {
		x->ended = true;
		x->reason = REASON_STOPPING;
	}
	if (x->tunnel)
		tunnel_cut(x);
	exchange_record(x);
	exchange_release_server(x, false);
	exchange_over(x);
}
