"""HTTP/2 to servers: HTTP.md 122 to 124, 138, 144, and what of the others has a server's side."""
import os
import re
import signal
import socket
import ssl
import struct
import threading
import time

import pytest

import daemon
import h2origin
import h2wire
import pki
import test_h128_h142_websocket as websocket
import wire
from h2origin import OK
from h2wire import GOAWAY


GET = "GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"


@pytest.fixture
def h2(request):
    made = []

    def make(**options):
        made.append(h2origin.Origin(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def backend(*origins, more="", server_more="", name="main"):
    return daemon.backend(name, *(o.address for o in origins), more="http2 = true; " + more,
                          server_more=server_more)


def test_a_request_by_prior_knowledge(start, h2):
    server = h2()
    running = start(backend(server))
    client = running.client()
    for _ in range(3):
        response = client.ask(GET)
        assert (response.status, response.body) == (200, b"origin")
    asked = server.asked()
    assert asked[":method"] == "GET" and asked[":path"] == "/x?y=1"
    assert asked[":scheme"] == "http" and asked[":authority"] == "a.example"
    assert "host" not in asked and "connection" not in asked
    assert len(server.peers) == 1, "one connection is kept"


def refuse(peer, stream):
    peer.rst(stream, h2wire.REFUSED_STREAM)


def post(body=b"abc", path="/"):
    return b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (
        path.encode(), len(body), body)


def chunked(body, trailers=""):
    return (f"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
            f"Connection: TE\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n{trailers}\r\n")


def log_of(running, client):
    return running.wait_log(r"127\.0\.0\.1:%d " % client.sock.getsockname()[1])


def beside(address):
    """A second frontend, where clients speak HTTP/2."""
    return ('}, { name = "h2"; bind = ( { address = "%s:%d"; h2c = true; } ); '
            'default_backend = "main";' % address)


def test_h109_what_belongs_to_connections_stays_here(start, h2):
    server = h2()
    client = start(backend(server)).client()
    assert client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\n"
                      "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\n"
                      "X-Kept: YES\r\n\r\n").status == 200
    asked = server.asked()
    assert asked["x-kept"] == "YES"
    assert not set(asked) & {"connection", "x-gone", "keep-alive", "proxy-connection", "upgrade",
                             "http2-settings", "te", "transfer-encoding", "host"}


def test_h109_a_body_with_a_length_and_one_in_chunks(start, h2):
    server = h2()
    client = start(backend(server)).client()
    assert client.ask(post(b"with a length")).status == 200
    assert client.ask(chunked("in chunks")).status == 200
    (peer, one), (_, two) = server.expect_streams(2)
    assert peer.request(one).body == b"with a length"
    assert peer.fields(one)["content-length"] == "13"
    assert peer.request(two).body == b"in chunks"
    assert "content-length" not in peer.fields(two)
    assert peer.fields(two)["te"] == "trailers"


def test_a_head_that_has_grown_beyond_a_buffer(start, h2):
    """What a client may send at most, and what the configuration adds."""
    server = h2()
    rules = ", ".join('{ set = "X-L%d"; value = "%s"; }' % (n, "l" * 900) for n in range(9))
    running = start(backend(server, more=f"request_headers = ( {rules} );"),
                    frontend='max_header_size = "60KiB";')
    client = running.client()
    own = "".join(f"X-{n}: {'v' * 980}\r\n" for n in range(60))
    assert client.ask(f"GET / HTTP/1.1\r\nHost: a\r\n{own}\r\n").status == 200
    asked = server.asked()
    assert [len(asked[f"x-l{n}"]) for n in range(9)] == [900] * 9
    assert [len(asked[f"x-{n}"]) for n in range(60)] == [980] * 60
    assert sum(len(n) + len(v) for n, v in asked.items()) > 65536


def test_h81_trailers_both_ways(start, h2):
    server = h2()
    server.reply = lambda peer, stream: peer.reply(stream, b"body", trailers=(("x-sum", "9"),))
    client = start(backend(server)).client()
    response = client.ask(chunked("body", "X-Mine: 7\r\n"))
    assert response.status == 200 and response.body == b"body"
    assert response.trailers == [(b"x-sum", b"9")]
    peer, stream = server.expect_streams(1)[0]
    assert peer.request(stream).heads[1:] == [[("x-mine", "7")]]


def test_h144_grpc(start, h2):
    """Trailers, and an answer of trailers only; from a client of HTTP/2 to a server of HTTP/2."""
    server = h2()
    server.reply = lambda peer, stream: peer.reply(
        stream, b"\0\0\0\0\1x", OK + (("content-type", "application/grpc"),),
        trailers=(("grpc-status", "0"),))
    address = ("127.0.0.1", wire.free_port())
    start(backend(server), frontend=beside(address))
    client = h2wire.Client(address)
    asked = h2wire.POST + (("te", "trailers"), ("content-type", "application/grpc"))
    got = client.ask(1, asked, b"\0\0\0\0\1y")
    assert got.status == 200 and got.body == b"\0\0\0\0\1x"
    assert got.trailers == [[("grpc-status", "0")]]
    assert server.asked()["te"] == "trailers"
    server.reply = lambda peer, stream: peer.reply(
        stream, fields=OK + (("grpc-status", "12"), ("grpc-message", "no")))
    got = client.ask(3, asked, b"\0\0\0\0\1z")
    assert got.status == 200 and got.field("grpc-status") == "12" and got.body == b""
    assert got.field("grpc-message") == "no"


@pytest.mark.parametrize("method, status, length", [
    ("HEAD", "200", "11"), ("HEAD", "200", None), ("GET", "204", None), ("GET", "304", "11"),
    ("GET", "304", None), ("GET", "200", "0")])
@pytest.mark.parametrize("end_by", ["headers", "data"])
def test_answers_without_a_body(start, h2, method, status, length, end_by):
    server = h2()

    def reply(peer, stream):
        fields = ((":status", status),) + ((("content-length", length),) if length else ())
        peer.headers(stream, fields, end=end_by == "headers")
        if end_by == "data":
            peer.data(stream, end=True)
    server.reply = reply
    client = start(backend(server)).client()
    for _ in range(2):
        response = client.ask(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n", method)
        assert response.status == int(status) and response.body == b""
        assert response.one("Content-Length") == (length.encode() if length else None)
    peer = server.peers[0]
    assert not [f for f in peer.frames if f.kind == h2wire.RST], "no stream was cancelled"


def test_h67_interim_answers_pass(start, h2):
    server = h2()

    def reply(peer, stream):
        peer.headers(stream, ((":status", "103"), ("link", "</a>")), end=False)
        peer.headers(stream, ((":status", "102"),), end=False)
        peer.reply(stream, b"done")
    server.reply = reply
    client = start(backend(server)).client()
    response = client.ask(GET)
    assert response.status == 200 and response.body == b"done"
    assert [i.status for i in response.interim] == [103, 102]
    assert response.interim[0].one("Link") == b"</a>"


def test_h124_push_is_forbidden_and_an_error(start, h2):
    server = h2()
    running = start(backend(server, more="retries = 0;"))
    client = running.client()
    assert client.ask(GET).status == 200
    assert server.peers[0].settings[2] == 0

    def reply(peer, stream):
        promise = peer.encoder.encode(h2wire.GET)
        peer.send(h2wire.PUSH, h2wire.END_HEADERS, stream, b"\0\0\0\2" + promise)
        peer.reply(stream, b"x")
    server.reply = reply
    assert client.ask(GET).status == 502
    running.wait_log(r" 502 .* RES_H2_CONNECTION \(PUSH_PROMISE")
    wire.wait_for(lambda: server.peers[0].goaway, "GOAWAY")
    assert server.peers[0].goaway[0].code == h2wire.PROTOCOL_ERROR


# ---- what was not looked at (122) ----

@pytest.mark.parametrize("ask", [GET, post()], ids=["GET", "POST"])
def test_h122_a_refused_stream_goes_elsewhere(start, h2, ask):
    one, two = h2(name="one"), h2(name="two")
    one.reply = two.reply = None

    def first_refuses(peer, stream):
        if len(one.streams) + len(two.streams) == 1:
            refuse(peer, stream)
        else:
            peer.reply(stream, peer.origin.name.encode())
    one.reply = two.reply = first_refuses
    running = start(backend(one, two, more="retry_budget = 0;"))
    response = running.client().ask(ask)
    assert response.status == 200
    assert (len(one.streams), len(two.streams)) == (1, 1)


def test_h122_and_does_not_cost_the_retry_budget(start, h2):
    """Ten retries in ten seconds are always allowed; these are many more."""
    one = h2()
    seen = set()

    def reply(peer, stream):
        path = peer.fields(stream)[":path"]
        if path in seen:
            peer.reply(stream, b"second")
        else:
            seen.add(path)
            refuse(peer, stream)
    one.reply = reply
    running = start(backend(one, more="retry_budget = 0;"))
    client = running.client()
    for at in range(40):
        assert client.ask(post(path=f"/{at}")).body == b"second"
    assert running.server("main", "main1")["requests_total"] == 80


def test_h122_streams_above_the_last_id_of_goaway_go_elsewhere(start, h2):
    server = h2()
    held = []

    def reply(peer, stream):
        if len(server.peers) > 1:
            peer.reply(stream, b"new")
            return
        held.append(stream)
        if len(held) == 3:
            peer.send(GOAWAY, 0, 0, struct.pack(">II", held[0], 0))
            peer.reply(held[0], b"old")
    server.reply = reply
    running = start(backend(server))
    clients = [running.client() for _ in range(3)]
    for client in clients:
        client.send(post())
        wire.wait_for(lambda: len(server.streams) >= clients.index(client) + 1, "the request")
    assert sorted(c.read_response().body for c in clients) == [b"new", b"new", b"old"]
    assert len(server.peers) == 2


def test_h122_a_server_that_takes_no_stream_at_all_is_503(start, h2):
    server = h2()
    server.reply = refuse
    running = start(backend(server, more="retries = 2;"))
    client = running.client()
    assert client.ask(post()).status == 503
    assert len(server.streams) == 3
    assert "SERVER_REFUSED" in log_of(running, client)


def test_h144_a_stream_that_was_reset_otherwise_is_not_sent_again(start, h2):
    server = h2()
    server.reply = lambda peer, stream: peer.rst(stream, h2wire.INTERNAL_ERROR)
    running = start(backend(server))
    client = running.client()
    assert client.ask(post()).status == 502
    assert len(server.streams) == 1
    assert "SERVER_STREAM (INTERNAL_ERROR)" in log_of(running, client)
    server.reply = lambda peer, stream: peer.reply(stream, b"good")
    assert client.ask(GET).status == 200
    assert len(server.peers) == 1, "its connection lives on"


def test_h123_no_error_behind_a_complete_answer(start, h2):
    server = h2()

    def head(peer, stream):
        peer.reply(stream, b"enough")
        peer.rst(stream, h2wire.NO_ERROR)
    server.head, server.reply = head, lambda peer, stream: None
    running = start(backend(server))
    client = running.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin")
    response = client.read_response()
    assert response.status == 200 and response.body == b"enough"


# ---- malformed (101, 102, 103, 107, 111) ----

def say(*fields, body=None, end=True, then=None):
    def reply(peer, stream):
        with peer.at_once():
            peer.headers(stream, fields, end=end and body is None and then is None)
            if body is not None:
                peer.data(stream, body, end=then is None)
        if then is not None:
            then(peer, stream)
    return reply


STATUS, FIELD = "RES_H2_STATUS", "RES_H2_FIELD"
BODY, TRAILER = "RES_H2_BODY", "RES_H2_TRAILER"
S = (":status", "200")


@pytest.mark.parametrize("reply, words", [
    (say(("x-a", "1")), STATUS),
    (say(S, S), STATUS),
    (say((":status", "99")), STATUS),
    (say((":status", "+20")), STATUS),
    (say((":status", "600")), STATUS),
    (say(("x-a", "1"), S), STATUS),
    (say(S, (":path", "/")), STATUS),
    (say((":status", "101")), "RES_SWITCH"),
    (say((":status", "100")), BODY),
    (say(S, ("X-Upper", "1")), FIELD),
    (say(S, ("x a", "1")), FIELD),
    (say(S, ("x-a", "1\r\nx-b: 2")), FIELD),
    (say(S, ("x-a", "1\0")), FIELD),
    (say(S, ("x-a", " 1")), FIELD),
    (say(S, ("connection", "close")), FIELD),
    (say(S, ("transfer-encoding", "chunked")), FIELD),
    (say(S, ("keep-alive", "timeout=3")), FIELD),
    (say(S, ("upgrade", "websocket")), FIELD),
    (say(S, ("content-length", "3")), BODY),
    (say(S, ("content-length", "3"), body=b"ab"), BODY),
    (say(S, ("content-length", "3"), body=b"abcd"), BODY),
    (say(S, ("content-length", "x"), body=b"abcd"), "RES_LENGTH"),
    (say(S, ("content-length", "3"), ("content-length", "4"), body=b"abcd"),
     "RES_LENGTH"),
    (say((":status", "204"), body=b"x"), BODY),
    (say((":status", "304"), body=b"x"), BODY),
    (say(*[S] + [(f"x-{n}", "1") for n in range(300)]), "RES_TOO_MANY_FIELDS"),
    (say(*[S] + [("x-a", "1" * 3900)] * 9), "RES_HEAD_TOO_LARGE"),
])
def test_malformed_answers_are_502(start, h2, reply, words):
    server = h2()
    server.reply = reply
    running = start(backend(server))
    client = running.client()
    response = client.ask(GET)
    assert response.status == 502
    assert f" {words} " in log_of(running, client)
    server.reply = lambda peer, stream: peer.reply(stream, b"good")
    assert running.client().ask(GET).body == b"good"
    assert len(server.peers) == 1, "only the stream was ended"
    assert [f.code for f in server.peers[0].frames if f.kind == h2wire.RST] == \
        [h2wire.PROTOCOL_ERROR]


@pytest.mark.parametrize("then, words", [
    (lambda peer, stream: peer.headers(stream, (("x-t", "1"),), end=False), TRAILER),
    (lambda peer, stream: peer.headers(stream, ((":status", "200"),)), STATUS),
    (lambda peer, stream: peer.headers(stream, (("X-T", "1"),)), FIELD),
    (lambda peer, stream: peer.rst(stream, h2wire.INTERNAL_ERROR), "SERVER_CUT"),
    (lambda peer, stream: peer.rst(stream, h2wire.NO_ERROR), "SERVER_CUT"),
])
def test_h73_a_fault_behind_the_first_data_is_seen_as_a_cut(start, h2, then, words):
    server = h2()
    go = threading.Event()

    def later(peer, stream):
        assert go.wait(wire.PATIENCE)
        then(peer, stream)
    server.reply = say(S, body=b"first", then=later)
    running = start(backend(server))
    client = running.client()
    client.send(GET)
    client.read_until(b"first\r\n")
    go.set()
    assert b"0\r\n\r\n" not in client.read_to_end()
    assert f" {words} " in log_of(running, client)


def test_an_answer_is_whole_when_its_stream_has_ended(start, h2):
    """All of its length is there, but not END_STREAM: what comes then is more than it."""
    server = h2()
    go = threading.Event()

    def then(peer, stream):
        assert go.wait(wire.PATIENCE)
        peer.data(stream, b"more", end=True)
    server.reply = say(S, ("content-length", "4"), body=b"four", then=then)
    running = start(backend(server))
    client = running.client()
    client.send(GET)
    client.read_until(b"fou")
    go.set()
    assert client.read_to_end() == b""
    assert BODY in log_of(running, client)


# ---- what is wrong with the connection ends all of its streams ----

def many(count, do):
    def reply(peer, stream):
        with peer.at_once():
            for at in range(count):
                do(peer, stream, at)
    return reply


def unknown(peer, _stream, _at):
    peer.send(77, 0, 0, b"x")


CONNECTION = "RES_H2_CONNECTION"
FLOOD = "RES_H2_FLOOD"


@pytest.mark.parametrize("reply, words", [
    (lambda peer, stream: peer.data(stream, b"x", end=True), CONNECTION),
    (lambda peer, stream: peer.send(h2wire.HEADERS, h2wire.END_HEADERS, stream, b"\xff" * 20),
     CONNECTION),
    (lambda peer, stream: peer.send(h2wire.HEADERS, h2wire.END_HEADERS, 0, b"\x88"), CONNECTION),
    (lambda peer, stream: peer.send(h2wire.DATA, 0, stream, b"x" * 20000), CONNECTION),
    (lambda peer, stream: peer.window(0, 0x7fffffff), CONNECTION),
    (lambda peer, stream: peer.stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), CONNECTION),
    (many(300, lambda peer, stream, at: peer.ping()), FLOOD),
    (many(200, lambda peer, stream, at: peer.settings_send()), FLOOD),
    (many(9000, lambda peer, stream, at: peer.window(0, 1)), FLOOD),
    (many(2000, lambda peer, stream, at: peer.send(h2wire.PRIORITY, 0, 99, b"\0\0\0\0\1")), FLOOD),
    (many(500, unknown), FLOOD),
    (many(500, lambda peer, stream, at: peer.headers(stream, OK, end=False) if at == 0
          else peer.data(stream)), FLOOD),
    (many(20, lambda peer, stream, at: peer.headers(stream, OK, end=False, flags=0) if at == 0
          else peer.send(h2wire.CONTINUATION, 0, stream, b"")), FLOOD),
], ids=range(13))
def test_h117_h120_a_broken_connection_is_ended(start, h2, reply, words):
    server = h2()
    server.reply = reply
    running = start(backend(server, more="retries = 0;"))
    client = running.client()
    client.send(GET)
    try:
        assert client.read_response().status == 502
    except wire.Closed:
        pass  # the head had come
    assert words in log_of(running, client)
    running.wait_log("server main/main1: its HTTP/2 connection was ended")
    wire.wait_for(lambda: server.peers[0].closed or server.connections[0].closed.is_set(),
                  "the end of the connection")
    server.reply = lambda peer, stream: peer.reply(stream, b"good")
    assert running.client().ask(GET).body == b"good"


# ---- WebSocket (138) ----

CONNECT_PROTOCOL = 8


def echo_websocket(peer, stream):
    assert peer.fields(stream)[":protocol"] == "websocket"
    peer.headers(stream, OK + (("sec-websocket-protocol", "chat"),), end=False)


def test_h138_a_websocket_by_extended_connect(start, h2):
    server = h2(settings=((CONNECT_PROTOCOL, 1),))
    server.head = echo_websocket
    server.reply = lambda peer, stream: peer.data(stream, b"bye", end=True)
    running = start(backend(server))
    client = running.client()
    client.send(websocket.handshake())
    response = client.read_response_head()
    assert response.status == 101
    assert response.one("Sec-WebSocket-Accept") == websocket.accept_of(websocket.KEY)
    assert response.one("Sec-WebSocket-Protocol") == b"chat"
    (peer, stream), = server.expect_streams(1)
    asked = peer.fields(stream)
    assert asked[":method"] == "CONNECT" and asked[":scheme"] == "http"
    assert asked["sec-websocket-version"] == "13"
    assert not set(asked) & {"sec-websocket-key", "upgrade", "connection"}
    client.send(b"to the server")
    wire.wait_for(lambda: peer.request(stream).body == b"to the server", "the words")
    peer.data(stream, b"to the client")
    assert client.read_exactly(13) == b"to the client"
    client.half_close()
    assert client.read_to_end() == b"bye"


def test_h138_from_http2_to_http2(start, h2):
    server = h2(settings=((CONNECT_PROTOCOL, 1),))
    server.head = echo_websocket
    server.reply = lambda peer, stream: peer.data(stream, b"bye", end=True)
    address = ("127.0.0.1", wire.free_port())
    start(backend(server), frontend=beside(address))
    client = h2wire.Client(address).handshake()
    client.headers(1, ((":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                       (":path", "/chat"), (":authority", "a"), ("sec-websocket-version", "13")),
                   end=False)
    client.data(1, b"words", end=True)
    got = client.answer(1)
    assert got.status == 200 and got.body == b"bye"
    peer, stream = server.expect_streams(1)[0]
    assert peer.fields(stream)[":path"] == "/chat"
    wire.wait_for(lambda: peer.request(stream).body == b"words", "the words")


def test_h138_without_8441_and_without_tls_it_is_502(start, h2):
    server = h2()
    running = start(backend(server))
    client = running.client()
    client.send(websocket.handshake())
    assert client.read_response().status == 502
    assert "SERVER_NO_WEBSOCKET" in log_of(running, client)
    assert not server.streams
    assert running.client().ask(GET).status == 200
    assert len(server.peers) == 1


def test_h138_more_of_them_wait_for_settings_than_these_allow(start, h2):
    """None waits for the end of another one's stream."""
    server = h2(settings=((CONNECT_PROTOCOL, 1), (h2wire.MAX_STREAMS, 1)))
    server.head = lambda peer, stream: peer.headers(stream, OK, end=False)
    running = start(backend(server, more="retries = 1;"))
    clients = [running.client() for _ in range(4)]
    for client in clients:
        client.send(websocket.handshake())
    assert [c.read_response_head().status for c in clients] == [101] * 4
    assert len(server.peers) == 4


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("app.test")
    return authority


def context(ca, *protocols):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(ca.path("app.test.pem"))
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def over_tls(ca, *origins, more=""):
    return backend(*origins, more=more,
                   server_more=f'tls: {{ ca = "{ca.ca}"; sni = "app.test"; }}; check = false;')


def test_h138_without_8441_a_websocket_goes_by_http11_over_tls(start, h2, ca):
    server = h2(context=context(ca, "h2", "http/1.1"))
    server.answer = websocket.switch
    running = start(over_tls(ca, server))
    client = running.client()
    assert client.ask(GET).status == 200
    client.send(websocket.handshake())
    assert client.read_response_head().status == 101
    assert len(server.streams) == 1 and len(server.requests) == 1
    assert running.client().ask(GET).status == 200
    assert len(server.streams) == 2, "others go on by HTTP/2"


# ---- TLS and ALPN ----

def test_h2_is_agreed_on_by_alpn(start, h2, ca):
    server = h2(context=context(ca, "h2", "http/1.1"))
    running = start(over_tls(ca, server))
    client = running.client()
    for _ in range(3):
        assert client.ask(GET).body == b"origin"
    assert server.asked()[":scheme"] == "https"
    assert len(server.peers) == 1 and not server.requests
    assert running.json("servers")["servers"][0]["http2_connections"] == 1


@pytest.mark.parametrize("protocols", [("http/1.1",), ()], ids=["http/1.1", "none"])
def test_and_http11_is_spoken_where_it_is_not(start, h2, ca, protocols):
    server = h2(context=context(ca, *protocols))
    running = start(over_tls(ca, server))
    client = running.client()
    for _ in range(3):
        assert client.ask(GET).body == b"origin"
    assert len(server.requests) == 3 and not server.peers
    assert len(server.connections) == 1, "its connection is kept, too"
    assert running.json("servers")["servers"][0]["http2_connections"] == 0


def test_who_waited_for_a_stream_gets_a_connection_of_http11(start, h2, ca):
    """Many come while the first connection finds out."""
    server = h2(context=context(ca))
    server.answer = lambda request, connection: wire.answer(request.target.encode())
    running = start(over_tls(ca, server))
    clients = [running.client() for _ in range(8)]
    for at, client in enumerate(clients):
        client.send(f"GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n")
    for at, client in enumerate(clients):
        assert client.read_response().body == f"/{at}".encode()


def test_http_1_1_required_is_obeyed(start, h2, ca):
    server = h2(context=context(ca, "h2", "http/1.1"))
    server.reply = lambda peer, stream: peer.rst(stream, 13)
    running = start(over_tls(ca, server, more="retry_budget = 0;"))
    assert running.client().ask(post()).body == b"origin"
    assert len(server.streams) == 1 and len(server.requests) == 1


def test_h95_ntlm_goes_by_http11(start, h2, ca):
    server = h2(context=context(ca, "h2", "http/1.1"))
    running = start(over_tls(ca, server))
    client = running.client()
    assert client.ask(GET).status == 200
    assert client.ask("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM abc\r\n\r\n").status == 200
    assert client.ask(GET).status == 200
    assert len(server.streams) == 1 and len(server.requests) == 2
    assert server.requests[0].connection is server.requests[1].connection
    assert running.client().ask(GET).status == 200
    assert len(server.streams) == 2


# ---- sharing ----

def held(server):
    """Requests are kept, until release() answers them all."""
    kept = []
    server.reply = lambda peer, stream: kept.append((peer, stream))

    def release(count):
        wire.wait_for(lambda: len(kept) >= count, f"{count} requests")
        for peer, stream in kept:
            peer.reply(stream, peer.fields(stream)[":path"].encode())
    return kept, release


def numbered(running, count):
    clients = [running.client() for _ in range(count)]
    for at, client in enumerate(clients):
        client.send(f"GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n")
    return clients


def test_many_share_a_connection(start, h2):
    server = h2()
    kept, release = held(server)
    running = start(backend(server))
    clients = numbered(running, 20)
    wire.wait_for(lambda: len(kept) == 20, "20 requests")
    assert running.server("main", "main1")["active"] == 20, "each counts as one connection"
    release(20)
    assert [c.read_response().body for c in clients] == [f"/{at}".encode() for at in range(20)]
    assert len(server.peers) == 1


def test_as_far_as_the_server_allows(start, h2):
    server = h2(settings=((h2wire.MAX_STREAMS, 3),))
    kept, release = held(server)
    running = start(backend(server))
    first = running.client()
    first.send(GET)
    wire.wait_for(lambda: len(kept) == 1 and server.peers[0].acked, "the first, and SETTINGS")
    release(1)
    assert first.read_response().status == 200
    del kept[:]
    clients = numbered(running, 8)
    release(8)
    assert [c.read_response().body for c in clients] == [f"/{at}".encode() for at in range(8)]
    assert len(server.peers) == 3
    by_peer = [sum(peer is p for p, _ in kept) for peer in server.peers]
    assert max(by_peer) <= 3, by_peer


def test_a_first_burst_is_more_than_the_server_allows(start, h2):
    """What it refuses is spread by what it has said, and not by what was guessed before."""
    server = h2(settings=((h2wire.MAX_STREAMS, 1),))
    kept, release = held(server)
    first = server.reply
    server.reply = lambda peer, stream: (
        refuse(peer, stream) if any(peer is p for p, _ in kept) else first(peer, stream))
    running = start(backend(server, more="retries = 1;"))
    clients = numbered(running, 8)
    wire.wait_for(lambda: len(server.peers) == 8, "a connection for each")
    release(8)
    assert [c.read_response().body for c in clients] == [f"/{at}".encode() for at in range(8)]


def test_max_connections_counts_streams(start, h2):
    server = h2()
    kept, release = held(server)
    running = start(backend(server, server_more="max_connections = 2;"))
    clients = numbered(running, 3)
    wire.wait_for(lambda: running.json("servers")["servers"][0]["current"] == 2 and len(kept) == 2,
                  "two requests")
    server.reply = lambda peer, stream: peer.reply(stream, b"third")
    release(2)
    assert sorted(c.read_response().body for c in clients)[-1] == b"third"


def test_h114_a_stalled_client_stops_its_own_stream_only(start, h2):
    """The server may send what the stream's window lets it, and no more; others go on."""
    server = h2()
    sent = {}

    def reply(peer, stream):
        if peer.fields(stream)[":path"] != "/big":
            peer.reply(stream, b"small")
            return
        peer.headers(stream, OK, end=False)
        for _ in range(4):
            peer.data(stream, b"x" * 16000)
        sent[stream] = 64000
    server.reply = reply
    running = start(backend(server))
    stalled = running.client(rcvbuf=4096)
    stalled.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
    wire.wait_for(lambda: sent, "the first window")
    peer, stream = server.expect_streams(1)[0]

    def given():
        return sum(struct.unpack(">I", f.payload)[0] for f in peer.frames
                   if f.kind == h2wire.WINDOW and f.stream == stream)

    def fill():
        """All that the window allows, until it is not opened any more."""
        room = 65535 + given() - sent[stream]
        if room > 0:
            size = min(room, 16000)
            sent[stream] += size
            peer.data(stream, b"x" * size)
        return room <= 0
    other, looks = running.client(), 0
    while looks < 5:
        looks = looks + 1 if fill() else 0
        assert other.ask(GET).body == b"small"
    assert len(server.peers) == 1
    total = sent[stream]
    peer_end = threading.Event()

    def drain():
        stalled.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        got = stalled.read_until(b"\r\n\r\n")
        assert b"200" in got
        data, _, _ = stalled.read_chunked()
        assert len(data) == sent[stream] + 3
        peer_end.set()
    reader = threading.Thread(target=drain)
    reader.start()
    wire.wait_for(lambda: 65535 + given() - total > 16000, "the window to open again")
    peer.data(stream, b"end", end=True)
    reader.join(4 * wire.PATIENCE)
    assert peer_end.is_set()


def test_a_server_that_opens_no_window_stops_the_upload_only(start, h2):
    server = h2()
    server.manual = True
    server.reply = lambda peer, stream: peer.reply(stream, b"%d" % len(peer.request(stream).body))
    running = start(backend(server))
    client = running.client()
    body = b"x" * 200000
    sender = threading.Thread(target=client.send, args=(post(body),))
    sender.start()
    wire.wait_for(lambda: server.streams and
                  len(server.streams[0][0].request(server.streams[0][1]).body) == 65535,
                  "a full window")
    assert running.client().ask(GET).body == b"0"
    peer, stream = server.streams[0]
    peer.window(0, 200000)
    peer.window(stream, 200000)
    sender.join()
    assert client.read_response().body == b"200000"


# ---- the life of a connection ----

def test_an_idle_connection_is_closed_in_order(start, h2):
    server = h2()
    running = start(backend(server, more='timeouts: { upstream_idle = "300ms"; };'))
    assert running.client().ask(GET).status == 200
    assert server.connections[0].closed.wait(wire.PATIENCE)
    assert server.peers[0].goaway[0].code == h2wire.NO_ERROR


def test_h92_a_post_goes_on_a_connection_however_long_it_was_idle(start, h2):
    """A server says what it has not looked at. One that has closed is not asked."""
    server = h2()
    running = start(backend(server))
    client = running.client()
    assert client.ask(post()).status == 200
    time.sleep(1.2)
    assert client.ask(post()).status == 200
    assert len(server.peers) == 1
    server.peers[0].close()
    assert client.ask(post()).status == 200
    assert len(server.peers) == 2


def test_a_graceful_goaway_lets_streams_end_and_gets_no_new_ones(start, h2):
    server = h2()
    kept, release = held(server)
    running = start(backend(server))
    one = numbered(running, 1)[0]
    wire.wait_for(lambda: len(kept) == 1, "the request")
    peer = kept[0][0]
    peer.send(GOAWAY, 0, 0, struct.pack(">II", 0x7FFFFFFF, 0))
    peer.ping()
    wire.wait_for(lambda: any(f.kind == h2wire.PING for f in peer.frames), "PING ACK")
    server.reply = lambda peer, stream: peer.reply(stream, b"new")
    assert running.client().ask(post()).body == b"new"
    release(1)
    assert one.read_response().body == b"/0"
    wire.wait_for(lambda: server.connections[0].closed.is_set(), "the old connection to go")
    assert len(server.peers) == 2


def test_a_server_that_closes_under_a_request(start, h2):
    """A GET goes out again; a POST may have been done."""
    server = h2()
    running = start(backend(server))
    client = running.client()
    assert client.ask(GET).status == 200

    def first_closes(peer, stream):
        if len(server.peers) == 1:
            peer.close()
        else:
            peer.reply(stream, b"again")
    server.reply = first_closes
    assert client.ask(GET).body == b"again"
    server.reply = lambda peer, stream: peer.close()
    assert client.ask(post()).status == 502
    assert len(server.streams) == 4


def test_a_reset_in_one_go_with_frames_is_seen(start, h2):
    server = h2()
    running = start(backend(server, more="retries = 0;"))
    client = running.client()
    assert client.ask(GET).status == 200
    proxy = running.child("proxy")

    def reply(peer, _stream):
        daemon.freeze(proxy)
        peer.window(0, 1) # which asks for no answer
        peer.stream.reset()
        os.kill(proxy, signal.SIGCONT)
    server.reply = reply
    assert client.ask(post()).status == 502
    running.wait_log("POST .* SERVER_RESET")


def test_a_client_that_goes_cancels_its_stream_only(start, h2):
    server = h2()
    kept, release = held(server)
    running = start(backend(server), frontend="abort_on_close = true;")
    one, two = numbered(running, 2)
    wire.wait_for(lambda: len(kept) == 2, "two requests")
    peer, stream = kept[0] if kept[0][0].fields(kept[0][1])[":path"] == "/0" else kept[1]
    one.close()
    wire.wait_for(lambda: peer.request(stream).reset is not None, "RST_STREAM")
    assert peer.request(stream).reset == h2wire.CANCEL
    other = next(k for k in kept if k[1] != stream)
    other[0].reply(other[1], b"second")
    assert two.read_response().body == b"second"


def test_a_server_that_never_answers_is_504_and_gets_no_more_on_that_connection(start, h2):
    server = h2()
    running = start(backend(server, more='timeouts: { server = "1500ms"; };'))
    client = running.client()
    assert client.ask(GET).status == 200
    server.reply = lambda peer, stream: None
    assert client.ask(GET).status == 504
    server.reply = lambda peer, stream: peer.reply(stream, b"new")
    assert running.client().ask(GET).body == b"new"
    assert len(server.peers) == 2


def test_each_request_with_a_proxy_header_has_its_own_connection(start, h2):
    server = h2()
    running = start(backend(server, server_more="send_proxy = 1;"))
    headers = []
    original = server.connection_of

    def connection_of(sock):
        made = original(sock)
        serve_h2 = made.serve_h2

        def with_header():
            headers.append(made.read_until(b"\r\n"))
            serve_h2()
        made.serve_h2 = with_header
        return made
    server.connection_of = connection_of
    clients = [running.client() for _ in range(2)]
    for client in clients:
        assert client.ask(GET).status == 200
        assert client.ask(GET).status == 200
    ports = [int(h.split()[4]) for h in headers]
    assert ports == [c.sock.getsockname()[1] for c in clients for _ in range(2)]


def test_a_reload_keeps_connections_and_one_that_removes_the_server_ends_them(start, h2):
    server, other = h2(), h2(name="other")
    running = start(backend(server))
    client = running.client()
    assert client.ask(GET).status == 200
    running.ctl("reload")
    assert client.ask(GET).status == 200
    assert len(server.peers) == 1
    running.write_config(backends=backend(other))
    running.ctl("reload")
    assert client.ask(GET).body == b"other"
    assert server.connections[0].closed.wait(wire.PATIENCE)


def test_a_reload_to_http2_and_back(start, h2):
    server = h2()
    plain = wire.Origin(name="plain")
    running = start(daemon.backend("main", plain.address))
    client = running.client()
    assert client.ask(GET).body == b"plain"
    running.write_config(backends=backend(server))
    running.ctl("reload")
    assert client.ask(GET).body == b"origin"
    running.write_config(backends=daemon.backend("main", plain.address))
    running.ctl("reload")
    assert client.ask(GET).body == b"plain"
    plain.close()


# ---- checks ----

CHECK = ('check: { http = "GET /health"; expect = "200"; interval = "50ms"; timeout = "3s"; '
         'rise = 1; fall = 1; %s };')


def test_checks_speak_what_the_backend_speaks(start, h2):
    server = h2()
    server.reply = lambda peer, stream: peer.reply(
        stream, b"x", fields=((":status", server.status),))
    server.status = "200"
    running = start(backend(server, more=CHECK % ""))
    running.wait_server("main", "main1", "UP")
    assert server.asked()[":path"] == "/health"
    server.status = "503"
    running.wait_server("main", "main1", "DOWN")
    assert "503, expected 200" in running.ctl("servers").stdout
    server.status = "200"
    running.wait_server("main", "main1", "UP")
    assert running.client().ask(GET).status == 200
    first = server.connections[0]
    assert first.closed.wait(wire.PATIENCE) and first.peer.goaway[0].code == h2wire.NO_ERROR


@pytest.mark.parametrize("reply, words", [
    (say(S, ("X-Upper", "1")), "HTTP/2 response field that is malformed"),
    (lambda peer, stream: peer.rst(stream, h2wire.INTERNAL_ERROR), "INTERNAL_ERROR"),
    (lambda peer, stream: peer.stream.send(b"HTTP/1.1 400 Bad\r\n\r\n"), "HTTP/2 connection error"),
    # The end comes as a reset when there was more to read.
    (lambda peer, stream: peer.close(), "closed|reset"),
])
def test_and_say_what_was_wrong(start, h2, reply, words):
    server = h2()
    server.reply = reply
    running = start(backend(server, more=CHECK % ""))
    running.wait_server("main", "main1", "DOWN")
    assert re.search(words, running.server("main", "main1")["check"]["reason"])


@pytest.mark.parametrize("protocols", [("h2", "http/1.1"), ("http/1.1",)], ids=["h2", "http/1.1"])
def test_checks_over_tls(start, h2, ca, protocols):
    server = h2(context=context(ca, *protocols))
    running = start(over_tls(ca, server, more=CHECK % "").replace("check = false;", ""))
    running.wait_server("main", "main1", "UP")
    assert bool(server.requests) == (protocols == ("http/1.1",))
    assert bool(server.streams) == (protocols != ("http/1.1",))


def test_a_check_of_its_own_by_http11(start, h2):
    """Another port is another program's, and so is who says so."""
    server, health = h2(), wire.Origin(name="health")
    running = start(backend(server, more=CHECK % f"port = {health.address[1]};"))
    running.wait_server("main", "main1", "UP")
    running.write_config(backends=backend(
        server, more=CHECK % f"port = {health.address[1]}; http2 = true;"))
    running.ctl("reload", check=False)
    running.wait_server("main", "main1", "DOWN")
    health.close()


def test_checks_by_websocket(start, h2, ca):
    asks = ('check: { websocket = "GET /ws"; interval = "50ms"; timeout = "5s"; rise = 1; '
            'fall = 1; };')
    takes, not_by_h2, none = (h2(settings=((CONNECT_PROTOCOL, 1),)),
                              h2(context=context(ca, "h2", "http/1.1")), h2())
    takes.head = lambda peer, stream: peer.headers(stream, OK, end=False)
    takes.reply = lambda peer, stream: peer.data(stream, end=True)
    not_by_h2.answer = websocket.switch
    running = start(backend(takes, more=asks) + ", " + backend(none, more=asks, name="none") + ", "
                    + over_tls(ca, not_by_h2, more=asks).replace("check = false;", "")
                    .replace('"main', '"tls'))
    running.wait_server("main", "main1", "UP")
    running.wait_server("tls", "tls1", "UP")
    running.wait_server("none", "none1", "DOWN")
    assert "no WebSocket over HTTP/2" in running.server("none", "none1")["check"]["reason"]


# ---- drained, killed, and what else ends an exchange from outside ----

def test_kill_ends_requests_and_tunnels_and_leaves_the_connection(start, h2):
    server = h2(settings=((CONNECT_PROTOCOL, 1),))
    kept, release = held(server)
    running = start(backend(server))
    tunnel = running.client()
    server.head = lambda peer, stream: (
        peer.headers(stream, OK, end=False) if peer.fields(stream)[":method"] == "CONNECT"
        else None)
    tunnel.send(websocket.handshake())
    assert tunnel.read_response_head().status == 101
    asking = numbered(running, 1)[0]
    wire.wait_for(lambda: len(kept) == 1, "the request")
    assert running.ctl("kill", "--server", "main/main1").stdout == "ended 2 sessions\n"
    assert asking.read_response().status == 503
    tunnel.read_to_end()
    peer = server.peers[0]
    # The tunnel was told by a Close and ended; the request was cancelled.
    wire.wait_for(lambda: peer.request(kept[0][1]).reset == h2wire.CANCEL, "RST_STREAM")
    del kept[:]
    again = numbered(running, 1)[0]
    release(1)
    assert again.read_response().body == b"/0"
    assert len(server.peers) == 1


def test_a_drained_server_ends_what_it_has(start, h2):
    one, two = h2(name="one"), h2(name="two")
    kept, release = held(one)
    running = start(backend(one, two, more='balance = "first";').replace(
        'balance = "roundrobin";', "", 1))
    first = numbered(running, 1)[0]
    wire.wait_for(lambda: len(kept) == 1, "the request")
    running.ctl("drain", "main/main1")
    for _ in range(3):
        assert running.client().ask(GET).body == b"two"
    release(1)
    assert first.read_response().body == b"/0"
    running.ctl("maint", "main/main1")
    assert one.connections[0].closed.wait(wire.PATIENCE)


def test_a_client_that_waits_for_100_gets_it_from_the_server(start, h2):
    server = h2()
    server.head = lambda peer, stream: peer.headers(stream, ((":status", "100"),), end=False)
    server.reply = lambda peer, stream: peer.reply(stream, peer.request(stream).body)
    client = start(backend(server)).client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    response = client.ask("body")
    assert response.status == 200 and response.body == b"body"


def test_h73_a_connection_that_ends_in_the_middle_of_a_tunnel_is_a_reset(start, h2):
    server = h2(settings=((CONNECT_PROTOCOL, 1),))
    server.head = lambda peer, stream: peer.headers(stream, OK, end=False)
    running = start(backend(server))
    client = running.client()
    client.send(websocket.handshake())
    assert client.read_response_head().status == 101
    server.peers[0].close()
    client.read_to_end()
    assert "TUNNEL_SERVER_RESET" in log_of(running, client)


def test_workers_have_connections_of_their_own_and_all_is_counted(start, h2):
    server = h2()
    server.reply = lambda peer, stream: peer.reply(stream, peer.fields(stream)[":path"].encode())
    running = start(backend(server), threads=3)
    for _ in range(5):
        clients = numbered(running, 30)
        assert [c.read_response().body for c in clients] == [f"/{n}".encode() for n in range(30)]
        for client in clients:
            client.close()
    assert 1 <= len(server.peers) <= 3
    wire.wait_for(lambda: running.json("servers")["servers"][0]["current"] == 0, "all to be over")
    row = running.json("servers")["servers"][0]
    assert row["total"] == 150 and row["http2_connections"] == len(server.peers)
    assert 'hpcbal_server_http2_connections_total{backend="main",server="main1"} %d' % len(
        server.peers) in running.ctl("metrics").stdout
