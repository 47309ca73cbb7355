/* What is read of certificates, what is found wrong with them, and which names they cover. */
#include "pki_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/certificate.h"

static struct pki_made ca, middle, a;
static char why[CERTIFICATE_WHY];

/* Once; each test is a process of its own. */
static void make(void)
{
	ca = pki_make("ca", NULL, false, NULL);
	middle = pki_make("middle", NULL, false, &ca);
	a = pki_make("other.test", "DNS:A.Test,DNS:*.a.test,IP:192.0.2.1", false, &middle);
}

static struct certificate *read_with(struct str pem, const struct str *keys, unsigned n)
{
	why[0] = '\0';
	return certificate_read(pem, keys, n, why);
}

static void refused(struct str pem, const char *words)
{
	ck_assert_ptr_null(read_with(pem, NULL, 0));
	ck_assert_msg(strstr(why, words), "%s", why);
}

START_TEST(whole)
{
	struct str parts[3] = { a.cert_pem, middle.cert_pem, a.key_pem };
	struct certificate *c =
		read_with(pki_join(pki_join(parts[0], parts[1]), parts[2]), NULL, 0);
	const struct str *names;
	int64_t now = (int64_t)time(NULL);

	ck_assert_msg(c != NULL, "%s", why);
	ck_assert_uint_eq(certificate_names(c, &names), 2);
	ck_assert(str_eq(names[0], STR("a.test")) && str_eq(names[1], STR("*.a.test")));
	ck_assert_int_le(llabs(certificate_ends(c) - now - 30 * PKI_DAY), 60);
	ck_assert_int_le(llabs(certificate_begins(c) - now + PKI_DAY), 60);
	ck_assert(certificate_has_own_key(c) && !certificate_took_key(c, 0));
	certificate_free(c);
	c = read_with(pki_join(a.key_pem, pki_join(a.cert_pem, middle.cert_pem)), NULL, 0);
	ck_assert_msg(c != NULL, "the key may stand in front: %s", why);
	certificate_free(c);
	certificate_free(NULL);
}
END_TEST

START_TEST(key_elsewhere)
{
	const struct str keys[3] = { ca.key_pem, STR("no key"), a.key_pem };
	struct certificate *c = read_with(a.cert_pem, keys, 3);

	ck_assert_msg(c != NULL, "%s", why);
	ck_assert(certificate_took_key(c, 2) && !certificate_took_key(c, 0));
	ck_assert(!certificate_has_own_key(c));
	certificate_free(c);
	ck_assert_ptr_null(read_with(a.cert_pem, keys, 2));
	ck_assert_ptr_nonnull(strstr(why, "none of keys belongs to it"));
}
END_TEST

START_TEST(what_is_wrong)
{
	BIO *locked = BIO_new(BIO_s_mem());
	struct pki_made false_middle = pki_make("middle", NULL, false, &ca);

	PEM_write_bio_PrivateKey(locked, a.key, EVP_aes_128_cbc(), (const unsigned char *)"xxxx",
				 4, NULL, NULL);
	refused(STR_NONE, "there is no certificate in it");
	refused(STR("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"),
		"there is no certificate in it");
	refused(a.key_pem, "there is no certificate in it");
	refused(a.cert_pem, "it has no private key; append");
	refused(pki_join(a.cert_pem, ca.key_pem), "belongs to another certificate");
	refused(pki_join(middle.cert_pem, pki_join(a.cert_pem, a.key_pem)),
		"belongs to another certificate");
	refused(pki_join(a.cert_pem, pki_text(locked)), "its private key is encrypted");
	refused(pki_join(a.cert_pem, pki_join(ca.cert_pem, a.key_pem)),
		"certificate 2 of the file did not issue certificate 1");
	refused(pki_join(a.cert_pem, pki_join(false_middle.cert_pem, a.key_pem)),
		"certificate 2 of the file did not issue certificate 1");
	refused(pki_join(pki_join(a.cert_pem, middle.cert_pem),
			 pki_join(middle.cert_pem, a.key_pem)),
		"certificate 3 of the file did not issue certificate 2");
}
END_TEST

START_TEST(common_name)
{
	struct pki_made m = pki_make("Common.Test", NULL, true, &ca);
	struct pki_made ip = pki_make("common.test", "IP:192.0.2.1", false, &ca);
	struct certificate *c = read_with(pki_join(m.cert_pem, m.key_pem), NULL, 0);
	const struct str *names;

	ck_assert_uint_eq(certificate_names(c, &names), 1);
	ck_assert(str_eq(names[0], STR("common.test")));
	certificate_free(c);
	c = read_with(pki_join(ip.cert_pem, ip.key_pem), NULL, 0);
	ck_assert_uint_eq(certificate_names(c, &names), 0);
	ck_assert(!certificate_covers(c, STR("common.test")));
	certificate_free(c);
}
END_TEST

START_TEST(names)
{
	static const struct {
		const char *name, *host;
		bool covers;
	} cases[] = {
		{ "a.test", "a.test", true },
		{ "a.test", "www.a.test", false },
		{ "*.a.test", "www.a.test", true },
		{ "*.a.test", "a.test", false },
		{ "*.a.test", "x.www.a.test", false },
		{ "*.a.test", ".a.test", false },
		{ "*.a.test", "www.b.test", false },
		{ "*.a.test", "wwwa.test", false },
		{ "*", "test", false },
		{ "*.", "a.", true },
		{ "w*.a.test", "www.a.test", false },
		{ "www.*.test", "www.a.test", false },
		{ "", "", true },
		{ "*.a.test", "", false },
		{ "xn--bcher-kva.test", "xn--bcher-kva.test", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(certificate_name_covers(str_of(cases[i].name),
						      str_of(cases[i].host)) == cases[i].covers,
			      "%s for %s", cases[i].name, cases[i].host);
}
END_TEST

static struct str list_until(long seconds)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	BIO *text = BIO_new(BIO_s_mem());

	X509_CRL_set_version(list, 1);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(ca.cert));
	X509_CRL_set1_lastUpdate(list, X509_gmtime_adj(t, -2 * PKI_DAY));
	X509_CRL_set1_nextUpdate(list, X509_gmtime_adj(t, seconds));
	ck_assert_int_gt(X509_CRL_sign(list, ca.key, EVP_sha256()), 0);
	PEM_write_bio_X509_CRL(text, list);
	X509_CRL_free(list);
	ASN1_TIME_free(t);
	return pki_text(text);
}

START_TEST(lists)
{
	struct str two = pki_join(list_until(9 * PKI_DAY), list_until(-PKI_DAY));
	int64_t now = (int64_t)time(NULL);

	ck_assert_int_le(llabs(certificate_lists_end(two) - now + PKI_DAY), 60);
	ck_assert_int_eq(certificate_lists_end(STR("none")), INT64_MAX);
}
END_TEST

int main(void)
{
	SRunner *r;
	Suite *s = suite_create("net/certificate");
	TCase *t = tcase_create("certificate");
	int failed;

	tcase_add_unchecked_fixture(t, make, NULL);
	tcase_add_test(t, whole);
	tcase_add_test(t, key_elsewhere);
	tcase_add_test(t, what_is_wrong);
	tcase_add_test(t, common_name);
	tcase_add_test(t, names);
	tcase_add_test(t, lists);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
