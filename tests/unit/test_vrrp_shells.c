/* Sockets and neighbours against the real kernel: two namespaces with a cable between them. */
#include <check.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "netns_lan.h"
#include "vrrp/address.h"
#include "vrrp/neighbour.h"
#include "vrrp/watch.h"
#include "vrrp/wire.h"

#define LENGTH(a) (int)(sizeof(a) / sizeof((a)[0]))

static struct netns_lan lan;
static char why[512];

static void setup(void)
{
	lan = netns_lan_make();
}

/* Counts what the program allocates; the sanitizers have an allocator of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static unsigned allocations;

#ifdef SANITIZED
#define COUNTED 0
#else
#define COUNTED 1
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}
#endif

/* ---- the wire ---- */

#define HEARD 512

struct ear {
	struct wire *wire;
	unsigned n;
	struct {
		struct vrrp_ip source, destination;
		enum vrrp_discard discard;
		unsigned ttl, tos;
		int ifindex;
		uint64_t at;
		size_t size;
		uint8_t bytes[128];
	} packets[HEARD];
};

static struct ear ear;

static void hear(void *arg, const struct wire_packet *p)
{
	struct ear *e = arg;
	size_t i = e->n++;

	ck_assert_uint_lt(i, HEARD);
	e->packets[i].source = p->datagram.source;
	e->packets[i].destination = p->datagram.destination;
	e->packets[i].discard = p->discard;
	e->packets[i].ttl = p->datagram.ttl;
	e->packets[i].ifindex = p->ifindex;
	e->packets[i].at = p->at;
	e->packets[i].size = p->datagram.n;
	ck_assert_uint_le(p->datagram.n, sizeof(e->packets[i].bytes));
	memcpy(e->packets[i].bytes, p->datagram.bytes, p->datagram.n);
	/* IPv4 brings its header in front of the message */
	e->packets[i].tos = p->datagram.source.size == 4 ? p->datagram.bytes[-19] : VRRP_TOS;
}

static struct wire *open_wire(int where, const char *interface, bool ipv6, bool unicast)
{
	struct wire_setup s = { .interface = interface, .ipv6 = ipv6, .unicast = unicast };
	struct wire *w;

	netns_enter(where);
	w = wire_open(&s, why, sizeof(why));
	ck_assert_msg(w != NULL, "%s", why);
	return w;
}

static void expect_refusal(struct wire_setup s, const char *part, const char *other)
{
	ck_assert_ptr_null(wire_open(&s, why, sizeof(why)));
	ck_assert_msg(strstr(why, part) && strstr(why, other), "%s", why);
	ck_assert_ptr_nonnull(strstr(why, s.interface));
}

static struct vrrp_ip vip4, vip6[2];

static struct vrrp_format format_v4(void)
{
	vip4 = ip_of("10.9.0.100");
	return (struct vrrp_format){ .version = 3, .vrid = 51, .interval = 100 * CLOCK_MS,
				     .addresses = &vip4, .n_addresses = 1 };
}

static struct vrrp_format format_v6(void)
{
	vip6[0] = ip_of("fe80::100");
	vip6[1] = ip_of("2001:db8:9::100");
	return (struct vrrp_format){ .version = 3, .vrid = 51, .interval = 100 * CLOCK_MS,
				     .ipv6 = true, .addresses = vip6, .n_addresses = 2 };
}

static void send_v4(struct wire *w, const char *source, const char *destination,
		    uint8_t priority)
{
	struct vrrp_ip from = ip_of(source), to = ip_of(destination);
	struct vrrp_format f = format_v4();
	uint8_t bytes[128];
	size_t n = vrrp_packet_build_ipv4(&f, priority, &from, &to, bytes, sizeof(bytes));

	ck_assert_uint_gt(n, 0);
	ck_assert_int_eq(wire_send(w, &to, bytes, n), 0);
}

