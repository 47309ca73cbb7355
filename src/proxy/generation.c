#include "proxy/generation.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "conf/sections.h"
#include "http/hops.h"
#include "balance/queue.h"
#include "ipc/sealed.h"
#include "proxy/affinity.h"
#include "proxy/split.h"

/* ---- listeners ---- */

static struct listener *listener_new(const struct manifest_listener *m, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));
	const int on = 1;

	if (!l)
		return NULL;
	str_copy(l->text, sizeof(l->text), str_of(m->text));
	l->addr = m->addr;
	l->fd = fd;
	l->references = 1;
	/* What it accepts inherits this; one call instead of one a connection. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return l;
}

struct listener *listener_ref(struct listener *l)
{
	atomic_fetch_add(&l->references, 1);
	return l;
}

void listener_unref(struct listener *l)
{
	if (atomic_fetch_sub(&l->references, 1) != 1)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

void listener_watch(struct listener *l)
{
	atomic_fetch_add(&l->watchers, 1);
}

void listener_unwatch(struct listener *l)
{
	if (atomic_fetch_sub(&l->watchers, 1) != 1)
		return;
	close(l->fd);
	l->fd = -1;
}

static struct listener *find_listener(const struct generation *g, const char *text)
{
	for (unsigned i = 0; g && i < g->n_listeners; i++)
		if (str_eq(str_of(g->listeners[i].listener->text), str_of(text)))
			return g->listeners[i].listener;
	return NULL;
}

static const struct conf_bind *find_bind(const struct conf_frontend *f, const char *text)
{
	for (unsigned i = 0; i < f->n_binds; i++)
		if (str_eq(f->binds[i].text, str_of(text)))
			return &f->binds[i];
	return NULL;
}

/* An unchanged bind keeps the socket that the workers already watch. */
static bool take_listeners(struct generation *g, const struct generation *old,
			   struct listener_fds *fds)
{
	for (unsigned i = 0; i < g->manifest->n_listeners; i++) {
		const struct manifest_listener *m = &g->manifest->listeners[i];
		struct listener *l = find_listener(old, m->text);
		const struct conf_bind *bind = NULL;

		if (m->frontend < g->conf->n_frontends)
			bind = find_bind(&g->conf->frontends[m->frontend], m->text);
		if (!bind)
			return false;
		if (l)
			l = listener_ref(l);
		else if (fds->fd[i] >= 0 && (l = listener_new(m, fds->fd[i])))
			fds->fd[i] = -1;
		if (!l)
			return false;
		g->listeners[g->n_listeners++] = (struct generation_listener){
			.listener = l, .frontend = m->frontend, .bind = bind
		};
	}
	return true;
}

const struct frontend *generation_frontend(const struct generation *g, const struct listener *l)
{
	for (unsigned i = 0; i < g->n_listeners; i++)
		if (g->listeners[i].listener == l)
			return &g->frontends[g->listeners[i].frontend];
	return NULL;
}

const struct generation_listener *generation_listener(const struct generation *g,
						      const struct listener *l)
{
	for (unsigned i = 0; i < g->n_listeners; i++)
		if (g->listeners[i].listener == l)
			return &g->listeners[i];
	return NULL;
}

/* ---- TLS ---- */

#define KEYRING_MAX (1ull << 30)
/* ALPN's words for what the codecs speak. */
#define PROTOCOLS_HTTP STR("\x02h2\x08http/1.1")

/* One of the same settings keeps its session, and the connections that are idle. */
static struct tls_client *same_client(const struct generation *old, const struct server *s,
				      struct tls_client *made)
{
	for (unsigned b = 0; old && b < old->conf->n_backends; b++) {
		const struct backend *e = &old->backends[b];

		for (unsigned i = 0; e->tls && i < e->conf->n_servers; i++) {
			if (e->servers[i] != s || !e->tls[i] || !tls_client_same(e->tls[i], made))
				continue;
			tls_client_unref(made);
			return tls_client_ref(e->tls[i]);
		}
	}
	return made;
}

