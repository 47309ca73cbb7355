#include "vrrp/watch.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"

#define IFA_PROTO_ATTRIBUTE 11 /* newer than the headers of Ubuntu 22.04 */
#define ADDRESS_ATTRIBUTES IFA_PROTO_ATTRIBUTE
#define BUFFER 65536
#define QUEUE (4 << 20)
#define DRAIN_READS 256
#define DUMP_TRIES 4

struct watch {
	struct nl_sock *events, *questions;
	uint32_t own_port;
	void (*changed)(void *arg, const struct watch_event *e);
	void *arg;
	bool quiet;     /* no callbacks: a first reading */
	bool reading;   /* a link is being asked for; its addresses come next */
	bool disturbed; /* the last answer was made while things changed: ask again */
	uint32_t seq;
	uint64_t resyncs;
	struct list links;
	bool seen[WATCH_ADDRESSES];
	_Alignas(struct nlmsghdr) char heard[BUFFER];
	_Alignas(struct nlmsghdr) char told[BUFFER]; /* answers, while `heard` is being read */
};

/* ---- telling ---- */

static void tell(struct watch *w, enum watch_what what, struct watch_link *l,
		 const struct watch_address *a, bool own)
{
	struct watch_address copy;
	struct watch_event e = { .what = what, .link = l, .own = own };

	if (w->quiet)
		return;
	if (a) {
		copy = *a;
		e.address = &copy;
	}
	w->changed(w->arg, &e);
}

/* ---- the mirror's addresses ---- */

static int find_slot(const struct watch_link *l, const struct watch_address *a)
{
	unsigned i;

	for (i = 0; i < l->n_addresses; i++)
		if (l->addresses[i].prefix == a->prefix && vrrp_ip_eq(&l->addresses[i].ip, &a->ip))
			return (int)i;
	return -1;
}

/* Returns its place, or -1 when there is none left. */
static int put_address(struct watch *w, struct watch_link *l, const struct watch_address *a,
		       bool own)
{
	int at = find_slot(l, a);
	bool known = at >= 0;

	if (!known && l->n_addresses == WATCH_ADDRESSES) {
		l->n_left_out++;
		return -1;
	}
	if (!known)
		at = (int)l->n_addresses++;
	l->addresses[at] = *a;
	tell(w, known ? WATCH_ADDRESS_RENEWED : WATCH_ADDRESS_ADDED, l, a, own);
	return at;
}

/* The order stays: the first one is the kernel's first one. */
static void drop_address(struct watch *w, struct watch_link *l, unsigned at, bool own)
{
	struct watch_address a = l->addresses[at];

	l->n_addresses--;
	memmove(&l->addresses[at], &l->addresses[at + 1],
		(l->n_addresses - at) * sizeof(l->addresses[0]));
	tell(w, WATCH_ADDRESS_REMOVED, l, &a, own);
}

static bool take_ip(struct watch_address *a, int family, struct nlattr *attribute)
{
	int size = family == AF_INET6 ? 16 : 4;

	if (!attribute || nla_len(attribute) != size)
		return false;
	a->ip = size == 16 ? vrrp_ip_v6(nla_data(attribute)) : vrrp_ip_v4(nla_data(attribute));
	return true;
}

static bool parse_address(struct nlmsghdr *h, struct watch_address *a, int *index)
{
	struct nlattr *tb[ADDRESS_ATTRIBUTES + 1];
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct ifa_cacheinfo times;

	if (nlmsg_datalen(h) < (int)sizeof(*m) ||
	    (m->ifa_family != AF_INET && m->ifa_family != AF_INET6) ||
	    nlmsg_parse(h, sizeof(*m), tb, ADDRESS_ATTRIBUTES, NULL) < 0)
		return false;
	memset(a, 0, sizeof(*a));
	if (!take_ip(a, m->ifa_family, tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]))
		return false;
	*index = (int)m->ifa_index;
	a->prefix = m->ifa_prefixlen;
	a->flags = m->ifa_flags;
	a->lifetime_s = WATCH_FOREVER;
	if (tb[IFA_FLAGS] && nla_len(tb[IFA_FLAGS]) >= 4)
		a->flags = nla_get_u32(tb[IFA_FLAGS]);
	if (tb[IFA_PROTO_ATTRIBUTE] && nla_len(tb[IFA_PROTO_ATTRIBUTE]) >= 1)
		a->mark = nla_get_u8(tb[IFA_PROTO_ATTRIBUTE]);
	if (tb[IFA_CACHEINFO] && nla_len(tb[IFA_CACHEINFO]) >= (int)sizeof(times)) {
		memcpy(&times, nla_data(tb[IFA_CACHEINFO]), sizeof(times));
		a->lifetime_s = times.ifa_valid;
	}
	return true;
}

