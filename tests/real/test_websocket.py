"""WebSocket through the proxy between real programs: python3-websockets at both ends, and
Chromium. What goes out comes in, whoever does not read stops who writes, and thousands of
tunnels cost two descriptors and a few kilobytes each."""
import asyncio
import hashlib
import html
import json
import os
import re
import subprocess
import sys
import time

import pytest

import chromium
import daemon
import programs
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "packaging", "portal"))

from old_websockets import connect  # noqa: E402

REPORT = re.compile(r'<pre id="report">(.*?)</pre>', re.S)
SIZES = (0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20)
PIECE = 65536
# Receive and send buffers of the kernel on the way, and what the programs hold.
IN_FLIGHT = 32 << 20
# The proxy may hold a buffer or two of each, and a page here and there.
FLAT = 1 << 20
CROWD = 2000
A_TUNNEL = 32 << 10


class Sockets(programs.Server):
    """websocket_server.py; compression "deflate" or "none"."""

    def __init__(self, folder, compression):
        super().__init__(folder, "/ws/ready")
        self.start([programs.PYTHON, "-B", os.path.join(HERE, "websocket_server.py"),
                    self.address[0], str(self.address[1]), compression])


class Site:
    def __init__(self, folder):
        self.servers = []
        for name in ("deflate", "none"):
            self.servers.append(Sockets(folder / name, name))
        self.daemon = daemon.Daemon(
            folder / "hpcbal",
            ",".join(daemon.backend(name, server.address)
                     for name, server in zip(("main", "plain"), self.servers)),
            threads=2, routes='{ when = "hdr(X-Plain) 1"; backend = "plain"; }')
        self.daemon.start()

    def url(self, path, scheme="ws"):
        return "%s://%s:%d/ws/%s" % (scheme, *self.daemon.address, path)

    def get(self, path, more=""):
        client = self.daemon.client()
        try:
            answer = client.ask(f"GET /ws/{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                f"{more}\r\n")
        finally:
            client.close()
        assert answer.status == 200, answer.raw
        return answer.body

    def told(self, more=""):
        return json.loads(self.get("told", more))

    def memory(self):
        """Bytes that the proxy has resident."""
        with open(f"/proc/{self.daemon.child('proxy')}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.child('proxy')}/fd"))

    def active(self):
        return sum(self.daemon.server(name, name + "1")["active"] for name in ("main", "plain"))

    def sessions(self):
        return self.daemon.json("sessions")["sessions"]

    def stop(self):
        try:
            self.daemon.stop()
        finally:
            for server in self.servers:
                server.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("websocket"))
    try:
        yield made
    finally:
        made.stop()


def run(work):
    return asyncio.run(asyncio.wait_for(work, programs.CLIENT_PATIENCE))


