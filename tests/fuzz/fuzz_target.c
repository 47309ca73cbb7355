/* The target of a request line, and the Host beside it: what is taken is what a second, plainer
 * reader makes of it; and however a server decodes the path that goes out, it finds no dot
 * segment there, so no encoding takes a request past a path condition (HTTP.md 20 to 24, 29, 37,
 * 38). Two lines: the target, the Host; the first byte says how. */
#include <stdio.h>

#include "fuzzing.h"
#include "http/authority.h"
#include "http/chars.h"
#include "http/h1_target.h"
#include "http/path.h"

#define HOW_OPTIONS 1
#define HOW_OLD 2
#define HOW_NO_HOST 4

#define SEGMENTS 4096

/* ---- RFC 3986 6.2.2, said once more: a stack of segments ---- */

struct model {
	char text[65536];
	size_t n;
	bool bad;
};

static bool is_unreserved(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-._~", c));
}

/* "%41" at p: the byte's value; -1: no escape. */
static int unescape(const char *p, size_t left)
{
	char digits[3] = { 0 };

	if (left < 3 || !strchr("0123456789abcdefABCDEF", p[1]) || !p[1] ||
	    !strchr("0123456789abcdefABCDEF", p[2]) || !p[2])
		return -1;
	memcpy(digits, p + 1, 2);
	return (int)strtoul(digits, NULL, 16);
}

static void model_decode(struct model *m, struct str raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		int c = raw.p[i] == '%' ? unescape(raw.p + i, raw.n - i) : -1;

		if (raw.p[i] == '%' && c <= 0)
			m->bad = true;
		if (c > 0 && is_unreserved(c)) {
			m->text[m->n++] = (char)c;
			i += 2;
		} else {
			m->text[m->n++] = raw.p[i];
		}
	}
}

/* ".", "..", and what is one with parameters behind it. */
static bool is_dots(struct str s, bool parameters)
{
	ptrdiff_t semicolon = parameters ? str_find_char(s, ';') : -1;

	if (semicolon >= 0)
		s.n = (size_t)semicolon;
	return str_eq(s, STR(".")) || str_eq(s, STR(".."));
}

/* Whether a server that takes %2F, %5C and "\" for slashes, and %3B for ";", sees a dot
 * segment. */
static bool has_hidden_dots(struct str segment)
{
	char text[65536];
	struct str rest = { text, 0 }, part;

	for (size_t i = 0; i < segment.n; i++) {
		int c = segment.p[i] == '%' ? unescape(segment.p + i, segment.n - i) : -1;
		bool slash = c == '/' || c == '\\' || segment.p[i] == '\\';

		text[rest.n++] = slash ? '/' : c == ';' ? ';' : segment.p[i];
		i += c == ';' || (slash && c >= 0) ? 2 : 0;
	}
	while (str_split(&rest, '/', &part))
		if (is_dots(part, true))
			return true;
	return false;
}

static void model_path(struct model *m, struct str raw)
{
	struct str stack[SEGMENTS], rest, segment = STR_NONE, text;
	static char copy[65536];
	bool dots = false;
	unsigned n = 0;

	m->n = 0;
	m->bad = false;
	model_decode(m, raw);
	memcpy(copy, m->text, m->n);
	text = (struct str){ copy, m->n };
	rest = str_from(text, 1);
	for (bool more = true; more;) {
		ptrdiff_t slash = str_find_char(rest, '/');

		more = slash >= 0;
		segment = more ? str_first(rest, (size_t)slash) : rest;
		rest = more ? str_from(rest, (size_t)slash + 1) : STR_NONE;
		dots = is_dots(segment, false);
		if (!dots && has_hidden_dots(segment))
			m->bad = true;
		if (!dots)
			stack[n++] = segment;
		else if (segment.n == 2 && n)
			n--;
	}
	if (dots)
		stack[n++] = STR("");
	m->n = 0;
	for (unsigned i = 0; i < n; i++) {
		m->text[m->n++] = '/';
		if (stack[i].n)
			memcpy(m->text + m->n, stack[i].p, stack[i].n);
		m->n += stack[i].n;
	}
}

/* ---- judging ---- */

/* As servers read a path: decoded once, back slashes for slashes, parameters cut. */
static void judge_as_server(struct str path)
{
	char text[65536];
	struct str rest = { text, 0 }, segment;

	for (size_t i = 0; i < path.n; i++) {
		int c = path.p[i] == '%' ? unescape(path.p + i, path.n - i) :
					   (unsigned char)path.p[i];

		must(c > 0);
		text[rest.n++] = c == '\\' ? '/' : (char)c;
		i += path.p[i] == '%' ? 2 : 0;
	}
	while (str_split(&rest, '/', &segment))
		must(!is_dots(segment, true));
}

/* What conditions see is what a server sees that decodes all, takes back slashes for slashes and
 * repeated ones for one; but a path has no "?". */
