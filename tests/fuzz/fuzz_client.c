/* hpcbalctl at a socket where anything may answer: packets of any kind, with descriptors that
 * are boards or are none. It comes to an end with an exit status of its own list, a sentence
 * when that was not the daemon's word, and no byte that a terminal would obey; as JSON what it
 * prints is JSON. The first byte says how; each packet is its length, its kind and its body. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/client.h"
#include "admin/demote.h"
#include "admin/sessions.h"
#include "base/assert.h"
#include "ipc/fdpass.h"

#define HOW_JSON 1
#define HOW_NAMED 2
#define HOW_BOARDS 4     /* the boards are asked for */
#define HOW_TRUE_BOARDS 8 /* and the daemon has some */
#define HOW_HANGS_UP 16
#define HOW_FDS_EVERYWHERE 32
#define HOW_SESSIONS 64 /* those are asked for, or killed, and no demotion */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_control_connect(const char *path);

static int daemon_side, client_side;
static int true_boards[CONTROL_BOARDS], no_boards[CONTROL_BOARDS];

int __wrap_control_connect(const char *path)
{
	must(strcmp(path, "/fuzz") == 0);
	return client_side;
}

static void prepare(void)
{
	static const size_t sizes[CONTROL_BOARDS] = { sizeof(struct board_supervisor),
						      sizeof(struct board_proxy),
						      sizeof(struct board_vrrp),
						      sizeof(struct board_limits) };
	void *map;

	for (unsigned i = 0; i < CONTROL_BOARDS; i++) {
		true_boards[i] = board_create("fuzz", sizes[i], &map);
		no_boards[i] = i ? memfd_create("fuzz", MFD_CLOEXEC) :
				   open("/dev/null", O_RDONLY | O_CLOEXEC);
		must(true_boards[i] >= 0 && no_boards[i] >= 0);
	}
}

static void send_all(struct str in, uint8_t how)
{
	const int *boards = how & HOW_TRUE_BOARDS ? true_boards : no_boards;

	while (in.n >= 2) {
		size_t n = (unsigned char)in.p[0] + 1u;
		struct str packet = str_first(str_from(in, 1), n);
		struct iovec iov = { (void *)(uintptr_t)packet.p, packet.n };
		bool fds = packet.p[0] == 'f' || how & HOW_FDS_EVERYWHERE;
		unsigned n_fds = fds ? packet.n % (CONTROL_BOARDS + 1) : 0;

		in = str_from(in, 1 + n);
		if (fdpass_send(daemon_side, &iov, 1, boards, n_fds, MSG_DONTWAIT) < 0)
			break; /* enough */
	}
	if (how & HOW_HANGS_UP)
		close(daemon_side);
	else
		shutdown(daemon_side, SHUT_WR);
}

static void judge_text(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		must((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t');
	}
}

static void judge_json(const char *text, size_t n)
{
	json_error_t error;
	json_t *document;

	if (n == 0)
		return;
	document = json_loadb(text, n, 0, &error);
	must(document);
	json_decref(document);
}

static void judge_boards(struct client_boards *b, enum control_exit status, uint8_t how)
{
	must(!b->supervisor || status == CONTROL_DONE);
	must(!b->supervisor || how & HOW_TRUE_BOARDS);
	must((!b->proxy && !b->vrrp) || b->supervisor);
	client_unmap(b);
}

struct screen {
	char *text;
	size_t n;
	FILE *file;
};

static void screen_open(struct screen *s)
{
	s->file = open_memstream(&s->text, &s->n);
	must(s->file);
}

static void screen_close(struct screen *s, bool json)
{
	fclose(s->file);
	judge_text(s->text, s->n);
	if (json)
		judge_json(s->text, s->n);
	free(s->text);
}

static void ask(uint8_t how, struct client_request *q)
{
	struct client_boards boards;
	enum control_exit status;
	char why[CLIENT_WHY];

	status = client_ask(q, how & HOW_BOARDS ? &boards : NULL, why);
	must(status <= CONTROL_NO_DAEMON && strlen(why) < CLIENT_WHY);
	must(status == CONTROL_REFUSED || !*why);
	if (how & HOW_BOARDS)
		judge_boards(&boards, status, how);
}

static void ask_demote(uint8_t how, struct client_request *q, struct screen *told)
{
	enum demote_form form = how & HOW_JSON ? DEMOTE_JSON :
				how & HOW_NAMED ? DEMOTE_NAMED : DEMOTE_TEXT;
	struct demote *demote = demote_new(form, told->file, q->err);

	must(demote);
	q->tell = demote_tell;
	q->arg = demote;
	ask(how, q);
	must(demote_finish(demote));
	demote_free(demote);
}

static void ask_sessions(uint8_t how, struct client_request *q, struct screen *told)
{
	struct sessions *sessions = sessions_new();
	bool json = how & HOW_JSON;

	must(sessions);
	q->tell = sessions_tell;
	q->arg = sessions;
	ask(how, q);
	must(how & HOW_NAMED ? sessions_print_killed(sessions, json, told->file) :
			       sessions_print(sessions, json, told->file));
	sessions_free(sessions);
}

static void command(uint8_t how)
{
	char word[] = "word", *words[] = { word };
	struct screen out, err, told;
	struct client_request q = { .socket = "/fuzz", .argc = 1, .argv = words,
				    .timeout_ms = 1000 };

	screen_open(&out);
	screen_open(&err);
	screen_open(&told);
	q.out = out.file;
	q.err = err.file;
	if (how & HOW_SESSIONS)
		ask_sessions(how, &q, &told);
	else
		ask_demote(how, &q, &told);
	screen_close(&out, false);
	screen_close(&err, false);
	screen_close(&told, how & HOW_JSON);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];

	if (size < 1)
		return 0;
	if (!true_boards[0])
		prepare();
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	daemon_side = pair[0];
	client_side = pair[1];
	send_all((struct str){ (const char *)data + 1, size - 1 }, data[0]);
	command(data[0]);
	if (!(data[0] & HOW_HANGS_UP))
		close(daemon_side);
	return 0;
}
