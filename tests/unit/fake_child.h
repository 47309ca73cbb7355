/* Children for the supervisor's tests, in the test program itself: a loader (fake_loader.c),
 * and a proxy, a vrrp process, a runner and an admin process (fake_child.c). What they do is
 * written in the configuration file, a word and its value a line:
 *
 *   bind ADDRESS   control PATH   log TARGET   threads N   grace MS   prepare MS   max N
 *   admin ADDRESS   routers N   programs N   unbriefed   fault TEXT   warn TEXT   loader_dies
 *   loader_babbles
 *
 * and of the proxy, or with "vrrp_" or "runner_" in front of the word, of the others:
 *
 *   refuse TEXT   silent   dies_at_prepare   dies_prepared MS   uncommitted   dies_at_commit
 *   dies_once FILE   silent_once FILE (at COMMIT, while there is the file)   commit_takes MS
 *   dies_after MS   hangs_after MS   event TEXT   ignores_stop   stop_takes MS   log_lost
 *   mutters TEXT   notifies TEXT   scripts TEXT
 *   commit_awaits FILE (until it is gone, at COMMIT)
 *   stop_awaits TEXT (at STOP, until it is in the journal)
 *
 * With "journal PATH" each of them writes a line "ROLE MESSAGE ARG TEXT" for what it is told
 * there, and "ROLE ends" when it ends as it was told.
 * The proxy answers each connection with "GENERATION PID\n", vrrp each command. Admin gets no
 * configuration, so none of these words; it answers as the proxy does. */
#ifndef TESTS_UNIT_FAKE_CHILD_H
#define TESTS_UNIT_FAKE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define FAKE_SCRIPT_MAX 16384

/* True when this process was started as a child; then `status` is what it exits with. */
bool fake_child_run(int argc, char **argv, int *status);

/* The loader's part of it: its exit status. */
int fake_loader(const char *path);
/* The value behind a word of the script; false when the word is not there. */
bool fake_find(struct str script, const char *word, struct str *value);
uint64_t fake_number(struct str script, const char *word, uint64_t otherwise);

#endif
