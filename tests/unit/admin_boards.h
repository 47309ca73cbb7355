/* Boards as a daemon would have written them, made by hand, for the tests of admin/. */
#ifndef HPCBAL_TESTS_ADMIN_BOARDS_H
#define HPCBAL_TESTS_ADMIN_BOARDS_H

#include "base/clock.h"
#include "ipc/board.h"

#define NOW 1770376454655000ull /* 2026-02-06T11:14:14.655Z */
#define AGO(s) (NOW - (s) * CLOCK_SEC)
/* The same instant of the clock that never jumps. */
#define MONO (5000 * CLOCK_SEC)
#define MONO_AGO(s) (MONO - (s) * CLOCK_SEC)

extern struct board_supervisor *sup;
extern struct board_proxy *proxy;
extern struct board_vrrp *vrrp;

void boards_setup(void);
void boards_teardown(void);

void boards_fill_supervisor(void);
/* http_front and admin_front; web_backend (web1, web2) and app_backend (app1). Slots in
 * another order than the file's: app1, web2, web1. */
void boards_fill_proxy(void);
struct board_server *boards_add_server(const char *backend, const char *name, uint32_t order);
struct board_server *boards_put_down(unsigned slot, const char *why);

/* A vrrp process that runs, and two virtual routers: VI_1, MASTER with two addresses, a peer
 * and two trackers; VI_2, BACKUP. All is well with them. */
void boards_fill_vrrp(void);

#endif
