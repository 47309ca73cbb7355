"""What checks ask, and what they make of the answers."""
import base64
import hashlib
import threading

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def test_http_check_asks_as_it_is_told(start, origin):
    server, asked = origin(), []

    def note(request, connection):
        asked.append(request)
        return wire.answer(b"status: all well")
    server.answer = note
    running = start(daemon.backend("main", server.address, more=(
        'check: { http = "POST /health?x"; host = "www.example"; body = "all well";'
        ' headers = ( "X-Check: yes", "User-Agent: me" ); expect = "200,404"; };')))
    request = asked[0]
    assert (request.method, request.target) == ("POST", "/health?x")
    assert request.all("Host") == [b"www.example"]
    assert request.all("X-Check") == [b"yes"]
    assert request.all("User-Agent") == [b"me"]
    assert request.all("Content-Length") == [b"0"]
    assert running.server("main", "main1")["state"] == "UP"


def test_body_decides(start, origin):
    server = origin()
    server.answer = wire.answer(b"half well")
    running = start(daemon.backend("main", server.address, more=(
        'check: { http = "GET /"; body = "all well"; interval = "50ms"; timeout = "5s"; };')))
    entry = running.server("main", "main1")
    assert entry["state"] == "DOWN"
    assert entry["check"]["reason"] == '200, but "all well" is not in its body'
    server.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"4\r\nall \r\n4\r\nwell\r\n0\r\n\r\n")
    running.wait_server("main", "main1", "UP")


def test_check_on_another_port(start, origin):
    server, probe = origin(), origin()
    probe.answer = wire.answer(b"", 500)
    running = start(daemon.backend("main", server.address, more=(
        f'check: {{ http = "GET /"; port = {probe.address[1]}; }};')))
    assert running.server("main", "main1")["state"] == "DOWN"
    assert not server.requests


def test_fast_interval_while_something_changes(start, origin):
    """Thirty results at the plain interval would take half a minute each time."""
    server = origin()
    running = start(daemon.backend("main", server.address, more=(
        'check: { http = "GET /"; interval = "1s"; fast_interval = "10ms";'
        ' fall = 30; rise = 30; };')))
    for body, state in ((wire.answer(b"", 503), "DOWN"), (wire.answer(b""), "UP")):
        server.answer = body
        running.wait_server("main", "main1", state)


def accept_of(request):
    return base64.b64encode(hashlib.sha1(request.one("Sec-WebSocket-Key") + GUID).digest())


def switch(accept):
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")


def test_websocket_check_opens_and_closes_one(start, origin):
    server, asked, closes = origin(), [], []
    over = threading.Event()

    def serve(request, connection):
        connection.sock.sendall(switch(accept_of(request)) + b"\x81\x02hi")
        connection.sock.settimeout(10)
        close = b""
        while len(close) < 8:
            close += connection.sock.recv(8 - len(close))
        connection.sock.sendall(b"\x88\x02\x03\xe8")
        rest = connection.sock.recv(8)
        asked.append(request)
        closes.append((close, rest))
        over.set()
        connection.close()
    server.answer = serve
    running = start(daemon.backend("main", server.address, more=(
        'check: { websocket = "GET /ws/health"; interval = "100ms";'
        ' timeout = "5s"; host = "ws.example";'
        ' headers = ( "Origin: http://ws.example" ); };')))
    entry = running.server("main", "main1")
    assert (entry["state"], entry["check"]["status"]) == ("UP", 101)
    assert over.wait(10)
    request, (close, rest) = asked[0], closes[0]
    assert request.target == "/ws/health"
    assert request.all("Host") == [b"ws.example"]
    assert request.all("Origin") == [b"http://ws.example"]
    assert request.all("Sec-WebSocket-Version") == [b"13"]
    assert close[:2] == b"\x88\x82", "a masked Close"
    assert bytes(a ^ b for a, b in zip(close[6:], close[2:4])) == (1000).to_bytes(2, "big")
    assert rest == b"", "nothing behind the Close but the end"
    wire.wait_for(lambda: len(asked) > 1, "another check")
    assert asked[1].one("Sec-WebSocket-Key") != request.one("Sec-WebSocket-Key")