static struct watch_link *link_by_index(const struct watch *w, int index)
{
	struct list *it, *tmp;
	struct watch_link *l;

	list_each_safe(it, tmp, &w->links) {
		l = list_of(it, struct watch_link, link);
		if (l->index == index)
			return l;
	}
	return NULL;
}

static void on_address(struct watch *w, struct nlmsghdr *h)
{
	struct watch_address a;
	struct watch_link *l;
	int index, at;
	bool own;

	if (!parse_address(h, &a, &index) || !(l = link_by_index(w, index)))
		return;
	own = w->own_port != 0 && h->nlmsg_pid == w->own_port;
	if (h->nlmsg_type == RTM_NEWADDR) {
		put_address(w, l, &a, own);
		return;
	}
	at = find_slot(l, &a);
	if (at >= 0)
		drop_address(w, l, (unsigned)at, own);
	else /* a new IPv6 address is told some time after it is there, or never if it goes */
		tell(w, WATCH_ADDRESS_REMOVED, l, &a, own);
}

/* ---- asking ---- */

static bool ask(struct watch *w, int type, int flags, const void *body, size_t n,
		const char *name)
{
	_Alignas(struct nlmsghdr) char bytes[128] = { 0 };
	struct nlmsghdr *h = (struct nlmsghdr *)bytes;
	struct nlattr *a = (struct nlattr *)(bytes + NLMSG_HDRLEN + NLMSG_ALIGN(n));

	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++w->seq;
	h->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + n);
	memcpy(nlmsg_data(h), body, n);
	if (name) {
		a->nla_type = IFLA_IFNAME;
		a->nla_len = (uint16_t)(NLA_HDRLEN + strlen(name) + 1);
		memcpy((char *)a + NLA_HDRLEN, name, strlen(name) + 1);
		h->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(n) + NLA_ALIGN(a->nla_len));
	}
	return send(nl_socket_get_fd(w->questions), h, h->nlmsg_len, MSG_DONTWAIT) >= 0;
}

enum heard { MORE, DONE, FAILED };

static enum heard hear_one(struct watch *w, struct watch_link *l, struct nlmsghdr *h,
			   void (*take)(struct watch *w, struct watch_link *l, struct nlmsghdr *h))
{
	const struct nlmsgerr *e = nlmsg_data(h);

	if (h->nlmsg_seq != w->seq)
		return MORE;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		w->disturbed = true;
	if (h->nlmsg_type == NLMSG_DONE)
		return DONE;
	if (h->nlmsg_type == NLMSG_ERROR) {
		errno = -e->error;
		return e->error ? FAILED : DONE;
	}
	take(w, l, h);
	return h->nlmsg_flags & NLM_F_MULTI ? MORE : DONE;
}

/* The kernel makes each part of an answer while the one before is read: nothing to wait for. */
static bool hear_answer(struct watch *w, struct watch_link *l,
			void (*take)(struct watch *w, struct watch_link *l, struct nlmsghdr *h))
{
	enum heard result = MORE;
	struct nlmsghdr *h;
	int n;

	w->disturbed = false;
	while (result == MORE) {
		n = (int)recv(nl_socket_get_fd(w->questions), w->told, sizeof(w->told),
			      MSG_DONTWAIT);
		if (n < 0)
			return false;
		h = (struct nlmsghdr *)w->told;
		for (; result == MORE && nlmsg_ok(h, n); h = nlmsg_next(h, &n))
			result = hear_one(w, l, h, take);
	}
	return result == DONE;
}

