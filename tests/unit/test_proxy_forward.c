/* One direction of an exchange between real connections: every framing into every other, in
 * pieces of any size, pumped only when the loop says so. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/forward.h"

#define BODY_MAX (400u << 10)
#define WIRE_MAX (8u << 20)

static struct loop *loop;
static struct buf_pool buffers;
static struct arena arena;
static struct conn from, to;
static int source, sink; /* the far ends */
static struct buf *buf;
static struct flow flow;
static const struct h1_limits limits = { .max_head = 8192, .max_fields = 64 };
static enum reason why;
static bool woken;

static char body[BODY_MAX];
static char wire[WIRE_MAX]; /* what the source says */
static size_t wire_n, wire_at;
static char out[WIRE_MAX];  /* what the sink heard */
static size_t out_n;
static char plain[BODY_MAX]; /* of it, unchunked */

static void ready(struct conn *c)
{
	(void)c;
	woken = true;
}

static int pair_open(struct conn *c)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	ck_assert(conn_open(c, loop, fd[0], ready));
	return fd[1];
}

static void setup(void)
{
	alarm(120);
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	buf_pool_init(&buffers, 1);
	arena_init(&arena, 16384, 0);
	source = pair_open(&from);
	sink = pair_open(&to);
	buf = buf_get(&buffers);
	flow_init(&flow, &limits);
	wire_n = wire_at = out_n = 0;
	woken = true;
	why = REASON_COMPLETE;
}

static void teardown(void)
{
	conn_close(&from);
	conn_close(&to);
	close(source);
	close(sink);
	buf_put(&buffers, &buf);
	buf_pool_free(&buffers);
	arena_free(&arena);
	loop_free(loop);
}

