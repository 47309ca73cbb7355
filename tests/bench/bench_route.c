/* What a decision costs with few and with many literal routes. By hand, from the source's
 * top folder, after a build in BUILD:
 *   cc -std=gnu11 -D_GNU_SOURCE -O2 -Isrc -o /tmp/bench_route tests/bench/bench_route.c \
 *      BUILD/src/{route/libroute,http/libhttp,conf/libconf,base/libbase}.a \
 *      -lpcre2-8 -lconfig -lpthread && /tmp/bench_route */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "route/route.h"

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static char *text(const char *fmt, unsigned i)
{
	char *s;

	return asprintf(&s, fmt, i) < 0 ? abort(), s : s;
}

/* Half of them on paths, half on a host and a path. */
static struct router *make(unsigned n, struct conf_frontend *f)
{
	static struct conf conf;
	static struct conf_source source;
	struct diags diags;
	struct router *r;

	diags_init(&diags);
	*f = (struct conf_frontend){ .name = STR("bench"), .default_backend = -1, .n_routes = n };
	f->routes = calloc(n, sizeof(*f->routes));
	for (unsigned i = 0; i < n; i++)
		f->routes[i] = (struct conf_route){
			.when = str_of(text(i % 2 ? "host h%u.example path_beg /api"
						  : "path_beg /service%u/",
					    i)),
			.backend = i,
		};
	r = router_compile(&conf, &source, f, &diags);
	if (!r) {
		fputs(diags_text(&diags), stderr);
		exit(1);
	}
	return r;
}

enum { REQUESTS = 4096, ROUNDS = 1 << 17, TIMES = 15, COLD_ROUNDS = 1 << 14, OTHER = 1 << 20 };

static long sum;

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Others run on this machine, too. */
static double median(double *list, unsigned n)
{
	qsort(list, n, sizeof(*list), compare);
	return list[n / 2];
}

/* Between two decisions lies the rest of a request, which needs the near caches, too. */
static double measure_cold(const struct router *r, struct route_facts *facts,
			   const struct http_request *req)
{
	static volatile char other[OTHER];
	static double spent[COLD_ROUNDS], empty[COLD_ROUNDS];
	double begin, middle;

	for (unsigned i = 0; i < COLD_ROUNDS; i++) {
		for (unsigned k = 0; k < OTHER; k += 64)
			other[k]++;
		facts->req = &req[i % REQUESTS];
		for (unsigned k = 0; k < facts->req->match_path.n; k++)
			sum += facts->req->match_path.p[k];
		for (unsigned k = 0; k < facts->req->authority.n; k++)
			sum += facts->req->authority.p[k];
		begin = now_ns();
		middle = now_ns();
		sum += router_decide(r, facts, NULL);
		spent[i] = now_ns() - middle;
		empty[i] = middle - begin;
	}
	return median(spent, COLD_ROUNDS) - median(empty, COLD_ROUNDS);
}

/* Decisions over requests for all the routes; nanoseconds for one. */
static double measure(unsigned n, double *cold)
{
	static struct http_request req[REQUESTS];
	struct conf_frontend f;
	struct router *r = make(n, &f);
	struct route_facts facts = { .scratch = router_scratch_new() };
	double begin, times[TIMES];

	for (unsigned i = 0; i < REQUESTS; i++) {
		unsigned k = (unsigned)rand() % n;

		req[i].match_path = str_of(text(
			k % 2 ? "/api/v1/users/%u/profile" : "/service%u/users/17/profile", k));
		req[i].authority = str_of(text("h%u.example:8080", k));
		req[i].method_text = STR("GET");
	}
	for (unsigned k = 0; k < TIMES; k++) {
		begin = now_ns();
		for (unsigned i = 0; i < ROUNDS; i++) {
			facts.req = &req[i % REQUESTS];
			sum += router_decide(r, &facts, NULL);
		}
		times[k] = (now_ns() - begin) / ROUNDS;
	}
	*cold = measure_cold(r, &facts, req);
	if (sum < 0)
		puts("no route was found");
	router_scratch_free(facts.scratch);
	router_free(r);
	return median(times, TIMES);
}

int main(void)
{
	static const unsigned counts[] = { 10, 100, 1000, 10000 };
	double first = 0, first_cold = 0, cold;

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		double ns = measure(counts[i], &cold);

		if (i == 0) {
			first = ns;
			first_cold = cold;
		}
		printf("%6u routes: %6.1f ns a decision, %.2f times that of %u; with cold caches "
		       "%6.1f ns, %.2f times\n",
		       counts[i], ns, ns / first, counts[0], cold, cold / first_cold);
	}
	return 0;
}
