#include "net/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"

#define WHEEL_SLOTS 1024u
#define MAX_SIGNALS 8
/* What one turn may take for descriptors, and again for tasks: the others wait for the next, and
 * timers come first. Thousands of handshakes can be ready at once. */
#define TURN_US (100 * CLOCK_MS)
/* Of them from one look at the clock to the next. */
#define AT_A_TIME 16u

struct signal_watch {
	struct event *event;
	void (*got)(int signo, void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	uint64_t now;
	uint64_t turns;
	bool now_is_old; /* this turn has not asked the clock yet */
	struct pace {
		unsigned n; /* in this turn */
		uint64_t since;
	} heard;
	bool stopping;

	/* The one libevent timer: when the wheel has to be looked at. Armed too early costs a
	 * turn, so it is moved only when it would come too late. */
	struct event *wake;
	uint64_t wake_at; /* 0: not armed */

	/* Timers: a wheel of lists. A timer set later than the slot it lies in stays there and
	 * is laid anew when that slot comes round. */
	struct list wheel[WHEEL_SLOTS];
	uint64_t occupied[WHEEL_SLOTS / 64]; /* a bit a slot: it may hold timers */
	uint64_t tick;                       /* the next one to be looked at */
	unsigned n_timers;

	struct list tasks;

	_Atomic(struct loop_letter *) mailbox; /* newest first */
	int mail_fd;
	struct event *mail_event;

	struct signal_watch signals[MAX_SIGNALS];
	unsigned n_signals;
};

/* ---- mailbox ---- */

void loop_deliver(struct loop *l)
{
	struct loop_letter *m = atomic_exchange(&l->mailbox, NULL), *oldest = NULL;

	while (m) {
		struct loop_letter *next = m->next;

		m->next = oldest;
		oldest = m;
		m = next;
	}
	while (oldest) {
		struct loop_letter *next = oldest->next;

		oldest->deliver(oldest);
		oldest = next;
	}
}

static void mail_ready(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		loop_deliver(arg);
}

void loop_post(struct loop *l, struct loop_letter *m, void (*deliver)(struct loop_letter *m))
{
	const uint64_t one = 1;

	m->deliver = deliver;
	m->next = atomic_load(&l->mailbox);
	while (!atomic_compare_exchange_weak(&l->mailbox, &m->next, m))
		;
	/* The eventfd can only be full when it is readable anyway. */
	if (write(l->mail_fd, &one, sizeof(one)) < 0)
		return;
}

/* ---- timers ---- */

void loop_timer_init(struct loop_timer *t, void (*fire)(struct loop_timer *t))
{
	list_init(&t->link);
	t->loop = NULL;
	t->due = t->slot_due = 0;
	t->fire = fire;
}

static void timer_lay(struct loop *l, struct loop_timer *t)
{
	uint64_t tick = t->due / LOOP_TICK_US + (t->due % LOOP_TICK_US != 0);
	unsigned slot;

	if (tick < l->tick)
		tick = l->tick;
	if (tick >= l->tick + WHEEL_SLOTS)
		tick = l->tick + WHEEL_SLOTS - 1;
	t->slot_due = tick;
	slot = (unsigned)(tick % WHEEL_SLOTS);
	list_append(&l->wheel[slot], &t->link);
	l->occupied[slot / 64] |= 1ull << (slot % 64);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t due_us)
{
	must(t->fire);
	t->due = due_us;
	if (t->loop) {
		must(t->loop == l);
		if (due_us >= t->slot_due * LOOP_TICK_US)
			return;
		list_del(&t->link);
	} else {
		t->loop = l;
		l->n_timers++;
	}
	timer_lay(l, t);
}

void loop_timer_stop(struct loop_timer *t)
{
	if (!t->loop)
		return;
	t->loop->n_timers--;
	t->loop = NULL;
	list_del(&t->link);
}

static void slot_run(struct loop *l, unsigned slot)
{
	struct list due, *e;

	list_init(&due);
	l->occupied[slot / 64] &= ~(1ull << (slot % 64));
	while ((e = list_pop(&l->wheel[slot])))
		list_append(&due, e);
	while ((e = list_pop(&due))) {
		struct loop_timer *t = list_of(e, struct loop_timer, link);

		if (t->due > l->now) {
			timer_lay(l, t);
			continue;
		}
		t->loop = NULL;
		l->n_timers--;
		t->fire(t);
	}
}

static bool slot_occupied(const struct loop *l, uint64_t tick)
{
	unsigned slot = (unsigned)(tick % WHEEL_SLOTS);

	return l->occupied[slot / 64] >> (slot % 64) & 1;
}

static void timers_run(struct loop *l)
{
	uint64_t last = loop_now(l) / LOOP_TICK_US, from = l->tick;

	if (last < from)
		return;
	/* After a long stall each slot is looked at once, not once a missed tick. */
	if (last - from >= WHEEL_SLOTS)
		from = last - (WHEEL_SLOTS - 1);
	l->tick = last + 1;
	for (uint64_t tick = from; tick <= last; tick++)
		if (slot_occupied(l, tick))
			slot_run(l, (unsigned)(tick % WHEEL_SLOTS));
}

/* When the next slot that may hold a timer comes round; 0: no timer is set. */
static uint64_t timers_next(const struct loop *l)
{
	if (!l->n_timers)
		return 0;
	for (uint64_t tick = l->tick; tick < l->tick + WHEEL_SLOTS;) {
		unsigned slot = (unsigned)(tick % WHEEL_SLOTS);
		uint64_t bits = l->occupied[slot / 64] >> (slot % 64);

		if (bits)
			return (tick + (uint64_t)__builtin_ctzll(bits)) * LOOP_TICK_US;
		tick += 64 - slot % 64;
	}
	return 0;
}

/* ---- the length of a turn ---- */

/* One more was done. True: that is enough for now. */
static bool pace_is_over(struct pace *p)
{
	uint64_t now;

	if (++p->n % AT_A_TIME)
		return false;
	now = clock_now_us();
	if (p->n == AT_A_TIME)
		p->since = now;
	return now - p->since > TURN_US;
}

/* ---- tasks ---- */

void loop_task_init(struct loop_task *t, void (*run)(struct loop_task *t))
{
	list_init(&t->link);
	t->run = run;
}

void loop_task_queue(struct loop *l, struct loop_task *t)
{
	if (list_empty(&t->link))
		list_append(&l->tasks, &t->link);
}

void loop_task_cancel(struct loop_task *t)
{
	list_del(&t->link);
}

static void list_move(struct list *from, struct list *to)
{
	struct list *e;

	while ((e = list_pop(from)))
		list_append(to, e);
}

static void tasks_run(struct loop *l, bool all)
{
	struct pace pace = { 0 };
	struct list now, *e;
	bool over = false;

	list_init(&now);
	list_move(&l->tasks, &now);
	while (!over && (e = list_pop(&now))) {
		struct loop_task *t = list_of(e, struct loop_task, link);

		t->run(t);
		over = !all && pace_is_over(&pace);
	}
	/* What is left comes before what was queued meanwhile. */
	list_move(&l->tasks, &now);
	list_move(&now, &l->tasks);
}

/* ---- descriptors ---- */

static void fd_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *f = arg;
	struct loop *l = f->loop;
	unsigned how = 0;

