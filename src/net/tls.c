#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/tls_client.h"

#define RECORD 16384u
/* A record on the wire: header, and what encryption adds. */
#define RECORD_WIRE (RECORD + 256u)
/* Records made in one go, and sent in one call. */
#define RECORDS 4u
/* More than any handshake has to say: a peer that never reads what we have to answer. */
#define PENDING_MAX (256u * 1024u)

struct tls {
	SSL *ssl;
	struct conn *conn;
	struct tls_server *server; /* a reference; of one that was accepted */
	struct tls_client *client; /* a reference; of one to a server */
	struct conn_facts facts;
	char *name;        /* facts.server_name */
	char *subject;     /* facts.subject */
	char *early;       /* what was read in front of the handshake */
	size_t early_at, early_n;
	char *pending;     /* what the kernel has not taken */
	size_t pending_at, pending_n;
	char *wire;        /* while records are made: where they are collected */
	size_t wire_n;
	enum conn_result end; /* CONN_EOF, CONN_FAIL: there is no more to read */
	uint64_t came;     /* bytes on the wire */
	uint64_t text_at;  /* how many they were when text came last */
	bool owed;         /* the last byte of text whose record waits in `pending` */
	bool shaken;       /* the handshake is done */
	bool heard;        /* the peer has sent something */
	bool ended;        /* its side is closed */
	bool foreign;      /* it speaks another language */
};

/* Records without text (KeyUpdate, refused renegotiation, empty ones, tickets) cost more to
 * read than to write, and OpenSSL would read them for as long as they come. No record is longer
 * than a quarter of this. */
#define CHATTER_MAX (4u * RECORD_WIRE)
/* What is read of a client before anything is made for it: most hellos fit. */
#define FIRST_BYTES 2048u
/* A subject that is longer is no name of anybody. */
#define SUBJECT_MAX 2048

static const struct conn_facts foreign_facts = {
	.scheme = { "http", 4 },
	.fault = CONN_FOREIGN,
	.words = "plain HTTP",
};

/* ---- between OpenSSL and the socket ---- */

static bool keep_pending(struct tls *t, const char *from, size_t n)
{
	char *more;

	if (t->pending_n + n > PENDING_MAX)
		return false;
	more = realloc(t->pending, t->pending_n + n);
	if (!more)
		return false;
	memcpy(more + t->pending_n, from, n);
	t->pending = more;
	t->pending_n += n;
	return true;
}

/* What does not go now is kept. False: broken. */
static bool put(struct tls *t, const char *from, size_t n, bool more)
{
	const struct iovec v = { (void *)(uintptr_t)from, n };
	enum conn_result r = CONN_AGAIN;
	size_t went = 0;

	if (!t->pending_n)
		r = conn_raw_send(t->conn, &v, 1, more, &went);
	if (r == CONN_FAIL)
		return false;
	if (went == n || keep_pending(t, from + went, n - went))
		return true;
	conn_break(t->conn, ENOMEM);
	return false;
}

/* CONN_OK: nothing waits any more. */
static enum conn_result flush(struct tls *t)
{
	while (t->pending_at < t->pending_n) {
		const struct iovec v = { t->pending + t->pending_at,
					 t->pending_n - t->pending_at };
		size_t went = 0;
		enum conn_result r = conn_raw_send(t->conn, &v, 1, false, &went);

		t->pending_at += went;
		if (r != CONN_OK)
			return r;
	}
	free(t->pending);
	t->pending = NULL;
	t->pending_at = t->pending_n = 0;
	return CONN_OK;
}

static int bio_write(BIO *b, const char *from, int size)
{
	struct tls *t = BIO_get_data(b);
	size_t n = (size_t)size;

	BIO_clear_retry_flags(b);
	if (t->wire) {
		if (t->wire_n + n > RECORDS * RECORD_WIRE)
			return -1;
		memcpy(t->wire + t->wire_n, from, n);
		t->wire_n += n;
		return size;
	}
	return put(t, from, n, false) ? size : -1;
}

static int take_early(struct tls *t, char *to, size_t size)
{
	size_t n = t->early_n - t->early_at;

	n = n < size ? n : size;
	memcpy(to, t->early + t->early_at, n);
	t->early_at += n;
	if (t->early_at == t->early_n) {
		free(t->early);
		t->early = NULL;
		t->early_at = t->early_n = 0;
	}
	return (int)n;
}

static int bio_read(BIO *b, char *to, int size)
{
	struct tls *t = BIO_get_data(b);
	struct conn *c = t->conn;
	enum conn_result r = CONN_AGAIN;
	size_t n = 0;

	BIO_clear_retry_flags(b);
	if (size <= 0)
		return 0;
	if (t->shaken && t->came - t->text_at > CHATTER_MAX)
		return -1;
	if (t->early)
		n = (size_t)take_early(t, to, (size_t)size);
	else if (c->can_read)
		r = conn_raw_recv(c, to, (size_t)size, &n);
	if (n) {
		t->heard = true;
		t->came += n;
		return (int)n;
	}
	if (r == CONN_AGAIN) {
		BIO_set_retry_read(b);
		return -1;
	}
	t->ended = r == CONN_EOF;
	return t->ended ? 0 : -1;
}

