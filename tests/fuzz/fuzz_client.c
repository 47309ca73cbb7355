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
#include "base/assert.h"
#include "ipc/fdpass.h"

#define HOW_JSON 1
#define HOW_NAMED 2
#define HOW_BOARDS 4     /* the boards are asked for */
#define HOW_TRUE_BOARDS 8 /* and the daemon has some */
#define HOW_HANGS_UP 16
#define HOW_FDS_EVERYWHERE 32

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

static void ask(uint8_t how)
{
	char word[] = "demote", *words[] = { word }, why[CLIENT_WHY], *text, *err_text, *told_text;
	size_t n, err_n, told_n;
	FILE *out = open_memstream(&text, &n), *err = open_memstream(&err_text, &err_n);
	FILE *told = open_memstream(&told_text, &told_n);
	enum demote_form form = how & HOW_JSON ? DEMOTE_JSON :
				how & HOW_NAMED ? DEMOTE_NAMED : DEMOTE_TEXT;
	struct demote *demote = demote_new(form, told, err);
	struct client_request q = { .socket = "/fuzz", .argc = 1, .argv = words,
				    .timeout_ms = 1000, .out = out, .err = err,
				    .tell = demote_tell, .arg = demote };
	struct client_boards boards;
	enum control_exit status;

	must(out && err && told && demote);
	status = client_ask(&q, how & HOW_BOARDS ? &boards : NULL, why);
	must(status <= CONTROL_NO_DAEMON && strlen(why) < CLIENT_WHY);
	must(status == CONTROL_REFUSED || !*why);
	if (how & HOW_BOARDS)
		judge_boards(&boards, status, how);
	must(demote_finish(demote));
	demote_free(demote);
	fclose(out);
	fclose(err);
	fclose(told);
	judge_text(text, n);
	judge_text(err_text, err_n);
	judge_text(told_text, told_n);
	if (how & HOW_JSON)
		judge_json(told_text, told_n);
	free(text);
	free(err_text);
	free(told_text);
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
	ask(data[0]);
	if (!(data[0] & HOW_HANGS_UP))
		close(daemon_side);
	return 0;
}
