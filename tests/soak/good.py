"""Good clients: whatever others do, each of their requests to the sound servers is answered,
whole, with what is its own, exactly once, and soon."""
import asyncio
import base64
import time

import clients
import good_h2
import good_tls
import servers
import talk

KINDS = ["kept"] * 8 + ["fresh"] * 3 + ["tunnel", "headed"] * 2 + [
    "upload", "upload_chunks", "download", "pipelined", "half_closer", "http10", "continued",
    "head", "named", "raw", "raw"] + good_tls.KINDS + good_h2.KINDS
HOST = "Host: sound\r\n"
# What a request may take before it is given up, and told as lost.
LOST = 60
NEVER = (0.0, "nothing")


class Good(good_tls.GoodOverTls, good_h2.GoodOverTwo, clients.Crowd):
    TRADE = "g"
    BEFORE_AGAIN = 0.02
    AT_ONCE = {"raw": "--"}

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.answered = {}  # name: status
        self.times = []     # seconds that small requests took
        self.longest = NEVER  # of all waiting: seconds, and for what
        self.handshakes = [0, 0]  # new ones, resumed ones

    async def begin(self, *kinds):
        self.answered, self.times, self.longest = {}, [], NEVER
        self.handshakes = [0, 0]
        await super().begin(*(kinds or KINDS))

    async def end(self):
        await self.stop()
        return {"answered": self.answered, "faults": self.faults, "times": self.times,
                "longest": self.longest, "late": self.late, "handshakes": self.handshakes,
                "passed": [one.told_to_books() for one in self.connections if one.lines[0]]}

    async def fill(self, count):
        """So many requests at once, all of which are under way before one is whole: what the
        proxy keeps for the next ones it has from here on."""
        self.round = talk.Round()
        self.answered, self.faults, self.connections = {}, [], []
        sent, all_sent = 0, asyncio.Event()

        async def one():
            nonlocal sent
            connection = await self.connect("fill")
            name, body = self.name(), bytes(1 << 16)
            await connection.send(f"POST /g/down/{name}?{1 << 16} HTTP/1.1\r\n{HOST}"
                                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body[1:])
            sent += 1
            if sent == count:
                all_sent.set()
            await all_sent.wait()
            await connection.send(body[:1])
            await self.judge(connection, "down", name, "POST", 1 << 16, body)
            connection.close()
        await asyncio.gather(*(one() for _ in range(count)))

    async def once(self, kind):
        connection = None
        try:
            connection = await self.connect(kind)
            await asyncio.wait_for(getattr(self, kind)(connection), LOST)
        except (OSError, AssertionError, ValueError, EOFError, asyncio.TimeoutError,
                asyncio.LimitOverrunError) as fault:
            where = connection.source if connection else "-"
            self.fault(kind, f"{where} {type(fault).__name__} {fault}")
        finally:
            if connection:
                connection.close()

    async def ask(self, connection, kind="get", method="GET", size=100, more="", body=b"",
                  version="HTTP/1.1", slices=0, where="g"):
        """One request whose answer is checked; its fields. Times what is small."""
        name = self.name()
        head = f"{method} /{where}/{kind}/{name}?{size} {version}\r\n{HOST}{more}\r\n".encode()
        began = time.monotonic()
        if slices:
            await connection.send(head)
            for at in range(0, len(body), slices):
                await connection.send(body[at:at + slices])
        else:
            await connection.send(head + body)
        answer = await self.judge(connection, kind, name, method, size, body)
        if kind == "get":
            self.times.append(time.monotonic() - began)
        return answer

    async def timed(self, work, what):
        """For this the client waits."""
        began = time.monotonic()
        value = await work
        self.longest = max(self.longest, (time.monotonic() - began, what))
        return value

    async def judge(self, connection, kind, name, method, size, body):
        listener = talk.Listener(connection.reader)
        answer = await talk.read_answer(listener, method)
        self.longest = max(self.longest, (listener.silence, f"more of {connection.kind} {name}"))
        assert answer.status == 200, f"{name}: {' '.join(answer.first)}"
        expected = talk.answer_to(f"/g/{kind}/{name}?{size}", body, {})
        if method == "HEAD":
            expected = b""
        assert answer.body == expected, f"{name}: {answer.body[:100]}"
        self.answered[name] = answer.status
        return answer

    def pause(self):
        return self.round.nap(self.rng.uniform(0, 0.04))

    # --- kinds ---

    async def named(self, connection):
        """A proxy in front says whose connection it is."""
        source = f"198.51.100.{self.rng.randrange(256)}"
        await connection.send(clients.proxy_header(self.rng.choice((1, 2)), source))
        await self.kept(connection, where=self.rng.choice("gh"))

    async def headed(self, connection):
        """Its servers are told in a PROXY header who it is."""
        await self.kept(connection, where="h")

    async def kept(self, connection, where="g"):
        """A connection for many requests."""
        for _ in range(self.rng.randrange(1, 200)):
            answer = await self.ask(connection, size=self.rng.randrange(20, 3000), where=where)
            if self.round.over.is_set() or answer.says("connection", "close"):
                return
            await self.pause()

    async def fresh(self, connection):
        await self.ask(connection, more="Connection: close\r\n")
        assert await connection.reader.read(1) == b"", "bytes behind the answer"

    async def head(self, connection):
        for _ in range(5):
            await self.ask(connection, method="HEAD")
            await self.ask(connection)

    async def upload(self, connection, where="g"):
        body = self.rng.randbytes(self.rng.randrange(1, 1 << 20))
        await self.ask(connection, "up", "POST", body=body,
                       more=f"Content-Length: {len(body)}\r\n",
                       slices=self.rng.choice((0, 1000, 70000)), where=where)

    async def upload_chunks(self, connection, where="g"):
        """Chunked by hand, cut elsewhere than the chunks."""
        body = self.rng.randbytes(self.rng.randrange(1, 1 << 19))
        name = self.name()
        data = talk.chunked(body, self.rng.choice((777, 9000)))
        head = (f"PUT /{where}/up/{name} HTTP/1.1\r\n{HOST}"
                "Transfer-Encoding: chunked\r\n\r\n").encode()
        for piece in (head, data[:5000], data[5000:]):
            await connection.send(piece)
            await asyncio.sleep(0)
        await self.judge(connection, "up", name, "PUT", 0, body)

    async def continued(self, connection):
        """Waits to be told to go on."""
        body, name = self.rng.randbytes(5000), self.name()
        await connection.send(f"PUT /g/up/{name} HTTP/1.1\r\n{HOST}Content-Length: 5000\r\n"
                              "Expect: 100-continue\r\n\r\n".encode())
        interim = await talk.read_head(connection.reader)
        assert interim.status == 100, f"{name}: {interim.first}"
        await connection.send(body)
        await self.judge(connection, "up", name, "PUT", 0, body)

    async def download(self, connection, where="g"):
        await self.ask(connection, "down", size=self.rng.randrange(1 << 16, 4 << 20), where=where)

    async def pipelined(self, connection):
        names = [self.name() for _ in range(self.rng.randrange(2, 30))]
        await connection.send("".join(f"GET /g/get/{name}?200 HTTP/1.1\r\n{HOST}\r\n"
                                      for name in names).encode())
        for name in names:
            await self.judge(connection, "pipelined", name, "GET", 200, b"")

    async def half_closer(self, connection):
        """Has nothing more to say, and wants its answer."""
        name = self.name()
        await connection.send(f"GET /g/down/{name}?300000 HTTP/1.1\r\n{HOST}\r\n".encode())
        connection.writer.write_eof()
        await self.judge(connection, "down", name, "GET", 300000, b"")
        assert await connection.reader.read(1) == b"", "bytes behind the answer"

    async def http10(self, connection):
        await self.ask(connection, version="HTTP/1.0", size=5000)
        assert await connection.reader.read(1) == b"", "bytes behind the answer"

    async def raw(self, connection):
        """In mode tcp; its server speaks first, and hears the end."""
        greeting = await connection.reader.readexactly(len(servers.GREETING))
        assert greeting == servers.GREETING, greeting
        await self.talk(connection, "raw")

    async def tunnel(self, connection, where="g"):
        name = self.name()
        key = base64.b64encode(self.rng.randbytes(16)).decode()
        await connection.send(f"GET /{where}/ws/{name} HTTP/1.1\r\n{HOST}Connection: Upgrade\r\n"
                              f"Upgrade: websocket\r\nSec-WebSocket-Key: {key}\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = await self.timed(talk.read_answer(connection.reader), f"a 101 to {name}")
        assert answer.status == 101, f"{name}: {' '.join(answer.first)}"
        await self.talk(connection, name)
        self.answered[name] = 101

    async def talk(self, connection, name):
        """With an echo, until one has enough, and says so."""
        for _ in range(self.rng.randrange(1, 50)):
            words = self.rng.randbytes(self.rng.choice((1, 10, 1000, 100000)))
            await connection.send(words)
            echo = await self.timed(connection.reader.readexactly(len(words)), f"echo {name}")
            assert echo == words, f"{name}: not the same bytes"
            if self.round.over.is_set():
                break
            await self.pause()
        connection.writer.write_eof()
        assert await connection.reader.read(1) == b"", "bytes behind the end of a tunnel"
