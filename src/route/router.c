/* A frontend's acls and routes: compiled, and asked. */
#include <stdio.h>
#include <stdlib.h>

#include "http/chars.h"
#include "http/path.h"
#include "http/prefix.h"
#include "route/compile.h"
#include "route/edit_rules.h"
#include "route/plan.h"

#define BLOCK 16384

struct route {
	struct condition condition;
	struct template location; /* of a redirect */
	struct http_prefix *prefix; /* NULL: the path stays as it is */
};

struct router {
	struct arena arena;
	bool has_prefixes;
	int *backends; /* of the routes, -1: it answers by itself; what each request asks for */
	struct regex_link *regexes;
	struct plan plan;
	struct route *routes;
	struct edit_rules request, response;
	struct condition *limits; /* as the frontend's; of one without `when` empty */
	unsigned n_asked;
	unsigned *asked; /* indices of the routes that the plan does not answer for, in order */
	int default_backend;
};

void router_free(struct router *r)
{
	if (!r)
		return;
	for (struct regex_link *l = r->regexes; l; l = l->next)
		regex_free(l->regex);
	arena_free(&r->arena);
	free(r);
}

static void acl_report(struct compile *c, enum diag_level level, const struct conf_acl *a,
		       const char *what)
{
	diag_add(c->diags, c->source, level, a->line, "acl \"%.*s\": %s", STR_ARGS(a->name), what);
}

static bool is_taken_name(struct str name)
{
	const struct word *w = word_find(name);

	return (w && str_eq(w->name, name)) || str_ieq(name, STR("or"));
}

static bool name_acls(struct compile *c)
{
	const struct conf_frontend *f = c->frontend;

	c->acls = arena_zalloc(c->arena, (f->n_acls + 1) * sizeof(*c->acls));
	c->acl_names = literals_new(c->arena);
	if (!c->acls || !c->acl_names)
		return false;
	for (unsigned i = 0; i < f->n_acls; i++) {
		c->acls[i].conf = &f->acls[i];
		if (is_taken_name(f->acls[i].name))
			acl_report(c, DIAG_ERROR, &f->acls[i],
				   "this is a word of conditions; choose another name");
		else if (acl_find(c, f->acls[i].name) >= 0)
			acl_report(c, DIAG_ERROR, &f->acls[i],
				   "there is another acl of this name; choose another name, or "
				   "join them with \"or\"");
		else
			literals_add(c->acl_names, f->acls[i].name, LITERAL_EXACT, i);
	}
	return true;
}

/* All of them, also those that no route names: they may be wrong. */
static void compile_acls(struct compile *c)
{
	struct parser p = { .c = c };

	for (unsigned i = 0; i < c->frontend->n_acls; i++) {
		if (acl_find(c, c->frontend->acls[i].name) == (int)i)
			acl_condition(&p, i);
	}
}

static void report_unused(struct compile *c)
{
	for (unsigned i = 0; i < c->frontend->n_acls; i++)
		if (!c->acls[i].used)
			acl_report(c, DIAG_WARNING, &c->frontend->acls[i],
				   "no route asks for it; remove it, or the route is missing");
}

static void report_covered(struct compile *c, unsigned i, uint32_t by)
{
	const struct conf_route *routes = c->frontend->routes;
	struct diag_place at = diag_place(c->source, routes[i].line, routes[by].line);

	diag_add(
		c->diags, c->source, DIAG_WARNING, routes[i].line,
		"route: it can never match, because the route %s takes all of it before; put this "
		"one first, or remove it",
		at.text);
}

static void compile_location(struct compile *c, struct route *route, const struct conf_route *conf)
{
	struct parser p = { .c = c, .line = conf->line, .subject = "redirect" };

	if (conf->action == CONF_ROUTE_REDIRECT)
		template_compile(&p, conf->answer.to, &route->location);
}

static struct str plain(struct arena *a, struct str s)
{
	char *to = arena_alloc(a, s.n + 1);

	return to ? http_path_plain(s, to) : STR_NONE;
}

