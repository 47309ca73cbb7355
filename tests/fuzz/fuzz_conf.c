/* A configuration's text through everything that reads it: the reader of words must agree
 * with libconfig about each setting, no text may make libconfig open a file, and what is
 * good must travel through a bundle unchanged but for its passwords. */
#include <stdlib.h>

#include "base/assert.h"
#include "conf/blot.h"
#include "conf/conf.h"
#include "conf/sections.h"
#include "conf/wants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(struct wants *w, struct str s, unsigned line)
{
	(void)w;
	must(s.n > 0 && line > 0);
}

/* Of a password no more is left than a star for each piece of its text. */
static void check_blotted(const struct conf *blotted)
{
	for (unsigned i = 0; i < blotted->n_vrrp; i++)
		for (size_t j = 0; j < blotted->vrrp[i].password.n; j++)
			must(blotted->vrrp[i].password.p[j] == '*');
}

static void travel(const struct conf_source *source, const struct conf *conf)
{
	struct conf_source blotted = *source, other;
	struct diags diags;
	struct arena arena;
	struct conf *again;

	arena_init(&arena, 4096, 0);
	diags_init(&diags);
	blotted.text = conf_blot(source, &arena);
	must(blotted.text.p && blotted.text.n == source->text.n);
	must(conf_source_decode(conf_source_encode(&blotted, &arena), &arena, &other));
	again = conf_parse(&other, &diags);
	must(again && again->n_backends == conf->n_backends && again->n_vrrp == conf->n_vrrp);
	check_blotted(again);
	for (unsigned i = 0; i < conf->n_backends; i++)
		must(again->backends[i].fingerprint == conf->backends[i].fingerprint);
	conf_unref(again);
	diags_free(&diags);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_name name = { .host = STR("localhost") };
	struct conf_source source = { .path = STR("fuzz.conf"), .names = &name, .n_names = 1 };
	struct wants wants = { count, count, count, count };
	struct arena arena;
	struct diags diags;
	struct conf *conf;

	arena_init(&arena, 4096, 0);
	diags_init(&diags);
	must(addr_parse_host(&name.addr, STR("127.0.0.1"), 0) == NULL);
	source.text = arena_str(&arena, (struct str){ (const char *)data, size });
	wants_read(&wants, &source);
	conf = conf_parse(&source, &diags);
	must((conf == NULL) == (diags.errors > 0));
	if (conf)
		travel(&source, conf);
	conf_unref(conf);
	diags_sort(&diags);
	free(diags_text(&diags));
	diags_free(&diags);
	arena_free(&arena);
	return 0;
}
