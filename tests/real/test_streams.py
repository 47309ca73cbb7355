"""Answers that come in pieces, late, or to somebody who does not read: events arrive when they
are sent, a stalled receiver stalls its sender, and nobody else."""
import hashlib
import http.client
import json

import blocks
import programs
import wire

# Receive and send buffers of the kernel on the way, which may all be full.
IN_FLIGHT = 32 << 20
SLOW = 8
EVENTS = 50
POLLERS = 6


def active(site):
    return site.daemon.server("flask", "flask1")["active"]


def read_event(stream):
    """Its lines; the chunks that carry it may be cut anywhere."""
    lines = []
    while True:
        line = stream.readline()
        assert line, f"the stream ended after {lines}"
        if line == b"\n":
            return lines
        lines.append(line.rstrip(b"\n"))


def test_each_event_arrives_before_the_next_is_made(site, request):
    """Flask makes the next event only after it was told, by another request, that the last
    one is there: one buffered event, and it waits for ever."""
    connection = http.client.HTTPConnection(*site.daemon.address, timeout=wire.PATIENCE)
    connection.request("GET", f"/flask/events/{request.node.name}/{EVENTS}",
                       headers={"Accept": "text/event-stream"})
    stream = connection.getresponse()
    assert stream.status == 200 and stream.getheader("Content-Type").startswith(
        "text/event-stream")
    for number in range(EVENTS):
        assert read_event(stream) == [b"id: %d" % number, b"data: event %d" % number]
        site.note(f"{request.node.name}.{number}")
    assert read_event(stream) == [b"event: end", b"data: all"]
    assert stream.read() == b""
    connection.close()


def test_client_that_leaves_ends_its_event_stream(site, request):
    """The server's connection is closed at once, so that its worker learns of it."""
    wire.wait_for(lambda: active(site) == 0, "all earlier requests to end")
    for number in range(2):
        client = site.client()
        client.send(f"GET /flask/events/{request.node.name}{number}/2 HTTP/1.1\r\n"
                    "Host: a\r\n\r\n")
        client.read_until(b"data: event 0")
        client.reset()
        wire.wait_for(lambda: active(site) == 0, "the request to be given up")
        for event in range(2):  # so that its worker writes on, and sees it
            site.note(f"{request.node.name}{number}.{event}")


def test_long_polls_are_answered_when_the_news_come(site, request):
    """All of them wait; none is answered before; then all are."""
    name = request.node.name
    polls = [programs.Later(programs.curl, site.url(f"/flask/poll/{name}?n={number}"))
             for number in range(POLLERS)]
    for number in range(POLLERS):
        wire.wait_for(lambda: site.flask.has_note(f"{name}.{number}.here"), "a poll to arrive",
                      programs.CLIENT_PATIENCE)
    assert all(poll.thread.is_alive() for poll in polls)
    site.note(name, "news")
    assert [poll.result() for poll in polls] == [b"news"] * POLLERS


def wait_until_still(read_counter, what):
    """The counter's value when it has stopped moving."""
    seen = []

    def is_still():
        seen.append(read_counter())
        return len(seen) > 40 and len(set(seen[-40:])) == 1
    wire.wait_for(is_still, what, 4 * wire.PATIENCE)
    return seen[-1]


def test_slow_readers_stall_their_server_and_nobody_else(site, request):
    """They took the head and read no more. Flask stands still as soon as what lies between is
    full, of which the proxy holds a buffer each."""
    name, size = request.node.name, 256 << 20
    memory = site.proxy_memory()
    readers = [site.client(rcvbuf=4096) for _ in range(SLOW)]
    for number, reader in enumerate(readers):
        reader.send(f"GET /flask/big/{size}?name={name}.{number} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.read_response_head().status == 200
    made = wait_until_still(lambda: sum(site.flask.progress(f"{name}.{number}")
                                        for number in range(SLOW)), "Flask to be stalled")
    assert made < SLOW * IN_FLIGHT, f"{made >> 20} MiB for nobody"
    for _ in range(100):
        answer = site.client().ask("GET /any?n=7 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.body == b"GET 7\n"
    grown = site.proxy_memory() - memory
    assert grown < SLOW * (256 << 10), f"{grown >> 10} KiB for {SLOW} slow readers"
    digest = hashlib.sha256()
    while chunk := int(readers[0].read_until(b"\r\n"), 16):
        digest.update(readers[0].read_exactly(chunk + 2)[:-2])
    assert digest.hexdigest() == blocks.checksum(size)
    for reader in readers:
        reader.reset()
    wire.wait_for(lambda: active(site) == 0, "the others to be given up")


def test_slow_server_stalls_its_uploader_and_nobody_else(site, request):
    """Flask reads nothing of the body until it is told."""
    name, size = request.node.name, 256 << 20
    memory = site.proxy_memory()
    client = site.client()
    client.send(f"PUT /flask/hash-later/{name} HTTP/1.1\r\nHost: a\r\n"
                f"Content-Length: {size}\r\n\r\n")
    wire.wait_for(lambda: site.flask.has_note(f"{name}.here"), "the request to arrive")
    upload = programs.Later(send_all, client, size)
    taken = wait_until_still(lambda: upload.progress, "the client to be stalled")
    assert upload.thread.is_alive() and taken < IN_FLIGHT, f"{taken >> 20} MiB were taken"
    answer = site.client().ask("GET /any?n=7 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.body == b"GET 7\n"
    grown = site.proxy_memory() - memory
    assert grown < 1 << 20, f"{grown >> 10} KiB for a slow server"
    site.note(name)
    upload.result()
    answer = client.read_response(patience=programs.CLIENT_PATIENCE)
    assert json.loads(answer.body)["sha256"] == blocks.checksum(size)


def send_all(client, size):
    this = programs.Later.current()
    for block in blocks.blocks(size):
        client.sock.settimeout(programs.CLIENT_PATIENCE)
        client.sock.sendall(block)
        this.progress += len(block)


def test_curl_at_a_limited_rate(site):
    """A client that reads all the time, but slowly."""
    size = 8 << 20
    got = programs.piped(["curl", "-sSf", "--limit-rate", "8M", site.url(f"/flask/big/{size}")],
                         ["sha256sum"])
    assert got.split()[0].decode() == blocks.checksum(size)
