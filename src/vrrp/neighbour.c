#include "vrrp/neighbour.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

#define ETHERTYPE_ARP 0x0806
#define DRAIN_READS 256

struct neighbour {
	int ifindex;
	uint8_t mac[NEIGHBOUR_MAC];
	int out; /* sends frames, receives nothing */
	int arp; /* receives ARP while a probe runs */
	int nd;  /* receives neighbour advertisements while a probe runs; -1: no IPv6 here */
	int fd;  /* epoll of both: one descriptor for the loop */
	struct list probes;
	bool listening;
};

/* ---- opening ---- */

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

static bool open_out(struct neighbour *n, const char *interface, char *why, size_t size)
{
	/* Protocol 0: the kernel hands nothing to it. */
	n->out = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->out >= 0)
		return true;
	return refuse(why, size, "interface %s: opening the socket for gratuitous ARP: %s%s",
		      interface, strerror(errno),
		      errno == EPERM
			      ? "; the right CAP_NET_RAW is missing: start hpcbald as root, and "
				"let no container or unit file take CAP_NET_RAW away"
			      : "");
}

static bool read_interface(struct neighbour *n, const char *interface, char *why, size_t size)
{
	struct ifreq r = { 0 };

	must(strlen(interface) < IFNAMSIZ);
	memcpy(r.ifr_name, interface, strlen(interface) + 1);
	if (ioctl(n->out, SIOCGIFINDEX, &r) != 0)
		return refuse(why, size,
			      "interface %s: no such interface; correct `interface`, or bring it "
			      "into being (`ip link` lists those that are there)", interface);
	n->ifindex = r.ifr_ifindex;
	if (ioctl(n->out, SIOCGIFHWADDR, &r) != 0)
		return refuse(why, size, "interface %s: reading its MAC: %s", interface,
			      strerror(errno));
	if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return refuse(why, size,
			      "interface %s: is no Ethernet (hardware type %u), and neighbours "
			      "are told of a virtual address by Ethernet only; choose another one",
			      interface, r.ifr_hwaddr.sa_family);
	memcpy(n->mac, r.ifr_hwaddr.sa_data, NEIGHBOUR_MAC);
	return true;
}

/* Closing a packet socket, or binding it anew, makes the kernel wait for its other cores; a
 * filter does not. So the socket stays, and what it hears is switched by its filter. */
static bool filter_arp(int fd, bool pass)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, pass ? 0xffff : 0);
	struct sock_fprog program = { 1, &code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

static bool filter_nd(int fd, bool pass)
{
	struct icmp6_filter f;

	ICMP6_FILTER_SETBLOCKALL(&f);
	if (pass)
		ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &f);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof(f)) == 0;
}

static bool open_arp(struct neighbour *n, const char *interface, char *why, size_t size)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_ARP),
				  .sll_ifindex = n->ifindex };

	n->arp = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->arp >= 0 && filter_arp(n->arp, false) &&
	    bind(n->arp, (struct sockaddr *)&at, sizeof(at)) == 0)
		return true;
	return refuse(why, size, "interface %s: opening the socket for ARP probes: %s", interface,
		      strerror(errno));
}

static bool open_nd(struct neighbour *n, const char *interface, char *why, size_t size)
{
	int on = 1;

	n->nd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (n->nd < 0 && errno == EAFNOSUPPORT)
		return true;
	if (n->nd >= 0 && filter_nd(n->nd, false) &&
	    setsockopt(n->nd, SOL_SOCKET, SO_BINDTODEVICE, interface,
		       (socklen_t)strlen(interface) + 1) == 0 &&
	    setsockopt(n->nd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) == 0)
		return true;
	return refuse(why, size, "interface %s: opening the socket for neighbour discovery: %s",
		      interface, strerror(errno));
}

static bool open_fd(struct neighbour *n, const char *interface, char *why, size_t size)
{
	struct epoll_event e = { .events = EPOLLIN };

	n->fd = epoll_create1(EPOLL_CLOEXEC);
	if (n->fd >= 0 && epoll_ctl(n->fd, EPOLL_CTL_ADD, n->arp, &e) == 0 &&
	    (n->nd < 0 || epoll_ctl(n->fd, EPOLL_CTL_ADD, n->nd, &e) == 0))
		return true;
	return refuse(why, size, "interface %s: joining its sockets: %s", interface,
		      strerror(errno));
}

struct neighbour *neighbour_open(const char *interface, char *why, size_t size)
{
	struct neighbour *n = calloc(1, sizeof(*n));