def message(size, binary):
    """Of such a size, as text in characters of one, two and four bytes, and never the same."""
    block = hashlib.sha512(b"%d" % size).digest()
    if binary:
        return (block * (size // len(block) + 1))[:size]
    text = ("a\u00e4\U0001f600" + block.hex()) * (size // 130 + 1)
    text = text.encode()[:size].decode(errors="ignore")
    return text + "." * (size - len(text.encode()))


# --- messages ---

@pytest.mark.parametrize("compression", ["deflate", None])
def test_messages_of_every_size_come_back(site, compression):
    """Text and binary, alone and many on the way; with permessage-deflate, which both ends
    have agreed on through the proxy, it is what they compressed that passes."""
    sent = [message(size, binary) for size in SIZES for binary in (False, True)]

    async def talk():
        more = {} if compression else {"extra_headers": {"X-Plain": "1"}}
        async with connect(site.url("echo"), compression=compression, max_size=None,
                           ping_interval=None, **more) as socket:
            assert [e.name for e in socket.extensions] == \
                (["permessage-deflate"] if compression else [])
            for each in sent:
                await socket.send(each)
                came = await socket.recv()
                assert type(came) is type(each) and came == each, f"{len(each)} bytes differ"
            moved = next(s for s in site.sessions() if s["step"] == "TUNNEL")
            small = [each for each in sent if len(each) < 70000]
            await asyncio.gather(*[socket.send(each) for each in small])
            assert [await socket.recv() for _ in small] == small
        return moved
    moved = run(talk())
    size = sum(len(each.encode() if isinstance(each, str) else each) for each in sent)
    for direction in ("bytes_in", "bytes_out"):
        assert (moved[direction] < size / 20) if compression else (moved[direction] > size)


def test_fragments_and_pings(site):
    """Messages in many frames with pings between them, from both sides."""
    async def talk():
        async with connect(site.url("pieces"), max_size=None, ping_interval=None) as socket:
            for size in (1, 1000, 65536, 1 << 20):
                for binary in (False, True):
                    each = message(size, binary)
                    if not binary:
                        each = each.encode().decode("latin-1")
                    parts = [each[at:at + 700] for at in range(0, len(each), 700)]
                    pong = await socket.ping(b"p" * 125)
                    await socket.send(parts)
                    assert await socket.recv() == each
                    await pong
        async with connect(site.url("ask"), ping_interval=None) as socket:
            assert await socket.recv() == "20 pongs"
    run(talk())


def test_the_close_is_theirs(site):
    """Code and reason pass both ways, and the handshake of the end is whole."""
    async def client_first():
        async with connect(site.url("echo")) as socket:
            await socket.send("a")
            await socket.recv()
            await socket.close(4000, "the client has enough")
            return socket.close_code, socket.close_reason

    async def server_first():
        async with connect(site.url("end")) as socket:
            await socket.send("please")
            await socket.wait_closed()
            return socket.close_code, socket.close_reason
    assert run(client_first()) == (4000, "the client has enough")
    wire.wait_for(lambda: [4000, "the client has enough"] in site.told()["closed"],
                  "the server to have heard")
    assert run(server_first()) == (4001, "enough of this")


def test_a_kill_is_a_close_to_both(site):
    async def talk():
        async with connect(site.url("echo"), ping_interval=None) as socket:
            await socket.send("a")
            await socket.recv()
            site.daemon.ctl("kill", site.sessions()[0]["id"])
            await socket.wait_closed()
            return socket.close_code
    assert run(talk()) == 1001
    wire.wait_for(lambda: [1001, ""] in site.told()["closed"], "the server to have heard")


# --- who does not read ---

def stands_still(progress):
    """What progress() says once it has begun, and has been the same for half a second. Should
    it only have paused, less has been given away than could be: the test is weaker, not wrong."""
    value = 0
    while True:
        time.sleep(0.5)
        before, value = value, progress()
        if value and value == before:
            return value


def handshake(path):
    return (f"GET /ws/{path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n")


def raw(site, path):
    """A client that reads only what it is told to."""
    client = site.daemon.client(rcvbuf=65536)
    client.send(handshake(path))
    assert client.read_response_head().status == 101
    return client


def read_frame(client):
    """(opcode, payload) of an unmasked frame."""
    first, size = client.read_exactly(2)
    if size > 125:
        size = int.from_bytes(client.read_exactly(2 if size == 126 else 8), "big")
    return first & 15, client.read_exactly(size)


def test_client_that_does_not_read_stops_its_server(site):
    """The server stands still, the proxy holds next to nothing, other tunnels go on; what was
    given away is all there when the client reads after all."""
    before = site.memory()
    client = raw(site, "flood/slow")
    given = stands_still(lambda: site.told()["given"].get("slow", 0))
    assert given * PIECE < IN_FLIGHT, "it takes without end"
    grown = site.memory() - before
    assert grown < FLAT, f"{given * PIECE} bytes in flight cost {grown}"
    assert site.get("ready") == b"ready"
    assert next(s for s in site.sessions() if s["target"] == "/ws/flood/slow")["bytes_out"] < \
        given * PIECE
    site.get("go/slow")
    for number in range(given + 1):
        opcode, payload = read_frame(client)
        assert opcode == 2 and int.from_bytes(payload, "big") == number
    assert read_frame(client) == (1, b"all")
    client.close()


def test_server_that_does_not_read_stops_its_client(site):
    before = site.memory()
    client = raw(site, "deaf/deaf")
    client.sock.settimeout(2)
    sent, frame = 0, b""
    try:
        while sent * PIECE < 2 * IN_FLIGHT:
            frame = b"\x82\xff" + PIECE.to_bytes(8, "big") + b"\0\0\0\0" + sent.to_bytes(
                PIECE, "big")
            while frame:
                frame = frame[client.sock.send(frame):]
            sent += 1
    except TimeoutError:
        pass
    assert sent * PIECE < IN_FLIGHT, "it gives without end"
    grown = site.memory() - before
    assert grown < FLAT, f"{sent * PIECE} bytes in flight cost {grown}"
    site.get("go/deaf")
    client.sock.settimeout(programs.CLIENT_PATIENCE)
    client.sock.sendall(frame + b"\x81\x81\0\0\0\0?")
    assert read_frame(client) == (1, b"%d" % (sent + bool(frame)))
    client.close()


# --- thousands ---

class Crowd:
    """websocket_crowd.py, a process of its own."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            [programs.PYTHON, "-B", os.path.join(HERE, "websocket_crowd.py"), url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, word, number):
        self.process.stdin.write(f"{word} {number}\n")
        self.process.stdin.flush()
        assert wire.is_readable(self.process.stdout, programs.CLIENT_PATIENCE), \
            f"{word} {number} takes too long"
        assert self.process.stdout.readline() == f"{word} {number} done\n"

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def crowd(site):
    made = Crowd(site.url("echo"))
    yield made
    made.stop()


def quiet(site):
    """Nothing runs: (bytes resident, descriptors open)."""
    wire.wait_for(lambda: site.active() == 0 and not site.sessions(), "all tunnels to be over")
    wire.wait_for(lambda: site.daemon.json("status")["frontends"][0]["connections"] == 0,
                  "all connections to be over")
    return site.memory(), site.descriptors()


def test_two_thousand_tunnels(site, crowd, record_property):
    """Each answers, also after a reload; all are counted and listed; when they have closed
    nothing is left of them, and a second crowd needs no more memory than the first. That one
    is killed at a word."""
    memory, descriptors = quiet(site)
    crowd.do("open", CROWD)
    opened = site.memory()
    assert site.daemon.server("main", "main1")["active"] == CROWD
    assert site.daemon.json("status")["frontends"][0]["connections"] == CROWD
    assert site.descriptors() - descriptors <= 2 * CROWD + 8
    crowd.do("echo", CROWD)
    site.daemon.write_config(timeouts='client = "31s";')
    site.daemon.ctl("reload")
    crowd.do("echo", CROWD)
    listed = site.sessions()
    assert len(listed) == len({s["id"] for s in listed}) == CROWD
    assert {(s["step"], s["backend"], s["server"]) for s in listed} == {("TUNNEL", "main", "main1")}
    assert site.daemon.server("main", "main1")["active"] == CROWD
    each = (opened - memory) / CROWD
    record_property("bytes_a_tunnel", int(each))
    print(f"{CROWD} tunnels: {each:.0f} bytes each, resident")
    assert each < A_TUNNEL, f"a tunnel costs {each:.0f} bytes"
    crowd.do("close", CROWD)
    after, left = quiet(site)
    assert left <= descriptors + 8
    crowd.do("open", CROWD)
    crowd.do("echo", CROWD)
    # The workers' shares of both crowds differ, and they lend each other no memory.
    assert site.memory() < opened + (opened - memory) / 3, f"{memory}, {opened}, {after}"
    assert site.daemon.json("kill", "--server", "main/main1") == {"killed": CROWD}
    quiet(site)


# --- a browser ---

@chromium.is_there
def test_a_page_with_a_websocket(site, tmp_path):
    said = programs.run(
        chromium.PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        f"--user-data-dir={tmp_path}/profile",
        "--dump-dom", site.url("page", "http"), env=dict(os.environ, HOME=str(tmp_path))).decode()
    found = REPORT.search(said)
    assert found and "<title>done</title>" in said, said[-3000:]
    seen = json.loads(html.unescape(found.group(1)))
    assert seen.pop("extensions").startswith("permessage-deflate")
    assert seen == {"echoes": 7, "faults": [], "code": 4321, "clean": True}
    wire.wait_for(lambda: [4321, "the page has all"] in site.told()["closed"],
                  "the server to have heard")
