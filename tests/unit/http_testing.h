/* What the tests of http/ share: a head is parsed whole and byte by byte, from memory that is
 * exactly as large as it, and both ways must agree. */
#ifndef HPCBAL_TESTS_UNIT_HTTP_TESTING_H
#define HPCBAL_TESTS_UNIT_HTTP_TESTING_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/h1_parse.h"
#include "http/h1_write.h"

static struct arena arena;
static char *bytes;
static struct h1_limits limits;
static struct http_request req;
static struct http_response res;
static struct iovq out;
static char flat[65536];

static inline void http_setup(void)
{
	arena_init(&arena, 4096, 0);
	iovq_init(&out);
	bytes = NULL;
	limits = (struct h1_limits){ .max_line = 8192, .max_head = 16384, .max_fields = 100 };
}

static inline void http_teardown(void)
{
	arena_free(&arena);
	free(bytes);
}

static inline struct str exact_copy(struct str s)
{
	free(bytes);
	bytes = malloc(s.n ? s.n : 1);
	ck_assert_ptr_nonnull(bytes);
	if (s.n)
		memcpy(bytes, s.p, s.n);
	return (struct str){ bytes, s.n };
}

static inline enum http_verdict request_whole(struct str in, enum reason *why)
{
	struct h1_parser p;

	h1_parser_reset(&p);
	return h1_parse_request(&p, exact_copy(in), &limits, &arena, &req, why);
}

static inline enum http_verdict request_slowly(struct str in, enum reason *why)
{
	enum http_verdict v = HTTP_MORE;
	struct h1_parser p;

	in = exact_copy(in);
	h1_parser_reset(&p);
	for (size_t n = 0; n <= in.n && v == HTTP_MORE; n++)
		v = h1_parse_request(&p, str_first(in, n), &limits, &arena, &req, why);
	return v;
}

static inline void request_is(struct str in, enum http_verdict v, enum reason r)
{
	enum reason why;

	ck_assert_msg(request_slowly(in, &why) == v && why == r, "slowly: %s for %.*s",
		      reason_name(why), STR_ARGS(in));
	ck_assert_msg(request_whole(in, &why) == v && why == r, "whole: %s for %.*s",
		      reason_name(why), STR_ARGS(in));
}

static inline void request_refused(struct str in, enum reason r)
{
	request_is(in, HTTP_BAD, r);
}

static inline void request_taken(struct str in)
{
	request_is(in, HTTP_OK, REASON_COMPLETE);
	ck_assert_uint_eq(req.head_size, in.n);
}

static inline enum http_verdict response_slowly(struct str in, enum http_method m, bool upgrade,
						enum reason *why)
{
	enum http_verdict v = HTTP_MORE;
	struct h1_parser p;

	in = exact_copy(in);
	h1_parser_reset(&p);
	for (size_t n = 0; n <= in.n && v == HTTP_MORE; n++)
		v = h1_parse_response(&p, str_first(in, n), &limits, &arena, m, upgrade, &res,
				      why);
	return v;
}

static inline void response_is(struct str in, enum http_method m, bool upgrade,
			       enum http_verdict v, enum reason r)
{
	struct h1_parser p;
	enum reason why;

	ck_assert_msg(response_slowly(in, m, upgrade, &why) == v && why == r,
		      "slowly: %s for %.*s", reason_name(why), STR_ARGS(in));
	h1_parser_reset(&p);
	ck_assert_msg(h1_parse_response(&p, exact_copy(in), &limits, &arena, m, upgrade, &res,
					&why) == v && why == r,
		      "whole: %s for %.*s", reason_name(why), STR_ARGS(in));
}

static inline void response_refused(struct str in, enum reason r)
{
	response_is(in, METHOD_GET, false, HTTP_BAD, r);
}

static inline void response_taken(struct str in, enum http_method m)
{
	response_is(in, m, false, HTTP_OK, REASON_COMPLETE);
	ck_assert_uint_eq(res.head_size, in.n);
}

static inline const char *out_text(void)
{
	size_t n = 0;

	ck_assert_uint_lt(out.bytes, sizeof(flat));
	for (unsigned i = out.first; i < out.first + out.count; i++) {
		memcpy(flat + n, out.v[i].iov_base, out.v[i].iov_len);
		n += out.v[i].iov_len;
	}
	ck_assert_uint_eq(n, out.bytes);
	flat[n] = '\0';
	return flat;
}

static inline void str_is(struct str s, const char *text)
{
	ck_assert_msg(str_eq(s, str_of(text)), "\"%.*s\" is not \"%s\"", STR_ARGS(s), text);
}

static inline int http_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
