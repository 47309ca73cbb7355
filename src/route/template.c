#include "route/template.h"

#include <stdio.h>

#include "http/chars.h"
#include "http/text.h"

static const struct {
	struct str name;
	enum template_value value;
} variables[] = {
#define VARIABLE(name, value, help) { { name, sizeof(name) - 1 }, TEMPLATE_##value },
#include "route/template.def"
#undef VARIABLE
};

#define N_VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* ---- at load ---- */

/* Up to the bracket. */
static struct str base_name(struct str text)
{
	ptrdiff_t bracket = str_find_char(text, '(');

	return bracket < 0 ? text : str_first(text, (size_t)bracket);
}

/* Of those that are as near, one with brackets for one with brackets. */
static struct str nearest(struct str text)
{
	struct str best = STR_NONE;
	unsigned least = ~0u;

	for (size_t i = 0; i < N_VARIABLES; i++) {
		struct str name = variables[i].name;
		unsigned distance = 2 * str_distance(base_name(name), base_name(text));

		distance += (base_name(name).n == name.n) != (base_name(text).n == text.n);
		if (distance < least) {
			least = distance;
			best = name;
		}
	}
	return best;
}

static void complain_of_variable(struct parser *p, struct str text)
{
	struct str near = nearest(text);
	bool named = base_name(near).n < near.n;

	parser_say(p, DIAG_ERROR,
		   "unknown variable \"${%.*s}\"; the nearest is \"${%.*s%s}\" (all stand in "
		   "hpcbal.conf(5))",
		   STR_ARGS(str_first(text, 60)), STR_ARGS(base_name(near)),
		   named ? "(NAME)" : "");
}

static struct template_piece *piece_add(struct parser *p, struct template *t)
{
	if (t->n == TEMPLATE_PIECES) {
		parser_say(p, DIAG_ERROR, "more than %d parts; write a shorter text",
			   TEMPLATE_PIECES);
		return NULL;
	}
	t->pieces[t->n] = (struct template_piece){ TEMPLATE_TEXT, STR_NONE, { 0 } };
	return &t->pieces[t->n++];
}

static bool text_add(struct parser *p, struct template *t, struct str text)
{
	struct template_piece *piece = text.n ? piece_add(p, t) : NULL;

	if (piece)
		piece->text = arena_str(p->c->arena, text);
	return text.n == 0 || piece;
}

/* The NAME of "hdr(NAME)" for "hdr()"; empty when it is not such a text. */
static struct str argument(struct str text, struct str variable)
{
	size_t before = variable.n - 1;

	if (!str_ends(variable, STR("()")) || text.n <= variable.n ||
	    !str_begins(text, str_first(variable, before)) || !str_ends(text, STR(")")))
		return STR_NONE;
	return (struct str){ text.p + before, text.n - variable.n };
}

static enum http_named_kind kind_of(enum template_value v)
{
	return v == TEMPLATE_NAMED_HDR     ? HTTP_NAMED_FIELD
	       : v == TEMPLATE_NAMED_QUERY ? HTTP_NAMED_QUERY
					   : HTTP_NAMED_COOKIE;
}

static bool variable_add(struct parser *p, struct template *t, struct str text)
{
	struct template_piece *piece = piece_add(p, t);

	for (size_t i = 0; piece && i < N_VARIABLES; i++) {
		struct str name = argument(text, variables[i].name);

		if (!name.n && !str_eq(text, variables[i].name))
			continue;
		piece->value = variables[i].value;
		piece->named = http_named(kind_of(piece->value), arena_str(p->c->arena, name));
		if (name.n ? http_named_possible(&piece->named) : !str_ends(text, STR("()")))
			return true;
		break;
	}
	if (piece)
		complain_of_variable(p, text);
	return false;
}

/* From a "$" on; `rest` moves behind it. */
static bool dollar_add(struct parser *p, struct template *t, struct str *rest)
{
	ptrdiff_t end;
	struct str name;

	if (str_begins(*rest, STR("$$"))) {
		*rest = str_from(*rest, 2);
		return text_add(p, t, STR("$"));
	}
	if (!str_begins(*rest, STR("${"))) {
		*rest = str_from(*rest, 1);
		return text_add(p, t, STR("$"));
	}
	end = str_find_char(*rest, '}');
	if (end < 0) {
		parser_say(p, DIAG_ERROR,
			   "\"%.*s\" has no \"}\"; write it behind the variable's name, or \"$$\" "
			   "for a \"$\"",
			   STR_ARGS(str_first(*rest, 60)));
		return false;
	}
	name = (struct str){ rest->p + 2, (size_t)end - 2 };
	*rest = str_from(*rest, (size_t)end + 1);
	return variable_add(p, t, name);
}

/* At most so many: a variable, and the text behind it, for each "$". */
static unsigned pieces_of(struct str text)
{
	unsigned n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '$' ? 2 : 0;
	return n < TEMPLATE_PIECES ? n : TEMPLATE_PIECES;
}

