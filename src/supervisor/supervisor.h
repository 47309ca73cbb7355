/* The supervisor process: outlives everything, holds what must not be lost. */
#ifndef HPCBAL_SUPERVISOR_SUPERVISOR_H
#define HPCBAL_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>

struct supervisor_options {
	const char *config;  /* path of the configuration */
	const char *program; /* this binary's own path, for its children */
	bool foreground;
	int adopt;           /* descriptor of a hand-over (handover.h); -1: a first start */
	const char *refused; /* it comes from a program that could not take over; why */
};

/* Runs until it is told to stop. Returns the exit status. */
int supervisor_main(const struct supervisor_options *o);

#endif
