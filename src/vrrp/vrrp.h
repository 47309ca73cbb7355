/* The vrrp process: one real-time thread that moves the virtual addresses. */
#ifndef HPCBAL_VRRP_VRRP_H
#define HPCBAL_VRRP_VRRP_H

/* The role: speaks with the supervisor over `sock` until STOP or end-of-file, then resigns and
 * takes the addresses away. Rights were dropped before, but for CAP_NET_ADMIN and CAP_NET_RAW.
 * Returns the exit status. */
int vrrp_main(int sock);

#endif
