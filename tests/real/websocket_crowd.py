"""Many WebSocket clients in one process, which does what standard input says, a word and a
number a line, and answers each with a line.    websocket_crowd.py URL"""
import asyncio
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "packaging", "portal"))

from old_websockets import connect  # noqa: E402

AT_ONCE = 40
sockets = []
words = 0


async def by_turns(work, number):
    """work() so often, never more than AT_ONCE at the same time; a fault ends all."""
    left = iter(range(number))

    async def some():
        for each in left:
            await work(each)
    await asyncio.gather(*[some() for _ in range(AT_ONCE)])


async def open_one(_):
    sockets.append(await connect(sys.argv[1], compression=None, ping_interval=None,
                                 open_timeout=None, close_timeout=60))


async def echo_one(number):
    global words
    words += 1
    word = f"{number}.{words}"
    await sockets[number].send(word)
    came = await sockets[number].recv()
    assert came == word, f"{word} came back as {came}"


async def close_one(_):
    await sockets.pop().close()


WORK = {"open": open_one, "echo": echo_one, "close": close_one}


async def main():
    for line in iter(sys.stdin.readline, ""):
        word, number = line.split()
        try:
            await by_turns(WORK[word], int(number))
            print(f"{word} {number} done", flush=True)
        except Exception as fault:  # told to whoever asked
            print(f"{word}: {type(fault).__name__} {fault}", flush=True)


asyncio.run(main())
