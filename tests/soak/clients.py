"""What good and bad clients have in common: a connection with a source address of its own, so
that a line of the access log tells whose it is."""
import asyncio
import itertools
import random
import socket
import struct
import time

import talk

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # of a PROXY header of version 2


def proxy_header(version, source):
    """As a proxy in front sends it for a client at `source`."""
    if version == 1:
        return f"PROXY TCP4 {source} 192.0.2.1 4711 80\r\n".encode()
    addresses = socket.inet_aton(source) + socket.inet_aton("192.0.2.1")
    addresses += struct.pack(">HH", 4711, 80)
    return SIGNATURE + b"\x21\x11" + struct.pack(">H", len(addresses)) + addresses


# Addresses where TLS is spoken, and what is asked for there (ALPN).
PROTOCOLS = {"tls": ["http/1.1"], "h2": ["h2", "http/1.1"]}
# A client that was late itself, by so many seconds in each of its steps, may have had its time.
LATE = 1.2
# What the client's end may be called, by how far the exchange had come.
GONE = "CR|CD|CH|CC|CT|--"


class Connection:
    """One client connection, and what the access log must say of it: `lines` is the least and
    the most number of lines."""

    def __init__(self, kind, source):
        self.kind, self.source = kind, source
        self.lines = [0, 0]
        self.told = 0  # final answers that have come
        self.letters = set()  # allowed in them
        self.reader = self.writer = None

    async def open(self, address, rcvbuf=None, tls=None):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        try:
            sock.bind((self.source, 0))
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError:
            sock.close()
            raise
        self.reader, self.writer = await asyncio.open_connection(
            sock=sock, limit=rcvbuf or talk.AHEAD, ssl=tls, server_hostname=tls and talk.NAME)

    def expect(self, letters, least=1, most=None):
        """One more exchange that ends like that."""
        self.lines[0] += least
        self.lines[1] += most or least
        self.letters.update(letters.split("|"))

    def expect_anything(self):
        """The end of the round came before it had: of what is under way, one is sure."""
        self.lines[0] = min(self.lines[0], self.told + 1)
        self.letters.update(GONE.split("|"))

    def told_to_books(self, late=False):
        least, most = self.lines
        if late:
            return (self.kind, self.source, 0, most + 1,
                    sorted(self.letters | {"cR", "cD", "cT", "CR"}))
        return (self.kind, self.source, least, most, sorted(self.letters))

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def close(self):
        if self.writer:
            self.writer.close()

    def reset(self):
        if self.writer:
            talk.reset(self.writer)


class Crowd:
    """Runs some tasks of each kind, again and again, until the end of the round."""

    TRADE = "g"  # the first letter of its requests' names
    BEFORE_AGAIN = 0.0  # a task's longest rest, in seconds
    AT_ONCE = {}  # kind: letters of the line that it leaves by connecting alone

    def __init__(self, seed, addresses, network, authority):
        self.rng = random.Random(seed)
        self.addresses = addresses
        self.network = network
        self.authority = authority
        self.tls = {way: talk.client_context(authority, self.rng, protocols)
                    for way, protocols in PROTOCOLS.items()}
        self.numbers = itertools.count(1)
        self.sources = itertools.count(1)
        self.faults = []
        self.tasks = []
        self.connections = []
        self.counts = {}
        self.late = 0.0
        self.round = talk.Round()

    def name(self):
        return f"{self.TRADE}{next(self.numbers)}"

    async def connect(self, kind, rcvbuf=None, way=None):
        """`way` is the name of the address that it is for, else `kind` begins with it, or it is
        for "http". Where that is one of PROTOCOLS, there is TLS."""
        number = next(self.sources)
        source = f"127.{self.network + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        connection = Connection(kind, source)
        self.connections.append(connection)
        if kind in self.AT_ONCE:
            connection.expect(self.AT_ONCE[kind])
        way = way or kind.split("_")[0]
        await connection.open(self.addresses.get(way, self.addresses["http"]), rcvbuf,
                              self.tls.get(way))
        return connection

    async def begin(self, *kinds):
        """`kinds`: names of methods, each as often as it stands there."""
        self.round = talk.Round()
        self.connections, self.faults, self.counts = [], [], {}
        self.late = 0.0
        self.tasks = [asyncio.ensure_future(self.repeat(kind)) for kind in kinds]
        self.tasks.append(asyncio.ensure_future(self.watch()))

    async def repeat(self, kind):
        while not self.round.over.is_set():
            self.counts[kind] = self.counts.get(kind, 0) + 1
            await self.once(kind)
            await self.round.nap(self.rng.uniform(0, self.BEFORE_AGAIN))

    async def watch(self):
        """How late this process is, at most, on a machine that is busy."""
        while not self.round.over.is_set():
            began = time.monotonic()
            await asyncio.sleep(0.1)
            self.late = max(self.late, time.monotonic() - began - 0.1)

    async def stop(self):
        self.round.over.set()
        await asyncio.gather(*self.tasks)

    def fault(self, kind, text):
        self.faults.append(f"{kind}: {text}")
