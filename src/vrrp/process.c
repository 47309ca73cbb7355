/* vrrp_main(): the supervisor's messages; the briefs, which PREPARE opens and COMMIT swaps; the
 * look that beats, watches the proxy and writes the board; the end. */
#include "vrrp/vrrp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/serve.h"
#include "vrrp/demotion.h"
#include "vrrp/timerfd.h"

#define LOOK_US (25 * CLOCK_MS)
/* Whoever sends commands without end holds up no advertisement. */
#define MESSAGES_A_TURN 16
/* The clock that counts suspended time went so much further than the other: it was suspended. */
#define SUSPENDED_US (50 * CLOCK_MS)

/* A brief that was prepared, and the instances that it needs anew. */
struct prepared {
	const struct brief *brief; /* NULL: nothing is prepared */
	uint64_t number;
	struct list fresh;
};

/* An answer that the supervisor's socket had no room for. There is one at most: the supervisor
 * asks when it has the last. */
struct late_answer {
	bool waits;
	enum msg_type type;
	uint64_t arg;
	char text[512];
};

struct process {
	struct vrrp_world world;
	struct late_answer late;
	struct loop_fd sock_io, look_io;
	struct list instances; /* in the order of the brief */
	struct prepared next;
	struct demotion demotion;
	uint64_t suspended; /* how far the clocks were apart */
	bool adopts;        /* the first brief finds what a predecessor left on the board */
	bool over;
};

static struct process *process_of(struct vrrp_world *w)
{
	return list_of(w, struct process, world);
}

/* ---- answers ---- */

static void sock_ready(struct loop_fd *io, unsigned what);

static void watch_sock(struct process *p, unsigned what)
{
	loop_fd_del(&p->sock_io);
	must(loop_fd_add(p->world.loop, &p->sock_io, p->world.sock, what, sock_ready));
}

static bool send_answer(struct process *p)
{
	struct late_answer *a = &p->late;
	struct msg m = { .type = a->type, .arg = a->arg, .text = str_of(a->text) };

	return msg_send(p->world.sock, &m) != MSG_AGAIN;
}

/* Lines for the log may be lost; an answer may not, or we are taken for one that hangs. */
static void answer(struct process *p, enum msg_type type, uint64_t arg, const char *text)
{
	bool waited = p->late.waits;

	p->late.type = type;
	p->late.arg = arg;
	snprintf(p->late.text, sizeof(p->late.text), "%s", text);
	p->late.waits = !send_answer(p);
	if (p->late.waits && !waited)
		watch_sock(p, LOOP_READ | LOOP_WRITE);
}

static void answer_late(struct process *p)
{
	if (!p->late.waits || !send_answer(p))
		return;
	p->late.waits = false;
	watch_sock(p, LOOP_READ);
}

/* ---- time ---- */

/* How far the clocks are apart. This thread may be set aside between two readings, and what it
 * reads then says nothing. */
static uint64_t suspended_us(uint64_t before)
{
	struct timespec boot;

	for (int tries = 0; tries < 4; tries++) {
		uint64_t now = clock_now_us();

		clock_gettime(CLOCK_BOOTTIME, &boot);
		if (clock_now_us() - now < SUSPENDED_US / 4)
			return (uint64_t)boot.tv_sec * CLOCK_SEC +
			       (uint64_t)boot.tv_nsec / 1000 - now;
	}
	return before;
}

static void tell_all_resumed(struct process *p)
{
	struct list *e, *tmp;

	world_say(&p->world, LOG_WARNING, true,
		  "the machine stood still: masters let go, and listen before they claim again");
	list_each_safe(e, tmp, &p->instances)
		instance_resumed(list_of(e, struct instance, link));
}

static void look_at_clocks(struct process *p)
{
	uint64_t before = p->suspended, now = suspended_us(before);

	p->suspended = now;
	if (before && now > before + SUSPENDED_US)
		tell_all_resumed(p);
}

static void catch_up(struct vrrp_world *w)
{
	look_at_clocks(process_of(w));
	segments_catch_up(w->segments);
}

/* ---- packets and interfaces ---- */

static void packet(void *arg, struct segment *s, enum segment_wire by, const struct wire_packet *k)
{
	int vrid = vrrp_datagram_vrid(&k->datagram);
	struct process *p = arg;
	struct list *e, *tmp;
	bool known = false;

	look_at_clocks(p);
	list_each_safe(e, tmp, &p->instances)
	{
		struct instance *i = list_of(e, struct instance, link);

		if (i->segment != s || i->by != by || i->brief->vrid != vrid)
			continue;
		known = true;
		instance_packet(i, by, k);
	}
	if (!known)
		stats_add(p->world.board->unknown_vrid, 1);
}

