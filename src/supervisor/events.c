#include "supervisor/events.h"

#include <time.h>

void events_add(struct board_events *e, uint64_t wall_us, const char *who, struct str text)
{
	struct event_line l = {.number = stats_get(e->count), .wall_us = wall_us};
	size_t n = text.n < sizeof(l.text) ? text.n : sizeof(l.text) - 1;
	size_t at = l.number % BOARD_EVENTS;

	str_copy(l.who, sizeof(l.who), str_of(who));
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		l.text[i] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	board_write_block(&e->slot[at].turn, &e->slot[at].line, &l, sizeof(l));
	atomic_store_explicit(&e->count, l.number + 1, memory_order_release);
}

void events_print(const struct board_events *e, struct report *out)
{
	struct event_line l;

	for (uint64_t i = board_events_first(e); board_event_read(e, i, &l); i++) {
		time_t seconds = (time_t)(l.wall_us / 1000000);
		char when[32];
		struct tm t;

		localtime_r(&seconds, &t);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &t);
		report_add(out, "%s.%03d %s: %s", when, (int)(l.wall_us / 1000 % 1000), l.who,
			   l.text);
	}
}
