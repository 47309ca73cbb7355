"""HTTP/2 over asyncio streams. Sound peers speak it by python3-h2, which judges all that hpcbal
sends; others frame by frame (h2wire)."""
import asyncio
import struct
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

import h2wire
import wire

FIRST_GOAWAY = struct.pack(">II", 0x7FFFFFFF, h2wire.NO_ERROR)
# On a busy machine each round takes its time; with the least window an upload takes many of them.
WINDOW = 1 << 18
CONNECT_PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


class Gone(OSError):
    """The stream, or its connection, ended before what was waited for."""


class Stream:
    """One stream; a server's has the request in `fields` from the beginning."""

    def __init__(self, talker, number):
        self.talker, self.number = talker, number
        self.fields = self.trailers = None
        self.body = bytearray()
        self.ended = False
        self.fault = None
        self.news = asyncio.Event()
        self.heard = time.monotonic()  # or asked, if that was later
        self.silence = 0.0             # the longest so far, in seconds

    def hear(self):
        self.silence = max(self.silence, time.monotonic() - self.heard)
        self.heard = time.monotonic()
        self.news.set()

    async def until(self, condition):
        while not condition():
            if self.fault:
                raise Gone(f"stream {self.number}: {self.fault}")
            self.news.clear()
            await self.news.wait()

    def fail(self, why):
        self.fault = self.fault or why
        self.news.set()

    async def head(self):
        await self.until(lambda: self.fields)
        return self.fields

    async def whole(self):
        await self.until(lambda: self.ended)
        return bytes(self.body)

    async def read(self, size=None):
        """So much, or what there is; less at the end."""
        await self.until(lambda: len(self.body) >= (size or 1) or self.ended)
        data = bytes(self.body[:size])
        del self.body[:len(data)]
        return data

    def send_head(self, fields, end=False):
        """Also for trailers."""
        self.talker.h2.send_headers(self.number, fields, end_stream=end)
        self.talker.flush()

    def room(self):
        return min(self.talker.h2.local_flow_control_window(self.number),
                   self.talker.h2.max_outbound_frame_size)

    async def send(self, data, end=False, slices=1 << 20):
        at = 0
        while at < len(data):
            await self.until(lambda: self.room() > 0)
            size = min(self.room(), slices, len(data) - at)
            self.talker.h2.send_data(self.number, data[at:at + size])
            self.talker.flush()
            await self.talker.writer.drain()
            at += size
        if end:
            self.talker.h2.end_stream(self.number)
            self.talker.flush()
        self.heard = time.monotonic()


