"""Answers out of the ordinary, made as odd_requests makes requests."""
import dataclasses

from odd_requests import (CHUNK_ENDS, CODINGS, CRLF, EDGES, ENDS, EXTENSIONS, LENGTHS, NAMES,
                          SIZES, SPECIAL, TRAILERS, UNDERSCORES, mutate, size_text)
from reading import STRICT

# The origin puts the number of the request here that it answers; of the same length.
SAW = b"@saw@"
SMUGGLED = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Saw: evil\r\n\r\nsmuggled"
OLD_KEY = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@dataclasses.dataclass
class Answer:
    """What the origin does with a request. `data` may hold SAW."""
    data: bytes
    close: bool = False   # ends its side behind it
    early: bool = False   # does not wait for the request's body
    names: tuple = ()
    split: int = 0        # sends the first so many bytes apart; 0: all at once


class Draft:
    def __init__(self, rng, method):
        self.rng = rng
        self.method = method
        self.interim = []
        self.version, self.status, self.reason = b"HTTP/1.1", b"200", b"OK"
        self.spaces = [b" ", b" "]
        self.line_end = self.head_end = CRLF
        self.fields = []
        self.data = b""
        self.chunks = None
        self.trailers = []
        self.last = [b"0", CRLF]
        self.body_end = CRLF
        self.cut = None
        self.behind = b""
        self.close = self.early = False
        self.add(b"X-Saw", SAW)

    def add(self, name, value, colon=b": ", end=CRLF, at=None):
        field = [name, colon, value, end]
        self.fields.insert(self.rng.randint(0, len(self.fields)) if at is None else at, field)
        return field

    def any_field(self):
        return self.rng.choice(self.fields or [self.add(b"X-Plain", b"v")])

    def find(self, name):
        return [f for f in self.fields if f[0].lower() == name.lower()]

    def body_bytes(self):
        if self.chunks is None:
            return self.data
        return (b"".join(b"".join(chunk) for chunk in self.chunks) + b"".join(self.last) +
                b"".join(b"".join(f) for f in self.trailers) + self.body_end)

    def bytes(self):
        line = (self.version + self.spaces[0] + self.status + self.spaces[1] + self.reason +
                self.line_end)
        body = b"" if self.bodiless() else self.body_bytes()
        whole = line + b"".join(b"".join(f) for f in self.fields) + self.head_end + body
        if self.cut is not None:
            whole = whole[:max(0, len(whole) - self.cut)]
        return b"".join(self.interim) + whole + self.behind

    def bodiless(self):
        return self.method == b"HEAD" or self.status in (b"204", b"304", b"101")


# --- sound answers ---

PLAIN = [(b"Server", b"origin"), (b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"ETag", b'"x"'),
         (b"Set-Cookie", b"a=b"), (b"Set-Cookie", b"c=d; Path=/"), (b"Vary", b"Accept"),
         (b"Content-Type", b"text/plain"), (b"X-Empty", b""), (b"Content-Encoding", b"gzip"),
         (b"Cache-Control", b"no-store"), (b"WWW-Authenticate", b"Basic realm=\"a, b\"")]


