#include "ctl/top_screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/text.h"
#include "admin/wrong.h"
#include "ctl/top_tables.h"

#define TITLE_TEXT 512
#define LOST_TEXT 768

/* ---- the fixed part ---- */

static void add_title(struct top_lines *to, const struct snapshot *s, const struct top_view *v)
{
	char up[TEXT_TIME], when[TEXT_TIME], interval[TEXT_TIME];

	text_local_time(when, s->now_us);
	top_lines_add(
		to, TOP_BAR, "hpcbal %s%s  %s  up %s  every %s  generation %" PRIu64 "  %s",
		text_or_dash(s->node), v->paused ? "  PAUSED" : "",
		strlen(when) > 11 ? when + 11 : when, text_uptime(up, s->started_us, s->now_us),
		text_interval(interval, v->interval_us), s->generation, text_or_dash(s->version));
}

static void add_lost(struct top_lines *to, const struct top_view *v, unsigned width)
{
	char text[LOST_TEXT], age[TEXT_TIME];

	if (!v->lost)
		return;
	snprintf(text, sizeof(text), "no answer from hpcbald for %s, what is shown is old: %s",
		 text_lapse(age, v->lost_us), v->lost);
	top_lines_wrap(to, TOP_BAD, width, "  ", text);
}

struct found {
	struct top_lines *to;
	unsigned width;
};

static void add_found(void *arg, const char *text)
{
	const struct found *f = arg;

	top_lines_wrap(f->to, TOP_BAD, f->width, "  ", text);
}

/* Each thing that is wrong, and where there is nothing that all is well. */
static bool find_wrong(struct top_lines *to, const struct snapshot *s, unsigned width)
{
	struct found f = {to, width};

	if (!wrong_each(s, add_found, &f))
		return false;
	if (!to->n)
		top_lines_add(to, TOP_GOOD, "all is well");
	return !to->failed;
}

/* At most a third of the screen, so that the rest can be seen as well. */
static void add_wrong(struct top_lines *to, const struct snapshot *s, unsigned width,
		      unsigned height)
{
	size_t room = height / 3 ? height / 3 : 1;
	struct top_lines all = {.line = NULL};

	if (!find_wrong(&all, s, width))
		to->failed = true;
	for (size_t i = 0; i < all.n && i < room; i++) {
		if (i + 1 == room && all.n > room)
			top_lines_add(to, TOP_BAD,
				      "and %zu lines more: hpcbalctl status shows all", all.n - i);
		else
			top_lines_add(to, all.line[i].look, "%s", all.line[i].text);
	}
	top_lines_free(&all);
}

/* ---- the part that scrolls ---- */

static void add_help(struct top_lines *to, unsigned width)
{
	static const char *const lines[] = {
		"q            ends it",
		"s, S         sorts backends and servers by the next, the last before: file, "
		"requests, active, queue, errors, state, name",
		"r            sorts the other way round",
		"/            only backends with this in their name; Enter keeps it, Escape shows "
		"all again",
		"p            pauses, and goes on",
		"arrows, j, k a line down or up",
		"PageDown, Space, PageUp",
		"             a page down or up",
		"Home, g, End, G",
		"             to the beginning, to the end",
		"?, h, Escape this, and back",
		"",
		"Rates and latencies are those between the last two looks. 4XX/s and 5XX/s are "
		"answers to clients; ERR/s are failed tries at a server.",
		"A column that has no room is left out: make the terminal wider.",
	};

	top_lines_add(to, TOP_HEAD, "KEYS");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		top_lines_wrap(to, TOP_PLAIN, width, lines[i][0] ? "             " : "", lines[i]);
}

static bool fill_body(struct top_lines *to, const struct snapshot *before,
		      const struct snapshot *now, const struct top_view *v, unsigned width)
{
	struct top_rates *r;

	if (v->help) {
		add_help(to, width);
		return !to->failed;
	}
	r = top_rates(before, now);
	if (!r)
		return false;
	top_tables(to, now, r, v, width);
	free(r);
	return !to->failed;
}

/* ---- the whole ---- */

static void add_foot(struct top_lines *to, const struct top_view *v)
{
	unsigned last = v->offset + v->page < v->lines ? v->offset + v->page : v->lines;

	if (v->typing) {
		top_lines_add(to, TOP_BAR, "/%s_  Enter: keep it  Esc: all", v->filter);
		return;
	}
	top_lines_add(to, TOP_BAR, "%u-%u/%u  ?:help q:quit s:%s%s%s%s", last ? v->offset + 1 : 0,
		      last, v->lines, top_sort_name(v->sort), v->reverse ? " (r)" : "",
		      *v->filter ? " /" : "", v->filter);
}

/* Moves lines of the body behind those of the head. */
static void take_window(struct top_lines *to, struct top_lines *body, struct top_view *v,
			unsigned height)
{
	unsigned fixed = (unsigned)to->n + 1;

	v->page = height > fixed ? height - fixed : 0;
	v->lines = (unsigned)body->n;
	if (v->offset + v->page > v->lines)
		v->offset = v->lines > v->page ? v->lines - v->page : 0;
	for (unsigned i = v->offset; i < v->lines && i < v->offset + v->page; i++) {
		struct top_line *line = top_lines_add(to, body->line[i].look, " ");

		if (!line)
			return;
		free(line->text);
		*line = body->line[i];
		body->line[i].text = NULL;
	}
	while (to->n + 1 < height && top_lines_add(to, TOP_PLAIN, "%s", ""))
		;
}

/* What a screen that is too low, or too narrow, has no room for is not there. */
static void trim(struct top_lines *to, unsigned width, unsigned height)
{
	while (to->n > height)
		free(to->line[--to->n].text);
	for (size_t i = 0; i < to->n; i++) {
		struct top_line *l = &to->line[i];

		top_cut(l->text, width);
		for (unsigned k = 0; k < l->n_marks; k++) {
			struct top_mark *m = &l->marks[k];

			if (m->from >= width)
				m->n = 0;
			else if (m->n > width - m->from)
				m->n = width - m->from;
		}
	}
}

bool top_screen(const struct snapshot *before, const struct snapshot *now, struct top_view *v,
		unsigned width, unsigned height, struct top_lines *to)
{
	struct top_lines body = {.line = NULL};

	add_title(to, now, v);
	add_lost(to, v, width);
	add_wrong(to, now, width, height);
	if (to->n > height - 1 && height > 1) /* the keys stand in the last line */
		trim(to, width, height - 1);
	if (!fill_body(&body, before, now, v, width))
		to->failed = true;
	else
		take_window(to, &body, v, height);
	top_lines_free(&body);
	add_foot(to, v);
	if (to->failed) {
		top_lines_free(to);
		return false;
	}
	trim(to, width, height);
	return true;
}
