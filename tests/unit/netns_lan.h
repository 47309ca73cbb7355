/* Two network namespaces joined by one veth cable, made by this process for itself: nothing
 * of it is seen outside, and it is gone when the process ends. Needs root and iproute2. */
#ifndef HPCBAL_TESTS_NETNS_LAN_H
#define HPCBAL_TESTS_NETNS_LAN_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "vrrp/packet.h"

/* Side A: interface va, 02:00:00:00:00:01, 10.9.0.1/24, 2001:db8:9::1/64, fe80::1;
 * side B: vb, …:02, 10.9.0.2/24, 2001:db8:9::2/64, fe80::2. */
struct netns_lan {
	int a, b;
};

/* Ends the test when it fails; stays in side A. From here on the test, and all that it starts, is
 * real-time, as the vrrp process is: what it shows is no matter of what else the machine does. */
struct netns_lan netns_lan_make(void);
void netns_enter(int namespace);
/* A command of the shell, in the namespace that was entered last. Ends the test when it fails. */
void netns_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What such a command prints, at most 4095 bytes; valid until the next call. */
const char *netns_output(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For good: this process has no rights any more. */
void netns_give_up_root(void);
/* Runs the suite, or says why it cannot and returns 77. */
int netns_run_suite(Suite *s);

/* For a hang, not for a busy machine. */
#define PATIENCE_US (40 * CLOCK_SEC)

/* Ends the test when `condition` does not become true. */
#define WAIT_FOR(condition)                                                                 \
	do {                                                                                \
		uint64_t until_ = clock_now_us() + PATIENCE_US;                             \
		while (!(condition)) {                                                      \
			ck_assert_msg(clock_now_us() < until_, "line %d: waited in vain: %s", \
				      __LINE__, #condition);                                \
			usleep(1000);                                                       \
		}                                                                           \
	} while (0)

struct vrrp_ip ip_of(const char *text);
bool readable(int fd, uint64_t wait_us);

#endif
