/* The transaction that takes a new configuration, the first one included:
 *
 *   IDLE → LOADING → WAITING → PREPARING → COMMITTING → FOLLOWING → IDLE
 *                     └ LEAVING (an upgrade: the rest is its successor's)
 *
 * The loader child reads and judges the file (LOADING); children that are just coming up on
 * the old one, or ending, are let finish (WAITING); sockets are opened and all services that
 * the new one wants prepare (PREPARING); the proxy takes it (COMMITTING). Anything else on
 * the way refuses the whole, and everything is as before. With the proxy's COMMITTED it is
 * decided: the others take what they said they could (FOLLOWING), and one that fails now
 * is started again on the new one. So no virtual address comes before there is somebody who
 * serves it. A request that comes meanwhile is carried out afterwards.
 *
 * An upgrade is such a run, too: a new program's loader reads the file, this one leaves, and
 * what became of it prepares. */
#ifndef HPCBAL_SUPERVISOR_RELOAD_H
#define HPCBAL_SUPERVISOR_RELOAD_H

#include "supervisor/child.h"
#include "supervisor/edition.h"
#include "supervisor/service.h"

#define RELOAD_LOADER_US (30 * CLOCK_SEC)

enum reload_state {
	RELOAD_IDLE,
	RELOAD_LOADING,
	RELOAD_WAITING,
	RELOAD_LEAVING,
	RELOAD_PREPARING,
	RELOAD_COMMITTING,
	RELOAD_FOLLOWING
};

struct reload;

struct reload_calls {
	/* Descriptor of the binary whose loader reads the file. -1, and lines in `report`. */
	int (*program)(struct reload *r, bool upgrades);
	void (*begun)(struct reload *r);
	/* An upgrade: the file is good, and in `bundle`, `brief` and `keys`. Does not return, or
	 * ends with reload_refuse(). */
	void (*leave)(struct reload *r);
	/* The file is good; what it says is in `next`. False (and lines in `report`): refused. */
	bool (*loaded)(struct reload *r);
	/* It is decided: the proxy serves `running`, the others are about to follow. */
	void (*decided)(struct reload *r);
	/* They were told so; the old one is freed behind this. */
	void (*taken)(struct reload *r);
	/* The end of run `run`: `running` is the new one, or nothing has changed. `report` has
	 * the warnings, or why. */
	void (*done)(struct reload *r, bool ok);
};

struct reload {
	struct loop *loop;
	bool listen; /* what the loader writes to standard error goes to the log */
	const char *config;
	const char *installed; /* path of the program that an upgrade takes; for messages */
	struct service *services; /* SERVICES of them, the proxy first */
	const struct reload_calls *calls;

	enum reload_state state;
	uint64_t run; /* which one this is, or the last was; the first is 1 */
	bool again;   /* another was asked for meanwhile */
	bool upgrades; /* this one, or the last, is an upgrade */
	bool files_only; /* this one is to take certificates and keys, and nothing else */
	bool upgrade_asked; /* one was asked for meanwhile */
	bool stopped;
	struct child loader;
	struct loop_timer limit;
	int bundle, brief, keys; /* from the loader; -1: none */
	bool faults;       /* it found any */
	struct report report;
	struct edition *next;
	struct edition *running; /* NULL before the first */
	uint64_t numbers;        /* the last generation number given away */
};

/* After the members above `state` were set. */
void reload_init(struct reload *r, struct loop *l);
/* Asks for a run; returns its number, for done(). */
uint64_t reload_ask(struct reload *r);
/* The same because certificates or keys have changed: refused when more has. */
void reload_ask_files(struct reload *r);
/* Asks for an upgrade; while there is one, it is that. */
void reload_ask_upgrade(struct reload *r);
/* The upgrade cannot go on; `why` has lines. */
void reload_refuse(struct reload *r, const char *why);
/* The successor's part of an upgrade; `running` is its predecessor's. The descriptors become the
 * reload's. */
void reload_adopt(struct reload *r, int bundle, int brief, int keys, const char *warnings);
/* The upgrade's end where it began. */
void reload_resume(struct reload *r, const char *why);
/* What a service says. */
void reload_prepared(struct reload *r);
void reload_committed(struct reload *r, struct service *s);
void reload_failed(struct reload *r, struct service *s, const char *why);
void reload_settled(struct reload *r);
/* Gives up what is under way, for good, without a call to done(). */
void reload_stop(struct reload *r);
const char *reload_state_name(enum reload_state s);

#endif
