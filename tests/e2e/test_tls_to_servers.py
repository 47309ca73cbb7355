"""TLS to servers: who is believed, what a server is told, how sessions and connections are used
again, and how a body may end. HTTP.md 74, 91, 94, 147."""
import os
import socket
import ssl
import threading

import pytest

import daemon
import pki
import wire

CHECKED = 'check: { http = "GET /health"; interval = "100ms"; timeout = "2s"; rise = 1; fall = 1; };'
GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("app.test")
    authority.issue("other.test")
    authority.issue("me")
    return authority


@pytest.fixture
def servers(ca):
    """Makes origins that speak TLS, with a certificate for app.test as a rule."""
    made = []

    def make(name="app.test", wants=None, kind=pki.TlsOrigin):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca.path(name + ".pem"))
        if wants:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(wants)
        made.append(kind(context))
        return made[-1]
    yield make
    for one in made:
        one.close()


def backend(ca, *origins, tls='sni = "app.test";', more="check = false;", common="retries = 0;"):
    return daemon.backend("main", *(o.address for o in origins), more=common,
                          server_more=f'tls: {{ ca = "{ca.ca}"; {tls} }}; {more}')


def test_a_good_server_is_asked_by_its_name(start, servers, ca):
    server = servers()
    running = start(backend(ca, server))
    client = running.client()
    for _ in range(3):
        assert client.ask(GET).status == 200
    assert server.names == ["app.test"]
    assert server.handshakes == 1, "the connection is kept"


def test_h94_and_a_reload_with_other_settings_takes_a_new_connection(start, servers, ca):
    server = servers()
    running = start(backend(ca, server))
    client = running.client()
    assert client.ask(GET).status == 200
    running.ctl("reload")
    assert client.ask(GET).status == 200
    assert server.handshakes == 1, "nothing changed"
    running.write_config(backends=backend(ca, server, tls='verify = false; sni = "app.test";'))
    running.ctl("reload")
    assert client.ask(GET).status == 200
    assert server.handshakes == 2


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_are_resumed(start, servers, ca, version):
    server = servers()
    server.context.maximum_version = getattr(ssl.TLSVersion, version)
    server.answer = wire.answer(b"x", fields=["Connection: close"])
    running = start(backend(ca, server))
    client = running.client()
    for _ in range(4):
        assert client.ask(GET).status == 200
    assert (server.handshakes, server.resumed) == (4, 3)


@pytest.mark.parametrize("certificate, tls, words", [
    ("other.test", 'sni = "app.test";', "hostname mismatch"),
    ("app.test", "", "IP address mismatch"),
])
def test_a_server_that_is_another_gets_nothing(start, servers, ca, certificate, tls, words):
    """502, and never a silent downgrade."""
    server = servers(certificate)
    running = start(backend(ca, server, tls=tls))
    assert running.client().ask(GET).status == 502
    running.wait_log(r'main/main1 .* 502 .* SC-- .*"GET /x HTTP/1.1" SERVER_CERTIFICATE '
                     r'\(%s\)' % words)
    assert server.requests == []


def test_a_server_that_a_stranger_signed_gets_nothing(start, servers, ca, tmp_path):
    stranger = pki.Authority(tmp_path / "stranger")
    server = servers()
    running = start(backend(ca, server, tls=f'sni = "app.test"; ca = "{stranger.ca}";').replace(
        f'ca = "{ca.ca}";', ""))
    assert running.client().ask(GET).status == 502
    running.wait_log(r'SERVER_CERTIFICATE \((unable to get local issuer certificate|'
                     r'certificate signature failure)\)')
    running.write_config(backends=backend(ca, server, tls='verify = false; sni = "x.test";'))
    running.ctl("reload")
    assert running.client().ask(GET).status == 200, "that was asked for"


def test_a_server_without_tls_is_told_from_one_with(start, origin, ca):
    server = origin()
    plain = socket.create_server(("127.0.0.1", wire.free_port()))

    def hang_up():
        sock = plain.accept()[0]
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        sock.close()
    threading.Thread(target=hang_up, daemon=True).start()
    server.address = plain.getsockname()
    running = start(backend(ca, server))
    assert running.client().ask(GET).status == 502
    running.wait_log(r'SERVER_TLS \(wrong version number\)')
    plain.close()


def test_h91_a_failed_handshake_is_retried_elsewhere_for_every_method(start, servers, ca):
    bad, good = servers("other.test"), servers()
    running = start(backend(ca, bad, good, common="").replace(
        "roundrobin", "first"))
    client = running.client()
    assert client.ask("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").status == 200
    assert good.requests[0].body == b"abc"
    running.wait_log(r'main/main2 .* 200 .*"POST /x HTTP/1.1" id=\w+$')


def test_a_server_that_wants_a_certificate_gets_it(start, servers, ca):
    server = servers(wants=ca.ca)
    running = start(backend(ca, server, tls=f'sni = "app.test"; certificate = "{ca.path("me.pem")}";'))
    assert running.client().ask(GET).status == 200
    running.write_config(backends=backend(ca, server))
    running.ctl("reload")
    assert running.client().ask(GET).status == 502


class PrefixedOrigin(pki.TlsOrigin):
    """Expects a PROXY line in front of the handshake, and keeps it."""

    lines = []

    def connection_of(self, sock):
        line = b""
        while not line.endswith(b"\r\n"):
            line += sock.recv(1)
        self.lines.append(line)
        return super().connection_of(sock)


def test_h147_the_proxy_header_comes_before_the_handshake(start, servers, ca):
    server = servers(kind=PrefixedOrigin)
    PrefixedOrigin.lines = []
    running = start(backend(ca, server, more="send_proxy = 1; check = false;"))
    assert running.client().ask(GET).status == 200
    assert PrefixedOrigin.lines[0].startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")


def body_that_ends(notify):
    def answer(_request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nbody")
        if notify:
            connection.sock.settimeout(wire.PATIENCE)
            connection.sock = connection.sock.unwrap()
        connection.close()
    return answer


def test_h74_a_body_that_breaks_off_is_no_whole_one(start, servers, ca):
    server = servers()
    running = start(backend(ca, server))
    server.answer = body_that_ends(notify=True)
    assert running.client().ask(GET).body == b"body"
    server.answer = body_that_ends(notify=False)
    with pytest.raises(wire.Closed):
        running.client().ask(GET)
    running.wait_log("SERVER_CUT")
    server.answer = lambda _request, connection: (
        connection.send(wire.answer(b"framed")), connection.close())[1]
    assert running.client().ask(GET).body == b"framed", "its length says that it is whole"


def test_checks_speak_tls_and_verify(start, servers, ca):
    good, bad = servers(), servers("other.test")
    running = start(backend(ca, good, bad, more="", common=CHECKED))
    running.wait_server("main", "main1", "UP")
    running.wait_server("main", "main2", "DOWN")
    assert "TLS: hostname mismatch" in str(running.server("main", "main2"))
    assert running.client().ask(GET).status == 200


def test_large_bodies_both_ways(start, servers, ca):
    data = os.urandom(3 << 20)
    server = servers()
    server.answer = lambda request, _: wire.answer(request.body)
    running = start(backend(ca, server))
    client = running.client()
    client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(data))
    client.send(data)
    assert client.read_response().body == data
