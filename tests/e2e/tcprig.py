"""Servers and daemons of mode tcp, and how their connections end. Who wants its fixtures gives them
names: `tcp = tcprig.tcp`."""
import json
import select
import socket

import pytest

import daemon
import wire

TCP = 'mode = "tcp";'
GREETING = b"220 ready\r\n"


class Server:
    """A socket that listens. Accepted connections come from take()."""

    def __init__(self, backlog=128, host="127.0.0.1"):
        self.listener = socket.create_server((host, wire.free_port(host)), backlog=backlog)
        self.listener.settimeout(wire.PATIENCE)
        self.address = self.listener.getsockname()
        self.taken = []

    def take(self):
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.taken.append(wire.Stream(sock))
        return self.taken[-1]

    def close(self):
        self.listener.close()
        for one in self.taken:
            one.close()


@pytest.fixture
def server():
    made = []

    def make(**options):
        made.append(Server(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def backend(name, *servers, more="", **options):
    return daemon.backend(name, *[s.address for s in servers], more=TCP + more, **options)


@pytest.fixture
def tcp(start):
    """A daemon in mode tcp before these servers."""
    def run(*servers, frontend="", more="", server_more="", balance="roundrobin", **parts):
        return start(backend("main", *servers, more=more, server_more=server_more,
                             balance=balance),
                     frontend=TCP + frontend, **parts)
    return run


def pair(running, one, **options):
    """A client, and the server's end of its connection."""
    client = running.client(**options)
    return client, one.take()


def lines(running):
    return [json.loads(line) for line in running.log() if line.startswith("{")]


def line(running, number=1):
    return wire.wait_for(lambda: lines(running)[number - 1:], f"{number} access log lines")[0]


def place_is_free(running):
    """A connection gives its place back when its line is written already."""
    wire.wait_for(lambda: running.server("main", "main1")["active"] == 0, "its place to be free")


def was_reset(stream):
    """The next thing that comes is a reset, and no end."""
    poll = select.poll()
    poll.register(stream.sock, select.POLLIN)
    assert poll.poll(wire.PATIENCE * 1000), "nothing came"
    try:
        got = stream.sock.recv(65536)
    except ConnectionResetError:
        return True
    raise AssertionError(f"no reset but {got[:100]!r}")


def has_error(stream, ms):
    """For one that has read an end already: only an error is news to it."""
    poll = select.poll()
    poll.register(stream.sock, 0)
    return any(what & select.POLLERR for _, what in poll.poll(ms))


def fill_backlog(one):
    """Connections that fill the queue of a server that does not accept, so that a further one
    waits; returned in the order in which they can be accepted."""
    made = []
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(one.address)
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        if not poll.poll(300):
            sock.close()
            return made
        made.append(sock)


def refused(address):
    with socket.socket() as sock:
        return sock.connect_ex(address) != 0
