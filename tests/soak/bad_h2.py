"""Bad clients over HTTP/2, with TLS and without, frame by frame; and sound clients of bad
servers."""
import asyncio
import struct

import clients
import h2talk
import h2wire
import servers
import servers_h2
import talk

KINDS = ["two_silent", "two_flood", "two_flood", "two_rapid_reset", "two_provoked_reset",
         "two_slow_head", "two_unopened", "two_dripping", "two_bomb", "two_bad_block",
         "two_goaway", "two_late", "two_noise", "two_cut_upload", "two_overrun",
         "two_slow_reader", "two_tunnel", "two_malformed", "two_bad_server", "two_bad_server",
         "two_bad_server", "server_of_two", "server_of_two"]
CALM = h2wire.ENHANCE_YOUR_CALM
# A stream that its client has left, or lost with its connection.
LEFT = clients.GONE + "|PR|PD"
# Of exchanges with servers of servers_h2.FAULTS: they share connections, so that the fault of
# one may be that of another, too.
FAILED = "--|SH|SD|PH|PD|SC|sC|RC|sH|sD|sQ|SQ"
MALFORMED = (
    ((":scheme", "http"), (":path", "/"), (":authority", "a")),
    h2wire.GET + ((":method", "GET"),), h2wire.GET + (("Upper", "a"),),
    h2wire.GET + (("connection", "close"),), h2wire.GET + (("te", "gzip"),),
    h2wire.GET + (("a b", "c"),), h2wire.GET + (("x", "a\nb"),), h2wire.GET + (("host", "b"),),
    h2wire.GET + (("content-length", "3"),), h2wire.GET + ((":protocol", "websocket"),),
    (("x", "1"),) + h2wire.GET)


# Its server waits for a body that does not come.
POST = h2wire.POST[:2] + ((":path", "/g/up/b0"),) + h2wire.POST[3:]


def frames(kind, count, payload=b"", stream=0, flags=0):
    """So many of a kind."""
    def send(peer):
        for _ in range(count):
            peer.send(kind, flags, stream, payload)
    return send


def empties(peer):
    peer.headers(1, POST, end=False)
    frames(h2wire.DATA, 1000, stream=1)(peer)


def continuations(peer):
    peer.send(h2wire.HEADERS, 0, 1, peer.encoder.encode(h2wire.GET))
    frames(h2wire.CONTINUATION, 100, stream=1)(peer)


FLOODS = (frames(h2wire.PING, 500, b"8 bytes."), frames(h2wire.SETTINGS, 500),
          frames(h2wire.WINDOW, 5000, b"\0\0\0\1"), frames(0x77, 1000, b"unknown"),
          frames(h2wire.PRIORITY, 3000, b"\0\0\0\0\1", stream=3), empties, continuations)


