#include "http/h1_chunk.h"

#include "http/chars.h"
#include "http/connection.h"
#include "http/fields.h"
#include "http/h1_line.h"

/* Where the next byte stands. EXT_… follow RFC 9112 7.1.1: after ";" a name, maybe "=" and
 * a token or a quoted string, blanks only around ";" and "=". */
enum state {
	SIZE,
	EXT_BEFORE_NAME,
	EXT_NAME,
	EXT_AFTER_NAME, /* blanks were seen: only ";" or "=" may follow */
	EXT_BEFORE_VALUE,
	EXT_TOKEN,
	EXT_QUOTED,
	EXT_QUOTED_PAIR,
	EXT_AFTER_QUOTED,
	EXT_AFTER_VALUE, /* blanks were seen: only ";" may follow */
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START, /* of a line */
	TRAILER_LINE,
	TRAILER_LF,
	LAST_LF,
	DONE
};

void h1_chunks_init(struct h1_chunks *c, const struct h1_limits *limits)
{
	*c = (struct h1_chunks){ .state = SIZE,
				 .max_trailer = limits->max_head,
				 .max_trailer_fields = limits->max_fields };
}

static enum reason size_add(struct h1_chunks *c, char byte)
{
	int digit = http_hex_value(byte);

	if (digit >= 0) {
		if (c->left > (uint64_t)INT64_MAX >> 4)
			return REASON_REQ_CHUNK;
		c->left = c->left << 4 | (unsigned)digit;
		c->digits++;
		return REASON_COMPLETE;
	}
	if (c->digits == 0 || (byte != '\r' && byte != ';'))
		return REASON_REQ_CHUNK;
	c->state = byte == ';' ? EXT_BEFORE_NAME : SIZE_LF;
	return REASON_COMPLETE;
}

/* After a name or a value: the line's end, another extension, or blanks before one. */
static enum reason extension_end(struct h1_chunks *c, char byte, enum state after_blank)
{
	bool blank = http_char_blank(byte);

	if (byte == ';')
		c->state = EXT_BEFORE_NAME;
	else if (byte == '\r' && c->state != after_blank)
		c->state = SIZE_LF;
	else if (blank)
		c->state = after_blank;
	else
		return REASON_REQ_CHUNK;
	return REASON_COMPLETE;
}

static enum reason name_add(struct h1_chunks *c, char byte)
{
	bool token = http_char_is(byte, CHAR_TOKEN);

	if (c->state == EXT_BEFORE_NAME) {
		if (http_char_blank(byte))
			return REASON_COMPLETE;
		c->state = EXT_NAME;
		return token ? REASON_COMPLETE : REASON_REQ_CHUNK;
	}
	if (token && c->state == EXT_NAME)
		return REASON_COMPLETE;
	if (byte == '=') {
		c->state = EXT_BEFORE_VALUE;
		return REASON_COMPLETE;
	}
	return extension_end(c, byte, EXT_AFTER_NAME);
}

static enum reason quoted_add(struct h1_chunks *c, char byte)
{
	if (!http_char_is(byte, CHAR_VALUE))
		return REASON_REQ_CHUNK;
	if (c->state == EXT_QUOTED_PAIR)
		c->state = EXT_QUOTED;
	else if (byte == '\\')
		c->state = EXT_QUOTED_PAIR;
	else if (byte == '"')
		c->state = EXT_AFTER_QUOTED;
	return REASON_COMPLETE;
}

static enum reason value_begin(struct h1_chunks *c, char byte)
{
	if (http_char_blank(byte))
		return REASON_COMPLETE;
	c->state = byte == '"' ? EXT_QUOTED : EXT_TOKEN;
	return byte == '"' || http_char_is(byte, CHAR_TOKEN) ? REASON_COMPLETE :
							       REASON_REQ_CHUNK;
}

static enum reason extension_add(struct h1_chunks *c, char byte)
{
	if (++c->extension_total > H1_CHUNK_EXTENSION_MAX)
		return REASON_REQ_CHUNK_EXTENSION;
	switch (c->state) {
	case EXT_BEFORE_NAME:
	case EXT_NAME:
	case EXT_AFTER_NAME:
		return name_add(c, byte);
	case EXT_BEFORE_VALUE:
		return value_begin(c, byte);
	case EXT_QUOTED:
	case EXT_QUOTED_PAIR:
		return quoted_add(c, byte);
	case EXT_TOKEN:
		if (http_char_is(byte, CHAR_TOKEN))
			return REASON_COMPLETE;
		break;
	default:
		break;
	}
	return extension_end(c, byte, EXT_AFTER_VALUE);
}

static enum reason line_byte_add(struct h1_chunks *c, char byte)
{
	if (++c->line_size > H1_CHUNK_LINE_MAX)
		return c->state == SIZE ? REASON_REQ_CHUNK : REASON_REQ_CHUNK_EXTENSION;
	return c->state == SIZE ? size_add(c, byte) : extension_add(c, byte);
}

static enum reason lf_expect(struct h1_chunks *c, char byte, enum state next)
{
	c->state = next;
	return byte == '\n' ? REASON_COMPLETE : REASON_REQ_CHUNK;
}

static enum reason size_line_end(struct h1_chunks *c, char byte)
{
	enum reason fault = lf_expect(c, byte, c->left ? DATA : TRAILER_START);

	c->digits = 0;
	c->line_size = 0;
	return fault;
}

/* Fields that a trailer section must not set (RFC 9110 6.5.1), besides those that hpcbal
 * knows by name. */
