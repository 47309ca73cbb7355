"""Bad clients, one method a kind, and clients of bad servers. Each says before what the access
log will have to say of it (Connection.expect)."""
import asyncio
import base64
import time

import bad_h2
import bad_tls
import clients
import servers
import talk

HOST = "Host: bad\r\n"
UPGRADE = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n")
ENDS = ("close", "reset")
FEW = 5  # requests a second of one client under /l/, and at once
# Heads that are refused, with their last empty line.
MALFORMED = (
    "GET /", "GET / HTTP/1.1", "get  / HTTP/1.1", "GET / HTTP/1.9x", "GET / HTTP/2.0",
    "GET /%zz HTTP/1.1\r\nHost: a", "GET /a/..%2f HTTP/1.1\r\nHost: a", "CONNECT a:1 HTTP/1.1",
    "TRACE / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
    "GET / HTTP/1.1\r\nHost: a\r\n folded: 1", "GET / HTTP/1.1\r\nHost: a\r\nno colon",
    "GET / HTTP/1.1\r\nHost: a\r\nName : 1", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: the unexpected\r\nContent-Length: 1",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket")
BAD_CHUNKS = (b"x\r\n", b"0x3\r\nabc\r\n", b"3\nabc\r\n", b"3\r\nabcd\r\n", b"3 \r\nabc\r\n",
              b"ffffffffffffffffff\r\n", b"-1\r\n", b"0\r\nno colon\r\n\r\n",
              b"3;" + b"e" * 9000 + b"\r\n")


