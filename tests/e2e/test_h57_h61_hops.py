"""HTTP.md 57, 58, 60 and 61: what a request says of the way that it came."""
import os
import socket

import pytest

import daemon
import wire

HEAD = "GET / HTTP/1.1\r\nHost: a\r\n"
GET = HEAD + "\r\n"
CAME = "for=1.2.3.4;proto=https, for=_hidden"
ALL = ("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front\r\n"
       "X-Forwarded-Port: 666\r\nX-Forwarded-Protocol: https\r\nX-Forwarded-Ssl: on\r\n"
       f"X-Real-IP: 1.2.3.4\r\nForwarded: {CAME}\r\n")


class Paths:
    """One daemon that is reached over IPv4, IPv6 and a unix socket, before one origin."""

    def __init__(self, folder, frontend):
        self.origin = wire.Origin()
        self.path = os.path.join(folder, "listen.sock")
        self.port = wire.free_port()
        config = daemon.CONFIG.replace(
            'bind = ( "{listen}" );',
            f'bind = ( "{{listen}}", "[::1]:{self.port}", "unix:{self.path}" );')
        self.daemon = daemon.Daemon(folder, config=config.format(
            folder="{folder}", listen="{listen}", threads=1, proxy="", timeouts="", top="",
            acls="", routes="", log_format="haproxy", frontend=frontend,
            backends=daemon.backend("main", self.origin.address))).start()

    def asked(self, data, **options):
        """What the origin gets, of a request over TCP."""
        return self.got(self.daemon.client(**options), data)

    def got(self, client, data):
        self.origin.requests.clear()
        client.send(data)
        response = wire.Response(client.read_until(wire.END_OF_HEAD), [])
        assert response.status == 200, response.raw
        client.close()
        return self.origin.expect_requests(1)[0]

    def over_ipv6(self, data):
        return self.got(wire.Stream(socket.create_connection(("::1", self.port))), data)

    def over_unix(self, data):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        return self.got(wire.Stream(sock), data)

    def close(self):
        try:
            self.daemon.stop()
        finally:
            self.origin.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    sites = {}

    def make(frontend):
        if frontend not in sites:
            sites[frontend] = Paths(str(tmp_path_factory.mktemp("paths")), frontend)
        return sites[frontend]
    yield make
    for site in sites.values():
        site.close()


TRUSTED = 'trusted_proxies = ( "127.0.0.9", "::1" );'


@pytest.fixture
def plain(made):
    return made(TRUSTED)


@pytest.fixture
def forwarded(made):
    return made(TRUSTED + "forwarded = true; via = true; via_limit = 2;")


# --- X-Forwarded ---

def test_h57_port_is_the_listeners(plain):
    got = plain.asked(HEAD + ALL + "\r\n", source="127.0.0.7")
    assert got.one("X-Forwarded-Port") == str(plain.daemon.address[1]).encode()
    assert got.one("X-Forwarded-For") == b"127.0.0.7"
    for name in ("Forwarded", "X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Real-IP"):
        assert not got.has(name), name


def test_h57_a_trusted_proxy_is_believed(plain):
    got = plain.asked(HEAD + ALL + "\r\n", source="127.0.0.9")
    assert got.all("X-Forwarded-For") == [b"1.2.3.4", b"127.0.0.9"]
    assert [got.one("X-Forwarded-" + name) for name in ("Proto", "Host", "Port")] == [
        b"https", b"front", b"666"]
    assert got.one("X-Forwarded-Protocol") == b"https"
    assert (got.one("X-Forwarded-Ssl"), got.one("X-Real-IP")) == (b"on", b"1.2.3.4")
    assert got.one("Forwarded") == CAME.encode()


def test_h57_no_port_beside_the_protocol_of_others(plain):
    got = plain.asked(HEAD + "X-Forwarded-Proto: https\r\n\r\n", source="127.0.0.9")
    assert got.one("X-Forwarded-Proto") == b"https"
    assert not got.has("X-Forwarded-Port"), "80 is no port of https"
    assert got.one("X-Forwarded-Host") == b"a"


@pytest.mark.parametrize("source", ["127.0.0.7", "127.0.0.9"])
def test_h53_connection_takes_no_forwarding_field_away(plain, source):
    names = [line.split(":")[0] for line in ALL.split("\r\n")[:-1]] + ["X-Forwarded-Prefix"]
    got = plain.asked(HEAD + ALL + "X-Forwarded-Prefix: /x\r\nConnection: "
                      + ", ".join(names) + "\r\n\r\n", source=source)
    trusted = source == "127.0.0.9"
    for name in names:
        assert got.has(name) or (not trusted and name in (
            "X-Forwarded-Prefix", "X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Real-IP",
            "Forwarded")), name


def test_h57_ipv6_and_unix_clients(plain):
    got = plain.over_ipv6(GET)
    assert got.one("X-Forwarded-For") == b"::1"
    assert got.one("X-Forwarded-Port") == str(plain.port).encode()
    got = plain.over_unix(HEAD + ALL + "\r\n")
    assert not got.has("X-Forwarded-For") and not got.has("X-Forwarded-Port")
    assert b"1.2.3.4" not in got.raw


# --- Forwarded ---

def test_h58_off_by_default(plain):
    assert not plain.asked(HEAD + ALL + "\r\n", source="127.0.0.7").has("Forwarded")


