/* Where the frames of one direction of a WebSocket end (RFC 6455 5.2), seen from the bytes that
 * pass, which are not touched: so that a control frame of our own can stand between two of them.
 * Pure. */
#ifndef HPCBAL_HTTP_WS_FRAMES_H
#define HPCBAL_HTTP_WS_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct ws_frames {
	bool on;        /* somebody wants to know */
	bool closed;    /* Close has passed: nothing may follow it */
	uint8_t have;   /* bytes of a head */
	uint8_t head[10];
	uint64_t left;  /* of the frame behind its head; UINT64_MAX: that was no frame */
};

/* At the first byte behind the handshake. */
void ws_frames_begin(struct ws_frames *w);
void ws_frames_pass(struct ws_frames *w, struct str bytes);

/* Whether another frame may begin here. */
static inline bool ws_frames_between(const struct ws_frames *w)
{
	return w->on && !w->closed && w->have == 0 && w->left == 0;
}

/* Close, with 1001: "going away". That of a client is masked (RFC 6455 5.3), with any key: what
 * it hides is known. */
#define WS_CLOSE_OF_SERVER STR("\x88\x02\x03\xe9")
#define WS_CLOSE_OF_CLIENT STR("\x88\x82\x5a\xc3\x17\x6e\x59\x2a")
/* With 1000, "normal closure": whoever asked needs nothing more. */
#define WS_CLOSE_NORMAL_OF_CLIENT STR("\x88\x82\x5a\xc3\x17\x6e\x59\x2b")

#endif
