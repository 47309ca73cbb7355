#include "proxy/accesslog.h"

#include <time.h>

#include "proxy/logtext.h"

/* What a client may take of a line at most, after escaping; the target has the rest. Then the
 * end of a line always fits, whatever was sent, and a reader's parser never meets a torso. */
#define LIMIT_METHOD 32
#define LIMIT_VERSION 16
#define LIMIT_NAME 128
#define LIMIT_ID 128
#define LIMIT_HOST 256
#define LIMIT_AGENT 1024
#define LIMIT_REFERER 1536
#define LIMIT_DETAIL 100
/* The fixed words and numbers behind the target: of JSON, that has the most. */
#define RESERVE_JSON                                                                              \
	(LIMIT_HOST + LIMIT_ID + LIMIT_AGENT + LIMIT_REFERER + 1104 + 192 * ACCESSLOG_TRIED)
#define RESERVE_COMBINED (LIMIT_AGENT + LIMIT_REFERER + LIMIT_ID + 128)
#define RESERVE_HAPROXY (LIMIT_ID + 20)
#define RESERVE_HAPROXY_REASON (RESERVE_HAPROXY + 100)

/* The room that is left when `reserve` bytes are kept for the rest of the line. */
static size_t room_but(const struct logtext *o, size_t reserve)
{
	size_t room = (size_t)(o->end - o->p);

	return room > reserve ? room - reserve : 0;
}

/* Our own words or OpenSSL's, of which nothing is escaped, and what stands around them. */
static size_t room_of_detail(const struct access_record *r)
{
	return r->detail && *r->detail ? LIMIT_DETAIL + 16 : 0;
}

/* A second's texts: "06/Feb/2009:12:14:14" in local time, "+0100", "2009-02-06T11:14:14".
 * Converting costs more than the rest of a line, so each thread keeps the last few. */
struct second {
	uint64_t at;
	bool valid;
	char local[24], zone[8], utc[24];
};

#define SECONDS_KEPT 4

static void put_colons(struct logtext *o, const struct tm *tm)
{
	logtext_digits(o, (uint64_t)tm->tm_hour, 2);
	logtext_char(o, ':');
	logtext_digits(o, (uint64_t)tm->tm_min, 2);
	logtext_char(o, ':');
	logtext_digits(o, (uint64_t)tm->tm_sec, 2);
}

static void second_local(struct second *s, const struct tm *tm)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct logtext o = { s->local, s->local + sizeof(s->local) - 1 };
	struct logtext z = { s->zone, s->zone + sizeof(s->zone) - 1 };
	long offset = tm->tm_gmtoff < 0 ? -tm->tm_gmtoff : tm->tm_gmtoff;

	logtext_digits(&o, (uint64_t)tm->tm_mday, 2);
	logtext_char(&o, '/');
	logtext_str(&o, (struct str){ months + tm->tm_mon % 12 * 3, 3 });
	logtext_char(&o, '/');
	logtext_digits(&o, (uint64_t)tm->tm_year + 1900, 4);
	logtext_char(&o, ':');
	put_colons(&o, tm);
	*o.p = '\0';
	logtext_char(&z, tm->tm_gmtoff < 0 ? '-' : '+');
	logtext_digits(&z, (uint64_t)offset / 3600 % 100 * 100 + (uint64_t)offset / 60 % 60, 4);
	*z.p = '\0';
}

static void second_utc(struct second *s, const struct tm *tm)
{
	struct logtext o = { s->utc, s->utc + sizeof(s->utc) - 1 };

	logtext_digits(&o, (uint64_t)tm->tm_year + 1900, 4);
	logtext_char(&o, '-');
	logtext_digits(&o, (uint64_t)tm->tm_mon + 1, 2);
	logtext_char(&o, '-');
	logtext_digits(&o, (uint64_t)tm->tm_mday, 2);
	logtext_char(&o, 'T');
	put_colons(&o, tm);
	*o.p = '\0';
}

static const struct second *second_of(uint64_t wall_us)
{
	static _Thread_local struct second kept[SECONDS_KEPT];
	uint64_t at = wall_us / 1000000;
	struct second *s = &kept[at % SECONDS_KEPT];
	time_t t = (time_t)at;
	struct tm tm;

	if (s->valid && s->at == at)
		return s;
	s->at = at;
	s->valid = true;
	memset(&tm, 0, sizeof(tm));
	if (localtime_r(&t, &tm))
		second_local(s, &tm);
	if (gmtime_r(&t, &tm))
		second_utc(s, &tm);
	return s;
}

static void put_millis(struct logtext *o, uint64_t wall_us)
{
	logtext_char(o, '.');
	logtext_digits(o, wall_us / 1000 % 1000, 3);
}