static int try_v6(struct wire *w, const char *source, uint8_t priority, uint8_t *bytes, size_t *n)
{
	struct vrrp_ip from = ip_of(source);
	struct vrrp_format f = format_v6();

	wire_set_source(w, &from);
	*n = vrrp_packet_build(&f, priority, &from, vrrp_group(true), bytes, 128);
	return wire_send(w, vrrp_group(true), bytes, *n);
}

static void expect_heard(unsigned i, const char *source, const struct vrrp_ip *destination,
			 uint8_t priority)
{
	struct vrrp_ip from = ip_of(source);

	ck_assert_uint_gt(ear.n, i);
	ck_assert(vrrp_ip_eq(&ear.packets[i].source, &from));
	ck_assert(vrrp_ip_eq(&ear.packets[i].destination, destination));
	ck_assert_int_eq(ear.packets[i].discard, VRRP_TAKEN);
	ck_assert_uint_eq(ear.packets[i].ttl, 255);
	ck_assert_uint_eq(ear.packets[i].tos, 0xc0);
	ck_assert_uint_eq(ear.packets[i].bytes[2], priority);
}

/* The packet is taken by the judge that the product has. */
static void expect_taken(const struct vrrp_format *f, unsigned i)
{
	struct vrrp_datagram d = {
		.source = ear.packets[i].source, .destination = ear.packets[i].destination,
		.ttl = ear.packets[i].ttl, .bytes = ear.packets[i].bytes, .n = ear.packets[i].size,
	};
	struct vrrp_advert a;
	enum vrrp_discard verdict = vrrp_packet_parse(f, &d, &a);

	ck_assert_msg(verdict == VRRP_TAKEN, "%s", vrrp_discard_name(verdict));
}

/* R3, R4, R5, R6 */
START_TEST(r03_multicast_ipv4_reaches_the_other_and_not_ourselves)
{
	struct wire *a = open_wire(lan.a, "va", false, false);
	struct wire *b = open_wire(lan.b, "vb", false, false);
	struct vrrp_format f = format_v4();
	uint64_t before = clock_now_us();

	send_v4(a, "10.9.0.1", "224.0.0.18", 200);
	ck_assert(readable(wire_fd(b), PATIENCE_US));
	ck_assert_uint_eq(wire_receive(b, hear, &ear), 1);
	expect_heard(0, "10.9.0.1", vrrp_group(false), 200);
	expect_taken(&f, 0);
	ck_assert_int_eq(ear.packets[0].ifindex, wire_ifindex(b));
	ck_assert_int_eq(wire_ifindex(b), (int)if_nametoindex("vb"));
	ck_assert_uint_ge(ear.packets[0].at + 100, before);
	ck_assert_uint_le(ear.packets[0].at, clock_now_us());
	ck_assert_uint_eq(wire_receive(a, hear, &ear), 0);

	send_v4(b, "10.9.0.2", "224.0.0.18", 100);
	ck_assert(readable(wire_fd(a), PATIENCE_US));
	ck_assert_uint_eq(wire_receive(a, hear, &ear), 1);
	expect_heard(1, "10.9.0.2", vrrp_group(false), 100);
	ck_assert_uint_eq(wire_receive(b, hear, &ear), 0);
	wire_close(a);
	wire_close(b);
}
END_TEST

/* R3, R5, R7, R11: and the kernel's checksum is the one that the packet's builder makes. */
START_TEST(r07_multicast_ipv6_comes_from_the_link_local_address)
{
	struct wire *a = open_wire(lan.a, "va", true, false);
	struct wire *b = open_wire(lan.b, "vb", true, false);
	struct vrrp_format f = format_v6();
	uint8_t bytes[128];
	size_t n;

	ck_assert_int_eq(try_v6(a, "fe80::1", 200, bytes, &n), 0);
	ck_assert(readable(wire_fd(b), PATIENCE_US));
	ck_assert_uint_eq(wire_receive(b, hear, &ear), 1);
	expect_heard(0, "fe80::1", vrrp_group(true), 200);
	ck_assert_uint_eq(ear.packets[0].size, n);
	ck_assert_mem_eq(ear.packets[0].bytes, bytes, n);
	expect_taken(&f, 0);
	ck_assert_int_eq(ear.packets[0].ifindex, wire_ifindex(b));
	ck_assert_uint_eq(wire_receive(a, hear, &ear), 0);
	wire_close(a);
	wire_close(b);
}
END_TEST

