#include "loader/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define ASKERS 16

/* Each asker is a detached thread, since a query cannot be stopped: one that is still under
 * way at the deadline goes on, and what it writes to lives until the last of them lets go.
 * (Not getaddrinfo_a(): its threads are hidden from the sanitizers, and die under them.) */
struct query {
	char host[256];
	bool answered;
	int error;
	struct addr addr;
};

struct inquiry {
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t progress;
	unsigned references;
	unsigned n, next, answered;
	struct query queries[];
};

static void unlock_and_unref(struct inquiry *q)
{
	bool last = --q->references == 0;

	pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	pthread_cond_destroy(&q->progress);
	pthread_mutex_destroy(&q->lock);
	free(q);
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

static void ask(const char *host, int *error, struct addr *addr)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	*error = getaddrinfo(host, NULL, &hints, &list);
	if (*error == 0)
		choose(list, addr);
	if (list)
		freeaddrinfo(list);
}

static void *asker_main(void *arg)
{
	struct inquiry *q = arg;

	pthread_mutex_lock(&q->lock);
	while (q->next < q->n) {
		struct query *mine = &q->queries[q->next++];
		struct addr addr = { .len = 0 };
		int error;

		pthread_mutex_unlock(&q->lock);
		ask(mine->host, &error, &addr);
		pthread_mutex_lock(&q->lock);
		mine->error = error;
		mine->addr = addr;
		mine->answered = true;
		q->answered++;
		pthread_cond_signal(&q->progress);
	}
	unlock_and_unref(q);
	return NULL;
}

static struct inquiry *inquiry_new(const struct conf_name *names, unsigned n)
{
	struct inquiry *q = calloc(1, sizeof(*q) + n * sizeof(q->queries[0]));
	pthread_condattr_t monotonic;

	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&q->progress, &monotonic);
	pthread_condattr_destroy(&monotonic);
	q->references = 1;
	q->n = n;
	for (unsigned i = 0; i < n; i++)
		if (!str_copy(q->queries[i].host, sizeof(q->queries[i].host), names[i].host))
			q->queries[i].host[0] = '\0'; /* no name is so long: none is found */
	return q;
}

/* How many could be started. */
static unsigned start_askers(struct inquiry *q)
{
	unsigned wanted = q->n < ASKERS ? q->n : ASKERS, started = 0;
	pthread_attr_t detached;
	pthread_t thread;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while (started < wanted) {
		q->references++;
		if (pthread_create(&thread, &detached, asker_main, q) != 0) {
			q->references--;
			break;
		}
		started++;
	}
	pthread_attr_destroy(&detached);
	return started;
}

/* With the lock held. */
static void wait_for_answers(struct inquiry *q, uint64_t deadline)
{
	struct timespec end = { (time_t)(deadline / CLOCK_SEC),
				(long)(deadline % CLOCK_SEC * 1000) };

	while (q->answered < q->n)
		if (pthread_cond_timedwait(&q->progress, &q->lock, &end) != 0)
			return;
}

static void finish(struct conf_name *name, const struct query *q, bool asked)
{
	name->addr.len = 0;
	if (!asked) {
		name->why = "the system could not ask";
	} else if (!q->answered) {
		name->why = "no name server answered in time";
	} else if (q->error) {
		name->why = gai_strerror(q->error);
	} else {
		name->addr = q->addr;
		name->why = "it has no address";
	}
}

void resolve_names(struct conf_name *names, unsigned n)
{
	uint64_t deadline = clock_now_us() + RESOLVE_LIMIT_S * CLOCK_SEC;
	struct inquiry *q = n ? inquiry_new(names, n) : NULL;
	bool asked;

	if (!q) {
		for (unsigned i = 0; i < n; i++) {
			names[i].addr.len = 0;
			names[i].why = "out of memory";
		}
		return;
	}
	pthread_mutex_lock(&q->lock);
	asked = start_askers(q) > 0;
	if (asked)
		wait_for_answers(q, deadline);
	for (unsigned i = 0; i < n; i++)
		finish(&names[i], &q->queries[i], asked);
	q->next = q->n; /* what nobody has begun to ask is not asked any more */
	unlock_and_unref(q);
}
