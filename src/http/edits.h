/* What a configuration changes in the fields of a head on its way. Pure. */
#ifndef HPCBAL_HTTP_EDITS_H
#define HPCBAL_HTTP_EDITS_H

#include "http/fields.h"

enum http_edit_kind { HTTP_EDIT_SET, HTTP_EDIT_ADD, HTTP_EDIT_DELETE };

struct http_edit {
	enum http_edit_kind kind;
	enum http_field_id id; /* of the name */
	struct str name, value;
};

/* What comes of them: the lines to add, and which fields that are known by name were set or
 * deleted, so that hpcbal adds none of its own. */
struct http_edited {
	struct str added;
	uint64_t named; /* 1 << id */
};

/* Framing, the connection and the handshake of WebSockets are hpcbal's own affair: false. */
bool http_edit_possible(struct str name);
/* One after the other: set and delete drop all fields of the name, those too that an edit before
 * has added. False: the arena failed. */
bool http_edits_apply(const struct http_edit *edits, unsigned n, struct http_fields *fields,
		      struct arena *arena, struct http_edited *out);

/* Whether one of them sets or deletes this field. `id` is what classifies `name`. */
bool http_edits_name(const struct http_edit *edits, unsigned n, enum http_field_id id,
		     struct str name);

/* The names that they set or delete, which no trailer may say instead, as a list behind that of
 * `list`, in the arena. */
struct str http_edits_list(const struct http_edit *edits, unsigned n, struct str list,
			   struct arena *arena);

static inline bool http_edited_named(const struct http_edited *e, enum http_field_id id)
{
	return (e->named >> id & 1) != 0;
}

#endif
