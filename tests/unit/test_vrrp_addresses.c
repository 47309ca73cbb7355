/* Addresses and what the kernel says of them and of links, against the real kernel, in
 * namespaces of the test's own. */
#include <check.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "netns_lan.h"
#include "vrrp/address.h"
#include "vrrp/watch.h"

#define LENGTH(a) (int)(sizeof(a) / sizeof((a)[0]))

static struct netns_lan lan;
static char why[512];

static void setup(void)
{
	lan = netns_lan_make();
}

/* ---- addresses ---- */

/* By another way than the product's: what the C library says. */
static bool is_there(const char *text)
{
	struct vrrp_ip want = ip_of(text);
	struct ifaddrs *all, *i;
	bool found = false;

	ck_assert_int_eq(getifaddrs(&all), 0);
	for (i = all; i; i = i->ifa_next) {
		const struct sockaddr *sa = i->ifa_addr;
		const struct sockaddr_in *in = (const void *)sa;
		const struct sockaddr_in6 *in6 = (const void *)sa;

		if (sa && sa->sa_family == AF_INET && want.size == 4)
			found |= memcmp(&in->sin_addr, want.bytes, 4) == 0;
		if (sa && sa->sa_family == AF_INET6 && want.size == 16)
			found |= memcmp(&in6->sin6_addr, want.bytes, 16) == 0;
	}
	freeifaddrs(all);
	return found;
}

static struct address_socket *open_address(void)
{
	struct address_socket *s = address_open(why, sizeof(why));

	ck_assert_msg(s != NULL, "%s", why);
	return s;
}

static struct address_lease lease_of(const char *ip, uint8_t prefix, uint32_t lifetime_s)
{
	struct vrrp_ip address = ip_of(ip);
	struct address_lease l;

	ck_assert(address_lease_init(&l, (int)if_nametoindex("va"), &address, prefix, lifetime_s));
	return l;
}

static const struct lease_case {
	const char *ip;
	uint8_t prefix;
	unsigned lifetime_s;
} lease_cases[] = {
	{ "10.9.0.100", 32, 1 },
	{ "10.9.7.100", 24, 1 },
	{ "10.9.0.100", 32, 2 },
	{ "2001:db8:9::100", 128, 1 },
	{ "fe80::100", 64, 1 },
	{ "2001:db8:9::100", 128, 2 },
};

/* How many seconds the kernel gives it yet: 0 when it is gone. */
static unsigned seconds_left(const char *text)
{
	const char *at = strstr(netns_output("ip -o addr show dev va | grep -F ' %s/'", text),
				"valid_lft ");
	unsigned left = UINT_MAX; /* "forever" */

	if (!at)
		return 0;
	(void)sscanf(at, "valid_lft %usec", &left);
	return left;
}

/* The dead-man switch: there while it is renewed, and gone by the kernel alone afterwards, which
 * on a busy machine finds the time for it later. */
START_TEST(an_address_lives_as_long_as_it_is_renewed)
{
	const struct lease_case *c = &lease_cases[_i];
	struct address_socket *s = open_address();
	struct address_lease l = lease_of(c->ip, c->prefix, c->lifetime_s);
	uint64_t began = clock_now_us(), renewed, life;

	ck_assert(!is_there(c->ip));
	ck_assert_msg(address_add(s, &l) == 0, "%s", address_why(s));
	ck_assert(l.held);
	ck_assert_uint_ge(l.renewed_at, began);
	while (clock_now_us() - began < (c->lifetime_s + 1) * CLOCK_SEC) {
		renewed = l.renewed_at;
		/* Who comes too late himself has lost it; the next renewal makes it anew. */
		ck_assert(is_there(c->ip) || clock_now_us() - renewed > 800 * CLOCK_MS);
		ck_assert_int_eq(address_renew(s, &l), 0);
		usleep(100000);
	}
	ck_assert_int_eq(address_renew(s, &l), 0);
	ck_assert_uint_le(seconds_left(c->ip), c->lifetime_s);
	WAIT_FOR(!is_there(c->ip));
	life = clock_now_us() - l.renewed_at;
	printf("%s/%u with %u s: gone after %llu ms, renewed in %u us\n", c->ip, c->prefix,
	       c->lifetime_s, (unsigned long long)(life / CLOCK_MS), l.took_us);
	ck_assert_uint_ge(life, c->lifetime_s * CLOCK_SEC - 100 * CLOCK_MS);
	address_lease_free(&l);
	address_close(s);
}
END_TEST