static long bio_ctrl(BIO *b, int what, long number, void *arg)
{
	const struct tls *t = BIO_get_data(b);

	(void)number;
	(void)arg;
	if (what == BIO_CTRL_EOF)
		return t->ended;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hpcbal");

	if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
	    BIO_meth_set_ctrl(m, bio_ctrl))
		method = m;
	else
		BIO_meth_free(m);
}

/* ---- handshake ---- */

static bool take_name(struct tls *t)
{
	const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);

	if (!name || !t->server)
		return true;
	t->name = strdup(name);
	if (!t->name)
		return false;
	for (char *p = t->name; *p; p++)
		*p = str_lower_char(*p);
	t->facts.server_name = str_without_root(str_of(t->name));
	return true;
}

/* One without a subject is known by other names, which nobody asks for. False: no memory, or it
 * is longer than a field may be. */
static bool take_subject(struct tls *t)
{
	X509 *peer = t->server ? SSL_get0_peer_certificate(t->ssl) : NULL;
	BIO *text;
	char *from;
	long n = -1;

	if (!peer || SSL_get_verify_result(t->ssl) != X509_V_OK)
		return true;
	text = BIO_new(BIO_s_mem());
	if (!text)
		return false;
	if (X509_NAME_print_ex(text, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253) >= 0) {
		n = BIO_get_mem_data(text, &from);
		if (n > 0 && n <= SUBJECT_MAX)
			t->subject = strndup(from, (size_t)n);
	}
	BIO_free(text);
	if (n == 0)
		return true;
	t->facts.subject = str_of(t->subject ? t->subject : "");
	return t->subject != NULL;
}

static enum conn_result no_memory(struct tls *t)
{
	t->end = CONN_FAIL;
	t->facts.fault = CONN_DISAGREED;
	t->facts.words = "out of memory, or a subject that is too long";
	ERR_clear_error();
	return CONN_FAIL;
}

static enum conn_result shaken(struct tls *t)
{
	const unsigned char *protocol;
	unsigned n;

	t->shaken = true;
	t->text_at = t->came;
	SSL_get0_alpn_selected(t->ssl, &protocol, &n);
	t->facts.protocol = (struct str){ (const char *)protocol, n };
	t->facts.version = SSL_get_version(t->ssl);
	t->facts.resumed = SSL_session_reused(t->ssl);
	if (!take_name(t) || !take_subject(t))
		return no_memory(t);
	if (SSL_has_pending(t->ssl) || t->early)
		t->conn->can_read = true;
	return CONN_OK;
}

static bool is_trust(int reason)
{
	return reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
	       reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}

/* What OpenSSL's first error says. */
static enum conn_fault judge_error(struct tls *t)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_REASON(e);
	const char *words = ERR_reason_error_string(e);
	long verdict = SSL_get_verify_result(t->ssl);

	t->facts.words = words ? words : "unknown error";
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return CONN_DISAGREED;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
		t->facts.words = X509_verify_cert_error_string(verdict);
	if (is_trust(reason))
		return CONN_UNTRUSTED;
	return reason > SSL_AD_REASON_OFFSET ? CONN_DECLINED : CONN_DISAGREED;
}

static void become_plain(struct tls *t);

static enum conn_result handshake_failed(struct tls *t)
{
	struct conn *c = t->conn;

	t->end = CONN_FAIL;
	if (t->foreign) {
		become_plain(t);
		return CONN_FAIL;
	}
	if (t->client)
		tls_client_forget(t->client);
	if (t->ended || c->error) {
		t->facts.words = t->ended ? "closed by the peer" : strerrordesc_np(c->error);
		t->facts.fault = t->heard ? CONN_BROKE : CONN_LEFT;
	} else {
		t->facts.fault = judge_error(t);
		(void)flush(t); /* the alert */
	}
	ERR_clear_error();
	return CONN_FAIL;
}

static bool take_ssl(struct tls *t, SSL *ssl);
static bool copy_bytes(struct str from, char **to, size_t *n);

/* A client that has said nothing costs next to nothing. No record begins with a letter, and every
 * method does. */
static enum conn_result hear_first(struct tls *t)
{
	char bytes[FIRST_BYTES];
	enum conn_result r = CONN_OK;
	size_t n = 0;

