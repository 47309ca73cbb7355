#include "admin/demote.h"

#include <stdlib.h>

#include "admin/jvalue.h"
#include "admin/text.h"

#define WORD 64
#define SENTENCE 512
#define FIELDS 6

struct demote {
	enum demote_form form;
	FILE *out, *err;
	json_t *steps;   /* { instance: [ step … ] } */
	json_t *results; /* in the order in which they came */
	bool failed;     /* out of memory */
};

struct result {
	char instance[WORD], from[WORD], to[WORD], text[SENTENCE];
	double gap_ms; /* below 0: not known */
	bool done;
};

struct demote *demote_new(enum demote_form form, FILE *out, FILE *err)
{
	struct demote *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->form = form;
	d->out = out;
	d->err = err;
	d->steps = json_object();
	d->results = json_array();
	if (d->steps && d->results)
		return d;
	demote_free(d);
	return NULL;
}

void demote_free(struct demote *d)
{
	if (!d)
		return;
	json_decref(d->steps);
	json_decref(d->results);
	free(d);
}

/* ---- reading ---- */

/* The last field is the rest, whatever is in it. False: fewer than `n`. */
static bool split(struct str body, struct str *field, unsigned n)
{
	for (unsigned i = 0; i + 1 < n; i++) {
		ptrdiff_t at = str_find_char(body, '\t');

		if (at < 0)
			return false;
		field[i] = str_first(body, (size_t)at);
		body = str_from(body, (size_t)at + 1);
	}
	field[n - 1] = body;
	return true;
}

/* Longer ones are cut; a NUL ends them. */
static void copy(char *to, size_t size, struct str from)
{
	size_t n = from.n < size ? from.n : size - 1;

	memcpy(to, from.p, n);
	to[n] = '\0';
	text_clean(to, false);
}

/* "12", "0.4": digits, and a part behind a point. */
static bool read_number(struct str text, double *out)
{
	ptrdiff_t point = str_find_char(text, '.');
	struct str whole = point < 0 ? text : str_first(text, (size_t)point);
	struct str part = point < 0 ? STR("0") : str_from(text, (size_t)point + 1);
	uint64_t number, fraction;
	double scale = 1;

	if (!str_to_u64(whole, &number) || !str_to_u64(part, &fraction))
		return false;
	for (size_t i = 0; i < part.n; i++)
		scale *= 10;
	*out = (double)number + (double)fraction / scale;
	return true;
}

/* "-" is nobody, and the empty text. */
static void copy_address(char *to, size_t size, struct str from)
{
	copy(to, size, str_eq(from, STR("-")) ? STR("") : from);
}

static bool read_result(struct result *r, struct str body)
{
	struct str f[FIELDS];

	if (!split(body, f, FIELDS) || !f[0].n)
		return false;
	copy(r->instance, sizeof(r->instance), f[0]);
	copy_address(r->from, sizeof(r->from), f[1]);
	copy_address(r->to, sizeof(r->to), f[2]);
	if (!read_number(f[3], &r->gap_ms))
		r->gap_ms = -1;
	r->done = str_eq(f[4], STR("1"));
	copy(r->text, sizeof(r->text), f[5]);
	return true;
}

/* ---- telling ---- */

static void keep_step(struct demote *d, const char *instance, double ms, const char *what)
{
	json_t *list = json_object_get(d->steps, instance);
	json_t *step = json_pack("{s:f,s:s}", "ms", ms, "what", what);

	if (!list) {
		list = json_array();
		if (json_object_set_new(d->steps, instance, list) != 0)
			list = NULL;
	}
	if (!list || json_array_append(list, step) != 0)
		d->failed = true;
	json_decref(step);
}

static void tell_step(struct demote *d, struct str body)
{
	char instance[WORD], what[SENTENCE];
	struct str f[3];
	double ms;

	if (!split(body, f, 3) || !f[0].n || !read_number(f[1], &ms))
		return;
	copy(instance, sizeof(instance), f[0]);
	copy(what, sizeof(what), f[2]);
	if (d->form == DEMOTE_JSON) {
		keep_step(d, instance, ms, what);
		return;
	}
	if (d->form == DEMOTE_NAMED)
		fprintf(d->out, "%s ", instance);
	fprintf(d->out, "%5.0f ms  %s\n", ms, what);
	fflush(d->out);
}

static json_t *result_json(const struct result *r)
{
	return json_pack("{s:s,s:o,s:o,s:[],s:o,s:n,s:b,s:o}", "instance", r->instance, "from",
			 jvalue_text(r->from), "to", jvalue_text(r->to), "steps", "gap_ms",
			 r->gap_ms < 0 ? json_null() : json_real(r->gap_ms), "connections_kept",
			 "done", (int)r->done, "text", jvalue_text(r->text));
}

static void tell_result(struct demote *d, struct str body)
{
	struct result r;

	if (read_result(&r, body) && json_array_append_new(d->results, result_json(&r)) != 0)
		d->failed = true;
}

void demote_tell(void *arg, char kind, struct str body)
{
	struct demote *d = arg;

	if (kind == 's')
		tell_step(d, body);
	else if (kind == 'r')
		tell_result(d, body);
}

/* ---- the end ---- */

static const char *string_of(const json_t *result, const char *key)
{
	const char *text = json_string_value(json_object_get(result, key));

	return text ? text : "";
}

/* Where it went and how long it took, or in words why it went nowhere. */
static void print_result(struct demote *d, const json_t *r)
{
	bool done = json_is_true(json_object_get(r, "done"));
	const json_t *gap = json_object_get(r, "gap_ms");
	const char *to = string_of(r, "to"), *text = string_of(r, "text");
	FILE *out = done ? d->out : d->err;

	fprintf(out, "%s%s: ", done ? "" : "hpcbalctl: ", string_of(r, "instance"));
	if (done && *to) {
		fprintf(out, "%s \u2192 %s", text_or_dash(string_of(r, "from")), to);
		text = json_is_real(gap) ? "" : text;
	}
	if (done && *to && json_is_real(gap))
		fprintf(out, ", nobody answered for %.1f ms", json_real_value(gap));
	else
		fprintf(out, "%s%s", done && *to && *text ? ": " : "", text);
	fputc('\n', out);
}

static bool print_document(struct demote *d)
{
	size_t n = json_array_size(d->results);

	for (size_t i = 0; i < n; i++) {
		json_t *r = json_array_get(d->results, i);
		json_t *steps = json_object_get(d->steps, string_of(r, "instance"));

		if (steps && json_object_set(r, "steps", steps) != 0)
			return false;
	}
	return !n || jvalue_print(json_incref(n == 1 ? json_array_get(d->results, 0) : d->results),
				  d->out);
}

bool demote_finish(struct demote *d)
{
	for (size_t i = 0; i < json_array_size(d->results); i++) {
		const json_t *r = json_array_get(d->results, i);

		if (d->form != DEMOTE_JSON || !json_is_true(json_object_get(r, "done")))
			print_result(d, r);
	}
	if (d->form == DEMOTE_JSON && !print_document(d))
		d->failed = true;
	return !d->failed;
}
