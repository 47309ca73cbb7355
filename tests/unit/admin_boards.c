#include "admin_boards.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct board_supervisor *sup;
struct board_proxy *proxy;
struct board_vrrp *vrrp;

void boards_setup(void)
{
	sup = calloc(1, sizeof(*sup));
	proxy = calloc(1, sizeof(*proxy));
	vrrp = calloc(1, sizeof(*vrrp));
	ck_assert(sup && proxy && vrrp);
}

void boards_teardown(void)
{
	free(sup);
	free(proxy);
	free(vrrp);
}

void boards_fill_supervisor(void)
{
	strcpy(sup->node, "lb1");
	strcpy(sup->version, "0.1.0");
	strcpy(sup->config_file, "/etc/hpcbal.conf");
	strcpy(sup->config_sha256, "e3b0c4");
	stats_set(sup->pid, 4711);
	stats_set(sup->started_wall_us, AGO(2 * 3600 + 5 * 60));
	stats_set(sup->generation, 3);
	stats_set(sup->config_loaded_wall_us, AGO(300));
	stats_set(sup->process[BOARD_PROXY].pid, 4720);
	stats_set(sup->process[BOARD_PROXY].running, 1);
	stats_set(sup->process[BOARD_PROXY].started_wall_us, AGO(7200));
	strcpy(sup->process[BOARD_PROXY].last_end, "");
}

struct board_server *boards_add_server(const char *backend, const char *name, uint32_t order)
{
	char address[BOARD_TEXT];
	int at;

	snprintf(address, sizeof(address), "10.0.0.%u:80", order + 1);
	at = board_server_slot(proxy, str_of(backend), str_of(name), str_of(address));
	ck_assert_int_ge(at, 0);
	stats_set(proxy->servers[at].current, BOARD_CURRENT);
	stats_set(proxy->server_order[at], order);
	stats_set(proxy->servers[at].weight, 100);
	stats_set(proxy->servers[at].health, BOARD_SERVER_UP);
	stats_set(proxy->servers[at].since_wall_us, AGO(7000));
	return &proxy->servers[at];
}

static void add_backend(const char *name, const char *balance, uint32_t order, uint64_t queued)
{
	int at = board_backend_slot(proxy, str_of(name));

	ck_assert_int_ge(at, 0);
	strcpy(proxy->backends[at].balance, balance);
	stats_set(proxy->backends[at].current, BOARD_CURRENT);
	stats_set(proxy->backends[at].order, order);
	stats_set(proxy->backends[at].queued, queued);
}

static struct board_frontend *add_frontend(const char *name, const char *binds, uint32_t order)
{
	int at = board_frontend_slot(proxy, str_of(name));

	ck_assert_int_ge(at, 0);
	strcpy(proxy->frontends[at].binds, binds);
	stats_set(proxy->frontends[at].current, BOARD_CURRENT);
	stats_set(proxy->frontends[at].order, order);
	return &proxy->frontends[at];
}

/* Slots in another order than the file's. */
void boards_fill_proxy(void)
{
	struct board_frontend *f;
	struct board_server *s;

	stats_set(proxy->generation, 3);
	stats_set(proxy->n_workers, 2);
	stats_set(proxy->stats.connections, 1);
	proxy->certificates.n = 1;
	proxy->certificates.list[0].ends = 4102444800;
	strcpy(proxy->certificates.list[0].file, "/etc/hpcbal/tls/portal.pem");
	f = add_frontend("admin_front", "127.0.0.1:8080", 1);
	stats_set(f->tcp, 1);
	f = add_frontend("http_front", "0.0.0.0:80\n[::]:80", 0);
	stats_set(f->stats.connections, 12);
	stats_set(f->stats.requests, 34567);
	add_backend("app_backend", "leastconn", 1, 0);
	add_backend("web_backend", "roundrobin", 0, 2);
	s = boards_add_server("app_backend", "app1", 2);
	stats_set(s->checked, 1);
	stats_set(s->check_ok, 1);
	stats_set(s->check_last_wall_us, AGO(2));
	stats_set(s->check_duration_us, 1234);
	stats_set(s->check_status, 200);
	s = boards_add_server("web_backend", "web2", 1);
	stats_set(s->backup, 1);
	stats_set(s->stats.active, 2);
	stats_set(s->stats.queued, 1);
	stats_set(s->max_connections, 2);
	s = boards_add_server("web_backend", "web1", 0);
	stats_set(s->stats.requests, 456);
	stats_set(s->stats.connect_errors, 3);
	stats_set(s->stats.response_errors, 4);
	stats_set(s->stats.retries, 5);
	stats_set(s->stats.retries_denied, 2);
	stats_set(s->stats.h2_connections, 8);
	stats_set(s->stats.refused_streams, 6);
}

