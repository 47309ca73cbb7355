"""serve() and connect() of python3-websockets, as Debian 12 and Ubuntu 22.04 have it:
websockets 9 hands asyncio a `loop` that Python 3.10 no longer takes."""
import asyncio
import functools
import sys

from websockets.version import version


def without_loop(function):
    @functools.wraps(function)
    def call(*args, **named):
        named.pop("loop", None)
        return function(*args, **named)
    return call


if sys.version_info >= (3, 10) and int(version.split(".")[0]) < 10:
    for name in ("Lock", "Event", "wait", "wait_for", "sleep", "start_server"):
        setattr(asyncio, name, without_loop(getattr(asyncio, name)))

from websockets.legacy.client import connect  # noqa: E402
from websockets.legacy.server import serve  # noqa: E402

__all__ = ["connect", "serve"]