/* So many that were sent, however late the kernel brings them. */
static void receive(struct wire *w, unsigned n)
{
	unsigned got = 0;

	while (got < n) {
		ck_assert(readable(wire_fd(w), PATIENCE_US));
		got += wire_receive(w, hear, &ear);
	}
	ck_assert_uint_eq(got, n);
}

/* A virtual link-local address is no source, even when the kernel chooses. */
START_TEST(r07_the_chosen_source_is_the_one_that_is_used)
{
	struct wire *a = open_wire(lan.a, "va", true, false);
	struct wire *b = open_wire(lan.b, "vb", true, false);
	struct vrrp_ip none = { 0 };
	uint8_t bytes[128];
	size_t n;
	int error;

	netns_enter(lan.a);
	netns_run("ip addr add fe80::77/64 dev va nodad");
	ck_assert_int_eq(try_v6(a, "fe80::77", 200, bytes, &n), 0);
	error = try_v6(a, "fe80::dead", 200, bytes, &n);
	ck_assert_msg(error == EINVAL || error == EADDRNOTAVAIL, "%d", error);
	netns_run("ip addr del fe80::77/64 dev va");
	wire_set_source(a, &none);
	ck_assert_int_eq(wire_send(a, vrrp_group(true), bytes, n), 0);
	receive(b, 2);
	expect_heard(0, "fe80::77", vrrp_group(true), 200);
	expect_heard(1, "fe80::1", vrrp_group(true), 200);
	wire_close(a);
	wire_close(b);
}
END_TEST

/* The kernel begins to stamp a while after it was asked to; until then a packet is stamped when it
 * is read. */
static bool is_stamped_on_arrival(struct wire *a, struct wire *b)
{
	uint64_t gone;

	send_v4(a, "10.9.0.1", "224.0.0.18", 200);
	gone = clock_now_us();
	usleep(60000);
	ear.n = 0;
	receive(b, 1);
	return ear.packets[0].at < gone + 40 * CLOCK_MS;
}

START_TEST(a_late_reader_learns_when_each_packet_came)
{
	struct wire *a = open_wire(lan.a, "va", false, false);
	struct wire *b = open_wire(lan.b, "vb", false, false);
	uint64_t sent[3], gone[3], slack = 40 * CLOCK_MS;
	unsigned i;

	WAIT_FOR(is_stamped_on_arrival(a, b));
	ear.n = 0;
	for (i = 0; i < 3; i++) {
		sent[i] = clock_now_us();
		send_v4(a, "10.9.0.1", "224.0.0.18", 200);
		gone[i] = clock_now_us();
		usleep(60000);
	}
	receive(b, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_ge(ear.packets[i].at + 1000, sent[i]);
		ck_assert_uint_lt(ear.packets[i].at, gone[i] + slack);
	}
	wire_close(a);
	wire_close(b);
}
END_TEST

/* The memory of what nobody has read yet: of packets alike, so much each. */
static uint32_t waiting(const struct wire *w)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof(memory);

	ck_assert_int_eq(getsockopt(wire_fd(w), SOL_SOCKET, SO_MEMINFO, memory, &n), 0);
	return memory[SK_MEMINFO_RMEM_ALLOC];
}

START_TEST(one_call_reads_all_that_came_in_order)
{
	struct wire *a = open_wire(lan.a, "va", false, false);
	struct wire *b = open_wire(lan.b, "vb", false, false);
	uint32_t one;
	unsigned i;

	send_v4(a, "10.9.0.1", "224.0.0.18", 100);
	ck_assert(readable(wire_fd(b), PATIENCE_US));
	one = waiting(b);
	for (i = 1; i < 100; i++)
		send_v4(a, "10.9.0.1", "224.0.0.18", (uint8_t)(100 + i));
	WAIT_FOR(waiting(b) == 100 * one);
	ck_assert_uint_eq(wire_receive(b, hear, &ear), 100);
	for (i = 0; i < 100; i++)
		expect_heard(i, "10.9.0.1", vrrp_group(false), (uint8_t)(100 + i));
	ck_assert(!readable(wire_fd(b), 0));
	wire_close(a);
	wire_close(b);
}
END_TEST

