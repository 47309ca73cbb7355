/* Whether the node can serve, for whoever asks from outside. */
#include <inttypes.h>

#include "admin/jvalue.h"
#include "admin/snapshot_data.h"
#include "admin/text.h"
#include "base/clock.h"

/* Every thread of the proxy gives a sign ten times a second; one that is silent for so long
 * answers nobody. The supervisor, who ends it, has more patience. */
#define SILENT_US (1 * CLOCK_SEC)

static bool tell(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return false;
}

static bool proxy_moves(const struct snapshot *s, char *why, size_t size)
{
	const struct snap_process *p = &s->process[BOARD_PROXY];
	char age[TEXT_TIME];

	if (!s->proxy_beat_us || snapshot_lately(s, s->proxy_beat_us, SILENT_US))
		return true;
	snprintf(why, size, "the proxy (pid %" PRId32 ") has not moved for %s", p->pid,
		 text_lapse(age, snapshot_ago(s, s->proxy_beat_us)));
	return false;
}

bool snapshot_is_healthy(const struct snapshot *s, char *why, size_t size)
{
	const struct snap_process *p = &s->process[BOARD_PROXY];

	*why = '\0';
	if (!s->has_supervisor)
		return tell(why, size, "the supervisor's board is missing");
	if (s->stopping)
		return tell(why, size, "hpcbald is stopping");
	if (p->pid <= 0) {
		snprintf(why, size, "the proxy is not running; the last one ended: %s",
			 *p->last_end ? p->last_end : "how is not known");
		return false;
	}
	if (!p->running) {
		snprintf(why, size, "the proxy (pid %" PRId32 ") is starting", p->pid);
		return false;
	}
	return proxy_moves(s, why, size);
}

bool snapshot_json_health(const struct snapshot *s, FILE *out)
{
	char why[256];
	bool healthy = snapshot_is_healthy(s, why, sizeof(why));

	return jvalue_print(json_pack("{s:b,s:o,s:o,s:o}", "healthy", (int)healthy, "reason",
				      jvalue_text(why), "node", jvalue_text(s->node),
				      "generation",
				      s->has_supervisor ? jvalue_number(s->generation)
							: json_null()),
			    out);
}
