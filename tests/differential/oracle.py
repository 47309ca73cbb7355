"""What is right, from the RFCs and hpcbal's manual and not from its source: which requests are
sound, what a server gets of them, and what a client gets of a server's answer."""
import dataclasses
import ipaddress
import re

from reading import DIGITS, STRICT, Message, Reader, Refused, list_of

HEAD_LIMIT, FIELD_LIMIT = 16384, 100
ANSWER_HEAD_LIMIT, ANSWER_FIELD_LIMIT, INTERIM_LIMIT = 32768, 256, 64
EXTENSIONS_LIMIT, CHUNK_LINE_LIMIT = 4096, 1024
OPTIONS_LIMIT = 64
FORWARDS_LIMIT = (1 << 32) - 1
PLAIN_NAME = re.compile(rb"[A-Za-z0-9-]+\Z")
TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+\Z")
ABSOLUTE = re.compile(rb"(https?)://([^/?]*)(.*)\Z", re.I | re.S)
AUTHORITY = re.compile(rb"(\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9\-._~!$&'()*+;=]+)(?::([0-9]*))?\Z")
UNRESERVED = re.compile(rb"[A-Za-z0-9\-._~]\Z")
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==\Z")
FORWARDED = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port",
             b"forwarded"}
FORGED = FORWARDED | {b"x-forwarded-protocol", b"x-forwarded-ssl", b"x-real-ip"}
HOP = {b"connection", b"keep-alive", b"close", b"proxy-connection", b"te", b"transfer-encoding",
       b"upgrade", b"http2-settings"}
# Not taken away by a Connection that names them; nor is any other X-Forwarded field.
KEPT = {b"host", b"content-length", b"transfer-encoding", b"authorization", b"cookie", b"expect",
        b"max-forwards", b"via"} | FORGED
# Written by hpcbal itself.
OURS = HOP | FORGED | {b"host", b"content-length", b"x-request-id"}


@dataclasses.dataclass
class Wanted:
    """A request as a server should get it. `whole` is false when the client cut it, or spoiled
    its body: then no server may take it for whole. `either`: at a limit, so that it may be
    refused as well."""
    method: bytes
    target: bytes = b""
    host: bytes = b""
    fields: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    whole: bool = True
    last: bool = False      # nothing is read behind it
    upgrade: bool = False   # a WebSocket handshake
    may_switch: bool = False  # of a version whose 101 is believed
    own: int = 0            # hpcbal answers it so by itself, and reads on behind it
    has_body: bool = False
    either: bool = False
    spoiled: str = ""       # what is wrong with its body
    old: bool = False       # of an HTTP/1.0 client


def refuse(condition, why):
    if condition:
        raise Refused(why)


# --- the target ---

def decode_unreserved(path):
    out, at = b"", 0
    while at < len(path):
        if path[at:at + 1] != b"%":
            out, at = out + path[at:at + 1], at + 1
            continue
        digits = path[at + 1:at + 3]
        refuse(not re.match(rb"[0-9A-Fa-f]{2}\Z", digits) or digits == b"00", "escape")
        byte = bytes([int(digits, 16)])
        out, at = out + (byte if UNRESERVED.match(byte) else path[at:at + 3]), at + 3
    return out


def hides_dots(segment):
    """Whether a server that decodes slashes, or cuts parameters, finds a dot segment in it."""
    parts = re.split(rb"%2[Ff]|%5[Cc]|\\", segment)
    return any(re.split(rb";|%3[Bb]", part)[0] in (b".", b"..") for part in parts)


def normalise(path):
    """RFC 3986 6.2.2 and 5.2.4."""
    out, segments = [], decode_unreserved(path)[1:].split(b"/")
    for at, segment in enumerate(segments):
        if segment in (b".", b".."):
            if segment == b".." and out:
                out.pop()
            if at == len(segments) - 1:
                out.append(b"")
            continue
        refuse(hides_dots(segment), "hidden dots")
        out.append(segment)
    return b"/" + b"/".join(out)


def authority_of(text):
    """(host in lower case, port or None)"""
    found = AUTHORITY.match(text)
    refuse(not found, "authority")
    host, literal, port = found.groups()
    if literal:
        try:
            ipaddress.IPv6Address(literal.decode())
        except ValueError:
            raise Refused("authority") from None
    refuse(port is not None and not (port and 0 < int(port) <= 65535), "port")
    return host.lower(), int(port) if port else None


def path_of(origin_form):
    path, mark, query = origin_form.partition(b"?")
    return normalise(path) + mark + query


def target_of(method, target):
    """(what the server gets, the authority in it, the scheme's port)"""
    refuse(not TARGET.match(target), "target byte")
    if target[:1] == b"/":
        return path_of(target), b"", 80
    if method == b"OPTIONS" and target == b"*":
        return target, b"", 80
    found = ABSOLUTE.match(target)
    refuse(not found, "target form")
    scheme, authority, rest = found.groups()
    authority_of(authority)
    if not rest.startswith(b"/"):
        rest = b"*" if method == b"OPTIONS" and not rest else b"/" + rest
    return (path_of(rest) if rest != b"*" else rest, authority,
            443 if scheme.lower() == b"https" else 80)


