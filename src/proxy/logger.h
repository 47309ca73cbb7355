/* The access log's writer: a ring of bytes for each worker, one thread that empties them
 * to the target in batches. A worker never waits: a line that finds its ring full is
 * dropped and counted. A target that stands still holds up this thread only. */
#ifndef HPCBAL_PROXY_LOGGER_H
#define HPCBAL_PROXY_LOGGER_H

#include "base/log.h"
#include "base/stats.h"
#include "base/str.h"

struct logger;

/* `lost` is called in the writer's thread (at most once a second) when the target refuses
 * lines (a restarted syslogd, a full disk); it asks the supervisor for a new descriptor. */
struct logger *logger_start(unsigned n_workers, struct proxy_stats *stats,
			    void (*lost)(void *arg), void *arg);
/* Writes what is in the rings, for at most a second, and ends the thread. No worker puts
 * lines any more. What is not written is counted as dropped. */
void logger_stop(struct logger *l);
/* The descriptor (owned from here on; -1 with LOG_KIND_NONE) that lines go to from now on. */
void logger_target(struct logger *l, enum log_kind kind, int fd, int facility);
/* Worker `w`'s thread only. One line without a line end. */
void logger_put(struct logger *l, unsigned w, struct str line);
/* True when lines are worth formatting: there is a target. */
bool logger_wanted(const struct logger *l);

#endif
