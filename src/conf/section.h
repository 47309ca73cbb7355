/* A group of settings, judged and stored by the rows of its section; private to conf/. */
#ifndef HPCBAL_CONF_SECTION_H
#define HPCBAL_CONF_SECTION_H

#include "conf/draft.h"

/* The defaults of a section's rows into the struct that their fields are in. */
void section_defaults(struct draft *d, enum option_section section, void *base);
/* Judges every setting of a group by the section's rows and stores what has a field. Groups
 * and lists that are carried out are only looked at for their type: whoever calls builds
 * them from section_member(). With `base` NULL nothing is stored. */
void section_read(struct draft *d, const config_setting_t *group, enum option_section section,
		  void *base);
/* In mode tcp: a fault for each setting that means nothing there. */
void section_check_tcp(struct draft *d, const config_setting_t *group,
		       enum option_section section);
/* A member with a right type, or NULL: left out, or wrong and said so by section_read(). */
config_setting_t *section_member(const config_setting_t *group, enum option_section section,
				 const char *name);
/* Of a member that is a good text (or STR_NONE), copied into the arena. */
struct str section_text(struct draft *d, const config_setting_t *group,
			enum option_section section, const char *name);
/* The fields of a section's rows, hashed, for the fingerprint. */
uint64_t section_hash(enum option_section section, const void *base, uint64_t h);

#endif
