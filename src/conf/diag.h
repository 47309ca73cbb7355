/* What is wrong with a configuration: a list of "FILE:LINE: what is wrong; what would be
 * right". Collected, never printed here, so that one run shows all mistakes. */
#ifndef HPCBAL_CONF_DIAG_H
#define HPCBAL_CONF_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct conf_source;

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag {
	enum diag_level level;
	char *file; /* owned */
	unsigned order; /* of the file among those read */
	unsigned line; /* 0: the file as a whole */
	char *text; /* owned: "what is wrong; what would be right" */
};

struct diags {
	struct diag *list;
	size_t count, room;
	size_t errors, warnings;
};

void diags_init(struct diags *d);
void diags_free(struct diags *d);
/* `line` counts in the flattened text and is mapped to its file and line here; 0: no line.
 * `source` may be NULL before anything was read: then the message stands without a place. */
void diag_add(struct diags *d, const struct conf_source *source, enum diag_level level,
	      unsigned line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* How a message about flattened line `from` names another line: "in line 7" when both are in
 * the same file, else "in FILE:7". */
struct diag_place {
	char text[512];
};
struct diag_place diag_place(const struct conf_source *source, unsigned from, unsigned line);
/* In the order of files and lines; equal places keep their order. */
void diags_sort(struct diags *d);
/* One line each, "FILE:LINE: text" (warnings: "FILE:LINE: warning: text"), malloc'ed,
 * NUL-terminated; the caller frees. */
char *diags_text(const struct diags *d);

#endif
