/* The program hpcbalctl as it was built, against a daemon that this test plays. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/control.h"
#include "ipc/limit_board.h"

enum role {
	BOARDS,       /* as the daemon does */
	OTHER_LAYOUT, /* a daemon of another version */
	NO_BOARDS,
	DIES,	      /* in the middle of its answer */
	REFUSES,      /* with a text and status 1 */
	RELOADS,      /* with a text and warnings */
	TAKES_OVER,   /* the answer to demote, in three steps; boards to status */
	TWO_ROUTERS,  /* likewise, of two, one of which stays master */
	ODD_STEPS,    /* likewise, with packets that cannot be read between them */
	DIES_LATE,    /* likewise, behind two steps */
	REFUSED_DEMOTION, /* likewise, with a text and status 1 */
	RUDE,	      /* with control characters, packets that nobody knows, an absurd status */
};

static char dir[] = "/tmp/hpcbalctl-XXXXXX";
static char socket_path[64], config_path[64];
static const char *program;
static int listener = -1;

static enum role role;
static char asked[CONTROL_REQUEST_MAX];
static size_t n_asked;
static pthread_t daemon_thread;

static char out[65536], err[65536];
static int exit_status;

static int make_board(const char *name, size_t size, void **map)
{
	int fd = board_create(name, size, map), reader;

	ck_assert_int_ge(fd, 0);
	reader = board_reader(fd);
	ck_assert_int_ge(reader, 0);
	close(fd);
	return reader;
}

/* Demote and promote ask for the boards first. */
static bool asked_twice(void)
{
	return role >= TAKES_OVER && role <= REFUSED_DEMOTION;
}

static void fill_router(struct board_vrrp *v, unsigned at, const char *name)
{
	strcpy(v->routers[at].facts.name, name);
	strcpy(v->routers[at].facts.interface, "eth0");
	v->routers[at].facts.state = BOARD_ROUTER_BACKUP;
	stats_set(v->routers[at].used, 1);
}

static void send_boards(int client)
{
	struct board_supervisor *s;
	struct board_proxy *p;
	struct board_vrrp *v;
	void *map;
	struct board_limits *l;
	int fds[CONTROL_BOARDS], at;

	fds[0] = make_board("supervisor", sizeof(*s), &map);
	s = map;
	fds[1] = make_board("proxy", sizeof(*p), &map);
	p = map;
	fds[2] = make_board("vrrp", sizeof(*v), &map);
	v = map;
	fds[3] = make_board("limits", sizeof(*l), &map);
	l = map;
	strcpy(s->node, "lb7");
	strcpy(s->version, "9.8.7");
	snprintf(s->config_file, sizeof(s->config_file), "%s", config_path);
	stats_set(s->process[BOARD_PROXY].pid, 1);
	stats_set(s->process[BOARD_PROXY].running, 1);
	stats_set(p->backends[board_backend_slot(p, STR("web"))].current, BOARD_CURRENT);
	at = board_server_slot(p, STR("web"), STR("w1"), STR("10.0.0.1:80"));
	stats_set(p->servers[at].current, BOARD_CURRENT);
	fill_router(v, 0, "VI_1");
	if (role == TWO_ROUTERS)
		fill_router(v, 1, "VI_2");
	if (role == OTHER_LAYOUT)
		s->head.layout++;
	ck_assert(control_send_boards(client, fds));
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		close(fds[i]);
	munmap(s, sizeof(*s));
	munmap(p, sizeof(*p));
	munmap(v, sizeof(*v));
	munmap(l, sizeof(*l));
}

static void send_odd(int client)
{
	control_send(client, 's', STR("VI_1\tsoon\tlost"));
	control_send(client, 's', STR("VI_1\t-3\tlost"));
	control_send(client, 's', STR("VI_1"));
	control_send(client, 's', STR_NONE);
	control_send(client, 'r', STR("VI_1\t10.0.0.1\t10.0.0.2\t0.4"));
	control_send(client, 'r', STR("\t\t\t\t\t"));
	control_send(client, 'r', STR_NONE);
}

