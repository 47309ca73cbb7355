"""Sends words over one WebSocket and prints what comes back, a line each.
    websocket_client.py URL [WORD]..."""
import asyncio
import sys

from old_websockets import connect


async def main():
    async with connect(sys.argv[1]) as socket:
        print(await socket.recv())
        for word in sys.argv[2:]:
            await socket.send(word)
            print(await socket.recv())


asyncio.run(main())