/* The first check of app1 fails, for everything else that is wrong with it. */
struct board_server *boards_put_down(unsigned slot, const char *why)
{
	struct board_server *s = &proxy->servers[slot];

	stats_set(s->health, BOARD_SERVER_DOWN);
	stats_set(s->since_wall_us, AGO(90));
	stats_set(s->checked, 1);
	stats_set(s->check_ok, 0);
	stats_set(s->check_last_wall_us, AGO(1));
	board_write_text(&s->check_turn, s->check_reason, sizeof(s->check_reason), str_of(why));
	return s;
}

static void fill_master(struct router_facts *f)
{
	strcpy(f->name, "VI_1");
	strcpy(f->interface, "eth0");
	f->version = 2;
	f->vrid = 51;
	f->state = BOARD_ROUTER_MASTER;
	strcpy(f->why, "the master fell silent");
	f->since_wall_us = AGO(300);
	f->priority = 100;
	f->effective_priority = f->advertised_priority = 90;
	f->interval_us = CLOCK_SEC;
	strcpy(f->source, "10.0.0.1");
	strcpy(f->master, "10.0.0.1");
	f->master_priority = 90;
	f->n_addresses = 2;
	strcpy(f->addresses[0].text, "10.9.0.1/24");
	f->addresses[0].prefix = 32;
	f->addresses[0].held = f->addresses[0].advertised = 1;
	strcpy(f->addresses[1].text, "10.9.0.2/24");
	f->addresses[1].prefix = 24;
	f->addresses[1].held = 1;
	f->n_peers = 1;
	strcpy(f->peers[0].address, "10.0.0.2");
	f->peers[0].priority = 80;
	f->peers[0].interval_us = 100 * CLOCK_MS;
	f->peers[0].heard_us = MONO_AGO(310);
	f->peers[0].adverts = 37;
	f->n_tracks = 2;
	strcpy(f->tracks[0].what, "proxy");
	f->tracks[0].up = 1;
	strcpy(f->tracks[1].what, "script /usr/local/sbin/look");
	f->tracks[1].weight = -10;
	f->tracks[1].up = 1;
}

static void fill_backup(struct router_facts *f)
{
	strcpy(f->name, "VI_2");
	strcpy(f->interface, "eth1");
	f->version = 3;
	f->ipv6 = 1;
	f->vrid = 52;
	f->state = BOARD_ROUTER_BACKUP;
	strcpy(f->why, "started");
	f->since_wall_us = AGO(7200);
	f->priority = f->effective_priority = f->advertised_priority = 240;
	f->interval_us = 100 * CLOCK_MS;
	strcpy(f->source, "fe80::1");
	strcpy(f->master, "fe80::2");
	f->master_priority = 250;
	f->n_addresses = 1;
	strcpy(f->addresses[0].text, "2001:db8::9/64");
	f->addresses[0].advertised = 1;
}

static void fill_process(enum board_process which, int32_t pid)
{
	stats_set(sup->process[which].pid, pid);
	stats_set(sup->process[which].running, 1);
	stats_set(sup->process[which].started_wall_us, AGO(7200));
}

static void add_discard(unsigned i, const char *name, const char *text)
{
	strcpy(vrrp->discard_name[i], name);
	strcpy(vrrp->discard_text[i], text);
	stats_set(vrrp->n_discards, i + 1);
}

void boards_fill_vrrp(void)
{
	fill_process(BOARD_VRRP, 4721);
	fill_process(BOARD_RUNNER, 4722);
	stats_set(vrrp->pid, 4721);
	stats_set(vrrp->generation, 3);
	stats_set(vrrp->beat_us, MONO_AGO(0));
	add_discard(0, "TTL", "TTL too low");
	add_discard(1, "PASSWORD", "wrong password");
	fill_master(&vrrp->routers[0].facts);
	fill_backup(&vrrp->routers[1].facts);
	stats_set(vrrp->routers[0].stats.adverts_sent, 300);
	stats_set(vrrp->routers[0].stats.adverts_received, 37);
	stats_set(vrrp->routers[0].stats.transitions, 2);
	stats_set(vrrp->routers[0].discards[0], 4);
	stats_set(vrrp->routers[0].used, 1);
	stats_set(vrrp->routers[1].used, 1);
}
