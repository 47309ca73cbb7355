#include "http/message.h"

#include "http/chars.h"

bool http_method_idempotent(enum http_method m)
{
	switch (m) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_PUT:
	case METHOD_DELETE:
	case METHOD_OPTIONS:
	case METHOD_TRACE:
		return true;
	default:
		return false;
	}
}

const struct http_field *http_field_find(const struct http_fields *f, enum http_field_id id)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->list[i].id == id)
			return &f->list[i];
	return NULL;
}

const struct http_field *http_field_find_name(const struct http_fields *f, struct str name)
{
	for (unsigned i = 0; i < f->count; i++)
		if (str_ieq(f->list[i].name, name))
			return &f->list[i];
	return NULL;
}

bool http_list_next(struct str *rest, struct str *item)
{
	while (rest->n) {
		ptrdiff_t comma = str_find_char(*rest, ',');
		size_t n = comma < 0 ? rest->n : (size_t)comma;

		*item = str_trim(str_first(*rest, n));
		*rest = str_from(*rest, n + 1);
		if (item->n)
			return true;
	}
	return false;
}
