"""The portal's WebSocket tier in small: says who it is, then echoes. /ws/health answers a
plain GET.    websocket_server.py NAME ADDRESS PORT"""
import asyncio
import http
import sys

from old_websockets import serve


async def health(path, headers):
    if path == "/ws/health":
        return http.HTTPStatus.OK, [("Content-Type", "text/plain")], b"ok\n"
    return None


async def echo(socket, *path):
    await socket.send(f"this is {sys.argv[1]}")
    async for message in socket:
        await socket.send(f"{sys.argv[1]}: {message}")


async def main():
    async with serve(echo, sys.argv[2], int(sys.argv[3]), process_request=health):
        await asyncio.Future()


asyncio.run(main())
