#include "http/h2_request.h"

#include "base/assert.h"
#include "http/authority.h"
#include "http/chars.h"
#include "http/fields.h"

#define CONNECT_AUTHORITY_MAX 512u /* it is written twice */

_Static_assert(REASON_COUNT <= 256, "a reason in one byte");
_Static_assert(H2_REQUEST_ADDED >= CONNECT_AUTHORITY_MAX + 200, "room for what is not a field's");

enum pseudo { METHOD, SCHEME, PATH, AUTHORITY, PROTOCOL, PSEUDOS };

static const struct str pseudo_names[PSEUDOS] = { { ":method", 7 },
						  { ":scheme", 7 },
						  { ":path", 5 },
						  { ":authority", 10 },
						  { ":protocol", 9 } };

void h2_request_begin(struct h2_request *r, const struct h2_limits *limits, char *text,
		      size_t room, bool trailers)
{
	*r = (struct h2_request){ .block = h2_block_begin(limits, text, room, trailers),
				  .tail = room };
}

/* ---- which bytes may stand where ---- */

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_TOKEN))
			return false;
	return s.n > 0;
}

static bool target_is_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_VALUE) || http_char_blank(s.p[i]))
			return false;
	return s.n > 0;
}

/* ---- pseudo-header fields ---- */

static struct str *pseudo_value(struct h2_request *r, enum pseudo p)
{
	switch (p) {
	case METHOD:
		return &r->method;
	case SCHEME:
		return &r->scheme;
	case PATH:
		return &r->path;
	case AUTHORITY:
		return &r->authority;
	default:
		return &r->protocol;
	}
}

/* What HPACK gave lives only for the moment, and the line that it belongs in is not known yet. */
static void pseudo_keep(struct h2_request *r, struct str *to, struct str value)
{
	if (r->block.room - r->tail + value.n > H2_PSEUDO_MAX) {
		h2_block_refuse(&r->block, REASON_REQ_LINE_TOO_LONG);
		return;
	}
	r->tail -= value.n;
	memcpy(r->block.text + r->tail, value.p, value.n);
	*to = (struct str){ r->block.text + r->tail, value.n };
}

static void pseudo_read(struct h2_request *r, struct str name, struct str value)
{
	unsigned i = 0;

	while (i < PSEUDOS && !str_eq(name, pseudo_names[i]))
		i++;
	if (i == PSEUDOS || r->block.trailers || r->block.regular || (r->pseudo >> i & 1) ||
	    !h2_value_is_good(value)) {
		h2_block_refuse(&r->block, REASON_H2_PSEUDO);
		return;
	}
	r->pseudo |= 1u << i;
	if (value.n)
		pseudo_keep(r, pseudo_value(r, (enum pseudo)i), value);
}

/* RFC 9113 8.3.1, 8.5; RFC 8441 4. */
static bool pseudo_fits(const struct h2_request *r)
{
	const bool connect = str_eq(r->method, STR("CONNECT"));
	const unsigned all = 1u << METHOD | 1u << SCHEME | 1u << PATH;
	const bool has_protocol = r->pseudo >> PROTOCOL & 1;

	if (!is_token(r->method) || (has_protocol && !connect))
		return false;
	if (connect && !has_protocol)
		return (r->pseudo & (all | 1u << AUTHORITY)) ==
			       (1u << METHOD | 1u << AUTHORITY) &&
		       target_is_good(r->authority) &&
		       r->authority.n <= CONNECT_AUTHORITY_MAX;
	if ((r->pseudo & all) != all || !is_token(r->scheme) || !target_is_good(r->path))
		return false;
	if (has_protocol && (!is_token(r->protocol) || !(r->pseudo >> AUTHORITY & 1)))
		return false;
	return r->path.p[0] == '/' ||
	       (str_eq(r->method, STR("OPTIONS")) && str_eq(r->path, STR("*")));
}

static bool authority_is_good(const struct h2_request *r)
{
	struct http_authority a;

	/* One that is empty, or that HTTP/1.1 refuses too, is refused there; who the user is was
	 * never to stand in it (RFC 9113 8.3.1). */
	return str_find_char(r->authority, '@') < 0 &&
	       (r->authority.n == 0 || http_authority_parse(r->authority, &a));
}

