/* Where a request would go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"

#define WORDS_MAX (5 + CALL_HEADERS)

/* The words of the request, ours to free. */
struct words {
	char *word[WORDS_MAX];
	int n;
	size_t size;
};

static bool add(struct words *w, const char *name, const char *value)
{
	size_t size = value ? strlen(name) + strlen(value) + 1 : 0;
	char *text = size ? malloc(size) : NULL;

	if (!value)
		return true;
	if (!text)
		return false;
	snprintf(text, size, "%s%s", name, value);
	w->word[w->n++] = text;
	w->size += size;
	return true;
}

static enum control_exit ask(const struct call *c, struct words *w)
{
	bool good = add(w, "", c->command->name) && add(w, "", c->argv[0]) &&
		    add(w, "", c->argv[1]) && add(w, "from=", c->from) &&
		    add(w, "frontend=", c->frontend);

	for (int i = 0; good && i < c->n_headers; i++)
		good = add(w, "header=", c->headers[i]);
	if (!good)
		return call_complain(CONTROL_REFUSED, "out of memory");
	if (w->size > CONTROL_REQUEST_MAX)
		return call_complain(CONTROL_USAGE,
				     "the request is too long to be asked about; %d bytes at most",
				     CONTROL_REQUEST_MAX);
	return call_ask(c, w->word, w->n, CALL_TIMEOUT_MS, NULL);
}

enum control_exit ctl_explain(const struct call *c)
{
	struct words w = {.n = 0};
	enum control_exit status;

	if (c->argc < 2 || !*c->argv[0] || !*c->argv[1])
		return call_complain(CONTROL_USAGE,
				     "usage: hpcbalctl explain METHOD URL [--from ADDRESS] "
				     "[--frontend NAME] [--header \"NAME: VALUE\"]...");
	if (c->n_headers > CALL_HEADERS)
		return call_complain(CONTROL_USAGE, "%d fields are too many; %d at most",
				     c->n_headers, CALL_HEADERS);
	status = ask(c, &w);
	for (int i = 0; i < w.n; i++)
		free(w.word[i]);
	return status;
}
