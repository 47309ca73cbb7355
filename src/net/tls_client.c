#include "net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/certificate_parts.h"
#include "net/digest.h"
#include "net/tls_options.h"

struct tls_client {
	_Atomic unsigned references;
	SSL_CTX *context;
	char name[256];     /* empty: none */
	char address[48];   /* verified where there is no name; empty: nothing is */
	char digest[5][65]; /* of what it was made of */
	pthread_mutex_t lock;
	SSL_SESSION *session; /* the last one, under the lock; a reference */
};

static bool fail(char why[TLS_WHY], struct str path, const char *text)
{
	snprintf(why, TLS_WHY, "%.*s: %s", STR_ARGS(path), text);
	return false;
}

/* ---- sessions ---- */

/* OpenSSL has a new one to give away: 1 keeps its reference. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION *old;

	pthread_mutex_lock(&t->lock);
	old = t->session;
	t->session = session;
	pthread_mutex_unlock(&t->lock);
	SSL_SESSION_free(old);
	return 1;
}

static void use_session(struct tls_client *t, SSL *ssl)
{
	SSL_SESSION *session;

	pthread_mutex_lock(&t->lock);
	session = t->session;
	if (session)
		SSL_SESSION_up_ref(session);
	pthread_mutex_unlock(&t->lock);
	if (session)
		(void)SSL_set_session(ssl, session); /* without it: a whole handshake */
	SSL_SESSION_free(session);
}

void tls_client_forget(struct tls_client *t)
{
	SSL_SESSION *old;

	pthread_mutex_lock(&t->lock);
	old = t->session;
	t->session = NULL;
	pthread_mutex_unlock(&t->lock);
	SSL_SESSION_free(old);
}

/* ---- making ---- */

static bool trust(struct tls_client *t, const struct conf_source *source, struct str path,
		  char why[TLS_WHY])
{
	const struct conf_file *f = conf_find_secret(source, path);
	X509_STORE *store = SSL_CTX_get_cert_store(t->context);
	char text[CERTIFICATE_WHY];

	if (!f)
		return fail(why, path, "the file was not handed over");
	return certificate_trust(store, f->content, text) || fail(why, path, text);
}

static bool show(struct tls_client *t, const struct conf_source *source, struct str path,
		 char why[TLS_WHY])
{
	const struct conf_file *f = conf_find_secret(source, path);
	struct certificate *c;
	char text[CERTIFICATE_WHY];
	bool good;

	if (!f)
		return fail(why, path, "the file was not handed over");
	c = certificate_read(f->content, NULL, 0, text);
	if (!c)
		return fail(why, path, text);
	good = SSL_CTX_use_cert_and_key(t->context, c->leaf, c->key, c->chain, 1) == 1 ||
	       fail(why, path, "OpenSSL does not take it");
	certificate_free(c);
	return good;
}

static bool make_context(struct tls_client *t)
{
	t->context = SSL_CTX_new(TLS_client_method());
	if (!t->context || !tls_options_set(t->context, CONF_TLS_INTERMEDIATE))
		return false;
	SSL_CTX_set_app_data(t->context, t);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_CLIENT |
							   SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->context, keep_session);
	return true;
}

static void digest_file(const struct conf_source *source, struct str path, char to[65])
{
	const struct conf_file *f = path.n ? conf_find_secret(source, path) : NULL;

	digest_sha256_hex(f ? f->content : STR_NONE, to);
}

static void name_it(struct tls_client *t, const struct conf_server_tls *c,
		    const struct addr *address)
{
	str_copy(t->name, sizeof(t->name), c->sni);
	if (address->u.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &address->u.in.sin_addr, t->address, sizeof(t->address));
	else if (address->u.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address->u.in6.sin6_addr, t->address, sizeof(t->address));
}

static bool fill(struct tls_client *t, const struct conf_server_tls *c,
		 const struct addr *address, const struct conf_source *source, char why[TLS_WHY])
{
	name_it(t, c, address);
	digest_sha256_hex(str_of(t->name), t->digest[0]);
	digest_sha256_hex(str_of(t->address), t->digest[1]);
	digest_file(source, c->ca.path, t->digest[2]);
	digest_file(source, c->certificate.path, t->digest[3]);
	digest_sha256_hex(c->verify ? STR("verify") : STR("believe"), t->digest[4]);
	if (c->verify && !t->name[0] && !t->address[0])
		return fail(why, STR("TLS"), "there is no name that could be verified; add sni");
	if (!make_context(t))
		return fail(why, STR("TLS"), "out of memory");
	SSL_CTX_set_verify(t->context, c->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (c->verify && !trust(t, source, c->ca.path, why))
		return false;
	return !c->certificate.path.n || show(t, source, c->certificate.path, why);
}

struct tls_client *tls_client_new(const struct conf_server_tls *c, const struct addr *address,
				  const struct conf_source *source, char why[TLS_WHY])
{
	struct tls_client *t = calloc(1, sizeof(*t));

	if (!t) {
		fail(why, STR("TLS"), "out of memory");
		return NULL;
	}
	t->references = 1;
	pthread_mutex_init(&t->lock, NULL);
	if (fill(t, c, address, source, why)) {
		ERR_clear_error();
		return t;
	}
	ERR_clear_error();
	tls_client_unref(t);
	return NULL;
}

struct tls_client *tls_client_ref(struct tls_client *t)
{
	atomic_fetch_add(&t->references, 1);
	return t;
}

void tls_client_unref(struct tls_client *t)
{
	if (!t || atomic_fetch_sub(&t->references, 1) != 1)
		return;
	SSL_SESSION_free(t->session);
	SSL_CTX_free(t->context);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

bool tls_client_same(const struct tls_client *a, const struct tls_client *b)
{
	return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

/* ---- use ---- */

/* What the certificate has to be for, where it is verified. */
static bool expect_name(const struct tls_client *t, SSL *ssl)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (t->name[0])
		return SSL_set1_host(ssl, t->name) == 1 &&
		       SSL_set_tlsext_host_name(ssl, t->name) == 1;
	return !t->address[0] ||
	       X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), t->address) == 1;
}

SSL *tls_client_ssl(struct tls_client *t)
{
	SSL *ssl = SSL_new(t->context);

	if (!ssl || !expect_name(t, ssl)) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_connect_state(ssl);
	use_session(t, ssl);
	return ssl;
}
