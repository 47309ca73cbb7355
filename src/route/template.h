/* Inside route/: a text with ${…} in it, which stand for what a request has (template.def). A
 * "$$" is a "$". */
#ifndef HPCBAL_ROUTE_TEMPLATE_H
#define HPCBAL_ROUTE_TEMPLATE_H

#include "http/named.h"
#include "route/compile.h"

enum template_value {
	TEMPLATE_TEXT, /* the text itself */
#define VARIABLE(name, value, help) TEMPLATE_##value,
#include "route/template.def"
#undef VARIABLE
};

struct template_piece {
	enum template_value value;
	struct str text; /* of TEMPLATE_TEXT */
	struct http_named named;
};

#define TEMPLATE_PIECES 64

struct template {
	unsigned n;
	struct template_piece *pieces;
};

/* False: the diagnostics say why, in the parser's name. */
bool template_compile(struct parser *p, struct str text, struct template *out);
/* STR_NONE when the arena failed. */
struct str template_text(const struct template *t, const struct route_facts *facts,
			 struct arena *arena);
/* With whatever cannot stand in a URI as percent-escapes (RFC 3986 2). What a client sent never
 * begins an authority: "//evil.example" for a path becomes "/evil.example". STR_NONE when the
 * arena failed. */
struct str template_uri(const struct template *t, const struct route_facts *facts,
			struct arena *arena);

#endif
