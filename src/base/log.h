/* The agent's own messages (not the access log): what changed state and why, warnings,
 * errors. One line a call, to the descriptor given to log_open(); with LOG_KIND_SYSLOG
 * each line is one RFC 3164 datagram. Any thread may call; a line that would block is
 * dropped and counted. A message says what happened, to whom, at which step, and what to do. */
#ifndef HPCBAL_BASE_LOG_H
#define HPCBAL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "base/str.h"

enum log_kind { LOG_KIND_STDERR, LOG_KIND_SYSLOG, LOG_KIND_FILE, LOG_KIND_NONE };

/* `ident` is the process's role, a literal ("proxy"); `facility` as in <syslog.h>. The
 * descriptor is borrowed. May be called again to change the target: when it returns, no thread
 * writes to the former descriptor any more. */
void log_open(enum log_kind kind, int fd, int facility, const char *ident);
/* Also to stderr, while a person may be watching (start, foreground). */
void log_echo(bool on);
void log_msg(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line of another process, which speaks through this one: `whose` role it is. */
void log_relay(const char *whose, int pid, int level, struct str text);
/* The same with a line that log_msg() wrote there to standard error, as long as it had no log
 * yet; false for any other line. */
bool log_relay_line(const char *whose, struct str line);
uint64_t log_dropped(void);

#define log_error(...) log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)

#endif
