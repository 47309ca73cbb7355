/* What an exchange answers by itself: what its route says, or the page of its error. */
#include "base/clock.h"
#include "http/page.h"
#include "proxy/exchange.h"

/* The backend's page goes before the frontend's, and that before the one of all. */
static struct str find_page(const struct exchange *x, enum http_form form)
{
	bool json = form == HTTP_FORM_JSON;
	struct str page = STR_NONE;

	if (x->backend)
		page = conf_error_page(&x->backend->conf->errors, x->status, json);
	if (!page.p)
		page = conf_error_page(&x->frontend->conf->errors, x->status, json);
	if (!page.p)
		page = conf_error_page(&x->tenancy->gen->conf->errors, x->status, json);
	return page.p ? page : page_built_in(form);
}

/* Of a request that was not understood nobody knows what it accepts. */
static bool add_page(struct exchange *x, struct h1_answer *a, struct str parts[PAGE_PARTS_MAX])
{
	enum http_form form = x->head_whole ? http_accept_form(&x->req.fields) : HTTP_FORM_HTML;
	struct page_values values = { .of = {
		[PAGE_STATUS] = arena_printf(&x->arena, "%u", x->status),
		[PAGE_PHRASE] = http_status_phrase(x->status),
		[PAGE_REASON] = str_of(reason_name(x->reason)),
		[PAGE_TEXT] = str_of(reason_text(x->reason)),
		[PAGE_REQUEST_ID] = x->request_id,
		[PAGE_NODE] = x->tenancy->gen->conf->node,
	} };

	if (!page_escape(form, &values, &x->arena) || arena_failed(&x->arena))
		return false;
	a->content_type = page_type(form);
	a->body = parts;
	a->n_body = page_parts(find_page(x, form), &values, parts);
	a->by_accept = x->head_whole;
	return true;
}

static struct str id_name(const struct exchange *x)
{
	bool told = x->status >= 400 || x->frontend->conf->request_id.to_client;

	return exchange_id_name(x, !told);
}

struct str exchange_hsts(struct exchange *x)
{
	uint64_t seconds = x->frontend->conf->hsts / CLOCK_SEC;

	if (!seconds || !x->session->conn.facts->secure)
		return STR_NONE;
	return arena_printf(&x->arena, "max-age=%llu", (unsigned long long)seconds);
}

/* Also a redirect says it, and what nobody else could answer. */
static struct str hsts_line(struct exchange *x)
{
	struct str says = exchange_hsts(x);

	return says.n ? arena_printf(&x->arena, HSTS_NAME ": %.*s\r\n", STR_ARGS(says)) : STR_NONE;
}

bool exchange_write_answer(struct exchange *x)
{
	struct session *s = x->session;
	const struct h1_reply r = { .framing = FRAMING_LENGTH,
				    .keep_alive = x->keep_alive,
				    .client_minor = x->head_whole ? x->req.minor : 1,
				    .date = worker_date(s->worker),
				    .retry_after = x->retry_after,
				    .id_name = id_name(x),
				    .id = x->request_id };
	struct h1_answer a = { .why = x->reason, .status = x->status, .location = x->location,
			       .added = hsts_line(x) };
	struct str parts[PAGE_PARTS_MAX];

	if (x->answer && x->answer->body.n) {
		a.content_type = x->answer->content_type;
		a.body = &x->answer->body;
		a.n_body = 1;
	} else if (x->status >= 400 && !add_page(x, &a, parts)) {
		return false;
	}
	x->response_begun = true;
	x->to_client.out = FRAMING_LENGTH;
	/* Also of a head that was refused the method is known, if it came to that: who sent
	 * HEAD waits for no body (HTTP.md 65). */
	return s->codec->write_answer(&a, x->req.method, &r, &x->to_client.q, &x->arena);
}
