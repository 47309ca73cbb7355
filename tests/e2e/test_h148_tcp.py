"""HTTP.md 148: mode tcp. A connection is passed on to one server unread, with its ends."""
import hashlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import daemon
import test_h128_h142_websocket as websocket
import test_h145_h147_proxy_protocol as proxied
import wire

TCP = 'mode = "tcp";'
GREETING = b"220 ready\r\n"


class Server:
    """A socket that listens. Accepted connections come from take()."""

    def __init__(self, backlog=128, host="127.0.0.1"):
        self.listener = socket.create_server((host, wire.free_port(host)), backlog=backlog)
        self.listener.settimeout(wire.PATIENCE)
        self.address = self.listener.getsockname()
        self.taken = []

    def take(self):
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.taken.append(wire.Stream(sock))
        return self.taken[-1]

    def close(self):
        self.listener.close()
        for one in self.taken:
            one.close()


@pytest.fixture
def server():
    made = []

    def make(**options):
        made.append(Server(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def backend(name, *servers, more="", **options):
    return daemon.backend(name, *[s.address for s in servers], more=TCP + more, **options)


@pytest.fixture
def tcp(start):
    """A daemon in mode tcp before these servers."""
    def run(*servers, frontend="", more="", server_more="", balance="roundrobin", **parts):
        return start(backend("main", *servers, more=more, server_more=server_more,
                             balance=balance),
                     frontend=TCP + frontend, **parts)
    return run


def pair(running, one, **options):
    """A client, and the server's end of its connection."""
    client = running.client(**options)
    return client, one.take()


def lines(running):
    return [json.loads(line) for line in running.log() if line.startswith("{")]


def line(running, number=1):
    return wire.wait_for(lambda: lines(running)[number - 1:], f"{number} access log lines")[0]


def place_is_free(running):
    """A connection gives its place back when its line is written already."""
    wire.wait_for(lambda: running.server("main", "main1")["active"] == 0, "its place to be free")


def was_reset(stream):
    """The next thing that comes is a reset, and no end."""
    poll = select.poll()
    poll.register(stream.sock, select.POLLIN)
    assert poll.poll(wire.PATIENCE * 1000), "nothing came"
    try:
        got = stream.sock.recv(65536)
    except ConnectionResetError:
        return True
    raise AssertionError(f"no reset but {got[:100]!r}")


def has_error(stream, ms):
    """For one that has read an end already: only an error is news to it."""
    poll = select.poll()
    poll.register(stream.sock, 0)
    return any(what & select.POLLERR for _, what in poll.poll(ms))


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


def fill_backlog(one):
    """Connections that fill the queue of a server that does not accept, so that a further one
    waits; returned in the order in which they can be accepted."""
    made = []
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(one.address)
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        if not poll.poll(300):
            sock.close()
            return made
        made.append(sock)


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


# --- what is written down ---

def test_h148_a_line_in_haproxys_form_of_tcp(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    other.send(b"12345")
    assert client.read_exactly(5) == b"12345"
    port = client.sock.getsockname()[1]
    other.close()
    client.close()
    assert re.search(
        r"127\.0\.0\.1:%d \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] front main/main1 "
        r"0/\d+/\d+ 5 -- 1/1/\d+/\d+/0 0/0 id=\w{32}$" % port,
        running.wait_log("front main/main1"))


def test_h148_a_line_in_json(tcp, server):
    one = server()
    running = tcp(one, log_format="json")
    client, other = pair(running, one)
    client.send(b"1234567")
    other.read_exactly(7)
    other.send(b"12345")
    client.read_exactly(5)
    port = client.sock.getsockname()[1]
    client.close()
    other.close()
    entry = line(running)
    assert entry["client"] == f"127.0.0.1:{port}"
    assert (entry["bytes_in"], entry["bytes_out"]) == (7, 5)
    assert entry["reason"] == "COMPLETE" and entry["server"] == "main1"
    assert entry["connect_ms"] is not None and entry["total_ms"] is not None
    for key in ("method", "target", "host", "status", "request_ms", "response_ms"):
        assert entry[key] is None, key


def test_h148_a_line_in_combined(tcp, server):
    one = server()
    running = tcp(one, log_format="combined")
    client, other = pair(running, one)
    other.send(b"12345")
    client.read_exactly(5)
    client.close()
    other.close()
    assert re.search(r'^127\.0\.0\.1 - - \[.*\] "-" - 5 "-" "-" "\w{32}"$', running.wait_log(r'^127'))


def test_h148_counts(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    front = running.json("status")["frontends"][0]
    assert (front["mode"], front["connections"], front["requests_total"]) == ("tcp", 1, 0)
    client.send(b"1234567")
    other.read_exactly(7)
    client.close()
    other.close()
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0, "its end")
    front = running.json("status")["frontends"][0]
    assert (front["connections"], front["requests_total"]) == (0, 1)
    metrics = running.ctl("metrics").stdout
    assert re.search(r'hpcbal_bytes_total\{frontend="front",direction="in"\} 7$', metrics, re.M)
    assert running.server("main", "main1")["requests_total"] == 1
    assert "tcp" in running.ctl("status").stdout


# --- reloads and stops ---

def test_h148_a_reload_leaves_connections_alone(tcp, server):
    one = server()
    running = tcp(one)
    pairs = [pair(running, one) for _ in range(20)]
    for number in range(3):
        running.write_config(timeouts=f'connect = "{number + 1}s";')
        running.ctl("reload")
        for client, other in pairs:
            client.send(b"ping")
            assert other.read_exactly(4) == b"ping"
            other.send(b"pong")
            assert client.read_exactly(4) == b"pong"
    fresh, far = pair(running, one)
    far.send(GREETING)
    assert fresh.read_until(b"\n") == GREETING
    for client, _ in pairs + [(fresh, far)]:
        client.close()


def test_h148_a_removed_servers_connections_have_their_time(tcp, server):
    one, two = server(), server()
    running = tcp(one, proxy='drain = "1500ms";', log_format="json")
    client, other = pair(running, one)
    running.write_config(backends=backend("main", two))
    begun = time.monotonic()
    running.ctl("reload")
    client.send(b"still here")
    assert other.read_exactly(10) == b"still here"
    assert was_reset(client) and was_reset(other)
    assert time.monotonic() - begun > 1.4
    assert line(running)["reason"] == "DRAIN_DEADLINE"
    pair(running, two)[0].close()


def test_h148_a_stop_waits_for_connections(tcp, server):
    one = server()
    running = tcp(one, proxy='grace = "20s";')
    client, other = pair(running, one)
    running.process.send_signal(signal.SIGTERM)
    running.wait_log("SIGTERM: stopping")
    for _ in range(3):
        time.sleep(0.1)
        client.send(b"ping")
        assert other.read_exactly(4) == b"ping"
    assert running.process.poll() is None
    client.close()
    other.read_to_end()
    other.close()
    assert running.process.wait(wire.PATIENCE) == 0
    running.stop()


def test_h148_a_stop_does_not_wait_for_ever(tcp, server):
    one = server()
    running = tcp(one, proxy='grace = "300ms";', log_format="json")
    client, other = pair(running, one)
    running.process.send_signal(signal.SIGTERM)
    assert was_reset(client) and was_reset(other)
    assert running.process.wait(wire.PATIENCE) == 0
    assert line(running)["reason"] == "STOPPING"
    running.stop()


def refused(address):
    with socket.socket() as sock:
        return sock.connect_ex(address) != 0


def test_h148_a_reload_may_change_what_is_spoken(start, server, origin):
    """A connection that waits for a request is none of the new mode's."""
    web, one = origin(), server()
    running = start(daemon.backend("main", web.address))
    idle = running.client()
    assert idle.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    running.write_config(frontend=TCP, backends=backend("main", one))
    running.ctl("reload")
    idle.expect_closed()
    client, other = pair(running, one)
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    running.write_config(frontend="", backends=daemon.backend("main", web.address))
    running.ctl("reload")
    client.send(b"HELO\r\n")
    assert other.read_until(b"\n") == b"HELO\r\n"
    client.close()
    other.close()
    assert running.client().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200


# --- with the PROXY protocol ---

def behind_proxy(start, *servers, server_more="", balance="roundrobin", **parts):
    return start(config=proxied.configuration(
        backend("main", *servers, server_more=server_more, balance=balance),
        frontend=TCP, **parts))


def proxied_client(running):
    return wire.Client(running.address, source=proxied.LISTED)


@pytest.mark.parametrize("header", proxied.HEADERS.values(), ids=proxied.HEADERS.keys())
@pytest.mark.parametrize("slices", [None, 1])
def test_h148_behind_a_proxy(start, server, header, slices):
    one = server()
    running = behind_proxy(start, one)
    client = proxied_client(running)
    client.send(header, slices=slices)
    other = one.take()
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    # Another header is payload, whole and unchanged.
    client.send(header + b"HELO\r\n")
    assert other.read_exactly(len(header) + 6) == header + b"HELO\r\n"
    client.close()
    assert other.read_to_end() == b""
    other.close()
    entry = line(running)
    assert entry["client"] == "192.0.2.7:5555"
    assert entry["bytes_in"] == len(header) + 6


@pytest.mark.parametrize("data,reason", [
    (b"HELO\r\n", "PROXY_MISSING"), (b"PROXY TCP4 x\r\n", "PROXY_LINE")])
def test_h148_no_header_no_server(start, server, data, reason):
    one = server()
    running = behind_proxy(start, one)
    client = proxied_client(running)
    client.send(data)
    client.expect_closed()
    assert line(running)["reason"] == reason
    assert not wire.is_readable(one.listener, 0.1)


def test_h148_the_announced_client_is_judged(start, server):
    one, two = server(), server()
    running = start(config=proxied.configuration(
        backend("main", one) + "," + backend("other", two), frontend=TCP,
        acls='is_far = "src 192.0.2.99"; is_port = "dst_port 9000";',
        routes='{ when = "is_far or is_port"; backend = "other"; }'))
    for header, chosen in ((proxied.v2(), one), (proxied.v2("192.0.2.99"), two),
                           (proxied.v2(ports=(1, 9000)), two)):
        client = proxied_client(running)
        client.send(header)
        chosen.take()
        client.close()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("speaks", ["server", "client"])
def test_h148_a_server_hears_of_the_client(tcp, server, version, speaks):
    """First of all, even of a client that says nothing."""
    one = server()
    running = tcp(one, server_more=f"send_proxy = {version};")
    client = running.client(source="127.0.0.9")
    wanted = proxied.says(version, client.sock.getsockname(), running.address)
    if speaks == "client":
        client.send(b"first")
    other = one.take()
    assert other.read_exactly(len(wanted)) == wanted
    if speaks == "client":
        assert other.read_exactly(5) == b"first"
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    client.send(b"more")
    assert other.read_exactly(4) == b"more"
    client.half_close()
    assert other.read_to_end() == b""
    client.close()


def test_h148_a_header_for_each_try(tcp, server):
    one, two = server(), server()
    running = tcp(one, two, server_more="send_proxy = 1;")
    one.listener.close()
    for _ in range(2):
        client, other = pair(running, two)
        wanted = proxied.says(1, client.sock.getsockname(), running.address)
        assert other.read_exactly(len(wanted)) == wanted
        client.half_close()
        assert other.read_to_end() == b""
        client.close()
        other.close()


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("said", [proxied.local(), b"PROXY UNKNOWN\r\n"], ids=["v2", "v1"])
def test_h148_checks_of_a_proxy_in_front_make_no_noise(start, server, said, end):
    one = server()
    running = behind_proxy(start, one)
    for _ in range(3):
        client = proxied_client(running)
        client.send(said)
        other = one.take()
        other.send(GREETING)
        assert client.read_until(b"\n") == GREETING
        getattr(client, end)()
        other.read_to_end()
        other.close()
    client = proxied_client(running)
    client.send(said + b"work")
    other = one.take()
    assert other.read_exactly(4) == b"work"
    client.close()
    other.close()
    entry = line(running)
    assert entry["client"].startswith(proxied.LISTED) and entry["bytes_in"] == 4
    assert len(lines(running)) == 1
    wire.wait_for(lambda: running.json("status")["frontends"][0]["requests_total"] == 4,
                  "all to be counted")


# --- real servers ---

def needs(*programs):
    for name in programs:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")


def listens(process, port, patience):
    def answers():
        assert process.poll() is None, "it ended at once"
        return not refused(("127.0.0.1", port))
    wire.wait_for(answers, f"a server to listen on {port}", patience)


@pytest.fixture
def redis(tmp_path):
    needs("redis-server")
    port = wire.free_port()
    with open(tmp_path / "redis.log", "wb") as log:
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(tmp_path)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        listens(process, port, 10 * wire.SLOWDOWN)
        yield ("127.0.0.1", port)
    finally:
        process.kill()
        process.wait()


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def redis_site(start, address, **options):
    return start(daemon.backend("main", address, more=TCP + 'check: { tcp = true; };'),
                 frontend=TCP, **options)


def test_h148_redis(start, redis):
    running = redis_site(start, redis)
    client = running.client()
    client.send(command("PING"))
    assert client.read_until(b"\n") == b"+PONG\r\n"
    big = random.Random(1).randbytes(8 << 20)
    client.send(command("SET", "big", big))
    assert client.read_until(b"\n", patience=30) == b"+OK\r\n"
    client.send(command("GET", "big"))
    assert client.read_until(b"\n") == b"$%d\r\n" % len(big)
    got = client.read_exactly(len(big) + 2, patience=30)
    assert hashlib.sha256(got[:-2]).digest() == hashlib.sha256(big).digest()
    # Ten thousand at once, answered in order.
    count = 10000
    sender = threading.Thread(target=client.sock.sendall,
                              args=(b"".join(command("ECHO", n) for n in range(count)),))
    sender.start()
    wanted = b"".join(b"$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(count))
    assert client.read_exactly(len(wanted), patience=30) == wanted
    sender.join()
    client.send(command("QUIT"))
    assert client.read_to_end() == b"+OK\r\n"
    client.close()


def test_h148_redis_publishes_to_subscribers(start, redis):
    running = redis_site(start, redis)
    heard = [running.client() for _ in range(10)]
    for client in heard:
        client.send(command("SUBSCRIBE", "news"))
        client.read_until(b":1\r\n")
    speaker = running.client()
    for number in range(50):
        speaker.send(command("PUBLISH", "news", f"item {number}"))
        assert speaker.read_until(b"\n") == b":10\r\n"
    for client in heard:
        for number in range(50):
            client.read_until(b"item %d\r\n" % number)
        client.close()
    speaker.close()


MARIADB_PATIENCE = 10.0


@pytest.fixture
def mariadb(tmp_path):
    """Only where it comes up quickly: it takes seconds, and one server that speaks first is as
    good as another."""
    needs("mariadbd", "mariadb-install-db", "mariadb")
    data, port = str(tmp_path / "data"), wire.free_port()
    end = time.monotonic() + MARIADB_PATIENCE
    common = ["--no-defaults", f"--datadir={data}"]
    if os.getuid() == 0:
        common.append("--user=root")
    try:
        subprocess.run(["mariadb-install-db", *common, "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=MARIADB_PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.skip(f"MariaDB did not come up within {MARIADB_PATIENCE:.0f} s")
    process = subprocess.Popen(
        ["mariadbd", *common, f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve",
         f"--socket={tmp_path}/my.sock", f"--pid-file={tmp_path}/my.pid",
         "--innodb-buffer-pool-size=16M"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        try:
            listens(process, port, max(end - time.monotonic(), 0.1))
        except AssertionError:
            if process.poll() is not None:
                raise
            pytest.skip(f"MariaDB did not come up within {MARIADB_PATIENCE:.0f} s")
        yield ("127.0.0.1", port)
    finally:
        process.kill()
        process.wait()


def test_h148_mariadb(start, mariadb):
    running = redis_site(start, mariadb)

    def query(text):
        return subprocess.run(
            ["mariadb", "--no-defaults", "-N", "-B", "--protocol=tcp", "-h", "127.0.0.1", "-u",
             "root", "-P", str(running.address[1]), "-e", text], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=True, timeout=60).stdout
    query("create database trial; create table trial.t (n int, s longblob); "
          "insert into trial.t values (1, repeat('x', 3000000)), (2, 'two')")
    assert query("select n, length(s) from trial.t order by n") == "1\t3000000\n2\t3\n"
    assert len(query("select s from trial.t where n = 1")) == 3000001
    assert " -- " in running.wait_log("front main/main1")
