#include "ipc/serve.h"

#include <fcntl.h>
#include <signal.h>

void serve_begin(int sock)
{
	static const int ours[] = {SIGPIPE, SIGXFSZ, SIGHUP, SIGINT,
				   SIGTERM, SIGUSR1, SIGUSR2};

	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		signal(ours[i], SIG_IGN);
	fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) | O_NONBLOCK);
}

bool serve_read(int sock, unsigned most, void (*handle)(void *arg, struct msg *m), void *arg)
{
	static char text[MSG_TEXT_MAX + 1];
	enum msg_result r = MSG_OK;
	struct msg m;

	for (unsigned n = 0; n < most && (r = msg_recv(sock, &m, text)) == MSG_OK; n++) {
		handle(arg, &m);
		msg_close_fds(&m);
	}
	return r == MSG_AGAIN || r == MSG_OK;
}