	if (!t->early) {
		r = t->conn->can_read ? conn_raw_recv(t->conn, bytes, sizeof(bytes), &n)
				      : CONN_AGAIN;
		if (r == CONN_AGAIN)
			return r;
		t->ended = r == CONN_EOF;
		if (r != CONN_OK)
			return handshake_failed(t);
		if (!copy_bytes((struct str){ bytes, n }, &t->early, &t->early_n))
			return no_memory(t);
	}
	t->heard = true;
	t->foreign = t->early[0] >= 'A' && t->early[0] <= 'Z';
	if (t->foreign)
		return handshake_failed(t);
	if (!take_ssl(t, SSL_new(tls_server_context(t->server))))
		return no_memory(t);
	SSL_set_accept_state(t->ssl);
	return CONN_OK;
}

/* Before it waits for the rest it looks once more: see conn_ask_again(). */
static int do_handshake(struct tls *t)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	if (r != 1 && t->conn->cut_short && SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ) {
		conn_ask_again(t->conn);
		r = SSL_do_handshake(t->ssl);
	}
	return r;
}

static enum conn_result tls_handshake(struct conn *c)
{
	struct tls *t = c->state;
	enum conn_result sent = CONN_OK;
	int r;

	if (t->end == CONN_FAIL)
		return CONN_FAIL;
	if (!t->ssl)
		sent = hear_first(t);
	if (sent != CONN_OK)
		return sent;
	if (t->shaken && !t->pending_n)
		return CONN_OK;
	if (t->pending_n && c->can_write && !t->facts.fault) {
		sent = flush(t);
		if (sent == CONN_FAIL)
			return handshake_failed(t);
	}
	if (t->shaken)
		return t->pending_n ? CONN_AGAIN : CONN_OK;
	r = do_handshake(t);
	if (r != 1)
		return SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ ? CONN_AGAIN
								       : handshake_failed(t);
	if (shaken(t) != CONN_OK)
		return CONN_FAIL;
	return t->pending_n ? CONN_AGAIN : CONN_OK;
}

/* ---- bytes ---- */

/* Why SSL_read() gave nothing: remembered, since it comes behind what was read with it. */
static enum conn_result end_of_reading(struct tls *t, int r)
{
	struct conn *c = t->conn;

	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return CONN_AGAIN;
	case SSL_ERROR_ZERO_RETURN: /* behind a close_notify nothing more was read */
		c->truncated = t->ended;
		t->end = CONN_EOF;
		break;
	default:
		c->truncated = t->ended;
		t->end = t->ended ? CONN_EOF : conn_break(c, EPROTO);
		break;
	}
	ERR_clear_error();
	c->can_read = true;
	return t->end;
}

static enum conn_result tls_recv(struct conn *c, void *to, size_t size, size_t *n)
{
	struct tls *t = c->state;
	enum conn_result why = CONN_OK;
	uint64_t began = t->came;

	if (t->end != CONN_OK)
		return t->end;
	ERR_clear_error();
	do {
		size_t got = 0;
		int r = SSL_read_ex(t->ssl, (char *)to + *n, size - *n, &got);

		*n += got;
		if (r == 1)
			t->text_at = t->came;
		else
			why = end_of_reading(t, r);
	} while (why == CONN_OK && *n < size && SSL_has_pending(t->ssl) &&
		 t->came - began < CHATTER_MAX);
	if (SSL_has_pending(t->ssl) && why == CONN_OK)
		c->can_read = true;
	return *n ? CONN_OK : why;
}

struct spans {
	const struct iovec *v;
	unsigned count;
	size_t at; /* in the first */
};

/* The next record's text: where it lies in one piece, or copied together. */
static const char *next_text(struct spans *s, char room[RECORD], size_t *n)
{
	const char *whole = (const char *)s->v->iov_base + s->at;
	bool copy = s->v->iov_len - s->at < RECORD && s->count > 1;

	for (*n = 0; s->count && *n < RECORD;) {
		size_t here = s->v->iov_len - s->at, take = RECORD - *n;

		take = here < take ? here : take;
		if (copy)
			memcpy(room + *n, (const char *)s->v->iov_base + s->at, take);
		*n += take;
		s->at += take;
		if (s->at < s->v->iov_len)
			break;
		s->v++;
		s->count--;
		s->at = 0;
		if (!copy)
			break;
	}
	return copy ? room : whole;
}

/* How much of the text became records, in t->wire. */
static size_t make_records(struct tls *t, const struct iovec *v, unsigned count)
{
	struct spans s = { v, count, 0 };
	char room[RECORD];
	size_t made = 0;

	for (unsigned i = 0; i < RECORDS && s.count; i++) {
		size_t n, went = 0;
		const char *text = next_text(&s, room, &n);

		if (n && SSL_write_ex(t->ssl, text, n, &went) != 1)
			return 0;
		made += went;
	}
	return made;
}

