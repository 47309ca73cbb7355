#include "conf/wants.h"

#include "conf/syntax.h"
#include "conf/value.h"

static void want_host(struct wants *w, const config_setting_t *s)
{
	struct str host;
	uint16_t port;
	struct addr a;

	if (!str_eq(syntax_name(s), STR("address")))
		return;
	if (addr_parse(&a, syntax_text(s)) == ADDR_NOT_NUMERIC &&
	    addr_split(syntax_text(s), &host, &port) && value_is_host(host))
		w->host(w, host, syntax_line(s));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a condition, without quotes around it. */
static bool next_word(struct str *rest, struct str *word)
{
	char quote = 0;
	size_t n = 0;

	*rest = str_trim(*rest);
	if (rest->n && (rest->p[0] == '"' || rest->p[0] == '\'')) {
		quote = rest->p[0];
		*rest = str_from(*rest, 1);
	}
	while (n < rest->n && (quote ? rest->p[n] != quote : !is_blank(rest->p[n])))
		n++;
	*word = str_first(*rest, n);
	*rest = str_from(*rest, n + (quote != 0));
	return n > 0 || quote;
}

/* A light look at a condition: each word behind a "-f". What is wrong with the condition
 * is for route/ to say. */
static void want_files(struct wants *w, const config_setting_t *s)
{
	struct str rest = syntax_text(s), word;
	bool next = false;

	while (next_word(&rest, &word)) {
		if (next && word.n)
			w->file(w, word, syntax_line(s));
		next = !next && str_eq(word, STR("-f"));
	}
}

static bool is_condition(const config_setting_t *s)
{
	const config_setting_t *parent = config_setting_parent(s);

	return str_eq(syntax_name(s), STR("when")) ||
	       (parent && str_eq(syntax_name(parent), STR("acls")));
}

/* The member of an entry of a list "errors". */
static bool is_page(const config_setting_t *s)
{
	const config_setting_t *entry = config_setting_parent(s);
	const config_setting_t *list = entry ? config_setting_parent(entry) : NULL;

	return list && str_eq(syntax_name(list), STR("errors")) && syntax_text(s).n &&
	       (str_eq(syntax_name(s), STR("html")) || str_eq(syntax_name(s), STR("json")));
}

/* Settings in a group "tls", texts or lists of them. */
static const char *const secrets[] = { "certificates", "keys", "ticket_keys", "ca",
				       "certificate", "crl" };

static bool is_secret(const config_setting_t *s)
{
	const config_setting_t *parent = config_setting_parent(s);

	if (parent && (config_setting_is_list(parent) || config_setting_is_array(parent))) {
		s = parent;
		parent = config_setting_parent(s);
	}
	if (!parent || !str_eq(syntax_name(parent), STR("tls")))
		return false;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (str_eq(syntax_name(s), str_of(secrets[i])))
			return true;
	return false;
}

static void walk(struct wants *w, const config_setting_t *s)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		want_host(w, s);
		if (is_condition(s))
			want_files(w, s);
		if (is_page(s))
			w->page(w, syntax_text(s), syntax_line(s));
		if (is_secret(s) && syntax_text(s).n)
			w->secret(w, syntax_text(s), syntax_line(s));
	} else if (config_setting_is_aggregate(s)) {
		for (int i = 0; i < config_setting_length(s); i++)
			walk(w, config_setting_get_elem(s, (unsigned)i));
	}
}

bool wants_read(struct wants *w, const struct conf_source *source)
{
	struct syntax syntax;
	struct diags diags;
	bool good;

	diags_init(&diags);
	good = syntax_read(&syntax, source, &diags);
	if (good)
		walk(w, config_root_setting(&syntax.config));
	syntax_free(&syntax);
	diags_free(&diags);
	return good;
}
