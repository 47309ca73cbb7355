#include "vrrp/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rounds of WIRE_DRAIN packets that one catching up reads at most: a flood holds up nobody. */
#define ROUNDS 4

struct segments {
	struct loop *loop;
	struct watch *watch;
	struct loop_fd watch_io;
	struct list list;
	const struct segment_calls *calls;
	void *arg;
};

/* ---- packets ---- */

struct hearing {
	struct segment *segment;
	enum segment_wire by;
};

static void got_packet(void *arg, const struct wire_packet *p)
{
	struct hearing *h = arg;
	struct segments *all = h->segment->all;

	all->calls->packet(all->arg, h->segment, h->by, p);
}

static unsigned drain_port(struct segment_port *port)
{
	struct segment *s = port->segment;
	struct hearing h = { s, (enum segment_wire)(port - s->ports) };

	return port->wire ? wire_receive(port->wire, got_packet, &h) : 0;
}

static void port_ready(struct loop_fd *io, unsigned what)
{
	(void)what;
	drain_port(list_of(io, struct segment_port, io));
}

static void neighbour_ready(struct loop_fd *io, unsigned what)
{
	(void)what;
	neighbour_drain(list_of(io, struct segment, neighbour_io)->neighbour);
}

/* ---- sockets of one interface ---- */

static void close_port(struct segment_port *port)
{
	if (!port->wire)
		return;
	loop_fd_del(&port->io);
	wire_close(port->wire);
	port->wire = NULL;
}

static void close_neighbour(struct segment *s)
{
	if (!s->neighbour)
		return;
	loop_fd_del(&s->neighbour_io);
	neighbour_close(s->neighbour);
	s->neighbour = NULL;
}

static bool open_port(struct segment *s, enum segment_wire by)
{
	struct segment_port *port = &s->ports[by];
	struct wire_setup setup = { .interface = s->on.name,
				    .ipv6 = by == SEGMENT_IPV6,
				    .unicast = by == SEGMENT_UNICAST4 };

	if (port->wire)
		return true;
	port->wire = wire_open(&setup, s->trouble, sizeof(s->trouble));
	if (!port->wire)
		return false;
	if (loop_fd_add(s->all->loop, &port->io, wire_fd(port->wire), LOOP_READ, port_ready))
		return true;
	snprintf(s->trouble, sizeof(s->trouble), "interface %s: no memory for its socket",
		 s->on.name);
	wire_close(port->wire);
	port->wire = NULL;
	return false;
}

static bool open_neighbour(struct segment *s)
{
	if (s->neighbour)
		return true;
	s->neighbour = neighbour_open(s->on.name, s->trouble, sizeof(s->trouble));
	if (!s->neighbour)
		return false;
	if (loop_fd_add(s->all->loop, &s->neighbour_io, neighbour_fd(s->neighbour), LOOP_READ,
			neighbour_ready))
		return true;
	snprintf(s->trouble, sizeof(s->trouble), "interface %s: no memory for its socket",
		 s->on.name);
	neighbour_close(s->neighbour);
	s->neighbour = NULL;
	return false;
}

static void read_forwarding(struct segment *s)
{
	char path[96], digit = '0';
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", s->on.name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	s->router = read(fd, &digit, 1) == 1 && digit == '1';
	close(fd);
}

static void open_carrier(struct segment *s)
{
	char path[96];

	if (s->carrier >= 0)
		return;
	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier_changes", s->on.name);
	s->carrier = open(path, O_RDONLY | O_CLOEXEC);
}

/* What somebody wants and is not open yet. One that cannot be had is no reason to leave out
 * the others; `trouble` says why. */
static void open_wanted(struct segment *s)
{
	bool wired = false;

	s->trouble[0] = '\0';
	if (s->on.index == 0)
		return;
	for (unsigned i = 0; i < SEGMENT_WIRES; i++)
		if (s->ports[i].users) {
			wired = true;
			open_port(s, (enum segment_wire)i);
		}
	if (!wired)
		return;
	read_forwarding(s);
	open_carrier(s);
	open_neighbour(s);
}

static void close_all(struct segment *s)
{
	for (unsigned i = 0; i < SEGMENT_WIRES; i++)
		close_port(&s->ports[i]);
	close_neighbour(s);
	if (s->carrier >= 0)
		close(s->carrier);
	s->carrier = -1;
}

bool segment_ready(const struct segment *s, enum segment_wire by)
{
	return s->ports[by].wire && s->neighbour;
}

bool segment_retry(struct segment *s, enum segment_wire by)
{
	open_wanted(s);
	return segment_ready(s, by);
}

/* ---- what the kernel says ---- */