static void put_host(struct logtext *o, const struct addr *a)
{
	const uint8_t *b = (const uint8_t *)&a->u.in.sin_addr;
	char text[ADDR_TEXT];

	if (a->u.sa.sa_family != AF_INET) {
		logtext_str(o, (struct str){ text, addr_format_host(a, text, sizeof(text)) });
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			logtext_char(o, '.');
		logtext_u64(o, b[i]);
	}
}

static bool is_readable(const struct access_record *r)
{
	return r->method.n && r->target.n;
}

/* `reserve` bytes are kept for what follows the target. */
static void put_request(struct logtext *o, const struct access_record *r, enum logtext_escape e,
			size_t reserve)
{
	logtext_escaped(o, r->method, e, LIMIT_METHOD);
	logtext_char(o, ' ');
	logtext_escaped(o, r->target, e, room_but(o, reserve));
	if (r->version.n)
		logtext_char(o, ' ');
	logtext_escaped(o, r->version, e, LIMIT_VERSION);
}

static void put_ms(struct logtext *o, int64_t us, char behind)
{
	if (us < 0)
		logtext_str(o, STR("-1"));
	else
		logtext_u64(o, (uint64_t)us / 1000);
	logtext_char(o, behind);
}

static void put_count(struct logtext *o, uint64_t v, char behind)
{
	logtext_u64(o, v);
	logtext_char(o, behind);
}

static void haproxy_head(struct logtext *o, const struct access_record *r)
{
	put_host(o, &r->client);
	logtext_char(o, ':');
	logtext_u64(o, addr_port(&r->client));
	logtext_str(o, STR(" ["));
	logtext_str(o, str_of(second_of(r->start_wall_us)->local));
	put_millis(o, r->start_wall_us);
	logtext_str(o, STR("] "));
	logtext_escaped(o, r->frontend, LOGTEXT_HAPROXY, LIMIT_NAME);
	logtext_char(o, ' ');
	logtext_escaped(o, r->backend.n ? r->backend : r->frontend, LOGTEXT_HAPROXY, LIMIT_NAME);
	logtext_char(o, '/');
	logtext_escaped(o, r->server.n ? r->server : STR("<NOSRV>"), LOGTEXT_HAPROXY, LIMIT_NAME);
	logtext_char(o, ' ');
}

static void haproxy_counts(struct logtext *o, const struct access_record *r)
{
	put_count(o, r->process_connections, '/');
	put_count(o, r->frontend_connections, '/');
	put_count(o, r->backend_active, '/');
	put_count(o, r->server_active, '/');
	if (r->redispatched)
		logtext_char(o, '+');
	put_count(o, r->retries, ' ');
	put_count(o, r->server_queue, '/');
	logtext_u64(o, r->backend_queue);
}

/* Where HAProxy writes captured fields, if any, and its readers look for them. */
static void haproxy_limited(struct logtext *o, const struct access_limit *l)
{
	if (!l)
		return;
	logtext_str(o, l->dry_run ? STR(" {dry_run:") : STR(" {limit:"));
	logtext_escaped(o, l->name, LOGTEXT_HAPROXY, LIMIT_NAME);
	logtext_char(o, '}');
}

/* Two letters are few. */
static void haproxy_reason(struct logtext *o, const struct access_record *r)
{
	if (r->reason == REASON_COMPLETE)
		return;
	logtext_char(o, ' ');
	logtext_str(o, str_of(reason_name(r->reason)));
	if (r->detail && *r->detail) {
		logtext_str(o, STR(" ("));
		logtext_escaped(o, str_of(r->detail), LOGTEXT_HAPROXY, LIMIT_DETAIL);
		logtext_char(o, ')');
	}
	if (!r->size)
		return;
	logtext_str(o, STR(" size="));
	logtext_u64(o, r->size);
	logtext_str(o, STR(" limit="));
	logtext_u64(o, r->limit);
}

/* Behind the end of HAProxy's line, be it of HTTP or of TCP, where it puts what it adds to the
 * line of a TLS frontend, stands what it does not have: what went wrong, in a word, and the id. */
static void haproxy_end(struct logtext *o, const struct access_record *r)
{
	haproxy_reason(o, r);
	if (!r->request_id.n)
		return;
	logtext_str(o, STR(" id="));
	logtext_escaped(o, r->request_id, LOGTEXT_HAPROXY, LIMIT_ID);
}

/* %ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq: HAProxy's of TCP. */
static void format_haproxy_tcp(struct logtext *o, const struct access_record *r)
{
	haproxy_head(o, r);
	put_ms(o, r->queue_us, '/');
	put_ms(o, r->connect_us, '/');
	put_ms(o, r->total_us, ' ');
	put_count(o, r->bytes_to_client, ' ');
	logtext_str(o, str_first(str_of(r->letters), 2));
	logtext_char(o, ' ');
	haproxy_counts(o, r);
	haproxy_limited(o, r->limited);
	haproxy_end(o, r);
}