class Talker:
    """A connection, which reads by itself until its end. `serve`, for a server: called with
    each stream when its head is there."""

    def __init__(self, reader, writer, serve=None):
        self.reader, self.writer, self.serve = reader, writer, serve
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=serve is None, header_encoding="latin-1"))
        if serve:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 30, CONNECT_PROTOCOL: 1,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
        self.streams = {}
        self.served = set()
        self.greeted = asyncio.Event()
        self.rounds = asyncio.Event()  # a PING came back
        self.over = False
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(4 * WINDOW)
        self.flush()
        self.task = asyncio.ensure_future(self.run())

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    async def run(self):
        why = "the connection ended"
        try:
            while data := await self.reader.read(65536):
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.flush()
        except h2.exceptions.H2Error as fault:
            why = f"hpcbal is wrong, says python3-h2: {type(fault).__name__} {fault}"
            self.flush()
        except OSError as fault:
            why = f"the connection ended: {fault}"
        self.over = True
        self.greeted.set()
        self.rounds.set()
        for stream in self.streams.values():
            stream.fail(why)

    def take(self, event):
        handler = HANDLERS.get(type(event))
        if handler:
            handler(self, event)

    def requested(self, event):
        stream = self.streams[event.stream_id] = Stream(self, event.stream_id)
        stream.fields = dict(event.headers)
        task = asyncio.ensure_future(self.serve(stream))
        self.served.add(task)
        task.add_done_callback(self.served.discard)

    def responded(self, event):
        stream = self.streams[event.stream_id]
        stream.fields = dict(event.headers)
        stream.hear()

    def trailed(self, event):
        self.streams[event.stream_id].trailers = dict(event.headers)

    def received(self, event):
        stream = self.streams[event.stream_id]
        stream.body += event.data
        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream.hear()

    def ended(self, event):
        self.streams[event.stream_id].ended = True
        self.streams[event.stream_id].hear()

    def reset(self, event):
        if event.stream_id in self.streams:
            self.streams[event.stream_id].fail(f"reset with {event.error_code}")

    def opened(self, event):
        """There may be room now, on one stream or on all."""
        for stream in self.streams.values():
            stream.news.set()

    def set(self, event):
        self.greeted.set()
        self.opened(event)

    def ponged(self, event):
        self.rounds.set()

    def open(self, fields, end=False):
        """A request's stream."""
        stream = Stream(self, self.h2.get_next_available_stream_id())
        self.streams[stream.number] = stream
        stream.send_head(fields, end)
        return stream

    def give_up(self, stream, code=h2wire.CANCEL):
        if not self.over and not stream.ended and not stream.fault:
            self.h2.reset_stream(stream.number, code)
            self.flush()
        stream.fail("given up")

    async def retire(self):
        """A server that wants to go, as RFC 9113 6.8 has it: nothing that was asked is lost."""
        pack = h2wire.Client.pack
        self.writer.write(pack(h2wire.GOAWAY, 0, 0, FIRST_GOAWAY))
        self.h2.ping(b"the last")
        self.flush()
        await self.rounds.wait()
        last = max(self.streams, default=0)
        self.writer.write(pack(h2wire.GOAWAY, 0, 0, struct.pack(">II", last, h2wire.NO_ERROR)))

    async def close(self):
        if not self.over:
            self.h2.close_connection()
            self.flush()
        self.writer.close()
        await self.task


HANDLERS = {h2.events.RequestReceived: Talker.requested,
            h2.events.ResponseReceived: Talker.responded,
            h2.events.TrailersReceived: Talker.trailed,
            h2.events.DataReceived: Talker.received,
            h2.events.StreamEnded: Talker.ended,
            h2.events.StreamReset: Talker.reset,
            h2.events.WindowUpdated: Talker.opened,
            h2.events.RemoteSettingsChanged: Talker.set,
            h2.events.PingAckReceived: Talker.ponged}


class Outlet(wire.Stream):
    """Where frames go out, for h2wire."""

    def __init__(self, writer):
        self.writer = writer
        self.sock = writer.get_extra_info("socket")
        if not self.sock or self.sock.fileno() < 0:
            raise Gone("closed already")

    def send(self, data):
        self.writer.write(data)


class Frames(h2wire.Client):
    """h2wire's peer, of either role, over asyncio streams; it reads when it is told to."""

    def __init__(self, reader, writer, **options):
        self.reader, self.writer = reader, writer
        super().__init__(Outlet(writer), **options)

    async def read_frame(self):
        head = await self.reader.readexactly(9)
        size = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return h2wire.Frame(kind, flags, stream & 0x7FFFFFFF, await self.reader.readexactly(size))

    async def read(self):
        """The next frame, noted; the end of the connection is an exception."""
        frame = await self.read_frame()
        while frame.kind == h2wire.HEADERS and not frame.flags & h2wire.END_HEADERS:
            more = await self.read_frame()
            frame.payload += more.payload
            frame.flags |= more.flags
        self.note(frame)
        return frame

    async def answer(self, stream):
        """All of it, to the end or a reset."""
        got = self.answers.setdefault(stream, h2wire.Answer())
        while not got.ended and got.reset is None:
            await self.read()
        return got

    async def told_off(self):
        """Reads to the end of the connection; the code of the last GOAWAY, or None."""
        try:
            while True:
                await self.read()
        except (EOFError, OSError):
            pass
        return self.goaway[-1].code if self.goaway else None
