/* The ring of events: into a snapshot, and as JSON. */
#include "admin/jvalue.h"
#include "admin/snapshot_data.h"
#include "admin/text.h"

/* Those that are overwritten meanwhile are left out. */
void snapshot_take_events(struct snapshot *s, const struct board_events *b)
{
	uint64_t first = board_events_first(b);

	for (uint64_t i = first; i < first + BOARD_EVENTS; i++) {
		struct event_line *l = &s->events[s->n_events];

		if (!board_event_read(b, i, l))
			continue;
		text_clean(l->who, false);
		text_clean(l->text, false);
		s->n_events++;
	}
}

bool snapshot_json_events(const struct snapshot *s, FILE *out)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_events; i++)
		list = jvalue_append(list, json_pack("{s:o,s:s,s:s}", "time",
						     jvalue_instant(s->events[i].wall_us), "who",
						     s->events[i].who, "text",
						     s->events[i].text));
	return jvalue_print(json_pack("{s:o}", "events", list), out);
}