static void take_over(int client)
{
	control_send(client, 's', STR("VI_1\t0\tadvertises priority 1, goes on serving"));
	control_send(client, 's', STR("VI_1\t12.7\t10.0.0.2 \x1b[2Jtakes over"));
	if (role == DIES_LATE)
		return;
	if (role == ODD_STEPS)
		send_odd(client);
	control_send(client, 's', STR("VI_1\t1234\tlets go"));
	control_send(client, 'r', STR("VI_1\t10.0.0.1\t10.0.0.2\t0.42\t1\tanother took over"));
	control_send_exit(client, CONTROL_DONE);
}

static void take_over_two(int client)
{
	control_send(client, 's', STR("VI_1\t0\tadvertises priority 1"));
	control_send(client, 's', STR("VI_2\t1\tadvertises priority 1"));
	control_send(client, 'r', STR("VI_2\t-\t-\t-\t0\tno peer took over"));
	control_send(client, 'r', STR("VI_1\t10.0.0.1\t10.0.0.2\t-\t1\tanother took over"));
	control_send_exit(client, CONTROL_REFUSED);
}

static void answer(int client)
{
	if (asked_twice() && strcmp(asked, "status") == 0) {
		send_boards(client);
		control_send_exit(client, CONTROL_DONE);
		return;
	}
	switch (role) {
	case TAKES_OVER:
	case ODD_STEPS:
	case DIES_LATE:
		take_over(client);
		break;
	case TWO_ROUTERS:
		take_over_two(client);
		break;
	case BOARDS:
	case OTHER_LAYOUT:
		send_boards(client);
		__attribute__((fallthrough));
	case NO_BOARDS:
		control_send_exit(client, CONTROL_DONE);
		break;
	case DIES:
		control_send(client, 'o', STR("half an ans"));
		break;
	case REFUSES:
	case REFUSED_DEMOTION:
		control_send(client, 'e', STR("/etc/hpcbal.conf:3: no such thing\n"));
		control_send_exit(client, CONTROL_REFUSED);
		break;
	case RELOADS:
		control_send(client, 'o', STR("reloaded: generation 4\n"));
		control_send(client, 'e', STR("a warning\n"));
		control_send_exit(client, CONTROL_DONE);
		break;
	case RUDE:
		control_send(client, 'q', STR("what?"));
		control_send(client, 'o', STR("a\x1b[2Jb\x7f\tc\n"));
		control_send(client, 'x', STR("\x55"));
		break;
	}
}

/* The words that were asked, with blanks between them. */
static const char *asked_words(void)
{
	for (size_t i = 0; i + 1 < n_asked; i++)
		if (!asked[i])
			asked[i] = ' ';
	return asked;
}

static void serve_one(void)
{
	int client = accept(listener, NULL, NULL);
	ssize_t n;

	if (client < 0)
		return;
	n = recv(client, asked, sizeof(asked) - 1, 0);
	n_asked = n > 0 ? (size_t)n : 0;
	asked[n_asked] = '\0';
	if (n > 0)
		answer(client);
	close(client);
}

static void *daemon_main(void *arg)
{
	(void)arg;
	serve_one();
	if (asked_twice())
		serve_one();
	return NULL;
}

static void listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strcpy(un.sun_path, path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	snprintf(config_path, sizeof(config_path), "%s/conf", dir);
	setenv("HPCBAL_SOCKET", socket_path, 1);
	asked[0] = '\0';
}

static void teardown(void)
{
	if (listener >= 0)
		close(listener);
	unlink(socket_path);
	unlink(config_path);
	rmdir(dir);
}

static void read_all(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t got;

	lseek(fd, 0, SEEK_SET);
	while (n + 1 < size && (got = read(fd, to + n, size - 1 - n)) > 0)
		n += (size_t)got;
	to[n] = '\0';
	close(fd);
}

static int temp_fd(void)
{
	return open(dir, O_TMPFILE | O_RDWR, 0600);
}

#define WORDS_MAX 6

