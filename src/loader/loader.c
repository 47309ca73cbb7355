#include "loader/loader.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/blot.h"
#include "conf/sections.h"
#include "ipc/msg.h"
#include "ipc/sealed.h"
#include "loader/certificates.h"
#include "loader/checks.h"
#include "loader/routers.h"
#include "net/digest.h"
#include "route/expect.h"
#include "route/pages.h"

#define BACKLOG 4096
#define ADMIN_BACKLOG 256
#define PREPARE_MORE (5 * CLOCK_SEC)
/* Of text and value files to compile: some fifty times what it takes. */
#define PREPARE_EACH_MIB (2 * CLOCK_SEC)

struct loaded {
	struct arena arena;
	struct conf_source source;
	struct diags diags; /* sorted */
	struct conf *conf;  /* NULL: there were errors */
	struct brief *brief;
	/* Its programs, checks and routers; the rest by fill_manifest(). */
	struct manifest *manifest;
	struct manifest_check *checks;
};

/* The proxy compiles the conditions again; here it is to see that it will succeed, and that
 * requests go where they are expected to. */
static void compile_routes(struct loaded *l, struct hosts *hosts)
{
	bool sound = l->diags.errors == 0;

	pages_judge(l->conf, &l->source, &l->diags);
	for (unsigned i = 0; i < l->conf->n_frontends; i++) {
		const struct conf_frontend *f = &l->conf->frontends[i];
		struct router *r = router_compile(l->conf, &l->source, f, &l->diags);

		if (r && sound)
			expect_check(l->conf, &l->source, f, r, &l->diags);
		if (r)
			hosts_gather(hosts, l->conf, i, r);
		router_free(r);
	}
	for (unsigned i = 0; i < l->conf->n_backends; i++)
		router_free(router_compile_backend(&l->source, &l->conf->backends[i], &l->diags));
}

/* Here it is a warning, for the directory may be made by whoever starts the daemon. */
static void look_at_log(struct loaded *l)
{
	const struct str target = l->conf->log_target;
	char path[PATH_MAX], *slash;
	struct stat st;

	if (!str_begins(target, STR("file:/")) ||
	    !str_copy(path, sizeof(path), str_from(target, strlen("file:"))))
		return;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		diag_add(&l->diags, &l->source, DIAG_WARNING, l->conf->log_line,
			 "the log's file \"%s\" is a directory, and hpcbald does not start so; "
			 "name a file in it", path);
		return;
	}
	slash = strrchr(path, '/');
	*(slash == path ? slash + 1 : slash) = '\0';
	if (stat(path, &st) == 0 ? S_ISDIR(st.st_mode) : errno != ENOENT && errno != ENOTDIR)
		return;
	diag_add(&l->diags, &l->source, DIAG_WARNING, l->conf->log_line,
		 "there is no directory \"%s\" for the log's file, and hpcbald does not start "
		 "without; make it, or take another path", path);
}

static void list_programs(struct loaded *l)
{
	struct programs_list programs = { &l->source, &l->diags, NULL, false };

	l->brief = arena_zalloc(&l->arena, sizeof(*l->brief));
	l->manifest = arena_zalloc(&l->arena, sizeof(*l->manifest));
	l->checks = arena_zalloc(&l->arena, (checks_count(l->conf) + 1) * sizeof(*l->checks));
	if (!l->brief || !l->manifest || !l->checks) {
		diag_add(&l->diags, &l->source, DIAG_ERROR, 0, "out of memory; free some");
		return;
	}
	programs.m = l->manifest;
	routers_fill(l->conf, &programs, l->brief);
	checks_fill(l->conf, &programs, l->checks);
}

static void load(struct loaded *l, const char *path)
{
	struct hosts hosts = { .arena = &l->arena };

	*l = (struct loaded){ .conf = NULL };
	arena_init(&l->arena, 65536, 0);
	diags_init(&l->diags);
	if (loader_read(path, &l->arena, &l->source, &l->diags))
		l->conf = conf_parse_leniently(&l->source, &l->diags);
	if (l->conf) {
		compile_routes(l, &hosts);
		look_at_log(l);
		list_programs(l);
		certificates_check(l->conf, &l->source, &hosts, &l->diags, (int64_t)time(NULL));
		if (l->conf->certificate_reload && l->manifest)
			certificates_watch(&l->source, &l->diags, &l->arena, l->manifest);
	}
	if (l->diags.errors) {
		conf_unref(l->conf);
		l->conf = NULL;
	}
	diags_sort(&l->diags);
}

