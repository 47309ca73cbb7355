/* Heads on their way out, against the sentences of the acceptance list. */
#include "http_testing.h"

static struct h1_forwarding fw;
static struct h1_reply reply;

#define NOW "Sun, 06 Nov 1994 08:49:37 GMT"

static void write_setup(void)
{
	http_setup();
	fw = (struct h1_forwarding){ .node = STR("lb1"), .peer = STR("192.0.2.7"),
				     .proto = STR("http"), .port = 80 };
	reply = (struct h1_reply){ .framing = FRAMING_LENGTH, .keep_alive = true,
				   .client_minor = 1, .date = STR(NOW) };
}

static void goes_out(struct str in, const char *text)
{
	request_taken(in);
	iovq_init(&out);
	ck_assert(h1_write_request(&req, &fw, &out, &arena));
	ck_assert_str_eq(out_text(), text);
}

static void comes_back(struct str in, enum http_method m, const char *text)
{
	response_taken(in, m);
	iovq_init(&out);
	ck_assert(h1_write_response(&res, &reply, &out, &arena));
	ck_assert_str_eq(out_text(), text);
}

START_TEST(h05_a_length_goes_out_canonical)
{
	goes_out(STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 02\r\n\r\n"),
		 "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
	goes_out(STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n"),
		 "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n");
}
END_TEST

START_TEST(h23_origin_form_and_the_authority_as_host)
{
	goes_out(STR("GET http://B.example/x?y HTTP/1.1\r\nA: b\r\nHost: b.example:80\r\n\r\n"),
		 "GET /x?y HTTP/1.1\r\nHost: B.example\r\nA: b\r\n\r\n");
	goes_out(STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
		 "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
}
END_TEST

START_TEST(h37_the_normalised_path_goes_out)
{
	goes_out(STR("GET /a/%2e%2e/b//%7Ec?d=%2e HTTP/1.1\r\nHost: a\r\n\r\n"),
		 "GET /b//~c?d=%2e HTTP/1.1\r\nHost: a\r\n\r\n");
}
END_TEST

START_TEST(h44_h45_framing_of_requests)
{
	static const struct {
		const char *method;
		bool length;
	} cases[] = { { "POST", true }, { "PUT", true }, { "PATCH", true }, { "PROPFIND", true },
		      { "GET", false }, { "HEAD", false }, { "DELETE", false },
		      { "OPTIONS", false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char in[128], want[128];
		int n = snprintf(in, sizeof(in), "%s / HTTP/1.1\r\nHost: a\r\n\r\n",
				 cases[i].method);

		snprintf(want, sizeof(want), "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].method,
			 cases[i].length ? "Content-Length: 0\r\n" : "");
		goes_out((struct str){ in, (size_t)n }, want);
	}
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}
END_TEST

START_TEST(h47_expect_passes_but_from_http_1_0)
{
	goes_out(STR("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
		     "\r\n"),
		 "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
	goes_out(STR("PUT / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
		     "\r\n"),
		 "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
}
END_TEST

START_TEST(h52_h54_h55_h56_what_is_stripped)
{
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\n"
		     "Connection: close, x-secret, upgrade\r\n"
		     "X-Secret: 2\r\nB:3\r\nKeep-Alive: 4\r\nProxy-Connection: 5\r\nTE: gzip\r\n"
		     "Upgrade: h2c\r\nHTTP2-Settings: x\r\nX_Auth_User: 6\r\nC:  7  \r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 3\r\nC: 7\r\n\r\n");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, gzip\r\nConnection: TE\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
}
END_TEST

#define FORGED "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n" \
	       "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=1.1.1.1\r\n" \
	       "X-Forwarded-Protocol: https\r\nX-Forwarded-Ssl: on\r\nX-Real-IP: 1.1.1.1\r\n"

START_TEST(h57_from_outside_forwarding_fields_are_replaced)
{
	struct str in = STR("GET / HTTP/1.1\r\nHost: a\r\n" FORGED "X-A: b\r\n\r\n");

	goes_out(in, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n");
	fw.on = true;
	goes_out(in, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nX-Forwarded-For: 192.0.2.7\r\n"
		     "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: 80\r\n"
		     "\r\n");
	fw.on = false;
	fw.forwarded = true;
	goes_out(in, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n"
		     "Forwarded: for=192.0.2.7;host=a;proto=http;by=\"_lb1\"\r\n\r\n");
}
END_TEST

START_TEST(h58_forwarded_is_appended_for_a_trusted_proxy)
{
	struct str in = STR("GET / HTTP/1.1\r\nHost: a:81\r\n"
			    "Forwarded: for=_x, for=\"[::1]:4\"\r\n\r\n");

	fw.forwarded = fw.trusted = true;
	fw.peer = STR("2001:db8::1");
	goes_out(in, "GET / HTTP/1.1\r\nHost: a:81\r\nForwarded: for=_x, for=\"[::1]:4\"\r\n"
		     "Forwarded: for=\"[2001:db8::1]\";host=\"a:81\";proto=http;by=\"_lb1\"\r\n"
		     "\r\n");
	fw.trusted = false;
	fw.peer = STR_NONE;
	goes_out(in, "GET / HTTP/1.1\r\nHost: a:81\r\n"
		     "Forwarded: for=unknown;host=\"a:81\";proto=http;by=\"_lb1\"\r\n\r\n");
	fw.forwarded = false;
	goes_out(in, "GET / HTTP/1.1\r\nHost: a:81\r\n\r\n");
}
END_TEST

START_TEST(h60_via_is_added_behind_those_that_came)
{
	struct str in = STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: via\r\nVia: 1.0 x\r\n"
			    "A: b\r\n\r\n");

	goes_out(in, "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 x\r\nA: b\r\n\r\n");
	fw.via = true;
	goes_out(in, "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 x\r\nA: b\r\nVia: 1.1 lb1\r\n\r\n");
	goes_out(STR("GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 lb1\r\n\r\n");
}
END_TEST

START_TEST(h61_max_forwards_counts_down)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "1", "0" }, { "007", "6" }, { "10", "9" }, { "18446744073709551616",
		  "4294967294" },
	};
	char in[256], want[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(in, sizeof(in), "OPTIONS / HTTP/1.1\r\nHost: a\r\n"
			 "Connection: max-forwards\r\nMax-Forwards:%s\r\nA: b\r\n\r\n",
			 cases[i].in);
		snprintf(want, sizeof(want), "OPTIONS / HTTP/1.1\r\nHost: a\r\nA: b\r\n"
			 "Max-Forwards: %s\r\n\r\n", cases[i].out);
		goes_out(str_of(in), want);
	}
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n");
}
END_TEST

START_TEST(h57_from_a_trusted_proxy_they_are_kept_and_appended)
{
	fw.on = fw.trusted = true;
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\n" FORGED "X-Forwarded-For: 2.2.2.2\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\n" FORGED "X-Forwarded-For: 2.2.2.2\r\n"
		 "X-Forwarded-For: 192.0.2.7\r\n\r\n");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n"
		 "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: a\r\n\r\n");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n"
		 "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
		 "X-Forwarded-Host: a\r\nX-Forwarded-Port: 80\r\n\r\n");
	fw.on = false;
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\n" FORGED "\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\n" FORGED "\r\n");
}
END_TEST

