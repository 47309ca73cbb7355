/* Where bytes are kept: arenas, receive buffers, lists, and the queue of spans. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/iovq.h"
#include "base/list.h"

/* ---- arena ---- */

START_TEST(arena_objects_are_aligned_and_apart)
{
	struct { unsigned char *p; size_t n; } got[500];
	struct arena a;

	arena_init(&a, 1000, 0);
	srand(1);
	for (unsigned i = 0; i < 500; i++) {
		got[i].n = (size_t)rand() % (i % 50 == 0 ? 5000 : 90);
		got[i].p = arena_alloc(&a, got[i].n);
		ck_assert_ptr_nonnull(got[i].p);
		ck_assert_uint_eq((uintptr_t)got[i].p % _Alignof(max_align_t), 0);
		memset(got[i].p, (int)i & 255, got[i].n);
	}
	for (unsigned i = 0; i < 500; i++)
		for (size_t k = 0; k < got[i].n; k++)
			ck_assert_uint_eq(got[i].p[k], i & 255);
	ck_assert(!arena_failed(&a));
	arena_free(&a);
}
END_TEST

START_TEST(arena_reset_keeps_one_block_for_the_next)
{
	struct arena a;
	void *first;

	arena_init(&a, 4096, 0);
	first = arena_alloc(&a, 100);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(arena_alloc(&a, 1000));
	arena_reset(&a);
	ck_assert_uint_eq(a.total, 0);
	ck_assert_ptr_eq(arena_alloc(&a, 100), first);
	arena_reset(&a);
	arena_reset(&a);
	ck_assert_ptr_eq(arena_alloc(&a, 4096), first);
	arena_free(&a);
	arena_free(&a);
}
END_TEST

START_TEST(arena_reset_gives_a_huge_first_block_back)
{
	struct arena a;

	arena_init(&a, 4096, 0);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1u << 20));
	arena_reset(&a);
	ck_assert_ptr_null(a.blocks);
	ck_assert_ptr_nonnull(arena_alloc(&a, 10));
	arena_free(&a);
}
END_TEST

START_TEST(arena_failure_sticks_until_reset)
{
	struct arena a;

	arena_init(&a, 1024, 2000);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1000));
	ck_assert_ptr_null(arena_alloc(&a, 1001));
	ck_assert(arena_failed(&a));
	ck_assert_ptr_null(arena_alloc(&a, 1));
	ck_assert_ptr_null(arena_zalloc(&a, 1));
	ck_assert_ptr_null(arena_str(&a, STR("x")).p);
	ck_assert_ptr_null(arena_printf(&a, "%d", 1).p);
	arena_reset(&a);
	ck_assert(!arena_failed(&a));
	ck_assert_ptr_nonnull(arena_alloc(&a, 2000));
	ck_assert_ptr_null(arena_alloc(&a, 1));
	arena_free(&a);
}
END_TEST

START_TEST(arena_limit_holds_for_small_objects_too)
{
	struct arena a;
	unsigned n = 0;

	arena_init(&a, 256, 10000);
	while (arena_alloc(&a, 1))
		n++;
	ck_assert_uint_ge(n, 10000 / _Alignof(max_align_t));
	ck_assert_uint_le(n, 10000 / _Alignof(max_align_t) + 1);
	arena_free(&a);
}
END_TEST

START_TEST(arena_refuses_what_cannot_be)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 1 };
	struct arena a;

	for (unsigned i = 0; i < 3; i++) {
		arena_init(&a, 64, 0);
		ck_assert_ptr_null(arena_alloc(&a, sizes[i]));
		ck_assert(arena_failed(&a));
		arena_free(&a);
	}
}
END_TEST

START_TEST(arena_strings_have_a_nul_behind)
{
	struct arena a;
	struct str s;
	unsigned char *z;

	arena_init(&a, 64, 0);
	s = arena_str(&a, STR("a\0b"));
	ck_assert_uint_eq(s.n, 3);
	ck_assert_int_eq(memcmp(s.p, "a\0b", 4), 0);
	s = arena_str(&a, STR_NONE);
	ck_assert_uint_eq(s.n, 0);
	ck_assert_int_eq(s.p[0], 0);
	s = arena_printf(&a, "%0200d|%s", 7, "end");
	ck_assert_uint_eq(s.n, 204);
	ck_assert_str_eq(s.p + 199, "7|end");
	memset(arena_alloc(&a, 500), 0xff, 500);
	arena_reset(&a);
	z = arena_zalloc(&a, 64);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(z[i], 0);
	arena_free(&a);
}
END_TEST

/* ---- buffers ---- */

