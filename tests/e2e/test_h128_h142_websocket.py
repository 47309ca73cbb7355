"""HTTP.md 128 to 143: WebSocket handshakes and the tunnels behind them."""
import base64
import hashlib
import os
import threading
import time

import pytest

import daemon
import wire

KEY = base64.b64encode(b"0123456789abcdef").decode()
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GOING_AWAY = b"\x88\x02\x03\xe9"


def accept_of(key):
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest())


def handshake(method="GET", version="HTTP/1.1", connection="Upgrade", upgrade="websocket",
              key=KEY, ws_version="13", more=""):
    """A list stands for that many fields, None for none."""
    lines = [f"{method} /ws {version}", "Host: a"]
    for name, values in (("Connection", connection), ("Upgrade", upgrade),
                         ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", ws_version)):
        if not isinstance(values, list):
            values = [] if values is None else [values]
        lines += [f"{name}: {value}" for value in values]
    return "\r\n".join(lines) + "\r\n" + more + "\r\n"


def switching(request, more=b""):
    key = request.one("Sec-WebSocket-Key").decode()
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_of(key) + b"\r\n" + more + b"\r\n")


def switch(request, connection):
    """Accepts the handshake and echoes, upper-case, until the end."""
    connection.send(switching(request))
    echo(connection)


def echo(connection):
    while True:
        data = connection.take(len(connection.buf)) or connection.sock.recv(65536)
        if not data:
            break
        connection.sock.sendall(data.upper())
    connection.close()


def letters(running):
    """How the tunnel ended, by the access log."""
    return running.wait_log(r" 101 \d+ - - ..-- ").split(" - - ")[1][:2]


def open_tunnel(site, **options):
    site.origin.answer = switch
    client = site.client()
    client.send(handshake(**options))
    response = client.read_response_head()
    assert response.status == 101, response.raw
    return client, response


@pytest.mark.parametrize("connection,upgrade", [
    ("Upgrade", "websocket"), ("keep-alive, Upgrade", "WebSocket"), ("upgrade", "WEBSOCKET"),
    ("UPGRADE,keep-alive", "websocket"), (["keep-alive", "Upgrade"], "websocket"),
    ("close, upgrade", "websocket"), ("Upgrade", "h2c, websocket"), ("Upgrade", "websocket, foo/1"),
    ("Upgrade", ["foo", "websocket"]), ("Upgrade", ["websocket", "websocket"])])
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
    {"connection": "keep-alive"}, {"connection": None}, {"connection": "upgraded"},
    {"connection": "Upgrade, Sec-WebSocket-Key"}, {"key": [KEY, KEY]}, {"key": KEY + ", " + KEY},
    {"method": "get"}, {"method": "POST", "upgrade": ["foo", "WebSocket"], "connection": None}])
def test_h128_malformed_handshake(site, options):
    site.refuse(handshake(**options), 400)


@pytest.mark.parametrize("upgrade", ["WebSocket", ["foo", "websocket"], "h2c,websocket"])
def test_h128_conditions_see_the_fields_as_they_came(start, origin, upgrade):
    server, other = origin(name="main"), origin(name="ws")
    other.answer = switch
    running = start(daemon.backend("main", server.address) + ","
                    + daemon.backend("ws", other.address, balance="source"),
                    acls='is_ws = "hdr(Upgrade) -i websocket";',
                    routes='{ when = "is_ws"; backend = "ws"; }')
    client = running.client()
    assert client.ask(GET).body == b"main"
    client.send(handshake(upgrade=upgrade))
    assert client.read_response_head().status == 101
    client.close()


@pytest.mark.parametrize("version", ["8", "14", "13, 8", None])
def test_h129_other_version_passes(site, version):
    site.origin.answer = wire.answer(b"", 426, [
        "Sec-WebSocket-Version: 13, 8", "Sec-WebSocket-Version: 7", "Upgrade: websocket",
        "Connection: Upgrade"], b"Upgrade Required")
    client = site.client()
    response = client.ask(handshake(ws_version=version))
    assert response.status == 426
    assert response.all("Sec-WebSocket-Version") == [b"13, 8", b"7"]
    assert response.one("Upgrade") == b"websocket"  # RFC 9110 15.5.22: it has to say
    assert response.one("Connection") == b"Upgrade"
    got = site.origin.expect_requests(1)[0]
    assert got.one("Sec-WebSocket-Version") == (version and version.encode())
    assert got.one("Upgrade") == b"websocket"
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"


