/* Writes hpcbal.conf(5): a template from standard input to standard output, in which the line
 * "@OPTIONS@" becomes a list of all settings and "@CONDITIONS@" one of the words of
 * conditions and "@REASONS@" why requests end, from the very tables that the program reads. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "conf/options.h"
#include "conf/value.h"

#define COLUMNS 76

/* A word that mdoc moves to its neighbours when it stands in a macro's line. */
static bool is_delimiter(struct str s, size_t at)
{
	return strchr("()[]|.,:;?!", s.p[at]) && (at == 0 || s.p[at - 1] == ' ') &&
	       (at + 1 == s.n || s.p[at + 1] == ' ');
}

/* A line of text: what mdoc would take for its own is hidden. */
static void print_escaped(struct str s)
{
	if (s.n && s.p[0] == '\'')
		fputs("\\&", stdout);
	for (size_t i = 0; i < s.n; i++) {
		struct str rest = str_from(s, i);

		if (is_delimiter(s, i) || (i == 0 && s.p[0] == '.'))
			fputs("\\&", stdout);
		if (str_begins(rest, STR("…"))) {
			fputs("...", stdout);
			i += STR("…").n - 1;
		} else if (s.p[i] == '\\') {
			fputs("\\e", stdout);
		} else if (s.p[i] == '"') {
			fputs("\\(dq", stdout);
		} else {
			putchar(s.p[i]);
		}
	}
}

/* How many bytes of it fill a line, as it is printed: an escaped quote takes four. */
static size_t line_of(struct str s)
{
	size_t blank = 0, columns = 0;

	for (size_t i = 0; i < s.n; i++) {
		columns += s.p[i] == '"' ? 4 : 1;
		if (columns > COLUMNS && blank)
			return blank;
		if (s.p[i] == ' ')
			blank = i;
	}
	return s.n;
}

/* Lines of up to COLUMNS, as a person would write them. */
static void print_lines(struct str rest)
{
	while (rest.n) {
		size_t n = line_of(rest);

		print_escaped(str_first(rest, n));
		putchar('\n');
		rest = str_trim(str_from(rest, n));
	}
}

/* A new sentence begins a new line. */
static void print_sentences(const char *text)
{
	struct str rest = str_of(text);

	while (rest.n) {
		ptrdiff_t end = str_find(rest, STR(". "));

		print_lines(end < 0 ? rest : str_first(rest, (size_t)end + 1));
		rest = end < 0 ? STR_NONE : str_from(rest, (size_t)end + 2);
	}
}

static void print_quoted(struct str s, const char *end)
{
	printf(".Ql \"");
	print_escaped(s);
	printf("\" %s\n", end);
}

static void print_words(const char *words)
{
	struct str rest = str_of(words), w;

	printf("One of\n");
	while (str_split(&rest, ' ', &w))
		print_quoted(w, rest.n ? "," : ".");
}

static void print_bound(const struct option *o, int64_t v, char *to, size_t size)
{
	if (o->type == TYPE_DURATION)
		value_format(value_durations, (uint64_t)v, to, size);
	else if (o->type == TYPE_SIZE)
		value_format(value_sizes, (uint64_t)v, to, size);
	else
		snprintf(to, size, "%" PRId64, v);
}

static void print_range(const struct option *o)
{
	char min[32], max[32];

	if (o->type != TYPE_INT && o->type != TYPE_INT_BY_NODE && o->type != TYPE_DURATION &&
	    o->type != TYPE_SIZE)
		return;
	print_bound(o, o->min, min, sizeof(min));
	print_bound(o, o->max, max, sizeof(max));
	printf("From %s to %s%s.\n", min, max, o->unlimited ? ", or \\(dqunlimited\\(dq" : "");
}

static void print_default(const struct option *o)
{
	if (o->required) {
		printf("It has to be there.\n");
	} else if (o->dflt) {
		printf("Default:\n");
		print_quoted(str_of(o->dflt), ".");
	} else if (o->dflt_text) {
		printf("Default: ");
		print_escaped(str_of(o->dflt_text));
		printf(".\n");
	}
}

static void print_example(const struct option *o)
{
	char text[512];

	if (!option_write_example(o, text, sizeof(text)))
		abort();
	printf("Example:\n.Dl ");
	print_escaped(str_of(text));
	printf("\n");
}

