#include "vrrp/wire.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define BATCH 16
/* The largest message, and an IPv4 header with all options. */
#define FRAME (VRRP_MESSAGE_MAX + 60 + 16)
#define CONTROL 256
/* The calendar may drift by so much between two readings before it counts as set. */
#define STEP_US 2000

struct slot {
	uint8_t bytes[FRAME];
	_Alignas(struct cmsghdr) uint8_t control[CONTROL];
	struct sockaddr_storage from;
	struct iovec iov;
};

struct wire {
	int fd;
	int ifindex;
	bool ipv6;
	bool has_source;
	struct in6_pktinfo source;
	int64_t wall_offset;  /* calendar minus monotonic, µs, at the last reading */
	uint64_t drained_at;  /* what comes now came after this */
	struct mmsghdr headers[BATCH];
	struct slot slots[BATCH];
};

static bool refuse(char *why, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool refuse(char *why, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return false;
}

static const char *family_name(const struct wire_setup *s)
{
	return s->ipv6 ? "IPv6" : "IPv4";
}

static bool open_socket(struct wire *w, const struct wire_setup *s, char *why, size_t size)
{
	w->fd = socket(s->ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       VRRP_PROTOCOL);
	if (w->fd >= 0)
		return true;
	if (errno == EPERM || errno == EACCES)
		return refuse(why, size,
			      "interface %s: opening the raw %s socket for VRRP: %s; the right "
			      "CAP_NET_RAW is missing: start hpcbald as root, and let no "
			      "container or unit file take CAP_NET_RAW away",
			      s->interface, family_name(s), strerror(errno));
	if (errno == EAFNOSUPPORT)
		return refuse(why, size,
			      "interface %s: opening the raw %s socket for VRRP: %s; this kernel "
			      "runs without %s: enable it, or remove the virtual router",
			      s->interface, family_name(s), strerror(errno), family_name(s));
	return refuse(why, size, "interface %s: opening the raw %s socket for VRRP: %s",
		      s->interface, family_name(s), strerror(errno));
}

static bool bind_interface(struct wire *w, const struct wire_setup *s, char *why, size_t size)
{
	w->ifindex = (int)if_nametoindex(s->interface);
	if (w->ifindex == 0)
		return refuse(why, size,
			      "interface %s: no such interface; correct `interface`, or bring it "
			      "into being (`ip link` lists those that are there)", s->interface);
	if (setsockopt(w->fd, SOL_SOCKET, SO_BINDTODEVICE, s->interface,
		       (socklen_t)strlen(s->interface) + 1) != 0)
		return refuse(why, size, "interface %s: binding the VRRP socket to it: %s%s",
			      s->interface, strerror(errno),
			      errno == EPERM ? "; the right CAP_NET_RAW is missing" : "");
	return true;
}

struct option {
	int level, name, value;
	const char *what;
};

static bool set_options(struct wire *w, const struct wire_setup *s, const struct option *o,
			size_t n, char *why, size_t size)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (setsockopt(w->fd, o[i].level, o[i].name, &o[i].value, sizeof(o[i].value)) != 0)
			return refuse(why, size,
				      "interface %s: setting %s on the %s socket for VRRP: %s",
				      s->interface, o[i].what, family_name(s), strerror(errno));
	return true;
}

/* IP_MULTICAST_ALL off: only the groups of this very socket on this very interface. */
static bool set_ipv4(struct wire *w, const struct wire_setup *s, char *why, size_t size)
{
	static const struct option options[] = {
		{ IPPROTO_IP, IP_HDRINCL, 1, "IP_HDRINCL" },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP" },
		{ IPPROTO_IP, IP_MULTICAST_ALL, 0, "IP_MULTICAST_ALL" },
		{ SOL_SOCKET, SO_PRIORITY, 6, "SO_PRIORITY" },
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS" },
	};
	struct ip_mreqn group = { .imr_ifindex = w->ifindex };

	if (!set_options(w, s, options, sizeof(options) / sizeof(*options), why, size))
		return false;
	memcpy(&group.imr_multiaddr, vrrp_group(false)->bytes, 4);
	if (setsockopt(w->fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) != 0)
		return refuse(why, size, "interface %s: choosing it for multicast: %s",
			      s->interface, strerror(errno));
	if (s->unicast ||
	    setsockopt(w->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) == 0)
		return true;
	return refuse(why, size,
		      "interface %s: joining 224.0.0.18: %s%s", s->interface, strerror(errno),
		      errno == ENOBUFS ? "; raise net.ipv4.igmp_max_memberships"
				       : "; it must be able to carry multicast (`ip link set ... "
					 "multicast on`), or use `unicast`");
}