static void take_address(struct watch *w, struct watch_link *l, struct nlmsghdr *h)
{
	struct watch_address a;
	int index, at;

	if (h->nlmsg_type != RTM_NEWADDR || !parse_address(h, &a, &index) || index != l->index)
		return;
	at = find_slot(l, &a);
	/* A dump tells lifetimes as they run down; that is no renewal. */
	if (at >= 0)
		l->addresses[at] = a;
	else
		at = put_address(w, l, &a, false);
	if (at >= 0)
		w->seen[at] = true;
}

static bool read_family(struct watch *w, struct watch_link *l, int family)
{
	struct ifaddrmsg m = { .ifa_family = (uint8_t)family, .ifa_index = (uint32_t)l->index };
	int tries = 0;

	do {
		if (!ask(w, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m), NULL))
			return false;
		/* An interface that went meanwhile is told by its own message. */
		if (!hear_answer(w, l, take_address))
			return errno == ENODEV;
	} while (w->disturbed && ++tries < DUMP_TRIES);
	return true;
}

static bool read_addresses(struct watch *w, struct watch_link *l)
{
	unsigned i;

	memset(w->seen, 0, sizeof(w->seen));
	l->n_left_out = 0;
	if (!read_family(w, l, AF_INET) || !read_family(w, l, AF_INET6))
		return false;
	for (i = l->n_addresses; i-- > 0;)
		if (!w->seen[i])
			drop_address(w, l, i, false);
	return true;
}

/* ---- the mirror's link ---- */

static void lose_link(struct watch *w, struct watch_link *l)
{
	bool ran = l->running;

	l->running = l->up = false;
	if (ran)
		tell(w, WATCH_LINK_DOWN, l, NULL, false);
	while (l->n_addresses)
		drop_address(w, l, l->n_addresses - 1, false);
	l->index = 0;
	tell(w, WATCH_LINK_GONE, l, NULL, false);
}

static uint32_t u32_of(struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

static void fill_link(struct watch_link *l, const struct ifinfomsg *m, struct nlattr **tb)
{
	l->index = m->ifi_index;
	l->up = m->ifi_flags & IFF_UP;
	/* The flag of a lost carrier may lag behind, see watch_look(). */
	l->running = l->up && m->ifi_flags & IFF_RUNNING &&
		     (!tb[IFLA_CARRIER] || nla_len(tb[IFLA_CARRIER]) < 1 ||
		      nla_get_u8(tb[IFLA_CARRIER]) != 0);
	l->ethernet = m->ifi_type == ARPHRD_ETHER;
	memset(l->mac, 0, sizeof(l->mac));
	if (l->ethernet && tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(l->mac))
		memcpy(l->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l->mac));
	l->mtu = u32_of(tb[IFLA_MTU]);
	l->carrier_changes = u32_of(tb[IFLA_CARRIER_CHANGES]);
}

struct link_before {
	bool running;
	uint8_t mac[6];
	uint32_t mtu, carrier_changes;
};

static void update_link(struct watch *w, struct watch_link *l, const struct ifinfomsg *m,
			struct nlattr **tb)
{
	struct link_before was = { .running = l->running, .mtu = l->mtu,
				   .carrier_changes = l->carrier_changes };
	bool fresh = l->index == 0;

	memcpy(was.mac, l->mac, sizeof(was.mac));
	fill_link(l, m, tb);
	if (fresh) {
		tell(w, WATCH_LINK_NEW, l, NULL, false);
		/* One that was renamed brings its addresses without a message. */
		if (!w->reading)
			read_addresses(w, l);
		was.running = false;
	}
	if (l->running != was.running)
		tell(w, l->running ? WATCH_LINK_UP : WATCH_LINK_DOWN, l, NULL, false);
	else if (!fresh && (memcmp(was.mac, l->mac, sizeof(was.mac)) != 0 ||
			    was.mtu != l->mtu || was.carrier_changes != l->carrier_changes))
		tell(w, WATCH_LINK_CHANGED, l, NULL, false);
}

