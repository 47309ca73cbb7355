/* A new program, run by the supervisor that it is to follow: says whether it could take over what
 * it would be handed, and does nothing else. */
#ifndef HPCBAL_SUPERVISOR_TRIAL_H
#define HPCBAL_SUPERVISOR_TRIAL_H

/* HELLO brings [hand-over, bundle, boards as of control_send_boards()]; answered by HELLO_OK or
 * REFUSED. Returns the exit status. */
int trial_main(int sock);

#endif
