/* Inside route/: regular expressions by PCRE2, with its JIT compiler and with limits, so
 * that no expression and no request can make a worker spin. Bytes, not characters. */
#ifndef HPCBAL_ROUTE_REGEX_H
#define HPCBAL_ROUTE_REGEX_H

#include "base/str.h"

struct regex;
struct router_scratch;

#define REGEX_WHY 160

/* NULL: `why` says what is wrong and where. */
struct regex *regex_compile(struct str pattern, bool fold, char why[REGEX_WHY]);
void regex_free(struct regex *r);
/* Does it match anywhere in `s`? One that gives up at a limit does not, and the scratch
 * remembers it (router_gave_up()). Thread-safe with a scratch for each thread. */
bool regex_matches(const struct regex *r, struct str s, struct router_scratch *scratch);

#endif