static void on_link(struct watch *w, struct nlmsghdr *h)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *m = nlmsg_data(h);
	struct list *it, *tmp;
	bool there = h->nlmsg_type == RTM_NEWLINK, named;
	struct watch_link *l;

	/* A bridge speaks of its ports in messages of its own family, even of their leaving. */
	if (nlmsg_datalen(h) < (int)sizeof(*m) || m->ifi_family != AF_UNSPEC ||
	    nlmsg_parse(h, sizeof(*m), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME] ||
	    nla_len(tb[IFLA_IFNAME]) > IFNAMSIZ)
		return;
	list_each_safe(it, tmp, &w->links) {
		l = list_of(it, struct watch_link, link);
		named = strncmp(l->name, nla_data(tb[IFLA_IFNAME]), IFNAMSIZ) == 0;
		if (l->index && ((l->index == m->ifi_index && (!there || !named)) ||
				 (l->index != m->ifi_index && there && named)))
			lose_link(w, l);
		if (there && named)
			update_link(w, l, m, tb);
	}
}

static void take_link(struct watch *w, struct watch_link *l, struct nlmsghdr *h)
{
	(void)l;
	on_link(w, h);
}

enum found { FOUND, NONE, UNKNOWN };

/* By name: what is different is told, and that it is there no longer. */
static enum found look(struct watch *w, struct watch_link *l)
{
	struct ifinfomsg m = { .ifi_family = AF_UNSPEC };
	bool known;

	if (!ask(w, RTM_GETLINK, 0, &m, sizeof(m), l->name))
		return UNKNOWN;
	w->reading = true;
	known = hear_answer(w, l, take_link);
	w->reading = false;
	if (known)
		return FOUND;
	if (errno != ENODEV)
		return UNKNOWN;
	if (l->index)
		lose_link(w, l);
	return NONE;
}

static bool read_link(struct watch *w, struct watch_link *l)
{
	enum found f = look(w, l);

	return f == NONE || (f == FOUND && (l->index == 0 || read_addresses(w, l)));
}

bool watch_look(struct watch *w, struct watch_link *l)
{
	int before = l->index;

	if (look(w, l) == UNKNOWN)
		return false;
	return l->index == before || l->index == 0 || read_addresses(w, l);
}

/* ---- the whole ---- */

static struct nl_sock *open_one(const char *what, char *why, size_t size)
{
	struct nl_sock *s = nl_socket_alloc();
	int error;

	if (!s) {
		snprintf(why, size, "interfaces: no memory for a netlink socket (%s)", what);
		return NULL;
	}
	error = nl_connect(s, NETLINK_ROUTE);
	if (error < 0) {
		snprintf(why, size, "interfaces: opening a netlink socket (%s): %s; AF_NETLINK "
			 "must be allowed to the vrrp process", what, nl_geterror(error));
		nl_socket_free(s);
		return NULL;
	}
	nl_socket_set_nonblocking(s);
	return s;
}

static bool subscribe(struct watch *w, char *why, size_t size)
{
	int fd = nl_socket_get_fd(w->events), queue = QUEUE, on = 1, error;

	error = nl_socket_add_memberships(w->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					  RTNLGRP_IPV6_IFADDR, 0);
	if (error < 0) {
		snprintf(why, size, "interfaces: subscribing to the kernel's messages: %s",
			 nl_geterror(error));
		return false;
	}
	/* A larger queue is welcome, and not needed: what is lost is read anew. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	/* So that a dump is of one interface; kernels before 4.20 tell of all. */
	setsockopt(nl_socket_get_fd(w->questions), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
		   sizeof(on));
	return true;
}

