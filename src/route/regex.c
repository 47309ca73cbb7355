#include "route/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "route/route.h"

/* PCRE2's own default lets one match run for seconds. */
#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT_KIB 1024
#define JIT_STACK_START (32 * 1024)
#define JIT_STACK_MAX (1024 * 1024) /* "^/(a|b)*$" takes more than 256 KiB for 15 KB of path */
/* A decoded path may hold line ends (%0A), which are bytes like others: otherwise one in the
 * middle would get it past "^/admin/.*$". */
#define ANY_BYTE (PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY)

struct regex {
	pcre2_code *code;
};

struct router_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	bool gave_up;
};

struct router_scratch *router_scratch_new(void)
{
	struct router_scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
	if (!s->data || !s->context || !s->stack) {
		router_scratch_free(s);
		return NULL;
	}
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	pcre2_jit_stack_assign(s->context, NULL, s->stack);
	return s;
}

void router_scratch_free(struct router_scratch *s)
{
	if (!s)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
}

struct regex *regex_compile(struct str pattern, bool fold, char why[REGEX_WHY])
{
	struct regex *r = malloc(sizeof(*r));
	PCRE2_SIZE at = 0;
	int code = 0;
	char text[96];

	if (!r) {
		snprintf(why, REGEX_WHY, "out of memory");
		return NULL;
	}
	r->code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
				ANY_BYTE | (fold ? PCRE2_CASELESS : 0), &code, &at, NULL);
	if (!r->code) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
		snprintf(why, REGEX_WHY, "%s at character %zu", text, (size_t)at + 1);
		free(r);
		return NULL;
	}
	/* Where the kernel forbids pages that can be executed, the interpreter does. */
	pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r);
}

bool regex_matches(const struct regex *r, struct str s, struct router_scratch *scratch)
{
	const char *subject = s.p ? s.p : "";
	int found = pcre2_match(r->code, (PCRE2_SPTR)subject, s.n, 0, 0, scratch->data,
				scratch->context);

	if (found < 0 && found != PCRE2_ERROR_NOMATCH)
		scratch->gave_up = true;
	return found >= 0;
}

bool router_gave_up(struct router_scratch *s)
{
	bool gave_up = s->gave_up;

	s->gave_up = false;
	return gave_up;
}
