/* Text → libconfig's tree, each setting of which knows its place in the text. */
#ifndef HPCBAL_CONF_SYNTAX_H
#define HPCBAL_CONF_SYNTAX_H

#include <libconfig.h>

#include "conf/conf.h"
#include "conf/scan.h"

struct place {
	struct str name; /* empty: an element of a list */
	struct str text; /* the value's first word as written */
	unsigned line;   /* of the value, in the flattened text */
	unsigned parent; /* index of its group or list */
};

struct syntax {
	config_t config;
	struct place *places; /* [0] is the top, then in the order of the text */
	unsigned n_places, room;
};

/* False: the first mistake of syntax is in `diags`. syntax_free() in both cases. */
bool syntax_read(struct syntax *y, const struct conf_source *source, struct diags *diags);
void syntax_free(struct syntax *y);

const struct place *syntax_place(const config_setting_t *s);
unsigned syntax_line(const config_setting_t *s);
struct str syntax_name(const config_setting_t *s);
/* The text of a setting that is one; lives as long as the tree. */
struct str syntax_text(const config_setting_t *s);

#endif
