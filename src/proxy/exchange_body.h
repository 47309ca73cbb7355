/* The request's body on its way, while the exchange is in one of its later steps. */
#ifndef HPCBAL_PROXY_EXCHANGE_BODY_H
#define HPCBAL_PROXY_EXCHANGE_BODY_H

#include "proxy/exchange.h"

/* Queues the request for a server, from its beginning. Only while none of its body has gone
 * from the buffer. False: `why`. */
bool exchange_make_request(struct exchange *x, enum reason *why);
/* Moves the request as far as it goes, then looks ahead for the client's end. True: the
 * exchange goes on; `wait` says for whom the request waits (WAIT_SERVER_HEAD: for nobody, it
 * was sent). False: the exchange has ended, or begins anew on another connection; go on with
 * STEP_GO. */
bool exchange_pump_request(struct exchange *x, enum exchange_wait *wait);
/* Sends the client what is queued: CONN_OK when all was sent. `end_follows`: see conn_send(). */
enum conn_result exchange_flush_client(struct exchange *x, bool end_follows);

#endif
