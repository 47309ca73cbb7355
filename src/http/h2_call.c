#include "http/h2_call.h"

#include "http/chars.h"
#include "http/fields.h"

#define PSEUDOS_MAX 5

struct reader {
	struct h2_call *call;
	unsigned max;
	struct str method, target, host;
	bool upgrades, chunked;
	uint64_t length;
};

static bool add(struct reader *r, struct str name, struct str value)
{
	if (r->call->n == r->max)
		return false;
	r->call->fields[r->call->n++] = (struct h2_field){ name, value };
	return true;
}

/* "METHOD target HTTP/1.1" */
static void request_line_read(struct reader *r, struct str line)
{
	ptrdiff_t method = str_find_char(line, ' '), target;
	struct str rest;

	if (method < 0)
		return;
	r->method = str_first(line, (size_t)method);
	rest = str_from(line, (size_t)method + 1);
	target = str_find_char(rest, ' ');
	r->target = target < 0 ? rest : str_first(rest, (size_t)target);
}

/* False: it does not go on by itself (RFC 9113 8.2.2, RFC 8441 5). */
static bool field_read(struct reader *r, const struct h2_field *f)
{
	switch (http_field_classify(f->name)) {
	case FIELD_HOST:
		r->host = f->value;
		return false;
	case FIELD_UPGRADE:
		r->upgrades = true;
		return false;
	case FIELD_SEC_WEBSOCKET_KEY:
		r->call->key = f->value;
		return false;
	case FIELD_TRANSFER_ENCODING:
		r->chunked = true;
		return false;
	case FIELD_CONTENT_LENGTH:
		(void)str_to_u64(f->value, &r->length);
		return true;
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION:
	case FIELD_HTTP2_SETTINGS:
		return false;
	case FIELD_TE:
		return str_ieq(f->value, STR("trailers"));
	default:
		return true;
	}
}

static void body_begin(struct h2_response *body, const struct reader *r)
{
	body->left = 0;
	if (r->upgrades)
		body->state = H2_RESPONSE_TUNNEL;
	else if (r->chunked)
		body->state = H2_RESPONSE_CHUNK_LINE;
	else if (r->length)
		body->state = H2_RESPONSE_LENGTH;
	else
		body->state = H2_RESPONSE_DONE;
	if (body->state == H2_RESPONSE_LENGTH)
		body->left = r->length;
}

/* There are PSEUDOS_MAX places for them, in front; the regular fields move up to them. */
static void pseudo_put(struct reader *r, bool secure)
{
	struct h2_call *c = r->call;
	struct h2_field first[PSEUDOS_MAX];
	unsigned n = 0, regular = c->n - PSEUDOS_MAX;

	first[n++] = (struct h2_field){ STR(":method"),
					r->upgrades ? STR("CONNECT") : r->method };
	if (r->upgrades)
		first[n++] = (struct h2_field){ STR(":protocol"), STR("websocket") };
	first[n++] = (struct h2_field){ STR(":scheme"), secure ? STR("https") : STR("http") };
	if (r->host.n)
		first[n++] = (struct h2_field){ STR(":authority"), r->host };
	first[n++] = (struct h2_field){ STR(":path"), r->target };
	memmove(c->fields + n, c->fields + PSEUDOS_MAX, regular * sizeof(*c->fields));
	memcpy(c->fields, first, n * sizeof(*first));
	c->n = n + regular;
}

bool h2_call_read(struct h2_response *body, char *text, size_t size, bool secure,
		  struct h2_field *fields, unsigned max, struct h2_call *c)
{
	struct reader r = { .call = c, .max = max };
	char *line = text, *end = memchr(text, '\n', size), *all = text + size;
	struct h2_field f;

	if (max < PSEUDOS_MAX || !end)
		return false;
	*c = (struct h2_call){ .fields = fields, .n = PSEUDOS_MAX };
	request_line_read(&r, (struct str){ text, (size_t)(end - text) });
	while ((line = end + 1) < all) {
		end = memchr(line, '\n', (size_t)(all - line));
		if (!end || end - line <= 1)
			break;
		if (h2_field_split(line, (size_t)(end - line) - (end[-1] == '\r'), &f) &&
		    field_read(&r, &f) && !add(&r, f.name, f.value))
			return false;
	}
	c->upgrades = r.upgrades;
	c->to_head = str_eq(r.method, STR("HEAD"));
	if (!r.upgrades && c->key.n && !add(&r, STR("sec-websocket-key"), c->key))
		return false;
	pseudo_put(&r, secure);
	body_begin(body, &r);
	return true;
}

bool h2_call_is_secret(struct str name)
{
	switch (http_field_classify(name)) {
	case FIELD_AUTHORIZATION:
	case FIELD_COOKIE:
		return true;
	default:
		return str_eq(name, STR("proxy-authorization"));
	}
}
