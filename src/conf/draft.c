#include "conf/draft.h"

#include <stdarg.h>
#include <stdio.h>

void draft_fault(struct draft *d, const config_setting_t *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(d->diags, d->source, DIAG_ERROR, syntax_line(s), "%s", text);
}

void draft_warn(struct draft *d, const config_setting_t *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(d->diags, d->source, DIAG_WARNING, syntax_line(s), "%s", text);
}

struct diag_place draft_place(const struct draft *d, const config_setting_t *s, unsigned line)
{
	return diag_place(d->source, syntax_line(s), line);
}

void *draft_array(struct draft *d, size_t n, size_t size)
{
	return n ? arena_zalloc(&d->conf->arena, n * size) : NULL;
}

struct str draft_str(struct draft *d, struct str s)
{
	return arena_str(&d->conf->arena, s);
}
