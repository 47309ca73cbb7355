#include "ipc/board.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct board_proxy *board;
static int board_fd;

static void setup(void)
{
	void *map;

	board_fd = board_create("test", sizeof(*board), &map);
	ck_assert_int_ge(board_fd, 0);
	board = map;
}

static void teardown(void)
{
	munmap(board, sizeof(*board));
	close(board_fd);
}

START_TEST(reader_sees_what_the_writer_writes_and_cannot_write)
{
	int fd = board_reader(board_fd);
	const char *why;
	struct board_proxy *r;

	ck_assert_int_ge(fd, 0);
	r = board_map(fd, sizeof(*r), false, &why);
	ck_assert_msg(r != NULL, "%s", why);
	stats_set(board->generation, 7);
	ck_assert_uint_eq(stats_get(r->generation), 7);
	ck_assert_ptr_eq(mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
			 MAP_FAILED);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_ptr_null(board_map(fd, sizeof(*r), true, &why));
	munmap(r, sizeof(*r));
	close(fd);
}
END_TEST

START_TEST(board_cannot_shrink_or_grow)
{
	ck_assert_int_eq(ftruncate(board_fd, 10), -1);
	ck_assert_int_eq(ftruncate(board_fd, (off_t)sizeof(*board) * 2), -1);
}
END_TEST

START_TEST(map_refuses_what_is_no_such_board)
{
	const char *why = NULL;
	int plain = memfd_create("x", MFD_ALLOW_SEALING);

	ck_assert_ptr_null(board_map(-1, sizeof(*board), false, &why));
	ck_assert_str_eq(why, "it is no board");
	ck_assert_int_eq(ftruncate(plain, sizeof(*board)), 0);
	ck_assert_ptr_null(board_map(plain, sizeof(*board), false, &why)); /* not sealed */
	ck_assert_int_eq(fcntl(plain, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_ptr_null(board_map(plain, sizeof(*board), false, &why)); /* no magic */
	ck_assert_ptr_null(board_map(board_fd, sizeof(*board) + 8, false, &why));
	board->head.layout++;
	ck_assert_ptr_null(board_map(board_fd, sizeof(*board), false, &why));
	board->head.layout--;
	board->head.size--;
	ck_assert_ptr_null(board_map(board_fd, sizeof(*board), false, &why));
	close(plain);
}
END_TEST

START_TEST(text_is_bounded_on_both_sides)
{
	char from[4] = {'a', 'b', 'c', 'd'}; /* no end */
	char to[8];

	board_text(to, sizeof(to), from, sizeof(from));
	ck_assert_str_eq(to, "abcd");
	board_text(to, 3, from, sizeof(from));
	ck_assert_str_eq(to, "ab");
	board_text(to, sizeof(to), "x\0y", 3);
	ck_assert_str_eq(to, "x");
	board_text(to, 1, from, sizeof(from));
	ck_assert_str_eq(to, "");
}
END_TEST

START_TEST(written_text_is_cut_and_read_back)
{
	_Atomic uint32_t turn = 0;
	char place[8], to[16];

	board_write_text(&turn, place, sizeof(place), STR("123456789"));
	ck_assert_uint_eq(turn, 2);
	board_read_text(&turn, to, sizeof(to), place, sizeof(place));
	ck_assert_str_eq(to, "1234567");
	board_write_text(&turn, place, sizeof(place), STR_NONE);
	board_read_text(&turn, to, sizeof(to), place, sizeof(place));
	ck_assert_str_eq(to, "");
	turn = 1; /* the writer died while it wrote */
	ck_assert(!board_read_text(&turn, to, sizeof(to), place, sizeof(place)));
	ck_assert_str_eq(to, "");
}
END_TEST

struct texts {
	_Atomic uint32_t turn;
	_Atomic bool over;
	char place[64];
};

static void *write_texts(void *arg)
{
	struct texts *t = arg;
	char line[64];

	for (unsigned i = 0; i < 200000; i++) {
		memset(line, 'a' + (int)(i % 26), sizeof(line));
		board_write_text(&t->turn, t->place, sizeof(t->place),
				 (struct str){line, 10 + i % 50});
	}
	t->over = true;
	return NULL;
}

START_TEST(reader_never_sees_a_mixed_text)
{
	struct texts t = {0};
	pthread_t thread;
	char to[64];

	unsigned whole = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_texts, &t), 0);
	while (!t.over || !whole) {
		if (!board_read_text(&t.turn, to, sizeof(to), t.place, sizeof(t.place)))
			continue; /* the writer was held up in the middle, and it says so */
		whole++;
		for (size_t i = 1; to[0] && to[i]; i++)
			ck_assert_int_eq(to[i], to[0]);
	}
	pthread_join(thread, NULL);
}
END_TEST

