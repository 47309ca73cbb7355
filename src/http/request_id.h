/* The id of a request: the text by which the logs of all who had to do with it name the same one,
 * from a proxy in front to a server's own. Pure. */
#ifndef HPCBAL_HTTP_REQUEST_ID_H
#define HPCBAL_HTTP_REQUEST_ID_H

#include "http/fields.h"

#define REQUEST_ID_SIZE 32 /* hex digits, as a trace-id of W3C and nginx's $request_id have */
#define REQUEST_ID_MAX 128 /* of one that others have made */

/* Where one thread's ids come from. Both numbers are random at its beginning. */
struct request_ids {
	uint64_t next, own;
};

/* Never the same twice of one `ids`; and of two, on other threads, on other nodes or before a
 * restart, only when their `own` are the same, which is one chance in 2^64. No secret: who has
 * seen some can tell the next. */
void request_id_make(struct request_ids *ids, char to[REQUEST_ID_SIZE]);
/* 1 to REQUEST_ID_MAX of A-Z a-z 0-9 - . _ ~ + / = : ; @, which stand for themselves in
 * every log and on every page: what common makers of ids write. */
bool request_id_is_sane(struct str id);

/* The first field of this name that would go on, or NULL. `id` is what classifies `name`. */
struct http_field *request_id_find(struct http_fields *fields, enum http_field_id id,
				   struct str name);
/* The value of `first` when it is kept: its sender is believed, it is sane, and the only one of
 * its name. Else STR_NONE, and none of them goes on. */
struct str request_id_take(struct http_fields *fields, struct http_field *first, bool believed);

#endif