class BadOverTwo:
    """Mixed into bad.Bad."""

    def peer(self, connection, **options):
        return h2talk.Frames(connection.reader, connection.writer, **options)

    def fields(self, kind, name, method="GET", size=100, where="g", more=()):
        return ((":method", method), (":scheme", "http"), (":authority", "bad"),
                (":path", f"/{where}/{kind}/{name}?{size}")) + tuple(more)

    async def told_off(self, peer, *codes):
        """The connection ends with one of these; or the GOAWAY is lost in a reset."""
        code = await self.round.until_over(peer.told_off())
        assert code in (None,) + codes, f"GOAWAY with {code}, not {codes}"

    # --- too much of something ---

    async def two_flood(self, connection):
        connection.expect("PR|CH|CD|CC", 1, 2)
        peer = self.peer(connection)
        self.rng.choice(FLOODS)(peer)
        await connection.writer.drain()
        try:
            await self.told_off(peer, CALM)
        except talk.RoundOver:  # it goes when not all has been sent: what came was no flood yet
            connection.lines[0] = 0
            raise

    async def two_rapid_reset(self, connection):
        connection.expect(LEFT, 1, 601)
        peer = self.peer(connection)
        for at in range(600):
            peer.headers(2 * at + 1, self.fields("get", self.name()))
            peer.rst(2 * at + 1)
        await connection.writer.drain()
        await self.told_off(peer, CALM)

    async def two_provoked_reset(self, connection):
        """Has us reset the streams."""
        connection.expect(LEFT, 1, 601)
        peer = self.peer(connection)
        for at in range(600):
            peer.headers(2 * at + 1, self.rng.choice(MALFORMED))
        await connection.writer.drain()
        await self.told_off(peer, CALM)

    async def two_bomb(self, connection):
        """A small block that is a large head."""
        connection.expect("PR")
        peer = self.peer(connection)
        start = peer.encoder.encode(self.fields("get", self.doomed()))
        large = peer.encoder.encode([("x-bomb", "a" * 3500)], huffman=False)
        peer.headers(1, start + large + b"\xbe" * 9000)  # the newest entry, again and again
        answer = await self.round.until_over(peer.answer(1))
        connection.told += 1
        assert answer.heads and answer.status == 431, f"{answer.heads}"

    async def two_overrun(self, connection):
        """More data than there is a window for."""
        connection.expect(LEFT + "|cD", 1, 2)
        peer = self.peer(connection)
        peer.headers(1, self.fields("up", self.doomed(), "POST"), end=False)
        for _ in range(100):
            peer.data(1, bytes(16000))
        await connection.writer.drain()
        await self.round.until_over(peer.told_off())

    # --- too little ---

    async def two_silent(self, connection):
        """Says hello, and no more."""
        connection.expect("cR|CR", 0, 1)
        hello = h2wire.PREFACE + h2talk.Frames.pack(h2wire.SETTINGS)
        size = self.rng.choice((3, len(h2wire.PREFACE), len(hello)))
        await connection.send(hello[:size])
        await self.round.nap(self.rng.choice((0, 20)))
        await self.leave(connection)

    async def two_slow_head(self, connection):
        connection.expect("cR|CR")
        peer = self.peer(connection)
        block = peer.encoder.encode(self.fields("get", self.doomed()))
        peer.send(h2wire.HEADERS, 0, 1, block[:self.rng.randrange(len(block))])
        await self.see_end(connection)  # an ACK would not be allowed now
        await self.round.until_over(connection.reader.read(-1))

    async def two_unopened(self, connection):
        """Its windows stay shut."""
        connection.expect("cD|CD", 5)
        peer = self.peer(connection, settings=((h2wire.INITIAL_WINDOW, 0),), manual=True)
        for at in range(5):
            peer.headers(2 * at + 1, self.fields("down", self.name(), size=1 << 20))
        for at in range(5):
            answer = await self.round.until_over(peer.answer(2 * at + 1))
            assert answer.body == b"" and not answer.ended, f"{len(answer.body)} bytes came"
            connection.told += 1

    async def two_dripping(self, connection):
        """Its windows open by a few bytes."""
        connection.expect("cD|CD|cR", 1, 2)
        peer = self.peer(connection, settings=((h2wire.INITIAL_WINDOW, 1),), manual=True)
        peer.headers(1, self.fields("down", self.name(), size=1 << 20))
        for _ in range(self.rng.randrange(200)):
            peer.window(1, self.rng.randrange(1, 50))
            await self.round.nap(self.rng.uniform(0, 0.1))
        await self.leave(connection)

    async def two_slow_reader(self, connection):
        """Asks for much, and does not read."""
        connection.expect("--|cD|CD|CH|CC|cR|PR", 1, 11)
        peer = self.peer(connection, settings=((h2wire.INITIAL_WINDOW, 1 << 24),), manual=True)
        peer.window(0, 1 << 24)
        for at in range(10):
            peer.headers(2 * at + 1, self.fields("down", self.name(), size=1 << 20))
        for _ in range(20):
            peer.ping()
            await self.round.nap(0.02)
        await self.round.nap(self.rng.choice((0, 20)))
        await self.leave(connection)

    # --- at the wrong time ---

    async def two_goaway(self, connection):
        """Takes its leave, and asks on."""
        connection.expect(LEFT, 1, 8)
        peer = self.peer(connection)
        for at in range(4):
            peer.headers(2 * at + 1, self.fields("get", self.name()))
        for _ in range(self.rng.randrange(1, 4)):
            peer.send(h2wire.GOAWAY, 0, 0, struct.pack(">II", self.rng.choice((0, 7, 1 << 30)),
                                                       self.rng.choice((0, 2, 11))))
        for at in range(4, 8):
            peer.headers(2 * at + 1, self.fields("get", self.name()))
        await self.round.nap(self.rng.choice((0, 0.05)))

    async def two_late(self, connection):
        """On a stream that is closed."""
        connection.expect("--|PR", 1, 2)
        peer = self.peer(connection)
        peer.headers(1, self.fields("get", self.name()))
        answer = await self.round.until_over(peer.answer(1))
        connection.told += 1
        assert answer.status == 200 and answer.ended, f"{answer.heads}"
        late = (lambda: peer.data(1, b"late"), lambda: peer.headers(1, h2wire.GET),
                lambda: peer.window(1, 5), lambda: peer.rst(1), lambda: peer.data(9, b"early"),
                lambda: peer.rst(9), lambda: peer.window(1, 0))
        for _ in range(self.rng.randrange(1, 20)):
            self.rng.choice(late)()
        await self.round.nap(0.05)

    async def two_noise(self, connection):
        """Frames of any kind, some of them cut."""
        connection.expect(LEFT + "|cR", 0, 30)
        peer = self.peer(connection)
        for _ in range(self.rng.randrange(1, 30)):
            payload = self.rng.randbytes(self.rng.choice((0, 4, 5, 8, 30)))
            peer.send(self.rng.randrange(11), self.rng.choice((0, 1, 4, 5, 37, 255)),
                      self.rng.choice((0, 1, 1, 3, 2)), payload)
        await connection.send(self.rng.randbytes(self.rng.choice((0, 5))))
        await self.leave(connection)

    async def two_bad_block(self, connection):
        """That is no HPACK."""
        connection.expect("PR")
        peer = self.peer(connection)
        peer.headers(1, self.rng.choice((b"\x80", b"\xff" * 9, b"\x3f\xff\xff\x7f", b"\xfe")))
        await self.told_off(peer, h2wire.COMPRESSION_ERROR)

    async def two_malformed(self, connection):
        """Each ends its stream only."""
        peer = self.peer(connection)
        for at in range(5):
            connection.expect("PR|PD")
            peer.headers(2 * at + 1, self.rng.choice(MALFORMED))
            answer = await self.round.until_over(peer.answer(2 * at + 1))
            connection.told += 1
            assert answer.reset or answer.status == 400, f"{answer.heads}"

    async def two_cut_upload(self, connection):
        connection.expect("CD|CC|CH|CR")
        peer = self.peer(connection)
        peer.headers(1, self.fields("up", self.doomed(), "POST"), end=False)
        for _ in range(self.rng.randrange(4)):
            peer.data(1, self.rng.randbytes(9000))
        await connection.writer.drain()
        if self.rng.random() < 0.5:
            peer.rst(1)
        await self.leave(connection)

    async def two_tunnel(self, connection):
        """A WebSocket that ends by a reset, of its stream or of all."""
        connection.expect("CT|--")
        peer = self.peer(connection)
        where = self.rng.choice("gstu")
        peer.headers(1, self.fields("ws", self.name(), "CONNECT", where=where, more=(
            (":protocol", "websocket"), ("sec-websocket-version", "13"))), end=False)
        while not peer.answers.get(1) or not peer.answers[1].heads:
            await self.round.until_over(peer.read())
        connection.told += 1
        assert peer.answers[1].status == 200, f"{peer.answers[1].heads}"
        peer.data(1, self.rng.randbytes(9000))
        await self.round.nap(self.rng.choice((0, 0.02)))
        if self.rng.random() < 0.5:
            peer.rst(1)
            await self.round.nap(0.02)

    # --- behind it a bad server ---

    async def two_bad_server(self, connection):
        """A sound client; its server, of either protocol, is none."""
        peer = self.peer(connection)
        asked = []
        for at in range(self.rng.randrange(1, 6)):
            where = self.rng.choice("bv")
            faults = servers.FAULTS if where == "b" else servers_h2.FAULTS
            kind, name = self.rng.choice(sorted(faults)), self.name()
            connection.expect(FAILED)
            asked.append((2 * at + 1, where, kind, name))
            peer.headers(2 * at + 1, self.fields(kind, name, where=where))
        for stream, where, kind, name in asked:
            answer = await self.round.until_over(peer.answer(stream))
            connection.told += 1
            if where == "b":
                fault = servers.FAULTS[kind]
                sound = not fault.cut and 200 in fault.statuses
            else:
                sound = servers_h2.FAULTS[kind].sound
            self.judge_answer(kind, name, sound, answer)

    def judge_answer(self, kind, name, sound, answer):
        """It is whole only where its server's was."""
        if not answer.heads or answer.status != 200:
            assert not answer.heads or answer.status in (413, 502, 503, 504), f"{answer.heads}"
        elif answer.ended:
            assert sound, f"{kind}: a cut answer looks whole"
            assert answer.body == talk.body_of(name, servers_h2.SIZE), f"{kind}: {answer.body}"

    async def server_of_two(self, connection):
        """As bad_server, where that speaks HTTP/2."""
        kind = self.rng.choice(sorted(servers_h2.FAULTS))
        fault, name = servers_h2.FAULTS[kind], self.name()
        connection.expect(FAILED)
        size = self.rng.choice((0, 0, 10, 1 << 20))
        more = f"Content-Length: {size}\r\n" if size else ""
        sender = asyncio.ensure_future(connection.send(
            self.head("POST" if size else "GET", kind, name, more, where="v") + bytes(size)))
        try:
            head = await self.round.until_over(talk.read_final_head(connection.reader))
            connection.told += 1
            assert head.status in (200, 502, 503, 504), f"{kind}: {' '.join(head.first)}"
            body = talk.read_body(connection.reader, head, until_close=True)
            whole = (await self.round.until_over(body)).body
        except (EOFError, OSError):
            return
        finally:
            sender.cancel()
        if head.status == 200:
            assert fault.sound, f"{kind}: a cut answer looks whole"
            assert whole == talk.body_of(name, servers_h2.SIZE), f"{kind}: {whole}"
