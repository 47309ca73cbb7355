/* The fields of a WebSocket handshake in one head, read one by one and then judged (RFC 6455 4,
 * HTTP.md 128 to 130). Pure. */
#ifndef HPCBAL_HTTP_WEBSOCKET_H
#define HPCBAL_HTTP_WEBSOCKET_H

#include "http/message.h"

/* The fields stay the head's. */
struct http_websocket_facts {
	bool listed;                 /* Upgrade lists "websocket" */
	bool connection;             /* Connection lists "upgrade": the caller's to set */
	unsigned protocols;          /* that Upgrade lists */
	unsigned keys, versions, accepts;
	const struct http_field *key, *version, *accept; /* the last of each */
};

/* Of Upgrade and Sec-WebSocket-Key, -Version, -Accept; others tell nothing. */
void http_websocket_read(struct http_websocket_facts *w, const struct http_field *f);

/* After the fields that Connection names were dropped. Whether it may be passed as a handshake;
 * asked only when Upgrade lists "websocket". */
bool http_websocket_request_good(const struct http_websocket_facts *w, enum http_method method,
				 unsigned minor);
/* Whether it is of the version whose 101 is believed. */
bool http_websocket_is_13(const struct http_websocket_facts *w);
/* Whether a 101 says all that its client has to see: what is written in its place must not be
 * better than what the server said. */
bool http_websocket_switch_good(const struct http_websocket_facts *w, unsigned minor);
/* 16 bytes in base64. The bits that the last letter has too many may be any, as decoders have
 * it. */
bool http_websocket_key_valid(struct str key);

#endif
