/* The value of Accept: what a plainer reader that counts weights finds, and no element in front of
 * it or behind it that says nothing changes that. */
#include "fuzzing.h"
#include "http/accept.h"

/* Elements that are plain, with a weight of one digit, as
 * "type/subtype;q=0.5": bytes choose among them. */
static struct str plain_value(struct str choices, unsigned weights[2], struct arena *arena)
{
	static const char *const types[] = { "text/html", "application/json", "image/png", "x/y" };
	struct str value = STR_NONE;

	weights[0] = weights[1] = 0;
	for (size_t i = 0; i < choices.n && i < 64; i++) {
		unsigned type = (unsigned char)choices.p[i] % 4;
		unsigned weight = (unsigned char)choices.p[i] / 4 % 10;

		value = arena_printf(arena, "%.*s%s%s;q=0.%u", STR_ARGS(value), value.n ? "," : "",
				     types[type], weight);
		must(value.p);
		if (type < 2 && weight > weights[type])
			weights[type] = weight;
	}
	return value;
}

/* Who is heavier wins, whatever the order. */
static void of_choices(struct str choices, struct arena *arena)
{
	unsigned weights[2];
	struct str value = plain_value(choices, weights, arena);
	enum http_form form = http_accept_form_of(value);

	if (weights[0] != weights[1])
		must(form == (weights[1] > weights[0] ? HTTP_FORM_JSON : HTTP_FORM_HTML));
	else if (weights[0] == 0)
		must(form == HTTP_FORM_HTML);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str value = fuzz_copy(data, size), more;
	enum http_form form = http_accept_form_of(value);
	struct arena arena;

	arena_init(&arena, 4096, 0);
	must(form == HTTP_FORM_HTML || form == HTTP_FORM_JSON);
	more = arena_printf(&arena, ", image/png;q=1,%.*s", STR_ARGS(value));
	must(more.p);
	if (!memchr(data, '\0', size ? size : 0))
		must(http_accept_form_of(more) == form);
	of_choices(value, &arena);
	arena_free(&arena);
	fuzz_free(value);
	return 0;
}
