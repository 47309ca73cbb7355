#include "http/page.h"

#include "http/text.h"

static const struct str names[PAGE_VALUES] = {
#define PAGE(name, value, help) [PAGE_##value] = { (name), sizeof(name) - 1 },
#include "http/page.def"
#undef PAGE
};

static const char built_in_html[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<title>${status} ${phrase}</title>\n"
	"</head>\n"
	"<body>\n"
	"<h1>${status} ${phrase}</h1>\n"
	"<p>${text}</p>\n"
	"<p><small>Request ID: ${request_id}</small></p>\n"
	"</body>\n"
	"</html>\n";

static const char built_in_json[] =
	"{\"status\":${status},\"title\":\"${phrase}\",\"detail\":\"${text}\","
	"\"reason\":\"${reason}\",\"request_id\":\"${request_id}\"}\n";

struct str page_built_in(enum http_form form)
{
	return form == HTTP_FORM_JSON ? STR(built_in_json) : STR(built_in_html);
}

struct str page_type(enum http_form form)
{
	return form == HTTP_FORM_JSON ? STR("application/json") : STR("text/html; charset=utf-8");
}

/* What stands at a "$", and how many bytes it has. */
enum place { PLACE_TEXT, PLACE_VALUE, PLACE_DOLLAR, PLACE_FAULT };

static bool value_find(struct str name, enum page_value *value)
{
	for (unsigned i = 0; i < PAGE_VALUES; i++)
		if (str_eq(names[i], name)) {
			*value = (enum page_value)i;
			return true;
		}
	return false;
}

static enum place look(struct str rest, size_t *size, enum page_value *value,
		       struct page_fault *fault)
{
	ptrdiff_t end;

	*size = 1;
	if (str_begins(rest, STR("$${"))) {
		*size = 3;
		return PLACE_DOLLAR;
	}
	if (!str_begins(rest, STR("${")))
		return PLACE_TEXT;
	end = str_find_char(rest, '}');
	*fault = (struct page_fault){ PAGE_NO_END, STR_NONE, 0 };
	if (end < 0)
		return PLACE_FAULT;
	fault->kind = PAGE_NO_NAME;
	fault->name = (struct str){ rest.p + 2, (size_t)end - 2 };
	*size = (size_t)end + 1;
	return value_find(fault->name, value) ? PLACE_VALUE : PLACE_FAULT;
}

static unsigned line_of(struct str page, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += page.p[i] == '\n';
	return line;
}

/* From `at` on; the next "$", or the end. */
static size_t dollar_from(struct str page, size_t at)
{
	ptrdiff_t found = str_find_char(str_from(page, at), '$');

	return found < 0 ? page.n : at + (size_t)found;
}

bool page_judge(struct str page, struct page_fault *fault)
{
	enum page_value value = PAGE_STATUS;
	unsigned places = 0;
	size_t size;

	*fault = (struct page_fault){ PAGE_NO_END, STR_NONE, 0 };
	for (size_t at = dollar_from(page, 0); at < page.n; at = dollar_from(page, at + size)) {
		enum place place = look(str_from(page, at), &size, &value, fault);

		if (place == PLACE_TEXT)
			continue;
		if (place != PLACE_FAULT && ++places <= PAGE_PLACES_MAX)
			continue;
		if (place != PLACE_FAULT)
			*fault = (struct page_fault){ PAGE_TOO_MANY, STR_NONE, 0 };
		fault->line = line_of(page, at);
		return false;
	}
	return true;
}

unsigned page_parts(struct str page, const struct page_values *values,
		    struct str parts[PAGE_PARTS_MAX])
{
	unsigned n = 0;
	size_t from = 0, size;
	struct page_fault fault;
	enum page_value value = PAGE_STATUS;

	for (size_t at = dollar_from(page, 0); at < page.n; at = dollar_from(page, at + size)) {
		enum place place = look(str_from(page, at), &size, &value, &fault);

		if (place == PLACE_TEXT)
			continue;
		if (place == PLACE_FAULT || n + 2 >= PAGE_PARTS_MAX)
			break;
		parts[n++] = (struct str){ page.p + from, at - from };
		parts[n++] = place == PLACE_VALUE ? values->of[value] : STR("${");
		from = at + size;
	}
	parts[n++] = str_from(page, from);
	return n;
}

static struct str html_escape(char c)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '"':
		return STR("&quot;");
	case '\'':
		return STR("&#39;");
	default:
		return STR_NONE;
	}
}

/* A byte that is not ASCII stands for the character of its number: what is shown is text. */
static struct str json_escape(char c, char to[6])
{
	unsigned char byte = (unsigned char)c;

	if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\')
		return STR_NONE;
	memcpy(to, "\\u00", 4);
	to[4] = "0123456789abcdef"[byte >> 4];
	to[5] = "0123456789abcdef"[byte & 15];
	return (struct str){ to, 6 };
}

static struct str escape_of(enum http_form form, char c, char to[6])
{
	return form == HTTP_FORM_JSON ? json_escape(c, to) : html_escape(c);
}

static bool needs_escape(enum http_form form, struct str s)
{
	char to[6];

	for (size_t i = 0; i < s.n; i++)
		if (escape_of(form, s.p[i], to).n)
			return true;
	return false;
}

bool page_escape(enum http_form form, struct page_values *values, struct arena *arena)
{
	for (unsigned i = 0; i < PAGE_VALUES; i++) {
		struct str s = values->of[i];
		struct http_text t;
		char to[6];

		if (!needs_escape(form, s))
			continue;
		if (!http_text_init(&t, arena, 6 * s.n))
			return false;
		for (size_t k = 0; k < s.n; k++) {
			struct str code = escape_of(form, s.p[k], to);

			http_text_add(&t, code.n ? code : (struct str){ &s.p[k], 1 });
		}
		values->of[i] = http_text_since(&t, 0);
	}
	return true;
}
