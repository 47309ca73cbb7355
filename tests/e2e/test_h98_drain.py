"""HTTP.md 98: what has come before a stop, or before a reload that removes its listener, is
answered; and the answers say that the connection ends."""
import signal
import threading

import pytest

import daemon
import traffic
import wire


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"


class Gate:
    """An origin that answers /held only when the gate is open."""

    def __init__(self, server):
        self.opened = threading.Event()
        self.server = server
        server.answer = self.reply

    def reply(self, request, _connection):
        if request.target == "/held":
            self.opened.wait(60 * wire.SLOWDOWN)
        return wire.answer(request.target.encode())

    def wait_held(self, count=1):
        wire.wait_for(lambda: [r.target for r in self.server.requests].count("/held") == count,
                      f"{count} held requests")


def stop_begun(running):
    """Sends SIGTERM and waits until nobody listens any more."""
    running.process.send_signal(signal.SIGTERM)
    wire.wait_for(lambda: not traffic.is_listening(running.address),
                  "the listening socket to close")


def stop_ended(running):
    running.process.wait(daemon.STOP_PATIENCE)


@pytest.fixture
def gate(start, origin):
    server = origin()
    gate = Gate(server)
    gate.running = start(daemon.backend("main", server.address), threads=2)
    yield gate
    gate.opened.set()


def test_h98_answer_during_the_drain_says_close(gate):
    client = gate.running.client()
    client.send(get("/held"))
    gate.wait_held()
    stop_begun(gate.running)
    gate.opened.set()
    response = client.read_response()
    assert response.body == b"/held" and response.one("Connection") == b"close"
    client.expect_closed()
    client.close()
    stop_ended(gate.running)


def test_h98_answer_of_our_own_says_close_too(gate):
    """A 400 of hpcbal's own is an answer like another."""
    client = gate.running.client()
    client.send("GET /half HTTP/1.1\r\nHost: a\r\n")
    keeper = gate.running.client()
    keeper.send(get("/held"))
    gate.wait_held()
    stop_begun(gate.running)
    client.send("Max-Body: 1\r\nExpect: nonsense\r\n\r\n")
    response = client.read_response()
    assert response.status == 417 and response.one("Connection") == b"close"
    client.expect_closed()
    gate.opened.set()
    assert keeper.read_response().one("Connection") == b"close"
    for one in (client, keeper):
        one.close()
    stop_ended(gate.running)


def test_h98_pipelined_requests_are_answered(gate):
    """All that had come before; the last answer says close, since what is behind one that does
    is no request any more (84)."""
    client = gate.running.client()
    client.send(get("/held") + get("/2") + get("/3"))
    gate.wait_held()
    stop_begun(gate.running)
    gate.opened.set()
    responses = [client.read_response() for _ in range(3)]
    assert [r.body for r in responses] == [b"/held", b"/2", b"/3"]
    assert responses[-1].one("Connection") == b"close"
    client.expect_closed()
    client.close()
    stop_ended(gate.running)


def test_h98_half_read_requests_are_answered(gate):
    """One whose head, one whose body is under way, and one that is half behind another."""
    head, body, behind = [gate.running.client() for _ in range(3)]
    head.send("GET /head HTTP/1.1\r\nHo")
    body.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
    wire.wait_for(lambda: [r.target for r in gate.server.requests] == ["/body"], "the body's head")
    behind.send(get("/held") + "GET /behind HTTP/1.1\r\nHo")
    gate.wait_held()
    stop_begun(gate.running)
    head.send("st: a\r\n\r\n")
    body.send("cd")
    for client, path in ((head, b"/head"), (body, b"/body")):
        response = client.read_response()
        assert response.body == path and response.one("Connection") == b"close"
        client.expect_closed()
    gate.opened.set()
    assert behind.read_response().body == b"/held"
    behind.send("st: a\r\n\r\n")
    response = behind.read_response()
    assert response.body == b"/behind" and response.one("Connection") == b"close"
    behind.expect_closed()
    for client in (head, body, behind):
        client.close()
    stop_ended(gate.running)


def test_h98_idle_connections_do_not_hold_up_the_stop(gate):
    client = gate.running.client()
    assert client.ask(get("/1")).status == 200
    gate.running.process.send_signal(signal.SIGTERM)
    client.expect_closed()
    client.close()
    stop_ended(gate.running)


def test_h98_listener_that_a_reload_removes(start, origin):
    """Its requests go on under the configuration that they came to, pipelined ones too; what
    comes later finds the connection closed."""
    server = origin()
    gate = Gate(server)
    other = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", server.address), threads=2)
    busy, idle = running.client(), running.client()
    assert idle.ask(get("/idle")).status == 200
    busy.send(get("/held") + get("/2") + get("/3"))
    gate.wait_held()
    with open(running.path, encoding="utf-8") as f:
        text = f.read().replace("%s:%d" % running.address, "%s:%d" % other)
    running.write_config(text)
    running.ctl("reload")
    idle.expect_closed()
    gate.opened.set()
    responses = [busy.read_response() for _ in range(3)]
    assert [r.body for r in responses] == [b"/held", b"/2", b"/3"]
    assert responses[-1].one("Connection") == b"close"
    busy.expect_closed()
    for client in (busy, idle):
        client.close()
    late = wire.Client(other)
    assert late.ask(get("/late")).body == b"/late"
    late.close()


def test_h98_answer_that_had_begun_before(start, origin):
    """Its head went out before the stop and says nothing of it: the request behind it, which
    came in good faith, is answered, and that answer says it."""
    server, go = origin(), threading.Event()

    def reply(request, connection):
        if request.target == "/first":
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            go.wait(60 * wire.SLOWDOWN)
            return b"def"
        return wire.answer(request.target.encode())
    server.answer = reply
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(get("/first") + get("/second"))
    response = client.read_response_head()
    assert not response.has("Connection")
    stop_begun(running)
    go.set()
    assert client.read_exactly(6) == b"abcdef"
    response = client.read_response()
    assert response.body == b"/second" and response.one("Connection") == b"close"
    client.expect_closed()
    client.close()
    stop_ended(running)
