/* An exchange: one request and its response (or what comes before the first one, a PROXY
 * header), or in mode tcp a whole connection, walked along the steps of exchange_steps.def by
 * one loop (exchange_run). A step does what can be done now and says whether to go on, to
 * wait for an event, or that the exchange is over. Whatever happens to a connection only
 * calls exchange_run(): the step looks at the connections' state itself. */
#ifndef HPCBAL_PROXY_EXCHANGE_H
#define HPCBAL_PROXY_EXCHANGE_H

#include "balance/queue.h"
#include "http/codec.h"
#include "proxy/accesslog.h"
#include "proxy/forward.h"
#include "proxy/pace.h"
#include "proxy/session.h"

enum exchange_step {
#define STEP(name, function) EXCHANGE_##name,
#include "proxy/exchange_steps.def"
#undef STEP
	EXCHANGE_STEPS
};

enum step_result { STEP_GO, STEP_WAIT, STEP_OVER };

/* Whom the exchange waits for, and so whose timeout runs and who is to blame. */
enum exchange_wait {
#define WAIT(name, whose, timeout, reason) WAIT_##name,
#include "proxy/exchange_waits.def"
#undef WAIT
	WAIT_TURNAROUND, /* before a server is tried again that has just failed */
	EXCHANGE_WAITS
};

#define EXCHANGE_TRIED_MAX 8

struct exchange {
	/* From here to `arena` all is zero at the beginning. */
	struct exchange *next_spare;
	struct session *session;
	struct tenancy *tenancy; /* a user of it */
	const struct frontend *frontend;
	const struct backend *backend; /* NULL until ROUTE */
	const struct http_prefix *prefix; /* of the route; NULL: the path is as it came */
	struct server *server;         /* picked: counted there, a reference */
	struct server *sticky; /* that the client's cookie names, borrowed; NULL: none */
	struct queue_place *place;     /* in the backend's queue; NULL: none */
	struct upstream_conn *up;
	enum exchange_step step;
	enum exchange_wait waiting;
	enum reason reason; /* set once, by exchange_end() */
	uint64_t id; /* its number in its worker */

	struct server *tried[EXCHANGE_TRIED_MAX]; /* compared only, not held */
	unsigned n_tried, retries;
	unsigned n_attempts; /* of `attempts` */
	struct str server_name; /* of the last one picked, for the log */
	unsigned status;  /* that the client gets */
	unsigned interim; /* 1xx passed */
	bool ended;
	bool head_whole;      /* the request head was understood */
	bool response_begun;  /* bytes of a final response may have gone to the client */
	bool preface;         /* what came is no request: the client speaks HTTP/2 */
	bool keep_alive;      /* the client's connection may live on */
	bool fresh_only;      /* no reused connection: the last one was closed under us */
	bool resent;          /* a new connection was closed without an answer, once */
	bool by_h1;           /* the server wants it by HTTP/1.1, though it speaks HTTP/2 */
	bool at_once;         /* the next try needs no turnaround: the server did nothing wrong */
	bool sink_broken;     /* the server takes nothing more */
	bool unsent;          /* counted for its server, but the connection took no byte of it */
	bool server_leaves;   /* it said so with an interim response */
	bool client_broken;   /* tunnel: nor does the client */
	bool redispatched;
	bool continued; /* a 100 was passed: the client that waited for it sends now */
	bool tunnel;
	bool client_told, server_told; /* tunnel: that it is about to be cut */
	bool client_shut, server_shut; /* tunnel: the other side's end was passed on to it */

	/* loop_now() of each stage, 0: not reached */
	uint64_t began_at, head_at, queued_at, connect_at, connected_at, response_at;
	uint64_t queue_us; /* that it has waited in queues */
	uint64_t before_server, before_any; /* in the last of them (balance/queue.h) */
	uint64_t began_wall;
	struct str request_id;   /* in id_text, or as the client sent it */
	bool id_passed, id_told; /* not written: kept, or a rule says what it is */
	struct http_edited edited;     /* the request, by request_headers */
	struct str reserved; /* names that only the configuration says to servers, a list */
	struct http_edit *res_edits;   /* to be done to the response */
	unsigned n_res_edits;
	const struct conf_answer *answer; /* of the route; NULL: the reason's own */
	struct str location; /* of a redirect */
	const struct access_limit *limited; /* by a limit, or by dry_run almost; NULL: not */
	const char *detail; /* about the reason, for the log; of static storage, or NULL */
	unsigned retry_after; /* seconds, in an answer of our own; 0: nothing is known */
	uint64_t head_limit_at; /* when the request head must be whole */
	uint64_t response_from; /* to_client.sent before the final response's first byte */
	uint64_t progress; /* of whom we wait for, when the timeout was armed */
	uint64_t taken, taken_at; /* what the receiver had got at the last look, and since when */
	struct pace sends, takes; /* the client: a body; a response */
	uint64_t moved_at; /* when that was seen last */

