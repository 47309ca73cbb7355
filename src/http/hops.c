#include "http/hops.h"

#include "http/chars.h"

static bool is_name_char(char c)
{
	return http_char_is(c, CHAR_PLAIN) || c == '.' || c == '_';
}

struct str http_pseudonym(struct str node, struct arena *arena)
{
	char *to = arena_alloc(arena, node.n + 1);

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < node.n; i++)
		to[i] = is_name_char(node.p[i]) ? node.p[i] : '-';
	to[node.n] = '\0';
	return (struct str){ to, node.n };
}

/* ---- Forwarded ---- */

static void quoted_add(struct http_text *t, struct str before, struct str s, struct str after)
{
	http_text_add(t, STR("\""));
	http_text_add(t, before);
	for (size_t i = 0; i < s.n; i++) {
		if (!http_char_is(s.p[i], CHAR_QUOTED))
			http_text_add(t, STR("\\"));
		http_text_add(t, (struct str){ s.p + i, 1 });
	}
	http_text_add(t, after);
	http_text_add(t, STR("\""));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_TOKEN))
			return false;
	return s.n > 0;
}

static void value_add(struct http_text *t, struct str s)
{
	if (is_token(s))
		http_text_add(t, s);
	else
		quoted_add(t, STR_NONE, s, STR_NONE);
}

/* RFC 7239 6: an IPv6 address stands in brackets, and so in quotes. */
static void node_add(struct http_text *t, struct str address)
{
	if (address.n == 0)
		http_text_add(t, STR("unknown"));
	else if (str_find_char(address, ':') >= 0)
		quoted_add(t, STR("["), address, STR("]"));
	else
		value_add(t, address);
}

size_t http_forwarded_room(const struct http_forwarded *f)
{
	return 2 * (f->peer.n + f->host.n + f->proto.n + f->by.n) + 80;
}

void http_forwarded_add(struct http_text *t, const struct http_forwarded *f)
{
	http_text_add(t, STR("Forwarded: for="));
	node_add(t, f->peer);
	if (f->host.n) {
		http_text_add(t, STR(";host="));
		value_add(t, f->host);
	}
	http_text_add(t, STR(";proto="));
	value_add(t, f->proto);
	http_text_add(t, STR(";by="));
	quoted_add(t, STR("_"), f->by, STR_NONE);
	http_text_add(t, STR("\r\n"));
}

/* ---- Via ---- */

/* received-protocol RWS received-by [RWS comment], where a port or whatever else is no token
 * may follow the name. */
static bool hop_is(struct str hop, struct str pseudonym)
{
	size_t n = 0;

	while (n < hop.n && !http_char_blank(hop.p[n]))
		n++;
	hop = str_trim(str_from(hop, n));
	for (n = 0; n < hop.n && http_char_is(hop.p[n], CHAR_TOKEN); n++)
		;
	return str_ieq(str_first(hop, n), pseudonym);
}

/* Commas within comments separate too: otherwise a bracket that a client left open could hide
 * what was added behind it. */
unsigned http_via_count(const struct http_fields *fields, struct str pseudonym)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fields->count; i++) {
		struct str rest = fields->list[i].value, hop;

		if (fields->list[i].id != FIELD_VIA)
			continue;
		while (http_list_next(&rest, &hop))
			n += hop_is(hop, pseudonym);
	}
	return n;
}
