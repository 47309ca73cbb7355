/* Inside route/: what is known while one frontend's conditions are compiled. */
#ifndef HPCBAL_ROUTE_COMPILE_H
#define HPCBAL_ROUTE_COMPILE_H

#include "route/condition.h"
#include "route/lex.h"

/* Expressions are PCRE2's memory and not the arena's, so they are listed to be freed. */
struct regex_link {
	struct regex *regex;
	struct regex_link *next;
};

enum acl_state { ACL_NEW, ACL_BUSY, ACL_DONE, ACL_BAD };

struct acl {
	const struct conf_acl *conf;
	enum acl_state state;
	bool used;
	struct condition condition;
};

/* Acls may stand on acls; so deep. */
#define ACL_DEPTH 16

struct compile {
	const struct conf_source *source;
	const struct conf_frontend *frontend;
	struct diags *diags;
	struct arena *arena; /* the router's */
	struct arena temp;   /* until the outermost condition is done */
	struct regex_link **regexes;
	struct acl *acls; /* as the frontend's */
	struct literals *acl_names;
	unsigned depth;
};

/* A condition under way: where its mistakes are reported. */
struct parser {
	struct compile *c;
	struct tokens tokens;
	unsigned at;
	unsigned line;
	const char *subject; /* "acl \"is_api\"", "route" */
	bool is_acl;         /* names of acls are values where a value may stand */
	bool failed;
};

/* A value as it was written, and where when that was a file. */
struct value {
	struct str text;
	struct str file; /* empty: in the condition itself */
	unsigned line;
};

struct values {
	struct value *list;
	unsigned n;
};

/* Room for one more behind `n` elements; NULL when memory ran out. */
void *vector_room(struct arena *a, void *list, unsigned n, size_t size);

/* Adds "SUBJECT: text" to the diagnostics; an error makes the parser fail. */
void parser_say(struct parser *p, enum diag_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* False: the diagnostics say why. */
bool condition_compile(struct compile *c, struct str text, unsigned line, const char *subject,
		       bool is_acl, struct condition *out);
/* The condition of an acl, compiled when it was not yet; NULL: it is wrong (and was said
 * to be), or stands on itself. `i` is the first with its name. */
const struct condition *acl_condition(struct parser *p, unsigned i);
/* The index of the first acl with this name, or -1. */
int acl_find(const struct compile *c, struct str name);

/* Judges the values and puts them into the test. */
void test_fill(struct parser *p, struct test *t, const struct values *values);

#endif
