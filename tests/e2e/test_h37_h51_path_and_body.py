"""HTTP.md 37 to 51: the path that conditions see, and how a request's body is framed."""
import socket
import threading
import time

import pytest

import daemon
import wire

POST = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
EVIL = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"


# --- the path ---

@pytest.mark.parametrize("sent,forwarded", [
    ("/a/./b/../c", "/a/c"), ("/%41%2d%7E", "/A-~"), ("/a/..", "/"), ("/../../a", "/a"),
    ("/a/.", "/a/"), ("/%2e%2e/a", "/a"), ("/a%2Fb", "/a%2Fb"), ("/a%5Cb", "/a%5Cb"),
    ("/a//b", "/a//b"), ("/a?x=/../b", "/a?x=/../b"), ("/a%20b", "/a%20b"), ("/...", "/...")])
def test_h37_path_is_normalised(site, sent, forwarded):
    assert site.forward(get(sent)).target == forwarded


@pytest.mark.parametrize("path", [
    "/api", "/%61pi", "//api", "/./api", "/x/../api", "/%2e/api", "/x/%2e%2e/api", "/%61%70%69/x",
    "///x/..//api", "/api?x"])
def test_h37_no_encoding_takes_a_request_past_a_condition(site, path):
    assert site.ask(get(path)).body == b"other"
    assert site.origin.received == b""


@pytest.mark.parametrize("path", [
    "/static/..%2fapi", "/static/..%2Fapi//x/../y", "/a/%2e%2e%2fapi", "/a/%2f../api",
    "/a/..%5capi", "/a/%5C..", "/.%2fapi"])
def test_h37_escaped_slash_beside_a_dot_segment(site, path):
    site.refuse(get(path), 400)


@pytest.mark.parametrize("path", ["/%zz", "/%0", "/%", "/a%00b", "/%4", "/%%41", "/%-1"])
def test_h38_bad_escape(site, path):
    site.refuse(get(path), 400)


def test_h38_query_is_not_judged(site):
    assert site.forward(get("/?q=100%&r=%zz%00")).target == "/?q=100%&r=%zz%00"


# --- chunked ---

def refuse_body(site, data, status=400):
    """The body's framing is at fault: the status, the close, nothing after it is taken for
    a request, the server never sees a whole request and its connection is not used again."""
    client = site.client()
    client.send(data)
    response = client.read_response()
    assert response.status == status, response.raw
    client.expect_closed()
    wire.wait_for(lambda: all(c.closed.is_set() for c in site.origin.connections),
                  "the server connection to be closed")
    assert not any(request.complete for request in site.origin.requests)
    assert b"evil" not in site.origin.received
    assert site.ask(GET).status == 200
    assert site.origin.requests[-1].connection.received.startswith(b"GET / HTTP/1.1")


@pytest.mark.parametrize("size", ["0x2", "+2", " 2", "2 ", "_", "", "2_", "-2", "2\t", "\t2", "g",
                                  "8000000000000000", "10000000000000002", "2,", "2 2", "\x002"])
def test_h39_chunk_size(site, size):
    refuse_body(site, CHUNKED + f"{size}\r\nab\r\n0\r\n\r\n" + EVIL)


@pytest.mark.parametrize("size", ["0x2", "", ";a"])
def test_h39_fault_behind_a_good_chunk(site, size):
    refuse_body(site, CHUNKED + f"2\r\nab\r\n{size}\r\nab\r\n0\r\n\r\n" + EVIL)


def test_h39_hexadecimal_sizes(site):
    body = "0123456789" * 3
    got = site.forward(CHUNKED + f"1e\r\n{body}\r\n1E\r\n{body}\r\n0001\r\nx\r\n00\r\n\r\n")
    assert got.body == (body * 2 + "x").encode()