static bool make_clients(struct generation *g, struct backend *b, const struct generation *old,
			 char why[TLS_WHY])
{
	if (!b->conf->speaks_tls)
		return true;
	b->tls = arena_zalloc(&g->arena, b->conf->n_servers * sizeof(struct tls_client *));
	if (!b->tls) {
		snprintf(why, TLS_WHY, "reading the keys: out of memory");
		return false;
	}
	for (unsigned i = 0; i < b->conf->n_servers; i++) {
		const struct conf_server *c = &b->conf->servers[i];

		if (!c->tls.on)
			continue;
		b->tls[i] = tls_client_new(&c->tls, &c->addr, &g->source, why);
		if (!b->tls[i])
			return false;
		b->tls[i] = same_client(old, b->servers[i], b->tls[i]);
	}
	return true;
}

static bool make_tls(struct generation *g, const struct generation *old, char why[TLS_WHY])
{
	for (unsigned i = 0; i < g->conf->n_backends; i++)
		if (!make_clients(g, &g->backends[i], old, why))
			return false;
	for (unsigned i = 0; i < g->n_listeners; i++) {
		struct generation_listener *l = &g->listeners[i];
		bool http = g->conf->frontends[l->frontend].mode == CONF_MODE_HTTP;

		if (!l->bind->tls.on)
			continue;
		l->tls = tls_server_new(&l->bind->tls, &g->source,
					http ? PROTOCOLS_HTTP : STR_NONE, why);
		if (!l->tls)
			return false;
	}
	return true;
}

/* The keyring is mapped for as long as contexts are made of it. */
static bool read_keys(struct generation *g, const struct generation *old,
		      struct listener_fds *fds, char why[TLS_WHY])
{
	const char *fault = NULL;
	const void *keyring;
	size_t size = 0;
	bool good;

	if (fds->keys < 0)
		return make_tls(g, old, why);
	keyring = sealed_map(fds->keys, sizeof(uint64_t), KEYRING_MAX, &size, &fault);
	if (!keyring) {
		snprintf(why, TLS_WHY, "mapping the keys: %s", fault);
		return false;
	}
	snprintf(why, TLS_WHY, "reading the keys: out of memory");
	good = conf_secrets_decode((struct str){ keyring, size }, &g->arena, &g->source) &&
	       make_tls(g, old, why);
	g->source.n_secrets = 0;
	munmap((void *)(uintptr_t)keyring, size);
	return good;
}

/* ---- servers and pools ---- */

static struct server *find_server(const struct generation *g, unsigned slot)
{
	for (unsigned b = 0; g && b < g->conf->n_backends; b++)
		for (unsigned i = 0; i < g->backends[b].conf->n_servers; i++)
			if (g->backends[b].servers[i]->slot == slot)
				return g->backends[b].servers[i];
	return NULL;
}

/* What the board says of a server that was not watched meanwhile is old, and what was said of it
 * by hand. A proxy that has just begun believes its predecessor. */
static void forget_past(struct board_server *on)
{
	stats_set(on->health, BOARD_SERVER_STARTING);
	stats_set(on->streak, 0);
	stats_set(on->draining, 0);
	stats_set(on->ejected_until_us, 0);
	board_forget_checks(on);
	stats_set(on->since_wall_us, 0);
	stats_set(on->check_last_wall_us, 0);
	stats_set(on->admin, BOARD_ADMIN_READY);
	stats_set(on->admin_until_us, 0);
	stats_set(on->back_since_us, 0);
}

static uint64_t limit_of(const struct conf_server *c)
{
	return c->max_connections ? c->max_connections : SERVER_UNLIMITED;
}

static struct server *take_server(const struct generation *old, struct board_proxy *board,
				  struct str backend, const struct conf_server *c)
{
	char address[ADDR_TEXT];
	struct server *s;
	int slot;

	addr_format(&c->addr, address, sizeof(address));
	slot = board_server_slot(board, backend, c->name, str_of(address));
	if (slot < 0)
		return NULL;
	s = find_server(old, (unsigned)slot);
	if (s)
		return server_ref(s);
	if (old)
		forget_past(&board->servers[slot]);
	s = server_new(backend, c->name, &c->addr, (unsigned)slot, &board->servers[slot].stats);
	if (s) {
		s->owner = &board->servers[slot];
		atomic_store(&s->weight, c->weight);
		atomic_store(&s->most, limit_of(c));
		server_begin_slow_start(s, stats_get(board->servers[slot].back_since_us));
		server_eject(s, stats_get(board->servers[slot].ejected_until_us));
		server_set_admin(s, (enum server_admin)stats_get(board->servers[slot].admin));
	}
	return s;
}

