"""HTTP.md 1 to 36: what a request head may look like. Each refusal is shown from both
sides: the client gets the status and the close, and the server gets no byte."""
import json
import socket
import time

import pytest

import daemon
import wire

HEAD = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def test_plain_request(site):
    got = site.forward(HEAD + "\r\n")
    assert (got.method, got.target, got.version) == ("GET", "/", b"HTTP/1.1")


@pytest.mark.parametrize("fields", [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    "content-length: 6\r\nTRANSFER-ENCODING: Chunked\r\n",
])
def test_h01_length_and_coding(site, fields):
    site.refuse(POST + fields + "\r\n0\r\n\r\n" + SMUGGLED, 400)


@pytest.mark.parametrize("fields", [
    "Content-Length: 2\r\nContent-Length: 3\r\n",
    "Content-Length: 2, 3\r\n",
    "Content-Length: 2\r\nX: y\r\ncontent-length: 02x\r\n",
])
def test_h02_differing_lengths(site, fields):
    site.refuse(POST + fields + "\r\nabc", 400)


@pytest.mark.parametrize("fields", [
    "Content-Length: 2\r\nContent-Length: 2\r\n",
    "Content-Length: 2, 2\r\n",
])
def test_h03_equal_repeated_lengths(site, fields):
    site.refuse(POST + fields + "\r\nab", 400)


@pytest.mark.parametrize("value", [
    "", "+2", "-1", "0x2", "1_0", "2 3", "2x", "2;", "2.0", "\xb2", "1e1", "2\t3", ",2", "2,"])
def test_h04_malformed_length(site, value):
    site.refuse(POST + f"Content-Length: {value}\r\n\r\nab", 400)


@pytest.mark.parametrize("value", [
    "9223372036854775808", "18446744073709551616", "18446744073709551618", "1" + "0" * 22])
def test_h05_length_too_large(site, value):
    site.refuse(POST + f"Content-Length: {value}\r\n\r\nab", 400)


def test_h05_largest_length(site):
    """It passes as it is; what is not sent of it is not asked for twice."""
    site.origin.read_bodies = False
    site.origin.answer = wire.answer(b"enough")
    client = site.client()
    response = client.ask(POST + "Content-Length: 9223372036854775807\r\n\r\nab")
    assert (response.status, response.one("Connection")) == (200, b"close")
    assert site.origin.expect_requests(1)[0].one("Content-Length") == b"9223372036854775807"


def test_h05_leading_zero(site):
    got = site.forward(POST + "Content-Length: 02\r\n\r\nab")
    assert (got.one("Content-Length"), got.body) == (b"2", b"ab")


