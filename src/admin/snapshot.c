#include "admin/snapshot.h"

#include <stdlib.h>

#include "admin/snapshot_data.h"
#include "admin/text.h"

/* A gauge that its writer's death or a fault took below zero shows as nothing. */
static uint64_t gauge(uint64_t v)
{
	return v > INT64_MAX ? 0 : v;
}

static void copy_text(char *to, size_t size, const char *from, size_t from_size)
{
	board_text(to, size, from, from_size);
	text_clean(to, false);
}

/* Reading a turn needs no right to write it: the map may be read-only. */
static void copy_turned(const _Atomic uint32_t *turn, char *to, size_t size, const char *from,
			size_t from_size, bool lines)
{
	board_read_text((_Atomic uint32_t *)(uintptr_t)turn, to, size, from, from_size);
	text_clean(to, lines);
}

#define COPY(to, from) copy_text((to), sizeof(to), (from), sizeof(from))
#define COPY_TURNED(turn, to, from, lines) \
	copy_turned((turn), (to), sizeof(to), (from), sizeof(from), lines)

static void take_supervisor(struct snapshot *s, const struct board_supervisor *b)
{
	s->has_supervisor = true;
	COPY_TURNED(&b->text_turn, s->node, b->node, false);
	COPY_TURNED(&b->text_turn, s->version, b->version, false);
	COPY_TURNED(&b->text_turn, s->config_file, b->config_file, false);
	COPY_TURNED(&b->text_turn, s->config_sha256, b->config_sha256, false);
	COPY_TURNED(&b->text_turn, s->admin_listen, b->admin_listen, false);
	s->stopping = stats_get(b->stopping) == 1;
	s->old_proxies = stats_get(b->old_proxies);
	s->old_connections = gauge(stats_get(b->old_connections));
	s->pid = stats_get(b->pid);
	s->started_us = stats_get(b->started_wall_us);
	s->generation = stats_get(b->generation);
	s->loaded_us = stats_get(b->config_loaded_wall_us);
	s->refused_us = stats_get(b->reload_refused_wall_us);
	for (unsigned i = 0; i < BOARD_PROCESSES; i++) {
		struct snap_process *p = &s->process[i];

		p->pid = stats_get(b->process[i].pid);
		p->running = p->pid > 0 && stats_get(b->process[i].running);
		p->restarts = stats_get(b->process[i].restarts);
		p->started_us = stats_get(b->process[i].started_wall_us);
		COPY_TURNED(&b->text_turn, p->last_end, b->process[i].last_end, false);
	}
	snapshot_take_events(s, &b->events);
}

static bool is_used(const _Atomic uint32_t *used)
{
	return atomic_load_explicit(used, memory_order_acquire) != 0;
}

/* Places in the file may be equal or absurd on a broken board; slots never are. */
/* Neither removed nor only prepared. */
static bool is_running(const _Atomic uint32_t *current)
{
	uint32_t place = stats_get(*current);

	return place != BOARD_GONE && place != BOARD_PREPARED;
}

static int compare_order(uint32_t a_order, uint32_t a_slot, uint32_t b_order, uint32_t b_slot)
{
	if (a_order != b_order)
		return a_order < b_order ? -1 : 1;
	return a_slot < b_slot ? -1 : a_slot > b_slot;
}

static int compare_frontends(const void *pa, const void *pb)
{
	const struct snap_frontend *a = pa, *b = pb;

	return compare_order(a->order, a->slot, b->order, b->slot);
}

static int compare_backends(const void *pa, const void *pb)
{
	const struct snap_backend *a = pa, *b = pb;

	return compare_order(a->order, a->slot, b->order, b->slot);
}

static int compare_servers(const void *pa, const void *pb)
{
	const struct snap_server *a = pa, *b = pb;

	if (a->backend_index != b->backend_index)
		return a->backend_index < b->backend_index ? -1 : 1;
	if (a->removed != b->removed)
		return a->removed ? 1 : -1;
	return compare_order(a->order, a->slot, b->order, b->slot);
}

const char *const snap_codes[BOARD_CODES] = {"2xx", "3xx", "4xx", "5xx", "other"};

static void take_frontends(struct snapshot *s, const struct board_proxy *b)
{
	for (unsigned i = 0; i < board_n_frontends(b); i++) {
		const struct board_frontend *from = &b->frontends[i];
		struct snap_frontend *f = &s->frontends[s->n_frontends];

		if (!is_used(&from->used) || !is_running(&from->current))
			continue;
		f->slot = i;
		f->order = stats_get(from->order);
		f->tcp = stats_get(from->tcp) == 1;
		COPY(f->name, from->name);
		COPY_TURNED(&from->bind_turn, f->binds, from->binds, true);
		f->connections = gauge(stats_get(from->stats.connections));
		f->requests = stats_get(from->stats.requests);
		f->bytes_in = stats_get(from->stats.bytes_in);
		f->bytes_out = stats_get(from->stats.bytes_out);
		s->n_frontends++;
	}
	qsort(s->frontends, s->n_frontends, sizeof(s->frontends[0]), compare_frontends);
}

