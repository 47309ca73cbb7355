#include "vrrp/world.h"

#include <stdarg.h>
#include <stdio.h>

static bool send_to_supervisor(struct vrrp_world *w, enum msg_type type, uint64_t arg,
			       struct str text)
{
	struct msg m = { .type = type, .arg = arg, .text = text };

	return msg_send(w->sock, &m) == MSG_OK;
}

static bool say(struct vrrp_world *w, uint64_t how, const char *text)
{
	return send_to_supervisor(w, MSG_SAY, how, str_of(text));
}

static void say_how_many_were_lost(struct vrrp_world *w)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "%llu lines were lost here: the supervisor did not take them in time",
		 (unsigned long long)w->unsaid);
	if (say(w, LOG_WARNING, text))
		w->unsaid = 0;
}

void world_say(struct vrrp_world *w, int level, bool event, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->unsaid)
		say_how_many_were_lost(w);
	if (w->unsaid || !say(w, (uint64_t)level | (event ? MSG_SAY_EVENT : 0), text))
		w->unsaid++;
}

void world_notify(struct vrrp_world *w, uint32_t program, struct str words)
{
	if (!send_to_supervisor(w, MSG_NOTIFY, MSG_PROGRAM(w->generation, program), words))
		world_say(w, LOG_ERR, true,
			  "a notification could not be handed to the supervisor and is lost");
}