START_TEST(an_address_can_be_added_and_deleted_at_any_time)
{
	const struct lease_case *c = &lease_cases[_i];
	struct address_socket *s = open_address();
	struct address_lease l = lease_of(c->ip, c->prefix, 5);

	ck_assert_int_eq(address_add(s, &l), 0);
	ck_assert_int_eq(address_add(s, &l), 0);
	ck_assert_int_eq(address_delete(s, &l), 0);
	ck_assert(!is_there(c->ip) && !l.held);
	ck_assert_int_eq(address_delete(s, &l), 0);
	ck_assert_int_eq(address_renew(s, &l), 0);
	ck_assert(is_there(c->ip) && l.held);
	netns_run("ip link del va");
	ck_assert_int_eq(address_renew(s, &l), ENODEV);
	ck_assert_msg(strstr(address_why(s), c->ip) && strstr(address_why(s), "gone"), "%s",
		      address_why(s));
	ck_assert_int_eq(address_delete(s, &l), 0);
	address_lease_free(&l);
	address_close(s);
}
END_TEST

/* Left behind without an end by somebody else, taken over, then gone by itself. */
START_TEST(an_adopted_address_gets_a_lifetime)
{
	struct address_socket *s = open_address();
	struct address_lease l;

	netns_run("ip addr add 10.9.0.100/32 dev va");
	l = lease_of("10.9.0.100", 32, 1);
	address_lease_adopt(&l);
	ck_assert(l.held);
	ck_assert_int_eq(address_renew(s, &l), 0);
	ck_assert(is_there("10.9.0.100"));
	WAIT_FOR(!is_there("10.9.0.100"));
	address_lease_free(&l);
	address_close(s);
}
END_TEST

START_TEST(a_refused_address_says_why)
{
	struct address_socket *s;
	struct address_lease l = lease_of("10.9.0.100", 32, 1);
	struct address_lease six = lease_of("2001:db8:9::100", 128, 1);

	netns_run("echo 1 >/proc/sys/net/ipv6/conf/va/disable_ipv6");
	s = open_address();
	ck_assert_int_ne(address_add(s, &six), 0);
	ck_assert_msg(strstr(address_why(s), "2001:db8:9::100/128") &&
		      strstr(address_why(s), "disable"), "%s", address_why(s));
	netns_give_up_root();
	address_close(s);
	s = open_address();
	ck_assert_int_eq(address_add(s, &l), EPERM);
	ck_assert_msg(strstr(address_why(s), "interface va") &&
		      strstr(address_why(s), "adding 10.9.0.100/32") &&
		      strstr(address_why(s), "CAP_NET_ADMIN"), "%s", address_why(s));
	ck_assert(!l.held);
	ck_assert_int_eq(address_delete(s, &l), EPERM);
	address_lease_free(&l);
	address_lease_free(&six);
	address_close(s);
}
END_TEST

/* ---- watching ---- */

#define EVENTS 64

struct seen {
	enum watch_what what;
	struct watch_address address;
	bool own;
	uint64_t at;
};

static struct seen seen[EVENTS];
static unsigned n_seen, n_settled;
static struct watch_link va;

/* The kernel tells of a new IPv6 address when it finds the time: on a busy machine a message about
 * one of va's own comes when it has long been in the mirror. No test renews those. */
static bool is_late_news(const struct watch_event *e)
{
	struct vrrp_ip site = ip_of("2001:db8:9::1"), link = ip_of("fe80::1");

	return e->what == WATCH_ADDRESS_RENEWED &&
	       (vrrp_ip_eq(&e->address->ip, &site) || vrrp_ip_eq(&e->address->ip, &link));
}

static void note(void *arg, const struct watch_event *e)
{
	(void)arg;
	if (is_late_news(e))
		return;
	if (e->what == WATCH_SETTLED) {
		ck_assert_ptr_null(e->link);
		n_settled++;
		return;
	}
	ck_assert_ptr_eq(e->link, &va);
	ck_assert_uint_lt(n_seen, EVENTS);
	seen[n_seen] = (struct seen){ .what = e->what, .own = e->own, .at = clock_now_us() };
	if (e->address)
		seen[n_seen].address = *e->address;
	n_seen++;
}

