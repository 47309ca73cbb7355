/* The control socket's protocol: SOCK_SEQPACKET. The client sends one packet: the words of
 * its command, separated by NUL. The answer is packets of one kind byte and a body:
 *   o  text for standard output        e  text for standard error
 *   f  descriptors beside it: the boards (supervisor, proxy, vrrp, limits; read-only)
 *   s  a step of demote or promote: "INSTANCE\tMS\twhat happened"
 *   r  the result of one instance: "INSTANCE\tFROM\tTO\tGAP_MS\tDONE\ttext"; FROM and TO are
 *      nodes' addresses or "-", GAP_MS a decimal number or "-", DONE 1 or 0
 *   l  sessions: lines, each "ID\tAGE_MS\tIDLE_MS\tSTEP\tCLIENT\tFRONTEND\tBACKEND\tSERVER\t
 *      BYTES_IN\tBYTES_OUT\tMETHOD\tTARGET\n"; "-" is none, METHOD and TARGET may be cut
 *   n  kill: how many sessions were ended, a decimal number
 *   x  the end: one byte, the exit status
 * End-of-file without x means that the daemon died on the way. */
#ifndef HPCBAL_IPC_CONTROL_H
#define HPCBAL_IPC_CONTROL_H

#include <stdbool.h>

#include "base/str.h"

#define CONTROL_REQUEST_MAX 4096
#define CONTROL_PACKET_MAX 32768
#define CONTROL_BOARDS 4

enum control_exit {
	CONTROL_DONE = 0,
	CONTROL_REFUSED = 1,
	CONTROL_USAGE = 2,
	CONTROL_NO_DAEMON = 3
};

/* Daemon's side; the descriptor is non-blocking, a client that does not read loses its
 * answer: false. Long text is cut into packets. */
bool control_send(int fd, char kind, struct str body);
bool control_send_boards(int fd, const int boards[CONTROL_BOARDS]);
bool control_send_exit(int fd, enum control_exit status);

/* Client's side, blocking. -1 with errno when nobody listens there. */
int control_connect(const char *path);
/* True also when the daemon has hung up already: its answer can be read. */
bool control_request(int fd, int argc, char *const argv[]);
struct control_packet {
	char kind; /* 0: end-of-file */
	struct str body;
	int fds[CONTROL_BOARDS];
	unsigned n_fds;
};
/* False on a socket error. `buf` is CONTROL_PACKET_MAX bytes and holds the body. */
bool control_read(int fd, struct control_packet *p, char *buf);

#endif
