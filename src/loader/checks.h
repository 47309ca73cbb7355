/* The external checks of a configuration as the runner needs them, who parses no text. */
#ifndef HPCBAL_LOADER_CHECKS_H
#define HPCBAL_LOADER_CHECKS_H

#include "loader/programs.h"

/* How many servers have one. */
unsigned checks_count(const struct conf *conf);
/* Fills `checks`, which has room for them all and comes cleared, and n_checks and the programs of
 * the manifest. In the order of the file, as the proxy counts them. */
void checks_fill(const struct conf *conf, struct programs_list *programs,
		 struct manifest_check *checks);
/* How long the first checks of all of them may take, when only some run at a time. */
uint64_t checks_first_round(const struct conf *conf);

#endif
