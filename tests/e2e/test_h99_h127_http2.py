"""HTTP.md 99 to 126, 135 to 144: HTTP/2 of clients, by prior knowledge. The cases of h2spec are in
test_h99_h2spec.py."""
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import daemon
import h2wire
import test_h128_h142_websocket as websocket
import wire
from h2wire import (ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
                    GET, GOAWAY, HEADERS, NO_ERROR, PING, POST, PRIORITY, PROTOCOL_ERROR,
                    REFUSED_STREAM, SETTINGS, SETTINGS_TIMEOUT, WINDOW)

# Late for who does nothing, and early enough for who does.
SOON = f"{int(1000 * wire.SLOWDOWN)}ms"
BIND = "bind = ( { address = \"%s:%d\"; h2c = true; } );"


def listen(address, more=""):
    return BIND % address + more


class Site:
    def __init__(self, running, address, origin):
        self.daemon, self.address, self.origin = running, address, origin
        self.clients = []

    def client(self, **options):
        self.clients.append(h2wire.Client(self.address, **options))
        return self.clients[-1]

    def forward(self, fields=GET, body=None):
        """What the origin got of a request, which it answered with 200."""
        got = self.client().ask(1, fields, body)
        assert got.status == 200, got.heads
        return self.origin.expect_requests(1)[0]


def make(folder, origin, frontend="", **parts):
    address = ("127.0.0.1", wire.free_port())
    running = daemon.Daemon(folder, daemon.backend("main", origin.address),
                            config=None, frontend=frontend, listen=address, **parts)
    with open(running.path, encoding="utf-8") as f:
        text = f.read()
    running.text = text.replace('bind = ( "%s:%d" );' % address, listen(address))
    running.write_config()
    return Site(running.start(), address, origin)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    origin = wire.Origin(name="main")
    made = make(tmp_path_factory.mktemp("h2"), origin,
                routes='{ when = "path /no"; deny = 403; }')
    try:
        yield made
    finally:
        try:
            made.daemon.stop()
        finally:
            origin.close()


@pytest.fixture
def site(plain):
    plain.origin.reset()
    yield plain
    for client in plain.clients:
        client.close()
    plain.clients = []
    plain.origin.reset()
    plain.daemon.check_alive()


@pytest.fixture
def begin(tmp_path, origin):
    """A site of the test's own."""
    made = []

    def run(frontend="", **parts):
        made.append(make(tmp_path / f"h2-{len(made)}", origin(), frontend, **parts))
        return made[-1]
    yield run
    for one in made:
        for client in one.clients:
            client.close()
        one.daemon.stop()


def with_field(*fields, method=GET):
    return method + fields


def without(name, fields=GET):
    return tuple(f for f in fields if f[0] != name)


def changed(name, value, fields=GET):
    return tuple((n, value if n == name else v) for n, v in fields)


# ---- 113, 116: ids ----

def test_h113_the_reserved_bit_is_nothing(site):
    """Of a stream's id, of WINDOW_UPDATE and of GOAWAY."""
    client = site.client().handshake()
    client.window(0, 0x80000001)
    client.send(WINDOW, 0, 0x80000000, struct.pack(">I", 1))
    client.headers(0x80000001)
    assert client.answer(1).status == 200
    client.send(GOAWAY, 0, 0, struct.pack(">II", 0x80000000, 0))
    client.to_the_end()
    assert not client.goaway or client.goaway[-1].code == NO_ERROR


def test_h116_what_was_on_its_way_to_a_stream_that_we_ended(begin):
    """A client that does not know yet of our RST_STREAM goes on sending: that is no fault of its."""
    site = begin(frontend="max_streams = 1;")
    client = site.client(greet=False)
    client.stream.send(h2wire.PREFACE + client.pack(SETTINGS))
    client.headers(1, POST, end=False)
    client.headers(3, POST, end=False)  # refused: its limit is not known yet
    client.headers(5, POST + (("Bad", "x"),), end=False)
    client.read_until(lambda: 5 in client.answers and client.answers[5].reset is not None, "reset")
    for stream in (3, 5):
        client.data(stream, b"late")
        client.headers(stream, (("x-t", "1"),))
    client.data(1, b"x", end=True)
    assert client.answer(1).status == 200
    client.ponged()


def test_h116_h121_what_comes_above_the_last_id_is_overlooked(begin):
    """Whole requests that were sent before GOAWAY came: nothing of them is a fault, and what is
    below is finished."""
    site = begin()
    hold, asked = threading.Event(), threading.Event()

    def reply(*_):
        asked.set()
        hold.wait(30)
        return wire.answer(b"late")
    site.origin.answer = reply
    client = site.client().handshake()
    client.headers(1)
    assert asked.wait(wire.PATIENCE)
    stopper = threading.Thread(target=site.daemon.stop)
    stopper.start()
    try:
        client.read_until(lambda: len(client.goaway) == 2, "the second GOAWAY")
        client.headers(3, POST, end=False)
        client.data(3, b"x")
        client.headers(3, (("x-t", "1"),))
        client.ponged()
        hold.set()
        assert client.answer(1).body == b"late"
        client.to_the_end()
        assert client.goaway[-1].code == NO_ERROR and client.goaway[-1].last == 1
    finally:
        hold.set()
        client.close()
        stopper.join()
    site.daemon.start()


# ---- 100 to 112: messages ----

