/* The supervisor process: outlives everything, holds what must not be lost. */
#ifndef HPCBAL_SUPERVISOR_SUPERVISOR_H
#define HPCBAL_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>

struct supervisor_options {
	const char *config;  /* path of the configuration */
	const char *program; /* this binary's own path, for its children */
	bool foreground;
};

/* Runs until it is told to stop. Returns the exit status. */
int supervisor_main(const struct supervisor_options *o);

#endif
