#include "supervisor/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/msg.h"
#include "ipc/sealed.h"

int handover_write(const struct handover *h)
{
	struct str part = {(const char *)h, sizeof(*h)};

	return sealed_make("hpcbal-handover", &part, 1);
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool texts_end(const struct handover *h)
{
	for (uint32_t i = 0; i < h->n_sockets; i++)
		if (!text_ends(h->sockets[i].text, sizeof(h->sockets[i].text)))
			return false;
	return text_ends(h->version, sizeof(h->version)) &&
	       text_ends(h->program, sizeof(h->program)) &&
	       text_ends(h->config, sizeof(h->config)) &&
	       text_ends(h->control_socket, sizeof(h->control_socket)) &&
	       text_ends(h->pidfile, sizeof(h->pidfile)) &&
	       text_ends(h->log_target, sizeof(h->log_target)) &&
	       text_ends(h->warnings, sizeof(h->warnings));
}

static const char *wrong(const struct handover *h, size_t size)
{
	if (h->magic != HANDOVER_MAGIC)
		return "it is no hand-over";
	if (h->layout != HANDOVER_LAYOUT || size != sizeof(*h))
		return "the hand-over has another version's layout; this step needs a restart";
	if (h->msg_layout != MSG_LAYOUT)
		return "the children that run speak another version's words; this step needs a "
		       "restart";
	if (h->n_sockets > MANIFEST_LISTENERS + 1 || h->n_children > HANDOVER_CHILDREN ||
	    h->n_clients > HANDOVER_CLIENTS || !texts_end(h))
		return "the hand-over is damaged";
	return NULL;
}

const struct handover *handover_map(int fd, const char **why)
{
	const size_t least = offsetof(struct handover, version);
	size_t size = 0;
	const struct handover *h = sealed_map(fd, least, 1u << 24, &size, why);

	if (!h)
		return NULL;
	*why = wrong(h, size);
	if (!*why)
		return h;
	munmap((void *)(uintptr_t)h, size);
	return NULL;
}

void handover_unmap(const struct handover *h)
{
	munmap((void *)(uintptr_t)h, sizeof(*h));
}

/* ---- descriptors ---- */

static void each_fd(const struct handover *h, void (*call)(int fd, int arg), int arg)
{
	const int32_t single[] = {h->old_program, h->control,    h->notify,    h->log_fd,
				  h->bundle,      h->brief,      h->keys,      h->next_bundle,
				  h->next_brief,  h->next_keys,  h->tickets};

	for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		call(single[i], arg);
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		call(h->board[i], arg);
	for (unsigned i = 0; i < BOARD_PROCESSES; i++)
		call(h->beat[i], arg);
	for (uint32_t i = 0; i < h->n_sockets; i++)
		call(h->sockets[i].fd, arg);
	for (uint32_t i = 0; i < h->n_children; i++) {
		call(h->children[i].sock, arg);
		call(h->children[i].words, arg);
		call(h->children[i].board, arg);
		call(h->children[i].limits, arg);
	}
	for (uint32_t i = 0; i < h->n_clients; i++)
		call(h->clients[i].fd, arg);
}

static void set_flags(int fd, int flags)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, flags);
}

static void close_one(int fd, int arg)
{
	(void)arg;
	if (fd >= 0)
		close(fd);
}

void handover_keep(const struct handover *h, bool keep)
{
	each_fd(h, set_flags, keep ? 0 : FD_CLOEXEC);
}

void handover_close(const struct handover *h)
{
	each_fd(h, close_one, 0);
}

int handover_copy(int fd)
{
	/* Behind those that a child finds its socket at. */
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, MSG_CHILD_FD + 1);
}

/* ---- the step ---- */

static void hold_signals(int how)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(how, &set, NULL);
}

void handover_hold(void)
{
	hold_signals(SIG_BLOCK);
}

void handover_listen(void)
{
	hold_signals(SIG_UNBLOCK);
}

void handover_execute(int program, int fd, const struct handover *h, const char *refused)
{
	char number[16], *argv[9] = {(char *)(uintptr_t)h->program, (char *)"--config",
				     (char *)(uintptr_t)h->config, (char *)"--adopt", number};
	int n = 5, saved;

	snprintf(number, sizeof(number), "%d", fd);
	if (h->foreground)
		argv[n++] = (char *)"--foreground";
	if (refused) {
		argv[n++] = (char *)"--refused";
		argv[n++] = (char *)(uintptr_t)refused;
	}
	/* Whoever sends one meanwhile is heard by the successor. */
	hold_signals(SIG_BLOCK);
	handover_keep(h, true);
	set_flags(fd, 0);
	syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
	saved = errno;
	set_flags(fd, FD_CLOEXEC);
	handover_keep(h, false);
	hold_signals(SIG_UNBLOCK);
	errno = saved;
}
