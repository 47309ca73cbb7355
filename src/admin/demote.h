/* What demote and promote answer: steps, printed as they come, and one result a virtual
 * router. Takes the bodies of the packets s and r (ipc/control.h) and trusts none. */
#ifndef HPCBAL_ADMIN_DEMOTE_H
#define HPCBAL_ADMIN_DEMOTE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

struct demote; /* what was told so far */

enum demote_form {
	DEMOTE_TEXT,  /* for people */
	DEMOTE_NAMED, /* likewise, with the virtual router's name before each step */
	DEMOTE_JSON   /* one document at the end */
};

/* NULL: out of memory. */
struct demote *demote_new(enum demote_form form, FILE *out, FILE *err);
void demote_free(struct demote *d);
/* A client_request's tell(), with the struct demote as `arg`. What cannot be read is dropped. */
void demote_tell(void *arg, char kind, struct str body);
/* At the end of the answer: a line a result, those that failed on `err`; or the document, of
 * one object or a list of several, when there is any result. False: out of memory. */
bool demote_finish(struct demote *d);

#endif
