#include "http/cookies.h"

#include "http/message.h"
#include "http/text.h"

static bool is_pair_of(struct str pair, struct str name)
{
	return str_begins(pair, name) && (pair.n == name.n || pair.p[name.n] == '=');
}

static bool has(struct str value, struct str name)
{
	struct str pair;

	while (str_split(&value, ';', &pair))
		if (is_pair_of(str_trim(pair), name))
			return true;
	return false;
}

static void add_rest(struct http_text *t, struct str value, struct str name)
{
	bool first = true;
	struct str pair;

	while (str_split(&value, ';', &pair)) {
		pair = str_trim(pair);
		if (!pair.n || is_pair_of(pair, name))
			continue;
		http_text_add(t, first ? STR("Cookie: ") : STR("; "));
		http_text_add(t, pair);
		first = false;
	}
	if (!first)
		http_text_add(t, STR("\r\n"));
}

/* Each separator may become two bytes, where one was. */
static size_t room_of(struct str value)
{
	size_t n = value.n + sizeof("Cookie: \r\n");

	for (size_t i = 0; i < value.n; i++)
		n += value.p[i] == ';';
	return n;
}

static bool is_concerned(const struct http_field *f, struct str name)
{
	return f->id == FIELD_COOKIE && !f->drop && has(f->value, name);
}

bool http_cookie_take_out(struct http_fields *fields, struct str name, struct arena *arena,
			  struct str *lines)
{
	struct http_text t;
	size_t room = 0;

	*lines = STR_NONE;
	for (unsigned i = 0; i < fields->count; i++)
		if (is_concerned(&fields->list[i], name))
			room += room_of(fields->list[i].value);
	if (!room)
		return true;
	if (!http_text_init(&t, arena, room))
		return false;
	for (unsigned i = 0; i < fields->count; i++) {
		struct http_field *f = &fields->list[i];

		if (!is_concerned(f, name))
			continue;
		f->drop = true;
		add_rest(&t, f->value, name);
	}
	*lines = http_text_since(&t, 0);
	return true;
}

void http_cookie_refuse(struct http_fields *fields, struct str name)
{
	for (unsigned i = 0; i < fields->count; i++) {
		struct http_field *f = &fields->list[i];
		struct str rest = f->value, pair = STR_NONE;

		if (f->id != FIELD_OTHER || !str_ieq(f->name, STR("Set-Cookie")))
			continue;
		str_split(&rest, ';', &pair);
		if (is_pair_of(str_trim(pair), name))
			f->drop = true;
	}
}

bool http_cookie_is_uncached(const struct http_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++) {
		const struct http_field *f = &fields->list[i];
		struct str rest = f->value, item;

		if (f->drop || f->id != FIELD_OTHER || !str_ieq(f->name, STR("Cache-Control")))
			continue;
		while (http_list_next(&rest, &item))
			if (str_ieq(item, STR("private")) || str_ieq(item, STR("no-store")))
				return true;
	}
	return false;
}
