#include "http/h2_response.h"

#include "http/chars.h"
#include "http/fields.h"

size_t h2_head_size(struct str text)
{
	const char *end = text.n ? memmem(text.p, text.n, "\r\n\r\n", 4) : NULL;

	return end ? (size_t)(end - text.p) + 4 : 0;
}

bool h2_field_split(char *line, size_t size, struct h2_field *f)
{
	char *colon = memchr(line, ':', size);

	if (!colon)
		return false;
	for (char *p = line; p < colon; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	f->name = (struct str){ line, (size_t)(colon - line) };
	f->value = str_trim((struct str){ colon + 1, size - f->name.n - 1 });
	return true;
}

/* ---- the head ---- */

struct facts {
	bool chunked, has_length;
	uint64_t length;
};

/* False: it does not go on (RFC 9113 8.2.2). */
static bool field_read(const struct h2_response *r, const struct h2_field *f, struct facts *facts)
{
	switch (http_field_classify(f->name)) {
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION:
	case FIELD_UPGRADE:
		return false;
	case FIELD_TRANSFER_ENCODING:
		facts->chunked = true;
		return false;
	case FIELD_CONTENT_LENGTH:
		facts->has_length = str_to_u64(f->value, &facts->length);
		return true;
	case FIELD_SEC_WEBSOCKET_ACCEPT:
		return !r->upgrades;
	default:
		return true;
	}
}

static void body_begin(struct h2_response *r, unsigned status, const struct facts *facts)
{
	r->left = 0;
	if (status == 101)
		r->state = H2_RESPONSE_TUNNEL;
	else if (r->to_head || status == 204 || status == 304)
		r->state = H2_RESPONSE_DONE;
	else if (facts->chunked)
		r->state = H2_RESPONSE_CHUNK_LINE;
	else if (!facts->has_length)
		r->state = H2_RESPONSE_TUNNEL; /* its end is the connection's */
	else
		r->state = facts->length ? H2_RESPONSE_LENGTH : H2_RESPONSE_DONE;
	if (r->state == H2_RESPONSE_LENGTH)
		r->left = facts->length;
}

static unsigned status_read(const char *text, size_t size, char to[3])
{
	unsigned status = 0;

	/* "HTTP/1.1 200 …" */
	for (unsigned i = 0; i < 3; i++) {
		to[i] = size > 9 + i ? text[9 + i] : '0';
		status = status * 10 + (unsigned)(to[i] - '0');
	}
	return status;
}

bool h2_response_head(struct h2_response *r, char *text, size_t size, struct h2_field *fields,
		      unsigned max, struct h2_head *head)
{
	struct facts facts = { 0 };
	unsigned status = status_read(text, size, head->status);
	char *line = memchr(text, '\n', size), *end;

	head->fields = fields;
	head->n = 0;
	while (line && ++line < text + size) {
		end = memchr(line, '\n', (size_t)(text + size - line));
		if (!end || end - line <= 1)
			break;
		if (head->n == max)
			return false;
		if (h2_field_split(line, (size_t)(end - 1 - line), &fields[head->n]) &&
		    field_read(r, &fields[head->n], &facts))
			head->n++;
		line = end;
	}
	head->interim = status < 200 && status != 101;
	if (!head->interim)
		body_begin(r, status, &facts);
	if (status == 101)
		memcpy(head->status, "200", 3);
	return true;
}

/* ---- the body ---- */

static void data_read(struct h2_response *r, struct str in, enum h2_response_state next,
		      size_t *used, struct str *data)
{
	*data = in.n > r->left ? str_first(in, (size_t)r->left) : in;
	*used = data->n;
	r->left -= data->n;
	if (r->left == 0)
		r->state = next;
}

static void chunk_line_read(struct h2_response *r, struct str in, size_t *used)
{
	while (*used < in.n && r->state == H2_RESPONSE_CHUNK_LINE) {
		char c = in.p[(*used)++];

		if (c == '\n')
			r->state = r->left ? H2_RESPONSE_CHUNK_DATA : H2_RESPONSE_TRAILERS;
		else if (c != '\r')
			r->left = r->left << 4 | (unsigned)(http_hex_value(c) & 15);
	}
}

static void chunk_end_read(struct h2_response *r, struct str in, size_t *used)
{
	while (*used < in.n && r->state == H2_RESPONSE_CHUNK_END)
		if (in.p[(*used)++] == '\n')
			r->state = H2_RESPONSE_CHUNK_LINE;
}

/* One line at a time, with its end; an empty one is the end of all. */
static void trailer_read(struct h2_response *r, struct str in, size_t *used, struct str *data)
{
	while (*used < in.n) {
		char c = in.p[(*used)++];

		if (c == '\n') {
			if (r->line == 0)
				r->state = H2_RESPONSE_DONE;
			r->line = 0;
			break;
		}
		r->line += c != '\r';
	}
	*data = str_first(in, *used);
}

void h2_response_body(struct h2_response *r, struct str in, size_t *used, struct str *data)
{
	*used = 0;
	*data = STR_NONE;
	switch (r->state) {
	case H2_RESPONSE_LENGTH:
		data_read(r, in, H2_RESPONSE_DONE, used, data);
		return;
	case H2_RESPONSE_CHUNK_LINE:
		chunk_line_read(r, in, used);
		return;
	case H2_RESPONSE_CHUNK_DATA:
		data_read(r, in, H2_RESPONSE_CHUNK_END, used, data);
		return;
	case H2_RESPONSE_CHUNK_END:
		chunk_end_read(r, in, used);
		return;
	case H2_RESPONSE_TRAILERS:
		trailer_read(r, in, used, data);
		return;
	case H2_RESPONSE_TUNNEL:
		*data = in;
		*used = in.n;
		return;
	case H2_RESPONSE_HEAD:
	case H2_RESPONSE_DONE: /* nothing of ours comes behind the end */
		*used = in.n;
		return;
	}
}
