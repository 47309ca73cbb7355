/* The list "backends". */
#include "base/hash.h"
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

static const struct conf_name *find_name(const struct conf_source *source, struct str host)
{
	for (unsigned i = 0; i < source->n_names; i++)
		if (str_ieq(source->names[i].host, host))
			return &source->names[i];
	return NULL;
}

static void resolve(struct draft *d, const config_setting_t *s, struct str text, struct addr *addr)
{
	const struct conf_name *name;
	struct str host;
	uint16_t port;

	if (!addr_split(text, &host, &port))
		return;
	name = find_name(d->source, host);
	if (name && name->addr.len) {
		*addr = name->addr;
		addr_set_port(addr, port);
	} else if (!value_is_host(host)) {
		draft_fault(d, s,
			    "\"%.*s\" is neither an address nor a host name; write one as in "
			    "\"10.0.0.1:80\"",
			    SHOWN(host));
	} else {
		draft_fault(d, s,
			    "the host name \"%.*s\" of this server was not resolved: %s; write "
			    "its address, or add the name to /etc/hosts",
			    SHOWN(host), name && name->why ? name->why : "nobody knows it");
	}
}

static bool is_wildcard(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

static void read_address(struct draft *d, const config_setting_t *s, struct conf_server *server)
{
	struct str text = syntax_text(s);
	const char *why;

	if (!scalar_text_good(s, TYPE_TEXT))
		return;
	if (str_find(text, STR("://")) >= 0)
		why = "it is a URL";
	else
		why = addr_parse(&server->addr, text);
	if (!why && is_wildcard(&server->addr))
		why = "it means every address of this machine";
	if (why == ADDR_NOT_NUMERIC)
		resolve(d, s, text, &server->addr);
	else if (why)
		draft_fault(d, s,
			    "\"%.*s\" is no address of a server: %s; write one as in "
			    "\"10.0.0.1:80\"",
			    SHOWN(text), why);
}

static void read_server_check(struct draft *d, const config_setting_t *group,
			      const struct conf_check *inherited, struct conf_server *server)
{
	const config_setting_t *s = section_member(group, SECTION_SERVER, "check");

	if (!s)
		server->check = *inherited;
	else if (config_setting_is_group(s))
		build_check(d, s, inherited, &server->check);
	else
		server->check = (struct conf_check){ .kind = CONF_CHECK_NONE };
	build_check_finish(&server->check);
}

static void check_server_name(struct draft *d, const config_setting_t *group,
			      const struct conf_backend *backend, const struct conf_server *server)
{
	for (const struct conf_server *e = backend->servers; server->name.n && e < server; e++) {
		if (!str_eq(e->name, server->name))
			continue;
		draft_fault(d, group,
			    "\"%.*s\" is the name of another server of this backend (%s); "
			    "choose another",
			    STR_ARGS(server->name), draft_place(d, group, e->line).text);
		return;
	}
}

static void read_path(struct draft *d, const config_setting_t *group, const char *name,
		      struct conf_path *to)
{
	const config_setting_t *s = section_member(group, SECTION_SERVER_TLS, name);

	if (s)
		*to = (struct conf_path){ section_text(d, group, SECTION_SERVER_TLS, name),
					  syntax_line(s) };
}

static void read_tls(struct draft *d, const config_setting_t *group, struct conf_server *server)
{
	struct conf_server_tls *tls = &server->tls;
	struct str host;
	uint16_t port;

	tls->on = true;
	tls->line = syntax_line(group);
	section_defaults(d, SECTION_SERVER_TLS, tls);
	section_read(d, group, SECTION_SERVER_TLS, tls);
	read_path(d, group, "ca", &tls->ca);
	read_path(d, group, "certificate", &tls->certificate);
	if (tls->verify && !tls->ca.path.n)
		draft_fault(d, group,
			    "verifying a server needs to know who may have signed its "
			    "certificate; add ca = \"/etc/hpcbal/tls/ca.pem\";, or verify = "
			    "false; to believe anybody");
	if (tls->sni.n && !value_is_host(tls->sni))
		draft_fault(d, section_member(group, SECTION_SERVER_TLS, "sni"),
			    "\"%.*s\" is no name of a host, and nothing else can be asked for; "
			    "write one, or leave sni out: the address is verified then",
			    SHOWN(tls->sni));
	if (!tls->sni.n && addr_split(server->address_text, &host, &port) && value_is_host(host) &&
	    server->address_text.n)
		tls->sni = draft_str(d, host);
}

/* What a check speaks when it does not say: another port may be another program's. */
static void settle_check_tls(struct draft *d, const config_setting_t *group, bool inherited,
			     struct conf_server *server)
{
	const config_setting_t *own = section_member(group, SECTION_SERVER, "check");
	const config_setting_t *said = NULL;

	if (own && config_setting_is_group(own))
		said = section_member(own, SECTION_CHECK, "tls");
	if (server->check.kind != CONF_CHECK_NONE && server->check.tls && !server->tls.on)
		draft_fault(d, said ? said : group,
			    "a check over TLS needs to know how; add tls: { ca = \"…\"; }; to the "
			    "server");
	else if (!said && !inherited)
		server->check.tls = server->tls.on && !server->check.port;
	server->check.tls = server->check.tls && server->tls.on;
}

static void settle_check_http2(const struct draft *d, const config_setting_t *group,
			       const struct conf_backend *backend, struct conf_server *server)
{
	const config_setting_t *own = section_member(group, SECTION_SERVER, "check");
	bool says = d->check_says_http2;

	if (own && config_setting_is_group(own))
		says |= section_member(own, SECTION_CHECK, "http2") != NULL;
	if (!says)
		server->check.http2 = backend->http2 && !server->check.port;
}

static void build_server(struct draft *d, const config_setting_t *group,
			 struct conf_backend *backend, const struct conf_check *inherited)
{
	struct conf_server *server = &backend->servers[backend->n_servers++];
	const config_setting_t *address = section_member(group, SECTION_SERVER, "address");
	const config_setting_t *tls = section_member(group, SECTION_SERVER, "tls");

	server->line = syntax_line(group);
	section_defaults(d, SECTION_SERVER, server);
	section_read(d, group, SECTION_SERVER, server);
	if (address)
		read_address(d, address, server);
	read_server_check(d, group, inherited, server);
	if (server->check.port == 0) /* another port may be another program's */
		server->check.send_proxy = server->send_proxy;
	if (server->send_proxy)
		backend->sends_proxy = true;
	if (tls)
		read_tls(d, tls, server);
	settle_check_tls(d, group, d->check_says_tls, server);
	settle_check_http2(d, group, backend, server);
	backend->speaks_tls |= server->tls.on;
	check_server_name(d, group, backend, server);
}

static void build_servers(struct draft *d, const config_setting_t *list,
			  struct conf_backend *backend, const struct conf_check *check)
{
	unsigned n = (unsigned)config_setting_length(list);

	if (n == 0)
		draft_fault(d, list,
			    "a backend without servers can serve nothing; add one, as in "
			    "( { name = \"web1\"; address = \"10.0.0.1:80\"; } )");
	if (n > CONF_MAX_SERVERS - d->n_servers) {
		draft_fault(d, list,
			    "more than %d servers in all backends together are too many for "
			    "this version; remove some",
			    CONF_MAX_SERVERS);
		return;
	}
	d->n_servers += n;
	backend->servers = draft_array(d, n, sizeof(*backend->servers));
	for (unsigned i = 0; backend->servers && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_server(d, e, backend, check);
	}
}

/* Weights of 0 everywhere leave nobody to ask. */
static void check_weights(struct draft *d, const config_setting_t *group,
			  const struct conf_backend *backend)
{
	for (unsigned i = 0; i < backend->n_servers; i++)
		if (backend->servers[i].weight)
			return;
	if (backend->n_servers)
		draft_warn(d, group,
			   "all servers of this backend have weight 0, so that none takes "
			   "work; give one a weight, 100 as a rule");
}

static void read_breaker(struct draft *d, const config_setting_t *group,
			 struct conf_breaker *breaker)
{
	breaker->on = true;
	section_defaults(d, SECTION_BREAKER, breaker);
	section_read(d, group, SECTION_BREAKER, breaker);
	if (!breaker->consecutive && !breaker->rate)
		draft_fault(d, group, "a breaker with consecutive = 0 and rate = 0 ejects nobody; "
			    "give one of them, or remove the breaker");
	if (breaker->max_ejection < breaker->ejection)
		draft_fault(d, group, "the breaker's max_ejection is shorter than its ejection; "
			    "write at least that");
}

static uint64_t hash_check(const struct conf_check *c, uint64_t h)
{
	h = hash_pair(section_hash(SECTION_CHECK, c, h), c->kind);
	h = hash_pair(h, hash_bytes(c->method));
	h = hash_pair(h, hash_bytes(c->path));
	h = hash_pair(h, hash_bytes(c->fields));
	for (unsigned i = 0; i < c->n_expect; i++)
		h = hash_pair(h, (uint64_t)c->expect[i].from << 16 | c->expect[i].to);
	return h;
}

static uint64_t fingerprint(const struct conf_backend *b)
{
	uint64_t h = section_hash(SECTION_BACKEND, b, b->n_servers);
	char text[ADDR_TEXT];

	h = section_hash(SECTION_BACKEND_TIMEOUTS, &b->timeouts, h);
	h = section_hash(SECTION_STICKY, &b->sticky, h);
	h = hash_pair(section_hash(SECTION_BREAKER, &b->breaker, h), b->breaker.on);
	for (unsigned i = 0; i < b->n_servers; i++) {
		const struct conf_server *s = &b->servers[i];
		size_t n = s->addr.len ? addr_format(&s->addr, text, sizeof(text)) : 0;

		h = hash_pair(section_hash(SECTION_SERVER, s, h),
			      hash_bytes((struct str){ text, n }));
		h = section_hash(SECTION_SERVER_TLS, &s->tls, hash_pair(h, s->tls.on));
		h = hash_check(&s->check, h);
	}
	return h;
}

static void check_queue_timeout(struct draft *d, const config_setting_t *group,
				const config_setting_t *timeouts)
{
	const config_setting_t *s = section_member(group, SECTION_BACKEND, "queue_timeout");

	if (s && timeouts && section_member(timeouts, SECTION_BACKEND_TIMEOUTS, "queue"))
		draft_fault(d, s,
			    "queue_timeout is another name of timeouts.queue, which this backend "
			    "has too; remove one of them");
}

static void build_backend(struct draft *d, const config_setting_t *group, struct conf_backend *b)
{
	const config_setting_t *timeouts = section_member(group, SECTION_BACKEND, "timeouts");
	const config_setting_t *check = section_member(group, SECTION_BACKEND, "check");
	const config_setting_t *servers = section_member(group, SECTION_BACKEND, "servers");
	const config_setting_t *sticky = section_member(group, SECTION_BACKEND, "sticky");
	const config_setting_t *breaker = section_member(group, SECTION_BACKEND, "breaker");
	struct conf_check common = { .kind = CONF_CHECK_NONE };

	b->line = syntax_line(group);
	b->timeouts = d->timeouts;
	section_defaults(d, SECTION_BACKEND, b);
	section_read(d, group, SECTION_BACKEND, b);
	if (b->mode == CONF_MODE_TCP)
		section_check_tcp(d, group, SECTION_BACKEND);
	if (timeouts)
		section_read(d, timeouts, SECTION_BACKEND_TIMEOUTS, &b->timeouts);
	if (timeouts && b->mode == CONF_MODE_TCP)
		section_check_tcp(d, timeouts, SECTION_BACKEND_TIMEOUTS);
	check_queue_timeout(d, group, timeouts);
	d->check_says_tls = check && section_member(check, SECTION_CHECK, "tls");
	d->check_says_http2 = check && section_member(check, SECTION_CHECK, "http2");
	if (check)
		build_check(d, check, NULL, &common);
	if (breaker)
		read_breaker(d, breaker, &b->breaker);
	if (servers)
		build_servers(d, servers, b, &common);
	build_headers(d, section_member(group, SECTION_BACKEND, "request_headers"),
		      &b->request_headers);
	build_headers(d, section_member(group, SECTION_BACKEND, "response_headers"),
		      &b->response_headers);
	build_errors(d, section_member(group, SECTION_BACKEND, "errors"), &b->errors);
	build_balance(d, group, b);
	if (sticky)
		build_sticky(d, sticky, &b->sticky);
	check_weights(d, group, b);
	b->fingerprint = fingerprint(b);
}

static void check_backend_name(struct draft *d, const config_setting_t *group,
			       const struct conf_backend *b)
{
	for (const struct conf_backend *e = d->conf->backends; b->name.n && e < b; e++) {
		if (!str_eq(e->name, b->name))
			continue;
		draft_fault(d, group,
			    "\"%.*s\" is the name of another backend (%s); choose another",
			    STR_ARGS(b->name), draft_place(d, group, e->line).text);
		return;
	}
}

void build_backends(struct draft *d, const config_setting_t *list)
{
	unsigned n = (unsigned)config_setting_length(list);
	struct conf *conf = d->conf;

	if (n == 0)
		draft_fault(d, list,
			    "no backend at all: there is nobody to ask; add one, as in "
			    "( { name = \"app\"; servers = ( … ); } )");
	if (n > CONF_MAX_BACKENDS) {
		draft_fault(d, list, "%u backends are too many for this version; write %d at most",
			    n, CONF_MAX_BACKENDS);
		return;
	}
	conf->backends = draft_array(d, n, sizeof(*conf->backends));
	d->used = draft_array(d, n, sizeof(*d->used));
	if (!conf->backends || !d->used)
		return;
	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (!config_setting_is_group(e))
			continue;
		build_backend(d, e, &conf->backends[conf->n_backends]);
		check_backend_name(d, e, &conf->backends[conf->n_backends++]);
	}
}

static int nearest_backend(const struct conf *conf, struct str name)
{
	unsigned least = option_near_limit(name) + 1;
	int best = -1;

	for (unsigned i = 0; i < conf->n_backends; i++) {
		unsigned distance = str_distance(conf->backends[i].name, name);

		if (distance < least) {
			least = distance;
			best = (int)i;
		}
	}
	return best;
}

int build_find_backend(struct draft *d, const config_setting_t *s, int *meant)
{
	struct str name = syntax_text(s);
	int index;

	*meant = -1;
	if (!scalar_text_good(s, TYPE_NAME))
		return -1;
	index = *meant = conf_find_backend(d->conf, name);
	if (index >= 0 || d->conf->n_backends == 0) /* said already, and once is enough */
		return index;
	*meant = nearest_backend(d->conf, name);
	if (*meant >= 0)
		draft_fault(d, s, "there is no backend \"%.*s\"; did you mean \"%.*s\"?",
			    SHOWN(name), STR_ARGS(d->conf->backends[*meant].name));
	else
		draft_fault(d, s,
			    "there is no backend \"%.*s\"; name one of \"backends\", or add it "
			    "there",
			    SHOWN(name));
	return -1;
}
