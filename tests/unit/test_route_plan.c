/* The one walk over all literals: against a judge that asks one route after the other. */
#include "route_rig.h"

#include <pthread.h>

#include "route/literals.h"
#include "route/netset.h"

static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % below;
}

static const char *const hosts[] = { "a", "b", "a.b", "ab", "" };

/* Few letters, so that much is a part of something else. */
static void draw_path(char *to, unsigned max)
{
	unsigned n = draw(max + 1);

	*to++ = '/';
	for (unsigned i = 0; i < n; i++, to++)
		*to = "abB/"[draw(to[-1] == '/' ? 3 : 4)];
	*to = '\0';
}

/* A route as the judge knows it. */
struct rule {
	bool has_host, has_path, exact, fold, only_put, not_put;
	const char *host;
	char path[2][12];
	char text[160];
};

static void draw_rule(struct rule *r)
{
	int n = 0;

	*r = (struct rule){ .has_host = draw(3) == 0,
			    .has_path = draw(12) != 0,
			    .exact = draw(2),
			    .fold = draw(3) == 0,
			    .only_put = draw(8) == 0,
			    .not_put = draw(8) == 0,
			    .host = hosts[draw(4)] };
	draw_path(r->path[0], 5);
	draw_path(r->path[1], 5);
	if (!r->has_host && !r->has_path && !r->only_put && !r->not_put)
		n += sprintf(r->text + n, "always");
	if (r->only_put)
		n += sprintf(r->text + n, " method PUT");
	if (r->has_host)
		n += sprintf(r->text + n, " host %s", r->host);
	if (r->has_path)
		n += sprintf(r->text + n, " %s %s %s %s", r->exact ? "path" : "path_beg",
			     r->fold ? "-i" : "--", r->path[0], r->path[1]);
	if (r->not_put)
		n += sprintf(r->text + n, " !method PUT");
}

static bool path_holds(const struct rule *r, const char *path)
{
	for (int i = 0; i < 2; i++) {
		struct str p = str_of(path), v = str_of(r->path[i]);

		if (r->exact ? (r->fold ? str_ieq(p, v) : str_eq(p, v))
			     : (r->fold ? str_ibegins(p, v) : str_begins(p, v)))
			return true;
	}
	return false;
}

static bool rule_holds(const struct rule *r, const char *host, const char *path, bool put)
{
	return (!r->only_put || put) && (!r->not_put || !put) &&
	       (!r->has_host || str_eq(str_of(r->host), str_of(host))) &&
	       (!r->has_path || path_holds(r, path));
}

static int judge(const struct rule *rules, unsigned n, const char *host, const char *path,
		 bool put)
{
	for (unsigned i = 0; i < n; i++)
		if (rule_holds(&rules[i], host, path, put))
			return (int)i;
	return -1;
}

static void ask_once(struct rig *r, const struct rule *rules, unsigned n, bool *taken)
{
	struct http_request req = { 0 };
	char path[16], upper[8];
	const char *host = hosts[draw(5)];
	bool put = draw(2);
	int route, expected;

	draw_path(path, 7);
	snprintf(upper, sizeof(upper), "%s", host);
	if (draw(2) && upper[0])
		upper[0] = (char)(upper[0] - 'a' + 'A');
	req.authority = str_of(upper);
	req.match_path = str_of(path);
	req.method_text = put ? STR("PUT") : STR("GET");
	r->facts.req = &req;
	expected = judge(rules, n, host, path, put);
	router_decide(r->router, &r->facts, &route);
	ck_assert_msg(route == expected, "%s http://%s%s went to route %d, not %d (%s)",
		      put ? "PUT" : "GET", host, path, route, expected,
		      expected >= 0 ? rules[expected].text : "none");
	if (route >= 0)
		taken[route] = true;
}

