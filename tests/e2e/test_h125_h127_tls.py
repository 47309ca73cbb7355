"""HTTP.md 125 and 127, and all else that a client notices of TLS: which certificate it gets, how
its session goes on, what its handshake can do wrong, and how a connection ends."""
import hashlib
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import daemon
import h2wire
import pki
import wire
from pki import TlsClient
from tlsrig import GET, ask, check, config, connect, resumes, s_client, session_of

@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("a.test", "a.test", "*.a.test")
    authority.issue("a.test", "a.test", "*.a.test", kind="rsa", file="a-rsa")
    authority.issue("b.test")
    return authority


@pytest.fixture(scope="module")
def shop(ca, tmp_path_factory):
    """A daemon with certificates for a.test (of two kinds) and b.test."""
    origin = wire.Origin(name="main")
    running = daemon.Daemon(tmp_path_factory.mktemp("tls"), config=config(
        origin, ca.path("a.test.pem"), ca.path("a-rsa.pem"), ca.path("b.test.crt"),
        threads=2, tls=f'keys = ( "{ca.path("b.test.key")}" );', frontend="""
        hsts = "180d"; trusted_proxies = ( "127.0.0.9" );
        routes = ( { when = "path /tls tls"; respond: { body = "secure"; }; },
                   { when = "path /sni sni b.test"; respond: { body = "named"; }; } );
        default_backend = "main";"""))
    running.origin = origin
    try:
        yield running.start()
    finally:
        running.stop()
        origin.close()


# --- which certificate ---

@pytest.mark.parametrize("asked, got", [
    ("a.test", "a.test"), ("A.Test", "a.test"), ("www.a.test", "a.test"), ("b.test", "b.test"),
    (None, "a.test")])
def test_h127_the_certificate_is_the_one_for_the_name(shop, ca, asked, got):
    client = connect(shop, ca, asked)
    assert got in client.names
    assert ask(client, got).status == 200


def test_h127_an_unknown_name_gets_the_first_certificate(shop, ca):
    context = ca.context(check_hostname=False)
    for name in ("other.test", "a.www.a.test"):
        client = TlsClient(shop.address, context, name)
        assert "a.test" in client.names
        assert ask(client, name).status == 200


