"""Clients and servers that are slow: who makes progress is served, who does not is cut; and how
slow a body may be on average."""
import threading
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def big(size):
    """An origin's answer of so many bytes, as fast as it is taken."""
    def reply(_request, connection):
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        sent = 0
        while sent < size:
            connection.sock.sendall(b"x" * min(65536, size - sent))
            sent += min(65536, size - sent)
    return reply


# --- progress is what the peer takes, not what the kernel takes from us ---

def test_reader_that_is_slow_but_steady_is_served(start, origin):
    """The kernel holds megabytes for it and takes no more for seconds; all the while the client
    reads, so that its timeout has not come."""
    server, size = origin(), 6 << 20
    server.answer = big(size)
    running = start(daemon.backend("main", server.address), timeouts='client = "1500ms";')
    client = running.client()
    client.send(GET)
    client.read_response_head()
    got, begun = len(client.buf), time.monotonic()
    while time.monotonic() - begun < 4:
        time.sleep(0.1)
        got += len(client.sock.recv(20000))
    while got < size:
        data = client.sock.recv(1 << 20)
        assert data, f"cut after {got} of {size} bytes"
        got += len(data)
    client.close()
    assert running.wait_log(r' 200 \d+ - - ----')


def test_server_that_is_slow_but_steady_gets_its_upload(start, origin):
    """The same the other way round: its timeout is short, and its kernel is full for
    longer, while it goes on reading."""
    server, size, over = origin(), 6 << 20, threading.Event()
    server.read_bodies = False

    def sip(_request, connection):
        got, begun = len(connection.take(len(connection.buf))), time.monotonic()
        while got < size:
            slow = time.monotonic() - begun < 4
            data = connection.sock.recv(20000 if slow else 1 << 20)
            if not data:
                return None
            got += len(data)
            time.sleep(0.1 if slow else 0)
        over.set()
        return wire.answer(b"all of it")
    server.answer = sip
    running = start(daemon.backend("main", server.address), timeouts='server = "1500ms";')
    client = running.client()
    client.sock.settimeout(60)
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
    client.send(b"x" * size)
    assert client.read_response(patience=30 * wire.SLOWDOWN).body == b"all of it"
    assert over.is_set()
    client.close()


@pytest.mark.parametrize("who", ["client", "server"])
def test_who_takes_nothing_any_more_is_cut(start, origin, who):
    """After it read for a while; and within its time and a quarter, on an idle machine."""
    server = origin()
    server.read_bodies = False
    server.answer = big(64 << 20) if who == "client" else (
        lambda request, connection: time.sleep(30 * wire.SLOWDOWN))
    running = start(daemon.backend("main", server.address), timeouts=f'{who} = "1s";')
    client = running.client()
    if who == "client":
        client.send(GET)
        client.read_exactly(100000)
    else:
        client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {64 << 20}\r\n\r\n")
    letters = {"client": " cD-- ", "server": " sD-- "}[who]
    begun = time.monotonic()
    while not any(letters in line for line in running.log()):
        assert time.monotonic() - begun < 10 * wire.SLOWDOWN, running.words()
        if who == "client":
            time.sleep(0.02)
        else:
            push(client)
    client.close()


def push(client):
    """Sends as much as goes for the moment."""
    client.sock.settimeout(0.02)
    try:
        while True:
            client.sock.send(b"x" * 65536)
    except OSError:
        pass


# --- the average ---

def test_a_body_has_to_keep_an_average_rate(start, origin):
    """Nine clients at once, for the ten seconds that are free and some more. Chunks count by
    what is in them; the time of a server that does not read, or answers late, does not count;
    nor does a talk that server and client have."""
    server, over = origin(), threading.Event()
    fast = ("127.0.0.1", wire.free_port())
    server.read_bodies = False

    def reply(request, connection):
        if request.target == "/response":
            return big(8 << 20)(request, connection)
        if request.target == "/late-server":  # it says when the body may come
            over.wait(60 * wire.SLOWDOWN)
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.target == "/stalls":
            over.wait(60 * wire.SLOWDOWN)
        if request.target == "/talk":
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        if request.has("Transfer-Encoding"):
            connection.read_chunked()
        else:
            connection.read_exactly(int(request.one("Content-Length")), 60 * wire.SLOWDOWN)
        return wire.answer(request.target.encode())
    server.answer = reply
    running = start(daemon.backend("main", server.address), log_format="json",
                    timeouts='client = "30s"; server = "60s"; body_min_rate = "2000B";',
                    frontend="}, { name = \"fast\"; bind = ( \"%s:%d\" ); default_backend = "
                             "\"main\"; timeouts: { body_min_rate = \"100MiB\"; };" % fast)

    def upload(path, size=100000, fields="", to=running.address):
        client = wire.Client(to)
        client.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {size}\r\n\r\n")
        return client

    begun = time.monotonic()
    trickle, chunks = upload("/trickle"), running.client()
    chunks.send("POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    silent, good, bulk = upload("/silent"), upload("/good", 400000), upload("/bulk", 200001)
    patient = upload("/late-server", 5, "Expect: 100-continue\r\n")
    reader = wire.Client(fast, rcvbuf=4096)
    reader.send(GET.replace("/ ", "/response "))
    reader.read_exactly(200)
    bulk.send("b" * 200000)  # buys a hundred seconds
    talk, stalled = upload("/talk", 100), upload("/stalls", 16 << 20, to=fast)
    assert talk.read_response().body == b"hello"
    time.sleep(0.2)  # it is waited for, and then for its server
    stalled.sock.settimeout(60 * wire.SLOWDOWN)
    sender = threading.Thread(target=stalled.send, args=(b"s" * ((16 << 20) - 1),),
                              daemon=True)
    sender.start()
    ended, given = {}, 0
    seen = {"/trickle": trickle, "/chunks": chunks, "/silent": silent}
    while len(ended) < 3 and time.monotonic() - begun < 20 * wire.SLOWDOWN:
        due = int(5000 * (time.monotonic() - begun)) - given
        given += due
        for client, piece in ((trickle, "t" * 10), (chunks, "000000000000001\r\nc\r\n" * 12),
                              (good, "g" * due)):
            try:
                client.send(piece)
            except OSError:
                pass
        for path, client in seen.items():
            if path not in ended and wire.is_readable(client.sock, 0):
                ended[path] = time.monotonic() - begun
        time.sleep(0.1)
    for path, client in seen.items():
        assert client.read_response().status == 408
        assert ended[path] > 9, "the first ten seconds are free"
    talk.send("t" * 90)
    talk.expect_open()
    over.set()
    sender.join()
    time.sleep(0.3)
    stalled.send("s")
    assert stalled.read_response(patience=20 * wire.SLOWDOWN).body == b"/stalls"
    bulk.send("b")
    assert bulk.read_response().body == b"/bulk"
    good.send("g" * (400000 - given))
    assert good.read_response().body == b"/good"
    patient.read_until(b"100 Continue\r\n\r\n", patience=20 * wire.SLOWDOWN)
    patient.send("later")
    assert patient.read_response().body == b"/late-server", "it was the server who was slow"
    lines = {path: running.wait_log(f'"target":"{path}"') for path in list(seen) + ["/response"]}
    for path in seen:
        assert '"reason":"CLIENT_BODY_SLOW"' in lines[path] and '"status":408' in lines[path]
    assert '"reason":"CLIENT_SEND_SLOW"' in lines["/response"]
    for client in list(seen.values()) + [good, bulk, patient, reader, talk, stalled]:
        client.close()
