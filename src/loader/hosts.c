#include "loader/hosts.h"

#include "route/route.h"

struct gathering {
	struct hosts *hosts;
	unsigned frontend, line;
};

static bool make_room(struct hosts *h)
{
	unsigned room = h->room ? 2 * h->room : 64;
	struct hosts_one *more;

	if (h->n < h->room)
		return true;
	more = arena_alloc(h->arena, room * sizeof(*more));
	if (!more)
		return false;
	if (h->n)
		memcpy(more, h->list, h->n * sizeof(*more));
	h->list = more;
	h->room = room;
	return true;
}

/* An address is asked for without a name, so no certificate is chosen for it. */
static void note(void *arg, struct str name, bool below)
{
	struct gathering *g = arg;
	struct addr addr;

	if (!name.n || addr_parse_host(&addr, name, 0) == NULL || !make_room(g->hosts))
		return;
	name = arena_str(g->hosts->arena, name);
	if (name.n)
		g->hosts->list[g->hosts->n++] =
			(struct hosts_one){ name, below, g->frontend, g->line };
}

void hosts_gather(struct hosts *h, const struct conf *conf, unsigned frontend,
		  const struct router *r)
{
	const struct conf_frontend *f = &conf->frontends[frontend];
	struct gathering g = { .hosts = h, .frontend = frontend };
	bool secure = false;

	for (unsigned i = 0; i < f->n_binds; i++)
		secure |= f->binds[i].tls.on;
	for (unsigned i = 0; secure && i < f->n_routes; i++) {
		g.line = f->routes[i].line;
		router_hosts(r, i, note, &g);
	}
}
