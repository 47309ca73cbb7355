"""What checks ask, and what they make of the answers."""
import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


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
        'check: { http = "GET /"; body = "all well"; interval = "50ms"; };')))
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