@pytest.mark.parametrize("body", [
    "2\nab\r\n0\r\n\r\n", "2\r\nab\n0\r\n\r\n", "2\r\nabX\r\n0\r\n\r\n", "2\r\nab0\r\n\r\n",
    "2\rab\r\n0\r\n\r\n", "2\r\nab\r0\r\n\r\n", "0\n\n", "0\r\n\n", "2;a\nab\r\n0\r\n\r\n",
    "2\r\nab\r\n0\n\r\n", "2\r\r\nab\r\n0\r\n\r\n", "2\r\nabx\n0\r\n\r\n"])
def test_h40_chunk_line_ends(site, body):
    refuse_body(site, CHUNKED + body + EVIL)


def test_h41_extensions_are_dropped(site):
    got = site.forward(CHUNKED + '2;foo=bar\r\nab\r\n1;q="x;y"\r\nc\r\n0;last\r\n\r\n')
    assert got.body == b"abc"
    for word in (b"foo", b"q=", b"last"):
        assert word not in got.raw_body


@pytest.mark.parametrize("body", ["1;" + "e" * 5000 + "\r\na\r\n",
                                  ("1;" + "e" * 100 + "\r\na\r\n") * 200])
def test_h41_extensions_over_the_limit(site, body):
    refuse_body(site, CHUNKED + body + "0\r\n\r\n" + EVIL)


def test_h42_nothing_is_parsed_after_a_fault(site):
    client = site.client()
    client.send(CHUNKED + "zz\r\n" + EVIL * 3)
    assert client.read_response().status == 400
    client.expect_closed()
    assert b"evil" not in site.origin.received


LATE_FAULTS = ["zz\r\n", "2\r\nabX", "2\n", "2\r\nab\r\n0\r\nfoo\r\n\r\n",
               "1;" + "e" * 1100 + "\r\na\r\n0\r\n\r\n"]


@pytest.mark.parametrize("fault", LATE_FAULTS)
def test_h42_fault_when_the_server_has_half_of_the_body(site, fault):
    client = site.client()
    assert client.ask(GET).status == 200
    client.send(CHUNKED + "3\r\nabc\r\n")
    wire.wait_for(lambda: b"\nabc" in site.origin.received, "the first chunk at the server")
    client.send(fault + EVIL)
    response = client.read_response()
    assert (response.status, response.one("Connection")) == (400, b"close")
    client.expect_closed()
    used = site.origin.requests[-1].connection
    assert used.closed.wait(wire.PATIENCE), "the server connection was kept"
    assert not site.origin.requests[-1].complete
    assert b"evil" not in site.origin.received
    assert site.ask(GET).status == 200
    assert site.origin.requests[-1].connection is not used


def test_h42_fault_when_the_answer_has_begun(site):
    """The answer cannot be taken back: its cut is seen."""
    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        connection.read_until(b"never")
    site.origin.read_bodies = False
    site.origin.answer = reply
    client = site.client()
    client.send(CHUNKED + "3\r\nabc\r\n")
    assert client.read_until(b"half").startswith(b"HTTP/1.1 200 ")
    client.send("zz\r\n" + EVIL)
    client.expect_closed()
    assert site.origin.connections[0].closed.wait(wire.PATIENCE)
    assert b"evil" not in site.origin.received


@pytest.mark.parametrize("line", ["Foo : b", " folded: b", "foo", "F\x00: b", "Foo: a\x00", ": b",
                                  "Foo: a\rb"])
def test_h43_bad_trailer(site, line):
    refuse_body(site, CHUNKED + f"2\r\nab\r\n0\r\nGood: a\r\n{line}\r\n\r\n" + EVIL)


@pytest.mark.parametrize("lines", ["Foo: " + "a" * 20000, "\r\n".join(["Foo: a"] * 101)])
def test_h43_trailer_over_the_limits_of_the_head(site, lines):
    refuse_body(site, CHUNKED + f"2\r\nab\r\n0\r\n{lines}\r\n\r\n" + EVIL, 431)


def test_h43_trailer_within_the_limits_of_the_head(site):
    lines = "".join(f"X-{n}: {'a' * 120}\r\n" for n in range(100))
    got = site.forward(CHUNKED + f"2\r\nab\r\n0\r\n{lines}\r\n")
    assert [value for _, value in got.trailers] == [b"a" * 120] * 100


