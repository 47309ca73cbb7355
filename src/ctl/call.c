#include "ctl/call.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "conf/value.h"

enum control_exit call_complain(enum control_exit status, const char *fmt, ...)
{
	va_list ap;

	fputs("hpcbalctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

enum control_exit call_ask(const struct call *c, char *const *words, int n, int timeout_ms,
			   struct client_boards *boards)
{
	struct client_request q = {.socket = c->socket,
				   .argc = n,
				   .argv = words,
				   .timeout_ms = timeout_ms,
				   .out = stdout,
				   .err = stderr};
	char why[CLIENT_WHY];
	enum control_exit status = client_ask(&q, boards, why);

	return *why ? call_complain(status, "%s", why) : status;
}

static struct snapshot *snapshot_of(struct client_boards *b)
{
	struct snapshot *s =
		snapshot_take(b->supervisor, b->proxy, b->vrrp, clock_wall_us(), clock_now_us());

	if (s && !snapshot_add_limits(s, b->limits)) {
		snapshot_free(s);
		s = NULL;
	}
	client_unmap(b);
	return s;
}

static char *status_words[] = {(char[]){"status"}};

enum control_exit call_snapshot(const struct call *c, struct snapshot **s)
{
	struct client_boards boards;
	enum control_exit status = call_ask(c, status_words, 1, CALL_TIMEOUT_MS, &boards);

	if (status != CONTROL_DONE)
		return status;
	*s = snapshot_of(&boards);
	return *s ? CONTROL_DONE : call_complain(CONTROL_REFUSED, "out of memory");
}

enum control_exit call_snapshot_told(const struct call *c, int timeout_ms, struct snapshot **s,
				     char *why)
{
	struct client_request q = {.socket = c->socket,
				   .argc = 1,
				   .argv = status_words,
				   .timeout_ms = timeout_ms};
	struct client_boards boards;
	enum control_exit status = client_ask(&q, &boards, why);

	*s = status == CONTROL_DONE ? snapshot_of(&boards) : NULL;
	if (*s)
		return CONTROL_DONE;
	if (!*why)
		snprintf(why, CLIENT_WHY, "%s",
			 status == CONTROL_DONE ? "out of memory" : "the daemon refused");
	return status == CONTROL_DONE ? CONTROL_REFUSED : status;
}

struct snapshot *call_snapshot_quietly(const struct call *c)
{
	char why[CLIENT_WHY];
	struct snapshot *s;

	call_snapshot_told(c, CALL_TIMEOUT_MS, &s, why);
	return s;
}

enum control_exit call_complain_time(const char *option, const char *text)
{
	char meant[64];

	if (value_suggest(value_durations, str_of(text), meant, sizeof(meant)) &&
	    strcmp(text, meant) != 0)
		return call_complain(CONTROL_USAGE, "%s \"%s\" is no time; did you mean \"%s\"?",
				     option, text, meant);
	return call_complain(
		CONTROL_USAGE,
		"%s \"%s\" is no time; write a whole number above 0 and its unit (ms, s, "
		"m, h or d), as in \"10m\"",
		option, text);
}

bool call_for(const struct call *c, uint64_t *us, enum control_exit *status)
{
	*us = 0;
	if (!c->for_time)
		return true;
	if (value_quantity(value_durations, str_of(c->for_time), us) == VALUE_OK && *us)
		return true;
	*status = call_complain_time("--for", c->for_time);
	return false;
}