static const struct backend *unchanged_backend(const struct generation *old,
					       const struct conf_backend *c)
{
	for (unsigned i = 0; old && i < old->conf->n_backends; i++) {
		const struct conf_backend *o = old->backends[i].conf;

		if (o->fingerprint == c->fingerprint && str_eq(o->name, c->name) &&
		    o->n_servers == c->n_servers)
			return &old->backends[i];
	}
	return NULL;
}

static bool backend_make(struct backend *b, const struct conf_backend *c,
			 const struct generation *old, struct board_proxy *board,
			 struct arena *arena)
{
	const struct backend *same = unchanged_backend(old, c);
	bool *backup = arena_zalloc(arena, c->n_servers * sizeof(*backup));
	int slot = board_backend_slot(board, c->name);

	b->conf = c;
	b->codec = &codec_h1;
	b->key = affinity_named(c);
	b->servers = arena_zalloc(arena, c->n_servers * sizeof(*b->servers));
	if (!b->servers || !backup || slot < 0)
		return false;
	b->slot = (unsigned)slot;
	b->latency = &board->backends[slot].latency;
	for (unsigned i = 0; i < c->n_servers; i++) {
		b->servers[i] = take_server(old, board, c->name, &c->servers[i]);
		if (!b->servers[i])
			return false;
		backup[i] = c->servers[i].backup;
	}
	if (!affinity_make_values(b, arena))
		return false;
	b->pool = same ? pool_ref(same->pool)
		       : pool_new(balancer_of(c->balance), b->servers, backup, c->n_servers);
	if (!b->pool)
		return false;
	if (!same && c->all_backups)
		pool_use_all_backups(b->pool);
	pool_show_queue(b->pool, &board->backends[slot].queued);
	return true;
}

/* ---- making ---- */

static bool read_conf(struct generation *g, char *why, size_t why_size)
{
	struct diags diags;
	char *text;

	diags_init(&diags);
	if (conf_source_decode(bundle_sections(g->manifest), &g->arena, &g->source))
		g->conf = conf_parse(&g->source, &diags);
	if (!g->conf) {
		text = diags_text(&diags);
		snprintf(why, why_size, "reading the bundled configuration: %s",
			 text ? text : "out of memory");
		free(text);
	}
	diags_free(&diags);
	if (g->conf)
		g->pseudonym = http_pseudonym(g->conf->node, &g->arena);
	return g->conf != NULL;
}

static struct h1_limits request_limits(const struct conf_frontend *c)
{
	return (struct h1_limits){ .max_line = c->max_header_size,
				   .max_head = c->max_header_size,
				   .max_fields = (unsigned)c->max_headers,
				   .relax_bare_lf = c->relax_bare_lf };
}

static bool make_limits(struct generation *g, struct frontend *f, struct board_limits *board)
{
	unsigned n = f->conf->n_limits;

	if (!n)
		return true;
	f->rates = arena_zalloc(&g->arena, n * sizeof(*f->rates));
	f->holds = arena_zalloc(&g->arena, n * sizeof(*f->holds));
	if (!f->rates || !f->holds)
		return false;
	for (unsigned i = 0; i < n; i++) {
		const struct conf_limit *c = &f->conf->limits[i];
		struct frontend_limit *l =
			c->connections ? &f->holds[f->n_holds++] : &f->rates[f->n_rates++];

		if (!limit_init(&l->limit, f->conf, i, board))
			return false;
		l->named = http_named(c->by == CONF_LIMIT_COOKIE ? HTTP_NAMED_COOKIE
								 : HTTP_NAMED_FIELD, c->of);
	}
	return true;
}