static struct watch *watch_va(struct address_socket *s)
{
	struct watch *w = watch_open(s ? address_port(s) : 0, note, NULL, why, sizeof(why));

	ck_assert_msg(w != NULL, "%s", why);
	ck_assert(watch_add(w, &va, "va"));
	ck_assert_uint_eq(n_seen, 0);
	return w;
}

static unsigned count_seen(enum watch_what what)
{
	unsigned i, n = 0;

	for (i = 0; i < n_seen; i++)
		n += seen[i].what == what;
	return n;
}

/* The kernel takes up to a second with some; the test no longer than it takes. */
static void drain_until(struct watch *w, enum watch_what what, unsigned n)
{
	uint64_t end = clock_now_us() + PATIENCE_US;

	while (count_seen(what) < n) {
		ck_assert_msg(clock_now_us() < end, "event %d did not come", (int)what);
		if (readable(watch_fd(w), 100 * CLOCK_MS))
			watch_drain(w);
	}
}

/* What must not come would have come by then. */
static void drain_for(struct watch *w, uint64_t us)
{
	uint64_t end = clock_now_us() + us, now;

	while ((now = clock_now_us()) < end)
		if (readable(watch_fd(w), end - now + CLOCK_MS))
			watch_drain(w);
}

static void expect_seen(unsigned i, enum watch_what what, const char *ip, uint8_t prefix)
{
	struct vrrp_ip want = ip_of(ip);

	ck_assert_uint_lt(i, n_seen);
	ck_assert_int_eq(seen[i].what, what);
	ck_assert(vrrp_ip_eq(&seen[i].address.ip, &want));
	ck_assert_uint_eq(seen[i].address.prefix, prefix);
}

START_TEST(the_mirror_is_right_from_the_start)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct vrrp_ip v4 = ip_of("10.9.0.1"), v6 = ip_of("fe80::1"), not = ip_of("10.9.0.2");
	struct watch *w = watch_va(NULL);
	struct watch_link none;

	ck_assert_int_eq(va.index, (int)if_nametoindex("va"));
	ck_assert(va.up && va.running && va.ethernet);
	ck_assert_mem_eq(va.mac, mac, sizeof(mac));
	ck_assert_uint_eq(va.mtu, 1500);
	ck_assert_uint_eq(va.n_addresses, 3);
	ck_assert_uint_eq(watch_find(&va, &v4)->prefix, 24);
	ck_assert_uint_eq(watch_find(&va, &v4)->lifetime_s, WATCH_FOREVER);
	ck_assert_uint_eq(watch_find(&va, &v6)->prefix, 64);
	ck_assert_ptr_null(watch_find(&va, &not));
	ck_assert_ptr_eq(watch_primary(&va, false, NULL, 0), watch_find(&va, &v4));
	ck_assert_ptr_eq(watch_primary(&va, true, NULL, 0), watch_find(&va, &v6));
	ck_assert_ptr_null(watch_primary(&va, false, &v4, 1));
	ck_assert(watch_add(w, &none, "eth9"));
	ck_assert(none.index == 0 && !none.up && !none.running && none.n_addresses == 0);
	watch_close(w);
}
END_TEST

static const struct event_case {
	const char *ip;
	uint8_t prefix;
} event_cases[] = { { "10.9.0.100", 32 }, { "2001:db8:9::100", 128 } };

/* IPv4 events name who asked; IPv6 ones do not, but the mark tells that the address is ours. */
START_TEST(own_changes_are_recognised)
{
	const struct event_case *c = &event_cases[_i];
	struct address_socket *s = open_address();
	struct address_lease l = lease_of(c->ip, c->prefix, 5);
	struct watch *w = watch_va(s);
	bool v4 = l.ip.size == 4;

	ck_assert_int_eq(address_add(s, &l), 0);
	drain_until(w, WATCH_ADDRESS_ADDED, 1);
	drain_for(w, 50 * CLOCK_MS);
	ck_assert_uint_eq(count_seen(WATCH_ADDRESS_ADDED), 1);
	n_seen = 1;
	ck_assert_int_eq(address_renew(s, &l), 0);
	ck_assert_int_eq(address_delete(s, &l), 0);
	ck_assert(readable(watch_fd(w), 0));
	n_settled = 0;
	watch_drain(w);
	ck_assert_uint_eq(n_seen, 3);
	expect_seen(0, WATCH_ADDRESS_ADDED, c->ip, c->prefix);
	expect_seen(1, WATCH_ADDRESS_RENEWED, c->ip, c->prefix);
	expect_seen(2, WATCH_ADDRESS_REMOVED, c->ip, c->prefix);
	ck_assert(seen[0].own == v4 && seen[1].own == v4 && seen[2].own == v4);
	ck_assert_uint_le(seen[1].address.lifetime_s, 5);
	ck_assert_uint_ge(seen[1].address.lifetime_s, 4);
	ck_assert_uint_eq(n_settled, 1);
	ck_assert_ptr_null(watch_find(&va, &l.ip));
	ck_assert(!readable(watch_fd(w), 0));
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
}
END_TEST

