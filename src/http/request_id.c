#include "http/request_id.h"

#include "base/hash.h"
#include "http/chars.h"

static void put_hex(uint64_t v, char *to)
{
	for (unsigned i = 0; i < 16; i++)
		to[i] = "0123456789abcdef"[v >> (60 - 4 * i) & 15];
}

/* hash_mix() is one to one: the first half differs as long as the counter does, and the second
 * half tells apart those who came to the same first one. */
void request_id_make(struct request_ids *ids, char to[REQUEST_ID_SIZE])
{
	uint64_t first = hash_mix(ids->next++);

	put_hex(first, to);
	put_hex(hash_mix(first ^ ids->own), to + 16);
}

static bool is_sane_char(char c)
{
	return http_char_is(c, CHAR_UNRESERVED) || (c && strchr("+/=:;@", c));
}

bool request_id_is_sane(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!is_sane_char(id.p[i]))
			return false;
	return id.n > 0 && id.n <= REQUEST_ID_MAX;
}

static bool is_named(const struct http_field *f, enum http_field_id id, struct str name)
{
	return f->id == id && !f->drop && (id != FIELD_OTHER || str_ieq(f->name, name));
}

struct http_field *request_id_find(struct http_fields *fields, enum http_field_id id,
				   struct str name)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (is_named(&fields->list[i], id, name))
			return &fields->list[i];
	return NULL;
}

struct str request_id_take(struct http_fields *fields, struct http_field *first, bool believed)
{
	const struct http_field *end = fields->list + fields->count;
	bool keep = believed && request_id_is_sane(first->value);

	for (struct http_field *f = first + 1; f < end; f++)
		if (is_named(f, first->id, first->name))
			keep = false;
	if (keep)
		return first->value;
	for (struct http_field *f = first; f < end; f++)
		if (is_named(f, first->id, first->name))
			f->drop = true;
	return STR_NONE;
}
