/* The commands sessions and kill on their way: clients at socketpairs, a worker whose sessions
 * are made by hand, and both loops turned by the test, piece by piece (HTTP.md 142). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/control.h"
#include "proxy/roster.h"
#include "proxy/walk.h"

#define SESSIONS 900
/* Of one turn of the worker, from proxy/walk.c: so few that no client notices. */
#define LINES_MOST 64
#define LOOKS_MOST 256

static struct proxy_shared shared;
static struct board_proxy board;
static struct worker *workers[2];
static unsigned n_workers;
static struct loop *main_loop;
static struct roster roster;
static struct session session[SESSIONS];
static struct exchange *exchange;
static struct conf conf;
static struct conf_backend conf_backend;
static struct conf_server conf_server;
static struct conf_frontend conf_frontend;
static struct frontend frontend = { .conf = &conf_frontend };
static struct backend backend = { .conf = &conf_backend };
static struct server server;

static char packet[CONTROL_PACKET_MAX];
static unsigned lines, most_lines; /* read; of one packet */
static bool seen[SESSIONS];
static char last_kind, said[600];

static void add_session(unsigned i, bool busy)
{
	struct session *s = &session[i];
	struct exchange *x = &exchange[i];

	*s = (struct session){ .worker = workers[i % n_workers] };
	s->peer.u.in.sin_family = AF_INET;
	s->peer.u.in.sin_port = htons((uint16_t)i);
	s->peer.len = sizeof(s->peer.u.in);
	list_append(&s->worker->sessions, &s->link);
	if (!busy)
		return;
	s->exchange = x;
	*x = (struct exchange){ .session = s, .frontend = &frontend, .tunnel = true,
				.step = EXCHANGE_TUNNEL, .id = i + 1 };
}

static void forget(void)
{
	memset(seen, 0, sizeof(seen));
	lines = 0;
}

static void setup(void)
{
	alarm(120);
	exchange = calloc(SESSIONS, sizeof(*exchange));
	ck_assert_ptr_nonnull(exchange);
	main_loop = loop_new();
	shared = (struct proxy_shared){ .board = &board, .main_loop = main_loop };
	n_workers = 2;
	for (unsigned i = 0; i < n_workers; i++)
		workers[i] = worker_new(&shared, i);
	conf_frontend.name = STR("front");
	conf_backend = (struct conf_backend){ .name = STR("main"), .servers = &conf_server,
					      .n_servers = 1 };
	conf_server.name = STR("one");
	conf = (struct conf){ .backends = &conf_backend, .n_backends = 1 };
	strcpy(server.name, "one");
	roster_init(&roster, main_loop, workers, &n_workers);
	forget();
	most_lines = 0;
	last_kind = 0;
	said[0] = '\0';
}

static void teardown(void)
{
	roster_close(&roster);
	ck_assert_uint_eq(roster.n_asks, 0);
	for (unsigned i = 0; i < 2; i++)
		worker_free(workers[i]);
	loop_free(main_loop);
	free(exchange);
}

static void fill(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add_session(i, true);
}

/* A client that asks `words`; its end of the socket, which takes little when `narrow`. */
static int ask(struct str words, bool narrow)
{
	int fd[2], little = 1;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	if (narrow)
		setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	roster_command(&roster, &conf, fd[0], words);
	return fd[1];
}

static void turn(void)
{
	for (unsigned i = 0; i < n_workers; i++)
		loop_turn(workers[i]->loop, 0);
	loop_turn(main_loop, 0);
}

static void take_line(struct str line)
{
	struct str field, rest = line;
	struct walk_id id;

	ck_assert(str_split(&rest, '\t', &field));
	ck_assert(walk_id_parse(&id, field));
	ck_assert_uint_lt(id.number - 1, SESSIONS);
	ck_assert_uint_eq(id.worker, (id.number - 1) % 2);
	ck_assert_msg(!seen[id.number - 1], "%.*s comes twice", STR_ARGS(line));
	seen[id.number - 1] = true;
}

