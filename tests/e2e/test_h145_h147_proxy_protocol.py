"""HTTP.md 145 to 147: the PROXY protocol, read from proxies in front and sent to servers."""
import binascii
import json
import os
import socket
import struct
import subprocess
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LISTED, OTHER = "127.0.0.2", "127.0.0.3"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 8443\r\n"


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def v2(src="192.0.2.7", dst="198.51.100.1", ports=(5555, 8443), command=0x21, family=None,
       tlvs=b"", summed=False):
    kind = socket.AF_INET6 if ":" in src else socket.AF_INET
    block = socket.inet_pton(kind, src) + socket.inet_pton(kind, dst) + struct.pack(">HH", *ports)
    if family is None:
        family = 0x21 if ":" in src else 0x11
    if summed:
        tlvs += tlv(3, b"\0\0\0\0")
    block += tlvs
    header = SIGNATURE + bytes([command, family]) + struct.pack(">H", len(block)) + block
    return header[:-4] + struct.pack(">I", crc32c(header)) if summed else header


def local(block=b"", family=0):
    return SIGNATURE + bytes([0x20, family]) + struct.pack(">H", len(block)) + block


def configuration(backends, bind="proxy_protocol = true;", trusted=f'"{LISTED}"', **parts):
    """As daemon.CONFIG, on a bind that reads the header."""
    whole = {"threads": 1, "proxy": "", "timeouts": "", "top": "", "acls": "", "routes": "",
             "frontend": "", "log_format": "json"}
    whole.update(parts)
    text = daemon.CONFIG.replace('"{listen}"', '{{ address = "{listen}"; {bind} }}')
    whole["frontend"] += f" trusted_proxies = ( {trusted} );"
    return text.format(folder="{folder}", listen="{listen}", bind=bind, backends=backends, **whole)


def lines(running):
    """The access log's, as objects."""
    return [json.loads(line) for line in running.log() if line.startswith("{")]


def wait_line(running, number=1):
    return wire.wait_for(lambda: lines(running)[number - 1:], f"{number} access log lines")[0]


class Site:
    def __init__(self, running, origin):
        self.daemon, self.origin = running, origin
        self.clients, self.before = [], 0

    def client(self, source=LISTED):
        self.clients.append(wire.Client(self.daemon.address, source=source))
        return self.clients[-1]

    def ask(self, header, data=GET, **options):
        """One request behind a header, over a connection of its own; what the origin got."""
        client = self.client()
        if isinstance(data, str):
            data = data.encode()
        client.send(header + data, **options)
        response = client.read_response()
        assert response.status == 200, response.raw
        return self.origin.expect_requests(1)[0]

    def refuse(self, data, reason, **options):
        """The connection is closed without a word, and the log has one line."""
        client = self.client()
        client.send(data, **options)
        client.expect_closed()
        got = wait_line(self.daemon, self.before + 1)
        assert got["reason"] == reason, got
        assert got["client"].startswith(LISTED + ":"), got
        assert got["status"] is None and got["backend"] is None
        assert len(lines(self.daemon)) == self.before + 1
        assert self.origin.received == b""
        return got


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    origin, other = wire.Origin(name="main"), wire.Origin(name="other")
    running = daemon.Daemon(
        tmp_path_factory.mktemp("proxied"),
        config=configuration(
            daemon.backend("main", origin.address) + "," + daemon.backend("other", other.address),
            acls='is_inside = "src 192.0.2.99 2001:db8:1::/48"; is_port = "dst_port 9000";',
            routes='{ when = "is_inside"; backend = "other"; }, '
                   '{ when = "is_port"; backend = "other"; }',
            trusted=f'"{LISTED}", "192.0.2.50"'))
    try:
        running.start()
        yield Site(running, origin), other
    finally:
        try:
            running.stop()
        finally:
            origin.close()
            other.close()


@pytest.fixture
def site(plain):
    site, other = plain
    # What the test before caused is in the log.
    site.before = settled(site.daemon)
    yield site
    for client in site.clients:
        client.close()
    site.clients = []
    site.origin.reset()
    other.reset()
    site.daemon.check_alive()


