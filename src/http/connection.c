#include "http/connection.h"

#include "http/chars.h"
#include "http/fields.h"
#include "http/text.h"

void http_connection_add(struct http_connection_facts *c, struct str value)
{
	struct str item;

	while (http_list_next(&value, &item)) {
		c->options++;
		if (str_ieq(item, STR("keep-alive")))
			c->keep_alive = true;
		else if (str_ieq(item, STR("close")))
			c->close = true;
		else if (str_ieq(item, STR("upgrade")))
			c->upgrade = true;
		else if (!str_ieq(item, STR("te")))
			c->named++;
	}
}

/* X-Forwarded fields are: a front of ours sets them, and the client of a front that passes
 * Connection on could take them away (HTTP.md 53). */
static bool is_kept(const struct http_field *f)
{
	return (http_field_flags(f->id) & FIELD_IS_KEPT) ||
	       str_ibegins(f->name, STR("X-Forwarded-"));
}

static void drop_name(struct http_fields *fields, struct str name)
{
	for (unsigned i = 0; i < fields->count; i++) {
		struct http_field *f = &fields->list[i];

		if (f->drop || !str_ieq(f->name, name))
			continue;
		f->drop = !is_kept(f);
	}
}

void http_connection_drop_named(struct http_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++) {
		struct str rest = fields->list[i].value, name;

		if (fields->list[i].id != FIELD_CONNECTION)
			continue;
		while (http_list_next(&rest, &name))
			drop_name(fields, name);
	}
}

struct str http_connection_list(const struct http_fields *fields, struct arena *arena)
{
	struct http_text t;
	size_t room = 0;

	for (unsigned i = 0; i < fields->count; i++)
		if (fields->list[i].id == FIELD_CONNECTION)
			room += fields->list[i].value.n + 1;
	if (room == 0 || !http_text_init(&t, arena, room))
		return STR_NONE;
	for (unsigned i = 0; i < fields->count; i++) {
		if (fields->list[i].id != FIELD_CONNECTION)
			continue;
		http_text_add(&t, fields->list[i].value);
		http_text_add(&t, STR(","));
	}
	return http_text_since(&t, 0);
}

bool http_connection_persists(const struct http_connection_facts *c, unsigned minor)
{
	return !c->close && (minor > 0 || c->keep_alive);
}

bool http_keep_alive_timeout(struct str value, uint64_t *seconds)
{
	struct str item;

	while (http_list_next(&value, &item)) {
		ptrdiff_t is = str_find_char(item, '=');

		if (is > 0 && str_ieq(str_trim(str_first(item, (size_t)is)), STR("timeout")))
			return str_to_u64(str_trim(str_from(item, (size_t)is + 1)), seconds);
	}
	return false;
}

bool http_auth_is_of_connection(struct str value)
{
	static const struct str schemes[] = { { "NTLM", 4 }, { "Negotiate", 9 } };
	struct str item;

	while (http_list_next(&value, &item))
		for (unsigned i = 0; i < 2; i++)
			if (str_ibegins(item, schemes[i]) &&
			    (item.n == schemes[i].n || item.p[schemes[i].n] == ' '))
				return true;
	return false;
}

bool http_list_has(struct str list, struct str item)
{
	struct str each;

	while (http_list_next(&list, &each))
		if (str_ieq(each, item))
			return true;
	return false;
}