static void compile_prefix(struct compile *c, struct route *route, const struct conf_route *conf)
{
	struct http_prefix *p;

	if (!conf->has_prefix)
		return;
	p = route->prefix = arena_alloc(c->arena, sizeof(*p));
	if (p)
		*p = (struct http_prefix){ .client_plain = plain(c->arena, conf->prefix_client),
					   .server_plain = plain(c->arena, conf->prefix_server),
					   .client = conf->prefix_client,
					   .server = conf->prefix_server,
					   .told = conf->forwarded_prefix &&
						   c->frontend->forwarded_for };
}

static void compile_route(struct compile *c, struct router *r, unsigned i)
{
	const struct conf_route *conf = &c->frontend->routes[i];
	struct route *route = &r->routes[i];
	struct str when = conf->when.p ? conf->when : STR("always");
	uint32_t by;

	r->backends[i] = conf->action == CONF_ROUTE_BACKEND ? (int)conf->backend : -1;
	r->has_prefixes |= conf->has_prefix;
	compile_location(c, route, conf);
	compile_prefix(c, route, conf);
	if (!condition_compile(c, when, conf->line, "route", false, &route->condition))
		return;
	by = plan_covers(&r->plan, &route->condition);
	if (by != RANK_NONE)
		report_covered(c, i, by);
	if (!plan_add(&r->plan, &route->condition, i))
		r->asked[r->n_asked++] = i;
	arena_reset(&c->temp);
}

static void compile_routes(struct compile *c, struct router *r)
{
	unsigned n = c->frontend->n_routes;

	r->routes = arena_zalloc(c->arena, (n + 1) * sizeof(*r->routes));
	r->asked = arena_alloc(c->arena, (n + 1) * sizeof(*r->asked));
	r->backends = arena_alloc(c->arena, (n + 1) * sizeof(*r->backends));
	if (!r->routes || !r->asked || !r->backends)
		return;
	for (unsigned i = 0; i < n; i++)
		compile_route(c, r, i);
}

/* A connection is counted before it has sent anything. */
static void refuse_word(struct compile *c, const struct conf_limit *l, const struct word *w)
{
	diag_add(c->diags, c->source, DIAG_ERROR, l->line,
		 "limit \"%.*s\": its condition asks for \"%.*s\", and connections are counted "
		 "before a request is there; ask for src or dst_port, or write a rate",
		 STR_ARGS(l->name), STR_ARGS(w->name));
}

static void compile_limit(struct compile *c, struct router *r, unsigned i)
{
	const struct conf_limit *l = &c->frontend->limits[i];
	const struct word *word;
	char subject[CONF_NAME_MAX + 16];

	if (!l->when.n)
		return;
	snprintf(subject, sizeof(subject), "limit \"%.*s\"", STR_ARGS(l->name));
	if (!condition_compile(c, l->when, l->line, subject, false, &r->limits[i]))
		return;
	word = l->connections ? condition_of_request(&r->limits[i]) : NULL;
	if (word)
		refuse_word(c, l, word);
}

static void compile_limits(struct compile *c, struct router *r)
{
	unsigned n = c->frontend->n_limits;

	r->limits = arena_zalloc(c->arena, (n + 1) * sizeof(*r->limits));
	for (unsigned i = 0; r->limits && i < n; i++)
		compile_limit(c, r, i);
}

/* A name with other characters would be left out of what clients send (HTTP.md 54). */
static bool name_is_plain(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!http_char_is(name.p[i], CHAR_PLAIN))
			return false;
	return true;
}

static void judge_request_id(struct compile *c)
{
	const struct conf_frontend *f = c->frontend;
	struct str name = f->request_id.header;
	enum http_field_id id = http_field_classify(name);

	if (!f->request_id.on)
		return;
	if (id != FIELD_OTHER && id != FIELD_X_REQUEST_ID)
		diag_add(c->diags, c->source, DIAG_ERROR, f->request_id.line,
			 "\"%.*s\" has a meaning of its own and cannot have the request's id; "
			 "write header = \"X-Request-ID\";", STR_ARGS(name));
	else if (!name_is_plain(name))
		diag_add(c->diags, c->source, DIAG_ERROR, f->request_id.line,
			 "\"%.*s\" has more than letters, digits and \"-\" in it, and what "
			 "clients send in such a field is left out; write "
			 "header = \"X-Request-ID\";", STR_ARGS(name));
}

