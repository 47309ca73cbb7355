/* The programs of one generation, taken out of its manifest. */
#ifndef HPCBAL_RUNNER_PROGRAMS_H
#define HPCBAL_RUNNER_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/bundle.h"

struct programs {
	bool known; /* false: there is no such generation, and all else is zero */
	uint64_t generation;
	unsigned n;
	struct manifest_program of[MANIFEST_PROGRAMS];
	unsigned n_checks;
	struct manifest_check *checks; /* owned; NULL: none */
};

#endif
