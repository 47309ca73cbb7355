/* The Connection field (RFC 9110 7.6.1). Pure. */
#ifndef HPCBAL_HTTP_CONNECTION_H
#define HPCBAL_HTTP_CONNECTION_H

#include "http/message.h"

/* More than this many options are an attack on whoever looks them up. */
#define HTTP_CONNECTION_OPTIONS_MAX 64

struct http_connection_facts {
	bool close, keep_alive, upgrade;
	unsigned options, named; /* all of them; those that are names of fields */
};

void http_connection_add(struct http_connection_facts *c, struct str value);
/* Marks `drop` on every field that a Connection field names, but for those that are kept
 * all the same (HTTP.md 53). */
void http_connection_drop_named(struct http_fields *fields);
/* All that the Connection fields list, as one list in the arena: what it names does not pass
 * as a trailer either. Empty when there is none, or when the arena failed. */
struct str http_connection_list(const struct http_fields *fields, struct arena *arena);
bool http_connection_persists(const struct http_connection_facts *c, unsigned minor);

/* What a Keep-Alive field says of the time until its sender closes the idle connection: whole
 * seconds; false when it says nothing that can be read. */
bool http_keep_alive_timeout(struct str value, uint64_t *seconds);
/* Whether a field of credentials or challenges has those of NTLM or Negotiate, which
 * authenticate the connection and not the request (RFC 4559 6). */
bool http_auth_is_of_connection(struct str value);

/* Whether a comma-separated list has this element, in any case. */
bool http_list_has(struct str list, struct str item);

#endif
