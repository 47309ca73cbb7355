/* The loader against a real directory, and its role against a socket. */
#include "conf_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/sections.h"
#include "ipc/brief.h"
#include "ipc/bundle.h"
#include "ipc/msg.h"
#include "loader/file.h"
#include "loader/loader.h"
#include "loader/program.h"
#include "net/digest.h"

static char folder[64];

static void folder_make(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_loader.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void folder_remove(void)
{
	char command[128];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

/* What loader_check() says; the caller frees. */
static char *check(const char *path, int status)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(loader_check(path, out), status);
	fclose(out);
	return text;
}

static void check_says(const char *path, int status, const char *said)
{
	char *text = check(path, status);

	if (!strstr(text, said))
		ck_abort_msg("\"%s\" is not in: %s", said, text);
	free(text);
}

/* --- what is refused --- */

START_TEST(what_is_no_plain_file_is_refused)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(mkdir("d", 0700), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0); /* without a writer: must not wait */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	check_says("d", 1, "d: cannot be read: it is a directory");
	check_says("fifo", 1, "fifo: cannot be read: it is no plain file");
	check_says("/dev/null", 1, "it is no plain file");
	check_says("socket", 1, "socket: cannot be read: No such device or address");
	check_says("none", 1, "none: cannot be read: No such file or directory");
	check_says("none/x", 1, "none/x: cannot be read: No such file or directory");
	close(fd);
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
	int fd = open("big", O_CREAT | O_WRONLY, 0600);

	ck_assert_int_eq(ftruncate(fd, FILE_SIZE_MAX + 1), 0);
	close(fd);
	check_says("big", 1, "it has more than 16 MiB");
}
END_TEST

/* Each file is small enough, and yet they are too much together. */
START_TEST(what_grows_by_including_is_refused)
{
	char *big = malloc((6 << 20) + 1);

	memset(big, '#', 6 << 20);
	big[6 << 20] = '\0';
	put("big", big);
	free(big);
	put("c", "@include \"big\"\n@include \"big\"\n@include \"big\"\n");
	check_says("c", 1, "with what it includes the configuration has more than 16 MiB");
}
END_TEST

START_TEST(what_includes_without_end_is_refused)
{
	char name[16], text[512];

	/* Ten levels of ten includes each would be ten thousand million files. */
	for (int level = 0; level < 10; level++) {
		size_t n = 0;

		for (int i = 0; i < 10; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "@include \"f%d\"\n",
					      level + 1);
		snprintf(name, sizeof(name), "f%d", level);
		put(name, text);
	}
	put("f10", "# the last\n");
	check_says("f0", 1, "files are included");
}
END_TEST