	(void)fd;
	if (what & EV_READ)
		how |= LOOP_READ;
	if (what & EV_WRITE)
		how |= LOOP_WRITE;
	if (what & EV_CLOSED)
		how |= LOOP_CLOSED;
	f->ready(f, how);
	if (pace_is_over(&l->heard))
		event_base_loopbreak(l->base);
}

static short event_flags(unsigned what)
{
	short flags = EV_PERSIST;

	if (what & LOOP_READ)
		flags |= EV_READ;
	if (what & LOOP_WRITE)
		flags |= EV_WRITE;
	if (what & LOOP_CLOSED)
		flags |= EV_CLOSED;
	if (what & LOOP_EDGE)
		flags = (short)(flags | EV_ET);
	return flags;
}

bool loop_fd_add(struct loop *l, struct loop_fd *f, int fd, unsigned what,
		 void (*ready)(struct loop_fd *f, unsigned what))
{
	f->loop = l;
	f->ready = ready;
	f->event = event_new(l->base, fd, event_flags(what), fd_ready, f);
	if (!f->event || event_add(f->event, NULL) < 0) {
		if (f->event)
			event_free(f->event);
		f->event = NULL;
		f->fd = -1;
		return false;
	}
	f->fd = fd;
	return true;
}

bool loop_fd_change(struct loop *l, struct loop_fd *f, unsigned what)
{
	event_del(f->event);
	return event_assign(f->event, l->base, f->fd, event_flags(what), fd_ready, f) == 0 &&
	       event_add(f->event, NULL) == 0;
}

