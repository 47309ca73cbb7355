#include "web/page.h"

#include <stdio.h>

#include "base/assert.h"
#include "net/digest.h"

/* As it is, with no step that could change a byte of it. */
__asm__(".section .rodata\n"
	".global hpcbal_page\n"
	"hpcbal_page:\n"
	".incbin \"" HPCBAL_PAGE "\"\n"
	".global hpcbal_page_end\n"
	"hpcbal_page_end:\n"
	".byte 0\n"
	".previous\n");

extern const char hpcbal_page[], hpcbal_page_end[];

#define DIGEST_BYTES 32
#define DIGEST_TEXT 45

struct str page_text(void)
{
	return (struct str){hpcbal_page, (size_t)(hpcbal_page_end - hpcbal_page)};
}

/* What stands between the two. */
static struct str part_of(struct str text, struct str begin, struct str end)
{
	ptrdiff_t at = str_find(text, begin), n;

	must(at >= 0);
	text = str_from(text, (size_t)at + begin.n);
	n = str_find(text, end);
	must(n >= 0);
	return str_first(text, (size_t)n);
}

static unsigned hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* In base64. */
static void digest(struct str part, char to[DIGEST_TEXT])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char bytes[DIGEST_BYTES + 1] = {0};
	char text[65];
	size_t n = 0;

	digest_sha256_hex(part, text);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		bytes[i] = (unsigned char)(hex(text[2 * i]) << 4 | hex(text[2 * i + 1]));
	for (size_t i = 0; i < DIGEST_BYTES; i += 3) {
		unsigned three = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 |
				 (i + 2 < DIGEST_BYTES ? bytes[i + 2] : 0u);

		for (unsigned shift = 24; shift > 0;) {
			shift -= 6;
			to[n++] = letters[three >> shift & 63];
		}
	}
	to[DIGEST_TEXT - 2] = '=';
	to[DIGEST_TEXT - 1] = '\0';
}

const char *page_policy(void)
{
	static char policy[512];
	char script[DIGEST_TEXT], style[DIGEST_TEXT];

	if (*policy)
		return policy;
	digest(part_of(page_text(), STR("<script>"), STR("</script>")), script);
	digest(part_of(page_text(), STR("<style>"), STR("</style>")), style);
	snprintf(policy, sizeof(policy),
		 "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; "
		 "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
		 "frame-ancestors 'none'",
		 script, style);
	return policy;
}
