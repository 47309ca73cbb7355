"""Requests out of the ordinary. A draft is a sound request in parts; each function of ODDITIES
spoils, or only strains, one part of it; what has no place in a grammar is done to the bytes
afterwards. Everything is chosen by the generator that is handed in."""
import re

CRLF = b"\r\n"
HEAD_LIMIT = 16384  # hpcbal's max_header_size
FIELD_LIMIT = 100   # and max_headers
HOST = b"a.example"
SMUGGLED = b"GET /admin/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
SPECIAL = [b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x0b", b"\x0c", b":", b";", b",", b"/",
           b"%", b"\x7f", b"\x80", b"\x85", b"\xa0", b"\xff", b"0", b"\\", b"#", b"?", b"=", b'"',
           b"_", b"-", b"\x1c", b"\r\n\r\n", b"\n\n", b"\r\r\n"]
ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b" \r\n", b"\t\r\n", b"\0\r\n", b"\r \n"]


class Draft:
    """One request in parts. Fields are lists [name, colon, value, end]."""

    def __init__(self, rng, at):
        self.rng = rng
        self.at = at
        self.before = b""
        self.method = b"GET"
        self.target = b"/r%d" % at
        self.version = b"HTTP/1.1"
        self.spaces = [b" ", b" "]
        self.line_end = CRLF
        self.fields = []
        self.head_end = CRLF
        self.data = b""
        self.chunks = None  # lists [size line, its end, data, its end]
        self.trailers = []  # as fields
        self.last = [b"0", CRLF]
        self.body_end = CRLF
        self.behind = b""
        self.cut = None  # bytes to leave out at the end
        self.add(b"Host", HOST)

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
        line = (self.method + self.spaces[0] + self.target + self.spaces[1] + self.version +
                self.line_end)
        whole = (self.before + line + b"".join(b"".join(f) for f in self.fields) +
                 self.head_end + self.body_bytes())
        if self.cut is not None:
            whole = whole[:max(1, len(whole) - self.cut)]
        return whole + self.behind


# --- sound requests ---

PLAIN = [(b"User-Agent", b"differential"), (b"Accept", b"*/*"), (b"Cookie", b"a=b; c=d"),
         (b"Authorization", b"Basic YTpi"), (b"X-Plain", b"one two"), (b"Accept", b"text/html"),
         (b"Content-Type", b"text/plain"), (b"X-Empty", b""), (b"Referer", b"http://b/"),
         (b"Cache-Control", b"no-cache"), (b"Range", b"bytes=0-5"), (b"Origin", b"http://b")]


def body_of(rng):
    kind = rng.randrange(10)
    if kind == 0:
        return b""
    if kind <= 3:
        return SMUGGLED
    if kind == 4:
        return b"0\r\n\r\n" + SMUGGLED
    if kind == 5:
        return b"x" * rng.choice([1, 4095, 4096, 16384, 65535, 65536, 70000])
    return bytes(rng.choices(b"abc\r\n\0 :0123\xff", k=rng.randint(1, 60)))


def give_length(draft):
    draft.data = body_of(draft.rng)
    draft.add(b"Content-Length", b"%d" % len(draft.data))


def size_text(rng, size):
    return rng.choice([b"%x", b"%X", b"0%x", b"%x"]) % size


def give_chunks(draft):
    rng, data = draft.rng, body_of(draft.rng)
    draft.chunks = []
    while data:
        size = rng.randint(1, len(data))
        draft.chunks.append([size_text(rng, size), CRLF, data[:size], CRLF])
        data = data[size:]
        if len(draft.chunks) == 5 and data:
            draft.chunks.append([size_text(rng, len(data)), CRLF, data, CRLF])
            break
    draft.add(b"Transfer-Encoding", b"chunked")


def sound(rng, at):
    draft = Draft(rng, at)
    for name, value in rng.sample(PLAIN, rng.choice([0, 1, 1, 2, 4])):
        draft.add(name, value)
    draft.method = rng.choice([b"GET"] * 5 + [b"POST"] * 5 + [b"HEAD", b"PUT", b"DELETE",
                                                              b"OPTIONS", b"PATCH", b"PURGE"])
    framing = rng.choice(["none"] * 3 + ["length", "chunks"] if draft.method in (
        b"GET", b"HEAD", b"OPTIONS", b"DELETE") else ["none", "length", "length", "chunks",
                                                      "chunks"])
    if framing == "length":
        give_length(draft)
    elif framing == "chunks":
        give_chunks(draft)
    return draft