struct watch *watch_open(uint32_t own_port,
			 void (*changed)(void *arg, const struct watch_event *e), void *arg,
			 char *why, size_t size)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		snprintf(why, size, "interfaces: no memory to watch them");
		return NULL;
	}
	*w = (struct watch){ .own_port = own_port, .changed = changed, .arg = arg };
	list_init(&w->links);
	w->events = open_one("events", why, size);
	w->questions = w->events ? open_one("questions", why, size) : NULL;
	if (!w->questions || !subscribe(w, why, size)) {
		watch_close(w);
		return NULL;
	}
	return w;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	while (list_pop(&w->links))
		;
	if (w->questions)
		nl_socket_free(w->questions);
	if (w->events)
		nl_socket_free(w->events);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return nl_socket_get_fd(w->events);
}

uint64_t watch_resyncs(const struct watch *w)
{
	return w->resyncs;
}

bool watch_add(struct watch *w, struct watch_link *l, const char *name)
{
	bool ok;

	must(strlen(name) < IFNAMSIZ);
	memset(l, 0, sizeof(*l));
	memcpy(l->name, name, strlen(name) + 1);
	list_append(&w->links, &l->link);
	w->quiet = true;
	ok = read_link(w, l);
	w->quiet = false;
	if (!ok)
		list_del(&l->link);
	return ok;
}

void watch_remove(struct watch_link *l)
{
	list_del(&l->link);
}

static void resync(struct watch *w)
{
	struct list *it, *tmp;

	w->resyncs++;
	list_each_safe(it, tmp, &w->links)
		read_link(w, list_of(it, struct watch_link, link));
}

static void on_messages(struct watch *w, int n)
{
	struct nlmsghdr *h = (struct nlmsghdr *)w->heard;

	for (; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
		if (h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK)
			on_link(w, h);
		else if (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR)
			on_address(w, h);
	}
}

/* Only the kernel is believed: any process may send to a netlink port. */
static ssize_t hear(struct watch *w, bool *lost)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { w->heard, sizeof(w->heard) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
			    .msg_iovlen = 1 };
	ssize_t n = recvmsg(watch_fd(w), &m, MSG_DONTWAIT);

	if (n < 0 && errno != ENOBUFS)
		return -1;
	if (n < 0 || m.msg_flags & MSG_TRUNC)
		*lost = true;
	return n < 0 || from.nl_pid != 0 ? 0 : n;
}

void watch_drain(struct watch *w)
{
	bool lost = false;
	ssize_t n;
	int reads;

	for (reads = 0; reads < DRAIN_READS; reads++) {
		n = hear(w, &lost);
		if (n < 0)
			break;
		on_messages(w, (int)n);
	}
	if (lost)
		resync(w);
	if (reads < DRAIN_READS)
		tell(w, WATCH_SETTLED, NULL, NULL, false);
}

/* ---- reading the mirror ---- */

const struct watch_address *watch_find(const struct watch_link *l, const struct vrrp_ip *ip)
{
	unsigned i;

	for (i = 0; i < l->n_addresses; i++)
		if (vrrp_ip_eq(&l->addresses[i].ip, ip))
			return &l->addresses[i];
	return NULL;
}

static bool is_one_of(const struct vrrp_ip *ip, const struct vrrp_ip *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (vrrp_ip_eq(ip, &list[i]))
			return true;
	return false;
}

static bool may_be_source(const struct watch_address *a, bool ipv6)
{
	if (ipv6)
		return vrrp_ip_is_link_local(&a->ip) &&
		       !(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
	return a->ip.size == 4 && !(a->flags & IFA_F_SECONDARY);
}

/* An address without a network is, where there is another, one that somebody added: a virtual
 * address of somebody else, say. */
const struct watch_address *watch_primary(const struct watch_link *l, bool ipv6,
					  const struct vrrp_ip *ours, size_t n_ours)
{
	const struct watch_address *a, *second = NULL;
	unsigned i;

	for (i = 0; i < l->n_addresses; i++) {
		a = &l->addresses[i];
		if (!may_be_source(a, ipv6) || is_one_of(&a->ip, ours, n_ours))
			continue;
		if (a->prefix < a->ip.size * 8)
			return a;
		if (!second)
			second = a;
	}
	return second;
}