static void changed(void *arg, struct segment *s, const struct watch_event *e)
{
	struct process *p = arg;
	struct list *it, *tmp;

	list_each_safe(it, tmp, &p->instances)
		instance_changed(list_of(it, struct instance, link), s, e);
}

static const struct segment_calls segment_calls = { packet, changed };

/* ---- the look ---- */

static void watch_proxy(struct process *p, uint64_t now)
{
	bool running = stats_get(p->world.supervisor->process[BOARD_PROXY].running) == 1;

	heartwatch_look(&p->world.heart, running, p->world.proxy, now);
}

static void look_ready(struct loop_fd *io, unsigned what)
{
	struct process *p = list_of(io, struct process, look_io);
	struct list *e, *tmp;
	uint64_t now;

	(void)what;
	timerfd_clear(io);
	catch_up(&p->world);
	now = clock_now_us();
	stats_set(p->world.board->beat_us, now);
	watch_proxy(p, now);
	list_each_safe(e, tmp, &p->instances)
		instance_look(list_of(e, struct instance, link), now);
	timerfd_arm(io, now + LOOK_US);
}

/* ---- the board ---- */

static void write_discards(struct board_vrrp *b)
{
	_Static_assert(VRRP_DISCARDS <= BOARD_ROUTER_DISCARDS, "every discard has its counter");
	for (unsigned d = 0; d < VRRP_DISCARDS; d++) {
		snprintf(b->discard_name[d], sizeof(b->discard_name[d]), "%s",
			 vrrp_discard_name((enum vrrp_discard)d));
		snprintf(b->discard_text[d], sizeof(b->discard_text[d]), "%s",
			 vrrp_discard_text((enum vrrp_discard)d));
	}
	stats_set(b->n_discards, VRRP_DISCARDS);
}

/* Which place a running or former instance of this brief has on the board, or -1. */
static int find_place(const struct board_vrrp *b, const struct brief_router *r)
{
	for (int n = 0; n < BOARD_ROUTERS; n++) {
		const struct router_facts *f = &b->routers[n].facts;

		if (stats_get(b->routers[n].used) && strcmp(f->name, r->name) == 0 &&
		    strcmp(f->interface, r->interface) == 0 && f->vrid == r->vrid &&
		    f->ipv6 == r->ipv6)
			return n;
	}
	return -1;
}

static void fill_place(struct board_router *to, const struct board_router *from)
{
	stats_set(to->last_sent_us, from->last_sent_us);
	stats_set(to->demoted_until_us, from->demoted_until_us);
	stats_set(to->holds_back, from->holds_back);
	stats_set(to->left, from->left);
	memcpy(&to->stats, &from->stats, sizeof(to->stats));
	memcpy(to->discards, from->discards, sizeof(to->discards));
	board_write_block(&to->turn, &to->facts, &from->facts, sizeof(to->facts));
	stats_set(to->used, 1);
}

/* The places follow the order of the file; what moves takes its counters along. */
static void lay_out_board(struct process *p, const struct brief *brief)
{
	static const struct board_router none;
	struct board_vrrp *b = p->world.board;
	struct board_router *before = malloc(sizeof(b->routers));
	int was[BOARD_ROUTERS];

	must(before);
	for (unsigned n = 0; n < brief->n_routers; n++)
		was[n] = find_place(b, &brief->routers[n]);
	memcpy(before, b->routers, sizeof(b->routers));
	for (unsigned n = 0; n < BOARD_ROUTERS; n++) {
		if (n < brief->n_routers)
			fill_place(&b->routers[n], was[n] >= 0 ? &before[was[n]] : &none);
		else
			stats_set(b->routers[n].used, 0);
	}
	free(before);
}

/* ---- PREPARE and COMMIT ---- */

static struct instance *find_instance(struct list *list, const struct brief_router *r)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, list)
	{
		struct instance *i = list_of(e, struct instance, link);

		if (instance_is(i, r))
			return i;
	}
	return NULL;
}

static void forget_next(struct process *p)
{
	struct list *e;

	while ((e = list_pop(&p->next.fresh)))
		instance_free(list_of(e, struct instance, link));
	if (p->next.brief)
		brief_unmap(p->next.brief);
	p->next.brief = NULL;
}