static enum conn_result send_records(struct tls *t, const struct iovec *v, unsigned count,
				     bool more, size_t *n)
{
	char wire[RECORDS * RECORD_WIRE];
	size_t made;
	bool good;

	t->wire = wire;
	t->wire_n = 0;
	ERR_clear_error();
	made = make_records(t, v, count);
	t->wire = NULL;
	if (!made) {
		ERR_clear_error();
		return conn_break(t->conn, EPROTO);
	}
	good = put(t, wire, t->wire_n, more);
	if (!good)
		return CONN_FAIL;
	t->owed = t->pending_n > 0;
	*n = made - t->owed;
	return t->owed ? CONN_AGAIN : CONN_OK;
}

static enum conn_result tls_send(struct conn *c, const struct iovec *v, unsigned count, bool more,
				 size_t *n)
{
	struct tls *t = c->state;
	enum conn_result r;

	if (t->end == CONN_FAIL)
		return CONN_FAIL;
	if (t->pending_n) {
		r = flush(t);
		if (r != CONN_OK)
			return r;
	}
	if (t->owed) {
		t->owed = false;
		*n = 1;
		return CONN_OK;
	}
	r = send_records(t, v, count, more, n);
	if (r == CONN_AGAIN)
		c->can_write = false;
	return r;
}

/* ---- the end ---- */

static void say_end(struct tls *t)
{
	if (!t->shaken || t->end == CONN_FAIL || t->conn->error)
		return;
	if (t->pending_n)
		(void)flush(t);
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

static void tls_shutdown(struct conn *c)
{
	say_end(c->state);
	shutdown(c->io.fd, SHUT_WR);
}

static void state_free(struct tls *t)
{
	SSL_free(t->ssl);
	tls_server_unref(t->server);
	tls_client_unref(t->client);
	free(t->name);
	free(t->subject);
	free(t->early);
	free(t->pending);
	free(t);
}

static void tls_free(struct conn *c)
{
	struct tls *t = c->state;

	if (!c->shut)
		say_end(t);
	c->state = NULL;
	c->facts = &conn_plain_facts;
	state_free(t);
}

/* It is told in its own language what it did wrong. */
static void become_plain(struct tls *t)
{
	struct conn *c = t->conn;

	c->transport = &transport_plain;
	c->facts = &foreign_facts;
	c->state = NULL;
	ERR_clear_error();
	state_free(t);
}

const struct transport transport_tls = {
	.name = "TLS",
	.handshake = tls_handshake,
	.recv = tls_recv,
	.send = tls_send,
	.shutdown = tls_shutdown,
	.free = tls_free,
};

/* ---- the beginning ---- */

static bool copy_bytes(struct str from, char **to, size_t *n)
{
	if (!from.n)
		return true;
	*to = malloc(from.n);
	if (!*to)
		return false;
	memcpy(*to, from.p, from.n);
	*n = from.n;
	return true;
}

/* `ssl` becomes its own. */
static bool take_ssl(struct tls *t, SSL *ssl)
{
	BIO *b;

	pthread_once(&method_once, make_method);
	t->ssl = ssl;
	b = method ? BIO_new(method) : NULL;
	if (!t->ssl || !b) {
		BIO_free(b);
		return false;
	}
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	return true;
}

static struct tls *state_new(struct conn *c)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->conn = c;
	t->facts = (struct conn_facts){
		.secure = true, .scheme = { "https", 5 }, .words = ""
	};
	return t;
}

static void take_over(struct conn *c, struct tls *t)
{
	c->transport = &transport_tls;
	c->state = t;
	c->facts = &t->facts;
}

bool tls_accept(struct conn *c, struct tls_server *s, struct str early)
{
	struct tls *t = state_new(c);

	if (!t || !copy_bytes(early, &t->early, &t->early_n)) {
		if (t)
			state_free(t);
		return false;
	}
	t->server = tls_server_ref(s);
	take_over(c, t);
	return true;
}

static bool offer(struct tls *t, struct str protocols)
{
	return !protocols.n || SSL_set_alpn_protos(t->ssl, (const unsigned char *)protocols.p,
						   (unsigned)protocols.n) == 0;
}

bool tls_connect(struct conn *c, struct tls_client *client, struct str protocols,
		 struct str preface)
{
	struct tls *t = state_new(c);

	if (!t)
		return false;
	t->client = tls_client_ref(client);
	if (!take_ssl(t, tls_client_ssl(client)) || !offer(t, protocols) ||
	    !copy_bytes(preface, &t->pending, &t->pending_n)) {
		state_free(t);
		return false;
	}
	take_over(c, t);
	return true;
}

bool tls_misdirects(const struct conn *c, struct str host)
{
	const struct tls *t = c->state;

	if (c->transport != &transport_tls || !t->server || !t->facts.server_name.n ||
	    str_eq(host, t->facts.server_name))
		return false;
	return tls_server_prefers_other(t->server, SSL_get_SSL_CTX(t->ssl), host);
}
