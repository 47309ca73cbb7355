#include "net/certificate.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/certificate_parts.h"

static BIO *bio_of(struct str s)
{
	return s.n > INT_MAX ? NULL : BIO_new_mem_buf(s.p, (int)s.n);
}

static bool fail(char why[CERTIFICATE_WHY], const char *text)
{
	snprintf(why, CERTIFICATE_WHY, "%s", text);
	return false;
}

/* An encrypted key asks for its word here: nobody is there to answer. */
static int no_password(char *to, int size, int writes, void *arg)
{
	bool *asked = arg;

	(void)to;
	(void)size;
	(void)writes;
	*asked = true;
	return -1;
}

/* ---- reading ---- */

STACK_OF(X509) *certificate_read_all(struct str pem)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *from = bio_of(pem);
	X509 *one;

	while (all && from && (one = PEM_read_bio_X509(from, NULL, NULL, NULL)))
		if (!sk_X509_push(all, one))
			X509_free(one);
	BIO_free(from);
	ERR_clear_error();
	return all;
}

static EVP_PKEY *read_key(struct str pem, bool *encrypted)
{
	BIO *from = bio_of(pem);
	EVP_PKEY *key = NULL;

	*encrypted = false;
	if (from)
		key = PEM_read_bio_PrivateKey(from, NULL, no_password, encrypted);
	BIO_free(from);
	ERR_clear_error();
	return key;
}

static bool is_of(const struct certificate *c, EVP_PKEY *key)
{
	bool fits = key && X509_check_private_key(c->leaf, key) == 1;

	ERR_clear_error();
	return fits;
}

static bool take_other_key(struct certificate *c, const struct str *keys, unsigned n, char *why)
{
	bool encrypted;

	for (unsigned i = 0; i < n; i++) {
		EVP_PKEY *key = read_key(keys[i], &encrypted);

		if (is_of(c, key)) {
			c->key = key;
			c->key_index = i;
			return true;
		}
		EVP_PKEY_free(key);
	}
	return fail(why, n ? "it has no private key, and none of keys belongs to it; add the key "
			     "to the file, or its file to keys"
			   : "it has no private key; append the key to the file, or name its file "
			     "in keys");
}

static bool take_key(struct certificate *c, struct str pem, const struct str *keys, unsigned n,
		     char *why)
{
	bool encrypted;

	c->key = read_key(pem, &encrypted);
	c->key_index = UINT_MAX;
	if (encrypted)
		return fail(why, "its private key is encrypted, and nobody is there to ask for "
				 "the password; decrypt it (openssl pkey -in OLD -out NEW)");
	if (!c->key)
		return take_other_key(c, keys, n, why);
	return is_of(c, c->key) ||
	       fail(why, "its private key belongs to another certificate; put the two that "
			 "belong together into one file, the certificate in front of its chain");
}

static bool chain_is_in_order(const struct certificate *c, char *why)
{
	X509 *below = c->leaf;

	for (int i = 0; i < sk_X509_num(c->chain); i++) {
		X509 *issuer = sk_X509_value(c->chain, i);

		if (X509_check_issued(issuer, below) != X509_V_OK ||
		    X509_verify(below, X509_get0_pubkey(issuer)) != 1) {
			ERR_clear_error();
			snprintf(why, CERTIFICATE_WHY,
				 "its chain is not in order: certificate %d of the file did not "
				 "issue certificate %d; each has to be followed by its issuer",
				 i + 2, i + 1);
			return false;
		}
		below = issuer;
	}
	return true;
}

/* ---- names ---- */

static void add_name(struct certificate *c, const ASN1_STRING *s)
{
	struct str name = { (const char *)ASN1_STRING_get0_data(s),
			    (size_t)ASN1_STRING_length(s) };
	char *to;

	if (!name.n || memchr(name.p, '\0', name.n) || c->n_names == CERTIFICATE_NAMES)
		return;
	to = arena_alloc(&c->arena, name.n);
	if (!to)
		return;
	for (size_t i = 0; i < name.n; i++)
		to[i] = str_lower_char(name.p[i]);
	c->names[c->n_names++] = (struct str){ to, name.n };
}

