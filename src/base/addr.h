/* Socket addresses as users write them, and networks. Pure: no name is ever resolved here. */
#ifndef HPCBAL_BASE_ADDR_H
#define HPCBAL_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
	socklen_t len;
};

/* "[2001:db8::1%interface0]:65535", "unix:" and a full path: everything fits. */
#define ADDR_TEXT 128

/* "A.B.C.D:PORT", "[V6]:PORT", "*:PORT" (IPv4 any), "unix:/PATH". Returns NULL, or what is
 * wrong with the text (a literal). ADDR_NOT_NUMERIC when the host part is a name. */
const char *addr_parse(struct addr *a, struct str text);
extern const char ADDR_NOT_NUMERIC[];
/* A bare IPv4 or IPv6 address without a port, and the port to give it. */
const char *addr_parse_host(struct addr *a, struct str host, uint16_t port);
/* Splits "HOST:PORT"; false when there is no port of 1..65535. */
bool addr_split(struct str text, struct str *host, uint16_t *port);

/* As addr_parse() reads it, cut when `size` (at least 1) is too small; returns the length. */
size_t addr_format(const struct addr *a, char *to, size_t size);
/* Without the port ("unix" for a unix socket). */
size_t addr_format_host(const struct addr *a, char *to, size_t size);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b);
/* A hash of the host part only, the same on every machine and version. */
uint64_t addr_hash_host(const struct addr *a);

struct net {
	uint8_t bytes[16];
	uint8_t family_bytes; /* 4 or 16 */
	uint8_t prefix;
};

/* "10.0.0.0/8", "2001:db8::/32", or one address; "::ffff:10.0.0.0/104" is the first again.
 * NULL, or what is wrong. */
const char *net_parse(struct net *n, struct str text);
/* An IPv4 address mapped into IPv6 is judged as IPv4. */
bool net_contains(const struct net *n, const struct addr *a);
/* The network that an address is in, of so many bits; no more than it has. False: on a unix
 * socket. */
bool net_of(struct net *n, const struct addr *a, unsigned prefix4, unsigned prefix6);
/* Its first address, port 0. */
struct addr net_addr(const struct net *n);
/* As net_parse() reads it, without the bits when they are all; as addr_format(). */
size_t net_format(const struct net *n, char *to, size_t size);

#endif
