/* The page for people: one HTML file, which is in the program, and needs nothing from anywhere
 * but the documents beside it. */
#ifndef HPCBAL_WEB_PAGE_H
#define HPCBAL_WEB_PAGE_H

#include "base/str.h"

struct str page_text(void);
/* The Content-Security-Policy under which it runs its own script and style, by their digests,
 * and nothing else. Lives as long as the program; one thread. */
const char *page_policy(void);

#endif
