#include "limit/limit.h"

#include "base/stats.h"

bool limit_init(struct limit *l, const struct conf_frontend *f, unsigned index,
		struct board_limits *b)
{
	const struct conf_limit *c = &f->limits[index];
	int slot = board_limit_slot(b, f->name, c->name);

	if (slot < 0)
		return false;
	l->conf = c;
	l->index = index;
	l->id = board_limit_id(f->name, c->name);
	l->on = &b->limits[slot];
	l->rate = (struct gcra){ 0, 0 };
	if (c->rate) {
		l->rate.step = (c->period * 1000 + c->rate - 1) / c->rate;
		l->rate.depth = l->rate.step * c->burst;
	}
	return true;
}

void limit_publish(struct limit *l, unsigned order)
{
	struct board_limit *on = l->on;

	board_write_text(&on->turn, on->by, sizeof(on->by), l->conf->by_text);
	board_write_text(&on->turn, on->rate, sizeof(on->rate), l->conf->rate_text);
	stats_set(on->order, order);
	stats_set(on->dry_run, l->conf->dry_run);
	stats_set(on->secret, l->conf->secret);
	stats_set(on->step_ns, l->rate.step);
	stats_set(on->depth_ns, l->rate.depth);
	stats_set(on->connections, l->conf->connections);
	stats_set(on->burst, l->conf->burst);
	stats_set(on->current, BOARD_CURRENT);
}
