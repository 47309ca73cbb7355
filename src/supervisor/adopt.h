/* The new program's half of an upgrade: takes up what the one before left, and brings up children
 * of its own beside those it finds; or goes back. And the old program's return. */
#ifndef HPCBAL_SUPERVISOR_ADOPT_H
#define HPCBAL_SUPERVISOR_ADOPT_H

#include <stdbool.h>

struct supervisor;

/* From options->adopt, and if that has `refused`, as the program that is back. False: after a
 * line to standard error; all is lost. It does not return where it can go back instead. */
bool adopt_set_up(struct supervisor *sv);
/* Begins with the configuration; or tells whoever waits why it came back. */
void adopt_begin(struct supervisor *sv);
/* The new proxy serves: those who were here before leave. Without an upgrade nothing. */
void adopt_decided(struct supervisor *sv);
/* The old program is executed again, and finds `signo` (0: none) sent to it. `why`: lines, NULL:
 * the reload's report. Returns only when that fails. */
void adopt_go_back(struct supervisor *sv, int signo, const char *why);

#endif
