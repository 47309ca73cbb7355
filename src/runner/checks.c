#include "runner/checks.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define NONE "NOT_USED"

struct check {
	struct list link;
	struct checks *owner;
	struct run *run;
	uint64_t check;
	char number[CHECKS_NUMBER];
	struct manifest_check what;
};

/* ---- what the program is told ---- */

/* As external-check of HAProxy does in a backend, which has no address of its own. */
struct told {
	char path[sizeof(((struct manifest_program *)0)->path)];
	char none[2][sizeof(NONE)], address[128], port[16];
	char *argv[6];
	char lines[RUN_ENVIRONMENT][160];
	char *environment[RUN_ENVIRONMENT + 1];
	unsigned n;
};

static void add_line(struct told *t, const char *name, const char *value)
{
	snprintf(t->lines[t->n], sizeof(t->lines[0]), "%s=%s", name, value);
	t->environment[t->n] = t->lines[t->n];
	t->n++;
}

static void add_number(struct told *t, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add_line(t, name, text);
}

static void tell(struct told *t, const struct manifest_program *p, const struct manifest_check *c)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->path, p->path, sizeof(t->path));
	memcpy(t->none[0], NONE, sizeof(NONE));
	memcpy(t->none[1], NONE, sizeof(NONE));
	memcpy(t->address, c->address, sizeof(t->address));
	if (c->port)
		snprintf(t->port, sizeof(t->port), "%u", c->port);
	else
		memcpy(t->port, NONE, sizeof(NONE));
	t->argv[0] = t->path;
	t->argv[1] = t->none[0];
	t->argv[2] = t->none[1];
	t->argv[3] = t->address;
	t->argv[4] = t->port;
	add_line(t, "HAPROXY_PROXY_NAME", c->backend);
	add_line(t, "HAPROXY_PROXY_ADDR", NONE);
	add_line(t, "HAPROXY_PROXY_PORT", NONE);
	add_line(t, "HAPROXY_SERVER_NAME", c->server);
	add_line(t, "HAPROXY_SERVER_ADDR", t->address);
	add_line(t, "HAPROXY_SERVER_PORT", t->port);
	add_number(t, "HAPROXY_SERVER_MAXCONN", c->max_connections);
	add_line(t, "HPCBAL_BACKEND", c->backend);
	add_line(t, "HPCBAL_SERVER", c->server);
	add_line(t, "HPCBAL_ADDRESS", t->address);
	add_line(t, "HPCBAL_PORT", t->port);
	add_number(t, "HPCBAL_TIMEOUT_MS", p->timeout_us / CLOCK_MS);
}

/* ---- one run ---- */

static void forget(struct check *k)
{
	list_del(&k->link);
	k->owner->n--;
	free(k);
}

static void ended(struct run *r, const char *how)
{
	struct check *k = r->spec.owner;
	struct checks *c = k->owner;
	char words[CHECKS_WORDS];

	snprintf(words, sizeof(words), "%s%s%s", how, how[0] && r->output.first[0] ? ": " : "",
		 r->output.first);
	c->answer(c->owner, k->check, k->number,
		  how[0] ? MSG_VERDICT_BAD : MSG_VERDICT_GOOD, words);
}

static void gone(struct run *r)
{
	forget(r->spec.owner);
}

static void start(struct checks *c, struct check *k, const struct manifest_program *p)
{
	char how[RUN_HOW];
	struct told told;
	struct run_spec spec = {.argv = told.argv,
				.environment = told.environment,
				.timeout_us = p->timeout_us,
				.level = OUTPUT_SILENT,
				.owner = k,
				.ended = ended,
				.gone = gone};

	tell(&told, p, &k->what);
	k->run = run_start(c->table, &spec, how);
	if (k->run)
		return;
	c->answer(c->owner, k->check, k->number, MSG_VERDICT_UNASKED, how);
	forget(k);
}

/* ---- all of them ---- */

void checks_init(struct checks *c, struct run_table *t, void *owner,
		 void (*answer)(void *owner, uint64_t check, const char *number,
				enum msg_verdict verdict, const char *words))
{
	*c = (struct checks){.table = t, .owner = owner, .answer = answer};
	list_init(&c->running);
}

/* Whatever generation asks: the server is the same. */
static const struct check *find_running(const struct checks *c, const struct manifest_check *what)
{
	for (const struct list *e = c->running.next; e != &c->running; e = e->next) {
		const struct check *k = list_of(e, struct check, link);

		if (strcmp(k->what.backend, what->backend) == 0 &&
		    strcmp(k->what.server, what->server) == 0 &&
		    strcmp(k->what.address, what->address) == 0)
			return k;
	}
	return NULL;
}

/* NULL, or why it is not run now. A process that even SIGKILL does not end waits in the kernel,
 * maybe for ever; that is bad. */
static const char *refuse(const struct checks *c, const struct manifest_check *what,
			  enum msg_verdict *verdict)
{
	const struct check *before = find_running(c, what);

	*verdict = MSG_VERDICT_UNASKED;
	if (before && before->run->killed_us) {
		*verdict = MSG_VERDICT_BAD;
		return "the run before was killed and is still there";
	}
	if (before)
		return "the run before is not over";
	if (c->n >= MANIFEST_CHECKS_AT_ONCE)
		return "too many external checks run already";
	return NULL;
}

void checks_ask(struct checks *c, uint64_t check, struct str number,
		const struct manifest_program *program, const struct manifest_check *what)
{
	struct check *k = calloc(1, sizeof(*k));
	enum msg_verdict verdict;
	const char *why;

	if (!k)
		return; /* whoever asked does not wait for ever */
	k->owner = c;
	k->check = check;
	k->what = *what;
	str_copy(k->number, sizeof(k->number), str_first(number, sizeof(k->number) - 1));
	why = refuse(c, what, &verdict);
	list_append(&c->running, &k->link);
	c->n++;
	if (!why) {
		start(c, k, program);
		return;
	}
	c->answer(c->owner, check, k->number, verdict, why);
	forget(k);
}

void checks_stop(struct checks *c)
{
	struct list *e;

	while ((e = list_pop(&c->running))) {
		struct check *k = list_of(e, struct check, link);

		run_drop(k->run);
		forget(k);
	}
}