# --- the first line ---

METHODS = [
    b"get", b"Get", b"GE T", b"", b" GET", b"GET\t", b"G\0ET", b"GET:", b"M!#$%&'*+-.^_`|~",
    b"(GET)", b"G\xc9T", b"CONNECT", b"TRACE", b"PRI", b"TRACK", b"X" * 200, b"\x16\x03\x01",
    b"HTTP/1.1", b"\"GET\"", b"GET\x0b", b"\r\nGET", b"\nGET", b"\0GET"
]
VERSIONS = [
    b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0",
    b"HTTP/0.9", b"HTTP/1.32", b"HTTP/1.", b"HTTP/1", b"http/1.1", b"HTTP/01.1", b"HTTP/1.1 ",
    b"HTTP/1.1\t", b"HTTP/1.1\0", b"HTTP/1.1 x", b"HTTP/1,1", b"HTTP /1.1", b"HTTPS/1.1", b"",
    b"HTTP/+1.1", b"HTTP/1.\xb2", b"HTTP/10.1", b"ICY/1.1"
]
TARGETS = [
    b"*", b"a.example:80", b"", b"r", b"?q", b"//", b"///x", b"/", b"/r?a=1&a=2", b"/r#frag",
    b"/r?q#f", b"/r\xff", b"/r\x80?x", b"/r\0", b"/r%00", b"/r%", b"/r%0", b"/r%zz", b"/r?100%",
    b"/r%0d%0aX:%20y", b"/r%20x", b"/r x", b"/r\tx", b"/r;a=b", b"/r;a/../b", b"/..;/admin",
    b"/x/..;/admin", b"/.;/admin", b"/admin/..", b"/admin/../r", b"/./admin", b"/r/../admin",
    b"/../admin", b"/..//admin", b"/r/..%2fadmin", b"/r/%2e%2e/admin", b"/r/%2E%2e%2Fadmin",
    b"/%2e/admin", b"/%61dmin", b"/%61%64%6d%69%6e/x", b"/%2561dmin", b"/%2fadmin", b"/%2Fadmin/x",
    b"//admin", b"///admin/x", b"/\\admin", b"/\\..\\admin", b"/%5cadmin", b"/r\\..\\admin",
    b"/r/..\\admin", b"/r%5c..%5cadmin", b"/r%2f..%2fadmin", b"/r%2f%2e%2e%2fadmin",
    b"/r/.%2e/admin", b"/r/..%00/admin", b"/r/..%0d/admin", b"/r/...", b"/r/.../admin", b"/r/..x",
    b"/.admin", b"/r/.", b"/r/..", b"/..", b"/.", b"/%c0%ae%c0%ae/admin", b"/%c0%afadmin",
    b"/%u0061dmin", b"/ADMIN", b"/admin", b"/admin/", b"/adminx", b"/admin%2f", b"/admin%3f",
    b"/admin?x", b"/admin;x", b"/r/..;a/x", b"/admin%23", b"/admi%6e", b"/a%64min/%2e%2e/x",
    b"/r?/../admin", b"/r%3f/../admin", b"/r%23/../admin", b"/r/%252e%252e/admin", b"/\"r\"",
    b"/<r>", b"/{r}|^`", b"/r[1]", b"/%7e/%2d%5f", b"/r%2B+", b"/@a.example/", b"/:80/", b"/r&x",
    b"/r'", b"/r%27", b"/%e4%f6", b"/\xe4", b"/r?\xe4", b"/r?\x7f", b"/r?%00", b"/r?\\"
]
ABSOLUTE = [
    b"http://a.example/r", b"HTTP://A.example/r", b"https://a.example/r", b"http://a.example",
    b"http://a.example?q", b"http://b.example/r", b"http://a.example:80/r",
    b"http://a.example:81/r", b"http://u@a.example/r", b"http://a.example:/r", b"http:///r",
    b"http://", b"http:/r", b"http:r", b"ftp://a.example/r", b"http://a.example/admin",
    b"http://a.example//admin", b"http://a.example/r/../admin", b"http://a.example/%61dmin",
    b"http://a.example#f", b"//a.example/admin", b"http://[::1]/r", b"http://[::1/r",
    b"http://a.example\\@b.example/r", b"http://a.example;x/r", b"http://secret.example/r",
    b"http://secret.example./r", b"http://secret.example", b"ws://a.example/r",
    b"file:///etc/passwd", b"http://a.example:65536/r", b"http://a.example:080/r",
    b"http://a%2eexample/r", b"urn:a:b", b"http://a.example,b.example/r", b"http://a.example /r",
    b"http://a.example\t/r"
]


