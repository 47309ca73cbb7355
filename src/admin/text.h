/* Texts and times for people and for JSON. */
#ifndef HPCBAL_ADMIN_TEXT_H
#define HPCBAL_ADMIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2026-02-06T11:14:14.655Z", "2026-02-06 12:14:14": both fit. */
#define TEXT_TIME 32

/* What another process wrote could move the reader's cursor: control characters become '?',
 * and so does every byte above 0x7f when the text is no UTF-8. Line ends stay with `lines`. */
void text_clean(char *text, bool lines);
/* The time between two instants, short: "12s", "5m", "3h", "4d". Never negative. */
const char *text_age(char to[TEXT_TIME], uint64_t from_us, uint64_t now_us);
/* In two steps: "4m 10s", "3d 4h". */
const char *text_uptime(char to[TEXT_TIME], uint64_t from_us, uint64_t now_us);
/* A time that passed, or is to pass, as exact as it is short: "0.4ms", "40ms", "1.2s", "5m". */
const char *text_lapse(char to[TEXT_TIME], uint64_t us);
/* An interval as it would be written in a configuration: "1s", "100ms". */
const char *text_interval(char to[TEXT_TIME], uint64_t us);
/* UTC with milliseconds. False: 0, which means never, or no year of four digits. */
bool text_iso_time(char to[TEXT_TIME], uint64_t wall_us);
/* Local time for people; "never" for 0. */
const char *text_local_time(char to[TEXT_TIME], uint64_t wall_us);

#define TEXT_BYTES 16
/* Short, in units of 1024: "512", "1.2K", "34M". */
const char *text_bytes(char to[TEXT_BYTES], uint64_t n);
/* "-" for the empty text. */
const char *text_or_dash(const char *text);
/* The letter that a word gets when there are not one but several. */
const char *text_plural(uint64_t n);

#endif
