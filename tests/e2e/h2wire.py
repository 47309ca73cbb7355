"""HTTP/2 frame by frame: a client that sends what a test says, be it right or wrong, and notes
what comes. HPACK is python3-hpack's; blocks may also be bytes of the test's own."""
import struct
import time

import hpack

import wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED, HAS_PRIORITY = 4, 8, 32
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED,
 FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR,
 ENHANCE_YOUR_CALM) = range(12)
MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME = 3, 4, 5
GET = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"))
POST = ((":method", "POST"),) + GET[1:]


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        """Of RST_STREAM and GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack_from(">I", self.payload, at)[0]

    @property
    def last(self):
        return struct.unpack_from(">I", self.payload)[0]

    def __repr__(self):
        return f"Frame({self.kind}, {self.flags}, {self.stream}, {self.payload[:60]!r})"


class Answer:
    """What has come of one stream."""

    def __init__(self):
        self.heads, self.body, self.ended, self.reset = [], b"", False, None

    @property
    def status(self):
        return int(dict(self.heads[-1 if len(self.heads) == 1 else self.final()])[":status"])

    def final(self):
        return next(at for at, head in enumerate(self.heads)
                    if not dict(head).get(":status", "1").startswith("1"))

    def field(self, name):
        values = [v for n, v in self.heads[self.final()] if n == name]
        assert len(values) <= 1, self.heads
        return values[0] if values else None

    @property
    def interim(self):
        return [int(dict(h)[":status"]) for h in self.heads[:self.final()]]

    @property
    def trailers(self):
        return self.heads[self.final() + 1:]


class Client:
    """`greet` false: nothing is sent by itself. `manual`: windows are the test's to open. Instead
    of an address a client that is connected already may be given."""

    def __init__(self, address, greet=True, settings=(), manual=False, **options):
        self.stream = address
        if not isinstance(address, wire.Stream):
            self.stream = wire.Client(address, **options)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.manual = manual
        self.frames, self.answers, self.settings = [], {}, {}
        self.goaway, self.closed = [], False
        self.acked = 0
        if greet:
            self.stream.send(PREFACE)
            self.settings_send(settings)

        self.port = self.stream.sock.getsockname()[1]

    def name(self):
        """As the access log has it."""
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.stream.close()

    # --- out ---

    @staticmethod
    def pack(kind, flags=0, stream=0, payload=b"", length=None):
        length = len(payload) if length is None else length
        return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    def send(self, kind, flags=0, stream=0, payload=b"", length=None):
        try:
            self.stream.send(self.pack(kind, flags, stream, payload, length))
        except ConnectionError:
            pass  # what had come before is read all the same

    def settings_send(self, pairs=()):
        self.send(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))

    def headers(self, stream, fields=GET, end=True, flags=END_HEADERS, pad=None, first=b""):
        block = fields
        if not isinstance(fields, bytes):
            large = sum(len(n) + len(v) for n, v in fields) > 10000
            block = self.encoder.encode(fields, huffman=large)
        flags |= END_STREAM if end else 0
        block = first + block
        if pad is not None:
            flags |= PADDED
            block = bytes([pad]) + block + b"\0" * pad
        self.send(HEADERS, flags, stream, block)

    def data(self, stream, body=b"", end=False, pad=None):
        flags = END_STREAM if end else 0
        if pad is not None:
            flags |= PADDED
            body = bytes([pad]) + body + b"\0" * pad
        self.send(DATA, flags, stream, body)

    def rst(self, stream, code=CANCEL):
        self.send(RST, 0, stream, struct.pack(">I", code))

    def window(self, stream, size):
        self.send(WINDOW, 0, stream, struct.pack(">I", size))

    def ping(self, word=b"01234567", flags=0):
        self.send(PING, flags, 0, word)

    # --- in ---

    def read_one(self, patience):
        head = self.stream.read_exactly(9, patience)
        length = struct.unpack(">I", b"\0" + head[:3])[0]
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return Frame(kind, flags, stream & 0x7FFFFFFF, self.stream.read_exactly(length, patience))

    def read(self, patience=None):
        """The next frame, or None at the end of the connection."""
        try:
            frame = self.read_one(patience)
            while frame.kind == HEADERS and not frame.flags & END_HEADERS:
                more = self.read_one(patience)
                assert (more.kind, more.stream) == (CONTINUATION, frame.stream)
                frame.payload += more.payload
                frame.flags |= more.flags
        except wire.Closed as end:
            assert not end.got, f"closed inside a frame: {end.got!r}"
            self.closed = True
            return None
        self.frames.append(frame)
        self.note(frame)
        return frame

    def note(self, frame):
        answer = self.answers.setdefault(frame.stream, Answer())
        if frame.kind == HEADERS:
            answer.heads.append(self.decoder.decode(frame.payload))
        elif frame.kind == DATA:
            answer.body += frame.payload
            if not self.manual and frame.payload:
                self.window(0, len(frame.payload))
                if not frame.flags & END_STREAM:
                    self.window(frame.stream, len(frame.payload))
        elif frame.kind == RST:
            answer.reset = frame.code
        elif frame.kind == GOAWAY:
            self.goaway.append(frame)
        elif frame.kind == SETTINGS and frame.flags & ACK:
            self.acked += 1
        elif frame.kind == SETTINGS:
            self.settings = dict(struct.iter_unpack(">HI", frame.payload))
            self.send(SETTINGS, ACK)
        if frame.kind in (HEADERS, DATA) and frame.flags & END_STREAM:
            answer.ended = True

    def read_until(self, condition, what, patience=None):
        end = time.monotonic() + (patience or wire.PATIENCE)
        while not condition():
            if self.closed or time.monotonic() > end:
                raise AssertionError(f"no {what}: {self.frames[-12:]}")
            self.read(patience)

    def answer(self, stream, patience=None):
        """All of it, to the end or a reset."""
        got = self.answers.setdefault(stream, Answer())
        self.read_until(lambda: got.ended or got.reset is not None, f"answer on {stream}", patience)
        return got

    def ask(self, stream, fields=GET, body=None):
        self.headers(stream, fields, end=body is None)
        if body is not None:
            self.data(stream, body, end=True)
        return self.answer(stream)

    def handshake(self):
        self.read_until(lambda: self.acked and self.settings, "SETTINGS and their ACK")
        return self

    def ponged(self):
        """All that was sent before has been read by the other side."""
        before = sum(f.kind == PING and f.flags & ACK for f in self.frames)
        self.ping()
        self.read_until(lambda: sum(f.kind == PING and f.flags & ACK for f in self.frames) > before,
                        "PING ACK")

    def to_the_end(self):
        while self.read():
            pass

    def expect_goaway(self, *codes):
        """A connection error, with one of these codes, and the end of the connection."""
        self.to_the_end()
        assert self.goaway and self.goaway[-1].code in codes, f"{codes}: {self.frames[-8:]}"

    def expect_reset(self, stream, *codes):
        """A stream error; the connection lives on."""
        got = self.answers.setdefault(stream, Answer())
        self.read_until(lambda: got.reset is not None or got.ended, f"reset of {stream}")
        assert got.reset in codes, f"{codes}: {self.frames[-8:]}"
        self.ponged()

    def ponged_or_closed(self, code):
        """The frame was overlooked, or it was an error of this code."""
        before = len([f for f in self.frames if f.kind == PING])
        self.ping()
        while len([f for f in self.frames if f.kind == PING]) == before:
            if self.read() is None:
                break
        codes = [f.code for f in self.frames if f.kind in (RST, GOAWAY)]
        assert all(c == code for c in codes), self.frames
