/* From a request to what is answered: a document made from the boards as they are now, or in
 * words what is wrong with the request. No sockets and no state; it reads the clocks. */
#ifndef HPCBAL_WEB_DOCUMENTS_H
#define HPCBAL_WEB_DOCUMENTS_H

#include "http/message.h"
#include "ipc/limit_board.h"

/* Mapped for reading; all of them are there. */
struct web_boards {
	const struct board_supervisor *supervisor;
	const struct board_proxy *proxy;
	const struct board_vrrp *vrrp;
	const struct board_limits *limits;
};

/* An answer's body is no longer than this; a longer one is refused with 503. */
#define DOCUMENT_MAX (64u << 20)

struct document {
	unsigned status;
	const char *type;  /* of the content */
	const char *allow; /* of a 405; NULL */
	const char *policy; /* what a browser lets it do; NULL: nothing */
	char *body;        /* owned; NULL: out of memory, there is none */
	size_t n;
};

/* `local`: the client came to an address of this machine that nobody reaches from elsewhere. */
void document_make(struct document *d, const struct web_boards *b, const struct http_request *req,
		   bool local);
/* Instead of that one, which would be too much beside those that are on their way. */
void document_put_off(struct document *d);
/* A request that could not be read. */
void document_refuse(struct document *d, enum reason why);
void document_free(struct document *d);

#endif