def test_h100_settings_come_first_and_their_ack_is_waited_for(begin):
    site = begin(frontend="max_streams = 7; max_header_size = \"8KiB\"; "
                          f"timeouts: {{ request = \"{SOON}\"; }};")
    client = site.client(greet=False)
    client.stream.send(h2wire.PREFACE + client.pack(SETTINGS))
    first = client.read()
    assert (first.kind, first.flags, first.stream) == (SETTINGS, 0, 0)
    assert client.settings[3] == 7 and client.settings[6] == 8192 and client.settings[8] == 1
    silent = site.client(greet=False)
    silent.send = lambda *a, **k: None  # never an ACK
    silent.stream.send(h2wire.PREFACE + silent.pack(SETTINGS))
    silent.expect_goaway(SETTINGS_TIMEOUT)
    site.daemon.wait_log(rf"{silent.name()} .* cR-- .*H2_SETTINGS_TIMEOUT")
    client.ponged()


MALFORMED = {
    "no method": (without(":method"), "H2_PSEUDO"),
    "no scheme": (without(":scheme"), "H2_PSEUDO"),
    "no path": (without(":path"), "H2_PSEUDO"),
    "two methods": (GET + (), "H2_PSEUDO"),
    "an unknown pseudo-header": (GET + ((":nonsense", "x"),), "H2_PSEUDO"),
    "one of responses": (GET + ((":status", "200"),), "H2_PSEUDO"),
    "a late pseudo-header": (without(":path") + (("x", "y"), (":path", "/")), "H2_PSEUDO"),
    "an empty path": (changed(":path", ""), "H2_PSEUDO"),
    "a path without its slash": (changed(":path", "x"), "H2_PSEUDO"),
    "a star without OPTIONS": (changed(":path", "*"), "H2_PSEUDO"),
    "a space in the path": (changed(":path", "/ HTTP/1.1"), "H2_PSEUDO"),
    "a method that is no token": (changed(":method", "GET /x"), "H2_PSEUDO"),
    "a scheme that is no token": (changed(":scheme", "ht tp"), "H2_PSEUDO"),
    "userinfo": (changed(":authority", "me@a"), "H2_PSEUDO"),
    "an authority with a line end": (changed(":authority", "a\r\nx: y"), "H2_PSEUDO"),
    "protocol without CONNECT": (GET + ((":protocol", "websocket"),), "H2_PSEUDO"),
    "CONNECT with a path": (changed(":method", "CONNECT"), "H2_PSEUDO"),
    "a capital letter": (GET + (("X-A", "y"),), "H2_FIELD"),
    "an empty name": (GET + (("", "y"),), "H2_FIELD"),
    "a space in a name": (GET + (("x a", "y"),), "H2_FIELD"),
    "a colon in a name": (GET + (("x:a", "y"),), "H2_FIELD"),
    "a line end in a name": (GET + (("x\r\na", "y"),), "H2_FIELD"),
    "a byte above 0x7f in a name": (GET + ((b"x\xe9", b"y"),), "H2_FIELD"),
    "NUL in a value": (GET + (("x", "a\0b"),), "H2_FIELD"),
    "CR in a value": (GET + (("x", "a\rb"),), "H2_FIELD"),
    "LF in a value": (GET + (("x", "a\nb: c"),), "H2_FIELD"),
    "a space before a value": (GET + (("x", " a"),), "H2_FIELD"),
    "a tab behind a value": (GET + (("x", "a\t"),), "H2_FIELD"),
    "connection": (GET + (("connection", "close"),), "H2_FIELD"),
    "proxy-connection": (GET + (("proxy-connection", "close"),), "H2_FIELD"),
    "keep-alive": (GET + (("keep-alive", "1"),), "H2_FIELD"),
    "transfer-encoding": (GET + (("transfer-encoding", "chunked"),), "H2_FIELD"),
    "upgrade": (GET + (("upgrade", "h2c"),), "H2_FIELD"),
    "te other than trailers": (GET + (("te", "trailers, gzip"),), "H2_FIELD"),
    "a length and no body": (POST + (("content-length", "1"),), "H2_LENGTH"),
}
MALFORMED["two methods"] = (((":method", "GET"),) + GET, "H2_PSEUDO")


@pytest.mark.parametrize("what", MALFORMED)
def test_h101_h102_h103_h105_h110_malformed(site, what):
    """A stream error that reaches no server, and one line of the log; others go on."""
    fields, reason = MALFORMED[what]
    client = site.client().handshake()
    client.headers(1, fields)
    client.expect_reset(1, PROTOCOL_ERROR)
    assert site.origin.received == b""
    site.daemon.wait_log(rf"{client.name()} .* P[RD]-- .*HTTP/2.0\" {reason}")
    assert client.ask(3).status == 200


