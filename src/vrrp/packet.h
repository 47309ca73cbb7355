/* VRRP packets, memory in and memory out: version 2 (RFC 3768, with RFC 2338's simple
 * password) and version 3 (RFC 5798, RFC 9568), IPv4 and IPv6. Pure: nothing here allocates,
 * reads a clock or touches a descriptor. Rule numbers (R20…) are those of the tests. */
#ifndef HPCBAL_VRRP_PACKET_H
#define HPCBAL_VRRP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRRP_PROTOCOL 112
#define VRRP_TTL 255
#define VRRP_TOS 0xc0

/* Priorities with a meaning of their own. */
#define VRRP_PRIORITY_STOP 0    /* the master resigns */
#define VRRP_PRIORITY_YIELD 1   /* "please take over": a demoted master */
#define VRRP_PRIORITY_MIN 2     /* the lowest that is configured or reached by weights */
#define VRRP_PRIORITY_OWNER 255

#define VRRP_PASSWORD 8
#define VRRP_ADDRESSES_MAX 255
#define VRRP_MESSAGE_MAX (8 + 16 * VRRP_ADDRESSES_MAX)
#define VRRP_IPV4_HEADER 20

/* An address in network order, the rest zero. `size` is 4 or 16; 0: none. Addresses of one
 * family compare as unsigned integers by their bytes. */
struct vrrp_ip {
	uint8_t size;
	uint8_t bytes[16];
};

/* Longest text and its NUL. */
#define VRRP_IP_TEXT 46

struct vrrp_ip vrrp_ip_v4(const void *bytes);
struct vrrp_ip vrrp_ip_v6(const void *bytes);
bool vrrp_ip_eq(const struct vrrp_ip *a, const struct vrrp_ip *b);
int vrrp_ip_compare(const struct vrrp_ip *a, const struct vrrp_ip *b);
bool vrrp_ip_is_multicast(const struct vrrp_ip *ip);
bool vrrp_ip_is_link_local(const struct vrrp_ip *ip);
/* "-" when there is none. Returns `to`. */
const char *vrrp_ip_format(const struct vrrp_ip *ip, char to[VRRP_IP_TEXT]);
/* 224.0.0.18 or ff02::12 */
const struct vrrp_ip *vrrp_group(bool ipv6);

/* What the advertisements of one virtual router look like: configuration, immutable. The
 * lists are borrowed and live as long as this. */
struct vrrp_format {
	uint8_t version; /* 2 or 3 */
	uint8_t vrid;    /* 1..255 */
	bool ipv6;
	bool has_password; /* version 2 */
	uint8_t password[VRRP_PASSWORD]; /* padded with zeros */
	bool plain_checksum; /* version 3, IPv4: sent without pseudo-header (RFC 9568) */
	bool strict_list;    /* version 2: a list that differs is discarded (RFC 3768) */
	bool unicast;        /* to and from `peers` only */
	uint8_t min_ttl;     /* of unicast; multicast demands 255 */
	uint64_t interval;   /* µs: version 2 whole seconds 1..255 s, version 3 10 ms..40.95 s */
	const struct vrrp_ip *addresses; /* advertised, in the order of the configuration */
	unsigned n_addresses;            /* 1..255 */
	const struct vrrp_ip *peers;
	unsigned n_peers;
};

/* NULL, or what is wrong with it (a literal), for --check and for must(). */
const char *vrrp_format_error(const struct vrrp_format *f);
/* NULL, or what other routers may dislike. */
const char *vrrp_format_warning(const struct vrrp_format *f);
/* As RFC 2338 carries it: cut at 8 bytes, padded with zeros. True: it was cut. */
bool vrrp_format_set_password(struct vrrp_format *f, const char *password);

/* --- sending --- */

/* The length of every advertisement of this format. */
size_t vrrp_packet_size(const struct vrrp_format *f);
/* The VRRP message. The addresses are part of the checksum in version 3. Returns its length;
 * 0 when `size` is too small. */
size_t vrrp_packet_build(const struct vrrp_format *f, uint8_t priority,
			 const struct vrrp_ip *source, const struct vrrp_ip *destination,
			 uint8_t *to, size_t size);
/* The same behind an IPv4 header, for a socket with IP_HDRINCL. */
size_t vrrp_packet_build_ipv4(const struct vrrp_format *f, uint8_t priority,
			      const struct vrrp_ip *source, const struct vrrp_ip *destination,
			      uint8_t *to, size_t size);

/* --- receiving --- */

enum vrrp_discard {
	VRRP_TAKEN,
#define DISCARD(name, text) VRRP_DISCARD_##name,
#include "vrrp/discard.def"
#undef DISCARD
	VRRP_DISCARDS
};

const char *vrrp_discard_name(enum vrrp_discard d); /* "TAKEN", "CHECKSUM" … */
const char *vrrp_discard_text(enum vrrp_discard d);

/* What a socket received. */
struct vrrp_datagram {
	struct vrrp_ip source, destination;
	unsigned ttl;       /* or hop limit */
	bool own_source;    /* `source` is an address of this node; the caller knows them */
	const uint8_t *bytes; /* the VRRP message, borrowed */
	size_t n;
};

/* From what a raw IPv4 socket gives, header and all. Leaves `own_source` false. */
enum vrrp_discard vrrp_datagram_from_ipv4(struct vrrp_datagram *d, const uint8_t *bytes, size_t n);
/* The virtual router id, to find the format with; -1: too short to have one. */
int vrrp_datagram_vrid(const struct vrrp_datagram *d);

enum vrrp_checksum { VRRP_CHECKSUM_MESSAGE, VRRP_CHECKSUM_PSEUDO };

/* Taken, but worth a note. */
#define VRRP_ODD_LIST 1u          /* the lists overlap, but differ */
#define VRRP_ODD_FIRST_ADDRESS 2u /* IPv6: the first address is not link-local */
#define VRRP_ODD_INTERVAL 4u      /* version 3: another interval than ours */
#define VRRP_ODD_CHECKSUM 8u      /* version 3, IPv4: the other form than ours */

struct vrrp_advert {
	struct vrrp_ip source;
	uint8_t priority;
	uint64_t interval; /* µs, as advertised */
	enum vrrp_checksum checksum; /* which form it had */
	unsigned odd; /* VRRP_ODD_* */
};

/* Every receive check. *out is meaningful with VRRP_TAKEN and VRRP_DISCARD_FOREIGN. */
enum vrrp_discard vrrp_packet_parse(const struct vrrp_format *f, const struct vrrp_datagram *d,
				    struct vrrp_advert *out);
/* Address number `i` of a message whose length was found right, for reports. */
struct vrrp_ip vrrp_packet_address(const struct vrrp_datagram *d, bool ipv6, unsigned i);

#endif
