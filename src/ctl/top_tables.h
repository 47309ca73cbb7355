/* The tables of `top`. Pure. */
#ifndef HPCBAL_CTL_TOP_TABLES_H
#define HPCBAL_CTL_TOP_TABLES_H

#include "ctl/top_lines.h"
#include "ctl/top_rates.h"
#include "ctl/top_view.h"

/* All of them, whatever the height. */
void top_tables(struct top_lines *to, const struct snapshot *s, const struct top_rates *r,
		const struct top_view *v, unsigned width);

#endif
