/* What good virtual routers become. What is said to bad ones is in tests/golden. */
#include "conf_rig.h"

#include <stdio.h>

#define BEGIN RIG_FRONTENDS RIG_BACKENDS "vrrp = ( "
#define ONE "{ name = \"V1\"; interface = \"eth0\"; virtual_router_id = 51; priority = 250; "
#define VIP "virtual_addresses = ( \"192.0.2.1/24\" ); "
#define END "} );\n"

static const struct conf_vrrp *only(struct rig *r)
{
	ck_assert_uint_eq(r->conf->n_vrrp, 1);
	return &r->conf->vrrp[0];
}

START_TEST(without_the_list_there_is_none)
{
	struct rig r = {0};

	rig_good(&r, RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_uint_eq(r.conf->n_vrrp, 0);
	rig_free(&r);
	rig_good(&r, RIG_FRONTENDS RIG_BACKENDS "vrrp = ( );\n");
	ck_assert_uint_eq(r.conf->n_vrrp, 0);
	rig_free(&r);
}
END_TEST

START_TEST(defaults_hold_when_nothing_is_said)
{
	struct rig r = {0};
	const struct conf_vrrp *v;

	rig_good(&r, BEGIN ONE VIP END);
	v = only(&r);
	ck_assert_strs(v->name, "V1");
	ck_assert_strs(v->interface, "eth0");
	ck_assert_uint_eq(v->virtual_router_id, 51);
	ck_assert_uint_eq(v->priority, 250);
	ck_assert_uint_eq(v->version, 3);
	ck_assert_uint_eq(v->interval, 100000);
	ck_assert(v->preempt && !v->authenticated && !v->unicast && !v->ipv6);
	ck_assert(!v->strict_addresses);
	ck_assert_int_eq(v->checksum, 0);
	ck_assert_uint_eq(v->preempt_delay, 0);
	ck_assert_uint_eq(v->garp_count, 5);
	ck_assert_uint_eq(v->garp_interval, 0);
	ck_assert_uint_eq(v->garp_refresh, 60000000);
	ck_assert_uint_eq(v->proxy_grace, 500000);
	ck_assert_uint_eq(v->notify.n, 0);
	ck_assert_uint_eq(v->n_tracks, 0);
	ck_assert_uint_eq(v->n_peers, 0);
	ck_assert_uint_eq(v->source.family_bytes, 0);
	rig_free(&r);
}
END_TEST

START_TEST(version_2_has_its_own_interval_and_a_password)
{
	struct rig r = {0};

	rig_good(&r, BEGIN ONE VIP "version = 2; strict_addresses = true; authentication: "
				   "{ type = \"pass\"; password = \"se\" \"cret\"; };" END);
	ck_assert_uint_eq(only(&r)->version, 2);
	ck_assert_uint_eq(only(&r)->interval, 1000000);
	ck_assert(only(&r)->authenticated && only(&r)->strict_addresses);
	ck_assert_strs(only(&r)->password, "secret");
	rig_free(&r);
}
END_TEST

/* The ends of what each version can do. */
static const struct {
	unsigned version;
	const char *written;
	uint64_t us;
} intervals[] = {
	{2, "1s", 1000000}, {2, "2000ms", 2000000},   {2, "255s", 255000000}, {2, "4m", 240000000},
	{3, "10ms", 10000}, {3, "40950ms", 40950000}, {3, "40s", 40000000},
};

START_TEST(intervals_are_taken)
{
	struct rig r = {0};
	char text[1024];

	snprintf(text, sizeof(text),
		 BEGIN ONE VIP "version = %u; advertisement_interval = \"%s\";" END,
		 intervals[_i].version, intervals[_i].written);
	rig_good(&r, text);
	ck_assert_uint_eq(only(&r)->interval, intervals[_i].us);
	rig_free(&r);
}
END_TEST

static unsigned priority_at(const char *node)
{
	struct rig r = {0};
	unsigned priority;

	r.source.host_name = str_of(node);
	rig_good(&r,
		 BEGIN "{ name = \"V1\"; interface = \"eth0\"; virtual_router_id = 51; priority: "
		       "{ lb1 = 250; lb2 = 0xf0; lb3 = 255; }; " VIP END);
	priority = only(&r)->priority;
	rig_free(&r);
	return priority;
}

START_TEST(priority_is_this_nodes)
{
	struct rig r = {0};

	ck_assert_uint_eq(priority_at("lb1"), 250);
	ck_assert_uint_eq(priority_at("lb2"), 240);
	ck_assert_uint_eq(priority_at("lb3"), 255);
	r.source.host_name = STR("lb1");
	rig_good(&r, "node = \"lb2\";\n" BEGIN
		     "{ name = \"V1\"; interface = \"eth0\"; virtual_router_id = 51; priority: "
		     "{ lb1 = 250; lb2 = 240; }; " VIP END);
	ck_assert_uint_eq(only(&r)->priority, 240); /* what the file says, not the host name */
	rig_free(&r);
}
END_TEST

START_TEST(addresses_keep_their_order_and_text)
{
	static const uint8_t third[] = {10, 0, 0, 9};
	struct rig r = {0};
	const struct conf_vrrp_address *a;

	rig_good(&r, BEGIN ONE "virtual_addresses_excluded = ( \"10.0.0.9/31\" );\n"
			       "virtual_addresses = ( \"192.0.2.7/24\", \"192.0.2.1\" );" END);
	ck_assert_uint_eq(only(&r)->n_addresses, 3);
	a = only(&r)->addresses;
	ck_assert_strs(a[0].text, "192.0.2.7/24");
	ck_assert_uint_eq(a[0].net.prefix, 24);
	ck_assert_uint_eq(a[0].net.bytes[3], 7); /* the host's bits stay */
	ck_assert_uint_eq(a[1].net.prefix, 32);
	ck_assert(a[0].advertised && a[1].advertised && !a[2].advertised);
	ck_assert_mem_eq(a[2].net.bytes, third, 4);
	rig_free(&r);
}
END_TEST

START_TEST(ipv6_has_addresses_of_16_bytes)
{
	struct rig r = {0};

	rig_good(&r, BEGIN ONE "virtual_addresses = ( \"fe80::64/64\", \"2001:db8::1\" );" END);
	ck_assert(only(&r)->ipv6);
	ck_assert_uint_eq(only(&r)->addresses[0].net.family_bytes, 16);
	ck_assert_uint_eq(only(&r)->addresses[0].net.prefix, 64);
	ck_assert_uint_eq(only(&r)->addresses[1].net.prefix, 128);
	rig_free(&r);
}
END_TEST

/* R63: the families are independent, and so are interfaces. */
START_TEST(one_id_may_stand_once_a_family_and_interface)
{
	struct rig r = {0};

	rig_good(&r, BEGIN ONE VIP
		 "},\n"
		 "{ name = \"V2\"; interface = \"eth0\"; virtual_router_id = 51; priority = 250;"
		 " virtual_addresses = ( \"fe80::1\" ); },\n"
		 "{ name = \"V3\"; interface = \"eth1\"; virtual_router_id = 51; priority = "
		 "250; " VIP END);
	ck_assert_uint_eq(r.conf->n_vrrp, 3);
	rig_free(&r);
}
END_TEST

START_TEST(unicast_has_its_nodes)
{
	struct rig r = {0};

	rig_good(&r, BEGIN ONE VIP "unicast: { source = \"192.0.2.11\"; "
				   "peers = ( \"192.0.2.12\", \"192.0.2.13\" ); };" END);
	ck_assert(only(&r)->unicast);
	ck_assert_uint_eq(only(&r)->source.family_bytes, 4);
	ck_assert_uint_eq(only(&r)->source.bytes[3], 11);
	ck_assert_uint_eq(only(&r)->n_peers, 2);
	ck_assert_uint_eq(only(&r)->peers[1].bytes[3], 13);
	rig_free(&r);
}
END_TEST

START_TEST(trackers_have_what_is_theirs)
{
	struct rig r = {0};
	const struct conf_track *t;

	rig_good(&r, RIG_FRONTENDS
		 "backends = ( { name = \"app\"; check: { tcp = true; interval = \"3s\"; }; "
		 "servers = (\n"
		 "{ name = \"a\"; address = \"10.0.0.1:1\"; check = false; },\n"
		 "{ name = \"b\"; address = \"10.0.0.2:1\"; check: { interval = \"5s\"; }; },\n"
		 "{ name = \"c\"; address = \"10.0.0.3:1\"; } ); } );\n"
		 "vrrp = ( " ONE VIP "track = ( { interface = \"eth1\"; weight = -20; },\n"
		 "{ script = \"/bin/sh\"; }, { script = \"/bin/ls\"; interval = \"4s\"; timeout = "
		 "\"1s\";"
		 " rise = 2; fall = 3; weight = 7; },\n"
		 "{ proxy = true; grace = \"2s\"; }, { backend = \"app\"; weight = -30; } );" END);
	ck_assert_uint_eq(only(&r)->n_tracks, 4);
	ck_assert_uint_eq(only(&r)->proxy_grace, 2000000);
	t = only(&r)->tracks;
	ck_assert_int_eq(t[0].kind, CONF_TRACK_INTERFACE);
	ck_assert_strs(t[0].name, "eth1");
	ck_assert_int_eq(t[0].weight, -20);
	ck_assert_int_eq(t[1].kind, CONF_TRACK_SCRIPT);
	ck_assert_int_eq(t[1].weight, 0);
	ck_assert_uint_eq(t[1].interval, 2000000);
	ck_assert_uint_eq(t[1].timeout, 2000000);
	ck_assert(t[1].rise == 1 && t[1].fall == 1);
	ck_assert_uint_eq(t[2].timeout, 1000000);
	ck_assert(t[2].rise == 2 && t[2].fall == 3 && t[2].weight == 7);
	ck_assert_int_eq(t[3].kind, CONF_TRACK_BACKEND);
	ck_assert_strs(t[3].name, "app");
	ck_assert_int_eq(t[3].weight, -30);
	ck_assert_uint_eq(t[3].hold, 5000000);
	rig_free(&r);
}
END_TEST

/* Whatever stands where a password is meant, no message repeats it. */
static const char *const hidden[] = {
	"password = hidden;",
	"password = 5hidden;",
	"password = 'hidden';",
	"password = \"hidden;",
	"password = \"x\"hidden\";",
	"password = \"x\" hidden;",
	"password = \"x\" \"y\" hidden.hidden;",
	"password = ( hidden );",
	"password = [ \"hidden\", 5 ];",
	"password = { a = hidden; };",
	"password = { a = \"x\"; hidden };",
	"password = ( { a = 1; }, hidden );",
	"password = ( ( ( hidden",
	"password = \"hidden\\n\";",
	"password: hidden;",
	"password =\n hidden;",
	"password = /* x */ hidden;",
	"password = 1.5hidden;",
	"password = true.hidden;",
	"password = @hidden;",
	"pasword = hidden;",
	"passwords = hidden;",
	"auth_pass = hidden;",
	"password = \"hidden\"; password = \"hidden\";",
	"password = \"hiddenhidden\"; type = 5;",
	"password = 0xhidden;",
	"password = -hidden;",
};

START_TEST(no_message_shows_a_password)
{
	struct rig r = {0};
	char text[1024];

	snprintf(text, sizeof(text),
		 BEGIN ONE VIP "version = 2; authentication: { type = \"pass\"; %s };" END,
		 hidden[_i]);
	rig_parse(&r, text);
	ck_assert_str_ne(r.said, "");
	if (strstr(r.said, "idde"))
		ck_abort_msg("%s: %s", hidden[_i], r.said);
	rig_free(&r);
}
END_TEST

/* What stands behind a password is named again. */
START_TEST(other_messages_show_what_is_wrong)
{
	struct rig r = {0};

	rig_parse(&r, BEGIN ONE VIP
		  "version = 2; authentication: { password = \"x\"; type = pass; };" END);
	ck_assert_ptr_nonnull(strstr(r.said, "\"pass\" stands without quotes"));
	rig_free(&r);
	rig_parse(&r, BEGIN ONE VIP
		  "version = 2; authentication: { password = \"x\" type = pass; };" END);
	ck_assert_ptr_nonnull(strstr(r.said, "\"pass\" stands without quotes"));
	rig_free(&r);
	rig_parse(&r, BEGIN ONE VIP "version = 2; authentication: { password = \"x\" } vip;" END);
	ck_assert_ptr_nonnull(strstr(r.said, "\"vip\""));
	rig_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf vrrp");
	TCase *t = tcase_create("vrrp");

	tcase_add_test(t, without_the_list_there_is_none);
	tcase_add_test(t, defaults_hold_when_nothing_is_said);
	tcase_add_test(t, version_2_has_its_own_interval_and_a_password);
	tcase_add_loop_test(t, intervals_are_taken, 0, sizeof(intervals) / sizeof(intervals[0]));
	tcase_add_test(t, priority_is_this_nodes);
	tcase_add_test(t, addresses_keep_their_order_and_text);
	tcase_add_test(t, ipv6_has_addresses_of_16_bytes);
	tcase_add_test(t, one_id_may_stand_once_a_family_and_interface);
	tcase_add_test(t, unicast_has_its_nodes);
	tcase_add_test(t, trackers_have_what_is_theirs);
	tcase_add_loop_test(t, no_message_shows_a_password, 0, sizeof(hidden) / sizeof(hidden[0]));
	tcase_add_test(t, other_messages_show_what_is_wrong);
	suite_add_tcase(s, t);
	return rig_run(s);
}
