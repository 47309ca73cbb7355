/* drain, maint, ready and weight. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "admin/operate.h"
#include "ctl/commands.h"

#define LOOK_EVERY_US 300000

static enum control_exit wait_for_idle(const struct call *c)
{
	struct operate_wait w = {.place = c->argv[0], .out = stdout};
	enum control_exit status;
	char why[CLIENT_WHY];

	do {
		struct snapshot *s = NULL;

		status = call_snapshot(c, &s);
		if (status != CONTROL_DONE)
			return status;
		status = operate_look(&w, s, why, sizeof(why))
				 ? status
				 : call_complain(CONTROL_REFUSED, "%s", why);
		snapshot_free(s);
		if (status == CONTROL_DONE && !w.over)
			usleep(LOOK_EVERY_US);
	} while (status == CONTROL_DONE && !w.over);
	return status;
}

static enum control_exit complain_place(const struct call *c)
{
	return call_complain(CONTROL_USAGE, "usage: hpcbalctl %s %s; servers shows them all",
			     c->command->name, c->command->arguments);
}

static bool is_place(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash && slash > text && slash[1] && !strchr(slash + 1, '/') &&
	       strlen(text) < CONTROL_REQUEST_MAX / 2;
}

enum control_exit ctl_take_out(const struct call *c)
{
	char *words[4] = {(char *)(uintptr_t)c->command->name, c->argv[0]}, time[32];
	enum control_exit status;
	uint64_t us;
	int n = 3;

	if (c->argc < 1 || !is_place(c->argv[0]))
		return complain_place(c);
	if (!call_for(c, &us, &status))
		return status;
	snprintf(time, sizeof(time), "%" PRIu64, us);
	words[2] = time;
	if (c->why && !operate_why_is_good(c->why))
		return call_complain(CONTROL_USAGE, "--why takes a line of at most %d bytes",
				     OPERATE_WHY_MAX);
	if (c->why)
		words[n++] = (char *)(uintptr_t)c->why;
	status = call_ask(c, words, n, CALL_TIMEOUT_MS, NULL);
	return status == CONTROL_DONE && c->wait ? wait_for_idle(c) : status;
}

enum control_exit ctl_ready(const struct call *c)
{
	char *words[2] = {(char *)(uintptr_t)c->command->name, c->argv[0]};

	if (c->argc < 1 || !is_place(c->argv[0]))
		return complain_place(c);
	return call_ask(c, words, 2, CALL_TIMEOUT_MS, NULL);
}

enum control_exit ctl_weight(const struct call *c)
{
	char *words[3] = {(char *)(uintptr_t)c->command->name};
	uint64_t n;

	if (c->argc < 2 || !is_place(c->argv[0]) || !str_to_u64(str_of(c->argv[1]), &n))
		return complain_place(c);
	words[1] = c->argv[0];
	words[2] = c->argv[1];
	return call_ask(c, words, 3, CALL_TIMEOUT_MS, NULL);
}
