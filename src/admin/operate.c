#include "admin/operate.h"

#include <inttypes.h>
#include <string.h>

#include "admin/snapshot_data.h"
#include "admin/text.h"

const char *text_taken_out(char to[TEXT_OUT], const struct snapshot *s,
			   const struct snap_server *v)
{
	char age[TEXT_TIME], left[TEXT_TIME], more[64] = "";

	if (v->admin_until_us)
		snprintf(more, sizeof(more), ", for %s more",
			 text_age(left, s->mono_us, v->admin_until_us));
	snprintf(to, TEXT_OUT, "by hand %s ago%s%s%s", text_age(age, v->admin_since_us, s->now_us),
		 more, *v->admin_why ? ": " : "", v->admin_why);
	return to;
}

bool operate_why_is_good(const char *why)
{
	size_t n = strlen(why);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)why[i] < ' ' || why[i] == 0x7f)
			return false;
	return n > 0 && n <= OPERATE_WHY_MAX;
}

static const struct snap_server *find(const struct snapshot *s, const char *place)
{
	for (unsigned i = 0; i < s->n_servers; i++) {
		const struct snap_server *v = &s->servers[i];
		size_t n = strlen(v->backend);

		if (strncmp(v->backend, place, n) == 0 && place[n] == '/' &&
		    strcmp(v->name, place + n + 1) == 0)
			return v;
	}
	return NULL;
}

static void print_rest(const struct operate_wait *w)
{
	fprintf(w->out, "still running there: %" PRIu64 "\n", w->active);
	fflush(w->out);
}

bool operate_look(struct operate_wait *w, const struct snapshot *s, char *why, size_t why_size)
{
	const struct snap_server *v = find(s, w->place);
	char lapse[TEXT_TIME];

	if (!v || (!v->taken_out && !v->removed)) {
		snprintf(why, why_size, "%s %s while it was waited for", w->place,
			 v ? "was made ready" : "went away");
		return false;
	}
	if (!w->begun)
		w->begun_us = s->now_us;
	w->over = v->active == 0;
	if (!w->over && w->begun && v->active != w->active) {
		w->active = v->active;
		print_rest(w);
	}
	w->active = v->active;
	w->begun = true;
	if (w->over && w->begun_us == s->now_us)
		fprintf(w->out, "nothing runs there\n");
	else if (w->over)
		fprintf(w->out, "nothing runs there any more, after %s\n",
			text_lapse(lapse, s->now_us - w->begun_us));
	return true;
}
