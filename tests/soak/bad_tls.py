"""Bad clients at the address where TLS is spoken, and clients of servers that cannot do it.
"bare_…" have no TLS of asyncio's: they touch the records themselves."""
import ssl

import talk

KINDS = ["bare_silent", "bare_stalled", "bare_half", "bare_plain", "bare_noise", "bare_protocol",
         "bare_distrust", "bare_old", "bare_broken", "bare_cut", "bare_storm", "tls_as_plain",
         "tls_as_plain", "tls_as_plain", "tls_slow_reader", "handshakeless_server"]
# What is done over TLS as without.
AS_PLAIN = ("malformed", "oversized", "reset_anywhere", "bad_chunks", "slow_body", "flood",
            "tunnel_reset", "refused_tunnel", "bad_server")
# However a connection ends on which records went wrong.
BROKEN = "CR|CD|CH|CC|PR"


class Records:
    """TLS over plain streams, whose records one may touch on their way."""

    def __init__(self, connection, context):
        self.reader, self.writer = connection.reader, connection.writer
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward, server_hostname=talk.NAME)

    def hello(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outward.read()

    async def shake_hands(self):
        """ssl.SSLError: the other side, or we, have said no."""
        self.writer.write(self.hello())
        while True:
            data = await self.reader.read(65536)
            if not data:
                raise EOFError
            self.inward.write(data)
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                pass
            finally:
                self.writer.write(self.outward.read())

    def seal(self, text):
        self.tls.write(text)
        return self.outward.read()


class BadOverTls:
    """Mixed into bad.Bad."""

    def records(self, connection, **options):
        context = talk.client_context(self.authority, self.rng, ["http/1.1"])
        for name, value in options.items():
            setattr(context, name, value)
        return Records(connection, context)

    async def see_refusal(self, records):
        """The handshake fails; the other side closes."""
        try:
            await self.round.until_over(records.shake_hands())
        except ssl.SSLError:
            pass
        else:
            raise AssertionError("the handshake is done")

    # --- the handshake ---

    async def bare_silent(self, connection):
        """Nobody has to know when it goes; its time may be over before."""
        connection.expect("cR", 0, 1)
        await self.silent(connection)

    async def bare_stalled(self, connection):
        connection.expect("cR|CR")
        hello = self.records(connection).hello()
        await connection.send(hello[:self.rng.choice((1, 5, 100, len(hello)))])
        await self.round.until_over(connection.reader.read(-1))

    async def bare_half(self, connection):
        connection.expect("CR")
        hello = self.records(connection).hello()
        await connection.send(hello[:self.rng.randrange(1, len(hello) + 1)])
        await self.leave(connection)

    async def bare_plain(self, connection):
        """HTTP where TLS is due."""
        connection.expect("PR")
        await connection.send(self.head("GET", "get", self.doomed()))
        await self.told(connection, 400)
        await self.see_end(connection)

    async def bare_noise(self, connection):
        connection.expect("PR|CR")
        start = self.rng.choice((b"", b"\x16\x03\x01\x00\x50", b"\x80\x50\x01"))
        await connection.send(start + self.rng.randbytes(self.rng.randrange(1, 3000)))
        await self.leave(connection)

    async def bare_protocol(self, connection):
        """Wants to speak what nobody does."""
        connection.expect("PR")
        context = talk.client_context(self.authority, self.rng, ["spdy/9"])
        await self.see_refusal(Records(connection, context))

    async def bare_distrust(self, connection):
        """Does not believe the certificate."""
        connection.expect("CR")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        await self.see_refusal(Records(connection, context))

    async def bare_old(self, connection):
        connection.expect("PR")
        records = self.records(connection, minimum_version=ssl.TLSVersion.TLSv1,
                               maximum_version=ssl.TLSVersion.TLSv1_1)
        records.tls.context.set_ciphers("ALL:@SECLEVEL=0")
        await self.see_refusal(records)

    async def bare_storm(self, connection):
        """Handshakes of which nothing comes, beside one that never begins."""
        connection.expect("cR", 0, 1)
        for _ in range(5):
            other = await self.connect("bare_storm")
            other.expect("CR|cR", 0, 1)
            try:
                await self.round.until_over(self.records(other).shake_hands())
            finally:
                other.reset()

    # --- behind it ---

    async def bare_broken(self, connection):
        """A record is not what was sealed, amid a request, or behind it."""
        records = self.records(connection)
        connection.expect(BROKEN + "|--", 0, 2)
        await self.round.until_over(records.shake_hands())
        whole = self.head("POST", "up", self.doomed(), "Content-Length: 30\r\n")
        await connection.send(records.seal(whole[:self.rng.randrange(1, len(whole) + 1)]))
        await self.round.nap(self.rng.choice((0, 0.01)))
        sealed = bytearray(records.seal(b"x" * 20))
        way = self.rng.randrange(4)
        if way == 0:
            sealed[-1] ^= 1
        elif way == 1:
            sealed[:0] = self.rng.randbytes(30)
        elif way == 2:
            sealed[3:5] = b"\xff\xff"
        else:
            sealed *= 2  # the same one again
        await connection.send(bytes(sealed))
        await self.see_end(connection)

    async def bare_cut(self, connection):
        """Ends without close_notify, amid a record or between two."""
        records = self.records(connection)
        connection.expect("CD|CH|CC|CR")
        await self.round.until_over(records.shake_hands())
        sealed = records.seal(self.head("POST", "up", self.doomed(), "Content-Length: 9999\r\n"))
        body = records.seal(b"x" * 5000)
        await connection.send(sealed + body[:self.rng.choice((1, 100, len(body)))])
        await self.round.nap(self.rng.choice((0, 0.01)))
        if self.rng.random() < 0.5:
            connection.writer.write_eof()
            await self.see_end(connection)

    async def tls_as_plain(self, connection):
        await getattr(self, self.rng.choice(AS_PLAIN))(connection)

    async def tls_slow_reader(self, connection):
        await self.slow_reader(connection)

    # --- servers ---

    async def handshakeless_server(self, connection):
        connection.expect("SC|sC|RC")
        await connection.send(self.head("GET", "get", self.name(), where="w"))
        await self.told(connection, 502, 503)
