/* Which form of an answer a client would rather have, by Accept (RFC 9110 12.5.1). Pure. */
#ifndef HPCBAL_HTTP_ACCEPT_H
#define HPCBAL_HTTP_ACCEPT_H

#include "http/message.h"

enum http_form { HTTP_FORM_HTML, HTTP_FORM_JSON };

/* The one with the higher weight; of equal ones the one that was named more closely, then the one
 * named first: who asks for JSON and takes anything else gets JSON. Without Accept, or when
 * neither is wanted, HTML. A type that ends with "+json" is JSON; parameters of a type are passed
 * over, and so is an element that is malformed. */
enum http_form http_accept_form(const struct http_fields *fields);
/* The same of one field's value. */
enum http_form http_accept_form_of(struct str value);

#endif
