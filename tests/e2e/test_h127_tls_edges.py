"""HTTP.md 125 and 127 at their edges: under which name a session goes on, whose certificate fits a
client, and what a client may do to a connection that speaks TLS."""
import random
import re
import ssl
import subprocess

import pytest

import daemon
import pki
import rawtls
import wire
from pki import TlsClient
from tlsrig import GET, ask, check, config, connect, resumes, s_client, session_of

VERSIONS = pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("a.test", "a.test", "*.a.test")
    authority.issue("a.test", "a.test", "*.a.test", kind="rsa", file="a-rsa")
    authority.issue("b.test")
    with open(authority.path("tickets"), "wb") as f:
        f.write(pki.openssl("rand", "-base64", "80").replace(b"\n", b"") + b"\n")
    return authority


@pytest.fixture(scope="module")
def shop(ca, tmp_path_factory):
    origin = wire.Origin(name="main")
    running = daemon.Daemon(tmp_path_factory.mktemp("tls"), config=config(
        origin, ca.path("a.test.pem"), ca.path("a-rsa.pem"), ca.path("b.test.pem"), threads=2,
        tls=f'ticket_keys = "{ca.path("tickets")}";'))
    running.origin = origin
    try:
        yield running.start()
    finally:
        running.stop()
        origin.close()


# --- sessions ---

@VERSIONS
def test_h127_a_session_goes_on_under_its_own_name(shop, ca, version):
    """RFC 6066 3: another name is a whole handshake, and shows its own certificate."""
    context = ca.context(maximum_version=getattr(ssl.TLSVersion, version))
    session = session_of(shop, ca, context)
    for name in ("www.a.test", "b.test"):
        client = TlsClient(shop.address, context, name, session)
        assert ask(client, name).status == 200
        assert not client.sock.session_reused, name
    assert resumes(shop, context, session)


@VERSIONS
def test_h127_a_session_does_not_stand_for_a_certificate(shop, start, origin, ca, version):
    """Where the client would have refused the certificate it gets no further with a session of
    somewhere else, though the keys are the same."""
    context = ca.context(maximum_version=getattr(ssl.TLSVersion, version))
    session = session_of(shop, ca, context)
    tickets = f'ticket_keys = "{ca.path("tickets")}";'
    other = start(config=config(origin(), ca.path("b.test.pem"), tls=tickets))
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsClient(other.address, context, "a.test", session)
    renewed = start(config=config(origin(), ca.issue("a.test", "a.test", "*.a.test", file="renewed"),
                                  ca.path("b.test.pem"), tls=tickets))
    assert resumes(renewed, context, session), "the same names, and a later certificate"


def test_h127_no_early_data_is_offered(shop, ca, tmp_path):
    path = str(tmp_path / "session")
    s_client(shop.address, "-tls1_3", "-ign_eof", "-sess_out", path, "-servername", "a.test",
             stdin="GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    assert b"Max Early Data: 0" in pki.openssl("sess_id", "-in", path, "-noout", "-text")


# --- names ---

def test_h125_the_roots_dot_makes_no_other_name(shop, ca):
    client = connect(shop, ca, "a.test")
    assert ask(client, "a.test.").status == 200
    assert ask(client, "B.test.:443").status == 421
    done = s_client(shop.address, "-servername", "B.TEST.")
    assert re.search(r"subject=CN ?= ?b.test", done.stdout)


def test_h127_the_certificate_fits_the_signatures_of_the_client(shop):
    for wanted, kind in (("rsa_pss_rsae_sha256", "RSA-PSS"), ("ecdsa_secp256r1_sha256", "ECDSA")):
        done = s_client(shop.address, "-tls1_3", "-servername", "a.test", "-sigalgs", wanted)
        assert re.search(r"Peer signature type: " + kind, done.stdout), done.stdout
    done = s_client(shop.address, "-tls1_3", "-servername", "a.test", "-sigalgs", "ed25519")
    assert "alert handshake failure" in done.stderr
    shop.wait_log(r"TLS_FAILED \(no suitable signature algorithm\)")


def test_names_that_are_none_get_the_first_certificate(shop):
    """Nothing that OpenSSL lets through is looked up beyond its end."""
    for name in ("x" * 255, "." * 200, "*.a.test", "a..test", ".", "xn--bcher-kva.test"):
        done = s_client(shop.address, "-servername", name)
        assert re.search(r"subject=CN ?= ?a.test", done.stdout), name


# --- new keys, and other talk ---

def test_new_keys_disturb_no_answer(shop):
    """Also while the client reads nothing, and the answer to a new key has to wait."""
    data = random.Random(1).randbytes(4 << 20)
    shop.origin.reset()
    shop.origin.answer = wire.answer(data)
    client = rawtls.Client(shop.address, room=4096)
    assert client.send((GET % "a.test").encode())
    for _ in range(40):
        assert client.change_key()
    got = b""
    while len(got) < len(data):
        more = client.read()
        assert more, len(got)
        got += more
        if len(got) % 7 == 0:
            assert client.change_key()
    assert got.endswith(data[-1000:])
    shop.origin.answer = wire.answer(b"again")
    assert client.send((GET % "a.test").encode())
    while not got.endswith(b"again"):
        got += client.read() or pytest.fail("closed")
    client.close()
    shop.origin.reset()


def test_who_only_changes_keys_is_cut_off(shop, ca):
    client = rawtls.Client(shop.address)
    changed = 0
    while changed < 20000 and client.change_key():
        changed += 1
    assert changed < 20000
    assert rawtls.closed(client)
    client.close()
    assert ask(connect(shop, ca)).status == 200


def test_a_hello_without_an_end_is_refused(shop, ca):
    """OpenSSL takes 128 KiB at most."""
    client = wire.Client(shop.address)
    piece = bytes(16000)
    try:
        client.send(b"\x16\x03\x01\x3e\x80" + b"\x01\xff\xff\xff" + piece[4:])
        for _ in range(200):
            client.send(b"\x16\x03\x01\x3e\x80" + piece)
    except OSError:
        pass
    client.close()
    shop.wait_log(r'"<BADREQ>" TLS_FAILED \(excessive message size\)')
    assert ask(connect(shop, ca)).status == 200


# --- certificates of clients ---

def test_a_client_whose_certificate_has_no_subject(start, origin, ca, tmp_path):
    """Its names are elsewhere. Nobody is told of a subject then, whatever the client says itself."""
    pki.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "csr"))
    with open(tmp_path / "ext", "w", encoding="ascii") as f:
        f.write("subjectAltName=critical,email:joe@example.org\n")
    pki.openssl("x509", "-req", "-in", str(tmp_path / "csr"), "-CA", ca.ca, "-CAkey",
                ca.path("ca.key"), "-CAcreateserial", "-days", "30", "-extfile",
                str(tmp_path / "ext"), "-out", str(tmp_path / "crt"))
    server = origin()
    running = start(config=config(server, ca.path("a.test.pem"),
                                  tls=f'clients = "required"; ca = "{ca.ca}";',
                                  frontend='client_subject = "X-Subject"; default_backend = "main";'))
    context = ca.context()
    context.load_cert_chain(str(tmp_path / "crt"), str(tmp_path / "key"))
    client = TlsClient(running.address, context, "a.test")
    assert client.ask("GET /x HTTP/1.1\r\nHost: a.test\r\nX-Subject: CN=king\r\n\r\n").status == 200
    assert not server.requests[-1].has("X-Subject")
