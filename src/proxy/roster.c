#include "proxy/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "ipc/control.h"
#include "proxy/walk.h"

#define ASKS_MAX 16
/* From which age an exchange is listed that is no tunnel, when nothing is said. */
#define LONG_US (1 * CLOCK_SEC)

/* One client and its command. */
struct ask {
	struct list link;
	struct roster *roster;
	int fd;
	struct loop_fd io; /* while the client's socket is full */
	struct loop_timer patience;
	unsigned worker; /* whose turn it is */
	uint64_t found;
	bool known; /* no answer is an answer: what it names is in the configuration */
	bool over;  /* only its end is still to be told */
	struct walk walk;
};

void roster_init(struct roster *r, struct loop *l, struct worker *const *workers,
		 const unsigned *n_workers)
{
	*r = (struct roster){ .loop = l, .workers = workers, .n_workers = n_workers,
			      .patience_us = ROSTER_PATIENCE_US };
	list_init(&r->asks);
}

/* ---- answers ---- */

__attribute__((format(printf, 3, 4))) static void refuse(int fd, enum control_exit status,
							  const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (control_send(fd, 'e', str_of(text)))
		control_send_exit(fd, status);
}

static void ask_free(struct ask *a)
{
	loop_fd_del(&a->io);
	loop_timer_stop(&a->patience);
	list_del(&a->link);
	a->roster->n_asks--;
	close(a->fd);
	free(a);
}

/* Its mark, if there is one, is taken away where it stands. */
static void ask_end(struct ask *a)
{
	loop_fd_del(&a->io);
	loop_timer_stop(&a->patience);
	if (a->walk.at_end) {
		ask_free(a);
		return;
	}
	a->walk.give_up = true;
	walk_send(&a->walk, a->walk.worker);
}

/* What was removed from the configuration may still have had something to end. */
static void refuse_unknown(const struct ask *a)
{
	const struct walk_want *q = &a->walk.want;

	if (q->id)
		refuse(a->fd, CONTROL_REFUSED,
		       "no such session runs; sessions shows those that do\n");
	else if (*q->server)
		refuse(a->fd, CONTROL_REFUSED,
		       "there is no server %s/%s; servers shows them all\n", q->backend,
		       q->server);
	else
		refuse(a->fd, CONTROL_REFUSED,
		       "there is no backend %s; servers shows them all\n", q->backend);
}

static void tell_kills(const struct ask *a)
{
	const struct walk_want *q = &a->walk.want;
	char number[24];

	if (a->found && *q->server)
		log_notice("hpcbalctl kill ended %" PRIu64 " session%s on %s/%s", a->found,
			   a->found == 1 ? "" : "s", q->backend, q->server);
	snprintf(number, sizeof(number), "%" PRIu64, a->found);
	control_send(a->fd, 'n', str_of(number));
}

static void wait_for_client(struct ask *a);

/* Without its end a whole answer looks like that of a daemon that has died. */
static void say_end(struct ask *a)
{
	a->over = true;
	if (!control_send_exit(a->fd, CONTROL_DONE) && errno == EAGAIN)
		wait_for_client(a);
	else
		ask_free(a);
}

static void finish(struct ask *a)
{
	if (a->found == 0 && !a->known) {
		refuse_unknown(a);
		ask_free(a);
		return;
	}
	if (a->walk.want.kill) /* which has said nothing yet, so there is room */
		tell_kills(a);
	say_end(a);
}

/* ---- the way through the workers ---- */

/* An id says in which worker it is. */
static void ask_next(struct ask *a)
{
	const struct roster *r = a->roster;
	bool begun = a->walk.worker != NULL;

	if (begun && a->walk.at_end)
		a->worker = a->walk.want.id ? *r->n_workers : a->worker + 1;
	if (a->worker < *r->n_workers)
		walk_send(&a->walk, r->workers[a->worker]);
	else
		finish(a);
}

static void client_ready(struct loop_fd *f, unsigned what);

static void wait_for_client(struct ask *a)
{
	struct loop *l = a->roster->loop;

	if (!loop_fd_add(l, &a->io, a->fd, LOOP_WRITE, client_ready)) {
		ask_end(a);
		return;
	}
	loop_timer_set(l, &a->patience, loop_now(l) + a->roster->patience_us);
}

static void deliver(struct ask *a)
{
	const struct walk *w = &a->walk;

	if (w->n_text && !control_send(a->fd, 'l', (struct str){ w->text, w->n_text })) {
		if (errno == EAGAIN)
			wait_for_client(a);
		else
			ask_end(a);
		return;
	}
	ask_next(a);
}

