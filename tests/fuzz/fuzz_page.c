/* An error page: what is judged good is put together whole, and a value stands where a plainer
 * reader finds its name; what is not is still only spans of page and values. */
#include "fuzzing.h"
#include "http/page.h"

static size_t length_of(const struct str *parts, unsigned n)
{
	size_t length = 0;

	for (unsigned i = 0; i < n; i++)
		length += parts[i].n;
	return length;
}

/* Byte by byte: the length with every value two bytes long. */
static size_t expected(struct str page)
{
	size_t length = 0;

	for (size_t i = 0; i < page.n;) {
		struct str rest = str_from(page, i);

		if (str_begins(rest, STR("$${"))) {
			length += 2;
			i += 3;
		} else if (str_begins(rest, STR("${"))) {
			length += 2;
			while (page.p[i] != '}')
				i++;
			i++;
		} else {
			length++;
			i++;
		}
	}
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str page = fuzz_copy(data, size), parts[PAGE_PARTS_MAX];
	struct page_values values;
	struct page_fault fault;
	struct arena arena;
	unsigned n;

	arena_init(&arena, 4096, 0);
	for (unsigned i = 0; i < PAGE_VALUES; i++)
		values.of[i] = STR("ab");
	n = page_parts(page, &values, parts);
	must(n >= 1 && n <= PAGE_PARTS_MAX);
	if (page_judge(page, &fault))
		must(length_of(parts, n) == expected(page));
	else
		must(fault.line >= 1);
	/* As a value of JSON, whatever it is, it stays within its quotes. */
	values.of[PAGE_TEXT] = page;
	must(page_escape(HTTP_FORM_JSON, &values, &arena));
	for (size_t i = 0; i < values.of[PAGE_TEXT].n; i++) {
		unsigned char c = (unsigned char)values.of[PAGE_TEXT].p[i];

		must(c >= 0x20 && c < 0x7f && c != '"');
	}
	values.of[PAGE_TEXT] = page;
	must(page_escape(HTTP_FORM_HTML, &values, &arena));
	must(str_find_char(values.of[PAGE_TEXT], '<') < 0);
	must(str_find_char(values.of[PAGE_TEXT], '"') < 0);
	arena_free(&arena);
	fuzz_free(page);
	return 0;
}
