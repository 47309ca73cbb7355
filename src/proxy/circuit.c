#include "proxy/circuit.h"

#include <pthread.h>
#include <stdio.h>

#include "balance/queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/value.h"

#define TELL_HELD_US (60 * CLOCK_SEC)

/* Errors are rare, and their order matters: one at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether a reason is the server's doing: not reached, not in time, cut, malformed. That it closed
 * an idle connection in the very moment of a request is not, nor that it said what it has not
 * looked at. */
static bool blames_server(const struct exchange *x, enum reason why)
{
	const char *letters = reason_letters(why);

	if (why == REASON_NO_SERVER || why == REASON_SERVER_REFUSED || letters[1] == 'T')
		return false;
	if ((why == REASON_SERVER_CLOSED || why == REASON_SERVER_RESET) && x->up && x->up->reused)
		return false;
	return letters[0] == 'S' || letters[0] == 's' ||
	       (letters[0] == 'P' && reason_status(why) == 502);
}

static void tell(struct exchange *x, int level, const char *line)
{
	struct proxy_shared *shared = x->session->worker->shared;

	log_msg(level, "%s", line);
	shared->event(shared, line);
}

static void publish(struct server *s, uint64_t until, const char *why)
{
	struct board_server *on = s->owner;

	board_write_text(&on->eject_turn, on->eject_why, sizeof(on->eject_why), str_of(why));
	stats_set(on->ejected_until_us, until);
	stats_add(s->stats->ejections, 1);
}

static void eject(struct exchange *x, const char *why, unsigned others)
{
	const struct conf_breaker *c = &x->backend->conf->breaker;
	uint64_t now = loop_now(x->session->worker->loop);
	uint64_t until = breaker_eject(&x->server->breaker, c, now);
	char time[32], line[512];

	server_eject(x->server, until);
	pool_stir(x->server, now);
	publish(x->server, until, why);
	value_format(value_durations, until - now, time, sizeof(time));
	snprintf(line, sizeof(line),
		 "server %s/%s is ejected for %s: %s; %u other servers of %s can take requests",
		 x->server->backend, x->server->name, time, why, others, x->server->backend);
	tell(x, LOG_WARNING, line);
}

/* It would be ejected, but too few would be left. */
static void hold(struct exchange *x, const char *why)
{
	const struct conf_breaker *c = &x->backend->conf->breaker;
	uint64_t now = loop_now(x->session->worker->loop);
	char line[512];

	if (x->server->held_told_at && now - x->server->held_told_at < TELL_HELD_US)
		return;
	x->server->held_told_at = now;
	snprintf(line, sizeof(line),
		 "server %s/%s is not ejected although %s: fewer than min_servers = %u of %s "
		 "would be left",
		 x->server->backend, x->server->name, why, c->min_servers, x->server->backend);
	tell(x, LOG_WARNING, line);
}

static void count_bad(struct exchange *x, const char *last)
{
	const struct conf_breaker *c = &x->backend->conf->breaker;
	uint64_t now = loop_now(x->session->worker->loop);
	struct server *s = x->server;
	enum breaker_verdict v;
	char count[64], why[BOARD_TEXT];
	unsigned others;

	pthread_mutex_lock(&lock);
	v = breaker_bad(&s->breaker, c, now);
	if (v != BREAKER_STAYS) {
		others = pool_others(x->backend->pool, s, now);
		breaker_format(&s->breaker, v, count, sizeof(count));
		snprintf(why, sizeof(why), "%s, the last: %s", count, last);
		if (others >= c->min_servers)
			eject(x, why, others);
		else
			hold(x, why);
	}
	pthread_mutex_unlock(&lock);
}

void circuit_failed(struct exchange *x, enum reason why)
{
	if (x->backend->conf->breaker.on && blames_server(x, why))
		count_bad(x, reason_text(why));
}

void circuit_judge(struct exchange *x)
{
	bool answered = exchange_is_tcp(x) ? x->connected_at != 0 : x->response_at != 0;
	char status[32];

	if (!x->backend->conf->breaker.on)
		return;
	if (x->ended && blames_server(x, x->reason)) {
		count_bad(x, reason_text(x->reason));
	} else if (x->response_at && x->res.status >= 500) {
		snprintf(status, sizeof(status), "status %u", x->res.status);
		count_bad(x, status);
	} else if (answered) {
		breaker_good(&x->server->breaker);
	}
}