static void compile_all(struct compile *c, struct router *r)
{
	size_t errors = c->diags->errors;

	if (!name_acls(c))
		return;
	judge_request_id(c);
	compile_acls(c);
	compile_routes(c, r);
	compile_limits(c, r);
	edit_rules_compile(c, &c->frontend->request_headers, "request_headers", &r->request);
	edit_rules_compile(c, &c->frontend->response_headers, "response_headers", &r->response);
	/* A route that is wrong may have been the one that asks for it. */
	if (c->diags->errors == errors)
		report_unused(c);
}

struct router *router_compile(const struct conf *conf, const struct conf_source *source,
			      const struct conf_frontend *frontend, struct diags *diags)
{
	struct router *r = calloc(1, sizeof(*r));
	struct compile c = { .source = source, .frontend = frontend, .diags = diags };
	struct arena growing;
	size_t errors = diags->errors;

	(void)conf;
	if (r) {
		arena_init(&growing, BLOCK, 0);
		arena_init(&r->arena, BLOCK, 0);
		arena_init(&c.temp, BLOCK, 0);
		c.arena = &r->arena;
		c.regexes = &r->regexes;
		r->plan = (struct plan){ .arena = &r->arena, .temp = &c.temp,
					 .growing = &growing };
		r->default_backend = frontend->default_backend;
		compile_all(&c, r);
		plan_pack(&r->plan);
		arena_free(&growing);
		arena_free(&c.temp);
	}
	if (diags->errors == errors && (!r || arena_failed(&r->arena) || arena_failed(&c.temp)))
		diag_add(diags, source, DIAG_ERROR, frontend->line,
			 "frontend \"%.*s\": out of memory while its routes were compiled",
			 STR_ARGS(frontend->name));
	if (diags->errors == errors)
		return r;
	router_free(r);
	return NULL;
}

struct router *router_compile_backend(const struct conf_source *source,
				      const struct conf_backend *backend, struct diags *diags)
{
	const struct conf_frontend rules = { .name = backend->name,
					     .line = backend->line,
					     .default_backend = -1,
					     .request_headers = backend->request_headers,
					     .response_headers = backend->response_headers };

	if (!rules.request_headers.n && !rules.response_headers.n)
		return NULL;
	return router_compile(NULL, source, &rules, diags);
}

unsigned router_edits(const struct router *r, bool response, const struct route_facts *facts,
		      struct arena *arena, struct http_edit *out)
{
	return r ? edit_rules_choose(response ? &r->response : &r->request, facts, arena, out) : 0;
}

int router_decide(const struct router *r, const struct route_facts *facts, int *route)
{
	uint32_t best = plan_find(&r->plan, facts->req);

	for (unsigned i = 0; i < r->n_asked && r->asked[i] < best; i++) {
		if (condition_holds(&r->routes[r->asked[i]].condition, facts)) {
			best = r->asked[i];
			break;
		}
	}
	if (route)
		*route = best == RANK_NONE ? -1 : (int)best;
	return best == RANK_NONE ? r->default_backend : r->backends[best];
}

const struct http_prefix *router_prefix(const struct router *r, int route)
{
	return route >= 0 && r->has_prefixes ? r->routes[route].prefix : NULL;
}

bool router_route_holds(const struct router *r, unsigned route, const struct route_facts *facts)
{
	return condition_holds(&r->routes[route].condition, facts);
}

void router_hosts(const struct router *r, unsigned route,
		  void (*tell)(void *arg, struct str host, bool below), void *arg)
{
	condition_hosts(&r->routes[route].condition, tell, arg);
}

struct str router_location(const struct router *r, int route, const struct route_facts *facts,
			   struct arena *arena)
{
	return template_uri(&r->routes[route].location, facts, arena);
}

bool router_limits(const struct router *r, unsigned limit, const struct route_facts *facts)
{
	const struct condition *c = &r->limits[limit];

	return c->n == 0 || condition_holds(c, facts);
}