static void adapt(struct segment *s, const struct watch_event *e)
{
	if (e->what == WATCH_LINK_NEW || e->what == WATCH_LINK_GONE)
		close_all(s);
	if (!s->on.running)
		s->settled = false;
	if ((e->what == WATCH_LINK_CHANGED || e->what == WATCH_LINK_UP) && s->neighbour &&
	    s->on.ethernet && memcmp(neighbour_mac(s->neighbour), s->on.mac, NEIGHBOUR_MAC) != 0)
		close_neighbour(s);
	if (e->what == WATCH_LINK_NEW || e->what == WATCH_LINK_CHANGED ||
	    e->what == WATCH_LINK_UP)
		open_wanted(s);
}

static void changed(void *arg, const struct watch_event *e)
{
	struct segments *all = arg;
	struct segment *s;

	if (!e->link)
		return;
	s = list_of(e->link, struct segment, on);
	adapt(s, e);
	all->calls->changed(all->arg, s, e);
}

static void watch_ready(struct loop_fd *io, unsigned what)
{
	(void)what;
	watch_drain(list_of(io, struct segments, watch_io)->watch);
}

/* ---- all of them ---- */

struct segments *segments_open(struct loop *l, uint32_t own_port,
			       const struct segment_calls *calls, void *arg, char *why,
			       size_t size)
{
	struct segments *all = calloc(1, sizeof(*all));

	if (!all) {
		snprintf(why, size, "out of memory for the interfaces");
		return NULL;
	}
	all->loop = l;
	all->calls = calls;
	all->arg = arg;
	list_init(&all->list);
	all->watch = watch_open(own_port, changed, all, why, size);
	if (!all->watch) {
		free(all);
		return NULL;
	}
	if (loop_fd_add(l, &all->watch_io, watch_fd(all->watch), LOOP_READ, watch_ready))
		return all;
	snprintf(why, size, "out of memory for route netlink");
	watch_close(all->watch);
	free(all);
	return NULL;
}

void segments_close(struct segments *all)
{
	loop_fd_del(&all->watch_io);
	watch_close(all->watch);
	free(all);
}

static bool drain_once(struct segment *s)
{
	bool more = false;

	for (unsigned i = 0; i < SEGMENT_WIRES; i++)
		more |= drain_port(&s->ports[i]) == WIRE_DRAIN;
	return more;
}

void segments_catch_up(struct segments *all)
{
	struct list *e, *tmp;

	watch_drain(all->watch);
	list_each_safe(e, tmp, &all->list)
	{
		struct segment *s = list_of(e, struct segment, link);

		for (unsigned i = 0; i < ROUNDS && drain_once(s); i++)
			;
	}
}

static bool carrier_stayed(const struct segment *s)
{
	char text[16] = "";
	ssize_t n = s->carrier < 0 ? -1 : pread(s->carrier, text, sizeof(text) - 1, 0);

	return n > 0 && strtoul(text, NULL, 10) == s->on.carrier_changes;
}

/* Asking the kernel whole waits for whoever changes interfaces just then. */
void segments_look(struct segment *s)
{
	if (!carrier_stayed(s))
		watch_look(s->all->watch, &s->on);
}

bool segments_is_own(const struct segments *all, const struct vrrp_ip *ip)
{
	for (const struct list *e = all->list.next; e != &all->list; e = e->next)
		if (watch_find(&list_of(e, struct segment, link)->on, ip))
			return true;
	return false;
}

/* ---- one of them ---- */

static struct segment *find(struct segments *all, const char *interface)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, &all->list)
	{
		struct segment *s = list_of(e, struct segment, link);

		if (strcmp(s->on.name, interface) == 0)
			return s;
	}
	return NULL;
}

static struct segment *make(struct segments *all, const char *interface, char *why, size_t size)
{
	struct segment *s = calloc(1, sizeof(*s));

	if (!s || !watch_add(all->watch, &s->on, interface)) {
		snprintf(why, size, "interface %s: the kernel does not say how it is: %m",
			 interface);
		free(s);
		return NULL;
	}
	s->all = all;
	s->neighbour_io.fd = -1;
	s->carrier = -1;
	for (unsigned i = 0; i < SEGMENT_WIRES; i++) {
		s->ports[i].segment = s;
		s->ports[i].io.fd = -1;
	}
	list_append(&all->list, &s->link);
	return s;
}

struct segment *segment_get(struct segments *all, const char *interface, enum segment_wire by,
			    char *why, size_t size)
{
	struct segment *s = find(all, interface);

	if (!s)
		s = make(all, interface, why, size);
	if (!s)
		return NULL;
	s->users++;
	if (by == SEGMENT_NO_WIRE)
		return s;
	s->ports[by].users++;
	open_wanted(s);
	if (s->on.index == 0 || segment_ready(s, by))
		return s;
	snprintf(why, size, "%s", s->trouble);
	segment_put(s, by);
	return NULL;
}

void segment_put(struct segment *s, enum segment_wire by)
{
	if (by != SEGMENT_NO_WIRE && --s->ports[by].users == 0)
		close_port(&s->ports[by]);
	if (--s->users)
		return;
	close_all(s);
	watch_remove(&s->on);
	list_del(&s->link);
	free(s);
}
