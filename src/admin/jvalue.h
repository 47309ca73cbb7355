/* Values of JSON documents, and their printing. Those that make a value give NULL when memory
 * runs out; json_pack() then gives NULL as well, and takes care of its other arguments. */
#ifndef HPCBAL_ADMIN_JVALUE_H
#define HPCBAL_ADMIN_JVALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

json_t *jvalue_number(uint64_t v);
/* Null for the empty text. */
json_t *jvalue_text(const char *t);
/* Of the calendar; null for 0. */
json_t *jvalue_instant(uint64_t wall_us);
json_t *jvalue_ms(uint64_t us);
/* Both references are given away; the list, or NULL. */
json_t *jvalue_append(json_t *list, json_t *item);
/* Takes the reference. False: out of memory, or `document` is NULL. */
bool jvalue_print(json_t *document, FILE *out);

#endif
