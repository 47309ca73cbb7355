#include "http/framing.h"

#include "http/chars.h"

/* Elements as they are written, empty ones too: they are a fault here (HTTP.md 9). */
static bool element_next(struct str *rest, bool *end, struct str *item)
{
	ptrdiff_t comma;

	if (*end)
		return false;
	comma = str_find_char(*rest, ',');
	*end = comma < 0;
	*item = str_trim(*end ? *rest : str_first(*rest, (size_t)comma));
	*rest = *end ? STR_NONE : str_from(*rest, (size_t)comma + 1);
	return true;
}

void http_framing_add_length(struct http_framing_facts *f, struct str value)
{
	bool end = false;
	struct str item;

	while (element_next(&value, &end, &item)) {
		uint64_t v;

		if (!str_to_u64(item, &v) || v > INT64_MAX)
			f->length_bad = true;
		else if (f->lengths && v != f->length)
			f->lengths_differ = true;
		else
			f->length = v;
		f->lengths++;
	}
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_TOKEN))
			return false;
	return s.n > 0;
}

void http_framing_add_coding(struct http_framing_facts *f, struct str value)
{
	bool end = false;
	struct str item;

	while (element_next(&value, &end, &item)) {
		f->codings++;
		f->chunked_last = str_ieq(item, STR("chunked"));
		if (f->chunked_last)
			f->chunked++;
		else if (!is_token(item))
			f->coding_bad = true;
	}
}

enum reason http_framing_judge_request(const struct http_framing_facts *f, unsigned minor,
				       enum http_framing *framing, uint64_t *length)
{
	if (f->codings && f->lengths)
		return REASON_REQ_LENGTH_AND_CODING;
	if (f->codings && minor == 0)
		return REASON_REQ_CODING_OLD;
	if (f->coding_bad || f->chunked > 1 || (f->codings && !f->chunked_last))
		return REASON_REQ_CODING;
	if (f->codings > 1)
		return REASON_REQ_CODING_UNKNOWN;
	if (f->length_bad)
		return REASON_REQ_CONTENT_LENGTH;
	if (f->lengths_differ)
		return REASON_REQ_LENGTH_CONFLICT;
	if (f->lengths > 1) /* equal ones: refused as well (HTTP.md 3) */
		return REASON_REQ_CONTENT_LENGTH;
	*framing = f->codings ? FRAMING_CHUNKED : f->lengths ? FRAMING_LENGTH : FRAMING_NONE;
	*length = f->lengths ? f->length : 0;
	return REASON_COMPLETE;
}

enum reason http_framing_judge_response(const struct http_framing_facts *f,
					enum http_framing *framing, uint64_t *length)
{
	bool only_chunked = f->codings == 1 && f->chunked == 1;

	if (f->length_bad || f->lengths_differ)
		return REASON_RES_LENGTH;
	if (f->codings && !only_chunked)
		return REASON_RES_CODING;
	*framing = f->codings ? FRAMING_CHUNKED : f->lengths ? FRAMING_LENGTH : FRAMING_CLOSE;
	*length = f->lengths ? f->length : 0;
	return REASON_COMPLETE;
}
