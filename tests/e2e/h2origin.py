"""A server of HTTP/2, frame by frame (h2wire), that does what a test says, be it right or wrong."""
import contextlib
import ssl
import threading
import types

import h2wire
import wire
from h2wire import DATA, END_STREAM, HEADERS

OK = ((":status", "200"),)


class Peer(h2wire.Client):
    """hpcbal, as one connection of the origin sees it: `answers` are its requests."""

    def __init__(self, connection):
        super().__init__(connection, greet=False, manual=connection.origin.manual)
        self.origin = connection.origin
        self.decoder.max_header_list_size = 1 << 20 # hpack's own is 64 KiB
        self.lock = threading.Lock()

    def send(self, *words, **options):
        with self.lock: # a test speaks beside the connection's own thread
            super().send(*words, **options)

    def request(self, stream):
        return self.answers[stream]

    def fields(self, stream):
        return dict(self.answers[stream].heads[0])

    @contextlib.contextmanager
    def at_once(self):
        """What is sent within goes out in one piece."""
        stream, self.stream = self.stream, types.SimpleNamespace(send=self.keep)
        self.pieces = b""
        try:
            yield
        finally:
            self.stream = stream
        stream.send(self.pieces)

    def keep(self, data):
        self.pieces += data

    def reply(self, stream, body=b"", fields=OK, trailers=None):
        """A whole answer; with a body in one frame."""
        self.headers(stream, fields, end=not body and trailers is None)
        if body:
            self.data(stream, body, end=trailers is None)
        if trailers is not None:
            self.headers(stream, trailers, end=True)


class Connection(wire.OriginConnection):
    def serve(self):
        try:
            if self.origin.context:
                self.sock = self.origin.context.wrap_socket(self.sock, server_side=True)
                if self.sock.selected_alpn_protocol() != "h2":
                    super().serve()
                    return
            self.serve_h2()
        except (wire.Closed, TimeoutError, OSError, ValueError, AssertionError):
            pass
        finally:
            self.close()
            self.closed.set()

    def serve_h2(self):
        peer = self.peer = Peer(self)
        self.origin.peers.append(peer)
        assert self.read_exactly(len(h2wire.PREFACE), patience=300) == h2wire.PREFACE
        if self.origin.greet:
            peer.settings_send(self.origin.settings)
        while True:
            frame = peer.read(patience=300)
            if frame is None:
                return
            self.origin.frame(peer, frame)

    def fill(self, end):
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            data = self.sock.recv(65536)
            self.received += data
            self.buf += data
            return True
        return super().fill(end)


class Origin(wire.Origin):
    """`reply(peer, stream)` is called when a request is whole, `head(peer, stream)` when its head
    is, `frame(peer, frame)` for every frame: a test puts its own in their place. With `context` it
    speaks TLS, and HTTP/1.1 (`answer`) where that is agreed on."""

    def __init__(self, context=None, settings=(), **options):
        self.context, self.settings = context, settings
        self.greet, self.manual = True, False
        self.peers, self.streams = [], []
        self.head = lambda peer, stream: None
        self.reply = lambda peer, stream: peer.reply(stream, self.name.encode())
        self.lock = threading.Lock()
        super().__init__(**options)

    def connection_of(self, sock):
        return Connection(self, sock)

    def frame(self, peer, frame):
        if frame.kind == HEADERS and len(peer.request(frame.stream).heads) == 1:
            self.streams.append((peer, frame.stream))
            self.head(peer, frame.stream)
        if frame.kind in (HEADERS, DATA) and frame.flags & END_STREAM:
            self.reply(peer, frame.stream)

    def expect_streams(self, count):
        wire.wait_for(lambda: len(self.streams) >= count, f"{count} streams at {self.name}")
        assert len(self.streams) == count
        return self.streams

    def asked(self, at=0):
        """The fields of a request."""
        peer, stream = self.expect_streams(max(at + 1, len(self.streams)))[at]
        return peer.fields(stream)
