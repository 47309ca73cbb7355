#include "loader/certificates.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "loader/flatten.h"
#include "net/certificate.h"
#include "net/tls_client.h"

#define DAY 86400

struct checking {
	const struct conf_source *source;
	struct diags *diags;
	int64_t now;
	const struct hosts *hosts;
	const struct conf_tls *tls;
	struct certificate *read[CONF_MAX_CERTIFICATES]; /* NULL: it is bad, and was told of */
	bool complete; /* all files are there and good */
};

static void say_day(int64_t at, char to[16])
{
	time_t t = (time_t)at;
	struct tm parts;

	strftime(to, 16, "%Y-%m-%d", gmtime_r(&t, &parts));
}

static void check_times(struct checking *c, const struct conf_path *p, const struct certificate *x)
{
	int64_t ends = certificate_ends(x), begins = certificate_begins(x);
	char day[16];

	if (begins > c->now) {
		say_day(begins, day);
		diag_add(c->diags, c->source, DIAG_WARNING, p->line,
			 "the certificate in \"%.*s\" is not good before %s; until then clients "
			 "refuse it", STR_ARGS(p->path), day);
	}
	say_day(ends, day);
	if (ends <= c->now)
		diag_add(c->diags, c->source, DIAG_WARNING, p->line,
			 "the certificate in \"%.*s\" has expired on %s, and clients refuse it; "
			 "renew it", STR_ARGS(p->path), day);
	else if (ends - c->now < CERTIFICATES_SOON_DAYS * DAY)
		diag_add(c->diags, c->source, DIAG_WARNING, p->line,
			 "the certificate in \"%.*s\" expires on %s, in %" PRId64
			 " day%s; renew it",
			 STR_ARGS(p->path), day, (ends - c->now) / DAY,
			 (ends - c->now) / DAY == 1 ? "" : "s");
}

static void check_exposed(struct checking *c, const struct conf_path *p, const char *what)
{
	const struct conf_file *f = p->path.n ? conf_find_secret(c->source, p->path) : NULL;

	if (f && f->exposed)
		diag_add(c->diags, c->source, DIAG_WARNING, p->line,
			 "anybody on this machine may read \"%.*s\", and has %s then: chmod o-r",
			 STR_ARGS(p->path), what);
}

static unsigned gather_keys(const struct checking *c, struct str keys[CONF_MAX_CERTIFICATES])
{
	for (unsigned i = 0; i < c->tls->n_keys; i++) {
		const struct conf_file *f = conf_find_secret(c->source, c->tls->keys[i].path);

		keys[i] = f ? f->content : STR_NONE;
	}
	return c->tls->n_keys;
}

static void check_file(struct checking *c, unsigned index)
{
	const struct conf_path *p = &c->tls->certificates[index];
	const struct conf_file *f = conf_find_secret(c->source, p->path);
	struct str keys[CONF_MAX_CERTIFICATES];
	char why[CERTIFICATE_WHY];

	c->complete = c->complete && f && f->content.p;
	if (!f || !f->content.p)
		return;
	c->read[index] = certificate_read(f->content, keys, gather_keys(c, keys), why);
	if (!c->read[index]) {
		c->complete = false;
		diag_add(c->diags, c->source, DIAG_ERROR, p->line, "\"%.*s\": %s",
			 STR_ARGS(p->path), why);
		return;
	}
	check_times(c, p, c->read[index]);
	if (certificate_has_own_key(c->read[index]))
		check_exposed(c, p, "the private key");
}

static void check_keys(struct checking *c)
{
	check_exposed(c, &c->tls->ticket_keys, "the keys of all sessions");
	for (unsigned k = 0; k < c->tls->n_keys; k++) {
		bool used = false;

		check_exposed(c, &c->tls->keys[k], "the private key");
		for (unsigned i = 0; i < c->tls->n_certificates; i++)
			used |= c->read[i] && certificate_took_key(c->read[i], k);
		if (!used)
			diag_add(c->diags, c->source, DIAG_WARNING, c->tls->keys[k].line,
				 "\"%.*s\" is the key of none of these certificates whose own "
				 "file has no key; remove it", STR_ARGS(c->tls->keys[k].path));
	}
}

/* A later one for names that another of its kind has is never shown. */
static void check_doubles(struct checking *c)
{
	for (unsigned i = 1; i < c->tls->n_certificates; i++)
		for (unsigned k = 0; k < i; k++) {
			if (!certificate_same_names(c->read[i], c->read[k]) ||
			    !certificate_same_kind(c->read[i], c->read[k]))
				continue;
			diag_add(c->diags, c->source, DIAG_WARNING, c->tls->certificates[i].line,
				 "nobody gets the certificate in \"%.*s\": that in \"%.*s\" is "
				 "for the same names; remove one",
				 STR_ARGS(c->tls->certificates[i].path),
				 STR_ARGS(c->tls->certificates[k].path));
			break;
		}
}

/* As the proxy will do it. */
static void try_all(struct checking *c)
{
	char why[TLS_WHY];
	struct tls_server *s = tls_server_new(c->tls, c->source, STR_NONE, why);

	if (!s)
		diag_add(c->diags, c->source, DIAG_ERROR, c->tls->certificates[0].line, "%s", why);
	tls_server_unref(s);
}

static bool is_there(const struct checking *c, struct str path)
{
	const struct conf_file *f = path.n ? conf_find_secret(c->source, path) : NULL;

	return !path.n || (f && f->content.p);
}

/* ---- the hosts of the routes ---- */