def host_of(message, minor, authority, port):
    hosts = message.all(b"host")
    refuse(minor and not hosts, "no Host")
    refuse(len(hosts) > 1, "several Host")
    if not hosts:
        return authority
    host = authority_of(hosts[0])
    if authority:
        other = authority_of(authority)
        same = host[0] == other[0] and (host[1] or port) == (other[1] or port)
        refuse(not same, "Host differs")
    return authority or hosts[0]


# --- the fields ---

def named(fields):
    names = list_of([value for name, value in fields if name == b"connection"])
    return {n for n in names if n not in KEPT and not n.startswith(b"x-forwarded-")}


def kept_fields(fields, request=True):
    gone = named(fields)
    drop = HOP | {b"host", b"content-length"} | (FORGED if request else set())
    return [(name, value) for name, value in fields if name not in drop | gone and
            (not request or PLAIN_NAME.match(name))]


def expects_more(message):
    """Something that is not 100-continue (417)."""
    return any(set(list_of([value])) != {b"100-continue"} for value in message.all(b"expect"))


def forwards_left(message):
    """Of OPTIONS, what Max-Forwards says; None when it says nothing (RFC 9110 7.6.2)."""
    values = message.all(b"max-forwards") if message.method == b"OPTIONS" else []
    refuse(len(values) > 1 or any(not DIGITS.match(value) for value in values), "Max-Forwards")
    return int(values[0]) if values else None


def judge_websocket(message, minor, wanted):
    protocols = list_of(message.all(b"upgrade"))
    if b"websocket" not in protocols:
        return
    keys, versions = message.all(b"sec-websocket-key"), message.all(b"sec-websocket-version")
    gone = named(message.fields)
    refuse(message.method != b"GET" or not minor or len(keys) != 1 or
           b"upgrade" not in message.options() or not KEY.match(keys[0]) or
           b"sec-websocket-key" in gone, "WebSocket")
    wanted.upgrade = True
    wanted.may_switch = versions == [b"13"] and b"sec-websocket-version" not in gone


def persists(message, minor):
    options = message.options()
    return b"close" not in options and bool(minor or b"keep-alive" in options)


def minor_of(version):
    found = re.match(rb"HTTP/1\.([0-9])\Z", version)
    refuse(not found, "version")
    return 0 if found.group(1) == b"0" else 1


def judge_head(message, data):
    """The Wanted of a request whose head is well formed; refuses what is unsound in it."""
    minor = minor_of(message.first[2])
    size = message.head_end - message.start
    refuse(size > HEAD_LIMIT or len(message.fields) > FIELD_LIMIT, "limit")
    refuse(message.method == b"CONNECT", "method")
    target, authority, port = target_of(message.method, message.target)
    wanted = Wanted(message.method, target, last=not persists(message, minor), old=minor == 0,
                    whole=message.complete, body=message.body,
                    has_body=message.framing != "none")
    wanted.host = host_of(message, minor, authority, port)
    if message.method == b"TRACE":
        wanted.own = 405
        return wanted
    if expects_more(message):
        wanted.own = 417
        return wanted
    left = forwards_left(message)
    refuse(len(message.options()) > OPTIONS_LIMIT, "limit")
    judge_websocket(message, minor, wanted)
    if left == 0:
        wanted.own = 200
        return wanted
    wanted.fields = kept_fields(message.fields)
    if left is not None:
        wanted.fields = [f for f in wanted.fields if f[0] != b"max-forwards"] + [
            (b"max-forwards", b"%d" % min(left - 1, FORWARDS_LIMIT - 1))]
    if not minor:
        wanted.fields = [f for f in wanted.fields if f[0] != b"expect"]
    if message.framing == "chunked":
        wanted.either = near_chunk_limits(data[message.head_end:message.end], message,
                                          HEAD_LIMIT, FIELD_LIMIT)
        wanted.trailers = kept_trailers(message.trailers, message.fields)
    return wanted


