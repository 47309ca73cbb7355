#include "http/ws_frames.h"

#define OPCODE 0x0fu
#define OPCODE_CLOSE 8u
#define MASKED 0x80u
#define LENGTH 0x7fu
#define KEY 4u

void ws_frames_begin(struct ws_frames *w)
{
	*w = (struct ws_frames){ .on = true };
}

static unsigned head_size(uint8_t second)
{
	unsigned length = second & LENGTH;

	return length < 126 ? 2 : length == 126 ? 4 : 10;
}

/* A length whose first bit is set is none: nothing that follows is known. */
static uint64_t length_of(const uint8_t *head, unsigned size)
{
	uint64_t n = size == 2 ? head[1] & LENGTH : 0;

	for (unsigned i = 2; i < size; i++)
		n = n << 8 | head[i];
	if (n > INT64_MAX)
		return UINT64_MAX;
	return head[1] & MASKED ? n + KEY : n;
}

static void head_byte(struct ws_frames *w, char c)
{
	unsigned size;

	w->head[w->have++] = (uint8_t)c;
	size = w->have < 2 ? 2 : head_size(w->head[1]);
	if (w->have < size)
		return;
	w->closed |= (w->head[0] & OPCODE) == OPCODE_CLOSE;
	w->left = length_of(w->head, size);
	w->have = 0;
}

void ws_frames_pass(struct ws_frames *w, struct str bytes)
{
	while (bytes.n && w->left != UINT64_MAX) {
		size_t n = w->left < bytes.n ? (size_t)w->left : bytes.n;

		w->left -= n;
		bytes = str_from(bytes, n);
		if (bytes.n) {
			head_byte(w, bytes.p[0]);
			bytes = str_from(bytes, 1);
		}
	}
}
