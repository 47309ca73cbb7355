/* The reference timer of tests/lab/steady: a real-time thread on each core that wakes every
 * 10 ms, as a master that advertises so fast, and tells when it woke late. What held it up
 * would have held up any program of its class: that is the machine, not what runs on it.
 *
 *   reference [LATE_MS]      a line "WALL_US LATE_US CORE" for each wake-up later than that
 *                            (10 ms); ends with the worst on SIGTERM */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS 10000000ll
#define CORES 64

static atomic_bool over;
static int64_t late_us = 10000;
static int64_t worst_us[CORES];

static int64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void take_rights(long core)
{
	struct sched_param p = { .sched_priority = 50 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0 ||
	    sched_setscheduler(0, SCHED_RR, &p) != 0)
		perror("reference: not real-time, or not on its own core");
}

static void *watch(void *arg)
{
	long core = (long)(intptr_t)arg;
	int64_t due;

	take_rights(core);
	due = clock_ns(CLOCK_MONOTONIC) / EVERY_NS * EVERY_NS + EVERY_NS;
	while (!over) {
		struct timespec at = { due / 1000000000ll, due % 1000000000ll };
		int64_t late;

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
		late = (clock_ns(CLOCK_MONOTONIC) - due) / 1000;
		if (late > worst_us[core])
			worst_us[core] = late;
		if (late > late_us)
			printf("%lld %lld %ld\n", (long long)clock_ns(CLOCK_REALTIME) / 1000,
			       (long long)late, core);
		due += EVERY_NS * (late * 1000 / EVERY_NS + 1);
	}
	return NULL;
}

static void stop(int signo)
{
	(void)signo;
	over = true;
}

int main(int argc, char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[CORES];

	if (argc > 1)
		late_us = atoll(argv[1]) * 1000;
	if (cores > CORES)
		cores = CORES;
	signal(SIGTERM, stop);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (long i = 0; i < cores; i++)
		if (pthread_create(&threads[i], NULL, watch, (void *)(intptr_t)i) != 0)
			return 1;
	puts("ready");
	for (long i = 0; i < cores; i++)
		pthread_join(threads[i], NULL);
	for (long i = 0; i < cores; i++)
		printf("worst %lld %ld\n", (long long)worst_us[i], i);
	return 0;
}