static bool make_splits(struct generation *g, struct frontend *f)
{
	for (unsigned i = 0; i < f->conf->n_routes; i++) {
		const struct conf_route *r = &f->conf->routes[i];

		if (r->action != CONF_ROUTE_SPLIT)
			continue;
		if (!f->splits)
			f->splits = arena_zalloc(&g->arena,
						 f->conf->n_routes * sizeof(*f->splits));
		if (!f->splits)
			return false;
		f->splits[i] = split_new(g->conf, r, &g->arena);
		if (!f->splits[i])
			return false;
	}
	return true;
}

static bool make_frontends(struct generation *g, struct board_proxy *board,
			   struct board_limits *limits)
{
	struct diags diags;
	bool good = true;

	g->frontends = arena_zalloc(&g->arena, g->conf->n_frontends * sizeof(*g->frontends));
	if (!g->frontends)
		return false;
	diags_init(&diags);
	for (unsigned i = 0; good && i < g->conf->n_frontends; i++) {
		struct frontend *f = &g->frontends[i];
		int slot;

		f->conf = &g->conf->frontends[i];
		f->limits = request_limits(f->conf);
		f->request_id = http_field_classify(f->conf->request_id.header);
		f->router = router_compile(g->conf, &g->source, f->conf, &diags);
		slot = board_frontend_slot(board, f->conf->name);
		good = f->router && slot >= 0 && make_limits(g, f, limits) &&
		       make_splits(g, f);
		if (good) {
			f->slot = (unsigned)slot;
			f->stats = &board->frontends[slot].stats;
			f->roads = board->roads[slot];
		}
	}
	diags_free(&diags);
	return good;
}

/* False: that went wrong, though the loader had done it too. */
static bool make_edits(struct generation *g, struct backend *b)
{
	struct diags diags;
	bool good;

	diags_init(&diags);
	b->edits = router_compile_backend(&g->source, b->conf, &diags);
	good = diags.errors == 0;
	diags_free(&diags);
	return good;
}

static bool make_backends(struct generation *g, const struct generation *old,
			  struct board_proxy *board)
{
	g->backends = arena_zalloc(&g->arena, g->conf->n_backends * sizeof(*g->backends));
	if (!g->backends)
		return false;
	for (unsigned i = 0; i < g->conf->n_backends; i++)
		g->backends[i].conf = &g->conf->backends[i];
	for (unsigned i = 0; i < g->conf->n_backends; i++)
		if (!backend_make(&g->backends[i], &g->conf->backends[i], old, board, &g->arena) ||
		    !make_edits(g, &g->backends[i]))
			return false;
	return true;
}

static struct generation *generation_new(int bundle, uint64_t number, char *why, size_t why_size)
{
	struct generation *g = calloc(1, sizeof(*g));
	const char *fault = "out of memory";

	if (g)
		g->manifest = bundle_map(bundle, &g->manifest_size, &fault);
	close(bundle);
	if (!g || !g->manifest) {
		snprintf(why, why_size, "mapping the bundle: %s", fault);
		free(g);
		return NULL;
	}
	g->references = 1;
	g->number = number;
	arena_init(&g->arena, 65536, 0);
	return g;
}

struct generation *generation_make(int bundle, uint64_t number, const struct generation *old,
				   struct listener_fds *fds, struct board_proxy *board,
				   struct board_limits *limits, char *why, size_t why_size)
{
	struct generation *g = generation_new(bundle, number, why, why_size);
	const char *fault = NULL;
	char tls_fault[TLS_WHY];

	if (!g)
		return NULL;
	if (!read_conf(g, why, why_size))
		goto fail;
	if (!make_frontends(g, board, limits))
		fault = "compiling the routes: out of memory, or too many frontends or limits at "
			"once";
	else if (!take_listeners(g, old, fds))
		fault = "taking the listening sockets: one was not handed over";
	else if (!make_backends(g, old, board))
		fault = "preparing the servers: out of memory, or more than the board holds";
	else if (!read_keys(g, old, fds, tls_fault))
		fault = tls_fault;
	if (!fault)
		return g;
	snprintf(why, why_size, "%s", fault);
fail:
	generation_unref(g);
	return NULL;
}

struct generation *generation_ref(struct generation *g)
{
	atomic_fetch_add(&g->references, 1);
	return g;
}