@pytest.mark.parametrize("version", ["8", None])
def test_h129_no_tunnel_of_another_version(site, version):
    site.origin.answer = switch
    client = site.client()
    assert client.ask(handshake(ws_version=version)).status == 502
    wire.wait_for(lambda: site.origin.connections[0].closed.is_set(), "its connection to close")
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"


ACCEPT = b"Sec-WebSocket-Accept: " + accept_of(KEY) + b"\r\n"


@pytest.mark.parametrize("fields", [
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"Upgrade: foo\r\nConnection: Upgrade\r\n" + ACCEPT,
    b"Connection: Upgrade\r\n" + ACCEPT,
    b"Upgrade: websocket\r\n" + ACCEPT,
    b"Connection: close\r\nUpgrade: websocket\r\n" + ACCEPT,
    b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" + ACCEPT,
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n" + ACCEPT,
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + ACCEPT + ACCEPT,
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: \r\n",
])
def test_h130_wrong_101(site, fields):
    site.origin.answer = b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n\x81\x03bad"
    client = site.client()
    client.send(handshake())
    response = client.read_response()
    assert response.status == 502 and b"101" in response.body
    assert not response.has("Upgrade") and not response.has("Sec-WebSocket-Accept")
    wire.wait_for(lambda: site.origin.connections[0].closed.is_set(), "its connection to close")
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
    site.daemon.wait_log(r"front main/main1 .* 502 .* PH--")


def test_h130_a_101_of_http_1_0_is_none(site):
    site.origin.answer = lambda request, _: switching(request).replace(b"HTTP/1.1", b"HTTP/1.0")
    client = site.client()
    client.send(handshake())
    assert client.read_response().status == 502


@pytest.mark.parametrize("slices", [None, 1])
def test_h130_first_frame_in_the_packet_of_the_101(site, slices):
    def reply(request, connection):
        connection.send(switching(request) + b"\x81\x05first", slices)
        echo(connection)
    site.origin.answer = reply
    client = site.client()
    client.send(handshake())
    response = client.read_response_head()
    assert response.status == 101
    assert client.read_exactly(7) == b"\x81\x05first"
    client.send("and on")
    assert client.read_exactly(6) == b"AND ON"