START_TEST(unicast_hears_what_is_sent_to_it_and_no_multicast)
{
	struct wire *a = open_wire(lan.a, "va", false, true);
	struct wire *b = open_wire(lan.b, "vb", false, true);
	struct vrrp_ip to = ip_of("10.9.0.2");

	send_v4(a, "10.9.0.1", "224.0.0.18", 200);
	send_v4(a, "10.9.0.1", "10.9.0.2", 201);
	ck_assert(readable(wire_fd(b), PATIENCE_US));
	ck_assert_uint_eq(wire_receive(b, hear, &ear), 1);
	expect_heard(0, "10.9.0.1", &to, 201);
	wire_close(a);
	wire_close(b);
}
END_TEST

/* Other interfaces of the node are other links. */
START_TEST(a_wire_hears_its_interface_alone)
{
	struct wire *a, *lo;

	netns_enter(lan.b);
	netns_run("ip link add vc type veth peer name vd && ip link set vc up && "
		  "ip link set vd up && ip addr add 10.10.0.1/24 dev vc");
	lo = open_wire(lan.b, "vd", false, false);
	a = open_wire(lan.a, "va", false, false);
	send_v4(a, "10.9.0.1", "224.0.0.18", 200);
	ck_assert(!readable(wire_fd(lo), 50 * CLOCK_MS));
	wire_close(a);
	wire_close(lo);
}
END_TEST

START_TEST(a_wire_says_why_it_cannot_be_opened)
{
	netns_enter(lan.a);
	expect_refusal((struct wire_setup){ .interface = "eth9" }, "no such interface", "ip link");
	expect_refusal((struct wire_setup){ .interface = "eth9", .ipv6 = true },
		       "no such interface", "`interface`");
	expect_refusal((struct wire_setup){ .interface = "va", .ipv6 = true, .unicast = true },
		       "multicast only", "remove `unicast`");
	netns_give_up_root();
	expect_refusal((struct wire_setup){ .interface = "va" }, "opening the raw IPv4 socket",
		       "CAP_NET_RAW");
	expect_refusal((struct wire_setup){ .interface = "va", .ipv6 = true },
		       "opening the raw IPv6 socket", "CAP_NET_RAW");
}
END_TEST

START_TEST(sending_where_there_is_no_link_fails_at_once)
{
	struct wire *a = open_wire(lan.a, "va", false, false);
	struct vrrp_ip from = ip_of("10.9.0.1");
	struct vrrp_format f = format_v4();
	uint8_t bytes[128];
	size_t n = vrrp_packet_build_ipv4(&f, 1, &from, vrrp_group(false), bytes, sizeof(bytes));
	int error;

	netns_run("ip link set va down");
	error = wire_send(a, vrrp_group(false), bytes, n);
	ck_assert_msg(error == ENETDOWN || error == ENETUNREACH || error == ENODEV, "%d", error);
	netns_run("ip link set va up");
	ck_assert_uint_eq(wire_receive(a, hear, &ear), 0);
	netns_run("ip link del va");
	ck_assert_int_ne(wire_send(a, vrrp_group(false), bytes, n), 0);
	wire_close(a);
}
END_TEST

/* ---- neighbours ---- */

static struct neighbour *open_neighbour(int where, const char *interface)
{
	struct neighbour *n;

	netns_enter(where);
	n = neighbour_open(interface, why, sizeof(why));
	ck_assert_msg(n != NULL, "%s", why);
	return n;
}