static void free_backends(struct generation *g)
{
	for (unsigned b = 0; g->backends && b < g->conf->n_backends; b++) {
		struct backend *e = &g->backends[b];

		for (unsigned i = 0; e->servers && i < e->conf->n_servers; i++)
			if (e->servers[i])
				server_unref(e->servers[i]);
		for (unsigned i = 0; e->tls && i < e->conf->n_servers; i++)
			tls_client_unref(e->tls[i]);
		if (e->pool)
			pool_unref(e->pool);
		router_free(e->edits);
	}
}

void generation_unref(struct generation *g)
{
	if (atomic_fetch_sub(&g->references, 1) != 1)
		return;
	for (unsigned i = 0; i < g->n_listeners; i++) {
		listener_unref(g->listeners[i].listener);
		tls_server_unref(g->listeners[i].tls);
	}
	free_backends(g);
	for (unsigned i = 0; g->frontends && i < g->conf->n_frontends; i++)
		if (g->frontends[i].router)
			router_free(g->frontends[i].router);
	if (g->conf)
		conf_unref(g->conf);
	arena_free(&g->arena);
	bundle_unmap(g->manifest, g->manifest_size);
	free(g);
}

/* ---- publishing ---- */

/* The slots of what runs: whoever reads meanwhile misses none of them. */
struct kept {
	bool frontends[BOARD_FRONTENDS], backends[BOARD_BACKENDS], servers[BOARD_SERVERS];
	uint32_t n_servers;
};

static void publish_roads(const struct generation *g, const struct frontend *f)
{
	bool open[BOARD_BACKENDS + 1] = { [BOARD_NOWHERE] = true };

	for (unsigned i = 0; i < f->conf->n_routes; i++) {
		const struct conf_route *r = &f->conf->routes[i];

		if (r->action == CONF_ROUTE_BACKEND)
			open[g->backends[r->backend].slot] = true;
		for (unsigned k = 0; k < r->n_split; k++)
			open[g->backends[r->split[k].backend].slot] = true;
	}
	if (f->conf->default_backend >= 0)
		open[g->backends[f->conf->default_backend].slot] = true;
	for (unsigned i = 0; i <= BOARD_BACKENDS; i++)
		stats_set(f->roads[i].open, open[i]);
}

static void publish_frontend(const struct generation *g, unsigned i, struct board_proxy *board,
			     struct kept *kept)
{
	const struct frontend *f = &g->frontends[i];
	struct board_frontend *b = &board->frontends[f->slot];
	char binds[BOARD_BINDS_TEXT] = "";
	size_t n = 0;

	for (unsigned k = 0; k < f->conf->n_binds && n < sizeof(binds); k++)
		n += (size_t)snprintf(binds + n, sizeof(binds) - n, "%.*s\n",
				      STR_ARGS(f->conf->binds[k].text));
	board_write_text(&b->bind_turn, b->binds, sizeof(b->binds), str_of(binds));
	stats_set(b->order, i);
	stats_set(b->tcp, f->conf->mode == CONF_MODE_TCP);
	publish_roads(g, f);
	stats_set(b->current, BOARD_CURRENT);
	kept->frontends[f->slot] = true;
}

/* One that was set by hand lasts until a reload: a proxy that was started again keeps it. */
static void publish_weight(struct server *s, const struct conf_server *c,
			   struct board_server *on, bool reload)
{
	if (reload)
		stats_set(on->weight_given, 0);
	if (!stats_get(on->weight_given))
		stats_set(on->weight, c->weight);
	atomic_store(&s->weight, stats_get(on->weight));
}

static void publish_backend(const struct generation *g, unsigned i, struct board_proxy *board,
			    struct kept *kept, bool reload)
{
	const struct backend *b = &g->backends[i];
	unsigned slot = b->slot;