class Bad(bad_tls.BadOverTls, bad_h2.BadOverTwo, clients.Crowd):
    TRADE = "b"
    BEFORE_AGAIN = 0.2
    # A server that resets before anybody has looked was never connected.
    AT_ONCE = {"raw_silent": "--|CT|CC", "raw_reset": "--|CT|CC", "raw_slow_reading": "CT|CC",
               "rawbad_server": "--|CT|CC|ST|SC|RC"}

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.never_whole = set()  # names of requests that no server may see the end of

    async def begin(self, copies):
        self.never_whole = set()
        await super().begin(*(KINDS * copies))

    async def end(self):
        await self.stop()
        return {"faults": self.faults, "never_whole": self.never_whole, "counts": self.counts,
                "late": self.late,
                "connections": [one.told_to_books(self.late > clients.LATE)
                                for one in self.connections]}

    async def once(self, kind):
        """However it goes: the connection is gone afterwards, and no exception tells of it but
        a test's own."""
        connection = None
        try:
            way = self.rng.choice(("h2", "h2c")) if kind.startswith("two_") else None
            connection = await self.connect(kind, 4096 if "slow_read" in kind else None, way)
            await getattr(self, kind)(connection)
        except talk.RoundOver:
            connection.expect_anything()
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            pass
        except (AssertionError, ValueError) as fault:
            self.fault(kind, f"{connection.source} {type(fault).__name__} {fault}")
        finally:
            if connection and connection.writer:
                connection.reset()

    async def leave(self, connection):
        """Goes in one of several ways."""
        await self.round.nap(self.rng.choice((0, 0, 0.01, 0.1)))
        if self.rng.choice(ENDS) == "close":
            connection.close()

    async def told(self, connection, *statuses, method="GET"):
        """The next answer has one of these; the round's end may come before."""
        answer = await self.round.until_over(talk.read_answer(connection.reader, method))
        connection.told += 1
        assert answer.status in statuses, f"{' '.join(answer.first)}, not {statuses}"
        return answer

    async def see_end(self, connection):
        await self.round.until_over(connection.reader.read(1))

    def head(self, method, kind, name, more="", size=100, where="g"):
        return f"{method} /{where}/{kind}/{name}?{size} HTTP/1.1\r\n{HOST}{more}\r\n".encode()

    def doomed(self):
        """The name of a request that must not get through whole."""
        name = self.name()
        self.never_whole.add(name)
        return name

    # --- heads ---

    async def silent(self, connection):
        """Says nothing at all: nobody has to know."""
        await self.round.nap(self.rng.choice((0, 0.1, 20)))
        await self.leave(connection)

    async def storm(self, connection):
        """Many that come and go at once."""
        for _ in range(20):
            other = await self.connect("storm")
            other.reset()

    async def garbage(self, connection):
        connection.expect("PR|CR")
        await connection.send(b"\x16" + self.rng.randbytes(self.rng.randrange(5000)))
        await self.leave(connection)

    async def malformed(self, connection):
        connection.expect("PR")
        await connection.send((self.rng.choice(MALFORMED) + "\r\n\r\n").encode())
        answer = await self.told(connection, 400, 405, 417, 501, 505)
        if answer.says("connection", "close"):
            await self.see_end(connection)

    async def oversized(self, connection):
        connection.expect("PR")
        start = self.rng.choice(("GET /" + "a" * 40000, "GET / HTTP/1.1\r\nX: " + "a" * 40000,
                                 "GET / HTTP/1.1\r\n" + "X: 1\r\n" * 300))
        await connection.send(start.encode())
        await self.told(connection, 414, 431)

    async def slow_head(self, connection):
        """A byte now and then."""
        connection.expect("cR|CR")
        await connection.send(b"G")
        for byte in self.head("ET", "get", self.doomed(), more="X-Long: " + "a" * 500 + "\r\n"):
            await connection.send(bytes([byte]))
            await self.round.nap(self.rng.uniform(0.05, 0.3))
            if self.round.over.is_set() or connection.reader.at_eof():
                return

    async def half_head(self, connection):
        connection.expect("CR")
        whole = self.head("GET", "get", self.doomed())
        await connection.send(whole[:self.rng.randrange(1, len(whole) - 1)])
        connection.writer.write_eof()
        await self.see_end(connection)

    async def reset_anywhere(self, connection):
        """Some of a sound request, and off."""
        body = self.rng.randbytes(20000)
        whole = self.head("POST", "up", self.name(), f"Content-Length: {len(body)}\r\n") + body
        size = self.rng.choice((self.rng.randrange(1, 200), self.rng.randrange(1, len(whole) + 1),
                                len(whole)))
        connection.expect(clients.GONE)
        await connection.send(whole[:size])
        await self.round.nap(self.rng.choice((0, 0, 0.001, 0.01)))

    async def limited(self, connection):
        """Wants more than it may have."""
        began, had = time.monotonic(), 0
        for _ in range(4 * FEW):
            connection.expect("--|PR")
            await connection.send(self.head("GET", "get", self.name(), where="l"))
            answer = await self.told(connection, 200, 429)
            had += answer.status == 200
            assert answer.status == 200 or "retry-after" in answer.fields, "a 429 without when"
        most = FEW + FEW * (time.monotonic() - began) + 1
        assert FEW <= had <= most, f"{had} requests instead of {FEW} to {most:.1f}"

    # --- before all heads: at the address where a PROXY header is due ---

    async def named_wrongly(self, connection):
        connection.expect("PR")
        await connection.send(self.rng.choice((
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", b"PROXY " + b"a" * 200,
            clients.SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
            clients.SIGNATURE + b"\x21\x11\0\x01" + bytes(12))))
        await self.see_end(connection)

    async def named_slowly(self, connection):
        connection.expect("cR|CR")
        for byte in clients.proxy_header(1, "198.51.100.1"):
            await connection.send(bytes([byte]))
            await self.round.nap(self.rng.uniform(0.05, 0.3))
            if self.round.over.is_set() or connection.reader.at_eof():
                return

    async def named_by_half(self, connection):
        connection.expect("CR")
        header = clients.proxy_header(self.rng.choice((1, 2)), "198.51.100.1")
        await connection.send(header[:self.rng.randrange(1, len(header) - 1)])
        await self.leave(connection)

    async def named_and_malformed(self, connection):
        """The log names whom the header named: itself."""
        header = clients.proxy_header(self.rng.choice((1, 2)), connection.source)
        await connection.send(header)
        await self.malformed(connection)

    # --- bodies ---

    async def bad_chunks(self, connection):
        connection.expect("PD")
        start = b"3\r\nabc\r\n" * self.rng.randrange(3)
        head = self.head("POST", "up", self.doomed(), "Transfer-Encoding: chunked\r\n")
        await connection.send(head + start + self.rng.choice(BAD_CHUNKS))
        await self.told(connection, 400)

    async def slow_body(self, connection):
        connection.expect("cD|CD|CC")
        await connection.send(self.head("POST", "up", self.doomed(), "Content-Length: 1000\r\n"))
        for _ in range(self.rng.randrange(100)):
            await connection.send(b"x")
            await self.round.nap(self.rng.uniform(0.05, 0.3))
            if self.round.over.is_set():
                return
        await self.told(connection, 408)  # it stalls now

    async def aborted_upload(self, connection):
        """A FIN, or a reset, amid the body."""
        connection.expect("CD|CC")
        body = self.rng.randbytes(self.rng.randrange(1, 300000))
        cut = talk.chunked(body, 3000)[:-self.rng.randrange(1, 9)]
        framing, body = self.rng.choice(((f"Content-Length: {len(body) + 1}\r\n", body),
                                         ("Transfer-Encoding: chunked\r\n", cut)))
        await connection.send(self.head("PUT", "up", self.doomed(), framing) + body)
        if self.rng.choice(ENDS) == "close":
            connection.writer.write_eof()
            await self.see_end(connection)

    async def waits_for_continue(self, connection):
        """Is told to go on, and does not."""
        connection.expect("cD|CD")
        await connection.send(self.head("PUT", "up", self.doomed(),
                                        "Content-Length: 5\r\nExpect: 100-continue\r\n"))
        assert (await self.round.until_over(talk.read_head(connection.reader))).status == 100
        await self.round.nap(self.rng.choice((0.1, 20)))

    # --- answers ---

    async def slow_reader(self, connection):
        """Asks for much and takes little of it."""
        connection.expect("cD|CD")
        await connection.send(self.head("GET", "down", self.name(), size=4 << 20))
        for _ in range(self.rng.choice((3, 100))):
            await self.round.until_over(connection.reader.read(1000))
            await self.round.nap(self.rng.uniform(0, 0.2))
        await self.round.nap(self.rng.choice((0, 20)))
        await self.leave(connection)

    async def flood(self, connection):
        """Pipelines, and does not stay for the answers."""
        count = self.rng.randrange(2, 200)
        connection.expect(clients.GONE, 1, count)
        await connection.send(b"".join(self.head("GET", "get", self.name(), size=2000)
                                       for _ in range(count)))
        for _ in range(self.rng.choice((0, 0, 3))):
            await self.told(connection, 200)
        await self.leave(connection)

    # --- tunnels ---

    async def tunnel(self, connection, early=b""):
        connection.expect("CT|--")
        await connection.send(self.head("GET", "ws", self.name(), UPGRADE) + early)
        await self.told(connection, 101)

    async def tunnel_reset(self, connection):
        await self.tunnel(connection, early=self.rng.randbytes(self.rng.randrange(2000)))
        await connection.send(self.rng.randbytes(5000))
        await self.leave(connection)

    async def slow_reading_tunnel(self, connection):
        """Sends what comes back, and does not read it."""
        await self.tunnel(connection)
        sender = connection.send(talk.NOISE * 256)
        await self.round.until_over(asyncio.wait_for(sender, 3))

    async def refused_tunnel(self, connection):
        """Stays HTTP, whatever comes behind."""
        connection.expect("--")
        connection.expect("PR")
        await connection.send(self.head("GET", "get", self.name(), UPGRADE) + b"\x81\x05hello")
        await self.told(connection, 200)
        await self.told(connection, 400)

    # --- in mode tcp, where each connection has its line ---

    async def raw_silent(self, connection):
        await self.leave(connection)

    async def raw_reset(self, connection):
        await connection.send(self.rng.randbytes(self.rng.randrange(1, 100000)))
        await self.leave(connection)

    async def raw_slow_reading(self, connection):
        """Sends what comes back, and does not read it."""
        await self.round.until_over(asyncio.wait_for(connection.send(bytes(16 << 20)), 3))

    async def rawbad_server(self, connection):
        await connection.send(self.rng.randbytes(self.rng.randrange(1, 100000)))
        await self.round.until_over(asyncio.wait_for(connection.reader.read(-1), 3))

    # --- behind it a bad server ---

    async def bad_server(self, connection):
        """A sound client, some requests long; its server's fault is told, or seen."""
        for _ in range(self.rng.randrange(1, 5)):
            kind = self.rng.choice(sorted(servers.FAULTS))
            fault, name = servers.FAULTS[kind], self.name()
            method = self.rng.choice(("GET", "POST"))
            # An earlier answer's server may close its connection just when a POST goes out.
            statuses = fault.statuses | ({502} if method == "POST" else set())
            connection.expect(fault.letters + ("|RC|SH" if method == "POST" else "|RC"))
            size = 4 << 20 if fault.before_body and method == "POST" else 10
            more = f"Content-Length: {size}\r\n" if method == "POST" else ""
            sender = asyncio.ensure_future(connection.send(
                self.head(method, kind, name, more, where="b") +
                bytes(size if method == "POST" else 0)))
            try:
                if not await self.fault_told(connection, kind, fault, name, statuses):
                    return
            finally:
                sender.cancel()

    async def fault_told(self, connection, kind, fault, name, statuses):
        """Whether the connection may go on."""
        head = await self.round.until_over(talk.read_final_head(connection.reader))
        connection.told += 1
        # Where it would be tried again, the budget of retries may be spent.
        allowed = statuses | ({503} if 502 in statuses else set())
        assert head.status in allowed, f"{kind}: {' '.join(head.first)}"
        body = talk.read_body(connection.reader, head, until_close=True)
        try:
            await self.round.until_over(body)
        except (EOFError, OSError):
            assert fault.cut or head.status != 200, f"{kind}: a sound answer was cut"
            return False
        assert not fault.cut or head.status != 200, f"{kind}: a cut answer looks whole"
        if head.status == 200:
            assert head.body == talk.body_of(name, servers.BODY), f"{kind}: {head.body[:100]}"
        return not head.says("connection", "close")

    async def flapping_server(self, connection):
        """Its server comes and goes."""
        for _ in range(10):
            connection.expect("--|SC|SH|SD|RC")
            name = self.name()
            await connection.send(self.head("GET", "get", name, size=5000, where="f"))
            answer = await self.told(connection, 200, 502, 503)
            if answer.status == 200:
                assert answer.body == talk.body_of(name, 5000), "another's answer"
            if answer.says("connection", "close"):
                return
            await self.round.nap(0.05)


KINDS = ["silent", "storm", "garbage", "malformed", "oversized", "limited", "slow_head",
         "half_head", "reset_anywhere", "bad_chunks", "slow_body", "aborted_upload",
         "waits_for_continue", "named_wrongly", "named_slowly", "named_by_half",
         "named_and_malformed", "slow_reader", "flood", "tunnel_reset", "slow_reading_tunnel",
         "refused_tunnel", "raw_silent", "raw_reset", "raw_slow_reading", "rawbad_server",
         "rawbad_server", "bad_server", "bad_server", "bad_server",
         "flapping_server"] + bad_tls.KINDS + bad_h2.KINDS
