#include "loader/resolve.h"

#include <netdb.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

/* getaddrinfo_a() works in threads that cannot be stopped: a query that is still under way
 * at the end owns its memory for good. */
struct query {
	struct gaicb cb;
	struct addrinfo hints;
	char host[256];
};

static struct query *query_new(struct str host)
{
	struct query *q = calloc(1, sizeof(*q));

	if (!q || !str_copy(q->host, sizeof(q->host), host)) {
		free(q);
		return NULL;
	}
	q->hints.ai_socktype = SOCK_STREAM;
	q->cb.ar_name = q->host;
	q->cb.ar_request = &q->hints;
	return q;
}

static void query_free(struct query *q)
{
	if (gai_error(&q->cb) == EAI_INPROGRESS && gai_cancel(&q->cb) == EAI_NOTCANCELED)
		return;
	if (q->cb.ar_result)
		freeaddrinfo(q->cb.ar_result);
	free(q);
}

static bool start(struct query **queries, unsigned n)
{
	struct gaicb **list = calloc(n, sizeof(struct gaicb *));
	int error = -1;

	for (unsigned i = 0; list && i < n; i++)
		list[i] = queries[i] ? &queries[i]->cb : NULL;
	if (list)
		error = getaddrinfo_a(GAI_NOWAIT, list, (int)n, NULL);
	free(list);
	return error == 0;
}

static void wait_for(struct query *q, uint64_t deadline)
{
	const struct gaicb *list[1] = { &q->cb };

	while (gai_error(&q->cb) == EAI_INPROGRESS) {
		uint64_t now = clock_now_us();
		uint64_t left = deadline > now ? deadline - now : 0;
		struct timespec ts = { (time_t)(left / CLOCK_SEC),
				       (long)(left % CLOCK_SEC * 1000) };

		if (left == 0)
			return;
		gai_suspend(list, 1, &ts);
	}
}

static void take(const struct addrinfo *ai, struct addr *addr)
{
	if (ai->ai_addrlen > sizeof(addr->u))
		return;
	memset(addr, 0, sizeof(*addr));
	memcpy(&addr->u, ai->ai_addr, ai->ai_addrlen);
	addr->len = ai->ai_addrlen;
}

static bool is_lower(const struct addrinfo *ai, const struct addr *than)
{
	struct addr a;

	take(ai, &a);
	if (ai->ai_family == AF_INET)
		return memcmp(&a.u.in.sin_addr, &than->u.in.sin_addr, 4) < 0;
	return memcmp(&a.u.in6.sin6_addr, &than->u.in6.sin6_addr, 16) < 0;
}

/* Of the family that the system puts first. */
static void choose(const struct addrinfo *list, struct addr *addr)
{
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		if (addr->len == 0 ||
		    (ai->ai_family == addr->u.sa.sa_family && is_lower(ai, addr)))
			take(ai, addr);
	}
}

static void finish(struct conf_name *name, struct query *q, bool started, uint64_t deadline)
{
	int error;

	name->addr.len = 0;
	name->why = "out of memory";
	if (!q)
		return;
	if (!started) { /* some may be under way all the same: their memory stays */
		name->why = "the system could not ask";
		return;
	}
	wait_for(q, deadline);
	error = gai_error(&q->cb);
	if (error == 0)
		choose(q->cb.ar_result, &name->addr);
	name->why = error == EAI_INPROGRESS ? "no name server answered in time"
		    : error                 ? gai_strerror(error)
					    : "it has no address";
	query_free(q);
}

void resolve_names(struct conf_name *names, unsigned n)
{
	uint64_t deadline = clock_now_us() + RESOLVE_LIMIT_S * CLOCK_SEC;
	struct query **queries = n ? calloc(n, sizeof(*queries)) : NULL;
	bool started;

	if (!queries)
		return;
	for (unsigned i = 0; i < n; i++)
		queries[i] = query_new(names[i].host);
	started = start(queries, n);
	for (unsigned i = 0; i < n; i++)
		finish(&names[i], queries[i], started, deadline);
	free(queries);
}