def odd_method(draft):
    draft.method = draft.rng.choice(METHODS)


def odd_version(draft):
    draft.version = draft.rng.choice(VERSIONS)


def old_version(draft):
    draft.version = b"HTTP/1.0"
    if draft.rng.random() < 0.5:
        draft.add(b"Connection", draft.rng.choice([b"keep-alive", b"Keep-Alive", b"close"]))


def odd_target(draft):
    draft.target = draft.rng.choice(TARGETS)
    if draft.target == b"*" and draft.rng.random() < 0.5:
        draft.method = b"OPTIONS"


def mixed_target(draft):
    """Pieces of paths in any order."""
    pieces = [
        b"/", b"/", b"..", b".", b"%2e", b"%2f", b"%5c", b"\\", b"admin", b"r", b";", b"%61dmin",
        b"%", b"?", b"//", b"%00", b"a", b"/../", b"/..%2f", b"..;", b"%25", b"%3b", b"%c0%af",
        b"~"]
    draft.target = b"/" + b"".join(draft.rng.choices(pieces, k=draft.rng.randint(2, 7)))


def absolute_target(draft):
    draft.target = draft.rng.choice(ABSOLUTE)
    if draft.rng.random() < 0.3:
        draft.method = b"OPTIONS"
    hosts = draft.find(b"Host")
    found = re.match(rb"\w+://([^/?#]*)", draft.target)
    if hosts and found and draft.rng.random() < 0.5:
        hosts[0][2] = found.group(1)


def long_target(draft):
    room = HEAD_LIMIT - len(draft.method) - len(draft.version) - 2
    draft.target = b"/" + b"a" * (room - 1 + draft.rng.randint(-3, 3))


def odd_spaces(draft):
    draft.spaces[draft.rng.randrange(2)] = draft.rng.choice(
        [
            b"  ", b"\t", b" \t", b"", b"\x0b", b"\x0c", b"\r", b"\xa0", b"\0", b"   ", b"\x85",
            b"\n"])


def odd_line_end(draft):
    draft.line_end = draft.rng.choice(ENDS)


def empty_lines(draft):
    draft.before = draft.rng.choice([
        CRLF, CRLF * 2, CRLF * 4, CRLF * 5, b"\n", b"\r", b" ", b"\0", b"\r\n\n", b"\n\r\n",
        b" \r\n", b"\r\r\n", b"\t", b"\xef\xbb\xbf"])


def no_version(draft):
    draft.spaces[1], draft.version = b"", b""


# --- the fields ---

