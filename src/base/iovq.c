#include "base/iovq.h"

#include "base/assert.h"

bool iovq_add(struct iovq *q, struct str s)
{
	struct iovec *last;

	if (s.n == 0)
		return true;
	if (q->count) {
		last = &q->v[q->first + q->count - 1];
		if ((char *)last->iov_base + last->iov_len == s.p) {
			last->iov_len += s.n;
			q->bytes += s.n;
			return true;
		}
	}
	if (iovq_room(q) == 0)
		return false;
	q->v[q->first + q->count++] = (struct iovec){ (void *)(uintptr_t)s.p, s.n };
	q->bytes += s.n;
	return true;
}

bool iovq_add_first(struct iovq *q, struct str s)
{
	if (q->first == 0) {
		if (iovq_room(q) == 0)
			return false;
		memmove(q->v + 1, q->v, q->count * sizeof(q->v[0]));
		q->first = 1;
	}
	q->v[--q->first] = (struct iovec){ (void *)(uintptr_t)s.p, s.n };
	q->count++;
	q->bytes += s.n;
	return true;
}

void iovq_sent(struct iovq *q, size_t n)
{
	must(n <= q->bytes);
	q->bytes -= n;
	while (q->count && n >= q->v[q->first].iov_len) {
		n -= q->v[q->first].iov_len;
		q->first++;
		q->count--;
	}
	if (q->count) {
		q->v[q->first].iov_base = (char *)q->v[q->first].iov_base + n;
		q->v[q->first].iov_len -= n;
	} else {
		q->first = 0;
	}
}
