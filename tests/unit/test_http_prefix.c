/* Paths that are others for clients than for servers, there and back. */
#include "http_testing.h"

#include "http/fields.h"
#include "http/path.h"
#include "http/prefix.h"

static struct http_prefix prefix;

static struct str plain(const char *s)
{
	char *to = arena_alloc(&arena, strlen(s) + 1);

	return http_path_plain(str_of(s), to);
}

static void from_to(const char *client, const char *server, bool told)
{
	prefix = (struct http_prefix){ plain(client), plain(server), str_of(client),
				       str_of(server), told };
}

static const struct {
	const char *client, *server, *path, *gets; /* gets NULL: it is not under it */
} there[] = {
	{ "/api", "", "/api", "/" },
	{ "/api", "", "/api/", "/" },
	{ "/api", "", "/api/x", "/x" },
	{ "/api", "", "/apix", NULL },
	{ "/api", "", "/ap", NULL },
	{ "/api", "", "/", NULL },
	{ "/api", "", "/x/api", NULL },
	{ "/api", "", "*", NULL },
	{ "/api", "", "/API/x", NULL },
	{ "/api", "", "/api//x", "/x" },
	{ "/api", "", "/api///", "/" },
	{ "/api", "", "//api/x", "/x" },
	{ "/api", "", "/%2fapi%2F/x", "/x" },
	{ "/api", "", "/api%2Fx%2Fy", "/x%2Fy" },
	{ "/api", "", "/api/%5C/evil.example", "/evil.example" },
	{ "/api", "", "/api\\x", "/x" },
	{ "/api", "", "/api%3Fx", NULL },
	{ "/api", "", "/api/x%20y//%C3%A9", "/x%20y//%C3%A9" },
	{ "/api", "", "/api;v=1/x", NULL },
	{ "/a/b", "", "/a/b/c", "/c" },
	{ "/a/b", "", "/a//b/c", "/c" },
	{ "/a/b", "", "/a%2Fb/c", "/c" },
	{ "/a/b", "", "/a", NULL },
	{ "/caf%C3%A9", "", "/caf%c3%a9/x", "/x" },
	{ "/a%3Fb", "", "/a%3fb/x", "/x" },
	{ "/old", "/new", "/old", "/new" },
	{ "/old", "/new", "/old/", "/new/" },
	{ "/old", "/new", "/old//x", "/new//x" },
	{ "/old", "/new", "/old%2Fx", "/new%2Fx" },
	{ "/old", "/new", "/older", NULL },
	{ "/old", "/a%20b", "/old/x", "/a%20b/x" },
	{ "", "/app", "/", "/app/" },
	{ "", "/app", "/x", "/app/x" },
	{ "", "/app", "//x", "/app//x" },
	{ "", "/app", "*", NULL },
};

START_TEST(the_path_that_a_server_is_asked_for)
{
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		struct str got = STR_NONE;
		bool under;

		from_to(there[i].client, there[i].server, true);
		under = http_prefix_to_server(&prefix, exact_copy(str_of(there[i].path)), &arena,
					      &got);
		ck_assert_msg(under == (there[i].gets != NULL), "%s", there[i].path);
		if (under)
			str_is(got, there[i].gets);
	}
}
END_TEST