LENGTHS = [
    b"", b"+5", b"-1", b"-0", b"0x5", b"5_0", b"5 5", b"5,5", b"5, 5", b"5,6", b"5;a", b"5.0",
    b"05", b"000000000000000000000005", b"5e0", b"\xb2", b"\xd9\xa5", b" 5", b"5\t", b"5\x0b",
    b"\x0b5", b"5\xa0", b"5\x85", b"5\0", b"5\r", b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551615", b"18446744073709551616", b"18446744073709551621", b"4294967296",
    b"1" + b"0" * 30, b"0", b"00", b"\"5\"", b"'5'", b"5,", b",5", b"abc", b"5 ;", b"%35"
]
CODINGS = [
    b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, identity",
    b"identity, chunked", b"chunked, chunked", b",chunked", b"chunked,", b", chunked",
    b"chunked ,", b"xchunked", b"chunkedx", b"x chunked", b"chunked x", b"chunked;a=b",
    b"chunked;", b"\"chunked\"", b"'chunked'", b"\x0bchunked", b"chunked\x0b", b"chunked\x0c",
    b"\x0cchunked", b"chunked\0", b"\0chunked", b"\xa0chunked", b"chunked\xa0", b"chunked\x85",
    b"chunked\x1f", b"chunked\r", b"chun\rked", b"chunked\t", b"\tchunked", b"", b" ", b"Chunked",
    b"CHUNKED", b"cHuNkEd", b"chunked\x7f", b"chunke\xe4", b"x, chunked", b"chunked, x",
    b"chunked\xff", b"deflate", b"chunked, ,", b"chunked\\", b"c hunked", b"chunkeD",
    b"chun\xc5\xbfked"
]
NAMES = [
    b"%s ", b"%s\t", b" %s", b"\t%s", b"%s\0", b"\0%s", b"%s\x0b", b"%s\x0c", b"%s\r", b"%s\xa0",
    b"x\r\n%s", b"x\n%s", b"x\r%s", b"%s\x85", b"%s:", b":%s", b"\xff%s", b"%s,", b"(%s)", b"%s_",
    b"_%s", b"%s-", b"%s\x7f"
]
HOSTS = [
    b"", b"a.example:80", b"a.example:", b"a.example:0", b"a.example:65535", b"a.example:65536",
    b"a.example:x", b"a.example:-1", b"a.example: 80", b"A.EXAMPLE", b"u@a.example",
    b"a.example/x", b"a.example,b.example", b"a.example b.example", b"a_b.example", b"a.example.",
    b"[::1]", b"[::1]:80", b"[::1", b"::1", b"[::1]x", b"127.0.0.1", b"a.example\0",
    b"a.example#x", b"a.example?x", b"a.example\\x", b"a%2eexample", b"\xe4.example",
    b"a..example", b".", b"*", b"http://a.example", b"a.example;x", b"\"a.example\"",
    b"a.example\x0b", b"-", b"secret.example", b"SECRET.example", b"secret.example.",
    b"secret.example:80", b"secret.example:", b"secret.example.:80", b"secret%2eexample",
    b"x@secret.example", b"secret.example,a", b"[v1.x]", b"a:b:80", b"secret.example\t",
    b"secret.example ", b"a.example\t", b"1.2.3.4.5", b"a" * 300
]
CONNECTIONS = [
    b"close", b"keep-alive", b"Close", b"close, keep-alive", b"keep-alive, close", b"x-secret",
    b"close, X-Secret", b"Host", b"Content-Length", b"Transfer-Encoding", b"Cookie",
    b"Authorization", b"X-Forwarded-For", b"Connection", b"Expect", b"TE", b"TE, close",
    b"upgrade", b"Upgrade, HTTP2-Settings", b"", b",", b"close,", b",close", b"x-secret\0",
    b"\"close\"", b"close;x", b"keep-alive;timeout=5", b"X-Forwarded-Host, X-Real-IP, Forwarded",
    b"Content-Type, Cache-Control", b"close\tx", b"clo se", b"Date, Server, Via", b"Range",
    b"Trailer", b"x" * 500, b", ".join(b"n%d" % i for i in range(70))
]
EXPECTS = [
    b"100-continue", b"100-Continue", b"100-continue, 100-continue", b"200-ok", b"",
    b"100-continue;x", b"x, 100-continue", b"100-continue\0", b"100 continue", b"\"100-continue\"",
    b"100-continue,"
]
UPGRADES = [
    b"websocket", b"WebSocket", b"h2c", b"websocket, h2c", b"h2c, websocket", b"TLS/1.0", b"",
    b"websocket/13", b"xwebsocket", b"HTTP/2.0", b"websocket\0"
]
UNDERSCORES = [
    b"X_Auth_User", b"Content_Length", b"Transfer_Encoding", b"X_Forwarded_For", b"Host_",
    b"X.Auth.User", b"X-Auth_User", b"Remote_User", b"X~A", b"X'A", b"X!A", b"X`A", b"X|A", b"X^A",
    b"X%41", b"X$A", b"X+A"
]
FORGED = [
    b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"X-Forwarded-Port",
    b"Forwarded", b"X-Real-IP", b"X-Forwarded-Protocol", b"X-Forwarded-Ssl", b"x-FORWARDED-for",
    b"X-Forwarded-Server", b"Via", b"Front-End-Https"
]
EDGES = [
    b"\xa0v", b"v\xa0", b"\x85v\x85", b"\xe4\xf6", b"v\xff", b"\x80", b"\tv\t", b"   v   ",
    b"v\x0b", b"\x0cv", b"\x1cv", b"v\0w", b"\0", b"v\rw", b"\rv", b"v\nw", b"v\x7f", b"\x08",
    b"\x1b[31m", b"a:b", b":", b"::", b"=?utf-8?q?x?=", b"\"v", b"\"v\\\"", b"(v", b"a,b", b",,",
    b"v; w", b"\xc3\xa4", b"\xe2\x80\xa8x", b"v\x1fw", b"\xc2\x85x"
]


