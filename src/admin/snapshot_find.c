/* Finding by name what is in a snapshot, and naming the nearest when it is not. */
#include "admin/snapshot_data.h"

#define NEAR 4 /* letters that differ at most, less one */

struct nearest {
	const char *name;
	unsigned distance;
};

static void compare(struct nearest *n, const char *wanted, const char *name)
{
	unsigned distance = str_distance(str_of(wanted), str_of(name));

	if (distance < n->distance) {
		n->distance = distance;
		n->name = name;
	}
}

static void explain(const struct nearest *n, const char *kind, const char *wanted, char *why,
		    size_t size)
{
	if (n->name)
		snprintf(why, size, "there is no %s \"%s\"; did you mean \"%s\"?", kind, wanted,
			 n->name);
	else
		snprintf(why, size, "there is no %s \"%s\"; `hpcbalctl status` lists them", kind,
			 wanted);
}

bool snapshot_limit_is(const struct snap_limit *l, const char *name)
{
	size_t n = strlen(l->frontend);

	if (strcmp(l->name, name) == 0)
		return true;
	return strncmp(name, l->frontend, n) == 0 && name[n] == '/' &&
	       strcmp(name + n + 1, l->name) == 0;
}

bool snapshot_has_limit(const struct snapshot *s, const char *name, char *why, size_t why_size)
{
	struct nearest n = {NULL, NEAR};

	for (unsigned i = 0; i < s->n_limits; i++) {
		if (snapshot_limit_is(&s->limits[i], name))
			return true;
		compare(&n, name, s->limits[i].name);
	}
	if (n.name)
		explain(&n, "limit", name, why, why_size);
	else
		snprintf(why, why_size, "there is no limit \"%s\"; `hpcbalctl limits` lists them",
			 name);
	return false;
}

const struct snap_backend *snapshot_find_backend(const struct snapshot *s, const char *name,
						 char *why, size_t why_size)
{
	struct nearest n = {NULL, NEAR};

	for (unsigned i = 0; i < s->n_backends; i++) {
		if (strcmp(s->backends[i].name, name) == 0)
			return &s->backends[i];
		compare(&n, name, s->backends[i].name);
	}
	explain(&n, "backend", name, why, why_size);
	return NULL;
}

bool snapshot_is_ejected(const struct snapshot *s, const struct snap_server *v)
{
	return v->state == BOARD_SERVER_UP && v->ejected_until_us > s->mono_us;
}

bool snapshot_in_place(const struct snapshot *s, const struct snap_place *place,
		       const struct snap_server *v)
{
	if (!place->backend)
		return true;
	return &s->backends[0] + v->backend_index == place->backend &&
	       (!place->server || strcmp(v->name, place->server) == 0);
}

static bool has_server(const struct snapshot *s, const struct snap_place *place, char *why,
		       size_t why_size)
{
	const struct snap_backend *k = place->backend;
	struct nearest n = {NULL, NEAR};

	for (unsigned i = 0; i < s->n_servers; i++) {
		const struct snap_server *v = &s->servers[i];

		if (snapshot_in_place(s, place, v))
			return true;
		if (&s->backends[0] + v->backend_index == k)
			compare(&n, place->server, v->name);
	}
	if (n.name)
		snprintf(why, why_size, "%s has no server \"%s\"; did you mean \"%s\"?", k->name,
			 place->server, n.name);
	else
		snprintf(why, why_size,
			 "%s has no server \"%s\"; `hpcbalctl servers %s` lists them", k->name,
			 place->server, k->name);
	return false;
}

bool snapshot_find_place(const struct snapshot *s, const char *text, struct snap_place *place,
			 char *why, size_t why_size)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	char backend[256];
	size_t n = slash ? (size_t)(slash - text) : text ? strlen(text) : 0;

	*place = (struct snap_place){NULL, slash ? slash + 1 : NULL};
	if (!text)
		return true;
	if (!str_copy(backend, sizeof(backend), (struct str){text, n})) {
		snprintf(why, why_size, "no backend has a name that long");
		return false;
	}
	place->backend = snapshot_find_backend(s, backend, why, why_size);
	return place->backend && (!slash || has_server(s, place, why, why_size));
}

const struct snap_router *snapshot_find_router(const struct snapshot *s, const char *name,
					       char *why, size_t why_size)
{
	struct nearest n = {NULL, NEAR};

	for (unsigned i = 0; i < s->n_routers; i++) {
		if (strcmp(s->routers[i].facts.name, name) == 0)
			return &s->routers[i];
		compare(&n, name, s->routers[i].facts.name);
	}
	if (s->n_routers)
		explain(&n, "virtual router", name, why, why_size);
	else
		snprintf(why, why_size, "there is no virtual router \"%s\": none is configured",
			 name);
	return NULL;
}
