#include "ctl/terminal.h"

#include <unistd.h>

#include <curses.h>
#include <term.h>

enum terminal_kind terminal_kind(void)
{
	char move[] = "cup";
	int error;
	bool good;

	if (setupterm(NULL, STDOUT_FILENO, &error) == ERR)
		return TERMINAL_UNKNOWN;
	good = tigetstr(move) != NULL;
	del_curterm(cur_term);
	return good ? TERMINAL_GOOD : TERMINAL_DUMB;
}