static int slot(const char *backend, const char *name)
{
	return board_server_slot(board, str_of(backend), str_of(name), STR("10.0.0.1:80"));
}

START_TEST(server_keeps_its_slot)
{
	int a = slot("web", "web1"), b = slot("web", "web2"), c = slot("app", "web1");

	ck_assert_int_ge(a, 0);
	ck_assert(a != b && b != c && a != c);
	stats_add(board->servers[a].stats.requests, 5);
	stats_set(board->servers[a].current, BOARD_GONE);
	stats_set(board->servers[b].current, BOARD_CURRENT);
	ck_assert_int_eq(slot("web", "web1"), a);
	ck_assert_uint_eq(stats_get(board->servers[a].stats.requests), 5);
	ck_assert_uint_eq(stats_get(board->servers[a].current), BOARD_PREPARED);
	ck_assert_int_eq(slot("web", "web2"), b);
	ck_assert_uint_eq(stats_get(board->servers[b].current), BOARD_CURRENT);
	ck_assert_int_ne(board_server_slot(board, STR("web"), STR("web1"), STR("10.0.0.2:80")), a);
}
END_TEST

START_TEST(what_was_prepared_is_given_up)
{
	int kept = slot("web", "web1"), given_up;

	stats_set(board->servers[kept].current, BOARD_CURRENT);
	given_up = slot("web", "web2");
	board_frontend_slot(board, STR("f"));
	board_backend_slot(board, STR("b"));
	board_forget_prepared(board);
	ck_assert_uint_eq(stats_get(board->servers[kept].current), BOARD_CURRENT);
	ck_assert_uint_eq(stats_get(board->servers[given_up].current), BOARD_GONE);
	ck_assert_uint_eq(stats_get(board->frontends[0].current), BOARD_GONE);
	ck_assert_uint_eq(stats_get(board->backends[0].current), BOARD_GONE);
}
END_TEST

START_TEST(full_board_gives_only_what_is_out_of_use)
{
	char name[32];

	for (int i = 0; i < BOARD_SERVERS; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		ck_assert_int_eq(slot("b", name), i);
	}
	ck_assert_int_eq(slot("b", "new"), -1);
	stats_set(board->servers[70].current, 0);
	stats_set(board->servers[70].stats.active, 1);
	stats_set(board->servers[71].current, 0);
	stats_set(board->servers[71].stats.idle, 1);
	ck_assert_int_eq(slot("b", "new"), -1);
	stats_set(board->servers[70].stats.active, 0);
	stats_set(board->servers[70].stats.requests, 9);
	ck_assert_int_eq(slot("b", "new"), 70);
	ck_assert_uint_eq(stats_get(board->servers[70].stats.requests), 0);
	ck_assert_str_eq(board->servers[70].name, "new");
	ck_assert_int_eq(slot("b", "newer"), -1);
}
END_TEST

START_TEST(names_that_do_not_fit_have_no_slot)
{
	char name[BOARD_NAME + 1];

	memset(name, 'x', BOARD_NAME);
	name[BOARD_NAME] = '\0';
	ck_assert_int_eq(slot("web", name), -1);
	ck_assert_int_eq(slot(name, "web"), -1);
	ck_assert_int_eq(board_backend_slot(board, str_of(name)), -1);
	ck_assert_int_eq(board_frontend_slot(board, str_of(name)), -1);
	ck_assert_int_ge(slot("web", name + 1), 0);
}
END_TEST

START_TEST(backends_and_frontends_keep_their_slots)
{
	char name[32];

	for (int i = 0; i < BOARD_BACKENDS; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		ck_assert_int_eq(board_backend_slot(board, str_of(name)), i);
	}
	ck_assert_int_eq(board_backend_slot(board, STR("new")), -1);
	ck_assert_int_eq(board_backend_slot(board, STR("b9")), 9);
	stats_set(board->backends[9].current, 0);
	ck_assert_int_eq(board_backend_slot(board, STR("new")), 9);
	for (int i = 0; i < BOARD_FRONTENDS; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ck_assert_int_eq(board_frontend_slot(board, str_of(name)), i);
	}
	stats_set(board->frontends[3].current, 0);
	stats_set(board->frontends[3].stats.connections, 1);
	ck_assert_int_eq(board_frontend_slot(board, STR("new")), -1);
	stats_set(board->frontends[3].stats.connections, 0);
	ck_assert_int_eq(board_frontend_slot(board, STR("new")), 3);
}
END_TEST