START_TEST(our_addresses_bear_a_mark)
{
	struct address_socket *s = open_address();
	struct address_lease l = lease_of(event_cases[_i].ip, event_cases[_i].prefix, 5);
	struct watch *w = watch_va(s);

	ck_assert_int_eq(address_add(s, &l), 0);
	drain_until(w, WATCH_ADDRESS_ADDED, 1);
	/* Before 5.18 there are no marks. */
	if (strstr(netns_output("ip -d addr show dev va; uname -r"), "proto"))
		ck_assert_uint_eq(watch_find(&va, &l.ip)->mark, ADDRESS_MARK);
	ck_assert_ptr_ne(watch_primary(&va, l.ip.size == 16, NULL, 0), watch_find(&va, &l.ip));
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
}
END_TEST

START_TEST(a_deletion_by_hand_is_noticed_and_mended_within_5_ms)
{
	const struct event_case *c = &event_cases[_i];
	struct address_socket *ours = open_address(), *somebody = open_address();
	struct address_lease l = lease_of(c->ip, c->prefix, 5);
	struct address_lease theirs = lease_of(c->ip, c->prefix, 5);
	struct watch *w = watch_va(ours);
	uint64_t began, mended, worst = 0, best = UINT64_MAX;
	int i;

	ck_assert_int_eq(address_add(ours, &l), 0);
	watch_drain(w);
	for (i = 0; i < 20; i++) {
		n_seen = 0;
		began = clock_now_us();
		ck_assert_int_eq(address_delete(somebody, &theirs), 0);
		drain_until(w, WATCH_ADDRESS_REMOVED, 1);
		expect_seen(n_seen - 1, WATCH_ADDRESS_REMOVED, c->ip, c->prefix);
		ck_assert(!seen[n_seen - 1].own && l.held);
		ck_assert_int_eq(address_add(ours, &l), 0);
		mended = clock_now_us() - began;
		ck_assert(is_there(c->ip));
		worst = mended > worst ? mended : worst;
		best = mended < best ? mended : best;
		watch_drain(w);
	}
	printf("%s: back %llu to %llu us after a deletion by hand\n", c->ip,
	       (unsigned long long)best, (unsigned long long)worst);
	/* The others may have had to wait for a busy machine. */
	ck_assert_uint_le(best, 5 * CLOCK_MS);
	address_lease_free(&l);
	address_lease_free(&theirs);
	watch_close(w);
	address_close(ours);
	address_close(somebody);
}
END_TEST

START_TEST(an_expiry_is_told)
{
	struct address_socket *s = open_address();
	struct address_lease l = lease_of(event_cases[_i].ip, event_cases[_i].prefix, 1);
	struct watch *w = watch_va(s);

	ck_assert_int_eq(address_add(s, &l), 0);
	watch_drain(w);
	n_seen = 0;
	drain_until(w, WATCH_ADDRESS_REMOVED, 1);
	expect_seen(n_seen - 1, WATCH_ADDRESS_REMOVED, event_cases[_i].ip, event_cases[_i].prefix);
	ck_assert(!seen[n_seen - 1].own);
	ck_assert_uint_ge(seen[n_seen - 1].at, l.renewed_at + 900 * CLOCK_MS);
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
}
END_TEST

START_TEST(a_cut_cable_is_told_and_its_return)
{
	struct watch *w = watch_va(NULL);
	uint32_t changes = va.carrier_changes;

	netns_enter(lan.b);
	netns_run("ip link set vb down");
	drain_until(w, WATCH_LINK_DOWN, 1);
	ck_assert_int_eq(seen[0].what, WATCH_LINK_DOWN);
	ck_assert(va.up && !va.running);
	ck_assert_uint_gt(va.carrier_changes, changes);
	n_seen = 0;
	netns_run("ip link set vb up");
	drain_until(w, WATCH_LINK_UP, 1);
	ck_assert(va.up && va.running);
	watch_close(w);
}
END_TEST