/* %ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc
 * %sq/%bq %hr "%r": tools that read HAProxy's log must go on reading it. */
static void format_haproxy(struct logtext *o, const struct access_record *r)
{
	haproxy_head(o, r);
	put_ms(o, r->request_us, '/');
	put_ms(o, r->queue_us, '/');
	put_ms(o, r->connect_us, '/');
	put_ms(o, r->response_us, '/');
	put_ms(o, r->total_us, ' ');
	if (r->status)
		logtext_u64(o, r->status);
	else
		logtext_str(o, STR("-1"));
	logtext_char(o, ' ');
	logtext_u64(o, r->bytes_to_client);
	logtext_str(o, STR(" - - "));
	logtext_str(o, str_first(str_of(r->letters), 2));
	logtext_str(o, STR("-- "));
	haproxy_counts(o, r);
	haproxy_limited(o, r->limited);
	logtext_str(o, STR(" \""));
	if (is_readable(r))
		put_request(o, r, LOGTEXT_HAPROXY,
			    r->reason == REASON_COMPLETE
				    ? RESERVE_HAPROXY
				    : RESERVE_HAPROXY_REASON + room_of_detail(r));
	else
		logtext_str(o, STR("<BADREQ>"));
	logtext_char(o, '"');
	haproxy_end(o, r);
}

/* Apache's %b is a dash for nothing; the bytes are those of the whole response. */
static void put_u64_or_dash(struct logtext *o, uint64_t v)
{
	if (v)
		logtext_u64(o, v);
	else
		logtext_char(o, '-');
}

static void put_quoted_or_dash(struct logtext *o, struct str s, size_t limit)
{
	logtext_char(o, '"');
	logtext_escaped(o, s.n ? s : STR("-"), LOGTEXT_APACHE, limit);
	logtext_char(o, '"');
}

static void format_combined(struct logtext *o, const struct access_record *r)
{
	const struct second *s = second_of(r->start_wall_us);

	put_host(o, &r->client);
	logtext_str(o, STR(" - - ["));
	logtext_str(o, str_of(s->local));
	logtext_char(o, ' ');
	logtext_str(o, str_of(s->zone));
	logtext_str(o, STR("] \""));
	if (is_readable(r))
		put_request(o, r, LOGTEXT_APACHE, RESERVE_COMBINED);
	else
		logtext_char(o, '-');
	logtext_str(o, STR("\" "));
	put_u64_or_dash(o, r->status);
	logtext_char(o, ' ');
	put_u64_or_dash(o, r->bytes_to_client);
	logtext_char(o, ' ');
	put_quoted_or_dash(o, r->referer, LIMIT_REFERER);
	logtext_char(o, ' ');
	put_quoted_or_dash(o, r->user_agent, LIMIT_AGENT);
	logtext_char(o, ' ');
	put_quoted_or_dash(o, r->request_id, LIMIT_ID);
}

/* `key` is the literal that stands before the value: ",\"name\":". */
static void json_text(struct logtext *o, struct str key, struct str value, size_t limit)
{
	logtext_str(o, key);
	if (!value.n) {
		logtext_str(o, STR("null"));
		return;
	}
	logtext_char(o, '"');
	logtext_escaped(o, value, LOGTEXT_JSON, limit);
	logtext_char(o, '"');
}

static void json_number(struct logtext *o, struct str key, uint64_t value)
{
	logtext_str(o, key);
	logtext_u64(o, value);
}

static void json_number_or_null(struct logtext *o, struct str key, uint64_t value)
{
	logtext_str(o, key);
	if (value)
		logtext_u64(o, value);
	else
		logtext_str(o, STR("null"));
}

static void json_ms(struct logtext *o, struct str key, int64_t us)
{
	logtext_str(o, key);
	if (us < 0) {
		logtext_str(o, STR("null"));
		return;
	}
	logtext_u64(o, (uint64_t)us / 1000);
	logtext_char(o, '.');
	logtext_digits(o, (uint64_t)us % 1000, 3);
}

/* The path of a client's unix socket says nothing: most have none. */
static void json_client(struct logtext *o, const struct addr *a)
{
	bool v6 = a->u.sa.sa_family == AF_INET6;

	logtext_str(o, v6 ? STR(",\"client\":\"[") : STR(",\"client\":\""));
	put_host(o, a);
	if (v6)
		logtext_char(o, ']');
	if (a->u.sa.sa_family != AF_UNIX) {
		logtext_char(o, ':');
		logtext_u64(o, addr_port(a));
	}
	logtext_char(o, '"');
}

