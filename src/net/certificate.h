/* A certificate with its chain and its private key, from PEM text, and what is wrong with it.
 * Pure but for OpenSSL's own memory. */
#ifndef HPCBAL_NET_CERTIFICATE_H
#define HPCBAL_NET_CERTIFICATE_H

#include "base/str.h"

#define CERTIFICATE_WHY 256
#define CERTIFICATE_NAMES 256 /* of one certificate, that are looked at */

struct certificate;

/* `pem` has the certificate first, then its chain, and the key anywhere, or it is among `keys`.
 * NULL: `why` says what is wrong and what to do. */
struct certificate *certificate_read(struct str pem, const struct str *keys, unsigned n_keys,
				     char why[CERTIFICATE_WHY]);
/* Harmless with NULL. */
void certificate_free(struct certificate *c);

/* The DNS names that it is for, in lower case, "*.example.org" among them. */
unsigned certificate_names(const struct certificate *c, const struct str **names);
/* Whether one of them is this name, in lower case, or a wildcard for it (RFC 6125 6.4.3). */
bool certificate_covers(const struct certificate *c, struct str host);
bool certificate_name_covers(struct str name, struct str host);
/* Whether a client that asks for a name gets the one or the other by the kinds of its key, which
 * are for the same names; or cannot get the second at all, where these are the same, too. */
bool certificate_same_names(const struct certificate *a, const struct certificate *b);
bool certificate_same_kind(const struct certificate *a, const struct certificate *b);
/* Seconds since 1970 until which, and from which on, it is good. */
int64_t certificate_ends(const struct certificate *c);
int64_t certificate_begins(const struct certificate *c);
/* Until when the lists of revoked certificates in a PEM text are good, the first that is to be
 * replaced; INT64_MAX: none says. */
int64_t certificate_lists_end(struct str pem);
/* Whether the key at `index` of those that it was read with is its own. */
bool certificate_took_key(const struct certificate *c, unsigned index);
/* Whether that stood in its own file. */
bool certificate_has_own_key(const struct certificate *c);

#endif
