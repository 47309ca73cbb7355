"""HTTP/2 to servers: who shares a connection, its windows, its life, and checks."""
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest

import daemon
import h2servers
import h2wire
import test_h128_h142_websocket as websocket
import wire
from h2origin import OK
from h2servers import (GET, CONNECT_PROTOCOL, S, backend, refuse, post, say, held, numbered,
                       context, over_tls)
from h2wire import GOAWAY

h2, ca = h2servers.h2, h2servers.ca


# ---- sharing ----

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
