#include "admin/wrong.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "admin/snapshot_data.h"
#include "admin/text.h"
#include "base/clock.h"

void wrong_tell(struct wrong *w, const char *fmt, ...)
{
	va_list ap;

	fputs(w->count++ ? "  " : "what is wrong:\n  ", w->out);
	va_start(ap, fmt);
	vfprintf(w->out, fmt, ap);
	va_end(ap);
	fputc('\n', w->out);
}

static void tell_proxy(struct wrong *w, const struct snapshot *s)
{
	const struct snap_process *p = &s->process[BOARD_PROXY];
	const char *end = *p->last_end ? p->last_end : "how is not known";
	char age[TEXT_TIME];

	if (!s->has_supervisor) {
		wrong_tell(w, "the supervisor's board is missing");
		return;
	}
	if (p->pid <= 0)
		wrong_tell(
			w,
			"the proxy is not running: no request is answered; the last one ended: %s",
			end);
	else if (!p->running)
		wrong_tell(w, "the proxy (pid %" PRId32 ") has been starting for %s", p->pid,
			   text_age(age, p->started_us, s->now_us));
	if (p->restarts)
		wrong_tell(w,
			   "the proxy was started again %" PRIu64
			   " time%s; the last one ended: %s",
			   p->restarts, text_plural(p->restarts), end);
	if (p->running && s->has_proxy && s->proxy_generation != s->generation)
		wrong_tell(w, "the proxy still runs configuration %" PRIu64 ", not %" PRIu64,
			   s->proxy_generation, s->generation);
}

static void tell_refused(struct wrong *w, const struct snapshot *s)
{
	char age[TEXT_TIME], since[TEXT_TIME];

	if (s->refused_us)
		wrong_tell(w, "the last reload was refused at %s (%s ago), and generation %" PRIu64
			   " goes on; the log says why",
			   text_local_time(since, s->refused_us),
			   text_age(age, s->refused_us, s->now_us), s->generation);
}

static void tell_down(struct wrong *w, const struct snapshot *s, const struct snap_server *v)
{
	char age[TEXT_TIME], since[TEXT_TIME];

	if (v->state != BOARD_SERVER_DOWN)
		return;
	wrong_tell(w, "%s/%s is DOWN since %s (%s ago): %s", v->backend, v->name,
		   text_local_time(since, v->since_us), text_age(age, v->since_us, s->now_us),
		   *v->check_reason ? v->check_reason : "no reason was given");
}

static void tell_taken_out(struct wrong *w, const struct snapshot *s, const struct snap_server *v)
{
	char text[TEXT_OUT];

	if (v->taken_out)
		wrong_tell(w, "%s/%s is %s %s", v->backend, v->name,
			   v->state == BOARD_SERVER_MAINT ? "in maintenance" : "drained",
			   text_taken_out(text, s, v));
	else if (v->asks_drain && v->state == BOARD_SERVER_DRAIN)
		wrong_tell(w, "%s/%s is drained, since it %s", v->backend, v->name,
			   v->check_reason);
}

static void tell_ejected(struct wrong *w, const struct snapshot *s, const struct snap_server *v)
{
	char left[TEXT_TIME];

	if (snapshot_is_ejected(s, v))
		wrong_tell(w, "%s/%s is ejected for %s more: %s", v->backend, v->name,
			   text_age(left, s->mono_us, v->ejected_until_us), v->eject_why);
}

static void tell_backend(struct wrong *w, const struct snapshot *s, const struct snap_backend *k)
{
	if (!k->n_up && k->n_servers)
		wrong_tell(w, "%s has no server up: its requests are answered with 503", k->name);
	else if (!k->n_taking && k->n_servers)
		wrong_tell(w,
			   "%s has no server that is up and has a weight above 0: its requests "
			   "are answered with 503",
			   k->name);
	for (unsigned i = 0; i < k->n_servers; i++)
		tell_down(w, s, &s->servers[k->first + i]);
	for (unsigned i = 0; i < k->n_servers; i++)
		tell_ejected(w, s, &s->servers[k->first + i]);
	for (unsigned i = 0; i < k->n_servers; i++)
		tell_taken_out(w, s, &s->servers[k->first + i]);
}

static void tell_admin(struct wrong *w, const struct snapshot *s)
{
	const struct snap_process *p = &s->process[BOARD_ADMIN];
	const char *end = *p->last_end ? p->last_end : "how is not known";

	if (!*s->admin_listen)
		return;
	if (p->pid <= 0)
		wrong_tell(w,
			   "the admin process is not running: %s does not answer; the last one "
			   "ended: %s",
			   s->admin_listen, end);
	if (p->restarts)
		wrong_tell(w,
			   "the admin process was started again %" PRIu64
			   " time%s; the last one ended: %s",
			   p->restarts, text_plural(p->restarts), end);
}

static void tell_losses(struct wrong *w, const struct snapshot *s)
{
	if (s->log_dropped)
		wrong_tell(w,
			   "%" PRIu64 " access log line%s dropped: the log's target is too slow, "
			   "full, or gone",
			   s->log_dropped, s->log_dropped == 1 ? " was" : "s were");
	if (s->accept_pauses)
		wrong_tell(w,
			   "accepting was paused %" PRIu64 " time%s, out of descriptors or at "
			   "max_connections",
			   s->accept_pauses, text_plural(s->accept_pauses));
}

/* As --check, which saw them when they were loaded (loader/certificates.h). */
#define SOON_DAYS 21
#define DAY 86400

static void tell_certificates(struct wrong *w, const struct snapshot *s)
{
	int64_t now = (int64_t)(s->now_us / CLOCK_SEC);

	for (uint32_t i = 0; s->has_proxy && i < s->certificates.n; i++) {
		int64_t left = s->certificates.list[i].ends - now;

		if (left <= 0)
			wrong_tell(w, "the certificate in %s has expired: clients refuse it",
				   s->certificates.list[i].file);
		else if (left < SOON_DAYS * DAY)
			wrong_tell(w, "the certificate in %s expires in %" PRId64 " day%s",
				   s->certificates.list[i].file, left / DAY,
				   left / DAY == 1 ? "" : "s");
	}
}

static void find_all(struct wrong *w, const struct snapshot *s)
{
	tell_proxy(w, s);
	tell_refused(w, s);
	for (unsigned i = 0; i < s->n_backends; i++)
		tell_backend(w, s, &s->backends[i]);
	wrong_find_vrrp(w, s);
	tell_admin(w, s);
	tell_losses(w, s);
	tell_certificates(w, s);
}

void wrong_print(const struct snapshot *s, FILE *out)
{
	struct wrong w = {.out = out};

	find_all(&w, s);
	if (!w.count)
		fputs("all is well\n", out);
}

bool wrong_each(const struct snapshot *s, void (*tell)(void *arg, const char *text), void *arg)
{
	char *text = NULL;
	size_t n = 0;
	struct wrong w = {.out = open_memstream(&text, &n)};
	bool good;

	if (!w.out)
		return false;
	find_all(&w, s);
	good = !ferror(w.out);
	good = fclose(w.out) == 0 && good;
	for (char *line = text, *end; good && line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (line[0] == ' ')
			tell(arg, line + 2);
	}
	free(text);
	return good;
}
