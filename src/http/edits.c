#include "http/edits.h"

#include "http/text.h"

_Static_assert(FIELD_COUNT <= 64, "struct http_edited has a bit for each");

bool http_edit_possible(struct str name)
{
	enum http_field_id id = http_field_classify(name);

	switch (id) {
	case FIELD_TRAILER:
	case FIELD_EXPECT:
	case FIELD_DATE:
	case FIELD_MAX_FORWARDS:
	case FIELD_SEC_WEBSOCKET_KEY:
	case FIELD_SEC_WEBSOCKET_VERSION:
	case FIELD_SEC_WEBSOCKET_ACCEPT:
		return false;
	default:
		return !(http_field_flags(id) & (FIELD_IS_HOP | FIELD_IS_FRAMING));
	}
}

static bool same_name(const struct http_edit *e, enum http_field_id id, struct str name)
{
	return e->id == id && (id != FIELD_OTHER || str_ieq(e->name, name));
}

static void drop_fields(const struct http_edit *e, struct http_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (same_name(e, fields->list[i].id, fields->list[i].name))
			fields->list[i].drop = true;
}

bool http_edits_name(const struct http_edit *edits, unsigned n, enum http_field_id id,
		     struct str name)
{
	for (unsigned i = 0; i < n; i++)
		if (edits[i].kind != HTTP_EDIT_ADD && same_name(&edits[i], id, name))
			return true;
	return false;
}

/* What it adds stays, as no later edit takes it out. */
static bool stays(const struct http_edit *edits, unsigned n, unsigned i)
{
	if (edits[i].kind == HTTP_EDIT_DELETE)
		return false;
	for (unsigned k = i + 1; k < n; k++)
		if (edits[k].kind != HTTP_EDIT_ADD &&
		    same_name(&edits[k], edits[i].id, edits[i].name))
			return false;
	return true;
}

bool http_edits_apply(const struct http_edit *edits, unsigned n, struct http_fields *fields,
		      struct arena *arena, struct http_edited *out)
{
	struct http_text t;
	size_t room = 1;

	*out = (struct http_edited){STR_NONE, 0};
	for (unsigned i = 0; i < n; i++)
		room += edits[i].name.n + edits[i].value.n + 4;
	if (!http_text_init(&t, arena, room))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (edits[i].kind != HTTP_EDIT_ADD) {
			out->named |= 1ull << edits[i].id;
			drop_fields(&edits[i], fields);
		}
		if (!stays(edits, n, i))
			continue;
		http_text_add(&t, edits[i].name);
		http_text_add(&t, STR(": "));
		http_text_add(&t, edits[i].value);
		http_text_add(&t, STR("\r\n"));
	}
	out->added = http_text_since(&t, 0);
	return true;
}

struct str http_edits_list(const struct http_edit *edits, unsigned n, struct str list,
			   struct arena *arena)
{
	size_t size = list.n;
	struct http_text t;

	for (unsigned i = 0; i < n; i++)
		size += 1 + edits[i].name.n;
	if (!http_text_init(&t, arena, size))
		return STR_NONE;
	http_text_add(&t, list);
	for (unsigned i = 0; i < n; i++) {
		if (edits[i].kind == HTTP_EDIT_ADD)
			continue;
		http_text_add(&t, STR(","));
		http_text_add(&t, edits[i].name);
	}
	return http_text_since(&t, 0);
}