START_TEST(h59_repeated_fields_keep_their_order)
{
	goes_out(STR("GET / HTTP/1.1\r\nA: 1\r\nHost: a\r\nB: 2\r\nA: 3\r\nConnection: x\r\n"
		     "A: 4\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nA: 3\r\nA: 4\r\n\r\n");
	comes_back(STR("HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nContent-Length: 0\r\nSet-Cookie: b\r\n"
		       "Date: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nDate: x\r\n"
		   "Content-Length: 0\r\n\r\n");
}
END_TEST

START_TEST(h62_hpcbal_speaks_its_own_version)
{
	goes_out(STR("GET / HTTP/1.0\r\n\r\n"), "GET / HTTP/1.1\r\nHost: \r\n\r\n");
	fw.default_host = STR("192.0.2.1:80");
	goes_out(STR("GET / HTTP/1.0\r\n\r\n"), "GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n");
	goes_out(STR("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	fw.default_host = STR_NONE;
	fw.on = true;
	goes_out(STR("GET / HTTP/1.0\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: \r\nX-Forwarded-For: 192.0.2.7\r\n"
		 "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n\r\n");
	comes_back(STR("HTTP/1.0 200 Fine\r\nContent-Length: 1\r\nDate: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 Fine\r\nDate: x\r\nContent-Length: 1\r\n\r\n");
	comes_back(STR("HTTP/1.0 200\r\nContent-Length: 1\r\nDate: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 \r\nDate: x\r\nContent-Length: 1\r\n\r\n");
}
END_TEST

START_TEST(h52_h53_what_connection_names)
{
	comes_back(STR("HTTP/1.1 200 OK\r\nConnection: close, content-length, x-a\r\n"
		       "Close: 1\r\nX-A: 2\r\nContent-Length: 1\r\nX_B: 3\r\nDate: x\r\n\r\n"),
		   METHOD_GET,
		   "HTTP/1.1 200 OK\r\nX_B: 3\r\nDate: x\r\nContent-Length: 1\r\n\r\n");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nClose: x\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	fw.trusted = true;
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: x-forwarded-ssl, x-real-ip,"
		     " X-FORWARDED-PREFIX, x-forwarded-protocol, x-f\r\nX-Forwarded-Ssl: on\r\n"
		     "X-Real-IP: 1\r\nx-forwarded-Prefix: /a\r\nX-Forwarded-Protocol: b\r\n"
		     "X-F: c\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Ssl: on\r\nX-Real-IP: 1\r\n"
		 "x-forwarded-Prefix: /a\r\nX-Forwarded-Protocol: b\r\n\r\n");
}
END_TEST

START_TEST(h63_a_missing_date_is_added)
{
	comes_back(STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA: b\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\nDate: " NOW "\r\n\r\n");
}
END_TEST

START_TEST(h66_the_length_of_head_and_304_passes)
{
	reply.framing = FRAMING_NONE;
	comes_back(STR("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nDate: x\r\n\r\n"), METHOD_HEAD,
		   "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 7\r\n\r\n");
	comes_back(STR("HTTP/1.1 304 X\r\nContent-Length: 7\r\nDate: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 304 X\r\nDate: x\r\nContent-Length: 7\r\n\r\n");
	comes_back(STR("HTTP/1.1 204 X\r\nContent-Length: 7\r\nDate: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 204 X\r\nDate: x\r\n\r\n");
	comes_back(STR("HTTP/1.1 103 X\r\nContent-Length: 7\r\nLink: y\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 103 X\r\nLink: y\r\n\r\n");
	reply.keep_alive = false;
	comes_back(STR("HTTP/1.1 100 Continue\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 100 Continue\r\n\r\n");
}
END_TEST

START_TEST(h68_an_http_1_0_client_gets_neither_1xx_nor_chunked)
{
	reply.client_minor = 0;
	response_taken(STR("HTTP/1.1 100 Continue\r\n\r\n"), METHOD_GET);
	ck_assert(!h1_write_response(&res, &reply, &out, &arena));
	reply.framing = FRAMING_CHUNKED;
	response_taken(STR("HTTP/1.1 200 OK\r\n\r\n"), METHOD_GET);
	ck_assert(!h1_write_response(&res, &reply, &out, &arena));
	ck_assert_uint_eq(out.bytes, 0);
}
END_TEST

START_TEST(h70_h72_framing_of_responses)
{
	reply.framing = FRAMING_CHUNKED;
	comes_back(STR("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n"
		       "Date: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	comes_back(STR("HTTP/1.1 200 OK\r\nDate: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	reply.framing = FRAMING_CLOSE;
	reply.keep_alive = false;
	reply.client_minor = 0;
	comes_back(STR("HTTP/1.1 200 OK\r\nDate: x\r\n\r\n"), METHOD_GET,
		   "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n\r\n");
}
END_TEST

START_TEST(h84_what_the_client_is_told_of_its_connection)
{
	struct str in = STR("HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n"
			    "Content-Length: 0\r\n\r\n");

	comes_back(in, METHOD_GET, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
	reply.client_minor = 0;
	comes_back(in, METHOD_GET, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n"
				   "Connection: keep-alive\r\n\r\n");
	reply.keep_alive = false;
	comes_back(in, METHOD_GET, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n");
}
END_TEST

START_TEST(h128_h130_a_websocket_handshake_goes_through)
{
	goes_out(STR("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
		     "Upgrade: h2c, WebSocket\r\nSec-WebSocket-Version: 13\r\nOrigin: http://o\r\n"
		     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
		 "GET /ws HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Version: 13\r\nOrigin: http://o\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		 "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	goes_out(STR("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, TE\r\n"
		     "Upgrade: websocket\r\nTE: trailers\r\n"
		     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
		 "GET /ws HTTP/1.1\r\nHost: a\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		 "Upgrade: websocket\r\nTE: trailers\r\nConnection: Upgrade, TE\r\n\r\n");
	response_is(STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"),
		    METHOD_GET, true, HTTP_OK, REASON_COMPLETE);
	iovq_init(&out);
	ck_assert(h1_write_response(&res, &reply, &out, &arena));
	ck_assert_str_eq(out_text(), "HTTP/1.1 101 Switching Protocols\r\n"
				     "Sec-WebSocket-Accept: x\r\nUpgrade: websocket\r\n"
				     "Connection: Upgrade\r\n\r\n");
}
END_TEST

START_TEST(h129_a_426_names_what_it_asks_for)
{
	struct str in = STR("HTTP/1.1 426 No\r\nDate: x\r\nUpgrade: h2c, websocket\r\n"
			    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			    "Content-Length: 0\r\n\r\n");

	comes_back(in, METHOD_GET, "HTTP/1.1 426 No\r\nDate: x\r\nSec-WebSocket-Version: 13\r\n"
				   "Content-Length: 0\r\nUpgrade: websocket\r\n"
				   "Connection: Upgrade\r\n\r\n");
	reply.client_minor = 0;
	reply.keep_alive = false;
	comes_back(in, METHOD_GET, "HTTP/1.1 426 No\r\nDate: x\r\nSec-WebSocket-Version: 13\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n");
}
END_TEST

START_TEST(h18_a_relaxed_bare_lf_goes_out_as_crlf)
{
	limits.relax_bare_lf = true;
	goes_out(STR("GET / HTTP/1.1\nHost: a\nA:  b \nC:\n\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: \r\n\r\n");
}
END_TEST

START_TEST(h19_values_go_out_trimmed)
{
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nA: \t x y \t \r\nB:\tz\r\nC:d \r\nE: \r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nA: x y\r\nB: z\r\nC: d\r\nE: \r\n\r\n");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nA: \xa0 b \x85\r\nC:d\r\nE:\r\nF: \r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nA: \xa0 b \x85\r\nC:d\r\nE:\r\nF: \r\n\r\n");
	comes_back(STR("HTTP/1.1 200 OK\r\nDate: x\r\nA:  b\t\r\nContent-Length: 0\r\n\r\n"),
		   METHOD_GET,
		   "HTTP/1.1 200 OK\r\nDate: x\r\nA: b\r\nContent-Length: 0\r\n\r\n");
}
END_TEST

START_TEST(kept_lines_are_not_copied)
{
	struct str in = STR("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nConnection: x\r\n"
			    "E: f\r\n\r\n");
	enum reason why;

	ck_assert_int_eq(request_whole(in, &why), HTTP_OK);
	ck_assert(h1_write_request(&req, &fw, &out, &arena));
	ck_assert_uint_eq(out.count, 4);
	ck_assert_ptr_eq(out.v[1].iov_base, http_field_find_name(&req.fields, STR("A"))->line.p);
	ck_assert_ptr_eq(out.v[2].iov_base, http_field_find_name(&req.fields, STR("E"))->line.p);
}
END_TEST

START_TEST(more_gaps_than_the_queue_holds_are_copied)
{
	char in[8192], want[8192];
	size_t n = (size_t)snprintf(in, sizeof(in), "GET / HTTP/1.1\r\nHost: a\r\n");
	size_t m = (size_t)snprintf(want, sizeof(want), "GET / HTTP/1.1\r\nHost: a\r\n");

	limits.max_fields = 400;
	for (unsigned i = 0; i < 150; i++) {
		n += (size_t)snprintf(in + n, sizeof(in) - n, "A: %u\r\nX_Y: z\r\n", i);
		m += (size_t)snprintf(want + m, sizeof(want) - m, "A: %u\r\n", i);
	}
	n += (size_t)snprintf(in + n, sizeof(in) - n, "\r\n");
	snprintf(want + m, sizeof(want) - m, "\r\n");
	goes_out((struct str){ in, n }, want);
	ck_assert_uint_le(out.count, 3);
}
END_TEST

START_TEST(the_id_is_told_both_ways)
{
	fw.id_name = STR("X-Request-ID");
	fw.id = STR("abc");
	goes_out(STR("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"),
		 "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nX-Request-ID: abc\r\n\r\n");
	reply.id_name = STR("X-Trace");
	reply.id = STR("def");
	comes_back(STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: " NOW "\r\n\r\n"),
		   METHOD_GET, "HTTP/1.1 200 OK\r\nDate: " NOW "\r\nContent-Length: 0\r\n"
			       "X-Trace: def\r\n\r\n");
}
END_TEST

static bool answer_of(enum reason why, enum http_method m)
{
	const struct str body[] = { STR("<p>"), STR("no") };
	const struct h1_answer a = { .why = why, .status = reason_status(why), .body = body,
				     .n_body = reason_status(why) >= 400 ? 2 : 0,
				     .content_type = STR("text/html"),
				     .by_accept = m == METHOD_GET };

	return h1_write_answer(&a, m, &reply, &out, &arena);
}

START_TEST(a_full_queue_and_a_failed_arena_are_told)
{
	enum reason why;

	ck_assert_int_eq(request_whole(STR("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n"), &why),
			 HTTP_OK);
	out.first = IOVQ_MAX - 1;
	ck_assert(!h1_write_request(&req, &fw, &out, &arena));
	iovq_init(&out);
	arena.failed = true;
	ck_assert(!h1_write_request(&req, &fw, &out, &arena));
	ck_assert(!answer_of(REASON_REQ_LINE, METHOD_GET));
	arena.failed = false;
	ck_assert_int_eq(request_whole(STR("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n"), &why),
			 HTTP_OK);
	req.fields.untidy = true; /* its lines need a copy, for which there is no room left */
	arena.limit = arena.total + 440;
	ck_assert(!h1_write_request(&req, &fw, &out, &arena));
	arena.failed = false;
	arena.limit = arena.total;
	reply.client_minor = 1;
	res.status = 200;
	ck_assert(!h1_write_response(&res, &reply, &out, &arena));
}
END_TEST

static void error_is(enum reason why, enum http_method m, const char *text)
{
	iovq_init(&out);
	ck_assert(answer_of(why, m));
	ck_assert_str_eq(out_text(), text);
}

START_TEST(errors_of_our_own)
{
	error_is(REASON_REQ_BARE_CR, METHOD_GET,
		 "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
		 "Cache-Control: no-store\r\nVary: Accept\r\nDate: " NOW "\r\n"
		 "Content-Length: 5\r\n\r\n<p>no");
	reply.keep_alive = false;
	error_is(REASON_REQ_TRACE, METHOD_HEAD,
		 "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/html\r\n"
		 "Cache-Control: no-store\r\nDate: " NOW "\r\n"
		 "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\nConnection: close\r\n"
		 "Content-Length: 5\r\n\r\n");
	reply.client_minor = 0;
	reply.keep_alive = true;
	error_is(REASON_STOPPING, METHOD_OTHER,
		 "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n"
		 "Cache-Control: no-store\r\nDate: " NOW "\r\nRetry-After: 5\r\n"
		 "Connection: keep-alive\r\nContent-Length: 5\r\n\r\n<p>no");
	ck_assert(!answer_of(REASON_CLIENT_ABORT_DATA, METHOD_GET));
	reply.client_minor = 1;
	reply.retry_after = 37;
	reply.id_name = STR("X-Request-ID");
	reply.id = STR("abc");
	error_is(REASON_LIMIT_REQUESTS, METHOD_POST,
		 "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html\r\n"
		 "Cache-Control: no-store\r\nDate: " NOW "\r\nRetry-After: 37\r\n"
		 "X-Request-ID: abc\r\nContent-Length: 5\r\n\r\n<p>no");
}
END_TEST

START_TEST(h61_h83_an_answer_that_is_no_error)
{
	error_is(REASON_OPTIONS_ANSWERED, METHOD_OPTIONS,
		 "HTTP/1.1 200 OK\r\nDate: " NOW "\r\n"
		 "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"
		 "Content-Length: 0\r\n\r\n");
}
END_TEST

static void answer_is(struct h1_answer a, enum http_method m, const char *text)
{
	iovq_init(&out);
	ck_assert(h1_write_answer(&a, m, &reply, &out, &arena));
	ck_assert_str_eq(out_text(), text);
}

START_TEST(answers_that_a_route_gives)
{
	const struct str body = STR("<p>closed\n");
	const struct h1_answer page = { .why = REASON_RESPONDED, .status = 200,
					.content_type = STR("text/html"),
					.body = &body, .n_body = 1 };
	struct h1_answer a = page;

	answer_is((struct h1_answer){ .why = REASON_REDIRECTED, .status = 308,
				      .location = STR("https://a/b?c") }, METHOD_GET,
		  "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://a/b?c\r\nDate: " NOW
		  "\r\nContent-Length: 0\r\n\r\n");
	answer_is(page, METHOD_GET,
		  "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nDate: " NOW
		  "\r\nContent-Length: 10\r\n\r\n<p>closed\n");
	answer_is(page, METHOD_HEAD,
		  "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nDate: " NOW
		  "\r\nContent-Length: 10\r\n\r\n");
	a.status = 503; /* how long it takes only the administrator knows */
	answer_is(a, METHOD_GET,
		  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n"
		  "Cache-Control: no-store\r\nDate: " NOW
		  "\r\nContent-Length: 10\r\n\r\n<p>closed\n");
	a.n_body = 0;
	a.status = 204; /* RFC 9110 8.6: without a length */
	answer_is(a, METHOD_GET, "HTTP/1.1 204 No Content\r\nDate: " NOW "\r\n\r\n");
}
END_TEST

START_TEST(every_reason_with_a_status_makes_an_answer)
{
	for (enum reason r = 0; r < REASON_COUNT; r++) {
		struct h1_parser p;
		enum reason why;

		iovq_init(&out);
		if (!reason_status(r))
			continue;
		ck_assert(answer_of(r, METHOD_GET));
		h1_parser_reset(&p);
		ck_assert_int_eq(h1_parse_response(&p, str_of(out_text()), &limits, &arena,
						   METHOD_GET, false, &res, &why), HTTP_OK);
		ck_assert_uint_eq(res.status, reason_status(r));
		ck_assert_uint_gt(res.reason_phrase.n, 0);
		ck_assert_uint_eq(res.head_size + res.content_length, out.bytes);
		ck_assert(res.has_date);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http write");
	TCase *t = tcase_create("write");

	tcase_add_checked_fixture(t, write_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, h05_a_length_goes_out_canonical);
	tcase_add_test(t, h23_origin_form_and_the_authority_as_host);
	tcase_add_test(t, h37_the_normalised_path_goes_out);
	tcase_add_test(t, h44_h45_framing_of_requests);
	tcase_add_test(t, h47_expect_passes_but_from_http_1_0);
	tcase_add_test(t, h52_h54_h55_h56_what_is_stripped);
	tcase_add_test(t, h57_from_outside_forwarding_fields_are_replaced);
	tcase_add_test(t, h57_from_a_trusted_proxy_they_are_kept_and_appended);
	tcase_add_test(t, h58_forwarded_is_appended_for_a_trusted_proxy);
	tcase_add_test(t, h60_via_is_added_behind_those_that_came);
	tcase_add_test(t, h61_max_forwards_counts_down);
	tcase_add_test(t, h61_h83_an_answer_that_is_no_error);
	tcase_add_test(t, h59_repeated_fields_keep_their_order);
	tcase_add_test(t, h62_hpcbal_speaks_its_own_version);
	tcase_add_test(t, h52_h53_what_connection_names);
	tcase_add_test(t, h63_a_missing_date_is_added);
	tcase_add_test(t, h66_the_length_of_head_and_304_passes);
	tcase_add_test(t, h68_an_http_1_0_client_gets_neither_1xx_nor_chunked);
	tcase_add_test(t, h70_h72_framing_of_responses);
	tcase_add_test(t, h84_what_the_client_is_told_of_its_connection);
	tcase_add_test(t, h128_h130_a_websocket_handshake_goes_through);
	tcase_add_test(t, h129_a_426_names_what_it_asks_for);
	tcase_add_test(t, h19_values_go_out_trimmed);
	tcase_add_test(t, h18_a_relaxed_bare_lf_goes_out_as_crlf);
	tcase_add_test(t, kept_lines_are_not_copied);
	tcase_add_test(t, more_gaps_than_the_queue_holds_are_copied);
	tcase_add_test(t, the_id_is_told_both_ways);
	tcase_add_test(t, a_full_queue_and_a_failed_arena_are_told);
	tcase_add_test(t, errors_of_our_own);
	tcase_add_test(t, answers_that_a_route_gives);
	tcase_add_test(t, every_reason_with_a_status_makes_an_answer);
	return http_run(s);
}
