"""HTTP.md 84 to 88: who ends a connection, how, and what comes of what was on its way."""
import os
import signal
import socket
import threading
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def get(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"


def no_request_runs(running):
    wire.wait_for(lambda: running.server("main", "main1")["active"] == 0,
                  "the server's slot to be free")


# --- 84: close ---

@pytest.mark.parametrize("field", ["Connection: close", "Connection: Keep-Alive, CLOSE",
                                   "Connection: x-a\r\nConnection: close",
                                   "connection:close"])
def test_h84_close_in_any_dress(site, field):
    client = site.client()
    client.send(get("/1", field + "\r\n") + get("/2"))
    assert client.read_response().one("Connection").lower() == b"close"
    client.expect_closed()
    assert [r.target for r in site.origin.expect_requests(1)] == ["/1"]


def test_h84_close_with_a_body_behind_the_answer(site):
    """The request that says close has a body; nothing behind that is read either."""
    client = site.client()
    client.send("POST /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n")
    client.send("abc" + get("/2"))
    assert client.read_response().status == 200
    client.expect_closed()
    assert [r.target for r in site.origin.expect_requests(1)] == ["/1"]


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 Hints\r\nConnection: close\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
], ids=["close", "with keep-alive", "HTTP/1.0", "in a 103"])
def test_h84_a_server_that_says_close_and_stays_is_closed(site, head):
    site.origin.answer = head
    client = site.client()
    for count in range(1, 4):
        assert client.ask(GET).body == b"ok"
        assert len(site.origin.connections) == count, "a connection that was to close was used"
        wire.wait_for(site.origin.connections[-1].closed.is_set, "our end of it")


def test_h84_http10_server_that_keeps_alive(site):
    site.origin.answer = (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                          b"Content-Length: 2\r\n\r\nok")
    client = site.client()
    for _ in range(3):
        assert client.ask(GET).body == b"ok"
    assert len(site.origin.connections) == 1


# --- 85: one after the other ---

def test_h85_more_pipelined_than_a_buffer_holds(site):
    """200 KB of requests at once, while the server is slow to begin with."""
    site.origin.answer = lambda request, connection: (
        time.sleep(0.2 if request.target == "/0" else 0) or wire.answer(request.target.encode()))
    client = site.client()
    count = 1000
    pad = "X-Pad: " + "p" * 160 + "\r\n"
    sender = threading.Thread(target=client.send, daemon=True,
                              args=("".join(get(f"/{i}", pad) for i in range(count)),))
    sender.start()
    for i in range(count):
        assert client.read_response().body == b"/%d" % i
    sender.join()
    assert [r.target for r in site.origin.requests] == [f"/{i}" for i in range(count)]


def test_h85_fault_in_the_midst_of_a_pipeline(site):
    """What came before the fault is answered; nothing behind it is a request."""
    client = site.client()
    client.send(get("/1") + get("/2") + "GET /3 HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n"
                + get("/4"))
    assert [client.read_response().status for _ in range(3)] == [200, 200, 400]
    client.expect_closed()
    assert [r.target for r in site.origin.expect_requests(2)] == ["/1", "/2"]


# --- 86: nothing is lost to a reset ---

def test_h86_close_answer_survives_a_pipelined_request(site):
    """A request behind one that was answered with close was on its way before the client could
    know. It gets no answer, but the one before must arrive whole."""
    body = b"z" * 200000
    site.origin.answer = lambda request, connection: (
        time.sleep(0.1) or wire.answer(body, fields=["X-A: b"]))
    for _ in range(5):
        client = site.client()
        # The body is not whole when the answer begins, so that the answer says close.
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nab")
        client.send("cde" + get("/behind") * 100)
        response = client.read_response()
        assert response.body == body
        client.expect_closed()
        client.close()


def test_h86_linger_reads_no_more_than_a_bound(site):
    """Who goes on sending after the last word is cut after some megabytes, and not kept."""
    client = site.client()
    client.send("BAD\x01 / HTTP/1.1\r\nHost: a\r\n\r\n")
    sent = 0
    with pytest.raises(OSError):
        for _ in range(2000):
            client.send("x" * 65536)
            sent += 65536
    assert sent < 60 << 20