# Sizes from which on a body may be refused: lines are not counted to the byte here.
def near_chunk_limits(raw, message, size_limit, fields_limit):
    size = sum(len(name) + len(value) + 2 for name, value in message.trailers)
    extensions = raw.count(b";") and len(raw) - len(message.body) > EXTENSIONS_LIMIT // 2
    return bool(extensions or size > size_limit // 2 or
                len(message.trailers) >= fields_limit or
                re.search(rb"[0-9A-Fa-f]{%d,}" % (CHUNK_LINE_LIMIT // 2), raw) or
                re.search(rb";[^\r\n]{%d,}" % (CHUNK_LINE_LIMIT // 2), raw))


TRAILERS_NOT_PASSED = {
    b"age", b"allow", b"cache-control", b"content-encoding", b"content-location", b"content-range",
    b"content-type", b"expires", b"location", b"max-forwards", b"pragma", b"proxy-authenticate",
    b"proxy-authorization", b"range", b"retry-after", b"set-cookie", b"vary",
    b"www-authenticate", b"date", b"trailer", b"sec-websocket-key", b"sec-websocket-version",
    b"sec-websocket-accept", b"referer", b"user-agent"} | OURS | KEPT


def kept_trailers(trailers, fields, request=True):
    """`fields`: of the head, whose Connection may name some."""
    gone = TRAILERS_NOT_PASSED | named(fields)
    return [(name, value) for name, value in trailers
            if name not in gone and (not request or PLAIN_NAME.match(name))]


@dataclasses.dataclass
class Plan:
    """What should become of a client's bytes: these requests go on, in this order, and then
    `fault` is refused (empty: nothing is). `methods`: of all requests that get an answer; the
    last one may have none when the client left in the middle of it."""
    wanted: list
    fault: str = ""
    methods: list = dataclasses.field(default_factory=list)
    tail: bytes = b""  # behind the request that opened a tunnel
    left: bool = False


def plan_of(data, tunnel=False):
    """`tunnel`: a server switched; the first request that asks for it is the last."""
    stream = STRICT.requests(data)
    plan = Plan([])
    for message in stream.messages:
        try:
            plan.wanted.append(judge_head(message, data))
        except Refused as why:
            plan.fault = str(why)
            plan.methods.append(message.method)
            return plan
        plan.methods.append(message.method)
        if not message.complete:
            plan.wanted[-1].spoiled = stream.rest if stream.refused else ""
            return plan
        if plan.wanted[-1].upgrade and tunnel:
            plan.tail = data[message.end:]
            return plan
        if plan.wanted[-1].last:
            return plan
    if stream.rest:
        plan.fault = stream.rest if stream.refused else ""
        plan.left = not stream.refused
        plan.methods.append(method_of_bad(data, stream))
    return plan


def method_of_bad(data, stream):
    """Of a request that could not be read: only whether it is HEAD matters, and that it is one
    if it says so where a method has to stand."""
    at = stream.messages[-1].end if stream.messages else 0
    return b"HEAD" if re.match(rb"(?:\r\n){0,4}HEAD ", data[at:at + 20]) else b"GET"


# --- answers ---

# RFC 9112 6.3 as hpcbal reads servers: the coding wins, equal lengths are one.
OF_SERVERS = Reader("of servers", both="te", lengths="equal", coding_in_10="honour")


@dataclasses.dataclass
class Reply:
    """What a client should get of a server's bytes. `fault`: it should get a 502, or a cut."""
    interim: list
    final: Message = None
    fault: str = ""
    either: bool = False
    left: bytes = b""  # behind it: nobody's


def check_switch(message, may_switch):
    accepts = message.all(b"sec-websocket-accept")
    refuse(not may_switch or message.first[0] == b"HTTP/1.0" or
           list_of(message.all(b"upgrade")) != [b"websocket"] or
           b"upgrade" not in message.options() or len(accepts) != 1 or not accepts[0] or
           b"sec-websocket-accept" in named(message.fields), "101")


def check_lengths(message):
    """Lengths that are none, or differ, are a fault beside a coding too, and of what has no
    body (HTTP.md 71)."""
    lengths = message.all(b"content-length")
    if lengths:
        OF_SERVERS.length_of(lengths)


def reply_of(data, method, may_switch, ended):
    """The Reply in a server's bytes; `ended`: the server closed behind them."""
    reply, at = Reply([]), 0
    try:
        while True:
            stream = OF_SERVERS.one_response(data, at, method, ended)
            message = stream.messages[0] if stream.messages else None
            if message is None:
                reply.fault = stream.rest or "nothing"
                return reply
            check_lengths(message)
            refuse(message.head_end - at > ANSWER_HEAD_LIMIT or
                   len(message.fields) > ANSWER_FIELD_LIMIT, "limit")
            refuse(len(message.options()) > OPTIONS_LIMIT, "limit")
            if message.status == 101:
                check_switch(message, may_switch)
            if message.status >= 200 or message.status == 101:
                break
            reply.interim.append(message)
            refuse(len(reply.interim) > INTERIM_LIMIT, "too many interim")
            at = message.end
    except Refused as why:
        reply.fault = str(why)
        return reply
    reply.final = message
    if not message.complete and message.framing != "tunnel":
        reply.fault = stream.rest or "cut"
    reply.left = b"" if message.framing in ("close", "tunnel") else data[message.end:]
    if message.framing == "chunked":
        reply.either = near_chunk_limits(data[message.head_end:message.end], message,
                                         ANSWER_HEAD_LIMIT, ANSWER_FIELD_LIMIT)
    return reply