def test_websocket_check_believes_no_wrong_answer(start, origin):
    server = origin()
    server.answer = lambda request, connection: switch(accept_of(request)[::-1])
    running = start(daemon.backend("main", server.address, more=(
        'check: { websocket = "GET /ws"; interval = "50ms"; timeout = "5s"; };')))
    entry = running.server("main", "main1")
    assert entry["state"] == "DOWN"
    assert "Sec-WebSocket-Accept" in entry["check"]["reason"] or "101" in entry["check"]["reason"]
    server.answer = wire.answer(b"a page")
    wire.wait_for(lambda: running.server("main", "main1")["check"]["reason"] ==
                  "200, expected 101", "a page to be no WebSocket")


def test_application_asks_to_be_drained(start, origin):
    """What runs there ends well, nothing new comes, and everybody is told why; what is said by
    hand goes first."""
    first, second = origin(name="first"), origin(name="second")
    asks, release = threading.Event(), threading.Event()

    def serve(request, connection):
        if request.target == "/health":
            return wire.answer(b"", 404 if asks.is_set() else 200)
        if request.target == "/slow":
            release.wait(30)
        return wire.answer(b"first")
    first.answer = serve
    running = start(daemon.backend("main", first.address, second.address, more=(
        'check: { http = "GET /health"; interval = "50ms";'
        ' timeout = "5s"; drain_status = 404; };')))
    slow = running.client()
    while not any(r.target == "/slow" for r in first.requests):
        slow.close()
        slow = running.client()
        slow.send(GET.replace("/ ", "/slow "))
        wire.wait_for(lambda: any(r.target == "/slow" for r in first.requests + second.requests),
                      "the request")
        second.requests.clear()
    asks.set()
    running.wait_server("main", "main1", "DRAIN")
    entry = running.server("main", "main1")
    assert entry["check"]["reason"].startswith("asks to be drained: 404 in ")
    client = running.client()
    assert {client.ask(GET).body for _ in range(6)} == {b"second"}
    assert "main/main1 is drained, since it asks to be drained" in running.ctl("status").stdout
    wire.wait_for(lambda: "server main/main1 is DRAIN: asks to be drained: 404"
                  in running.ctl("events").stdout, "the event")
    release.set()
    assert slow.read_response().body == b"first"
    running.ctl("maint", "main/main1")
    assert running.server("main", "main1")["state"] == "MAINT"
    assert "DRAIN" in running.ctl("ready", "main/main1").stdout
    assert running.server("main", "main1")["state"] == "DRAIN"
    asks.clear()
    running.wait_server("main", "main1", "UP")
    assert {client.ask(GET).body for _ in range(6)} == {b"first", b"second"}
    for c in (slow, client):
        c.close()


def test_drain_by_a_field(start, origin):
    server, spare = origin(name="server"), origin(name="spare")
    server.answer = wire.answer(b"", fields=["X-State: Draining"])
    running = start(daemon.backend("main", server.address, spare.address, more=(
        'check: { http = "GET /"; interval = "50ms";'
        ' timeout = "5s"; drain_header = "X-State: draining"; };')))
    assert running.server("main", "main1")["state"] == "DRAIN"
    server.answer = wire.answer(b"", fields=["X-State: fine"])
    running.wait_server("main", "main1", "UP")


def test_last_checks_are_kept(start, origin):
    """Eight of them, the newest first."""
    server = origin()
    running = start(daemon.backend("main", server.address, more=(
        'check: { http = "GET /"; interval = "50ms"; timeout = "5s"; fall = 100; };')))

    def checks():
        return running.json("servers", "main/main1")["servers"][0]["checks"]
    server.answer = wire.answer(b"", 500)
    wire.wait_for(lambda: len(checks()) == 8 and not checks()[0]["ok"], "a failure among eight")
    newest = checks()[0]
    assert (newest["status"], newest["reason"]) == (500, "500, expected 200-399")
    assert newest["duration_ms"] >= 0
    times = [c["at"] for c in checks()]
    assert times == sorted(times, reverse=True)
    text = running.ctl("servers", "main/main1").stdout
    assert text.count("failed ") >= 1 and text.count("500, expected 200-399") >= 1
    assert len(text.splitlines()) == 2 + 1 + 1 + 8
