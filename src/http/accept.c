#include "http/accept.h"

#include "http/chars.h"

/* How closely a media range names a form; 0: not at all. */
enum nearness { FAR, ANY, ANY_SUBTYPE, NAMED };

struct wish {
	enum nearness near;
	unsigned weight; /* thousandths */
	unsigned at;     /* its element's number */
};

struct wishes {
	struct wish of[2]; /* by enum http_form */
	unsigned n;
};

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_TOKEN))
			return false;
	return s.n > 0;
}

/* Up to the next `end` that is in no quoted string; `rest` moves behind it. A quoted string
 * without an end takes all. */
static struct str part_next(struct str *rest, char end)
{
	bool quoted = false;
	size_t n = 0;
	struct str part;

	for (; n < rest->n && (quoted || rest->p[n] != end); n++) {
		if (rest->p[n] == '"')
			quoted = !quoted;
		else if (quoted && rest->p[n] == '\\' && n + 1 < rest->n)
			n++;
	}
	part = str_trim(str_first(*rest, n));
	*rest = str_from(*rest, n < rest->n ? n + 1 : n);
	return part;
}

/* RFC 9110 12.4.2: "0", "1", and up to three digits behind a point. */
static bool parse_weight(struct str s, unsigned *weight)
{
	unsigned unit = 1000;

	if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
		return false;
	*weight = s.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		unit /= 10;
		*weight += (unsigned)(s.p[i] - '0') * unit;
	}
	return *weight <= 1000;
}

/* The weight among an element's parameters; 1 when none has one. */
static bool find_weight(struct str parameters, unsigned *weight)
{
	*weight = 1000;
	while (parameters.n) {
		struct str p = part_next(&parameters, ';');

		if (str_ibegins(p, STR("q=")))
			return parse_weight(str_from(p, 2), weight);
	}
	return true;
}

static enum nearness nearness_of(struct str type, struct str subtype, enum http_form form)
{
	bool json = form == HTTP_FORM_JSON;

	if (str_eq(type, STR("*")))
		return str_eq(subtype, STR("*")) ? ANY : FAR;
	if (!str_ieq(type, json ? STR("application") : STR("text")))
		return FAR;
	if (str_eq(subtype, STR("*")))
		return ANY_SUBTYPE;
	if (json && subtype.n > 5 && str_ieq(str_from(subtype, subtype.n - 5), STR("+json")))
		return NAMED;
	return str_ieq(subtype, json ? STR("json") : STR("html")) ? NAMED : FAR;
}

/* The closest range decides, whatever its weight; of equally close ones the heaviest. */
static void wish_add(struct wish *w, struct wish more)
{
	if (more.near > w->near || (more.near == w->near && more.weight > w->weight))
		*w = more;
}

static void take_element(struct wishes *w, struct str element)
{
	struct str type = part_next(&element, ';'), subtype;
	ptrdiff_t slash = str_find_char(type, '/');
	unsigned weight;

	w->n++;
	if (slash < 0 || !find_weight(element, &weight))
		return;
	subtype = str_from(type, (size_t)slash + 1);
	type = str_first(type, (size_t)slash);
	if (!is_token(type) || !is_token(subtype))
		return;
	for (enum http_form form = HTTP_FORM_HTML; form <= HTTP_FORM_JSON; form++) {
		enum nearness near = nearness_of(type, subtype, form);

		if (near != FAR)
			wish_add(&w->of[form], (struct wish){ near, weight, w->n });
	}
}

static void take_value(struct wishes *w, struct str value)
{
	while (value.n)
		take_element(w, part_next(&value, ','));
}

static enum http_form choose(const struct wishes *w)
{
	const struct wish *html = &w->of[HTTP_FORM_HTML], *json = &w->of[HTTP_FORM_JSON];

	if (json->weight != html->weight)
		return json->weight > html->weight ? HTTP_FORM_JSON : HTTP_FORM_HTML;
	if (json->weight == 0)
		return HTTP_FORM_HTML;
	if (json->near != html->near)
		return json->near > html->near ? HTTP_FORM_JSON : HTTP_FORM_HTML;
	return json->at < html->at ? HTTP_FORM_JSON : HTTP_FORM_HTML;
}

enum http_form http_accept_form(const struct http_fields *fields)
{
	struct wishes w = { .n = 0 };

	for (unsigned i = 0; i < fields->count; i++)
		if (str_ieq(fields->list[i].name, STR("Accept")))
			take_value(&w, fields->list[i].value);
	return choose(&w);
}

enum http_form http_accept_form_of(struct str value)
{
	struct wishes w = { .n = 0 };

	take_value(&w, value);
	return choose(&w);
}
