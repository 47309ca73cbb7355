/* Where log lines go: a file, a pipe, a terminal, a stream socket, or a syslog daemon's
 * datagram socket. Used by the log's writer thread only. */
#ifndef HPCBAL_PROXY_LOGTARGET_H
#define HPCBAL_PROXY_LOGTARGET_H

#include "base/log.h"
#include "base/stats.h"
#include "proxy/logring.h"

enum logtarget_kind {
	LOGTARGET_NONE,
	LOGTARGET_STREAM,
	LOGTARGET_STREAM_SOCKET,
	LOGTARGET_SYSLOG
};

struct logtarget {
	enum logtarget_kind kind;
	int fd; /* owned; -1 */
	int priority;
	bool nonblocking;
	bool torn; /* the last line that went out there is not whole */
	char header[64]; /* of a syslog line, for `header_second` */
	size_t header_size;
	uint64_t header_second;
};

enum logtarget_result {
	LOGTARGET_DONE, /* the whole batch is out */
	LOGTARGET_WAIT, /* it takes nothing just now */
	LOGTARGET_LOST, /* it is broken; lines that it will not take again were dropped */
};

/* The descriptor is the target's from here on. */
void logtarget_init(struct logtarget *t, enum log_kind kind, int fd, int facility);
void logtarget_close(struct logtarget *t);
/* Sends what of the batch is not out, and counts it in `stats`. Never waits. */
enum logtarget_result logtarget_flush(struct logtarget *t, struct logbatch *b,
				      struct proxy_stats *stats);
/* Gives the rest of the batch up, and counts it. */
void logtarget_drop(struct logbatch *b, struct proxy_stats *stats);

#endif
