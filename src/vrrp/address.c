#include "vrrp/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/clock.h"
#include "vrrp/watch.h"

/* The headers of Ubuntu 22.04 do not know it; older kernels pass over it. */
#define IFA_PROTO_ATTRIBUTE 11
#define ANSWER 4096
#define WHY 512

struct address_socket {
	struct nl_sock *nl;
	int fd;
	uint32_t port;
	uint32_t seq;
	const char *said; /* the kernel's own words about the last refusal, in `answer`; or NULL */
	char why[WHY];
	_Alignas(struct nlmsghdr) char answer[ANSWER];
};

/* ---- the socket ---- */

static void ask_for_words(int fd)
{
	int on = 1;

	/* Kernels before 4.12 have none; then errno has to do. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

struct address_socket *address_open(char *why, size_t size)
{
	struct address_socket *s = calloc(1, sizeof(*s));
	int error;

	if (!s || !(s->nl = nl_socket_alloc())) {
		snprintf(why, size, "addresses: no memory for their netlink socket");
		free(s);
		return NULL;
	}
	error = nl_connect(s->nl, NETLINK_ROUTE);
	if (error < 0) {
		snprintf(why, size, "addresses: opening the route netlink socket: %s; "
			 "AF_NETLINK must be allowed to the vrrp process", nl_geterror(error));
		address_close(s);
		return NULL;
	}
	nl_socket_set_nonblocking(s->nl);
	s->fd = nl_socket_get_fd(s->nl);
	s->port = nl_socket_get_local_port(s->nl);
	ask_for_words(s->fd);
	return s;
}

void address_close(struct address_socket *s)
{
	if (!s)
		return;
	nl_socket_free(s->nl);
	free(s);
}

uint32_t address_port(const struct address_socket *s)
{
	return s->port;
}

const char *address_why(const struct address_socket *s)
{
	return s->why;
}

/* ---- requests made in advance ---- */

static bool fill(struct rtnl_addr *a, const struct address_lease *l)
{
	int family = l->ip.size == 16 ? AF_INET6 : AF_INET;
	struct nl_addr *ip = nl_addr_build(family, l->ip.bytes, l->ip.size);
	bool ok;

	if (!ip)
		return false;
	nl_addr_set_prefixlen(ip, l->prefix);
	rtnl_addr_set_ifindex(a, l->ifindex);
	ok = rtnl_addr_set_local(a, ip) == 0;
	nl_addr_put(ip);
	rtnl_addr_set_valid_lifetime(a, l->lifetime_s);
	/* Deprecated from the start: never the source of what this node begins. In IPv4 that
	 * would say nothing. */
	rtnl_addr_set_preferred_lifetime(a, family == AF_INET6 ? 0 : l->lifetime_s);
	if (family == AF_INET6)
		rtnl_addr_set_flags(a, IFA_F_NODAD | (l->prefix == 128 ? IFA_F_NOPREFIXROUTE : 0));
	return ok;
}

static bool build(struct rtnl_addr *a, struct address_lease *l)
{
	if (!fill(a, l) ||
	    rtnl_addr_build_add_request(a, NLM_F_CREATE | NLM_F_REPLACE, &l->add) < 0 ||
	    rtnl_addr_build_delete_request(a, 0, &l->del) < 0 ||
	    nla_put_u8(l->add, IFA_PROTO_ATTRIBUTE, ADDRESS_MARK) < 0)
		return false;
	nlmsg_hdr(l->add)->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlmsg_hdr(l->del)->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	return true;
}

bool address_lease_init(struct address_lease *l, int ifindex, const struct vrrp_ip *ip,
			uint8_t prefix, uint32_t lifetime_s)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	bool ok;

	must((ip->size == 4 || ip->size == 16) && prefix <= ip->size * 8 && lifetime_s >= 1);
	*l = (struct address_lease){
		.ip = *ip, .prefix = prefix, .ifindex = ifindex, .lifetime_s = lifetime_s,
	};
	ok = a && build(a, l);
	if (a)
		rtnl_addr_put(a);
	if (!ok)
		address_lease_free(l);
	return ok;
}

void address_lease_free(struct address_lease *l)
{
	if (l->add)
		nlmsg_free(l->add);
	if (l->del)
		nlmsg_free(l->del);
	l->add = l->del = NULL;
}

void address_lease_adopt(struct address_lease *l)
{
	l->held = true;
}

/* ---- asking the kernel ---- */

/* The words stand behind the error, when the kernel had any. */
static const char *kernel_words(struct nlmsghdr *h)
{
	struct nlattr *words;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || !(h->nlmsg_flags & NLM_F_CAPPED))
		return NULL;
	words = nlmsg_find_attr(h, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);
	if (!words || nla_len(words) < 1)
		return NULL;
	((char *)nla_data(words))[nla_len(words) - 1] = '\0';
	return nla_data(words);
}