static void host_put(struct h2_request *r)
{
	if (!(r->pseudo >> AUTHORITY & 1))
		return;
	h2_block_put(&r->block, STR("host: "));
	h2_block_put(&r->block, r->authority);
	r->authority = (struct str){ r->block.text + r->block.n - r->authority.n, r->authority.n };
	h2_block_put(&r->block, STR("\r\n"));
	r->has_host = true;
}

/* The first regular field is there, or the end: all that belongs in the first lines is known.
 * From then on the tail is room like any other. */
static void first_lines(struct h2_request *r)
{
	if (!pseudo_fits(r) || !authority_is_good(r)) {
		h2_block_refuse(&r->block, REASON_H2_PSEUDO);
		return;
	}
	r->upgrade = r->protocol.n > 0;
	if (r->upgrade && !str_eq(r->protocol, STR("websocket"))) {
		h2_block_refuse(&r->block, REASON_H2_PROTOCOL_UNKNOWN);
		return;
	}
	r->https = str_eq(r->scheme, STR("https"));
	if (r->upgrade)
		r->method = STR("GET");
	if (!r->path.n)
		r->path = r->authority;
	h2_block_put(&r->block, r->method);
	r->method.p = r->block.text;
	h2_block_put(&r->block, STR(" "));
	h2_block_put(&r->block, r->path);
	r->path.p = r->block.text + r->block.n - r->path.n;
	h2_block_put(&r->block, STR(" HTTP/1.1\r\n"));
	host_put(r);
}

/* ---- regular fields ---- */

/* Crumbs become one line (RFC 9113 8.2.3), which stands where the first of them stood. */
static void cookie_put(struct h2_request *r, struct str value)
{
	struct h2_block *b = &r->block;
	size_t n = value.n + 2;

	if (!r->cookie_end) {
		h2_block_put_line(b, STR("cookie"), value);
		r->cookie_end = b->n - 2;
		return;
	}
	must(n <= b->room - b->n);
	memmove(b->text + r->cookie_end + n, b->text + r->cookie_end, b->n - r->cookie_end);
	memcpy(b->text + r->cookie_end, "; ", 2);
	if (value.n)
		memcpy(b->text + r->cookie_end + 2, value.p, value.n);
	r->cookie_end += n;
	b->n += n;
}

/* The same as :authority, else nobody knows whom it is for (RFC 9113 8.3.1). */
static void host_read(struct h2_request *r, struct str value)
{
	struct http_authority a, b;

	if (!r->has_host) {
		/* a second one the parser refuses */
		h2_block_put_line(&r->block, STR("host"), value);
		return;
	}
	if (!http_authority_parse(value, &a) || !http_authority_parse(r->authority, &b) ||
	    !http_authority_same(&a, &b, r->https ? 443 : 80))
		h2_block_refuse(&r->block, REASON_REQ_HOST);
}

static void length_read(struct h2_request *r, struct str value)
{
	r->length_known = !r->has_length && str_to_u64(value, &r->length);
	r->has_length = true;
	h2_block_put_line(&r->block, STR("content-length"), value);
}

/* RFC 9113 8.2.2. */
static bool is_of_connection(enum http_field_id id, struct str value)
{
	switch (id) {
	case FIELD_CONNECTION:
	case FIELD_PROXY_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_UPGRADE:
		return true;
	case FIELD_TE:
		return !str_ieq(value, STR("trailers"));
	default:
		return false;
	}
}

static void regular_put(struct h2_request *r, enum http_field_id id, struct str name,
			struct str value)
{
	switch (id) {
	case FIELD_HOST:
		host_read(r, value);
		return;
	case FIELD_COOKIE:
		cookie_put(r, value);
		return;
	case FIELD_CONTENT_LENGTH:
		length_read(r, value);
		return;
	case FIELD_SEC_WEBSOCKET_KEY: /* RFC 8441 5: it has no meaning there */
		if (r->upgrade)
			return;
		break;
	default:
		break;
	}
	h2_block_put_line(&r->block, name, value);
}

static void field_put(struct h2_request *r, struct str name, struct str value)
{
	const enum http_field_id id = http_field_classify(name);
	const bool crumb = id == FIELD_COOKIE && r->cookie_end;

	/* Browsers send each cookie by itself; together they are one field. */
	if (!crumb && ++r->block.fields > r->block.limits.max_fields)
		h2_block_refuse(&r->block, r->block.trailers ? REASON_REQ_TRAILER_TOO_MANY
							     : REASON_REQ_TOO_MANY_FIELDS);
	else if (is_of_connection(id, value))
		h2_block_refuse(&r->block, REASON_H2_FIELD);
	else if (r->block.trailers)
		h2_block_put_line(&r->block, name, value);
	else
		regular_put(r, id, name, value);
}

