#include "vrrp/renewer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"

struct renewer {
	pthread_t thread;
	pthread_mutex_t mutex;
	struct list sets;
	struct address_socket *socket;
	int bell; /* an eventfd: there are wishes, or it is over */
	atomic_bool over;
};

static void renew(struct renewer *r, struct renewer_set *s)
{
	uint64_t until = atomic_exchange(&s->wanted, 0);
	int error = 0;

	if (until < clock_now_us())
		return;
	/* What was let go meanwhile is not renewed. */
	for (unsigned n = 0; n < s->n && !error; n++)
		if (s->leases[n].held)
			error = address_renew(r->socket, &s->leases[n]);
	if (error)
		atomic_store(&s->error, error);
}

static void renew_all(struct renewer *r)
{
	struct list *e, *tmp;

	renewer_lock(r);
	list_each_safe(e, tmp, &r->sets)
		renew(r, list_of(e, struct renewer_set, link));
	renewer_unlock(r);
}

static void *run(void *arg)
{
	struct renewer *r = arg;
	uint64_t rings;

	while (!atomic_load(&r->over)) {
		if (read(r->bell, &rings, sizeof(rings)) < 0 && errno != EINTR)
			break;
		renew_all(r);
	}
	return NULL;
}

static void ring(struct renewer *r)
{
	const uint64_t one = 1;

	/* It can only be full of rings that are not heard yet. */
	if (write(r->bell, &one, sizeof(one)) < 0)
		return;
}

static bool open_parts(struct renewer *r, char *why, size_t size)
{
	int error;

	r->socket = address_open(why, size);
	if (!r->socket)
		return false;
	r->bell = eventfd(0, EFD_CLOEXEC);
	error = r->bell < 0 ? errno : pthread_create(&r->thread, NULL, run, r);
	if (!error)
		return true;
	snprintf(why, size, "the thread that renews addresses cannot be started: %s",
		 strerror(error));
	if (r->bell >= 0)
		close(r->bell);
	address_close(r->socket);
	return false;
}

struct renewer *renewer_start(char *why, size_t size)
{
	struct renewer *r = calloc(1, sizeof(*r));

	must(r);
	list_init(&r->sets);
	pthread_mutex_init(&r->mutex, NULL);
	if (open_parts(r, why, size))
		return r;
	pthread_mutex_destroy(&r->mutex);
	free(r);
	return NULL;
}

void renewer_stop(struct renewer *r)
{
	if (!r)
		return;
	atomic_store(&r->over, true);
	ring(r);
	pthread_join(r->thread, NULL);
	pthread_mutex_destroy(&r->mutex);
	close(r->bell);
	address_close(r->socket);
	free(r);
}

void renewer_lock(struct renewer *r)
{
	pthread_mutex_lock(&r->mutex);
}

void renewer_unlock(struct renewer *r)
{
	pthread_mutex_unlock(&r->mutex);
}

void renewer_add(struct renewer *r, struct renewer_set *s)
{
	renewer_lock(r);
	list_append(&r->sets, &s->link);
	renewer_unlock(r);
}

void renewer_remove(struct renewer *r, struct renewer_set *s)
{
	renewer_lock(r);
	list_del(&s->link);
	renewer_unlock(r);
}

void renewer_want(struct renewer *r, struct renewer_set *s, uint64_t until)
{
	atomic_store(&s->wanted, until);
	ring(r);
}