def settled(running):
    """How many lines there are when a request of our own has come through all of the log."""
    before = len(lines(running))
    marker = os.urandom(6).hex()
    client = running.client(source=OTHER)
    client.ask(f"GET /{marker} HTTP/1.1\r\nHost: a\r\n\r\n")
    client.close()
    wire.wait_for(lambda: any(line["target"] == f"/{marker}" for line in lines(running)[before:]),
                  "a line in the access log")
    return len(lines(running))


@pytest.fixture(autouse=True)
def forget_marker(request):
    """The origin knows nothing of the request that settled() made."""
    if "site" in request.fixturenames:
        request.getfixturevalue("site").origin.reset()


HEADERS = {
    "v1": V1,
    "v2": v2(),
    "v2 with TLVs": v2(tlvs=tlv(1, b"h2") + tlv(4, b"") + tlv(0xee, b"x" * 300)),
    "v2 with a checksum": v2(tlvs=tlv(2, b"example.org"), summed=True),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_h145_the_announced_client_is_the_client(site, header):
    got = site.ask(header)
    assert got.one("X-Forwarded-For") == b"192.0.2.7"
    assert got.one("X-Forwarded-Port") == b"8443"
    assert site.origin.received.startswith(b"GET / HTTP/1.1\r\n")
    line = wait_line(site.daemon, site.before + 1)
    assert line["client"] == "192.0.2.7:5555" and line["reason"] == "COMPLETE"


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_h145_byte_by_byte(site, header):
    got = site.ask(header, slices=1)
    assert got.one("X-Forwarded-For") == b"192.0.2.7"


@pytest.mark.parametrize("header,source", [
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 8443\r\n", "2001:db8::7"),
    (v2("2001:db8::7", "2001:db8::1"), "2001:db8::7"),
    (v2("2001:db8::7", "2001:db8::1", summed=True), "2001:db8::7")])
def test_h145_ipv6(site, header, source):
    assert site.ask(header).one("X-Forwarded-For") == source.encode()
    line = wait_line(site.daemon, site.before + 1)
    assert line["client"] == f"[{source}]:5555"


def test_h145_a_connection_has_one_header_and_many_requests(site):
    client = site.client()
    client.send(V1 + GET.encode() * 2)
    assert [client.read_response().status for _ in range(2)] == [200, 200]
    assert client.ask(GET).status == 200
    for got in site.origin.expect_requests(3):
        assert got.one("X-Forwarded-For") == b"192.0.2.7"


def test_h145_a_request_may_come_long_after_its_header(site):
    client = site.client()
    client.send(V1)
    client.expect_open()
    assert client.ask(GET).status == 200
    assert site.origin.expect_requests(1)[0].one("X-Forwarded-For") == b"192.0.2.7"


@pytest.mark.parametrize("body", [b"Content-Length: 5\r\n\r\nhello",
                                  b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
                         ids=["length", "chunks"])
def test_h42_another_requests_body_takes_nothing_of_what_follows_a_header(site, body):
    """There is one worker: what the next client begins with is what the last one left."""
    for _ in range(3):
        assert site.client().ask(V1 + b"POST / HTTP/1.1\r\nHost: a\r\n" + body).status == 200
        client = site.client()
        client.send(V1)
        client.expect_open()
        assert client.ask(GET).status == 200
    assert [got.method for got in site.origin.expect_requests(6)] == ["POST", "GET"] * 3


@pytest.mark.parametrize("header", [V1, v2()], ids=["v1", "v2"])
def test_h145_nobody_elses_header_is_read(site, header):
    client = site.client(source=OTHER)
    client.send(header + GET.encode())
    assert client.read_response().status == 400
    client.expect_closed()
    assert site.origin.received == b""
    line = wait_line(site.daemon, site.before + 1)
    assert line["client"].startswith(OTHER + ":")
    client = site.client(source=OTHER)
    assert client.ask(GET).status == 200
    assert site.origin.expect_requests(1)[0].one("X-Forwarded-For") == OTHER.encode()


@pytest.mark.parametrize("data,reason", [
    (GET.encode(), "PROXY_MISSING"),
    (b"POST / HTTP/1.1\r\n", "PROXY_MISSING"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 8443\n" + GET.encode(), "PROXY_LINE"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 99999\r\n" + GET.encode(), "PROXY_LINE"),
    (b"PROXY TCP6 192.0.2.7 198.51.100.1 5555 8443\r\n" + GET.encode(), "PROXY_LINE"),
    (b"PROXY TCP4 " + b"1" * 200, "PROXY_LINE"),
    (v2(command=0x31) + GET.encode(), "PROXY_KIND"),
    (v2(command=0x22) + GET.encode(), "PROXY_KIND"),
    (v2(family=0x41) + GET.encode(), "PROXY_KIND"),
    (v2(family=0x21) + GET.encode(), "PROXY_LENGTH"),
    (v2(tlvs=b"\x04\0\x05ab") + GET.encode(), "PROXY_LENGTH"),
    (SIGNATURE + b"\x21\x11\xff\xff" + GET.encode(), "PROXY_LENGTH"),
    (v2(tlvs=tlv(3, b"abcd")) + GET.encode(), "PROXY_CHECKSUM")])
def test_h145_malformed_closes_with_a_line(site, data, reason):
    line = site.refuse(data, reason)
    assert line["termination"].startswith("PR")


@pytest.mark.parametrize("torso", [b"P", V1[:-1], SIGNATURE, v2()[:-1]])
def test_h145_a_header_that_is_cut_closes_with_a_line(site, torso):
    client = site.client()
    client.send(torso)
    client.half_close()
    client.expect_closed()
    line = wait_line(site.daemon, site.before + 1)
    assert line["reason"] == "PROXY_ABORT" and line["termination"].startswith("CR")
    assert site.origin.received == b""


def test_h145_trickling_does_not_extend_the_time(start, origin):
    server = origin()
    running = start(config=configuration(daemon.backend("main", server.address),
                                         frontend='timeouts: { proxy_header = "500ms"; };'))
    begun = time.monotonic()
    client = wire.Client(running.address, source=LISTED)
    with pytest.raises((ConnectionError, AssertionError)):
        for byte in v2(tlvs=tlv(4, b"x" * 1000)):
            client.send(bytes([byte]))
            assert not wire.is_readable(client.sock, 0.05)
    assert time.monotonic() - begun >= 0.5
    line = wait_line(running)
    assert line["reason"] == "PROXY_TIMEOUT" and line["termination"].startswith("cR")
    silent = wire.Client(running.address, source=LISTED)
    silent.expect_closed()
    assert wait_line(running, 2)["reason"] == "PROXY_TIMEOUT"
    assert server.received == b""
    # Whoever is not listed has no header to be late with.
    other = wire.Client(running.address, source=OTHER)
    other.expect_open(0.7)
    assert other.ask(GET).status == 200
    for one in (client, silent, other):
        one.close()


@pytest.mark.parametrize("said", [b"", b"PROXY UNKNOWN\r\n", local()], ids=["none", "v1", "v2"])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_h146_checks_that_only_connect_make_no_noise(site, said, end):
    for _ in range(3):
        client = site.client()
        client.send(said)
        getattr(client, end)()
    assert settled(site.daemon) == site.before + 1


@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 192.0.2.7 198.51.100.1 5555 8443\r\n", local(),
    local(b"any bytes", 0x77), v2(command=0x20), v2(family=0x12), v2(command=0x21, family=0x00)])
