/* Both sides of TLS in one process, over a socketpair: our server and our client talk to each
 * other, and each end is told as it should be. */
#include "pki_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "net/tls_client.h"
#include "net/tls_server.h"
#include "net/tls_tickets.h"

#define LIT(text) { text, sizeof(text) - 1 }
#define PROTOCOLS STR("\x02h2\x08http/1.1")

static struct pki_made ca, a, b, a_later;
static struct conf_file secrets[8];
static struct conf_source source = { .secrets = secrets };
static struct conf_path paths[2] = { { LIT("a.pem"), 1 }, { LIT("b.pem"), 1 } };
static struct conf_tls rules = {
	.on = true, .n_certificates = 2, .certificates = paths,
	.ticket_keys = { LIT("tickets"), 1 },
};
static struct conf_server_tls way = {
	.on = true, .verify = true, .ca = { LIT("ca.pem"), 1 }, .sni = LIT("a.test"),
};
static struct addr nowhere;
static char why[TLS_WHY], ticket_key[109];
static struct loop *loop;
static struct conn server, client;

static void put_file(struct str path, struct str content)
{
	for (unsigned i = 0; i < source.n_secrets; i++)
		if (str_eq(secrets[i].path, path)) {
			secrets[i].content = content;
			return;
		}
	secrets[source.n_secrets++] = (struct conf_file){ .path = path, .content = content };
}

/* Once; each test is a process of its own. */
static void make(void)
{
	ca = pki_make("ca", NULL, false, NULL);
	a = pki_make("a", "DNS:a.test,DNS:*.a.test", false, &ca);
	a_later = pki_make("a", "DNS:a.test,DNS:*.a.test", true, &ca);
	b = pki_make("b", "DNS:b.test", false, &ca);
	put_file(STR("ca.pem"), ca.cert_pem);
	put_file(STR("a.pem"), pki_join(a.cert_pem, a.key_pem));
	put_file(STR("b.pem"), pki_join(b.cert_pem, b.key_pem));
	memset(ticket_key, 'A', 107);
	memcpy(ticket_key + 107, "=\n", 2);
	put_file(STR("tickets"), (struct str){ ticket_key, sizeof(ticket_key) });
}

static void nothing(struct conn *c)
{
	(void)c;
}

static void setup(void)
{
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	server.io.fd = client.io.fd = -1;
	alarm(60);
}

static void teardown(void)
{
	conn_close(&client);
	conn_close(&server);
	loop_free(loop);
}

static void pair_open(void)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	ck_assert(conn_open(&server, loop, fd[0], nothing));
	ck_assert(conn_open(&client, loop, fd[1], nothing));
}

/* As the loop would tell them. */
static void stir(void)
{
	server.can_read = client.can_read = server.can_write = client.can_write = true;
}

static struct tls_server *serve(void)
{
	struct tls_server *s = tls_server_new(&rules, &source, PROTOCOLS, why);

	ck_assert_msg(s != NULL, "%s", why);
	return s;
}

static struct tls_client *believe(void)
{
	struct tls_client *t = tls_client_new(&way, &nowhere, &source, why);

	ck_assert_msg(t != NULL, "%s", why);
	return t;
}

/* False: it has failed on one side at least. */
static bool shake(struct tls_server *s, struct tls_client *t)
{
	enum conn_result here = CONN_AGAIN, there = CONN_AGAIN;

	pair_open();
	ck_assert(tls_accept(&server, s, STR_NONE));
	ck_assert(tls_connect(&client, t, STR_NONE, STR_NONE));
	for (unsigned i = 0; i < 20 && (here == CONN_AGAIN || there == CONN_AGAIN); i++) {
		stir();
		if (there == CONN_AGAIN)
			there = conn_handshake(&client);
		if (here == CONN_AGAIN)
			here = conn_handshake(&server);
	}
	return here == CONN_OK && there == CONN_OK;
}

static void part(void)
{
	conn_close(&client);
	conn_close(&server);
}

static size_t say(struct conn *c, struct str text)
{
	const struct iovec v = { (void *)(uintptr_t)text.p, text.n };
	size_t n = 0;

	c->can_write = true;
	(void)c->transport->send(c, &v, 1, false, &n);
	return n;
}

static enum conn_result hear(struct conn *c, char *to, size_t size, size_t *n)
{
	c->can_read = true;
	return conn_recv(c, to, size, n);
}

/* A ticket of TLS 1.3 comes with the first bytes. */
static void talk(void)
{
	char text[16];
	size_t n;

	ck_assert_uint_eq(say(&server, STR("hello")), 5);
	ck_assert_int_eq(hear(&client, text, sizeof(text), &n), CONN_OK);
	ck_assert(n == 5 && memcmp(text, "hello", 5) == 0);
	ck_assert_uint_eq(say(&client, STR("there")), 5);
	ck_assert_int_eq(hear(&server, text, sizeof(text), &n), CONN_OK);
	ck_assert(n == 5 && memcmp(text, "there", 5) == 0);
}