static const struct announce_case {
	const char *ip;
	enum neighbour_form form;
	bool router;
} announce_cases[] = {
	{ "10.9.0.100", NEIGHBOUR_REQUEST, false },
	{ "10.9.0.100", NEIGHBOUR_REPLY, false },
	{ "2001:db8:9::100", NEIGHBOUR_REQUEST, false },
	{ "2001:db8:9::100", NEIGHBOUR_REQUEST, true },
};

static void expect_neighbour(const char *ip, const char *mac)
{
	WAIT_FOR(strstr(netns_output("ip neigh show %s dev vb", ip), mac));
}

/* R54: also at once after another host announced the same, within Linux' ARP lock time. */
START_TEST(r54_an_announcement_changes_the_neighbours_entry)
{
	const struct announce_case *c = &announce_cases[_i];
	struct neighbour *a = open_neighbour(lan.a, "va");
	struct vrrp_ip ip = ip_of(c->ip);
	struct neighbour_frame f;
	static const uint8_t other[] = { 2, 0, 0, 0, 0, 0x77 };

	netns_enter(lan.b);
	netns_run("ip neigh add %s lladdr 02:00:00:00:00:66 dev vb nud stale", c->ip);
	neighbour_build_announcement(&f, c->form, other, &ip, c->router);
	ck_assert_int_eq(neighbour_send(a, &f), 0);
	expect_neighbour(c->ip, "02:00:00:00:00:77");
	neighbour_build_announcement(&f, c->form, neighbour_mac(a), &ip, c->router);
	ck_assert_int_eq(neighbour_send(a, &f), 0);
	expect_neighbour(c->ip, "02:00:00:00:00:01");
	neighbour_close(a);
}
END_TEST

static struct {
	unsigned n;
	uint8_t mac[NEIGHBOUR_MAC];
	struct neighbour *stop;
} answer;

static void on_answer(struct neighbour_probe *p, const uint8_t mac[NEIGHBOUR_MAC])
{
	answer.n++;
	memcpy(answer.mac, mac, NEIGHBOUR_MAC);
	if (answer.stop)
		neighbour_probe_end(answer.stop, p);
}

static const struct probe_case {
	const char *sender, *target;
	bool answered;
} probe_cases[] = {
	{ NULL, "10.9.0.2", true },
	{ "10.9.0.1", "10.9.0.2", true },
	{ NULL, "10.9.0.100", false },
	{ NULL, "10.9.0.1", false }, /* our own */
	{ NULL, "2001:db8:9::2", true },
	{ "fe80::1", "fe80::2", true },
	{ NULL, "fe80::2", true },
	{ NULL, "2001:db8:9::100", false },
	{ NULL, "2001:db8:9::1", false },
};

/* What must not come would have come by then. */
static void expect_no_answer(struct neighbour *a)
{
	uint64_t until = clock_now_us() + 100 * CLOCK_MS;

	while (clock_now_us() < until)
		if (readable(neighbour_fd(a), 10 * CLOCK_MS))
			neighbour_drain(a);
	ck_assert_uint_eq(answer.n, 0);
}

/* Asks again while nobody answers, as whoever owns a probe does: a frame may be lost. */
static void ask_for_answers(struct neighbour *a, struct neighbour_probe *p, unsigned n)
{
	uint64_t until = clock_now_us() + PATIENCE_US;

	while (clock_now_us() < until && answer.n < n)
		if (readable(neighbour_fd(a), CLOCK_SEC))
			neighbour_drain(a);
		else
			ck_assert_int_eq(neighbour_probe_again(a, p), 0);
	ck_assert_uint_ge(answer.n, n);
}

START_TEST(a_probe_finds_who_has_an_address)
{
	static const uint8_t mac[] = { 2, 0, 0, 0, 0, 2 };
	const struct probe_case *c = &probe_cases[_i];
	struct neighbour *a = open_neighbour(lan.a, "va");
	struct vrrp_ip sender = c->sender ? ip_of(c->sender) : (struct vrrp_ip){ 0 };
	struct vrrp_ip target = ip_of(c->target);
	struct neighbour_probe p;

	ck_assert_int_eq(neighbour_probe_begin(a, &p, &sender, &target, on_answer), 0);
	if (c->answered) {
		ask_for_answers(a, &p, 1);
		ck_assert_mem_eq(answer.mac, mac, sizeof(mac));
	}
	ck_assert_int_eq(neighbour_probe_again(a, &p), 0);
	if (c->answered)
		ask_for_answers(a, &p, answer.n + 1);
	else
		expect_no_answer(a);
	neighbour_probe_end(a, &p);
	neighbour_close(a);
}
END_TEST

