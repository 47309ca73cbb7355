/* Raw Cookie fields, one a line, against cookie(NAME): what a plainer reader finds, and they go
 * out byte for byte. */
#include "pairs.h"
#include "http/h1_write.h"

/* From its end: the blanks around a pair are no part of it, those around its "=" are. */
static unsigned expected_of(struct str field)
{
	unsigned holds = 0;

	for (size_t end = field.n + 1; end > 0;) {
		size_t stop = end - 1, start = stop;
		struct str pair;
		ptrdiff_t eq;

		while (start > 0 && field.p[start - 1] != ';')
			start--;
		end = start;
		pair = (struct str){ field.p + start, stop - start };
		while (pair.n && (pair.p[0] == ' ' || pair.p[0] == '\t'))
			pair = str_from(pair, 1);
		while (pair.n && (pair.p[pair.n - 1] == ' ' || pair.p[pair.n - 1] == '\t'))
			pair.n--;
		eq = str_find_char(pair, '=');
		if (str_eq(pair, PAIRS_NAME))
			holds |= pairs_of_value(STR(""));
		else if (eq == 1 && pair.p[0] == 'a')
			holds |= pairs_of_value(str_from(pair, 2));
	}
	return holds;
}

static struct str head_make(struct str lines, struct arena *arena)
{
	char *text = arena_alloc(arena, lines.n * 16 + 64);
	static const char first[] = "GET / HTTP/1.1\r\nHost: h\r\n";
	size_t n = sizeof(first) - 1;
	struct str line;

	must(text);
	memcpy(text, first, n);
	while (str_split(&lines, '\n', &line)) {
		memcpy(text + n, "Cookie: ", 8);
		if (line.n)
			memcpy(text + n + 8, line.p, line.n);
		memcpy(text + n + 8 + line.n, "\r\n", 2);
		n += line.n + 10;
	}
	memcpy(text + n, "\r\n", 2);
	return (struct str){ text, n + 2 };
}

static void goes_on(const struct http_request *req, struct arena *arena)
{
	struct h1_forwarding fw = { .on = false };
	struct http_request again;
	struct h1_parser parser;
	struct iovq queue;
	enum reason why;
	struct str out;

	iovq_init(&queue);
	must(h1_write_request(req, &fw, &queue, arena));
	out = fuzz_flatten(&queue, arena);
	h1_parser_reset(&parser);
	must(h1_parse_request(&parser, out, &fuzz_strict, arena, &again, &why) == HTTP_OK);
	must(again.fields.count == req->fields.count);
	for (unsigned i = 0; i < again.fields.count; i++)
		must(str_eq(again.fields.list[i].value, req->fields.list[i].value));
	must(pairs_asked(&again) == pairs_asked(req));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = fuzz_copy(data, size), head;
	struct h1_parser parser;
	struct http_request req;
	unsigned holds = 0;
	struct arena arena;
	enum reason why;

	pairs_prepare("cookie");
	arena_init(&arena, 4096, 0);
	head = head_make(text, &arena);
	h1_parser_reset(&parser);
	if (h1_parse_request(&parser, head, &fuzz_strict, &arena, &req, &why) == HTTP_OK) {
		for (unsigned i = 0; i < req.fields.count; i++)
			if (req.fields.list[i].id == FIELD_COOKIE)
				holds |= expected_of(req.fields.list[i].value);
		must(pairs_asked(&req) == holds);
		goes_on(&req, &arena);
	}
	arena_free(&arena);
	fuzz_free(text);
	return 0;
}