def test_h146_unknown_and_local_keep_the_tcp_addresses(site, header):
    got = site.ask(header)
    assert got.one("X-Forwarded-For") == LISTED.encode()
    assert got.one("X-Forwarded-Port") == b"%d" % site.daemon.address[1]


@pytest.mark.parametrize("second", [V1, v2(), b"PROXY UNKNOWN\r\n"])
def test_h146_a_second_header_is_payload(site, second):
    client = site.client()
    client.send(V1 + second + GET.encode())
    assert client.read_response().status == 400
    client.expect_closed()
    assert site.origin.received == b""
    assert wait_line(site.daemon, site.before + 1)["client"] == "192.0.2.7:5555"


def test_h146_conditions_see_what_is_announced(site, plain):
    other = plain[1]
    for header in (v2("192.0.2.99"), v2("2001:db8:1::1", "::1"), v2(ports=(1, 9000))):
        client = site.client()
        client.send(header + GET.encode())
        assert client.read_response().body == b"other"
    assert len(other.requests) == 3
    # The port is that of the header: the listening one's does not count any more.
    assert other.requests[2].one("X-Forwarded-Port") == b"9000"


def test_h146_trust_is_judged_on_the_announced_address(site):
    ask = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n"
    assert site.ask(v2(), ask).all("X-Forwarded-For") == [b"192.0.2.7"]
    site.origin.reset()
    for header, client in ((v2("192.0.2.50"), b"192.0.2.50"), (local(), LISTED.encode())):
        got = site.ask(header, ask).all("X-Forwarded-For")
        assert b", ".join(got) == b"203.0.113.1, " + client
        site.origin.reset()


