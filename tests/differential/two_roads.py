"""The same request by HTTP/1.1 and by HTTP/2 (issue 6.7): what a server gets of both must be the same
bytes. A case is a function of seed and number."""
import dataclasses
import random
import re

import daemon
import h2wire
import wire

CONFIG = """\
node = "test";
proxy: { threads = 1; };
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
frontends = ( { name = "front"; default_backend = "main"; max_headers = 20;
  max_header_size = "8KiB"; bind = ( { address = "{listen}"; h2c = true; } );
  routes = ( { when = "path /no"; deny = 403; } ); } );
backends = ( { name = "main"; servers = (
  { name = "main1"; address = "%s:%d"; check = false; } ); } );
"""
ID = re.compile(rb"(X-Request-ID: )[0-9a-f]{32}\r\n")

NAMES = ["x-a", "x-b", "accept", "user-agent", "x_y", "x!#$%&'*+-.^_`|~1", "referer", "range",
         "x-forwarded-for", "forwarded", "via", "priority", "authorization", "x-request-id"]
BAD_NAMES = ["x a", "x:a", "x\r\na", "x\0a", "x\xe9", "x\x7f", "x\n", "x(", "x,", "x\ta", "/x"]
VALUES = ["", "1", "a b", "a\tb", "a, b;c=\"d\"", "\xe9\xff", "x" * 300, "=?&%00", "0", "trailers"]
BAD_VALUES = ["a\r\nx: y", "a\nx: y", "a\0b", "a\rb", "a\x7fb", "a\x01b"]
# HTTP/2 has it malformed; HTTP/1.1 cuts blanks off.
BLANK_VALUES = [" a", "a ", "\ta", "a\t"]
PATHS = ["/", "/x", "/x?y=z", "/a/./b/../c", "/%41%2f", "/a//b", "/x;y=1", "/x?", "/~a!$&'()*+,=:@",
         "//a/b", "/x?a=%00", "/" + "p" * 200, "/no", "/no/../x", "/%6e%6f"]
BAD_PATHS = ["/ x", "/x y HTTP/1.1", "/\r\nx: y", "/%zz", "/%00", "/x#f", "x", "", "*", "/\xe9",
             "/\x7f", "http://a/x", "/../x", "/\\x", "/\"<>", "/x HTTP/1.1\r\n\r\nGET /y"]