static void take_backends(struct snapshot *s, const struct board_proxy *b)
{
	for (unsigned i = 0; i < board_n_backends(b); i++) {
		const struct board_backend *from = &b->backends[i];
		struct snap_backend *k = &s->backends[s->n_backends];

		if (!is_used(&from->used) || !is_running(&from->current))
			continue;
		k->slot = i;
		k->order = stats_get(from->order);
		COPY(k->name, from->name);
		COPY(k->balance, from->balance);
		for (unsigned n = 0; n <= LATENCY_BOUNDS; n++)
			k->latency[n] = stats_get(from->latency.count[n]);
		k->latency_sum_us = stats_get(from->latency.sum_us);
		k->queued_for_any = k->queued = gauge(stats_get(from->queued));
		s->n_backends++;
	}
	qsort(s->backends, s->n_backends, sizeof(s->backends[0]), compare_backends);
}

static void take_road(struct snap_road *to, const struct board_road *from)
{
	to->open = stats_get(from->open) == 1;
	for (unsigned i = 0; i < BOARD_CODES; i++)
		to->codes[i] = stats_get(from->codes[i]);
}

static void take_roads(struct snapshot *s, const struct board_proxy *b)
{
	for (unsigned i = 0; i < s->n_frontends; i++) {
		unsigned f = s->frontends[i].slot;

		for (unsigned k = 0; k < s->n_backends; k++)
			take_road(&s->roads[f][s->backends[k].slot],
				  &b->roads[f][s->backends[k].slot]);
		take_road(&s->roads[f][BOARD_NOWHERE], &b->roads[f][BOARD_NOWHERE]);
	}
}

static unsigned index_of_backend(const struct snapshot *s, const char *name)
{
	unsigned i = 0;

	while (i < s->n_backends && strcmp(s->backends[i].name, name) != 0)
		i++;
	return i;
}

/* The count and the texts are believed in their bounds only. */
static void take_history(struct board_history *to, const struct board_server *from)
{
	_Atomic uint32_t *turn = (_Atomic uint32_t *)(uintptr_t)&from->history_turn;

	board_read_block(turn, to, &from->history, sizeof(*to));
	if (to->n > BOARD_CHECKS)
		to->n = BOARD_CHECKS;
	for (unsigned i = 0; i < to->n; i++) {
		to->checks[i].reason[BOARD_CHECK_TEXT - 1] = '\0';
		text_clean(to->checks[i].reason, false);
	}
}

static void take_check(struct snap_server *v, const struct board_server *from)
{
	v->checked = stats_get(from->checked) != 0;
	v->ejected_until_us = stats_get(from->ejected_until_us);
	COPY_TURNED(&from->eject_turn, v->eject_why, from->eject_why, false);
	v->asks_drain = stats_get(from->draining) == 1;
	v->check_ok = stats_get(from->check_ok) != 0;
	v->check_status = stats_get(from->check_status);
	v->check_last_us = stats_get(from->check_last_wall_us);
	v->check_duration_us = stats_get(from->check_duration_us);
	COPY_TURNED(&from->check_turn, v->check_reason, from->check_reason, false);
	take_history(&v->history, from);
}

static void take_admin(struct snap_server *v, const struct board_server *from)
{
	v->taken_out = stats_get(from->admin) != BOARD_ADMIN_READY;
	v->admin_since_us = stats_get(from->admin_since_wall_us);
	v->admin_until_us = stats_get(from->admin_until_us);
	COPY_TURNED(&from->admin_turn, v->admin_why, from->admin_why, false);
}

static uint32_t weight_percent(const struct board_server *from, uint64_t now)
{
	uint64_t since = stats_get(from->back_since_us), time = stats_get(from->slow_start_us);

	if (!since || now < since || now - since >= time)
		return 100;
	return (uint32_t)((now - since) * 100 / time);
}

static void take_server(struct snap_server *v, const struct board_server *from)
{
	COPY(v->backend, from->backend);
	COPY(v->name, from->name);
	COPY(v->address, from->address);
	v->state = v->removed ? BOARD_SERVER_DRAIN : board_server_state(from);
	v->backup = stats_get(from->backup) != 0;
	v->weight = stats_get(from->weight);
	v->weight_given = stats_get(from->weight_given) == 1;
	v->max_connections = stats_get(from->max_connections);
	v->queued = gauge(stats_get(from->stats.queued));
	v->since_us = stats_get(from->since_wall_us);
	v->requests = stats_get(from->stats.requests);
	v->errors = stats_get(from->stats.connect_errors) + stats_get(from->stats.response_errors);
	v->retries = stats_get(from->stats.retries);
	v->retries_denied = stats_get(from->stats.retries_denied);
	v->h2_connections = stats_get(from->stats.h2_connections);
	v->refused_streams = stats_get(from->stats.refused_streams);
	v->idle = gauge(stats_get(from->stats.idle));
	v->ejections = stats_get(from->stats.ejections);
	v->slow_starts = stats_get(from->stats.slow_starts);
	v->check_failures = stats_get(from->stats.check_failures);
	take_check(v, from);
	take_admin(v, from);
}

