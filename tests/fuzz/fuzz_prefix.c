/* A prefix and a path, there and back: what goes to the server is under its prefix, names no host
 * and hides no dot segment, and whatever a server answers with, the client is not led to another
 * host than the server named. Three lines: the client's prefix, the server's, a path or a field's
 * value; the first byte says how. */
#include "fuzzing.h"
#include "http/fields.h"
#include "http/path.h"
#include "http/prefix.h"

static struct arena arena;

/* What a configuration may say. */
static bool read_prefix(struct str text, struct str *written, struct str *plain)
{
	char *to = arena_alloc(&arena, text.n + 1);
	struct str path, match;

	*written = text;
	*plain = http_path_plain(text, to);
	if (text.n == 0)
		return true;
	if (text.p[0] != '/' || text.p[text.n - 1] == '/' || str_find_char(text, '\\') >= 0 ||
	    str_find_char(text, '?') >= 0 || str_find_char(text, '\0') >= 0 ||
	    str_find_char(text, '#') >= 0)
		return false;
	return http_path_normalise(text, &arena, &path, &match) == REASON_COMPLETE &&
	       str_eq(path, text) && str_eq(match, *plain) && plain->p[plain->n - 1] != '/';
}

static bool names_host(struct str s)
{
	return s.n > 1 && s.p[0] == '/' && (s.p[1] == '/' || s.p[1] == '\\');
}

static void judge_there(const struct http_prefix *p, struct str raw)
{
	struct str path, match, out = STR_NONE, again, plain;

	if (!raw.n || raw.p[0] != '/' || str_find_char(raw, '?') >= 0 ||
	    str_find_char(raw, '\0') >= 0 ||
	    http_path_normalise(raw, &arena, &path, &match) != REASON_COMPLETE)
		return;
	/* As a condition sees it. */
	must((http_path_under(path, p->client_plain) >= 0) ==
	     (str_begins(match, p->client_plain) &&
	      (match.n == p->client_plain.n || match.p[p->client_plain.n] == '/')));
	if (!http_prefix_to_server(p, path, &arena, &out))
		return;
	must(out.p[0] == '/' && http_path_under(out, p->server_plain) >= 0);
	must(p->server.n || !names_host(out));
	must(http_path_normalise(out, &arena, &again, &plain) == REASON_COMPLETE);
	must(str_eq(again, out));
	/* What conditions saw behind the client's prefix stands behind the server's. */
	must(str_eq(str_from(plain, p->server_plain.n),
		    match.n > p->client_plain.n ? str_from(match, p->client_plain.n) :
		    p->server.n ? STR("") : STR("/")));
}

static void judge_back(const struct http_prefix *p, struct str name, struct str value)
{
	const struct http_prefix_names names = { STR("www.example.org"),
						 { STR("app:8080"), STR("10.0.0.1:8080") } };
	struct http_fields fields;
	struct http_field *f;

	if (str_find_char(value, '\0') >= 0 || str_find_char(value, '\r') >= 0)
		return;
	http_fields_init(&fields);
	f = http_fields_add(&fields, &arena);
	*f = (struct http_field){ .name = name, .value = str_trim(value) };
	must(http_prefix_mend(p, &names, &fields, &arena));
	if (!fields.untidy)
		return;
	must(str_begins(f->line, name) && str_ends(f->line, STR("\r\n")));
	must(str_find(f->line, f->value) >= 0);
	if (str_eq(name, STR("Location"))) {
		must(!names_host(f->value) || str_ibegins(f->value, STR("//www.example.org")));
		must(f->value.p[0] == '/' || str_ibegins(f->value, STR("http")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in, rest, client = STR_NONE, server = STR_NONE;
	struct http_prefix p;

	if (size < 2 || size > 4096)
		return 0;
	in = rest = fuzz_copy(data + 1, size - 1);
	arena_init(&arena, 4096, 0);
	str_split(&rest, '\n', &client);
	str_split(&rest, '\n', &server);
	p.told = data[0] & 1;
	if (read_prefix(client, &p.client, &p.client_plain) &&
	    read_prefix(server, &p.server, &p.server_plain)) {
		judge_there(&p, rest);
		judge_back(&p, STR("Location"), rest);
		judge_back(&p, STR("Refresh"), rest);
		judge_back(&p, STR("Set-Cookie"), rest);
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