/* The subject's own name counts only where there are no others (RFC 6125 6.4.4). */
static bool find_names(struct certificate *c)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	const X509_NAME *subject = X509_get_subject_name(c->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	c->names = arena_zalloc(&c->arena, CERTIFICATE_NAMES * sizeof(*c->names));
	for (int i = 0; c->names && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (g->type == GEN_DNS)
			add_name(c, g->d.dNSName);
	}
	GENERAL_NAMES_free(all);
	if (c->names && !all && at >= 0)
		add_name(c, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	return !arena_failed(&c->arena);
}

bool certificate_name_covers(struct str name, struct str host)
{
	ptrdiff_t dot = str_find_char(host, '.');

	if (str_eq(name, host))
		return true;
	return str_begins(name, STR("*.")) && dot > 0 &&
	       str_eq(str_from(name, 1), str_from(host, (size_t)dot));
}

bool certificate_covers(const struct certificate *c, struct str host)
{
	for (unsigned i = 0; i < c->n_names; i++)
		if (certificate_name_covers(c->names[i], host))
			return true;
	return false;
}

unsigned certificate_names(const struct certificate *c, const struct str **names)
{
	*names = c->names;
	return c->n_names;
}

bool certificate_same_names(const struct certificate *a, const struct certificate *b)
{
	if (a->n_names != b->n_names || !a->n_names)
		return false;
	for (unsigned i = 0; i < a->n_names; i++) {
		bool found = false;

		for (unsigned k = 0; k < b->n_names && !found; k++)
			found = str_eq(a->names[i], b->names[k]);
		if (!found)
			return false;
	}
	return true;
}

bool certificate_same_kind(const struct certificate *a, const struct certificate *b)
{
	return EVP_PKEY_get_base_id(a->key) == EVP_PKEY_get_base_id(b->key);
}

/* ---- as a whole ---- */

static bool read_parts(struct certificate *c, struct str pem, const struct str *keys, unsigned n,
		       char *why)
{
	c->chain = certificate_read_all(pem);
	c->leaf = c->chain ? sk_X509_shift(c->chain) : NULL;
	if (!c->leaf)
		return fail(why, "there is no certificate in it; it needs PEM text: the "
				 "certificate, its chain, its private key");
	return take_key(c, pem, keys, n, why) && chain_is_in_order(c, why) &&
	       (find_names(c) || fail(why, "out of memory; free some"));
}

struct certificate *certificate_read(struct str pem, const struct str *keys, unsigned n_keys,
				     char why[CERTIFICATE_WHY])
{
	struct certificate *c = calloc(1, sizeof(*c));

	if (!c) {
		fail(why, "out of memory; free some");
		return NULL;
	}
	arena_init(&c->arena, 1024, 0);
	if (read_parts(c, pem, keys, n_keys, why))
		return c;
	certificate_free(c);
	return NULL;
}

void certificate_free(struct certificate *c)
{
	if (!c)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	arena_free(&c->arena);
	free(c);
}

bool certificate_took_key(const struct certificate *c, unsigned index)
{
	return c->key_index == index;
}

bool certificate_has_own_key(const struct certificate *c)
{
	return c->key_index == UINT_MAX;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm parts;

	return ASN1_TIME_to_tm(t, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

int64_t certificate_ends(const struct certificate *c)
{
	return seconds_of(X509_get0_notAfter(c->leaf));
}

int64_t certificate_begins(const struct certificate *c)
{
	return seconds_of(X509_get0_notBefore(c->leaf));
}

int64_t certificate_lists_end(struct str pem)
{
	BIO *from = bio_of(pem);
	int64_t first = INT64_MAX;
	X509_CRL *one;

	while (from && (one = PEM_read_bio_X509_CRL(from, NULL, NULL, NULL))) {
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(one);
		int64_t ends = next ? seconds_of(next) : INT64_MAX;

		first = ends < first ? ends : first;
		X509_CRL_free(one);
	}
	BIO_free(from);
	ERR_clear_error();
	return first;
}

bool certificate_trust(X509_STORE *store, struct str pem, char *why)
{
	STACK_OF(X509) *all = certificate_read_all(pem);
	bool good = sk_X509_num(all) > 0 ||
		    fail(why, "there is no certificate in it; it needs PEM text");

	for (int i = 0; i < sk_X509_num(all); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(all, i)) != 1)
			good = fail(why, "OpenSSL does not take a certificate of it");
	sk_X509_pop_free(all, X509_free);
	return good;
}

bool certificate_revoke(X509_STORE *store, struct str pem, char *why)
{
	BIO *from = bio_of(pem);
	X509_CRL *one;
	bool good = true;
	unsigned n = 0;

	while (from && (one = PEM_read_bio_X509_CRL(from, NULL, NULL, NULL))) {
		if (X509_STORE_add_crl(store, one) != 1)
			good = fail(why, "OpenSSL does not take a list of it");
		X509_CRL_free(one);
		n++;
	}
	BIO_free(from);
	ERR_clear_error();
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	return good && (n || fail(why, "there is no list of revoked certificates in it; it needs "
				       "PEM text"));
}