START_TEST(what_nobody_may_read_is_refused)
{
	if (geteuid() != 0)
		return;
	put("c", RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_int_eq(chmod("c", 0600), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (fork() == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		check_says("c", 1, "c: cannot be read: Permission denied; make it readable");
		_exit(0);
	}
	int status;

	wait(&status);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- what is read --- */

struct read {
	struct arena arena;
	struct conf_source source;
	struct diags diags;
};

static void read_in(struct read *r, const char *path)
{
	arena_init(&r->arena, 4096, 0);
	diags_init(&r->diags);
	ck_assert(loader_read(path, &r->arena, &r->source, &r->diags));
}

static void read_out(struct read *r)
{
	diags_free(&r->diags);
	arena_free(&r->arena);
}

START_TEST(includes_are_flattened)
{
	static const struct {
		unsigned file, line;
	} want[] = { { 0, 1 }, { 1, 1 }, { 2, 1 }, { 1, 3 }, { 0, 3 }, { 2, 1 }, { 0, 5 } };
	struct read r;

	ck_assert_int_eq(mkdir("d", 0700), 0);
	ck_assert_int_eq(mkdir("d/e", 0700), 0);
	put("c", "# 1\n@include \"d/one\" # here\n# 3\n  @include \"d/e/two\"\n# 5");
	put("d/one", "# one 1\n@include \"e/two\"\r\n# one 3\n");
	put("d/e/two", "# two 1");
	read_in(&r, "c");
	ck_assert_strs(r.source.text, "# 1\n# one 1\n# two 1\n# one 3\n# 3\n# two 1\n# 5\n");
	ck_assert_uint_eq(r.source.n_paths, 3);
	ck_assert_strs(r.source.paths[0], "c");
	ck_assert_strs(r.source.paths[1], "d/one");
	ck_assert_strs(r.source.paths[2], "d/e/two");
	ck_assert_uint_eq(r.source.n_lines, sizeof(want) / sizeof(want[0]));
	for (unsigned i = 0; i < r.source.n_lines; i++) {
		ck_assert_uint_eq(r.source.lines[i].file, want[i].file);
		ck_assert_uint_eq(r.source.lines[i].line, want[i].line);
	}
	read_out(&r);
}
END_TEST

START_TEST(full_paths_are_taken_as_they_are)
{
	struct read r;
	char text[256];

	put("two", "# two\n");
	ck_assert_int_eq(mkdir("d", 0700), 0);
	snprintf(text, sizeof(text), "@include \"%s/two\"\n", folder);
	put("d/c", text);
	read_in(&r, "d/c");
	ck_assert_strs(r.source.text, "# two\n");
	read_out(&r);
}
END_TEST

START_TEST(value_files_are_read_beside_the_configuration)
{
	struct read r;

	ck_assert_int_eq(mkdir("d", 0700), 0);
	put("d/values", "/a\n/b\n");
	put("d/c", "acls: { a = \"path -f values\"; b = \"path -i -f values\"; };\n");
	read_in(&r, "d/c");
	ck_assert_uint_eq(r.source.n_files, 1);
	ck_assert_strs(r.source.files[0].path, "values");
	ck_assert_strs(r.source.files[0].content, "/a\n/b\n");
	read_out(&r);
}
END_TEST

START_TEST(host_names_are_resolved_once)
{
	struct read r;
	char text[ADDR_TEXT];

	put("c",
	    "s = ( { address = \"localhost:80\"; }, { address = \"LOCALHOST:81\"; },\n"
	    "{ address = \"127.0.0.1:80\"; }, { address = \"no-such-host.invalid:1\"; } );\n");
	read_in(&r, "c");
	ck_assert_uint_eq(r.source.n_names, 2);
	ck_assert_strs(r.source.names[0].host, "localhost");
	ck_assert_uint_gt(r.source.names[0].addr.len, 0);
	addr_format_host(&r.source.names[0].addr, text, sizeof(text));
	ck_assert(strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0);
	ck_assert_uint_eq(addr_port(&r.source.names[0].addr), 0);
	ck_assert_uint_eq(r.source.names[1].addr.len, 0);
	ck_assert_ptr_nonnull(r.source.names[1].why);
	read_out(&r);
}
END_TEST

START_TEST(machine_is_looked_at)
{
	struct read r;

	put("c", "");
	read_in(&r, "c");
	ck_assert_uint_ge(r.source.cpus, 1);
	ck_assert_uint_gt(r.source.host_name.n, 0);
	ck_assert_int_lt(str_find_char(r.source.host_name, '.'), 0);
	read_out(&r);
}
END_TEST

/* What would keep the daemon from starting is told by a check. */
START_TEST(log_file_without_a_directory_is_told)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "log: { target = \"file:%s/none/log\"; };\n" RIG_FRONTENDS RIG_BACKENDS, folder);
	put("c", text);
	check_says("c", 0, "c:1: warning: there is no directory \"");
	ck_assert_int_eq(mkdir("none", 0755), 0);
	check_says("c", 0, "0 warnings");
	ck_assert_int_eq(mkdir("none/log", 0755), 0);
	check_says("c", 0, "/none/log\" is a directory");
	put("c", "log: { target = \"file:/log-of-test\"; };\n" RIG_FRONTENDS RIG_BACKENDS);
	check_says("c", 0, "0 warnings");
}
END_TEST

START_TEST(good_file_is_counted)
{
	put("c", RIG_FRONTENDS RIG_BACKENDS);
	char *text = check("c", 0);

	ck_assert_str_eq(text, "c: good: 1 frontend, 1 backend, 1 server, 0 warnings\n");
	free(text);
}
END_TEST

/* --- the role --- */

/* In a process of its own, as the supervisor runs it: its messages fill a socket. */
static pid_t role_start(const char *path, int *sock)
{
	int pair[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(pair[0]);
		_exit(loader_main(pair[1], path));
	}
	close(pair[1]);
	*sock = pair[0];
	return pid;
}

static int role_end(pid_t pid, int sock)
{
	int status;

	close(sock);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *const bundled =
	"node = \"lb9\"; proxy: { threads = 2; max_connections = 77; grace = \"4s\"; };\n"
	"log: { target = \"stderr\"; facility = \"local3\"; };\n"
	"control: { socket = \"/tmp/c.sock\"; }; admin: { listen = \"*:84\"; };\n"
	"frontends = ( { name = \"one\"; bind = ( \"127.0.0.1:81\", \"[::1]:82\" );"
	" default_backend = \"app\"; },\n"
	" { name = \"two\"; bind = ( \"unix:/tmp/x\" ); routes = ( { when = \"path /\";"
	" backend = \"app\"; } ); } );\n"
	"backends = ( { name = \"app\"; check: { http = \"GET /\"; interval = \"3s\"; };"
	" servers = ( { name = \"a\"; address = \"127.0.0.1:1\"; check: { timeout = \"7s\"; }; },"
	" { name = \"b\"; address = \"127.0.0.1:2\"; } ); } );\n";

static void check_manifest(const struct manifest *m)
{
	char sha[65], text[ADDR_TEXT];

	ck_assert_str_eq(m->node, "lb9");
	ck_assert_str_eq(m->config_file, "c");
	digest_sha256_hex(str_of(bundled), sha);
	ck_assert_str_eq(m->config_sha256, sha);
	ck_assert_uint_eq(m->threads, 2);
	ck_assert_uint_eq(m->max_connections, 77);
	ck_assert_uint_eq(m->servers, 2);
	ck_assert_uint_eq(m->grace_us, 4000000);
	ck_assert_uint_eq(m->prepare_us, 12000000);
	ck_assert_str_eq(m->log_target, "stderr");
	ck_assert_int_eq(m->log_facility, 19 << 3);
	ck_assert_str_eq(m->control_socket, "/tmp/c.sock");
	ck_assert_uint_eq(m->n_listeners, 3);
	ck_assert_str_eq(m->listeners[0].text, "127.0.0.1:81");
	ck_assert_str_eq(m->listeners[1].text, "[::1]:82");
	ck_assert_str_eq(m->listeners[2].text, "unix:/tmp/x");
	ck_assert_uint_eq(m->listeners[1].frontend, 0);
	ck_assert_uint_eq(m->listeners[2].frontend, 1);
	addr_format(&m->listeners[1].addr, text, sizeof(text));
	ck_assert_str_eq(text, "[::1]:82");
	ck_assert_uint_gt(m->listeners[0].backlog, 1000);
	ck_assert_uint_eq(m->has_admin, 1);
	ck_assert_str_eq(m->listeners[3].text, "0.0.0.0:84");
	ck_assert_str_eq(m->listeners[3].frontend_name, "");
}

static void check_sections(struct str bytes)
{
	struct conf_source source;
	struct arena arena;
	struct diags diags;
	struct conf *conf;

	arena_init(&arena, 4096, 0);
	diags_init(&diags);
	ck_assert(conf_source_decode(bytes, &arena, &source));
	conf = conf_parse(&source, &diags);
	ck_assert_ptr_nonnull(conf);
	ck_assert_strs(conf->frontends[1].name, "two");
	conf_unref(conf);
	diags_free(&diags);
	arena_free(&arena);
}

START_TEST(good_file_becomes_a_bundle)
{
	char *buf = malloc(MSG_TEXT_MAX + 1);
	const struct manifest *m;
	const char *why = NULL;
	struct msg msg;
	size_t size;
	int sock;
	pid_t pid;

	put("c", bundled);
	pid = role_start("c", &sock);
	ck_assert_int_eq(msg_recv(sock, &msg, buf), MSG_OK);
	ck_assert_int_eq(msg.type, MSG_BUNDLE);
	ck_assert_uint_eq(msg.n_fds, 3);
	ck_assert_ptr_nonnull(strstr(buf, "c:5: warning: a frontend without default_backend"));
	m = bundle_map(msg.fds[0], &size, &why);
	ck_assert_msg(m != NULL, "%s", why);
	check_manifest(m);
	check_sections(bundle_sections(m));
	bundle_unmap(m, size);
	msg_close_fds(&msg);
	ck_assert_int_eq(msg_recv(sock, &msg, buf), MSG_EOF);
	ck_assert_int_eq(role_end(pid, sock), 0);
	free(buf);
}
END_TEST

/* --- virtual routers --- */

#define SECRET "hid" "den\"12"

static const char *const routed =
	"node = \"lb1\"; # password = \"hidden\"\n"
	"frontends = ( { name = \"web\"; bind = ( \"127.0.0.1:81\", \"192.0.2.1:80\","
	" \"192.0.2.9:80\", \"*:82\" ); default_backend = \"app\"; } );\n"
	"backends = ( { name = \"app\"; check: { tcp = true; interval = \"3s\"; };\n"
	" servers = ( { name = \"a\"; address = \"127.0.0.1:1\"; check: { interval = \"4s\"; }; },"
	" { name = \"b\"; address = \"127.0.0.1:2\"; } ); } );\n"
	"vrrp = ( { name = \"VI_1\"; interface = \"eth0\"; virtual_router_id = 51; version = 2;\n"
	" priority: { lb1 = 250; lb2 = 240; }; preempt_delay = \"7s\"; strict_addresses = true;\n"
	" authentication: { type = \"pass\"; password = \"hid\" /* hidden */\n"
	"@include \"rest\"\n"
	" \"34\"; };\n"
	" virtual_addresses = ( \"192.0.2.1/24\" );\n"
	" virtual_addresses_excluded = ( \"192.0.2.9\" );\n"
	" unicast: { source = \"192.0.2.11\"; peers = ( \"192.0.2.12\" ); };\n"
	" garp: { count = 3; interval = \"20ms\"; refresh = \"0s\"; }; notify = \"/bin/cat\";\n"
	" track = ( { interface = \"eth1\"; weight = -20; },\n"
	"  { script = \"/bin/sh\"; interval = \"1s\"; timeout = \"500ms\"; rise = 2;"
	" fall = 3; },\n"
	"  { backend = \"app\"; weight = 5; }, { proxy = true; grace = \"1s\"; } ); },\n"
	" { name = \"VI_2\"; interface = \"eth1\"; virtual_router_id = 51; priority = 255;\n"
	" virtual_addresses = ( \"fe80::1/64\" ); preempt = false; notify = \"/bin/cat\";\n"
	" track = ( { script = \"/bin/sh\"; interval = \"1s\"; timeout = \"500ms\"; } ); },\n"
	" { name = \"VI_3\"; interface = \"eth1\"; virtual_router_id = 52; priority = 9;\n"
	" checksum = \"message\"; virtual_addresses = ( \"198.51.100.1\" ); } );\n";

static void check_first_router(const struct brief_router *r)
{
	static const uint8_t vip[] = { 192, 0, 2, 1 };

	ck_assert_str_eq(r->name, "VI_1");
	ck_assert_str_eq(r->interface, "eth0");
	ck_assert_uint_eq(r->version, 2);
	ck_assert_uint_eq(r->vrid, 51);
	ck_assert_uint_eq(r->priority, 250);
	ck_assert(r->preempt && r->accept && r->has_password && r->unicast && r->strict_list);
	ck_assert(!r->ipv6 && !r->plain_checksum);
	ck_assert_mem_eq(r->password, SECRET, BRIEF_PASSWORD);
	ck_assert_uint_eq(r->interval_us, 1000000);
	ck_assert_uint_eq(r->preempt_delay_us, 7000000);
	ck_assert_uint_eq(r->garp_count, 3);
	ck_assert_uint_eq(r->garp_interval_us, 20000);
	ck_assert_uint_eq(r->garp_refresh_us, 0);
	ck_assert_uint_eq(r->proxy_grace_us, 1000000);
	ck_assert_uint_eq(r->settle_us, 2000000);
	ck_assert_uint_eq(r->n_addresses, 2);
	ck_assert_mem_eq(r->addresses[0].ip.bytes, vip, 4);
	ck_assert_uint_eq(r->addresses[0].prefix, 24);
	ck_assert(r->addresses[0].advertised && !r->addresses[1].advertised);
	ck_assert_str_eq(r->addresses[0].text, "192.0.2.1/24");
	ck_assert_str_eq(r->addresses[1].text, "192.0.2.9");
	ck_assert_uint_eq(r->addresses[1].prefix, 32);
	ck_assert_uint_eq(r->n_peers, 1);
	ck_assert_uint_eq(r->peers[0].bytes[3], 12);
	ck_assert_uint_eq(r->unicast_source.bytes[3], 11);
}

static void check_tracks(const struct brief_router *r)
{
	const struct brief_track *t = r->tracks;

	ck_assert_uint_eq(r->n_tracks, 3);
	ck_assert_uint_eq(t[0].kind, BRIEF_TRACK_INTERFACE);
	ck_assert_str_eq(t[0].name, "eth1");
	ck_assert_int_eq(t[0].weight, -20);
	ck_assert_uint_eq(t[0].program, BRIEF_NONE);
	ck_assert_uint_eq(t[1].kind, BRIEF_TRACK_SCRIPT);
	ck_assert_str_eq(t[1].name, "/bin/sh");
	ck_assert_int_eq(t[1].weight, 0);
	ck_assert_uint_eq(t[1].program, 0);
	ck_assert_uint_eq(t[1].rise, 2);
	ck_assert_uint_eq(t[1].fall, 3);
	ck_assert_uint_eq(t[2].kind, BRIEF_TRACK_BACKEND);
	ck_assert_uint_eq(t[2].hold_us, 4000000);
	ck_assert_uint_eq(r->notify, 1);
}

static void check_brief(int fd)
{
	const char *why = NULL;
	const struct brief *b = brief_map(fd, &why);

	ck_assert_msg(b != NULL, "%s", why);
	ck_assert_uint_eq(b->n_routers, 3);
	check_first_router(&b->routers[0]);
	check_tracks(&b->routers[0]);
	ck_assert(b->routers[1].ipv6 && !b->routers[1].preempt && !b->routers[1].has_password);
	ck_assert_uint_eq(b->routers[1].version, 3);
	ck_assert_uint_eq(b->routers[1].priority, 255);
	ck_assert_uint_eq(b->routers[1].interval_us, 100000);
	ck_assert_uint_eq(b->routers[1].garp_refresh_us, 60000000);
	ck_assert_uint_eq(b->routers[1].proxy_grace_us, 500000);
	ck_assert_uint_eq(b->routers[1].tracks[0].program, 0); /* shared */
	ck_assert_uint_eq(b->routers[1].notify, 1);
	ck_assert(b->routers[2].plain_checksum);
	ck_assert_uint_eq(b->routers[2].notify, BRIEF_NONE);
	brief_unmap(b);
}

static void check_programs(const struct manifest *m)
{
	ck_assert_uint_eq(m->n_routers, 3);
	ck_assert_uint_eq(m->n_programs, 2);
	ck_assert_uint_eq(m->programs[0].kind, MANIFEST_SCRIPT);
	ck_assert_str_eq(m->programs[0].path, "/bin/sh");
	ck_assert_uint_eq(m->programs[0].interval_us, 1000000);
	ck_assert_uint_eq(m->programs[0].timeout_us, 500000);
	ck_assert_uint_eq(m->programs[1].kind, MANIFEST_NOTIFY);
	ck_assert_str_eq(m->programs[1].path, "/bin/cat");
	ck_assert_uint_eq(m->programs[1].timeout_us, 60000000);
	ck_assert_uint_eq(m->listeners[0].freebind, 0);
	ck_assert_uint_eq(m->listeners[1].freebind, 1);
	ck_assert_uint_eq(m->listeners[2].freebind, 1);
	ck_assert_uint_eq(m->listeners[3].freebind, 0);
}

/* The bundle's bytes, every one of them, hold no part of the password. */
static void check_blotted(const struct manifest *m, size_t size)
{
	struct str all = { (const char *)m, size };

	ck_assert_int_lt(str_find(all, STR("hid")), 0);
	ck_assert_int_lt(str_find(all, STR("den")), 0);
	ck_assert_int_ge(str_find(all, STR("password = \"*\"")), 0);
}

static void put_routed(void)
{
	put("rest", "  \"\\x64en\\\"\" # the \\ rest\n\"12\"\n");
	put("c", routed);
}

START_TEST(routers_become_a_brief)
{
	char *buf = malloc(MSG_TEXT_MAX + 1);
	const struct manifest *m;
	const char *why = NULL;
	struct msg msg;
	size_t size;
	int sock;
	pid_t pid;

	put_routed();
	pid = role_start("c", &sock);
	ck_assert_int_eq(msg_recv(sock, &msg, buf), MSG_OK);
	ck_assert_msg(msg.type == MSG_BUNDLE, "%s", buf);
	ck_assert_uint_eq(msg.n_fds, 3);
	ck_assert_ptr_null(strstr(buf, "hid"));
	m = bundle_map(msg.fds[0], &size, &why);
	ck_assert_msg(m != NULL, "%s", why);
	check_programs(m);
	check_blotted(m, size);
	check_brief(msg.fds[1]);
	bundle_unmap(m, size);
	msg_close_fds(&msg);
	ck_assert_int_eq(role_end(pid, sock), 0);
	free(buf);
}
END_TEST

/* What the proxy makes of the bundle is what the loader made of the file. */
START_TEST(blotted_text_means_the_same)
{
	char *buf = malloc(MSG_TEXT_MAX + 1);
	struct conf_source source;
	const struct manifest *m;
	const char *why = NULL;
	struct arena arena;
	struct diags diags;
	struct conf *conf;
	struct msg msg;
	size_t size;
	int sock;
	pid_t pid;

	put_routed();
	pid = role_start("c", &sock);
	ck_assert_int_eq(msg_recv(sock, &msg, buf), MSG_OK);
	m = bundle_map(msg.fds[0], &size, &why);
	ck_assert_msg(m != NULL, "%s", why);
	arena_init(&arena, 4096, 0);
	diags_init(&diags);
	ck_assert(conf_source_decode(bundle_sections(m), &arena, &source));
	conf = conf_parse(&source, &diags);
	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->n_vrrp, 3);
	ck_assert_uint_eq(conf->vrrp[0].priority, 250);
	ck_assert(conf->vrrp[0].authenticated);
	ck_assert_strs(conf->vrrp[0].password, "****");
	ck_assert_uint_eq(conf->vrrp[2].line, 21);
	conf_unref(conf);
	diags_free(&diags);
	arena_free(&arena);
	bundle_unmap(m, size);
	msg_close_fds(&msg);
	role_end(pid, sock);
	free(buf);
}
END_TEST

/* More scripts than the manifest has places for. */
START_TEST(too_many_programs_are_refused)
{
	char *text = malloc(65536);
	size_t n = 0;

	n += (size_t)snprintf(text, 65536, RIG_FRONTENDS RIG_BACKENDS "vrrp = (\n");
	for (int i = 0; i < 13; i++) {
		n += (size_t)snprintf(text + n, 65536 - n,
				      "%s{ name = \"V%d\"; interface = \"e%d\"; priority = 9;"
				      " virtual_router_id = 1; track = ( ",
				      i ? ", " : "", i, i);
		for (int j = 0; j < 5; j++) {
			snprintf(text + n, 65536 - n, "%s/p%d", folder, i * 5 + j);
			put(text + n, "");
			ck_assert_int_eq(chmod(text + n, 0755), 0);
			n += (size_t)snprintf(text + n, 65536 - n,
					      "%s{ script = \"%s/p%d\"; }", j ? ", " : "", folder,
					      i * 5 + j);
		}
		n += (size_t)snprintf(text + n, 65536 - n, " );"
				      " virtual_addresses = ( \"10.1.1.1\" ); }\n");
	}
	snprintf(text + n, 65536 - n, " );\n");
	put("c", text);
	check_says("c", 1, "more than 64 different scripts, external checks and notification");
	check_says("c", 1, "c: bad: 1 error, ");
	free(text);
}
END_TEST

static void program_is(const char *name, mode_t mode, enum program_verdict want, const char *said)
{
	char path[128], why[PROGRAM_WHY] = "";

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(chmod(path, mode), 0);
	ck_assert_int_eq(program_judge(path, why), want);
	if (!strstr(why, said))
		ck_abort_msg("\"%s\" is not in: %s", said, why);
}

START_TEST(programs_are_judged)
{
	char path[128];

	ck_assert_int_eq(chmod(".", 0755), 0);
	put("p", "#!/bin/sh\n");
	program_is("p", 0755, PROGRAM_GOOD, "");
	program_is("p", 0644, PROGRAM_BAD, "it is not executable; run chmod 755");
	program_is("p", 0700, PROGRAM_DOUBTFUL, "the user nobody");
	program_is("p", 0757, PROGRAM_DOUBTFUL, "everybody, who is not root, may change");
	ck_assert_int_eq(symlink("p", "link"), 0);
	program_is("link", 0757, PROGRAM_DOUBTFUL, "everybody");
	program_is("p", 0755, PROGRAM_GOOD, "");
	ck_assert_int_eq(chmod(".", 0777), 0);
	program_is("p", 0755, PROGRAM_DOUBTFUL, folder);
	snprintf(path, sizeof(path), "%s/p", folder);
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_int_eq(chown(path, 65534, 0), 0);
	program_is("p", 0755, PROGRAM_DOUBTFUL, "its owner, who is not root, may change");
	ck_assert_int_eq(chown(path, 0, 65534), 0);
	program_is("p", 0775, PROGRAM_DOUBTFUL, "its group, who is not root, may change");
}
END_TEST

START_TEST(bad_file_becomes_faults)
{
	char *buf = malloc(MSG_TEXT_MAX + 1);
	struct msg msg;
	int sock;
	pid_t pid;

	put("c", "nod = \"a\";\n" RIG_FRONTENDS);
	pid = role_start("c", &sock);
	ck_assert_int_eq(msg_recv(sock, &msg, buf), MSG_OK);
	ck_assert_int_eq(msg.type, MSG_FAULTS);
	ck_assert_uint_eq(msg.n_fds, 0);
	ck_assert_ptr_nonnull(strstr(buf, "c:1: unknown setting \"nod\""));
	ck_assert_ptr_nonnull(strstr(buf, "c:1: \"backends\" is missing"));
	ck_assert_int_eq(msg_recv(sock, &msg, buf), MSG_EOF);
	ck_assert_int_eq(role_end(pid, sock), 1);
	free(buf);
}
END_TEST

/* More mistakes than one message holds: none is lost, no line is cut. */
START_TEST(many_faults_take_several_messages)
{
	char *buf = malloc(MSG_TEXT_MAX + 1), *text = malloc(200000);
	unsigned lines = 0, messages = 0;
	struct msg msg;
	size_t n = 0;
	int sock;
	pid_t pid;

	for (int i = 0; i < 3000; i++)
		n += (size_t)snprintf(text + n, 200000 - n, "xyzzy%d = 1;\n", i);
	snprintf(text + n, 200000 - n, RIG_FRONTENDS RIG_BACKENDS);
	put("c", text);
	pid = role_start("c", &sock);
	while (msg_recv(sock, &msg, buf) == MSG_OK) {
		ck_assert_int_eq(msg.type, MSG_FAULTS);
		ck_assert(str_begins(msg.text, STR("c:")) && str_ends(msg.text, STR("\n")));
		for (size_t i = 0; i < msg.text.n; i++)
			lines += msg.text.p[i] == '\n';
		messages++;
	}
	ck_assert_uint_eq(lines, 3000);
	ck_assert_uint_gt(messages, 1);
	ck_assert_int_eq(role_end(pid, sock), 1);
	free(buf);
	free(text);
}
END_TEST

START_TEST(supervisor_that_left_is_no_crash)
{
	int pair[2];

	put("c", bundled);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	close(pair[0]);
	ck_assert_int_eq(loader_main(pair[1], "c"), 1);
	close(pair[1]);
}
END_TEST

START_TEST(digest_is_sha256)
{
	char out[65];

	digest_sha256_hex(STR("abc"), out);
	ck_assert_str_eq(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256_hex(STR(""), out);
	ck_assert_str_eq(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

static TCase *tcase_in_folder(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, folder_make, folder_remove);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	Suite *s = suite_create("loader");
	TCase *t = tcase_in_folder(s, "refused");

	tcase_add_test(t, what_is_no_plain_file_is_refused);
	tcase_add_test(t, what_is_too_large_is_refused);
	tcase_add_test(t, what_grows_by_including_is_refused);
	tcase_add_test(t, what_includes_without_end_is_refused);
	tcase_add_test(t, what_nobody_may_read_is_refused);
	t = tcase_in_folder(s, "read");
	tcase_add_test(t, includes_are_flattened);
	tcase_add_test(t, full_paths_are_taken_as_they_are);
	tcase_add_test(t, value_files_are_read_beside_the_configuration);
	tcase_add_test(t, host_names_are_resolved_once);
	tcase_add_test(t, machine_is_looked_at);
	tcase_add_test(t, log_file_without_a_directory_is_told);
	tcase_add_test(t, good_file_is_counted);
	t = tcase_in_folder(s, "programs");
	tcase_add_test(t, too_many_programs_are_refused);
	tcase_add_test(t, programs_are_judged);
	t = tcase_in_folder(s, "role");
	tcase_add_test(t, good_file_becomes_a_bundle);
	tcase_add_test(t, routers_become_a_brief);
	tcase_add_test(t, blotted_text_means_the_same);
	tcase_add_test(t, bad_file_becomes_faults);
	tcase_add_test(t, many_faults_take_several_messages);
	tcase_add_test(t, supervisor_that_left_is_no_crash);
	tcase_add_test(t, digest_is_sha256);
	return rig_run(s);
}