def test_h146_a_unix_client_has_no_address(site):
    block = b"/run/client".ljust(108, b"\0") + b"/run/front".ljust(108, b"\0")
    header = SIGNATURE + b"\x21\x31" + struct.pack(">H", len(block)) + block
    assert site.ask(header).one("X-Forwarded-For") is None
    assert wait_line(site.daemon, site.before + 1)["client"] == "unix"


def test_h146_old_clients_reach_the_address_of_the_header(site):
    got = site.ask(v2(), "GET / HTTP/1.0\r\n\r\n")
    assert got.one("Host") == b"198.51.100.1:8443"


def test_h146_source_balancing_follows_the_announced_address(start, origin):
    servers = [origin(name=name) for name in "abcd"]
    running = start(config=configuration(
        daemon.backend("main", *[s.address for s in servers], balance="source")))

    def asked(source):
        client = wire.Client(running.address, source=LISTED)
        client.send(v2(source) + GET.encode())
        body = client.read_response().body
        client.close()
        return body
    first = {f"192.0.2.{n}": asked(f"192.0.2.{n}") for n in range(1, 40)}
    assert len(set(first.values())) == 4
    assert all(asked(source) == name for source, name in first.items())


def test_h145_a_reload_turns_it_on_and_off(start, origin):
    server = origin()
    with_it = configuration(daemon.backend("main", server.address))
    without = configuration(daemon.backend("main", server.address), bind="")
    running = start(config=with_it)
    kept = wire.Client(running.address, source=LISTED)
    kept.send(V1 + GET.encode())
    assert kept.read_response().status == 200
    waiting = wire.Client(running.address, source=LISTED)
    waiting.send(V1[:10])
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 2,
                  "both connections")
    running.write_config(without)
    running.ctl("reload")
    # Connections go on as they began.
    assert kept.ask(GET).status == 200
    waiting.send(V1[10:] + GET.encode())
    assert waiting.read_response().status == 200
    assert server.requests[-1].one("X-Forwarded-For") == b"192.0.2.7"
    fresh = wire.Client(running.address, source=LISTED)
    assert fresh.ask(GET).status == 200
    running.write_config(with_it)
    running.ctl("reload")
    bare = wire.Client(running.address, source=LISTED)
    bare.send(GET)
    bare.expect_closed()
    for one in (kept, waiting, fresh, bare):
        one.close()


# --- real proxies in front ---

HAPROXY = """\
global
    log stderr format raw local0
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    source {listed}
    server one {target} {options}
"""