static void take_servers(struct snapshot *s, const struct board_proxy *b)
{
	for (unsigned i = 0; i < board_n_servers(b); i++) {
		const struct board_server *from = &b->servers[i];
		struct snap_server *v = &s->servers[s->n_servers];

		if (!is_used(&from->used))
			continue;
		v->removed = !is_running(&from->current);
		v->active = gauge(stats_get(from->stats.active));
		if (v->removed && !v->active)
			continue;
		v->slot = i;
		v->order = stats_get(b->server_order[i]);
		take_server(v, from);
		v->weight_percent = weight_percent(from, s->mono_us);
		v->backend_index = index_of_backend(s, v->backend);
		s->n_servers++;
	}
	qsort(s->servers, s->n_servers, sizeof(s->servers[0]), compare_servers);
}

static void count_servers(struct snapshot *s)
{
	for (unsigned i = s->n_servers; i-- > 0;) {
		const struct snap_server *v = &s->servers[i];
		struct snap_backend *k;

		if (v->backend_index >= s->n_backends)
			continue;
		k = &s->backends[v->backend_index];
		k->first = i;
		k->active += v->active;
		k->queued += v->queued;
		k->requests += v->requests;
		if (v->removed) {
			k->n_removed++;
			continue;
		}
		k->n_servers++;
		k->n_up += v->state == BOARD_SERVER_UP;
		k->n_taking += v->state == BOARD_SERVER_UP && v->weight > 0;
	}
}

static void take_beat(struct snapshot *s, uint64_t beat_us)
{
	if (beat_us && (!s->proxy_beat_us || beat_us < s->proxy_beat_us))
		s->proxy_beat_us = beat_us;
}

static void take_beats(struct snapshot *s, const struct board_proxy *b)
{
	take_beat(s, stats_get(b->main_beat_us));
	for (unsigned i = 0; i < s->n_workers && i < BOARD_WORKERS; i++)
		take_beat(s, stats_get(b->worker[i].beat_us));
}

static void take_floods(struct snap_floods *to, const struct proxy_stats *from)
{
	to->reset = stats_get(from->h2_reset_floods);
	to->continuation = stats_get(from->h2_continuation_floods);
	to->ping = stats_get(from->h2_ping_floods);
	to->settings = stats_get(from->h2_settings_floods);
	to->empty = stats_get(from->h2_empty_floods);
	to->window = stats_get(from->h2_window_floods);
	to->priority = stats_get(from->h2_priority_floods);
	to->other = stats_get(from->h2_other_floods);
}

/* The year 9999, as far as certificates go. */
#define ENDS_MOST 253402300799

static bool has_certificate(const struct board_certificates *in, const char *file)
{
	for (uint32_t i = 0; i < in->n; i++)
		if (strcmp(in->list[i].file, file) == 0)
			return true;
	return false;
}

static void take_certificates(struct board_certificates *to, const struct board_proxy *b)
{
	struct board_certificates all;

	board_read_block((_Atomic uint32_t *)(uintptr_t)&b->certificates_turn, &all,
			 &b->certificates, sizeof(all));
	to->n = 0;
	for (uint32_t i = 0; i < all.n && i < BOARD_CERTIFICATES; i++) {
		char file[BOARD_CERTIFICATE_FILE];

		board_text(file, sizeof(file), all.list[i].file, sizeof(all.list[i].file));
		if (all.list[i].ends < 0 || all.list[i].ends > ENDS_MOST ||
		    has_certificate(to, file))
			continue;
		memcpy(to->list[to->n].file, file, sizeof(file));
		to->list[to->n++].ends = all.list[i].ends;
	}
}

static void take_proxy(struct snapshot *s, const struct board_proxy *b)
{
	s->has_proxy = true;
	s->proxy_generation = stats_get(b->generation);
	s->n_workers = stats_get(b->n_workers);
	take_beats(s, b);
	s->connections = gauge(stats_get(b->stats.connections));
	s->accept_pauses = stats_get(b->stats.accept_pauses);
	take_certificates(&s->certificates, b);
	s->log_lines = stats_get(b->stats.log_lines);
	s->log_dropped = stats_get(b->stats.log_dropped);
	s->h2_connections = stats_get(b->stats.h2_connections);
	take_floods(&s->h2_floods, &b->stats);
	take_frontends(s, b);
	take_backends(s, b);
	take_roads(s, b);
	take_servers(s, b);
	count_servers(s);
}

struct snapshot *snapshot_take(const struct board_supervisor *b, const struct board_proxy *p,
			       const struct board_vrrp *v, uint64_t now_wall_us,
			       uint64_t now_us)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->now_us = now_wall_us;
	s->mono_us = now_us;
	if (b)
		take_supervisor(s, b);
	if (p)
		take_proxy(s, p);
	if (v)
		snapshot_take_vrrp(s, v);
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (s)
		free(s->limited);
	free(s);
}

const char *snapshot_version(const struct snapshot *s)
{
	return s->version;
}

const char *snapshot_config_file(const struct snapshot *s)
{
	return s->config_file;
}
