"""The servers of the soak: sound ones, that check what they are sent; bad ones, each of whose
faults is a row of FAULTS; and one that comes and goes."""
import asyncio
import base64
import collections
import hashlib
import random
import socket
import weakref

import clients
import servers_h2
import talk

GREETING = b"220 ready\r\n"
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + WEBSOCKET).encode()).digest()).decode()


class Server:
    """Serves connections of requests, one after the other, until somebody has enough."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.writers = set()
        self.server = None

    async def open(self, address):
        self.server = await asyncio.start_server(self.connected, *address, limit=talk.AHEAD,
                                                 backlog=1024, ssl=self.tls)

    def shut(self):
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()

    async def connected(self, reader, writer):
        self.writers.add(writer)
        try:
            while await self.answer(reader, writer):
                pass
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
                talk.RoundOver):
            pass
        finally:
            self.writers.discard(writer)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


class Servers(servers_h2.ServersOfTwo):
    """All kinds, each at a list of addresses."""

    def __init__(self, seed, addresses, certificate):
        self.rng = random.Random(seed)
        self.addresses, self.certificate = addresses, certificate
        self.round = talk.Round()
        self.whole = collections.Counter()  # names of requests that arrived whole
        self.named = weakref.WeakKeyDictionary()  # connection: whom its PROXY header named
        self.flapping = None

    # --- what the main process calls ---

    async def open(self):
        tls, two = (talk.server_context(self.certificate, protocol)
                    for protocol in ("http/1.1", "h2"))
        kinds = {"sound": (self.answer_soundly,), "headed": (self.answer_named,),
                 "raw": (self.greet_and_echo,), "rawbad": (self.fail_raw,),
                 "bad": (self.answer_badly,), "secured": (self.answer_soundly, tls),
                 "two": (self.speak_two,), "twosecured": (self.speak_two, two),
                 "twobad": (self.fail_two,), "securedbad": (self.fail_tls,)}
        for kind, how in kinds.items():
            for address in self.addresses[kind]:
                await Server(*how).open(address)

    async def begin(self):
        self.round = talk.Round()
        self.whole.clear()
        self.flapping = asyncio.ensure_future(self.flap())

    async def end(self):
        """Holds nobody any longer; the names that arrived whole, and how often."""
        self.round.over.set()
        await self.flapping
        return dict(self.whole)

    # --- soundly ---

    async def answer_soundly(self, reader, writer):
        request = await talk.read_head(reader)
        name, kind = talk.name_and_kind(request.first[1])
        if request.says("expect", "100-continue"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await talk.read_body(reader, request, until_close=False)
        self.whole[name] += 1
        if self.named.get(writer, request.fields["x-forwarded-for"]) != \
                request.fields["x-forwarded-for"]:
            return False  # another client's connection
        if kind == "ws" and "sec-websocket-key" in request.fields:
            return await self.echo(request, reader, writer)
        body = talk.answer_to(request.first[1], request.body, request.trailers)
        return await self.send(writer, name, body, request.first[0] == "HEAD", kind == "trail")

    async def answer_named(self, reader, writer):
        """Behind a PROXY header, which comes once, and names who every request is from."""
        if writer not in self.named:
            head = await reader.readexactly(16)
            assert head.startswith(clients.SIGNATURE + b"\x21\x11"), head
            addresses = await reader.readexactly(int.from_bytes(head[14:], "big"))
            self.named[writer] = socket.inet_ntoa(addresses[:4])
        return await self.answer_soundly(reader, writer)

    async def send(self, writer, name, body, no_body, trail):
        """In one of three framings, by the name; False when the connection was its end. With
        trailers in one only."""
        framing = 5 if trail else int(name[1:]) % 8
        head = "HTTP/1.1 200 OK\r\n"
        if framing == 7:
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + (b"" if no_body else body))
        elif framing >= 5:
            writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() +
                         (b"" if no_body else talk.chunked(
                             body, 10000, f"X-Name: {name}\r\n" if trail else "")))
        else:
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() +
                         (b"" if no_body else body))
        await writer.drain()
        return framing != 7

    async def echo(self, request, reader, writer):
        accept = accept_of(request.fields["sec-websocket-key"])
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                     f"Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        return await self.send_back(reader, writer)

    async def send_back(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        return False

    async def greet_and_echo(self, reader, writer):
        """In mode tcp it speaks first."""
        writer.write(GREETING)
        return await self.send_back(reader, writer)

    # --- badly ---

    async def fail_raw(self, reader, writer):
        """In mode tcp: in one of several ways, at one of several moments."""
        end = self.rng.choice((close, send_reset, hold))
        if self.rng.random() < 0.5:
            writer.write(GREETING)
        if self.rng.random() < 0.5:
            await reader.read(100)
        return await end(self, "", writer)

    async def answer_badly(self, reader, writer):
        request = await talk.read_head(reader)
        name, kind = talk.name_and_kind(request.first[1])
        fault = FAULTS[kind]
        if not fault.before_body:
            await talk.read_body(reader, request, until_close=False)
        return await fault.act(self, name, writer)

    async def flap(self):
        """Up and down, so that connections are refused, cut and made again."""
        while not self.round.over.is_set():
            server = Server(self.answer_soundly)
            await server.open(self.addresses["flapping"][0])
            await self.round.nap(self.rng.uniform(0.2, 1.5))
            server.shut()
            await self.round.nap(self.rng.uniform(0.05, 0.8))


# --- faults ---

class Fault:
    """What a bad server does; `statuses` and `letters` are what may come of it. `cut`: the
    client gets an answer that it sees to be incomplete."""

    def __init__(self, act, statuses, letters, cut=False, before_body=False):
        self.act, self.statuses, self.letters = act, statuses, letters
        self.cut, self.before_body = cut, before_body


def says(text, go_on=False):
    """The text, in which BODY is the request's own; then the end, unless it goes on."""
    async def act(servers, name, writer):
        writer.write(text.replace(b"BODY", talk.body_of(name, BODY)))
        await writer.drain()
        return go_on
    return act