START_TEST(facts)
{
	struct tls_server *s = serve();
	struct tls_client *t = believe();

	ck_assert(shake(s, t));
	ck_assert(server.facts->secure && str_eq(server.facts->scheme, STR("https")));
	ck_assert(str_eq(server.facts->server_name, STR("a.test")));
	ck_assert_str_eq(server.facts->version, "TLSv1.3");
	ck_assert_int_eq(server.facts->fault, CONN_FINE);
	ck_assert(!tls_misdirects(&server, STR("a.test")));
	ck_assert(!tls_misdirects(&server, STR("www.a.test")));
	ck_assert(tls_misdirects(&server, STR("b.test")));
	ck_assert(!tls_misdirects(&server, STR("c.test")));
	ck_assert(!tls_misdirects(&client, STR("b.test")));
	talk();
	tls_server_unref(s); /* the connection has its own */
	tls_client_unref(t);
	talk();
}
END_TEST

static bool resumes(struct tls_server *s, struct tls_client *t)
{
	bool resumed;

	ck_assert_msg(shake(s, t), "%s", client.facts->words);
	resumed = server.facts->resumed;
	ck_assert(resumed == client.facts->resumed);
	talk();
	part();
	return resumed;
}

START_TEST(sessions)
{
	struct tls_server *s = serve(), *again, *other;
	struct tls_client *t = believe();

	ck_assert(!resumes(s, t));
	ck_assert(resumes(s, t) && resumes(s, t));
	again = serve();
	ck_assert_msg(resumes(again, t), "the keys are those of the file");
	put_file(STR("a.pem"), pki_join(a_later.cert_pem, a_later.key_pem));
	other = serve();
	ck_assert_msg(resumes(other, t), "the names are the same");
	tls_server_unref(other);
	rules.clients = CONF_TLS_CLIENTS_OPTIONAL;
	rules.ca = way.ca;
	other = serve();
	ck_assert_msg(!resumes(other, t), "other clients are let in");
	tls_server_unref(other);
	rules.clients = CONF_TLS_CLIENTS_NONE;
	rules.ca = (struct conf_path){ STR_NONE, 0 };
	ck_assert(!resumes(s, t) && resumes(s, t));
	tls_client_forget(t);
	ck_assert(!resumes(s, t));
	tls_server_unref(s);
	tls_server_unref(again);
	tls_client_unref(t);
}
END_TEST

START_TEST(another_name)
{
	struct tls_server *s = serve();
	struct tls_client *t;

	way.sni = STR("b.test");
	t = believe();
	ck_assert(shake(s, t));
	ck_assert(tls_misdirects(&server, STR("a.test")));
	part();
	tls_client_unref(t);
	way.sni = STR("c.test");
	t = believe();
	ck_assert(!shake(s, t));
	ck_assert_int_eq(client.facts->fault, CONN_UNTRUSTED);
	ck_assert_ptr_nonnull(strstr(client.facts->words, "ostname mismatch"));
	ck_assert_int_eq(server.facts->fault, CONN_DECLINED);
	part();
	tls_client_unref(t);
	way.verify = false;
	t = believe();
	ck_assert(shake(s, t));
	tls_client_unref(t);
	tls_server_unref(s);
}
END_TEST

START_TEST(ends)
{
	struct tls_server *s = serve();
	struct tls_client *t = believe();
	char text[16];
	size_t n;

	ck_assert(shake(s, t));
	conn_shutdown(&client);
	ck_assert_int_eq(hear(&server, text, sizeof(text), &n), CONN_EOF);
	ck_assert(!server.truncated);
	ck_assert_uint_eq(say(&server, STR("bye")), 3);
	ck_assert_int_eq(hear(&client, text, sizeof(text), &n), CONN_OK);
	part();
	ck_assert(shake(s, t));
	ck_assert_uint_eq(say(&client, STR("last")), 4);
	ck_assert_int_eq(shutdown(client.io.fd, SHUT_WR), 0); /* without a word */
	ck_assert_int_eq(hear(&server, text, sizeof(text), &n), CONN_OK);
	ck_assert_uint_eq(n, 4);
	ck_assert_int_eq(hear(&server, text, sizeof(text), &n), CONN_EOF);
	ck_assert(server.truncated);
	part();
	ck_assert(shake(s, t));
	ck_assert_int_eq(write(client.io.fd, "\x17\x03\x03\0\x11_________________", 22), 22);
	ck_assert_int_eq(hear(&server, text, sizeof(text), &n), CONN_FAIL);
	ck_assert_int_eq(server.error, EPROTO);
	tls_server_unref(s);
	tls_client_unref(t);
}
END_TEST

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

#define MUCH (3u << 20)

/* Records that the socket takes in part; none is made anew, and no byte of text is told too
 * soon. */