def test_h130_interim_answers_before_the_101(site):
    site.origin.answer = lambda request, connection: connection.send(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + switching(request, b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n") + b"frame")
    client = site.client()
    client.send(handshake())
    response = client.read_response_head()
    assert [i.status for i in response.interim] == [103] and response.status == 101
    assert not response.has("Content-Length") and not response.has("Transfer-Encoding")
    assert client.read_exactly(5) == b"frame"


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


def test_h131_what_a_server_says_behind_a_refusal_reaches_nobody(site):
    site.origin.answer = wire.answer(b"no", 200) + b"\x81\x05frame" + wire.answer(b"smuggled")
    client = site.client()
    assert client.ask(handshake()).body == b"no"
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
    first, second = site.origin.expect_requests(2)
    assert first.connection is not second.connection


def test_h131_frames_behind_a_refusal_are_no_tunnel(site):
    """Also when the server believes that there is one, and the answer comes late."""
    site.origin.answer = wire.answer(b"no", 403, ["Connection: Upgrade", "Upgrade: websocket"])
    client = site.client()
    client.send(handshake())
    response = client.read_response()
    assert response.status == 403 and not response.has("Upgrade")
    client.send(b"\x81\x85\0\0\0\0hello")
    assert client.read_response().status == 400
    client.expect_closed()
    assert b"hello" not in site.origin.received


@pytest.mark.parametrize("size", [1200, 1 << 20])
def test_h132_early_bytes_wait_for_the_101(site, size):
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
    early = os.urandom(size)
    sender = threading.Thread(target=client.send, args=(handshake().encode() + early,))
    sender.start()
    assert client.read_response_head().status == 101
    assert client.read_exactly(size, 10 * wire.PATIENCE) == early.upper()
    sender.join()
    assert seen == [b"", b""]


def test_h132_early_bytes_and_an_early_end(site):
    """The client may say all that it has before it knows that it is heard."""
    go_on = threading.Event()

    def late(request, connection):
        go_on.wait(60)
        switch(request, connection)
    site.origin.answer = late
    client = site.client()
    client.send(handshake() + "last words")
    client.half_close()
    site.origin.expect_requests(1)
    go_on.set()
    assert client.read_response_head().status == 101
    assert client.read_to_end() == b"LAST WORDS"


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


def test_h133_upgrade_with_a_chunked_body_and_early_bytes(site):
    site.origin.answer = switch
    client = site.client()
    client.send(handshake(more="Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\nearly",
                slices=7)
    assert client.read_response_head().status == 101
    assert site.origin.requests[0].body == b"abc"
    assert client.read_exactly(5) == b"EARLY"


def test_h133_switch_before_the_chunks_were_sent(site):
    site.origin.read_bodies = False
    site.origin.answer = switch
    client = site.client()
    client.send(handshake(more="Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n")
    assert client.read_response().status == 502
    wire.wait_for(lambda: site.origin.connections[0].closed.is_set(), "its connection to close")
    site.origin.answer = wire.answer(b"next")
    client.send("x" * 27 + GET)
    client.expect_closed()
    assert b"GET / " not in site.origin.connections[0].received


def test_h133_switch_before_the_body_was_sent(site):
    """What is left of a small body is read and dropped; no tunnel, and what follows is HTTP."""
    site.origin.read_bodies = False
    site.origin.answer = switch
    client = site.client()
    client.send(handshake(more="Content-Length: 30\r\n") + "abc")
    assert client.read_response().status == 502
    site.origin.answer = wire.answer(b"next")
    client.send("x" * 27 + GET)
    assert client.read_response().body == b"next"


def test_h133_a_body_that_waits_for_100(site):
    def reply(request, connection):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.read_exactly(3) == b"abc"
        switch(request, connection)
    site.origin.read_bodies = False
    site.origin.answer = reply
    client = site.client()
    client.send(handshake(more="Content-Length: 3\r\nExpect: 100-continue\r\n"))
    assert b" 100 " in client.read_until(wire.END_OF_HEAD)
    client.send("abc")
    assert client.read_response_head().status == 101


@pytest.mark.parametrize("token", ["foo", "tls/1.0", "h2c", "websocket/13", ["h2c", "foo"], "", ","])
def test_h134_other_upgrade_is_removed(site, token):
    site.origin.answer = wire.answer(b"plain")
    client = site.client()
    assert client.ask(handshake(upgrade=token)).body == b"plain"
    assert client.ask(GET).body == b"plain"
    first = site.origin.expect_requests(2)[0]
    assert not first.has("Upgrade") and not first.has("Connection")


def test_h134_h2c_and_its_settings_are_removed(start, origin):
    server, other = origin(name="main"), origin(name="h2c")
    running = start(daemon.backend("main", server.address) + ","
                    + daemon.backend("h2c", other.address),
                    routes='{ when = "hdr(Upgrade) h2c"; backend = "h2c"; }')
    client = running.client()
    assert client.ask(handshake(connection="Upgrade, HTTP2-Settings", upgrade="h2c", key=None,
                                ws_version=None, more="HTTP2-Settings: AAMAAABkAAQAAP__\r\n")
                      ).body == b"h2c"
    got = other.expect_requests(1)[0]
    assert not got.has("Upgrade") and not got.has("HTTP2-Settings") and not got.has("Connection")
    assert client.ask(GET).body == b"main"
    client.close()


def test_h134_a_101_to_another_upgrade_is_unasked(site):
    site.origin.answer = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n"
                          b"Connection: Upgrade\r\n\r\n")
    assert site.ask(handshake(upgrade="h2c")).status == 502


FIELDS = (b"Sec-WebSocket-Protocol: chat,  vnc", b"Sec-WebSocket-Extensions: permessage-deflate; "
          b'server_max_window_bits="10", x-a', b"Sec-WebSocket-Protocol: Other",
          b"Sec-WebSocket-Extensions: b;c=d", b"Origin: http://o", b"Set-Cookie: a=b",
          b"Set-Cookie: c=d")


def test_h139_fields_pass_unchanged(site):
    def reply(request, connection):
        connection.send(switching(request, b"\r\n".join(FIELDS) + b"\r\n"))
        echo(connection)
    site.origin.answer = reply
    client = site.client()
    client.send(handshake(more=(b"\r\n".join(FIELDS) + b"\r\n").decode()))
    response = client.read_response_head()
    assert [line for line in response.lines if line in FIELDS] == list(FIELDS)
    got = site.origin.requests[0]
    assert [line for line in got.lines if line in FIELDS] == list(FIELDS)
    assert got.one("Sec-WebSocket-Key") == KEY.encode()
    assert got.one("Sec-WebSocket-Version") == b"13"


def test_h139_frames_pass_unchanged(site):
    client, _ = open_tunnel(site)
    data = bytes(range(256)) * 4096
    for at in range(0, len(data), 65536):
        client.sock.sendall(data[at:at + 65536])
        assert client.read_exactly(65536) == data[at:at + 65536].upper()


def test_h139_nothing_is_held_back(site):
    """Each piece, down to a byte, comes through before the next is there."""
    client, _ = open_tunnel(site)
    for size in [1, 2, 1, 1, 1399, 1, 16384, 3]:
        client.send("a" * size)
        assert client.read_exactly(size) == b"A" * size


def test_h139_limits_of_requests_are_not_the_tunnels(start, origin):
    server = origin()
    server.answer = switch
    running = start(daemon.backend("main", server.address), frontend='max_body_size = "1KiB";')
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    client.send("x" * 300000)
    assert client.read_exactly(300000) == b"X" * 300000
    client.close()


def test_h140_only_the_tunnel_timeout_applies(start, origin):
    server = origin()
    server.answer = switch
    running = start(daemon.backend("main", server.address),
                    timeouts='client = "1s"; server = "1s"; tunnel = "2600ms";')
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    for _ in range(3):
        time.sleep(1.3)
        begun = time.monotonic()
        client.send("ping")
        assert client.read_exactly(4) == b"PING"
    assert client.read_to_end() == b""
    assert time.monotonic() - begun > 2.5
    client.close()


@pytest.mark.parametrize("talker", ["client", "server"])
def test_h140_traffic_of_one_side_keeps_the_tunnel(start, origin, talker):
    over = threading.Event()
    got = []

    def reply(request, connection):
        connection.send(switching(request))
        if talker == "server":
            while not over.wait(0.1):
                connection.send(b"x")
        else:
            got.append(connection.read_to_end(60))
        connection.close()
    server = origin()
    server.answer = reply
    running = start(daemon.backend("main", server.address),
                    timeouts='client = "1s"; server = "1s"; tunnel = "1500ms";')
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if talker == "client":
            client.send("x")
            time.sleep(0.1)
        else:
            client.read_exactly(1)
    over.set()
    client.half_close()
    client.read_to_end()
    client.close()
    assert letters(running) == "--"


def test_h140_silence_is_logged(start, origin):
    server = origin()
    server.answer = switch
    running = start(daemon.backend("main", server.address), timeouts='tunnel = "100ms";')
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    client.expect_closed()
    client.close()
    assert letters(running) == "cT"


def test_h141_end_of_one_side_is_passed(site):
    rest = []

    def reply(request, connection):
        connection.send(switching(request))
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


def test_h141_the_server_may_end_first(site):
    rest = []

    def reply(request, connection):
        connection.send(switching(request) + b"farewell")
        connection.half_close()
        rest.append(connection.read_to_end())
        connection.close()
    site.origin.answer = reply
    client = site.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    assert client.read_to_end() == b"farewell"
    client.send("x" * 100000)
    client.half_close()
    wire.wait_for(lambda: rest, "the server to read the rest")
    assert rest == [b"x" * 100000]


def test_h141_who_never_ends_is_ended(start, origin):
    """But not while bytes move."""
    server = origin()

    def reply(request, connection):
        connection.send(switching(request))
        connection.read_to_end()
        for _ in range(10):
            connection.send(b"x")
            time.sleep(0.1)
        connection.closed.wait(60)
    server.answer = reply
    running = start(daemon.backend("main", server.address), timeouts='fin = "900ms";')
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    client.half_close()
    assert client.read_to_end(30) == b"x" * 10
    client.close()
    assert letters(running) == "cT"
    server.connections[0].closed.set()


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


# --- 143: a Close before the cut ---

def cut_tunnel(start, origin, from_server=b"", from_client=b""):
    """What each side has got after the head when a tunnel was killed in which each has said
    so much."""
    server = origin()
    got = []

    def reply(request, connection):
        connection.send(switching(request) + from_server)
        got.append(connection.read_to_end(60))
        connection.close()
    server.answer = reply
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    client.send(from_client)
    assert client.read_exactly(len(from_server)) == from_server

    def session():
        return running.json("sessions")["sessions"][0]
    size = len(handshake()) + len(from_client)
    wire.wait_for(lambda: session()["bytes_in"] == size, "the client's bytes to pass")
    running.ctl("kill", session()["id"])
    rest = client.read_to_end()
    client.close()
    assert letters(running) == "KT"
    return rest, wire.wait_for(lambda: got, "the server to see the end")[0][len(from_client):]


def unmasked(frame):
    """The payload of a short masked frame with FIN."""
    assert frame[1] == 0x80 | len(frame) - 6
    return frame[:1], bytes(byte ^ frame[2 + at % 4] for at, byte in enumerate(frame[6:]))


@pytest.mark.parametrize("from_server,from_client", [
    (b"", b""), (b"\x81\x03abc", b"\x81\x83\1\2\3\4abc"), (b"\x82\x7e\x01\x00" + b"x" * 256, b""),
    (b"\x82\x7f\0\0\0\0\0\1\0\0" + b"x" * 65536, b"\x82\xff\0\0\0\0\0\1\0\0" + b"x" * 65540),
    (b"\x01\x03abc\x89\x00\x00\x00", b"\x01\x80\1\2\3\4")],
                         ids=["silent", "small", "16 bits", "64 bits", "fragments"])
def test_h143_between_frames_both_are_told(start, origin, from_server, from_client):
    """Also within a message of many frames, where control frames may stand."""
    to_client, to_server = cut_tunnel(start, origin, from_server, from_client)
    assert to_client == GOING_AWAY
    assert unmasked(to_server) == (b"\x88", b"\x03\xe9")


@pytest.mark.parametrize("begun", [b"\x81", b"\x81\x7e", b"\x81\x7e\x01", b"\x81\x05hell",
                                   b"\x82\x7f\0\0\0\0\0\1\0", b"\x81\x03abc\x81\x01",
                                   b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff" + b"x" * 9],
                         ids=range(7))
def test_h143_within_a_frame_nothing_is_said(start, origin, begun):
    assert cut_tunnel(start, origin, from_server=begun)[0] == b""


@pytest.mark.parametrize("begun", [b"\x81\x85\1\2\3", b"\x81\x85\1\2\3\4hell", b"\x81\x80\1\2\3"],
                         ids=range(3))
def test_h143_within_a_masked_frame_nothing_is_said(start, origin, begun):
    assert cut_tunnel(start, origin, from_client=begun) == (GOING_AWAY, b"")


def test_h143_nothing_follows_a_close(start, origin):
    assert cut_tunnel(start, origin, b"\x88\x02\x03\xe8", b"\x88\x82\0\0\0\0\x03\xe8") == (b"", b"")


def test_h143_a_client_that_sends_on_still_hears_it(start, origin):
    """Its bytes that nobody reads any more do not destroy the Close."""
    def reply(request, connection):
        connection.send(switching(request))
        connection.read_to_end(60)
    server = origin()
    server.answer = reply
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send(handshake())
    assert client.read_response_head().status == 101
    over = threading.Event()

    def talk():
        try:
            while not over.is_set():
                client.send(b"\x81\x80\0\0\0\0" * 100)
        except OSError:
            pass
    talker = threading.Thread(target=talk)
    talker.start()
    wire.wait_for(lambda: running.json("sessions")["sessions"][0]["bytes_in"] > 10000,
                  "the talk to flow")
    running.ctl("kill", running.json("sessions")["sessions"][0]["id"])
    assert client.read_exactly(4) == GOING_AWAY
    over.set()
    talker.join()
    client.expect_closed()
    client.close()
