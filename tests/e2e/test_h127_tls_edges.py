"""HTTP.md 125 and 127 at their edges: under which name a session goes on, whose certificate fits a
client, and what a client may do to a connection that speaks TLS."""
import os
import random
import re
import socket
import ssl
import time

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
        os.chmod(f.fileno(), 0o600)
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
    while not got.endswith(data[-1000:]):
        more = client.read()
        assert more, len(got)
        got += more
        if len(got) % 7 == 0:
            assert client.change_key()
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


@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("said", [True, False])
def test_h46_a_body_that_is_cut_reaches_no_server_as_a_whole_one(shop, ca, framing, said):
    """Whether the client says its end in the middle, or is only gone."""
    shop.origin.reset()
    client = connect(shop, ca)
    half = "12345" if "Length" in framing else "5\r\n12345\r\n"
    client.send(f"POST /cut HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n{half}")
    wire.wait_for(lambda: any(b"12345" in c.received for c in shop.origin.connections),
                  "the half to be there")
    if said:
        client.sock.settimeout(wire.PATIENCE)
        try:
            client.sock.unwrap()
        except (OSError, ssl.SSLError):
            pass
    client.sock.close()
    wire.wait_for(lambda: all(c.closed.is_set() for c in shop.origin.connections),
                  "the server connection to be closed")
    assert not any(request.complete for request in shop.origin.requests)
    shop.wait_log(r'CD-- .*"POST /cut HTTP/1.1" CLIENT_ABORT_BODY')


def test_h87_a_client_that_ends_without_a_word_still_gets_the_answer(shop):
    """RFC 9112 9.8: the end of its TCP connection alone, which no close_notify says."""
    shop.origin.reset()
    shop.origin.answer = wire.answer(b"z" * 300000)
    client = rawtls.Client(shop.address)
    try:
        assert client.send((GET % "a.test").encode())
        client.sock.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.read():
            got += piece
    finally:
        client.close()
        shop.origin.reset()
    assert got.startswith(b"HTTP/1.1 200 ") and got.count(b"z") >= 300000


def connections(running):
    return running.json("status")["frontends"][0]["connections"]


def trickle(client, data):
    """A byte now and then, until it is closed."""
    for byte in data:
        try:
            client.sock.send(bytes([byte]))
            if client.sock.recv(1, socket.MSG_DONTWAIT) == b"":
                return
        except BlockingIOError:
            pass
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("it was never closed")


def test_an_endless_hello_costs_little_and_not_for_long(start, origin, ca):
    """As much as OpenSSL lets it say, and what is there for it; and tls_handshake is its end, though
    bytes go on coming."""
    count = 100
    running = start(config=config(origin(), ca.path("a.test.pem"),
                                  timeouts=f'tls_handshake = "{int(5 * wire.SLOWDOWN)}s";'))
    assert ask(connect(running, ca)).status == 200
    before = running.rss()
    many = [wire.Client(running.address) for _ in range(count)]
    wire.wait_for(lambda: connections(running) >= count, "the connections")
    record = b"\x16\x03\x01\x3e\x80"
    for client in many:
        client.send(record + b"\x01\x01\xff\xf0" + bytes(15996) + 7 * (record + bytes(16000)))
    if wire.SLOWDOWN == 1:
        assert ask(connect(running, ca)).status == 200, "what came before that was read"
        assert (running.rss() - before) / count < 192 << 10
    trickle(many[0], record + bytes(3000))
    for client in many[1:]:
        client.expect_closed(patience=10 * wire.PATIENCE)
    running.wait_log(r'cR.* "<BADREQ>" TLS_TIMEOUT')


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


def test_nobody_else_says_who_a_client_is(start, origin, ca):
    """Not in a trailer either, which servers may join with the head, and not without TLS."""
    server, port = origin(), wire.free_port()
    running = start(config=config(
        server, ca.path("a.test.pem"), tls=f'clients = "optional"; ca = "{ca.ca}";', frontend="""
        client_subject = "X-Subject"; request_headers = ( { set = "X-Tier"; value = "one"; } );
        default_backend = "main";""").replace("bind = (", 'bind = ( "127.0.0.1:%d",' % port))
    for client in (connect(running, ca), wire.Client(("127.0.0.1", port))):
        assert client.ask("POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
                          "X-Subject: CN=king\r\n\r\n3\r\nabc\r\n0\r\nx-subject: CN=king\r\n"
                          "X-Tier: zero\r\nX-Sum: 1\r\n\r\n").status == 200
        request = server.requests[-1]
        assert not request.has("X-Subject") and request.all("X-Tier") == [b"one"]
        assert request.trailers == [(b"X-Sum", b"1")]


# --- what --check says ---

