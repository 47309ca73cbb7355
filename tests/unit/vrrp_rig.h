/* A virtual router on a fake clock: an event is told, and what the machine wants done comes
 * back as one line, to be compared with. The timer is not in the line; run() turns it. */
#ifndef HPCBAL_TESTS_UNIT_VRRP_RIG_H
#define HPCBAL_TESTS_UNIT_VRRP_RIG_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vrrp/fsm.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MS CLOCK_MS
#define SEC CLOCK_SEC

static struct vrouter_config cfg;
static struct vrouter v;
static struct vrouter_plan plan;
static uint64_t now;
static struct vrrp_ip vip;
static char line[8192];
static size_t line_n;

static inline struct vrrp_ip node(unsigned last)
{
	uint8_t bytes[4] = { 10, 9, 0, (uint8_t)last };

	return vrrp_ip_v4(bytes);
}

__attribute__((format(printf, 1, 2))) static inline void add_text(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line_n += (size_t)vsnprintf(line + line_n, sizeof(line) - line_n, fmt, args);
	va_end(args);
	ck_assert_uint_lt(line_n, sizeof(line));
}

static inline void add_ip(const struct vrrp_ip *ip)
{
	char text[VRRP_IP_TEXT];

	if (ip->size)
		add_text(" %s", vrrp_ip_format(ip, text));
}

static inline void add_action(const struct vrouter_action *a)
{
	if (a->act == VROUTER_ARM)
		return;
	add_text(line_n ? ", " : "");
	if (a->act == VROUTER_STATE) {
		add_text("%s>%s %s", vrouter_state_name(a->from), vrouter_state_name(a->to),
			 vrouter_reason_name(a->why));
		return;
	}
	add_text("%s", vrouter_act_name(a->act));
	if (a->act == VROUTER_SEND)
		add_text(" %u", a->priority);
	if (a->act == VROUTER_ADD || a->act == VROUTER_RENEW)
		add_text(" %us", a->lifetime_s);
	if (a->act == VROUTER_ANNOUNCE)
		add_text(" %u", a->count);
	if (a->act == VROUTER_NOTE) {
		add_text(" %s", vrouter_note_name(a->note));
		add_ip(&a->peer);
	}
	if (a->act == VROUTER_OUTCOME) {
		add_text(" %s", vrouter_outcome_name(a->outcome));
		add_ip(&a->taker);
	}
}

static inline void step(struct vrouter_event e)
{
	vrouter_step(&v, &cfg, &e, now, &plan);
	for (unsigned i = 0; i < plan.n; i++)
		add_action(&plan.actions[i]);
}

static inline const char *tell_event(struct vrouter_event e)
{
	line_n = 0;
	line[0] = 0;
	step(e);
	return line;
}

#define tell(...) tell_event((struct vrouter_event){ __VA_ARGS__ })
#define start() tell(.what = VROUTER_START)
#define stop() tell(.what = VROUTER_STOP)
#define lost() tell(.what = VROUTER_ADDRESS_LOST)
#define send_failed() tell(.what = VROUTER_SEND_FAILED)
#define demote() tell(.what = VROUTER_DEMOTE, .demote = { .until = TIMES_NEVER })
#define promote() tell(.what = VROUTER_PROMOTE)
#define fault(name) tell(.what = VROUTER_FAULT_ON, .faults = VROUTER_FAULT_##name)
#define no_fault(name) tell(.what = VROUTER_FAULT_OFF, .faults = VROUTER_FAULT_##name)

static inline const char *hear_interval(unsigned priority, unsigned from, uint64_t interval)
{
	struct vrrp_advert a = { .source = node(from), .priority = (uint8_t)priority,
				 .interval = interval };

	return tell(.what = VROUTER_ADVERT, .advert = &a);
}

static inline const char *hear(unsigned priority, unsigned from)
{
	return hear_interval(priority, from, cfg.format.interval);
}

/* The timer fires whenever it is due, until `until`. What happened is one line. */
static inline const char *run_to(uint64_t until)
{
	line_n = 0;
	line[0] = 0;
	while (v.armed <= until) {
		now = v.armed;
		step((struct vrouter_event){ .what = VROUTER_TIMER });
	}
	now = until;
	return line;
}

static inline const char *run(uint64_t us)
{
	return run_to(now + us);
}

/* To the instant of the timer, which fires. */
static inline const char *fire(void)
{
	ck_assert(v.armed != TIMES_NEVER);
	now = v.armed > now ? v.armed : now;
	return tell(.what = VROUTER_TIMER);
}

static inline unsigned count_of(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

static inline void use(uint8_t version, uint64_t interval, uint8_t priority)
{
	vip = node(100);
	cfg = (struct vrouter_config){
		.format = { .version = version, .vrid = 51, .interval = interval,
			    .addresses = &vip, .n_addresses = 1 },
		.priority = priority, .preempt = true, .announce = { .count = 1 },
	};
	ck_assert_ptr_null(vrrp_format_error(&cfg.format));
	now = 1000 * SEC;
	vrouter_init(&v, &cfg);
	tell(.what = VROUTER_SOURCE, .source = node(10));
}

static inline uint64_t down(void)
{
	return times_down(cfg.format.version, vrouter_priority(&v), v.master_interval);
}

/* Started, and master because nobody else is. */
static inline void use_master(uint8_t version, uint64_t interval, uint8_t priority)
{
	use(version, interval, priority);
	start();
	run(down());
	ck_assert_int_eq(v.state, VROUTER_MASTER);
}

/* Started, and following a master of priority 200 at .20. */
static inline void use_backup(uint8_t version, uint64_t interval, uint8_t priority)
{
	use(version, interval, priority);
	start();
	hear(200, 20);
	ck_assert_int_eq(v.state, VROUTER_BACKUP);
	ck_assert(vrrp_ip_eq(&v.master, &(struct vrrp_ip){ 4, { 10, 9, 0, 20 } }));
}

#define says(got, want) ck_assert_str_eq(got, want)

#endif
