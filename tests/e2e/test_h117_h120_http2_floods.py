"""HTTP.md 117 to 120: floods of HTTP/2 clients, and what is none though it looks like one."""
import struct
import threading
import time

import pytest

import h2rig
import h2wire
import wire
from h2rig import SOON, changed
from h2wire import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GET,
                    HEADERS, POST, PRIORITY, SETTINGS, WINDOW)

begin, plain, site = h2rig.begin, h2rig.plain, h2rig.site


def flood(begin, reason_word, counter, drive, frontend="", **parts):
    site = begin(frontend, **parts)
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


def test_h120_empty_data_behind_the_end_of_a_stream(begin):
    """The answer came early, and the stream was reset behind it: its frames cost as before."""
    def drive(client):
        client.headers(1, changed(":path", "/no", POST), end=False)
        assert client.answer(1).status == 403
        client.data(1, b"x")
        client.read_until(lambda: client.answers[1].reset is not None, "RST_STREAM")
        for _ in range(500):
            client.data(1)
    flood(begin, "DATA", 'hpcbal_http2_floods_total{kind="empty"}', drive,
          routes='{ when = "path /no"; deny = 403; }')


def test_h117_continuation(begin):
    def drive(client):
        client.headers(1, flags=0)
        for _ in range(20):
            client.send(CONTINUATION, 0, 1, b"\x00\x01x\x01y")
    flood(begin, "CONTINUATION", 'hpcbal_http2_floods_total{kind="continuation"}', drive)


def test_h118_a_block_that_is_none_is_told_once(site):
    """Its stream never became a request: the line of the connection is the only one. A request in
    front of it, which nobody has looked at yet, has the same reason."""
    client = site.client().handshake()
    packed = client.pack(HEADERS, END_HEADERS | END_STREAM, 1, client.encoder.encode(GET))
    client.stream.send(packed + client.pack(HEADERS, END_HEADERS | END_STREAM, 3, b"\x80"))
    client.expect_goaway(h2wire.COMPRESSION_ERROR)
    later = site.client()
    assert later.ask(1).status == 200
    site.daemon.wait_log(rf"^{later.name()} ")
    told = [line for line in site.daemon.log() if line.startswith(client.name() + " ")]
    assert len(told) == 2 and "CLIENT_ABORT" not in told[0], told
    assert " PR-- " in told[1] and " H2_CONNECTION " in told[1], told


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
