#include "http/h1_write.h"

#include "http/fields.h"
#include "http/hops.h"
#include "http/text.h"

/* Room for every literal and number that a head can be given, without the spans. */
#define ADDED_MAX 400

/* The spans that a head needs besides those of its kept fields. */
#define OTHER_SPANS 5

/* When to ask again where no server can take a request: who knows. */
#define UNAVAILABLE_SECONDS 5u

typedef bool field_goes_fn(const struct http_field *f, const struct h1_forwarding *fw);

/* The X-Forwarded fields and Forwarded of an untrusted peer never pass: a server believes
 * them. With forwarded_for ours stand in their place (HTTP.md 57). */
static bool request_field_goes(const struct http_field *f, const struct h1_forwarding *fw)
{
	if (f->drop)
		return false;
	switch (f->id) {
	case FIELD_X_FORWARDED_FOR:
	case FIELD_X_FORWARDED_PROTO:
	case FIELD_X_FORWARDED_HOST:
	case FIELD_X_FORWARDED_PORT:
	case FIELD_FORWARDED:
		return fw->trusted;
	default:
		return fw->trusted || !(http_field_flags(f->id) & FIELD_IS_FORGED);
	}
}

static bool response_field_goes(const struct http_field *f, const struct h1_forwarding *fw)
{
	(void)fw;
	return !f->drop;
}

/* Without a name nothing is written. */
static void line_add(struct http_text *t, struct str name, struct str value)
{
	if (!name.n)
		return;
	http_text_add(t, name);
	http_text_add(t, STR(": "));
	http_text_add(t, value);
	http_text_add(t, STR("\r\n"));
}

/* One copy of all lines, as we write them: for a head with untidy lines, or with so many gaps
 * between kept lines that the queue could not hold them. */
static bool fields_copy(const struct http_fields *fields, field_goes_fn *goes,
			const struct h1_forwarding *fw, struct iovq *out, struct arena *arena)
{
	struct http_text t;
	size_t room = 0;

	for (unsigned i = 0; i < fields->count; i++)
		room += fields->list[i].line.n + 2;
	if (!http_text_init(&t, arena, room))
		return false;
	for (unsigned i = 0; i < fields->count; i++) {
		const struct http_field *f = &fields->list[i];

		if (!goes(f, fw))
			continue;
		line_add(&t, f->name, f->value);
	}
	return iovq_add(out, http_text_since(&t, 0));
}

static bool fields_add(const struct http_fields *fields, field_goes_fn *goes,
		       const struct h1_forwarding *fw, struct iovq *out, struct arena *arena)
{
	struct str run = STR_NONE;

	if (fields->untidy || fields->count + OTHER_SPANS > iovq_room(out))
		return fields_copy(fields, goes, fw, out, arena);
	for (unsigned i = 0; i < fields->count; i++) {
		const struct http_field *f = &fields->list[i];

		if (goes(f, fw)) {
			run = (struct str){ run.n ? run.p : f->line.p, run.n + f->line.n };
		} else {
			if (!iovq_add(out, run))
				return false;
			run = STR_NONE;
		}
	}
	return iovq_add(out, run);
}

static void length_add(struct http_text *t, uint64_t length)
{
	http_text_add(t, STR("Content-Length: "));
	http_text_add_number(t, length);
	http_text_add(t, STR("\r\n"));
}

/* Servers wait for a body of these unless told that there is none (RFC 9110 8.6). */
static bool method_wants_length(enum http_method m)
{
	switch (m) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_DELETE:
	case METHOD_OPTIONS:
	case METHOD_CONNECT:
	case METHOD_TRACE:
		return false;
	default:
		return true;
	}
}

static void request_framing_add(struct http_text *t, const struct http_request *req)
{
	if (req->framing == FRAMING_CHUNKED)
		http_text_add(t, STR("Transfer-Encoding: chunked\r\n"));
	else if (req->framing == FRAMING_LENGTH)
		length_add(t, req->content_length);
	else if (method_wants_length(req->method))
		length_add(t, 0);
}

static void max_forwards_add(struct http_text *t, const struct http_request *req)
{
	http_text_add(t, STR("Max-Forwards: "));
	http_text_add_number(t, req->max_forwards ? req->max_forwards - 1 : 0);
	http_text_add(t, STR("\r\n"));
}

static void request_connection_add(struct http_text *t, const struct http_request *req)
{
	if (req->upgrade_websocket)
		http_text_add(t, STR("Upgrade: websocket\r\n"));
	if (req->te_trailers)
		http_text_add(t, STR("TE: trailers\r\n"));
	if (req->upgrade_websocket && req->te_trailers)
		http_text_add(t, STR("Connection: Upgrade, TE\r\n"));
	else if (req->upgrade_websocket)
		http_text_add(t, STR("Connection: Upgrade\r\n"));
	else if (req->te_trailers)
		http_text_add(t, STR("Connection: TE\r\n"));
}