static bool set_ipv6(struct wire *w, const struct wire_setup *s, char *why, size_t size)
{
	const struct option options[] = {
		{ IPPROTO_IPV6, IPV6_CHECKSUM, 6, "IPV6_CHECKSUM" },
		{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_TTL, "IPV6_MULTICAST_HOPS" },
		{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, VRRP_TTL, "IPV6_UNICAST_HOPS" },
		{ IPPROTO_IPV6, IPV6_TCLASS, VRRP_TOS, "IPV6_TCLASS" },
		{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP" },
		{ IPPROTO_IPV6, IPV6_MULTICAST_IF, w->ifindex, "IPV6_MULTICAST_IF" },
		{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT" },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO" },
		{ SOL_SOCKET, SO_PRIORITY, 6, "SO_PRIORITY" },
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS" },
	};
	struct ipv6_mreq group = { .ipv6mr_interface = (unsigned)w->ifindex };

	if (s->unicast)
		return refuse(why, size,
			      "interface %s: IPv6 goes by multicast only; remove `unicast`",
			      s->interface);
	if (!set_options(w, s, options, sizeof(options) / sizeof(*options), why, size))
		return false;
	memcpy(&group.ipv6mr_multiaddr, vrrp_group(true)->bytes, 16);
	if (setsockopt(w->fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group)) == 0)
		return true;
	return refuse(why, size,
		      "interface %s: joining ff02::12: %s; IPv6 must be enabled on it "
		      "(net.ipv6.conf.%s.disable_ipv6 = 0)",
		      s->interface, strerror(errno), s->interface);
}

static int64_t clock_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Calendar minus monotonic, and how far off that may be, since this thread may be set aside
 * between two readings. */
static int64_t read_offset(int64_t *now, int64_t *doubt)
{
	int64_t first = clock_us(CLOCK_MONOTONIC), wall = clock_us(CLOCK_REALTIME);

	*now = clock_us(CLOCK_MONOTONIC);
	*doubt = *now - first;
	return wall - *now;
}

static int64_t read_offset_well(int64_t *now, int64_t *doubt)
{
	int64_t offset;
	int tries = 0;

	do
		offset = read_offset(now, doubt);
	while (*doubt > STEP_US / 2 && ++tries < 4);
	return offset;
}

static void lay_out_slots(struct wire *w)
{
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		struct msghdr *h = &w->headers[i].msg_hdr;
		struct slot *s = &w->slots[i];

		s->iov = (struct iovec){ s->bytes, sizeof(s->bytes) };
		h->msg_iov = &s->iov;
		h->msg_iovlen = 1;
		h->msg_name = &s->from;
		h->msg_control = s->control;
	}
}

struct wire *wire_open(const struct wire_setup *s, char *why, size_t size)
{
	struct wire *w = calloc(1, sizeof(*w));
	int64_t now, doubt;

	if (!w) {
		refuse(why, size, "interface %s: no memory for its VRRP socket", s->interface);
		return NULL;
	}
	w->ipv6 = s->ipv6;
	w->fd = -1;
	if (!open_socket(w, s, why, size) || !bind_interface(w, s, why, size) ||
	    !(s->ipv6 ? set_ipv6(w, s, why, size) : set_ipv4(w, s, why, size))) {
		wire_close(w);
		return NULL;
	}
	lay_out_slots(w);
	w->wall_offset = read_offset_well(&now, &doubt);
	w->drained_at = (uint64_t)now;
	return w;
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

int wire_ifindex(const struct wire *w)
{
	return w->ifindex;
}

/* ---- sending ---- */

void wire_set_source(struct wire *w, const struct vrrp_ip *source)
{
	must(w->ipv6 && (source->size == 16 || source->size == 0));
	w->has_source = source->size == 16;
	w->source.ipi6_ifindex = (unsigned)w->ifindex;
	memcpy(&w->source.ipi6_addr, source->bytes, 16);
}

static void put_source(const struct wire *w, struct msghdr *h, void *control)
{
	struct cmsghdr *c = control;

	if (!w->has_source)
		return;
	h->msg_control = control;
	h->msg_controllen = CMSG_SPACE(sizeof(w->source));
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(w->source));
	memcpy(CMSG_DATA(c), &w->source, sizeof(w->source));
}

