"""HTTP/2 to servers: HTTP.md 122 to 124, 144, and what of 101 to 120 has a server's side: requests,
malformed answers, and connections that are broken."""
import struct
import threading

import pytest

import h2servers
import h2wire
import wire
from h2origin import OK
from h2servers import GET, S, backend, refuse, post, chunked, log_of, beside, say
from h2wire import GOAWAY

h2, ca = h2servers.h2, h2servers.ca


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

STATUS, FIELD = "RES_H2_STATUS", "RES_H2_FIELD"
BODY, TRAILER = "RES_H2_BODY", "RES_H2_TRAILER"


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
