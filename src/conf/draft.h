/* A configuration while it is being made from libconfig's tree; private to conf/. Reading
 * goes on after a mistake, so that one run shows them all: whoever finds one adds it to the
 * list and leaves the default. */
#ifndef HPCBAL_CONF_DRAFT_H
#define HPCBAL_CONF_DRAFT_H

#include "conf/conf.h"
#include "conf/options.h"
#include "conf/syntax.h"

struct draft {
	struct conf *conf;
	const struct conf_source *source;
	struct diags *diags;
	struct conf_timeouts timeouts; /* of the top: what frontends and backends begin with */
	unsigned n_servers;            /* so far */
	bool *used;                    /* by backend: a route or a default names it */
	unsigned n_binds;
	struct conf_bind *binds[CONF_MAX_BINDS]; /* of all frontends */
};

/* At the setting's line. */
void draft_fault(struct draft *d, const config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void draft_warn(struct draft *d, const config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "in line 7", for a message about `s`. */
struct diag_place draft_place(const struct draft *d, const config_setting_t *s, unsigned line);

/* Cleared, in the configuration's arena; NULL when there is no memory or n is 0. */
void *draft_array(struct draft *d, size_t n, size_t size);
struct str draft_str(struct draft *d, struct str s);

/* The defaults of a section's rows into the struct that their fields are in. */
void section_defaults(struct draft *d, enum option_section section, void *base);
/* Judges every setting of a group by the section's rows and stores what has a field. Groups
 * and lists that are carried out are only looked at for their type: whoever calls builds
 * them from section_member(). With `base` NULL nothing is stored. */
void section_read(struct draft *d, const config_setting_t *group, enum option_section section,
		  void *base);
/* A member with a right type, or NULL: left out, or wrong and said so by section_read(). */
config_setting_t *section_member(const config_setting_t *group, enum option_section section,
				 const char *name);
/* Of a member that is a good text (or STR_NONE), copied into the arena. */
struct str section_text(struct draft *d, const config_setting_t *group,
			enum option_section section, const char *name);
/* The fields of a section's rows, hashed, for the fingerprint. */
uint64_t section_hash(enum option_section section, const void *base, uint64_t h);

/* One value by one row; false when it was wrong, which is then in the list. */
bool scalar_read(struct draft *d, const config_setting_t *s, const struct option *o, void *base);
/* Whether the setting is of the row's type, from afar: a text may still be malformed. */
bool scalar_is(const config_setting_t *s, enum option_type type);
void scalar_default(struct draft *d, const struct option *o, void *base);
/* False: the text is empty or holds what no text may, and the list has it now. */
bool scalar_check_text(struct draft *d, const config_setting_t *s, const struct option *o);
/* The same question without a word, and for TYPE_NAME whether it is a name. */
bool scalar_text_good(const config_setting_t *s, enum option_type type);

/* The builders. */
void build_backends(struct draft *d, const config_setting_t *list);
void build_frontends(struct draft *d, const config_setting_t *list);
/* `inherited` may be NULL: begins with the defaults. */
void build_check(struct draft *d, const config_setting_t *group,
		 const struct conf_check *inherited, struct conf_check *check);
/* Once the backend's servers have theirs: what a check left out is taken from elsewhere. */
void build_check_finish(struct conf_check *check);

#endif
