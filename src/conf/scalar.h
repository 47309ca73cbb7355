/* One setting, judged and stored by its row; private to conf/. */
#ifndef HPCBAL_CONF_SCALAR_H
#define HPCBAL_CONF_SCALAR_H

#include "conf/draft.h"

/* One value by one row; false when it was wrong, which is then in the list. */
bool scalar_read(struct draft *d, const config_setting_t *s, const struct option *o, void *base);
/* Whether the setting is of the row's type, from afar: a text may still be malformed. */
bool scalar_is(const config_setting_t *s, enum option_type type);
void scalar_default(struct draft *d, const struct option *o, void *base);
/* False: the text is empty or holds what no text may, and the list has it now. */
bool scalar_check_text(struct draft *d, const config_setting_t *s, const struct option *o);
/* The same question without a word, and for TYPE_NAME whether it is a name. */
bool scalar_text_good(const config_setting_t *s, enum option_type type);

#endif