def test_h127_rsa_and_ecdsa_stand_side_by_side(shop, ca):
    for cipher, kind in (("ECDHE-RSA-AES128-GCM-SHA256", "RSA"),
                         ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA")):
        context = ca.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(cipher)
        client = TlsClient(shop.address, context, "a.test")
        assert kind in client.sock.cipher()[0]


def test_h125_another_name_than_the_one_asked_for_gets_421(shop, ca):
    client = connect(shop, ca, "a.test")
    assert ask(client, "www.a.test").status == 200
    assert ask(client, "A.TEST:443").status == 200
    assert ask(client, "elsewhere.test").status == 200, "no other certificate is for it"
    assert ask(client, "b.test").status == 421
    assert ask(client, "a.test").status == 200, "the connection goes on"
    shop.wait_log(r'"GET /x HTTP/1.1" MISDIRECTED')


def test_h125_without_a_name_nothing_is_misdirected(shop, ca):
    client = connect(shop, ca, None)
    assert ask(client, "b.test").status == 200
    assert ask(client, "127.0.0.1").status == 200


# --- versions, ALPN, renegotiation ---

@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_h127_versions_and_no_alpn_is_http_1(shop, ca, version):
    only = getattr(ssl.TLSVersion, version)
    client = connect(shop, ca, minimum_version=only, maximum_version=only)
    assert client.sock.version() == version.replace("_", ".")
    assert client.sock.selected_alpn_protocol() is None
    assert ask(client).status == 200


def test_h106_h125_h127_alpn_agrees_on_http_2(shop, ca):
    """The first of ours that the client knows; :scheme is not asked, 421 and its connection are as
    by HTTP/1.1."""
    context = ca.context()
    context.set_alpn_protocols(["http/1.1", "h2"])
    tls = TlsClient(shop.address, context, "a.test")
    assert tls.sock.selected_alpn_protocol() == "h2"
    client = h2wire.Client(tls)

    def asks(stream, host):
        fields = [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", host)]
        return client.ask(stream, fields)
    assert asks(1, "a.test").status == 200
    assert shop.origin.requests[-1].one("X-Forwarded-Proto") == b"https"
    assert asks(3, "b.test").status == 421
    assert asks(5, "a.test").status == 200
    shop.wait_log(r'"GET /x HTTP/2.0" MISDIRECTED')
    client.close()


def test_h127_alpn_agrees_on_http_1(shop, ca):
    context = ca.context()
    context.set_alpn_protocols(["unheard-of", "http/1.1"])
    client = TlsClient(shop.address, context, "a.test")
    assert client.sock.selected_alpn_protocol() == "http/1.1"
    context = ca.context()
    context.set_alpn_protocols(["unheard-of"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        TlsClient(shop.address, context, "a.test")
    shop.wait_log(r'"<BADREQ>" TLS_FAILED \(no application protocol\)')


def test_h127_old_versions_are_refused(shop):
    done = s_client(shop.address, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in done.stderr
    shop.wait_log(r'"<BADREQ>" TLS_FAILED \(unsupported protocol\)')


def test_h127_renegotiation_is_refused(shop):
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", "%s:%d" % shop.address, "-tls1_2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = ""
    while "Extended master secret" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    process.stdin.write("R\n")
    process.stdin.flush()
    rest, _ = process.communicate(timeout=4 * wire.PATIENCE)
    assert "RENEGOTIATING" in rest and "no renegotiation" in rest


def test_h127_the_modern_profile_is_tls_13(start, origin, ca):
    running = start(config=config(origin(), ca.path("a.test.pem"), tls='profile = "modern";'))
    assert connect(running, ca).sock.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        connect(running, ca, maximum_version=ssl.TLSVersion.TLSv1_2)


# --- sessions ---

@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_h127_a_session_is_resumed_also_after_a_reload(shop, ca, version):
    context = ca.context(maximum_version=getattr(ssl.TLSVersion, version))
    session = session_of(shop, ca, context)
    assert resumes(shop, context, session)
    shop.ctl("reload")
    client = TlsClient(shop.address, context, "a.test", session)
    assert ask(client).status == 200
    assert client.sock.session_reused
    if version == "TLSv1_3":
        assert client.sock.session.id != session.id, "each connection gets a ticket of its own"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_h127_with_a_file_of_ticket_keys_the_other_node_resumes(start, origin, ca, version):
    server = origin()

    def node(keys):
        return start(config=config(server, ca.path("a.test.pem"),
                                   tls=f'ticket_keys = "{keys}";' if keys else ""))
    new, old = (pki.openssl("rand", "-base64", "80").replace(b"\n", b"") for _ in range(2))
    for name, keys in (("before", [old]), ("rotated", [new, old])):
        with open(ca.path(name), "wb") as f:
            f.write(b"\n".join(keys) + b"\n")
    context = ca.context(maximum_version=getattr(ssl.TLSVersion, version))
    session = session_of(node(ca.path("before")), ca, context)
    assert resumes(node(ca.path("rotated")), context, session)
    assert not resumes(node(None), context, session)


# --- what the request meets ---

def test_h106_the_scheme_is_told_and_can_be_asked_for(shop, ca):
    shop.origin.reset()
    client = connect(shop, ca)
    response = ask(client)
    assert response.one("Strict-Transport-Security") == b"max-age=15552000"
    assert shop.origin.requests[-1].one("X-Forwarded-Proto") == b"https"
    assert ask(client, path="/tls").body == b"secure"
    assert ask(client, path="/sni").body == b"main"
    assert ask(connect(shop, ca, "b.test"), "b.test", "/sni").body == b"named"


def test_a_plain_client_is_sent_to_https(start, origin, ca):
    port = wire.free_port()
    text = config(origin(), ca.path("a.test.pem")).replace(
        "frontends = (", 'frontends = ( { name = "plain"; hsts = "1d"; bind = ( "127.0.0.1:%d" ); '
        'routes = ( { when = "path /stay"; backend = "main"; }, '
        '{ when = "!tls"; redirect = "https"; } ); default_backend = "main"; },' % port)
    start(config=text)
    client = wire.Client(("127.0.0.1", port))
    response = client.ask("GET /a/b?c=%20d HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert response.status == 302
    assert response.one("Location") == b"https://a.test/a/b?c=%20d"
    response = client.ask("GET /stay HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert not response.has("Strict-Transport-Security"), "RFC 6797 7.2: over TLS only"


def test_large_bodies_both_ways(shop, ca):
    data = random.Random(5).randbytes(3 << 20)
    digest = hashlib.sha256(data).digest()
    shop.origin.reset()
    shop.origin.answer = lambda request, _: wire.answer(hashlib.sha256(request.body).digest() + data)
    client = connect(shop, ca)
    client.send(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % len(data))
    client.send(data, slices=100001)
    body = client.read_response().body
    assert body[:32] == digest
    assert hashlib.sha256(body[32:]).digest() == digest
    shop.origin.reset()


def test_a_client_that_reads_slowly_gets_all(shop, ca):
    """The kernel takes records in part then."""
    data = random.Random(6).randbytes(2 << 20)
    shop.origin.reset()
    shop.origin.answer = wire.answer(data)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(wire.PATIENCE)
    raw.connect(shop.address)
    sock = ca.context().wrap_socket(raw, server_hostname="a.test")
    sock.sendall(b"GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    got = bytearray()
    while True:
        some = sock.recv(random.Random(len(got)).randrange(1, 70000))
        if not some:
            break
        got += some
    assert bytes(got).endswith(data) and len(got) < len(data) + 1000
    shop.origin.reset()


def test_pipelined_requests_in_one_record(shop, ca):
    client = connect(shop, ca)
    client.send((GET % "a.test") * 5)
    assert [client.read_response().status for _ in range(5)] == [200] * 5


def test_a_websocket_over_tls(shop, ca):
    shop.origin.reset()

    def upgrade(_request, connection):
        connection.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                b"Upgrade: websocket\r\nSec-WebSocket-Accept: "
                                b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        connection.send(connection.read_exactly(100000))
        connection.read_to_end()
    shop.origin.answer = upgrade
    client = connect(shop, ca)
    client.send("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert client.read_response_head().status == 101
    data = random.Random(7).randbytes(100000)
    client.send(data)
    assert client.read_exactly(len(data)) == data
    client.sock.unwrap()
    client.close()
    shop.origin.reset()


def test_tcp_mode_ends_tls(start, ca):
    def reverse(_request, connection):
        connection.send(b"done " + connection.requests[-1].raw)
        connection.close()
    server = wire.Origin()
    server.answer = reverse
    running = start(config=config(server, ca.path("a.test.pem"), mode="tcp"))
    client = connect(running, ca)
    client.send(GET % "a.test")
    assert client.read_to_end() == b"done " + (GET % "a.test").encode()
    assert not client.truncated
    server.close()


# --- the end ---

def test_the_end_is_said(shop, ca):
    client = connect(shop, ca)
    client.send("GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    assert client.read_response().status == 200
    assert pki.ends_with_notify(client.sock)


def test_h87_a_client_that_says_its_end_still_gets_the_answer(shop, ca):
    shop.origin.reset()
    context = ca.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    raw = socket.create_connection(shop.address, timeout=wire.PATIENCE)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65536))
    tls.write((GET % "a.test").encode())
    with pytest.raises(ssl.SSLWantReadError):
        tls.unwrap()
    raw.sendall(outgoing.read())
    raw.shutdown(socket.SHUT_WR)
    while True:
        data = raw.recv(65536)
        if not data:
            break
        incoming.write(data)
    incoming.write_eof()
    assert len(shop.origin.expect_requests(1)) == 1
    shop.wait_log(r'main/main1 .* 200 .*"GET /x HTTP/1.1" id=\w+$')


def test_h73_a_cut_response_does_not_end_in_order(shop, ca):
    """Whose end only the end of the connection tells: no close_notify may make it look whole."""
    shop.origin.reset()
    seen = threading.Event()

    def cut_short(_request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        seen.wait(wire.PATIENCE)
        connection.close()
    shop.origin.answer = cut_short
    client = connect(shop, ca)
    client.send("GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n")
    client.read_until(b"\nabc")
    seen.set()
    try:
        whole = pki.ends_with_notify(client.sock)
    except (ConnectionError, OSError):
        whole = False
    assert not whole
    shop.origin.reset()


# --- handshakes that come to nothing ---

def test_plain_http_on_a_tls_port_is_told_so(shop):
    client = wire.Client(shop.address)
    response = client.ask("OPTIONS /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert response.status == 400
    assert b"plain HTTP request was sent to HTTPS port" in response.body
    client.expect_closed()
    shop.wait_log(r'"<BADREQ>" TLS_PLAIN \(plain HTTP\)')


def test_what_is_no_tls_gets_an_alert(shop):
    client = wire.Client(shop.address)
    client.send(b"\x16\x03\x01\x00\x05hello")
    assert client.read_to_end()[:1] == b"\x15"
    shop.wait_log(r'"<BADREQ>" TLS_FAILED \(')


def test_a_client_that_does_not_trust_us_is_named(shop):
    with pytest.raises(ssl.SSLError):
        TlsClient(shop.address, ssl.create_default_context(), "a.test")
    shop.wait_log(r'"<BADREQ>" TLS_DECLINED \(tlsv1 alert unknown ca\)')


def test_a_client_that_goes_in_the_middle_is_one_line(shop):
    client = wire.Client(shop.address)
    client.send(b"\x16\x03")
    client.close()
    shop.wait_log(r'CR.* "<BADREQ>" TLS_ABORT')


def test_h127_a_reset_behind_half_a_handshake_is_seen_at_once(shop):
    """Both come in one edge, which is told once."""
    client = wire.Client(shop.address)
    source = "127.0.0.1:%d" % client.sock.getsockname()[1]
    client.send(b"\x16\x03\x01\x00\x90\x01")
    wire.wait_for(lambda: connections(shop), "the connection to be there")
    proxy = shop.child("proxy")
    daemon.freeze(proxy)
    try:
        client.send(b"\x00")
        client.reset()
    finally:
        os.kill(proxy, signal.SIGCONT)
    shop.wait_log(rf'^{source} .* CR.* "<BADREQ>" TLS_ABORT')


def connections(running):
    return running.json("status")["frontends"][0]["connections"]


def test_a_check_that_only_connects_makes_no_line(shop, ca):
    wire.wait_for(lambda: connections(shop) == 0, "earlier clients to be gone")
    lines = len(shop.log())
    checks = [wire.Client(shop.address) for _ in range(5)]
    names = ["127.0.0.1:%d " % client.sock.getsockname()[1] for client in checks]
    wire.wait_for(lambda: connections(shop) == 5, "the connections")
    for client in checks:
        client.close()
    wire.wait_for(lambda: connections(shop) == 0, "the connections to end")
    for _ in range(8):  # so that each worker writes a line behind
        assert ask(connect(shop, ca), path="/behind").status == 200
    wire.wait_for(lambda: sum("GET /behind" in line for line in shop.log()) == 8, "their lines")
    assert not [line for line in shop.log()[lines:] if any(name in line for name in names)]


def test_a_handshake_that_stalls_is_given_up_and_costs_little(start, origin, ca):
    count = 300
    running = start(config=config(origin(), ca.path("a.test.pem"),
                                  timeouts=f'tls_handshake = "{int(4 * wire.SLOWDOWN)}s";'))
    assert ask(connect(running, ca)).status == 200
    before = running.rss()
    stalled = [wire.Client(running.address) for _ in range(count)]
    wire.wait_for(lambda: connections(running) >= count, "the connections")
    if wire.SLOWDOWN == 1:
        assert (running.rss() - before) / count < 8 << 10, "nobody has said anything"
    for client in stalled:
        client.send(b"\x16\x03\x01\x02\x00\x01")
    last = connect(running, ca)
    assert ask(last).status == 200, "what came before that was read"
    if wire.SLOWDOWN == 1:
        assert (running.rss() - before) / count < 64 << 10, "a buffer and an exchange are 77 KiB"
    for client in stalled:
        client.expect_closed(patience=10 * wire.PATIENCE)
    running.wait_log(r'cR.* "<BADREQ>" TLS_TIMEOUT')
    assert ask(connect(running, ca)).status == 200


def test_bytes_that_trickle_do_not_disturb_a_handshake(shop, ca):
    """Also a request that comes in one piece with the end of the handshake."""
    context = ca.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    raw = socket.create_connection(shop.address, timeout=wire.PATIENCE)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    for at in range(0, len(hello), 50):
        raw.sendall(hello[at:at + 50])
        time.sleep(0.002)
    while True:
        incoming.write(raw.recv(65536))
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            pass
    tls.write((GET % "a.test").encode())
    raw.sendall(outgoing.read())
    got = b""
    while b"\r\n\r\n" not in got:
        try:
            got += tls.read(65536)
        except ssl.SSLWantReadError:
            incoming.write(raw.recv(65536))
    assert got.startswith(b"HTTP/1.1 200")


def test_h145_a_proxy_header_comes_before_the_handshake(start, origin, ca):
    server = origin()
    running = start(config=config(
        server, ca.path("a.test.pem"), bind="proxy_protocol = true;",
        frontend='trusted_proxies = ( "127.0.0.0/8" ); default_backend = "main";'))
    context = ca.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    raw = socket.create_connection(running.address, timeout=wire.PATIENCE)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    raw.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 1111 443\r\n" + outgoing.read())
    while True:
        incoming.write(raw.recv(65536))
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            pass
    tls.write((GET % "a.test").encode())
    raw.sendall(outgoing.read())
    request = wire.wait_for(lambda: server.requests, "the request")[0]
    assert request.one("X-Forwarded-For") == b"192.0.2.7"
    assert request.one("X-Forwarded-Proto") == b"https"


# --- certificates change ---

def test_a_reload_changes_the_certificate_and_cuts_nobody(start, origin, ca, tmp_path):
    path = str(tmp_path / "site.pem")

    def put(name):
        with open(path, "w", encoding="ascii") as f:
            f.write(ca.read(name))
    ca.issue("c.test", "a.test", file="first")
    ca.issue("c.test", "a.test", file="second")
    put("first.pem")
    running = start(config=config(origin(), path))
    old = connect(running, ca)
    assert ask(old).status == 200
    put("second.pem")
    running.ctl("reload")
    new = connect(running, ca)
    assert new.serial != old.serial
    assert ask(new).status == 200
    assert ask(old).status == 200, "the connection goes on with the old one"

    with open(path, "w", encoding="ascii") as f:
        f.write(ca.read("first.crt") + ca.read("second.key"))
    refused = subprocess.run(
        [os.path.join(daemon.build_folder(), "hpcbalctl"), "-s",
         os.path.join(running.folder, "control.sock"), "reload"],
        capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "its private key belongs to another certificate" in refused.stdout + refused.stderr
    assert connect(running, ca).serial == new.serial, "the old one stays"
    assert ask(old).status == 200


def test_a_changed_file_is_taken_by_itself(start, origin, ca, tmp_path):
    path = str(tmp_path / "site.pem")

    def put(text):
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.replace(path + ".new", path)
    ca.issue("d.test", "a.test", file="third")
    ca.issue("d.test", "a.test", file="fourth")
    put(ca.read("third.pem"))
    running = start(config=config(origin(), path).replace(
        "threads = 1;", "threads = 1; certificate_reload = true;"))
    old = connect(running, ca)
    put(ca.read("fourth.crt") + ca.read("third.key"))
    running.wait_log("site.pem has changed: reloading", patience=3 * wire.PATIENCE)
    running.wait_log("its private key belongs to another certificate")
    running.wait_log("reload refused; generation 1 goes on")
    assert connect(running, ca).serial == old.serial
    put(ca.read("fourth.pem"))
    running.wait_log("reloaded .*generation", patience=3 * wire.PATIENCE)
    assert connect(running, ca).serial != old.serial
    assert ask(old).status == 200
    assert len([line for line in running.log() if "has changed: reloading" in line]) == 2


def test_the_status_tells_of_a_certificate_that_expires_soon(start, origin, ca):
    ca.issue("soon.test", days=10)
    running = start(config=config(origin(), ca.path("a.test.pem"), ca.path("soon.test.pem")))
    said = running.ctl("status")
    said = getattr(said, "stdout", said)
    assert re.search(r"the certificate in \S*/soon.test.pem expires in \d+ days", said)
    assert "a.test.pem" not in said


def chain_of(ca, order):
    return "".join(ca.read(name) for name in order)


def test_the_check_says_what_is_wrong(origin, ca, tmp_path):
    server = origin()
    ca.issue("soon.test", days=10)
    ca.issue("old.test", days=400, file="old")
    encrypted = pki.openssl("pkey", "-aes128", "-passout", "pass:x", "-in",
                            ca.path("a.test.key")).decode()
    cases = {
        "no": (None, "", "cannot read .*No such file"),
        "empty": ("", "", "there is no certificate in it"),
        "bare": (ca.read("a.test.crt"), "", "it has no private key; append"),
        "mixed": (ca.read("a.test.crt") + ca.read("b.test.key"), "",
                  "its private key belongs to another certificate"),
        "locked": (ca.read("a.test.crt") + encrypted, "", "its private key is encrypted"),
        "order": (chain_of(ca, ("a.test.pem", "b.test.crt", "ca.pem")), "",
                  "certificate 2 of the file did not issue certificate 1"),
        "soon": (ca.read("soon.test.pem"), "warning: ", r"expires on \d{4}-\d\d-\d\d, in \d+ days"),
    }
    for name, (text, level, words) in cases.items():
        path = str(tmp_path / name)
        if text is not None:
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        status, said = check(tmp_path, config(server, path))
        assert re.search(rf"check.conf:7: {level}.*{words}", said), f"{name}: {said}"
        assert status == (level == ""), said
    status, said = check(tmp_path, config(server, ca.path("a.test.pem"),
                                          tls=f'keys = ( "{ca.path("b.test.key")}" );'))
    assert status == 0 and "is the key of none of these certificates" in said
    with open(tmp_path / "keys", "w", encoding="ascii") as f:
        f.write("YWJj\n")
    status, said = check(tmp_path, config(server, ca.path("a.test.pem"),
                                          tls=f'ticket_keys = "{tmp_path}/keys";'))
    assert status == 1 and "line 1 is no key, which is 80 bytes in base64" in said


def test_a_good_chain_is_sent_whole(start, origin, tmp_path):
    root = pki.Authority(tmp_path / "root", "root")
    pki.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=middle", "-keyout", root.path("middle.key"), "-out", root.path("middle.csr"))
    with open(root.path("ext"), "w", encoding="ascii") as f:
        f.write("basicConstraints=critical,CA:true\n")
    pki.openssl("x509", "-req", "-in", root.path("middle.csr"), "-CA", root.ca, "-CAkey",
                root.path("root.key"), "-CAcreateserial", "-days", "30", "-extfile",
                root.path("ext"), "-out", root.path("middle.pem"))
    middle = pki.Authority(tmp_path / "unused", "unused")
    middle.folder, middle.name, middle.ca = root.folder, "middle", root.path("middle.pem")
    middle.issue("a.test")
    path = str(tmp_path / "chain.pem")
    with open(path, "w", encoding="ascii") as f:
        f.write(middle.read("a.test.pem") + root.read("middle.pem"))
    running = start(config=config(origin(), path))
    assert ask(connect(running, root)).status == 200


def test_the_keys_stay_with_the_proxy(shop):
    """No other process holds the keyring but the supervisor, for the next proxy."""
    holders = [pid for pid in [shop.process.pid] + list(shop.children())
               if any("hpcbal-keys" in name for name in daemon.files_of(pid))]
    assert holders == [shop.process.pid]


# --- certificates of clients ---

@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """An authority of clients: joe, and sue, who is revoked."""
    authority = pki.Authority(tmp_path_factory.mktemp("people"), "people")
    authority.issue("joe")
    authority.issue("sue")
    folder = authority.folder
    with open(authority.path("ca.conf"), "w", encoding="ascii") as f:
        f.write(f"[ca]\ndefault_ca=me\n[me]\ndatabase={folder}/index\ndefault_md=sha256\n"
                "default_crl_days=30\n")
    open(authority.path("index"), "w", encoding="ascii").close()
    sign = ("ca", "-config", authority.path("ca.conf"), "-cert", authority.ca, "-keyfile",
            authority.path("people.key"))
    pki.openssl(*sign, "-revoke", authority.path("sue.crt"))
    pki.openssl(*sign, "-gencrl", "-out", authority.path("crl.pem"))
    return authority


def as_client(running, ca, people, who, **options):
    context = ca.context(**options)
    if who:
        context.load_cert_chain(people.path(who + ".pem"))
    return TlsClient(running.address, context, "a.test")


@pytest.fixture(scope="module", params=["required", "optional"])
def club(ca, people, tmp_path_factory, request):
    origin = wire.Origin(name="main")
    running = daemon.Daemon(tmp_path_factory.mktemp("club"), config=config(
        origin, ca.path("a.test.pem"),
        tls=f'clients = "{request.param}"; ca = "{people.ca}"; crl = "{people.path("crl.pem")}";',
        frontend='client_subject = "X-Subject"; default_backend = "main";'))
    running.origin, running.kind = origin, request.param
    try:
        yield running.start()
    finally:
        running.stop()
        origin.close()


SPOOF = "GET /x HTTP/1.1\r\nHost: a.test\r\nX-Subject: CN=king\r\nx_subject: CN=king\r\n\r\n"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_client_with_a_certificate_is_known(club, ca, people, version):
    club.origin.reset()
    client = as_client(club, ca, people, "joe",
                       maximum_version=getattr(ssl.TLSVersion, version))
    assert client.ask(SPOOF).status == 200
    assert club.origin.requests[-1].all("X-Subject") == [b"CN=joe"]


def test_a_resumed_client_is_still_known(club, ca, people):
    club.origin.reset()
    context = ca.context()
    context.load_cert_chain(people.path("joe.pem"))
    first = TlsClient(club.address, context, "a.test")
    assert first.ask(SPOOF).status == 200
    second = TlsClient(club.address, context, "a.test", first.sock.session)
    assert second.ask(SPOOF).status == 200
    assert second.sock.session_reused
    assert club.origin.requests[-1].all("X-Subject") == [b"CN=joe"]


def test_a_client_without_a_certificate(club, ca, people):
    club.origin.reset()
    if club.kind == "optional":
        assert as_client(club, ca, people, None).ask(SPOOF).status == 200
        assert not club.origin.requests[-1].has("X-Subject")
        return
    with pytest.raises((ssl.SSLError, ConnectionError, wire.Closed)):
        as_client(club, ca, people, None).ask(SPOOF)
    club.wait_log(r"TLS_CERTIFICATE \(peer did not return a certificate\)")
    assert not club.origin.requests


@pytest.mark.parametrize("who, words", [
    ("sue", "certificate revoked"),
    ("stranger", "unable to get local issuer certificate|self-signed certificate in .*chain")])
def test_a_client_with_a_bad_certificate_is_refused(club, ca, people, who, words):
    club.origin.reset()
    if who == "stranger":
        owner = ca
        ca.issue("stranger")
    else:
        owner = people
    with pytest.raises((ssl.SSLError, ConnectionError, wire.Closed)):
        as_client(club, ca, owner, who).ask(SPOOF)
    club.wait_log(rf"TLS_CERTIFICATE \(({words})\)")
    assert not club.origin.requests


def test_what_a_session_was_let_in_for_is_not_changed_by_a_reload(start, origin, ca, people):
    """A session without a certificate does not get in where one is required by now."""
    server = origin()
    running = start(config=config(server, ca.path("a.test.pem")))
    context = ca.context()
    session = session_of(running, ca, context)
    running.write_config(text=config(server, ca.path("a.test.pem"),
                                     tls=f'clients = "required"; ca = "{people.ca}";'))
    running.ctl("reload")
    with pytest.raises((ssl.SSLError, ConnectionError, wire.Closed)):
        ask(TlsClient(running.address, context, "a.test", session))
