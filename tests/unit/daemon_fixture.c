#include "daemon_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/control.h"
#include "supervisor/supervisor.h"

char daemon_dir[64], daemon_control[128], daemon_answer[65536];
pid_t daemon_pid;

static char config[128], errors[128], packet[CONTROL_PACKET_MAX];

/* ---- the daemon ---- */

void daemon_setup(void)
{
	strcpy(daemon_dir, "/tmp/hpcbal-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(daemon_dir));
	snprintf(config, sizeof(config), "%s/hpcbal.conf", daemon_dir);
	snprintf(daemon_control, sizeof(daemon_control), "%s/run/control.sock", daemon_dir);
	snprintf(errors, sizeof(errors), "%s/stderr", daemon_dir);
	daemon_pid = 0;
}

void daemon_teardown(void)
{
	char command[128];
	int left;

	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	/* Children that hear of its death may still write their last words into the folder. */
	snprintf(command, sizeof(command), "rm -rf %s", daemon_dir);
	for (unsigned i = 0; (left = system(command)) != 0 && i < 100; i++)
		usleep(20000);
	ck_assert_int_eq(left, 0);
}

/* The configuration: the control socket, and these lines. */
void daemon_write_config(const char *fmt, ...)
{
	FILE *f = fopen(config, "we");
	va_list ap;

	ck_assert_ptr_nonnull(f);
	fprintf(f, "control %s\n", daemon_control);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

void daemon_start(bool foreground)
{
	struct supervisor_options o = {.config = config,
				       .program = "/proc/self/exe",
				       .foreground = foreground,
				       .adopt = -1};
	int fd;

	daemon_pid = fork();
	if (daemon_pid)
		return;
	fd = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDERR_FILENO);
	exit(supervisor_main(&o));
}

void daemon_sleep_ms(unsigned ms)
{
	usleep(ms * 1000);
}

static const char *read_whole(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, size - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* What it wrote to stderr so far. */
const char *daemon_said(void)
{
	static char text[65536];

	return read_whole(errors, text, sizeof(text));
}

const char *daemon_journal(void)
{
	static char text[65536];
	char path[128];

	snprintf(path, sizeof(path), "%s/journal", daemon_dir);
	return read_whole(path, text, sizeof(text));
}

/* Time limits are for a hang, not for a busy machine: as check's own, they can be stretched. */
static unsigned patience(unsigned ms)
{
	const char *times = getenv("CK_TIMEOUT_MULTIPLIER");
	unsigned n = times ? (unsigned)atoi(times) : 1;

	return ms * (n ? n : 1);
}

void daemon_wait_said(const char *text)
{
	for (unsigned i = 0; i < patience(10000) / 10; i++) {
		if (strstr(daemon_said(), text))
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("never said \"%s\": %s", text, daemon_said());
}

void daemon_wait_file(const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", daemon_dir, name);
	for (unsigned i = 0; i < patience(10000) / 10; i++) {
		if (strstr(read_whole(path, daemon_answer, sizeof(daemon_answer)), text))
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("\"%s\" never was in %s:\n%s", text, path, daemon_answer);
}

void daemon_wait_journal(const char *text, unsigned times)
{
	for (unsigned i = 0; i < patience(10000) / 10; i++) {
		const char *at = daemon_journal();
		unsigned n = 0;

		while ((at = strstr(at, text))) {
			at += strlen(text);
			n++;
		}
		if (n >= times)
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("\"%s\" never came %u times; journal:\n%s\nsaid:\n%s", text, times,
		     daemon_journal(), daemon_said());
}

int daemon_wait_exit(unsigned most_ms)
{
	int status;

	for (unsigned i = 0; i < patience(most_ms) / 10; i++) {
		if (waitpid(daemon_pid, &status, WNOHANG) == daemon_pid) {
			daemon_pid = 0;
			ck_assert_msg(WIFEXITED(status), "died: %s", daemon_said());
			return WEXITSTATUS(status);
		}
		daemon_sleep_ms(10);
	}
	ck_abort_msg("still runs after %u ms: %s", most_ms, daemon_said());
	return -1;
}

/* ---- its clients ---- */

/* Exit status; the text is in `answer`. -1: no daemon, -2: it died on the way. */
int daemon_ask(int argc, char **argv)
{
	int fd = control_connect(daemon_control), status = -2;
	struct control_packet p;
	size_t n = 0;

	daemon_answer[0] = '\0';
	if (fd < 0)
		return -1;
	ck_assert(control_request(fd, argc, argv));
	while (status == -2 && control_read(fd, &p, packet) && p.kind) {
		if (p.kind == 'x')
			status = p.body.p[0];
		if (p.kind == 'o' || p.kind == 'e')
			n += (size_t)snprintf(daemon_answer + n, sizeof(daemon_answer) - n, "%.*s",
					      STR_ARGS(p.body));
		for (unsigned i = 0; i < p.n_fds; i++)
			close(p.fds[i]);
	}
	close(fd);
	return status;
}

int daemon_ask_word(const char *word)
{
	char copy[64];
	char *words[] = {copy};

	snprintf(copy, sizeof(copy), "%s", word);
	return daemon_ask(1, words);
}

int daemon_connect(unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The generation that answers at the port; 0: refused. `pid` is who it was. One that was killed
 * may have accepted a last connection: the next one is another's. */
unsigned daemon_answered(unsigned port, int *pid)
{
	char text[64] = "";
	unsigned generation = 0;
	ssize_t n = 0;
	int fd;

	for (unsigned i = 0; i < 10 && n <= 0; i++) {
		fd = daemon_connect(port);
		if (fd < 0)
			return 0;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(sscanf(text, "%u %d", &generation, pid), 2);
	return generation;
}

void daemon_wait_another(unsigned port, int first)
{
	int pid = 0;

	for (unsigned i = 0; i < patience(20000) / 10; i++) {
		if (daemon_answered(port, &pid) > 0 && pid != first)
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("pid %d still serves: %s", first, daemon_said());
}

void daemon_wait_ready(unsigned port)
{
	int pid;

	for (unsigned i = 0; i < patience(5000) / 10; i++) {
		if (daemon_ask_word("version") == 0 && daemon_answered(port, &pid) > 0)
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("never served: %s", daemon_said());
}

void daemon_wait_refused(unsigned port)
{
	for (unsigned i = 0; i < patience(5000) / 10; i++) {
		int fd = daemon_connect(port);

		if (fd < 0)
			return;
		close(fd);
		daemon_sleep_ms(10);
	}
	ck_abort_msg("port %u is still listened to: %s", port, daemon_said());
}

/* Other test programs run at the same time, and must not choose it as well before the daemon has
 * bound it: whoever has the name has the port, for as long as this process lives. */
static bool reserve(unsigned port)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "hpcbal-unit-%u", port);

	n += (int)offsetof(struct sockaddr_un, sun_path) + 1;
	if (bind(fd, (struct sockaddr *)&un, (socklen_t)n) == 0)
		return true;
	close(fd);
	return false;
}

/* Below the range from which the kernel takes ports for outgoing connections, so that nobody
 * has one before the daemon binds it. */
unsigned daemon_free_port(void)
{
	static unsigned next;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unsigned port;

	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool got;

		port = 10000 + ((unsigned)getpid() * 13 + next++) % 9000;
		in.sin_port = htons((uint16_t)port);
		got = bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0;
		close(fd);
		if (got && reserve(port))
			return port;
	}
}

struct daemon_boards daemon_boards(void)
{
	char word[] = "boards", *words[] = {word};
	int fd = control_connect(daemon_control);
	struct control_packet p;
	struct daemon_boards b;
	const char *why;

	ck_assert_int_ge(fd, 0);
	ck_assert(control_request(fd, 1, words));
	ck_assert(control_read(fd, &p, packet));
	ck_assert_int_eq(p.kind, 'f');
	ck_assert_uint_eq(p.n_fds, CONTROL_BOARDS);
	b.supervisor = board_map(p.fds[0], sizeof(*b.supervisor), false, &why);
	b.proxy = board_map(p.fds[1], sizeof(*b.proxy), false, &why);
	b.vrrp = board_map(p.fds[2], sizeof(*b.vrrp), false, &why);
	b.limits = board_map(p.fds[3], sizeof(*b.limits), false, &why);
	ck_assert(b.supervisor && b.proxy && b.vrrp && b.limits);
	memcpy(b.fds, p.fds, sizeof(b.fds));
	close(fd);
	return b;
}

static unsigned open_files(void)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon_pid);
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

unsigned daemon_open_files(void)
{
	unsigned before, now = open_files();

	for (unsigned i = 0; i < patience(5000) / 200; i++) {
		before = now;
		daemon_sleep_ms(200);
		now = open_files();
		if (now == before)
			break;
	}
	return now;
}

void daemon_wait_open_files(unsigned most)
{
	for (unsigned i = 0; i < patience(5000) / 10; i++) {
		if (open_files() <= most)
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("%u files are open, not %u", open_files(), most);
}

bool daemon_has(const char *name)
{
	char path[192];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", daemon_dir, name);
	return stat(path, &st) == 0;
}
