/* Lines of an HTTP/1.x head, and one field line taken apart. Shared by requests, responses
 * and trailer sections. Pure. */
#ifndef HPCBAL_HTTP_H1_LINE_H
#define HPCBAL_HTTP_H1_LINE_H

#include "http/h1_parse.h"

struct h1_line {
	struct str text;  /* without its end */
	struct str whole; /* with it */
};

/* The next whole line, and moves behind it. HTTP_BAD: it ended by a bare LF, which is not
 * relaxed. */
enum http_verdict h1_line_next(struct h1_parser *p, struct str in, bool relax_bare_lf,
			       struct h1_line *line);

/* REASON_COMPLETE, or the REQ_… fault. Fills name and trimmed value; `plain` tells that the
 * name has only letters, digits and "-". */
enum reason h1_field_parse(struct str text, struct str *name, struct str *value, bool *plain);

/* Whether `text`, of these parts, is "Name: value" or "Name:value", and so may go on without a
 * copy. */
bool h1_field_is_tidy(struct str text, struct str name, struct str value);

/* REASON_COMPLETE when every byte may stand in a field value, else the REQ_… fault. */
enum reason h1_value_check(struct str value);

/* All field lines up to the empty one. `plain_only` drops fields whose names are not plain
 * (HTTP.md 56). Faults are the REQ_… ones. */
enum http_verdict h1_fields_read(struct h1_parser *p, struct str in,
				 const struct h1_limits *limits, bool plain_only,
				 struct arena *arena, struct http_fields *fields,
				 enum reason *why);

#endif