START_TEST(much)
{
	struct tls_server *s = serve();
	struct tls_client *t = believe();
	static char from[MUCH], to[5000];
	size_t sent = 0, got = 0;
	const int small = 4096;

	for (size_t i = 0; i < MUCH; i++)
		from[i] = (char)byte_at(i);
	ck_assert(shake(s, t));
	setsockopt(server.io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (got < MUCH) {
		size_t n, some = 1 + sent % 90001;

		some = MUCH - sent < some ? MUCH - sent : some;
		if (some)
			sent += say(&server, (struct str){ from + sent, some });
		ck_assert_uint_le(got, sent + 1);
		n = 0;
		ck_assert_int_ne(hear(&client, to, 1 + got % sizeof(to), &n), CONN_FAIL);
		ck_assert_int_eq(memcmp(to, from + got, n), 0);
		got += n;
	}
	ck_assert_uint_eq(sent, MUCH);
	tls_server_unref(s);
	tls_client_unref(t);
}
END_TEST

START_TEST(plain)
{
	struct tls_server *s = serve();
	char text[16];
	size_t n;

	pair_open();
	ck_assert(tls_accept(&server, s, STR("G")));
	ck_assert_int_eq(conn_handshake(&server), CONN_FAIL);
	ck_assert_int_eq(server.facts->fault, CONN_FOREIGN);
	ck_assert(!server.facts->secure && server.transport == &transport_plain);
	ck_assert_uint_eq(say(&server, STR("no")), 2);
	ck_assert_int_eq(hear(&client, text, sizeof(text), &n), CONN_OK);
	ck_assert(n == 2 && memcmp(text, "no", 2) == 0);
	part();
	pair_open();
	ck_assert(tls_accept(&server, s, STR_NONE));
	ck_assert_int_eq(conn_handshake(&server), CONN_AGAIN);
	conn_close(&client);
	stir();
	ck_assert_int_eq(conn_handshake(&server), CONN_FAIL);
	ck_assert_int_eq(server.facts->fault, CONN_LEFT);
	tls_server_unref(s);
}
END_TEST

static void refused(struct str path, struct str content, const char *words)
{
	struct str before = conf_find_secret(&source, path)->content;

	put_file(path, content);
	ck_assert_ptr_null(tls_server_new(&rules, &source, PROTOCOLS, why));
	ck_assert_msg(strstr(why, words), "%s", why);
	put_file(path, before);
}

START_TEST(what_is_wrong)
{
	struct str weak;
	EVP_PKEY *small = EVP_RSA_gen(1024);
	X509 *x = X509_dup(a.cert);
	BIO *text = BIO_new(BIO_s_mem());

	X509_set_pubkey(x, small);
	X509_sign(x, ca.key, EVP_sha256());
	PEM_write_bio_X509(text, x);
	PEM_write_bio_PrivateKey(text, small, NULL, NULL, 0, NULL, NULL);
	weak = pki_text(text);
	X509_free(x);
	EVP_PKEY_free(small);
	refused(STR("a.pem"), weak, "a.pem: ee key too small");
	refused(STR("a.pem"), STR(""), "a.pem: there is no certificate in it");
	refused(STR("tickets"), STR("\n\n"), "tickets: there is no key in it");
	refused(STR("tickets"), STR("AAAA\n"), "tickets: line 1 is no key");
	rules.ca = (struct conf_path){ STR("elsewhere"), 1 };
	ck_assert_ptr_null(tls_server_new(&rules, &source, PROTOCOLS, why));
	ck_assert_str_eq(why, "elsewhere: the file was not handed over");
	way.sni = STR_NONE;
	ck_assert_ptr_null(tls_client_new(&way, &nowhere, &source, why));
	ck_assert_ptr_nonnull(strstr(why, "no name that could be verified"));
}
END_TEST

START_TEST(ticket_files)
{
	struct str line = conf_find_secret(&source, STR("tickets"))->content, many = STR("\n \n");
	struct tls_tickets *t;

	for (unsigned i = 0; i < TLS_TICKETS_MAX; i++)
		many = pki_join(many, line);
	t = tls_tickets_new(many, why);
	ck_assert_msg(t != NULL, "%s", why);
	tls_tickets_unref(t);
	ck_assert_ptr_null(tls_tickets_new(pki_join(many, line), why));
	ck_assert_ptr_nonnull(strstr(why, "more than 16 keys"));
	ck_assert_ptr_null(tls_tickets_new(pki_join(STR("A"), line), why));
	ck_assert_ptr_null(tls_tickets_new(str_from(line, 1), why));
	t = tls_tickets_new(STR_NONE, why);
	ck_assert_ptr_nonnull(t);
	ck_assert_ptr_eq(tls_tickets_new(STR_NONE, why), t);
	tls_tickets_unref(t);
	tls_tickets_unref(t);
	tls_tickets_unref(NULL);
}
END_TEST

int main(void)
{
	SRunner *r;
	Suite *s = suite_create("net/tls");
	TCase *t = tcase_create("tls");
	int failed;

	tcase_add_unchecked_fixture(t, make, NULL);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, facts);
	tcase_add_test(t, sessions);
	tcase_add_test(t, another_name);
	tcase_add_test(t, ends);
	tcase_add_test(t, much);
	tcase_add_test(t, plain);
	tcase_add_test(t, what_is_wrong);
	tcase_add_test(t, ticket_files);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