async def close(servers, name, writer):
    return False


async def send_reset(servers, name, writer):
    talk.reset(writer)
    return False


async def hold(servers, name, writer):
    """Says nothing until the proxy, or the round, has an end."""
    while not writer.transport.is_closing() and not servers.round.over.is_set():
        await servers.round.nap(0.1)
    return False


def says_and(text, then):
    async def act(servers, name, writer):
        await says(text)(servers, name, writer)
        return await then(servers, name, writer)
    return act


async def drip(servers, name, writer):
    """A sound answer, byte by byte."""
    body = talk.body_of(name, BODY)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.002)
    return True


async def endless_head(servers, name, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.transport.is_closing():
        writer.write(b"X-More: of it\r\n" * 500)
        await writer.drain()
    return False


def reset_behind(text):
    async def act(servers, name, writer):
        await says(text)(servers, name, writer)
        await servers.round.nap(servers.rng.uniform(0, 0.02))
        talk.reset(writer)
        return False
    return act


async def noise(servers, name, writer):
    writer.write(servers.rng.randbytes(servers.rng.randrange(1, 3000)))
    await writer.drain()
    return False


BODY = 40
OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: %d\r\n\r\nBODY" % BODY
FAULTS = {
    "close": Fault(close, {502}, "SH"),
    "reset": Fault(send_reset, {502}, "SH"),
    "half_head": Fault(says(OK + b"Content-Le"), {502}, "SH"),
    "short_body": Fault(says(OK + b"Content-Length: 1000\r\n\r\nBODY"), {200}, "SD", cut=True),
    "short_chunks": Fault(says(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), {200},
                          "SD", cut=True),
    "bad_chunk": Fault(says(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeX"), {200, 502},
                       "PD", cut=True),
    "reset_in_body": Fault(reset_behind(OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 300), {200},
                           "SD", cut=True),
    "reset_in_unframed": Fault(reset_behind(OK + b"\r\n" + b"x" * 300), {200}, "SD", cut=True),
    "noise": Fault(noise, {502}, "SH|PH"),
    "no_http": Fault(says(b"hello world\r\n\r\n"), {502}, "PH"),
    "status": Fault(says(b"HTTP/1.1 999 What\r\n\r\n"), {502}, "PH"),
    "two_lengths": Fault(says(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), {502},
                         "PH"),
    "gzip_only": Fault(says(OK + b"Transfer-Encoding: gzip\r\n\r\nabc"), {502}, "PH"),
    "bad_field": Fault(says(OK + b"X\0: a\r\n\r\n"), {502}, "PH"),
    "endless_head": Fault(endless_head, {502}, "PH"),
    "many_interim": Fault(says(b"HTTP/1.1 102 Processing\r\n\r\n" * 200), {502}, "PH"),
    "unasked_switch": Fault(says(b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n"), {502}, "PH"),
    "bytes_behind": Fault(says(WHOLE + b"HTTP/1.1 500 No\r\n\r\n", go_on=True), {200}, "--"),
    "close_behind": Fault(says(WHOLE), {200}, "--"),
    "drip": Fault(drip, {200}, "--"),
    "hold": Fault(hold, {504, 502}, "sH|SH"),
    "hold_in_head": Fault(says_and(OK + b"Content-", hold), {504, 502}, "sH|SH"),
    "hold_in_body": Fault(says_and(OK + b"Content-Length: 1000\r\n\r\nabc", hold), {200},
                          "sD|SD", cut=True),
    "hold_unread": Fault(hold, {504, 502}, "sH|sD|SH", before_body=True),
    "early_refusal": Fault(says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"), {413},
                           "--", before_body=True),
}
