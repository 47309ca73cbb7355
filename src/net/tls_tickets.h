/* The keys of session tickets: a client keeps its session itself, sealed with one of them, so
 * that no memory is needed for it here, and that any node that has the key resumes it.
 * Thread-safe. */
#ifndef HPCBAL_NET_TLS_TICKETS_H
#define HPCBAL_NET_TLS_TICKETS_H

#include "base/str.h"

struct tls_tickets;
struct ssl_ctx_st;

#define TLS_TICKETS_MAX 16 /* keys in a file */
#define TLS_TICKETS_WHY 256

/* Memory, zeros at first, in which the random keys outlive the processes that make and renew them:
 * one after the other, or, while one leaves, two at a time. Before any is made. `fd` stays the
 * caller's. False with errno. */
bool tls_tickets_keep(int fd);

/* From a file's text: a key a line, 80 bytes in base64; the first seals, all open. Empty: random
 * ones, one set for all of this process, which renews them by itself. NULL: `why`. */
struct tls_tickets *tls_tickets_new(struct str text, char why[TLS_TICKETS_WHY]);
/* Harmless with NULL. */
void tls_tickets_unref(struct tls_tickets *t);
/* False: OpenSSL does not take it. `t` has to outlive the context. */
bool tls_tickets_use(struct tls_tickets *t, struct ssl_ctx_st *ctx);

#endif
