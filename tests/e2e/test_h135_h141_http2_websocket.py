"""HTTP.md 135 to 137, 141: WebSocket over HTTP/2 of clients."""
import threading

import pytest

import h2rig
import test_h128_h142_websocket as websocket
import wire
from h2rig import changed
from h2wire import GET

begin, plain, site = h2rig.begin, h2rig.plain, h2rig.site

CONNECT = ((":method", "CONNECT"), (":protocol", "websocket")) + GET[1:] + (
    ("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"), ("origin", "o"))


def test_h135_h136_h137_h141_a_tunnel(site):
    """Extended CONNECT becomes an upgrade with a key of its own, 101 becomes 200; bytes pass both
    ways while other streams go on, and each end is passed on."""
    site.origin.answer = lambda request, connection: (
        websocket.switch(request, connection) if request.target == "/ws" else wire.answer(b"x"))
    client = site.client().handshake()
    assert client.settings[8] == 1
    client.headers(1, changed(":path", "/ws", CONNECT), end=False)
    client.read_until(lambda: 1 in client.answers and client.answers[1].heads, "200")
    got = client.answers[1]
    assert got.status == 200 and not got.ended
    assert not {"sec-websocket-accept", "upgrade", "connection", "transfer-encoding",
                "content-length"} & {n for n, _ in got.heads[0]}
    asked = site.origin.expect_requests(1)[0]
    assert (asked.method, asked.one("Upgrade"), asked.one("Connection")) == (
        "GET", b"websocket", b"Upgrade")
    assert asked.one("Sec-WebSocket-Protocol") == b"chat" and asked.one("Origin") == b"o"
    assert len(asked.one("Sec-WebSocket-Key")) == 24
    for word in (b"hello", b"x" * 50000):
        before = len(got.body)
        for at in range(0, len(word), 16384):
            client.data(1, word[at:at + 16384])
        client.read_until(lambda: len(got.body) == before + len(word), "the echo")
        assert got.body[before:] == word.upper()
    assert client.ask(3).body == b"x"
    client.data(1, b"", end=True)
    client.read_until(lambda: got.ended, "END_STREAM")
    assert got.reset is None
    site.daemon.wait_log(rf"{client.name()} .* 200 \d+ - - ---- .*/ws|{client.name()} .* 101 ")
    keys = {asked.one("Sec-WebSocket-Key")}
    client.headers(5, changed(":path", "/ws", CONNECT), end=False)
    client.read_until(lambda: 5 in client.answers and client.answers[5].heads, "200")
    keys.add(site.origin.requests[-1].one("Sec-WebSocket-Key"))
    assert len(keys) == 2, "the same key twice"


@pytest.mark.parametrize("answer,status", [
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n", 502),
    (wire.answer(b"no tunnel"), 502), (wire.answer(b"no", status=403), 403)])
def test_h137_a_handshake_that_fails(site, answer, status):
    site.origin.answer = lambda *_: answer
    client = site.client().handshake()
    client.headers(1, CONNECT, end=False)
    got = client.answer(1)
    assert got.status == status
    if status == 502:
        site.daemon.wait_log(rf"{client.name()} .* PH-- .* RES_SWITCH")
    client.ponged()


def test_h141_resets_of_a_tunnel(site):
    gone = threading.Event()

    def reply(request, connection):
        connection.send(websocket.switching(request))
        if request.target == "/cut":
            connection.reset()
            return
        try:
            connection.read_exactly(1, patience=20)
        except (wire.Closed, OSError):
            gone.set()
    site.origin.answer = reply
    client = site.client().handshake()
    client.headers(1, changed(":path", "/cut", CONNECT), end=False)
    got = client.answer(1)
    assert got.reset is not None and not got.ended
    client.headers(3, CONNECT, end=False)
    client.read_until(lambda: 3 in client.answers and client.answers[3].heads, "200")
    client.rst(3)
    assert gone.wait(wire.PATIENCE), "the server's side lives on"
    site.daemon.wait_log(rf"{client.name()} .* CT-- .* TUNNEL_CLIENT_RESET")
    client.ponged()
