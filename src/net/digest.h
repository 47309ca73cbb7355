/* Digests, for naming things by their content. */
#ifndef HPCBAL_NET_DIGEST_H
#define HPCBAL_NET_DIGEST_H

#include "base/str.h"

/* SHA-256 in hexadecimal, with a NUL behind it; the empty string when OpenSSL cannot. */
void digest_sha256_hex(struct str s, char out[65]);

#endif
