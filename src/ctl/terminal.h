/* What kind of terminal it is. Apart from the rest, since <term.h> has macros with names like
 * `lines` and `columns`. */
#ifndef HPCBAL_CTL_TERMINAL_H
#define HPCBAL_CTL_TERMINAL_H

enum terminal_kind {
	TERMINAL_UNKNOWN,
	TERMINAL_DUMB, /* its cursor cannot be moved */
	TERMINAL_GOOD
};

/* Of the one that $TERM names; writes nothing to it. */
enum terminal_kind terminal_kind(void);

#endif
