#include "web/documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/json_notes.h"
#include "admin/snapshot.h"
#include "admin/text.h"
#include "base/addr.h"
#include "base/clock.h"
#include "http/authority.h"
#include "web/page.h"

#define WHY 512
#define TEXT_PLAIN "text/plain; charset=utf-8"
#define JSON "application/json"
#define API "/api/v1"

/* ---- the documents ---- */

struct making {
	const struct snapshot *s;
	const char *name; /* behind the path; NULL: none */
	FILE *out;
	unsigned status;
	char why[WHY]; /* with a false: empty, out of memory */
};

static bool make_metrics(struct making *m)
{
	snapshot_print_metrics(m->s, m->out);
	return true;
}

static bool make_health(struct making *m)
{
	char why[WHY];

	if (!snapshot_is_healthy(m->s, why, sizeof(why)))
		m->status = 503;
	return snapshot_json_health(m->s, m->out);
}

static bool make_status(struct making *m)
{
	return snapshot_json_status(m->s, m->out);
}

static bool make_servers(struct making *m)
{
	return snapshot_json_servers(m->s, m->name, m->out, m->why, sizeof(m->why));
}

static bool make_vrrp(struct making *m)
{
	return snapshot_json_vrrp(m->s, m->name, m->out, m->why, sizeof(m->why));
}

static bool make_limits(struct making *m)
{
	return snapshot_json_limits(m->s, m->name, m->out, m->why, sizeof(m->why));
}

static bool make_events(struct making *m)
{
	return snapshot_json_events(m->s, m->out);
}

static bool make_list(struct making *m);
static bool make_page(struct making *m);

static const struct row {
	const char *path, *type;
	const char *names; /* what a further part of the path names; NULL: there is none */
	const char *what;
	bool (*make)(struct making *m);
} rows[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", NULL,
	 "all counters and states, for Prometheus", make_metrics},
	{"/health", JSON, NULL, "200 while this node can serve, else 503 and why", make_health},
	{API "/status", JSON, NULL, "as hpcbalctl --json status", make_status},
	{API "/servers", JSON, "BACKEND", "as hpcbalctl --json servers [BACKEND]", make_servers},
	{API "/vrrp", JSON, "INSTANCE", "as hpcbalctl --json vrrp [INSTANCE]", make_vrrp},
	{API "/limits", JSON, "LIMIT", "as hpcbalctl --json limits [LIMIT]", make_limits},
	{API "/events", JSON, NULL, "as hpcbalctl --json events", make_events},
	{API, JSON, NULL, "a list of these", make_list},
	{"/", "text/html; charset=utf-8", NULL, "for people", make_page},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool make_list(struct making *m)
{
	struct json_note notes[ROWS];

	for (size_t i = 0; i < ROWS; i++)
		notes[i] = (struct json_note){rows[i].path, rows[i].what};
	return json_notes_list(notes, ROWS, m->out);
}

static bool make_page(struct making *m)
{
	struct str page = page_text();

	return fwrite(page.p, 1, page.n, m->out) == page.n;
}

/* ---- which one is meant ---- */

/* The row of a path; `name` gets what stands behind it. */
static const struct row *find_row(struct str path, struct str *name)
{
	*name = STR_NONE;
	if (str_eq(path, STR(API "/")))
		path = STR(API);
	for (size_t i = 0; i < ROWS; i++) {
		struct str own = str_of(rows[i].path);

		if (str_eq(path, own))
			return &rows[i];
		if (!rows[i].names || !str_begins(path, own) || path.p[own.n] != '/')
			continue;
		*name = str_from(path, own.n + 1);
		if (name->n)
			return &rows[i];
	}
	return NULL;
}

/* What is shown of a path has no byte that a terminal obeys. */
static void describe_unknown(struct str path, char *to, size_t size)
{
	const char *near = NULL;
	unsigned best = 4;
	char shown[128];

	str_copy(shown, sizeof(shown), str_first(path, sizeof(shown) - 1));
	text_clean(shown, false);
	for (size_t i = 0; i < ROWS; i++) {
		unsigned distance = str_distance(path, str_of(rows[i].path));

		if (rows[i].path[1] && distance < best) {
			best = distance;
			near = rows[i].path;
		}
	}
	if (near)
		snprintf(to, size, "there is no %s; did you mean %s?", shown, near);
	else
		snprintf(to, size, "there is no %s; / and " API "/ list what there is", shown);
}

/* ---- answers ---- */

