#include "admin/sessions.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin/jvalue.h"
#include "admin/table.h"
#include "admin/text.h"
#include "base/clock.h"

enum { ID, AGE, IDLE, STEP, CLIENT, FRONTEND, BACKEND, SERVER, IN, OUT, METHOD, TARGET, FIELDS };

struct row {
	char *text; /* owned; the fields lie in it */
	const char *field[FIELDS];
	uint64_t age_ms, idle_ms, in, out;
};

struct sessions {
	struct row *rows;
	size_t n, room;
	uint64_t killed;
	bool failed; /* out of memory */
};

struct sessions *sessions_new(void)
{
	return calloc(1, sizeof(struct sessions));
}

void sessions_free(struct sessions *l)
{
	if (!l)
		return;
	while (l->n)
		free(l->rows[--l->n].text);
	free(l->rows);
	free(l);
}

/* ---- reading ---- */

static bool read_number(const struct row *r, unsigned field, uint64_t *v)
{
	return str_to_u64(str_of(r->field[field]), v);
}

/* Cuts the text into fields; false when there are more or fewer, or other than should be. */
static bool read_fields(struct row *r, size_t n)
{
	struct str rest = { r->text, n }, field;
	unsigned i = 0;

	for (; str_split(&rest, '\t', &field); i++) {
		if (i == FIELDS || field.n == 0)
			return false;
		r->field[i] = field.p;
	}
	for (size_t at = 0; at < n; at++)
		if (r->text[at] == '\t')
			r->text[at] = '\0';
	for (unsigned f = 0; f < i; f++)
		text_clean((char *)(uintptr_t)r->field[f], false);
	return i == FIELDS && read_number(r, AGE, &r->age_ms) &&
	       read_number(r, IDLE, &r->idle_ms) && read_number(r, IN, &r->in) &&
	       read_number(r, OUT, &r->out);
}

static bool make_room(struct sessions *l)
{
	size_t room = l->room ? l->room * 2 : 64;
	struct row *rows;

	if (l->n < l->room)
		return true;
	rows = realloc(l->rows, room * sizeof(*rows));
	if (!rows)
		return false;
	l->rows = rows;
	l->room = room;
	return true;
}

static void add_row(struct sessions *l, struct str line)
{
	struct row r = { .text = strndup(line.n ? line.p : "", line.n) };

	if (!r.text || !make_room(l)) {
		free(r.text);
		l->failed = true;
	} else if (read_fields(&r, strlen(r.text))) {
		l->rows[l->n++] = r;
	} else {
		free(r.text);
	}
}

void sessions_tell(void *arg, char kind, struct str body)
{
	struct sessions *l = arg;
	struct str line;

	if (kind == 'n')
		str_to_u64(body, &l->killed);
	while (kind == 'l' && str_split(&body, '\n', &line))
		if (line.n)
			add_row(l, line);
}

/* ---- printing ---- */

static int older_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->age_ms < y->age_ms) - (x->age_ms > y->age_ms);
}

static json_t *text_or_null(const char *text)
{
	return jvalue_text(strcmp(text, "-") == 0 ? "" : text);
}

static json_t *row_json(const struct row *r)
{
	return json_pack("{s:s,s:o,s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "id", r->field[ID],
			 "age_ms", jvalue_number(r->age_ms), "idle_ms", jvalue_number(r->idle_ms),
			 "step", r->field[STEP], "client", r->field[CLIENT], "frontend",
			 r->field[FRONTEND], "backend", text_or_null(r->field[BACKEND]),
			 "server", text_or_null(r->field[SERVER]), "bytes_in",
			 jvalue_number(r->in), "bytes_out", jvalue_number(r->out), "method",
			 text_or_null(r->field[METHOD]), "target", text_or_null(r->field[TARGET]));
}

static bool print_document(const struct sessions *l, FILE *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		list = jvalue_append(list, row_json(&l->rows[i]));
	return jvalue_print(json_pack("{s:o}", "sessions", list), out);
}

static void add_line(struct table *t, const struct row *r)
{
	char age[TEXT_TIME], idle[TEXT_TIME], in[TEXT_BYTES], out[TEXT_BYTES];

	table_add(t, "%s", r->field[ID]);
	table_add(t, "%s", text_uptime(age, 0, r->age_ms * CLOCK_MS));
	table_add(t, "%s", text_lapse(idle, r->idle_ms * CLOCK_MS));
	table_add(t, "%s", r->field[STEP]);
	table_add(t, "%s", r->field[CLIENT]);
	table_add(t, "%s", r->field[FRONTEND]);
	table_add(t, "%s/%s", r->field[BACKEND], r->field[SERVER]);
	table_add(t, "%s", text_bytes(in, r->in));
	table_add(t, "%s", text_bytes(out, r->out));
	table_add(t, "%s %s", r->field[METHOD], r->field[TARGET]);
}

static bool print_lines(const struct sessions *l, FILE *out)
{
	struct table t;

	if (!l->n) {
		fputs("no such session runs\n", out);
		return true;
	}
	table_init(&t, "lrrllllrrl");
	table_head(&t, "ID|AGE|IDLE|STEP|CLIENT|FRONTEND|SERVER|IN|OUT|REQUEST");
	for (size_t i = 0; i < l->n; i++)
		add_line(&t, &l->rows[i]);
	return table_print(&t, out);
}

bool sessions_print(struct sessions *l, bool json, FILE *out)
{
	if (l->failed)
		return false;
	if (l->n)
		qsort(l->rows, l->n, sizeof(*l->rows), older_first);
	return json ? print_document(l, out) : print_lines(l, out);
}

bool sessions_print_killed(const struct sessions *l, bool json, FILE *out)
{
	if (json)
		return jvalue_print(json_pack("{s:o}", "killed", jvalue_number(l->killed)), out);
	fprintf(out, "ended %" PRIu64 " session%s\n", l->killed, text_plural(l->killed));
	return true;
}
