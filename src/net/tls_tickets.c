#include "net/tls_tickets.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clock.h"

#define NAME 16
#define SECRET 32
#define KEY_BYTES (NAME + 2 * SECRET)
/* A random key seals for so long, and opens for two more times that: longer than a session
 * may be resumed. */
#define RENEW_US (4 * 3600 * CLOCK_SEC)
#define RANDOM_KEYS 3

struct key {
	unsigned char name[NAME], hmac[SECRET], aes[SECRET];
};
_Static_assert(sizeof(struct key) == KEY_BYTES, "as it stands in a file");

struct tls_tickets {
	_Atomic unsigned references;
	bool random;
	pthread_mutex_t lock; /* of what follows, when it is random */
	unsigned n;
	uint64_t made_at;
	struct key keys[TLS_TICKETS_MAX]; /* the first seals */
};

/* ---- random ones ---- */

static pthread_mutex_t common_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tls_tickets *common; /* has no reference of its own: goes with its last user */

/* What is kept of them in memory that processes share. Nobody waits there for anybody: whoever
 * reads in the middle of another's writing has keys that are random as well, and at worst open
 * nothing. */
#define KEPT_LAYOUT 1u

struct kept {
	uint32_t layout, n; /* zeros: nobody has made any */
	uint64_t made_at;
	struct key keys[RANDOM_KEYS];
};

static struct kept *kept; /* NULL: they are of this process alone */

bool tls_tickets_keep(int fd)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) != 0)
		return false;
	errno = EINVAL;
	if (st.st_size < (off_t)sizeof(struct kept))
		return false;
	map = mmap(NULL, sizeof(struct kept), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	kept = map;
	return true;
}

static void keep(const struct tls_tickets *t)
{
	if (!kept)
		return;
	kept->layout = KEPT_LAYOUT;
	kept->n = t->n;
	kept->made_at = t->made_at;
	memcpy(kept->keys, t->keys, sizeof(kept->keys));
}

/* Those of another process, when they are younger than ours, and not too old for any session. */
static bool take_kept(struct tls_tickets *t, uint64_t now)
{
	struct kept k;

	if (!kept)
		return false;
	k = *kept;
	if (k.layout != KEPT_LAYOUT || k.n == 0 || k.n > RANDOM_KEYS || k.made_at > now ||
	    k.made_at <= t->made_at || now - k.made_at > RANDOM_KEYS * RENEW_US)
		return false;
	t->n = k.n;
	t->made_at = k.made_at;
	memcpy(t->keys, k.keys, sizeof(k.keys));
	OPENSSL_cleanse(&k, sizeof(k));
	return true;
}

static bool renew(struct tls_tickets *t, uint64_t now)
{
	struct key fresh;

	if (take_kept(t, now))
		return true;
	if (RAND_bytes((unsigned char *)&fresh, sizeof(fresh)) != 1)
		return t->n > 0;
	memmove(&t->keys[1], &t->keys[0], (RANDOM_KEYS - 1) * sizeof(t->keys[0]));
	t->keys[0] = fresh;
	t->n = t->n < RANDOM_KEYS ? t->n + 1 : RANDOM_KEYS;
	t->made_at = now;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	keep(t);
	return true;
}