static void small_buffer(int fd)
{
	const int size = 4096;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

/* A ck_assert() writes to a file each time, too slow for what is asked of each chunk. */
static void need(bool ok, const char *what)
{
	if (!ok)
		ck_abort_msg("%s", what);
}

/* ---- what the source says ---- */

static void wire_add(const void *p, size_t n)
{
	need(wire_n + n <= sizeof(wire), "the source's words fit");
	memcpy(wire + wire_n, p, n);
	wire_n += n;
}

static void wire_text(const char *z)
{
	wire_add(z, strlen(z));
}

static void wire_chunk(const char *p, size_t n)
{
	static const char *const styles[] = { "%zx\r\n", "%zX\r\n", "000%zx\r\n",
					      "%zx;name=\"va\\\"lue\"\r\n" };
	char head[64];

	snprintf(head, sizeof(head), styles[n > 300 ? rand() % 4 : 0], n);
	wire_text(head);
	wire_add(p, n);
	wire_text("\r\n");
}

/* The first n bytes of the body in chunks of 1 to `most`. */
static void wire_chunks(size_t n, size_t most, const char *trailers)
{
	for (size_t at = 0; at < n;) {
		size_t piece = 1 + (size_t)rand() % most;

		piece = piece < n - at ? piece : n - at;
		wire_chunk(body + at, piece);
		at += piece;
	}
	wire_text("0\r\n");
	wire_text(trailers);
	wire_text("\r\n");
}

static void wire_body(enum http_framing in, size_t n)
{
	if (in == FRAMING_CHUNKED)
		wire_chunks(n, 1 + (size_t)rand() % 20000, "");
	else if (in != FRAMING_NONE)
		wire_add(body, n);
}

/* ---- what the sink heard ---- */

/* Strictly: what hpcbal writes is lower case, with no zeros in front and no extension. */
static size_t chunk_size(const char **p, const char *end)
{
	const char *begin = *p;
	size_t n = 0;

	for (; *p < end && **p != '\r'; ++*p) {
		need(memchr("0123456789abcdef", **p, 16), "a chunk size is of lower-case digits");
		n = n * 16 + (size_t)(**p <= '9' ? **p - '0' : **p - 'a' + 10);
	}
	need(*p - begin == 1 || (*p - begin > 1 && *begin != '0'), "and has no zeros in front");
	need(end - *p >= 2 && memcmp(*p, "\r\n", 2) == 0, "a line end is behind it");
	*p += 2;
	return n;
}

static size_t unchunk(const char *p, const char *trailers)
{
	const char *end = out + out_n;
	size_t n = 0, size;

	while ((size = chunk_size(&p, end)) > 0) {
		need(size + 2 <= (size_t)(end - p), "a chunk is whole");
		need(n + size <= sizeof(plain), "there are no more bytes than were said");
		memcpy(plain + n, p, size);
		n += size;
		need(memcmp(p + size, "\r\n", 2) == 0, "a line end is behind the chunk");
		p += size + 2;
	}
	ck_assert_uint_eq((size_t)(end - p), strlen(trailers) + 2);
	ck_assert_int_eq(memcmp(p, trailers, strlen(trailers)), 0);
	ck_assert_int_eq(memcmp(end - 2, "\r\n", 2), 0);
	return n;
}

/* Behind the head: the first n bytes of the body as `framing` has them, and nothing more. */
static void heard(const char *head, enum http_framing framing, size_t n, const char *trailers)
{
	size_t h = strlen(head);

	ck_assert_uint_ge(out_n, h);
	ck_assert_int_eq(memcmp(out, head, h), 0);
	if (framing == FRAMING_CHUNKED) {
		ck_assert_uint_eq(unchunk(out + h, trailers), n);
		ck_assert_int_eq(memcmp(plain, body, n), 0);
	} else {
		ck_assert_uint_eq(out_n - h, n);
		ck_assert_int_eq(memcmp(out + h, body, n), 0);
	}
}

/* ---- the pump ---- */

enum ending { GOES_ON, ENDS, RESETS }; /* the source, after its last byte */

static size_t most_piece = 30000;

static bool source_says(enum ending e)
{
	size_t n = 1 + (size_t)rand() % most_piece;
	ssize_t went;

	if (wire_at == wire_n)
		return false;
	n = n < wire_n - wire_at ? n : wire_n - wire_at;
	went = write(source, wire + wire_at, n);
	if (went < 0)
		return false;
	wire_at += (size_t)went;
	if (wire_at == wire_n && e == ENDS)
		shutdown(source, SHUT_WR);
	if (wire_at == wire_n && e == RESETS) {
		close(source); /* with something unread, which makes it a reset */
		source = -1;
	}
	return true;
}

static bool sink_hears(size_t most)
{
	size_t room = sizeof(out) - out_n;
	ssize_t n = read(sink, out + out_n, most < room ? most : room);

	if (n <= 0)
		return false;
	out_n += (size_t)n;
	return true;
}

static enum flow_result pump(void)
{
	enum flow_result r = flow_pump(&flow, &from, buf, &to, &arena, &why);

	if (r == FLOW_WAIT_READ)
		need(!from.can_read && flow.q.bytes == 0, "it waits when nothing can be read");
	if (r == FLOW_WAIT_WRITE)
		need(!to.can_write && flow.q.bytes > 0, "it waits when nothing can be sent");
	need(buf->end <= BUF_SIZE, "the buffer holds what it holds");
	return r;
}

static bool goes_on(enum flow_result r)
{
	return r == FLOW_WAIT_READ || r == FLOW_WAIT_WRITE || r == FLOW_AGAIN;
}

/* Until the flow has ended. It is pumped when a connection became ready, and at no other
 * time: what hangs here would hang in the proxy. */
static enum flow_result run(enum ending e)
{
	enum flow_result r = FLOW_AGAIN;
	unsigned quiet = 0;

	if (wire_at == wire_n && e == ENDS)
		shutdown(source, SHUT_WR);
	while (goes_on(r)) {
		bool moved = false;

		if (rand() % 3)
			moved = source_says(e);
		loop_turn(loop, 0);
		if (woken || r == FLOW_AGAIN) {
			woken = false;
			r = pump();
			moved = true;
		}
		if (rand() % 3)
			moved = sink_hears(1 + (size_t)rand() % most_piece) || moved;
		quiet = moved ? 0 : quiet + 1;
		if (quiet == 10000)
			ck_abort_msg("it hangs: result %d, %zu of %zu said, %zu heard", (int)r,
				     wire_at, wire_n, out_n);
	}
	while (sink_hears(sizeof(out)))
		;
	ck_assert(r != FLOW_DONE || flow.sent == out_n);
	return r;
}

/* ---- every framing into every other ---- */

static const enum http_framing framings[] = { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED,
					      FRAMING_CLOSE };
static const size_t sizes[] = { 0, 1, 2, 999, BUF_SIZE - 1, BUF_SIZE, BUF_SIZE + 1, 200000,
				BODY_MAX };

#define N_FRAMINGS 4
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void one_into_other(enum http_framing in, size_t n, enum http_framing as)
{
	if (rand() % 2)
		small_buffer(to.io.fd);
	if (rand() % 2)
		small_buffer(source);
	most_piece = rand() % 4 ? 30000 : 700;
	wire_body(in, n);
	ck_assert(iovq_add(&flow.q, STR("the head\r\n\r\n")));
	flow_begin(&flow, in, n, as, 0);
	ck_assert_int_eq(run(in == FRAMING_CLOSE ? ENDS : GOES_ON), FLOW_DONE);
	ck_assert(flow.in_done && flow.out_done);
	ck_assert_uint_eq(flow.body, n);
	heard("the head\r\n\r\n", in == FRAMING_NONE ? FRAMING_NONE : as, n, "");
	/* No more is done, and the source may be gone. */
	conn_close(&from);
	ck_assert_int_eq(pump(), FLOW_DONE);
}

START_TEST(every_framing_into_every_other)
{
	enum http_framing in = framings[_i / N_FRAMINGS], as = framings[_i % N_FRAMINGS];

	if (as == FRAMING_NONE && in != FRAMING_NONE)
		return;
	for (size_t i = 0; i < N_SIZES; i++) {
		srand(1000 + 100 * (unsigned)_i + (unsigned)i);
		one_into_other(in, in == FRAMING_NONE ? 0 : sizes[i], as);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(a_body_cannot_go_where_there_is_none)
{
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	flow_begin(&flow, FRAMING_LENGTH, 5, FRAMING_NONE, 0);
}
END_TEST

/* The head comes into the queue before or after flow_begin(), in as many spans as there are. */
START_TEST(a_head_of_many_spans_goes_first)
{
	static char head[IOVQ_MAX * 2], text[IOVQ_MAX + 1];
	unsigned spans = IOVQ_MAX - (unsigned)_i % 8;
	bool late = _i >= 8;

	srand((unsigned)_i);
	if (late)
		flow_begin(&flow, FRAMING_LENGTH, 0, FRAMING_CHUNKED, 0);
	for (unsigned i = 0; i < spans; i++) {
		head[2 * i] = text[i] = (char)('a' + i % 26);
		ck_assert(iovq_add(&flow.q, (struct str){ head + 2 * i, 1 }));
	}
	if (!late) {
		wire_chunks(5000, 50, "");
		flow_begin(&flow, FRAMING_CHUNKED, 0, FRAMING_CHUNKED, 0);
	}
	ck_assert_int_eq(run(GOES_ON), FLOW_DONE);
	heard(text, FRAMING_CHUNKED, late ? 0 : 5000, "");
}
END_TEST

/* ---- the buffer ---- */

static bool only_h(size_t n)
{
	size_t i = 0;

	while (i < n && buf->bytes[i] == 'H')
		i++;
	return i == n;
}

/* A part of the body, or all of it and more, came together with the head. */
static const size_t with_head[] = { 0, 1, 700, 5000, 6000 };

START_TEST(what_came_with_the_head_is_body_and_what_is_behind_it_is_not)
{
	enum http_framing in = _i % 2 ? FRAMING_CHUNKED : FRAMING_LENGTH;
	size_t early = with_head[_i / 2], next_n = strlen("GET /next HTTP/1.1\r\n\r\n");
	size_t head_n = 300, message_n;

	srand((unsigned)_i);
	wire_body(in, 5000);
	message_n = wire_n;
	wire_text("GET /next HTTP/1.1\r\n\r\n");
	early = early > wire_n ? wire_n : early;
	memset(buf->bytes, 'H', head_n);
	memcpy(buf->bytes + head_n, wire, early);
	buf->at = head_n;
	buf->end = head_n + early;
	wire_at = early;
	flow_begin(&flow, in, 5000, in, head_n);
	ck_assert_int_eq(run(GOES_ON), FLOW_DONE);
	heard("", in, 5000, "");
	ck_assert(only_h(head_n));
	/* The next request is in the buffer as far as it was read, and else still on its way. */
	ck_assert_uint_le(buf_unread(buf).n, next_n);
	ck_assert(str_begins(STR("GET /next HTTP/1.1\r\n\r\n"), buf_unread(buf)));
	if (early >= message_n)
		ck_assert(!flow.moved);
}
END_TEST

static const size_t keeps[] = { 1, 300, 61440, BUF_SIZE - 1 };

START_TEST(the_front_of_the_buffer_is_kept)
{
	size_t keep = keeps[_i / 3], n = _i % 3 == 0 ? 1 : _i % 3 == 1 ? 700 : 100000;

	srand((unsigned)_i);
	wire_body(FRAMING_LENGTH, n);
	memset(buf->bytes, 'H', keep);
	buf->at = buf->end = keep;
	flow_begin(&flow, FRAMING_LENGTH, n, FRAMING_CHUNKED, keep);
	ck_assert_int_eq(run(GOES_ON), FLOW_DONE);
	heard("", FRAMING_CHUNKED, n, "");
	ck_assert(only_h(keep));
	/* Whatever was not moved can be sent again from the buffer. */
	if (!flow.moved) {
		ck_assert_uint_eq(buf->end, keep + n);
		ck_assert_int_eq(memcmp(buf->bytes + keep, body, n), 0);
	}
	if (n > BUF_SIZE - keep)
		ck_assert(flow.moved);
}
END_TEST

/* A retry begins again with what is still there. */
START_TEST(what_was_not_moved_goes_out_again)
{
	size_t n = 3000;

	wire_body(FRAMING_CHUNKED, n);
	memset(buf->bytes, 'H', 100);
	memcpy(buf->bytes + 100, wire, wire_n);
	buf->at = 100;
	buf->end = 100 + wire_n;
	wire_at = wire_n;
	for (unsigned try = 0; try < 3; try++) {
		buf->at = 100;
		out_n = 0;
		flow.sent = 0;
		iovq_init(&flow.q);
		flow_begin(&flow, FRAMING_CHUNKED, 0, FRAMING_CHUNKED, 100);
		ck_assert(flow_fill(&flow, buf, &arena, &why));
		ck_assert_int_eq(run(GOES_ON), FLOW_DONE);
		ck_assert(!flow.moved);
		heard("", FRAMING_CHUNKED, n, "");
	}
}
END_TEST

/* ---- back-pressure ---- */

static int unread_bytes(const struct conn *c)
{
	int n = 0;

	ck_assert_int_eq(ioctl(c->io.fd, FIONREAD, &n), 0);
	return n;
}

/* Nobody reads the sink: no more than one buffer is taken from the source. */
START_TEST(who_does_not_read_stops_the_source)
{
	enum http_framing in = _i % 2 ? FRAMING_CHUNKED : FRAMING_LENGTH;
	enum flow_result r;
	int waiting;

	srand((unsigned)_i);
	small_buffer(to.io.fd);
	wire_body(in, BODY_MAX);
	flow_begin(&flow, in, BODY_MAX, _i < 2 ? FRAMING_CHUNKED : FRAMING_CLOSE, 0);
	for (unsigned i = 0; i < 400; i++) {
		source_says(GOES_ON);
		loop_turn(loop, 0);
		r = pump();
	}
	ck_assert_int_eq(r, FLOW_WAIT_WRITE);
	ck_assert_uint_le(flow.q.bytes, 2 * BUF_SIZE);
	waiting = unread_bytes(&from);
	ck_assert_int_gt(waiting, 0);
	for (unsigned i = 0; i < 100; i++) {
		loop_turn(loop, 0);
		ck_assert_int_eq(pump(), FLOW_WAIT_WRITE);
	}
	ck_assert_int_eq(unread_bytes(&from), waiting);
	/* Then it goes on, without a byte lost. */
	woken = true;
	ck_assert_int_eq(run(GOES_ON), FLOW_DONE);
	heard("", flow.out, BODY_MAX, "");
}
END_TEST

/* ---- many small chunks ---- */

START_TEST(a_flood_of_tiny_chunks_passes_and_leaves_others_their_turn)
{
	enum http_framing as = _i ? FRAMING_CLOSE : FRAMING_CHUNKED;
	enum flow_result r = FLOW_AGAIN;
	unsigned again = 0;
	size_t n = 100000;

	for (size_t i = 0; i < n; i++)
		wire_chunk(body + i, 1);
	wire_text("0\r\n\r\n");
	flow_begin(&flow, FRAMING_CHUNKED, 0, as, 0);
	while (goes_on(r)) {
		size_t before = flow.sent;

		source_says(GOES_ON);
		loop_turn(loop, 0);
		r = pump();
		again += r == FLOW_AGAIN;
		need(flow.sent - before <= 20 * BUF_SIZE, "a pump moves so much and no more");
		sink_hears(sizeof(out));
	}
	while (sink_hears(sizeof(out)))
		;
	ck_assert_int_eq(r, FLOW_DONE);
	ck_assert_uint_gt(again, 0);
	heard("", as, n, "");
}
END_TEST

/* ---- trailers ---- */

START_TEST(trailers_go_where_there_are_chunks)
{
	const char *trailers = "X-Sum: 0f\r\nX-Other: some more\r\n";

	srand((unsigned)_i);
	most_piece = _i / 2 ? 3 : 30000;
	wire_chunks(400, 100, trailers);
	flow_begin(&flow, FRAMING_CHUNKED, 0, _i % 2 ? FRAMING_CLOSE : FRAMING_CHUNKED, 0);
	ck_assert_int_eq(run(GOES_ON), FLOW_DONE);
	heard("", flow.out, 400, trailers);
}
END_TEST

/* ---- ends that come too early ---- */

static const struct cut {
	enum http_framing in;
	const char *said;
	size_t passed; /* bytes of body that must have come through all the same */
} cuts[] = {
	{ FRAMING_LENGTH, "", 0 },
	{ FRAMING_LENGTH, "0123456789", 10 },
	{ FRAMING_CHUNKED, "", 0 },
	{ FRAMING_CHUNKED, "5", 0 },
	{ FRAMING_CHUNKED, "5\r\n012", 3 },
	{ FRAMING_CHUNKED, "5\r\n01234", 5 },
	{ FRAMING_CHUNKED, "5\r\n01234\r\n", 5 },
	{ FRAMING_CHUNKED, "5\r\n01234\r\n0\r\n", 5 },
	{ FRAMING_CHUNKED, "5\r\n01234\r\n0\r\nX: y\r\n", 5 },
	{ FRAMING_CHUNKED, "5\r\n01234\r\n0\r\n\r", 5 },
};

static enum flow_result run_cut(const struct cut *c, enum ending e)
{
	wire_text(c->said);
	flow_begin(&flow, c->in, 11, FRAMING_CLOSE, 0);
	return run(e);
}

START_TEST(a_source_that_ends_early_is_told_from_one_that_is_done)
{
	ck_assert_int_eq(run_cut(&cuts[_i], ENDS), FLOW_SOURCE_END);
	ck_assert(!flow.in_done && !flow.out_done);
	ck_assert_uint_eq(out_n, cuts[_i].passed);
	ck_assert_int_eq(memcmp(out, "0123456789", out_n), 0);
}
END_TEST

/* The reset comes in one edge with the last bytes. A body that ends with the connection is
 * not complete when that breaks. */
START_TEST(a_source_that_breaks_has_failed)
{
	static const struct cut broken[] = {
		{ FRAMING_LENGTH, "0123456789", 10 },
		{ FRAMING_CHUNKED, "5\r\n01234\r\n", 5 },
		{ FRAMING_CLOSE, "0123456789", 10 },
	};

	ck_assert_int_eq(send(from.io.fd, "unread", 6, 0), 6);
	ck_assert_int_eq(run_cut(&broken[_i], RESETS), FLOW_SOURCE_FAIL);
	ck_assert_uint_eq(out_n, broken[_i].passed);
	ck_assert_int_eq(from.error, ECONNRESET);
}
END_TEST

START_TEST(a_sink_that_left_has_failed)
{
	wire_body(FRAMING_LENGTH, 5000);
	close(sink);
	sink = -1;
	flow_begin(&flow, FRAMING_LENGTH, 5000, FRAMING_LENGTH, 0);
	ck_assert_int_eq(run(GOES_ON), FLOW_SINK_FAIL);
	ck_assert_int_eq(to.error, EPIPE);
}
END_TEST

static const struct bad {
	const char *said;
	enum reason why;
} bad[] = {
	{ "x\r\n", REASON_REQ_CHUNK },
	{ "5\r\n01234xx", REASON_REQ_CHUNK },
	{ "5\n01234", REASON_REQ_CHUNK },
	{ "0\r\n: nothing\r\n\r\n", REASON_REQ_TRAILER },
};

START_TEST(broken_framing_has_a_reason)
{
	most_piece = _i % 2 ? 1 : 1000;
	wire_text(bad[_i / 2].said);
	flow_begin(&flow, FRAMING_CHUNKED, 0, FRAMING_CHUNKED, 0);
	ck_assert_int_eq(run(GOES_ON), FLOW_BAD);
	ck_assert_int_eq(why, bad[_i / 2].why);
	/* Nothing that looks like an end was passed on. */
	ck_assert(out_n < 5 || memcmp(out + out_n - 5, "0\r\n\r\n", 5) != 0);
}
END_TEST

/* ---- the limit ---- */

START_TEST(a_body_over_the_limit_is_refused_one_at_the_limit_is_not)
{
	enum http_framing in = framings[1 + _i / 2];
	size_t limit = 150000, n = limit + (size_t)(_i % 2);

	srand((unsigned)_i);
	flow.limit = limit;
	wire_body(in, n);
	flow_begin(&flow, in, n, FRAMING_CLOSE, 0);
	if (n <= limit) {
		ck_assert_int_eq(run(ENDS), FLOW_DONE);
		heard("", FRAMING_CLOSE, n, "");
	} else {
		ck_assert_int_eq(run(ENDS), FLOW_BAD);
		ck_assert_int_eq(why, REASON_REQ_BODY_TOO_LARGE);
		ck_assert_uint_le(out_n, limit);
		ck_assert_int_eq(memcmp(out, body, out_n), 0);
	}
}
END_TEST

static Suite *forward_suite(void)
{
	Suite *s = suite_create("proxy_forward");
	TCase *t = tcase_create("forward");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 180);
	tcase_add_loop_test(t, every_framing_into_every_other, 0, N_FRAMINGS * N_FRAMINGS);
	tcase_add_test_raise_signal(t, a_body_cannot_go_where_there_is_none, SIGABRT);
	tcase_add_loop_test(t, a_head_of_many_spans_goes_first, 0, 16);
	tcase_add_loop_test(t, what_came_with_the_head_is_body_and_what_is_behind_it_is_not, 0,
			    2 * sizeof(with_head) / sizeof(with_head[0]));
	tcase_add_loop_test(t, the_front_of_the_buffer_is_kept, 0, 12);
	tcase_add_test(t, what_was_not_moved_goes_out_again);
	tcase_add_loop_test(t, who_does_not_read_stops_the_source, 0, 4);
	tcase_add_loop_test(t, a_flood_of_tiny_chunks_passes_and_leaves_others_their_turn, 0, 2);
	tcase_add_loop_test(t, trailers_go_where_there_are_chunks, 0, 4);
	tcase_add_loop_test(t, a_source_that_ends_early_is_told_from_one_that_is_done, 0,
			    sizeof(cuts) / sizeof(cuts[0]));
	tcase_add_loop_test(t, a_source_that_breaks_has_failed, 0, 3);
	tcase_add_test(t, a_sink_that_left_has_failed);
	tcase_add_loop_test(t, broken_framing_has_a_reason, 0, 2 * sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(t, a_body_over_the_limit_is_refused_one_at_the_limit_is_not, 0, 6);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(forward_suite());
	int failed;

	srand(1);
	for (size_t i = 0; i < BODY_MAX; i++)
		body[i] = (char)rand();
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