START_TEST(plan_agrees_with_the_judge)
{
	struct rule rules[40];
	bool taken[40] = { false };
	unsigned n;
	struct rig r;

	seed = (uint64_t)_i * 7919 + 1;
	n = 1 + draw(40);
	rig_init(&r);
	for (unsigned i = 0; i < n; i++) {
		draw_rule(&rules[i]);
		rig_route(&r, rules[i].text);
	}
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	for (int i = 0; i < 1000; i++)
		ask_once(&r, rules, n, taken);
	/* What was said never to match did not. */
	for (size_t i = 0; i < r.diags.count; i++)
		if (strstr(r.diags.list[i].text, "can never match"))
			ck_assert_msg(!taken[r.diags.list[i].line - 100], "%s",
				      rules[r.diags.list[i].line - 100].text);
	rig_free(&r);
}
END_TEST

/* Nothing in it leads back to where it grew. */
static struct literals *packed(struct literals *l, struct arena *grown)
{
	struct arena to;

	arena_init(&to, 4096, 0);
	l = literals_pack(l, &to);
	ck_assert_ptr_nonnull(l);
	arena_free(grown);
	*grown = to;
	return l;
}

/* The tree against a list of strings. */
START_TEST(literals_agree_with_a_list)
{
	struct {
		char text[12];
		bool exact;
	} list[60];
	struct arena arena;
	struct literals *l;
	unsigned n;

	seed = (uint64_t)_i * 104729 + 5;
	n = 1 + draw(60);
	arena_init(&arena, 4096, 0);
	l = literals_new(&arena);
	for (unsigned i = 0; i < n; i++) {
		draw_path(list[i].text, 7);
		list[i].exact = draw(2);
		literals_add(l, str_of(list[i].text),
			     list[i].exact ? LITERAL_EXACT : LITERAL_PREFIX, i);
	}
	if (_i % 2)
		l = packed(l, &arena);
	for (int k = 0; k < 500; k++) {
		uint32_t expected = RANK_NONE;
		struct literal_walk w;
		char text[16];
		struct str s;
		unsigned cut;

		draw_path(text, 9);
		s = str_of(text);
		for (unsigned i = n; i-- > 0;)
			if (list[i].exact ? str_eq(s, str_of(list[i].text))
					  : str_begins(s, str_of(list[i].text)))
				expected = i;
		literal_walk_start(l, &w);
		cut = draw((unsigned)s.n + 1);
		literal_walk_feed(&w, str_first(s, cut));
		literal_walk_feed(&w, str_from(s, cut));
		literal_walk_end(&w);
		ck_assert_uint_eq(w.rank, expected);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(literals_of_every_byte)
{
	struct arena arena;
	struct literals *l;

	arena_init(&arena, 4096, 0);
	l = literals_new(&arena);
	for (unsigned i = 0; i < 256; i++) {
		char c[2] = { (char)i, 'x' };

		literals_add(l, (struct str){ c, 2 }, LITERAL_EXACT, i);
	}
	literals_add(l, STR_NONE, LITERAL_EXACT, 999);
	l = packed(l, &arena);
	for (unsigned i = 0; i < 256; i++) {
		char c[2] = { (char)i, 'x' };
		struct literal_walk w;

		literal_walk_start(l, &w);
		literal_walk_feed(&w, (struct str){ c, 2 });
		literal_walk_end(&w);
		ck_assert_uint_eq(w.rank, i);
	}
	arena_free(&arena);
}
END_TEST

START_TEST(no_memory_is_remembered)
{
	struct arena arena, other;
	struct literals *l;

	arena_init(&arena, 256, 512);
	l = literals_new(&arena);
	for (unsigned i = 0; i < 64; i++) {
		char text[8];

		snprintf(text, sizeof(text), "/%u", i);
		literals_add(l, str_of(text), LITERAL_PREFIX, i);
	}
	ck_assert(arena_failed(&arena));
	arena_init(&other, 256, 0);
	ck_assert_ptr_null(literals_pack(l, &other));
	ck_assert(arena_failed(&other));
	arena_free(&other);
	arena_free(&arena);
}
END_TEST

static void draw_net(char *to, size_t size, bool with_prefix)
{
	bool v6 = draw(3) == 0;
	int n;

	if (v6)
		n = snprintf(to, size, "2001:db8:%x::%x", draw(4) << 14, draw(4));
	else
		n = snprintf(to, size, "%s10.%u.%u.%u",
			     draw(4) || with_prefix ? "" : "::ffff:", draw(4) << 6, draw(3),
			     draw(2) * 255);
	if (with_prefix && draw(4))
		snprintf(to + n, size - (size_t)n, "/%u", draw(v6 ? 129 : 33));
}

/* Sorted ranges against one network after the other. */
START_TEST(netset_agrees_with_a_list)
{
	struct net nets[40];
	struct arena arena;
	struct netset *set;
	unsigned n, has = 0;
	char text[64];

	seed = (uint64_t)_i * 15485863 + 3;
	n = draw(41);
	arena_init(&arena, 4096, 0);
	for (unsigned i = 0; i < n; i++) {
		draw_net(text, sizeof(text), true);
		ck_assert_msg(!net_parse(&nets[i], str_of(text)), "%s", text);
		/* Nearly all of everything would be found otherwise. */
		if (nets[i].prefix < 8 && draw(4))
			nets[i].prefix = 16;
	}
	set = netset_new(&arena, nets, n);
	for (int k = 0; k < 500; k++) {
		bool expected = false;
		struct addr a;

		draw_net(text, sizeof(text), false);
		ck_assert_ptr_null(addr_parse_host(&a, str_of(text), 1));
		for (unsigned i = 0; i < n; i++)
			expected |= net_contains(&nets[i], &a);
		ck_assert_msg(netset_has(set, &a) == expected, "%s", text);
		has += expected;
	}
	ck_assert(n > 0 || has == 0);
	arena_free(&arena);
}
END_TEST

START_TEST(many_networks)
{
	char text[1024] = "src";
	size_t n = 3;
	struct rig r;

	for (unsigned i = 0; i < 30; i++)
		n += (size_t)sprintf(text + n, " 10.%u.0.0/16 2001:db8:%x::/48", i * 2, i * 2);
	rig_init(&r);
	rig_route(&r, text);
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), i % 3 ? "10.%u.255.1:1" : "[::ffff:10.%u.0.0]:1", i);
		ck_assert_ptr_null(addr_parse(&r.src, str_of(text)));
		ck_assert_int_eq(router_decide(r.router, &r.facts, NULL), i % 2 ? -1 : 0);
		snprintf(text, sizeof(text), "[2001:db8:%x::9]:1", i);
		ck_assert_ptr_null(addr_parse(&r.src, str_of(text)));
		ck_assert_int_eq(router_decide(r.router, &r.facts, NULL), i % 2 ? -1 : 0);
	}
	ck_assert_ptr_null(addr_parse(&r.src, STR("unix:/x")));
	ck_assert_int_eq(router_decide(r.router, &r.facts, NULL), -1);
	rig_free(&r);
}
END_TEST

