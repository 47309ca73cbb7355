/* How one server is spoken to over TLS. Made once, counted, shared by threads; keeps the last
 * session, so that the next connection resumes it. */
#ifndef HPCBAL_NET_TLS_CLIENT_H
#define HPCBAL_NET_TLS_CLIENT_H

#include "conf/conf.h"
#include "net/tls_server.h"

struct tls_client;
struct ssl_st;

/* The files are those of `source`; `address` is verified where there is no name. NULL: `why`. */
struct tls_client *tls_client_new(const struct conf_server_tls *c, const struct addr *address,
				  const struct conf_source *source, char why[TLS_WHY]);
struct tls_client *tls_client_ref(struct tls_client *t);
/* Harmless with NULL. */
void tls_client_unref(struct tls_client *t);
/* Whether both were made of the same settings, with the same files: connections of one will do
 * for the other. */
bool tls_client_same(const struct tls_client *a, const struct tls_client *b);

/* ---- for net/tls ---- */

/* A new one, with name and session. NULL: out of memory. */
struct ssl_st *tls_client_ssl(struct tls_client *t);
/* A handshake failed: the session is not offered again, for that may be why. */
void tls_client_forget(struct tls_client *t);

#endif
