/* How long a request head takes to parse, and to parse and write. By hand, from the source's
 * top folder:
 *   cc -std=gnu11 -D_GNU_SOURCE -O2 -Isrc -o /tmp/bench_http tests/bench/bench_http.c \
 *      src/http/<all>.c src/base/<all>.c -lpthread && /tmp/bench_http */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/h1_parse.h"
#include "http/h1_write.h"

#define ROUNDS 1000000u
#define REPEATS 5u

static const struct {
	const char *name, *head;
} requests[] = {
	{ "curl", "GET /api/items HTTP/1.1\r\nHost: localhost:8080\r\n"
		  "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n" },
	{ "browser",
	  "GET /dashboard/overview?tab=servers&page=2 HTTP/1.1\r\nHost: portal.example.com\r\n"
	  "Connection: keep-alive\r\nCache-Control: max-age=0\r\n"
	  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
	  "Chrome/120.0.0.0 Safari/537.36\r\n"
	  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
	  "Referer: https://portal.example.com/dashboard\r\nAccept-Encoding: gzip, deflate, br\r\n"
	  "Accept-Language: en-GB,en;q=0.9\r\nCookie: session=4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c\r\n"
	  "Upgrade-Insecure-Requests: 1\r\n\r\n" },
	{ "escaped path", "GET /a/%7euser/./b/../c//d%2Fe HTTP/1.1\r\nHost: localhost\r\n\r\n" },
};

static const char response[] =
	"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	"Connection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: 128\r\n\r\n";

static const struct h1_limits limits = { .max_line = 8192, .max_head = 16384, .max_fields = 100 };
static struct arena arena;
static struct iovq out;

static void request_run(struct str in, bool with_write)
{
	static const struct h1_forwarding fw = { .on = true, .peer = { "192.0.2.1", 9 },
						 .proto = { "http", 4 }, .port = 80 };
	struct http_request req;
	struct h1_parser p;
	enum reason why;

	h1_parser_reset(&p);
	if (h1_parse_request(&p, in, &limits, &arena, &req, &why) != HTTP_OK)
		abort();
	iovq_init(&out);
	if (with_write && !h1_write_request(&req, &fw, &out, &arena))
		abort();
	arena_reset(&arena);
}

static void response_run(struct str in, bool with_write)
{
	static const struct h1_reply reply = { .framing = FRAMING_LENGTH, .keep_alive = true,
					       .client_minor = 1 };
	struct http_response res;
	struct h1_parser p;
	enum reason why;

	h1_parser_reset(&p);
	if (h1_parse_response(&p, in, &limits, &arena, METHOD_GET, false, &res, &why) != HTTP_OK)
		abort();
	iovq_init(&out);
	if (with_write && !h1_write_response(&res, &reply, &out, &arena))
		abort();
	arena_reset(&arena);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The least of some repeats: what the machine can do when nobody disturbs it. */
static double nanoseconds(void (*run)(struct str, bool), struct str in, bool with_write)
{
	double best = 1e9;

	for (unsigned i = 0; i < REPEATS; i++) {
		double start = seconds(), ns;

		for (unsigned j = 0; j < ROUNDS; j++)
			run(in, with_write);
		ns = (seconds() - start) * 1e9 / ROUNDS;
		best = ns < best ? ns : best;
	}
	return best;
}

static void row(const char *name, void (*run)(struct str, bool), struct str in)
{
	printf("%-14s %4zu bytes %6.0f ns parsed %6.0f ns parsed and written\n", name, in.n,
	       nanoseconds(run, in, false), nanoseconds(run, in, true));
}

int main(void)
{
	arena_init(&arena, 4096, 0);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		row(requests[i].name, request_run, str_of(requests[i].head));
	row("response", response_run, STR(response));
	arena_free(&arena);
	return 0;
}