static const struct {
	const char *client, *server;
	bool told;
	const char *field, *becomes; /* becomes NULL: it stays */
} back[] = {
	{ "/api", "", true, "Location: /x", "Location: /api/x" },
	{ "/api", "", true, "Location: /", "Location: /api/" },
	{ "/api", "", true, "location: /x?y=/z#/a", "location: /api/x?y=/z#/a" },
	{ "/api", "", true, "Location: /api/x", NULL },
	{ "/api", "", true, "Location: /api", NULL },
	{ "/api", "", true, "Location: /apix", "Location: /api/apix" },
	{ "/api", "", false, "Location: /api/x", "Location: /api/api/x" },
	{ "/api", "", true, "Location: x", NULL },
	{ "/api", "", true, "Location: ../x", NULL },
	{ "/api", "", true, "Location: ?x", NULL },
	{ "/api", "", true, "Location: #x", NULL },
	{ "/api", "", true, "Location:", NULL },
	{ "/api", "", true, "Location: mailto:a@b", NULL },
	{ "/api", "", true, "Location: ftp://www.example.org/x", NULL },
	{ "/api", "", true, "Location: //evil.example/x", NULL },
	{ "/api", "", true, "Location: /\\evil.example/x", "Location: /api/\\evil.example/x" },
	{ "/api", "", true, "Location: http://evil.example/x", NULL },
	{ "/api", "", true, "Location: http://www.example.org.evil.example/x", NULL },
	{ "/api", "", true, "Location: http://www.example.org@evil.example/x", NULL },
	{ "/api", "", true, "Location: http://www.example.org\\.evil.example/x", NULL },
	{ "/api", "", true, "Location: http://www.example.org/x",
	  "Location: http://www.example.org/api/x" },
	{ "/api", "", true, "Location: HTTPS://WWW.Example.org/x?y",
	  "Location: HTTPS://WWW.Example.org/api/x?y" },
	{ "/api", "", true, "Location: http://www.example.org:80/x",
	  "Location: http://www.example.org:80/api/x" },
	{ "/api", "", true, "Location: http://www.example.org:81/x", NULL },
	{ "/api", "", true, "Location: //www.example.org/x",
	  "Location: //www.example.org/api/x" },
	{ "/api", "", true, "Location: http://www.example.org",
	  "Location: http://www.example.org/api/" },
	{ "/api", "", true, "Location: http://www.example.org?x",
	  "Location: http://www.example.org/api/?x" },
	{ "/api", "", true, "Location: http://app1.internal:8080/x?y", "Location: /api/x?y" },
	{ "/api", "", true, "Location: http://10.0.0.1:8080/x", "Location: /api/x" },
	{ "/api", "", true, "Location: http://10.0.0.1/x", NULL },
	{ "/api", "", true, "Location: http://10.0.0.2:8080/x", NULL },
	{ "/old", "/new", false, "Location: /new/x", "Location: /old/x" },
	{ "/old", "/new", false, "Location: /new", "Location: /old" },
	{ "/old", "/new", false, "Location: /newer", NULL },
	{ "/old", "/new", false, "Location: /x", NULL },
	{ "/old", "/new", true, "Location: /old/x", NULL },
	{ "/app", "/app/v2", true, "Location: /app/v2/x", "Location: /app/x" },
	{ "/old", "/new", false, "Location: http://10.0.0.1:8080/x", NULL },
	{ "", "/app", false, "Location: /app/x", "Location: /x" },
	{ "", "/app", false, "Location: /app", "Location: /" },
	{ "", "/app", false, "Location: /app//evil.example", "Location: /evil.example" },
	{ "", "/app", false, "Location: /app/\\evil.example", "Location: /evil.example" },
	{ "", "/app", false, "Location: /other", NULL },
	{ "/api", "", true, "Content-Location: /x", "Content-Location: /api/x" },
	{ "/api", "", true, "Refresh: 5; url=/x", "Refresh: 5; url=/api/x" },
	{ "/api", "", true, "Refresh: 0;URL = '/x y'", "Refresh: 0;URL = '/api/x y'" },
	{ "/api", "", true, "Refresh: 0, url=\"http://10.0.0.1:8080/x\"",
	  "Refresh: 0, url=\"/api/x\"" },
	{ "/api", "", true, "Refresh: 5", NULL },
	{ "/api", "", true, "Refresh: 5; /x", NULL },
	{ "/api", "", true, "Refresh: 5; url", NULL },
	{ "/api", "", true, "Refresh: 5; url=http://evil.example/", NULL },
	{ "/api", "", true, "Set-Cookie: a=b; Path=/; HttpOnly",
	  "Set-Cookie: a=b; Path=/api; HttpOnly" },
	{ "/api", "", true, "Set-Cookie: a=/; path = /x", "Set-Cookie: a=/; path = /api/x" },
	{ "/api", "", true, "Set-Cookie: a=b; Path=/x/; Secure; PATH=/y",
	  "Set-Cookie: a=b; Path=/x/; Secure; PATH=/api/y" },
	{ "/api", "", true, "Set-Cookie: a=b; Path=/api", NULL },
	{ "/api", "", true, "Set-Cookie: a=b", NULL },
	{ "/api", "", true, "Set-Cookie: path=/x; Secure", NULL },
	{ "/api", "", true, "Set-Cookie: a=b; Path", NULL },
	{ "/api", "", true, "Set-Cookie: a=b; Path=", NULL },
	{ "/api", "", true, "Set-Cookie: a=b; Path=x", NULL },
	{ "/api", "", true, "Set-Cookie: __Host-a=b; Path=/; Secure", NULL },
	{ "/old", "/new", false, "Set-Cookie: a=b; Path=/new", "Set-Cookie: a=b; Path=/old" },
	{ "/old", "/new", false, "Set-Cookie: a=b; Path=/", NULL },
	{ "", "/app", false, "Set-Cookie: a=b; Path=/app", "Set-Cookie: a=b; Path=/" },
	{ "/api", "", true, "Link: </x>; rel=next", NULL },
};

static void mend(const char *field)
{
	const struct http_prefix_names names = {
		.host = STR("www.example.org"),
		.own = { STR("app1.internal:8080"), STR("10.0.0.1:8080") },
	};
	struct str head = arena_printf(&arena, "HTTP/1.1 302 Found\r\nA: 1\r\n%s\r\n"
					       "Content-Length: 0\r\n\r\n", field);

	response_taken(head, METHOD_GET);
	ck_assert(http_prefix_mend(&prefix, &names, &res.fields, &arena));
}

START_TEST(what_servers_say_of_their_paths)
{
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
		const char *due = back[i].becomes ? back[i].becomes : back[i].field;
		struct h1_reply r = { .framing = FRAMING_NONE, .keep_alive = true,
				      .client_minor = 1, .date = STR("now") };
		char line[200];

		from_to(back[i].client, back[i].server, back[i].told);
		mend(back[i].field);
		ck_assert_msg(res.fields.untidy == (back[i].becomes != NULL), "%s: %s",
			      back[i].field, due);
		iovq_init(&out);
		ck_assert(h1_write_response(&res, &r, &out, &arena));
		snprintf(line, sizeof(line), "HTTP/1.1 302 Found\r\nA: 1\r\n%s\r\n", due);
		ck_assert_msg(strncmp(out_text(), line, strlen(line)) == 0, "%s: %s", line,
			      out_text());
	}
}
END_TEST

/* What a rule has taken out stays out. */
START_TEST(dropped_fields_stay_so)
{
	from_to("/api", "", true);
	response_taken(STR("HTTP/1.1 200 OK\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
		       METHOD_GET);
	res.fields.list[0].drop = true;
	ck_assert(http_prefix_mend(&prefix, &(struct http_prefix_names){ STR("a"), { STR_NONE,
				   STR_NONE } }, &res.fields, &arena));
	ck_assert(!res.fields.untidy);
	str_is(res.fields.list[0].value, "/x");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http prefix");
	TCase *t = tcase_create("prefix");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	tcase_add_test(t, the_path_that_a_server_is_asked_for);
	tcase_add_test(t, what_servers_say_of_their_paths);
	tcase_add_test(t, dropped_fields_stay_so);
	suite_add_tcase(s, t);
	return http_run(s);
}