static const struct {
	uint32_t health, admin;
	const char *state;
} states[] = {
	{BOARD_SERVER_STARTING, BOARD_ADMIN_READY, "STARTING"},
	{BOARD_SERVER_UP, BOARD_ADMIN_READY, "UP"},
	{BOARD_SERVER_DOWN, BOARD_ADMIN_READY, "DOWN"},
	{BOARD_SERVER_UP, BOARD_ADMIN_DRAIN, "DRAIN"},
	{BOARD_SERVER_DOWN, BOARD_ADMIN_DRAIN, "DOWN"},
	{BOARD_SERVER_UP, BOARD_ADMIN_MAINT, "MAINT"},
	{BOARD_SERVER_DOWN, BOARD_ADMIN_MAINT, "MAINT"},
	{99, BOARD_ADMIN_READY, "DOWN"},
	{BOARD_SERVER_UP, 99, "UP"},
};

START_TEST(death_ends_what_runs_and_keeps_what_was_counted)
{
	int at = slot("web", "web1"), gone = slot("web", "web2");
	struct board_server *s = &board->servers[at];
	char text[BOARD_TEXT];

	ck_assert_int_eq(board_frontend_slot(board, STR("front")), 0);
	stats_set(s->current, BOARD_CURRENT);
	stats_set(s->health, BOARD_SERVER_DOWN);
	stats_set(s->stats.active, 3);
	stats_set(s->stats.idle, 2);
	stats_set(s->stats.requests, 7);
	stats_set(board->stats.connections, 9);
	stats_set(board->stats.log_lines, 5);
	stats_set(board->frontends[0].stats.connections, 9);
	stats_set(board->worker[1].beat_us, 1);
	stats_set(board->main_beat_us, 1);
	stats_set(board->health_beat_us, 1);
	s->check_turn = 3; /* it was writing */
	board_proxy_died(board);
	ck_assert_uint_eq(stats_get(s->stats.active), 0);
	ck_assert_uint_eq(stats_get(s->stats.idle), 0);
	ck_assert_uint_eq(stats_get(board->stats.connections), 0);
	ck_assert_uint_eq(stats_get(board->frontends[0].stats.connections), 0);
	ck_assert_uint_eq(stats_get(board->worker[1].beat_us), 0);
	ck_assert_uint_eq(stats_get(board->main_beat_us), 0);
	ck_assert_uint_eq(stats_get(board->health_beat_us), 0);
	ck_assert_uint_eq(stats_get(s->stats.requests), 7);
	ck_assert_uint_eq(stats_get(board->stats.log_lines), 5);
	ck_assert_uint_eq(stats_get(s->health), BOARD_SERVER_DOWN);
	ck_assert_uint_eq(stats_get(s->current), BOARD_CURRENT);
	ck_assert_uint_eq(stats_get(board->servers[gone].current), BOARD_GONE);
	board_write_text(&s->check_turn, s->check_reason, BOARD_TEXT, STR("fine"));
	ck_assert(
		board_read_text(&s->check_turn, text, sizeof(text), s->check_reason, BOARD_TEXT));
	ck_assert_str_eq(text, "fine");
}
END_TEST

START_TEST(state_is_health_and_admin_together)
{
	struct board_server *s = &board->servers[0];

	stats_set(s->health, states[_i].health);
	stats_set(s->admin, states[_i].admin);
	ck_assert_str_eq(board_server_state_name(board_server_state(s)), states[_i].state);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc_board");
	TCase *t = tcase_create("board");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, reader_sees_what_the_writer_writes_and_cannot_write);
	tcase_add_test(t, board_cannot_shrink_or_grow);
	tcase_add_test(t, map_refuses_what_is_no_such_board);
	tcase_add_test(t, text_is_bounded_on_both_sides);
	tcase_add_test(t, written_text_is_cut_and_read_back);
	tcase_add_test(t, reader_never_sees_a_mixed_text);
	tcase_add_test(t, server_keeps_its_slot);
	tcase_add_test(t, what_was_prepared_is_given_up);
	tcase_add_test(t, full_board_gives_only_what_is_out_of_use);
	tcase_add_test(t, names_that_do_not_fit_have_no_slot);
	tcase_add_test(t, backends_and_frontends_keep_their_slots);
	tcase_add_test(t, death_ends_what_runs_and_keeps_what_was_counted);
	tcase_add_loop_test(t, state_is_health_and_admin_together, 0,
			    (int)(sizeof(states) / sizeof(states[0])));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