def test_the_check_knows_which_hosts_have_no_certificate(origin, ca, tmp_path):
    server = origin()
    routes = """
        acls: { shop = "host shop.test www.a.test"; blog = "!shop host blog.test"; };
        routes = ( { when = "host a.test B.TEST www.a.test 127.0.0.1"; backend = "main"; },
                   { when = "host c.test d.test"; backend = "main"; },
                   { when = "host deep.www.a.test path /x or sni e.test"; backend = "main"; },
                   { when = "host_end .a.test"; backend = "main"; },
                   { when = "host_end www.a.test b.test"; backend = "main"; },
                   { when = "host_end .f.test"; backend = "main"; },
                   { when = "host g.test !tls"; redirect = "https"; },
                   { when = "!shop !blog path /y"; backend = "main"; },
                   { when = "shop path /z"; backend = "main"; } );
        default_backend = "main";"""
    text = config(server, ca.path("a.test.pem"), ca.path("b.test.pem"), frontend=routes)
    status, said = check(tmp_path, text)
    assert status == 0, said
    first = 1 + text[:text.index('host c.test')].count("\n")
    assert re.findall(r"check.conf:(\d+): warning: (.*)", said) == [
        (str(first + line), 'route: no certificate of "127.0.0.1:8443" is for %s, so browsers refuse '
         'that name there; add one to certificates, or remove the host' % name)
        for line, name in ((0, '"c.test"'), (1, '"deep.www.a.test"'), (4, 'a host in ".f.test"'),
                           (7, '"shop.test"'))]


def test_the_check_knows_a_certificate_that_nobody_gets(origin, ca, tmp_path):
    ca.issue("a.test", "*.a.test", "A.test", file="a-old")
    status, said = check(tmp_path, config(origin(), ca.path("a.test.pem"), ca.path("a-rsa.pem"),
                                          ca.path("b.test.pem"), ca.path("a-old.pem")))
    assert status == 0 and re.findall("warning: nobody gets the certificate in (.*):", said) == [
        f'"{ca.path("a-old.pem")}"'], said


def test_the_check_sees_keys_that_anybody_may_read(origin, ca, tmp_path):
    ca.issue("open.test", "a.test", file="open")
    with open(tmp_path / "tickets", "w", encoding="ascii") as f:
        f.write(ca.read("tickets"))
    text = config(origin(), ca.path("open.pem"), ca.path("b.test.crt"),
                  tls=f'keys = ( "{ca.path("b.test.key")}" ); ticket_keys = "{tmp_path}/tickets";')
    status, said = check(tmp_path, text)
    assert status == 0 and re.findall('anybody on this machine may read "(.*)", and has (.*) then',
                                      said) == [(f"{tmp_path}/tickets", "the keys of all sessions")]
    for name in ("open.pem", "b.test.key", "b.test.crt"):
        os.chmod(ca.path(name), 0o644)
    os.chmod(tmp_path / "tickets", 0o600)
    status, said = check(tmp_path, text)
    os.chmod(ca.path("b.test.key"), 0o600)
    assert status == 0 and re.findall('may read "(.*)", and has the private key', said) == [
        ca.path("open.pem"), ca.path("b.test.key")]


def test_the_check_names_a_bad_file_of_ticket_keys(origin, ca, tmp_path):
    for words, text in (("line 2 is no key", ca.path("tickets")), ("there is no key in it", None)):
        with open(tmp_path / "keys", "w", encoding="ascii") as f:
            f.write(open(text, encoding="ascii").read() + "A" * 80 + "\n" if text else "\n\n")
        status, said = check(tmp_path, config(origin(), ca.path("a.test.pem"),
                                              tls=f'ticket_keys = "{tmp_path}/keys";'))
        assert status == 1 and f"{tmp_path}/keys: {words}" in said


def test_a_chain_is_verified_and_not_only_read(origin, ca, tmp_path):
    """Another authority of the same name did not sign it."""
    false = pki.Authority(tmp_path / "false")
    path = str(tmp_path / "chain.pem")
    with open(path, "w", encoding="ascii") as f:
        f.write(ca.read("a.test.pem") + false.read("ca.pem"))
    status, said = check(tmp_path, config(origin(), path))
    assert status == 1 and "certificate 2 of the file did not issue certificate 1" in said


# --- HSTS ---

def test_h82_hsts_stands_in_every_answer_over_tls(start, origin, ca):
    port = wire.free_port()
    server = origin()
    server.answer = wire.answer(b"x", fields=["Strict-Transport-Security: max-age=1"])
    text = config(server, ca.path("a.test.pem"), ca.path("b.test.pem"), frontend="""
        hsts = "90d";
        routes = ( { when = "path /go"; redirect = "/there"; },
                   { when = "path /say"; respond: { body = "said"; }; },
                   { when = "path /no"; deny = 403; } );
        default_backend = "main";""")
    running = start(config=text.replace("bind = (", 'bind = ( "127.0.0.1:%d",' % port))

    def all_answers(make, hosts):
        answers = []
        for path, host in (("/x", "a.test"), ("/go", "a.test"), ("/say", "a.test"),
                           ("/no", "a.test"), ("/%zz", "a.test"), ("/x", hosts)):
            answers.append(ask(make(), host, path))
        return [(a.status, [v for k, v in a.fields
                            if k.lower() == b"strict-transport-security"]) for a in answers]
    said = [b"max-age=7776000"]
    assert all_answers(lambda: connect(running, ca), "b.test") == [
        (200, said), (302, said), (200, said), (403, said), (400, said), (421, said)]
    server_own = [b"max-age=1"]
    assert all_answers(lambda: wire.Client(("127.0.0.1", port)), "b.test") == [
        (200, server_own), (302, []), (200, []), (403, []), (400, []), (200, server_own)]


