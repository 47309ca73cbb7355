"""HTTP.md 84 to 98: connections on both sides, reuse and retry."""
import os
import signal
import threading
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"


def get(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"


def test_keep_alive_and_reuse(site):
    client = site.client()
    for _ in range(20):
        assert client.ask(GET).body == b"main"
    assert len(site.origin.connections) == 1
    assert site.ask(GET).body == b"main"
    assert len(site.origin.connections) == 1, "another client uses the pooled connection"


def test_h84_close_from_the_client(site):
    client = site.client()
    client.send(get("/1", "Connection: close\r\n") + get("/2"))
    response = client.read_response()
    assert response.one("Connection").lower() == b"close"
    client.expect_closed()
    assert [r.target for r in site.origin.expect_requests(1)] == ["/1"]


def test_h84_http10_closes_by_itself(site):
    client = site.client()
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert client.read_response().status == 200
    client.expect_closed()


def test_h84_http10_keep_alive(site):
    client = site.client()
    request = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
    response = client.ask(request)
    assert response.one("Connection").lower() == b"keep-alive"
    assert client.ask(request).status == 200


def test_h84_close_from_the_server(site):
    def reply(request, connection):
        connection.send(wire.answer(b"bye", fields=["Connection: close"]))
        connection.close()
    site.origin.answer = reply
    client = site.client()
    for _ in range(3):
        response = client.ask(GET)
        assert response.body == b"bye"
        assert not response.has("Connection"), "the server's close is not the client's"
    assert len(site.origin.connections) == 3


def test_h85_pipelined_requests(site):
    busy, most = [0], [0]
    lock = threading.Lock()

    def reply(request, connection):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.05 if request.target == "/0" else 0.0)
        with lock:
            busy[0] -= 1
        return wire.answer(request.target.encode())
    site.origin.answer = reply
    client = site.client()
    client.send("".join(get(f"/{i}") for i in range(30)))
    for i in range(30):
        assert client.read_response().body == b"/%d" % i
    assert most[0] == 1


def test_h85_pipelined_bodies(site):
    site.origin.answer = lambda request, connection: wire.answer(request.body)
    client = site.client()
    client.send(POST + "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\ncde\r\n0\r\n\r\n" + POST + GET, slices=11)
    assert [client.read_response().body for _ in range(4)] == [b"ab", b"cde", b"ab", b""]


def test_h86_answer_is_not_lost_to_a_reset(site):
    client = site.client()
    client.send("BAD\x01 / HTTP/1.1\r\nHost: a\r\n\r\n")
    try:
        for _ in range(20):
            client.send("x" * 10000)
            time.sleep(0.005)
    except OSError:
        pass
    assert client.read_response().status == 400


def test_h87_half_close_after_a_request(site):
    site.origin.answer = lambda request, connection: time.sleep(0.2) or wire.answer(b"late")
    client = site.client()
    client.send(GET)
    client.half_close()
    assert client.read_response().body == b"late"
    client.expect_closed()


def test_h87_half_close_after_a_body(site):
    client = site.client()
    client.send(POST)
    client.half_close()
    assert client.read_response().status == 200
    assert site.origin.expect_requests(1)[0].body == b"ab"


def test_h87_half_close_after_pipelined_requests(site):
    client = site.client()
    client.send(GET * 3)
    client.half_close()
    assert [client.read_response().status for _ in range(3)] == [200, 200, 200]
    client.expect_closed()


def test_h88_reset_frees_the_server(site):
    site.origin.answer = lambda request, connection: connection.read_to_end(60) and None
    client = site.client()
    client.send(GET)
    site.origin.expect_requests(1)
    client.reset()
    wire.wait_for(lambda: site.origin.connections[0].closed.is_set(),
                  "the server connection to be closed")


# --- retries ---

def cut(request, connection):
    connection.close()


def test_h89_post_is_never_sent_twice(start, origin):
    servers = [origin(), origin()]
    for server in servers:
        server.answer = cut
    running = start(daemon.backend("main", *[s.address for s in servers]))
    client = running.client()
    assert client.ask(POST).status == 502
    client.close()
    time.sleep(0.1)
    assert sum(len(s.requests) for s in servers) == 1
    running.wait_log(r' 502 .* SH--.*"POST ')


def test_h89_post_that_was_answered_in_part(start, origin):
    servers = [origin(), origin()]
    for server in servers:
        server.answer = lambda request, connection: connection.send(b"HTTP/1.1 2") or cut(
            request, connection)
    running = start(daemon.backend("main", *[s.address for s in servers]))
    client = running.client()
    assert client.ask(POST).status == 502
    client.close()
    assert sum(len(s.requests) for s in servers) == 1


@pytest.mark.parametrize("request_bytes", [GET, POST], ids=["GET", "POST"])
def test_h91_refused_connection_goes_to_another_server(start, origin, request_bytes):
    server = origin()
    refusing = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", refusing, server.address))
    client = running.client()
    for _ in range(6):
        assert client.ask(request_bytes).status == 200
    client.close()
    server.expect_requests(6)