bool template_compile(struct parser *p, struct str text, struct template *out)
{
	*out = (struct template){
		0, arena_alloc(p->c->arena, pieces_of(text) * sizeof(*out->pieces))
	};
	while (out->pieces && text.n) {
		ptrdiff_t at = str_find_char(text, '$');
		size_t before = at < 0 ? text.n : (size_t)at;

		if (!text_add(p, out, str_first(text, before)))
			return false;
		text = str_from(text, before);
		if (text.n && !dollar_add(p, out, &text))
			return false;
	}
	return out->pieces != NULL;
}

/* ---- of a request ---- */

static struct str src_text(const struct route_facts *facts, struct arena *arena)
{
	char text[ADDR_TEXT];

	if (!facts->src || facts->src->len == 0)
		return STR_NONE;
	return arena_str(arena, (struct str){ text, addr_format_host(facts->src, text,
								     sizeof(text)) });
}

static struct str port_text(const struct route_facts *facts, struct arena *arena)
{
	char text[8];

	return arena_str(arena, (struct str){ text, (size_t)snprintf(text, sizeof(text), "%u",
								     facts->dst_port) });
}

static struct str joined(struct str a, struct str b, struct arena *arena)
{
	struct http_text t;

	if (b.n == 0 || !http_text_init(&t, arena, a.n + b.n))
		return a;
	http_text_add(&t, a);
	http_text_add(&t, b);
	return http_text_since(&t, 0);
}

static struct str value_of(const struct template_piece *piece, const struct route_facts *facts,
			   struct arena *arena)
{
	const struct http_request *req = facts->req;
	struct str value = piece->text;

	switch (piece->value) {
	case TEMPLATE_TEXT:
		return value;
	case TEMPLATE_HOST:
		return condition_host(req->authority.n ? req->authority : facts->default_host);
	case TEMPLATE_URI:
		return joined(req->path, req->query, arena);
	case TEMPLATE_PATH:
		return req->path;
	case TEMPLATE_QUERY:
		return req->query;
	case TEMPLATE_METHOD:
		return req->method_text;
	case TEMPLATE_PROTO:
		return facts->tls ? STR("https") : STR("http");
	case TEMPLATE_SRC:
		return src_text(facts, arena);
	case TEMPLATE_DST_PORT:
		return port_text(facts, arena);
	case TEMPLATE_REQUEST_ID:
		return facts->request_id;
	case TEMPLATE_NAMED_HDR:
	case TEMPLATE_NAMED_QUERY:
	case TEMPLATE_NAMED_COOKIE:
		http_named_first(&piece->named, req, &value);
		return value;
	}
	wrong("a variable that is none");
}

/* RFC 3986 2: what stands in a URI as it is. A "#" only where the configuration has it. */
static bool stands(char c, bool ours)
{
	if (c == '#')
		return ours;
	return http_char_is(c, CHAR_TARGET) && !strchr("\"<>\\^`{|}", c);
}

static void uri_add(struct http_text *t, struct str s, bool ours)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		const char escape[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (stands(s.p[i], ours))
			http_text_add(t, (struct str){ &s.p[i], 1 });
		else
			http_text_add(t, (struct str){ escape, 3 });
	}
}

static struct str without_authority(struct str s)
{
	while (str_begins(s, STR("//")))
		s = str_from(s, 1);
	return s;
}

struct str template_text(const struct template *t, const struct route_facts *facts,
			 struct arena *arena)
{
	struct str values[TEMPLATE_PIECES];
	struct http_text text;
	size_t room = 1;

	for (unsigned i = 0; i < t->n; i++) {
		values[i] = value_of(&t->pieces[i], facts, arena);
		room += values[i].n;
	}
	if (arena_failed(arena) || !http_text_init(&text, arena, room))
		return STR_NONE;
	for (unsigned i = 0; i < t->n; i++)
		http_text_add(&text, values[i]);
	return http_text_since(&text, 0);
}

struct str template_uri(const struct template *t, const struct route_facts *facts,
			struct arena *arena)
{
	struct str values[TEMPLATE_PIECES];
	struct http_text text;
	size_t room = 1; /* an empty one is no failure */

	for (unsigned i = 0; i < t->n; i++) {
		values[i] = value_of(&t->pieces[i], facts, arena);
		room += 3 * values[i].n;
	}
	if (arena_failed(arena) || !http_text_init(&text, arena, room))
		return STR_NONE;
	for (unsigned i = 0; i < t->n; i++)
		uri_add(&text, values[i], t->pieces[i].value == TEMPLATE_TEXT);
	if (t->n && t->pieces[0].value != TEMPLATE_TEXT)
		return without_authority(http_text_since(&text, 0));
	return http_text_since(&text, 0);
}
