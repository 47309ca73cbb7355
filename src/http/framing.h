/* Content-Length and Transfer-Encoding of one head, read value by value and then judged
 * (RFC 9112 6). Pure. */
#ifndef HPCBAL_HTTP_FRAMING_H
#define HPCBAL_HTTP_FRAMING_H

#include "http/message.h"

struct http_framing_facts {
	unsigned lengths; /* values of Content-Length, elements of a list counted apart */
	bool length_bad, lengths_differ;
	uint64_t length; /* the first */
	unsigned codings, chunked; /* elements of Transfer-Encoding; how many are "chunked" */
	bool coding_bad, chunked_last;
};

void http_framing_add_length(struct http_framing_facts *f, struct str value);
void http_framing_add_coding(struct http_framing_facts *f, struct str value);

/* REASON_COMPLETE or a REQ_… fault. */
enum reason http_framing_judge_request(const struct http_framing_facts *f, unsigned minor,
				       enum http_framing *framing, uint64_t *length);
/* REASON_COMPLETE or a RES_… fault. Looks only at the fields: that a method or status has
 * no body is the caller's to know. */
enum reason http_framing_judge_response(const struct http_framing_facts *f,
					enum http_framing *framing, uint64_t *length);

#endif