/* What is there now. False: the end was among it, or end-of-file. */
static bool read_some(int fd)
{
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet), 0)) > 0) {
		struct str body = { packet + 1, (size_t)n - 1 }, line;
		unsigned count = 0;

		last_kind = packet[0];
		if (packet[0] == 'x')
			return false;
		if (packet[0] != 'l') {
			snprintf(said, sizeof(said), "%.*s", STR_ARGS(body));
			continue;
		}
		for (; str_split(&body, '\n', &line) && line.n; count++)
			take_line(line);
		lines += count;
		most_lines = count > most_lines ? count : most_lines;
	}
	return n != 0;
}

static void read_all(int fd)
{
	for (unsigned i = 0; i < 10000 && read_some(fd); i++)
		turn();
	ck_assert_int_eq(last_kind, 'x');
	close(fd);
}

static bool has_marks(void)
{
	return !list_empty(&workers[0]->marks) || !list_empty(&workers[1]->marks);
}

START_TEST(h142_everything_is_listed_in_small_pieces)
{
	fill(SESSIONS);
	read_all(ask(STR("sessions"), false));
	ck_assert_uint_eq(lines, SESSIONS);
	ck_assert_uint_le(most_lines, LINES_MOST);
	ck_assert(!has_marks());
	ck_assert_uint_eq(roster.n_asks, 0);
}
END_TEST

START_TEST(h142_what_is_passed_by_is_work_too)
{
	unsigned turns = 0;
	int fd;

	n_workers = 1;
	for (unsigned i = 0; i < SESSIONS; i++)
		add_session(i, i == SESSIONS - 1);
	session[SESSIONS - 1].exchange->id = 1; /* of worker 0 */
	fd = ask(STR("sessions"), false);
	for (; read_some(fd); turns++)
		turn();
	ck_assert_uint_eq(lines, 1);
	ck_assert_uint_ge(turns, SESSIONS / LOOKS_MOST);
	close(fd);
}
END_TEST

START_TEST(h142_only_what_was_asked_for)
{
	uint64_t now = loop_now_exact(workers[0]->loop);

	fill(10);
	for (unsigned i = 0; i < 6; i++)
		exchange[i].backend = &backend;
	for (unsigned i = 0; i < 3; i++)
		exchange[i].server = &server;
	exchange[1].began_at = exchange[1].moved_at = now;
	exchange[8].ended = true;
	exchange[9].tunnel = false;
	exchange[9].began_at = exchange[9].moved_at = now; /* no second yet */
	read_all(ask(STR("sessions"), false));
	ck_assert(lines == 8 && !seen[8] && !seen[9]);
	forget();
	read_all(ask(STR("sessions\0backend=main"), false));
	ck_assert(lines == 6 && !seen[6] && !seen[7]);
	forget();
	read_all(ask(STR("sessions\0backend=main\0server=one"), false));
	ck_assert(lines == 3 && seen[0] && seen[1] && seen[2]);
	forget();
	read_all(ask(STR("sessions\0backend=main\0age=3600000000"), false));
	ck_assert(!seen[1]);
	read_all(ask(STR("sessions\0backend=other"), false));
	ck_assert_str_eq(said, "there is no backend other; servers shows them all\n");
}
END_TEST