class Program:
    """A program in the foreground. It ends its own children, which a kill would leave behind."""

    def __init__(self, folder, words, port):
        self.stderr = open(os.path.join(folder, words[0] + ".log"), "ab")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.stderr,
                                        stderr=self.stderr)
        try:
            wire.wait_for(lambda: self.answers(port), f"{words[0]} to listen on {port}")
        except BaseException:
            self.close()
            raise

    def answers(self, port):
        assert self.process.poll() is None, open(self.stderr.name, encoding="utf-8").read()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(wire.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.stderr.close()


@pytest.fixture
def program():
    made = []

    def run(*arguments):
        made.append(Program(*arguments))
        return made[-1]
    yield run
    for one in made:
        one.close()


def in_front(program, folder, target, options):
    """HAProxy before `target`, with these options of its server line; its port."""
    port = wire.free_port()
    path = os.path.join(folder, f"haproxy{port}.cfg")
    with open(path, "w", encoding="ascii") as f:
        f.write(HAPROXY.format(folder=folder, port=port, listed=LISTED, options=options,
                               target="%s:%d" % target))
    program(folder, ["haproxy", "-db", "-f", path], port)
    return port


@pytest.mark.parametrize("options", [
    "send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c",
    "send-proxy-v2 proxy-v2-options crc32c,unique-id", "send-proxy check inter 100ms",
    "send-proxy-v2 check inter 100ms"])
def test_h145_behind_haproxy(site, program, tmp_path, options):
    port = in_front(program, str(tmp_path), site.daemon.address, options)
    client = wire.Client(("127.0.0.1", port), source="127.0.0.9")
    mine = client.sock.getsockname()[1]
    assert client.ask(GET).status == 200
    client.close()
    assert site.origin.expect_requests(1)[0].one("X-Forwarded-For") == b"127.0.0.9"
    assert site.origin.requests[0].one("X-Forwarded-Port") == b"%d" % port
    line = wait_line(site.daemon, site.before + 1)
    assert line["client"] == f"127.0.0.9:{mine}"
    # Its checks, and the first look of this test, left no line.
    if "check" in options:
        time.sleep(0.5)
    assert settled(site.daemon) == site.before + 2


def test_h145_a_wrong_checksum_of_haproxys_header(site, program, tmp_path):
    """What it sends with a checksum is taken as it is, and with one bit changed it is not."""
    with socket.create_server(("127.0.0.1", wire.free_port())) as listener:
        port = in_front(program, str(tmp_path), listener.getsockname(),
                        "send-proxy-v2 proxy-v2-options crc32c")
        client = wire.Client(("127.0.0.1", port))
        client.send(GET)
        listener.settimeout(wire.PATIENCE)
        peer = wire.Stream(listener.accept()[0])
        header = peer.read_exactly(16)
        header += peer.read_exactly(struct.unpack(">H", header[14:])[0])
        peer.close()
        client.close()
    assert header[28] == 3, binascii.hexlify(header)
    assert site.ask(header).one("X-Forwarded-For") == b"127.0.0.1"
    site.origin.reset()
    site.before = settled(site.daemon)
    site.origin.reset()
    site.refuse(header[:20] + bytes([header[20] ^ 4]) + header[21:] + GET.encode(),
                "PROXY_CHECKSUM")


# --- to servers ---

class AnnouncedConnection(wire.OriginConnection):
    """Begins with a PROXY header, which is taken off and kept."""
    header = None

    def serve(self):
        try:
            self.header = self.read_header()
        except wire.Closed as closed:
            self.header = closed.got
        self.origin.headers.append(self.header)
        super().serve()

    def read_header(self):
        start = self.read_exactly(1, patience=300)
        if start == b"P":
            return start + self.read_until(b"\r\n")
        assert start == b"\r", f"no PROXY header but {start + bytes(self.buf)!r}"
        start += self.read_exactly(15)
        return start + self.read_exactly(struct.unpack(">H", start[14:])[0])


class AnnouncedOrigin(wire.Origin):
    def __init__(self, **options):
        self.headers = []
        super().__init__(**options)

    def connection_of(self, sock):
        return AnnouncedConnection(self, sock)


@pytest.fixture
def announced():
    made = []

    def make(**options):
        made.append(AnnouncedOrigin(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def says(version, src, dst):
    """The header of `version` for (address, port) pairs."""
    if version == 1:
        return f"PROXY TCP4 {src[0]} {dst[0]} {src[1]} {dst[1]}\r\n".encode()
    return v2(src[0], dst[0], (src[1], dst[1]))


def asks_nothing(version):
    """The header of a connection that is hpcbal's own."""
    return b"PROXY UNKNOWN\r\n" if version == 1 else local()


@pytest.mark.parametrize("version", [1, 2])
def test_h147_a_server_hears_of_the_client_once_and_first(start, announced, version):
    server = announced()
    running = start(daemon.backend("main", server.address, server_more=f"send_proxy = {version};"))
    client = running.client(source="127.0.0.9")
    for _ in range(3):
        assert client.ask(GET).status == 200
    assert client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").status == 200
    assert server.headers == [says(version, client.sock.getsockname(), running.address)]
    assert len(server.connections) == 1 and server.connections[0].requests[0].raw.startswith(b"GET")
    client.close()


@pytest.mark.parametrize("version", [1, 2])
def test_h147_the_announced_client_is_passed_on(start, announced, version):
    server = announced()
    running = start(config=configuration(
        daemon.backend("main", server.address, server_more=f"send_proxy = {version};")))
    for header, wanted in (
            (v2(), says(version, ("192.0.2.7", 5555), ("198.51.100.1", 8443))),
            (V1, says(version, ("192.0.2.7", 5555), ("198.51.100.1", 8443))),
            (v2("2001:db8::7", "2001:db8::1"),
             b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 8443\r\n" if version == 1
             else v2("2001:db8::7", "2001:db8::1"))):
        client = wire.Client(running.address, source=LISTED)
        client.send(header + GET.encode())
        assert client.read_response().status == 200
        client.close()
        assert server.headers.pop() == wanted


def test_h94_a_connection_serves_no_other_client(start, announced):
    """Each of them has its own, with its own name in front, and takes it along when it goes."""
    server = announced()
    running = start(daemon.backend("main", server.address, server_more="send_proxy = 2;"))
    clients = [running.client() for _ in range(3)]
    for _ in range(3):
        for client in clients:
            assert client.ask(GET).status == 200
    names = [says(2, client.sock.getsockname(), running.address) for client in clients]
    assert sorted(server.headers) == sorted(names)
    for client in clients:
        own = [c for c in server.connections
               if c.header == says(2, client.sock.getsockname(), running.address)]
        assert [len(c.requests) for c in own] == [3]
        client.close()
        wire.wait_for(own[0].closed.is_set, "the connection of a client that is gone to close")
    # Who lets it end has nothing kept for it.
    assert running.client().ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    wire.wait_for(server.connections[3].closed.is_set, "a last request's connection to close")


def test_h94_a_reload_changes_the_header(start, announced, origin):
    """A connection that began without a header, or with one of another version, is used by
    nobody who needs one, and the other way round."""
    server = announced()

    def text(more):
        return daemon.backend("main", server.address, server_more=more)
    running = start(text("send_proxy = 1;"))
    client = running.client()
    assert client.ask(GET).status == 200
    running.write_config(backends=text("send_proxy = 2;"))
    running.ctl("reload")
    assert client.ask(GET).status == 200
    name = client.sock.getsockname()
    assert server.headers == [says(1, name, running.address), says(2, name, running.address)]
    client.close()


def test_h94_idle_connections_go_with_their_server(start, announced):
    server = announced()
    running = start(daemon.backend("main", server.address, server_more="send_proxy = 2;"))
    client = running.client()
    assert client.ask(GET).status == 200
    other = announced()
    running.write_config(backends=daemon.backend("main", other.address,
                                                 server_more="send_proxy = 2;"))
    running.ctl("reload")
    wire.wait_for(server.connections[0].closed.is_set, "the removed server's connection to close")
    assert client.ask(GET).status == 200
    assert len(other.headers) == 1
    client.close()


def test_h147_each_try_has_its_header(start, announced):
    """A server that closes without an answer is asked once more: with a header again."""
    server = announced()
    running = start(daemon.backend("main", server.address, server_more="send_proxy = 1;"))
    client = running.client()
    server.answer = lambda request, connection: connection.close() \
        if len(server.requests) == 1 else wire.answer(b"second")
    assert client.ask(GET).body == b"second"
    assert server.headers == [says(1, client.sock.getsockname(), running.address)] * 2
    client.close()


def test_h147_with_and_without_side_by_side(start, announced, origin):
    with_it, without = announced(name="with"), origin(name="without")
    servers = "".join(
        '{ name = "%s"; address = "127.0.0.1:%d"; %s },' % (name, one.address[1], more)
        for name, one, more in (("a", with_it, "send_proxy = 1;"), ("b", without, "")))
    running = start('{ name = "main"; servers = ( ' + servers.rstrip(",") + " ); }")
    client = running.client()
    assert {client.ask(GET).body for _ in range(4)} == {b"with", b"without"}
    assert len(with_it.headers) == 1
    assert without.received.startswith(b"GET / ")
    client.close()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("check", ["tcp = true;", 'http = "GET /health";'])
def test_h147_checks_say_that_they_are_our_own(start, announced, version, check):
    server = announced()
    running = start(daemon.backend("main", server.address, more=f'check: {{ {check} '
                                   'interval = "100ms"; timeout = "5s"; };',
                                   server_more=f"send_proxy = {version};"))
    running.wait_server("main", "main1", "UP")
    wire.wait_for(lambda: len(server.headers) >= 3, "some checks")
    assert set(server.headers) == {asks_nothing(version)}
    assert {r.target for r in server.requests} == ({"/health"} if "http" in check else set())
    client = running.client()
    assert client.ask(GET).status == 200
    assert says(version, client.sock.getsockname(), running.address) in server.headers
    client.close()


def test_h147_checks_of_another_port_have_no_header(start, announced, origin):
    server, other = announced(), origin()
    running = start(daemon.backend(
        "main", server.address, server_more="send_proxy = 2;",
        more=f'check: {{ http = "GET /"; interval = "100ms";'
             f' timeout = "5s"; port = {other.address[1]}; }};'))
    running.wait_server("main", "main1", "UP")
    assert other.received.startswith(b"GET / ")
    client = running.client()
    assert client.ask(GET).status == 200
    assert len(server.headers) == 1
    client.close()


NGINX = """\
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} proxy_protocol;
    location / {{
      return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
    }}
  }}
}}
"""


def nginx_behind(program, folder):
    port = wire.free_port()
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(NGINX.format(folder=folder, port=port,
                             user="user root;" if os.getuid() == 0 else ""))
    program(folder, ["nginx", "-p", folder, "-c", path], port)
    return ("127.0.0.1", port)


HAPROXY_BEHIND = """\
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
"""


def haproxy_behind(program, folder):
    port = wire.free_port()
    path = os.path.join(folder, "behind.cfg")
    with open(path, "w", encoding="ascii") as f:
        f.write(HAPROXY_BEHIND.format(port=port))
    program(folder, ["haproxy", "-db", "-f", path], port)
    return ("127.0.0.1", port)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("behind", [nginx_behind, haproxy_behind])
def test_h147_before_a_real_server(start, program, tmp_path, behind, version):
    target = behind(program, str(tmp_path))
    running = start(daemon.backend("main", target, server_more=f"send_proxy = {version};",
                                   more='check: { http = "GET /"; interval = "100ms";'
                                        ' timeout = "5s"; };'))
    running.wait_server("main", "main1", "UP")
    for source in ("127.0.0.9", "127.0.0.10"):
        client = running.client(source=source)
        name = "%s %d" % client.sock.getsockname()
        for _ in range(2):
            assert client.ask(GET).body.decode() == f"{name} %s %d" % running.address
        client.close()


@pytest.mark.parametrize("version", [1, 2])
def test_h147_from_haproxy_to_nginx(start, program, tmp_path, version):
    target = nginx_behind(program, str(tmp_path))
    running = start(config=configuration(
        daemon.backend("main", target, server_more=f"send_proxy = {version};")))
    port = in_front(program, str(tmp_path), running.address,
                    "send-proxy" if version == 1 else "send-proxy-v2 proxy-v2-options crc32c")
    client = wire.Client(("127.0.0.1", port), source="127.0.0.9")
    name = "%s %d" % client.sock.getsockname()
    assert client.ask(GET).body.decode() == f"{name} 127.0.0.1 {port}"
    client.close()