REFUSED = {
    "Host that is not :authority": (GET + (("host", "b"),), 400, "REQ_HOST"),
    "neither Host nor :authority": (without(":authority"), 400, "REQ_HOST_MISSING"),
    "CONNECT": (((":method", "CONNECT"), (":authority", "a:1")), 405, "REQ_CONNECT"),
    "a bad escape": (changed(":path", "/%zz"), 400, "REQ_PATH_ESCAPE"),
    "two lengths": (POST + (("content-length", "0"), ("content-length", "0")), 400,
                    "REQ_CONTENT_LENGTH"),
    "a length that is none": (POST + (("content-length", "+1"),), 400, "REQ_CONTENT_LENGTH"),
    "a head over the limit": (GET + (("x", "y" * 17000),), 431, "REQ_HEAD_TOO_LARGE"),
    "too many fields": (GET + (("x", "y"),) * 101, 431, "REQ_TOO_MANY_FIELDS"),
    "an expectation": (GET + (("expect", "x"),), 417, "REQ_EXPECT"),
    "a route": (changed(":path", "/no"), 403, "DENIED"),
    "another protocol": (((":method", "CONNECT"), (":protocol", "x")) + GET[1:], 501,
                         "H2_PROTOCOL_UNKNOWN"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_h101_h104_h118_refused_with_an_answer(site, what):
    fields, status, reason = REFUSED[what]
    client = site.client().handshake()
    got = client.ask(1, fields)
    assert got.status == status and got.ended and b"%d" % status in got.body
    assert site.origin.received == b""
    site.daemon.wait_log(rf"{client.name()} .* {status} .* {reason}")
    assert client.ask(3).status == 200


def test_h104_h106_authority_is_host_and_scheme_is_nothing(site):
    """Host is :authority, also beside a Host that says the same; :scheme does not decide what
    the server is told."""
    fields = changed(":scheme", "https", changed(":authority", "A.example"))
    got = site.forward(fields + (("host", "a.example:443"),))
    assert got.one("Host") == b"A.example" and got.one("X-Forwarded-Proto") == b"http"
    site.origin.reset()
    assert site.forward(without(":authority") + (("host", "b"),)).one("Host") == b"b"


def test_h60_via_names_the_version(begin):
    got = begin(frontend="via = true;").forward()
    assert got.one("Via") == b"2.0 " + got.one("Via").split(b" ")[1]


@pytest.mark.parametrize("length,sent", [(3, 2), (3, 4), (0, 1)])
def test_h107_data_that_is_not_its_length(site, length, sent):
    """RST_STREAM, and the server's connection is closed: it never sees a whole request."""
    client = site.client().handshake()
    block = client.encoder.encode(POST + (("content-length", str(length)),))
    client.stream.send(client.pack(HEADERS, END_HEADERS, 1, block) +
                       client.pack(DATA, END_STREAM, 1, b"x" * sent))
    client.expect_reset(1, PROTOCOL_ERROR)
    site.daemon.wait_log(rf"{client.name()} .* PD-- .* H2_LENGTH")
    assert not any(r.complete and r.body for r in site.origin.requests)


def test_h107_a_length_that_fits(site):
    assert site.forward(POST + (("content-length", "3"),), b"abc").raw_body == b"abc"


def test_h108_cookie_crumbs_are_one_field(site):
    fields = GET + (("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3"))
    assert site.forward(fields).one("Cookie") == b"a=1; b=2; c=3"


def test_h108_many_crumbs_are_one_field(site):
    crumbs = [f"c{n}=1" for n in range(150)]
    assert site.forward(GET + tuple(("cookie", c) for c in crumbs)).one("Cookie") == (
        "; ".join(crumbs).encode())


def raw_of(request):
    """But for the id, which each request has for itself."""
    return re.sub(rb"(X-Request-ID: )[0-9a-f]{32}\r\n", rb"\1ID\r\n", request.raw), request.raw_body


def raw_by_h1(site, head, body=b""):
    """What the server gets of the same request by HTTP/1.1."""
    site.origin.reset()
    client = wire.Client(site.address)
    assert client.ask(head + body).status == 200
    client.close()
    return raw_of(site.origin.expect_requests(1)[0])


SAME = {
    "GET": ((), None, b""),
    "fields": ((("user-agent", "u"), ("x-a", "1"), ("cookie", "a=1; b=2"), ("x-a", "2"),
                ("te", "trailers")), None, b""),
    "an untidy path": (((":path", "/a/./b/../c%41?x=%00"),), None, b""),
    "a body with a length": ((("content-length", "5"), ("x-b", "2")), b"hello", b""),
    "a body of an unknown length": ((("x-b", "2"),), b"hello", b""),
    "OPTIONS *": (((":method", "OPTIONS"), (":path", "*")), None, b""),
    "POST without a body": (((":method", "POST"),), None, b""),
}


@pytest.mark.parametrize("what", SAME)
def test_h109_h110_the_same_bytes_as_by_http_1(site, what):
    more, body, _ = SAME[what]
    fields = (POST if body else GET)
    for name, value in more:
        fields = changed(name, value, fields) if name[0] == ":" else fields + ((name, value),)
    client = site.client()
    assert client.ask(1, fields, body).status == 200
    by_h2 = raw_of(site.origin.expect_requests(1)[0])
    said = dict(f for f in fields if f[0][0] == ":")
    lines = [f"{said[':method']} {said[':path']} HTTP/1.1", f"host: {said[':authority']}"]
    lines += [f"{n}: {v}" if n != "te" else f"te: {v}\r\nconnection: te"
              for n, v in fields if n[0] != ":"]
    data = body or b""
    if body and "content-length" not in dict(more):
        lines.append("transfer-encoding: chunked")
        data = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    assert by_h2 == raw_by_h1(site, head, data)


def test_h109_a_response_in_lower_case_without_the_connections_fields(site):
    site.origin.answer = lambda *_: wire.answer(
        b"body", fields=["X-Upper: V", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=9",
                         "Set-Cookie: a", "Set-Cookie: b"])
    got = site.client().ask(1)
    names = [n for n, _ in got.heads[0]]
    assert got.field("x-upper") == "V" and got.body == b"body"
    assert all(n == n.lower() for n in names)
    assert [v for n, v in got.heads[0] if n == "set-cookie"] == ["a", "b"]
    assert not {"connection", "x-hop", "keep-alive", "transfer-encoding"} & set(names)


def test_h111_interim_responses_and_a_second_head(site):
    site.origin.answer = lambda *_: (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" +
                                     wire.answer(b"end"))
    got = site.client().ask(1)
    assert got.interim == [103] and got.status == 200 and got.body == b"end"
    client = site.client().handshake()
    client.headers(1, POST, end=False)
    client.headers(1, (("x", "y"),), end=False)
    client.expect_reset(1, PROTOCOL_ERROR)
    site.daemon.wait_log(rf"{client.name()} .* PD-- .* H2_TRAILER")


@pytest.mark.parametrize("trailer,reason", [
    ((":path", "/"), "H2_PSEUDO"), (("X", "y"), "H2_FIELD"), (("connection", "x"), "H2_FIELD"),
    (("x", "a\r\nb"), "H2_FIELD")])
def test_h101_malformed_trailers(site, trailer, reason):
    client = site.client().handshake()
    client.headers(1, POST, end=False)
    client.data(1, b"x")
    client.headers(1, (trailer,))
    client.expect_reset(1, PROTOCOL_ERROR)
    site.daemon.wait_log(rf"{client.name()} .* {reason}")


def test_h81_h144_trailers_both_ways(site):
    """As gRPC has them, a response that is nothing but a head and trailers too."""
    site.origin.answer = lambda *_: (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\nGrpc-Status: 0\r\nGrpc-Message: fine\r\n\r\n")
    client = site.client()
    client.headers(1, POST + (("te", "trailers"), ("content-type", "application/grpc")), end=False)
    client.data(1, b"xyz")
    client.headers(1, (("x-sum", "7"),))
    got = client.answer(1)
    assert got.body == b"abc" and got.ended
    assert got.trailers == [[("grpc-status", "0"), ("grpc-message", "fine")]]
    sent = site.origin.expect_requests(1)[0]
    assert sent.body == b"xyz" and sent.trailers == [(b"x-sum", b"7")]
    assert sent.one("TE") == b"trailers"
    site.origin.answer = lambda *_: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGrpc-Status: 5\r\n\r\n")
    got = client.ask(3, POST, b"")
    assert got.body == b"" and got.trailers == [[("grpc-status", "5")]]


@pytest.mark.parametrize("status,method", [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_h65_h66_responses_without_a_body(site, status, method):
    fields = ["Content-Length: 9"] if status != 204 else []
    site.origin.answer = lambda *_: wire.answer(status=status, fields=fields, length=False)
    got = site.client().ask(1, changed(":method", method))
    assert got.status == status and got.body == b"" and got.ended
    assert got.field("content-length") == ("9" if status != 204 else None)


def test_h72_a_response_that_the_close_ends(site):
    def reply(_request, connection):
        connection.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")
        connection.close()
    site.origin.answer = reply
    got = site.client().ask(1)
    assert got.body == b"to the end" and got.ended


def test_h73_a_cut_response_is_seen_to_be_cut(site):
    def reply(_request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        connection.close()
    site.origin.answer = reply
    client = site.client().handshake()
    client.headers(1)
    got = client.answer(1)
    assert got.status == 200 and not got.ended and got.reset == h2wire.INTERNAL_ERROR
    site.daemon.wait_log(rf"{client.name()} .* SD-- .* SERVER_CUT")
    client.ponged()


def test_h47_expect_100_continue(site):
    def reply(request, connection):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        return wire.answer(request.body)
    site.origin.read_bodies = False
    try:
        site.origin.answer = reply
        client = site.client()
        client.headers(1, POST + (("expect", "100-continue"), ("content-length", "4")), end=False)
        client.read_until(lambda: 1 in client.answers and client.answers[1].heads, "100")
        client.data(1, b"body", end=True)
        got = client.answer(1)
        assert got.interim == [100] and got.body == b"body"
    finally:
        site.origin.read_bodies = True


def test_h83_h123_an_answer_before_the_body_is_read(site):
    """A whole response, then RST_STREAM with NO_ERROR; the connection goes on, and trailers that
    were under way are overlooked."""
    client = site.client().handshake()
    client.headers(1, changed(":path", "/no", POST), end=False)
    client.data(1, b"x")
    got = client.answer(1)
    assert got.status == 403 and got.ended
    client.read_until(lambda: got.reset is not None, "RST_STREAM")
    assert got.reset == NO_ERROR
    client.data(1, b"more")
    client.headers(1, (("x", "y"),))
    assert client.ask(3).status == 200


# ---- 112 to 115: windows and fairness ----

def test_h112_h114_windows_both_ways(site):
    """Nothing is sent that no window is open for, upwards a stalled server stops its stream, and
    what was padded counts."""
    size = 300000
    site.origin.answer = lambda request, _: wire.answer(request.body or b"y" * size)
    client = site.client(manual=True).handshake()
    client.headers(1)
    client.read_until(lambda: 1 in client.answers and len(client.answers[1].body) == 65535,
                      "a window full")
    client.ponged()
    assert len(client.answers[1].body) == 65535
    client.headers(3)
    client.window(1, size)
    client.ponged()
    assert len(client.answers[1].body) == 65535, "the connection's window is closed"
    client.window(0, 2 * size)
    assert client.answer(1).body == b"y" * size
    client.read_until(lambda: 3 in client.answers and len(client.answers[3].body) == 65535,
                      "the other's window")
    client.close()
    upload = site.client()
    upload.handshake()
    upload.headers(1, POST, end=False)
    window = 65535
    sent = 0
    while sent < size:
        while window < 10000:
            before = len(upload.frames)
            upload.read()
            window += sum(struct.unpack(">I", f.payload)[0] for f in upload.frames[before:]
                          if f.kind == WINDOW and f.stream == 1)
        upload.data(1, b"z" * 7743, pad=255)
        window -= 7743 + 256
        sent += 7743
    upload.data(1, b"", end=True)
    assert len(upload.answer(1).body) == sent


def test_h114_a_stalled_upload_stalls_nobody(site):
    """Its server reads nothing: one window of it is taken and no more, other streams go on."""
    held = threading.Event()

    def reply(request, connection):
        if request.target == "/held":
            held.wait(60)
            connection.close()
            return None
        connection.read_body(request)
        return wire.answer(request.body)
    site.origin.read_bodies = False
    site.origin.answer = reply
    try:
        client = site.client().handshake()
        stalled = 9
        for number in range(stalled):
            client.headers(1 + 2 * number, changed(":path", "/held", POST), end=False)
        credit, seen, silent = [65535] * stalled, 0, 0
        while silent < 5:  # until the kernel's buffers and ours are full
            before = sum(credit)
            for number in range(stalled):
                while credit[number] >= 16384:
                    client.data(1 + 2 * number, b"x" * 16384)
                    credit[number] -= 16384
            if wire.is_readable(client.stream.sock, 0.1) or client.stream.buf:
                client.read()
            for frame in client.frames[seen:]:
                if frame.kind == WINDOW and frame.stream:
                    credit[frame.stream // 2] += struct.unpack(">I", frame.payload)[0]
            seen = len(client.frames)
            silent = silent + 1 if sum(credit) == before and max(credit) < 16384 else 0
        assert max(credit) < 16384, "a server that reads nothing never stopped its client"
        assert client.ask(101, POST, b"abc").body == b"abc"
    finally:
        held.set()
        site.origin.read_bodies = True


def test_h114_streams_that_are_not_taken_hold_nobody_up(site):
    """More streams than a connection has buffers for, none of which has a window; others, that
    have, are answered meanwhile, and then all that waited."""
    site.origin.answer = lambda *_: wire.answer(b"y" * 100000)
    client = site.client(settings=[(4, 0)], manual=True).handshake()
    client.window(0, 100 * 100000)
    stalled = range(1, 81, 2)
    for stream in stalled:
        client.headers(stream)
    client.read_until(lambda: all(n in client.answers and client.answers[n].heads for n in stalled),
                      "all heads")
    for stream in (101, 103):
        client.headers(stream)
        client.window(stream, 100000)
        assert len(client.answer(stream).body) == 100000
    assert not any(client.answers[n].body for n in stalled)
    for stream in stalled:
        client.window(stream, 100000)
    for stream in stalled:
        assert len(client.answer(stream).body) == 100000


def test_h114_the_connections_window_is_shared(site):
    """It is opened bit by bit: each stream has had some of it before one is at its end."""
    site.origin.answer = lambda *_: wire.answer(b"y" * 200000)
    client = site.client(settings=[(4, 1 << 20)], manual=True).handshake()
    streams = range(1, 21, 2)
    for stream in streams:
        client.headers(stream)
    client.read_until(lambda: all(n in client.answers and client.answers[n].heads
                                  for n in streams), "all heads")
    left = 65535 - sum(len(client.answers[n].body) for n in streams)
    while not any(client.answers.setdefault(n, h2wire.Answer()).ended for n in streams):
        if left == 0:
            client.window(0, 65535)
            left = 65535
        frame = client.read()
        left -= len(frame.payload) if frame.kind == DATA else 0
    assert all(client.answers[n].body for n in streams)
    client.window(0, 10 * 200000)
    for stream in streams:
        assert len(client.answer(stream).body) == 200000


def test_h115_streams_above_the_limit(begin):
    site = begin(frontend="max_streams = 2;")
    hold = threading.Event()

    def reply(*_):
        hold.wait(30)
        return wire.answer(b"late")
    site.origin.answer = reply
    client = site.client(greet=False)
    client.stream.send(h2wire.PREFACE + client.pack(SETTINGS))
    for stream in (1, 3, 5):  # before the limit was acknowledged
        client.headers(stream)
    client.read_until(lambda: 5 in client.answers and client.answers[5].reset is not None, "reset")
    assert client.answers[5].reset == REFUSED_STREAM
    hold.set()
    assert client.answer(1).body == client.answer(3).body == b"late"
    assert len(site.origin.requests) == 2


# ---- ends that the client makes ----

def held(site, count):
    """That many requests wait at the origin, until the event that is returned."""
    hold = threading.Event()
    site.origin.answer = lambda *_: wire.answer(b"late") if hold.wait(30) else None
    client = site.client().handshake()
    for number in range(count):
        client.headers(2 * number + 1)
    wire.wait_for(lambda: len(site.origin.requests) == count, f"{count} requests")
    return client, hold


def test_h121_goaway_from_the_client(site):
    """It asks for nothing more; what it has asked for is answered, and then the connection ends."""
    client, hold = held(site, 3)
    client.send(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR))
    client.ponged()
    hold.set()
    assert [client.answer(n).body for n in (1, 3, 5)] == [b"late"] * 3
    client.to_the_end()


def test_h88_a_client_that_dies_with_streams(site):
    """Each is cancelled at its server, and has its line; nothing is left behind."""
    client, hold = held(site, 20)
    client.stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    for connection in site.origin.connections:
        wire.wait_for(lambda c=connection: c.closed.is_set() or wire.is_readable(c.sock, 0.01),
                      "the end at the server")
    hold.set()
    for _ in range(20):
        site.daemon.wait_log(rf"{client.name()} .* CH-- .*HTTP/2.0")
    wire.wait_for(lambda: site.daemon.json("sessions")["sessions"] == [], "no session")


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "waiting"])
def test_h88_reset_in_one_go_with_frames(begin, busy):
    """The reset has no event of its own, and nobody answers such a frame."""
    site = begin(timeouts='keep_alive = "1h"; client = "2s"; server = "1h";')
    hold = threading.Event()
    client = site.client()
    client.handshake()
    if busy:
        site.origin.answer = lambda *_: hold.wait(wire.PATIENCE) and None
        client.headers(1)
        site.origin.expect_requests(1)
    proxy = site.daemon.child("proxy")
    daemon.freeze(proxy)
    client.window(0, 1)
    client.stream.reset()
    os.kill(proxy, signal.SIGCONT)
    wire.wait_for(lambda: site.daemon.json("status")["frontends"][0]["connections"] == 0,
                  "the client to be let go")
    hold.set()


def test_h85_the_client_ends_its_side(site):
    """Behind whole requests: these are answered."""
    client, hold = held(site, 2)
    client.stream.sock.shutdown(socket.SHUT_WR)
    hold.set()
    assert client.answer(1).body == client.answer(3).body == b"late"
    client.to_the_end()


def test_h88_who_has_ended_opens_no_window_any_more(site):
    """What is blocked by one then is given up at once: by its own, and by the connection's."""
    site.origin.answer = lambda *_: wire.answer(b"y" * 100000)
    for settings in ((), [(4, 1 << 20)], [(4, 0)]):
        client = site.client(settings=settings, manual=True).handshake()
        client.headers(1)
        client.headers(3)
        client.ponged()
        client.stream.sock.shutdown(socket.SHUT_WR)
        client.to_the_end()
        assert not client.answers[1].ended
        site.daemon.wait_log(rf"{client.name()} .* CD-- .*HTTP/2.0")
    wire.wait_for(lambda: site.daemon.json("sessions")["sessions"] == [], "no session")


@pytest.mark.parametrize("length", [None, "300000"])
def test_h83_h123_too_large_a_body(begin, length):
    """413 while the upload runs: a whole answer, RST_STREAM with NO_ERROR behind it, and what still
    comes is overlooked."""
    site = begin(frontend='max_body_size = "64KiB";')
    client = site.client().handshake()
    client.headers(1, POST + ((("content-length", length),) if length else ()), end=False)
    for _ in range(4):
        client.data(1, b"x" * 16383)
    if not length:
        client.read_until(lambda: any(f.kind == WINDOW and f.stream == 1 for f in client.frames),
                          "a window")
        client.data(1, b"x" * 16383)
    got = client.answer(1)
    assert got.status == 413 and got.ended and b"413" in got.body
    client.read_until(lambda: got.reset is not None, "RST_STREAM")
    assert got.reset == NO_ERROR
    client.data(1, b"late", end=True)
    site.daemon.wait_log(rf"{client.name()} .* 413 .*\"POST / HTTP/2.0\" REQ_BODY_TOO_LARGE")
    assert client.ask(3).status == 200


def test_h123_a_server_that_answers_early(site):
    """It reads no more of the body: its answer is whole all the same."""
    def reply(_request, connection):
        connection.send(wire.answer(b"enough", fields=["Connection: close"]))
        connection.close()
    site.origin.read_bodies = False
    site.origin.answer = reply
    try:
        client = site.client().handshake()
        client.headers(1, POST, end=False)
        client.data(1, b"x" * 1000)
        got = client.answer(1)
        assert got.status == 200 and got.body == b"enough" and got.ended
        client.data(1, b"x" * 1000, end=True)
        client.ponged()
    finally:
        site.origin.read_bodies = True


QUEUE = """\
node = "test";
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
frontends = ( { name = "front"; bind = ( { address = "{listen}"; h2c = true; } );
  routes = ( { when = "path /slow"; backend = "slow"; } ); default_backend = "quick"; } );
backends = (
  { name = "slow"; servers = (
    { name = "s"; address = "%s:%d"; check = false; max_connections = 1; } ); },
  { name = "quick"; servers = ( { name = "q"; address = "%s:%d"; check = false; } ); } );
"""


def test_h114_queues_of_servers_hold_one_stream_each(tmp_path, origin):
    """A server that takes one request at a time: its streams wait in the queue, those for another
    path do not."""
    slow, quick = origin(), origin()
    running = daemon.Daemon(tmp_path / "q", config=QUEUE % (*slow.address, *quick.address)).start()
    hold = threading.Event()
    slow.answer = lambda *_: wire.answer(b"slow") if hold.wait(30) else None
    try:
        client = h2wire.Client(running.address).handshake()
        for stream in range(1, 41, 2):
            client.headers(stream, changed(":path", "/slow"))
        wire.wait_for(lambda: slow.requests, "one at the server")
        for stream in range(101, 121, 2):
            assert client.ask(stream).status == 200
        assert len(slow.requests) == 1
        client.rst(39)
        hold.set()
        for stream in range(1, 39, 2):
            assert client.answer(stream).body == b"slow"
        client.close()
        assert len(slow.requests) == 19
    finally:
        hold.set()
        running.stop()


# ---- 117 to 120: floods ----

def flood(begin, reason_word, counter, drive, frontend=""):
    site = begin(frontend)
    client = site.client().handshake()
    drive(client)
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.daemon.wait_log(rf"{client.name()} .* PR-- .* H2_FLOOD")
    site.daemon.wait_log(rf"client 127.0.0.1: its HTTP/2 connection was ended: .*: {reason_word}")
    assert f"{counter} 1" in site.daemon.ctl("metrics").stdout
    assert site.client().ask(1).status == 200


def repeat(count, do):
    def drive(client):
        for number in range(count):
            do(client, number)
    return drive


FLOODS = {
    "RESET": ("streams reset", lambda c, n: (c.headers(2 * n + 1), c.rst(2 * n + 1)), 300),
    "PING": ("PING", lambda c, n: c.ping(), 300),
    "SETTINGS": ("SETTINGS", lambda c, n: c.settings_send(), 200),
    "WINDOW": ("WINDOW_UPDATE", lambda c, n: c.window(0, 1), 6000),
    "PRIORITY": ("PRIORITY", lambda c, n: c.send(PRIORITY, 0, 1, b"\0\0\0\0\1"), 3000),
    "OTHER": ("frames of other kinds", lambda c, n: c.send(0x20), 500),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_h119_h120_floods(begin, kind):
    word, do, count = FLOODS[kind]
    flood(begin, word, f'hpcbal_http2_floods_total{{kind="{kind.lower()}"}}', repeat(count, do))


def test_h119_provoked_resets(begin):
    """Streams that we have to reset because the client breaks them count as its own."""
    site = begin()
    client = site.client().handshake()
    for number in range(300):
        client.headers(2 * number + 1, GET + (("Bad", "x"),))
        client.read_until(lambda: client.goaway or client.closed or
                          client.answers.get(2 * number + 1), "reset")
        if client.goaway:
            break
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.daemon.wait_log(rf"{client.name()} .* PR-- .* H2_FLOOD")
    assert site.origin.received == b""


def test_h120_empty_data(begin):
    def drive(client):
        client.headers(1, POST, end=False)
        for _ in range(500):
            client.data(1)
    flood(begin, "DATA", 'hpcbal_http2_floods_total{kind="empty"}', drive)


def test_h117_continuation(begin):
    def drive(client):
        client.headers(1, flags=0)
        for _ in range(20):
            client.send(CONTINUATION, 0, 1, b"\x00\x01x\x01y")
    flood(begin, "CONTINUATION", 'hpcbal_http2_floods_total{kind="continuation"}', drive)


def test_h118_a_bomb_of_indexed_fields(site):
    """A field of 4 KB, named again with one byte each time: 431, and the connection lives."""
    client = site.client().handshake()
    block = client.encoder.encode(GET + (("x", "y" * 4000),), huffman=False)
    client.headers(1, block + b"\xbe" * 12000)
    assert client.answer(1).status == 431
    assert client.ask(3).status == 200


def test_h117_a_head_that_never_ends(begin):
    site = begin(frontend=f'timeouts: {{ request = "{SOON}"; }};')
    client = site.client().handshake()
    client.headers(1, flags=0)
    client.expect_goaway(ENHANCE_YOUR_CALM)
    site.daemon.wait_log(rf"{client.name()} .* cR-- .* H2_HEAD_TIMEOUT")


def test_h119_who_reads_nothing_is_owed_nothing_more(begin):
    """Each refused stream is to be told so: who does not read that is not read from, and costs no
    memory meanwhile."""
    site = begin(frontend='max_streams = 1; timeouts: { request = "10m"; client = "10m"; };')
    given = [0]

    def reply(_request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        while True:
            connection.send(b"y" * 65536)
            given[0] += 1
    site.origin.answer = reply
    stream = wire.Client(site.address, rcvbuf=4096)
    pack = h2wire.Client.pack
    stream.send(h2wire.PREFACE + pack(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7fffffff)) +
                pack(WINDOW, 0, 0, struct.pack(">I", 0x7fff0000 - 65535)))
    block = b"\x82\x86\x84\x41\x01a"
    stream.send(pack(HEADERS, END_STREAM | END_HEADERS, 1, block))
    before = None
    while not given[0] or given[0] != before:  # until all on the way is full
        before = given[0]
        time.sleep(wire.SLOWDOWN / 2)
    stream.sock.setblocking(False)
    sent, number, rest = 0, 3, b""
    with pytest.raises(BlockingIOError):
        while sent < 64 << 20:
            while len(rest) < 1 << 16:
                rest += pack(HEADERS, END_STREAM | END_HEADERS, number, block)
                number += 2
            if not wire.is_writable(stream.sock, wire.SLOWDOWN):
                raise BlockingIOError
            done = stream.sock.send(rest)
            sent, rest = sent + done, rest[done:]
    stream.close()
    site.origin.answer = lambda *_: wire.answer(b"x")
    assert site.client().ask(1).status == 200


def test_h120_priority_update(begin):
    """RFC 9218's frames count like PRIORITY, so that a browser may send one with each request."""
    def drive(client):
        for number in range(900):
            client.send(0x10, 0, 0, struct.pack(">I", 2 * number + 1) + b"u=3")
        client.ponged()
        for _ in range(2000):
            client.send(0x10, 0, 0, struct.pack(">I", 1) + b"u=3")
    flood(begin, "PRIORITY and PRIORITY_UPDATE", 'hpcbal_http2_floods_total{kind="priority"}',
          drive)


def test_h120_pings_between_data_are_no_flood(site):
    """Clients of gRPC measure the road with a PING for each window of data."""
    site.origin.answer = lambda *_: wire.answer(b"y" * (300 * 16384))
    client = site.client(settings=[(4, 16384)]).handshake()
    client.headers(1)
    seen = 0
    while not client.answers.setdefault(1, h2wire.Answer()).ended:
        frame = client.read()
        assert frame, "ended"
        if frame.kind == DATA:
            seen += 1
            client.ping()
    assert seen >= 300
    client.ponged()


def test_h120_a_window_that_stays_closed(begin):
    """Who asks and never takes is given up, behind the exchange too."""
    site = begin(frontend='timeouts: { client = "400ms"; };')
    site.origin.answer = lambda request, _: wire.answer(
        b"y" * (1000 if request.target == "/small" else 1 << 20))
    client = site.client(settings=[(4, 0)]).handshake()
    client.headers(1)
    client.headers(3, changed(":path", "/small"))
    big, small = client.answer(1), client.answer(3)
    assert big.reset is not None and small.reset == CANCEL and not big.body and not small.body
    site.daemon.wait_log(rf"{client.name()} .* cD-- .* CLIENT_SEND_TIMEOUT")


def test_h88_a_reset_cancels_the_work(site):
    asked, gone = threading.Event(), threading.Event()

    def reply(_request, connection):
        asked.set()
        try:
            connection.read_exactly(1, patience=20)
        except wire.Closed:
            gone.set()
    site.origin.answer = reply
    client = site.client().handshake()
    client.headers(1)
    assert asked.wait(wire.PATIENCE)
    client.rst(1)
    assert gone.wait(wire.PATIENCE), "the server's connection lives on"
    site.daemon.wait_log(rf"{client.name()} .* CH-- ")
    client.ponged()


# ---- 121: ends ----

def test_h121_h98_goaway_in_two_steps(begin):
    """A stream that is under way when the proxy stops is finished; one that comes between the two
    GOAWAYs too."""
    site = begin()
    hold, asked = threading.Event(), threading.Event()

    def reply(*_):
        asked.set()
        hold.wait(30)
        return wire.answer(b"late")
    site.origin.answer = reply
    client = site.client().handshake()
    client.headers(1)
    assert asked.wait(wire.PATIENCE)
    stopper = threading.Thread(target=site.daemon.stop)
    stopper.start()
    client.read_until(lambda: client.goaway, "GOAWAY")
    assert client.goaway[0].last == 0x7fffffff and client.goaway[0].code == NO_ERROR
    client.headers(3)
    ping = next(f for f in client.frames if f.kind == PING and not f.flags & ACK) if any(
        f.kind == PING and not f.flags & ACK for f in client.frames) else None
    while ping is None:
        frame = client.read()
        ping = frame if frame.kind == PING and not frame.flags & ACK else None
    client.ping(ping.payload, ACK)
    client.read_until(lambda: len(client.goaway) == 2, "the second GOAWAY")
    assert client.goaway[1].last == 3 and client.goaway[1].code == NO_ERROR
    hold.set()
    assert client.answer(1).body == client.answer(3).body == b"late"
    client.to_the_end()
    client.close()
    stopper.join()
    site.daemon.start()


def test_h121_a_connection_without_streams_is_closed(begin):
    site = begin(frontend=f'timeouts: {{ keep_alive = "{SOON}"; }};')
    client = site.client()
    assert client.ask(1).status == 200
    client.to_the_end()
    assert client.goaway[0].code == NO_ERROR and client.goaway[0].last == 1


def test_h121_a_reload_keeps_connections_and_takes_new_routes(begin):
    site = begin()
    client = site.client()
    assert client.ask(1).status == 200
    text = open(site.daemon.path, encoding="utf-8").read()
    site.daemon.write_config(text.replace("routes = (  );",
                                          'routes = ( { when = "always"; deny = 403; } );'))
    site.daemon.ctl("reload")
    assert client.ask(3).status == 403


def test_h98_a_reload_that_removes_the_listener(begin):
    site = begin()
    client = site.client()
    assert client.ask(1).status == 200
    text = open(site.daemon.path, encoding="utf-8").read()
    site.daemon.write_config(text.replace("%s:%d" % site.address,
                                          "127.0.0.1:%d" % wire.free_port()))
    site.daemon.ctl("reload")
    client.read_until(lambda: client.goaway, "GOAWAY")
    client.headers(3)
    assert client.answer(3).status == 200, "one that came before the last id was known"
    client.to_the_end()
    assert client.goaway[-1].last == 3


def test_h142_sessions_and_kill(begin):
    site = begin()
    hold = threading.Event()
    site.origin.answer = lambda *_: hold.wait(30) and None
    client = site.client().handshake()
    client.headers(1)
    wire.wait_for(lambda: site.origin.requests, "the request")
    listed = wire.wait_for(lambda: site.daemon.json("sessions")["sessions"], "the session")
    assert len(listed) == 1
    site.daemon.ctl("kill", str(listed[0]["id"]))
    assert client.answer(1).status == 503
    client.ponged()
    hold.set()


def test_h145_a_proxy_header_before_the_preface(begin):
    site = begin(frontend='trusted_proxies = ( "127.0.0.1" );')
    text = open(site.daemon.path, encoding="utf-8").read()
    site.daemon.write_config(text.replace("h2c = true;", "h2c = true; proxy_protocol = true;"))
    site.daemon.ctl("reload")
    client = site.client(greet=False)
    client.stream.send(b"PROXY TCP4 192.0.2.7 192.0.2.8 1000 2000\r\n")
    client.stream.send(h2wire.PREFACE)
    client.settings_send()
    assert client.ask(1).status == 200
    assert site.origin.requests[0].all("X-Forwarded-For")[-1] == b"192.0.2.7"
    site.daemon.wait_log(r"192.0.2.7:1000 .*\"GET / HTTP/2.0\"")


def test_h99_only_where_a_listener_allows_it(begin):
    """Without h2c the preface is a request of a version that is not known; with it HTTP/1.1 works
    as ever, and the preface is one at the beginning only."""
    site = begin()
    one = wire.Client(site.address)
    assert one.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert one.ask(h2wire.PREFACE).status == 505
    text = open(site.daemon.path, encoding="utf-8").read()
    site.daemon.write_config(text.replace("h2c = true;", ""))
    site.daemon.ctl("reload")
    assert wire.Client(site.address).ask(h2wire.PREFACE).status == 505


# ---- others' clients ----

def test_h99_curl_and_h2load_and_python(site):
    url = "http://%s:%d/" % site.address
    body = b"y" * 100000
    site.origin.answer = lambda *_: wire.answer(body)
    got = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", url], capture_output=True,
                         check=True, timeout=60)
    assert got.stdout == body
    load = subprocess.run(["h2load", "-n", "200", "-c", "2", "-m", "10", url],
                          capture_output=True, text=True, check=True, timeout=120)
    assert "200 succeeded, 0 failed, 0 errored" in load.stdout, load.stdout


def test_h99_python_h2(site):
    import h2.config
    import h2.connection
    import h2.events
    sock = socket.create_connection(site.address)
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    conn.initiate_connection()
    conn.send_headers(1, GET, end_stream=True)
    sock.sendall(conn.data_to_send())
    seen, end = [], time.monotonic() + wire.PATIENCE
    while not any(isinstance(e, h2.events.StreamEnded) for e in seen):
        assert time.monotonic() < end
        seen += conn.receive_data(sock.recv(65536))
        sock.sendall(conn.data_to_send())
    sock.close()
    assert any(isinstance(e, h2.events.ResponseReceived) for e in seen)


# ---- 135 to 137, 141: WebSocket ----

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