/* False: `why`. */
static bool prepare_router(struct process *p, const struct brief_router *r, char *why, size_t size)
{
	const char *fault = instance_brief_error(r);
	struct instance *i;

	if (fault) {
		snprintf(why, size, "virtual router %s: %s", r->name, fault);
		return false;
	}
	if (find_instance(&p->instances, r))
		return true;
	i = instance_new(&p->world, r, why, size);
	if (i)
		list_append(&p->next.fresh, &i->link);
	return i != NULL;
}

static bool prepare(struct process *p, int fd, char *why, size_t size)
{
	const char *fault = "no brief was handed over";

	p->next.brief = fd >= 0 ? brief_map(fd, &fault) : NULL;
	if (!p->next.brief) {
		snprintf(why, size, "the virtual routers cannot be read: %s", fault);
		return false;
	}
	for (uint32_t n = 0; n < p->next.brief->n_routers; n++)
		if (!prepare_router(p, &p->next.brief->routers[n], why, size))
			return false;
	return true;
}

static void on_prepare(struct process *p, struct msg *m)
{
	char why[512];

	forget_next(p);
	p->next.number = m->arg;
	if (prepare(p, m->n_fds ? m->fds[0] : -1, why, sizeof(why))) {
		answer(p, MSG_PREPARED, m->arg, "");
		return;
	}
	forget_next(p);
	answer(p, MSG_REFUSED, m->arg, why);
}

static void stop_instance(struct process *p, struct instance *i)
{
	instance_delete_strays(i);
	instance_stop(i);
	demotion_forget(&p->demotion, i);
}

static void stop_removed(struct process *p)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, &p->instances)
	{
		struct instance *i = list_of(e, struct instance, link);
		bool stays = false;

		for (uint32_t n = 0; n < p->next.brief->n_routers && !stays; n++)
			stays = instance_is(i, &p->next.brief->routers[n]);
		if (stays)
			continue;
		stop_instance(p, i);
		instance_free(i);
	}
}

static void start_one(struct process *p, struct instance *i)
{
	const struct router_facts facts = i->board->facts; /* nobody else writes any more */
	struct instance_left left = { stats_get(i->board->last_sent_us),
				      stats_get(i->board->demoted_until_us),
				      stats_get(i->board->holds_back) != 0,
				      stats_get(i->board->left) ? &facts : NULL };

	stats_set(i->board->left, 0);
	instance_start(i, p->adopts ? &left : NULL);
}

/* One after the other, so that what stays goes on advertising between them. */
static void take_routers(struct process *p)
{
	const struct brief *b = p->next.brief;

	for (uint32_t n = 0; n < b->n_routers; n++) {
		struct instance *i = find_instance(&p->instances, &b->routers[n]);
		bool fresh = !i;

		if (fresh)
			i = find_instance(&p->next.fresh, &b->routers[n]);
		list_del(&i->link);
		list_append(&p->instances, &i->link);
		instance_set_board(i, &p->world.board->routers[n]);
		if (fresh)
			start_one(p, i);
		else
			instance_take(i, b, &b->routers[n]);
	}
}

static void on_commit(struct process *p, struct msg *m)
{
	if (!p->next.brief || p->next.number != m->arg) {
		answer(p, MSG_REFUSED, m->arg, "nothing of that number was prepared");
		return;
	}
	watch_proxy(p, clock_now_us());
	stop_removed(p);
	/* From here on programs have the numbers of the new one. */
	p->world.generation = m->arg;
	lay_out_board(p, p->next.brief);
	take_routers(p);
	p->adopts = false;
	stats_set(p->world.board->generation, m->arg);
	forget_next(p);
	answer(p, MSG_COMMITTED, m->arg, "");
}

/* ---- the end ---- */

static void stop(struct process *p)
{
	struct list *e, *tmp;

	/* What stands there now, goes. */
	catch_up(&p->world);
	list_each_safe(e, tmp, &p->instances)
		stop_instance(p, list_of(e, struct instance, link));
	p->over = true;
	loop_stop(p->world.loop);
}

/* The successor finds all on the board and on the interfaces. */
static void leave(struct process *p)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, &p->instances)
	{
		struct instance *i = list_of(e, struct instance, link);

		demotion_forget(&p->demotion, i);
		instance_write_facts(i, clock_now_us());
		stats_set(i->board->left, 1);
	}
	p->over = true;
	loop_stop(p->world.loop);
}

