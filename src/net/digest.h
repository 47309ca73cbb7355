/* Digests, for naming things by their content. */
#ifndef HPCBAL_NET_DIGEST_H
#define HPCBAL_NET_DIGEST_H

#include "base/str.h"

/* SHA-256 in hexadecimal, with a NUL behind it; the empty string when OpenSSL cannot. */
void digest_sha256_hex(struct str s, char out[65]);

/* What a server has to answer to a WebSocket key (RFC 6455 4.2.2), with a NUL behind it; the empty
 * string when OpenSSL cannot. */
#define DIGEST_ACCEPT 29
void digest_websocket_accept(struct str key, char out[DIGEST_ACCEPT]);
/* 16 bytes of any kind as such a key (4.1). */
#define DIGEST_KEY 25
void digest_websocket_key(const unsigned char bytes[16], char out[DIGEST_KEY]);

#endif
