/* The setting "balance" of a backend: a word, and of some a name behind it. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))
#define ALL_WORDS                                                                                 \
	"\"roundrobin\", \"leastconn\", \"source\", \"uri\", \"hdr(NAME)\", "                    \
	"\"query(NAME)\", \"cookie(NAME)\", \"random\" or \"first\""

struct row {
	const char *word;
	const char *of;    /* what it has to name, and an example; NULL: it names nothing */
	const char *alias; /* what others call it */
	bool http_only;
};

static const struct row rows[] = {
	[CONF_BALANCE_ROUNDROBIN] = { "roundrobin", NULL, "static-rr rr", false },
	[CONF_BALANCE_LEASTCONN] = { "leastconn", NULL, "least_conn", false },
	[CONF_BALANCE_SOURCE] = { "source", NULL, "src ip_hash", false },
	[CONF_BALANCE_URI] = { "uri", NULL, "path", true },
	[CONF_BALANCE_HDR] = { "hdr", "a field; write it as in \"hdr(X-User)\"",
			       "header", true },
	[CONF_BALANCE_QUERY] = { "query",
				 "a parameter; write it as in \"query(user)\"", "url_param",
				 true },
	[CONF_BALANCE_COOKIE] = { "cookie",
				  "a cookie; write it as in \"cookie(JSESSIONID)\"", "cook",
				  true },
	[CONF_BALANCE_RANDOM] = { "random", NULL, NULL, false },
	[CONF_BALANCE_FIRST] = { "first", NULL, NULL, false },
};

#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static int find_row(struct str word)
{
	for (int i = 0; i < ROWS; i++)
		if (str_eq(str_of(rows[i].word), word))
			return i;
	return -1;
}

static int nearest_row(struct str word)
{
	unsigned least = option_near_limit(word) + 1;
	int best = -1;

	for (int i = 0; i < ROWS; i++) {
		unsigned distance = str_distance(str_of(rows[i].word), word);

		if (rows[i].alias && words_find(rows[i].alias, word) >= 0)
			return i;
		if (distance < least) {
			least = distance;
			best = i;
		}
	}
	return best;
}

static void fail_word(struct draft *d, const config_setting_t *s, struct str text, struct str word)
{
	int near = nearest_row(word);

	if (near < 0)
		draft_fault(d, s, "balance has no word \"%.*s\"; write " ALL_WORDS, SHOWN(text));
	else
		draft_fault(d, s, "balance has no word \"%.*s\"; write \"%s%s\"", SHOWN(text),
			    rows[near].word, rows[near].of ? "(NAME)" : "");
}

/* Of a parameter: all that does not end its name. */
static bool is_parameter(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (strchr("&;=?# ", name.p[i]))
			return false;
	return name.n > 0;
}

/* "(X-User)" */
static bool read_of(struct str text, enum conf_balance kind, struct str *of)
{
	if (!str_begins(text, STR("(")) || !str_ends(text, STR(")")) || text.n < 3)
		return false;
	*of = (struct str){ text.p + 1, text.n - 2 };
	return kind == CONF_BALANCE_QUERY ? is_parameter(*of) : value_is_token(*of);
}

static bool names_well(struct draft *d, const config_setting_t *s, struct conf_backend *b)
{
	const struct row *r = &rows[b->balance];
	struct str rest = str_from(b->balance_text, strlen(r->word));

	if (!r->of && rest.n == 0)
		return true;
	if (!r->of)
		draft_fault(d, s,
			    "balance = \"%.*s\" has a name behind it that says nothing; write "
			    "\"%s\"",
			    SHOWN(b->balance_text), r->word);
	else if (!read_of(rest, b->balance, &b->balance_of))
		draft_fault(d, s, "balance = \"%.*s\" has to name %s", SHOWN(b->balance_text),
			    r->of);
	else
		return true;
	return false;
}

void build_balance(struct draft *d, const config_setting_t *group, struct conf_backend *b)
{
	const config_setting_t *s = section_member(group, SECTION_BACKEND, "balance");
	ptrdiff_t end = str_find_char(b->balance_text, '(');
	struct str word = end < 0 ? b->balance_text : str_first(b->balance_text, (size_t)end);
	int row = find_row(word);

	if (!s || !scalar_text_good(s, TYPE_TEXT))
		return;
	if (row < 0) {
		fail_word(d, s, b->balance_text, word);
		return;
	}
	b->balance = (enum conf_balance)row;
	if (names_well(d, s, b) && b->mode == CONF_MODE_TCP && rows[row].http_only)
		draft_fault(d, s,
			    "in mode \"tcp\" nobody sees requests, so that balance = \"%.*s\" "
			    "has nothing to choose by; write \"source\", or mode = \"http\"",
			    SHOWN(b->balance_text));
}
