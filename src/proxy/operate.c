#include "proxy/operate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "balance/queue.h"
#include "base/clock.h"
#include "conf/value.h"
#include "proxy/health.h"

#define SHOWN(s) STR_ARGS(str_first(s, 64))
#define WEIGHT_MOST 256

/* What a command is about. */
struct target {
	const struct backend *backend;
	struct server *server;
	struct board_server *on;
	const struct conf_server *conf;
};

static void say(struct operate_answer *a, enum control_exit status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct operate_answer *a, enum control_exit status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	a->status = status;
}

static void add(struct operate_answer *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void add(struct operate_answer *a, const char *fmt, ...)
{
	size_t n = strlen(a->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text + n, sizeof(a->text) - n, fmt, ap);
	va_end(ap);
}

/* ---- which server ---- */

static void add_backends(const struct generation *g, struct operate_answer *a)
{
	for (unsigned i = 0; i < g->conf->n_backends; i++)
		add(a, "%s%.*s", i ? ", " : "; there are ", STR_ARGS(g->conf->backends[i].name));
}

static void add_servers(const struct backend *b, struct operate_answer *a)
{
	for (unsigned i = 0; i < b->conf->n_servers; i++)
		add(a, "%s%.*s", i ? ", " : "; it has ", STR_ARGS(b->conf->servers[i].name));
}

static const struct backend *find_backend(const struct generation *g, struct str name)
{
	for (unsigned i = 0; i < g->conf->n_backends; i++)
		if (str_eq(g->conf->backends[i].name, name))
			return &g->backends[i];
	return NULL;
}

/* False: there is none of that name, and the answer says so. */
static bool find_target(const struct generation *g, struct str place, struct target *t,
			struct operate_answer *a)
{
	struct str rest = place, backend;

	str_split(&rest, '/', &backend);
	t->backend = find_backend(g, backend);
	if (!t->backend) {
		say(a, CONTROL_REFUSED, "no backend is called \"%.*s\"", SHOWN(backend));
		add_backends(g, a);
		return false;
	}
	for (unsigned i = 0; i < t->backend->conf->n_servers; i++) {
		t->conf = &t->backend->conf->servers[i];
		t->server = t->backend->servers[i];
		t->on = t->server->owner;
		if (str_eq(t->conf->name, rest))
			return true;
	}
	say(a, CONTROL_REFUSED, "%.*s has no server \"%.*s\"", STR_ARGS(backend), SHOWN(rest));
	add_servers(t->backend, a);
	return false;
}

/* ---- states ---- */

static const char *const state_words[] = {[BOARD_ADMIN_READY] = "ready",
					  [BOARD_ADMIN_DRAIN] = "drained",
					  [BOARD_ADMIN_MAINT] = "in maintenance"};

/* NULL: it is removed. */
static struct server *find_server(const struct operate *o, const struct board_server *on,
				  const struct conf_backend **backend)
{
	const struct generation *g = *o->now;

	*backend = NULL;
	for (unsigned b = 0; g && b < g->conf->n_backends; b++) {
		*backend = g->backends[b].conf;
		for (unsigned i = 0; i < g->backends[b].conf->n_servers; i++)
			if (g->backends[b].servers[i]->owner == on)
				return g->backends[b].servers[i];
	}
	return NULL;
}

static struct server *server_of(const struct operate *o, const struct board_server *on)
{
	const struct conf_backend *backend;

	return find_server(o, on, &backend);
}

/* The one setter: board and server say the same. */
static void set_state(const struct operate *o, struct board_server *on, enum board_admin to,
		      uint64_t until, struct str why)
{
	struct server *s = server_of(o, on);

	if (s && stats_get(on->admin) == BOARD_ADMIN_MAINT && to == BOARD_ADMIN_READY)
		health_begin_slow_start(s, loop_now_exact(o->loop));
	board_write_text(&on->admin_turn, on->admin_why, sizeof(on->admin_why), why);
	stats_set(on->admin_until_us, until);
	stats_set(on->admin_since_wall_us, clock_wall_us());
	stats_set(on->admin, to);
	if (s)
		server_set_admin(s, (enum server_admin)to);
	if (s)
		pool_stir(s, loop_now_exact(o->loop));
}

static void tell(const struct operate *o, const struct board_server *on, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(const struct operate *o, const struct board_server *on, const char *fmt, ...)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "server %s/%s ", on->backend, on->name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	o->changed(o->arg, line);
}

/* ---- times ---- */

static void end_ejection(const struct operate *o, struct board_server *on, uint64_t until,
			 const char *why)
{
	struct server *s = server_of(o, on);

	/* Else a worker has ejected it again just now. */
	if (!atomic_compare_exchange_strong(&on->ejected_until_us, &until, 0))
		return;
	if (s) {
		server_eject(s, 0);
		pool_stir(s, loop_now_exact(o->loop));
	}
	tell(o, on, "gets requests again: %s", why);
}

/* A reload has taken the breaker away: nobody is passed over any more. */
static bool has_no_breaker(const struct operate *o, const struct board_server *on)
{
	const struct conf_backend *backend;

	return find_server(o, on, &backend) && !backend->breaker.on;
}

/* Each of its times that is over ends here. The next one that is not, or UINT64_MAX. */
static uint64_t look_at_server(const struct operate *o, struct board_server *on, uint64_t now)
{
	uint64_t taken = stats_get(on->admin_until_us), ejected = stats_get(on->ejected_until_us);
	uint64_t next = UINT64_MAX;

	if (taken > now) {
		next = taken;
	} else if (taken) {
		set_state(o, on, BOARD_ADMIN_READY, 0, STR_NONE);
		tell(o, on, "is ready again: the time that was given is over");
	}
	if (ejected && ejected <= now)
		end_ejection(o, on, ejected, "its ejection is over");
	else if (ejected && has_no_breaker(o, on))
		end_ejection(o, on, ejected, "its backend has no breaker any more");
	else if (ejected)
		next = ejected < next ? ejected : next;
	return next;
}

void operate_look_at_times(struct operate *o)
{
	uint64_t now = loop_now_exact(o->loop), next = UINT64_MAX, due;

	for (unsigned i = 0; o->board && i < board_n_servers(o->board); i++) {
		struct board_server *on = &o->board->servers[i];

		if (!stats_get(on->used))
			continue;
		due = look_at_server(o, on, now);
		next = due < next ? due : next;
	}
	if (next == UINT64_MAX)
		loop_timer_stop(&o->timer);
	else
		loop_timer_set(o->loop, &o->timer, next);
}

static void time_is_over(struct loop_timer *t)
{
	operate_look_at_times(list_of(t, struct operate, timer));
}

void operate_init(struct operate *o, struct loop *l, struct generation *const *now,
		  void (*changed)(void *arg, const char *line), void *arg)
{
	*o = (struct operate){.loop = l, .now = now, .changed = changed, .arg = arg};
	loop_timer_init(&o->timer, time_is_over);
}

void operate_begin(struct operate *o, struct board_proxy *board)
{
	o->board = board;
	operate_look_at_times(o);
}

void operate_end(struct operate *o)
{
	loop_timer_stop(&o->timer);
}

/* ---- the commands ---- */

/* What an administrator should know before going on. */
static void add_consequence(const struct target *t, struct operate_answer *a)
{
	uint64_t active = stats_get(t->server->stats->active);

	if (active)
		add(a, "; still running there: %" PRIu64, active);
	if (!pool_eligible(t->backend->pool))
		add(a, "; %.*s has no other server that can take requests: they get 503 now",
		    STR_ARGS(t->backend->conf->name));
}

static void take_out(struct operate *o, const struct target *t, enum board_admin to,
		     uint64_t for_us, struct str why, struct operate_answer *a)
{
	char time[32] = "";

	if (for_us)
		value_format(value_durations, for_us, time, sizeof(time));
	set_state(o, t->on, to, for_us ? loop_now_exact(o->loop) + for_us : 0, why);
	operate_look_at_times(o);
	tell(o, t->on, "is %s%s%s by hand%s%.*s", state_words[to], for_us ? " for " : "", time,
	     why.n ? ": " : "", STR_ARGS(why));
	say(a, CONTROL_DONE, "%s/%s is %s%s%s: %s", t->server->backend, t->server->name,
	    state_words[to], for_us ? " for " : "", time,
	    to == BOARD_ADMIN_DRAIN ? "only those who are bound to it go there"
				    : "nothing new goes there");
	add_consequence(t, a);
}

static void take_back(struct operate *o, const struct target *t, struct operate_answer *a)
{
	uint64_t now = loop_now_exact(o->loop), ejected = stats_get(t->on->ejected_until_us);
	enum board_server_state state;
	bool was = stats_get(t->on->admin) == BOARD_ADMIN_READY;
	char time[32];

	if (!was) {
		set_state(o, t->on, BOARD_ADMIN_READY, 0, STR_NONE);
		operate_look_at_times(o);
		tell(o, t->on, "is ready again by hand");
	}
	state = board_server_state(t->on);
	say(a, CONTROL_DONE, "%s/%s %s", t->server->backend, t->server->name,
	    was ? "was ready already" : "is ready again");
	if (state != BOARD_SERVER_UP)
		add(a, "; it gets nothing as long as its checks leave it %s",
		    board_server_state_name(state));
	if (ejected <= now)
		return;
	ejected += CLOCK_SEC - 1; /* whole seconds, rounded up */
	value_format(value_durations, (ejected - now) / CLOCK_SEC * CLOCK_SEC, time, sizeof(time));
	add(a, "; its breaker ejects it for %s more", time);
}

static void set_weight(struct operate *o, const struct target *t, uint64_t weight,
		       struct operate_answer *a)
{
	atomic_store(&t->server->weight, (unsigned)weight);
	stats_set(t->on->weight_given, 1);
	stats_set(t->on->weight, (uint32_t)weight);
	pool_stir(t->server, loop_now_exact(o->loop));
	tell(o, t->on, "has weight %" PRIu64 " by hand until the next reload", weight);
	say(a, CONTROL_DONE,
	    "%s/%s has weight %" PRIu64 " until the next reload; the "
	    "configuration says %u",
	    t->server->backend, t->server->name, weight, t->conf->weight);
	if (!weight)
		add_consequence(t, a);
}

void operate_command(struct operate *o, struct str request, struct operate_answer *a)
{
	struct str rest = request, word = STR_NONE, place = STR_NONE, number = STR_NONE;
	struct target t;
	uint64_t n = 0;

	str_split(&rest, '\0', &word);
	str_split(&rest, '\0', &place);
	if (!find_target(*o->now, place, &t, a))
		return;
	if (str_eq(word, STR("ready"))) {
		take_back(o, &t, a);
		return;
	}
	if (!str_split(&rest, '\0', &number) || !str_to_u64(number, &n))
		say(a, CONTROL_USAGE, "\"%.*s\" behind %.*s is no number", SHOWN(number),
		    SHOWN(word));
	else if (str_eq(word, STR("drain")))
		take_out(o, &t, BOARD_ADMIN_DRAIN, n, rest, a);
	else if (str_eq(word, STR("maint")))
		take_out(o, &t, BOARD_ADMIN_MAINT, n, rest, a);
	else if (n > WEIGHT_MOST)
		say(a, CONTROL_REFUSED, "%" PRIu64 " is no weight; write 0 to %d", n, WEIGHT_MOST);
	else
		set_weight(o, &t, n, a);
}
