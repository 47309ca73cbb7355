"""What goes wrong on a bad day: servers that hang, reset, cut, lie; clients that trickle, stall
and vanish; and what the log says of each."""
import re
import select
import statistics
import threading
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
LINE = re.compile(r'front (\S+)/(\S+) [-\d]+/[-\d]+/[-\d]+/[-\d]+/[-\d]+ (\d+|-1) \d+ - - '
                  r'(\S{4}) \d+/\d+/\d+/\d+/(\+?\d+) \d+/\d+ "')


def logged(running, which=0, target=r"\S+"):
    """(backend/server, status, letters, retries) of the access log's line, once it is there."""
    def find():
        lines = [LINE.search(line) for line in running.log()
                 if re.search(rf'"[A-Z]+ {target} HTTP|"<BADREQ>"', line)]
        lines = [line for line in lines if line]
        return lines[which] if len(lines) > which else None
    found = wire.wait_for(find, "the access log's line")
    return (f"{found.group(1)}/{found.group(2)}", found.group(3), found.group(4), found.group(5))


def active(running, backend="main", server="main1"):
    return running.server(backend, server)["active"]


# --- servers ---

def hangs(request, connection):
    connection.read_to_end(60)


def closes(request, connection):
    connection.close()


def resets(request, connection):
    connection.reset()