static void json_head(struct logtext *o, const struct access_record *r)
{
	logtext_str(o, STR("{\"time\":\""));
	logtext_str(o, str_of(second_of(r->start_wall_us)->utc));
	put_millis(o, r->start_wall_us);
	logtext_str(o, STR("Z\""));
	json_text(o, STR(",\"node\":"), r->node, LIMIT_NAME);
	json_client(o, &r->client);
	json_text(o, STR(",\"frontend\":"), r->frontend, LIMIT_NAME);
	json_text(o, STR(",\"backend\":"), r->backend, LIMIT_NAME);
	json_text(o, STR(",\"server\":"), r->server, LIMIT_NAME);
	json_text(o, STR(",\"method\":"), r->method, LIMIT_METHOD);
	json_text(o, STR(",\"target\":"), r->target,
		  room_but(o, RESERVE_JSON + room_of_detail(r)));
	json_text(o, STR(",\"host\":"), r->authority, LIMIT_HOST);
	json_text(o, STR(",\"request_id\":"), r->request_id, LIMIT_ID);
}

static void json_result(struct logtext *o, const struct access_record *r)
{
	json_number_or_null(o, STR(",\"status\":"), r->status);
	json_number(o, STR(",\"bytes_out\":"), r->bytes_to_client);
	json_number(o, STR(",\"bytes_in\":"), r->bytes_from_client);
	json_ms(o, STR(",\"request_ms\":"), r->request_us);
	json_ms(o, STR(",\"queue_ms\":"), r->queue_us);
	json_ms(o, STR(",\"connect_ms\":"), r->connect_us);
	json_ms(o, STR(",\"response_ms\":"), r->response_us);
	json_ms(o, STR(",\"total_ms\":"), r->total_us);
}

static void json_tried(struct logtext *o, const struct access_record *r)
{
	logtext_str(o, STR(",\"tried\":["));
	for (unsigned i = 0; i < r->n_tried; i++) {
		logtext_str(o, i ? STR(",{") : STR("{"));
		json_text(o, STR("\"server\":"), r->tried[i].server, LIMIT_NAME);
		json_text(o, STR(",\"reason\":"), str_of(reason_name(r->tried[i].why)),
			  LIMIT_NAME);
		logtext_char(o, '}');
	}
	logtext_char(o, ']');
}

static void json_limited(struct logtext *o, const struct access_limit *l)
{
	if (!l) {
		logtext_str(o, STR(",\"limited\":null"));
		return;
	}
	json_text(o, STR(",\"limited\":{\"name\":"), l->name, LIMIT_NAME);
	json_text(o, STR(",\"key\":"), l->key, LIMIT_NAME);
	logtext_str(o, l->dry_run ? STR(",\"dry_run\":true}") : STR(",\"dry_run\":false}"));
}

static void json_detail(struct logtext *o, const char *detail)
{
	if (detail && *detail)
		json_text(o, STR(",\"detail\":"), str_of(detail), LIMIT_DETAIL);
}

static void format_json(struct logtext *o, const struct access_record *r)
{
	json_head(o, r);
	json_result(o, r);
	logtext_str(o, STR(",\"reason\":\""));
	logtext_str(o, str_of(reason_name(r->reason)));
	logtext_str(o, STR("\",\"reason_text\":\""));
	logtext_escaped(o, str_of(reason_text(r->reason)), LOGTEXT_JSON, LIMIT_NAME);
	logtext_str(o, STR("\",\"termination\":\""));
	logtext_str(o, str_first(str_of(r->letters), 2));
	logtext_str(o, STR("--\""));
	json_detail(o, r->detail);
	json_number_or_null(o, STR(",\"limit\":"), r->limit);
	json_number_or_null(o, STR(",\"size\":"), r->size);
	json_number(o, STR(",\"retries\":"), r->retries);
	logtext_str(o, STR(",\"redispatched\":"));
	logtext_str(o, r->redispatched ? STR("true") : STR("false"));
	json_tried(o, r);
	json_limited(o, r->limited);
	json_text(o, STR(",\"user_agent\":"), r->user_agent, LIMIT_AGENT);
	json_text(o, STR(",\"referer\":"), r->referer, LIMIT_REFERER);
	logtext_char(o, '}');
}

size_t accesslog_format(enum conf_log_format format, const struct access_record *r, char *to,
			size_t size)
{
	struct logtext o = { to, to + size };

	switch (format) {
	case CONF_LOG_HAPROXY:
		if (r->tcp)
			format_haproxy_tcp(&o, r);
		else
			format_haproxy(&o, r);
		break;
	case CONF_LOG_JSON:
		format_json(&o, r);
		break;
	case CONF_LOG_COMBINED:
		format_combined(&o, r);
		break;
	}
	return (size_t)(o.p - to);
}