def odd_length(draft):
    lengths = draft.find(b"Content-Length")
    if not lengths:
        draft.data = draft.data or b"hello"
        lengths = [draft.add(b"Content-Length", b"")]
    lengths[0][2] = draft.rng.choice(LENGTHS)


def second_length(draft):
    size = len(draft.data)
    draft.add(draft.rng.choice([b"Content-Length", b"content-length", b"CONTENT-LENGTH"]),
              draft.rng.choice([b"%d" % size, b"%d" % (size + 1), b"0", b"%d" % max(size - 1, 0),
                                b"%d" % (size + len(SMUGGLED)), b"0%d" % size, b""]))


def length_and_coding(draft):
    if draft.chunks is None:
        draft.add(b"Transfer-Encoding", draft.rng.choice([b"chunked", b"identity", b"Chunked"]))
        if draft.rng.random() < 0.5:
            draft.data = b"0\r\n\r\n" + SMUGGLED
    else:
        size = len(draft.body_bytes())
        draft.add(b"Content-Length", b"%d" % draft.rng.choice([0, 5, size, size + 10, 3]))


def odd_coding(draft):
    codings = draft.find(b"Transfer-Encoding")
    if not codings:
        draft.fields = [f for f in draft.fields if f[0] != b"Content-Length"]
        give_chunks(draft)
        codings = draft.find(b"Transfer-Encoding")
    codings[0][2] = draft.rng.choice(CODINGS)


def second_coding(draft):
    draft.add(draft.rng.choice([b"Transfer-Encoding", b"transfer-encoding", b"Transfer-encoding"]),
              draft.rng.choice([b"chunked", b"identity", b"x", b"", b"gzip", b"chunked, x"]))


