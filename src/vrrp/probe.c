#include "vrrp/probe.h"

#include "base/clock.h"
#include "vrrp/timerfd.h"

static bool is_open(const struct probe *p)
{
	return p->segment && p->neighbour && p->segment->neighbour == p->neighbour;
}

void probe_stop(struct probe *p)
{
	if (is_open(p))
		neighbour_probe_end(p->neighbour, &p->question);
	p->segment = NULL;
	p->neighbour = NULL;
	timerfd_arm(&p->timer_io, UINT64_MAX);
}

static void end(struct probe *p, const uint8_t *mac)
{
	probe_stop(p);
	p->ended(p, mac);
}

static void answered(struct neighbour_probe *question, const uint8_t mac[NEIGHBOUR_MAC])
{
	struct probe *p = list_of(question, struct probe, question);

	end(p, mac);
}

static void arm(struct probe *p, uint64_t now)
{
	uint64_t next = now + p->every;

	timerfd_arm(&p->timer_io, next < p->until ? next : p->until);
}

static void time_to_ask(struct loop_fd *io, unsigned what)
{
	struct probe *p = list_of(io, struct probe, timer_io);
	uint64_t now = clock_now_us();

	(void)what;
	timerfd_clear(io);
	if (!p->segment)
		return;
	if (now >= p->until || !is_open(p)) {
		end(p, NULL);
		return;
	}
	neighbour_probe_again(p->neighbour, &p->question);
	arm(p, now);
}

bool probe_init(struct probe *p, struct loop *l,
		void (*ended)(struct probe *p, const uint8_t *mac))
{
	p->loop = l;
	p->segment = NULL;
	p->neighbour = NULL;
	p->ended = ended;
	return timerfd_open(l, &p->timer_io, time_to_ask);
}

void probe_free(struct probe *p)
{
	probe_stop(p);
	timerfd_close(&p->timer_io);
}

void probe_begin(struct probe *p, struct segment *s, const struct vrrp_ip *sender,
		 const struct vrrp_ip *target, uint64_t every, uint64_t until)
{
	probe_stop(p);
	p->segment = s;
	p->every = every;
	p->until = until;
	if (s->neighbour && neighbour_probe_begin(s->neighbour, &p->question, sender, target,
						  answered) == 0)
		p->neighbour = s->neighbour;
	arm(p, clock_now_us());
}
