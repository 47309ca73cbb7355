/* Certificates for unit tests, made in memory. What is made stays in a bag and is freed by nobody:
 * a test ends with its process. */
#ifndef HPCBAL_TESTS_PKI_RIG_H
#define HPCBAL_TESTS_PKI_RIG_H

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

#define PKI_DAY 86400L

struct pki_made {
	X509 *cert;
	EVP_PKEY *key;
	struct str cert_pem, key_pem;
};

static void *pki_keep(void *p)
{
	static void *bag[256];
	static unsigned n;

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_lt(n, sizeof(bag) / sizeof(bag[0]));
	bag[n++] = p;
	return p;
}

static struct str pki_text(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(pki_keep(b), &p);

	ck_assert_int_gt(n, 0);
	return (struct str){ p, (size_t)n };
}

static struct str pki_join(struct str a, struct str b)
{
	char *p = pki_keep(malloc(a.n + b.n + 1));

	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	p[a.n + b.n] = '\0';
	return (struct str){ p, a.n + b.n };
}

static void pki_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* `names` as "DNS:a.test,DNS:b.test", or NULL; `issuer` NULL: signs itself, and may sign
 * others. */
static struct pki_made pki_make(const char *common, const char *names, bool rsa,
				const struct pki_made *issuer)
{
	static long serial = 1;
	struct pki_made m = { .cert = pki_keep(X509_new()),
			      .key = pki_keep(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")) };
	X509_NAME *name = X509_get_subject_name(m.cert);
	BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());

	X509_set_version(m.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(m.cert), serial++);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1,
				   -1, 0);
	X509_set_issuer_name(m.cert, issuer ? X509_get_subject_name(issuer->cert) : name);
	X509_gmtime_adj(X509_getm_notBefore(m.cert), -PKI_DAY);
	X509_gmtime_adj(X509_getm_notAfter(m.cert), 30 * PKI_DAY);
	X509_set_pubkey(m.cert, m.key);
	pki_extension(m.cert, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		pki_extension(m.cert, NID_subject_alt_name, names);
	ck_assert_int_gt(X509_sign(m.cert, issuer ? issuer->key : m.key, EVP_sha256()), 0);
	PEM_write_bio_X509(cert, m.cert);
	PEM_write_bio_PrivateKey(key, m.key, NULL, NULL, 0, NULL, NULL);
	m.cert_pem = pki_text(cert);
	m.key_pem = pki_text(key);
	return m;
}

#endif