@pytest.mark.parametrize("value", ["identity", "gzip", "chunked, gzip", "chunked, identity"])
def test_h06_last_coding_is_not_chunked(site, value):
    site.refuse(POST + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n", 400)


@pytest.mark.parametrize("value", ["gzip, chunked", "deflate,chunked", "foo, chunked"])
def test_h07_unknown_coding(site, value):
    site.refuse(POST + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n", 501)


@pytest.mark.parametrize("fields", [
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
])
def test_h08_chunked_twice(site, fields):
    site.refuse(POST + fields + "\r\n0\r\n\r\n", 400)


@pytest.mark.parametrize("value", [
    ",chunked", "chunked,", "xchunked", "chunkedx", "chunked;a", "chunked;a=b", "\x0bchunked",
    "chunked\x0b", "\"chunked\"", "chunked chunked", "", "chunked\x00", "x,,chunked", "\xa0chunked"])
def test_h09_lookalike_coding(site, value):
    site.refuse(POST + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n", 400, 501)


def test_h10_coding_in_http10(site):
    site.refuse("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)


@pytest.mark.parametrize("line", [
    "Foo : b", "Foo\t: b", "Content-Length : 2", "Transfer-Encoding : chunked"])
def test_h11_space_before_colon(site, line):
    site.refuse(HEAD + line + "\r\n\r\n", 400)


@pytest.mark.parametrize("fold", [" ", "\t", "  \t"])
def test_h12_folded_line(site, fold):
    site.refuse(HEAD + f"Foo: a\r\n{fold}b\r\n\r\n", 400)


@pytest.mark.parametrize("space", [" ", "\t"])
def test_h13_space_before_first_field(site, space):
    site.refuse(f"GET / HTTP/1.1\r\n{space}Host: a\r\n\r\n", 400)
    site.refuse(f"GET / HTTP/1.1\r\n{space}\r\nHost: a\r\n\r\n", 400)


@pytest.mark.parametrize("line", ["foo", ": value", ":", "foo bar"])
def test_h14_line_without_colon_or_name(site, line):
    site.refuse(HEAD + line + "\r\n\r\n", 400)


@pytest.mark.parametrize("name", [
    "fo o", "foo(bar)", "foo\x80", "f@o", "f/o", "f\"o", "f\x00o", "f[o]", "f{o", "f=o", "f\x7fo",
    "\xffoo", "f,o", "f;o"])
def test_h15_bad_byte_in_name(site, name):
    site.refuse(HEAD + name + ": b\r\n\r\n", 400)


@pytest.mark.parametrize("value", ["a\x00b", "\x00", "a\rb", "a\nb", "a\x00\r\nEvil: b", "a\x01b",
                                   "a\x7fb"])
def test_h16_bad_byte_in_value(site, value):
    site.refuse(HEAD + f"Foo: {value}\r\n\r\n", 400)


@pytest.mark.parametrize("data", [
    "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\rHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nFo\ro: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nFoo: \rb\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nFoo: b\rEvil: c\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n",
])
def test_h17_bare_cr(site, data):
    site.refuse(data, 400)


BARE_LF = [
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\nHost: a\nFoo: b\r\n\r\n",
]


@pytest.mark.parametrize("data", BARE_LF)
def test_h18_bare_lf(site, data):
    site.refuse(data, 400)


def test_h18_bare_lf_relaxed(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), frontend='relax = ( "bare_lf" );')
    for number, data in enumerate(BARE_LF, 1):
        client = running.client()
        assert client.ask(data).status == 200
        client.close()
        server.expect_requests(number)
    for request in server.requests:
        assert b"\n" not in request.raw.replace(b"\r\n", b"")
    for body in ("2\nab\r\n0\r\n\r\n", "2\r\nab\n0\r\n\r\n", "0\r\nX: a\n\r\n"):
        client = running.client()
        assert client.ask(POST + "Transfer-Encoding: chunked\r\n\r\n" + body).status == 400
        client.close()
    assert "127.0.0.1" in running.wait_log("relax permits")
    assert sum("relax permits" in line for line in running.log()) == 1


def test_h19_values_are_trimmed(site):
    got = site.forward(HEAD + "A: \t a b\t \r\nB:b\r\nC:\r\nD: \xa0d\x85\r\n\r\n")
    assert [line for line in got.lines if line[:1] in b"ABCD"] == [
        b"A: a b", b"B: b", b"C: ", b"D: \xa0d\x85"]


def test_h20_host_missing(site):
    site.refuse("GET / HTTP/1.1\r\n\r\n", 400)
    site.refuse("GET / HTTP/1.1\r\nFoo: b\r\n\r\n", 400)
    site.refuse("TRACE / HTTP/1.1\r\n\r\n", 400)
    site.refuse("CONNECT a:443 HTTP/1.1\r\n\r\n", 400)


def test_h20_http10_without_host(site):
    got = site.forward("GET / HTTP/1.0\r\n\r\n")
    assert got.version == b"HTTP/1.1"
    assert len(got.all("Host")) == 1, "an HTTP/1.1 request needs its Host"


BINDS = """\
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
frontends = ( { name = "front"; bind = ( "*:%d", "unix:{folder}/front.sock" );
                default_backend = "main"; } );
backends = ( %s );
"""


def test_h20_http10_without_host_goes_by_the_address(start, origin):
    server, port = origin(), wire.free_port()
    running = start(config=BINDS % (port, daemon.backend("main", server.address)),
                    listen=("127.0.0.1", port))
    running.client().ask("GET / HTTP/1.0\r\n\r\n")
    local = wire.Stream(socket.socket(socket.AF_UNIX))
    local.sock.connect(running.folder + "/front.sock")
    local.send("GET / HTTP/1.0\r\n\r\n")
    assert local.read_to_end().startswith(b"HTTP/1.1 200 ")
    tcp, unix = server.expect_requests(2)
    assert tcp.one("Host") == b"127.0.0.1:%d" % port
    assert tcp.one("X-Forwarded-For") == b"127.0.0.1"
    assert unix.one("Host") == b"localhost"
    assert not unix.has("X-Forwarded-For") and not unix.has("X-Forwarded-Port")


@pytest.mark.parametrize("fields", [
    "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host: a\r\nX: y\r\nhost: a\r\n",
    "Host: user@a\r\n", "Host: a,b\r\n", "Host: a b\r\n", "Host: a:port\r\n", "Host: a:99999\r\n",
    "Host: a:80:80\r\n", "Host: a/b\r\n", "Host: a?b\r\n", "Host: a#b\r\n", "Host: \r\n",
    "Host: [::1\r\n", "Host: http://a\r\n", "Host: a\\b\r\n", "Host: a:-1\r\n", "Host: :80\r\n",
    "Host: \xe9a\r\n", "Host: a\x7f\r\n",
])
def test_h21_bad_host(site, fields):
    site.refuse("GET / HTTP/1.1\r\n" + fields + "\r\n", 400)


@pytest.mark.parametrize("host", ["a", "a.example", "a.example:8080", "127.0.0.1:80", "[::1]:80",
                                  "[::1]", "a-b_c.example"])
def test_h21_good_host(site, host):
    assert site.forward(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").one("Host") == host.encode()


def test_h22_absolute_form(site):
    got = site.forward("GET http://a.example/p?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert got.first == b"GET /p?q=1 HTTP/1.1"
    assert got.one("Host") == b"a.example"


def test_h22_absolute_form_decides_conditions(site):
    data = "GET http://other.example/ HTTP/1.0\r\n\r\n"
    assert site.ask(data).body == b"other"
    assert site.other.expect_requests(1)[0].one("Host") == b"other.example"


@pytest.mark.parametrize("target,host", [
    ("http://a.example/", "b.example"), ("http://a.example:81/", "a.example"),
    ("http://other.example/", "a"), ("http://user@a.example/", "a.example"),
    ("http:///", "a"), ("http://a b/", "a b")])
def test_h22_absolute_form_with_another_host(site, target, host):
    site.refuse(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n", 400)


def test_h23_origin_form(site):
    got = site.forward("GET HTTP://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert got.target == "/?q"
    assert got.one("Host") == b"a.example"


@pytest.mark.parametrize("line", [
    "GET * HTTP/1.1", "POST * HTTP/1.1", "GET a.example:80 HTTP/1.1", "GET a HTTP/1.1",
    "OPTIONS a:80 HTTP/1.1", "GET ?q HTTP/1.1", "GET *x HTTP/1.1", "OPTIONS ** HTTP/1.1"])
def test_h24_target_form(site, line):
    site.refuse(f"{line}\r\nHost: a\r\n\r\n", 400)


def test_h24_asterisk_with_options(site):
    got = site.forward("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (got.method, got.target) == ("OPTIONS", "*")


@pytest.mark.parametrize("target", ["a.example:443", "/", "a"])
def test_h25_connect(site, target):
    response = site.ask(f"CONNECT {target} HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
    assert response.status in ((405,) if target == "a.example:443" else (400, 405))
    assert site.origin.received == b""
    if response.status == 405:
        assert response.has("Allow")


def test_h25_what_is_behind_connect_is_no_request(site):
    site.refuse("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + SMUGGLED, 405)


def test_h26_trace(site):
    response = site.ask("TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret1\r\n"
                        "Authorization: secret2\r\n\r\n")
    assert response.status == 405
    assert response.has("Allow")
    assert b"secret" not in response.raw + response.body
    assert site.origin.received == b""


@pytest.mark.parametrize("method", ["PROPFIND", "get", "M-SEARCH", "G!#$%&'*+.^_`|~x"])
def test_h27_unknown_method(site, method):
    assert site.forward(f"{method} /only-get HTTP/1.1\r\nHost: a\r\n\r\n").method == method


def test_h27_methods_are_case_sensitive(site):
    assert site.ask("GET /only-get HTTP/1.1\r\nHost: a\r\n\r\n").body == b"other"
    assert site.ask("get /only-get HTTP/1.1\r\nHost: a\r\n\r\n").body == b"main"


@pytest.mark.parametrize("method", ["G(T", "G\x01T", "G\x80T", "\"GET\"", "G,T", "G:T", "G\x00T",
                                    "", "{GET}"])
def test_h28_bad_method(site, method):
    site.refuse(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n", 400)


@pytest.mark.parametrize("target", ["/a b", "/a\x01", "/a\x7f", "/a#b", "/\x80", "/a\xff", "/a\tb",
                                    "/a?b#c", "/?\xe9", "/\x00"])
def test_h29_bad_target(site, target):
    site.refuse(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n", 400)


@pytest.mark.parametrize("version", ["HTTP/1.2", "HTTP/1.9"])
def test_h30_higher_minor_version(site, version):
    client = site.client()
    response = client.ask(f"GET / {version}\r\nHost: a\r\n\r\n")
    assert (response.status, response.version) == (200, b"HTTP/1.1")
    assert site.origin.expect_requests(1)[0].version == b"HTTP/1.1"
    client.expect_open()


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/3.0", "HTTP/9.9"])
def test_h30_other_major_version(site, version):
    site.refuse(f"GET / {version}\r\nHost: a\r\n\r\n", 505)


@pytest.mark.parametrize("version", [
    "HTTP/1.32", "http/1.1", "HTTP/1.", "HTTP/1", "HTTP/11", "HTTP/01.1", "HTTP/1.1x", "HTTP/x.1",
    "HTTP/1,1", "HTTP /1.1", "HTTPS/1.1", "ICY/1.1", "HTTP/-1.1", "HTTP/1.1 "])
def test_h30_malformed_version(site, version):
    site.refuse(f"GET / {version}\r\nHost: a\r\n\r\n", 400)


@pytest.mark.parametrize("data", ["GET /\r\n\r\n", "GET /\r\nHost: a\r\n\r\n", "GET / \r\n\r\n"])
def test_h31_http09(site, data):
    site.refuse(data, 400)


def test_h32_http2_preface(site):
    site.refuse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505)


def test_h33_empty_lines_before_a_request(site):
    client = site.client()
    assert client.ask("\r\n" + HEAD + "\r\n").status == 200
    assert client.ask("\r\n" + HEAD + "\r\n").status == 200
    for request in site.origin.expect_requests(2):
        assert request.raw.startswith(b"GET / HTTP/1.1\r\n")


def test_h33_a_few_empty_lines_and_no_more(site):
    site.forward("\r\n" * 4 + HEAD + "\r\n")
    site.origin.reset()
    site.refuse("\r\n" * 5 + HEAD + "\r\n", 400)
    site.refuse("\r\n" * 100 + HEAD + "\r\n", 400)


def test_h34_request_line_too_long(site):
    site.refuse("GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414)
    site.daemon.wait_log(r" 414 .*GET /aaaa")


@pytest.mark.parametrize("fields", ["Foo: " + "a" * 20000 + "\r\n",
                                    "".join(f"F{i}: {'a' * 300}\r\n" for i in range(80))])
def test_h34_head_too_large(site, fields):
    site.refuse(HEAD + fields + "\r\n", 431)


def test_h34_too_many_fields(site):
    site.refuse(HEAD + "".join(f"F{i}: a\r\n" for i in range(101)) + "\r\n", 431)


OVER = [  # what is over a limit of 1 KiB and 5 fields, as the log names it
    ("GET /" + "a" * 1010 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "REQ_LINE_TOO_LONG", 1024, 1024),
    (HEAD + "X: " + "a" * 993 + "\r\n\r\n", 431, "REQ_HEAD_TOO_LARGE", 1024, 1025),
    (HEAD + "X: a\r\n" * 5 + "\r\n", 431, "REQ_TOO_MANY_FIELDS", 5, 6),
    (HEAD + "Connection: " + "x," * 65 + "\r\n\r\n", 431, "REQ_CONNECTION", 64, 65),
    (POST + "Content-Length: 2049\r\n\r\n", 413, "REQ_BODY_TOO_LARGE", 2048, 2049),
    (POST + "Transfer-Encoding: chunked\r\n\r\n801\r\n" + "x" * 2049, 413,
     "REQ_BODY_TOO_LARGE", 2048, 2049),
    (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + "a" * 1020 + "\r\n\r\n", 431,
     "REQ_TRAILER_TOO_LARGE", 1024, 1025),
    (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + "X: a\r\n" * 6 + "\r\n", 431,
     "REQ_TRAILER_TOO_MANY", 5, 6),
]
LIMITS = 'max_header_size = "1KiB"; max_headers = 5; max_body_size = "2KiB";'


def test_h34_the_log_names_limit_and_size(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), log_format="json", frontend=LIMITS)
    for data, status, *_ in OVER:
        client = running.client()
        response = client.ask(data)
        assert (response.status, response.one("Connection")) == (status, b"close") or status == 413
        client.close()
    running.wait_log("REQ_TRAILER_TOO_MANY")
    lines = [json.loads(line) for line in running.log() if '"reason":"REQ_' in line]
    assert [(e["status"], e["reason"], e["limit"], e["size"]) for e in lines] == [
        tuple(one[1:]) for one in OVER]
    assert lines[0]["method"] == "GET" and lines[0]["target"].startswith("/aaaa")
    assert server.received == b""
    running.wait_log(r"frontend front, client 127\.0\.0\.1: request line over the limit: "
                     r"\d+ bytes came, the limit is 1024 \(max_header_size\)")
    assert sum("came, the limit is" in line for line in running.log()) == 1


def test_h34_what_is_just_at_the_limits_passes(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), frontend=LIMITS)
    for number, data in enumerate([
            "GET /" + "a" * 997 + " HTTP/1.1\r\nHost:\ta\r\n\r\n",
            HEAD + "X: " + "a" * 992 + "\r\n\r\n",
            HEAD + "X: a\r\n" * 4 + "\r\n",
            HEAD + "Connection: " + "x," * 64 + "\r\n\r\n",
            POST + "Content-Length: 2048\r\n\r\n" + "x" * 2048,
            POST + "Transfer-Encoding: chunked\r\n\r\n800\r\n" + "x" * 2048 + "\r\n0\r\n\r\n",
            POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + "a" * 1019 + "\r\n\r\n",
            POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + "X: a\r\n" * 5 + "\r\n"], 1):
        assert running.client().ask(data).status == 200, data[:80]
        server.expect_requests(number)


@pytest.mark.parametrize("slices", [1, 7])
def test_head_in_slices(site, slices):
    client = site.client()
    client.send("POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", slices=slices,
                pause=0.001)
    assert client.read_response().status == 200
    got = site.origin.expect_requests(1)[0]
    assert (got.target, got.body) == ("/x?y", b"abc")


def test_h35_trickled_head(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts='request = "700ms";')
    client = running.client()
    trickle = HEAD + "X: " + "a" * 400
    sent = 0
    while sent < len(trickle) and not wire.is_readable(client.sock, 0.05):
        client.send(trickle[sent])
        sent += 1
    assert sent < len(trickle), "bytes that trickle extend the time"
    response = client.read_response()
    assert (response.status, response.one("Connection")) == (408, b"close")
    client.close()
    assert server.received == b""
    assert running.wait_log(r" 408 ")


def test_h35_deadline_counts_from_the_first_byte(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address),
                    timeouts='request = "700ms"; keep_alive = "20s";')
    client = running.client()
    assert client.ask(HEAD + "\r\n").status == 200
    client.expect_open(1.0)
    begun = time.monotonic()
    client.send("GET / HT")
    response = client.read_response()
    took = time.monotonic() - begun
    assert response.status == 408
    assert took >= 0.65, "the deadline does not begin before the first byte"
    client.expect_closed()
    client.close()


def test_h35_half_a_head_behind_a_request(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts='request = "300ms";')
    client = running.client()
    assert client.ask(HEAD + "\r\nGET /evil HTTP/1.1\r\nHost: a\r\n").status == 200
    assert client.read_response().status == 408
    client.expect_closed()
    assert b"evil" not in server.received


def test_h36_empty_lines_are_no_byte_of_a_request(start, origin):
    """Some clients send one behind a body."""
    server = origin()
    running = start(daemon.backend("main", server.address),
                    timeouts='request = "300ms"; keep_alive = "1500ms";')
    client = running.client()
    assert client.ask(HEAD + "\r\n").status == 200
    client.send("\r\n", slices=1)
    client.send("\r")
    client.expect_closed()
    client = running.client()
    client.send("\r\n")
    client.half_close()
    client.expect_closed()
    client = running.client()
    client.send("\r\n", slices=1)
    assert client.ask(HEAD + "\r\n").status == 200
    wire.wait_for(lambda: sum(" 200 " in line for line in running.log()) == 2, "both log lines")
    assert not any("BADREQ" in line for line in running.log())


def test_h36_idle_connection_is_closed_silently(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address),
                    timeouts='request = "500ms"; keep_alive = "1s";')
    fresh = running.client()
    fresh.expect_closed()
    used = running.client()
    assert used.ask(HEAD + "\r\n").status == 200
    used.expect_closed()
