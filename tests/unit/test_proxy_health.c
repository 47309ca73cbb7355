/* The health thread with real servers that answer as they are told. */
#include "proxy/health.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define FAKES 8
#define EVENTS 64

#define PATIENCE_US (40 * CLOCK_SEC) /* for a hang, not for a busy machine */
#define DAY (24 * 3600 * CLOCK_SEC)

/* A server of one thread. Status 0: it takes the request and says nothing. With a script it goes
 * from word to word of it, and stays at the last one, before LAST. */
#define LAST -1
struct fake {
	int fd;
	struct addr addr;
	pthread_t thread;
	_Atomic int status;
	const int *_Atomic script;
	_Atomic unsigned asked;
	_Atomic bool over;
};

static struct fake fakes[FAKES];
static unsigned n_fakes;
static struct board_proxy *board;
static struct healthd *health;
static struct loop *back;
static struct server *servers[FAKES];
static struct conf_status_range ok_range[] = { { 200, 399 } };
static struct conf_check checks[FAKES];
static unsigned n_decided;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char events[EVENTS][512];
static unsigned n_events;

static void event(void *arg, const char *line)
{
	ck_assert_ptr_eq(arg, &n_events);
	pthread_mutex_lock(&lock);
	if (n_events < EVENTS)
		snprintf(events[n_events++], sizeof(events[0]), "%s", line);
	pthread_mutex_unlock(&lock);
}

static void no_ask(void *arg, uint64_t check, uint64_t number)
{
	(void)arg;
	ck_abort_msg("an external check %llx is asked for (%llu)", (unsigned long long)check,
		     (unsigned long long)number);
}

static unsigned count_events(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = n_events;
	pthread_mutex_unlock(&lock);
	return n;
}

/* Event `i` is `pattern`, where "#" stands for a number. */
static void event_is(unsigned i, const char *pattern)
{
	char expression[1024] = "^";
	size_t n = 1;
	regex_t re;

	for (const char *p = pattern; *p; p++) {
		if (*p == '#')
			n += (size_t)sprintf(expression + n, "[0-9]+");
		else
			n += (size_t)sprintf(expression + n, strchr("().", *p) ? "\\%c" : "%c",
					     *p);
	}
	strcat(expression, "$");
	ck_assert_uint_lt(i, count_events());
	ck_assert_int_eq(regcomp(&re, expression, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, events[i], 0, NULL, 0) == 0, "\"%s\" is not \"%s\"", events[i],
		      pattern);
	regfree(&re);
}

static int next_status(struct fake *f)
{
	const int *word = f->script;

	if (!word)
		return f->status;
	if (word[1] != LAST)
		f->script = word + 1;
	return *word;
}

