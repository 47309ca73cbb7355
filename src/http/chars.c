#include "http/chars.h"

#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define ALPHA(c) (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define ALNUM(c) (DIGIT(c) || ALPHA(c))
#define UNRESERVED(c) (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define SUB_DELIM(c)                                                                       \
	((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' || \
	 (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')
#define TOKEN(c)                                                                           \
	(ALNUM(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' ||    \
	 (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || (c) == '^' || \
	 (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define VALUE(c) ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f))

#define KINDS(c)                                                                           \
	((TOKEN(c) ? CHAR_TOKEN : 0) | (ALNUM(c) || (c) == '-' ? CHAR_PLAIN : 0) |            \
	 ((c) > 0x20 && (c) < 0x7f && (c) != '#' ? CHAR_TARGET : 0) |                         \
	 (UNRESERVED(c) ? CHAR_UNRESERVED : 0) |                                              \
	 (UNRESERVED(c) || (SUB_DELIM(c) && (c) != ',') ? CHAR_HOST : 0) |                    \
	 (VALUE(c) ? CHAR_VALUE : 0) |                                                        \
	 (ALNUM(c) || (c) == '+' || (c) == '/' ? CHAR_BASE64 : 0) |                           \
	 (VALUE(c) && (c) != '"' && (c) != '\\' ? CHAR_QUOTED : 0))

#define FOUR(c) KINDS(c), KINDS((c) + 1), KINDS((c) + 2), KINDS((c) + 3)
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)
#define SIXTY_FOUR(c) SIXTEEN(c), SIXTEEN((c) + 16), SIXTEEN((c) + 32), SIXTEEN((c) + 48)

const uint8_t http_chars[256] = {
	SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128), SIXTY_FOUR(192)
};
