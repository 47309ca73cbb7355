/* The raw query of a target against query(NAME): what a plainer reader finds, and the same in
 * the head that it came in; and it goes out byte for byte. */
#include "pairs.h"
#include "http/h1_write.h"

/* Byte by byte: pairs end with "&" or ";", the first "=" of one begins its value. */
static unsigned expected(struct str query)
{
	size_t start = 1, eq = 0;
	unsigned holds = 0;

	for (size_t i = 1; i <= query.n && query.n > 1; i++) {
		char c = i < query.n ? query.p[i] : '&';

		if (c == '=' && !eq)
			eq = i;
		if (c != '&' && c != ';')
			continue;
		if ((eq ? eq : i) - start == 1 && query.p[start] == 'a') {
			struct str value = { query.p + i, 0 };

			if (eq)
				value = (struct str){ query.p + eq + 1, i - eq - 1 };
			holds |= pairs_of_value(value);
		}
		start = i + 1;
		eq = 0;
	}
	return holds;
}

static void in_a_head(struct str query, unsigned holds, struct arena *arena)
{
	struct str head = arena_printf(arena, "GET /p%.*s HTTP/1.1\r\nHost: h\r\n\r\n",
				       STR_ARGS(query)), out;
	struct h1_forwarding fw = { .on = false };
	struct http_request req;
	struct h1_parser parser;
	struct iovq queue;
	enum reason why;

	if (str_find_char(query, ' ') >= 0 || str_find_char(query, '\n') >= 0)
		return; /* what came behind would be the query's to say */
	h1_parser_reset(&parser);
	if (h1_parse_request(&parser, head, &fuzz_strict, arena, &req, &why) != HTTP_OK)
		return;
	must(str_eq(req.query, query) && str_eq(req.path, STR("/p")));
	must(pairs_asked(&req) == holds);
	iovq_init(&queue);
	must(h1_write_request(&req, &fw, &queue, arena));
	out = fuzz_flatten(&queue, arena);
	must(str_eq(out, head));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request req = { .method_text = STR("GET"), .path = STR("/p"),
				    .match_path = STR("/p") };
	struct str text = fuzz_copy(data, size);
	struct arena arena;
	unsigned holds;

	pairs_prepare("query");
	arena_init(&arena, 4096, 0);
	req.query = arena_printf(&arena, "%s%.*s", size ? "?" : "", STR_ARGS(text));
	holds = pairs_asked(&req);
	must(holds == expected(req.query));
	in_a_head(req.query, holds, &arena);
	arena_free(&arena);
	fuzz_free(text);
	return 0;
}