START_TEST(h142_a_session_may_end_where_the_walk_stands)
{
	struct worker *w = workers[0];
	struct list *at;
	int fd;

	n_workers = 1;
	fill(SESSIONS);
	for (unsigned i = 0; i < SESSIONS; i++)
		exchange[i].id = 2 * (i / 2) + 1;
	for (unsigned i = 1; i < SESSIONS; i += 2)
		session[i].exchange = NULL;
	fd = ask(STR("sessions"), false);
	loop_turn(w->loop, 0);
	ck_assert(has_marks());
	at = list_of(w->marks.next, struct worker_mark, link)->at;
	ck_assert_ptr_ne(at, &w->sessions);
	worker_unlink_session(w, at);
	memset(list_of(at, struct session, link), 0xa5, sizeof(struct session));
	ck_assert_ptr_ne(list_of(w->marks.next, struct worker_mark, link)->at, at);
	while (!list_empty(&w->sessions)) /* and all others, too */
		worker_unlink_session(w, w->sessions.next);
	ck_assert_ptr_eq(list_of(w->marks.next, struct worker_mark, link)->at, &w->sessions);
	read_all(fd);
	ck_assert_uint_gt(lines, 0);
	ck_assert_uint_lt(lines, SESSIONS / 2);
}
END_TEST

START_TEST(h142_who_does_not_read_is_not_told_more)
{
	unsigned before;
	int fd;

	fill(SESSIONS);
	fd = ask(STR("sessions"), true);
	for (unsigned i = 0; i < 1000; i++)
		turn();
	ck_assert(has_marks());
	ck_assert_uint_eq(roster.n_asks, 1);
	read_some(fd);
	ck_assert_uint_lt(lines, 4 * LINES_MOST);
	do {
		before = lines;
		for (unsigned i = 0; i < 100; i++)
			turn();
	} while (read_some(fd) && lines > before);
	ck_assert_int_eq(last_kind, 'x');
	ck_assert_uint_eq(lines, SESSIONS);
	close(fd);
}
END_TEST

/* Some number of packets is just as much as fits: then the end is told like the rest. */
START_TEST(h142_the_end_waits_for_who_does_not_read)
{
	bool waited = false;

	n_workers = 1;
	for (unsigned most = 0; most < 6 * LINES_MOST; most += LINES_MOST) {
		int fd;

		for (unsigned i = most; i < most + LINES_MOST; i++) {
			add_session(i, true);
			exchange[i].id = 2 * i + 1;
		}
		forget();
		fd = ask(STR("sessions"), true);
		for (unsigned i = 0; i < 100; i++)
			turn();
		waited |= roster.n_asks == 1 && !has_marks();
		read_all(fd);
		ck_assert_uint_eq(lines, most + LINES_MOST);
		ck_assert_uint_eq(roster.n_asks, 0);
	}
	ck_assert(waited);
}
END_TEST

START_TEST(h142_who_never_reads_loses_the_answer)
{
	uint64_t end = clock_now_us() + 20 * CLOCK_SEC;
	int fd;

	roster.patience_us = 30 * CLOCK_MS;
	fill(SESSIONS);
	fd = ask(STR("sessions"), true);
	while (roster.n_asks && clock_now_us() < end) {
		turn();
		usleep(1000);
	}
	ck_assert_uint_eq(roster.n_asks, 0);
	ck_assert(!has_marks());
	ck_assert(!read_some(fd));
	ck_assert_int_eq(last_kind, 'l');
	ck_assert_uint_lt(lines, SESSIONS);
	close(fd);
}
END_TEST

START_TEST(h142_who_goes_is_forgotten)
{
	int fd;

	fill(SESSIONS);
	fd = ask(STR("sessions"), true);
	for (unsigned i = 0; i < 100; i++)
		turn();
	ck_assert_uint_eq(roster.n_asks, 1);
	close(fd);
	for (unsigned i = 0; i < 100; i++)
		turn();
	ck_assert_uint_eq(roster.n_asks, 0);
	ck_assert(!has_marks());
}
END_TEST

START_TEST(h142_not_everybody_at_once)
{
	int fd[17];

	fill(SESSIONS);
	for (unsigned i = 0; i < 17; i++)
		fd[i] = ask(STR("sessions"), true);
	ck_assert(!read_some(fd[16]));
	ck_assert_str_eq(said, "too many ask at the same time; try again\n");
	for (unsigned i = 0; i < 16; i++) {
		forget();
		read_all(fd[i]);
		ck_assert_uint_eq(lines, SESSIONS);
	}
	close(fd[16]);
	forget();
	read_all(ask(STR("sessions"), false));
	ck_assert_uint_eq(lines, SESSIONS);
}
END_TEST

