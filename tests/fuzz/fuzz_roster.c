/* The words of sessions and kill, as a child gets them from the supervisor, and so as a stranger
 * sent them: each is answered with texts and one exit status, ends nothing that was not named,
 * and leaves nobody waiting. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "ipc/control.h"
#include "proxy/roster.h"
#include "proxy/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct roster roster;
static struct conf_server servers[2] = { { .name = { "s1", 2 } }, { .name = { "s2", 2 } } };
static struct conf_backend backends[1] = { { .name = { "web", 3 }, .servers = servers,
					     .n_servers = 2 } };
static struct conf conf = { .backends = backends, .n_backends = 1 };

static void prepare(void)
{
	static struct worker *workers[1];
	static const unsigned none = 0;

	roster_init(&roster, loop_new(), workers, &none);
	must(roster.loop);
}

/* The exit status. */
static unsigned read_answer(int fd)
{
	static char buf[CONTROL_PACKET_MAX];
	struct control_packet p;

	for (;;) {
		must(control_read(fd, &p, buf) && p.n_fds == 0);
		switch (p.kind) {
		case 'e':
			must(p.body.n > 1 && p.body.p[p.body.n - 1] == '\n');
			break;
		case 'n':
			must(str_eq(p.body, STR("0")));
			break;
		case 'x':
			must(p.body.n == 1 && (unsigned char)p.body.p[0] < CONTROL_NO_DAEMON);
			return (unsigned char)p.body.p[0];
		default:
			wrong("a packet that belongs to another command");
		}
	}
}

static void judge_id(struct str text)
{
	char again[WALK_ID_TEXT];
	struct walk_id id, same;

	if (!walk_id_parse(&id, text))
		return;
	walk_id_format(&id, again);
	must(walk_id_parse(&same, str_of(again)));
	must(same.worker == id.worker && same.number == id.number && id.number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str request = { (const char *)data, size };
	unsigned status;
	int fd[2];

	if (size > CONTROL_REQUEST_MAX)
		return 0;
	if (!roster.loop)
		prepare();
	judge_id(request);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
	roster_command(&roster, &conf, fd[0], request);
	must(roster.n_asks == 0);
	status = read_answer(fd[1]);
	if (str_eq(request, STR("kill")))
		must(status != CONTROL_DONE);
	close(fd[1]);
	return 0;
}
