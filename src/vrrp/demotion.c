#include "vrrp/demotion.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/control.h"

/* How often, and for how long, the new master is asked for an address. */
#define GAP_EVERY_US (1 * CLOCK_MS)
#define GAP_TIME_US (1 * CLOCK_SEC)
#define UNTIL_PROMOTED TIMES_NEVER

/* Somebody at the control socket; ends with its last wait. */
struct demotion_client {
	int fd;
	unsigned waits;
	bool refused;
};

/* One client and one instance. */
struct demotion_wait {
	struct list link;
	struct demotion_client *client;
	struct instance *instance;
	uint64_t begun, let_go;
	char from[VRRP_IP_TEXT], to[VRRP_IP_TEXT];
	enum vrouter_outcome outcome;
	struct probe gap; /* runs: it is over but for this */
};

/* ---- answers ---- */

__attribute__((format(printf, 3, 4))) static void tell(struct demotion_client *c, char kind,
							const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	control_send(c->fd, kind, str_of(text));
}

static void step_at(struct demotion_wait *w, uint64_t at, const char *what)
{
	uint64_t us = at > w->begun ? at - w->begun : 0;

	tell(w->client, 's', "%s\t%llu.%llu\t%s", instance_name(w->instance),
	     (unsigned long long)(us / CLOCK_MS), (unsigned long long)(us % CLOCK_MS / 100), what);
}

static void release(struct demotion_client *c)
{
	if (--c->waits)
		return;
	control_send_exit(c->fd, c->refused ? CONTROL_REFUSED : CONTROL_DONE);
	close(c->fd);
	free(c);
}

static void finish(struct demotion_wait *w, const char *gap)
{
	bool done = vrouter_outcome_done(w->outcome);

	tell(w->client, 'r', "%s\t%s\t%s\t%s\t%d\t%s", instance_name(w->instance), w->from, w->to,
	     gap, done, vrouter_outcome_text(w->outcome));
	w->client->refused |= !done;
	list_del(&w->link);
	probe_free(&w->gap);
	release(w->client);
	free(w);
}

static void gap_ended(struct probe *p, const uint8_t *mac)
{
	struct demotion_wait *w = list_of(p, struct demotion_wait, gap);
	uint64_t now = clock_now_us(), us = now > w->let_go ? now - w->let_go : 0;
	char text[128], gap[32];

	if (!mac) {
		step_at(w, now, "nobody answers for the addresses yet");
		finish(w, "-");
		return;
	}
	snprintf(text, sizeof(text), "%s answers for the addresses", w->to);
	step_at(w, now, text);
	snprintf(gap, sizeof(gap), "%llu.%llu", (unsigned long long)(us / CLOCK_MS),
		 (unsigned long long)(us % CLOCK_MS / 100));
	finish(w, gap);
}

/* ---- what the instance does ---- */

static void taken_over(struct demotion_wait *w, const struct vrouter_action *a)
{
	struct instance *i = w->instance;
	char text[128];

	vrrp_ip_format(&a->taker, w->to);
	snprintf(text, sizeof(text), "%s advertises with a higher priority: it took over", w->to);
	step_at(w, i->event_at, text);
	w->let_go = i->let_go;
	step_at(w, w->let_go, "let the addresses go");
	probe_begin(&w->gap, i->segment, &i->machine.source, &i->addresses[0], GAP_EVERY_US,
		    clock_now_us() + GAP_TIME_US);
}

static void resigned(struct demotion_wait *w)
{
	step_at(w, w->instance->let_go, "resigned with priority 0 and let the addresses go");
	finish(w, "-");
}

static void ended(struct demotion_wait *w, const struct vrouter_action *a)
{
	if (w->gap.segment)
		return;
	w->outcome = a->outcome;
	if (a->outcome == VROUTER_OUTCOME_TAKEN_OVER)
		taken_over(w, a);
	else if (a->outcome == VROUTER_OUTCOME_RESIGNED)
		resigned(w);
	else
		finish(w, "-");
}

/* An answer to a command that changed nothing is for who gave it alone. */
static bool is_private(enum vrouter_outcome o)
{
	return o == VROUTER_OUTCOME_ALREADY || o == VROUTER_OUTCOME_HOLDS_ALONE ||
	       o == VROUTER_OUTCOME_NOT_DEMOTED;
}

static void on_outcome(struct instance_ear *ear, struct instance *i,
		       const struct vrouter_action *a)
{
	struct demotion *d = list_of(ear, struct demotion, ear);
	struct list *e, *tmp;

	list_each_safe(e, tmp, &d->waits)
	{
		struct demotion_wait *w = list_of(e, struct demotion_wait, link);

		if (w->instance == i && (!is_private(a->outcome) || w == d->asking))
			ended(w, a);
	}
}

void demotion_init(struct demotion *d, struct vrrp_world *w)
{
	d->ear.outcome = on_outcome;
	d->world = w;
	d->asking = NULL;
	list_init(&d->waits);
}