static void client_ready(struct loop_fd *f, unsigned what)
{
	struct ask *a = list_of(f, struct ask, io);

	(void)what;
	loop_fd_del(&a->io);
	loop_timer_stop(&a->patience);
	if (a->over)
		say_end(a);
	else
		deliver(a);
}

static void client_is_slow(struct loop_timer *t)
{
	ask_end(list_of(t, struct ask, patience));
}

static void piece_is_back(struct walk *w)
{
	struct ask *a = list_of(w, struct ask, walk);

	if (w->give_up) {
		ask_free(a);
		return;
	}
	a->found += w->found;
	if (a->roster->stopping) {
		refuse(a->fd, CONTROL_REFUSED, "hpcbald is stopping\n");
		ask_end(a);
		return;
	}
	deliver(a);
}

/* ---- commands ---- */

#define OTHER_HPCBALCTL                                                                           \
	"a word of the command is not known; use the hpcbalctl of the running hpcbald"

static bool take(struct str word, const char *name, struct str *value)
{
	struct str front = str_of(name);

	*value = str_from(word, front.n);
	return str_begins(word, front);
}

/* NULL, or what is wrong with it. */
static const char *read_word(struct ask *a, struct str word)
{
	struct walk_want *q = &a->walk.want;
	struct walk_id id;
	struct str value;

	if (take(word, "id=", &value)) {
		if (!walk_id_parse(&id, value))
			return "that is no session's id; sessions shows them, as 0.3f2a9c81";
		q->id = id.number;
		a->worker = id.worker;
		return NULL;
	}
	if (take(word, "backend=", &value))
		return str_copy(q->backend, sizeof(q->backend), value) ? NULL :
									"the name is too long";
	if (take(word, "server=", &value))
		return str_copy(q->server, sizeof(q->server), value) ? NULL :
								       "the name is too long";
	if (take(word, "age=", &value) && str_to_u64(value, &q->age_us)) {
		q->tunnel_age_us = q->age_us;
		return NULL;
	}
	return OTHER_HPCBALCTL;
}

static const char *read_request(struct ask *a, struct str text)
{
	struct walk_want *q = &a->walk.want;
	struct str word = STR_NONE;
	const char *why = NULL;

	str_split(&text, '\0', &word);
	q->kill = str_eq(word, STR("kill"));
	q->age_us = q->kill ? 0 : LONG_US;
	while (!why && str_split(&text, '\0', &word))
		why = read_word(a, word);
	if (!why && q->kill && !q->id && !*q->server)
		why = OTHER_HPCBALCTL;
	return why;
}

static const struct conf_backend *find_backend(const struct conf *conf, const char *name)
{
	for (unsigned i = 0; i < conf->n_backends; i++)
		if (str_eq(conf->backends[i].name, str_of(name)))
			return &conf->backends[i];
	return NULL;
}

/* Whether what is looked for may be there at all, found or not. */
static bool is_known(const struct conf *conf, const struct walk_want *q)
{
	const struct conf_backend *b = find_backend(conf, q->backend);

	if (q->id || !*q->backend)
		return !q->id;
	for (unsigned i = 0; b && i < b->n_servers; i++)
		if (str_eq(b->servers[i].name, str_of(q->server)))
			return true;
	return b && !*q->server;
}

static struct ask *ask_new(struct roster *r, int fd)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->roster = r;
	a->fd = fd;
	a->io.fd = -1;
	loop_timer_init(&a->patience, client_is_slow);
	walk_init(&a->walk, r->loop, piece_is_back);
	list_append(&r->asks, &a->link);
	r->n_asks++;
	return a;
}

void roster_command(struct roster *r, const struct conf *conf, int fd, struct str request)
{
	struct ask *a = r->n_asks < ASKS_MAX && !r->stopping ? ask_new(r, fd) : NULL;
	const char *why;

	if (!a) {
		refuse(fd, CONTROL_REFUSED, "%s\n", r->stopping ? "hpcbald is stopping" :
			"too many ask at the same time; try again");
		close(fd);
		return;
	}
	why = read_request(a, request);
	if (why) {
		refuse(fd, CONTROL_USAGE, "%s\n", why);
		ask_free(a);
		return;
	}
	a->known = is_known(conf, &a->walk.want);
	ask_next(a);
}

/* ---- the end ---- */

void roster_stop(struct roster *r)
{
	r->stopping = true;
}

void roster_close(struct roster *r)
{
	struct list *e, *next;

	list_each_safe(e, next, &r->asks) {
		struct ask *a = list_of(e, struct ask, link);

		refuse(a->fd, CONTROL_REFUSED, "hpcbald is stopping\n");
		ask_free(a);
	}
}
