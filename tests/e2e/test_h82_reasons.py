"""Every error that a client or a server causes is one line of the access log, which says who,
what and at which step: each row of src/base/reason.def is provoked, and its line looked at.
A new row needs an entry in one of the tables here."""
import json
import os
import re
import signal
import socket
import threading

import pytest

import daemon
import test_h128_h142_websocket as websocket
import wire
from test_bad_days_of_the_daemon import limit_descriptors

HERE = os.path.dirname(os.path.abspath(__file__))
REASONS = os.path.join(HERE, "..", "..", "src", "base", "reason.def")
ROW = re.compile(r'^REASON\((\w+), (\d+), "(..)",\s+"([^"]+)"\)', re.M)
# The test, or the file of the test, that provokes what is not in the table; or why none can.
ELSEWHERE = {
    "DENIED": "test_answers.py", "REDIRECTED": "test_answers.py", "RESPONDED": "test_answers.py",
    "SPINNING": "a fault of hpcbal's own, which nobody knows how to cause",
    "NO_BACKEND": "test_h82_no_backend",
    "NO_SOCKET": "test_h82_no_socket",
    "STOPPING": "test_h82_stopping",
    "DRAIN_DEADLINE": "test_h82_drain_deadline",
    "RETRY_BUDGET": "test_h89_h93_retries.py",
    "QUEUE_TIMEOUT": "test_queue.py", "QUEUE_FULL": "test_queue.py",
    "CLIENT_ABORT_QUEUE": "test_queue.py",
    "CLIENT_BODY_SLOW": "test_flow_pace.py", "CLIENT_SEND_SLOW": "test_flow_pace.py",
    "LIMIT_REQUESTS": "test_limits.py", "LIMIT_CONNECTIONS": "test_limits.py",
    "LIMIT_CONNECTIONS_CUT": "test_limits.py",
    "KILLED": "test_h142_sessions.py", "TUNNEL_KILLED": "test_h142_sessions.py",
}
ELSEWHERE.update((f"PROXY_{what}", "test_h145_h147_proxy_protocol.py") for what in (
    "MISSING", "LINE", "KIND", "LENGTH", "CHECKSUM", "TIMEOUT", "ABORT"))
ELSEWHERE.update((f"H2_{what}", "test_h99_h111_http2_messages.py") for what in (
    "PSEUDO", "FIELD", "TRAILER", "LENGTH", "PROTOCOL_UNKNOWN", "SETTINGS_TIMEOUT"))
ELSEWHERE.update((f"H2_{what}", "test_h117_h120_http2_floods.py") for what in (
    "HEAD_TIMEOUT", "FLOOD"))
ELSEWHERE["H2_CONNECTION"] = "test_h99_h2spec.py"

ELSEWHERE.update((name, "test_h125_h127_tls.py") for name in (
    "TLS_PLAIN", "TLS_TIMEOUT", "TLS_ABORT", "TLS_DECLINED", "TLS_FAILED", "TLS_CERTIFICATE", "MISDIRECTED"))
ELSEWHERE.update((name, "test_tls_to_servers.py") for name in (
    "SERVER_CERTIFICATE", "SERVER_TLS"))

ELSEWHERE.update((name, "test_h101_h124_http2_to_servers.py") for name in (
    "RES_H2_STATUS", "RES_H2_FIELD", "RES_H2_TRAILER", "RES_H2_BODY", "RES_H2_CONNECTION",
    "RES_H2_FLOOD", "SERVER_REFUSED", "SERVER_STREAM"))
ELSEWHERE["SERVER_NO_WEBSOCKET"] = "test_h138_http2_to_servers_tunnels.py"

GET = "GET /x HTTP/1.1\r\nHost: a\r\n"
POST = "POST /x HTTP/1.1\r\nHost: a\r\n"
NOWHERE, CHOSEN, SERVER = (None, None), ("main", None), ("main", "main1")


def reason_rows():
    with open(REASONS, encoding="utf-8") as f:
        text = f.read()
    rows = {name: (int(status), letters, said) for name, status, letters, said
            in ROW.findall(text)}
    assert len(rows) == len(re.findall(r"^REASON\(", text, re.M)), "a row was not understood"
    return rows