void document_free(struct document *d)
{
	free(d->body);
	d->body = NULL;
	d->n = 0;
}

static void say(struct document *d, unsigned status, bool json, const char *text)
{
	FILE *out = open_memstream(&d->body, &d->n);

	d->status = status;
	d->type = json ? JSON : TEXT_PLAIN;
	if (!out)
		return;
	if (json)
		json_notes_error(text, out);
	else
		fprintf(out, "%s\n", text);
	if (fclose(out) != 0)
		document_free(d);
}

static struct snapshot *take_snapshot(const struct web_boards *b)
{
	struct snapshot *s = snapshot_take(b->supervisor, b->proxy, b->vrrp, clock_wall_us(),
					   clock_now_us());

	if (s && !snapshot_add_limits(s, b->limits)) {
		snapshot_free(s);
		s = NULL;
	}
	return s;
}

static bool print(struct making *m, const struct row *row, struct document *d)
{
	bool good;

	m->out = open_memstream(&d->body, &d->n);
	if (!m->out)
		return false;
	good = row->make(m);
	/* What was too much for memory is not printed in part. */
	good = !ferror(m->out) && good;
	return fclose(m->out) == 0 && good;
}

static void make(struct document *d, const struct web_boards *b, const struct row *row,
		 const char *name)
{
	struct snapshot *s = take_snapshot(b);
	struct making m = {.s = s, .name = name, .status = 200};
	bool json = strcmp(row->type, JSON) == 0;

	if (s && print(&m, row, d) && d->n <= DOCUMENT_MAX) {
		d->status = m.status;
		d->type = row->type;
		d->policy = row->make == make_page ? page_policy() : NULL;
	} else {
		document_free(d);
		if (*m.why)
			say(d, 404, json, m.why);
		else
			say(d, 503, json, "this document takes more memory than there is");
	}
	snapshot_free(s);
}

/* ---- who may ask ---- */

static bool is_node(struct str host, const struct web_boards *b)
{
	char node[BOARD_NAME], machine[256] = "";

	board_text(node, sizeof(node), b->supervisor->node, sizeof(b->supervisor->node));
	gethostname(machine, sizeof(machine) - 1);
	return str_ieq(host, str_of(node)) || str_ieq(host, str_of(machine));
}

static bool is_address(struct str host)
{
	struct addr a;

	if (host.n >= 2 && host.p[0] == '[')
		host = (struct str){host.p + 1, host.n - 2};
	return !addr_parse_host(&a, host, 1);
}

/* A page from anywhere can let its own name lead to 127.0.0.1 and so have a browser that runs
 * here read what it may not (DNS rebinding); the name that it asked for gives that away. At
 * other addresses any name may be the node's. */
static bool is_misled(const struct http_request *req, const struct web_boards *b)
{
	struct http_authority a;

	if (!req->authority.n)
		return false; /* HTTP/1.0; no browser */
	if (!http_authority_parse(req->authority, &a))
		return true;
	return !str_ieq(a.host, STR("localhost")) && !is_address(a.host) && !is_node(a.host, b);
}

void document_make(struct document *d, const struct web_boards *b, const struct http_request *req,
		   bool local)
{
	struct str path = req->match_path, name;
	const struct row *row = find_row(path, &name);
	bool json = str_begins(path, STR("/api/"));
	char text[WHY];

	*d = (struct document){.status = 0};
	if (local && is_misled(req, b)) {
		say(d, 421, json,
		    "this host is not the node that answers here; ask for localhost, its address, "
		    "or its name");
	} else if (req->method != METHOD_GET && req->method != METHOD_HEAD) {
		say(d, 405, json, "what is here is to be read only: use GET or HEAD");
		d->allow = "GET, HEAD";
	} else if (!row || name.n >= sizeof(text)) {
		describe_unknown(path, text, sizeof(text));
		say(d, 404, json, text);
	} else {
		str_copy(text, sizeof(text), name);
		text_clean(text, false);
		make(d, b, row, name.n ? text : NULL);
	}
}

void document_put_off(struct document *d)
{
	document_free(d);
	*d = (struct document){.status = 0};
	say(d, 503, false, "others are just being told so much that there is no room; ask again");
}

void document_refuse(struct document *d, enum reason why)
{
	*d = (struct document){.status = 0};
	say(d, reason_status(why) ? reason_status(why) : 400, false, reason_text(why));
	if (d->status == 405)
		d->allow = "GET, HEAD";
}