def test_h91_all_refuse(start):
    refusing = [("127.0.0.1", wire.free_port()) for _ in range(2)]
    running = start(daemon.backend("main", *refusing))
    client = running.client()
    response = client.ask(GET)
    assert response.status == 503
    assert response.has("Retry-After")
    client.expect_open()
    client.close()
    running.wait_log(r' 503 .* SC--')


def once_then_cut(request, connection):
    """Answers the first request of a connection and closes at the second."""
    if len(connection.requests) > 1:
        connection.close()
        return None
    return wire.answer(b"fresh")


def test_h92_reused_connection_closed_under_a_get(site):
    site.origin.answer = once_then_cut
    client = site.client()
    for _ in range(4):
        assert client.ask(GET).body == b"fresh"
    assert len(site.origin.requests) == 7, "each later one was tried once more"


def test_h92_reused_connection_closed_under_a_post(site):
    for _ in range(10):
        site.origin.reset()
        site.origin.answer = once_then_cut
        client = site.client()
        assert client.ask(GET).body == b"fresh"
        response = client.ask(POST)
        if response.status == 502:
            break
        # The machine took a second for it, behind which a new connection is right.
    assert response.status == 502
    posts = [r for r in site.origin.requests if r.method == "POST"]
    assert len(posts) == 1


def test_h92_post_uses_no_connection_idle_for_long(site):
    client = site.client()
    assert client.ask(GET).status == 200
    time.sleep(1.2)
    assert client.ask(POST).status == 200
    assert len(site.origin.connections) == 2


def test_h92_no_connection_before_a_request(site):
    site.client()
    time.sleep(0.2)
    assert site.origin.connections == []


def test_h93_retry_goes_to_another_server(start, origin):
    bad, good = origin(), origin(name="good")
    bad.answer = once_then_cut
    running = start(daemon.backend("main", bad.address, good.address))
    client = running.client()
    bodies = [client.ask(get(f"/{i}")).body for i in range(8)]
    client.close()
    assert set(bodies) <= {b"fresh", b"good"}
    tried = [r.target for r in bad.requests]
    answered = [r.target for r in good.requests]
    assert any(target in answered for target in tried), "a request that the bad one cut"
    assert running.wait_log(r"main/main2 .*/\+?1 ")


def test_server_that_does_not_answer(start, origin):
    server = origin()
    server.answer = lambda request, connection: connection.read_to_end(60) and None
    running = start(daemon.backend("main", server.address), timeouts='server = "500ms";')
    client = running.client()
    begun = time.monotonic()
    assert client.ask(GET).status == 504
    assert time.monotonic() - begun > 0.45
    client.close()
    running.wait_log(r" 504 .* sH--")
    wire.wait_for(lambda: server.connections[0].closed.is_set(), "its connection to be closed")


def test_server_that_resets(start, origin):
    server = origin()
    server.answer = lambda request, connection: connection.reset()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    assert client.ask(POST).status == 502
    client.close()
    running.wait_log(r" 502 .* SH--")


def test_h87_half_close_between_pipelined_requests(site):
    """The end arrives at any moment between the answers; each request is answered all the same."""
    for _ in range(150):
        client = site.client()
        client.send(GET * 3)
        client.half_close()
        assert [client.read_response().status for _ in range(3)] == [200, 200, 200]
        client.close()


# Whatever is charged as a retry is refused: 502.
NO_RETRIES = "retries = 0; retry_budget = 0;"


@pytest.mark.parametrize("request_bytes", [GET, POST], ids=["GET", "POST"])
def test_h92_answer_with_a_reset_right_behind_it(start, origin, request_bytes):
    """The two come together; the server has long gone when the next request is there. Not a byte
    of that goes to the old connection, so it is no retry."""
    gone = threading.Event()

    def reply(_request, connection):
        connection.sock.sendall(wire.answer(b"last words"))
        connection.reset()
        gone.set()
    server = origin()
    server.answer = reply
    running = start(daemon.backend("main", server.address, more=NO_RETRIES))
    client = running.client()
    for _ in range(200):
        response = client.ask(request_bytes)
        assert response.status == 200, response.raw
        assert gone.wait(wire.PATIENCE)
        gone.clear()
    client.close()
    assert len(server.requests) == 200 == running.server("main", "main1")["requests_total"]


@pytest.mark.parametrize("request_bytes", [GET, POST], ids=["GET", "POST"])
def test_h92_the_end_is_known_with_the_request(start, origin, request_bytes):
    """Request and end of the kept connection are read in one look, the request first."""
    server = origin()
    running = start(daemon.backend("main", server.address, more=NO_RETRIES))
    client = running.client()
    proxy = running.child("proxy")
    for at in range(20):
        assert client.ask(request_bytes).status == 200
        daemon.freeze(proxy)
        try:
            client.send(request_bytes)
            server.connections[-1].close()
        finally:
            os.kill(proxy, signal.SIGCONT)
        response = client.read_response()
        assert response.status == 200, (at, response.raw)
    client.close()
