"""Each timeout runs for whom the exchange waits: what the other side does meanwhile gives
nobody more time, and a reset that comes together with bytes is seen at once."""
import threading
import time

import pytest

import daemon
import wire

SECOND = 'server = "1s"; client = "1s"; request = "20s";'
GET = "GET /late HTTP/1.1\r\nHost: a\r\n\r\n"
POST = "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def slow(start, origin):
    """A daemon before an origin that does, and ends with the test."""
    server, over = origin(), threading.Event()

    def behave(*pieces, then=None):
        def reply(_request, connection):
            for piece in pieces:
                connection.sock.sendall(piece)
            if then:
                then(connection)
            over.wait(30 * wire.SLOWDOWN)
        server.answer = reply
        return running
    running = start(daemon.backend("main", server.address), timeouts=SECOND)
    behave.origin = server
    yield behave
    over.set()


def drip(client, running):
    """Sends the next request's first bytes, ever again, until the first one was logged.
    Returns its log line and how long that took."""
    began = time.monotonic()
    while not any("/late" in line for line in running.log()):
        assert time.monotonic() - began < wire.PATIENCE, "the timeout never came"
        try:
            client.send("G")
        except OSError:
            pass
        time.sleep(0.3)
    return running.wait_log("/late")


def test_client_that_drips_gives_a_silent_server_no_time(slow):
    running = slow()
    client = running.client()
    client.send(GET)
    assert " 504 " in (line := drip(client, running)) and "sH--" in line
    assert client.read_response().status == 504
    client.close()


def test_client_that_drips_gives_a_stalled_body_no_time(slow):
    running = slow(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc")
    client = running.client()
    client.send(GET)
    assert "sD--" in drip(client, running)
    client.close()


def test_client_that_drips_has_to_read_all_the_same(slow):
    def pour(connection):
        try:
            while True:
                connection.sock.sendall(b"x" * 1000000)
        except OSError:
            pass
    running = slow(b"HTTP/1.1 200 OK\r\n\r\n", then=pour)
    client = running.client(rcvbuf=4096)
    client.send(GET)
    assert "cD--" in drip(client, running)
    client.close()


def test_server_that_began_to_answer_waits_for_the_body(slow):
    running = slow(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    slow.origin.read_bodies = False
    client = running.client()
    client.send(POST + "begun")
    assert "cD--" in running.wait_log("/late")
    client.close()


def test_body_may_take_longer_than_the_timeouts(slow):
    """As long as someone moves, nobody is late: an echo, for three times the timeout."""
    def echo(connection):
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(20):
            connection.sock.sendall(connection.read_exactly(5, 10 * wire.SLOWDOWN))
    running = slow(then=echo)
    slow.origin.read_bodies = False
    client = running.client()
    client.send(POST)
    for _ in range(20):
        time.sleep(0.15)
        client.send("01234")
    assert client.read_response().body == b"01234" * 20
    client.close()


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\nConte", b"HTTP/1.1 103 Hints\r\n\r\n"],
                         ids=["half a head", "interim"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_server_resets_before_its_answer(slow, method, said):
    def reset(connection):
        connection.reset()
    running = slow(said, then=reset)
    for _ in range(10): # the two have to arrive together
        client = running.client()
        response = client.ask(f"{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert response.status == 502, response.raw
        client.close()
    assert not any("sH--" in line for line in running.log())


def refused_lines(running, count):
    lines = [line for line in running.log() if "<BADREQ>" in line]
    return lines if len(lines) == count else None


def test_client_resets_behind_half_a_head(slow):
    running = slow()
    slow.origin.answer = wire.answer(b"here")
    for _ in range(10):
        client = running.client()
        assert client.ask(GET).status == 200
        client.send("GET /half HT")
        client.reset()
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0,
                  "the connections to be gone")
    lines = wire.wait_for(lambda: refused_lines(running, 10), "ten lines in the log")
    assert all("CR--" in line for line in lines), lines
