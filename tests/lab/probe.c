/* A client that opens a new connection every so many microseconds, asks for a page and notes
   when each attempt was begun, how it ended, and when. One line an attempt on standard output
   at SIGTERM: BEGUN ENDED HOW, in microseconds of the monotonic clock.
     probe ADDRESS PORT INTERVAL_US TIMEOUT_MS */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS_MAX = 1 << 18, EVENTS_MAX = 64 };

struct attempt {
	int64_t begun, ended;
	const char *how;	/* NULL while it goes on */
	int fd;
	int asked;
};

static struct attempt attempts[ATTEMPTS_MAX];
static size_t count, oldest;
static union {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} target;
static socklen_t target_size;
static int poller;

static const char question[] = "GET / HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n";

static void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static void end_attempt(struct attempt *a, const char *how)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (a->how)
		return;
	a->ended = now_us();
	a->how = how;
	/* No port may be left in TIME_WAIT: there are more attempts than ports. */
	setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(a->fd);
}

static const char *word_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "refused";
	case ECONNRESET:
	case EPIPE:
		return "reset";
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
		return "unreachable";
	default:
		return "failed";
	}
}

static void begin_attempt(void)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.u64 = count };
	struct attempt *a = &attempts[count];

	if (count == ATTEMPTS_MAX)
		return;
	a->begun = now_us();
	a->fd = socket(target.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		die("socket");
	count++;
	if (connect(a->fd, &target.any, target_size) < 0 && errno != EINPROGRESS) {
		end_attempt(a, word_of(errno));
		return;
	}
	if (epoll_ctl(poller, EPOLL_CTL_ADD, a->fd, &event) < 0)
		die("epoll_ctl");
}

static void ask(struct attempt *a, size_t number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error && send(a->fd, question, sizeof(question) - 1, MSG_NOSIGNAL) < 0)
		error = errno;
	if (error) {
		end_attempt(a, word_of(error));
		return;
	}
	a->asked = 1;
	if (epoll_ctl(poller, EPOLL_CTL_MOD, a->fd, &event) < 0)
		die("epoll_ctl");
}

static void hear(struct attempt *a)
{
	char buffer[512];
	ssize_t n = recv(a->fd, buffer, sizeof(buffer), 0);

	if (n < 0)
		end_attempt(a, word_of(errno));
	else if (n == 0)
		end_attempt(a, "closed");
	else if (n >= 12 && memcmp(buffer + 9, "200", 3) == 0)
		end_attempt(a, "ok");
	else
		end_attempt(a, "bad");
}

static void end_late_ones(int64_t timeout)
{
	int64_t now = now_us();

	for (; oldest < count; oldest++) {
		struct attempt *a = &attempts[oldest];

		if (!a->how && now - a->begun < timeout)
			return;
		end_attempt(a, "timeout");
	}
}

static void parse_target(const char *address, const char *port)
{
	if (inet_pton(AF_INET, address, &target.v4.sin_addr) == 1) {
		target.v4.sin_family = AF_INET;
		target.v4.sin_port = htons((uint16_t)atoi(port));
		target_size = sizeof(target.v4);
	} else if (inet_pton(AF_INET6, address, &target.v6.sin6_addr) == 1) {
		target.v6.sin6_family = AF_INET6;
		target.v6.sin6_port = htons((uint16_t)atoi(port));
		target_size = sizeof(target.v6);
	} else {
		errno = EINVAL;
		die(address);
	}
}

/* Gets ahead of what else runs here: the lateness of the measure is none of the measured. */
static void get_ahead(void)
{
	struct sched_param first = { .sched_priority = 1 };
	struct rlimit files = { .rlim_cur = 65536, .rlim_max = 65536 };

	sched_setscheduler(0, SCHED_RR, &first);
	setrlimit(RLIMIT_NOFILE, &files);
}

static int open_timer(int64_t interval)
{
	struct itimerspec every = {
		.it_interval = { .tv_sec = interval / 1000000,
				 .tv_nsec = interval % 1000000 * 1000 },
		.it_value = { .tv_nsec = 1 },
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) < 0)
		die("timerfd");
	return fd;
}

static int open_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void watch(int fd, uint64_t name)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = name };

	if (fd < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

static void handle(uint64_t number)
{
	struct attempt *a = &attempts[number];

	if (a->how)
		return;
	if (a->asked)
		hear(a);
	else
		ask(a, number);
}

static void go_on_until_told(int timer, int64_t timeout)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t ticks;

	for (;;) {
		int n = epoll_wait(poller, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == UINT64_MAX - 1)
				return;
			if (events[i].data.u64 < ATTEMPTS_MAX)
				handle(events[i].data.u64);
			else if (read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
				begin_attempt();
		}
		end_late_ones(timeout);
	}
}

int main(int argc, char **argv)
{
	int timer;

	if (argc != 5) {
		fprintf(stderr, "usage: probe ADDRESS PORT INTERVAL_US TIMEOUT_MS\n");
		return 2;
	}
	parse_target(argv[1], argv[2]);
	get_ahead();
	poller = epoll_create1(EPOLL_CLOEXEC);
	watch(open_end(), UINT64_MAX - 1);
	timer = open_timer(atoll(argv[3]));
	watch(timer, UINT64_MAX);
	go_on_until_told(timer, atoll(argv[4]) * 1000);
	for (size_t i = 0; i < count; i++)
		printf("%lld %lld %s\n", (long long)attempts[i].begun,
		       (long long)(attempts[i].how ? attempts[i].ended : 0),
		       attempts[i].how ? attempts[i].how : "open");
	return 0;
}
