"""Servers of the soak that speak HTTP/2, well and badly, and those that cannot do TLS; the faults
of the former are rows of FAULTS."""
import asyncio
import struct

import h2talk
import h2wire
import talk

OK = ((":status", "200"),)
LIVES = 300  # streams after which a sound server wants to go, at most


class ServersOfTwo:
    """Mixed into servers.Servers, whose accounts these are."""

    # --- soundly ---

    async def speak_two(self, reader, writer):
        """A connection; after some requests it retires, and the rest goes to another one."""
        life = self.rng.randrange(20, LIVES)
        retiring = None

        async def serve(stream):
            nonlocal retiring
            if stream.number > 2 * life and not retiring:
                retiring = asyncio.ensure_future(talker.retire())
            try:
                await self.answer_two(stream)
            except OSError:
                pass  # it was given up, or all is over
        talker = h2talk.Talker(reader, writer, serve)
        await talker.task
        return False

    async def answer_two(self, stream):
        fields = stream.fields
        path, method = fields[":path"], fields[":method"]
        name, kind = talk.name_and_kind(path)
        if method == "CONNECT":
            self.whole[name] += 1
            return await self.echo_two(stream)
        body = await stream.whole()
        self.whole[name] += 1
        answer = talk.answer_to(path, body, stream.trailers or {})
        head = list(OK)
        # With a Content-Length no trailers pass.
        if int(name[1:]) % 8 < 4 and kind != "trail":
            head.append(("content-length", str(len(answer))))
        if method == "HEAD":
            return stream.send_head(head, end=True)
        stream.send_head(head)
        await stream.send(answer, end=kind != "trail")
        if kind == "trail":
            stream.send_head([("x-name", name)], end=True)

    async def echo_two(self, stream):
        stream.send_head(OK)
        while data := await stream.read():
            await stream.send(data)
        await stream.send(b"", end=True)

    # --- badly ---

    async def fail_tls(self, reader, writer):
        """Instead of its part of the handshake."""
        await reader.read(self.rng.choice((1, 100, 2000)))
        way = self.rng.randrange(5)
        if way == 0:
            return False
        if way == 1:
            talk.reset(writer)
            return False
        if way == 2:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        elif way == 3:
            writer.write(b"\x16\x03\x03\x00\x50" + self.rng.randbytes(200))
        await self.until_left(reader)
        return False

    async def until_left(self, reader):
        """The client goes, or the round is over."""
        while await self.round.until_over(reader.read(65536)):
            pass

    async def fail_two(self, reader, writer):
        """Some connections are bad from the beginning; on the others each request says how."""
        peer = h2talk.Frames(reader, writer, greet=False, manual=self.rng.random() < 0.1)
        if await reader.readexactly(len(h2wire.PREFACE)) != h2wire.PREFACE:
            return False
        if self.rng.random() < 0.1:
            await self.rng.choice(OPENINGS)(self, peer)
        else:
            peer.settings_send(self.rng.choice(((), ((h2wire.MAX_STREAMS, 3),))))
        while True:
            frame = await self.round.until_over(peer.read())
            if frame.kind == h2wire.HEADERS and len(peer.answers[frame.stream].heads) == 1:
                path = dict(peer.answers[frame.stream].heads[0])[":path"]
                name, kind = talk.name_and_kind(path)
                if await FAULTS[kind].act(self, peer, frame.stream, name):
                    return False


class Fault:
    """What a bad server does; `act` says whether the connection has its end. `cut`: the client
    may get an answer that it sees to be incomplete; `sound`: and it may get a whole one."""

    def __init__(self, act, cut=False, sound=False):
        self.act, self.cut, self.sound = act, cut, sound


# --- from the first byte ---

async def no_settings(servers, peer):
    pass


async def no_acknowledgement(servers, peer):
    """Of what the client has set."""
    send = peer.send
    peer.send = lambda kind, flags=0, *rest: (
        None if (kind, flags) == (h2wire.SETTINGS, h2wire.ACK) else send(kind, flags, *rest))
    peer.settings_send()