static void judge_match(struct str path, struct str match)
{
	char text[65536];
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++) {
		int c = path.p[i] == '%' ? unescape(path.p + i, path.n - i) :
					   (unsigned char)path.p[i];

		i += path.p[i] == '%' ? 2 : 0;
		c = c == '\\' ? '/' : c;
		if (c == '?')
			n += (size_t)sprintf(text + n, "%%3F");
		else if (c != '/' || n == 0 || text[n - 1] != '/')
			text[n++] = (char)c;
	}
	must(str_eq(match, (struct str){ text, n }));
}

static void judge_path(struct str raw, struct arena *arena)
{
	static struct model m;
	struct str path, match, again, match_again;
	enum reason why = http_path_normalise(raw, arena, &path, &match);

	model_path(&m, raw);
	must((why != REASON_COMPLETE) == m.bad);
	if (m.bad) {
		must(why == REASON_REQ_PATH_ESCAPE);
		return;
	}
	must(str_eq(path, (struct str){ m.text, m.n }));
	judge_as_server(path);
	judge_match(path, match);
	must(http_path_normalise(path, arena, &again, &match_again) == REASON_COMPLETE);
	must(str_eq(again, path) && str_eq(match_again, match));
}

/* What can be written as host[:port] and means the same again. */
static void judge_authority(struct str text)
{
	struct http_authority a, b;
	char again[65536];
	int n;

	if (!http_authority_parse(text, &a))
		return;
	must(a.host.n && str_begins(text, a.host) && text.n <= a.host.n + 6);
	for (size_t i = 0; i < text.n; i++)
		must((unsigned char)text.p[i] > ' ' && !strchr("/?#@,<>\"\\^`{|}\x7f", text.p[i]));
	n = a.port ? snprintf(again, sizeof(again), "%.*s:%u", STR_ARGS(a.host), a.port) :
		     snprintf(again, sizeof(again), "%.*s", STR_ARGS(a.host));
	must(http_authority_parse((struct str){ again, (size_t)n }, &b));
	must(b.port == a.port && str_eq(a.host, b.host));
	must(http_authority_same(&a, &b, 80) && http_authority_same(&b, &a, 443));
}

static void judge_forms(const struct http_request *req)
{
	bool absolute = str_ibegins(req->target, STR("http://")) ||
			str_ibegins(req->target, STR("https://"));

	for (size_t i = 0; i < req->target.n; i++)
		must(req->target.p[i] > ' ' && req->target.p[i] < 0x7f && req->target.p[i] != '#');
	if (str_eq(req->path, STR("*"))) {
		must(req->method == METHOD_OPTIONS && req->query.n == 0);
		must(absolute || str_eq(req->target, STR("*")));
		return;
	}
	must(absolute || req->target.p[0] == '/');
	must(req->path.p[0] == '/' && str_find_char(req->path, '?') < 0);
	must(req->query.n == 0 || req->query.p[0] == '?');
	must(str_ends(req->target, req->query));
}

static void judge_host(struct http_request *req, uint8_t how, struct str host)
{
	struct str of_target = req->authority;
	struct http_authority a, b;
	unsigned hosts = how & HOW_NO_HOST ? 0 : 1;
	enum reason why = h1_target_judge_host(req, hosts, host);

	if (hosts == 0) {
		must(why == (req->minor ? REASON_REQ_HOST_MISSING : REASON_COMPLETE));
		return;
	}
	must(why == REASON_COMPLETE || why == REASON_REQ_HOST);
	must(h1_target_judge_host(req, 2, host) == REASON_REQ_HOST);
	if (why != REASON_COMPLETE)
		return;
	must(req->authority.n && http_authority_parse(req->authority, &a));
	must(http_authority_parse(host, &b) && str_ieq(a.host, b.host));
	must(str_eq(req->authority, of_target.n ? of_target : host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request req = { 0 };
	struct arena arena;
	struct str in, rest, host = STR("");

	if (size < 2 || size > SEGMENTS)
		return 0;
	in = rest = fuzz_copy(data + 1, size - 1);
	arena_init(&arena, 4096, 0);
	req.method = data[0] & HOW_OPTIONS ? METHOD_OPTIONS : METHOD_GET;
	req.minor = data[0] & HOW_OLD ? 0 : 1;
	str_split(&rest, '\n', &req.target);
	str_split(&rest, '\n', &host);
	if (rest.n == 0 && host.n == 0)
		host = STR("a");
	judge_authority(req.target);
	judge_authority(host);
	if (req.target.n && req.target.p[0] == '/')
		judge_path(str_first(req.target, strcspn(arena_str(&arena, req.target).p, "?")),
			   &arena);
	if (h1_target_parse(&req, &arena) == REASON_COMPLETE) {
		judge_forms(&req);
		judge_host(&req, data[0], host);
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
