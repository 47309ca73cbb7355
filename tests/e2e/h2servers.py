"""Daemons before servers of HTTP/2, and what these do with a request. Who wants its fixtures gives
them names: `h2 = h2servers.h2`."""
import ssl

import pytest

import daemon
import h2origin
import h2wire
import pki
import wire

GET = "GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"
CONNECT_PROTOCOL = 8
S = (":status", "200")


@pytest.fixture
def h2(request):
    made = []

    def make(**options):
        made.append(h2origin.Origin(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def backend(*origins, more="", server_more="", name="main"):
    return daemon.backend(name, *(o.address for o in origins), more="http2 = true; " + more,
                          server_more=server_more)


def refuse(peer, stream):
    peer.rst(stream, h2wire.REFUSED_STREAM)


def post(body=b"abc", path="/"):
    return b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (
        path.encode(), len(body), body)


def chunked(body, trailers=""):
    return (f"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
            f"Connection: TE\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n{trailers}\r\n")


def log_of(running, client):
    return running.wait_log(r"127\.0\.0\.1:%d " % client.sock.getsockname()[1])


def beside(address):
    """A second frontend, where clients speak HTTP/2."""
    return ('}, { name = "h2"; bind = ( { address = "%s:%d"; h2c = true; } ); '
            'default_backend = "main";' % address)


def say(*fields, body=None, end=True, then=None):
    def reply(peer, stream):
        with peer.at_once():
            peer.headers(stream, fields, end=end and body is None and then is None)
            if body is not None:
                peer.data(stream, body, end=then is None)
        if then is not None:
            then(peer, stream)
    return reply


def held(server):
    """Requests are kept, until release() answers them all."""
    kept = []
    server.reply = lambda peer, stream: kept.append((peer, stream))

    def release(count):
        wire.wait_for(lambda: len(kept) >= count, f"{count} requests")
        for peer, stream in kept:
            peer.reply(stream, peer.fields(stream)[":path"].encode())
    return kept, release


def numbered(running, count):
    clients = [running.client() for _ in range(count)]
    for at, client in enumerate(clients):
        client.send(f"GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n")
    return clients


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("app.test")
    return authority


def context(ca, *protocols):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(ca.path("app.test.pem"))
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def over_tls(ca, *origins, more=""):
    return backend(*origins, more=more,
                   server_more=f'tls: {{ ca = "{ca.ca}"; sni = "app.test"; }}; check = false;')