def body_of(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return b""
    if kind <= 2:
        return SMUGGLED
    if kind == 3:
        return b"0\r\n\r\n" + SMUGGLED
    if kind == 4:
        return b"y" * rng.choice([1, 4096, 16384, 65536, 70000])
    return b"hello " + SAW


def give_length(draft):
    draft.data = body_of(draft.rng)
    draft.add(b"Content-Length", b"%d" % len(draft.data))


def give_chunks(draft):
    rng, data = draft.rng, body_of(draft.rng)
    draft.chunks = []
    while data:
        size = rng.randint(1, len(data)) if len(draft.chunks) < 5 else len(data)
        draft.chunks.append([size_text(rng, size), CRLF, data[:size], CRLF])
        data = data[size:]
    draft.add(b"Transfer-Encoding", b"chunked")


def give_close(draft):
    draft.data, draft.close = body_of(draft.rng), True


def sound(rng, method):
    draft = Draft(rng, method)
    for name, value in rng.sample(PLAIN, rng.choice([0, 1, 2, 3])):
        draft.add(name, value)
    draft.status, draft.reason = rng.choice([(b"200", b"OK")] * 6 + [
        (b"404", b"Not Found"), (b"500", b"Oops"), (b"206", b"Partial"), (b"204", b"No Content"),
        (b"304", b"Not Modified"), (b"418", b""), (b"301", b"Moved")])
    rng.choice([give_length, give_length, give_chunks, give_chunks, give_close])(draft)
    return draft


# --- the status line ---

STATUSES = [
    b"99", b"100", b"101", b"102", b"103", b"199", b"600", b"599", b"999", b"000", b"0200", b"20",
    b"2000", b"-200", b"+200", b"2xx", b"", b"204", b"205", b"304", b"200\0", b"0x1",
    b"\xb2\xb0\xb0", b"2 0"
]
VERSIONS = [
    b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.32",
    b"HTTP/1.", b"http/1.1", b"HTTP/1", b"ICY", b"", b" HTTP/1.1", b"HTTP/1.1\0", b"\r\nHTTP/1.1",
    b"HTTP/ 1.1", b"HTTP/3"
]
REASONS = [
    b"", b"\xe4", b"O\0K", b"O\rK", b"O\tK", b"O\x7fK", b"OK\x0b", b" ", b"x" * 2000,
    b"HTTP/1.1 200 OK", b"O\nK"
]


def odd_status(draft):
    draft.status = draft.rng.choice(STATUSES)


def odd_version(draft):
    draft.version = draft.rng.choice(VERSIONS)


def old_version(draft):
    draft.version = b"HTTP/1.0"
    draft.close = draft.rng.random() < 0.7
    if draft.rng.random() < 0.5:
        draft.add(b"Connection", b"keep-alive")


def odd_reason(draft):
    draft.reason = draft.rng.choice(REASONS)
    if draft.rng.random() < 0.2:
        draft.spaces[1] = draft.reason = b""


def odd_spaces(draft):
    draft.spaces[draft.rng.randrange(2)] = draft.rng.choice([
        b"  ", b"\t", b"", b"\x0b", b"\r", b"\0", b"\xa0"])


def odd_line_end(draft):
    draft.line_end = draft.rng.choice(ENDS)


def no_http(draft):
    draft.version = draft.rng.choice([
        b"hello", b"\x15\x03\x01", b"SSH-2.0-x\r\n", b"<html>", b"\0\0\0", b"HTTQ/1.1"])


def no_status_line(draft):
    draft.version, draft.status, draft.reason, draft.spaces = b"", b"", b"", [b"", b""]


# --- interim responses ---

INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.0 100 Continue\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 199 X\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 103 X\r\nConnection: X-Hop\r\nX-Hop: v\r\n\r\n", b"HTTP/1.1 100 Continue\n\n",
    b"HTTP/1.1 100\r\n\r\n", b"HTTP/1.1 103 X\r\nX : y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 103 X\r\nX_Y: z\r\nDate: x\r\n\r\n",
    b"HTTP/1.1 199 X\r\nUpgrade: websocket\r\n\r\n"
]


def interim(draft):
    draft.interim += draft.rng.choices(INTERIM, k=draft.rng.choice([1, 1, 2, 3]))


def many_interim(draft):
    draft.interim += [INTERIM[0]] * draft.rng.choice([62, 64, 65])


def interim_only(draft):
    draft.interim.append(INTERIM[0])
    draft.cut, draft.close = 1 << 30, True


