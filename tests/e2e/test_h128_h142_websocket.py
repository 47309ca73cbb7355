"""HTTP.md 128 to 142: WebSocket handshakes and the tunnels behind them."""
import base64
import hashlib
import time

import pytest

import daemon
import wire

KEY = base64.b64encode(b"0123456789abcdef").decode()
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def accept_of(key):
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest())


def handshake(method="GET", version="HTTP/1.1", connection="Upgrade", upgrade="websocket",
              key=KEY, ws_version="13", more=""):
    lines = [f"{method} /ws {version}", "Host: a"]
    for name, value in (("Connection", connection), ("Upgrade", upgrade),
                        ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", ws_version)):
        if value is not None:
            lines.append(f"{name}: {value}")
    return "\r\n".join(lines) + "\r\n" + more + "\r\n"


def switch(request, connection):
    """Accepts the handshake and echoes, upper-case, until the end."""
    key = request.one("Sec-WebSocket-Key").decode()
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept_of(key) + b"\r\n\r\n")
    echo(connection)


def echo(connection):
    while True:
        data = connection.take(len(connection.buf)) or connection.sock.recv(65536)
        if not data:
            break
        connection.sock.sendall(data.upper())
    connection.close()


def open_tunnel(site, **options):
    site.origin.answer = switch
    client = site.client()
    client.send(handshake(**options))
    response = client.read_response_head()
    assert response.status == 101, response.raw
    return client, response


@pytest.mark.parametrize("connection,upgrade", [
    ("Upgrade", "websocket"), ("keep-alive, Upgrade", "WebSocket"), ("upgrade", "WEBSOCKET"),
    ("UPGRADE,keep-alive", "websocket")])
def test_h128_handshake(site, connection, upgrade):
    client, response = open_tunnel(site, connection=connection, upgrade=upgrade)
    assert response.one("Sec-WebSocket-Accept") == accept_of(KEY)
    assert response.one("Upgrade").lower() == b"websocket"
    got = site.origin.requests[0]
    assert got.one("Upgrade").lower() == b"websocket"
    assert got.one("Connection").lower() == b"upgrade"
    client.send("hello")
    assert client.read_exactly(5) == b"HELLO"


@pytest.mark.parametrize("options", [
    {"method": "POST"}, {"version": "HTTP/1.0"}, {"key": None}, {"key": "short"},
    {"key": base64.b64encode(b"0123456789abcde").decode()}, {"key": "!" * 24},
    {"connection": "keep-alive"}, {"connection": None},
    {"more": f"Sec-WebSocket-Key: {KEY}\r\n"}])
def test_h128_malformed_handshake(site, options):
    site.origin.answer = switch
    response = site.ask(handshake(**options))
    assert response.status == 400
    assert site.origin.received == b""


def test_h128_conditions_see_the_fields_as_they_came(start, origin):
    server, other = origin(name="main"), origin(name="ws")
    other.answer = switch
    running = start(daemon.backend("main", server.address) + ","
                    + daemon.backend("ws", other.address, balance="source"),
                    acls='is_ws = "hdr(Upgrade) -i websocket";',
                    routes='{ when = "is_ws"; backend = "ws"; }')
    client = running.client()
    assert client.ask(GET).body == b"main"
    client.send(handshake(upgrade="WebSocket"))
    assert client.read_response_head().status == 101
    client.close()


def test_h129_other_version_passes(site):
    site.origin.answer = wire.answer(b"", 426, ["Sec-WebSocket-Version: 13"], b"Upgrade Required")
    client = site.client()
    response = client.ask(handshake(ws_version="8"))
    assert response.status == 426
    assert response.one("Sec-WebSocket-Version") == b"13"
    assert site.origin.expect_requests(1)[0].one("Sec-WebSocket-Version") == b"8"
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"


ACCEPT = b"Sec-WebSocket-Accept: " + accept_of(KEY) + b"\r\n"


@pytest.mark.parametrize("fields", [
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"Upgrade: foo\r\nConnection: Upgrade\r\n" + ACCEPT,
    b"Connection: Upgrade\r\n" + ACCEPT,
])
def test_h130_wrong_101(site, fields):
    site.origin.answer = b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n"
    client = site.client()
    client.send(handshake())
    assert client.read_response().status == 502
    wire.wait_for(lambda: site.origin.connections[0].closed.is_set(), "its connection to close")


