/* What `top` shows. Pure: the same snapshots in the same view are the same lines. */
#ifndef HPCBAL_CTL_TOP_SCREEN_H
#define HPCBAL_CTL_TOP_SCREEN_H

#include "admin/snapshot.h"
#include "ctl/top_lines.h"
#include "ctl/top_view.h"

/* Fills `to` (zeroed) with exactly `height` lines of at most `width` columns. Rates are between
 * `before`, which may be NULL, and `now`. The view gets its page and its lines, and its offset is
 * taken back into them. False: out of memory; then `to` is empty. */
bool top_screen(const struct snapshot *before, const struct snapshot *now, struct top_view *v,
		unsigned width, unsigned height, struct top_lines *to);

#endif