/* Several at once; one may end in its own callback; and afterwards nothing wakes the loop. */
START_TEST(a_probe_that_ended_hears_nothing)
{
	struct neighbour *a = open_neighbour(lan.a, "va"), *b = open_neighbour(lan.b, "vb");
	struct vrrp_ip two = ip_of("10.9.0.2"), nobody = ip_of("10.9.0.77");
	struct neighbour_probe p, q;
	struct neighbour_frame f;

	neighbour_build_garp(&f, NEIGHBOUR_REQUEST, neighbour_mac(b), &two);
	answer.stop = a;
	ck_assert_int_eq(neighbour_probe_begin(a, &p, NULL, &two, on_answer), 0);
	ck_assert_int_eq(neighbour_probe_begin(a, &q, NULL, &nobody, on_answer), 0);
	ask_for_answers(a, &p, 1);
	ck_assert_int_eq(neighbour_send(b, &f), 0);
	usleep(10000);
	neighbour_drain(a);
	ck_assert_uint_eq(answer.n, 1);
	/* one that nobody reads before the end is no answer to the next */
	ck_assert_int_eq(neighbour_send(b, &f), 0);
	usleep(10000);
	neighbour_probe_end(a, &q);
	neighbour_drain(a);
	ck_assert_int_eq(neighbour_send(b, &f), 0);
	ck_assert(!readable(neighbour_fd(a), 50 * CLOCK_MS));
	ck_assert_uint_eq(answer.n, 1);
	neighbour_close(a);
	neighbour_close(b);
}
END_TEST

START_TEST(neighbours_say_why_they_cannot_be_told)
{
	netns_enter(lan.a);
	ck_assert_ptr_null(neighbour_open("lo", why, sizeof(why)));
	ck_assert_msg(strstr(why, "interface lo") && strstr(why, "no Ethernet"), "%s", why);
	ck_assert_ptr_null(neighbour_open("eth9", why, sizeof(why)));
	ck_assert_msg(strstr(why, "no such interface"), "%s", why);
	netns_give_up_root();
	ck_assert_ptr_null(neighbour_open("va", why, sizeof(why)));
	ck_assert_msg(strstr(why, "CAP_NET_RAW"), "%s", why);
}
END_TEST

START_TEST(announcing_where_there_is_no_link_fails_at_once)
{
	struct neighbour *a = open_neighbour(lan.a, "va");
	struct vrrp_ip ip = ip_of("10.9.0.100"), target = ip_of("10.9.0.2");
	struct neighbour_frame f;
	struct neighbour_probe p;

	neighbour_build_garp(&f, NEIGHBOUR_REQUEST, neighbour_mac(a), &ip);
	netns_run("ip link set va down");
	ck_assert_int_eq(neighbour_send(a, &f), ENETDOWN);
	ck_assert_int_eq(neighbour_probe_begin(a, &p, NULL, &target, on_answer), ENETDOWN);
	netns_run("ip link del va");
	ck_assert_int_eq(neighbour_send(a, &f), ENXIO);
	neighbour_drain(a);
	ck_assert_uint_eq(answer.n, 0);
	neighbour_close(a);
}
END_TEST

/* ---- memory ---- */

static void ignore(void *arg, const struct watch_event *e)
{
	(void)arg;
	(void)e;
}

static void count(void *arg, const struct wire_packet *p)
{
	*(unsigned *)arg += p->discard == VRRP_TAKEN;
}

