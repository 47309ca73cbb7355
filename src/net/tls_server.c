#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/certificate_parts.h"
#include "net/digest.h"
#include "net/tls_options.h"
#include "net/tls_tickets.h"

/* So long a session can be resumed. */
#define SESSION_SECONDS (8 * 3600)
#define NAME_MAX_SIZE 255 /* of a host */

/* Certificates for one set of names, of different kinds of key. */
struct site {
	SSL_CTX *context;
	struct certificate *first; /* its names are those of all */
	char digest[65];           /* of its names, and of who is let in */
};

struct tls_server {
	_Atomic unsigned references;
	unsigned n_sites, n_certificates;
	struct site *sites; /* the first is the default */
	struct certificate **certificates;
	struct tls_tickets *tickets;
	char rules[65]; /* digest of who is let in */
	const struct conf_file *ca, *crl; /* while it is made; NULL: none */
	unsigned char protocols[64];
	unsigned n_protocols;
};

/* ---- which certificate ---- */

static const struct site *find_site(const struct tls_server *s, struct str host)
{
	for (unsigned i = 0; i < s->n_sites; i++)
		for (unsigned k = 0; k < s->sites[i].first->n_names; k++)
			if (str_eq(s->sites[i].first->names[k], host))
				return &s->sites[i];
	for (unsigned i = 0; i < s->n_sites; i++)
		if (certificate_covers(s->sites[i].first, host))
			return &s->sites[i];
	return NULL;
}

/* What the client asks for (RFC 6066 3), in lower case and without the root's dot; empty: nothing
 * that makes sense, which OpenSSL judges afterwards. */
static size_t read_name(SSL *ssl, char to[NAME_MAX_SIZE])
{
	const unsigned char *p;
	size_t n, name;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) != 1 || n < 5 ||
	    p[2] != TLSEXT_NAMETYPE_host_name)
		return 0;
	name = (size_t)p[3] << 8 | p[4];
	if (name > n - 5 || name > NAME_MAX_SIZE)
		return 0;
	for (size_t i = 0; i < name; i++)
		to[i] = str_lower_char((char)p[5 + i]);
	return name > 1 && to[name - 1] == '.' ? name - 1 : name;
}

/* A session goes on under the name that it began with (RFC 6066 3), with certificates for the same
 * names, on whatever address and node, and where the same clients are let in: else whoever stands
 * between could lead it to where the client would have refused the certificate. */
static bool tie_session(SSL *ssl, const struct site *site, struct str name)
{
	char text[sizeof(site->digest) + NAME_MAX_SIZE], context[65];
	size_t n = sizeof(site->digest) - 1;

	memcpy(text, site->digest, n);
	memcpy(text + n, name.p, name.n);
	digest_sha256_hex((struct str){ text, n + name.n }, context);
	return SSL_set_session_id_context(ssl, (const unsigned char *)context,
					  SSL_MAX_SID_CTX_LENGTH) == 1;
}

/* Before OpenSSL looks whether a session is resumed: that depends on the site. */
static int choose_by_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	const struct site *site;
	char text[NAME_MAX_SIZE];
	struct str name = { text, read_name(ssl, text) };

	site = name.n ? find_site(s, name) : NULL;
	if (!site)
		site = &s->sites[0];
	if (SSL_set_SSL_CTX(ssl, site->context) && tie_session(ssl, site, name))
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

/* It was taken note of; without this OpenSSL would say that it was not. */
static int accept_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

bool tls_server_prefers_other(const struct tls_server *s, const struct ssl_ctx_st *now,
			      struct str host)
{
	for (unsigned i = 0; i < s->n_sites; i++)
		if (s->sites[i].context == now && certificate_covers(s->sites[i].first, host))
			return false;
	return find_site(s, host) != NULL;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n,
			   const unsigned char *offered, unsigned n_offered, void *arg)
{
	const struct tls_server *s = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, n, s->protocols, s->n_protocols, offered, n_offered) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- making ---- */

static SSL_CTX *make_context(struct tls_server *s, const struct conf_tls *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !tls_options_set(ctx, c->profile) || !tls_tickets_use(s->tickets, ctx)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
	SSL_CTX_set_client_hello_cb(ctx, choose_by_name, s);
	SSL_CTX_set_tlsext_servername_callback(ctx, accept_name);
	if (s->n_protocols)
		SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, s);
	return ctx;
}

static bool fail(char why[TLS_WHY], struct str path, const char *text)
{
	snprintf(why, TLS_WHY, "%.*s: %s", STR_ARGS(path), text);
	return false;
}

static const char *openssl_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return words ? words : "OpenSSL does not take it";
}

static bool judge_clients(const struct tls_server *s, const struct conf_tls *c, SSL_CTX *ctx,
			  char why[TLS_WHY])
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	bool required = c->clients == CONF_TLS_CLIENTS_REQUIRED;
	char text[CERTIFICATE_WHY];
	STACK_OF(X509) *all;

	if (c->clients == CONF_TLS_CLIENTS_NONE)
		return true;
	if (!certificate_trust(store, s->ca->content, text))
		return fail(why, c->ca.path, text);
	if (s->crl && !certificate_revoke(store, s->crl->content, text))
		return fail(why, c->crl.path, text);
	all = certificate_read_all(s->ca->content);
	for (int i = 0; i < sk_X509_num(all); i++)
		(void)SSL_CTX_add_client_CA(ctx, sk_X509_value(all, i));
	sk_X509_pop_free(all, X509_free);
	SSL_CTX_set_verify(ctx,
			   SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			   NULL);
	return true;
}

