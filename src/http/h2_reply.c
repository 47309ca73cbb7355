#include "http/h2_reply.h"

#include "base/assert.h"
#include "http/chars.h"
#include "http/fields.h"
#include "http/h1_write.h"

/* RFC 9113 6.5.2: what a field counts besides its bytes. */
#define FIELD_OVERHEAD 32

void h2_reply_begin(struct h2_reply *r, const struct h2_reply *like, char *text, size_t room,
		    bool trailers)
{
	*r = (struct h2_reply){ .limits = like->limits,
				.opens = like->opens,
				.to_head = like->to_head,
				.text = text,
				.room = room,
				.trailers = trailers,
				.fault = REASON_COMPLETE };
	must(room >= like->limits.max_head + H2_REPLY_ADDED);
}

static void refuse(struct h2_reply *r, enum reason why)
{
	if (r->fault == REASON_COMPLETE)
		r->fault = why;
}

static void put(struct h2_reply *r, struct str s)
{
	must(s.n <= r->room - r->n);
	if (s.n)
		memcpy(r->text + r->n, s.p, s.n);
	r->n += s.n;
}

static void put_line(struct h2_reply *r, struct str name, struct str value)
{
	put(r, name);
	put(r, STR(": "));
	put(r, value);
	put(r, STR("\r\n"));
}

/* RFC 9113 8.2.1: a token without capital letters, which is more than it asks for. */
static bool name_is_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_TOKEN) || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return s.n > 0;
}

static bool value_is_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_VALUE))
			return false;
	return s.n == 0 || (!http_char_blank(s.p[0]) && !http_char_blank(s.p[s.n - 1]));
}

/* ---- the first line ---- */

static void status_line_put(struct h2_reply *r)
{
	const unsigned status = h2_reply_opens(r) ? 101 : r->status;
	const char digits[3] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
				 (char)('0' + status % 10) };

	put(r, STR("HTTP/1.1 "));
	put(r, (struct str){ digits, 3 });
	put(r, STR(" "));
	put(r, http_status_phrase(status));
	put(r, STR("\r\n"));
}

/* RFC 9113 8.3.2. A 101 never comes by HTTP/2 (8.6). */
static void pseudo_read(struct h2_reply *r, struct str name, struct str value)
{
	uint64_t status;

	if (r->trailers || r->regular || r->status || !str_eq(name, STR(":status")) ||
	    value.n != 3 || !str_to_u64(value, &status) || status < 100 || status > 599)
		refuse(r, REASON_RES_H2_STATUS);
	else if (status == 101)
		refuse(r, REASON_RES_SWITCH);
	else
		r->status = (unsigned)status;
	if (r->fault == REASON_COMPLETE)
		status_line_put(r);
}

/* ---- regular fields ---- */

/* RFC 9113 8.2.2. */
static bool is_of_connection(enum http_field_id id)
{
	return id == FIELD_CONNECTION || id == FIELD_PROXY_CONNECTION || id == FIELD_KEEP_ALIVE ||
	       id == FIELD_TRANSFER_ENCODING || id == FIELD_UPGRADE || id == FIELD_TE;
}

/* Said twice alike, it is said once; a list is none of ours to take apart. */
static void length_read(struct h2_reply *r, struct str value)
{
	uint64_t length;

	if (!str_to_u64(value, &length) || (r->has_length && length != r->length)) {
		refuse(r, REASON_RES_LENGTH);
		return;
	}
	if (!r->has_length && !h2_reply_opens(r))
		put_line(r, STR("content-length"), value);
	r->has_length = true;
	r->length = length;
}

static void field_put(struct h2_reply *r, struct str name, struct str value)
{
	const enum http_field_id id = http_field_classify(name);

	if (++r->fields > r->limits.max_fields)
		refuse(r, r->trailers ? REASON_RES_H2_TRAILER : REASON_RES_TOO_MANY_FIELDS);
	else if (is_of_connection(id))
		refuse(r, REASON_RES_H2_FIELD);
	else if (id == FIELD_CONTENT_LENGTH && !r->trailers)
		length_read(r, value);
	else if (id != FIELD_SEC_WEBSOCKET_ACCEPT || !h2_reply_opens(r))
		put_line(r, name, value);
}

static bool is_over(struct h2_reply *r, struct str name, struct str value)
{
	r->size += name.n + value.n + FIELD_OVERHEAD;
	if (r->size <= r->limits.max_head)
		return false;
	refuse(r, r->trailers ? REASON_RES_H2_TRAILER : REASON_RES_HEAD_TOO_LARGE);
	return true;
}

void h2_reply_field(struct h2_reply *r, struct str name, struct str value)
{
	if (is_over(r, name, value) || r->fault != REASON_COMPLETE)
		return;
	if (name.n && name.p[0] == ':') {
		pseudo_read(r, name, value);
		return;
	}
	if (!r->trailers && !r->status)
		refuse(r, REASON_RES_H2_STATUS);
	else if (!name_is_good(name) || !value_is_good(value))
		refuse(r, REASON_RES_H2_FIELD);
	r->regular = true;
	if (r->fault == REASON_COMPLETE)
		field_put(r, name, value);
}

/* ---- the end ---- */

static void upgrade_put(struct h2_reply *r, struct str accept)
{
	put_line(r, STR("upgrade"), STR("websocket"));
	put_line(r, STR("connection"), STR("Upgrade"));
	put_line(r, STR("sec-websocket-accept"), accept);
}

static void framing_put(struct h2_reply *r, bool ended)
{
	if (r->has_length || h2_reply_is_bodiless(r))
		return;
	if (ended)
		put_line(r, STR("content-length"), STR("0"));
	else
		put_line(r, STR("transfer-encoding"), STR("chunked"));
}

static void head_end(struct h2_reply *r, bool ended, struct str accept)
{
	if (!r->status)
		refuse(r, REASON_RES_H2_STATUS);
	if (ended && (h2_reply_is_interim(r) ||
		      (r->has_length && r->length > 0 && !h2_reply_is_bodiless(r))))
		refuse(r, REASON_RES_H2_BODY);
	if (r->fault != REASON_COMPLETE)
		return;
	if (h2_reply_opens(r))
		upgrade_put(r, accept);
	else if (!h2_reply_is_interim(r))
		framing_put(r, ended);
	put(r, STR("\r\n"));
}

void h2_reply_end(struct h2_reply *r, bool ended, struct str accept)
{
	if (!r->trailers)
		head_end(r, ended, accept);
	else if (!ended)
		refuse(r, REASON_RES_H2_TRAILER);
}