def switch(draft):
    rng = draft.rng
    draft.status, draft.reason = b"101", b"Switching Protocols"
    draft.add(b"Upgrade", rng.choice([b"websocket"] * 4 + [
        b"h2c", b"WebSocket", b"", b"websocket, x"]))
    draft.add(b"Connection", rng.choice([b"Upgrade", b"upgrade", b"close"]))
    for _ in range(rng.choice([1, 1, 1, 0, 2])):
        draft.add(b"Sec-WebSocket-Accept", rng.choice([OLD_KEY, OLD_KEY, b"", b"x"]))
    draft.behind = rng.choice([b"", b"\x81\x05hello", SMUGGLED, b"\0" * 70000])
    draft.close = True


# --- the fields ---

def odd_length(draft):
    lengths = draft.find(b"Content-Length")
    if not lengths:
        draft.data, draft.chunks = b"hello", None
        draft.fields = [f for f in draft.fields if f[0] != b"Transfer-Encoding"]
        lengths = [draft.add(b"Content-Length", b"")]
    lengths[0][2] = draft.rng.choice(LENGTHS)
    draft.close = draft.rng.random() < 0.8


def wrong_length(draft):
    for field in draft.find(b"Content-Length"):
        field[2] = b"%d" % max(0, len(draft.data) + draft.rng.choice([-3, -1, 1, 2, 100]))
    draft.close = draft.rng.random() < 0.8


def second_length(draft):
    draft.add(draft.rng.choice([b"Content-Length", b"content-length"]),
              b"%d" % draft.rng.choice([
                  len(draft.data), len(draft.data), 0, 5, len(draft.data) + 1]))


def length_and_coding(draft):
    if draft.chunks is None:
        draft.add(b"Transfer-Encoding", draft.rng.choice([b"chunked", b"identity", b"gzip"]))
    else:
        draft.add(b"Content-Length", b"%d" % draft.rng.choice([
            0, 5, len(draft.body_bytes()), 1000]))
    draft.close = draft.rng.random() < 0.7


def need_chunks(draft):
    if draft.chunks is None:
        draft.fields = [f for f in draft.fields if f[0] != b"Content-Length"]
        give_chunks(draft)
    if not draft.chunks:
        draft.chunks.append([b"5", CRLF, b"hello", CRLF])
    return draft.chunks


def odd_coding(draft):
    need_chunks(draft)
    for field in draft.find(b"Transfer-Encoding"):
        field[2] = draft.rng.choice(CODINGS)
    draft.close = draft.rng.random() < 0.8


def second_coding(draft):
    draft.add(b"Transfer-Encoding", draft.rng.choice([b"chunked", b"identity", b"gzip", b""]))


