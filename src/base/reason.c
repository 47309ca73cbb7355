#include "base/reason.h"

#include "base/assert.h"

struct row {
	const char *name, *letters, *text;
	unsigned status;
};

static const struct row rows[REASON_COUNT] = {
#define REASON(name, status, letters, text) { #name, letters, text, status },
#include "base/reason.def"
#undef REASON
};

static const struct row *row_of(enum reason r)
{
	must((unsigned)r < REASON_COUNT);
	return &rows[r];
}

const char *reason_name(enum reason r)
{
	return row_of(r)->name;
}

unsigned reason_status(enum reason r)
{
	return row_of(r)->status;
}

const char *reason_letters(enum reason r)
{
	return row_of(r)->letters;
}

const char *reason_text(enum reason r)
{
	return row_of(r)->text;
}