/* Whatever a master does again and again. */
START_TEST(what_is_done_again_and_again_allocates_nothing)
{
	struct wire *a = open_wire(lan.a, "va", false, false);
	struct wire *b = open_wire(lan.b, "vb", false, false);
	struct neighbour *n = open_neighbour(lan.a, "va");
	struct address_socket *s = address_open(why, sizeof(why));
	struct watch *w = watch_open(address_port(s), ignore, NULL, why, sizeof(why));
	struct vrrp_ip ip = ip_of("10.9.0.100"), two = ip_of("10.9.0.2");
	struct neighbour_frame f;
	struct neighbour_probe p;
	static struct watch_link va;
	struct vrrp_format format = format_v4();
	struct vrrp_ip own = ip_of("10.9.0.1");
	unsigned before, after, i, failed = 0, heard = 0;
	struct address_lease l;
	uint8_t adv[128];
	size_t n_adv;

	ck_assert(watch_add(w, &va, "va"));
	ck_assert(address_lease_init(&l, va.index, &ip, 32, 5));
	neighbour_build_garp(&f, NEIGHBOUR_REQUEST, neighbour_mac(n), &ip);
	n_adv = vrrp_packet_build_ipv4(&format, 200, &own, vrrp_group(false), adv, sizeof(adv));
	before = allocations;
	/* No assertion within: those allocate. */
	for (i = 0; i < 10; i++) {
		failed += wire_send(a, vrrp_group(false), adv, n_adv) != 0;
		failed += address_add(s, &l) != 0;
		failed += address_renew(s, &l) != 0;
		failed += neighbour_send(n, &f) != 0;
		failed += neighbour_probe_begin(n, &p, NULL, &two, on_answer) != 0;
		failed += !readable(wire_fd(b), PATIENCE_US);
		failed += wire_receive(b, count, &heard) != 1;
		neighbour_drain(n);
		neighbour_probe_end(n, &p);
		watch_drain(w);
		failed += watch_find(&va, &ip) == NULL;
		failed += address_delete(s, &l) != 0;
	}
	after = allocations;
	ck_assert_uint_eq(failed, 0);
	ck_assert_uint_eq(heard, 10);
	ck_assert_uint_eq(after, before);
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
	neighbour_close(n);
	wire_close(a);
	wire_close(b);
}
END_TEST

/* The counter counts, or the test before would show nothing. */
START_TEST(opening_is_seen_to_allocate)
{
	unsigned before = allocations, after;

	address_close(address_open(why, sizeof(why)));
	after = allocations;
	if (COUNTED)
		ck_assert_uint_gt(after, before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp shells");
	TCase *t = tcase_create("wire and neighbours");

	tcase_set_timeout(t, 4 * PATIENCE_US / CLOCK_SEC);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, r03_multicast_ipv4_reaches_the_other_and_not_ourselves);
	tcase_add_test(t, r07_multicast_ipv6_comes_from_the_link_local_address);
	tcase_add_test(t, r07_the_chosen_source_is_the_one_that_is_used);
	tcase_add_test(t, a_late_reader_learns_when_each_packet_came);
	tcase_add_test(t, one_call_reads_all_that_came_in_order);
	tcase_add_test(t, unicast_hears_what_is_sent_to_it_and_no_multicast);
	tcase_add_test(t, a_wire_hears_its_interface_alone);
	tcase_add_test(t, a_wire_says_why_it_cannot_be_opened);
	tcase_add_test(t, sending_where_there_is_no_link_fails_at_once);
	tcase_add_loop_test(t, r54_an_announcement_changes_the_neighbours_entry, 0,
			    LENGTH(announce_cases));
	tcase_add_loop_test(t, a_probe_finds_who_has_an_address, 0, LENGTH(probe_cases));
	tcase_add_test(t, a_probe_that_ended_hears_nothing);
	tcase_add_test(t, neighbours_say_why_they_cannot_be_told);
	tcase_add_test(t, announcing_where_there_is_no_link_fails_at_once);
	tcase_add_test(t, what_is_done_again_and_again_allocates_nothing);
	tcase_add_test(t, opening_is_seen_to_allocate);
	suite_add_tcase(s, t);
	return netns_run_suite(s);
}