static void serve(struct fake *f, int fd)
{
	char request[512], answer[128];
	int status;
	ssize_t n;

	do
		n = read(fd, request, sizeof(request));
	while (n < 0 && errno == EAGAIN && !f->over);
	if (n <= 0)
		return;
	f->asked++;
	status = next_status(f);
	if (status) {
		n = snprintf(answer, sizeof(answer),
			     "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status);
		(void)!write(fd, answer, (size_t)n);
	} else {
		/* until the other side gives up */
		while (!f->over && (read(fd, request, sizeof(request)) > 0 || errno == EAGAIN))
			errno = 0;
	}
}

static void *fake_main(void *arg)
{
	struct fake *f = arg;
	struct timeval patience = { 0, 50000 };

	while (!f->over) {
		struct pollfd p = { .fd = f->fd, .events = POLLIN };
		int fd;

		if (poll(&p, 1, 10) <= 0 || (fd = accept(f->fd, NULL, NULL)) < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		serve(f, fd);
		close(fd);
	}
	return NULL;
}

static void server_make(unsigned i)
{
	char name[16];
	int slot;

	snprintf(name, sizeof(name), "app%u", i + 1);
	slot = board_server_slot(board, STR("app_backend"), str_of(name), STR("x"));
	ck_assert_int_ge(slot, 0);
	servers[i] = server_new(STR("app_backend"), str_of(name), &fakes[i].addr, (unsigned)slot,
				&board->servers[slot].stats);
	servers[i]->owner = &board->servers[slot];
}

static struct board_server *slot_of(unsigned i)
{
	return servers[i]->owner;
}

static void fake_start(int status)
{
	struct fake *f = &fakes[n_fakes];
	socklen_t len = sizeof(f->addr.u);

	*f = (struct fake){ .status = status };
	ck_assert_ptr_null(addr_parse(&f->addr, STR("127.0.0.1:1")));
	addr_set_port(&f->addr, 0);
	f->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(f->fd, &f->addr.u.sa, f->addr.len), 0);
	ck_assert_int_eq(listen(f->fd, 64), 0);
	ck_assert_int_eq(getsockname(f->fd, &f->addr.u.sa, &len), 0);
	ck_assert_int_eq(pthread_create(&f->thread, NULL, fake_main, f), 0);
	checks[n_fakes] = (struct conf_check){ .kind = CONF_CHECK_HTTP,
					       .method = STR("GET"),
					       .path = STR("/"),
					       .n_expect = 1,
					       .expect = ok_range,
					       .interval = 40 * CLOCK_MS,
					       .timeout = 2 * CLOCK_SEC,
					       .rise = 2,
					       .fall = 3 };
	server_make(n_fakes++);
}

static void setup(void)
{
	n_fakes = n_decided = n_events = 0;
	board = calloc(1, sizeof(*board));
	back = loop_new();
	health = healthd_start(board, event, no_ask, &n_events);
	ck_assert_ptr_nonnull(health);
}

static void teardown(void)
{
	if (health)
		healthd_stop(health);
	loop_free(back);
	for (unsigned i = 0; i < n_fakes; i++) {
		fakes[i].over = true;
		pthread_join(fakes[i].thread, NULL);
		close(fakes[i].fd);
		ck_assert_uint_eq(servers[i]->references, 1);
		server_unref(servers[i]);
	}
	free(board);
}

static void decided(void *arg, uint64_t round)
{
	ck_assert_uint_gt(round, 0);
	ck_assert_ptr_eq(arg, &n_decided);
	n_decided++;
}

/* The servers whose bits are set. */
static void watch(unsigned bits)
{
	struct health_target targets[FAKES];
	unsigned n = 0;

	for (unsigned i = 0; i < n_fakes; i++)
		if (bits >> i & 1)
			targets[n++] = (struct health_target){ servers[i], &checks[i], 0, NULL };
	healthd_watch(health, targets, n, back, decided, &n_decided);
}

/* Ends the test when `what` does not come to hold. */
#define WAIT_UNTIL(what)                                                                         \
	do {                                                                                     \
		uint64_t until_ = clock_now_us() + PATIENCE_US;                                  \
		while (!(what)) {                                                                \
			ck_assert_msg(clock_now_us() < until_, "line %d: waited in vain: %s",    \
				      __LINE__, #what);                                          \
			loop_turn(back, 5 * CLOCK_MS);                                           \
		}                                                                                \
	} while (0)

static bool wait_decided(unsigned n)
{
	WAIT_UNTIL(n_decided >= n);
	return n_decided == n;
}

static bool wait_health(unsigned i, enum server_health to)
{
	WAIT_UNTIL(servers[i]->health == to);
	return true;
}

static bool wait_asked(unsigned i, unsigned more)
{
	unsigned to = fakes[i].asked + more;

	WAIT_UNTIL(fakes[i].asked >= to);
	return true;
}

static void wait_ms(unsigned ms)
{
	uint64_t until = loop_now_exact(back) + ms * CLOCK_MS;

	while (loop_now_exact(back) < until)
		loop_turn(back, 5 * CLOCK_MS);
}

START_TEST(first_round_decides)
{
	uint64_t begun;

	fake_start(200);
	fake_start(503);
	fake_start(0);
	checks[2].timeout = 600 * CLOCK_MS;
	for (unsigned i = 0; i < 3; i++)
		checks[i].interval = DAY; /* a second one has its place there */
	begun = clock_now_us();
	watch(7);
	ck_assert_uint_eq(servers[2]->health, SERVER_STARTING);
	wait_ms(100);
	/* The third has not failed yet. */
	ck_assert(n_decided == 0 || clock_now_us() - begun >= checks[2].timeout);
	ck_assert(wait_decided(1));
	ck_assert_uint_eq(servers[0]->health, SERVER_UP);
	ck_assert_uint_eq(servers[1]->health, SERVER_DOWN);
	ck_assert_uint_eq(servers[2]->health, SERVER_DOWN);
	WAIT_UNTIL(count_events() >= 3);
	wait_ms(50);
	ck_assert_uint_eq(n_decided, 1);
	ck_assert_uint_eq(fakes[0].asked, 1);
	ck_assert_uint_eq(count_events(), 3);
	event_is(2, "server app_backend/app3 is DOWN: no answer within 600ms (first check, # ms); "
		    "1 of 3 servers of app_backend are up");
}
END_TEST

START_TEST(what_the_board_says)
{
	static const int twice[] = { 204, 204, 0, LAST };
	struct board_history h;
	uint64_t now = clock_wall_us();
	char reason[BOARD_TEXT];
	struct board_server *b;

	fake_start(503);
	checks[0].timeout = PATIENCE_US;
	watch(1);
	ck_assert(wait_decided(1));
	b = slot_of(0);
	ck_assert_uint_eq(b->health, BOARD_SERVER_DOWN);
	ck_assert_uint_eq(b->checked, 1);
	ck_assert_uint_eq(b->check_ok, 0);
	ck_assert_uint_eq(b->check_status, 503);
	ck_assert_uint_ge(b->check_last_wall_us, now);
	ck_assert_uint_ge(b->since_wall_us, now);
	ck_assert_uint_lt(b->check_duration_us, PATIENCE_US);
	board_read_text(&b->check_turn, reason, sizeof(reason), b->check_reason,
			sizeof(b->check_reason));
	ck_assert_str_eq(reason, "503, expected 200-399");
	ck_assert_uint_ge(stats_get(b->stats.checks), 1);
	ck_assert_uint_ge(stats_get(b->stats.check_failures), 1);
	ck_assert_uint_eq(stats_get(b->stats.transitions), 0);
	fakes[0].script = twice;
	ck_assert(wait_health(0, SERVER_UP));
	WAIT_UNTIL(stats_get(b->stats.transitions) == 1);
	ck_assert_uint_eq(b->health, BOARD_SERVER_UP);
	ck_assert_uint_eq(b->check_status, 204);
	WAIT_UNTIL(board_read_block(&b->history_turn, &h, &b->history, sizeof(h)));
	ck_assert_uint_ge(h.n, 3); /* a failure and two that were good */
	ck_assert_uint_eq(h.checks[0].status, 204);
	ck_assert_uint_eq(h.checks[0].ok, 1);
	ck_assert_uint_eq(h.checks[2].ok, 0);
	ck_assert_str_eq(h.checks[2].reason, "503, expected 200-399");
	ck_assert_uint_ge(h.checks[0].at_wall_us, h.checks[2].at_wall_us);
	ck_assert_uint_eq(b->check_ok, 1);
	ck_assert_uint_eq(stats_get(b->stats.transitions), 1);
}
END_TEST

START_TEST(falls_and_rises)
{
	unsigned asked;

	fake_start(200);
	fake_start(200);
	watch(3);
	ck_assert(wait_decided(1));
	asked = fakes[0].asked;
	fakes[0].status = 503;
	ck_assert(wait_health(0, SERVER_DOWN));
	ck_assert_uint_ge(fakes[0].asked, asked + 3);
	asked = fakes[0].asked;
	ck_assert_uint_eq(servers[0]->back_since, 0); /* whom the first check finds up was there */
	fakes[0].status = 200;
	ck_assert(wait_health(0, SERVER_UP));
	ck_assert_uint_gt(servers[0]->back_since, 0);
	ck_assert_uint_eq(((struct board_server *)servers[0]->owner)->back_since_us,
			  servers[0]->back_since);
	ck_assert_uint_eq(servers[1]->back_since, 0);
	ck_assert_uint_ge(fakes[0].asked, asked + 2);
	WAIT_UNTIL(count_events() >= 4);
	ck_assert_uint_eq(servers[1]->health, SERVER_UP);
	ck_assert_uint_eq(count_events(), 4);
	event_is(2, "server app_backend/app1 is DOWN: 503, expected 200-399 (3 failures in a row, "
		    "# ms); 1 of 2 servers of app_backend are up");
	event_is(3, "server app_backend/app1 is UP: 200 in # ms (2 successes in a row); 2 of 2 "
		    "servers of app_backend are up");
}
END_TEST

/* An interval that nobody waits for: only the fast one can have brought the state about. */
START_TEST(fast_in_transition)
{
	unsigned asked;

	fake_start(200);
	checks[0].interval = 3600 * CLOCK_SEC;
	watch(1);
	ck_assert(wait_decided(1));
	fakes[0].status = 503;
	checks[0].interval = 300 * CLOCK_MS;
	checks[0].fast_interval = 10 * CLOCK_MS;
	checks[0].fall = 4;
	watch(1);
	ck_assert(wait_asked(0, 1));
	checks[0].interval = 3600 * CLOCK_SEC;
	watch(1);
	ck_assert(wait_health(0, SERVER_DOWN));
	asked = fakes[0].asked;
	wait_ms(100);
	ck_assert_uint_le(fakes[0].asked, asked + 1); /* down for good: no hurry */
}
END_TEST

/* It is UP and takes nothing new, until it answers otherwise; failures say nothing of it. */
START_TEST(asks_to_be_drained)
{
	fake_start(200);
	checks[0].drain_status = 404;
	checks[0].fall = 1000000;
	watch(1);
	ck_assert(wait_decided(1));
	ck_assert(server_eligible(servers[0]));
	fakes[0].status = 404;
	WAIT_UNTIL(!server_eligible(servers[0]));
	WAIT_UNTIL(count_events() == 2);
	event_is(1, "server app_backend/app1 is DRAIN: asks to be drained: 404 in # ms; 0 of 1 "
		    "servers of app_backend are up");
	ck_assert(server_serves(servers[0]));
	ck_assert_uint_eq(board_server_state(slot_of(0)), BOARD_SERVER_DRAIN);
	fakes[0].status = 500;
	ck_assert(wait_asked(0, 2));
	ck_assert(server_serves(servers[0]) && !server_eligible(servers[0]));
	stats_set(slot_of(0)->admin, BOARD_ADMIN_MAINT); /* by hand goes first */
	ck_assert_uint_eq(board_server_state(slot_of(0)), BOARD_SERVER_MAINT);
	stats_set(slot_of(0)->admin, BOARD_ADMIN_READY);
	checks[0].fall = 5;
	watch(1);
	ck_assert(wait_health(0, SERVER_DOWN));
	WAIT_UNTIL(!slot_of(0)->draining);
	fakes[0].status = 404;
	ck_assert(wait_health(0, SERVER_UP));
	WAIT_UNTIL(board_server_state(slot_of(0)) == BOARD_SERVER_DRAIN);
	fakes[0].status = 200;
	WAIT_UNTIL(server_eligible(servers[0]));
	WAIT_UNTIL(board_server_state(slot_of(0)) == BOARD_SERVER_UP);
}
END_TEST

/* What a proxy before this one was asked holds at once. */
START_TEST(drain_goes_on_from_the_board)
{
	struct board_server *b;

	fake_start(404);
	checks[0].drain_status = 404;
	checks[0].interval = 3600 * CLOCK_SEC;
	b = slot_of(0);
	b->health = BOARD_SERVER_UP;
	b->checked = b->draining = 1;
	b->check_last_wall_us = clock_wall_us();
	watch(1);
	ck_assert(wait_decided(1));
	ck_assert(!server_eligible(servers[0]));
	ck_assert_uint_eq(fakes[0].asked, 0);
	checks[0].kind = CONF_CHECK_NONE;
	watch(1);
	WAIT_UNTIL(server_eligible(servers[0]));
	ck_assert(wait_decided(2));
}
END_TEST

START_TEST(refused_is_down)
{
	fake_start(200);
	checks[0].fall = 1;
	watch(1);
	ck_assert(wait_decided(1));
	shutdown(fakes[0].fd, SHUT_RDWR); /* stops listening */
	ck_assert(wait_health(0, SERVER_DOWN));
	WAIT_UNTIL(count_events() >= 2);
	event_is(1,
		 "server app_backend/app1 is DOWN: connection refused (1 failure, # ms); 0 of 1 "
		 "servers of app_backend are up");
}
END_TEST

START_TEST(unchecked_is_up)
{
	fake_start(503);
	checks[0].kind = CONF_CHECK_NONE;
	watch(1);
	ck_assert(wait_decided(1));
	ck_assert_uint_eq(servers[0]->health, SERVER_UP);
	ck_assert_uint_eq(slot_of(0)->health, BOARD_SERVER_UP);
	ck_assert_uint_eq(slot_of(0)->checked, 0);
	ck_assert_uint_eq(fakes[0].asked, 0);
	ck_assert_uint_eq(count_events(), 0);
}
END_TEST

START_TEST(nothing_to_watch)
{
	watch(0);
	ck_assert(wait_decided(1));
}
END_TEST

/* A restarted proxy goes on where the last one was; its first check is not at once. */
START_TEST(continues_from_the_board)
{
	static const int scripts[2][4] = { { 503, 503, 200, LAST }, { 200, 503, LAST } };
	struct board_server *b;
	uint64_t since = clock_wall_us() - 3600 * CLOCK_SEC;

	for (unsigned i = 0; i < 2; i++) {
		fake_start(0);
		fakes[i].script = scripts[i];
		checks[i].interval = DAY; /* its place there is hardly now */
		b = slot_of(i);
		b->health = i ? BOARD_SERVER_DOWN : BOARD_SERVER_UP;
		b->checked = 1;
		b->streak = 1;
		b->check_last_wall_us = clock_wall_us() - 2 * CLOCK_SEC;
		b->since_wall_us = since;
	}
	watch(3);
	ck_assert(wait_decided(1));
	ck_assert_uint_eq(servers[0]->health, SERVER_UP);
	ck_assert_uint_eq(servers[1]->health, SERVER_DOWN);
	ck_assert_uint_eq(count_events(), 0);
	ck_assert_uint_eq(slot_of(0)->since_wall_us, since);
	ck_assert(!fakes[0].asked && !fakes[1].asked);
	/* The streak goes on too: one of three, or of two, came before, and no more will come. */
	for (unsigned i = 0; i < 2; i++)
		checks[i].interval = 40 * CLOCK_MS;
	watch(3);
	WAIT_UNTIL(stats_get(slot_of(1)->stats.transitions) > 0);
	WAIT_UNTIL(stats_get(slot_of(0)->stats.transitions) > 0);
}
END_TEST

START_TEST(old_board_is_not_believed)
{
	fake_start(503);
	slot_of(0)->health = BOARD_SERVER_UP;
	slot_of(0)->checked = 1;
	slot_of(0)->check_last_wall_us = clock_wall_us() - 3600 * CLOCK_SEC;
	watch(1);
	ck_assert(wait_decided(1));
	ck_assert_uint_eq(servers[0]->health, SERVER_DOWN);
	ck_assert_uint_eq(count_events(), 1);
}
END_TEST

START_TEST(another_list)
{
	unsigned asked;

	fake_start(200);
	fake_start(200);
	fake_start(200);
	watch(1 | 2);
	ck_assert(wait_decided(1));
	watch(2 | 4);
	ck_assert(wait_decided(2));
	ck_assert_uint_eq(servers[2]->health, SERVER_UP);
	ck_assert_uint_eq(count_events(),
			  3); /* the second was not asked for the first time again */
	asked = fakes[0].asked;
	ck_assert(wait_asked(1, 3));
	ck_assert(wait_asked(2, 3));
	ck_assert_uint_le(fakes[0].asked, asked + 1);
	ck_assert_uint_eq(servers[0]->references, 1);
	ck_assert_uint_eq(servers[1]->references, 2);
	fakes[1].status = 500;
	ck_assert(wait_health(1, SERVER_DOWN));
	WAIT_UNTIL(count_events() >= 4);
	event_is(3, "server app_backend/app2 is DOWN: 500, expected 200-399 (3 failures in a row, "
		    "# ms); 1 of 2 servers of app_backend are up");
}
END_TEST

/* A list that comes while the first round of another still runs: each is told, the first
 * not later because of what came with the second. */
START_TEST(rounds_overlap)
{
	uint64_t begun = clock_now_us();
	bool early;

	fake_start(0);
	fake_start(0);
	checks[0].timeout = 150 * CLOCK_MS;
	checks[1].timeout = 1500 * CLOCK_MS;
	watch(1);
	watch(1 | 2);
	ck_assert(wait_decided(1));
	ck_assert_uint_eq(servers[0]->health, SERVER_DOWN);
	early = servers[1]->health == SERVER_STARTING;
	ck_assert(early || clock_now_us() - begun >= checks[1].timeout);
	ck_assert(wait_decided(2));
	ck_assert_uint_eq(servers[1]->health, SERVER_DOWN);
}
END_TEST

START_TEST(forgotten_before_its_first_result)
{
	fake_start(0);
	fake_start(200);
	checks[0].timeout = PATIENCE_US;
	watch(1 | 2);
	wait_ms(50);
	watch(2);
	ck_assert(wait_decided(2));
	ck_assert_uint_eq(servers[0]->references, 1);
	ck_assert_uint_eq(servers[0]->health, SERVER_STARTING);
}
END_TEST

START_TEST(settings_change)
{
	fake_start(204);
	checks[0].interval = 60 * CLOCK_SEC;
	watch(1);
	ck_assert(wait_decided(1));
	/* A shorter interval counts at once. */
	checks[0].interval = 30 * CLOCK_MS;
	watch(1);
	ck_assert(wait_asked(0, 3));
	ck_assert_uint_eq(count_events(), 1);
	/* Another expectation, while probes run with the one before. */
	ok_range[0].to = 200;
	for (int i = 0; i < 50; i++)
		watch(1);
	ok_range[0].to = 399; /* settings are copied */
	ck_assert(wait_health(0, SERVER_DOWN));
	/* No check any more. */
	checks[0].kind = CONF_CHECK_NONE;
	watch(1);
	ck_assert(wait_health(0, SERVER_UP));
	ck_assert(wait_decided(53));
	WAIT_UNTIL(count_events() >= 3 && slot_of(0)->checked == 0);
	event_is(2, "server app_backend/app1 is UP: it is not checked any more; 1 of 1 servers of "
		    "app_backend are up");
	/* And a check again: it is up until it has failed. */
	checks[0].kind = CONF_CHECK_HTTP;
	fakes[0].status = 500;
	watch(1);
	ck_assert(wait_decided(54));
	ck_assert_uint_eq(slot_of(0)->checked, 1);
	ck_assert(wait_health(0, SERVER_DOWN));
	WAIT_UNTIL(count_events() >= 4);
	event_is(3, "server app_backend/app1 is DOWN: 500, expected 200-399 (3 failures in a row, "
		    "# ms); 0 of 1 servers of app_backend are up");
}
END_TEST

/* Settings that change while probes run: each probe keeps those it began with. */
START_TEST(settings_change_under_probes)
{
	fake_start(0);
	checks[0].interval = 30 * CLOCK_MS;
	checks[0].timeout = 70 * CLOCK_MS;
	for (unsigned i = 0; i < 40; i++) {
		watch(1);
		wait_ms(15);
	}
	ck_assert(wait_decided(40));
	WAIT_UNTIL(fakes[0].asked >= 4);
	ck_assert_uint_eq(servers[0]->health, SERVER_DOWN);
}
END_TEST

/* Checks that took longer than the interval are not made up for. */
START_TEST(no_burst_after_slow_checks)
{
	unsigned asked;
	uint64_t since;

	fake_start(0);
	checks[0].interval = 40 * CLOCK_MS;
	checks[0].timeout = 500 * CLOCK_MS;
	watch(1);
	ck_assert(wait_decided(1));
	ck_assert(wait_asked(0, 2));
	fakes[0].status = 200;
	ck_assert(wait_asked(0, 1));
	since = clock_now_us();
	asked = fakes[0].asked;
	wait_ms(200);
	asked = fakes[0].asked - asked;
	ck_assert_uint_le(asked, (clock_now_us() - since) / (40 * CLOCK_MS) + 2);
	ck_assert(wait_asked(0, 1));
}
END_TEST

/* The old object's slot, and the same place on the board, for an object that is new. */
START_TEST(another_object_in_the_same_slot)
{
	struct server *old;

	fake_start(200);
	watch(1);
	ck_assert(wait_decided(1));
	old = servers[0];
	server_make(0);
	ck_assert_uint_eq(servers[0]->slot, old->slot);
	watch(1);
	ck_assert(wait_decided(2));
	ck_assert_uint_eq(servers[0]->health, SERVER_UP);
	ck_assert_uint_eq(old->references, 1);
	server_unref(old);
}
END_TEST

START_TEST(heart_beats)
{
	uint64_t first, now = clock_now_us();

	WAIT_UNTIL(board->health_beat_us >= now);
	first = board->health_beat_us;
	WAIT_UNTIL(board->health_beat_us > first);
	healthd_stop(health);
	health = NULL;
	ck_assert_uint_eq(board->health_beat_us, 0);
}
END_TEST

/* At once, while probes run, and with a list that was never looked at. */
START_TEST(stop)
{
	fake_start(0);
	fake_start(200);
	watch(3);
	wait_ms((unsigned)_i * 20);
	watch(1);
	healthd_stop(health);
	health = NULL;
	loop_turn(back, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy health");
	TCase *t = tcase_create("health");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, first_round_decides);
	tcase_add_test(t, what_the_board_says);
	tcase_add_test(t, falls_and_rises);
	tcase_add_test(t, fast_in_transition);
	tcase_add_test(t, asks_to_be_drained);
	tcase_add_test(t, drain_goes_on_from_the_board);
	tcase_add_test(t, refused_is_down);
	tcase_add_test(t, unchecked_is_up);
	tcase_add_test(t, nothing_to_watch);
	tcase_add_test(t, continues_from_the_board);
	tcase_add_test(t, old_board_is_not_believed);
	tcase_add_test(t, another_list);
	tcase_add_test(t, rounds_overlap);
	tcase_add_test(t, forgotten_before_its_first_result);
	tcase_add_test(t, settings_change);
	tcase_add_test(t, settings_change_under_probes);
	tcase_add_test(t, no_burst_after_slow_checks);
	tcase_add_test(t, another_object_in_the_same_slot);
	tcase_add_test(t, heart_beats);
	tcase_add_loop_test(t, stop, 0, 4);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
