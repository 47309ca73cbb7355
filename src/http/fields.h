/* The list of a head's fields, and the ones that are known by name (http/fields.def). */
#ifndef HPCBAL_HTTP_FIELDS_H
#define HPCBAL_HTTP_FIELDS_H

#include "http/message.h"

enum {
	FIELD_IS_HOP = 1,
	FIELD_IS_KEPT = 2,
	FIELD_IS_FRAMING = 4,
	FIELD_IS_FORGED = 8
};

enum http_field_id http_field_classify(struct str name);
/* FIELD_IS_… bits; 0 for FIELD_OTHER. */
unsigned http_field_flags(enum http_field_id id);

void http_fields_init(struct http_fields *f);
/* A place for one more, not cleared; NULL when the arena failed. */
struct http_field *http_fields_add(struct http_fields *f, struct arena *arena);

#endif