def test_h43_values_of_trailers_are_trimmed(site):
    client = site.client()
    client.send(CHUNKED + "0\r\nA: \t a b\t \r\nB:b\r\nC: \xa0c\r\n\r\n")
    assert client.read_response().status == 200
    assert site.origin.expect_requests(1)[0].raw_body == (
        b"0\r\nA: a b\r\nB:b\r\nC: \xa0c\r\n\r\n")


def test_h43_bare_lf_in_trailer(site):
    refuse_body(site, CHUNKED + "2\r\nab\r\n0\r\nFoo: a\n\r\n" + EVIL)


def test_h43_good_trailer(site):
    client = site.client()
    response = client.ask(CHUNKED + "2\r\nab\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n")
    assert response.status == 200
    got = site.origin.expect_requests(1)[0]
    assert got.body == b"ab"
    assert b"Content-Length" not in [name for name, _ in got.trailers]
    assert client.ask(GET).status == 200


# --- bodies ---

@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "PROPFIND", "post"])
def test_h44_no_length_means_no_body(site, method):
    client = site.client()
    client.send(f"{method} /first HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert client.read_response().status == 200
    assert client.read_response().status == 200
    first, second = site.origin.expect_requests(2)
    assert second.method == "GET"
    assert (first.method, first.one("Content-Length")) == (method, b"0")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_h44_others_stay_without_framing(site, method):
    got = site.forward(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n", method)
    assert not got.has("Content-Length") and not got.has("Transfer-Encoding")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "REPORT", "get"])
def test_h45_body_of_any_method(site, method):
    head = f"{method} / HTTP/1.1\r\nHost: a\r\n"
    client = site.client()
    assert client.ask(head + "Content-Length: 3\r\n\r\nabc", method).status == 200
    assert client.ask(head + "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n",
                      method).status == 200
    assert [r.body for r in site.origin.expect_requests(2)] == [b"abc", b"de"]


