/* TLS as a transport of connections: OpenSSL between a connection and its socket. Each belongs
 * to its connection's thread; the contexts that it holds are shared (net/tls_server.h). */
#ifndef HPCBAL_NET_TLS_H
#define HPCBAL_NET_TLS_H

#include "net/conn.h"

struct tls_server;
struct tls_client;

extern const struct transport transport_tls;

/* What may be offered to a server of HTTP. */
#define TLS_ALPN_BOTH STR("\x02h2\x08http/1.1")
#define TLS_ALPN_H1 STR("\x08http/1.1")

/* The open connection speaks TLS from here on; conn_handshake() comes next. `early` are bytes of
 * its that were read already. Holds a reference to the server. False: out of memory. */
bool tls_accept(struct conn *c, struct tls_server *s, struct str early);
/* The same of a connection to a server; `protocols`, as ALPN has them (RFC 7301 3.1), are offered,
 * if there are any, and `preface` goes in front of all, as it is. */
bool tls_connect(struct conn *c, struct tls_client *t, struct str protocols, struct str preface);
/* Whether a client that asked for a name uses this connection for another one, in lower case,
 * which the certificate of that name is not for, but another one of this listener is
 * (HTTP.md 125). */
bool tls_misdirects(const struct conn *c, struct str host);

#endif
