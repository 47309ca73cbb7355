"""Bytes on the wire, both ends: a raw client, and an origin that records what it is sent
and answers what the test says, byte by byte."""
import collections
import itertools
import os
import random
import select
import socket
import struct
import threading
import time

# Sanitizers are slow, and so is a busy machine; waiting longer never makes a wrong answer right.
SLOWDOWN = float(os.environ.get("HPCBAL_TEST_SLOWDOWN", "1"))
PATIENCE = 15.0 * SLOWDOWN
END_OF_HEAD = b"\r\n\r\n"


class Closed(Exception):
    """The peer closed before what was waited for had come; `got` is what came."""

    def __init__(self, got):
        super().__init__(f"closed after {bytes(got[-400:])!r}")
        self.got = bytes(got)


def wait_for(condition, what, patience=None):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + (patience or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)


def is_readable(sock, seconds):
    """Waits so long for something to read; poll, since select knows 1024 descriptors only."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def is_writable(sock, seconds):
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(1000 * seconds))


def parse_fields(lines):
    fields = []
    for line in lines:
        name, _, value = line.partition(b":")
        fields.append((name, value.strip(b" \t")))
    return fields


class Head:
    """A message head: first line, fields in order."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw[:-len(END_OF_HEAD)].split(b"\r\n")
        self.first = lines[0]
        self.lines = lines[1:]
        self.fields = parse_fields(self.lines)

    def all(self, name):
        name = name.lower().encode()
        return [value for field, value in self.fields if field.lower() == name]

    def one(self, name):
        """The value of a field that is there exactly once; None when it is absent."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {self.raw!r}"
        return values[0] if values else None

    def has(self, name):
        return bool(self.all(name))


class Response(Head):
    def __init__(self, raw, interim):
        super().__init__(raw)
        version, status, reason = (self.first.split(b" ", 2) + [b"", b""])[:3]
        self.version, self.status, self.reason = version, int(status), reason
        self.interim = interim
        self.body = b""
        self.trailers = []

    def no_body(self, method):
        return method == "HEAD" or self.status < 200 or self.status in (204, 304)


class Request(Head):
    def __init__(self, raw):
        super().__init__(raw)
        parts = self.first.split(b" ")
        self.method = parts[0].decode("latin-1")
        self.target = b" ".join(parts[1:-1]).decode("latin-1")
        self.version = parts[-1]
        self.raw_body = b""
        self.body = b""
        self.trailers = []
        self.complete = False
        self.connection = None


class Stream:
    """A socket read with a deadline into a buffer."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setblocking(True)
        self.buf = bytearray()
        self.ended = False

    def fill(self, end):
        """Reads once more; False at the end of the stream."""
        left = end - time.monotonic()
        if left <= 0 or not is_readable(self.sock, left):
            raise TimeoutError(f"nothing more came after {bytes(self.buf[-400:])!r}")
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
            return False
        self.buf += data
        return True

    def send_until_full(self):
        """So much that nothing more is taken; whoever it is for does not read."""
        self.sock.setblocking(False)
        sent, end = 0, time.monotonic() + PATIENCE
        while time.monotonic() < end and sent < 64 << 20:
            try:
                sent += self.sock.send(b"x" * (1 << 16))
                end = time.monotonic() + 0.5
            except BlockingIOError:
                time.sleep(0.01)
        self.sock.setblocking(True)

    def read_until(self, mark, patience=None):
        end = time.monotonic() + (patience or PATIENCE)
        while mark not in self.buf:
            if not self.fill(end):
                raise Closed(self.buf)
        return self.take(self.buf.index(mark) + len(mark))

    def read_exactly(self, size, patience=None):
        end = time.monotonic() + (patience or PATIENCE)
        while len(self.buf) < size:
            if not self.fill(end):
                raise Closed(self.buf)
        return self.take(size)

    def read_to_end(self, patience=None):
        end = time.monotonic() + (patience or PATIENCE)
        while self.fill(end):
            pass
        return self.take(len(self.buf))

    def take(self, size):
        data = bytes(self.buf[:size])
        del self.buf[:size]
        return data

    def read_chunked(self):
        """(data, trailer lines, raw bytes)."""
        data, raw = b"", b""
        while True:
            line = self.read_until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            raw += line
            if size == 0:
                break
            piece = self.read_exactly(size + 2)
            assert piece.endswith(b"\r\n"), f"chunk data without its CRLF: {piece[-20:]!r}"
            data += piece[:-2]
            raw += piece
        trailers = []
        while True:
            line = self.read_until(b"\r\n")
            raw += line
            if line == b"\r\n":
                return data, parse_fields(trailers), raw
            trailers.append(line[:-2])

    def send(self, data, slices=None, pause=0.0):
        """All at once, or in slices of so many bytes with a pause between them."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        for at in range(0, len(data), slices or max(len(data), 1)):
            self.sock.sendall(data[at:at + (slices or len(data))])
            if pause:
                time.sleep(pause)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Client(Stream):
    def __init__(self, address, source=None, rcvbuf=None):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            sock.bind((source, 0))
        sock.settimeout(PATIENCE)
        sock.connect(address)
        super().__init__(sock)

    def read_response(self, method="GET", patience=None):
        """The next final response with its body; interim ones are in `.interim`."""
        response = self.read_response_head(patience)
        if response.no_body(method):
            return response
        length = response.one("Content-Length")
        if response.has("Transfer-Encoding"):
            response.body, response.trailers, _ = self.read_chunked()
        elif length is not None:
            response.body = self.read_exactly(int(length))
        else:
            response.body = self.read_to_end()
        return response

    def read_response_head(self, patience=None):
        interim = []
        while True:
            response = Response(self.read_until(END_OF_HEAD, patience), interim)
            if response.status >= 200 or response.status == 101:
                return response
            interim.append(response)

    def ask(self, data, method="GET"):
        self.send(data)
        return self.read_response(method)

    def expect_closed(self, patience=None):
        """The proxy closes, and says nothing more before."""
        rest = self.read_to_end(patience)
        assert rest == b"", f"more came before the close: {rest[:400]!r}"

    def expect_open(self, silence=0.1):
        """Nothing comes, and the connection stays."""
        assert not self.buf and not is_readable(self.sock, silence), \
            "the connection said something, or closed"


def answer(body=b"", status=200, fields=(), reason=b"OK", length=True):
    """A whole HTTP/1.1 response as bytes."""
    lines = [b"HTTP/1.1 %d %s" % (status, reason)]
    lines += [f if isinstance(f, bytes) else f.encode("latin-1") for f in fields]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + END_OF_HEAD + body


class OriginConnection(Stream):
    """One connection that the origin accepted."""

    def __init__(self, origin, sock):
        super().__init__(sock)
        self.origin = origin
        self.received = bytearray()
        self.requests = []
        self.closed = threading.Event()

    def fill(self, end):
        before = len(self.buf)
        more = super().fill(end)
        self.received += self.buf[before:]
        return more

    def read_request(self):
        """The next request, or None at the end of the stream. What came of a request that
        was cut is recorded too, as not complete."""
        try:
            request = Request(self.read_until(END_OF_HEAD, patience=300))
        except Closed:
            return None
        request.connection = self
        self.requests.append(request)
        self.origin.requests.append(request)
        if self.origin.read_bodies:
            self.read_body(request)
        return request

    def read_body(self, request):
        length = request.one("Content-Length")
        if request.has("Transfer-Encoding"):
            request.body, request.trailers, request.raw_body = self.read_chunked()
        elif length is not None:
            request.body = request.raw_body = self.read_exactly(int(length), patience=300)
        request.complete = True

    def serve(self):
        try:
            while not self.ended and self.sock.fileno() >= 0:
                request = self.read_request()
                if request is None:
                    break
                reply = self.origin.answer
                if callable(reply):
                    reply = reply(request, self)
                if reply is not None:
                    self.sock.sendall(reply)
        except (Closed, TimeoutError, OSError, ValueError):
            pass
        finally:
            self.close()
            self.closed.set()

    def close(self):
        """Also wakes a thread that waits in this socket."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Origin:
    """A server that does what the test says. `answer` is the bytes of every response, or a
    function of (request, connection) that returns them; None: it has answered, or closed,
    by itself. Nobody else gets its port when it is closed: connections there are refused then,
    and another origin may come back to it."""

    def __init__(self, host="127.0.0.1", port=0, name="origin"):
        self.name = name
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port or free_port(host)))
        self.listener.listen(1024)
        self.address = self.listener.getsockname()
        self.connections = []
        self.requests = []
        self.reset()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def reset(self):
        """Back to answering 200 with its name; connections of before are closed."""
        for connection in self.connections:
            connection.close()
        self.connections = []
        self.requests = []
        self.read_bodies = True
        self.answer = answer(self.name.encode())

    def connection_of(self, sock):
        return OriginConnection(self, sock)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self.connection_of(sock)
            self.connections.append(connection)
            threading.Thread(target=connection.serve, daemon=True).start()

    @property
    def received(self):
        return b"".join(bytes(c.received) for c in self.connections)

    def expect_requests(self, count):
        wait_for(lambda: len(self.requests) >= count, f"{count} requests at {self.name}")
        assert len(self.requests) == count
        return self.requests

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(PATIENCE)  # else it might accept at another listener of this number
        self.listener.close()
        self.reset()


# Below the range from which the kernel takes ports for outgoing connections, so that nobody
# has one before the daemon binds it.
PORTS = random.Random(os.getpid())
GIVEN = set()
# Suites run side by side: a port that was given is kept from the others by a socket that is
# bound to it and does not listen, which is in the way of nobody with SO_REUSEADDR.
HELD = collections.deque(maxlen=100)


def free_port(host="127.0.0.1"):
    for tries in itertools.count(1):
        if tries % 1000 == 0 and HELD:  # many suites on a large machine hold them all
            HELD.popleft().close()
        port = PORTS.randrange(10000, 32000)
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            continue
        if (host, port) in GIVEN:
            sock.close()
            continue
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if len(HELD) == HELD.maxlen:
            HELD[0].close()
        HELD.append(sock)
        GIVEN.add((host, port))
        return port
