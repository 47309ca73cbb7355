#include "http/named.h"

#include "http/chars.h"
#include "http/fields.h"

struct http_named http_named(enum http_named_kind kind, struct str name)
{
	return (struct http_named){ .kind = kind,
				    .id = kind == HTTP_NAMED_FIELD ? http_field_classify(name)
								   : FIELD_OTHER,
				    .name = name };
}

bool http_named_possible(const struct http_named *what)
{
	for (size_t i = 0; what->kind != HTTP_NAMED_QUERY && i < what->name.n; i++)
		if (!http_char_is(what->name.p[i], CHAR_TOKEN))
			return false;
	return what->name.n > 0;
}

void http_named_start(struct http_named_walk *w, const struct http_named *what,
		      const struct http_request *req)
{
	*w = (struct http_named_walk){ .what = what, .req = req };
	if (what->kind == HTTP_NAMED_QUERY && req->query.n)
		w->rest = str_from(req->query, 1);
}

static bool is_field(const struct http_named *what, const struct http_field *f)
{
	return f->id == what->id && (f->id != FIELD_OTHER || str_ieq(f->name, what->name));
}

static bool next_field(struct http_named_walk *w, struct str *value)
{
	const struct http_fields *fields = &w->req->fields;

	if (w->what->id == FIELD_HOST) {
		*value = w->req->authority;
		return w->at++ == 0 && value->n;
	}
	while (w->at < fields->count) {
		const struct http_field *f = &fields->list[w->at++];

		if (is_field(w->what, f)) {
			*value = f->value;
			return true;
		}
	}
	return false;
}

static bool is_named(struct str name, struct str pair, struct str *value)
{
	if (!str_begins(pair, name) || (pair.n > name.n && pair.p[name.n] != '='))
		return false;
	*value = str_from(pair, name.n + 1);
	return true;
}

static bool next_parameter(struct http_named_walk *w, struct str *value)
{
	while (w->rest.n) {
		struct str pair = w->rest;
		size_t n = 0;

		while (n < pair.n && pair.p[n] != '&' && pair.p[n] != ';')
			n++;
		w->rest = str_from(pair, n + 1);
		if (is_named(w->what->name, str_first(pair, n), value))
			return true;
	}
	return false;
}

static bool next_cookie(struct http_named_walk *w, struct str *value)
{
	const struct http_fields *fields = &w->req->fields;
	struct str pair;

	for (;;) {
		while (str_split(&w->rest, ';', &pair))
			if (is_named(w->what->name, str_trim(pair), value))
				return true;
		while (w->at < fields->count && fields->list[w->at].id != FIELD_COOKIE)
			w->at++;
		if (w->at == fields->count)
			return false;
		w->rest = fields->list[w->at++].value;
	}
}

bool http_named_next(struct http_named_walk *w, struct str *value)
{
	switch (w->what->kind) {
	case HTTP_NAMED_FIELD:
		return next_field(w, value);
	case HTTP_NAMED_COOKIE:
		return next_cookie(w, value);
	case HTTP_NAMED_QUERY:
		break;
	}
	return next_parameter(w, value);
}

unsigned http_named_first(const struct http_named *what, const struct http_request *req,
			  struct str *value)
{
	struct http_named_walk w;
	struct str next;
	unsigned n = 0;

	*value = STR_NONE;
	http_named_start(&w, what, req);
	while (http_named_next(&w, &next))
		if (n++ == 0)
			*value = next;
	return n;
}
