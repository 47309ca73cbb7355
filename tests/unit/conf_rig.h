/* For the tests of conf/: a configuration from a text, and what was said about it. */
#ifndef HPCBAL_TESTS_CONF_RIG_H
#define HPCBAL_TESTS_CONF_RIG_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

#define RIG_FRONTENDS                                                                         \
	"frontends = ( { name = \"web\"; bind = ( \"*:80\" ); default_backend = \"app\"; } );\n"
#define RIG_SERVERS "servers = ( { name = \"a1\"; address = \"10.0.0.1:80\"; } );"
#define RIG_BACKENDS "backends = ( { name = \"app\"; " RIG_SERVERS " } );\n"

struct rig {
	struct conf_source source;
	struct diags diags;
	struct conf *conf;
	char *said;
};

/* Parses `text`; `r->source` may have been filled before with all but the text. */
static inline void rig_parse(struct rig *r, const char *text)
{
	r->source.text = str_of(text);
	if (!r->source.path.p)
		r->source.path = STR("t.conf");
	if (!r->source.host_name.p)
		r->source.host_name = STR("host1");
	if (!r->source.cpus)
		r->source.cpus = 3;
	diags_init(&r->diags);
	r->conf = conf_parse(&r->source, &r->diags);
	diags_sort(&r->diags);
	r->said = diags_text(&r->diags);
	ck_assert_ptr_nonnull(r->said);
	ck_assert_int_eq(r->conf == NULL, r->diags.errors > 0);
}

/* Parses a good text; anything said fails the test. */
static inline void rig_good(struct rig *r, const char *text)
{
	rig_parse(r, text);
	ck_assert_str_eq(r->said, "");
	ck_assert_ptr_nonnull(r->conf);
}

static inline void rig_free(struct rig *r)
{
	conf_unref(r->conf);
	diags_free(&r->diags);
	free(r->said);
	memset(r, 0, sizeof(*r));
}

#define ck_assert_strs(s, z)                                                                  \
	do {                                                                                  \
		struct str s_ = (s);                                                          \
		if (!str_eq(s_, str_of(z)))                                                   \
			ck_abort_msg("\"%.*s\" is not \"%s\"", STR_ARGS(s_), z);              \
	} while (0)

static inline int rig_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
