#include "proxy/walk.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

/* How much one piece may do: ending an exchange costs some system calls, a line is written in a
 * microsecond or two, and most of what is passed by is a miss of the cache. */
#define KILLS 16
#define LINES 64
#define LOOKS 256
/* What one line may take: names of CONF_NAME_MAX, and what a client says, cut. */
#define LINE_MAX_SIZE 1024
#define METHOD_SHOWN 32
#define TARGET_SHOWN 200

void walk_init(struct walk *w, struct loop *main_loop, void (*back)(struct walk *w))
{
	w->main_loop = main_loop;
	w->back = back;
	w->want = (struct walk_want){ 0 };
	w->give_up = false;
	w->worker = NULL;
	w->mark.at = NULL;
	w->found = 0;
	w->n_text = 0;
	w->at_end = true;
}

/* ---- names ---- */

bool walk_id_parse(struct walk_id *id, struct str text)
{
	ptrdiff_t point = str_find_char(text, '.');
	uint64_t worker, number = 0;
	struct str digits;

	if (point < 0 || !str_to_u64(str_first(text, (size_t)point), &worker) ||
	    worker >= BOARD_WORKERS)
		return false;
	digits = str_from(text, (size_t)point + 1);
	if (digits.n == 0 || digits.n > 15)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		char c = str_lower_char(digits.p[i]);

		if (c >= '0' && c <= '9')
			number = number << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			number = number << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*id = (struct walk_id){ .worker = (unsigned)worker, .number = number };
	return number != 0;
}

void walk_id_format(const struct walk_id *id, char to[WALK_ID_TEXT])
{
	snprintf(to, WALK_ID_TEXT, "%u.%" PRIx64, id->worker, id->number);
}

/* ---- what is found ---- */

static bool name_fits(const char *wanted, struct str name)
{
	return !*wanted || str_eq(str_of(wanted), name);
}

static bool is_wanted(const struct walk_want *q, const struct exchange *x, uint64_t now)
{
	uint64_t age = now - x->began_at;

	if (q->id && q->id != x->id)
		return false;
	if (age < (x->tunnel ? q->tunnel_age_us : q->age_us))
		return false;
	if (*q->backend && (!x->backend || !name_fits(q->backend, x->backend->conf->name)))
		return false;
	return !*q->server || (x->server && name_fits(q->server, str_of(x->server->name)));
}

static uint64_t ms_since(uint64_t then, uint64_t now)
{
	return (now - then) / CLOCK_MS;
}

static struct str or_dash(struct str s)
{
	return s.n ? s : STR("-");
}

static void write_line(struct walk *w, const struct exchange *x, uint64_t now)
{
	const struct session *s = x->session;
	const struct walk_id id = { s->worker->index, x->id };
	char id_text[WALK_ID_TEXT], client[ADDR_TEXT];
	struct str method = x->head_whole ? str_first(x->req.method_text, METHOD_SHOWN) : STR_NONE;
	struct str target = x->head_whole ? str_first(x->req.target, TARGET_SHOWN) : STR_NONE;
	uint64_t in = x->to_server.body + (x->head_whole ? x->req.head_size : 0);

	walk_id_format(&id, id_text);
	addr_format(&s->peer, client, sizeof(client));
	w->n_text += (size_t)snprintf(
		w->text + w->n_text, LINE_MAX_SIZE,
		"%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%.*s\t%.*s\t%.*s\t%" PRIu64 "\t%" PRIu64
		"\t%.*s\t%.*s\n",
		id_text, ms_since(x->began_at, now), ms_since(x->moved_at, now),
		exchange_step_name(x->step), client, STR_ARGS(x->frontend->conf->name),
		STR_ARGS(x->backend ? x->backend->conf->name : STR("-")),
		STR_ARGS(x->server ? str_of(x->server->name) : STR("-")), in, x->to_client.sent,
		STR_ARGS(or_dash(method)), STR_ARGS(or_dash(target)));
}

/* ---- a piece ---- */

static bool had_enough(const struct walk *w, unsigned looked)
{
	return looked >= LOOKS || w->found >= (w->want.kill ? KILLS : LINES) ||
	       (w->want.id && w->found) || WALK_TEXT - w->n_text < LINE_MAX_SIZE;
}

static void look_at(struct walk *w, struct exchange *x, uint64_t now)
{
	if (!x || x->ended || !is_wanted(&w->want, x, now))
		return;
	w->found++;
	if (w->want.kill)
		exchange_cut(x, x->tunnel ? REASON_TUNNEL_KILLED : REASON_KILLED);
	else
		write_line(w, x, now);
}

/* The mark is always one ahead, so that what is ended here is not where it stands. */
static void walk_on(struct walk *w)
{
	struct worker *k = w->worker;
	uint64_t now = loop_now(k->loop);

	for (unsigned looked = 0; w->mark.at != &k->sessions; looked++) {
		struct session *s = list_of(w->mark.at, struct session, link);

		if (had_enough(w, looked))
			return;
		w->mark.at = w->mark.at->next;
		look_at(w, s->exchange, now);
	}
}

static void came_back(struct loop_letter *m)
{
	struct walk *w = list_of(m, struct walk, letter);

	w->back(w);
}

static void delivered(struct loop_letter *m)
{
	struct walk *w = list_of(m, struct walk, letter);
	struct worker *k = w->worker;

	w->found = 0;
	w->n_text = 0;
	if (w->at_end) {
		w->mark.at = k->sessions.next;
		list_append(&k->marks, &w->mark.link);
	}
	if (!w->give_up)
		walk_on(w);
	w->at_end = w->give_up || w->mark.at == &k->sessions || (w->want.id && w->found);
	if (w->at_end)
		list_del(&w->mark.link);
	loop_post(w->main_loop, &w->letter, came_back);
}

void walk_send(struct walk *w, struct worker *to)
{
	w->worker = to;
	loop_post(to->loop, &w->letter, delivered);
}