	str_copy(board->backends[slot].balance, BOARD_NAME, b->conf->balance_text);
	stats_set(board->backends[slot].order, i);
	stats_set(board->backends[slot].current, BOARD_CURRENT);
	kept->backends[slot] = true;
	for (unsigned k = 0; k < b->conf->n_servers; k++) {
		const struct conf_server *c = &b->conf->servers[k];
		struct server *s = b->servers[k];
		struct board_server *on = s->owner;

		publish_weight(s, c, on, reload);
		atomic_store(&s->most, limit_of(c));
		stats_set(on->max_connections, (uint32_t)c->max_connections);
		atomic_store(&s->slow_start, c->slow_start);
		stats_set(on->slow_start_us, c->slow_start);
		stats_set(on->backup, c->backup);
		stats_set(on->checked, c->check.kind != CONF_CHECK_NONE);
		stats_set(board->server_order[s->slot], kept->n_servers++);
		stats_set(on->current, BOARD_CURRENT);
		kept->servers[s->slot] = true;
	}
}

static void withdraw_rest(struct board_proxy *board, const struct kept *kept)
{
	for (unsigned i = 0; i < board_n_frontends(board); i++)
		if (!kept->frontends[i])
			stats_set(board->frontends[i].current, BOARD_GONE);
	for (unsigned i = 0; i < board_n_backends(board); i++)
		if (!kept->backends[i])
			stats_set(board->backends[i].current, BOARD_GONE);
	for (unsigned i = 0; i < board_n_servers(board); i++)
		if (!kept->servers[i])
			stats_set(board->servers[i].current, BOARD_GONE);
}

/* Those that are not withdrawn are named anew, in the order of the file. */
static void publish_limits(const struct generation *g, struct board_limits *board)
{
	bool kept[BOARD_LIMITS] = { false };
	unsigned order = 0;

	for (unsigned i = 0; i < g->conf->n_frontends; i++) {
		struct frontend *f = &g->frontends[i];

		for (unsigned k = 0; k < f->n_rates + f->n_holds; k++) {
			struct frontend_limit *l =
				k < f->n_rates ? &f->rates[k] : &f->holds[k - f->n_rates];

			limit_publish(&l->limit, order + l->limit.index);
			kept[l->limit.on - board->limits] = true;
		}
		order += f->conf->n_limits;
	}
	for (unsigned i = 0; i < BOARD_LIMITS; i++)
		if (!kept[i])
			stats_set(board->limits[i].current, BOARD_GONE);
}

static void add_certificate(struct board_certificates *to, struct str file, int64_t ends)
{
	size_t most = BOARD_CERTIFICATE_FILE - 1;

	for (uint32_t i = 0; i < to->n; i++)
		if (str_ends(file, str_of(to->list[i].file)) && to->list[i].ends == ends)
			return; /* of another bind */
	if (to->n == BOARD_CERTIFICATES)
		return;
	str_copy(to->list[to->n].file, BOARD_CERTIFICATE_FILE,
		 file.n > most ? str_from(file, file.n - most) : file);
	to->list[to->n++].ends = ends;
}

static void publish_certificates(const struct generation *g, struct board_proxy *board)
{
	struct board_certificates all = { .n = 0 };

	for (unsigned i = 0; i < g->n_listeners; i++) {
		const struct generation_listener *l = &g->listeners[i];

		for (unsigned k = 0; l->tls && k < l->bind->tls.n_certificates; k++)
			add_certificate(&all, l->bind->tls.certificates[k].path,
					tls_server_ends(l->tls, k));
	}
	board_write_block(&board->certificates_turn, &board->certificates, &all, sizeof(all));
}

void generation_publish(struct generation *g, struct generation *old, struct board_proxy *board,
			struct board_limits *limits, uint64_t now)
{
	struct kept kept = { .n_servers = 0 };

	publish_limits(g, limits);
	publish_certificates(g, board);
	for (unsigned i = 0; i < g->conf->n_frontends; i++)
		publish_frontend(g, i, board, &kept);
	for (unsigned i = 0; i < g->conf->n_backends; i++)
		publish_backend(g, i, board, &kept, old != NULL);
	withdraw_rest(board, &kept);
	for (unsigned b = 0; old && b < old->conf->n_backends; b++)
		for (unsigned i = 0; i < old->backends[b].conf->n_servers; i++) {
			struct server *s = old->backends[b].servers[i];
			const struct board_server *on = s->owner;

			if (stats_get(on->current) != BOARD_CURRENT)
				atomic_store(&s->retired, now);
			pool_stir(s, now); /* its limit or weight may be another */
		}
}
