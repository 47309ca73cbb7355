"""HTTP/2 to servers: HTTP.md 138, WebSocket; what is agreed on by ALPN; and what ends an exchange
from outside."""
import pytest

import h2servers
import h2wire
import test_h128_h142_websocket as websocket
import wire
from h2origin import OK
from h2servers import (GET, CONNECT_PROTOCOL, backend, post, log_of, beside, held, numbered,
                       context, over_tls)

h2, ca = h2servers.h2, h2servers.ca


# ---- WebSocket (138) ----

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
