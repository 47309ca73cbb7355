/* A path that is another one for clients than for servers: "/api/x" that is asked of a server as
 * "/x" or "/v1/x", and what the server then says of its own paths, put right for the client. Whole
 * segments, in the sense in which conditions see a path. Pure. */
#ifndef HPCBAL_HTTP_PREFIX_H
#define HPCBAL_HTTP_PREFIX_H

#include "http/message.h"

struct http_prefix {
	/* The client's and the server's, without a slash at the end; empty: the root. In
	 * http_path_plain()'s form with repeated slashes as one, and as they are written. */
	struct str client_plain, server_plain, client, server;
	/* Servers get X-Forwarded-Prefix: one that makes its addresses with that is believed. */
	bool told;
};

/* The path that the server is asked for. False: it is not under the client's prefix, or the
 * arena failed. It never begins with two slashes that the client's did not have behind the prefix
 * of a server's own: "//x" would be a host to whoever sends it back as an address. */
bool http_prefix_to_server(const struct http_prefix *p, struct str path, struct arena *arena,
			   struct str *out);

/* Who the server is to its client: the Host that it was sent, and its own address, as
 * configured and in figures. */
struct http_prefix_names {
	struct str host;
	struct str own[2];
};

/* Location, Content-Location, Refresh and the Path of cookies, where they say a path under the
 * server's prefix, alone or behind one of those names; another host's addresses and relative ones
 * stay. An address with the server's own becomes a path. What changed has its text in `arena`, and
 * the fields are `untidy` then. False: the arena failed. */
bool http_prefix_mend(const struct http_prefix *p, const struct http_prefix_names *names,
		      struct http_fields *fields, struct arena *arena);

#endif
