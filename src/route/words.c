#include "route/words.h"

#define ARG WORD_ARG
#define OPTIONAL WORD_OPTIONAL
#define ALONE WORD_ALONE
#define FOLD WORD_FOLD
#define HTTP WORD_HTTP

static const struct word words[] = {
#define WORD(name, sample, match, flags, help)                                                    \
	{ { name, sizeof(name) - 1 }, SAMPLE_##sample, MATCH_##match, flags, help },
#include "route/words.def"
#undef WORD
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

/* What people who know HAProxy may type, and what it is called here. */
static const struct {
	const char *theirs, *ours;
} aliases[] = {
	{ "and", "nothing: terms side by side mean AND" },
	{ "&&", "nothing: terms side by side mean AND" },
	{ "not", "!" },
	{ "if", "nothing: the condition begins at once" },
	{ "true", "always" },
	{ "always_true", "always" },
	{ "ssl_fc", "tls" },
	{ "ssl_fc_sni", "sni" },
	{ "req.ssl_sni", "sni" },
	{ "req_ssl_sni", "sni" },
	{ "url_param", "query(NAME)" },
	{ "urlp", "query(NAME)" },
	{ "cook", "cookie(NAME)" },
	{ "req.cook", "cookie(NAME)" },
	{ "req.hdr", "hdr(NAME)" },
	{ "req.fhdr", "hdr(NAME)" },
	{ "hdr_dom", "host_end" },
	{ "header", "hdr(NAME)" },
};

static struct str base_name(struct str token)
{
	ptrdiff_t bracket = str_find_char(token, '(');

	return bracket < 0 ? token : str_first(token, (size_t)bracket);
}

const struct word *word_find(struct str token)
{
	struct str name = base_name(token);

	for (size_t i = 0; i < N_WORDS; i++)
		if (str_eq(words[i].name, name))
			return &words[i];
	return NULL;
}

const char *word_nearest(struct str token)
{
	struct str name = base_name(token);
	unsigned best = 3; /* farther is no likeness */
	const char *nearest = NULL;

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (str_ieq(str_of(aliases[i].theirs), name))
			return aliases[i].ours;
	for (size_t i = 0; i < N_WORDS; i++) {
		unsigned distance = str_distance(words[i].name, name);

		if (distance < best && distance < name.n) {
			best = distance;
			nearest = words[i].name.p;
		}
	}
	return nearest;
}

bool word_match_method(struct str name, enum match *match)
{
	static const struct {
		const char *name;
		enum match match;
	} methods[] = {
		{ "found", MATCH_FOUND }, { "str", MATCH_EXACT }, { "beg", MATCH_BEG },
		{ "end", MATCH_END },     { "sub", MATCH_SUB },   { "dir", MATCH_DIR },
		{ "reg", MATCH_REG },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (str_eq(str_of(methods[i].name), name)) {
			*match = methods[i].match;
			return true;
		}
	}
	return false;
}