START_TEST(buffers_come_back_empty_and_only_so_many_are_kept)
{
	struct buf_pool p;
	struct buf *b[3], *none = NULL;

	buf_pool_init(&p, 2);
	for (unsigned i = 0; i < 3; i++) {
		b[i] = buf_get(&p);
		ck_assert_uint_eq(buf_unread(b[i]).n, 0);
		ck_assert_uint_eq(buf_room(b[i]), BUF_SIZE);
		b[i]->at = 5;
		b[i]->end = BUF_SIZE;
		ck_assert_uint_eq(buf_room(b[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		buf_put(&p, &b[i]);
		ck_assert_ptr_null(b[i]);
	}
	buf_put(&p, &none);
	ck_assert_uint_eq(p.n_free, 2);
	b[0] = buf_get(&p);
	ck_assert_uint_eq(p.n_free, 1);
	ck_assert_uint_eq(b[0]->at, 0);
	ck_assert_uint_eq(b[0]->end, 0);
	buf_put(&p, &b[0]);
	buf_pool_free(&p);
	ck_assert_uint_eq(p.n_free, 0);
}
END_TEST

START_TEST(a_compacted_buffer_begins_with_what_is_unread)
{
	struct buf_pool p;
	struct buf *b;

	buf_pool_init(&p, 0);
	b = buf_get(&p);
	memcpy(b->bytes, "0123456789", 10);
	b->at = 3;
	b->end = 10;
	buf_compact(b);
	ck_assert(str_eq(buf_unread(b), STR("3456789")));
	ck_assert_uint_eq(b->at, 0);
	buf_compact(b);
	ck_assert(str_eq(buf_unread(b), STR("3456789")));
	b->at = b->end;
	buf_compact(b);
	ck_assert_uint_eq(buf_room(b), BUF_SIZE);
	buf_put(&p, &b);
	buf_pool_free(&p);
}
END_TEST

/* ---- lists ---- */

struct item {
	int value;
	struct list link;
};

static void list_is(struct list *head, const char *digits)
{
	char got[32] = "", back[32] = "";
	struct list *e;
	size_t n = 0;

	for (e = head->next; e != head; e = e->next)
		got[n++] = (char)('0' + list_of(e, struct item, link)->value);
	for (e = head->prev; e != head; e = e->prev)
		back[--n] = (char)('0' + list_of(e, struct item, link)->value);
	ck_assert_str_eq(got, digits);
	ck_assert_str_eq(back, digits);
}

START_TEST(lists_keep_their_order)
{
	struct item item[10];
	struct list head, *it, *tmp;

	list_init(&head);
	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_pop(&head));
	for (int i = 0; i < 10; i++) {
		item[i].value = i;
		list_init(&item[i].link);
		list_del(&item[i].link);
	}
	for (int i = 5; i < 10; i++)
		list_append(&head, &item[i].link);
	for (int i = 4; i >= 0; i--)
		list_push(&head, &item[i].link);
	list_is(&head, "0123456789");
	list_each_safe(it, tmp, &head)
		if (list_of(it, struct item, link)->value % 3)
			list_del(it);
	list_is(&head, "0369");
	list_add_before(&item[6].link, &item[5].link);
	list_del(&item[9].link);
	list_del(&item[9].link);
	list_is(&head, "0356");
	ck_assert_ptr_eq(list_pop(&head), &item[0].link);
	ck_assert(list_empty(&item[0].link));
	list_is(&head, "356");
}
END_TEST

/* ---- the queue of spans ---- */

static size_t queue_text(const struct iovq *q, char *to)
{
	size_t n = 0;

	for (unsigned i = 0; i < q->count; i++) {
		if (q->v[q->first + i].iov_len == 0)
			ck_abort_msg("an empty span is queued");
		memcpy(to + n, q->v[q->first + i].iov_base, q->v[q->first + i].iov_len);
		n += q->v[q->first + i].iov_len;
	}
	ck_assert_uint_eq(n, q->bytes);
	return n;
}

START_TEST(adjacent_spans_join)
{
	static const char text[] = "0123456789";
	struct iovq q;
	char got[32];

	iovq_init(&q);
	ck_assert(iovq_add(&q, STR_NONE));
	ck_assert_uint_eq(q.count, 0);
	ck_assert(iovq_add(&q, (struct str){ text, 3 }));
	ck_assert(iovq_add(&q, (struct str){ text + 3, 3 }));
	ck_assert_uint_eq(q.count, 1);
	ck_assert(iovq_add(&q, (struct str){ text + 7, 3 }));
	ck_assert_uint_eq(q.count, 2);
	ck_assert_uint_eq(queue_text(&q, got), 9);
	ck_assert_int_eq(memcmp(got, "012345789", 9), 0);
}
END_TEST

START_TEST(what_is_added_first_goes_first)
{
	static const char text[] = "abcdef";
	struct iovq q;
	char got[32];

	iovq_init(&q);
	ck_assert(iovq_add_first(&q, STR("in an empty one ")));
	ck_assert(iovq_add(&q, (struct str){ text, 4 }));
	ck_assert(iovq_add(&q, (struct str){ text + 5, 1 }));
	ck_assert(iovq_add_first(&q, STR("moved up ")));
	ck_assert_uint_eq(queue_text(&q, got), 30);
	ck_assert_int_eq(memcmp(got, "moved up in an empty one abcdf", 30), 0);
	/* Where some are sent there is a place in front, also of a queue that has no other. */
	iovq_sent(&q, 9);
	for (unsigned i = 0; iovq_room(&q); i++)
		ck_assert(iovq_add(&q, (struct str){ text + i % 2 * 2, 1 }));
	ck_assert(iovq_add_first(&q, STR("x")));
	ck_assert(!iovq_add_first(&q, STR("y")));
	ck_assert_uint_eq(q.count, IOVQ_MAX);
}
END_TEST

START_TEST(a_full_queue_refuses_and_is_unchanged)
{
	char bytes[2 * IOVQ_MAX + 2];
	struct iovq q;

	iovq_init(&q);
	for (unsigned i = 0; i < IOVQ_MAX; i++) {
		ck_assert_uint_eq(iovq_room(&q), IOVQ_MAX - i);
		ck_assert(iovq_add(&q, (struct str){ bytes + 2 * i, 1 }));
	}
	ck_assert_uint_eq(iovq_room(&q), 0);
	ck_assert(!iovq_add(&q, (struct str){ bytes + 2 * IOVQ_MAX, 1 }));
	ck_assert_uint_eq(q.bytes, IOVQ_MAX);
	/* What joins the last one needs no room. */
	ck_assert(iovq_add(&q, (struct str){ bytes + 2 * IOVQ_MAX - 1, 1 }));
	ck_assert(iovq_add(&q, STR_NONE));
	iovq_sent(&q, q.bytes);
	ck_assert_uint_eq(iovq_room(&q), IOVQ_MAX);
	ck_assert_uint_eq(q.count, 0);
}
END_TEST

START_TEST(sending_in_any_pieces_keeps_every_byte)
{
	static char bytes[1 << 16], got[1 << 16];

	srand(11);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)rand();
	for (unsigned round = 0; round < 40; round++) {
		static char want[1 << 16];
		size_t in = 0, out = 0;
		struct iovq q;

		iovq_init(&q);
		for (unsigned step = 0; step < 400; step++) {
			size_t n = (size_t)rand() % 40, at = (size_t)rand() % (sizeof(bytes) - n);
			size_t part = q.bytes ? (size_t)rand() % (q.bytes + 1) : 0;

			if (iovq_add(&q, (struct str){ bytes + at, n })) {
				memcpy(want + in, bytes + at, n);
				in += n;
			} else {
				ck_assert_uint_eq(iovq_room(&q), 0);
				part = q.bytes;
			}
			queue_text(&q, got);
			ck_assert_int_eq(memcmp(got, want + out, q.bytes), 0);
			iovq_sent(&q, part);
			out += part;
		}
		ck_assert_uint_eq(in - out, q.bytes);
	}
}
END_TEST

START_TEST(more_sent_than_queued_is_a_panic)
{
	const struct rlimit no_core = { 0, 0 };
	struct iovq q;

	setrlimit(RLIMIT_CORE, &no_core);
	iovq_init(&q);
	iovq_sent(&q, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base_memory");
	TCase *t = tcase_create("memory");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, arena_objects_are_aligned_and_apart);
	tcase_add_test(t, arena_reset_keeps_one_block_for_the_next);
	tcase_add_test(t, arena_reset_gives_a_huge_first_block_back);
	tcase_add_test(t, arena_failure_sticks_until_reset);
	tcase_add_test(t, arena_limit_holds_for_small_objects_too);
	tcase_add_test(t, arena_refuses_what_cannot_be);
	tcase_add_test(t, arena_strings_have_a_nul_behind);
	tcase_add_test(t, buffers_come_back_empty_and_only_so_many_are_kept);
	tcase_add_test(t, a_compacted_buffer_begins_with_what_is_unread);
	tcase_add_test(t, lists_keep_their_order);
	tcase_add_test(t, adjacent_spans_join);
	tcase_add_test(t, what_is_added_first_goes_first);
	tcase_add_test(t, a_full_queue_refuses_and_is_unchanged);
	tcase_add_test(t, sending_in_any_pieces_keeps_every_byte);
	tcase_add_test_raise_signal(t, more_sent_than_queued_is_a_panic, SIGABRT);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