def closes_in_head(request, connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.close()


def resets_in_head(request, connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    time.sleep(0.1)
    connection.reset()


def hangs_in_head(request, connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.read_to_end(60)


def says(text):
    def answer(request, connection):
        connection.send(text)
        connection.read_to_end(60)
    answer.__name__ = "says " + repr(text[:30])
    return answer


SENT_TWICE = (closes, resets)


@pytest.mark.parametrize("misbehave,status,letters", [
    (hangs, 504, "sH--"),
    (hangs_in_head, 504, "sH--"),
    (closes, 502, "SH--"),
    (resets, 502, "SH--"),
    (closes_in_head, 502, "SH--"),
    (resets_in_head, 502, "SH--"),
    (says(b"I am no server\r\n\r\n"), 502, "PH--"),
    (says(b"HTTP/1.1 099 Low\r\n\r\n"), 502, "PH--"),
    (says(b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n"), 502, "PH--"),
    (says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, "PH--"),
    (says(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200), 502, "PH--"),
    (says(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70000), 502, "PH--"),
    (says(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), 502, "PH--"),
], ids=lambda value: value.__name__ if callable(value) else None)
def test_server_without_a_good_answer(start, origin, misbehave, status, letters):
    server = origin()
    server.answer = misbehave
    running = start(daemon.backend("main", server.address),
                    timeouts='server = "400ms";' if status == 504 else "")
    client = running.client()
    begun = time.monotonic()
    response = client.ask(GET)
    assert response.status == status, response.raw
    assert status != 504 or time.monotonic() - begun > 0.35
    tries = 2 if misbehave in SENT_TWICE else 1
    server.expect_requests(tries)
    assert logged(running) == ("main/main1", str(status), letters, str(tries - 1))
    wire.wait_for(lambda: active(running) == 0, "the server to be given back")
    assert len(server.connections) == tries
    for connection in server.connections:
        assert wire.wait_for(connection.closed.is_set, "the connection to be closed")
    server.answer = wire.answer(b"well again")
    wire.wait_for(lambda: client.ask(GET).body == b"well again", "its next request to be answered")
    client.close()


HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
HEAD_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("sent,letters", [
    (HEAD_10 + b"12345", "SD--"),
    (HEAD_10, "SD--"),
    (HEAD_CHUNKED, "SD--"),
    (HEAD_CHUNKED + b"5\r\n12345\r\n", "SD--"),
    (HEAD_CHUNKED + b"a\r\n12345", "SD--"),
    (HEAD_CHUNKED + b"5\r\n12345\r\n0\r\n", "SD--"),
    (HEAD_CHUNKED + b"5\r\n12345\r\n0\r\nTrailer: x\r\n", "SD--"),
    (HEAD_CHUNKED + b"5\r\n12345\r\nnonsense\r\n", "PD--"),
    (HEAD_CHUNKED + b"5\r\n123456\r\n0\r\n\r\n", "PD--"),
], ids=["length", "length-nothing", "chunked-nothing", "chunked-between", "chunked-within",
        "chunked-no-end", "chunked-trailer", "chunk-nonsense", "chunk-overlong"])
@pytest.mark.parametrize("end", ["closes", "resets"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_body_cut_short_is_seen_to_be_cut(start, origin, sent, letters, end, version):
    def cut(request, connection):
        connection.send(sent)
        time.sleep(0.05)
        connection.reset() if end == "resets" else connection.close()
    server = origin()
    server.answer = cut
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(GET.replace("1.1", version))
    end_was_seen = False
    try:
        response = client.read_response_head()
        assert response.status in (200, 502)
        if response.status == 200:
            if response.has("Transfer-Encoding"):
                client.read_chunked()
            elif response.has("Content-Length"):
                client.read_exactly(int(response.one("Content-Length")))
            else:
                read_to_reset(client)
            raise AssertionError("a cut body looked whole")
    except (wire.Closed, ConnectionResetError, ValueError):
        end_was_seen = True
    assert end_was_seen or response.status == 502
    server_line = logged(running)
    assert (server_line[0], server_line[2]) == ("main/main1", letters)
    wire.wait_for(lambda: active(running) == 0, "the server to be given back")
    client.close()


def read_to_reset(client):
    """Without framing only a reset says that a body is cut; an orderly end is a fault."""
    while client.sock.recv(65536):
        pass


def test_server_that_stops_in_its_body(start, origin):
    server = origin()
    server.answer = says(HEAD_10 + b"12345")
    running = start(daemon.backend("main", server.address), timeouts='server = "1s";')
    client = running.client()
    client.send(GET)
    assert client.read_response_head().status == 200
    with pytest.raises(wire.Closed) as fault:
        client.read_exactly(10)
    assert fault.value.got == b"12345"
    assert logged(running) == ("main/main1", "200", "sD--", "0")


def test_server_that_does_not_read_the_body(start, origin):
    server = origin()
    server.read_bodies = False
    server.answer = lambda request, connection: time.sleep(3 * wire.SLOWDOWN)
    running = start(daemon.backend("main", server.address), timeouts='server = "300ms";')
    client = running.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    begun = time.monotonic()
    client.sock.setblocking(False)
    sent = 0
    while time.monotonic() - begun < 5 * wire.SLOWDOWN:
        readable, writable, _ = select.select([client.sock], [client.sock], [], 0.2)
        if readable:
            break
        if writable:
            sent += client.sock.send(b"x" * 65536)
    client.sock.setblocking(True)
    assert sent < 50_000_000, "the client is held up when the server is"
    assert client.read_response().status == 504
    assert logged(running)[2] == "sD--"
    client.close()


# --- servers that refuse ---

def test_another_server_at_once_when_one_refuses(start, origin):
    server, gone = origin(name="good"), ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", gone, server.address))
    client, took = running.client(), []
    for data in (GET, POST):
        for _ in range(10):
            begun = time.monotonic()
            assert client.ask(data).body == b"good"
            took.append(time.monotonic() - begun)
    assert len(server.requests) == 20
    assert logged(running) == ("main/main2", "200", "----", "+1")
    retried = [took[at] for at in range(20) if logged(running, at)[3] == "+1"]
    assert min(retried) < 0.5 * wire.SLOWDOWN, "there is no pause between the two"
    errors = {s["name"]: s["errors"] for s in running.json("servers")["servers"]}
    assert 1 <= errors["main1"] <= 10 and errors["main2"] == 0
    client.close()


def test_all_servers_refuse(start, origin):
    nobody = [("127.0.0.1", wire.free_port()) for _ in range(2)]
    running = start(daemon.backend("main", *nobody, more="retries = 3;"))
    client = running.client()
    assert client.ask(POST).status == 503
    backend, status, letters, retries = logged(running)
    assert (backend[:9], status, letters, retries.lstrip("+")) == ("main/main", "503", "SC--", "3")
    wire.wait_for(lambda: active(running) == 0 and active(running, server="main2") == 0,
                  "the servers to be given back")
    client.close()


def test_no_server_is_up(start):
    nobody = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", nobody, more='check: { tcp = true; };'))
    client = running.client()
    assert client.ask(GET).status == 503
    assert logged(running) == ("main/<NOSRV>", "503", "SC--", "0")
    client.close()


# --- nothing is sent twice that must not be ---

def after_the_first(then):
    """Answers a connection's first request; then does `then` with the next, and with each POST,
    which goes over a new connection when the other ones were idle for a second."""
    def answer(request, connection):
        if len(connection.requests) == 1 and request.method != "POST":
            return wire.answer(b"first")
        return then(request, connection)
    return answer


@pytest.mark.parametrize("then", [closes, resets], ids=["closes", "resets"])
@pytest.mark.parametrize("body", [
    "Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "Content-Length: 0\r\n\r\n"], ids=["length", "chunked", "empty"])
def test_post_is_never_sent_twice(start, origin, then, body):
    first, second = origin(name="first"), origin(name="second")
    running = start(daemon.backend("main", first.address, second.address))
    client = running.client()
    for server in (first, second):
        server.answer = then
    post = "POST / HTTP/1.1\r\nHost: a\r\n" + body
    assert client.ask(post).status == 502, "over a new connection"
    assert len(first.requests) + len(second.requests) == 1
    for server in (first, second):
        server.reset()
        server.answer = after_the_first(then)
    for _ in range(2):
        assert client.ask(GET).body == b"first"
    statuses = [client.ask(post).status for _ in range(2)]
    assert statuses == [502, 502], "over one that was used before"
    for server in (first, second):
        assert [r.method for r in server.requests].count("POST") == 1
    client.close()


@pytest.mark.parametrize("then", [closes, resets], ids=["closes", "resets"])
def test_get_is_sent_again_when_a_used_connection_ends(start, origin, then):
    server = origin()
    server.answer = after_the_first(then)
    running = start(daemon.backend("main", server.address))
    client = running.client()
    for number in range(4):
        assert client.ask(GET).body == b"first", f"request {number}"
    assert logged(running, 1)[2] == "----"
    client.close()


def test_get_is_sent_again_once_on_a_new_connection(start, origin):
    """A server that leaves must not cost a request; one that kills must not kill them all."""
    servers = [origin() for _ in range(3)]
    for server in servers:
        server.answer = closes
    running = start(daemon.backend("main", *(server.address for server in servers)))
    client = running.client()
    assert client.ask(GET).status == 502
    assert sorted(len(server.requests) for server in servers) == [0, 1, 1]
    client.close()


def test_post_is_not_sent_again_on_a_new_connection(start, origin):
    server, other = origin(), origin()
    server.answer = other.answer = closes
    running = start(daemon.backend("main", server.address, other.address))
    client = running.client()
    assert client.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab").status == 502
    assert len(server.requests) + len(other.requests) == 1
    client.close()


# --- clients ---

@pytest.mark.parametrize("way,more", [
    ("reset", ""), ("reset", "abort_on_close = true;"), ("close", "abort_on_close = true;")])
def test_client_that_goes_while_the_server_works(start, origin, way, more):
    server = origin()
    server.answer = hangs
    running = start(daemon.backend("main", server.address), frontend=more)
    client = running.client()
    client.send(GET)
    server.expect_requests(1)
    assert active(running) == 1
    getattr(client, way)()
    assert wire.wait_for(server.connections[0].closed.is_set, "the server's connection to end")
    wire.wait_for(lambda: active(running) == 0, "the slot to be free")
    assert logged(running)[0::2] == ("main/main1", "CH--")


def test_half_closed_client_gets_its_answer(start, origin):
    server = origin()
    go = threading.Event()
    server.answer = lambda request, connection: go.wait(10) and wire.answer(b"late")
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(GET)
    client.half_close()
    server.expect_requests(1)
    time.sleep(0.2)
    go.set()
    assert client.read_response().body == b"late"
    client.expect_closed()
    assert logged(running)[2] == "----"


def test_client_resets_in_the_upload(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
    server.expect_requests(1)
    client.reset()
    assert wire.wait_for(server.connections[0].closed.is_set, "the server's connection to end")
    assert not server.requests[0].complete
    wire.wait_for(lambda: active(running) == 0, "the slot to be free")
    assert logged(running)[0::2] == ("main/main1", "CD--")


def test_client_resets_in_the_download(start, origin):
    server = origin()
    server.answer = lambda request, connection: endless(connection)
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(GET)
    client.read_exactly(1000)
    client.reset()
    assert wire.wait_for(server.connections[0].closed.is_set, "the server's connection to end")
    wire.wait_for(lambda: active(running) == 0, "the slot to be free")
    assert logged(running)[0::2] == ("main/main1", "CD--")


def endless(connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while True:
        connection.send(b"x" * 65536)


def test_slow_readers_take_bounded_memory(start, origin):
    sent = []

    def much(request, connection):
        try:
            endless(connection)
        finally:
            sent.append(1)
    server = origin()
    server.answer = much
    running = start(daemon.backend("main", server.address), timeouts='client = "5m";')
    first = running.client()
    server.answer = wire.answer(b"warm")
    first.ask(GET)
    server.answer = much
    before = running.rss()
    clients = [running.client(rcvbuf=4096) for _ in range(40)]
    for client in clients:
        client.send(GET)
    for client in clients:
        client.read_exactly(100)
    time.sleep(1)
    used = (running.rss() - before) / len(clients)
    print(f"{used / 1024:.0f} KiB for a client that does not read")
    assert used < 200 * 1024 * wire.SLOWDOWN
    server.answer = wire.answer(b"fast")
    assert first.ask(GET).body == b"fast", "they hold up nobody else"
    for client in clients + [first]:
        client.close()
    wire.wait_for(lambda: active(running) == 0, "the slots to be free")


def test_client_that_stops_reading_is_cut(start, origin):
    server = origin()
    server.answer = lambda request, connection: endless(connection)
    running = start(daemon.backend("main", server.address), timeouts='client = "400ms";')
    client = running.client(rcvbuf=4096)
    client.send(GET)
    client.read_exactly(100)
    assert wire.wait_for(server.connections[0].closed.is_set, "the server's connection to end")
    assert logged(running)[2] == "cD--"
    client.close()


def test_slow_uploader(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts='client = "1500ms";')
    client = running.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
    client.send("x" * 20, slices=1, pause=0.1)
    assert client.read_response().status == 200, "slow is not late: 2 s for all of it"
    assert server.requests[0].body == b"x" * 20
    begun = time.monotonic()
    client.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nabc")
    assert client.read_response().status == 408
    assert time.monotonic() - begun > 1.4
    client.expect_closed()
    assert logged(running, target="/late")[0:3] == ("main/main1", "408", "cD--")
    wire.wait_for(lambda: active(running) == 0, "the slot to be free")


def test_head_byte_by_byte(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts='request = "2s";')
    client = running.client()
    sent, slow = 0, GET * 10
    while sent < len(slow) and not wire.is_readable(client.sock, 0.1):
        client.send(slow[sent])
        sent += 1
    assert client.read_response().status == 408
    client.expect_closed()
    assert server.received == b""
    assert logged(running)[1:3] == ("408", "cR--")
    patient = running.client()
    patient.send(GET, slices=1, pause=0.005)
    assert patient.read_response().status == 200
    patient.close()


def test_a_thousand_trickling_heads(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts=f'request = "{6 * wire.SLOWDOWN:.0f}s";')
    proxy = running.child("proxy")
    normal = running.client()
    normal.ask(GET)
    before = running.rss()
    clients = [running.client() for _ in range(1000)]
    took, rounds = [], 0
    end = time.monotonic() + 1.2
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n")
    while time.monotonic() < end or not rounds:
        rounds += 1
        for at, client in enumerate(clients):
            client.send("X")
            if at % 20 == 0:
                begun = time.monotonic()
                assert normal.ask(GET).status == 200
                took.append(time.monotonic() - begun)
    used = (running.rss() - before) / len(clients)
    middle = statistics.median(took)
    print(f"normal answers within {1000 * middle:.1f} ms; {used / 1024:.1f} KiB a trickler")
    assert middle < 1 * wire.SLOWDOWN
    if wire.SLOWDOWN == 1:
        assert used < 64 * 1024
    for client in clients:
        assert client.read_response(patience=15 * wire.SLOWDOWN).status == 408
        client.close()
    assert normal.ask(GET).status == 200
    assert running.child("proxy") == proxy
    assert len(server.connections) == 1
    normal.close()


def test_frontend_limit_makes_the_rest_wait(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), frontend="max_connections = 2;",
                    threads=2)
    held = [running.client() for _ in range(2)]
    for client in held:
        assert client.ask(GET).status == 200
    waiting = [running.client() for _ in range(5)]
    for client in waiting:
        client.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
    for client in waiting:
        client.expect_open(0.05)
    for client in held:
        assert client.ask(GET).status == 200, "those who are in go on"
    held[0].close()
    for client in waiting:
        assert client.read_response().status == 200, "they come in one after the other"
        client.close()
    held[1].close()
    # An answer is counted when it was sent, so perhaps after it was read here.
    wire.wait_for(lambda: running.json("status")["frontends"][0]["requests_total"] == 9,
                  "nine requests to be counted")


def test_two_thousand_idle_connections(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), threads=2,
                    timeouts='keep_alive = "5m";')
    first = running.client()
    first.ask(GET)
    before = running.rss()
    clients = [running.client() for _ in range(2000)]
    for client in clients:
        assert client.ask(GET).status == 200
    used = (running.rss() - before) / len(clients)
    print(f"{used:.0f} bytes for an idle connection")
    if wire.SLOWDOWN == 1:
        assert used < 2500
    assert running.json("status")["frontends"][0]["connections"] == 2001
    for client in clients[::10]:
        assert client.ask(GET).status == 200
    for client in clients + [first]:
        client.close()
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0,
                  "the connections to be counted down")
