/* What a good configuration becomes. What is said to a bad one is in tests/golden. */
#include "conf_rig.h"

#include <stdio.h>
#include <syslog.h>

START_TEST(defaults_hold_when_nothing_is_said)
{
	struct rig r = { 0 };
	const struct conf_frontend *f;
	const struct conf_backend *b;

	rig_good(&r, RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_strs(r.conf->node, "host1");
	ck_assert_strs(r.conf->file, "t.conf");
	ck_assert_uint_eq(r.conf->threads, 3);
	ck_assert_uint_eq(r.conf->max_connections, 4096);
	ck_assert_uint_eq(r.conf->grace, 30000000);
	ck_assert_uint_eq(r.conf->drain, 600000000);
	ck_assert_strs(r.conf->log_target, "/dev/log");
	ck_assert_int_eq(r.conf->log_facility, LOG_LOCAL0);
	ck_assert_int_eq(r.conf->log_format, CONF_LOG_HAPROXY);
	ck_assert(str_ends(r.conf->control_socket, STR("/hpcbal/control.sock")));
	ck_assert_uint_eq(r.conf->admin_listen.n, 0);
	f = &r.conf->frontends[0];
	ck_assert_uint_eq(f->max_header_size, 16384);
	ck_assert_uint_eq(f->max_headers, 100);
	ck_assert_uint_eq(f->max_body_size, UINT64_MAX);
	ck_assert_uint_eq(f->max_connections, 0);
	ck_assert(f->forwarded_for && !f->abort_on_close && !f->relax_bare_lf);
	ck_assert(!f->forwarded && !f->via);
	ck_assert_uint_eq(f->via_limit, 1);
	b = &r.conf->backends[0];
	ck_assert_int_eq(b->balance, CONF_BALANCE_ROUNDROBIN);
	ck_assert_strs(b->balance_text, "roundrobin");
	ck_assert_uint_eq(b->retries, 3);
	ck_assert_uint_eq(b->retry_budget, 20);
	ck_assert(b->redispatch);
	ck_assert_uint_eq(b->servers[0].weight, 100);
	ck_assert(!b->servers[0].backup);
	ck_assert_int_eq(b->servers[0].check.kind, CONF_CHECK_NONE);
	rig_free(&r);
}
END_TEST

START_TEST(default_timeouts_are_those_of_the_manual)
{
	struct rig r = { 0 };
	struct conf_timeouts want = { .connect = 5000000,
				      .request = 10000000,
				      .client = 30000000,
				      .server = 30000000,
				      .keep_alive = 60000000,
				      .queue = 10000000,
				      .tunnel = 3600000000,
				      .fin = 10000000,
				      .upstream_idle = 30000000,
				      .proxy_header = 5000000,
				      .tls_handshake = 10000000,
				      .body_min_rate = 500 };

	rig_good(&r, RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_mem_eq(&r.conf->frontends[0].timeouts, &want, sizeof(want));
	ck_assert_mem_eq(&r.conf->backends[0].timeouts, &want, sizeof(want));
	rig_free(&r);
}
END_TEST

START_TEST(timeouts_are_inherited_and_overridden)
{
	struct rig r = { 0 };

	rig_good(&r,
		 "timeouts: { client = \"1s\"; server = \"2s\"; fin = \"3s\";\n"
		 " body_min_rate = \"2KiB\"; };\n"
		 "frontends = ( { name = \"web\"; bind = ( \"*:80\" ); default_backend = \"app\";"
		 " timeouts: { fin = \"4s\"; }; } );\n"
		 "backends = ( { name = \"app\"; timeouts: { server = \"5s\"; }; " RIG_SERVERS
		 " } );\n");
	ck_assert_uint_eq(r.conf->frontends[0].timeouts.client, 1000000);
	ck_assert_uint_eq(r.conf->frontends[0].timeouts.fin, 4000000);
	ck_assert_uint_eq(r.conf->frontends[0].timeouts.body_min_rate, 2048);
	ck_assert_uint_eq(r.conf->backends[0].timeouts.server, 5000000);
	ck_assert_uint_eq(r.conf->backends[0].timeouts.fin, 3000000);
	ck_assert_uint_eq(r.conf->backends[0].timeouts.connect, 5000000);
	rig_free(&r);
}
END_TEST

START_TEST(top_settings_are_read)
{
	struct rig r = { 0 };

	rig_good(&r, "node = \"lb1\"; proxy: { threads = 2; max_connections = 10; grace = \"0s\";"
		     " drain = \"1m\"; };\n"
		     "log: { target = \"stderr\"; facility = \"daemon\"; format = \"json\"; };\n"
		     "control: { socket = \"/tmp/s\"; };\n" RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_strs(r.conf->node, "lb1");
	ck_assert_uint_eq(r.conf->threads, 2);
	ck_assert_uint_eq(r.conf->max_connections, 10);
	ck_assert_uint_eq(r.conf->grace, 0);
	ck_assert_uint_eq(r.conf->drain, 60000000);
	ck_assert_strs(r.conf->log_target, "stderr");
	ck_assert_int_eq(r.conf->log_facility, LOG_DAEMON);
	ck_assert_int_eq(r.conf->log_format, CONF_LOG_JSON);
	ck_assert_strs(r.conf->control_socket, "/tmp/s");
	rig_free(&r);
}
END_TEST

static const struct {
	const char *word;
	int code;
} facilities[] = {
	{ "kern", LOG_KERN },     { "user", LOG_USER },         { "mail", LOG_MAIL },
	{ "daemon", LOG_DAEMON }, { "auth", LOG_AUTH },         { "syslog", LOG_SYSLOG },
	{ "lpr", LOG_LPR },       { "news", LOG_NEWS },         { "uucp", LOG_UUCP },
	{ "cron", LOG_CRON },     { "authpriv", LOG_AUTHPRIV }, { "ftp", LOG_FTP },
	{ "local0", LOG_LOCAL0 }, { "local3", LOG_LOCAL3 },     { "local7", LOG_LOCAL7 },
};

START_TEST(facility_has_its_code)
{
	struct rig r = { 0 };
	char text[1024];

	snprintf(text, sizeof(text), "log: { facility = \"%s\"; };\n" RIG_FRONTENDS RIG_BACKENDS,
		 facilities[_i].word);
	rig_good(&r, text);
	ck_assert_int_eq(r.conf->log_facility, facilities[_i].code);
	rig_free(&r);
}
END_TEST

START_TEST(frontend_is_read)
{
	struct rig r = { 0 };
	const struct conf_frontend *f;
	char text[ADDR_TEXT];

	rig_good(&r,
		 "frontends = ( { name = \"web\"; forwarded_for = false; abort_on_close = true;\n"
		 " bind = ( \"*:80\", { address = \"[::1]:81\"; } );\n"
		 " acls: { a = \"path /a\"; b = \"path /b\"; };\n"
		 " routes = ( { when = \"b\"; backend = \"two\"; }, { when = \"a\"; backend = "
		 "\"app\"; } );\n"
		 " trusted_proxies = [ \"10.0.0.0/8\", \"::1\" ]; relax = ( \"bare_lf\" );\n"
		 " default_backend = \"two\"; max_connections = 9; max_header_size = \"1KiB\";\n"
		 " max_headers = 1000; max_body_size = \"0B\"; forwarded = true; via = true;\n"
		 " via_limit = 7; } );\n"
		 "backends = ( { name = \"app\"; " RIG_SERVERS " }, { name = \"two\"; " RIG_SERVERS
		 " } );\n");
	f = &r.conf->frontends[0];
	ck_assert_uint_eq(f->n_binds, 2);
	ck_assert_strs(f->binds[0].text, "0.0.0.0:80");
	addr_format(&f->binds[1].addr, text, sizeof(text));
	ck_assert_strs(f->binds[1].text, text);
	ck_assert_uint_eq(f->binds[1].line, 2);
	ck_assert_uint_eq(f->n_acls, 2);
	ck_assert_strs(f->acls[1].name, "b");
	ck_assert_strs(f->acls[1].text, "path /b");
	ck_assert_uint_eq(f->acls[1].line, 3);
	ck_assert_uint_eq(f->n_routes, 2);
	ck_assert_strs(f->routes[0].when, "b");
	ck_assert_uint_eq(f->routes[0].backend, 1);
	ck_assert_uint_eq(f->routes[1].backend, 0);
	ck_assert_int_eq(f->default_backend, 1);
	ck_assert_uint_eq(f->n_trusted, 2);
	ck_assert_uint_eq(f->trusted_proxies[0].prefix, 8);
	ck_assert(!f->forwarded_for && f->abort_on_close && f->relax_bare_lf);
	ck_assert(f->forwarded && f->via);
	ck_assert_uint_eq(f->via_limit, 7);
	ck_assert_uint_eq(f->max_connections, 9);
	ck_assert_uint_eq(f->max_header_size, 1024);
	ck_assert_uint_eq(f->max_headers, 1000);
	ck_assert_uint_eq(f->max_body_size, 0);
	rig_free(&r);
}
END_TEST

#define CHECKED                                                                                   \
	RIG_FRONTENDS                                                                             \
	"backends = ( { name = \"app\"; balance = \"source\"; retries = 0; redispatch = false;\n" \
	" check: { http = \"HEAD /h?x\"; host = \"h.example\"; expect = \"200, 300-302\";"        \
	" interval = \"1s\"; rise = 4; fall = 5; port = 81; };\n"                                 \
	" servers = ( { name = \"a1\"; address = \"10.0.0.1:80\"; weight = 0; },\n"               \
	" { name = \"a2\"; address = \"[2001:db8::2]:80\"; backup = true; check = false; },\n"    \
	" { name = \"a3\"; address = \"unix:/run/a\"; check: { tcp = true; fall = 9; }; },\n"     \
	" { name = \"a4\"; address = \"10.0.0.4:80\"; check: { timeout = \"300ms\"; }; } ); } "   \
	");\n"

START_TEST(check_is_read_and_inherited)
{
	struct rig r = { 0 };
	const struct conf_check *c;
	const struct conf_server *s;

	rig_good(&r, CHECKED);
	s = r.conf->backends[0].servers;
	c = &s[0].check;
	ck_assert_int_eq(c->kind, CONF_CHECK_HTTP);
	ck_assert_strs(c->method, "HEAD");
	ck_assert_strs(c->path, "/h?x");
	ck_assert_strs(c->host, "h.example");
	ck_assert_uint_eq(c->n_expect, 2);
	ck_assert(c->expect[0].from == 200 && c->expect[0].to == 200);
	ck_assert(c->expect[1].from == 300 && c->expect[1].to == 302);
	ck_assert_uint_eq(c->interval, 1000000);
	ck_assert_uint_eq(c->timeout, 1000000); /* as interval */
	ck_assert(c->rise == 4 && c->fall == 5 && c->port == 81);
	ck_assert_int_eq(s[1].check.kind, CONF_CHECK_NONE);
	ck_assert_int_eq(s[2].check.kind, CONF_CHECK_TCP);
	ck_assert(s[2].check.rise == 4 && s[2].check.fall == 9);
	ck_assert_int_eq(s[3].check.kind, CONF_CHECK_HTTP);
	ck_assert_uint_eq(s[3].check.timeout, 300000);
	ck_assert_strs(s[3].check.path, "/h?x");
	ck_assert_uint_eq(s[3].check.fast_interval, 1000000); /* as interval */
	rig_free(&r);
}
END_TEST

START_TEST(what_an_http_check_asks_and_wants)
{
	struct rig r = { 0 };
	const struct conf_server *s;

	rig_good(&r, "frontends = ( { name = \"web\"; bind = ( \"*:80\" );"
		     " default_backend = \"app\"; } );\n"
		     "backends = ( { name = \"app\"; check: { http = \"GET /\"; body = \"OK\";"
		     " fast_interval = \"200ms\"; headers = ( \"X-A:  b \", \"Y: z\" ); };\n"
		     " servers = ( { name = \"a1\"; address = \"10.0.0.1:80\"; },\n"
		     " { name = \"a2\"; address = \"10.0.0.2:80\";"
		     " check: { headers = ( \"Z: 1\" ); }; } ); } );");
	s = r.conf->backends[0].servers;
	ck_assert_strs(s[0].check.fields, "X-A: b\r\nY: z\r\n");
	ck_assert_strs(s[0].check.body, "OK");
	ck_assert_uint_eq(s[0].check.fast_interval, 200000);
	ck_assert_strs(s[1].check.fields, "Z: 1\r\n");
	ck_assert_strs(s[1].check.body, "OK");
	rig_free(&r);
}
END_TEST

START_TEST(backend_and_servers_are_read)
{
	struct rig r = { 0 };
	const struct conf_backend *b;

	rig_good(&r, CHECKED);
	b = &r.conf->backends[0];
	ck_assert_int_eq(b->balance, CONF_BALANCE_SOURCE);
	ck_assert_strs(b->balance_text, "source");
	ck_assert_uint_eq(b->retries, 0);
	ck_assert(!b->redispatch);
	ck_assert_uint_eq(b->n_servers, 4);
	ck_assert_uint_eq(b->servers[0].weight, 0);
	ck_assert_strs(b->servers[1].address_text, "[2001:db8::2]:80");
	ck_assert(b->servers[1].backup && !b->servers[0].backup);
	ck_assert_int_eq(b->servers[1].addr.u.sa.sa_family, AF_INET6);
	ck_assert_int_eq(b->servers[2].addr.u.sa.sa_family, AF_UNIX);
	ck_assert_uint_eq(addr_port(&b->servers[3].addr), 80);
	ck_assert_uint_eq(b->servers[3].line, 7);
	rig_free(&r);
}
END_TEST

START_TEST(check_has_its_defaults)
{
	struct rig r = { 0 };
	const struct conf_check *c;

	rig_good(&r, RIG_FRONTENDS
		 "backends = ( { name = \"app\"; check: { http = \"GET /\"; }; " RIG_SERVERS
		 " } );");
	c = &r.conf->backends[0].servers[0].check;
	ck_assert_uint_eq(c->interval, 2000000);
	ck_assert_uint_eq(c->timeout, 2000000);
	ck_assert(c->rise == 2 && c->fall == 3 && c->port == 0 && c->host.n == 0);
	ck_assert_uint_eq(c->n_expect, 1);
	ck_assert(c->expect[0].from == 200 && c->expect[0].to == 399);
	rig_free(&r);
}
END_TEST

#define NAMED                                                                                     \
	RIG_FRONTENDS                                                                             \
	"backends = ( { name = \"app\"; servers = ( { name = \"a1\"; address = "                  \
	"\"App.Example:81\"; }"                                                                   \
	" ); } );"

START_TEST(host_name_is_taken_from_the_source)
{
	struct conf_name names[] = { { .host = STR("other") }, { .host = STR("app.example") } };
	struct rig r = { .source = { .names = names, .n_names = 2 } };
	char text[ADDR_TEXT];

	ck_assert_ptr_null(addr_parse_host(&names[1].addr, STR("192.0.2.7"), 0));
	rig_good(&r, NAMED);
	addr_format(&r.conf->backends[0].servers[0].addr, text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.7:81");
	ck_assert_strs(r.conf->backends[0].servers[0].address_text, "App.Example:81");
	rig_free(&r);
}
END_TEST

START_TEST(host_name_without_address_is_an_error)
{
	struct conf_name name = { .host = STR("app.example"), .why = "the reason" };
	struct rig r = { .source = { .names = &name, .n_names = 1 } };

	rig_parse(&r, NAMED);
	ck_assert_ptr_nonnull(strstr(r.said, "t.conf:2: the host name \"App.Example\" of this "
					     "server was not resolved: the reason;"));
	rig_free(&r);
	rig_parse(&r, NAMED);
	ck_assert_ptr_nonnull(strstr(r.said, "was not resolved"));
	rig_free(&r);
}
END_TEST

static uint64_t fingerprint_of(const char *text, struct conf_name *names)
{
	struct rig r = { .source = { .names = names, .n_names = names ? 1 : 0 } };
	uint64_t h;

	rig_good(&r, text);
	h = r.conf->backends[0].fingerprint;
	rig_free(&r);
	return h;
}

#define ONE(settings, server)                                                                     \
	RIG_FRONTENDS "backends = ( { name = \"app\"; " settings                                  \
		      " servers = ( { name = \"a1\"; address = \"10.0.0.1:80\"; " server          \
		      " } ); } );"

START_TEST(fingerprint_tells_a_change)
{
	static const char *const texts[] = {
		ONE("", ""),
		ONE("balance = \"leastconn\";", ""),
		ONE("retries = 2;", ""),
		ONE("retry_budget = 30;", ""),
		ONE("redispatch = false;", ""),
		ONE("timeouts: { server = \"1s\"; };", ""),
		ONE("check: { tcp = true; };", ""),
		ONE("check: { http = \"GET /\"; };", ""),
		ONE("check: { http = \"GET /a\"; };", ""),
		ONE("check: { http = \"HEAD /a\"; };", ""),
		ONE("check: { http = \"GET /\"; expect = \"200\"; };", ""),
		ONE("check: { http = \"GET /\"; fall = 4; };", ""),
		ONE("check: { http = \"GET /\"; host = \"h\"; };", ""),
		ONE("", "weight = 99;"),
		ONE("", "backup = true;"),
		ONE("", "}, { name = \"a2\"; address = \"10.0.0.2:80\";"),
		"timeouts: { connect = \"1s\"; };" ONE("", ""),
	};
	int n = (int)(sizeof(texts) / sizeof(texts[0]));

	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			ck_assert_msg(fingerprint_of(texts[i], NULL) !=
					      fingerprint_of(texts[j], NULL),
				      "%s\n%s", texts[i], texts[j]);
}
END_TEST

START_TEST(fingerprint_passes_over_the_rest)
{
	uint64_t h = fingerprint_of(ONE("", ""), NULL);

	ck_assert(h == fingerprint_of(
			       "node = \"x\"; timeouts: { client = \"1s\"; };\n\n# c\n" ONE(
				       "retries = 3; balance = \"roundrobin\";", "weight = 100;"),
			       NULL));
}
END_TEST

START_TEST(fingerprint_follows_the_resolved_address)
{
	struct conf_name name = { .host = STR("app.example") };
	uint64_t h;

	ck_assert_ptr_null(addr_parse_host(&name.addr, STR("192.0.2.7"), 0));
	h = fingerprint_of(NAMED, &name);
	ck_assert(fingerprint_of(NAMED, &name) == h);
	ck_assert_ptr_null(addr_parse_host(&name.addr, STR("192.0.2.8"), 0));
	ck_assert(fingerprint_of(NAMED, &name) != h);
}
END_TEST

START_TEST(configuration_is_counted)
{
	struct rig r = { 0 };
	struct conf *other;

	rig_good(&r, RIG_FRONTENDS RIG_BACKENDS);
	other = conf_ref(r.conf);
	conf_unref(r.conf);
	ck_assert_int_eq(conf_find_backend(other, STR("app")), 0);
	ck_assert_int_eq(conf_find_backend(other, STR("ap")), -1);
	ck_assert_int_eq(conf_find_backend(other, STR("")), -1);
	conf_unref(NULL);
	rig_free(&r); /* the last one */
}
END_TEST

START_TEST(limits_are_told)
{
	struct rig r = { 0 };
	size_t size = 400000, n;
	char *text = malloc(size);

	n = (size_t)snprintf(text, size, RIG_FRONTENDS "backends = ( ");
	for (int i = 0; i <= CONF_MAX_BACKENDS; i++)
		n += (size_t)snprintf(text + n, size - n,
				      "%s{ name = \"b%d\"; " RIG_SERVERS " }\n", i ? "," : "", i);
	snprintf(text + n, size - n, ");");
	rig_parse(&r, text);
	ck_assert_ptr_nonnull(strstr(r.said, "257 backends are too many"));
	rig_free(&r);

	n = (size_t)snprintf(text, size,
			     RIG_FRONTENDS "backends = ( { name = \"app\"; servers = (");
	for (int i = 0; i <= CONF_MAX_SERVERS; i++)
		n += (size_t)snprintf(text + n, size - n,
				      "%s{ name = \"s%d\"; address = \"10.0.0.1:80\"; }\n",
				      i ? "," : "", i);
	snprintf(text + n, size - n, "); } );");
	rig_parse(&r, text);
	ck_assert_ptr_nonnull(strstr(r.said, "more than 4096 servers"));
	rig_free(&r);
	free(text);
}
END_TEST

static void add_reading(Suite *s)
{
	TCase *t = tcase_create("reading");

	tcase_add_test(t, defaults_hold_when_nothing_is_said);
	tcase_add_test(t, default_timeouts_are_those_of_the_manual);
	tcase_add_test(t, timeouts_are_inherited_and_overridden);
	tcase_add_test(t, top_settings_are_read);
	tcase_add_loop_test(t, facility_has_its_code, 0,
			    (int)(sizeof(facilities) / sizeof(facilities[0])));
	tcase_add_test(t, frontend_is_read);
	tcase_add_test(t, check_is_read_and_inherited);
	tcase_add_test(t, check_has_its_defaults);
	tcase_add_test(t, what_an_http_check_asks_and_wants);
	tcase_add_test(t, backend_and_servers_are_read);
	tcase_add_test(t, host_name_is_taken_from_the_source);
	tcase_add_test(t, host_name_without_address_is_an_error);
	tcase_add_test(t, limits_are_told);
	suite_add_tcase(s, t);
}

int main(void)
{
	Suite *s = suite_create("conf_parse");
	TCase *t = tcase_create("identity");

	add_reading(s);
	tcase_add_test(t, fingerprint_tells_a_change);
	tcase_add_test(t, fingerprint_passes_over_the_rest);
	tcase_add_test(t, fingerprint_follows_the_resolved_address);
	tcase_add_test(t, configuration_is_counted);
	suite_add_tcase(s, t);
	return rig_run(s);
}
