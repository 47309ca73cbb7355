/* A loader and a proxy for the supervisor's tests, in the test program itself: what they do
 * is written in the configuration file, a word and its value a line:
 *
 *   bind ADDRESS   control PATH   log TARGET   threads N   grace MS   prepare MS   max N
 *   fault TEXT   warn TEXT   loader_dies   loader_babbles
 *   refuse TEXT   silent   dies_at_prepare   uncommitted   dies_after MS   hangs_after MS
 *   event TEXT   ignores_stop   log_lost   mutters TEXT
 *
 * The proxy answers each connection with "GENERATION PID\n". */
#ifndef TESTS_UNIT_FAKE_CHILD_H
#define TESTS_UNIT_FAKE_CHILD_H

#include <stdbool.h>

/* True when this process was started as a child; then `status` is what it exits with. */
bool fake_child_run(int argc, char **argv, int *status);

#endif
