/* The cookie that is hpcbal's own affair. */
#include "http/cookies.h"
#include "http_testing.h"

/* Which Cookie fields stay as they came, and what is written for the others. */
static void taken_out(const char *cookies, const char *stay, const char *want)
{
	char head[1024], kept[512] = "";
	struct str lines;

	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\nX: SRV=no\r\n%s\r\n", cookies);
	request_taken(str_of(head));
	ck_assert(http_cookie_take_out(&req.fields, STR("SRV"), &arena, &lines));
	for (unsigned i = 0; i < req.fields.count; i++) {
		const struct http_field *f = &req.fields.list[i];

		if (f->id == FIELD_COOKIE && !f->drop)
			strncat(kept, f->line.p, f->line.n);
		ck_assert(f->id == FIELD_COOKIE || f->id == FIELD_HOST || !f->drop);
	}
	ck_assert_str_eq(kept, stay);
	ck_assert_msg(str_eq(lines, str_of(want)), "\"%.*s\"", STR_ARGS(lines));
}

START_TEST(out_of_requests)
{
	taken_out("", "", "");
	taken_out("Cookie: a=1;b=2 ; c\r\n", "Cookie: a=1;b=2 ; c\r\n", "");
	taken_out("Cookie: SRV=1\r\n", "", "");
	taken_out("Cookie: SRV\r\n", "", "");
	taken_out("Cookie: SRV=1; a=1\r\n", "", "Cookie: a=1\r\n");
	taken_out("Cookie: a=1; SRV=1\r\n", "", "Cookie: a=1\r\n");
	taken_out("Cookie: a=1;SRV=1;;b=x=y ;SRV=2\r\n", "", "Cookie: a=1; b=x=y\r\n");
	taken_out("Cookie: SRVX=1; XSRV=2; srv=3\r\n", "Cookie: SRVX=1; XSRV=2; srv=3\r\n", "");
	taken_out("Cookie: a=SRV=1; SRV =2\r\n", "Cookie: a=SRV=1; SRV =2\r\n", "");
	taken_out("Cookie: a=1\r\nCookie: SRV=1; b=2\r\nCookie: c;SRV=\r\n",
		  "Cookie: a=1\r\n", "Cookie: b=2\r\nCookie: c\r\n");
}
END_TEST

/* One byte each and no blank: what is written is longer than what came. */
START_TEST(out_of_many_short_ones)
{
	char cookies[600] = "Cookie: SRV", want[900] = "Cookie: ";

	for (unsigned i = 0; i < 200; i++) {
		strcat(cookies, ";a");
		strcat(want, i ? "; a" : "a");
	}
	strcat(cookies, "\r\n");
	strcat(want, "\r\n");
	taken_out(cookies, "", want);
}
END_TEST

static void parse_response(const char *fields)
{
	char head[1024];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\n", fields);
	response_taken(str_of(head), METHOD_GET);
}

/* A bit for each field that stays. */
static unsigned after_refusal(const char *fields)
{
	unsigned stay = 0;

	parse_response(fields);
	http_cookie_refuse(&res.fields, STR("SRV"));
	for (unsigned i = 0; i < res.fields.count; i++)
		stay |= !res.fields.list[i].drop << i;
	return stay;
}

START_TEST(servers_set_none)
{
	ck_assert_uint_eq(after_refusal("Set-Cookie: SRV=1; Path=/\r\nSet-Cookie: a=1\r\n"), 2);
	ck_assert_uint_eq(after_refusal("set-cookie: SRV\r\nX: SRV=1\r\n"), 2);
	ck_assert_uint_eq(after_refusal("Set-Cookie: SRVX=1\r\nSet-Cookie: a=1; SRV=2\r\n"), 3);
}
END_TEST

static bool uncached(const char *fields)
{
	parse_response(fields);
	return http_cookie_is_uncached(&res.fields);
}

START_TEST(what_no_shared_cache_keeps)
{
	ck_assert(!uncached(""));
	ck_assert(!uncached("Cache-Control: public, max-age=60\r\n"));
	ck_assert(!uncached("X: private\r\nCache-Control: private=\"set-cookie\"\r\n"));
	ck_assert(uncached("cache-control: max-age=60, Private\r\n"));
	ck_assert(uncached("Cache-Control: max-age=60\r\nCache-Control: no-store\r\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http cookies");
	TCase *t = tcase_create("cookies");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, out_of_requests);
	tcase_add_test(t, out_of_many_short_ones);
	tcase_add_test(t, servers_set_none);
	tcase_add_test(t, what_no_shared_cache_keeps);
	return http_run(s);
}
