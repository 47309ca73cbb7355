#include "supervisor/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ipc/msg.h"
#include "supervisor/boards.h"
#include "supervisor/handover.h"

#define TRIAL_FDS (2 + CONTROL_BOARDS)

/* What is asked before a successor has anything to lose. NULL: nothing is wrong. */
static const char *judge_boards(const struct handover *h, const int *fds)
{
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		if (h->by_hand && !boards_fit(fds[i], i))
			return "its boards have another layout, and what was set by hand (drain, "
			       "maint, weight, demote, limits exempt) would be lost; end that "
			       "first, or restart hpcbald";
	return NULL;
}

static const char *judge_bundle(const struct handover *h, int fd)
{
	const char *why;
	size_t size;
	const struct manifest *m = bundle_map(fd, &size, &why);

	if (!m)
		return why;
	why = strcmp(m->control_socket, h->control_socket) == 0
		      ? NULL
		      : "the control socket cannot change while hpcbald runs; restart it, or set "
			"it back";
	bundle_unmap(m, size);
	return why;
}

static const char *judge(const struct msg *m)
{
	const struct handover *h;
	const char *why = "it was asked for something else";

	if (m->type != MSG_HELLO || m->n_fds != TRIAL_FDS)
		return why;
	h = handover_map(m->fds[0], &why);
	if (!h)
		return why;
	why = judge_bundle(h, m->fds[1]);
	if (!why)
		why = judge_boards(h, m->fds + 2);
	handover_unmap(h);
	return why;
}

int trial_main(int sock)
{
	static char buf[MSG_TEXT_MAX + 1];
	struct msg m, answer = {.type = MSG_HELLO_OK};
	const char *why;

	if (msg_recv(sock, &m, buf) != MSG_OK)
		return EXIT_FAILURE;
	why = judge(&m);
	if (why) {
		answer.type = MSG_REFUSED;
		answer.text = str_of(why);
	}
	msg_close_fds(&m);
	return msg_send(sock, &answer) == MSG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