def odd_framing_name(draft):
    """A framing field whose name only looks like one."""
    name, value = draft.rng.choice([(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked"),
                                    (b"Host", b"secret.example"), (b"Connection", b"close")])
    draft.add(draft.rng.choice(NAMES) % name, value)


def odd_colon(draft):
    field = draft.any_field()
    field[1] = draft.rng.choice([
        b"", b" : ", b"\t:", b":", b":\t", b":  \t ", b"::", b";", b"\0:", b"=", b":\r", b" ",
        b":\x0b", b":\xa0"])


def odd_host(draft):
    for field in draft.find(b"Host"):
        field[2] = draft.rng.choice(HOSTS)


def no_host(draft):
    draft.fields = [f for f in draft.fields if f[0].lower() != b"host"]


def second_host(draft):
    draft.add(draft.rng.choice([b"Host", b"host", b"HOST"]),
              draft.rng.choice([HOST, b"secret.example", b"", b"b.example"]))


def odd_connection(draft):
    draft.add(b"X-Secret", b"for this hop")
    for _ in range(draft.rng.choice([1, 1, 2])):
        draft.add(draft.rng.choice([
            b"Connection", b"connection", b"Proxy-Connection", b"Connection"]),
                  draft.rng.choice(CONNECTIONS))


def hop_fields(draft):
    for name, value in draft.rng.sample(
            [
                (b"Keep-Alive", b"timeout=5"), (b"Proxy-Connection", b"keep-alive"),
                (b"TE", b"trailers"), (b"TE", b"gzip"), (b"TE", b"trailers;q=0.5"),
                (b"TE", b"trailers, gzip"), (b"Trailer", b"X-T"),
                (b"HTTP2-Settings", b"AAMAAABkAAQAAP__"), (b"Max-Forwards", b"0"),
                (b"Proxy-Authorization", b"x"), (b"Upgrade", draft.rng.choice(UPGRADES)),
                (b"TE", b""), (b"TE", b"chunked")], 3):
        draft.add(name, value)


def odd_expect(draft):
    draft.add(b"Expect", draft.rng.choice(EXPECTS))


def websocket(draft):
    rng = draft.rng
    draft.method = rng.choice([b"GET"] * 8 + [b"POST"])
    draft.add(b"Upgrade", rng.choice([b"websocket"] * 4 + UPGRADES))
    draft.add(b"Connection", rng.choice([b"Upgrade"] * 3 + [
        b"keep-alive, Upgrade", b"upgrade", b"x"]))
    draft.add(b"Sec-WebSocket-Key", rng.choice([b"dGhlIHNhbXBsZSBub25jZQ=="] * 6 + [
        b"", b"dGhl", b"dGhlIHNhbXBsZSBub25jZQ=", b"dGhlIHNhbXBsZSBub25jZQ==x",
        b"dGhl\0HNhbXBsZSBub25jZQ=="]))
    draft.add(b"Sec-WebSocket-Version", rng.choice([b"13"] * 3 + [b"8", b""]))
    if rng.random() < 0.4:
        draft.behind = rng.choice([b"\x81\x05hello", SMUGGLED, b"\x88\0", b"\0" * 300])


def underscores(draft):
    draft.add(draft.rng.choice(UNDERSCORES), draft.rng.choice([
        b"root", b"5", b"chunked", b"secret.example"]))


def forged(draft):
    for name in draft.rng.sample(FORGED, 3):
        draft.add(name, draft.rng.choice([
            b"6.6.6.6", b"https", b"for=6.6.6.6", b"secret.example", b"", b"1.1.1.1, 2.2.2.2"]))


def odd_value(draft):
    draft.add(b"X-Odd", draft.rng.choice(EDGES))


def odd_name(draft):
    draft.add(draft.rng.choice([
        b"", b" ", b"X Y", b"X\0", b"\xe4", b"X(Y)", b"X@", b"X/Y", b"X\"", b"X[0]", b"{X}",
        b"X=Y", b"X,Y", b"X;Y", b"X\\Y", b"X?", b"\x7f", b"GET / HTTP/1.1", b"X\r", b"<x>",
        b"X" * 300]),
              b"v")


def no_colon(draft):
    draft.add(draft.rng.choice([
        b"X-None", b"GET / HTTP/1.1", b"Content-Length", b"chunked", b"=", b"\0",
        b"x y"]), b"", colon=b"")


def folded(draft):
    field = draft.any_field()
    fold = draft.rng.choice([b"\r\n ", b"\r\n\t", b"\n ", b"\r\n  \t", b"\r ", b"\r\n \r\n "])
    at = draft.rng.randint(0, len(field[2]))
    field[2] = field[2][:at] + fold + field[2][at:]


def folded_first(draft):
    draft.add(draft.rng.choice([b" ", b"\t", b"  "]) + b"X-First", b"v", at=0)


def odd_field_end(draft):
    draft.any_field()[3] = draft.rng.choice(ENDS)


def odd_head_end(draft):
    draft.head_end = draft.rng.choice(ENDS + [b"", b"\n\n"])


def all_bare_lf(draft):
    draft.line_end = draft.head_end = b"\n"
    for field in draft.fields:
        field[3] = b"\n"


def long_value(draft):
    size = len(draft.bytes()) - len(draft.body_bytes()) - len(draft.behind)
    room = HEAD_LIMIT - size - len(b"X-Long: \r\n")
    if room > 0:
        draft.add(b"X-Long", b"v" * max(0, room + draft.rng.randint(-3, 3)))


def many_fields(draft):
    wanted = FIELD_LIMIT + draft.rng.randint(-2, 2)
    while len(draft.fields) < wanted:
        draft.add(b"X-%d" % len(draft.fields), draft.rng.choice([b"", b"v"]), at=len(draft.fields))


def gaps(draft):
    """Many fields of which every second is dropped."""
    for i in range(draft.rng.choice([5, 30, 49])):
        draft.add(draft.rng.choice([b"X_%d", b"X-%d"]) % i, b"v", at=len(draft.fields))


def repeated(draft):
    field = draft.any_field()
    draft.add(field[0], field[2])


# --- the body ---

SIZES = [
    b"0x%x", b"+%x", b" %x", b"%x ", b"%x\t", b"-%x", b"%x_0", b"_%x", b"%x\0", b"\0%x", b"",
    b"0%x", b"00000000000000000%x", b"1000000000000000%x", b"10000000000000000%x",
    b"8000000000000000", b"7fffffffffffffff", b"ffffffffffffffff", b"%x\x0b", b"%x,", b"%x:", b"g",
    b"%x.0", b"\"%x\"", b"\n%x", b"\r\n%x", b"%xh", b"0X%x", b"%x\xa0", b"fffffffffffffffff%x"
]
EXTENSIONS = [
    b";", b";a", b";a=b", b"; a = b", b";a=\"b\"", b";a=\"b\\\"c\"", b";a=\"b;c\"", b";a=\"\r\n\"",
    b";a=\"b", b";=b", b";a=b c", b" ;a", b"\t;a", b";a;b;c", b";" + b"a" * 900,
    b";" + b"a" * 1100, b";a\rb", b";a\nb", b";a\0", b";\x7f", b";a=\"b\"c", b";a=", b";;", b"; ",
    b";a=b;", b";a\x0b", b";\xff", b";a=\"\xff\"", b"\r;a"
]
CHUNK_ENDS = [
    b"\n", b"\r", b"", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"XX", b" \r\n", b"\0\n", b"\r\0"
]
TRAILERS = [
    (b"X-T", b"v"), (b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked"),
    (b"Host", b"secret.example"), (b"X_T", b"v"), (b"Authorization", b"x"), (b"X T", b"v"),
    (b"X-T ", b"v"), (b"X-T", b"v\0w"), (b" X-T", b"v"), (b"X-T", b"v\r\n folded"), (b"", b"v"),
    (b"X-T", b"\xff"), (b"Cookie", b"a=b"), (b"Connection", b"close"),
    (b"X-Forwarded-For", b"6.6.6.6"), (b"X-Long", b"v" * 9000), (b"X-T", b"v\rw"),
    (b"GET / HTTP/1.1\r\nX", b"v")
]


def need_chunks(draft):
    if draft.chunks is None:
        draft.fields = [f for f in draft.fields if f[0] != b"Content-Length"]
        give_chunks(draft)
    if not draft.chunks:
        draft.chunks.append([b"5", CRLF, b"hello", CRLF])
    return draft.chunks


def odd_chunk_size(draft):
    chunk = draft.rng.choice(need_chunks(draft))
    form = draft.rng.choice(SIZES)
    chunk[0] = form % len(chunk[2]) if b"%" in form else form


def wrong_chunk_size(draft):
    chunk = draft.rng.choice(need_chunks(draft))
    chunk[0] = b"%x" % max(0, len(chunk[2]) + draft.rng.choice([-2, -1, 1, 2, 50]))


def odd_extension(draft):
    chunks = need_chunks(draft)
    target = draft.rng.choice(chunks + [draft.last])
    target[0] += draft.rng.choice(EXTENSIONS)


def many_extensions(draft):
    draft.chunks = []
    need_chunks(draft)
    for i in range(draft.rng.choice([4, 5, 100])):
        draft.chunks.insert(0, [
            b"1;" + b"a" * draft.rng.choice([40, 900]), CRLF, b"%d" % (i % 10), CRLF])


def odd_chunk_line_end(draft):
    draft.rng.choice(need_chunks(draft) + [draft.last])[1] = draft.rng.choice(CHUNK_ENDS)


def odd_chunk_end(draft):
    draft.rng.choice(need_chunks(draft))[3] = draft.rng.choice(CHUNK_ENDS)


def odd_last_chunk(draft):
    need_chunks(draft)
    draft.last[0] = draft.rng.choice([
        b"00", b"0000000000000000000", b"", b"-0", b"+0", b"0x0", b"0 ", b" 0", b"0\0", b"\r\n0",
        b"0,", b"000;a=b", b"-1"])


def odd_body_end(draft):
    need_chunks(draft)
    draft.body_end = draft.rng.choice(ENDS + [b"", b"\n\n", b"X\r\n"])


def trailers(draft):
    need_chunks(draft)
    for name, value in draft.rng.sample(TRAILERS, draft.rng.choice([1, 1, 2, 3])):
        draft.trailers.append([
            name, draft.rng.choice([b": ", b":"]), value, draft.rng.choice([CRLF] * 5 + ENDS)])


def many_trailers(draft):
    need_chunks(draft)
    draft.trailers = [[
        b"X-%d" % i, b": ", b"v", CRLF] for i in range(draft.rng.choice([10, 63, 64, 65, 70]))]


def small_chunks(draft):
    """More of them than a queue of spans holds."""
    draft.chunks = []
    need_chunks(draft)
    draft.chunks = [[
        b"1", CRLF, bytes([97 + i % 26]), CRLF] for i in range(draft.rng.choice([20, 100, 700]))]


def cut(draft):
    draft.cut = draft.rng.choice([1, 2, 3, 4, 5, 10, 40])


def behind(draft):
    draft.behind = draft.rng.choice([
        SMUGGLED, CRLF, b"\r\n\r\n", b"X", b"\0", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\n",
        b" "])


def body_of_get(draft):
    draft.method = draft.rng.choice([b"GET", b"HEAD", b"DELETE", b"OPTIONS"])
    if draft.chunks is None and not draft.find(b"Content-Length"):
        draft.rng.choice([give_length, give_chunks])(draft)


def unframed_body(draft):
    draft.fields = [f for f in draft.fields
                    if f[0] not in (b"Content-Length", b"Transfer-Encoding")]
    draft.data, draft.chunks = draft.data or SMUGGLED, None


ODDITIES = [
    odd_method, odd_version, old_version, old_version, odd_target, odd_target, mixed_target,
    mixed_target, absolute_target, long_target, odd_spaces, odd_line_end, empty_lines, no_version,
    odd_length, odd_length, second_length, length_and_coding, length_and_coding, odd_coding,
    odd_coding, second_coding, odd_framing_name, odd_framing_name, odd_colon, odd_host, odd_host,
    no_host, second_host, odd_connection, odd_connection, hop_fields, odd_expect, websocket,
    websocket, underscores, forged, odd_value, odd_value, odd_name, no_colon, folded, folded_first,
    odd_field_end, odd_head_end, all_bare_lf, long_value, many_fields, gaps, repeated,
    odd_chunk_size, odd_chunk_size, wrong_chunk_size, odd_extension, odd_extension,
    many_extensions, odd_chunk_line_end, odd_chunk_end, odd_last_chunk, odd_body_end, trailers,
    trailers, many_trailers, small_chunks, cut, behind, body_of_get, unframed_body
]


def mutate(rng, data):
    """One change to the bytes themselves."""
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(6)
    if kind <= 2:
        return data[:at] + rng.choice(SPECIAL) + data[at:]
    if kind == 3:
        return data[:at] + data[at + rng.choice([1, 1, 1, 2, 5]):]
    if kind == 4:
        return data[:at] + rng.choice(SPECIAL) + data[at + 1:]
    size = rng.randint(1, 20)
    return data[:at] + data[at:at + size] + data[at:]


def handshake(rng, at):
    """One that is right, and mostly bytes behind it that belong into the tunnel."""
    draft = Draft(rng, at)
    for name, value in ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"),
                        (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
                        (b"Sec-WebSocket-Version", b"13")):
        draft.add(name, value)
    names = []
    if rng.random() < 0.3:
        oddity = rng.choice([give_length, give_chunks, odd_value, hop_fields, odd_connection,
                             underscores, absolute_target, long_value, old_version])
        oddity(draft)
        names.append(oddity.__name__)
    draft.behind = rng.choice([b"", b"\x81\x05hello", SMUGGLED, b"\0" * 70000, CRLF, b"GET"])
    return draft.bytes(), names


def odd_request(rng, at, oddities):
    """The bytes of one request with so many oddities, and their names."""
    draft = sound(rng, at)
    names = []
    for _ in range(oddities):
        oddity = rng.choice(ODDITIES)
        oddity(draft)
        names.append(oddity.__name__)
    data = draft.bytes()
    if oddities and rng.random() < 0.25:
        data = mutate(rng, data)
        names.append("mutate")
    return data, names