int wire_send(struct wire *w, const struct vrrp_ip *to, const uint8_t *bytes, size_t n)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct iovec iov = { (void *)(uintptr_t)bytes, n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	must(to->size == (w->ipv6 ? 16 : 4));
	if (w->ipv6) {
		memcpy(&in6.sin6_addr, to->bytes, 16);
		in6.sin6_scope_id = (uint32_t)w->ifindex;
		h.msg_name = &in6;
		h.msg_namelen = sizeof(in6);
		put_source(w, &h, control);
	} else {
		memcpy(&in.sin_addr, to->bytes, 4);
		h.msg_name = &in;
		h.msg_namelen = sizeof(in);
	}
	if (sendmsg(w->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno;
	return 0;
}

/* ---- receiving ---- */

struct stamp {
	uint64_t now;
	bool trusted; /* the calendar was not set since the last reading */
};

static struct stamp read_clocks(struct wire *w, bool trusted)
{
	int64_t now, doubt, offset = read_offset_well(&now, &doubt);
	int64_t moved = offset - w->wall_offset;

	if (moved < -STEP_US - doubt || moved > STEP_US + doubt)
		trusted = false;
	if (!trusted || doubt <= STEP_US / 2)
		w->wall_offset = offset;
	return (struct stamp){ .now = (uint64_t)now, .trusted = trusted };
}

/* The kernel stamps with the calendar. What is not credible counts as received now. */
static uint64_t received_at(const struct wire *w, const struct stamp *s, int64_t wall)
{
	int64_t at = wall - w->wall_offset;

	if (!s->trusted || wall == 0 || at > (int64_t)s->now)
		return s->now;
	return at < (int64_t)w->drained_at ? w->drained_at : (uint64_t)at;
}

static int64_t take_control(struct msghdr *h, struct wire_packet *p)
{
	struct cmsghdr *c;
	struct in6_pktinfo info;
	struct timespec t;
	int64_t wall = 0;
	int hops;

	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			wall = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
			p->datagram.ttl = (unsigned)hops;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			p->datagram.destination = vrrp_ip_v6(&info.ipi6_addr);
			p->ifindex = (int)info.ipi6_ifindex;
		}
	}
	return wall;
}

static void tell(struct wire *w, unsigned i, const struct stamp *stamp,
		 void (*got)(void *arg, const struct wire_packet *p), void *arg)
{
	struct wire_packet p = { .ifindex = w->ifindex };
	const struct slot *s = &w->slots[i];
	const struct sockaddr_in6 *from = (const void *)&s->from;

	p.at = received_at(w, stamp, take_control(&w->headers[i].msg_hdr, &p));
	if (w->ipv6) {
		p.datagram.source = vrrp_ip_v6(&from->sin6_addr);
		p.datagram.bytes = s->bytes;
		p.datagram.n = w->headers[i].msg_len;
		p.discard = VRRP_TAKEN;
	} else {
		p.discard = vrrp_datagram_from_ipv4(&p.datagram, s->bytes,
						    w->headers[i].msg_len);
	}
	got(arg, &p);
}

static int receive_batch(struct wire *w)
{
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		struct msghdr *h = &w->headers[i].msg_hdr;

		h->msg_namelen = sizeof(w->slots[i].from);
		h->msg_controllen = CONTROL;
		h->msg_flags = 0;
	}
	return recvmmsg(w->fd, w->headers, BATCH, MSG_DONTWAIT, NULL);
}

/* An error of the socket (the interface went down) is reported once by the kernel, instead of
 * a packet; what lies behind it is read on. */
unsigned wire_receive(struct wire *w, void (*got)(void *arg, const struct wire_packet *p),
		      void *arg)
{
	struct stamp stamp = read_clocks(w, true);
	unsigned total = 0;
	int n, i, errors = 0;

	while (total < WIRE_DRAIN) {
		n = receive_batch(w);
		if (n < 0 && errno != EAGAIN && errors++ < 4)
			continue;
		if (n <= 0)
			break;
		stamp = read_clocks(w, stamp.trusted);
		for (i = 0; i < n; i++)
			tell(w, (unsigned)i, &stamp, got, arg);
		total += (unsigned)n;
		if (n < BATCH)
			break;
	}
	w->drained_at = stamp.now;
	return total;
}