/* -1: not the answer to this request. */
static int answered(struct address_socket *s, int n)
{
	struct nlmsghdr *h = (struct nlmsghdr *)s->answer;
	const struct nlmsgerr *e;

	for (; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
		if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq != s->seq ||
		    nlmsg_datalen(h) < (int)sizeof(*e))
			continue;
		e = nlmsg_data(h);
		s->said = e->error ? kernel_words(h) : NULL;
		return -e->error;
	}
	return -1;
}

/* The kernel carries a request out, and queues its answer, before send() returns; so the
 * answer is there, and what else is there belongs to a request that was given up. */
static int transact(struct address_socket *s, struct nl_msg *m)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	ssize_t n;
	int result;

	s->said = NULL;
	h->nlmsg_seq = ++s->seq;
	h->nlmsg_pid = s->port;
	if (send(s->fd, h, h->nlmsg_len, MSG_DONTWAIT) < 0)
		return errno;
	for (;;) {
		n = recv(s->fd, s->answer, sizeof(s->answer), MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS)
			continue;
		if (n < 0)
			return errno;
		result = answered(s, (int)n);
		if (result >= 0)
			return result;
	}
}

static const char *advice(int error, bool ipv6)
{
	switch (error) {
	case EPERM:
		return "; the right CAP_NET_ADMIN is missing: start hpcbald as root, and let no "
		       "container or unit file take CAP_NET_ADMIN away";
	case ENODEV:
		return "; the interface is gone";
	case EACCES:
	case EOPNOTSUPP:
		return ipv6 ? "; IPv6 is disabled on the interface (net.ipv6.conf.*.disable_ipv6)"
			    : "";
	case EINVAL:
		return ipv6 ? "; IPv6 may be disabled on the interface "
			      "(net.ipv6.conf.*.disable_ipv6), or its MTU below 1280"
			    : "; the address is none that an interface can have";
	case EAGAIN:
		return "; the kernel gave no answer";
	}
	return "";
}

static int failed(struct address_socket *s, const struct address_lease *l, const char *doing,
		  int error)
{
	char name[IF_NAMESIZE] = "?", ip[VRRP_IP_TEXT];

	snprintf(s->why, sizeof(s->why), "interface %s (%d): %s %s/%u: %s%s%s%s%s",
		 if_indextoname((unsigned)l->ifindex, name) ? name : "?", l->ifindex, doing,
		 vrrp_ip_format(&l->ip, ip), l->prefix, strerror(error), s->said ? " (" : "",
		 s->said ? s->said : "", s->said ? ")" : "", advice(error, l->ip.size == 16));
	return error;
}

static int set_lease(struct address_socket *s, struct address_lease *l, const char *doing)
{
	uint64_t began = clock_now_us();
	int error = transact(s, l->add);

	l->took_us = (uint32_t)(clock_now_us() - began);
	if (error)
		return failed(s, l, doing, error);
	l->held = true;
	/* The lifetime began before the answer came. */
	l->renewed_at = began;
	return 0;
}

int address_add(struct address_socket *s, struct address_lease *l)
{
	return set_lease(s, l, "adding");
}

int address_renew(struct address_socket *s, struct address_lease *l)
{
	return set_lease(s, l, "renewing");
}

int address_delete(struct address_socket *s, struct address_lease *l)
{
	uint64_t began = clock_now_us();
	int error = transact(s, l->del);

	l->took_us = (uint32_t)(clock_now_us() - began);
	l->found = error == 0;
	if (error && error != EADDRNOTAVAIL && error != ENODEV)
		return failed(s, l, "deleting", error);
	l->held = false;
	return 0;
}

/* ---- the prefix ---- */

static bool in_network(const struct vrrp_ip *a, const struct vrrp_ip *b, uint8_t prefix)
{
	unsigned whole = prefix / 8, bits = prefix % 8;

	if (a->size != b->size || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return bits == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - bits) == 0;
}

static bool is_one_of(const struct vrrp_ip *ip, const struct vrrp_ip *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (vrrp_ip_eq(ip, &list[i]))
			return true;
	return false;
}

uint8_t address_choose_prefix(const struct vrrp_ip *ip, uint8_t written,
			      const struct watch_link *on, const struct vrrp_ip *ours,
			      size_t n_ours)
{
	uint8_t alone = (uint8_t)(ip->size * 8);
	unsigned i;

	for (i = 0; i < on->n_addresses; i++) {
		const struct watch_address *a = &on->addresses[i];

		if (vrrp_ip_eq(&a->ip, ip) || !in_network(&a->ip, ip, written))
			continue;
		if (a->prefix < alone || !is_one_of(&a->ip, ours, n_ours))
			return alone;
	}
	return written;
}