ROWS = reason_rows()
TABLE = {}


def row(name, where=SERVER, status=None, on="patient", size=None, limit=None):
    """Adds `drive(client, site)` to the table. `status`: when the client has got another one
    than the row's. `size` and `limit`: what the line has to name."""
    def add(drive):
        assert name not in TABLE
        TABLE[name] = dict(drive=drive, where=where, status=status, on=on, size=size, limit=limit)
        return drive
    return add


def refused(name, data, where=NOWHERE, **options):
    """A request that gets an answer of hpcbal's own."""
    def drive(client, _site):
        assert client.ask(data).status == ROWS[name][0]
    row(name, where, **options)(drive)


def badly_answered(name, reply, request=GET + "\r\n", status=None, **options):
    """A server that answers so. With a `status`, it is the one that the client has got before
    its connection is cut."""
    def drive(client, site):
        def answer(_request, connection):
            connection.send(reply)
            connection.close()
        site.origin.answer = answer
        client.send(request)
        if status is None:
            assert client.read_response().status == ROWS[name][0]
            return
        with pytest.raises(wire.Closed):
            client.read_response()
    row(name, status=status, **options)(drive)


@row("COMPLETE", status=200)
def all_goes_well(client, site):
    site.origin.answer = wire.answer(b"well")
    assert client.ask(GET + "\r\n").body == b"well"


# --- requests that are refused ---

refused("REQ_LINE", "GET\r\n\r\n")
refused("REQ_METHOD", "G(T /x HTTP/1.1\r\nHost: a\r\n\r\n")
refused("REQ_TARGET", "GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n")
refused("REQ_VERSION", "GET /x HTTP/1.x\r\nHost: a\r\n\r\n")
refused("REQ_VERSION_UNSUPPORTED", "GET /x HTTP/2.0\r\nHost: a\r\n\r\n")
refused("REQ_HTTP09", "GET /x\r\n\r\n")
refused("REQ_LINE_TOO_LONG", "GET /" + "x" * 3000 + " HTTP/1.1\r\nHost: a\r\n\r\n",
        size=3014, limit=2048)
refused("REQ_HEAD_TOO_LARGE", GET + "A: " + "x" * 3000 + "\r\n\r\n",
        size=len(GET) + 3005, limit=2048)
refused("REQ_TOO_MANY_FIELDS", GET + "A: b\r\n" * 100 + "\r\n", size=101, limit=100)
refused("REQ_CONNECTION", GET + "Connection: " + "x," * 65 + "\r\n\r\n",
        size=65, limit=64)
