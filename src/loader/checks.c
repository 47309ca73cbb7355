#include "loader/checks.h"

_Static_assert(CONF_MAX_SERVERS <= MANIFEST_CHECKS &&
		       CONF_NAME_MAX < sizeof(((struct manifest_check *)0)->server) &&
		       ADDR_TEXT <= sizeof(((struct manifest_check *)0)->address),
	       "every external check has a place in the manifest");

unsigned checks_count(const struct conf *conf)
{
	unsigned n = 0;

	for (unsigned i = 0; i < conf->n_backends; i++)
		for (unsigned j = 0; j < conf->backends[i].n_servers; j++)
			n += conf->backends[i].servers[j].check.kind == CONF_CHECK_EXTERNAL;
	return n;
}

static void fill_address(const struct conf_server *s, struct manifest_check *to)
{
	if (s->addr.u.sa.sa_family == AF_UNIX) {
		str_copy(to->address, sizeof(to->address), str_of(s->addr.u.un.sun_path));
		return;
	}
	to->port = s->check.port ? s->check.port : addr_port(&s->addr);
	addr_format_host(&s->addr, to->address, sizeof(to->address));
}

static void fill(const struct conf_backend *b, const struct conf_server *s,
		 struct programs_list *programs, struct manifest_check *to)
{
	struct manifest_program p = {.kind = MANIFEST_CHECK, .timeout_us = s->check.timeout};

	to->program = programs_add(programs, &p, s->check.external, s->check.external_line);
	to->max_connections = s->max_connections;
	str_copy(to->backend, sizeof(to->backend), b->name);
	str_copy(to->server, sizeof(to->server), s->name);
	fill_address(s, to);
}

void checks_fill(const struct conf *conf, struct programs_list *programs,
		 struct manifest_check *checks)
{
	struct manifest *m = programs->m;

	for (unsigned i = 0; i < conf->n_backends; i++)
		for (unsigned j = 0; j < conf->backends[i].n_servers; j++) {
			const struct conf_server *s = &conf->backends[i].servers[j];

			if (s->check.kind == CONF_CHECK_EXTERNAL)
				fill(&conf->backends[i], s, programs, &checks[m->n_checks++]);
		}
}

uint64_t checks_first_round(const struct conf *conf)
{
	unsigned rounds = (checks_count(conf) + MANIFEST_CHECKS_AT_ONCE - 1) /
			  MANIFEST_CHECKS_AT_ONCE;
	uint64_t longest = 0;

	for (unsigned i = 0; i < conf->n_backends; i++)
		for (unsigned j = 0; j < conf->backends[i].n_servers; j++) {
			const struct conf_check *c = &conf->backends[i].servers[j].check;

			if (c->kind == CONF_CHECK_EXTERNAL && c->timeout > longest)
				longest = c->timeout;
		}
	return rounds * longest;
}
