"""HTTP.md 99 to 111, 113, 116, 118, 144: HTTP/2 of clients, by prior knowledge: what a request is,
and what is none. The cases of h2spec are in test_h99_h2spec.py."""
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

import h2rig
import h2wire
import wire
from h2rig import SOON, without, changed
from h2wire import (DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, NO_ERROR, POST,
                    PROTOCOL_ERROR, SETTINGS, SETTINGS_TIMEOUT, WINDOW)

begin, plain, site = h2rig.begin, h2rig.plain, h2rig.site


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


def window_of(client, stream):
    """All that it was ever allowed to send there."""
    return 65535 + sum(struct.unpack(">I", f.payload)[0] for f in client.frames
                       if f.kind == WINDOW and f.stream == stream)


@pytest.mark.parametrize("length", [None, 70000])
def test_h49_the_rest_of_a_small_body_may_come(site, length):
    """Behind its answer the client ends its request as if nothing had been: it hears of no
    RST_STREAM, with which curl 7.88 loses the answer, and has a window for all of it."""
    client = site.client().handshake()
    fields = changed(":path", "/no", POST)
    if length:
        fields += (("content-length", str(length)),)
    client.headers(1, fields, end=False)
    client.data(1, b"x" * 16000)
    got = client.answer(1)
    assert got.status == 403 and got.ended
    sent, whole = 16000, length or 16001
    while sent < whole:
        piece = min(whole - sent, 16000)
        client.read_until(lambda: window_of(client, 1) >= sent + piece, "a window")
        client.data(1, b"x" * piece, end=sent + piece == whole)
        sent += piece
    assert client.ask(3).status == 200
    assert got.reset is None


def test_h49_a_client_that_leaves_behind_an_early_answer_is_left(site):
    client = site.client().handshake()
    client.headers(1, changed(":path", "/no", POST), end=False)
    assert client.answer(1).status == 403
    client.stream.sock.shutdown(socket.SHUT_WR)
    client.to_the_end()



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