@pytest.mark.parametrize("host,written", [
    ("a.example", "a.example"), ("a:8080", '"a:8080"'), ("[::1]:80", '"[::1]:80"')])
def test_h58_from_outside_it_is_replaced(forwarded, host, written):
    got = forwarded.asked(f"GET / HTTP/1.1\r\nHost: {host}\r\n{ALL}{ALL}\r\n")
    assert got.one("Forwarded").decode() == f'for=127.0.0.1;host={written};proto=http;by="_test"'
    assert b"1.2.3.4" not in got.raw and b"_hidden" not in got.raw


def test_h58_from_a_trusted_proxy_it_is_appended(forwarded):
    got = forwarded.over_ipv6(HEAD + ALL + "\r\n")
    assert got.all("Forwarded") == [CAME.encode(), b'for="[::1]";host=a;proto=http;by="_test"']


def test_h58_unknown_client_and_no_host(forwarded):
    got = forwarded.over_unix("GET / HTTP/1.0\r\n\r\n")
    assert got.one("Forwarded") == b'for=unknown;proto=http;by="_test"'


def test_h58_without_the_others(made):
    got = made("forwarded_for = false; forwarded = true;").asked(HEAD + ALL + "\r\n")
    assert got.one("Forwarded") == b'for=127.0.0.1;host=a;proto=http;by="_test"'
    assert [name for name, _ in got.fields if name.lower().startswith(b"x-")] == [b"X-Request-ID"]


# --- Via ---

def test_h60_via_is_off_by_default(plain):
    got = plain.asked(HEAD + "Via: 1.0 x\r\nVia: 1.1 test, 1.1 test\r\nConnection: via\r\n\r\n")
    assert got.all("Via") == [b"1.0 x", b"1.1 test, 1.1 test"]
    assert not plain.asked(GET).has("Via")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_h60_via_names_the_node(forwarded, version):
    got = forwarded.asked(f"GET / HTTP/{version}\r\nHost: a\r\nVia: 1.0 x\r\n\r\n")
    assert got.all("Via") == [b"1.0 x", version.encode() + b" test"]


@pytest.mark.parametrize("fields", [
    "Via: 1.1 test, 1.1 test", "via: 1.1 TEST\r\nA: b\r\nVIA: HTTP/1.1 test:80 (x)",
    "Via: 1.0 x (open, 1.1 test, 1.1 test)\r\nConnection: via"])
def test_h60_who_comes_again_too_often_is_refused(forwarded, fields):
    client = forwarded.daemon.client()
    forwarded.origin.reset()
    response = client.ask(HEAD + fields + "\r\n\r\n")
    assert response.status == 508
    assert forwarded.origin.received == b""
    assert client.ask(GET).status == 200, "the connection goes on"
    client.close()
    forwarded.daemon.wait_log('" REQ_LOOP id=')


def test_h60_others_may_be_passed_often(forwarded):
    fields = "Via: 1.1 test, 1.1 other, 1.1 test2, 1.1 tes, 1.1 x (test), 1.1 atest\r\n\r\n"
    assert len(forwarded.asked(HEAD + fields).all("Via")) == 2


@pytest.mark.parametrize("limit", [1, 3])
def test_h60_a_circle_ends(start, limit):
    """The only server is the frontend itself."""
    address = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", address), listen=address,
                    frontend=f"via = true; via_limit = {limit};")
    client = running.client()
    assert client.ask(GET).status == 508
    client.close()
    wire.wait_for(lambda: len([line for line in running.log() if " 508 " in line]) == limit + 1,
                  "a line for each time")
    assert len([line for line in running.log() if " REQ_LOOP id=" in line]) == 1


# --- Max-Forwards ---

def test_h61_options_is_answered_at_zero(site):
    client = site.client()
    for target in ("*", "/x", "/api"):
        response = client.ask(f"OPTIONS {target} HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
        assert (response.status, response.body) == (200, b"")
        assert response.one("Content-Length") == b"0"
        assert b"GET" in response.one("Allow") and b"TRACE" not in response.one("Allow")
    body = "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 00\r\nContent-Length: 4\r\n\r\nbody"
    assert client.ask(body).status == 200
    assert site.origin.received == site.other.received == b""
    assert client.ask(GET).status == 200, "the connection goes on"


@pytest.mark.parametrize("came,goes", [
    ("1", b"0"), ("010", b"9"), ("99999999999999999999999", b"4294967294")])
def test_h61_options_goes_on_with_one_less(site, came, goes):
    got = site.forward(f"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: max-forwards\r\n"
                       f"max-forwards: {came}\r\n\r\n")
    assert got.one("Max-Forwards") == goes


@pytest.mark.parametrize("fields", [
    "Max-Forwards:", "Max-Forwards: -1", "Max-Forwards: 1, 1", "Max-Forwards: 0x1",
    "Max-Forwards: 1\r\nMax-Forwards: 1"])
def test_h61_malformed(site, fields):
    site.refuse(f"OPTIONS * HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n", 400)


def test_h61_other_methods(site):
    assert site.forward(HEAD + "Max-Forwards: 0\r\n\r\n").one("Max-Forwards") == b"0"
    client = site.client()
    trace = "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n"
    response = client.ask(trace)
    assert response.status == 405 and b"secret" not in response.body
    assert client.ask(GET).status == 200