@pytest.mark.parametrize("part", ["Content-Length: 10\r\n\r\nabc",
                                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
def test_h46_body_cut_by_the_client(site, part):
    client = site.client()
    client.send(POST + part)
    wire.wait_for(lambda: b"\nabc" in site.origin.received, "the first part of the body")
    client.reset()
    wire.wait_for(lambda: all(c.closed.is_set() for c in site.origin.connections),
                  "the server connection to be closed")
    assert not site.origin.requests[0].complete


@pytest.mark.parametrize("part", ["Content-Length: 10\r\n\r\nabc",
                                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
def test_h46_body_ended_by_half_close(site, part):
    client = site.client()
    client.send(POST + part)
    client.half_close()
    wire.wait_for(lambda: site.origin.connections
                  and all(c.closed.is_set() for c in site.origin.connections),
                  "the server connection to be closed")
    assert not any(request.complete for request in site.origin.requests)


def test_h47_expect_continue(site):
    def reply(request, connection):
        assert request.one("Expect") == b"100-continue"
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        return wire.answer(request.body)
    site.origin.read_bodies = False
    site.origin.answer = reply
    client = site.client()
    client.send(POST + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    client.send("abc")
    response = client.read_response()
    assert (response.status, response.body) == (200, b"abc")


def test_h47_client_that_does_not_wait(site):
    client = site.client()
    response = client.ask(POST + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    assert response.status == 200
    assert site.origin.expect_requests(1)[0].body == b"abc"
    assert client.ask(GET).status == 200


def test_h47_another_interim_answer_is_no_100(start, origin):
    """Whoever waits for 100 Continue is not late, whatever else the server says before."""
    go = threading.Event()

    def reply(request, connection):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        assert go.wait(wire.PATIENCE)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        return wire.answer(request.body)
    server = origin()
    server.read_bodies = False
    server.answer = reply
    running = start(daemon.backend("main", server.address), timeouts='client = "800ms";')
    client = running.client()
    client.send(POST + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 103 ")
    client.expect_open(1.2)
    go.set()
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    assert client.ask("abc").body == b"abc"


def test_h47_final_answer_instead_of_100(site):
    site.origin.read_bodies = False
    site.origin.answer = wire.answer(b"no", 403, reason=b"Forbidden")
    client = site.client()
    client.send(POST + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.interim) == (403, [])


def test_h47_expectation_of_http10_is_ignored(site):
    got = site.forward("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab")
    assert not got.has("Expect") and got.body == b"ab"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("value", ["200-ok", "100-continue, foo", "100-continuee", "x", "",
                                   "100-continue;a", "100-continue\r\nExpect: x"])
def test_h48_other_expectation(site, value, version):
    response = site.ask(f"POST / HTTP/{version}\r\nHost: a\r\nExpect: {value}\r\n"
                        "Content-Length: 0\r\n\r\n")
    assert response.status == 417
    assert site.origin.received == b""


def test_h49_early_answer(site):
    site.origin.read_bodies = False

    def reply(request, connection):
        connection.send(wire.answer(b"too much", 413, reason=b"Too Large"))
        time.sleep(0.3)
        connection.close()
    site.origin.answer = reply
    client = site.client()
    client.send(POST + "Content-Length: 100000000\r\n\r\n" + "x" * 1000)
    response = client.read_response()
    assert (response.status, response.body) == (413, b"too much")
    assert response.one("Connection") == b"close"


def test_h49_answer_to_a_client_that_waits_to_send(site):
    """It will hardly send the body now: it has to know that the connection ends."""
    site.origin.read_bodies = False
    site.origin.answer = wire.answer(b"who?", 401)
    client = site.client()
    client.send(POST + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.one("Connection")) == (401, b"close")
    client.expect_closed()


def test_h49_large_answer_before_a_large_body_is_read(site):
    """The server reads nothing before its answer is out, and the client sends all the while:
    neither waits for the other."""
    size = 16 << 20

    def reply(request, connection):
        connection.sock.sendall(wire.answer(b"x" * size))
        connection.read_until(b"never")
    site.origin.read_bodies = False
    site.origin.answer = reply
    client = site.client()
    client.send(POST + f"Content-Length: {size}\r\n\r\n")

    def upload():
        try:
            client.sock.sendall(b"y" * size)
        except OSError:
            pass  # nobody has to read it to its end
    sender = threading.Thread(target=upload)
    sender.start()
    response = client.read_response_head()
    assert (response.status, response.one("Connection")) == (200, b"close")
    assert client.read_exactly(size) == b"x" * size
    client.close()
    sender.join()


def test_h49_answer_reaches_who_reads_slowly_and_sends_on(start, origin):
    """The proxy has said all, and most of it is on its way: a close would destroy that."""
    size = 1 << 20
    server = origin()
    server.read_bodies = False
    server.answer = wire.answer(b"x" * size)
    running = start(daemon.backend("main", server.address))
    client = running.client(rcvbuf=65536)
    client.send(POST + "Content-Length: 100000000\r\n\r\n")
    running.wait_log(" 200 ")
    assert client.read_response_head().status == 200
    got = len(client.take(len(client.buf)))
    for _ in range(5):  # for longer than a pause of the client may be
        time.sleep(0.5)
        got += len(client.sock.recv(50000))
    client.sock.sendall(b"y" * (3 << 20))
    client.read_exactly(size - got)
    client.expect_closed()


SKIPPED = 65536


def answered_early(request, connection):
    connection.send(wire.answer(b"no", 403, reason=b"Forbidden"))
    connection.read_until(b"never")


def test_h49_small_rest_is_skipped(site):
    """The connection lives on, and what was body is not taken for a request."""
    site.origin.read_bodies = False
    site.origin.answer = answered_early
    client = site.client()
    body = EVIL * 3 + "x" * (SKIPPED - 3 * len(EVIL))
    client.send(POST + f"Content-Length: {SKIPPED}\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.has("Connection")) == (403, False)
    client.send(body[:1000])
    first = site.origin.requests[0].connection
    assert first.closed.wait(wire.PATIENCE), "the server connection was kept"
    site.origin.reset()
    client.send(body[1000:] + GET, slices=10000)
    assert client.read_response().status == 200
    assert [r.target for r in site.origin.requests] == ["/"]
    assert client.ask(GET).status == 200


@pytest.mark.parametrize("framing", [f"Content-Length: {SKIPPED + 1}", "Transfer-Encoding: chunked"])
def test_h49_larger_rest_ends_the_connection(site, framing):
    site.origin.read_bodies = False
    site.origin.answer = answered_early
    client = site.client()
    client.send(POST + framing + "\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.one("Connection")) == (403, b"close")
    client.send(EVIL * 100)
    client.expect_closed()
    assert b"evil" not in site.origin.received


def test_h49_small_rest_behind_an_answer_of_our_own(start, origin):
    gone = origin()
    gone.close()
    running = start(daemon.backend("main", gone.address, more="retries = 0;"),
                    timeouts='keep_alive = "1s";')
    client = running.client()
    for _ in range(2):
        client.send(POST + f"Content-Length: {len(EVIL)}\r\n\r\n")
        response = client.read_response()
        assert (response.status, response.has("Connection")) == (503, False)
        client.send(EVIL)
    client.expect_closed()  # it idles
    client = running.client()
    client.send(POST + f"Content-Length: {len(EVIL)}\r\n\r\n" + EVIL[:5])
    assert not client.read_response().has("Connection")
    client.expect_closed()  # it does not send the rest
    wire.wait_for(lambda: sum(" 503 " in line for line in running.log()) == 3, "three log lines")
    assert not any("evil" in line or "BADREQ" in line for line in running.log())


def test_h49_who_was_late_with_a_body_is_not_waited_for(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts='client = "300ms";')
    client = running.client()
    client.send(POST + "Content-Length: 10\r\n\r\nabc")
    response = client.read_response()
    assert (response.status, response.one("Connection")) == (408, b"close")
    client.send("defghij" + EVIL)
    client.expect_closed()
    assert b"evil" not in server.received


def test_h50_body_over_the_limit(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), frontend='max_body_size = "1KiB";')
    client = running.client()
    assert client.ask(POST + "Content-Length: 1025\r\n\r\n").status == 413
    assert server.received == b""
    client = running.client()
    assert client.ask(POST + "Content-Length: 1024\r\n\r\n" + "x" * 1024).status == 200
    client = running.client()
    assert client.ask(CHUNKED + "400\r\n" + "y" * 1024 + "\r\n0\r\n\r\n").status == 200
    client = running.client()
    assert client.ask(CHUNKED + "400\r\n" + "x" * 1024 + "\r\n1\r\nx\r\n0\r\n\r\n").status == 413
    client = running.client()
    client.send(CHUNKED + "3ff\r\n" + "x" * 1023 + "\r\n")
    wire.wait_for(lambda: b"x" * 1023 in server.connections[-1].received, "the first chunk")
    client.send("2\r\nxx\r\n")
    assert client.read_response().status == 413
    client.expect_closed()
    assert [r.body for r in server.requests if r.complete] == [b"x" * 1024, b"y" * 1024]
    assert b"evil" not in server.received


def test_h50_nobody_is_asked_for_a_body_over_the_limit(start, origin):
    """Neither with 100 Continue; and as it is small, the connection lives on if it comes."""
    server = origin()
    running = start(daemon.backend("main", server.address), frontend='max_body_size = "1KiB";')
    client = running.client()
    client.send(POST + "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.interim) == (413, [])
    assert response.one("Connection") == b"close"
    client.expect_closed()
    client = running.client()
    client.send(POST + "Content-Length: 1025\r\n\r\n" + "x" * 1025)
    response = client.read_response()
    assert (response.status, response.has("Connection")) == (413, False)
    assert client.ask(GET).status == 200
    assert [r.method for r in server.requests] == ["GET"]


# --- back-pressure ---

LARGE = 256 << 20
IN_SOCKETS = 48 << 20


def stalled_count(count, patience=20.0):
    """Waits until a byte counter stands still, and returns it."""
    end = time.monotonic() + patience * wire.SLOWDOWN
    before = -1
    while time.monotonic() < end:
        time.sleep(0.5)
        if count() == before:
            return before
        before = count()
    raise AssertionError(f"the sender was never held back: {before} bytes so far")


def sent_until_stalled(sock, piece, sent):
    """Sends until the proxy holds the sender back."""
    sock.setblocking(False)

    def more():
        try:
            while True:
                sent[0] += sock.send(piece[sent[0] % len(piece):])
        except BlockingIOError:
            return sent[0]
    count = stalled_count(more)
    sock.setblocking(True)
    return count


def test_h51_client_that_does_not_read(start, origin):
    server = origin()
    sent = [0]

    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        piece = b"x" * 65536
        while sent[0] < LARGE:
            connection.sock.sendall(piece)
            sent[0] += len(piece)
    server.answer = reply
    running = start(daemon.backend("main", server.address))
    before = running.rss()
    client = running.client(rcvbuf=65536)
    client.send(GET)
    assert stalled_count(lambda: sent[0]) < IN_SOCKETS
    assert running.rss() - before < (8 << 20) * wire.SLOWDOWN
    total = len(client.read_until(b"\r\n\r\n")) * 0
    while total < LARGE:
        piece = client.sock.recv(1 << 20) if not client.buf else client.take(len(client.buf))
        assert piece, f"cut after {total} bytes"
        total += len(piece)
    assert total == LARGE


def test_h51_server_that_does_not_read(start, origin):
    server = origin()
    server.read_bodies = False
    go, sent = [False], [0]

    def reply(request, connection):
        wire.wait_for(lambda: go[0], "the test", 60)
        left = LARGE - len(connection.buf)
        while left:
            left -= len(connection.sock.recv(min(left, 1 << 20)))
        return wire.answer(b"read")
    server.answer = reply
    running = start(daemon.backend("main", server.address))
    before = running.rss()
    client = running.client()
    client.send(POST + f"Content-Length: {LARGE}\r\n\r\n")
    piece = b"x" * 65536
    assert sent_until_stalled(client.sock, piece, sent) < IN_SOCKETS
    assert running.rss() - before < (8 << 20) * wire.SLOWDOWN
    go[0] = True
    client.sock.settimeout(wire.PATIENCE)
    while sent[0] < LARGE:
        sent[0] += client.sock.send(piece[:LARGE - sent[0]])
    assert client.read_response().body == b"read"


def test_h51_client_that_sends_requests_while_the_server_works(site):
    go, sent = threading.Event(), [0]

    def reply(request, connection):
        assert go.wait(wire.PATIENCE * 4)
        return wire.answer(request.target.encode())
    site.origin.answer = reply
    before = site.daemon.rss()
    client = site.client()
    client.send(get("/first"))
    piece = get("/" + "a" * 1000).encode()
    assert sent_until_stalled(client.sock, piece, sent) < IN_SOCKETS
    assert site.daemon.rss() - before < (8 << 20) * wire.SLOWDOWN
    go.set()
    assert client.read_response().body == b"/first"
    for _ in range(3):
        assert client.read_response().body == b"/" + b"a" * 1000


def test_large_bodies_both_ways(site):
    data = bytes(range(256)) * 8192
    site.origin.answer = lambda request, connection: wire.answer(request.body)
    client = site.client()
    for framing in ("length", "chunked"):
        if framing == "length":
            client.send(POST + f"Content-Length: {len(data)}\r\n\r\n")
            body = data
        else:
            client.send(CHUNKED)
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
        client.sock.settimeout(wire.PATIENCE)
        client.sock.sendall(body)
        assert client.read_response().body == data, framing


def test_many_connections_with_half_a_head(site):
    held = []
    try:
        for _ in range(500):
            sock = socket.create_connection(site.daemon.address)
            sock.sendall(b"GET / HTTP/1.1\r\nHo")
            held.append(sock)
        assert site.ask(GET).status == 200
    finally:
        for sock in held:
            sock.close()
