/* The runner process: tracking scripts at their intervals, external checks when the proxy asks for
 * them, and notification programs one after the other, as a user who may do nothing else. No
 * shell, a clean environment, a time limit each, and nothing that it waits for: one thread, one
 * loop. It runs what the manifest of a bundle names, and nothing else. */
#ifndef HPCBAL_RUNNER_RUNNER_H
#define HPCBAL_RUNNER_RUNNER_H

/* The role: speaks with the supervisor over `sock` until STOP or end-of-file, and then lets
 * notifications finish within the grace. Rights were dropped before. Returns the exit status. */
int runner_main(int sock);

#endif