HOSTS = ["a", "A.example", "a.example:8080", "192.0.2.1", "[2001:db8::1]:80", "a:80"]
BAD_HOSTS = ["", "a b", "a@b", "a,b", "a/b", "a:x", "a\r\nx: y", "[::1", "a:99999", "a?b", "a#"]
METHODS = ["GET", "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "PROPFIND", "M-SEARCH", "get"]
BAD_METHODS = ["G T", "G\r\nT", "", "G/T", "G\0", "GET /x HTTP/1.1\r\nx:"]
LENGTHS = ["+%d", "0x%d", "%d,%d", "-%d", "%d ", "%d.0", ""]


@dataclasses.dataclass
class Case:
    name: str
    method: str = "GET"
    path: str = "/"
    host: str = "a"
    fields: list = dataclasses.field(default_factory=list)
    crumbs: list = dataclasses.field(default_factory=list)
    body: bytes = None       # None: there is none
    pieces: tuple = ()       # of the body, where it is cut
    length: str = None       # what Content-Length says; None: it is not there
    trailers: list = dataclasses.field(default_factory=list)
    stricter: bool = False   # HTTP/2 may refuse what HTTP/1.1 takes
    odd: list = dataclasses.field(default_factory=list)


def spoil(case, rng):
    what = rng.choice(["name", "value", "blank", "path", "host", "method", "length", "many", "large"])
    case.odd.append(what)
    if what == "name":
        case.fields.append((rng.choice(BAD_NAMES), "1"))
        case.stricter = ":" in case.fields[-1][0]  # another field, by HTTP/1.1
    elif what == "value":
        case.fields.append(("x-bad", rng.choice(BAD_VALUES)))
    elif what == "blank":
        case.fields.append(("x-blank", rng.choice(BLANK_VALUES)))
        case.stricter = True
    elif what == "path":
        case.path = rng.choice(BAD_PATHS)
        case.stricter = case.path.startswith("http:")
    elif what == "host":
        case.host = rng.choice(BAD_HOSTS)
    elif what == "method":
        case.method = rng.choice(BAD_METHODS)
    elif what == "length":
        case.body = case.body or b"body"
        said = rng.choice(LENGTHS)
        case.length = said.replace("%d", str(len(case.body)))
        case.stricter = case.length.endswith(" ")
    elif what == "many":
        case.fields += [("x-m", str(n)) for n in range(rng.choice([10, 40]))]
    else:
        # Near a limit the two count differently, as their specifications do.
        case.fields.append(("x-large", "l" * 9000))


def make_case(seed, number):
    rng = random.Random(f"roads/{seed}/{number}")
    case = Case(f"seed {seed}, number {number}", rng.choice(METHODS), rng.choice(PATHS),
                rng.choice(HOSTS))
    for _ in range(rng.randrange(5)):
        case.fields.append((rng.choice(NAMES), rng.choice(VALUES)))
    if rng.random() < 0.2:
        case.fields.append(("te", "trailers"))
    case.crumbs = [f"c{n}={rng.choice(['1', '', 'a b'])}" for n in range(rng.choice([0, 0, 1, 3, 25]))]
    if rng.random() < 0.5:
        case.body = bytes(rng.choice(b"ab\r\n0") for _ in range(rng.choice([0, 1, 5, 300, 20000])))
        case.pieces = tuple(sorted(rng.randrange(len(case.body) + 1)
                                   for _ in range(rng.randrange(4))))
        if rng.random() < 0.5:
            case.length = str(len(case.body))
        elif rng.random() < 0.5:
            case.trailers = [("x-sum", rng.choice(VALUES[1:5]))]
    if rng.random() < 0.4:
        spoil(case, rng)
    return case


def breaks_lines(case):
    """A text with these is another text by HTTP/1.1; by HTTP/2 it is none."""
    texts = [case.method, case.path, case.host, *(n + v for n, v in case.fields)]
    return any(c in text for text in texts for c in "\r\n")


def bytes_of(text):
    return text.encode("latin-1")


def cut(case):
    ends = [0, *case.pieces, len(case.body)]
    return [case.body[a:b] for a, b in zip(ends, ends[1:])]


def h1_of(case):
    lines = [f"{case.method} {case.path} HTTP/1.1", f"host: {case.host}"]
    for name, value in case.fields:
        lines.append(f"{name}: {value}")
        if name == "te":
            lines.append("connection: te")
    if case.crumbs:
        lines.append("cookie: " + "; ".join(case.crumbs))
    body = b""
    if case.length is not None:
        lines.append(f"content-length: {case.length}")
        body = case.body
    elif case.body is not None:
        lines.append("transfer-encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in cut(case) if p) + b"0\r\n"
        body += b"".join(bytes_of(f"{n}: {v}\r\n") for n, v in case.trailers) + b"\r\n"
    return bytes_of("\r\n".join(lines) + "\r\n\r\n") + body


def ask_h2(client, stream, case, rng):
    """The status, or None for a reset."""
    fields = [(":method", case.method), (":scheme", "http"), (":path", case.path),
              (":authority", case.host), *case.fields, *[("cookie", c) for c in case.crumbs]]
    if case.length is not None:
        fields.append(("content-length", case.length))
    encode = client.encoder.encode
    block = encode([(bytes_of(n), bytes_of(v)) for n, v in fields], huffman=rng.random() < 0.5)
    client.headers(stream, block, end=case.body is None)
    if case.body is not None:
        pieces = cut(case)
        for at, piece in enumerate(pieces):
            last = at == len(pieces) - 1 and not case.trailers
            for start in range(0, max(len(piece), 1), 16000):
                client.data(stream, piece[start:start + 16000],
                            end=last and start + 16000 >= len(piece),
                            pad=rng.choice([None, None, 0, 100]))
        if case.trailers:
            client.headers(stream, case.trailers)
    got = client.answer(stream)
    return got.status if got.heads else None


def got_by(origin):
    """What the server got whole: heads but for the request's own id, bodies, trailers."""
    return [(ID.sub(rb"\1ID\r\n", r.raw) if r.raw else b"", r.body, r.trailers)
            for r in origin.requests if r.complete]


class Site:
    def __init__(self, folder):
        self.origin = wire.Origin(name="main")
        self.daemon = daemon.Daemon(folder, config=CONFIG % self.origin.address).start()
        self.by_h2, self.stream = None, 1

    def stop(self):
        try:
            self.daemon.stop()
        finally:
            self.origin.close()

    def play_h1(self, case):
        self.origin.requests.clear()
        client = wire.Client(self.daemon.address)
        client.send(h1_of(case))
        status = client.read_response(case.method).status
        client.close()
        return status, got_by(self.origin)

    def play_h2(self, case, rng):
        self.origin.requests.clear()
        if self.stream > 400 or self.by_h2 is None or self.by_h2.closed:
            self.by_h2, self.stream = h2wire.Client(self.daemon.address).handshake(), 1
        status = ask_h2(self.by_h2, self.stream, case, rng)
        self.stream += 2
        self.by_h2.ponged()
        return status, got_by(self.origin)

    def play(self, seed, number):
        """None, or what is wrong."""
        case = make_case(seed, number)
        one = self.play_h1(case)
        two = self.play_h2(case, random.Random(number))
        if breaks_lines(case):
            return None if two == (None, []) else f"{case}\nHTTP/2: {two}"
        if one[1] == two[1] and (one[1] or two[0] is None or two[0] >= 400):
            return None
        if case.stricter and not two[1] and len(one[1]) == 1:
            return None
        return f"{case}\nHTTP/1.1: {one}\nHTTP/2: {two}"
