/* Why an exchange ended: the rows of reason.def. */
#ifndef HPCBAL_BASE_REASON_H
#define HPCBAL_BASE_REASON_H

enum reason {
#define REASON(name, status, letters, text) REASON_##name,
#include "base/reason.def"
#undef REASON
	REASON_COUNT
};

/* "REQ_LINE" */
const char *reason_name(enum reason r);
/* 0 when hpcbal answers nothing for it. */
unsigned reason_status(enum reason r);
/* Two letters. */
const char *reason_letters(enum reason r);
const char *reason_text(enum reason r);

#endif