/* Ours stand where the client said nothing that is believed. */
static bool ours_is_due(const struct http_request *req, const struct h1_forwarding *fw,
			enum http_field_id id)
{
	return !http_edited_named(&fw->edited, id) &&
	       (!fw->trusted || !http_field_find(&req->fields, id));
}

static void forwarding_add(struct http_text *t, const struct http_request *req,
			   const struct h1_forwarding *fw)
{
	if (!fw->on)
		return;
	if (fw->peer.n && !http_edited_named(&fw->edited, FIELD_X_FORWARDED_FOR))
		line_add(t, STR("X-Forwarded-For"), fw->peer);
	if (ours_is_due(req, fw, FIELD_X_FORWARDED_PROTO))
		line_add(t, STR("X-Forwarded-Proto"), fw->proto);
	if (req->authority.n && ours_is_due(req, fw, FIELD_X_FORWARDED_HOST))
		line_add(t, STR("X-Forwarded-Host"), req->authority);
	/* Ours is no port of a protocol that another one has told. */
	if (fw->port && ours_is_due(req, fw, FIELD_X_FORWARDED_PORT) &&
	    ours_is_due(req, fw, FIELD_X_FORWARDED_PROTO)) {
		http_text_add(t, STR("X-Forwarded-Port: "));
		http_text_add_number(t, fw->port);
		http_text_add(t, STR("\r\n"));
	}
}

/* The version is the one that the client spoke (RFC 9110 7.6.3). */
static void via_add(struct http_text *t, const struct http_request *req, struct str node)
{
	if (str_eq(req->version, STR("HTTP/2.0")))
		http_text_add(t, STR("Via: 2.0 "));
	else
		http_text_add(t, req->minor ? STR("Via: 1.1 ") : STR("Via: 1.0 "));
	http_text_add(t, node);
	http_text_add(t, STR("\r\n"));
}

static void hops_add(struct http_text *t, const struct http_request *req,
		     const struct h1_forwarding *fw, const struct http_forwarded *forwarded)
{
	if (req->max_forwards != HTTP_FORWARDS_ANY)
		max_forwards_add(t, req);
	forwarding_add(t, req, fw);
	if (fw->forwarded && !http_edited_named(&fw->edited, FIELD_FORWARDED))
		http_forwarded_add(t, forwarded);
	if (fw->via && !http_edited_named(&fw->edited, FIELD_VIA))
		via_add(t, req, fw->node);
	line_add(t, fw->id_name, fw->id);
}

static void request_line_add(struct http_text *t, const struct http_request *req,
			     struct str default_host)
{
	http_text_add(t, req->method_text);
	http_text_add(t, STR(" "));
	http_text_add(t, req->path);
	http_text_add(t, req->query);
	http_text_add(t, STR(" HTTP/1.1\r\nHost: "));
	http_text_add(t, req->authority.n ? req->authority : default_host);
	http_text_add(t, STR("\r\n"));
}

bool h1_write_request(const struct http_request *req, const struct h1_forwarding *f,
		      struct iovq *out, struct arena *arena)
{
	const struct http_forwarded forwarded = { .peer = f->peer, .host = req->authority,
						  .proto = f->proto, .by = f->node };
	size_t room = req->method_text.n + req->path.n + req->query.n + 2 * req->authority.n +
		      f->default_host.n + f->peer.n + f->proto.n + f->id_name.n + f->id.n +
		      ADDED_MAX;
	struct http_text t;
	size_t first;

	if (f->forwarded || f->via)
		room += http_forwarded_room(&forwarded);
	if (!http_text_init(&t, arena, room))
		return false;
	request_line_add(&t, req, f->default_host);
	first = t.n;
	request_framing_add(&t, req);
	request_connection_add(&t, req);
	hops_add(&t, req, f, &forwarded);
	http_text_add(&t, STR("\r\n"));
	return iovq_add(out, str_first(http_text_since(&t, 0), first)) &&
	       fields_add(&req->fields, request_field_goes, f, out, arena) &&
	       iovq_add(out, f->edited.added) && iovq_add(out, http_text_since(&t, first));
}

static void status_line_add(struct http_text *t, unsigned status, struct str phrase)
{
	http_text_add(t, STR("HTTP/1.1 "));
	http_text_add_number(t, status);
	http_text_add(t, STR(" "));
	http_text_add(t, phrase);
	http_text_add(t, STR("\r\n"));
}