	if (!n) {
		refuse(why, size, "interface %s: no memory for its neighbours", interface);
		return NULL;
	}
	n->out = n->arp = n->nd = n->fd = -1;
	list_init(&n->probes);
	if (open_out(n, interface, why, size) && read_interface(n, interface, why, size) &&
	    open_arp(n, interface, why, size) && open_nd(n, interface, why, size) &&
	    open_fd(n, interface, why, size))
		return n;
	neighbour_close(n);
	return NULL;
}

void neighbour_close(struct neighbour *n)
{
	int fds[4], i;

	if (!n)
		return;
	while (list_pop(&n->probes))
		;
	memcpy(fds, (int[]){ n->fd, n->arp, n->nd, n->out }, sizeof(fds));
	for (i = 0; i < 4; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(n);
}

const uint8_t *neighbour_mac(const struct neighbour *n)
{
	return n->mac;
}

int neighbour_fd(const struct neighbour *n)
{
	return n->fd;
}

/* ---- sending ---- */

int neighbour_send(struct neighbour *n, const struct neighbour_frame *f)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = n->ifindex,
				  .sll_halen = NEIGHBOUR_MAC };

	memcpy(&to.sll_protocol, f->bytes + 12, sizeof(to.sll_protocol));
	memcpy(to.sll_addr, f->bytes, NEIGHBOUR_MAC);
	if (sendto(n->out, f->bytes, f->n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
		   sizeof(to)) < 0)
		return errno;
	return 0;
}

/* ---- probes ---- */

/* A switch may bring our own frame back: only another's MAC is an answer. */
static void on_claim(struct neighbour *n, const struct vrrp_ip *ip, const uint8_t *mac)
{
	struct list *it, *tmp;
	struct neighbour_probe *p;

	if (memcmp(mac, n->mac, NEIGHBOUR_MAC) == 0)
		return;
	list_each_safe(it, tmp, &n->probes) {
		p = list_of(it, struct neighbour_probe, link);
		if (vrrp_ip_eq(&p->target, ip))
			p->answered(p, mac);
	}
}

static void drain_arp(struct neighbour *n)
{
	uint8_t frame[128], mac[NEIGHBOUR_MAC];
	struct vrrp_ip ip;
	ssize_t got;
	int reads;

	for (reads = 0; reads < DRAIN_READS; reads++) {
		got = recv(n->arp, frame, sizeof(frame), MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EBADF))
			break;
		if (got > 0 && neighbour_parse_arp(frame, (size_t)got, &ip, mac))
			on_claim(n, &ip, mac);
	}
}

/* A hop limit below 255 comes from beyond a router, and is forged (RFC 4861, 7.1.2). */
static bool is_from_here(struct msghdr *m)
{
	struct cmsghdr *c;
	int hops = 0;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
	return hops == 255;
}

static void drain_nd(struct neighbour *n)
{
	_Alignas(struct cmsghdr) uint8_t control[64];
	uint8_t message[256], mac[NEIGHBOUR_MAC];
	struct iovec iov = { message, sizeof(message) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct vrrp_ip ip;
	ssize_t got;
	int reads;

	for (reads = 0; reads < DRAIN_READS; reads++) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		got = recvmsg(n->nd, &m, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EBADF))
			break;
		if (got > 0 && is_from_here(&m) &&
		    neighbour_parse_na(message, (size_t)got, &ip, mac))
			on_claim(n, &ip, mac);
	}
}

void neighbour_drain(struct neighbour *n)
{
	drain_arp(n);
	if (n->nd >= 0)
		drain_nd(n);
}

/* What was not read of an earlier probe is no answer to the next one. */
static void listen_for_answers(struct neighbour *n, bool on)
{
	if (n->listening == on)
		return;
	n->listening = on;
	if (on)
		neighbour_drain(n);
	filter_arp(n->arp, on);
	if (n->nd >= 0)
		filter_nd(n->nd, on);
}

int neighbour_probe_begin(struct neighbour *n, struct neighbour_probe *p,
			  const struct vrrp_ip *sender, const struct vrrp_ip *target,
			  void (*answered)(struct neighbour_probe *p,
					   const uint8_t mac[NEIGHBOUR_MAC]))
{
	int error;

	p->target = *target;
	p->answered = answered;
	neighbour_build_question(&p->frame, n->mac, sender, target);
	listen_for_answers(n, true);
	list_append(&n->probes, &p->link);
	error = neighbour_send(n, &p->frame);
	if (error)
		neighbour_probe_end(n, p);
	return error;
}

int neighbour_probe_again(struct neighbour *n, struct neighbour_probe *p)
{
	return neighbour_send(n, &p->frame);
}

void neighbour_probe_end(struct neighbour *n, struct neighbour_probe *p)
{
	list_del(&p->link);
	if (list_empty(&n->probes))
		listen_for_answers(n, false);
}
