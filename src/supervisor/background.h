/* Becoming a daemon: the process that was started waits until the daemon serves, or has
 * said why it cannot, and only then returns to whoever started it. */
#ifndef HPCBAL_SUPERVISOR_BACKGROUND_H
#define HPCBAL_SUPERVISOR_BACKGROUND_H

/* Returns in the daemon, with a descriptor for background_ready(); -1 with errno. The process
 * that was started stays in here and exits. */
int background_start(void);
/* The one that waits exits 0; standard input, output and error go to /dev/null. */
void background_ready(int fd);

#endif