void demotion_forget(struct demotion *d, struct instance *i)
{
	static const struct vrouter_action stopped = { .act = VROUTER_OUTCOME,
						       .outcome = VROUTER_OUTCOME_STOPPED };
	struct list *e, *tmp;

	list_each_safe(e, tmp, &d->waits)
	{
		struct demotion_wait *w = list_of(e, struct demotion_wait, link);

		if (w->instance != i)
			continue;
		if (w->gap.segment)
			finish(w, "-");
		else
			ended(w, &stopped);
	}
	i->ear = NULL;
}

/* ---- commands ---- */

struct request {
	bool demote, force;
	uint64_t time; /* 0: until promoted */
	struct str instance; /* n 0: all */
};

/* NULL, or what is wrong with it. */
static const char *read_word(struct request *q, struct str word)
{
	if (str_begins(word, STR("instance="))) {
		q->instance = str_from(word, sizeof("instance=") - 1);
		return NULL;
	}
	if (q->demote && str_eq(word, STR("force"))) {
		q->force = true;
		return NULL;
	}
	if (q->demote && str_begins(word, STR("for=")) &&
	    str_to_u64(str_from(word, sizeof("for=") - 1), &q->time) && q->time)
		return NULL;
	return "a word of the command is not known; use the hpcbalctl of the running hpcbald";
}

static const char *read_request(struct request *q, struct str text)
{
	struct str word = STR_NONE;
	const char *why = NULL;

	*q = (struct request){ 0 };
	str_split(&text, '\0', &word);
	q->demote = str_eq(word, STR("demote"));
	if (!q->demote && !str_eq(word, STR("promote")))
		return "the vrrp process knows demote and promote only";
	while (!why && str_split(&text, '\0', &word))
		why = read_word(q, word);
	return why;
}

static struct demotion_wait *new_wait(struct demotion *d, struct demotion_client *c,
				      struct instance *i)
{
	struct demotion_wait *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->client = c;
	w->instance = i;
	w->begun = clock_now_us();
	snprintf(w->to, sizeof(w->to), "-");
	snprintf(w->from, sizeof(w->from), "-");
	if (i->machine.state == VROUTER_MASTER)
		vrrp_ip_format(&i->machine.source, w->from);
	if (!probe_init(&w->gap, d->world->loop, gap_ended)) {
		free(w);
		return NULL;
	}
	list_append(&d->waits, &w->link);
	c->waits++;
	return w;
}

static void tell_instance(struct instance *i, const struct request *q)
{
	struct vrouter_event e = { .what = q->demote ? VROUTER_DEMOTE : VROUTER_PROMOTE };

	if (q->demote) {
		e.demote.force = q->force;
		e.demote.until = q->time ? clock_now_us() + q->time : UNTIL_PROMOTED;
	}
	world_say(i->world, LOG_NOTICE, true, "%s: %s by hpcbalctl%s", instance_name(i),
		  q->demote ? "demoted" : "promoted", q->force ? ", by force" : "");
	instance_tell(i, &e);
}

/* The wait may be over, and freed, before the command's event returns. */
static void carry_out(struct demotion *d, struct demotion_client *c, struct instance *i,
		      const struct request *q)
{
	struct demotion_wait *w = new_wait(d, c, i);

	if (!w) {
		c->refused = true;
		tell(c, 'e', "%s: out of memory or of descriptors\n", instance_name(i));
		return;
	}
	i->ear = &d->ear;
	d->asking = w;
	if (q->demote && !q->force && i->machine.state == VROUTER_MASTER && !i->machine.demoted)
		step_at(w, w->begun, "advertises priority 1 and goes on serving, until another "
				     "node takes over");
	tell_instance(i, q);
	d->asking = NULL;
}

static bool is_meant(const struct request *q, const struct instance *i)
{
	return !q->instance.n || str_eq(q->instance, str_of(instance_name(i)));
}

static unsigned carry_out_all(struct demotion *d, struct list *instances,
			      struct demotion_client *c, const struct request *q)
{
	struct list *e, *tmp;
	unsigned n = 0;

	list_each_safe(e, tmp, instances)
	{
		struct instance *i = list_of(e, struct instance, link);

		if (!is_meant(q, i))
			continue;
		carry_out(d, c, i, q);
		n++;
	}
	return n;
}

static void refuse_unknown(struct demotion_client *c, struct list *instances, struct str name)
{
	char known[400] = "";
	struct list *e, *tmp;
	size_t n = 0;

	list_each_safe(e, tmp, instances)
		if (n < sizeof(known) - BRIEF_NAME - 4)
			n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "",
					      instance_name(list_of(e, struct instance, link)));
	c->refused = true;
	tell(c, 'e', "there is no virtual router \"%.*s\"; there are: %s\n",
	     (int)(name.n < 64 ? name.n : 64), name.p, known);
}

void demotion_command(struct demotion *d, struct list *instances, int fd, struct str text)
{
	struct demotion_client *c = calloc(1, sizeof(*c));
	struct request q;
	const char *why;

	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->waits = 1; /* ours, until all are asked */
	why = read_request(&q, text);
	if (why) {
		c->refused = true;
		tell(c, 'e', "%s\n", why);
	} else if (!carry_out_all(d, instances, c, &q)) {
		refuse_unknown(c, instances, q.instance);
	}
	release(c);
}
