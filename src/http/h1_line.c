#include "http/h1_line.h"

#include "http/chars.h"
#include "http/fields.h"

void h1_parser_reset(struct h1_parser *p)
{
	*p = (struct h1_parser){ 0 };
}

enum reason h1_parser_over(struct h1_parser *p, enum reason why, size_t limit, size_t size)
{
	p->limit = limit;
	p->size = size;
	return why;
}

void h1_parser_follow(struct h1_parser *p, struct str in)
{
	if (p->bytes != in.p)
		*p = (struct h1_parser){ .bytes = in.p };
}

enum http_verdict h1_line_next(struct h1_parser *p, struct str in, bool relax_bare_lf,
			       struct h1_line *line)
{
	const char *start, *lf;
	size_t n;

	if (in.n <= p->scan_at)
		return HTTP_MORE;
	lf = memchr(in.p + p->scan_at, '\n', in.n - p->scan_at);
	if (!lf) {
		p->scan_at = in.n;
		return HTTP_MORE;
	}
	start = in.p + p->line_at;
	n = (size_t)(lf - start);
	line->whole = (struct str){ start, n + 1 };
	p->line_at = p->scan_at = (size_t)(lf + 1 - in.p);
	if (n && lf[-1] == '\r')
		n--;
	else if (!relax_bare_lf)
		return HTTP_BAD;
	else
		p->relaxed = true;
	line->text = (struct str){ start, n };
	return HTTP_OK;
}

#define EACH_BYTE(x) (0x0101010101010101ull * (x))

/* Whether one of 8 bytes is below 0x20 or is DEL. */
static bool word_has_control(uint64_t w)
{
	uint64_t del = w ^ EACH_BYTE(0x7f);
	uint64_t low = (w - EACH_BYTE(0x20)) & ~w;

	del = (del - EACH_BYTE(1)) & ~del;
	return ((low | del) & EACH_BYTE(0x80)) != 0;
}

static uint64_t word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static enum reason bytes_check(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_VALUE))
			return s.p[i] == '\r' ? REASON_REQ_BARE_CR : REASON_REQ_FIELD_VALUE;
	return REASON_COMPLETE;
}

enum reason h1_value_check(struct str value)
{
	size_t i;

	if (value.n < 8)
		return bytes_check(value);
	for (i = 0; i + 8 <= value.n; i += 8)
		if (word_has_control(word_at(value.p + i)))
			return bytes_check(str_from(value, i));
	if (word_has_control(word_at(value.p + value.n - 8)))
		return bytes_check(str_from(value, value.n - 8));
	return REASON_COMPLETE;
}

static enum reason name_fault(struct str text, size_t at)
{
	if (at && at == text.n)
		return REASON_REQ_FIELD_COLON;
	if (text.n && http_char_blank(text.p[0]))
		return REASON_REQ_FOLD;
	if (at < text.n && text.p[at] == '\r')
		return REASON_REQ_BARE_CR;
	if (at && http_char_blank(text.p[at]))
		return REASON_REQ_FIELD_COLON;
	return REASON_REQ_FIELD_NAME;
}

enum reason h1_field_parse(struct str text, struct str *name, struct str *value, bool *plain)
{
	unsigned kinds = CHAR_TOKEN | CHAR_PLAIN;
	size_t i;

	for (i = 0; i < text.n && http_char_is(text.p[i], CHAR_TOKEN); i++)
		kinds &= http_chars[(unsigned char)text.p[i]];
	if (i == 0 || i == text.n || text.p[i] != ':')
		return name_fault(text, i);
	*plain = (kinds & CHAR_PLAIN) != 0;
	*name = str_first(text, i);
	*value = str_trim(str_from(text, i + 1));
	return h1_value_check(*value);
}

bool h1_field_is_tidy(struct str text, struct str name, struct str value)
{
	size_t blanks = text.n - name.n - 1 - value.n;

	return blanks == 0 || (blanks == 1 && text.p[name.n + 1] == ' ');
}

static enum reason field_add(const struct h1_line *line, bool plain_only, struct arena *arena,
			     struct http_fields *fields)
{
	struct http_field *f = http_fields_add(fields, arena);
	enum reason fault;
	bool plain;

	if (!f)
		return REASON_NO_MEMORY;
	fault = h1_field_parse(line->text, &f->name, &f->value, &plain);
	if (fault != REASON_COMPLETE) {
		fields->count--;
		return fault;
	}
	f->line = line->whole;
	f->id = http_field_classify(f->name);
	f->drop = (plain_only && !plain) ||
		  (http_field_flags(f->id) & (FIELD_IS_HOP | FIELD_IS_FRAMING));
	if (line->whole.n - line->text.n != 2 || !h1_field_is_tidy(line->text, f->name, f->value))
		fields->untidy = true;
	return REASON_COMPLETE;
}

enum http_verdict h1_fields_read(struct h1_parser *p, struct str in,
				 const struct h1_limits *limits, bool plain_only,
				 struct arena *arena, struct http_fields *fields,
				 enum reason *why)
{
	for (;;) {
		struct h1_line line;
		enum http_verdict v = h1_line_next(p, in, limits->relax_bare_lf, &line);
		size_t size = (v == HTTP_MORE ? in.n : p->line_at) - p->head_at;

		*why = REASON_COMPLETE;
		if (size > limits->max_head)
			*why = h1_parser_over(p, REASON_REQ_HEAD_TOO_LARGE, limits->max_head,
					      size);
		else if (v == HTTP_BAD)
			*why = REASON_REQ_BARE_LF;
		else if (v == HTTP_MORE || line.text.n == 0)
			return v;
		else if (fields->count >= limits->max_fields)
			*why = h1_parser_over(p, REASON_REQ_TOO_MANY_FIELDS,
					      limits->max_fields, fields->count + 1);
		else
			*why = field_add(&line, plain_only, arena, fields);
		if (*why != REASON_COMPLETE)
			return HTTP_BAD;
	}
}
