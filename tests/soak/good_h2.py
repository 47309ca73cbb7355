"""Good clients over HTTP/2, over TLS and without: several requests at once on a connection."""
import asyncio
import time

import h2talk
import talk

KINDS = ["h2_streams"] * 3 + ["h2c_streams"] * 3
MOST = 6  # streams of one connection at once
ROADS = "ggstu"  # as in good_tls


class GoodOverTwo:
    """Mixed into good.Good, whose connections and accounts these are."""

    async def h2_streams(self, connection):
        tls = connection.writer.get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "h2", "TLS agreed on another protocol than h2"
        await self.h2c_streams(connection)
        self.keep_session(connection)

    async def h2c_streams(self, connection):
        talker = h2talk.Talker(connection.reader, connection.writer)
        await self.timed(talker.greeted.wait(), "SETTINGS")
        tasks = [asyncio.ensure_future(self.ask_on(talker))
                 for _ in range(self.rng.randrange(1, MOST + 1))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await talker.close()

    async def ask_on(self, talker):
        """One request after the other, beside those that others have on the connection."""
        for _ in range(self.rng.randrange(1, 30)):
            kind = self.rng.choice((self.two_get, self.two_get, self.two_get, self.two_head,
                                    self.two_download, self.two_upload, self.two_trailers,
                                    self.two_tunnel))
            await kind(talker)
            if self.round.over.is_set() or talker.over:
                return
            await self.pause()

    def fields(self, name, kind="get", method="GET", size=100, more=()):
        return [(":method", method), (":scheme", "https"), (":authority", "sound"),
                (":path", f"/{self.rng.choice(ROADS)}/{kind}/{name}?{size}"), *more]

    async def judge_two(self, stream, body=b"", trailers=()):
        """The answer to the request of a stream: all of it, and nothing else."""
        method, path = stream.asked[":method"], stream.asked[":path"]
        name, _ = talk.name_and_kind(path)
        fields = await stream.head()
        assert fields[":status"] == "200", f"{name}: {fields}"
        told = await stream.whole()
        self.longest = max(self.longest, (stream.silence, f"more of {path}"))
        expected = b"" if method == "HEAD" else talk.answer_to(path, body, dict(trailers))
        assert told == expected, f"{name}: {told[:100]}"
        self.answered[name] = 200

    def open_two(self, talker, fields, end=True):
        stream = talker.open(fields, end)
        stream.asked = dict(fields)
        return stream

    async def two_get(self, talker):
        began = time.monotonic()
        await self.judge_two(self.open_two(talker, self.fields(self.name(), size=300)))
        self.times.append(time.monotonic() - began)

    async def two_head(self, talker):
        await self.judge_two(self.open_two(talker, self.fields(self.name(), method="HEAD")))

    async def two_download(self, talker):
        size = self.rng.randrange(1 << 16, 1 << 20)
        await self.judge_two(self.open_two(talker, self.fields(self.name(), "down", size=size)))

    async def two_upload(self, talker):
        body = self.rng.randbytes(self.rng.randrange(1, 1 << 18))
        length = [("content-length", str(len(body)))] if self.rng.random() < 0.5 else []
        fields = self.fields(self.name(), "up", "POST", more=length)
        stream = self.open_two(talker, fields, end=False)
        await stream.send(body, end=True, slices=self.rng.choice((1000, 1 << 20)))
        await self.judge_two(stream, body)

    async def two_trailers(self, talker):
        """Behind the body, both ways."""
        body, name = self.rng.randbytes(self.rng.randrange(1, 9000)), self.name()
        fields = self.fields(name, "trail", "POST", more=[("te", "trailers")])
        stream = self.open_two(talker, fields, end=False)
        trailers = [("x-digest", talk.digest(body))]
        await stream.send(body)
        stream.send_head(trailers, end=True)
        await self.judge_two(stream, body, trailers)
        assert stream.trailers == {"x-name": name}, f"{name}: trailers {stream.trailers}"

    async def two_tunnel(self, talker):
        """A WebSocket on a stream (RFC 8441)."""
        name = self.name()
        stream = self.open_two(talker, self.fields(
            name, "ws", "CONNECT", more=[(":protocol", "websocket"),
                                         ("sec-websocket-version", "13")]), end=False)
        fields = await self.timed(stream.head(), f"head {name}")
        assert fields[":status"] == "200", f"{name}: {fields}"
        for _ in range(self.rng.randrange(1, 20)):
            words = self.rng.randbytes(self.rng.choice((1, 10, 1000, 50000)))
            await stream.send(words)
            echo = await self.timed(stream.read(len(words)), f"echo {name}")
            assert echo == words, f"{name}: not the same bytes"
            if self.round.over.is_set():
                break
        await stream.send(b"", end=True)
        rest = await self.timed(stream.read(), f"end {name}")
        assert rest == b"", "bytes behind the end of a tunnel"
        self.answered[name] = 101  # as HTTP/1.1 has it