async def no_http2(servers, peer):
    peer.writer.write(b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n")


async def only_one(servers, peer):
    peer.settings_send(((h2wire.MAX_STREAMS, 1), (h2wire.INITIAL_WINDOW, 0)))


async def none_at_all(servers, peer):
    peer.settings_send(((h2wire.MAX_STREAMS, 0),))


async def bad_settings(servers, peer):
    peer.settings_send(((h2wire.MAX_FRAME, 1),))


OPENINGS = (no_settings, no_acknowledgement, no_http2, only_one, none_at_all, bad_settings)


# --- on a stream ---

def frames(*kinds, ends=False):
    """Each kind is a function of (peer, stream, name)."""
    async def act(servers, peer, stream, name):
        for kind in kinds:
            kind(peer, stream, name)
        await peer.writer.drain()
        return ends
    return act


def head(*more, end=False, fields=OK):
    return lambda peer, stream, name: peer.headers(stream, fields + more, end=end)


def data(end=False, body=None):
    return lambda peer, stream, name: peer.data(
        stream, talk.body_of(name, SIZE) if body is None else body, end=end)


def rst(code):
    return lambda peer, stream, name: peer.rst(stream, code)


def goaway(last, code=h2wire.NO_ERROR):
    """`last`: what is added to the stream's own number."""
    return lambda peer, stream, name: peer.send(
        h2wire.GOAWAY, 0, 0, struct.pack(">II", max(stream + last, 0), code))


def frame(kind, flags=0, payload=b"", on_stream=False, times=1):
    return lambda peer, stream, name: [
        peer.send(kind, flags, stream if on_stream else 0, payload) for _ in range(times)]


def noise(peer, stream, name):
    """Of its name, so that a seed tells it."""
    peer.writer.write((name.encode() * 50)[:333])


def empties(peer, stream, name):
    for _ in range(1000):
        peer.data(stream)


def interims(peer, stream, name):
    for _ in range(200):
        peer.headers(stream, ((":status", "103"),), end=False)


async def hold(servers, peer, stream, name):
    """Other streams of the connection go on."""
    return False


SIZE = 40
LENGTH = ("content-length", str(SIZE))
FAULTS = {
    "sound": Fault(frames(head(LENGTH), data(end=True)), sound=True),
    "reset": Fault(frames(rst(h2wire.INTERNAL_ERROR))),
    "refused": Fault(frames(rst(h2wire.REFUSED_STREAM))),
    "reset_in_body": Fault(frames(head(LENGTH), data(body=b"abc"), rst(h2wire.CANCEL)), cut=True),
    "reset_in_unframed": Fault(frames(head(), data(), rst(h2wire.INTERNAL_ERROR)), cut=True),
    "enough": Fault(frames(head(LENGTH), data(end=True), rst(h2wire.NO_ERROR)), sound=True),
    "close": Fault(frames(ends=True)),
    "close_in_body": Fault(frames(head(), data(), ends=True), cut=True),
    "goaway": Fault(frames(goaway(0), head(LENGTH), data(end=True)), sound=True),
    "goaway_below": Fault(frames(goaway(-2)), sound=True),
    "goaway_in_body": Fault(frames(head(), data(), goaway(0, h2wire.INTERNAL_ERROR), ends=True),
                            cut=True),
    "goaway_grows": Fault(frames(goaway(0), goaway(20), head(), data(end=True)), sound=True),
    "no_status": Fault(frames(head(fields=(("server", "a"),), end=True))),
    "bad_status": Fault(frames(head(fields=((":status", "2000"),), end=True))),
    "upper_case": Fault(frames(head(("X-Upper", "a"), end=True))),
    "connection_field": Fault(frames(head(("transfer-encoding", "chunked"), end=True))),
    "two_heads": Fault(frames(head(), head(end=False)), cut=True),
    "long_body": Fault(frames(head(("content-length", "3")), data(end=True)), cut=True),
    "short_body": Fault(frames(head(("content-length", "999")), data(end=True)), cut=True),
    "large_head": Fault(frames(head(("x-large", "a" * 15000), ("y-large", "b" * 900),
                                    *[("z" + str(at), "c" * 100) for at in range(50)]))),
    "interims": Fault(frames(interims)),
    "noise": Fault(frames(noise)),
    "data_first": Fault(frames(data(end=True))),
    "data_behind": Fault(frames(head(LENGTH), data(end=True), data()), sound=True),
    "bad_window": Fault(frames(frame(h2wire.WINDOW, 0, b"\0\0\0\0", on_stream=True))),
    "promise": Fault(frames(frame(h2wire.PUSH, 4, b"\0\0\0\2\x88", on_stream=True))),
    "huge_frame": Fault(frames(frame(h2wire.DATA, 0, b"a" * 20000, on_stream=True))),
    "pings": Fault(frames(frame(h2wire.PING, 0, b"a" * 8, times=1000))),
    "settings": Fault(frames(frame(h2wire.SETTINGS, times=1000))),
    "empties": Fault(frames(head(), empties), cut=True),
    "bad_block": Fault(frames(frame(h2wire.HEADERS, 5, b"\xff\xff\xff\xff\xff", on_stream=True))),
    "hold": Fault(hold),
    "hold_in_body": Fault(frames(head(LENGTH), data(body=b"abc")), cut=True),
}
