#include "conf/conf.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"

#define THREADS_MAX 64
#define LOG_TARGET_MAX 255

static void check_log_target(struct draft *d, const config_setting_t *group)
{
	const config_setting_t *s = section_member(group, SECTION_LOG, "target");
	struct str text = s ? syntax_text(s) : STR("none");

	if (s && !scalar_text_good(s, TYPE_TEXT))
		return;
	d->conf->log_line = s ? syntax_line(s) : 0;
	if (text.n > LOG_TARGET_MAX)
		draft_fault(d, s, "the log target has %zu bytes; write %d at most", text.n,
			    LOG_TARGET_MAX);
	else if (text.p[0] == '/' && text.n > 107)
		draft_fault(d, s,
			    "the path of a log socket has 107 bytes at most; use a shorter one");
	else if (text.p[0] != '/' && !str_begins(text, STR("file:/")) &&
		 !str_eq(text, STR("stderr")) && !str_eq(text, STR("none")))
		draft_fault(d, s,
			    "\"%.*s\" is no log target; write \"/dev/log\", \"stderr\", "
			    "\"file:/PATH\" or \"none\"",
			    STR_ARGS(str_first(text, 60)));
}

/* From the index in the row's words, where "kern" is 0 and "local0" follows "ftp". */
static int facility_code(int index)
{
	return (index < 12 ? index : index + 4) << 3;
}

/* The groups at the top whose fields are in struct conf itself. */
static const struct {
	const char *name;
	enum option_section section;
} top_groups[] = {
	{ "proxy", SECTION_PROXY },
	{ "log", SECTION_LOG },
	{ "control", SECTION_CONTROL },
	{ "admin", SECTION_ADMIN },
};

static void read_top_groups(struct draft *d, const config_setting_t *root)
{
	for (size_t i = 0; i < sizeof(top_groups) / sizeof(top_groups[0]); i++) {
		const config_setting_t *s = section_member(root, SECTION_TOP, top_groups[i].name);

		section_defaults(d, top_groups[i].section, d->conf);
		if (s)
			section_read(d, s, top_groups[i].section, d->conf);
		if (s && top_groups[i].section == SECTION_LOG)
			check_log_target(d, s);
	}
}

static void settle(struct draft *d)
{
	struct conf *conf = d->conf;

	conf->log_facility = facility_code(conf->log_facility);
	if (conf->threads == 0)
		conf->threads = d->source->cpus > THREADS_MAX ? THREADS_MAX : d->source->cpus;
	if (conf->threads == 0)
		conf->threads = 1;
	if (conf->node.n == 0)
		conf->node = draft_str(d, str_first(d->source->host_name, CONF_NAME_MAX));
}

/* A backend that nobody uses is a mistake of the routes, as a rule. */
static void check_used(struct draft *d)
{
	const struct conf *conf = d->conf;

	for (unsigned i = 0; i < conf->n_backends; i++) {
		const struct conf_backend *b = &conf->backends[i];

		if (d->used[i] || conf_find_backend(conf, b->name) != (int)i)
			continue;
		diag_add(d->diags, d->source, DIAG_WARNING, b->line,
			 "no route and no default_backend names the backend \"%.*s\"; name it in "
			 "one, or remove it",
			 STR_ARGS(b->name));
	}
}

static void build_lists(struct draft *d, const config_setting_t *root)
{
	const config_setting_t *timeouts = section_member(root, SECTION_TOP, "timeouts");
	const config_setting_t *frontends = section_member(root, SECTION_TOP, "frontends");
	const config_setting_t *backends = section_member(root, SECTION_TOP, "backends");

	section_defaults(d, SECTION_TIMEOUTS, &d->timeouts);
	if (timeouts)
		section_read(d, timeouts, SECTION_TIMEOUTS, &d->timeouts);
	if (backends)
		build_backends(d, backends);
	if (frontends) {
		build_frontends(d, frontends);
		check_used(d);
	}
}

static void check_admin(struct draft *d, const config_setting_t *root)
{
	const config_setting_t *admin = section_member(root, SECTION_TOP, "admin");
	const config_setting_t *listen =
		admin ? section_member(admin, SECTION_ADMIN, "listen") : NULL;

	if (listen)
		build_check_admin(d, listen);
}

static void build(struct draft *d, const config_setting_t *root)
{
	const config_setting_t *vrrp = section_member(root, SECTION_TOP, "vrrp");

	d->conf->file = draft_str(d, d->source->path);
	section_read(d, root, SECTION_TOP, d->conf);
	read_top_groups(d, root);
	build_lists(d, root);
	check_admin(d, root);
	settle(d);
	build_errors(d, section_member(root, SECTION_TOP, "errors"), &d->conf->errors);
	if (vrrp)
		build_vrrp(d, vrrp);
}

static struct conf *conf_new(struct conf_source *source)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	arena_init(&conf->arena, 16384, 0);
	conf->source = source;
	atomic_init(&conf->references, 1);
	return conf;
}

struct conf *conf_parse_leniently(struct conf_source *source, struct diags *diags)
{
	struct draft d = { .source = source, .diags = diags, .conf = conf_new(source) };
	struct syntax syntax;
	bool read;

	if (!d.conf) {
		diag_add(diags, source, DIAG_ERROR, 0, "out of memory");
		return NULL;
	}
	read = syntax_read(&syntax, source, diags);
	if (read)
		build(&d, config_root_setting(&syntax.config));
	syntax_free(&syntax);
	if (arena_failed(&d.conf->arena))
		diag_add(diags, source, DIAG_ERROR, 0, "out of memory");
	if (read && !arena_failed(&d.conf->arena))
		return d.conf;
	conf_unref(d.conf);
	return NULL;
}

struct conf *conf_parse(struct conf_source *source, struct diags *diags)
{
	size_t before = diags->errors;
	struct conf *conf = conf_parse_leniently(source, diags);

	if (diags->errors == before)
		return conf;
	conf_unref(conf);
	return NULL;
}

struct conf *conf_ref(struct conf *conf)
{
	atomic_fetch_add_explicit(&conf->references, 1, memory_order_relaxed);
	return conf;
}

void conf_unref(struct conf *conf)
{
	if (!conf || atomic_fetch_sub_explicit(&conf->references, 1, memory_order_acq_rel) != 1)
		return;
	arena_free(&conf->arena);
	free(conf);
}

const struct conf_file *conf_find_file(const struct conf_source *source, struct str path)
{
	for (unsigned i = 0; i < source->n_files; i++)
		if (str_eq(source->files[i].path, path))
			return &source->files[i];
	return NULL;
}

int conf_find_backend(const struct conf *conf, struct str name)
{
	if (name.n == 0)
		return -1;
	for (unsigned i = 0; i < conf->n_backends; i++)
		if (str_eq(conf->backends[i].name, name))
			return (int)i;
	return -1;
}
