"""A WebSocket server on python3-websockets, and the page of test_websocket.py: plain GETs are
answered, the other paths speak WebSocket.    websocket_server.py ADDRESS PORT COMPRESSION"""
import asyncio
import http
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "packaging", "portal"))

from old_websockets import serve  # noqa: E402

PIECE = 65536
PATIENCE = float(os.environ.get("HPCBAL_TEST_SLOWDOWN", "1")) * 60

heard = {}  # what connections to /ws/deaf have read, by name
given = {}  # how many pieces those to /ws/flood could be given, by name
closed = []  # [code, reason] of the connections to /ws/echo
events = {}  # by name


def event(name):
    return events.setdefault(name, asyncio.Event())


async def wait(name):
    await asyncio.wait_for(event(name).wait(), PATIENCE)


def answer(body, kind="text/plain"):
    return http.HTTPStatus.OK, [("Content-Type", kind)], body


async def plain(path, headers):
    """GETs without an upgrade; None: it is a handshake."""
    kind, _, name = path[len("/ws/"):].partition("/")
    if kind == "ready":
        return answer(b"ready")
    if kind == "page":
        with open(os.path.join(HERE, "page", "websocket.html"), "rb") as f:
            return answer(f.read(), "text/html")
    if kind == "hold":
        await wait(name)
        return answer(b"", "image/png")
    if kind == "go":
        event(name).set()
        return answer(b"")
    if kind == "told":
        return answer(json.dumps({"heard": heard, "given": given, "closed": closed}).encode())
    return None


async def echo(socket):
    try:
        async for message in socket:
            await socket.send(message)
    finally:
        closed.append([socket.close_code, socket.close_reason])


async def in_pieces(socket):
    """Each message comes back in several frames."""
    async for message in socket:
        await socket.send(message[at:at + 1000] for at in range(0, len(message), 1000))


async def ask(socket):
    """Pings until it is told to stop, and says how many pongs came."""
    for number in range(20):
        await asyncio.wait_for(await socket.ping(b"%d" % number * 60), PATIENCE)
    await socket.send("20 pongs")
    await socket.wait_closed()


async def end(socket):
    await socket.recv()
    await socket.close(4001, "enough of this")


async def flood(socket, name):
    """Numbered pieces, until the client goes."""
    given[name] = 0
    while not event(name).is_set():
        await socket.send(given[name].to_bytes(PIECE, "big"))
        given[name] += 1
    await socket.send("all")


async def deaf(socket, name):
    """Reads nothing before it is let go, then everything."""
    heard[name] = 0
    await wait(name)
    async for message in socket:
        if isinstance(message, str):
            await socket.send(str(heard[name]))
        else:
            heard[name] += int.from_bytes(message, "big") == heard[name]


async def serve_one(socket, path):
    kind, _, name = path[len("/ws/"):].partition("/")
    if kind in ("flood", "deaf"):
        await {"flood": flood, "deaf": deaf}[kind](socket, name)
    else:
        await {"echo": echo, "pieces": in_pieces, "ask": ask, "end": end}[kind](socket)


async def main():
    compression = None if sys.argv[3] == "none" else sys.argv[3]
    async with serve(serve_one, sys.argv[1], int(sys.argv[2]), process_request=plain,
                     compression=compression, max_size=None, max_queue=4, ping_interval=None,
                     backlog=2048):
        await asyncio.Future()


asyncio.run(main())