/* NULL ends the words early. */
static void ctl_words(const char *const *words)
{
	char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t)program };
	int fd_out = temp_fd(), fd_err = temp_fd(), status;
	pid_t pid;

	for (unsigned i = 0; i < WORDS_MAX && words[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fd_out, 1);
		dup2(fd_err, 2);
		execv(program, argv);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
	exit_status = WEXITSTATUS(status);
	ck_assert_msg(exit_status != 127, "%s cannot be run", program);
	read_all(fd_out, out, sizeof(out));
	read_all(fd_err, err, sizeof(err));
}

static void ctl(const char *a, const char *b, const char *c, const char *d)
{
	const char *const words[WORDS_MAX] = { a, b, c, d };

	ctl_words(words);
}

static void ctl_words_with(enum role r, const char *const *words)
{
	role = r;
	listen_at(socket_path);
	ck_assert_int_eq(pthread_create(&daemon_thread, NULL, daemon_main, NULL), 0);
	ctl_words(words);
	pthread_join(daemon_thread, NULL);
}

static void ctl_with(enum role r, const char *a, const char *b, const char *c)
{
	const char *const words[WORDS_MAX] = { a, b, c };

	ctl_words_with(r, words);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#define EXPECT(status, in_out, in_err)                                                    \
	do {                                                                              \
		ck_assert_msg(exit_status == (status), "exit %d\n%s\n%s", exit_status, out, err); \
		ck_assert_msg(strstr(out, in_out) != NULL, "standard output:\n%s", out);  \
		ck_assert_msg(strstr(err, in_err) != NULL, "standard error:\n%s", err);   \
	} while (0)

START_TEST(status_and_servers)
{
	ctl_with(BOARDS, "status", NULL, NULL);
	EXPECT(0, "node      lb7: hpcbal 9.8.7", "");
	ck_assert_str_eq(asked, "status");
	ck_assert_str_eq(err, "");
	close(listener);
	unlink(socket_path);
	ctl_with(BOARDS, "servers", "web", NULL);
	EXPECT(0, "web/w1  10.0.0.1:80  STARTING", "");
	ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(json_before_or_behind)
{
	static const char *const words[][2] = { { "--json", "status" }, { "status", "--json" },
						{ "--json", "servers" }, { "servers", "--json" },
						{ "--json", "version" }, { "version", "--json" },
						{ "--json", "vrrp" },	 { "vrrp", "--json" },
						{ "--json", "events" },	 { "events", "--json" } };
	json_t *j;

	ctl_with(BOARDS, words[_i][0], words[_i][1], NULL);
	ck_assert_msg(exit_status == 0, "%s", err);
	j = json_loads(out, 0, NULL);
	ck_assert_msg(j != NULL, "%s", out);
	ck_assert(json_is_object(j));
	json_decref(j);
}
END_TEST

START_TEST(servers_of_an_unknown_backend)
{
	ctl_with(BOARDS, "servers", "wep", NULL);
	EXPECT(1, "", "hpcbalctl: there is no backend \"wep\"; did you mean \"web\"?\n");
	ck_assert_uint_eq(lines_of(err), 1);
}
END_TEST

START_TEST(vrrp_and_metrics)
{
	ctl_with(BOARDS, "vrrp", "VI_1", NULL);
	EXPECT(0, "VI_1 on eth0: BACKUP", "");
	close(listener);
	unlink(socket_path);
	ctl_with(BOARDS, "vrrp", "VI_2", NULL);
	EXPECT(1, "", "hpcbalctl: there is no virtual router \"VI_2\"; did you mean \"VI_1\"?\n");
	ck_assert_str_eq(out, "");
	close(listener);
	unlink(socket_path);
	ctl_with(BOARDS, "metrics", NULL, NULL);
	EXPECT(0, "\nhpcbal_build_info{version=\"9.8.7\",node=\"lb7\"} 1\n", "");
	ck_assert_str_eq(err, "");
}
END_TEST

/* ---- demote and promote ---- */

START_TEST(demote_tells_the_steps)
{
	static const enum role roles[] = { TAKES_OVER, ODD_STEPS };

	ctl_with(roles[_i], "demote", NULL, NULL);
	ck_assert_int_eq(exit_status, 0);
	ck_assert_str_eq(out, "    0 ms  advertises priority 1, goes on serving\n"
			      "   13 ms  10.0.0.2 ?[2Jtakes over\n"
			      " 1234 ms  lets go\n"
			      "VI_1: 10.0.0.1 \u2192 10.0.0.2, nobody answered for 0.4 ms\n");
	ck_assert_str_eq(err, "");
	ck_assert_str_eq(asked_words(), "demote");
}
END_TEST

START_TEST(demote_of_several)
{
	ctl_with(TWO_ROUTERS, "demote", NULL, NULL);
	ck_assert_int_eq(exit_status, 1);
	ck_assert_str_eq(out, "VI_1     0 ms  advertises priority 1\n"
			      "VI_2     1 ms  advertises priority 1\n"
			      "VI_1: 10.0.0.1 \u2192 10.0.0.2: another took over\n");
	ck_assert_str_eq(err, "hpcbalctl: VI_2: no peer took over\n");
}
END_TEST

START_TEST(demote_when_the_daemon_dies)
{
	ctl_with(DIES_LATE, "demote", NULL, NULL);
	EXPECT(1, "takes over\n", "ended before it had answered");
	ck_assert_uint_eq(lines_of(err), 1);
	close(listener);
	unlink(socket_path);
	ctl_with(DIES_LATE, "demote", "--json", NULL);
	EXPECT(1, "", "ended before it had answered");
	ck_assert_str_eq(out, "");
}
END_TEST

static void expect_document(const char *want)
{
	json_t *a = json_loads(want, 0, NULL), *b = json_loads(out, 0, NULL);

	ck_assert_ptr_nonnull(a);
	ck_assert_msg(b && json_equal(a, b), "%s", out);
	json_decref(a);
	json_decref(b);
}

START_TEST(demote_as_json)
{
	ctl_with(TAKES_OVER, "demote", "--json", NULL);
	ck_assert_int_eq(exit_status, 0);
	expect_document("{\"instance\":\"VI_1\",\"from\":\"10.0.0.1\",\"to\":\"10.0.0.2\","
			"\"steps\":[{\"ms\":0.0,\"what\":\"advertises priority 1, goes on "
			"serving\"},{\"ms\":12.7,\"what\":\"10.0.0.2 ?[2Jtakes over\"},"
			"{\"ms\":1234.0,\"what\":\"lets go\"}],\"gap_ms\":0.42,"
			"\"connections_kept\":null,\"done\":true,\"text\":\"another took over\"}");
	close(listener);
	unlink(socket_path);
	ctl_with(TWO_ROUTERS, "--json", "promote", NULL);
	EXPECT(1, "", "hpcbalctl: VI_2: no peer took over\n");
	expect_document("[{\"instance\":\"VI_2\",\"from\":null,\"to\":null,\"steps\":["
			"{\"ms\":1.0,\"what\":\"advertises priority 1\"}],\"gap_ms\":null,"
			"\"connections_kept\":null,\"done\":false,\"text\":\"no peer took over\"},"
			"{\"instance\":\"VI_1\",\"from\":\"10.0.0.1\",\"to\":\"10.0.0.2\","
			"\"steps\":[{\"ms\":0.0,\"what\":\"advertises priority 1\"}],"
			"\"gap_ms\":null,\"connections_kept\":null,\"done\":true,"
			"\"text\":\"another took over\"}]");
}
END_TEST

static const struct {
	const char *words[WORDS_MAX];
	const char *asked;
} requests[] = {
	{ { "demote" }, "demote" },
	{ { "demote", "VI_1" }, "demote instance=VI_1" },
	{ { "demote", "VI_1", "--for", "10m", "--force" },
	  "demote instance=VI_1 for=600000000 force" },
	{ { "--force", "--for=500ms", "demote" }, "demote for=500000 force" },
	{ { "demote", "--for", "2d" }, "demote for=172800000000" },
	{ { "promote" }, "promote" },
	{ { "promote", "VI_1", "--json" }, "promote instance=VI_1" },
};

START_TEST(demote_sends_words)
{
	ctl_words_with(TAKES_OVER, requests[_i].words);
	ck_assert_msg(exit_status == 0, "%s", err);
	ck_assert_str_eq(asked_words(), requests[_i].asked);
}
END_TEST

/* What the daemon says of a name that it does not know. */
START_TEST(demote_that_is_refused)
{
	ctl_with(REFUSED_DEMOTION, "demote", "VI_7", NULL);
	EXPECT(1, "", "no such thing\n");
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(daemons_that_misbehave)
{
	static const struct {
		enum role role;
		int status;
		const char *out, *err;
	} cases[] = {
		{ OTHER_LAYOUT, 1, "", "layout of another version" },
		{ NO_BOARDS, 1, "", "has not handed out its boards" },
		{ DIES, 1, "half an ans", "ended before it had answered" },
		{ RUDE, 1, "a?[2Jb?\tc\n", "" },
	};

	ctl_with(cases[_i].role, "status", NULL, NULL);
	EXPECT(cases[_i].status, cases[_i].out, cases[_i].err);
}
END_TEST

START_TEST(reload_passes_through)
{
	ctl_with(RELOADS, "reload", NULL, NULL);
	EXPECT(0, "reloaded: generation 4\n", "a warning\n");
	ck_assert_str_eq(asked, "reload");
	close(listener);
	unlink(socket_path);
	ctl_with(REFUSES, "reload", NULL, NULL);
	EXPECT(1, "", "/etc/hpcbal.conf:3: no such thing\n");
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(no_daemon)
{
	ctl("status", NULL, NULL, NULL);
	EXPECT(3, "", "No such file or directory; start hpcbald");
	ck_assert_ptr_nonnull(strstr(err, socket_path));
	ck_assert_uint_eq(lines_of(err), 1);
	listen_at(socket_path);
	close(listener);
	ctl("reload", NULL, NULL, NULL);
	EXPECT(3, "", "Connection refused; its daemon is gone");
	ctl("-s", "/nowhere/sock", "status", NULL);
	EXPECT(3, "", "no daemon at /nowhere/sock: ");
	ctl("status", "--socket=/nowhere/else", NULL, NULL);
	EXPECT(3, "", "no daemon at /nowhere/else: ");
}
END_TEST

START_TEST(version_needs_no_daemon)
{
	ctl("version", NULL, NULL, NULL);
	EXPECT(0, "hpcbald   does not answer at ", "");
	ctl("--version", NULL, NULL, NULL);
	EXPECT(0, "hpcbalctl ", "");
	ctl_with(BOARDS, "version", NULL, NULL);
	EXPECT(0, "hpcbald   9.8.7 at ", "");
}
END_TEST

static const struct {
	const char *words[WORDS_MAX];
	int status;
	const char *err;
} usages[] = {
	{ { NULL }, 2, "usage: hpcbalctl" },
	{ { "stauts" }, 2, "unknown command \"stauts\"; did you mean \"status\"?" },
	{ { "demot" }, 2, "did you mean \"demote\"?" },
	{ { "frobnicate" }, 2, "unknown command \"frobnicate\"; --help lists them" },
	{ { "" }, 2, "unknown command" },
	{ { "status", "now" }, 2, "\"now\" is too much; usage: hpcbalctl status\n" },
	{ { "servers", "a", "b" }, 2,
	  "\"b\" is too much; usage: hpcbalctl servers [BACKEND[/SERVER]]" },
	{ { "reload", "--json" }, 2, "reload gives no JSON" },
	{ { "status", "-f" }, 2, "status takes no -f" },
	{ { "status", "--frob" }, 2, "unknown option --frob" },
	{ { "-s" }, 2, "-s takes the path of a socket" },
	{ { "vrrp", "a", "b" }, 2, "\"b\" is too much; usage: hpcbalctl vrrp [INSTANCE]" },
	{ { "demote", "a", "b" }, 2, "\"b\" is too much; usage: hpcbalctl demote [INSTANCE]" },
	{ { "demote", "--for" }, 2, "--for takes a time, as in --for 10m" },
	{ { "demote", "--for", "10" }, 2, "--for \"10\" is no time; did you mean \"10s\"?" },
	{ { "demote", "--for", "1 fortnight" }, 2, "is no time; write a whole number above 0" },
	{ { "demote", "--for", "-5s" }, 2, "is no time; write a whole number above 0" },
	{ { "demote", "--for", "0s" }, 2, "is no time; write a whole number above 0" },
	{ { "demote", "--for", "9999999999999d" }, 2, "is no time; write a whole number" },
	{ { "demote", "-f" }, 2, "demote takes no -f" },
	{ { "promote", "--for", "5s" }, 2, "promote takes no --for: it is an option of demote" },
	{ { "limits", "clear", "a", "b", "c" }, 2, "usage: hpcbalctl limits clear [LIMIT] [KEY]" },
	{ { "limits", "clear", "login", "" }, 2, "usage: hpcbalctl limits clear [LIMIT] [KEY]" },
	{ { "limits", "exempt" }, 2, "usage: hpcbalctl limits exempt KEY [LIMIT]" },
	{ { "limits", "enforce", "a", "--for", "5s" }, 2, "limits enforce takes no --for" },
	{ { "limits", "exempt", "a", "--for", "5" }, 2, "--for \"5\" is no time; did you mean" },
	{ { "limits", "exempt", "a", "--json" }, 2, "limits exempt takes no --json" },
	{ { "limits", "login", "web" }, 2, "\"web\" is too much; usage: hpcbalctl limits" },
	{ { "limits", "--for", "5s" }, 2, "limits takes --for with exempt only" },
	{ { "status", "--force" }, 2, "status takes no --force: it is an option of demote" },
	{ { "metrics", "--json" }, 2, "metrics gives no JSON" },
	{ { "events", "-f", "--json" }, 2, "events takes either --json or -f" },
	{ { "upgrade", "now" }, 2, "\"now\" is too much; usage: hpcbalctl upgrade" },
	{ { "top" }, 2, "top needs a terminal, and standard output is none" },
};

START_TEST(wrong_usage)
{
	const char *const *w = usages[_i].words;

	ctl_words(w);
	EXPECT(usages[_i].status, "", usages[_i].err);
	ck_assert_str_eq(out, "");
	if (w[0])
		ck_assert_uint_eq(lines_of(err), 1);
}
END_TEST

START_TEST(help_lists_the_commands)
{
	static const char *const words[] = { "status", "servers", "vrrp",    "demote",
					     "promote", "reload", "check",   "events",
					     "metrics", "version", "--for",  "--force",
					     "sessions", "kill", "--older",  "--server" };

	ctl("--help", NULL, NULL, NULL);
	EXPECT(0, "usage: hpcbalctl", "");
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ck_assert_ptr_nonnull(strstr(out, words[i]));
	ck_assert_ptr_nonnull(strstr(out, "upgrade"));
}
END_TEST

static void write_config(const char *text)
{
	FILE *f = fopen(config_path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

#define GOOD_CONFIG                                                                       \
	"frontends = ( { name = \"f\"; bind = ( \"127.0.0.1:8081\" ); "                   \
	"default_backend = \"b\"; } );\n"                                                 \
	"backends = ( { name = \"b\"; "                                                   \
	"servers = ( { name = \"s\"; address = \"127.0.0.1:8082\"; } ); } );\n"

START_TEST(check_a_file)
{
	write_config(GOOD_CONFIG);
	ctl("check", config_path, NULL, NULL);
	ck_assert_msg(exit_status == 0, "%s%s", out, err);
	ck_assert_str_eq(err, "");
	ck_assert_str_ne(out, "");
	write_config("frontends = (\n{ nme = \"f\"; } );\n");
	ctl("check", config_path, NULL, NULL);
	ck_assert_int_eq(exit_status, 1);
	ck_assert_msg(strstr(err, "/conf:2: ") != NULL, "%s", err);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(check_the_daemons_file)
{
	write_config("nonsense = 1;\n");
	ctl_with(BOARDS, "check", NULL, NULL);
	ck_assert_int_eq(exit_status, 1);
	ck_assert_msg(strstr(err, config_path) != NULL, "%s", err);
}
END_TEST

START_TEST(output_that_cannot_be_written)
{
	pid_t pid;
	int status;

	role = BOARDS;
	listen_at(socket_path);
	ck_assert_int_eq(pthread_create(&daemon_thread, NULL, daemon_main, NULL), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(open("/dev/full", O_WRONLY), 1);
		dup2(open("/dev/null", O_WRONLY), 2);
		execl(program, program, "status", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	pthread_join(daemon_thread, NULL);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

/* Takes one question, and leaves it open. */
static int take_question(void)
{
	int client = accept(listener, NULL, NULL);

	ck_assert_int_ge(client, 0);
	ck_assert_int_gt(recv(client, asked, sizeof(asked), 0), 0);
	return client;
}

static void give_list(const char *list)
{
	int client = take_question();

	control_send(client, 'o', str_of(list));
	control_send_exit(client, CONTROL_DONE);
	close(client);
}

/* The list grows; then the daemon goes in the middle of an answer, and another one comes, which
 * refuses in the end. */
static void *growing_daemon(void *arg)
{
	static const char *const lists[] = { "one\n", "one\n", "one\ntwo\n", "two\nthree\n" };
	int client;

	(void)arg;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		give_list(lists[i]);
	client = take_question();
	control_send(client, 'o', str_of("two\nthr"));
	close(client);
	unlink(socket_path);
	close(listener);
	usleep(700000); /* it asks more than once meanwhile */
	listen_at(socket_path);
	give_list("four\n");
	client = take_question();
	control_send(client, 'e', str_of("enough\n"));
	control_send_exit(client, CONTROL_REFUSED);
	close(client);
	unlink(socket_path);
	close(listener);
	listener = -1;
	return NULL;
}

START_TEST(events_go_on)
{
	listen_at(socket_path);
	ck_assert_int_eq(pthread_create(&daemon_thread, NULL, growing_daemon, NULL), 0);
	ctl("events", "-f", NULL, NULL);
	pthread_join(daemon_thread, NULL);
	ck_assert_str_eq(out, "one\ntwo\nthree\nfour\n");
	ck_assert_int_eq(exit_status, 1);
	ck_assert_uint_eq(lines_of(err), 3); /* however often it asked */
	ck_assert_ptr_nonnull(strstr(err, "; it is waited for\n"));
	ck_assert_ptr_nonnull(strstr(err, "answers again\nenough\n"));
}
END_TEST

START_TEST(events_of_no_daemon)
{
	ctl("events", "-f", NULL, NULL);
	EXPECT(3, "", "no daemon at ");
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("hpcbalctl");
	TCase *t = tcase_create("program");
	SRunner *r = srunner_create(s);
	int failed;

	program = getenv("HPCBALCTL") ? getenv("HPCBALCTL") : "./hpcbalctl";
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, status_and_servers);
	tcase_add_loop_test(t, json_before_or_behind, 0, 10);
	tcase_add_test(t, servers_of_an_unknown_backend);
	tcase_add_test(t, vrrp_and_metrics);
	tcase_add_loop_test(t, demote_tells_the_steps, 0, 2);
	tcase_add_test(t, demote_of_several);
	tcase_add_test(t, demote_when_the_daemon_dies);
	tcase_add_test(t, demote_as_json);
	tcase_add_loop_test(t, demote_sends_words, 0, COUNT(requests));
	tcase_add_test(t, demote_that_is_refused);
	tcase_add_loop_test(t, daemons_that_misbehave, 0, 4);
	tcase_add_test(t, reload_passes_through);
	tcase_add_test(t, no_daemon);
	tcase_add_test(t, version_needs_no_daemon);
	tcase_add_loop_test(t, wrong_usage, 0, COUNT(usages));
	tcase_add_test(t, help_lists_the_commands);
	tcase_add_test(t, check_a_file);
	tcase_add_test(t, check_the_daemons_file);
	tcase_add_test(t, output_that_cannot_be_written);
	tcase_add_test(t, events_go_on);
	tcase_add_test(t, events_of_no_daemon);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
