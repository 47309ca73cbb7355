#include "web/reply.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "http/h1_write.h"

static const struct document no_memory = {
	.status = 503,
	.type = "text/plain",
	.body = (char[]){"out of memory\n"},
	.n = sizeof("out of memory\n") - 1,
};

/* Nothing of it is kept anywhere, runs as anything but what it says it is, or is shown inside
 * somebody else's page. */
#define GUARDS                                                                              \
	"Cache-Control: no-store\r\n"                                                       \
	"X-Content-Type-Options: nosniff\r\n"                                               \
	"Referrer-Policy: no-referrer\r\n"
#define NOTHING "default-src 'none'; frame-ancestors 'none'"

void reply_write(const struct document *d, const struct reply_form *f, char *head,
		 struct iovq *out)
{
	const char *connection = f->close		? "Connection: close\r\n"
				 : f->client_minor == 0 ? "Connection: keep-alive\r\n"
							: "";
	struct str phrase;
	char date[30];
	int n;

	if (!d->body)
		d = &no_memory;
	phrase = http_status_phrase(d->status);
	http_date(f->wall_seconds, date);
	n = snprintf(head, REPLY_HEAD,
		     "HTTP/1.1 %u %.*s\r\nDate: %s\r\nContent-Type: %s\r\n"
		     "Content-Length: %zu\r\n" GUARDS
		     "Content-Security-Policy: %s\r\n%s%s%s%s\r\n",
		     d->status, STR_ARGS(phrase), date, d->type, d->n,
		     d->policy ? d->policy : NOTHING, d->allow ? "Allow: " : "",
		     d->allow ? d->allow : "", d->allow ? "\r\n" : "", connection);
	must(n > 0 && n < REPLY_HEAD);
	iovq_init(out);
	iovq_add(out, (struct str){head, (size_t)n});
	if (f->method != METHOD_HEAD)
		iovq_add(out, (struct str){d->body, d->n});
}
