#include "http/h2_reply.h"

#include "base/assert.h"
#include "http/fields.h"
#include "http/h1_write.h"

void h2_reply_begin(struct h2_reply *r, const struct h2_limits *limits, char *text, size_t room,
		    bool trailers)
{
	*r = (struct h2_reply){ .block = h2_block_begin(limits, text, room, trailers) };
	must(room >= limits->max_head + H2_REPLY_ADDED);
}

/* ---- the first line ---- */

static void status_line_put(struct h2_reply *r)
{
	const unsigned status = h2_reply_opens(r) ? 101 : r->status;
	const char digits[3] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
				 (char)('0' + status % 10) };

	h2_block_put(&r->block, STR("HTTP/1.1 "));
	h2_block_put(&r->block, (struct str){ digits, 3 });
	h2_block_put(&r->block, STR(" "));
	h2_block_put(&r->block, http_status_phrase(status));
	h2_block_put(&r->block, STR("\r\n"));
}

/* RFC 9113 8.3.2. A 101 never comes by HTTP/2 (8.6). */
static void pseudo_read(struct h2_reply *r, struct str name, struct str value)
{
	uint64_t status;

	if (r->block.trailers || r->block.regular || r->status || !str_eq(name, STR(":status")) ||
	    value.n != 3 || !str_to_u64(value, &status) || status < 100 || status > 599)
		h2_block_refuse(&r->block, REASON_RES_H2_STATUS);
	else if (status == 101)
		h2_block_refuse(&r->block, REASON_RES_SWITCH);
	else
		r->status = (unsigned)status;
	if (r->block.fault == REASON_COMPLETE)
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
		h2_block_refuse(&r->block, REASON_RES_LENGTH);
		return;
	}
	if (!r->has_length && !h2_reply_opens(r))
		h2_block_put_line(&r->block, STR("content-length"), value);
	r->has_length = true;
	r->length = length;
}

static void field_put(struct h2_reply *r, struct str name, struct str value)
{
	const enum http_field_id id = http_field_classify(name);

	if (++r->block.fields > r->block.limits.max_fields)
		h2_block_refuse(&r->block, r->block.trailers ? REASON_RES_H2_TRAILER
							     : REASON_RES_TOO_MANY_FIELDS);
	else if (is_of_connection(id))
		h2_block_refuse(&r->block, REASON_RES_H2_FIELD);
	else if (id == FIELD_CONTENT_LENGTH && !r->block.trailers)
		length_read(r, value);
	else if (id != FIELD_SEC_WEBSOCKET_ACCEPT || !h2_reply_opens(r))
		h2_block_put_line(&r->block, name, value);
}

static bool is_over(struct h2_reply *r, struct str name, struct str value)
{
	if (h2_block_count(&r->block, name, value))
		return false;
	h2_block_refuse(&r->block,
			r->block.trailers ? REASON_RES_H2_TRAILER : REASON_RES_HEAD_TOO_LARGE);
	return true;
}

void h2_reply_field(struct h2_reply *r, struct str name, struct str value)
{
	if (is_over(r, name, value) || r->block.fault != REASON_COMPLETE)
		return;
	if (name.n && name.p[0] == ':') {
		pseudo_read(r, name, value);
		return;
	}
	if (!r->block.trailers && !r->status)
		h2_block_refuse(&r->block, REASON_RES_H2_STATUS);
	else if (!h2_name_is_good(name) || !h2_value_is_good(value))
		h2_block_refuse(&r->block, REASON_RES_H2_FIELD);
	r->block.regular = true;
	if (r->block.fault == REASON_COMPLETE)
		field_put(r, name, value);
}

/* ---- the end ---- */

static void framing_put(struct h2_reply *r, bool ended)
{
	if (r->has_length || h2_reply_is_bodiless(r))
		return;
	if (ended)
		h2_block_put_line(&r->block, STR("content-length"), STR("0"));
	else
		h2_block_put_line(&r->block, STR("transfer-encoding"), STR("chunked"));
}

static void head_end(struct h2_reply *r, bool ended, struct str accept)
{
	if (!r->status)
		h2_block_refuse(&r->block, REASON_RES_H2_STATUS);
	if (ended && (h2_reply_is_interim(r) ||
		      (r->has_length && r->length > 0 && !h2_reply_is_bodiless(r))))
		h2_block_refuse(&r->block, REASON_RES_H2_BODY);
	if (r->block.fault != REASON_COMPLETE)
		return;
	if (h2_reply_opens(r))
		h2_block_put_upgrade(&r->block, STR("sec-websocket-accept"), accept);
	else if (!h2_reply_is_interim(r))
		framing_put(r, ended);
	h2_block_put(&r->block, STR("\r\n"));
}

void h2_reply_end(struct h2_reply *r, bool ended, struct str accept)
{
	if (!r->block.trailers)
		head_end(r, ended, accept);
	else if (!ended)
		h2_block_refuse(&r->block, REASON_RES_H2_TRAILER);
}