static bool trailer_forbidden(struct str name)
{
	static const struct str names[] = {
		{ "Age", 3 }, { "Allow", 5 }, { "Cache-Control", 13 }, { "Content-Encoding", 16 },
		{ "Content-Location", 16 }, { "Content-Range", 13 }, { "Content-Type", 12 },
		{ "Expires", 7 }, { "Location", 8 }, { "Pragma", 6 },
		{ "Proxy-Authenticate", 18 }, { "Proxy-Authorization", 19 }, { "Range", 5 },
		{ "Retry-After", 11 }, { "Set-Cookie", 10 }, { "Vary", 4 },
		{ "WWW-Authenticate", 16 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_ieq(name, names[i]))
			return true;
	return http_field_classify(name) != FIELD_OTHER;
}

static bool trailer_passes(const struct h1_chunks *c, struct str name, bool plain)
{
	return (plain || c->any_name) && !trailer_forbidden(name) &&
	       !http_list_has(c->connection, name);
}

/* The line under way without the blanks around its value, which a head's field loses too. In
 * place: there is one at least, so that what is written never passes what was read. */
static void trailer_line_tidy(struct h1_chunks *c, size_t name, struct str value)
{
	char *to = c->trailer_buf + c->trailer_line + name;

	memmove(to + 2, value.p, value.n);
	memcpy(to, ": ", 2);
	memcpy(to + 2 + value.n, "\r\n", 2);
	c->trailer_n = c->trailer_line + name + value.n + 4;
}

/* A line is whole in the buffer, its CRLF too: judge it, and take it back when it is not to
 * be passed on. */
static enum reason trailer_line_end(struct h1_chunks *c)
{
	struct str text = { c->trailer_buf + c->trailer_line,
			    c->trailer_n - c->trailer_line - 2 };
	struct str name, value;
	bool plain;

	if (++c->trailer_fields > c->max_trailer_fields)
		return REASON_REQ_TRAILER_TOO_MANY;
	if (h1_field_parse(text, &name, &value, &plain) != REASON_COMPLETE)
		return REASON_REQ_TRAILER;
	if (!trailer_passes(c, name, plain))
		c->trailer_n = c->trailer_line;
	else if (!h1_field_is_tidy(text, name, value))
		trailer_line_tidy(c, name.n, value);
	c->trailer_line = c->trailer_n;
	c->state = TRAILER_START;
	return REASON_COMPLETE;
}

static enum reason trailer_add(struct h1_chunks *c, char byte, struct arena *arena)
{
	if (c->state == TRAILER_START && byte == '\r') {
		c->state = LAST_LF;
		return REASON_COMPLETE;
	}
	if (++c->trailer_size > c->max_trailer)
		return REASON_REQ_TRAILER_TOO_LARGE;
	if (!c->trailer_buf)
		c->trailer_buf = arena_alloc(arena, c->max_trailer);
	if (!c->trailer_buf)
		return REASON_NO_MEMORY;
	c->trailer_buf[c->trailer_n++] = byte;
	if (c->state == TRAILER_LF)
		return byte == '\n' ? trailer_line_end(c) : REASON_REQ_TRAILER;
	c->state = byte == '\r' ? TRAILER_LF : TRAILER_LINE;
	return byte == '\n' ? REASON_REQ_TRAILER : REASON_COMPLETE;
}

static enum reason last_line_end(struct h1_chunks *c, char byte)
{
	if (byte != '\n')
		return REASON_REQ_TRAILER;
	c->state = DONE;
	c->done = true;
	c->trailers = (struct str){ c->trailer_buf, c->trailer_n };
	return REASON_COMPLETE;
}

/* One byte of what stands around the data. */
static enum reason frame_byte_add(struct h1_chunks *c, char byte, struct arena *arena)
{
	switch (c->state) {
	case SIZE_LF:
		return size_line_end(c, byte);
	case DATA_CR:
		c->state = DATA_LF;
		return byte == '\r' ? REASON_COMPLETE : REASON_REQ_CHUNK;
	case DATA_LF:
		return lf_expect(c, byte, SIZE);
	case TRAILER_START:
	case TRAILER_LINE:
	case TRAILER_LF:
		return trailer_add(c, byte, arena);
	case LAST_LF:
		return last_line_end(c, byte);
	default:
		return line_byte_add(c, byte);
	}
}

static struct str data_take(struct h1_chunks *c, struct str in)
{
	struct str data = str_first(in, c->left < in.n ? (size_t)c->left : in.n);

	c->left -= data.n;
	c->data_total += data.n;
	if (c->left == 0)
		c->state = DATA_CR;
	return data;
}

enum http_verdict h1_chunks_next(struct h1_chunks *c, struct str in, struct arena *arena,
				 size_t *used, struct str *data, enum reason *why)
{
	*data = STR_NONE;
	*why = REASON_COMPLETE;
	for (*used = 0; *used < in.n && !c->done; ++*used) {
		if (c->state == DATA) {
			*data = data_take(c, str_from(in, *used));
			*used += data->n;
			return HTTP_OK;
		}
		*why = frame_byte_add(c, in.p[*used], arena);
		if (*why != REASON_COMPLETE)
			return HTTP_BAD;
	}
	return c->done ? HTTP_OK : HTTP_MORE;
}

size_t h1_chunk_head(char to[H1_CHUNK_HEAD], uint64_t size)
{
	unsigned digits = 1;
	size_t n = 0;

	while (digits < 16 && size >> (4 * digits))
		digits++;
	while (digits--)
		to[n++] = "0123456789abcdef"[size >> (4 * digits) & 15];
	to[n++] = '\r';
	to[n++] = '\n';
	return n;
}
