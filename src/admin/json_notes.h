/* Small documents that say something about the others. */
#ifndef HPCBAL_ADMIN_JSON_NOTES_H
#define HPCBAL_ADMIN_JSON_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_note {
	const char *path, *what;
};

/* { "error": … }; the text is UTF-8. False: out of memory. */
bool json_notes_error(const char *text, FILE *out);
/* { "documents": [ { "path", "what" } ] }; false likewise. */
bool json_notes_list(const struct json_note *notes, size_t n, FILE *out);

#endif