static void reply_connection_add(struct http_text *t, const struct h1_reply *r)
{
	if (!r->keep_alive)
		http_text_add(t, STR("Connection: close\r\n"));
	else if (r->client_minor == 0)
		http_text_add(t, STR("Connection: keep-alive\r\n"));
}

static void response_framing_add(struct http_text *t, const struct http_response *res,
				 const struct h1_reply *r)
{
	if (r->framing == FRAMING_CHUNKED)
		http_text_add(t, STR("Transfer-Encoding: chunked\r\n"));
	else if (r->framing == FRAMING_LENGTH || (r->framing == FRAMING_NONE && res->has_length))
		length_add(t, res->content_length);
}

static void response_upgrade_add(struct http_text *t, const struct http_response *res,
				 const struct h1_reply *r)
{
	if (res->upgrade_websocket && r->client_minor > 0)
		http_text_add(t, STR("Upgrade: websocket\r\nConnection: Upgrade\r\n"));
}

/* A 1xx has neither body nor connection fields of its own, but for the switch to WebSocket. */
static void response_added(struct http_text *t, const struct http_response *res,
			   const struct h1_reply *r)
{
	if (res->status >= 200) {
		response_framing_add(t, res, r);
		if (!res->has_date)
			line_add(t, STR("Date"), r->date);
		reply_connection_add(t, r);
	}
	response_upgrade_add(t, res, r);
	line_add(t, r->id_name, r->id);
	http_text_add(t, STR("\r\n"));
}

bool h1_write_response(const struct http_response *res, const struct h1_reply *r,
		       struct iovq *out, struct arena *arena)
{
	struct http_text t;
	size_t first;

	if (r->client_minor == 0 && (res->status < 200 || r->framing == FRAMING_CHUNKED))
		return false;
	if (!http_text_init(&t, arena, res->reason_phrase.n + r->date.n + r->id_name.n + r->id.n +
					       ADDED_MAX))
		return false;
	status_line_add(&t, res->status, res->reason_phrase);
	first = t.n;
	response_added(&t, res, r);
	return iovq_add(out, str_first(http_text_since(&t, 0), first)) &&
	       fields_add(&res->fields, response_field_goes, NULL, out, arena) &&
	       iovq_add(out, r->added) && iovq_add(out, http_text_since(&t, first));
}

static void retry_after_add(struct http_text *t, const struct h1_answer *a,
			    const struct h1_reply *r)
{
	bool ours = a->status == 503 && reason_status(a->why) == 503;

	if (!r->retry_after && !ours)
		return;
	http_text_add(t, STR("Retry-After: "));
	http_text_add_number(t, r->retry_after ? r->retry_after : UNAVAILABLE_SECONDS);
	http_text_add(t, STR("\r\n"));
}

static void answer_fields_add(struct http_text *t, const struct h1_answer *a,
			      const struct h1_reply *r)
{
	if (a->n_body)
		line_add(t, STR("Content-Type"), a->content_type);
	if (a->status >= 400)
		http_text_add(t, STR("Cache-Control: no-store\r\n"));
	if (a->by_accept)
		http_text_add(t, STR("Vary: Accept\r\n"));
	if (a->location.n)
		line_add(t, STR("Location"), a->location);
	if (r->date.n)
		line_add(t, STR("Date"), r->date);
	retry_after_add(t, a, r);
	line_add(t, r->id_name, r->id);
	http_text_add(t, a->added);
	if (a->status == 405 || a->why == REASON_OPTIONS_ANSWERED)
		http_text_add(t, STR("Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"));
	reply_connection_add(t, r);
}

static bool body_add(struct iovq *out, const struct h1_answer *a)
{
	for (unsigned i = 0; i < a->n_body; i++)
		if (!iovq_add(out, a->body[i]))
			return false;
	return true;
}

bool h1_write_answer(const struct h1_answer *a, enum http_method method, const struct h1_reply *r,
		     struct iovq *out, struct arena *arena)
{
	struct str phrase = http_status_phrase(a->status);
	size_t room = phrase.n + r->date.n + a->content_type.n + a->location.n + r->id_name.n +
		      r->id.n + a->added.n + ADDED_MAX;
	uint64_t length = 0;
	struct http_text t;

	if (a->status == 0 || !http_text_init(&t, arena, room))
		return false;
	for (unsigned i = 0; i < a->n_body; i++)
		length += a->body[i].n;
	status_line_add(&t, a->status, phrase);
	answer_fields_add(&t, a, r);
	if (a->status != 204 && a->status != 304)
		length_add(&t, length);
	http_text_add(&t, STR("\r\n"));
	return iovq_add(out, http_text_since(&t, 0)) &&
	       (method == METHOD_HEAD || body_add(out, a));
}