static bool is_over(struct h2_request *r, struct str name, struct str value)
{
	if (h2_block_count(&r->block, name, value))
		return false;
	h2_block_refuse(&r->block, r->block.trailers ? REASON_REQ_TRAILER_TOO_LARGE
						     : REASON_REQ_HEAD_TOO_LARGE);
	return true;
}

void h2_request_field(struct h2_request *r, struct str name, struct str value)
{
	if (is_over(r, name, value) || r->block.fault != REASON_COMPLETE)
		return;
	if (name.n && name.p[0] == ':') {
		pseudo_read(r, name, value);
		return;
	}
	if (!h2_name_is_good(name) || !h2_value_is_good(value)) {
		h2_block_refuse(&r->block, REASON_H2_FIELD);
		return;
	}
	if (!r->block.regular && !r->block.trailers)
		first_lines(r);
	r->block.regular = true;
	if (r->block.fault == REASON_COMPLETE)
		field_put(r, name, value);
}

/* ---- the end ---- */

static void refusal_mark(char to[H2_REFUSAL], enum reason why, size_t size)
{
	to[0] = '\0';
	to[1] = (char)why;
	for (unsigned i = 0; i < 4; i++)
		to[2 + i] = (char)(size >> 8 * i & 0xff);
}

size_t h2_request_refuse(char *text, size_t n, enum reason why)
{
	memmove(text + H2_REFUSAL, text, n);
	refusal_mark(text, why, 0);
	return n + H2_REFUSAL;
}

/* Method and path, when they are known and can stand in a line. */
static void refusal_put(struct h2_request *r)
{
	struct h2_block *b = &r->block;
	const size_t size = b->fault == REASON_REQ_TOO_MANY_FIELDS ? b->fields : b->size;
	char kept[512];
	struct str method = is_token(r->method) ? r->method : STR("-");
	struct str path = target_is_good(r->path) ? r->path : STR("-");
	size_t n = 0;

	/* They may lie where the text is written. */
	method = str_first(method, method.n < 32 ? method.n : 32);
	path = str_first(path, path.n < 400 ? path.n : 400);
	memcpy(kept, method.p, method.n);
	n += method.n;
	kept[n++] = ' ';
	memcpy(kept + n, path.p, path.n);
	n += path.n;
	refusal_mark(b->text, b->fault, size);
	b->n = H2_REFUSAL;
	h2_block_put(b, (struct str){ kept, n });
	h2_block_put(b, STR(" HTTP/2.0\r\n"));
}

bool h2_refusal_read(struct str *text, enum reason *why, size_t *size)
{
	if (text->n < H2_REFUSAL || text->p[0] != '\0')
		return false;
	*why = (enum reason)(unsigned char)text->p[1];
	*size = 0;
	for (unsigned i = 0; i < 4; i++)
		*size |= (size_t)(unsigned char)text->p[2 + i] << 8 * i;
	*text = str_from(*text, H2_REFUSAL);
	return true;
}

static void head_end(struct h2_request *r, bool ended, const char *key)
{
	if (!r->block.regular && r->block.fault == REASON_COMPLETE)
		first_lines(r);
	if (r->block.fault == REASON_COMPLETE && r->length_known && ended && r->length > 0)
		h2_block_refuse(&r->block, REASON_H2_LENGTH);
	if (r->block.fault == REASON_COMPLETE && r->upgrade && r->has_length)
		h2_block_refuse(&r->block, REASON_H2_FIELD);
	if (r->block.fault != REASON_COMPLETE) {
		refusal_put(r);
		return;
	}
	if (r->upgrade)
		h2_block_put_upgrade(&r->block, STR("sec-websocket-key"),
				     (struct str){ key, 24 });
	else if (!ended && !r->has_length)
		h2_block_put_line(&r->block, STR("transfer-encoding"), STR("chunked"));
	h2_block_put(&r->block, STR("\r\n"));
}

void h2_request_end(struct h2_request *r, bool ended, const char *key)
{
	if (r->block.trailers && !ended)
		h2_block_refuse(&r->block, REASON_H2_TRAILER);
	if (!r->block.trailers)
		head_end(r, ended, key);
}