refused("REQ_BARE_LF", "GET /x HTTP/1.1\nHost: a\n\n")
refused("REQ_BARE_CR", GET + "A: b\rc\r\n\r\n")
refused("REQ_FOLD", GET + "A: b\r\n c\r\n\r\n")
refused("REQ_FIELD_COLON", GET + "A\r\n\r\n")
refused("REQ_FIELD_NAME", GET + "A(b: c\r\n\r\n")
refused("REQ_FIELD_VALUE", GET + "A: b\0c\r\n\r\n")
refused("REQ_HOST_MISSING", "GET /x HTTP/1.1\r\n\r\n")
refused("REQ_HOST", GET + "Host: b\r\n\r\n")
refused("REQ_PATH_ESCAPE", "GET /x%zz HTTP/1.1\r\nHost: a\r\n\r\n")
refused("REQ_CONTENT_LENGTH", POST + "Content-Length: +2\r\n\r\nab")
refused("REQ_LENGTH_CONFLICT", POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
refused("REQ_LENGTH_AND_CODING",
        POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
refused("REQ_CODING", POST + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n")
refused("REQ_CODING_OLD", POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
refused("REQ_CODING_UNKNOWN", POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
refused("REQ_EXPECT", POST + "Expect: 200-ok\r\nContent-Length: 0\r\n\r\n")
refused("REQ_MAX_FORWARDS", "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n")
refused("REQ_LOOP", GET + "Via: 1.1 test\r\n\r\n")
refused("REQ_CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
refused("REQ_TRACE", "TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n")
refused("REQ_UPGRADE", GET + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
refused("REQ_EXPRESSION", f"GET /{'a' * 60}b HTTP/1.1\r\nHost: a\r\n\r\n")
refused("REQ_CHUNK", POST + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", CHOSEN)
refused("REQ_CHUNK_EXTENSION",
        POST + "Transfer-Encoding: chunked\r\n\r\n1;" + "a" * 5000 + "\r\nx\r\n0\r\n\r\n", CHOSEN)
refused("REQ_TRAILER", POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n", CHOSEN)
refused("REQ_TRAILER_TOO_LARGE", POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: "
        + "x" * 3000 + "\r\n\r\n", CHOSEN, size=2049, limit=2048)
refused("REQ_TRAILER_TOO_MANY", POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n"
        + "A: b\r\n" * 101 + "\r\n", CHOSEN, size=101, limit=100)
refused("REQ_BODY_TOO_LARGE", POST + "Content-Length: 20000\r\n\r\n", size=20000, limit=10240)
refused("OPTIONS_ANSWERED", "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")


# --- clients ---

def hang(_request, connection):
    connection.read_to_end(300)


def pour(_request, connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while True:
        connection.send(b"x" * 65536)


@row("CLIENT_HEAD_TIMEOUT", NOWHERE, on="hasty")
def late_head(client, _site):
    client.send("GET /x HT")
    assert client.read_response().status == 408


@row("CLIENT_BODY_TIMEOUT", on="hasty")
def late_body(client, _site):
    client.send(POST + "Content-Length: 4\r\n\r\nab")
    assert client.read_response().status == 408


@row("CLIENT_SEND_TIMEOUT", status=200, on="hasty")
def reads_nothing(client, site):
    site.origin.answer = pour
    client.send(GET + "\r\n")
    wire.wait_for(lambda: site.lines(client), "the client to be cut")


@row("CLIENT_ABORT_HEAD", NOWHERE)
def leaves_in_its_head(client, _site):
    client.send("GET /x HT")
    client.half_close()
    client.expect_closed()


@row("CLIENT_ABORT_BODY")
def leaves_in_its_body(client, site):
    client.send(POST + "Content-Length: 4\r\n\r\nab")
    site.origin.expect_requests(1)
    client.reset()


@row("CLIENT_ABORT_WAIT")
def leaves_before_the_answer(client, site):
    site.origin.answer = hang
    client.send(GET + "\r\n")
    site.origin.expect_requests(1)
    client.reset()


@row("CLIENT_ABORT_CONNECT", ("stuck", "stuck1"))
def leaves_while_connecting(client, site):
    client.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
    wire.wait_for(lambda: site.daemon.server("stuck", "stuck1")["active"] == 1, "a connect")
    client.reset()


@row("CLIENT_ABORT_DATA", status=200)
def leaves_in_the_answer(client, site):
    site.origin.answer = pour
    client.send(GET + "\r\n")
    client.read_exactly(1000)
    client.reset()


# --- no server ---

refused("NO_SERVER", "GET /down HTTP/1.1\r\nHost: a\r\n\r\n", ("down", None))
refused("CONNECT_REFUSED", "GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n", ("refuse", "refuse1"))
refused("CONNECT_FAILED", "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n", ("fail", "fail1"))
refused("CONNECT_TIMEOUT", "GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n", ("stuck", "stuck1"),
        on="hasty")


# --- servers ---

HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@row("SERVER_HEAD_TIMEOUT", on="hasty")
def silent_server(client, site):
    site.origin.answer = hang
    assert client.ask(GET + "\r\n").status == 504


@row("SERVER_BODY_TIMEOUT", status=200, on="hasty")
def server_stops_in_its_body(client, site):
    def reply(request, connection):
        connection.send(HEAD_10 + b"12345")
        hang(request, connection)
    site.origin.answer = reply
    client.send(GET + "\r\n")
    with pytest.raises(wire.Closed):
        client.read_response()


@row("SERVER_SEND_TIMEOUT", on="hasty")
def server_reads_nothing(client, site):
    over = threading.Event()
    site.origin.read_bodies = False
    site.origin.answer = lambda request, connection: over.wait(300) and None
    client.send(POST + "Content-Length: 100000000\r\n\r\n")
    client.sock.setblocking(False)
    try:
        while not wire.is_readable(client.sock, 0):
            try:
                client.sock.send(b"x" * 65536)
            except BlockingIOError:
                wire.is_readable(client.sock, 0.02)
    finally:
        over.set()
    client.sock.setblocking(True)
    assert client.read_response().status == 504


@row("SERVER_RESET")
def server_resets(client, site):
    site.origin.answer = lambda request, connection: connection.reset()
    assert client.ask(POST + "\r\n").status == 502


badly_answered("SERVER_CLOSED", b"", request=POST + "\r\n")
badly_answered("SERVER_CUT", HEAD_10 + b"12345", status=200)
badly_answered("RES_LINE", b"hello\r\n\r\n")
badly_answered("RES_STATUS", b"HTTP/1.1 600 OK\r\n\r\n")
badly_answered("RES_HEAD_TOO_LARGE", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 32747 + b"\r\n",
               size=32769, limit=32768)
badly_answered("RES_TOO_MANY_FIELDS", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 257 + b"\r\n",
               size=257, limit=256)
badly_answered("RES_CONNECTION",
               b"HTTP/1.1 200 OK\r\nConnection: " + b"x," * 66 + b"\r\n\r\n", size=66, limit=64)
badly_answered("RES_FIELD", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n")
badly_answered("RES_LENGTH",
               b"HTTP/1.1 204 None\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n")
badly_answered("RES_CODING", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")
badly_answered("RES_CHUNK", CHUNKED + b"1\r\nxx\r\n0\r\n\r\n")
badly_answered("RES_SWITCH", b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
badly_answered("RES_TOO_MANY_INTERIM", b"HTTP/1.1 102 Processing\r\n\r\n" * 65, size=65, limit=64)


@row("RES_STRAY", status=200)
def server_says_too_much(client, site):
    site.origin.answer = wire.answer(b"body")
    client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response("HEAD").status == 200


@row("NO_MEMORY", status=0)
def server_takes_too_much(client, site):
    """What one exchange may keep is limited; so many lines to be trimmed are more."""
    hint = b"HTTP/1.1 103 Early Hints\r\nLink:  " + b"x" * 30000 + b"\r\n\r\n"
    site.origin.answer = hint * 60
    client.send(GET + "\r\n")
    client.read_to_end()


# --- tunnels ---

def tunnel(client, site, then):
    """`then` is what the server does with the tunnel."""
    def reply(request, connection):
        key = request.one("Sec-WebSocket-Key").decode()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                        + websocket.accept_of(key) + b"\r\n\r\n")
        then(connection)
    site.origin.answer = reply
    client.send(websocket.handshake())
    assert client.read_response_head().status == 101


@row("TUNNEL_TIMEOUT", status=101, on="hasty")
def silent_tunnel(client, site):
    tunnel(client, site, websocket.echo)
    client.expect_closed()


@row("TUNNEL_FIN_TIMEOUT", status=101)
def half_a_tunnel(client, site):
    tunnel(client, site, lambda connection: site.over.wait(300))
    client.half_close()
    client.expect_closed()


@row("TUNNEL_CLIENT_RESET", status=101)
def client_resets_a_tunnel(client, site):
    tunnel(client, site, websocket.echo)
    client.reset()


@row("TUNNEL_SERVER_RESET", status=101)
def server_resets_a_tunnel(client, site):
    tunnel(client, site, lambda connection: connection.read_exactly(1) and connection.reset())
    client.send("x")
    client.read_to_end()


# --- what runs them ---

class Site:
    """A daemon that writes its log as JSON, before one origin and before servers of each kind
    that cannot be reached."""

    def __init__(self, folder, stuck, nobody, timeouts, connect, frontend):
        self.origin = wire.Origin(name="main")
        self.over = threading.Event()
        once = "retries = 0;"
        fail = ('{ name = "fail"; retries = 0; servers = ( { name = "fail1"; '
                f'address = "unix:{folder}/nobody.sock"; }} ); }}')
        self.daemon = daemon.Daemon(
            folder, ", ".join([
                daemon.backend("main", self.origin.address), fail,
                daemon.backend("refuse", nobody, more=once),
                daemon.backend("down", nobody, more='check: { tcp = true; };'),
                daemon.backend("stuck", stuck,
                               more=once + 'timeouts: { connect = "%s"; };' % connect)]),
            routes=", ".join('{ when = "path /%s"; backend = "%s"; }' % (name, name)
                             for name in ("fail", "refuse", "down", "stuck"))
            + ', { when = "path_reg ^/(a+)+$"; backend = "down"; }',
            timeouts=timeouts, frontend=frontend, log_format="json")
        self.daemon.start()

    def all_lines(self):
        return [json.loads(line) for line in self.daemon.log() if line.startswith("{")]

    def lines(self, client):
        return [line for line in self.all_lines()[client.since:] if line["client"] == client.name]

    def client(self):
        client = self.daemon.client(rcvbuf=4096)
        client.name = "%s:%d" % client.sock.getsockname()
        client.since = len(self.all_lines())  # an earlier one may have had its port
        return client

    def mark(self):
        """An exchange, and its line: what ended before it was written before it."""
        client = self.client()
        assert client.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n").status == 200
        client.close()
        wire.wait_for(lambda: self.lines(client), "the marker's line")

    def close(self):
        self.over.set()
        try:
            self.daemon.stop()
        finally:
            self.origin.close()


class Stuck:
    """An address at which a connection is neither taken nor refused."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", wire.free_port()), backlog=0)
        self.address = self.listener.getsockname()
        self.queue = []
        while not self.queue or wire.is_writable(self.queue[-1], 0.2):
            self.queue.append(socket.socket())
            self.queue[-1].setblocking(False)
            self.queue[-1].connect_ex(self.address)

    def close(self):
        for sock in self.queue + [self.listener]:
            sock.close()


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    stuck, made = Stuck(), {}
    limits = 'max_header_size = "2KiB"; max_body_size = "10KiB"; via = true;'
    soon, later = f"{300 * wire.SLOWDOWN:.0f}ms", f"{600 * wire.SLOWDOWN:.0f}ms"
    kinds = {
        "patient": (f'client = "5m"; server = "5m"; fin = "{soon}";', "5m", limits),
        "hasty": (f'request = "{soon}"; client = "{soon}"; server = "{later}"; '
                  f'tunnel = "{soon}";', soon, ""),
    }
    try:
        for kind, (timeouts, connect, frontend) in kinds.items():
            made[kind] = Site(tmp_path_factory.mktemp(kind), stuck.address,
                              ("127.0.0.1", wire.free_port()), timeouts, connect, frontend)
        yield made
    finally:
        for site in made.values():
            site.close()
        stuck.close()


def judge(line, name, client, where, status=None, size=None, limit=None):
    row_status, letters, said = ROWS[name]
    want = {
        "client": client, "frontend": "front", "backend": where[0], "server": where[1],
        "status": (row_status if status is None else status) or None,
        "reason": name, "reason_text": said, "termination": letters + "--",
        "size": size, "limit": limit, "node": "test",
    }
    assert {key: line[key] for key in want} == want


@pytest.mark.parametrize("name", TABLE)
def test_h82_each_reason_has_its_line(sites, name):
    wanted = TABLE[name]
    site = sites[wanted["on"]]
    site.origin.reset()
    client = site.client()
    try:
        wanted["drive"](client, site)
        wire.wait_for(lambda: site.lines(client), "a line in the log")
    finally:
        client.close()
    site.mark()
    lines = site.lines(client)
    assert len(lines) == 1, lines
    judge(lines[0], name, client.name, wanted["where"], wanted["status"], wanted["size"],
          wanted["limit"])
    if lines[0]["target"] is not None:
        assert lines[0]["target"][0:1] in ("/", "a")


def test_h82_every_reason_is_provoked():
    assert set(TABLE) | set(ELSEWHERE) == set(ROWS)
    assert not set(TABLE) & set(ELSEWHERE)
    for name, where in ELSEWHERE.items():
        if where.endswith(".py"):
            with open(os.path.join(HERE, where), encoding="utf-8") as f:
                assert name in f.read(), f"{name} is not in {where}"
        else:
            assert not where.startswith("test_") or where in globals(), f"{name}: no {where}"


# --- those that need a daemon of their own ---

def one_line(running, reason):
    found = [line for line in running.log() if line.startswith("{") and reason in line]
    assert len(found) == 1, running.words()
    return json.loads(found[0])


def hanging(origin):
    server = origin(name="main")
    server.answer = hang
    return server


def test_h82_no_backend(start, origin):
    server = origin()
    bare = daemon.CONFIG.replace('default_backend = "main";', "")
    running = start(config=bare.format(
        folder="{folder}", listen="{listen}", threads=1, proxy="", timeouts="", top="", acls="",
        log_format="json", frontend="", routes='{ when = "path /here"; backend = "main"; }',
        backends=daemon.backend("main", server.address)))
    client = running.client()
    name = "%s:%d" % client.sock.getsockname()
    response = client.ask(GET + "\r\n")
    assert response.status == 503 and response.has("Retry-After")
    assert client.ask("GET /here HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    client.close()
    running.wait_log("COMPLETE")
    judge(one_line(running, "NO_BACKEND"), "NO_BACKEND", name, NOWHERE)


def test_h82_no_socket(start, origin):
    server = origin(name="main")
    running = start(daemon.backend("main", server.address, more="retries = 0;"),
                    log_format="json")
    client = running.client()
    name = "%s:%d" % client.sock.getsockname()
    # The client has been accepted, and there is no connection to the server yet.
    assert client.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n").status == 200
    proxy = running.child("proxy")
    with open(f"/proc/{proxy}/limits", encoding="ascii") as f:
        before = re.search(r"Max open files +(\d+)", f.read()).group(1)
    limit_descriptors(proxy, 3, hard=False)
    assert client.ask(GET + "\r\n").status == 503
    limit_descriptors(proxy, before, hard=False)
    client.close()
    running.wait_log("NO_SOCKET")
    judge(one_line(running, "NO_SOCKET"), "NO_SOCKET", name, SERVER)


def test_h82_stopping(start, origin):
    server = hanging(origin)
    running = start(daemon.backend("main", server.address), proxy='grace = "100ms";',
                    log_format="json")
    client = running.client()
    name = "%s:%d" % client.sock.getsockname()
    client.send(GET + "\r\n")
    server.expect_requests(1)
    running.process.send_signal(signal.SIGTERM)
    assert client.read_response(patience=daemon.STOP_PATIENCE).status == 503
    client.expect_closed()
    client.close()
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    judge(one_line(running, "STOPPING"), "STOPPING", name, SERVER)


def test_h82_drain_deadline(start, origin):
    server, other = hanging(origin), origin()
    running = start(daemon.backend("main", server.address), proxy='drain = "100ms";',
                    log_format="json")
    client = running.client()
    name = "%s:%d" % client.sock.getsockname()
    client.send(GET + "\r\n")
    server.expect_requests(1)
    running.write_config(backends=daemon.backend("main", other.address))
    running.ctl("reload")
    assert client.read_response().status == 503
    assert client.ask(GET + "\r\n").status == 200
    client.close()
    running.wait_log("COMPLETE")
    judge(one_line(running, "DRAIN_DEADLINE"), "DRAIN_DEADLINE", name, SERVER)


def test_h82_a_connection_in_mode_tcp(start):
    nobody = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", nobody, more='mode = "tcp"; retries = 0;'),
                    frontend='mode = "tcp";')
    client = running.client()
    port = client.sock.getsockname()[1]
    client.read_to_end()
    client.close()
    running.wait_log(rf"^127\.0\.0\.1:{port} \[.*\] front main/main1 .* SC \S+ 0/0 "
                     r"CONNECT_REFUSED id=\w{32}$")