/* Also when the worker has ended with the letter in its box. */
START_TEST(h142_the_end_is_told)
{
	int fd, late;

	fill(SESSIONS);
	fd = ask(STR("sessions"), false);
	loop_turn(workers[0]->loop, 0);
	roster_stop(&roster);
	late = ask(STR("sessions"), false);
	ck_assert(!read_some(late));
	ck_assert_str_eq(said, "hpcbald is stopping\n");
	said[0] = '\0';
	loop_turn(main_loop, 0);
	ck_assert(!read_some(fd));
	ck_assert_str_eq(said, "hpcbald is stopping\n");
	if (_i == 0)
		turn();
	ck_assert_uint_eq(roster.n_asks, _i == 0 ? 0 : 1);
	close(fd);
	close(late);
}
END_TEST

START_TEST(h142_nothing_of_that_name)
{
	fill(10);
	read_all(ask(STR("kill\0id=0.fffff"), false));
	ck_assert_str_eq(said, "no such session runs; sessions shows those that do\n");
	read_all(ask(STR("kill\0id=1.1"), false)); /* it runs in worker 0 */
	ck_assert_str_eq(said, "no such session runs; sessions shows those that do\n");
	read_all(ask(STR("kill\0backend=main\0server=two"), false));
	ck_assert_str_eq(said, "there is no server main/two; servers shows them all\n");
	read_all(ask(STR("kill\0backend=main\0server=one"), false));
	ck_assert_str_eq(said, "0");
}
END_TEST

static const struct {
	const char *text;
	bool good;
	unsigned worker;
	uint64_t number;
} ids[] = {
	{ "0.1", true, 0, 1 },
	{ "63.123456789ABCDEf", true, 63, 0x123456789abcdef },
	{ "7.00ff", true, 7, 255 },
	{ "64.1", false, 0, 0 },
	{ "0.0", false, 0, 0 },
	{ "0.", false, 0, 0 },
	{ ".1", false, 0, 0 },
	{ "", false, 0, 0 },
	{ "1", false, 0, 0 },
	{ "-1.1", false, 0, 0 },
	{ "0.-1", false, 0, 0 },
	{ "0. 1", false, 0, 0 },
	{ "0.1g", false, 0, 0 },
	{ "0.1234567890123456", false, 0, 0 },
};

START_TEST(h142_ids)
{
	struct walk_id id;
	char text[WALK_ID_TEXT];

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		ck_assert_msg(walk_id_parse(&id, str_of(ids[i].text)) == ids[i].good, "%s",
			      ids[i].text);
		if (ids[i].good)
			ck_assert(id.worker == ids[i].worker && id.number == ids[i].number);
	}
	id = (struct walk_id){ 12, 0xabc };
	walk_id_format(&id, text);
	ck_assert_str_eq(text, "12.abc");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy roster");
	TCase *t = tcase_create("roster");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, h142_everything_is_listed_in_small_pieces);
	tcase_add_test(t, h142_what_is_passed_by_is_work_too);
	tcase_add_test(t, h142_only_what_was_asked_for);
	tcase_add_test(t, h142_a_session_may_end_where_the_walk_stands);
	tcase_add_test(t, h142_who_does_not_read_is_not_told_more);
	tcase_add_test(t, h142_the_end_waits_for_who_does_not_read);
	tcase_add_test(t, h142_who_never_reads_loses_the_answer);
	tcase_add_test(t, h142_who_goes_is_forgotten);
	tcase_add_test(t, h142_not_everybody_at_once);
	tcase_add_loop_test(t, h142_the_end_is_told, 0, 2);
	tcase_add_test(t, h142_nothing_of_that_name);
	tcase_add_test(t, h142_ids);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
