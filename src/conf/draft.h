/* A configuration while it is being made from libconfig's tree; private to conf/. Reading
 * goes on after a mistake, so that one run shows them all: whoever finds one adds it to the
 * list and leaves the default. */
#ifndef HPCBAL_CONF_DRAFT_H
#define HPCBAL_CONF_DRAFT_H

#include "conf/conf.h"
#include "conf/options.h"
#include "conf/syntax.h"

struct draft {
	struct conf *conf;
	const struct conf_source *source;
	struct diags *diags;
	struct conf_timeouts timeouts; /* of the top: what frontends and backends begin with */
	unsigned n_servers;            /* so far */
	bool *used;                    /* by backend: a route or a default names it */
	bool check_says_tls;           /* the backend's check, whose servers are read */
	bool check_says_http2;
	unsigned n_limits;             /* of all frontends */
	unsigned n_binds;
	struct conf_bind *binds[CONF_MAX_BINDS]; /* of all frontends */
};

/* At the setting's line. */
void draft_fault(struct draft *d, const config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void draft_warn(struct draft *d, const config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "in line 7", for a message about `s`. */
struct diag_place draft_place(const struct draft *d, const config_setting_t *s, unsigned line);

/* Cleared, in the configuration's arena; NULL when there is no memory or n is 0. */
void *draft_array(struct draft *d, size_t n, size_t size);
struct str draft_str(struct draft *d, struct str s);

#endif
