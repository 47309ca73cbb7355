#include "proxy/logger.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "proxy/logring.h"
#include "proxy/logtarget.h"

#define PAUSE_MS 20	/* between two rounds while lines come */
#define IDLE_ROUNDS 10	/* empty rounds before the writer sleeps until it is woken */
#define RETRY_MS 100	/* for a target that takes nothing */
#define LOST_EVERY CLOCK_SEC
#define STOP_WITHIN CLOCK_SEC
#define STOP_MARGIN (300 * CLOCK_MS)

struct logger {
	/* Shared. A line costs its worker a system call only when the writer sleeps without a
	 * time (`asleep`), or once each time that a ring gets over half full (`urged`). */
	unsigned n_rings;
	struct logring *rings;
	int wake_fd;
	_Atomic bool asleep, urged, wanted;
	_Atomic uint64_t stop_at; /* 0: go on */
	struct proxy_stats *stats;
	pthread_t thread;

	pthread_mutex_t lock; /* guards `given` */
	struct logtarget given;
	_Atomic bool has_given;

	/* The writer's. */
	void (*lost)(void *arg);
	void *arg;
	uint64_t lost_at;
	unsigned next_ring;
	struct logtarget target;
	struct logbatch batch;
};

static void wake(struct logger *l)
{
	uint64_t one = 1;
	ssize_t n;

	/* Full means that it is awake anyway. */
	do
		n = write(l->wake_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

/* The worker's side. */

bool logger_wanted(const struct logger *l)
{
	return atomic_load_explicit(&l->wanted, memory_order_relaxed);
}

/* The ring's head was stored and `asleep` is loaded in one order with the writer's storing
 * `asleep` and loading the heads, so one of the two always sees the other. */
void logger_put(struct logger *l, unsigned w, struct str line)
{
	must(w < l->n_rings);
	if (!logger_wanted(l))
		return;
	if (!logring_put(&l->rings[w], line))
		stats_add(l->stats->log_dropped, 1);
	else if (atomic_load(&l->asleep) && atomic_exchange(&l->asleep, false))
		wake(l);
	else if (logring_is_pressing(&l->rings[w]) && !atomic_exchange(&l->urged, true))
		wake(l);
}

/* The writer's side. */

/* Begins with another ring each time, so that a busy worker does not starve the others. True
 * when the batch could not hold all that was there. */
static bool fill(struct logger *l)
{
	unsigned first = l->next_ring++ % l->n_rings;

	atomic_store(&l->urged, false);
	logbatch_clear(&l->batch);
	for (unsigned i = 0; i < l->n_rings; i++) {
		if (!logbatch_take(&l->batch, &l->rings[(first + i) % l->n_rings]))
			return true;
	}
	return false;
}

static bool rings_empty(struct logger *l)
{
	for (unsigned i = 0; i < l->n_rings; i++) {
		if (!logring_is_empty(&l->rings[i]))
			return false;
	}
	return true;
}

static void tell_lost(struct logger *l)
{
	uint64_t now = clock_now_us();

	if (l->lost_at && now - l->lost_at < LOST_EVERY)
		return;
	l->lost_at = now;
	if (l->lost)
		l->lost(l->arg);
}

/* Until somebody wakes us, `fd` is ready (-1: none), or the time is over (-1: never). */
static void wait_for(struct logger *l, int fd, int ms)
{
	struct pollfd p[2] = { { .fd = l->wake_fd, .events = POLLIN },
			       { .fd = fd, .events = POLLOUT } };
	uint64_t count;

	if (poll(p, 2, ms) > 0 && p[0].revents) {
		while (read(l->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
			;
	}
}

static void sleep_until_woken(struct logger *l)
{
	atomic_store(&l->asleep, true);
	if (rings_empty(l) && !atomic_load(&l->stop_at) && !atomic_load(&l->has_given))
		wait_for(l, -1, -1);
	atomic_store(&l->asleep, false);
}

static void take_target(struct logger *l)
{
	bool torn = l->target.torn;

	if (!atomic_load(&l->has_given))
		return;
	logtarget_close(&l->target);
	pthread_mutex_lock(&l->lock);
	l->target = l->given;
	l->target.torn = torn; /* it may be the same pipe, opened again */
	atomic_store(&l->has_given, false);
	pthread_mutex_unlock(&l->lock);
	/* A line that was cut in the old one is written whole in the new one. */
	l->batch.sent = logbatch_line_start(&l->batch);
}

static bool is_over(struct logger *l)
{
	uint64_t stop_at = atomic_load(&l->stop_at);

	return stop_at && clock_now_us() >= stop_at;
}

/* Until the batch is out or dropped, or the time for stopping is over. */
static void flush(struct logger *l)
{
	while (l->batch.done < l->batch.lines) {
		take_target(l);
		switch (logtarget_flush(&l->target, &l->batch, l->stats)) {
		case LOGTARGET_DONE:
			return;
		case LOGTARGET_WAIT:
			if (is_over(l))
				return;
			wait_for(l, l->target.fd, RETRY_MS);
			break;
		case LOGTARGET_LOST:
			tell_lost(l);
			if (is_over(l))
				return;
			wait_for(l, -1, RETRY_MS);
			break;
		}
	}
}

static void drop_rest(struct logger *l)
{
	do {
		logtarget_drop(&l->batch, l->stats);
		fill(l);
	} while (l->batch.lines);
}

static void pause_writer(struct logger *l, unsigned idle)
{
	if (idle > IDLE_ROUNDS)
		sleep_until_woken(l);
	else
		wait_for(l, -1, PAUSE_MS);
}

static void *writer_main(void *arg)
{
	struct logger *l = arg;
	unsigned idle = 0;
	bool stop, more;

	pthread_setname_np(pthread_self(), "log writer");
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	do {
		stop = atomic_load(&l->stop_at) != 0;
		take_target(l);
		more = fill(l);
		flush(l);
		idle = l->batch.lines ? 0 : idle + 1;
		if (!stop && !more)
			pause_writer(l, idle);
	} while (!(stop && l->batch.lines == 0) && !is_over(l));
	drop_rest(l);
	return NULL;
}

/* The main thread's side. */

void logger_target(struct logger *l, enum log_kind kind, int fd, int facility)
{
	struct logtarget t;

	logtarget_init(&t, kind, fd, facility);
	pthread_mutex_lock(&l->lock);
	if (atomic_load(&l->has_given))
		logtarget_close(&l->given);
	l->given = t;
	atomic_store(&l->has_given, true);
	pthread_mutex_unlock(&l->lock);
	atomic_store(&l->wanted, t.kind != LOGTARGET_NONE);
	wake(l);
}

static void logger_free(struct logger *l)
{
	for (unsigned i = 0; i < l->n_rings; i++)
		logring_free(&l->rings[i]);
	free(l->rings);
	logtarget_close(&l->target);
	if (atomic_load(&l->has_given))
		logtarget_close(&l->given);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool make_rings(struct logger *l, unsigned n)
{
	l->rings = aligned_alloc(_Alignof(struct logring), n * sizeof(*l->rings));
	if (!l->rings)
		return false;
	for (; l->n_rings < n; l->n_rings++) {
		if (!logring_init(&l->rings[l->n_rings]))
			return false;
	}
	return true;
}

/* Signals are other threads' business; a broken pipe is an errno here. */
static bool start_thread(struct logger *l)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&l->thread, NULL, writer_main, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error == 0;
}

struct logger *logger_start(unsigned n_workers, struct proxy_stats *stats,
			    void (*lost)(void *arg), void *arg)
{
	struct logger *l = calloc(1, sizeof(*l));

	must(n_workers > 0);
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	logtarget_init(&l->target, LOG_KIND_NONE, -1, 0);
	l->stats = stats;
	l->lost = lost;
	l->arg = arg;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd >= 0 && make_rings(l, n_workers) && start_thread(l))
		return l;
	logger_free(l);
	return NULL;
}

static struct timespec wall_in(uint64_t us)
{
	uint64_t at = clock_wall_us() + us;

	return (struct timespec){ (time_t)(at / CLOCK_SEC), (long)(at % CLOCK_SEC) * 1000 };
}

void logger_stop(struct logger *l)
{
	struct timespec until = wall_in(STOP_WITHIN + STOP_MARGIN);

	atomic_store(&l->stop_at, clock_now_us() + STOP_WITHIN);
	wake(l);
	if (pthread_timedjoin_np(l->thread, NULL, &until) != 0) {
		/* It stands in a write(): see logtarget.c. */
		pthread_cancel(l->thread);
		pthread_join(l->thread, NULL);
		drop_rest(l);
	}
	logger_free(l);
}