START_TEST(who_looks_sees_a_cut_cable_at_once)
{
	struct watch *w = watch_va(NULL);
	uint64_t began;

	ck_assert(watch_look(w, &va));
	ck_assert_uint_eq(n_seen, 0);
	netns_enter(lan.b);
	netns_run("ip link set vb down");
	began = clock_now_us();
	ck_assert(watch_look(w, &va));
	printf("looked in %llu us\n", (unsigned long long)(clock_now_us() - began));
	ck_assert_uint_eq(n_seen, 1);
	ck_assert_int_eq(seen[0].what, WATCH_LINK_DOWN);
	netns_run("ip link del vb");
	ck_assert(watch_look(w, &va));
	ck_assert_int_eq(seen[n_seen - 1].what, WATCH_LINK_GONE);
	ck_assert_int_eq(va.index, 0);
	watch_close(w);
}
END_TEST

START_TEST(an_interface_set_down_loses_its_ipv6_addresses)
{
	struct watch *w = watch_va(NULL);

	netns_run("ip link set va down");
	drain_until(w, WATCH_LINK_DOWN, 1);
	drain_until(w, WATCH_ADDRESS_REMOVED, 2);
	ck_assert(!va.up && !va.running && va.n_addresses == 1);
	watch_close(w);
}
END_TEST

START_TEST(a_deleted_interface_and_its_successor_are_told)
{
	struct watch *w = watch_va(NULL);
	int before = va.index;

	netns_run("ip link del va");
	drain_until(w, WATCH_LINK_GONE, 1);
	ck_assert_uint_eq(count_seen(WATCH_LINK_DOWN), 1);
	ck_assert_uint_eq(count_seen(WATCH_ADDRESS_REMOVED), 3);
	ck_assert_int_eq(seen[n_seen - 1].what, WATCH_LINK_GONE);
	ck_assert(va.index == 0 && va.n_addresses == 0 && !va.up && !va.running);
	n_seen = 0;
	netns_run("ip link add va type veth peer name vz && ip link set vz up && "
		  "ip link set va up && ip addr add 10.9.0.1/24 dev va");
	drain_until(w, WATCH_LINK_UP, 1);
	drain_until(w, WATCH_ADDRESS_ADDED, 1);
	ck_assert_int_eq(seen[0].what, WATCH_LINK_NEW);
	ck_assert_uint_eq(count_seen(WATCH_LINK_NEW), 1);
	ck_assert_uint_eq(count_seen(WATCH_LINK_UP), 1);
	ck_assert(va.index != 0 && va.index != before && va.running);
	ck_assert_ptr_nonnull(watch_primary(&va, false, NULL, 0));
	watch_close(w);
}
END_TEST

/* The kernel tells nothing of the addresses then. */
START_TEST(a_renamed_interface_takes_its_addresses_along)
{
	struct watch *w = watch_va(NULL);

	netns_run("ip link set va down && ip link set va name other");
	drain_until(w, WATCH_LINK_GONE, 1);
	ck_assert_int_eq(seen[n_seen - 1].what, WATCH_LINK_GONE);
	ck_assert(va.index == 0 && va.n_addresses == 0);
	n_seen = 0;
	netns_run("ip link set other name va");
	drain_until(w, WATCH_LINK_NEW, 1);
	ck_assert_int_eq(seen[0].what, WATCH_LINK_NEW);
	expect_seen(1, WATCH_ADDRESS_ADDED, "10.9.0.1", 24);
	ck_assert_uint_eq(va.n_addresses, 1);
	watch_close(w);
}
END_TEST

START_TEST(a_new_mac_is_told_and_a_bridge_is_no_departure)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct watch *w = watch_va(NULL);

	netns_run("ip link set va address 02:00:00:00:00:09");
	drain_until(w, WATCH_LINK_CHANGED, 1);
	ck_assert_mem_eq(va.mac, mac, sizeof(mac));
	netns_run("ip link add br0 type bridge && ip link set va master br0 && "
		  "ip link set va nomaster && ip link del br0");
	drain_for(w, 100 * CLOCK_MS);
	ck_assert_uint_eq(count_seen(WATCH_LINK_GONE) + count_seen(WATCH_LINK_NEW), 0);
	ck_assert(va.index != 0 && va.n_addresses == 3);
	watch_close(w);
}
END_TEST

