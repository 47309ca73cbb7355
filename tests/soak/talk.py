"""What all parts of the soak speak: bodies known by a number, HTTP over asyncio streams, and
the processes that the parts run in."""
import asyncio
import hashlib
import logging
import multiprocessing
import random
import socket
import ssl
import struct
import time
import traceback

NOISE = random.Random(7).randbytes(1 << 16)
# Asyncio's own limit of what it reads ahead, and so of a line.
AHEAD = 1 << 18
NAME = "soak.test"  # in the certificates of both sides


def body_of(name, size):
    """`size` bytes that only the request of this name is answered with."""
    start = name.encode() + b"|"
    return (start + NOISE * (size // len(NOISE) + 1))[:max(size, len(start))]


def name_and_kind(target):
    """Of "/g/KIND/NAME"."""
    _, _, kind, name = target.split("?")[0].split("/", 3)
    return name, kind


def answer_to(target, body, trailers):
    """The body that a sound server gives, for a request with this body and these trailers."""
    name, kind = name_and_kind(target)
    if kind in ("up", "trail"):
        return f"{name}|{digest(body)}|{trailers.get('x-digest')}".encode()
    return body_of(name, int(target.partition("?")[2] or 100))


def digest(body):
    return hashlib.sha256(body).hexdigest()


def fields_of(lines):
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return fields


class Message:
    """A head; its body is read by read_body()."""

    def __init__(self, raw):
        lines = raw[:-4].decode("latin-1").split("\r\n")
        self.first = lines[0].split(" ", 2)
        self.fields = fields_of(lines[1:])
        self.body = b""
        self.trailers = {}

    @property
    def status(self):
        return int(self.first[1])

    def says(self, name, word):
        return word in self.fields.get(name, "").lower()


class Listener:
    """A reader that knows how long it has waited for something to come, at most."""
    PIECE = 1 << 16

    def __init__(self, reader):
        self.reader = reader
        self.silence = 0.0

    async def timed(self, work):
        began = time.monotonic()
        value = await work
        self.silence = max(self.silence, time.monotonic() - began)
        return value

    async def readuntil(self, mark):
        return await self.timed(self.reader.readuntil(mark))

    async def readexactly(self, size):
        pieces = []
        for at in range(0, size, self.PIECE):
            piece = self.reader.readexactly(min(self.PIECE, size - at))
            pieces.append(await self.timed(piece))
        return b"".join(pieces)

    async def read(self, _):
        pieces = []
        while piece := await self.timed(self.reader.read(self.PIECE)):
            pieces.append(piece)
        return b"".join(pieces)


async def read_head(reader):
    return Message(await reader.readuntil(b"\r\n\r\n"))


async def read_chunks(reader):
    """The body, and the lines of its trailers."""
    body, trailers = [], []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body.append((await reader.readexactly(size + 2))[:-2])
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        trailers.append(line)
    return b"".join(body), trailers


async def read_body(reader, message, until_close):
    """The whole body, by whichever framing; until_close: without one it ends with the stream."""
    if "transfer-encoding" in message.fields:
        message.body, trailers = await read_chunks(reader)
        message.trailers = fields_of(line.decode("latin-1") for line in trailers)
    elif "content-length" in message.fields:
        message.body = await reader.readexactly(int(message.fields["content-length"]))
    elif until_close:
        message.body = await reader.read(-1)
    return message


async def read_final_head(reader):
    while (answer := await read_head(reader)).status < 200 and answer.status != 101:
        pass
    return answer


async def read_answer(reader, method="GET"):
    """The final response to a request of that method."""
    answer = await read_final_head(reader)
    if answer.status == 101 or method == "HEAD" or answer.status in (204, 304):
        return answer
    return await read_body(reader, answer, until_close=True)


def chunked(body, size, trailers=""):
    """The body in chunks of that size, with the last one."""
    pieces = [b"%x\r\n%s\r\n" % (len(piece), piece)
              for piece in (body[at:at + size] for at in range(0, len(body), size))]
    return b"".join(pieces) + f"0\r\n{trailers}\r\n".encode()


def reset(writer):
    """Closes with RST, unless it is closed already."""
    if writer.transport.is_closing():
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class ClientContext(ssl.SSLContext):
    """Every other handshake goes on with the last session that was kept."""
    session = rng = None

    def wrap_bio(self, *words, **options):
        session = self.session if self.rng.random() < 0.5 else None
        return super().wrap_bio(*words, session=session, **options)


def client_context(authority, rng, protocols):
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    context.set_alpn_protocols(protocols)
    context.rng = rng
    return context


def server_context(certificate, *protocols):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(list(protocols))
    return context


class Part:
    """A process of the soak. Its rounds are begun and ended by the main one; `work` is made in
    the process, with begin() that starts a round's tasks and end() that returns its report."""

    def __init__(self, work, *arguments):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(theirs, work, arguments),
                                               daemon=True)
        self.process.start()
        theirs.close()

    def call(self, word, *arguments):
        self.pipe.send((word, arguments))
        good, value = self.pipe.recv()
        if not good:
            raise AssertionError(f"the soak's own {word} failed:\n{value}")
        return value

    def close(self):
        self.pipe.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def serve(pipe, work, arguments):
    asyncio.run(obey(pipe, work, arguments))


async def obey(pipe, work, arguments):
    # It warns of each write behind a reset, of which there are many here.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    worker = work(*arguments)
    while True:
        try:
            word, given = await loop.run_in_executor(None, pipe.recv)
        except EOFError:
            return
        try:
            value = (True, await getattr(worker, word)(*given))
        except Exception:
            value = (False, traceback.format_exc())
        pipe.send(value)


class Round:
    """A round's end, which everything that waits looks out for."""

    def __init__(self):
        self.over = asyncio.Event()

    async def nap(self, seconds):
        """Sleeps, at most to the end of the round."""
        try:
            await asyncio.wait_for(self.over.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    async def until_over(self, work):
        """The value of `work`; asyncio.CancelledError when the round ended before."""
        task, end = asyncio.ensure_future(work), asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise RoundOver
            return task.result()
        finally:
            task.cancel()
            end.cancel()


class RoundOver(Exception):
    """The round ended meanwhile."""
