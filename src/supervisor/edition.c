#include "supervisor/edition.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "supervisor/limits.h"

static void free_edition(struct edition *g)
{
	logdest_close(&g->log);
	if (g->m)
		bundle_unmap(g->m, g->size);
	if (g->bundle >= 0)
		close(g->bundle);
	if (g->brief >= 0)
		close(g->brief);
	if (g->keys >= 0)
		close(g->keys);
	free(g);
}

struct edition *edition_new(int bundle, int brief, int keys, const char **why)
{
	struct edition *g = calloc(1, sizeof(*g));

	*why = "out of memory";
	if (!g) {
		close(bundle);
		if (brief >= 0)
			close(brief);
		if (keys >= 0)
			close(keys);
		return NULL;
	}
	g->bundle = bundle;
	g->brief = brief;
	g->keys = keys;
	g->log.fd = -1;
	g->m = bundle_map(bundle, &g->size, why);
	if (g->m && (g->brief >= 0 || !g->m->n_routers))
		return g;
	if (g->m)
		*why = "it has virtual routers, but no brief of them";
	free_edition(g);
	return NULL;
}

/* The proxy lets in no more clients than it can serve; here is told what to do about it. */
static void judge_files(const struct manifest *m, struct report *why)
{
	uint64_t needed = files_needed(m->max_connections, m->servers);
	uint64_t possible = limits_files_possible();

	if (needed <= possible)
		return;
	report_add(why,
		   "warning: max_connections = %llu needs %llu open files, but only %llu are "
		   "allowed, which is enough for %llu connections of clients; raise the limit "
		   "(LimitNOFILE=, ulimit -n) or lower max_connections",
		   (unsigned long long)m->max_connections, (unsigned long long)needed,
		   (unsigned long long)possible,
		   (unsigned long long)files_for_clients(possible, m->servers));
}

bool edition_open(struct edition *g, const struct edition *old, struct report *why)
{
	char text[512];

	if (!logdest_open(&g->log, g->m->log_target, g->m->log_facility, text, sizeof(text))) {
		if (!logdest_missing(&g->log)) {
			report_add(why, "%s", text);
			return false;
		}
		report_add(why, "warning: %s; nothing is logged until it is there", text);
	}
	judge_files(g->m, why);
	return sockets_open(&g->sockets, g->m, old ? &old->sockets : NULL, old ? old->m : NULL,
			    why);
}

bool edition_may_follow(const struct edition *g, const struct edition *old, struct report *why)
{
	bool may = true;

	/* An upgrade brings a proxy of its own. */
	if (old->bundle >= 0 && g->m->threads != old->m->threads) {
		report_add(why,
			   "%s: threads cannot change from %u to %u while hpcbald runs; "
			   "restart it, or set threads back",
			   g->m->config_file, old->m->threads, g->m->threads);
		may = false;
	}
	if (strcmp(g->m->control_socket, old->m->control_socket) != 0) {
		report_add(why,
			   "%s: the control socket cannot change from %s to %s while hpcbald "
			   "runs; restart it, or set it back",
			   g->m->config_file, old->m->control_socket, g->m->control_socket);
		may = false;
	}
	return may;
}

void edition_drop(struct edition *g)
{
	sockets_drop(&g->sockets, g->m);
	free_edition(g);
}

void edition_settle(struct edition *g, struct edition *old)
{
	if (old) {
		sockets_settle(&g->sockets, g->m, &old->sockets, old->m);
		free_edition(old);
	}
}

void edition_close(struct edition *g)
{
	sockets_close(&g->sockets, g->m);
	free_edition(g);
}
