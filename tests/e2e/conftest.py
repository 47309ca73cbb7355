"""Fixtures: `site` is the plain case, one daemon a module before one recording origin;
`start` makes daemons and `origin` servers for a test with needs of its own."""
import itertools

import pytest

import daemon
import wire


class Site:
    """A daemon, its origin, and the clients of one test."""

    def __init__(self, running, origin, other):
        self.daemon = running
        self.origin = origin
        self.other = other
        self.clients = []

    def client(self, **options):
        client = self.daemon.client(**options)
        self.clients.append(client)
        return client

    def ask(self, data, method="GET"):
        """One request over a connection of its own."""
        return self.client().ask(data, method)

    def refuse(self, data, *statuses, slices=None):
        """The request gets one of these statuses, the connection closes, and no byte of it
        reaches a server; also when it comes in one piece with a good one before it."""
        response = self.refuse_first(data, *statuses, slices=slices)
        self.refuse_second(data, *statuses)
        return response

    def refuse_second(self, data, *statuses):
        good = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
        client = self.client()
        client.send(good + (data.encode("latin-1") if isinstance(data, str) else data))
        assert client.read_response().status == 200
        response = client.read_response()
        assert response.status in statuses, f"{data[:200]!r}: {response.raw!r}"
        client.expect_closed()
        assert self.origin.received == self.origin.expect_requests(1)[0].raw
        assert self.other.received == b"", f"reached the server: {self.other.received!r}"
        self.origin.reset()

    def refuse_first(self, data, *statuses, slices=None):
        client = self.client()
        client.send(data, slices=slices)
        response = client.read_response()
        assert response.status in statuses, f"{data[:200]!r}: {response.raw!r}"
        client.expect_closed()
        assert self.origin.received == b"", f"reached the server: {self.origin.received!r}"
        assert self.other.received == b"", f"reached the server: {self.other.received!r}"
        return response

    def forward(self, data, method="GET"):
        """The request is answered by the origin; what the origin got."""
        response = self.ask(data, method)
        assert response.status == 200, f"{data[:200]!r}: {response.raw!r}"
        return self.origin.expect_requests(1)[0]

    def clear(self):
        for client in self.clients:
            client.close()
        self.clients = []
        self.origin.reset()
        self.other.reset()


@pytest.fixture(scope="module")
def plain_site(tmp_path_factory):
    origin, other = wire.Origin(name="main"), wire.Origin(name="other")
    running = daemon.Daemon(
        tmp_path_factory.mktemp("site"),
        daemon.backend("main", origin.address) + ", " + daemon.backend("other", other.address),
        acls='is_api = "path_beg /api"; is_get = "method GET"; is_host = "host other.example";',
        routes='{ when = "is_api"; backend = "other"; }, '
               '{ when = "path_beg /only-get is_get"; backend = "other"; }, '
               '{ when = "is_host"; backend = "other"; }')
    try:
        running.start()
        yield Site(running, origin, other)
    finally:
        try:
            running.stop()
        finally:
            origin.close()
            other.close()


@pytest.fixture
def site(plain_site):
    yield plain_site
    plain_site.clear()
    plain_site.daemon.check_alive()


@pytest.fixture
def origin():
    """Makes origins that end with the test."""
    made = []

    def make(**options):
        made.append(wire.Origin(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def start(tmp_path):
    """Starts daemons that are stopped, and judged, at the end of the test."""
    made, numbers = [], itertools.count(1)

    def run(backends="", **options):
        made.append(daemon.Daemon(tmp_path / f"hpcbal{next(numbers)}", backends, **options))
        return made[-1].start()
    yield run
    for one in made:
        one.stop()