/* A site for the same names that has no key of this kind yet. */
static struct site *site_to_join(const struct tls_server *s, const struct certificate *c)
{
	for (unsigned i = 0; i < s->n_sites; i++) {
		struct site *e = &s->sites[i];

		if (certificate_same_names(e->first, c) && !certificate_same_kind(e->first, c))
			return e;
	}
	return NULL;
}

/* The same on both nodes, and for the certificate that follows this one. */
static void digest_site(const struct tls_server *s, struct site *site)
{
	char text[2 * sizeof(site->digest)];

	str_copy(site->digest, sizeof(site->digest), str_of(s->rules));
	for (unsigned i = 0; i < site->first->n_names; i++) {
		char name[sizeof(site->digest)];

		digest_sha256_hex(site->first->names[i], name);
		snprintf(text, sizeof(text), "%s%s", site->digest, name);
		digest_sha256_hex(str_of(text), site->digest);
	}
}

static bool add_certificate(struct tls_server *s, const struct conf_tls *conf,
			    struct certificate *c, struct str path, char why[TLS_WHY])
{
	struct site *site = site_to_join(s, c);

	s->certificates[s->n_certificates++] = c;
	if (!site) {
		site = &s->sites[s->n_sites];
		site->context = make_context(s, conf);
		site->first = c;
		digest_site(s, site);
		if (!site->context)
			return fail(why, path, openssl_words());
		s->n_sites++;
		if (!judge_clients(s, conf, site->context, why))
			return false;
	}
	return SSL_CTX_use_cert_and_key(site->context, c->leaf, c->key, c->chain, 1) == 1 ||
	       fail(why, path, openssl_words());
}

static bool add_file(struct tls_server *s, const struct conf_tls *conf,
		     const struct conf_source *source, struct str path, char why[TLS_WHY])
{
	const struct conf_file *file = conf_find_secret(source, path);
	struct str keys[CONF_MAX_CERTIFICATES];
	struct certificate *c;
	char text[CERTIFICATE_WHY];
	unsigned n = 0;

	for (unsigned i = 0; i < conf->n_keys; i++) {
		const struct conf_file *key = conf_find_secret(source, conf->keys[i].path);

		if (key)
			keys[n++] = key->content;
	}
	if (!file)
		return fail(why, path, "the file was not handed over");
	c = certificate_read(file->content, keys, n, text);
	if (!c)
		return fail(why, path, text);
	return add_certificate(s, conf, c, path, why);
}

/* NULL for no path; false when it was not handed over. */
static bool find(const struct conf_source *source, struct str path, const struct conf_file **file,
		 char why[TLS_WHY])
{
	*file = path.n ? conf_find_secret(source, path) : NULL;
	return *file || !path.n || fail(why, path, "the file was not handed over");
}

/* Who was let in by other rules is asked anew. */
static void digest_rules(struct tls_server *s, const struct conf_tls *c)
{
	char text[3 * 65 + 8], ca[65], crl[65];

	digest_sha256_hex(s->ca ? s->ca->content : STR_NONE, ca);
	digest_sha256_hex(s->crl ? s->crl->content : STR_NONE, crl);
	snprintf(text, sizeof(text), "hpcbal %s %s %d", ca, crl, (int)c->clients);
	digest_sha256_hex(str_of(text), s->rules);
}

static bool fill(struct tls_server *s, const struct conf_tls *c, const struct conf_source *source,
		 char why[TLS_WHY])
{
	const struct conf_file *keys = NULL;
	char text[TLS_TICKETS_WHY];

	if (!find(source, c->ticket_keys.path, &keys, why) ||
	    !find(source, c->ca.path, &s->ca, why) || !find(source, c->crl.path, &s->crl, why))
		return false;
	digest_rules(s, c);
	s->tickets = tls_tickets_new(keys ? keys->content : STR_NONE, text);
	s->sites = calloc(c->n_certificates, sizeof(*s->sites));
	s->certificates = calloc(c->n_certificates, sizeof(struct certificate *));
	if (!s->tickets)
		return fail(why, keys ? c->ticket_keys.path : STR("TLS"), text);
	if (!s->sites || !s->certificates)
		return fail(why, STR("TLS"), "out of memory");
	for (unsigned i = 0; i < c->n_certificates; i++)
		if (!add_file(s, c, source, c->certificates[i].path, why))
			return false;
	return true;
}

struct tls_server *tls_server_new(const struct conf_tls *c, const struct conf_source *source,
				  struct str protocols, char why[TLS_WHY])
{
	struct tls_server *s = calloc(1, sizeof(*s));

	if (!s) {
		fail(why, STR("TLS"), "out of memory");
		return NULL;
	}
	s->references = 1;
	if (protocols.n && protocols.n <= sizeof(s->protocols)) {
		memcpy(s->protocols, protocols.p, protocols.n);
		s->n_protocols = (unsigned)protocols.n;
	}
	ERR_clear_error();
	if (fill(s, c, source, why)) {
		s->ca = s->crl = NULL;
		return s;
	}
	ERR_clear_error();
	tls_server_unref(s);
	return NULL;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
	atomic_fetch_add(&s->references, 1);
	return s;
}

void tls_server_unref(struct tls_server *s)
{
	if (!s || atomic_fetch_sub(&s->references, 1) != 1)
		return;
	for (unsigned i = 0; i < s->n_sites; i++)
		SSL_CTX_free(s->sites[i].context);
	for (unsigned i = 0; i < s->n_certificates; i++)
		certificate_free(s->certificates[i]);
	tls_tickets_unref(s->tickets);
	free(s->sites);
	free(s->certificates);
	free(s);
}

SSL_CTX *tls_server_context(const struct tls_server *s)
{
	return s->sites[0].context;
}

int64_t tls_server_ends(const struct tls_server *s, unsigned index)
{
	return certificate_ends(s->certificates[index]);
}
