/* Packets with descriptors beside them, over a unix socket. */
#ifndef HPCBAL_IPC_FDPASS_H
#define HPCBAL_IPC_FDPASS_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FDPASS_MAX 8

/* One packet; the descriptors stay the caller's. `flags` as for sendmsg(); SIGPIPE never
 * comes. -1 with errno. */
ssize_t fdpass_send(int sock, const struct iovec *iov, unsigned n_iov, const int *fds,
		    unsigned n_fds, int flags);
/* One packet; at most `*n_fds` descriptors, close-on-exec, become the caller's and `*n_fds`
 * says how many came. A packet that was cut, or came with more descriptors, is lost: -1
 * with EBADMSG, and nothing stays open. */
ssize_t fdpass_recv(int sock, const struct iovec *iov, unsigned n_iov, int *fds, unsigned *n_fds);
/* But those that were taken out (-1). */
void fdpass_close(int *fds, unsigned *n_fds);

#endif