	struct arena arena;
	char id_text[REQUEST_ID_SIZE];
	struct access_attempt attempts[ACCESSLOG_TRIED]; /* the first of those that failed */
	struct h1_parser parser;
	struct http_request req;
	struct http_response res;
	struct flow to_server, to_client;
};

/* Begins one on the bytes that the session has read, if any. NULL: out of memory. */
struct exchange *exchange_begin(struct session *s);
/* Walks on as far as it goes. The exchange, and its session, may be over afterwards. */
void exchange_run(struct exchange *x);
/* The session's timer has fired. */
void exchange_timed_out(struct exchange *x);
/* Ends it from outside (a deadline, the client's reset) and walks on. */
void exchange_cut(struct exchange *x, enum reason why);
/* Frees everything without another byte; for a session that is closed at once. */
void exchange_drop(struct exchange *x);
void exchange_free_spares(struct worker *w);

const char *exchange_step_name(enum exchange_step s);

/* ---- between the files of the exchange ---- */

/* The request is read, or so little is to come of it that the connection is worth reading it. */
bool exchange_rest_is_small(const struct exchange *x);
extern const struct h1_limits exchange_response_limits;
static inline bool exchange_is_tcp(const struct exchange *x)
{
	return x->frontend->conf->mode == CONF_MODE_TCP;
}

/* The name of the field that has the id, in what goes out; none when it does not have to be
 * written. */
static inline struct str exchange_id_name(const struct exchange *x, bool passed)
{
	const struct conf_request_id *conf = &x->frontend->conf->request_id;

	return conf->on && !passed ? conf->header : STR_NONE;
}

/* The one setter of the end. Before any response byte it leads to an answer of our own,
 * else the client's connection is cut so that the response is seen to be incomplete. */
enum step_result exchange_end(struct exchange *x, enum reason why);
/* The same of a client that a limit of connections turns away, before it has asked anything. */
enum step_result exchange_turn_away(struct exchange *x, enum reason why);
/* The same of one whose handshake failed; `words`, a literal, are for the log. */
enum step_result exchange_refuse(struct exchange *x, enum reason why, const char *words);
/* And of one that has been told, or cannot be: for the line in the log. */
void exchange_note_fault(struct exchange *x, enum reason why);
/* Waits. Arms the timeout when we wait for another than before, or when that one has moved a
 * byte since: what others do in the meantime gives nobody more time. */
enum step_result exchange_await(struct exchange *x, enum exchange_wait w);
/* The first byte of a request is there: from now on its head has a limited time. */
void exchange_begin_head(struct exchange *x);
enum step_result exchange_go(struct exchange *x, enum exchange_step to);
/* Queues the answer of our own: of its route, or the page of its error. False: no memory. */
bool exchange_write_answer(struct exchange *x);
#define HSTS_NAME "Strict-Transport-Security"
/* What that field says to this client, over TLS only (RFC 6797 7.2); empty: nothing. */
struct str exchange_hsts(struct exchange *x);
/* It waits for no server any longer, if it does. */
void exchange_leave_queue(struct exchange *x);
/* Gives server and connection back, or the place in the queue. `reusable`: the connection may
 * serve another. */
void exchange_release_server(struct exchange *x, bool reusable);
/* Waits before the next try, so that a server that restarts gets its time. */
enum step_result exchange_pause(struct exchange *x);
/* After a server failed before it answered: another one (STEP_GO), or the end. */
enum step_result exchange_retry(struct exchange *x, enum reason why);
/* The same when it could not be connected: others are chosen rather for a while. */
enum step_result exchange_connect_failed(struct exchange *x, enum reason why);

#define STEP(name, function) enum step_result function(struct exchange *x);
#include "proxy/exchange_steps.def"
#undef STEP

/* A tunnel ends before both of its sides have: so that neither takes it for an end. */
void tunnel_cut(struct exchange *x);
/* One is about to be cut from outside: tells both sides, where that can be. */
void tunnel_take_leave(struct exchange *x);

/* What a server did for this exchange, before it is given back. */
void exchange_count_server(struct exchange *x);
/* Counts and logs an exchange that is over. */
void exchange_record(struct exchange *x);

#endif
