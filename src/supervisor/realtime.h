/* Being on time when the machine is busy: for the process whose silence costs the virtual
 * addresses. */
#ifndef HPCBAL_SUPERVISOR_REALTIME_H
#define HPCBAL_SUPERVISOR_REALTIME_H

/* The real-time class, and all memory locked. What the kernel, or a container, refuses is a
 * warning that says what it costs. While there are still rights to do so. */
void realtime_take(void);

#endif
