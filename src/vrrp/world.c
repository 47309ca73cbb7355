#include "vrrp/world.h"

#include <stdarg.h>
#include <stdio.h>

static bool send_to_supervisor(struct vrrp_world *w, enum msg_type type, uint64_t arg,
			       struct str text)
{
	struct msg m = { .type = type, .arg = arg, .text = text };

	return msg_send(w->sock, &m) == MSG_OK;
}

void world_say(struct vrrp_world *w, int level, bool event, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!send_to_supervisor(w, MSG_SAY, (uint64_t)level | (event ? MSG_SAY_EVENT : 0),
				str_of(text)))
		w->unsaid++;
}

void world_notify(struct vrrp_world *w, uint32_t program, struct str words)
{
	if (!send_to_supervisor(w, MSG_NOTIFY, MSG_PROGRAM(w->generation, program), words))
		world_say(w, LOG_ERR, true,
			  "a notification could not be handed to the supervisor and is lost");
}