/* Messages are lost when their queue is full; the mirror is right nevertheless. */
START_TEST(lost_messages_are_made_good)
{
	struct address_socket *s = open_address();
	struct address_lease l = lease_of("10.9.0.100", 32, 60), more[40];
	struct watch *w = watch_va(NULL);
	int size = 1, i;

	ck_assert_int_eq(setsockopt(watch_fd(w), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (i = 0; i < 40; i++) {
		more[i] = lease_of("10.9.1.0", 32, 60);
		address_lease_free(&more[i]);
		more[i].ip.bytes[3] = (uint8_t)i;
		ck_assert(address_lease_init(&more[i], l.ifindex, &more[i].ip, 32, 60));
		ck_assert_int_eq(address_add(s, &more[i]), 0);
	}
	ck_assert_int_eq(address_add(s, &l), 0);
	for (i = 1; i < 40; i++)
		ck_assert_int_eq(address_delete(s, &more[i]), 0);
	netns_run("ip addr del 10.9.0.1/24 dev va");
	watch_drain(w);
	ck_assert_uint_eq(watch_resyncs(w), 1);
	ck_assert_uint_eq(va.n_addresses, 4);
	ck_assert_ptr_nonnull(watch_find(&va, &l.ip));
	ck_assert_ptr_nonnull(watch_find(&va, &more[0].ip));
	ck_assert_ptr_null(watch_find(&va, &more[20].ip));
	ck_assert_uint_eq(watch_primary(&va, false, NULL, 0)->prefix, 32);
	ck_assert_uint_eq(n_settled, 1);
	for (i = 0; i < 40; i++)
		address_lease_free(&more[i]);
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
}
END_TEST

/* ---- the prefix ---- */

static const struct prefix_case {
	const char *ip;
	uint8_t written;
	const char *there[3];
	uint8_t prefixes[3];
	uint8_t wanted;
} prefix_cases[] = {
	{ "10.9.0.100", 24, { "10.9.0.1" }, { 24 }, 32 },
	{ "10.9.0.100", 24, { "10.9.0.1" }, { 32 }, 32 },
	{ "10.9.0.100", 24, { "10.9.0.1" }, { 16 }, 32 },
	{ "10.9.0.100", 24, { "10.8.0.1" }, { 24 }, 24 },
	{ "10.9.0.100", 24, { NULL }, { 0 }, 24 },
	{ "10.9.0.100", 26, { "10.9.0.1" }, { 26 }, 26 }, /* .64/26 is another network */
	{ "10.9.0.100", 26, { "10.9.0.127" }, { 26 }, 32 },
	{ "10.9.0.100", 24, { "10.9.0.100" }, { 24 }, 24 }, /* itself */
	{ "10.9.0.100", 24, { "10.9.0.101" }, { 32 }, 24 }, /* ours, standing alone */
	{ "10.9.0.100", 24, { "10.9.0.101" }, { 24 }, 32 }, /* ours, which brought the network */
	{ "10.9.0.100", 32, { NULL }, { 0 }, 32 },
	{ "10.9.0.100", 24, { "2001:db8::1" }, { 64 }, 24 },
	{ "2001:db8::100", 64, { "2001:db8::1" }, { 64 }, 128 },
	{ "2001:db8::100", 64, { "fe80::1", "2001:db9::1" }, { 64, 64 }, 64 },
	{ "fe80::100", 64, { "2001:db8::1", "fe80::1" }, { 64, 64 }, 128 },
	{ "10.9.0.100", 0, { "1.2.3.4" }, { 8 }, 32 },
};

START_TEST(a_virtual_address_stands_alone_beside_another_of_its_network)
{
	const struct prefix_case *c = &prefix_cases[_i];
	struct vrrp_ip ours[] = { ip_of("10.9.0.100"), ip_of("10.9.0.101") }, ip = ip_of(c->ip);
	struct watch_link l = { .n_addresses = 0 };

	for (; l.n_addresses < 3 && c->there[l.n_addresses]; l.n_addresses++) {
		l.addresses[l.n_addresses].ip = ip_of(c->there[l.n_addresses]);
		l.addresses[l.n_addresses].prefix = c->prefixes[l.n_addresses];
	}
	ck_assert_uint_eq(address_choose_prefix(&ip, c->written, &l, ours, 2), c->wanted);
}
END_TEST

START_TEST(the_first_address_goes_and_the_virtual_one_stays)
{
	struct address_socket *s = open_address();
	struct vrrp_ip ip = ip_of("10.9.0.100");
	struct watch *w = watch_va(s);
	struct address_lease l;

	l = lease_of("10.9.0.100", address_choose_prefix(&ip, 24, &va, &ip, 1), 5);
	ck_assert_int_eq(address_add(s, &l), 0);
	netns_run("ip addr del 10.9.0.1/24 dev va");
	ck_assert(is_there("10.9.0.100"));
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
}
END_TEST

START_TEST(a_virtual_address_alone_brings_its_network)
{
	struct address_socket *s = open_address();
	struct vrrp_ip ip = ip_of("10.7.0.100");
	struct watch *w = watch_va(s);
	struct address_lease l;

	l = lease_of("10.7.0.100", address_choose_prefix(&ip, 24, &va, &ip, 1), 5);
	ck_assert_int_eq(address_add(s, &l), 0);
	ck_assert_ptr_nonnull(strstr(netns_output("ip route"), "10.7.0.0/24 dev va"));
	address_lease_free(&l);
	watch_close(w);
	address_close(s);
}
END_TEST

/* New connections of the node never come from a virtual address, and its host address leaves
 * no route behind. */
START_TEST(a_virtual_ipv6_address_is_never_a_source)
{
	struct address_socket *s = open_address();
	struct address_lease l = lease_of("2001:db8:9::100", 128, 5);

	ck_assert_int_eq(address_add(s, &l), 0);
	ck_assert_ptr_nonnull(strstr(netns_output("ip -6 route get 2001:db8:9::2"),
				     "src 2001:db8:9::1 "));
	ck_assert_ptr_null(strstr(netns_output("ip -6 route show dev va"), "2001:db8:9::100"));
	/* That it is its own the kernel enters a moment later. */
	WAIT_FOR(strstr(netns_output("ip -6 route show table local"), "2001:db8:9::100 dev va"));
	ck_assert_ptr_null(strstr(netns_output("ip -6 addr show dev va"), "tentative"));
	address_lease_free(&l);
	address_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp addresses");
	TCase *t = tcase_create("addresses and their watch");

	tcase_set_timeout(t, 4 * PATIENCE_US / CLOCK_SEC);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, an_address_lives_as_long_as_it_is_renewed, 0, LENGTH(lease_cases));
	tcase_add_loop_test(t, an_address_can_be_added_and_deleted_at_any_time, 0,
			    LENGTH(lease_cases));
	tcase_add_test(t, an_adopted_address_gets_a_lifetime);
	tcase_add_test(t, a_refused_address_says_why);
	tcase_add_test(t, the_mirror_is_right_from_the_start);
	tcase_add_loop_test(t, own_changes_are_recognised, 0, LENGTH(event_cases));
	tcase_add_loop_test(t, our_addresses_bear_a_mark, 0, LENGTH(event_cases));
	tcase_add_loop_test(t, a_deletion_by_hand_is_noticed_and_mended_within_5_ms, 0,
			    LENGTH(event_cases));
	tcase_add_loop_test(t, an_expiry_is_told, 0, LENGTH(event_cases));
	tcase_add_test(t, a_cut_cable_is_told_and_its_return);
	tcase_add_test(t, who_looks_sees_a_cut_cable_at_once);
	tcase_add_test(t, an_interface_set_down_loses_its_ipv6_addresses);
	tcase_add_test(t, a_deleted_interface_and_its_successor_are_told);
	tcase_add_test(t, a_renamed_interface_takes_its_addresses_along);
	tcase_add_test(t, a_new_mac_is_told_and_a_bridge_is_no_departure);
	tcase_add_test(t, lost_messages_are_made_good);
	tcase_add_loop_test(t, a_virtual_address_stands_alone_beside_another_of_its_network, 0,
			    LENGTH(prefix_cases));
	tcase_add_test(t, the_first_address_goes_and_the_virtual_one_stays);
	tcase_add_test(t, a_virtual_address_alone_brings_its_network);
	tcase_add_test(t, a_virtual_ipv6_address_is_never_a_source);
	suite_add_tcase(s, t);
	return netns_run_suite(s);
}