static struct tls_tickets *tickets_alloc(bool is_random)
{
	struct tls_tickets *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->references = 1;
	t->random = is_random;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static void tickets_free(struct tls_tickets *t)
{
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

static struct tls_tickets *common_ref(void)
{
	pthread_mutex_lock(&common_lock);
	if (common) {
		atomic_fetch_add(&common->references, 1);
	} else {
		common = tickets_alloc(true);
		if (common && !renew(common, clock_now_us())) {
			tickets_free(common);
			common = NULL;
		}
	}
	pthread_mutex_unlock(&common_lock);
	return common;
}

/* ---- from a file ---- */

static bool decode(struct str line, struct key *to)
{
	unsigned char bytes[KEY_BYTES + 8];
	int n;

	/* 80 bytes are 107 digits and a sign of filling. */
	if (line.n != 108 || line.p[106] == '=' || line.p[107] != '=')
		return false;
	n = EVP_DecodeBlock(bytes, (const unsigned char *)line.p, (int)line.n);
	if (n == KEY_BYTES + 1)
		memcpy(to, bytes, KEY_BYTES);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return n == KEY_BYTES + 1;
}

static bool read_keys(struct tls_tickets *t, struct str text, char why[TLS_TICKETS_WHY])
{
	struct str line;
	unsigned at = 0;

	while (str_split(&text, '\n', &line)) {
		line = str_trim(line);
		at++;
		if (!line.n)
			continue;
		if (t->n == TLS_TICKETS_MAX) {
			snprintf(why, TLS_TICKETS_WHY, "more than %d keys; remove the oldest",
				 TLS_TICKETS_MAX);
			return false;
		}
		if (!decode(line, &t->keys[t->n])) {
			snprintf(why, TLS_TICKETS_WHY,
				 "line %u is no key, which is 80 bytes in base64 on one line; "
				 "make one with: openssl rand -base64 80 | tr -d '\\n'",
				 at);
			return false;
		}
		t->n++;
	}
	if (!t->n)
		snprintf(why, TLS_TICKETS_WHY,
			 "there is no key in it; make one with: "
			 "openssl rand -base64 80 | tr -d '\\n'");
	return t->n > 0;
}

struct tls_tickets *tls_tickets_new(struct str text, char why[TLS_TICKETS_WHY])
{
	struct tls_tickets *t = text.p ? tickets_alloc(false) : common_ref();

	if (!t)
		snprintf(why, TLS_TICKETS_WHY,
			 "out of memory, or no random bytes, for keys of tickets");
	if (!t || !text.p || read_keys(t, text, why))
		return t;
	tickets_free(t);
	return NULL;
}

void tls_tickets_unref(struct tls_tickets *t)
{
	bool last;

	if (!t)
		return;
	pthread_mutex_lock(&common_lock);
	last = atomic_fetch_sub(&t->references, 1) == 1;
	if (last && t == common)
		common = NULL;
	pthread_mutex_unlock(&common_lock);
	if (last)
		tickets_free(t);
}

/* ---- use ---- */

static struct key sealing_key(struct tls_tickets *t)
{
	struct key k;

	pthread_mutex_lock(&t->lock);
	if (t->random && clock_now_us() - t->made_at > RENEW_US)
		renew(t, clock_now_us());
	k = t->keys[0];
	pthread_mutex_unlock(&t->lock);
	return k;
}

/* Its index, or -1. */
static int opening_key(struct tls_tickets *t, const unsigned char *name, struct key *k)
{
	int found = -1;

	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < t->n && found < 0; i++)
		if (memcmp(t->keys[i].name, name, NAME) == 0) {
			*k = t->keys[i];
			found = (int)i;
		}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static bool set_mac(EVP_MAC_CTX *mac, struct key *k)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->hmac, sizeof(k->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "sha256" }, 0),
		OSSL_PARAM_construct_end()
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int index_of_tickets(void)
{
	static int index = -1;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	pthread_mutex_unlock(&lock);
	return index;
}

/* As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it: 1 good, 2 good but old, 0 no such key. */
static int seal(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		EVP_MAC_CTX *mac, int sealing)
{
	struct tls_tickets *t =
		SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_of_tickets());
	struct key k;
	int at = 0, good;

	if (sealing) {
		k = sealing_key(t);
		memcpy(name, k.name, NAME);
		good = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1;
	} else {
		at = opening_key(t, name, &k);
		if (at < 0)
			return 0;
		good = 1;
	}
	good = good && set_mac(mac, &k) &&
	       EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.aes, iv, sealing) == 1;
	OPENSSL_cleanse(&k, sizeof(k));
	if (!good)
		return -1;
	/* Of TLS 1.3 each is for one connection (RFC 8446 C.4), and what comes with the next one
	 * acknowledges the client's last message at once. */
	return at > 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

bool tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
	       SSL_CTX_set_ex_data(ctx, index_of_tickets(), t) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, seal) == 1;
}
