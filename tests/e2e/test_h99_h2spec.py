"""HTTP.md 99, and with it 100 to 103, 107, 111 to 113, 115 to 118, 124 and 126: the cases of h2spec
by number, over TLS as well as by prior knowledge."""
import socket
import ssl

import pytest

import daemon
import h2wire
import pki
import wire
from h2spec import CASES
from h2wire import GOAWAY, RST

CONFIG = """\
node = "test";
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
frontends = ( { name = "front"; default_backend = "main";
  bind = ( { address = "{listen}"; h2c = true; },
           { address = "127.0.0.1:%d"; tls: { certificates = ( "%s" ); }; } ); } );
backends = ( { name = "main"; servers = (
  { name = "main1"; address = "%s:%d"; check = false; } ); } );
"""


class Site:
    def __init__(self, folder):
        ca = pki.Authority(folder / "ca")
        self.secure = ("127.0.0.1", wire.free_port())
        self.origin = wire.Origin(name="main")
        self.context = ca.context(check_hostname=False, verify_mode=ssl.CERT_NONE)
        self.context.set_alpn_protocols(["h2"])
        self.daemon = daemon.Daemon(folder / "d", config=CONFIG % (
            self.secure[1], ca.issue("a.test"), *self.origin.address)).start()

    def connect(self, kind):
        if kind == "h2c":
            return wire.Client(self.daemon.address)
        tls = pki.TlsClient(self.secure, self.context)
        tls.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert tls.sock.selected_alpn_protocol() == "h2"
        return tls

    def close(self):
        try:
            self.daemon.stop()
        finally:
            self.origin.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("h2spec"))
    yield made
    made.close()


def expect_stream_error(client, codes):
    """Of the only stream, or of the connection."""
    client.read_until(lambda: client.goaway or any(f.kind == RST for f in client.frames), "an error")
    first = next(f for f in client.frames if f.kind in (RST, GOAWAY))
    assert first.code in codes, client.frames
    if first.kind == RST:
        client.ponged()


@pytest.mark.parametrize("kind", ["h2c", "tls"])
@pytest.mark.parametrize("number", CASES)
def test_h99_h2spec(site, number, kind):
    it = CASES[number]
    site.origin.reset()
    client = h2wire.Client(site.connect(kind), greet=not it.raw, manual=it.manual)
    client.origin = site.origin
    try:
        if not it.raw:
            client.handshake()
        it.drive(client)
        if it.scope == "connection":
            client.expect_goaway(*it.codes)
            site.daemon.wait_log(rf"{client.name()} .*<BADREQ>.* H2_CONNECTION")
        elif it.scope:
            expect_stream_error(client, it.codes)
    finally:
        client.close()
    site.daemon.check_alive()
