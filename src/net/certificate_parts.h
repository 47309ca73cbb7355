/* What a certificate consists of; private to net/. */
#ifndef HPCBAL_NET_CERTIFICATE_PARTS_H
#define HPCBAL_NET_CERTIFICATE_PARTS_H

#include <openssl/x509.h>

#include "base/arena.h"
#include "net/certificate.h"

struct certificate {
	X509 *leaf;
	STACK_OF(X509) *chain; /* without the leaf */
	EVP_PKEY *key;
	unsigned key_index; /* among those it was read with; UINT_MAX: of its own file */
	struct arena arena;
	struct str *names;
	unsigned n_names;
};

/* All certificates of a text, in its order; the caller's. NULL: out of memory. */
STACK_OF(X509) *certificate_read_all(struct str pem);
/* Trusts all certificates of the text. False: `why` (CERTIFICATE_WHY). */
bool certificate_trust(X509_STORE *store, struct str pem, char *why);
/* Refuses what its lists revoke, and all without a list. */
bool certificate_revoke(X509_STORE *store, struct str pem, char *why);

#endif
