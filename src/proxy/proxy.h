/* The proxy process's main: main thread, health thread, log writer, N workers. */
#ifndef HPCBAL_PROXY_PROXY_H
#define HPCBAL_PROXY_PROXY_H

/* The role: speaks with the supervisor over `sock` until STOP or end-of-file. Rights were
 * dropped before. Returns the exit status. */
int proxy_main(int sock);

#endif
