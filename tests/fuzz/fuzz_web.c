/* A client of the admin address. The first byte says in what pieces it sends the rest, and
 * whether it came to a loopback address. Each answer is a head that the plainest reader takes,
 * with a body as long as it says, and none comes that was not asked for; behind it all nobody is
 * left and nothing is held. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzzing.h"
#include "web/client.h"

#define IS_LOCAL 1
#define ANSWERS (1 << 20)

static struct web_server server;
static char answers[ANSWERS];
static size_t n_answers;

static void is_alive(struct web_server *s)
{
	(void)s;
}

static void became_idle(struct web_server *s)
{
	must(s == &server);
}

static void *board(size_t size)
{
	void *p = calloc(1, size);

	must(p);
	return p;
}

static void prepare(void)
{
	static struct web_boards b;
	struct board_proxy *proxy = board(sizeof(*proxy));
	int at = board_server_slot(proxy, STR("web"), STR("w1"), STR("10.0.0.1:80"));

	must(at == 0 && board_backend_slot(proxy, STR("web")) == 0);
	stats_set(proxy->servers[0].current, BOARD_CURRENT);
	stats_set(proxy->backends[0].current, BOARD_CURRENT);
	b.supervisor = board(sizeof(*b.supervisor));
	b.proxy = proxy;
	b.vrrp = board(sizeof(*b.vrrp));
	b.limits = board(sizeof(*b.limits));
	server_init(&server, loop_new(), is_alive, became_idle);
	must(server.loop);
	server.boards = b;
}

static void hear(int fd)
{
	ssize_t n;

	loop_turn(server.loop, 0);
	while (n_answers < ANSWERS &&
	       (n = recv(fd, answers + n_answers, ANSWERS - n_answers, MSG_DONTWAIT)) > 0)
		n_answers += (size_t)n;
}

static void say(int fd, struct str text, size_t piece)
{
	while (text.n) {
		struct str part = str_first(text, piece);

		/* It hung up, or does not read on behind an answer that ends it. */
		if (send(fd, part.p, part.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)part.n)
			return;
		text = str_from(text, part.n);
		hear(fd);
	}
}

/* A body may begin with the version, too, but not go on with a status. */
static bool is_head(struct str s)
{
	return str_begins(s, STR("HTTP/1.1 ")) && s.n > 9 && s.p[9] >= '1' && s.p[9] <= '5';
}

/* The body's length as the head says; the head is gone from `rest` then. */
static uint64_t take_head(struct str *rest)
{
	ptrdiff_t end = str_find(*rest, STR("\r\n\r\n"));
	struct str head, length;
	uint64_t n = 0;
	ptrdiff_t at;

	must(end >= 0 && is_head(*rest));
	head = str_first(*rest, (size_t)end + 4);
	fuzz_judge_head(head);
	at = str_find(head, STR("\r\nContent-Length: "));
	must(at >= 0);
	length = str_from(head, (size_t)at + 18);
	must(str_to_u64(str_first(length, (size_t)str_find_char(length, '\r')), &n));
	*rest = str_from(*rest, head.n);
	return n;
}

/* One that answered HEAD has no body: the next head, or the end, stands where it would be. */
static unsigned judge_answers(void)
{
	struct str rest = {answers, n_answers};
	unsigned n = 0;

	for (; rest.n; n++) {
		uint64_t length = take_head(&rest);

		if (rest.n && !is_head(rest)) {
			must(length <= rest.n);
			rest = str_from(rest, (size_t)length);
		}
	}
	return n;
}

static unsigned count_lines(struct str text)
{
	unsigned n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void serve(struct str text, uint8_t how)
{
	const struct addr peer = {.u.sa.sa_family = AF_UNIX, .len = sizeof(sa_family_t)};
	size_t piece = how >> 1 ? how >> 1 : 4096;
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	client_begin(&server, pair[0], &peer);
	must(server.n_clients == 1);
	list_of(server.clients.next, struct web_client, link)->local = how & IS_LOCAL;
	n_answers = 0;
	say(pair[1], text, piece);
	/* A request takes one turn to be answered, and has a line at least. */
	for (unsigned i = count_lines(text) + 2; i > 0; i--)
		hear(pair[1]);
	must(judge_answers() <= count_lines(text) + 1);
	close(pair[1]);
	/* Well before any of its deadlines. As a rule the first turn sees the end; but whoever
	 * looks at our descriptors in /proc just then holds the other side open for a moment
	 * longer. */
	for (unsigned i = 0; i < 500 && server.n_clients; i++)
		loop_turn(server.loop, i < 4 ? 0 : 1000);
	must(server.n_clients == 0);
	must(server.held == 0);
	loop_turn(server.loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text;

	if (!server.loop)
		prepare();
	if (size < 1 || size > 4096)
		return -1;
	text = fuzz_copy(data + 1, size - 1);
	serve(text, data[0]);
	fuzz_free(text);
	return 0;
}