@pytest.mark.parametrize("status", [200, 403])
def test_h131_refused_upgrade_stays_http(site, status):
    site.origin.answer = wire.answer(b"no", status)
    client = site.client()
    client.send(handshake() + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response().status == status
    assert client.read_response().status == status
    first, second = site.origin.expect_requests(2)
    assert (first.target, second.target) == ("/ws", "/next")


def test_h131_nothing_is_smuggled_behind_a_refused_upgrade(site):
    site.origin.answer = wire.answer(b"no", 200)
    client = site.client()
    client.send(handshake() + "\x81\x05hello\r\n\r\n")
    assert client.read_response().status == 200
    assert client.read_response().status == 400
    client.expect_closed()
    assert b"hello" not in site.origin.received


def test_h132_early_bytes_wait_for_the_101(site):
    seen = []

    def late(request, connection):
        time.sleep(0.3)
        seen.append(bytes(connection.received[len(request.raw):]) + bytes(connection.buf))
        connection.sock.setblocking(False)
        try:
            seen.append(connection.sock.recv(100))
        except BlockingIOError:
            seen.append(b"")
        connection.sock.setblocking(True)
        switch(request, connection)
    site.origin.answer = late
    client = site.client()
    early = "early bytes " * 100
    client.send(handshake() + early)
    assert client.read_response_head().status == 101
    assert client.read_exactly(len(early)) == early.upper().encode()
    assert seen == [b"", b""]


def test_h133_upgrade_with_a_body(site):
    def reply(request, connection):
        assert request.body == b"abc"
        switch(request, connection)
    site.origin.answer = reply
    client = site.client()
    client.send(handshake(more="Content-Length: 3\r\n") + "abc")
    assert client.read_response_head().status == 101
    client.send("hello")
    assert client.read_exactly(5) == b"HELLO"


def test_h133_switch_before_the_body_was_sent(site):
    site.origin.read_bodies = False
    site.origin.answer = switch
    client = site.client()
    client.send(handshake(more="Content-Length: 30\r\n") + "abc")
    assert client.read_response().status == 502


@pytest.mark.parametrize("token", ["foo", "tls/1.0", "h2c"])
def test_h134_other_upgrade_is_removed(site, token):
    site.origin.answer = wire.answer(b"plain")
    assert site.ask(handshake(upgrade=token)).body == b"plain"
    assert not site.origin.expect_requests(1)[0].has("Upgrade")


def test_h139_fields_and_frames_pass_unchanged(site):
    client, _ = open_tunnel(site, more="Sec-WebSocket-Protocol: chat, vnc\r\n"
                            "Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://o\r\n")
    got = site.origin.requests[0]
    assert got.one("Sec-WebSocket-Protocol") == b"chat, vnc"
    assert got.one("Sec-WebSocket-Extensions") == b"permessage-deflate"
    assert got.one("Origin") == b"http://o"
    data = bytes(range(256)) * 4096
    for at in range(0, len(data), 65536):
        client.sock.sendall(data[at:at + 65536])
        assert client.read_exactly(65536) == data[at:at + 65536].upper()


def test_h140_only_the_tunnel_timeout_applies(start, origin):
    server = origin()
    server.answer = switch
    running = start(daemon.backend("main", server.address),
                    timeouts='client = "400ms"; server = "400ms"; tunnel = "1500ms";')
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    for _ in range(4):
        time.sleep(0.7)
        client.send("ping")
        assert client.read_exactly(4) == b"PING"
    begun = time.monotonic()
    assert client.read_to_end() == b""
    assert time.monotonic() - begun > 1.4
    client.close()


def test_h141_end_of_one_side_is_passed(site):
    rest = []

    def reply(request, connection):
        key = request.one("Sec-WebSocket-Key").decode()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept_of(key)
                        + b"\r\n\r\n")
        rest.append(connection.read_to_end())
        connection.send(b"farewell")
        connection.close()
    site.origin.answer = reply
    client = site.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    client.send("last words")
    client.half_close()
    assert client.read_to_end() == b"farewell"
    assert rest == [b"last words"]


def test_h142_tunnel_counts_as_a_connection(start, origin):
    servers = [origin(name="a"), origin(name="b")]
    running = start(daemon.backend("main", *[s.address for s in servers], balance="leastconn"))
    servers[0].answer = servers[1].answer = switch
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    busy = 0 if servers[0].requests else 1
    for server in servers:
        server.answer = wire.answer(server.name.encode())
    other = running.client()
    for _ in range(6):
        assert other.ask(GET).body == servers[1 - busy].name.encode()
    active = [running.server("main", f"main{n}")["active"] for n in (1, 2)]
    assert active[busy] == 1
    client.close()
    other.close()