# --- certificates that change ---

def test_a_new_list_of_revoked_certificates_holds_for_sessions_too(start, origin, ca, tmp_path):
    people = pki.Authority(tmp_path / "people", "people")
    people.issue("joe")
    with open(people.path("ca.conf"), "w", encoding="ascii") as f:
        f.write(f"[ca]\ndefault_ca=me\n[me]\ndatabase={people.folder}/index\n"
                "default_md=sha256\ndefault_crl_days=30\n")
    open(people.path("index"), "w", encoding="ascii").close()
    sign = ("ca", "-config", people.path("ca.conf"), "-cert", people.ca, "-keyfile",
            people.path("people.key"))
    pki.openssl(*sign, "-gencrl", "-out", people.path("crl.pem"))
    running = start(config=config(
        origin(), ca.path("a.test.pem"),
        tls=f'clients = "required"; ca = "{people.ca}"; crl = "{people.path("crl.pem")}";'))
    context = ca.context()
    context.load_cert_chain(people.path("joe.pem"))
    session = session_of(running, ca, context)
    assert resumes(running, context, session)
    pki.openssl(*sign, "-revoke", people.path("joe.crt"))
    pki.openssl(*sign, "-gencrl", "-out", people.path("crl.pem"))
    running.ctl("reload")
    with pytest.raises((ssl.SSLError, ConnectionError, wire.Closed)):
        ask(TlsClient(running.address, context, "a.test", session))
    running.wait_log(r"TLS_CERTIFICATE \(certificate revoked\)")


def by_itself(text):
    return text.replace("threads = 1;", "threads = 1; certificate_reload = true;")


def changes(running):
    return len([line for line in running.log() if "has changed: reloading" in line])


def refused(running):
    said = running.ctl("metrics").stdout
    return "\nhpcbal_config_reload_refused 1\n" in said, "reload was refused" in running.ctl("status").stdout


def test_a_link_to_another_file_is_a_change(start, origin, ca, tmp_path):
    """As certbot does it; and the key comes after the certificate, in a file of its own."""
    for number in ("1", "2"):
        ca.issue("a.test", file="live" + number)
    os.mkdir(tmp_path / "live")

    def point(name, number):
        link = str(tmp_path / "live" / name)
        os.symlink(ca.path(f"live{number}.{name}"), link + ".new")
        os.replace(link + ".new", link)
    for name in ("crt", "key"):
        point(name, 1)
    running = start(config=by_itself(config(origin(), f"{tmp_path}/live/crt",
                                            tls=f'keys = ( "{tmp_path}/live/key" );')))
    old = connect(running, ca)
    assert refused(running) == (False, False)
    point("crt", 2)
    running.wait_log("live/crt has changed: reloading", patience=3 * wire.PATIENCE)
    running.wait_log("reload refused; generation 1 goes on")
    assert "none of keys belongs to it" in "\n".join(running.log())
    assert refused(running) == (True, True)
    assert connect(running, ca).serial == old.serial
    point("key", 2)
    running.wait_log("reloaded .*generation", patience=3 * wire.PATIENCE)
    assert connect(running, ca).serial != old.serial
    assert refused(running) == (False, False)
    assert changes(running) == 2
    assert ask(old).status == 200


def test_a_renewal_takes_no_configuration_that_is_being_edited(start, origin, ca, tmp_path):
    server = origin()
    path = str(tmp_path / "site.pem")

    def put(name):
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(ca.read(name))
        os.replace(path + ".new", path)
    ca.issue("a.test", file="one")
    ca.issue("a.test", file="two")
    put("one.pem")
    text = by_itself(config(server, path))
    running = start(config=text)
    old = connect(running, ca).serial
    running.write_config(text=text.replace("default_backend", 'routes = ( { when = "always"; deny = 403; } ); '
                                           "default_backend"))
    put("two.pem")
    running.wait_log("so has the configuration itself, which nobody has asked to take",
                     patience=3 * wire.PATIENCE)
    running.wait_log("reload refused; generation 1 goes on")
    client = connect(running, ca)
    assert client.serial == old
    assert ask(client).status == 200
    running.ctl("reload")
    client = connect(running, ca)
    assert client.serial != old
    assert ask(client).status == 403