static void print_status(const struct option *o)
{
	if (o->status == STATUS_LIVE)
		return;
	printf("This version does not carry it out, which is %s.\n",
	       o->status == STATUS_LATER_ERROR ? "an error" : "a warning");
}

static void print_option(const struct option *o)
{
	printf(".It Cm %s No (%s)\n", o->name, option_type_text(o->type));
	print_sentences(o->help);
	if (o->words)
		print_words(o->words);
	print_range(o);
	print_default(o);
	if (o->http_only)
		printf("Not in mode tcp.\n");
	print_status(o);
	print_example(o);
}

static void print_options(void)
{
	for (int s = 0; s < SECTION_COUNT; s++) {
		const char *path = section_path((enum option_section)s);

		printf(".Ss %s\n.Bl -tag -width Ds\n", path[0] ? path : "The top");
		for (unsigned i = 0; i < options_count; i++)
			if (options[i].section == (enum option_section)s)
				print_option(&options[i]);
		printf(".El\n");
	}
}

enum { ARG = 1, OPTIONAL = 2, ALONE = 4, FOLD = 8, HTTP = 16 };

static const struct word {
	const char *name;
	int flags;
	const char *help;
} words[] = {
#define WORD(name, sample, match, flags, help) { name, flags, help },
#include "route/words.def"
#undef WORD
};

static void print_word(const struct word *w)
{
	printf(".It Cm %s", w->name);
	if (w->flags & ARG)
		printf(" Ns Po Ar name Pc");
	if (!(w->flags & ALONE))
		printf(w->flags & OPTIONAL ? " Op Ar value ..." : " Ar value ...");
	printf("\nTrue when ");
	print_escaped(str_of(w->help));
	printf(".\n");
	if (w->flags & OPTIONAL)
		printf("Without a value: when it is there at all.\n");
	if (w->flags & FOLD)
		printf("The case of letters never matters.\n");
	if (w->flags & HTTP)
		printf("Not in mode tcp.\n");
}

static void print_conditions(void)
{
	printf(".Bl -tag -width Ds\n");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		print_word(&words[i]);
	printf(".El\n");
}

static const struct variable {
	const char *name, *help;
} variables[] = {
#define VARIABLE(name, value, help) { name, help },
#include "route/template.def"
#undef VARIABLE
};

static void print_reasons(void)
{
	printf(".Bl -tag -width \"SC 503\"\n");
	for (int r = 0; r < REASON_COUNT; r++) {
		printf(".It Li %s", reason_letters((enum reason)r));
		if (reason_status((enum reason)r))
			printf(" %u", reason_status((enum reason)r));
		printf("\n");
		print_escaped(str_of(reason_text((enum reason)r)));
		printf("\n.Pq Li %s\n", reason_name((enum reason)r));
	}
	printf(".El\n");
}

static const struct variable page_values[] = {
#define PAGE(name, value, help) { name, help },
#include "http/page.def"
#undef PAGE
};

static void print_variables(const struct variable *list, size_t count)
{
	printf(".Bl -tag -width Ds\n");
	for (size_t i = 0; i < count; i++) {
		size_t n = strcspn(list[i].name, "(");

		printf(".It Li ${%.*s%s}\n", (int)n, list[i].name, list[i].name[n] ? "(NAME)" : "");
		print_escaped(str_of(list[i].help));
		printf("\n");
	}
	printf(".El\n");
}

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "@OPTIONS@\n") == 0)
			print_options();
		else if (strcmp(line, "@CONDITIONS@\n") == 0)
			print_conditions();
		else if (strcmp(line, "@VARIABLES@\n") == 0)
			print_variables(variables, sizeof(variables) / sizeof(variables[0]));
		else if (strcmp(line, "@PAGES@\n") == 0)
			print_variables(page_values,
					sizeof(page_values) / sizeof(page_values[0]));
		else if (strcmp(line, "@REASONS@\n") == 0)
			print_reasons();
		else
			fputs(line, stdout);
	}
	return fflush(stdout) == 0 && !ferror(stdout) && !ferror(stdin) ? EXIT_SUCCESS
									: EXIT_FAILURE;
}
