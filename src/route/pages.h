/* Error pages of a configuration, judged before anything is served with them. Pure. */
#ifndef HPCBAL_ROUTE_PAGES_H
#define HPCBAL_ROUTE_PAGES_H

#include "conf/conf.h"

/* What is wrong in a page goes to `diags`, with the line of the setting and that of the page. */
void pages_judge(const struct conf *conf, const struct conf_source *source, struct diags *diags);

#endif