static void *ask_in_thread(void *arg)
{
	const struct rig *r = arg;
	struct route_facts facts = r->facts;
	unsigned wrong = 0;
	int route;

	facts.scratch = router_scratch_new();
	for (int i = 0; i < 2000; i++) {
		router_decide(r->router, &facts, &route);
		wrong += route != 2;
	}
	router_scratch_free(facts.scratch);
	return wrong ? arg : NULL;
}

/* Threads share a router and nothing else. */
START_TEST(threads_share_a_router)
{
	struct http_request req = { .match_path = STR("/v12/x"), .method_text = STR("GET") };
	pthread_t threads[4];
	struct rig r;

	rig_init(&r);
	rig_route(&r, "path_reg ^/v\\d+$ ^/w");
	rig_route(&r, "path_beg /v1 method PUT");
	rig_route(&r, "path_reg -i ^/V(\\d)+/x$");
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	r.facts.req = &req;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_in_thread, &r), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	rig_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route plan");
	TCase *t = tcase_create("plan");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, plan_agrees_with_the_judge, 0, 80);
	tcase_add_loop_test(t, literals_agree_with_a_list, 0, 80);
	tcase_add_loop_test(t, netset_agrees_with_a_list, 0, 80);
	tcase_add_test(t, many_networks);
	tcase_add_test(t, literals_of_every_byte);
	tcase_add_test(t, no_memory_is_remembered);
	tcase_add_test(t, threads_share_a_router);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