static void unload(struct loaded *l)
{
	conf_unref(l->conf);
	certificates_forget(&l->source);
	diags_free(&l->diags);
	arena_free(&l->arena);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static unsigned count_servers(const struct conf *conf)
{
	unsigned n = 0;

	for (unsigned i = 0; i < conf->n_backends; i++)
		n += conf->backends[i].n_servers;
	return n;
}

static void print_summary(const struct loaded *l, const char *path, FILE *out)
{
	const struct diags *d = &l->diags;
	unsigned servers;

	if (!l->conf) {
		fprintf(out, "%s: bad: %zu error%s, %zu warning%s\n", path, d->errors,
			plural(d->errors), d->warnings, plural(d->warnings));
		return;
	}
	servers = count_servers(l->conf);
	fprintf(out, "%s: good: %u frontend%s, %u backend%s, %u server%s", path,
		l->conf->n_frontends, plural(l->conf->n_frontends), l->conf->n_backends,
		plural(l->conf->n_backends), servers, plural(servers));
	if (l->conf->n_vrrp)
		fprintf(out, ", %u virtual router%s", l->conf->n_vrrp, plural(l->conf->n_vrrp));
	fprintf(out, ", %zu warning%s\n", d->warnings, plural(d->warnings));
}

int loader_check(const char *path, FILE *out)
{
	struct loaded l;
	char *text;
	int status;

	load(&l, path);
	text = diags_text(&l.diags);
	if (text)
		fputs(text, out);
	free(text);
	if (l.conf)
		routers_print_leases(l.conf, out);
	print_summary(&l, path, out);
	status = l.conf ? 0 : 1;
	unload(&l);
	return status;
}

/* --- the role --- */

static uint64_t size_of(const struct conf_source *s)
{
	uint64_t size = s->text.n;

	for (unsigned i = 0; i < s->n_files; i++)
		size += s->files[i].content.n;
	return size;
}

static uint64_t prepare_time(const struct conf *conf, const struct conf_source *source)
{
	uint64_t longest = 0;

	for (unsigned i = 0; i < conf->n_backends; i++)
		for (unsigned j = 0; j < conf->backends[i].n_servers; j++) {
			const struct conf_check *c = &conf->backends[i].servers[j].check;

			if (c->kind != CONF_CHECK_NONE && c->timeout > longest)
				longest = c->timeout;
		}
	return longest + checks_first_round(conf) + PREPARE_MORE +
	       (size_of(source) >> 20) * PREPARE_EACH_MIB;
}

/* In the order of the file: the supervisor and the proxy count them alike. */
static void list_listeners(const struct conf *conf, struct manifest *m)
{
	for (unsigned i = 0; i < conf->n_frontends; i++)
		for (unsigned j = 0; j < conf->frontends[i].n_binds; j++) {
			const struct conf_bind *b = &conf->frontends[i].binds[j];
			struct manifest_listener *l = &m->listeners[m->n_listeners++];

			l->addr = b->addr;
			l->frontend = i;
			l->backlog = BACKLOG;
			l->freebind = routers_have_address(conf, &b->addr);
			str_copy(l->text, sizeof(l->text), b->text);
			str_copy(l->frontend_name, sizeof(l->frontend_name),
				 conf->frontends[i].name);
		}
}

/* NULL, or what is wrong. */
static const char *list_admin(const struct conf *conf, struct manifest *m)
{
	struct manifest_listener *l = &m->listeners[m->n_listeners];

	if (!conf->admin_listen.n)
		return NULL;
	if (addr_parse(&l->addr, conf->admin_listen))
		return "admin.listen is no address";
	m->has_admin = 1;
	l->frontend = UINT32_MAX;
	l->backlog = ADMIN_BACKLOG;
	l->freebind = routers_have_address(conf, &l->addr);
	addr_format(&l->addr, l->text, sizeof(l->text));
	return NULL;
}

_Static_assert(CONF_MAX_BINDS <= MANIFEST_LISTENERS, "every bind has a place in the manifest");

/* That of the file, as sha256sum tells it; with value files a digest over all of their digests, so
 * that a change in one of them is seen. */
static void digest_source(struct loaded *l, char out[65])
{
	const struct conf_source *s = &l->source;
	char content[65];

	digest_sha256_hex(s->text, out);
	for (unsigned i = 0; i < s->n_files; i++) {
		digest_sha256_hex(s->files[i].content, content);
		digest_sha256_hex(arena_printf(&l->arena, "%s%s%.*s\n", out, content,
					       STR_ARGS(s->files[i].path)), out);
	}
}

/* NULL, or which text is longer than the manifest's place for it. */
static const char *fill_manifest(struct loaded *l, struct manifest *m)
{
	const struct conf *conf = l->conf;

	m->threads = (uint32_t)conf->threads;
	m->log_facility = conf->log_facility;
	m->max_connections = conf->max_connections;
	for (unsigned i = 0; i < conf->n_backends; i++)
		m->servers += conf->backends[i].n_servers;
	m->grace_us = conf->grace;
	m->drain_us = conf->drain;
	m->prepare_us = prepare_time(conf, &l->source);
	digest_source(l, m->config_sha256);
	list_listeners(conf, m);
	if (!str_copy(m->config_file, sizeof(m->config_file), conf->file))
		return "the path of the configuration is too long; use a shorter one";
	if (!str_copy(m->node, sizeof(m->node), conf->node) ||
	    !str_copy(m->control_socket, sizeof(m->control_socket), conf->control_socket) ||
	    !str_copy(m->log_target, sizeof(m->log_target), conf->log_target))
		return "node, control.socket or log.target is too long; use shorter ones";
	return list_admin(conf, m);
}

/* The part of `text` that fits into one message, ending with a whole line if it can. */
static struct str first_part(struct str text)
{
	struct str part = str_first(text, MSG_TEXT_MAX);

	if (part.n == text.n)
		return part;
	while (part.n && part.p[part.n - 1] != '\n')
		part.n--;
	return part.n ? part : str_first(text, MSG_TEXT_MAX);
}

static int send_faults(int sock, struct str text)
{
	if (text.n == 0)
		text = STR("out of memory\n");
	while (text.n) {
		struct msg m = { .type = MSG_FAULTS, .text = first_part(text) };

		text = str_from(text, m.text.n);
		if (msg_send(sock, &m) != MSG_OK)
			break;
	}
	return 1;
}

/* What the children may read of the text. */
static struct str encode_sections(struct loaded *l)
{
	struct conf_source source = l->source;

	source.text = conf_blot(&l->source, &l->arena);
	return source.text.p ? conf_source_encode(&source, &l->arena) : STR_NONE;
}

/* Bundle, brief, keyring. */
enum { PARTS = 3 };

static int send_parts(int sock, const int fds[PARTS], struct str text)
{
	struct msg m = { .type = MSG_BUNDLE, .text = first_part(text), .n_fds = PARTS };

	memcpy(m.fds, fds, PARTS * sizeof(*fds));
	return msg_send(sock, &m) == MSG_OK ? 0 : 1;
}

static int write_keyring(struct loaded *l)
{
	struct str secrets = conf_secrets_encode(&l->source, &l->arena);
	int fd;

	errno = ENOMEM;
	if (!secrets.p)
		return -1;
	fd = sealed_make("hpcbal-keys", &secrets, 1);
	explicit_bzero((char *)(uintptr_t)secrets.p, secrets.n);
	return fd;
}

static bool write_parts(struct loaded *l, int fds[PARTS])
{
	struct str sections = encode_sections(l);

	fds[0] = fds[1] = fds[2] = -1;
	errno = ENOMEM;
	if (!sections.p || (fds[0] = bundle_write(l->manifest, l->checks, sections)) < 0)
		return false;
	fds[1] = brief_write(l->brief);
	if (fds[1] >= 0)
		fds[2] = write_keyring(l);
	return fds[2] >= 0;
}

static int send_bundle(int sock, struct loaded *l, struct str text)
{
	int fds[PARTS], status;
	char why[256];

	if (write_parts(l, fds)) {
		status = send_parts(sock, fds, text);
	} else {
		snprintf(why, sizeof(why), "cannot write the bundle: %s; is there memory?\n",
			 strerror(errno));
		status = send_faults(sock, str_of(why));
	}
	for (unsigned i = 0; i < PARTS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return status;
}

static int send_loaded(int sock, struct loaded *l)
{
	const char *why = l->conf ? fill_manifest(l, l->manifest) : NULL;
	char *text;
	int status;

	if (why)
		diag_add(&l->diags, &l->source, DIAG_ERROR, 0, "%s", why);
	text = diags_text(&l->diags);
	if (l->diags.errors)
		status = send_faults(sock, str_of(text));
	else
		status = send_bundle(sock, l, str_of(text));
	free(text);
	return status;
}

int loader_main(int sock, const char *path)
{
	struct loaded l;
	int status;

	signal(SIGPIPE, SIG_IGN);
	load(&l, path);
	status = send_loaded(sock, &l);
	unload(&l);
	return status;
}
