/* An error page: a text with ${…} in it, which stand for what page.def says. Any other "$" is
 * one, and "$${" is "${", so that scripts on a page need little care. Pure. */
#ifndef HPCBAL_HTTP_PAGE_H
#define HPCBAL_HTTP_PAGE_H

#include "base/arena.h"
#include "http/accept.h"

enum page_value {
#define PAGE(name, value, help) PAGE_##value,
#include "http/page.def"
#undef PAGE
	PAGE_VALUES
};

/* Not more in one page, so that an answer is a bounded number of spans. */
#define PAGE_PLACES_MAX 32
#define PAGE_PARTS_MAX (2 * PAGE_PLACES_MAX + 1)

struct page_values {
	struct str of[PAGE_VALUES];
};

/* Where a page is wrong. */
struct page_fault {
	enum { PAGE_NO_NAME, PAGE_NO_END, PAGE_TOO_MANY } kind;
	struct str name; /* of PAGE_NO_NAME */
	unsigned line;
};

/* False: `fault` says where. */
bool page_judge(struct str page, struct page_fault *fault);
/* What the form shows of `values` as it is: no value can end the text that it stands in. False:
 * the arena failed. */
bool page_escape(enum http_form form, struct page_values *values, struct arena *arena);
/* The page with its values as spans into both, PAGE_PARTS_MAX at most. Their number. Of a page
 * that is wrong the rest behind the fault stands as it is. */
unsigned page_parts(struct str page, const struct page_values *values,
		    struct str parts[PAGE_PARTS_MAX]);
/* Of a page that nobody gave. */
struct str page_built_in(enum http_form form);
struct str page_type(enum http_form form);

#endif
