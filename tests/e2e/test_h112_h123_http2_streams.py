"""HTTP.md 112, 114, 115, 121, 123: streams of HTTP/2 clients: their windows, that none holds up
another, and how they and their connection end."""
import os
import signal
import socket
import struct
import threading

import pytest

import daemon
import h2rig
import h2wire
import wire
from h2rig import SOON, changed, held
from h2wire import ACK, DATA, GOAWAY, NO_ERROR, PING, POST, REFUSED_STREAM, SETTINGS, WINDOW

begin, plain, site = h2rig.begin, h2rig.plain, h2rig.site


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
