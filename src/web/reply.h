/* A document as an HTTP response. Pure. */
#ifndef HPCBAL_WEB_REPLY_H
#define HPCBAL_WEB_REPLY_H

#include "base/iovq.h"
#include "http/message.h"
#include "web/documents.h"

#define REPLY_HEAD 1024

struct reply_form {
	enum http_method method; /* HEAD: no body */
	unsigned client_minor;
	bool close; /* the connection ends behind it */
	uint64_t wall_seconds;
};

/* Head and body; the spans point into `head` (REPLY_HEAD bytes) and the document, which may have
 * no body: then the answer is a 503 in words of its own. */
void reply_write(const struct document *d, const struct reply_form *f, char *head,
		 struct iovq *out);

#endif
