/* What one listening address needs to speak TLS: its certificates and how they are chosen. Made
 * once, immutable, counted, shared by threads. */
#ifndef HPCBAL_NET_TLS_SERVER_H
#define HPCBAL_NET_TLS_SERVER_H

#include "conf/conf.h"

struct tls_server;
struct ssl_ctx_st;

#define TLS_WHY 512

/* `protocols` for ALPN, the best first, each with its length in front (RFC 7301 3.1); empty: it
 * is not agreed on any. The files are those of `source`. NULL: `why`. */
struct tls_server *tls_server_new(const struct conf_tls *c, const struct conf_source *source,
				  struct str protocols, char why[TLS_WHY]);
struct tls_server *tls_server_ref(struct tls_server *s);
/* Harmless with NULL. */
void tls_server_unref(struct tls_server *s);

/* Until when the certificate of that place in the configuration is good, in seconds since 1970. */
int64_t tls_server_ends(const struct tls_server *s, unsigned index);

/* ---- for net/tls ---- */

struct ssl_ctx_st *tls_server_context(const struct tls_server *s);
/* Whether the certificate of `now` is not for this host, and another one is. */
bool tls_server_prefers_other(const struct tls_server *s, const struct ssl_ctx_st *now,
			      struct str host);

#endif
