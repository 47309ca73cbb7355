"""HTTP.md 148: mode tcp. A connection is passed on to one server unread, with its ends."""
import hashlib
import os
import random
import re
import select
import signal
import threading
import time

import pytest

import daemon
import tcprig
import test_h128_h142_websocket as websocket
import wire
from tcprig import (TCP, GREETING, backend, pair, lines, line, place_is_free, was_reset,
                    has_error, fill_backlog)

server, tcp = tcprig.server, tcprig.tcp


# --- the data ---

def test_h148_both_speak_and_are_heard(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    client.send(b"\x00\xff not http \r\n\r\n")
    assert other.read_exactly(16) == b"\x00\xff not http \r\n\r\n"
    other.send(b"HTTP/1.1 700 whatever\r\n")
    assert client.read_until(b"\n") == b"HTTP/1.1 700 whatever\r\n"
    client.close()
    assert other.read_to_end() == b""


def test_h148_a_server_may_speak_first(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    client.send(b"HELO\r\n")
    assert other.read_until(b"\n") == b"HELO\r\n"
    client.close()


def test_h148_what_a_client_says_early_is_kept(tcp, server):
    """It comes before the server is connected, and more of it than one buffer holds."""
    one = server(backlog=0)
    fill = fill_backlog(one)
    running = tcp(one, timeouts='connect = "20s";')
    client = running.client()
    data = random.Random(1).randbytes(300000)
    sender = threading.Thread(target=client.sock.sendall, args=(data,))
    sender.start()
    for sock in fill:
        one.listener.accept()[0].close()
        sock.close()
    assert one.take().read_exactly(len(data), patience=30) == data
    sender.join()
    client.close()


def pour(stream, data):
    for at in range(0, len(data), 1 << 18):
        stream.sock.sendall(data[at:at + (1 << 18)])
    stream.half_close()


def swallow(stream, size, found):
    """Reads with pauses, so that it is waited for."""
    digest, got, number = hashlib.sha256(), 0, 0
    stream.sock.settimeout(60 * wire.SLOWDOWN)
    while True:
        piece = stream.sock.recv(1 << 16)
        if not piece:
            break
        digest.update(piece)
        got += len(piece)
        number += 1
        if number % 50 == 0:
            time.sleep(0.01)
    found.append((got == size, digest.hexdigest()))


def test_h148_both_pour_at_once(tcp, server):
    """Neither reads as fast as the other sends, and nothing is lost, doubled or mixed up."""
    one = server()
    running = tcp(one, timeouts='tunnel = "60s"; fin = "60s";')
    client, other = pair(running, one, rcvbuf=16384)
    size = 12 << 20
    data = [random.Random(n).randbytes(size) for n in (1, 2)]
    found = [[], []]
    threads = [threading.Thread(target=pour, args=(client, data[0])),
               threading.Thread(target=pour, args=(other, data[1])),
               threading.Thread(target=swallow, args=(client, size, found[1])),
               threading.Thread(target=swallow, args=(other, size, found[0]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for which in (0, 1):
        assert found[which] == [(True, hashlib.sha256(data[which]).hexdigest())]
    client.close()
    other.close()
    entry = running.wait_log(r" main/main1 \d+/\d+/\d+ ")
    assert f" {size} -- " in entry, entry


def test_h148_memory_is_bounded(tcp, server):
    """Who sends to one that does not read is made to wait."""
    one = server()
    running = tcp(one)
    pairs = [pair(running, one) for _ in range(8)]
    before = running.rss()
    for client, other in pairs:
        for stream in (client, other):
            stream.sock.setblocking(False)
            try:
                for _ in range(1000):
                    stream.sock.send(b"x" * (1 << 16))
            except BlockingIOError:
                continue
            raise AssertionError("64 MiB went to one that reads nothing")
    assert running.rss() - before < 8 << 20
    for client, other in pairs:
        client.close()
        other.close()


# --- the ends ---

def test_h148_a_clients_end_is_passed_and_answered(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    client.send(b"all I have")
    client.half_close()
    assert other.read_to_end() == b"all I have"
    other.send(b"and all I know")
    assert client.read_exactly(14) == b"and all I know"
    client.expect_open()
    other.close()
    assert client.read_to_end() == b""
    client.close()
    assert " -- " in running.wait_log("front main/main1")


def test_h148_a_servers_end_is_passed_and_answered(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    other.send(b"bye")
    other.half_close()
    assert client.read_to_end() == b"bye"
    client.send(b"not so fast")
    assert other.read_exactly(11) == b"not so fast"
    client.close()
    assert other.read_to_end() == b""
    assert " -- " in running.wait_log("front main/main1")


def test_h148_an_end_before_the_server_is_there(tcp, server):
    """Said and gone before the server accepts: it is told all the same."""
    one = server()
    running = tcp(one)
    client = running.client()
    client.send(b"message")
    client.half_close()
    other = one.take()
    assert other.read_to_end() == b"message"
    other.send(b"thanks")
    other.close()
    assert client.read_to_end() == b"thanks"
    client.close()


@pytest.mark.parametrize("said", [b"", b"some words"])
@pytest.mark.parametrize("who", ["client", "server"])
def test_h148_a_reset_is_a_reset(tcp, server, who, said):
    one = server()
    running = tcp(one, log_format="json")
    client, other = pair(running, one)
    sender, heard = (client, other) if who == "client" else (other, client)
    client.send(b"ping")
    assert other.read_exactly(4) == b"ping"
    other.send(b"pong")
    assert client.read_exactly(4) == b"pong"
    sender.send(said)
    if said:
        assert heard.read_exactly(len(said)) == said
    sender.reset()
    assert was_reset(heard)
    entry = line(running)
    assert entry["reason"] == f"TUNNEL_{who.upper()}_RESET", entry
    assert entry["termination"].startswith("CT" if who == "client" else "ST")


@pytest.mark.parametrize("who", ["client", "server"])
def test_h148_a_reset_after_an_end_is_a_reset(tcp, server, who):
    """Half of it has ended in order when the other half is cut."""
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    sender, heard = (client, other) if who == "client" else (other, client)
    heard.half_close()
    assert sender.read_to_end() == b""
    sender.send(b"more")
    assert heard.read_exactly(4) == b"more"
    sender.reset()
    assert was_reset(heard)
    heard.close()


@pytest.mark.parametrize("who", ["client", "server"])
def test_h148_a_reset_behind_ones_own_end_is_a_reset(tcp, server, who):
    one = server()
    running = tcp(one, log_format="json")
    client, other = pair(running, one)
    sender, heard = (client, other) if who == "client" else (other, client)
    sender.half_close()
    assert heard.read_to_end() == b""
    sender.reset()
    assert has_error(heard, wire.PATIENCE * 1000)
    assert line(running)["reason"] == f"TUNNEL_{who.upper()}_RESET"
    place_is_free(running)


@pytest.mark.parametrize("who", ["client", "both"])
def test_h148_a_reset_is_seen_though_nothing_is_taken(tcp, server, who):
    """The server does not read, so that nothing is read from the client either; or neither of
    them does, so that it is a write that is told of the reset."""
    one = server()
    running = tcp(one, log_format="json")
    client, other = pair(running, one)
    if who == "both":
        other.send_until_full()
    client.send_until_full()
    client.reset()
    assert line(running)["reason"] == "TUNNEL_CLIENT_RESET"
    with pytest.raises(ConnectionResetError):
        while other.sock.recv(1 << 20):
            pass


@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize("more", [False, True])
def test_h148_last_words_before_a_reset_are_heard(tcp, server, who, more):
    """One says its last words and closes although it was sent more than it read, which makes
    the kernel reset. A mail server does so to a client that does not wait for its turn. What
    that says meanwhile can be passed to nobody, and costs it nothing."""
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    sender, heard = (client, other) if who == "client" else (other, client)
    client.send(b"ping")
    assert other.read_exactly(4) == b"ping"
    heard.send(b"never read")
    assert wire.is_readable(sender.sock, wire.PATIENCE)
    proxy = running.child("proxy")
    daemon.freeze(proxy)
    try:
        if more:
            heard.send(b"more that nobody reads")
        sender.send(b"last words")
        sender.sock.close()
    finally:
        os.kill(proxy, signal.SIGCONT)
    assert heard.read_exactly(10) == b"last words"
    assert was_reset(heard)


@pytest.mark.parametrize("who", ["client", "server"])
def test_h148_a_reset_is_a_reset_in_a_websocket(start, server, who):
    one = server()
    running = start(daemon.backend("main", one.address))
    client = running.client()
    client.send(websocket.handshake())
    other = one.take()
    other.read_until(b"\r\n\r\n")
    other.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Accept: " + websocket.accept_of(websocket.KEY) + b"\r\n\r\n")
    assert client.read_response_head().status == 101
    (client if who == "client" else other).reset()
    assert was_reset(other if who == "client" else client)


def test_h148_a_silent_one_is_cut(tcp, server):
    one = server()
    running = tcp(one, timeouts='tunnel = "1500ms"; client = "100ms"; server = "100ms";',
                  log_format="json")
    client, other = pair(running, one)
    for _ in range(3):
        time.sleep(0.6)
        other.send(b".")
        client.read_exactly(1)
    assert was_reset(client) and was_reset(other)
    assert line(running)["reason"] == "TUNNEL_TIMEOUT"


def test_h148_one_that_never_ends_is_cut(tcp, server):
    """The end of the other side was passed to it: that stays an end."""
    one = server()
    running = tcp(one, timeouts='fin = "300ms";', log_format="json")
    client, other = pair(running, one)
    client.half_close()
    assert other.read_to_end() == b""
    assert was_reset(client)
    assert line(running)["reason"] == "TUNNEL_FIN_TIMEOUT"
    assert not has_error(other, 300)


# --- the choice of a server ---

def test_h148_nobody_to_serve_is_a_close(tcp, server):
    one = server()
    running = tcp(one, log_format="json",
                  more='check: { tcp = true; interval = "100ms"; timeout = "5s"; fall = 1; };')
    one.close()
    running.wait_server("main", "main1", "DOWN")
    client = running.client()
    client.expect_closed()
    entry = line(running)
    assert entry["reason"] == "NO_SERVER" and entry["termination"] == "SC--"
    assert entry["backend"] == "main" and entry["server"] is None
    client = running.client()
    try:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    except ConnectionError:
        pass
    assert client.read_to_end() == b""
    line(running, 2)
    assert len(lines(running)) == 2


def test_h148_a_refused_connection_is_tried_elsewhere(tcp, server):
    one, two = server(), server()
    running = tcp(one, two)
    one.listener.close()
    for _ in range(2):
        client, other = pair(running, two)
        other.send(GREETING)
        assert client.read_until(b"\n") == GREETING
        client.close()
        other.close()
    assert re.search(r"front main/main2 \d+/\d+/\d+ \d+ -- \d+/\d+/\d+/\d+/\+1 0/0 id=\w{32}$",
                     running.wait_log(r"/\+1 0/0"))


def test_h148_refused_by_all_is_a_close(tcp, server):
    one = server()
    running = tcp(one, log_format="json", timeouts='connect = "200ms";', more="retries = 1;")
    one.listener.close()
    client = running.client()
    client.expect_closed()
    entry = line(running)
    assert entry["reason"] == "CONNECT_REFUSED" and entry["retries"] == 1
    assert entry["server"] == "main1"


def test_h148_a_server_that_does_not_accept_is_given_up(tcp, server):
    one = server(backlog=0)
    fill = fill_backlog(one)
    running = tcp(one, log_format="json", timeouts='connect = "300ms";', more="retries = 0;")
    client = running.client()
    client.expect_closed()
    assert line(running)["reason"] == "CONNECT_TIMEOUT"
    for sock in fill:
        sock.close()


@pytest.mark.parametrize("said", [b"", b"early"])
def test_h148_a_client_that_goes_frees_its_place(tcp, server, said):
    one = server(backlog=0)
    fill = fill_backlog(one)
    running = tcp(one, log_format="json", timeouts='connect = "60s";')
    client = running.client()
    client.send(said)
    wire.wait_for(lambda: running.server("main", "main1")["active"] == 1, "a try to connect")
    client.reset()
    assert line(running)["reason"] == "CLIENT_ABORT_CONNECT"
    place_is_free(running)
    for sock in fill:
        sock.close()


def reach(running, servers):
    """A client, and the end of its connection at whichever server it came to."""
    client = running.client()
    poll = select.poll()
    for one in servers:
        poll.register(one.listener, select.POLLIN)
    ready = poll.poll(wire.PATIENCE * 1000)
    assert ready, "no server was connected"
    one = next(s for s in servers if s.listener.fileno() == ready[0][0])
    return client, one.take(), one


def test_h148_leastconn_counts_connections(tcp, server):
    servers = [server() for _ in range(3)]
    running = tcp(*servers, balance="leastconn")
    opened = [reach(running, servers) for _ in range(9)]
    assert [len(one.taken) for one in servers] == [3, 3, 3]
    for client, other, one in opened:
        if one is servers[1]:
            client.close()
            assert other.read_to_end() == b""
            other.close()
    wire.wait_for(lambda: running.server("main", "main2")["active"] == 0, "its places to be free")
    again = [reach(running, servers) for _ in range(3)]
    assert all(one is servers[1] for _, _, one in again)
    assert [running.server("main", f"main{n}")["active"] for n in (1, 2, 3)] == [3, 3, 3]
    for client, _, _ in opened + again:
        client.close()


def test_h148_routes_ask_for_addresses(start, server):
    main, other = server(), server()
    running = start(backend("main", main) + "," + backend("other", other), frontend=TCP,
                    acls='is_far = "src 127.0.0.16/28"; is_port = "dst_port 1-100 !is_far";',
                    routes='{ when = "is_far"; backend = "other"; }, '
                           '{ when = "is_port"; backend = "other"; }')
    pair(running, main)[0].close()
    pair(running, other, source="127.0.0.17")[0].close()
    pair(running, main, source="127.0.0.32")[0].close()


def test_h148_no_route_is_a_close(start, server):
    one = server()
    text = daemon.CONFIG.replace('default_backend = "main";', "")
    whole = {"threads": 1, "proxy": "", "timeouts": "", "top": "", "acls": "",
             "frontend": TCP, "log_format": "json",
             "routes": '{ when = "src 127.0.0.17"; backend = "main"; }'}
    running = start(config=text.format(folder="{folder}", listen="{listen}",
                                       backends=backend("main", one), **whole))
    running.client().expect_closed()
    assert line(running)["backend"] is None
    pair(running, one, source="127.0.0.17")[0].close()


def test_h148_http_checks_of_a_tcp_server(start, origin):
    one = origin()
    running = start(daemon.backend("main", one.address, more=TCP +
                                   'check: { http = "GET /health"; interval = "100ms"; '
                                   'timeout = "5s"; };'),
                    frontend=TCP)
    running.wait_server("main", "main1", "UP")
    one.answer = wire.answer(b"", 500)
    running.wait_server("main", "main1", "DOWN")
    assert {r.target for r in one.requests} == {"/health"}
    running.client().expect_closed()
