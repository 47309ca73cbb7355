"""Daemons whose clients speak HTTP/2 by prior knowledge, before one origin; and what their tests
say of a request. Who wants its fixtures gives them names: `site = h2rig.site`."""
import threading

import pytest

import daemon
import h2wire
import wire
from h2wire import GET

# Late for who does nothing, and early enough for who does.
SOON = f"{int(1000 * wire.SLOWDOWN)}ms"
BIND = "bind = ( { address = \"%s:%d\"; h2c = true; } );"


class Site:
    def __init__(self, running, address, origin):
        self.daemon, self.address, self.origin = running, address, origin
        self.clients = []

    def client(self, **options):
        self.clients.append(h2wire.Client(self.address, **options))
        return self.clients[-1]

    def forward(self, fields=GET, body=None):
        """What the origin got of a request, which it answered with 200."""
        got = self.client().ask(1, fields, body)
        assert got.status == 200, got.heads
        return self.origin.expect_requests(1)[0]


def make(folder, origin, frontend="", **parts):
    address = ("127.0.0.1", wire.free_port())
    running = daemon.Daemon(folder, daemon.backend("main", origin.address),
                            config=None, frontend=frontend, listen=address, **parts)
    with open(running.path, encoding="utf-8") as f:
        text = f.read()
    running.text = text.replace('bind = ( "%s:%d" );' % address, BIND % address)
    running.write_config()
    return Site(running.start(), address, origin)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    origin = wire.Origin(name="main")
    made = make(tmp_path_factory.mktemp("h2"), origin,
                routes='{ when = "path /no"; deny = 403; }')
    try:
        yield made
    finally:
        try:
            made.daemon.stop()
        finally:
            origin.close()


@pytest.fixture
def site(plain):
    plain.origin.reset()
    yield plain
    for client in plain.clients:
        client.close()
    plain.clients = []
    plain.origin.reset()
    plain.daemon.check_alive()


@pytest.fixture
def begin(tmp_path, origin):
    """A site of the test's own."""
    made = []

    def run(frontend="", **parts):
        made.append(make(tmp_path / f"h2-{len(made)}", origin(), frontend, **parts))
        return made[-1]
    yield run
    for one in made:
        for client in one.clients:
            client.close()
        one.daemon.stop()


def without(name, fields=GET):
    return tuple(f for f in fields if f[0] != name)


def changed(name, value, fields=GET):
    return tuple((n, value if n == name else v) for n, v in fields)


def held(site, count):
    """That many requests wait at the origin, until the event that is returned."""
    hold = threading.Event()
    site.origin.answer = lambda *_: wire.answer(b"late") if hold.wait(30) else None
    client = site.client().handshake()
    for number in range(count):
        client.headers(2 * number + 1)
    wire.wait_for(lambda: len(site.origin.requests) == count, f"{count} requests")
    return client, hold
