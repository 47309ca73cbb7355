/* The table of options: one row of options.def each. The checker, the defaults, the
 * fingerprint of a backend and the option list of hpcbal.conf(5) all read it. */
#ifndef HPCBAL_CONF_OPTIONS_H
#define HPCBAL_CONF_OPTIONS_H

#include "base/str.h"

enum option_section {
#define SECTION(id, place, path) SECTION_##id,
#include "conf/options.def"
	SECTION_COUNT
};

enum option_type {
	TYPE_BOOL,
	TYPE_INT,
	TYPE_DURATION, /* µs */
	TYPE_SIZE,     /* bytes */
	TYPE_TEXT,
	TYPE_LINES, /* a text that may have several */
	TYPE_NAME, /* of an object, or of a place where one is named */
	TYPE_WORD, /* one of `words` */
	TYPE_PATH, /* absolute */
	TYPE_LISTEN,
	TYPE_ADDRESS, /* of a server: the host may be a name */
	TYPE_GROUP,
	TYPE_GROUPS, /* a list of groups */
	TYPE_TEXTS,  /* lists of texts */
	TYPE_WORDS,
	TYPE_NETS,
	TYPE_BINDS, /* a list of listen addresses and groups */
	TYPE_FREE,  /* a group of texts, whose names the user chooses */
	TYPE_GROUP_OR_FALSE,
	TYPE_GROUP_OR_TEXT,
	TYPE_INT_BY_NODE, /* a number, or a group of numbers by node */
	TYPE_COUNT
};

enum option_status {
	STATUS_LIVE,
	STATUS_LATER_WARN, /* this version does not carry it out; no traffic changes by that */
	STATUS_LATER_ERROR /* it would change traffic */
};

enum option_kind { KIND_NONE, KIND_BOOL, KIND_U16, KIND_UNSIGNED, KIND_INT, KIND_U64, KIND_STR };

struct option_field {
	size_t at;
	enum option_kind kind;
};

struct option {
	enum option_section section;
	const char *name;
	enum option_type type;
	enum option_status status;
	enum option_section sub;   /* of TYPE_GROUP and its kin */
	struct option_field field; /* KIND_NONE: whoever builds the section reads it */
	int64_t min, max;          /* max 0: no range. µs, bytes, or of a text its length */
	bool required;
	bool http_only;          /* means nothing in mode tcp */
	bool secret;             /* no message shows it, and no process but its user gets it */
	bool unlimited;          /* the word "unlimited" is possible: UINT64_MAX */
	const char *dflt;        /* as written, without quotes; NULL: none */
	const char *dflt_text;   /* for the manual, when the default is no value */
	const char *words;       /* of TYPE_WORD, blanks between; the value is the index */
	const char *alias;       /* what others call it, blanks between, for "did you mean" */
	const char *later;       /* what to do instead */
	const char *example;     /* the value as written, with quotes */
	const char *help;
};

extern const struct option options[];
extern const unsigned options_count;

/* "in a frontend" */
const char *section_place(enum option_section s);
/* "frontends", as a heading; for the top level "" */
const char *section_path(enum option_section s);

const struct option *option_find(enum option_section s, struct str name);
/* The row of this section whose name is nearest, or that has the name as an alias, or NULL when
 * none is near. */
const struct option *option_nearest(enum option_section s, struct str name, unsigned *distance);
/* Whether any section has a secret of this name, or it may be one that was misspelt. */
bool option_may_be_secret(struct str name);
/* The next row after `after` (NULL: from the first) of another section with this very name,
 * or NULL. */
const struct option *option_elsewhere(enum option_section s, struct str name,
				      const struct option *after);

/* How far apart two names may be to be taken for each other. */
unsigned option_near_limit(struct str name);

/* Index of `word` in a list with blanks between, or -1. */
int words_find(const char *words, struct str word);
/* The other way round. */
struct str words_at(const char *words, unsigned index);
/* The nearest word, or STR_NONE. */
struct str words_nearest(const char *words, struct str word);

/* The value as an example: quotes when the type has them. */
const char *option_example(const struct option *o);
/* The whole setting as somebody could write it, `name = value;`. A group without an example of its
 * own shows what it has to hold, or else its first setting. False: it does not fit. */
bool option_write_example(const struct option *o, char *to, size_t size);
const char *option_type_text(enum option_type t);

#endif