static bool name_is_below(const struct certificate *x, struct str domain)
{
	const struct str *names;
	unsigned n = certificate_names(x, &names);

	for (unsigned i = 0; i < n; i++)
		if (str_ends(names[i], domain) || certificate_name_covers(names[i], domain))
			return true;
	return false;
}

static bool is_covered(const struct checking *c, const struct hosts_one *h)
{
	for (unsigned i = 0; i < c->tls->n_certificates; i++)
		if (h->below ? name_is_below(c->read[i], h->name)
			     : certificate_covers(c->read[i], h->name))
			return true;
	return false;
}

/* Once a route. */
static void check_hosts(struct checking *c, unsigned frontend, const struct conf_bind *b)
{
	unsigned told = 0;

	for (unsigned i = 0; i < c->hosts->n; i++) {
		const struct hosts_one *h = &c->hosts->list[i];

		if (h->frontend != frontend || h->line == told || is_covered(c, h))
			continue;
		told = h->line;
		diag_add(c->diags, c->source, DIAG_WARNING, h->line,
			 "route: no certificate of \"%.*s\" is for %s\"%.*s\", so browsers refuse "
			 "that name there; add one to certificates, or remove the host",
			 STR_ARGS(b->text), h->below ? "a host in " : "", STR_ARGS(h->name));
	}
}

/* ---- binds and servers ---- */

static void check_lists(struct checking *c)
{
	const struct conf_path *p = &c->tls->crl;
	const struct conf_file *f = p->path.n ? conf_find_secret(c->source, p->path) : NULL;
	int64_t ends = f ? certificate_lists_end(f->content) : INT64_MAX;
	char day[16];

	if (ends > c->now)
		return;
	say_day(ends, day);
	diag_add(c->diags, c->source, DIAG_WARNING, p->line,
		 "a list in \"%.*s\" was to be replaced by %s, so clients with a certificate are "
		 "refused; get the next one", STR_ARGS(p->path), day);
}

static void check_bind(struct checking *c, unsigned frontend, const struct conf_bind *b)
{
	c->tls = &b->tls;
	c->complete = is_there(c, c->tls->ticket_keys.path) && is_there(c, c->tls->ca.path) &&
		      is_there(c, c->tls->crl.path);
	memset(c->read, 0, sizeof(c->read));
	for (unsigned i = 0; i < c->tls->n_certificates; i++)
		check_file(c, i);
	if (c->complete) {
		check_keys(c);
		check_doubles(c);
		check_lists(c);
		check_hosts(c, frontend, b);
		try_all(c);
	}
	for (unsigned i = 0; i < c->tls->n_certificates; i++)
		certificate_free(c->read[i]);
}

/* Of a server the files are tried as the proxy will; what is said names the file. */
static void check_server(struct checking *c, const struct conf_server *s)
{
	const struct conf_path *own = &s->tls.certificate;
	const struct conf_file *f = own->path.n ? conf_find_secret(c->source, own->path) : NULL;
	struct certificate *x = NULL;
	char why[TLS_WHY];
	struct tls_client *t;

	if (!is_there(c, s->tls.ca.path) || !is_there(c, own->path))
		return;
	t = tls_client_new(&s->tls, &s->addr, c->source, why);
	if (!t)
		diag_add(c->diags, c->source, DIAG_ERROR, s->tls.line, "%s", why);
	else if (f)
		x = certificate_read(f->content, NULL, 0, why);
	if (x) {
		check_times(c, own, x);
		check_exposed(c, own, "the private key");
	}
	certificate_free(x);
	tls_client_unref(t);
}

static void check_servers(struct checking *c, const struct conf_backend *b)
{
	for (unsigned i = 0; b->speaks_tls && i < b->n_servers; i++)
		if (b->servers[i].tls.on &&
		    (b->servers[i].tls.ca.path.n || !b->servers[i].tls.verify))
			check_server(c, &b->servers[i]);
}

void certificates_check(const struct conf *conf, const struct conf_source *source,
			const struct hosts *hosts, struct diags *diags, int64_t now)
{
	struct checking c = { .source = source, .hosts = hosts, .diags = diags, .now = now };

	for (unsigned i = 0; i < conf->n_frontends; i++) {
		const struct conf_frontend *f = &conf->frontends[i];

		for (unsigned k = 0; k < f->n_binds; k++)
			if (f->binds[k].tls.on)
				check_bind(&c, i, &f->binds[k]);
	}
	for (unsigned i = 0; i < conf->n_backends; i++)
		check_servers(&c, &conf->backends[i]);
}

void certificates_watch(const struct conf_source *source, struct diags *diags, struct arena *arena,
			struct manifest *m)
{
	for (unsigned i = 0; i < source->n_secrets; i++) {
		const struct conf_file *f = &source->secrets[i];
		struct manifest_file *to = &m->files[m->n_files];

		if (m->n_files < MANIFEST_FILES &&
		    str_copy(to->path, sizeof(to->path),
			     flatten_path(arena, source->path, f->path))) {
			to->stamp = f->stamp;
			m->n_files++;
			continue;
		}
		diag_add(diags, source, DIAG_WARNING, 0,
			 "\"%.*s\" is not watched: its path is too long, or there are more than "
			 "%d files of certificates and keys; reload when it changes",
			 STR_ARGS(f->path), MANIFEST_FILES);
	}
}

void certificates_forget(struct conf_source *source)
{
	for (unsigned i = 0; i < source->n_secrets; i++)
		if (source->secrets[i].content.n)
			explicit_bzero((char *)(uintptr_t)source->secrets[i].content.p,
				       source->secrets[i].content.n);
}