def test_h86_what_was_on_its_way_does_not_cost_the_answer(site):
    """The server refuses an upload of which megabytes lie in the sockets' buffers. A client may
    write on before it looks: that write must not fail, or it would never look."""
    refused = threading.Event()

    def refuse(request, connection):
        refused.wait(wire.PATIENCE)
        connection.send(wire.answer(b"no", status=413))
        connection.close()
    site.origin.read_bodies = False
    site.origin.answer = refuse
    client = site.client()
    client.send(f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {1 << 30}\r\n\r\n")
    client.sock.setblocking(False)
    sent, last, end = 0, time.monotonic(), time.monotonic() + wire.PATIENCE
    while sent <= 2 << 20 or time.monotonic() - last < 0.3:
        assert time.monotonic() < end, f"{sent} bytes are too few for this test to mean anything"
        try:
            sent += client.sock.send(b"x" * 65536)
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    client.sock.setblocking(True)
    refused.set()
    assert wire.is_readable(client.sock, wire.PATIENCE)
    for _ in range(10):
        time.sleep(0.02)  # for the proxy to read on
        client.send(b"x" * 65536)
    assert client.read_response_head().status == 413


class Taker:
    """A client whose upload was refused, who goes on sending, and takes so many bytes a second of
    the answer, every so many seconds. What its small buffer has no room for lies in ours."""

    def __init__(self, address, rate, every=0.0, rcvbuf=2304):
        self.client = wire.Client(address, rcvbuf=rcvbuf)
        self.client.send(f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {1 << 30}\r\n\r\n")
        self.rate, self.every, self.got = rate, every, b""
        self.begun = self.last = time.monotonic()

    def goes_on(self):
        """False: it was reset."""
        now = time.monotonic()
        due = int((now - self.begun) * self.rate) - len(self.got)
        try:
            self.client.send("x" * 10)
            if due > 0 and now > self.last + self.every and wire.is_readable(self.client.sock, 0):
                self.got += self.client.sock.recv(due)
                self.last = now
            return True
        except OSError:
            return False


def test_h86_who_lingers_takes_the_answer_at_some_pace(start, origin):
    """Who takes a little now and then is let go; who takes more gets all, with pauses too. Each
    answer has left us before, for the kernel's buffers."""
    server, body = origin(), b"z" * 100000
    server.read_bodies = False
    server.answer = lambda request, connection: (
        connection.send(wire.answer(body, status=413)), connection.close(), None)[2]
    running = start(daemon.backend("main", server.address))
    drips = Taker(running.address, 300)
    readers = [Taker(running.address, 1500), Taker(running.address, 5000, 4, rcvbuf=8192)]
    wire.wait_for(lambda: sum(" 413 " in line for line in running.log()) == 3, "the exchanges")
    end = time.monotonic() + 30 * wire.SLOWDOWN
    while drips.goes_on():
        for reader in readers:
            assert reader.goes_on(), f"reset after {len(reader.got)} bytes"
        assert time.monotonic() < end, "it is lingered for without end"
        time.sleep(0.1)
    for reader in readers:
        reader.client.buf += reader.got
        assert reader.client.read_response().body == body
        reader.client.close()
    drips.client.close()


# --- 87: half-close ---

def test_h87_half_close_and_a_long_answer(site):
    body = b"y" * (3 << 20)
    site.origin.answer = wire.answer(body)
    client = site.client(rcvbuf=65536)
    client.send(GET)
    client.half_close()
    assert client.read_response(patience=20 * wire.SLOWDOWN).body == body
    client.expect_closed()


def test_h87_half_close_while_no_server_can_be_reached(start, origin):
    """The end comes while the request waits for its next try."""
    port = wire.free_port()
    running = start(daemon.backend("main", ("127.0.0.1", port), more="retries = 100;"),
                    timeouts='connect = "30s";')
    client = running.client()
    client.send(GET)
    wire.wait_for(lambda: running.json("servers")["servers"][0]["errors"] > 0, "the first try")
    client.half_close()
    late = origin(name="late", port=port)
    assert client.read_response(patience=10 * wire.SLOWDOWN).body == b"late"
    client.expect_closed()
    client.close()
    late.close()


def test_h87_half_close_within_a_body_is_no_request(site):
    client = site.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
    wire.wait_for(lambda: site.origin.requests, "the head at the server")
    client.half_close()
    client.expect_closed()
    assert not site.origin.requests[0].complete
    assert site.daemon.wait_log(r' -1 0 - - CD-- .*"POST / HTTP')


# --- 88: reset ---

@pytest.fixture
def silent(start, origin):
    """A daemon before a server that takes requests and never answers."""
    server, over = origin(), threading.Event()
    server.answer = lambda request, connection: over.wait(60 * wire.SLOWDOWN) and None
    running = start(daemon.backend("main", server.address), timeouts='server = "60s";')
    running.origin = server
    yield running
    over.set()


def expect_aborted(running, letters):
    """The server's connection ends, long before any timeout, and its slot is free."""
    connection = running.origin.connections[0]
    wire.wait_for(lambda: peer_has_ended(connection.sock), "the server's connection to end")
    no_request_runs(running)
    assert running.wait_log(r' -1 0 - - ' + letters)


def peer_has_ended(sock):
    try:
        return sock.recv(1 << 20, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_h88_reset_while_the_server_works(silent):
    client = silent.client()
    client.send(GET)
    silent.origin.expect_requests(1)
    client.reset()
    expect_aborted(silent, "CH--")


def test_h88_reset_behind_a_half_close(silent):
    """The end alone changes nothing (87); the reset behind it is the client's death."""
    client = silent.client()
    client.send(GET)
    client.half_close()
    silent.origin.expect_requests(1)
    time.sleep(0.3)
    assert silent.server("main", "main1")["active"] == 1
    client.reset()
    expect_aborted(silent, "CH--")


def test_h88_reset_behind_more_than_is_read_ahead(silent):
    """So many requests are pipelined that the buffer is full and nothing more is read."""
    client = silent.client()
    client.sock.setblocking(False)
    data = get("/0", "X-Pad: " + "p" * 900 + "\r\n").encode() * 1000
    sent, stalled = 0, 0
    while sent < len(data) and stalled < 5:
        try:
            sent += client.sock.send(data[sent:])
            stalled = 0
        except BlockingIOError:
            stalled += 1
            time.sleep(0.1)
    assert sent > 65536
    silent.origin.expect_requests(1)
    client.reset()
    expect_aborted(silent, "CH--")


def test_h88_reset_while_the_server_does_not_read_the_body(silent):
    """The client is held up (51), so nothing is read from it: its reset is seen all the same."""
    silent.origin.read_bodies = False
    client = silent.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    client.sock.settimeout(0.5)
    with pytest.raises(OSError):
        for _ in range(1000):
            client.sock.send(b"x" * 65536)
    silent.origin.expect_requests(1)
    client.reset()
    wire.wait_for(lambda: silent.server("main", "main1")["active"] == 0, "the slot to be free")
    assert silent.wait_log(r' -1 0 - - CD--')


@pytest.mark.parametrize("head, rest", [
    (GET, "\r\n"),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", "behind"),
])
def test_h88_reset_in_one_go_with_what_begins_no_request(start, head, rest):
    """An empty line, or a part of a body that nobody wants; and the reset has no event of its
    own."""
    running = start(daemon.backend("main", ("127.0.0.1", wire.free_port()), more="retries = 0;"),
                    timeouts='keep_alive = "1h";')
    client = running.client()
    client.send(head)
    assert client.read_response().status == 503
    proxy = running.child("proxy")
    daemon.freeze(proxy)
    client.send(rest)
    client.reset()
    os.kill(proxy, signal.SIGCONT)
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0,
                  "the client to be let go")


@pytest.mark.parametrize("body", ["", "abc"], ids=["whole", "half a body"])
def test_h88_reset_while_no_server_can_be_reached(start, body):
    running = start(daemon.backend("main", ("127.0.0.1", wire.free_port()), more="retries = 100;"),
                    timeouts='connect = "30s";')
    client = running.client()
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {2 * len(body)}\r\n\r\n{body}")
    wire.wait_for(lambda: running.json("servers")["servers"][0]["errors"] > 0, "the first try")
    client.reset()
    assert running.wait_log(r' -1 0 - - CC--')
    no_request_runs(running)


def test_h88_abort_on_close(start, origin):
    server, over = origin(), threading.Event()
    server.answer = lambda request, connection: over.wait(60 * wire.SLOWDOWN) and None
    running = start(daemon.backend("main", server.address), frontend="abort_on_close = true;",
                    timeouts='server = "60s";')
    running.origin = server
    client = running.client()
    client.send(GET)
    server.expect_requests(1)
    client.half_close()
    expect_aborted(running, "CH--")
    client.expect_closed()
    over.set()


def test_h88_client_that_is_gone_is_found_by_writing(start, origin):
    """Closed, not reset: it may be a half-close, until the first answer bytes are refused."""
    server, go = origin(), threading.Event()

    def trickle(_request, connection):
        go.wait(60 * wire.SLOWDOWN)
        try:
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sock.sendall(b"data: x\n\n")
                time.sleep(0.02)
        except OSError:
            connection.close()
    server.answer = trickle
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(GET)
    server.expect_requests(1)
    client.close()
    time.sleep(0.2)
    assert running.server("main", "main1")["active"] == 1
    go.set()
    assert running.wait_log(r' 200 \d+ - - CD--')
    no_request_runs(running)