def odd_framing_name(draft):
    name, value = draft.rng.choice([
        (b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked"), (b"Connection", b"close"),
        (b"Set-Cookie", b"e=f")])
    draft.add(draft.rng.choice(NAMES) % name, value)
    draft.close = draft.rng.random() < 0.5


def odd_colon(draft):
    draft.any_field()[1] = draft.rng.choice([
        b"", b" : ", b"\t:", b":", b":\t", b"::", b";", b"\0:", b":\r", b" "])


def odd_value(draft):
    draft.add(b"X-Odd", draft.rng.choice(EDGES))


def odd_name(draft):
    draft.add(draft.rng.choice([
        b"", b" ", b"X Y", b"X\0", b"\xe4", b"X(Y)", b"X@", b"\x7f", b"HTTP/1.1 200 OK", b"X\r",
        b"<x>"]), b"v")


def underscores(draft):
    draft.add(draft.rng.choice(UNDERSCORES), draft.rng.choice([b"v", b"5", b"chunked"]))


def folded(draft):
    field = draft.any_field()
    at = draft.rng.randint(0, len(field[2]))
    field[2] = field[2][:at] + draft.rng.choice([
        b"\r\n ", b"\r\n\t", b"\n ", b"\r ", b"\r\n \r\n "]) + field[2][at:]


def folded_first(draft):
    draft.add(draft.rng.choice([b" ", b"\t"]) + b"X-First", b"v", at=0)


def no_colon(draft):
    draft.add(draft.rng.choice([b"X-None", b"HTTP/1.1 200 OK", b"\0", b"chunked"]), b"", colon=b"")


def odd_field_end(draft):
    draft.any_field()[3] = draft.rng.choice(ENDS)


def odd_head_end(draft):
    draft.head_end = draft.rng.choice(ENDS + [b"", b"\n\n"])


def all_bare_lf(draft):
    draft.line_end = draft.head_end = b"\n"
    for field in draft.fields:
        field[3] = b"\n"


def odd_connection(draft):
    draft.add(b"X-Hop", b"for this hop")
    draft.add(draft.rng.choice([b"Connection", b"connection", b"Proxy-Connection"]),
              draft.rng.choice([
                  b"close", b"keep-alive", b"X-Hop", b"close, x-hop", b"Content-Length",
                  b"Set-Cookie", b"X-Saw", b"Transfer-Encoding", b"Date", b"", b",", b"close\0",
                  b"Content-Encoding", b"Upgrade", b"TE"]))


def hop_fields(draft):
    for name, value in draft.rng.sample([
        (b"Keep-Alive", b"timeout=5, max=10"), (b"Proxy-Connection", b"close"),
        (b"Upgrade", b"h2c"), (b"Trailer", b"X-T"), (b"TE", b"trailers"), (b"Via", b"1.1 x"),
        (b"Date", b""), (b"Proxy-Authenticate", b"Basic"), (b"Content-Length", b"0"),
        (b"Age", b"1")], 3):
        draft.add(name, value)


def long_value(draft):
    draft.add(b"X-Long", b"v" * draft.rng.choice([8000, 16384, 30000, 32600, 32768, 40000]))


def many_fields(draft):
    for i in range(draft.rng.choice([60, 100, 252, 254, 256, 260])):
        draft.add(b"X-%d" % i, draft.rng.choice([b"", b"v"]), at=len(draft.fields))


def repeated(draft):
    field = draft.any_field()
    draft.add(field[0], field[2])


# --- the body ---

def stray_body(draft):
    """Bytes where there can be no body."""
    draft.status = draft.rng.choice([b"204", b"304", b"204"])
    draft.behind = draft.rng.choice([b"hello", SMUGGLED, b"0\r\n\r\n"])


def odd_chunk_size(draft):
    chunk = draft.rng.choice(need_chunks(draft))
    form = draft.rng.choice(SIZES)
    chunk[0] = form % len(chunk[2]) if b"%" in form else form
    draft.close = draft.rng.random() < 0.8


def wrong_chunk_size(draft):
    chunk = draft.rng.choice(need_chunks(draft))
    chunk[0] = b"%x" % max(0, len(chunk[2]) + draft.rng.choice([-2, -1, 1, 2, 50]))
    draft.close = draft.rng.random() < 0.8


def odd_extension(draft):
    draft.rng.choice(need_chunks(draft) + [draft.last])[0] += draft.rng.choice(EXTENSIONS)


def odd_chunk_line_end(draft):
    draft.rng.choice(need_chunks(draft) + [draft.last])[1] = draft.rng.choice(CHUNK_ENDS)
    draft.close = True


def odd_chunk_end(draft):
    draft.rng.choice(need_chunks(draft))[3] = draft.rng.choice(CHUNK_ENDS)
    draft.close = True


def odd_last_chunk(draft):
    need_chunks(draft)
    draft.last[0] = draft.rng.choice([
        b"00", b"", b"-0", b"0x0", b"0 ", b" 0", b"0\0", b"0,", b"000;a=b"])
    draft.close = True


def odd_body_end(draft):
    need_chunks(draft)
    draft.body_end = draft.rng.choice(ENDS + [b"", b"\n\n", b"X\r\n"])
    draft.close = True


def trailers(draft):
    need_chunks(draft)
    for name, value in draft.rng.sample(TRAILERS, draft.rng.choice([1, 1, 2, 3])):
        draft.trailers.append([name, b": ", value, draft.rng.choice([CRLF] * 5 + ENDS)])
    draft.close = draft.rng.random() < 0.3


def small_chunks(draft):
    draft.chunks = []
    need_chunks(draft)
    draft.chunks = [[
        b"1", CRLF, bytes([97 + i % 26]), CRLF] for i in range(draft.rng.choice([20, 100, 700]))]


def cut(draft):
    draft.cut, draft.close = draft.rng.choice([1, 2, 3, 4, 5, 10, 40, 1 << 30]), True


def behind(draft):
    draft.behind = draft.rng.choice([
        SMUGGLED, SMUGGLED, CRLF, b"X", b"\0", b"0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])


def early(draft):
    draft.early = True
    if draft.rng.random() < 0.5:
        draft.close = True
    if draft.rng.random() < 0.5:
        draft.add(b"Connection", b"close")


def special_field(draft):
    draft.add(b"X-Special", b"a" + draft.rng.choice(SPECIAL) + b"b")


ODDITIES = [
    odd_status, odd_status, odd_version, old_version, old_version, odd_reason, odd_spaces,
    odd_line_end, no_http, no_status_line, interim, interim, many_interim, interim_only, switch,
    switch, odd_length, odd_length, wrong_length, wrong_length, second_length, second_length,
    length_and_coding, length_and_coding, odd_coding, second_coding, odd_framing_name, odd_colon,
    odd_value, odd_name, underscores, folded, folded_first, no_colon, odd_field_end, odd_head_end,
    all_bare_lf, odd_connection, odd_connection, hop_fields, long_value, many_fields, repeated,
    stray_body, stray_body, odd_chunk_size, wrong_chunk_size, odd_extension, odd_chunk_line_end,
    odd_chunk_end, odd_last_chunk, odd_body_end, trailers, trailers, small_chunks, cut, cut,
    behind, behind, early, special_field
]


def waits_for_more(data, method):
    """Whether somebody might wait in vain for the rest of it, which takes a case long."""
    at = 0
    while True:
        stream = STRICT.one_response(data, at, method, False)
        message = stream.messages[0] if stream.messages else None
        if message is None or not message.complete:
            return True
        if message.status >= 200:
            return False
        at = message.end


def odd_answer(rng, method, oddities):
    draft = sound(rng, method)
    names = []
    for _ in range(oddities):
        oddity = rng.choice(ODDITIES)
        oddity(draft)
        names.append(oddity.__name__)
    data = draft.bytes()
    if oddities and rng.random() < 0.2:
        data = mutate(rng, data)
        names.append("mutate")
    if not draft.close and rng.random() < 0.95:
        draft.close = waits_for_more(data, method)
    split = rng.randint(1, len(data)) if data and rng.random() < 0.3 else 0
    return Answer(data, draft.close, draft.early, tuple(names), split)


def switching(rng):
    """A server that agrees to a handshake, or says it in an odd way, or something else."""
    draft = Draft(rng, b"GET")
    names = []
    if rng.random() < 0.7:
        draft.status, draft.reason = b"101", b"Switching Protocols"
        for name, value in ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"),
                            (b"Sec-WebSocket-Accept", OLD_KEY)):
            draft.add(name, value)
        draft.behind = rng.choice([b"", b"\x81\x05hello", SMUGGLED, b"\0" * 70000])
        draft.close = True
    else:
        rng.choice([give_length, give_chunks, switch, switch])(draft)
        names.append("no switch")
    if rng.random() < 0.3:
        oddity = rng.choice([interim, odd_value, underscores, old_version, repeated, hop_fields,
                             length_and_coding, give_length])
        oddity(draft)
        names.append(oddity.__name__)
    return Answer(draft.bytes(), draft.close, False, tuple(names))


def plain_answer(number, method, target):
    """What the origin says when a case says nothing."""
    body = b"" if method == b"HEAD" else b"saw %s %s" % (b"%05d" % number, target[:200])
    return Answer(b"HTTP/1.1 200 OK\r\nX-Saw: %05d\r\nContent-Length: %d\r\n\r\n" %
                  (number, len(body)) + body)
