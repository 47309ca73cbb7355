#include "route/ask.h"

#include <stdarg.h>
#include <stdio.h>

#include "http/h1_parse.h"
#include "http/text.h"

#define HEAD_MAX 65536
#define FIELDS_MAX 256

__attribute__((format(printf, 2, 3))) static const char *fault(struct arena *arena,
							       const char *fmt, ...)
{
	char text[512];
	va_list ap;
	struct str kept;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kept = arena_str(arena, (struct str){text, strlen(text) + 1});
	return kept.p ? kept.p : "out of memory";
}

/* What an address says beside the path. */
struct place {
	struct str authority, target;
	bool tls;
};

static struct place split(struct str url)
{
	struct place p = {STR_NONE, url, str_ibegins(url, STR("https://"))};
	ptrdiff_t at = str_find(url, STR("://"));
	size_t n = 0;

	if (str_begins(url, STR("/")) || at < 0)
		return p;
	p.authority = str_from(url, (size_t)at + 3);
	while (n < p.authority.n && p.authority.p[n] != '/' && p.authority.p[n] != '?')
		n++;
	p.target = str_from(p.authority, n);
	p.authority = str_first(p.authority, n);
	return p;
}

static uint16_t port_of(const struct place *p)
{
	uint16_t usual = p->tls ? 443 : 80;
	uint64_t port;
	size_t n = p->authority.n;

	while (n > 0 && p->authority.p[n - 1] >= '0' && p->authority.p[n - 1] <= '9')
		n--;
	if (n == 0 || p->authority.p[n - 1] != ':' ||
	    !str_to_u64(str_from(p->authority, n), &port) || port > UINT16_MAX)
		return usual;
	return (uint16_t)port;
}

static bool is_host(struct str header)
{
	return str_ibegins(header, STR("host:"));
}

static bool names_host(const struct route_ask *a)
{
	for (unsigned i = 0; i < a->n_headers; i++)
		if (is_host(a->headers[i]))
			return true;
	return false;
}

static struct str make_head(const struct route_ask *a, struct str method, const struct place *p,
			    struct arena *arena)
{
	size_t room = method.n + p->target.n + p->authority.n + 64;
	struct http_text t;

	for (unsigned i = 0; i < a->n_headers; i++)
		room += a->headers[i].n + 2;
	if (!http_text_init(&t, arena, room))
		return STR_NONE;
	http_text_add(&t, method);
	http_text_add(&t, STR(" "));
	if (!str_begins(p->target, STR("/")) && p->authority.n)
		http_text_add(&t, STR("/"));
	http_text_add(&t, p->target);
	http_text_add(&t, STR(" HTTP/1.1\r\n"));
	if (!names_host(a)) {
		http_text_add(&t, STR("Host: "));
		http_text_add(&t, p->authority.n ? p->authority : STR("localhost"));
		http_text_add(&t, STR("\r\n"));
	}
	for (unsigned i = 0; i < a->n_headers; i++) {
		http_text_add(&t, a->headers[i]);
		http_text_add(&t, STR("\r\n"));
	}
	http_text_add(&t, STR("\r\n"));
	return http_text_since(&t, 0);
}

static const char *read_head(struct route_ask *a, struct str head, struct arena *arena)
{
	const struct h1_limits limits = {
		.max_line = HEAD_MAX, .max_head = HEAD_MAX, .max_fields = FIELDS_MAX};
	struct h1_parser parser;
	enum reason why = REASON_NO_MEMORY;

	h1_parser_reset(&parser);
	if (!head.n || h1_parse_request(&parser, head, &limits, arena, &a->req, &why) != HTTP_OK ||
	    a->req.head_size != head.n)
		return fault(arena, "such a request is refused with %u: %s (%s)",
			     reason_status(why), reason_text(why), reason_name(why));
	return NULL;
}

static const char *read_from(struct route_ask *a, struct arena *arena)
{
	const char *why;

	if (!a->from.n)
		return NULL;
	why = addr_parse_host(&a->src, a->from, 0);
	if (why)
		return fault(arena, "\"%.*s\" is no address: %s", STR_ARGS(str_first(a->from, 60)),
			     why);
	a->facts.src = &a->src;
	return NULL;
}

const char *route_ask_read(struct route_ask *a, struct arena *arena)
{
	struct str url = a->request, method = STR_NONE;
	struct place p;
	const char *why;

	str_split(&url, ' ', &method);
	url = str_trim(url);
	if (!method.n || !url.n)
		return fault(arena,
			     "\"%.*s\" is no request; write a method and a path, as in "
			     "\"GET /api\"",
			     STR_ARGS(str_first(a->request, 60)));
	p = split(url);
	a->addressed = p.authority.n > 0;
	a->facts = (struct route_facts){.req = &a->req, .dst_port = port_of(&p), .tls = p.tls};
	why = read_head(a, make_head(a, method, &p, arena), arena);
	return why ? why : read_from(a, arena);
}
