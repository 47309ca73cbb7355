#include "supervisor/events.h"

#include <time.h>

void events_add(struct events *e, uint64_t wall_us, const char *who, struct str text)
{
	struct event_line *l = &e->line[e->count++ % EVENTS_KEPT];
	size_t n = text.n < sizeof(l->text) ? text.n : sizeof(l->text) - 1;

	l->wall_us = wall_us;
	l->who = who;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		l->text[i] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	l->text[n] = '\0';
}

void events_print(const struct events *e, struct report *out)
{
	uint64_t first = e->count > EVENTS_KEPT ? e->count - EVENTS_KEPT : 0;

	for (uint64_t i = first; i < e->count; i++) {
		const struct event_line *l = &e->line[i % EVENTS_KEPT];
		time_t seconds = (time_t)(l->wall_us / 1000000);
		char when[32];
		struct tm t;

		localtime_r(&seconds, &t);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &t);
		report_add(out, "%s.%03d %s: %s", when, (int)(l->wall_us / 1000 % 1000), l->who,
			   l->text);
	}
}
