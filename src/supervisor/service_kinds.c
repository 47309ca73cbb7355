#include "base/files.h"
#include "supervisor/limits.h"
#include "supervisor/service.h"

/* Sockets of all virtual routers and clients, or pipes and pidfds of all programs. What a
 * script inherits from the runner is what such programs expect. */
#define FILES_OF_OTHERS 1024

static bool always(const struct manifest *m)
{
	(void)m;
	return true;
}

static bool has_routers(const struct manifest *m)
{
	return m->n_routers > 0;
}

static bool has_programs(const struct manifest *m)
{
	return m->n_programs > 0;
}

static bool has_admin(const struct manifest *m)
{
	return m->has_admin != 0;
}

static bool of_frontend(const struct manifest *m, unsigned i)
{
	return i < m->n_listeners;
}

static bool of_admin(const struct manifest *m, unsigned i)
{
	return i >= m->n_listeners;
}

static int bundle_of(const struct edition *g)
{
	return g->bundle;
}

static int brief_of(const struct edition *g)
{
	return g->brief;
}

static int keys_of(const struct edition *g)
{
	return g->keys;
}

static uint64_t files_of_proxy(const struct manifest *m)
{
	uint64_t needed = files_needed(m->max_connections, m->servers);
	uint64_t possible = limits_files_possible();

	return needed < possible ? needed : possible;
}

static uint64_t files_of_others(const struct manifest *m)
{
	(void)m;
	return FILES_OF_OTHERS;
}

const struct service_kind service_kinds[SERVICES] = {
	[BOARD_PROXY] =
		{
			.name = "proxy",
			.own_board = 1,
			.other_board = 2,
			.second_board = 3,
			.listens = of_frontend,
			.wanted = always,
			.carried = bundle_of,
			.secrets = keys_of,
			.files = files_of_proxy,
		},
	[BOARD_VRRP] =
		{
			.name = "vrrp",
			.own_board = 2,
			.other_board = 1,
			.wanted = has_routers,
			.carried = brief_of,
			.files = files_of_others,
		},
	[BOARD_RUNNER] =
		{
			.name = "runner",
			.beats = true,
			.wanted = has_programs,
			.carried = bundle_of,
			.files = files_of_others,
		},
	[BOARD_ADMIN] =
		{
			.name = "admin",
			.all_boards = true,
			.beats = true,
			.listens = of_admin,
			.wanted = has_admin,
			.files = files_of_others,
		},
};