static void tear_down(struct process *p)
{
	struct list *e;

	forget_next(p);
	while ((e = list_pop(&p->instances)))
		instance_free(list_of(e, struct instance, link));
	if (p->world.board)
		stats_set(p->world.board->beat_us, 0);
	timerfd_close(&p->look_io);
	loop_fd_del(&p->sock_io);
	segments_close(p->world.segments);
	renewer_stop(p->world.renewer);
	address_close(p->world.addresses);
	loop_free(p->world.loop);
}

/* ---- the supervisor's messages ---- */

static void on_hello(struct process *p, struct msg *m)
{
	struct vrrp_world *w = &p->world;
	const char *why = "boards are missing";

	if (m->n_fds == 3) {
		w->board = board_map(m->fds[0], sizeof(*w->board), true, &why);
		w->supervisor = board_map(m->fds[1], sizeof(*w->supervisor), false, &why);
		w->proxy = board_map(m->fds[2], sizeof(*w->proxy), false, &why);
	}
	if (!w->board || !w->supervisor || !w->proxy) {
		log_error("the vrrp process cannot map its boards: %s", why);
		exit(1);
	}
	stats_set(w->board->pid, getpid());
	write_discards(w->board);
	/* A predecessor that stopped in order has left nothing: it is no master any more. */
	p->adopts = true;
	timerfd_arm(&p->look_io, clock_now_us());
	answer(p, MSG_HELLO_OK, 0, "");
}

static void on_control(struct process *p, struct msg *m)
{
	if (!m->n_fds)
		return;
	demotion_command(&p->demotion, &p->instances, m->fds[0], m->text);
	m->fds[0] = -1;
}

static void on_script(struct process *p, struct msg *m)
{
	struct list *e, *tmp;

	/* Of a program that may have another number by now. */
	if (MSG_PROGRAM_GENERATION(m->arg) != p->world.generation)
		return;
	list_each_safe(e, tmp, &p->instances)
		instance_script(list_of(e, struct instance, link), MSG_PROGRAM_INDEX(m->arg),
				m->text);
}

static void handle(void *arg, struct msg *m)
{
	struct process *p = arg;

	if (p->over)
		return;
	switch (m->type) {
	case MSG_HELLO:
		on_hello(p, m);
		return;
	case MSG_PREPARE:
		on_prepare(p, m);
		return;
	case MSG_COMMIT:
		on_commit(p, m);
		return;
	case MSG_ABORT:
		forget_next(p);
		return;
	case MSG_CONTROL:
		on_control(p, m);
		return;
	case MSG_SCRIPT:
		on_script(p, m);
		return;
	case MSG_STOP:
		stop(p);
		return;
	case MSG_LEAVE:
		leave(p);
		return;
	default:
		return; /* LOG: the supervisor writes our lines */
	}
}

static void sock_ready(struct loop_fd *io, unsigned what)
{
	struct process *p = list_of(io, struct process, sock_io);

	if (what & LOOP_WRITE)
		answer_late(p);
	if (serve_read(p->world.sock, MESSAGES_A_TURN, handle, p))
		return;
	/* The supervisor is gone: nobody would start us again. */
	loop_fd_del(&p->sock_io);
	stop(p);
}

static bool open_world(struct process *p, char *why, size_t size)
{
	struct vrrp_world *w = &p->world;

	snprintf(why, size, "no memory or no descriptors for the event loop");
	w->loop = loop_new();
	if (!w->loop || !timerfd_open(w->loop, &p->look_io, look_ready) ||
	    !loop_fd_add(w->loop, &p->sock_io, w->sock, LOOP_READ, sock_ready))
		return false;
	w->addresses = address_open(why, size);
	if (!w->addresses)
		return false;
	w->renewer = renewer_start(why, size);
	if (!w->renewer)
		return false;
	w->segments = segments_open(w->loop, address_port(w->addresses), &segment_calls, p, why,
				    size);
	return w->segments != NULL;
}

int vrrp_main(int sock)
{
	struct process *p = calloc(1, sizeof(*p));
	char why[512];

	must(p);
	serve_begin(sock);
	p->world.sock = sock;
	p->world.catch_up = catch_up;
	list_init(&p->instances);
	list_init(&p->next.fresh);
	demotion_init(&p->demotion, &p->world);
	if (!open_world(p, why, sizeof(why))) {
		log_error("the vrrp process cannot start: %s", why);
		return 1;
	}
	loop_run(p->world.loop);
	tear_down(p);
	close(sock);
	free(p);
	return 0;
}