void loop_fd_del(struct loop_fd *f)
{
	if (!f->event)
		return;
	event_free(f->event);
	f->event = NULL;
	f->fd = -1;
}

/* event_pending() does not tell what is watched for from what has come. */
bool loop_fd_has_news(const struct loop_fd *f)
{
	return f->event && (f->event->ev_evcallback.evcb_flags &
			    (EVLIST_ACTIVE | EVLIST_ACTIVE_LATER));
}

/* ---- signals ---- */

static void signal_ready(evutil_socket_t signo, short what, void *arg)
{
	struct signal_watch *w = arg;

	(void)what;
	w->got((int)signo, w->arg);
}

bool loop_signal(struct loop *l, int signo, void (*got)(int signo, void *arg), void *arg)
{
	struct signal_watch *w;

	must(l->n_signals < MAX_SIGNALS);
	w = &l->signals[l->n_signals];
	w->got = got;
	w->arg = arg;
	w->event = evsignal_new(l->base, signo, signal_ready, w);
	if (!w->event || event_add(w->event, NULL) < 0)
		return false;
	l->n_signals++;
	return true;
}

/* ---- turns ---- */

static void wake_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	l->wake_at = 0;
}

static void wake_arm(struct loop *l, uint64_t at)
{
	uint64_t now, wait;
	struct timeval tv;

	if (l->wake_at && l->wake_at <= at)
		return;
	/* Read again: the turn before may have taken long since it was read. */
	now = loop_now_exact(l);
	wait = at > now ? at - now : 0;
	tv.tv_sec = (time_t)(wait / CLOCK_SEC);
	tv.tv_usec = (suseconds_t)(wait % CLOCK_SEC);
	l->wake_at = at;
	event_add(l->wake, &tv);
}

static struct event_base *base_new(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base;

	if (!c)
		return NULL;
	event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(c, EV_FEATURE_ET | EV_FEATURE_O1);
	base = event_base_new_with_config(c);
	event_config_free(c);
	return base;
}

static bool mail_open(struct loop *l)
{
	l->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->mail_fd < 0)
		return false;
	l->mail_event = event_new(l->base, l->mail_fd, EV_READ | EV_PERSIST, mail_ready, l);
	return l->mail_event && event_add(l->mail_event, NULL) == 0;
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->mail_fd = -1;
	list_init(&l->tasks);
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&l->wheel[i]);
	l->now = clock_now_us();
	l->tick = l->now / LOOP_TICK_US + 1;
	l->base = base_new();
	l->wake = l->base ? evtimer_new(l->base, wake_ready, l) : NULL;
	if (!l->wake || !mail_open(l)) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n_signals; i++)
		event_free(l->signals[i].event);
	if (l->mail_event)
		event_free(l->mail_event);
	if (l->mail_fd >= 0)
		close(l->mail_fd);
	if (l->wake)
		event_free(l->wake);
	if (l->base)
		event_base_free(l->base);
	free(l);
}

void loop_turn(struct loop *l, uint64_t wait_us)
{
	bool sleep = list_empty(&l->tasks) && wait_us > 0;
	uint64_t next = timers_next(l), now;

	if (wait_us != LOOP_FOREVER) {
		now = loop_now_exact(l);
		if (wait_us < LOOP_FOREVER - now && (!next || now + wait_us < next))
			next = now + wait_us;
	}
	if (sleep && next)
		wake_arm(l, next);
	l->now_is_old = true;
	l->turns++;
	l->heard.n = 0;
	/* Without ONCE it would go on for as long as any descriptor is ready, and tasks and
	 * timers would wait. */
	event_base_loop(l->base, sleep ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
	timers_run(l);
	tasks_run(l, false);
}

void loop_run(struct loop *l)
{
	while (!l->stopping)
		loop_turn(l, LOOP_FOREVER);
	loop_deliver(l);
	tasks_run(l, true);
	l->stopping = false;
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
}

uint64_t loop_now(struct loop *l)
{
	return l->now_is_old ? loop_now_exact(l) : l->now;
}

uint64_t loop_now_exact(struct loop *l)
{
	l->now_is_old = false;
	return l->now = clock_now_us();
}

uint64_t loop_turns(const struct loop *l)
{
	return l->turns;
}
