"""TLS and HTTP/2 over it by real clients, and what those find who look for what is weak."""
import html
import json
import os
import re
import shutil
import xml.etree.ElementTree

import pytest

import chromium
import daemon
import pki
import programs
import wire
from test_browser import EXPECTED, PICTURES, REPORT, png
from test_websocket import Sockets

CONFIG = """\
node = "test";
proxy: {{ threads = 2; }};
log: {{ target = "file:{{folder}}/hpcbal.log"; }};
control: {{ socket = "{{folder}}/control.sock"; }};
frontends = (
  {{ name = "front"; hsts = "365d";
    bind = ( {{ address = "{{listen}}"; tls: {{ certificates = ( {certificates} ); {tls} }}; }} );
    routes = ( {{ when = "path_beg /flask"; backend = "flask"; }},
               {{ when = "path_beg /ws"; backend = "sockets"; }} );
    default_backend = "main"; }}
);
backends = ( {backends} );
"""
# Of who runs the site, of its servers (nginx compresses), and of the program itself.
NOT_OURS = {"engine_problem", "DNS_CAArecord", "security_headers", "sessionresumption_ticket",
            "BREACH"}
REQUESTS = 2000


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed "
                              "(packaging/dependencies install test)")


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    where = "crlDistributionPoints=URI:http://localhost/crl"
    authority.issue("localhost", more=where)
    authority.issue("localhost", kind="rsa", file="rsa", more=where)
    return authority


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    server = Sockets(tmp_path_factory.mktemp("sockets"), "deflate")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def secure(whole_site, sockets, ca, tmp_path_factory):
    """Makes daemons before the servers of the site, with some more settings for their TLS."""
    made = []

    def make(tls=""):
        backends = ", ".join(daemon.backend(name, server.address) for name, server in (
            ("main", whole_site.nginx), ("flask", whole_site.flask), ("sockets", sockets)))
        made.append(daemon.Daemon(
            tmp_path_factory.mktemp("secure"),
            config=CONFIG.format(certificates=", ".join(
                f'"{ca.path(name)}"' for name in ("localhost.pem", "rsa.pem")), tls=tls,
                backends=backends)))
        return made[-1].start()
    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def front(secure):
    return secure()


def url(running, path):
    return f"https://localhost:{running.address[1]}{path}"


def lines(running, what):
    return len([line for line in running.log() if re.search(what, line)])


# --- who looks for what is weak ---

@needs("sslscan")
@pytest.mark.parametrize("profile, versions", [("intermediate", {"1.2", "1.3"}),
                                               ("modern", {"1.3"})])
def test_sslscan_finds_nothing_weak(secure, tmp_path, profile, versions):
    running = secure(f'profile = "{profile}";')
    said = tmp_path / "said.xml"
    programs.run("sslscan", "--no-colour", f"--xml={said}", f"localhost:{running.address[1]}")
    test = xml.etree.ElementTree.parse(said).getroot().find("ssltest")
    assert {p.get("version") for p in test.iter("protocol") if p.get("enabled") == "1"} == versions
    assert test.find("renegotiation").get("supported") == "0"
    assert {h.get("vulnerable") for h in test.iter("heartbleed")} <= {"0"}
    ciphers = list(test.iter("cipher"))
    assert len(ciphers) == (9 if "1.2" in versions else 3)
    for cipher in ciphers:
        assert cipher.get("strength") in ("strong", "acceptable"), cipher.attrib
        assert re.match("TLS_|ECDHE-", cipher.get("cipher")), cipher.attrib
        assert re.search("GCM|CHACHA20", cipher.get("cipher")), cipher.attrib


@needs("testssl")
@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_testssl_finds_nothing_weak(secure, ca, tmp_path, profile):
    running = secure(f'profile = "{profile}";')
    said = tmp_path / "said.json"
    programs.run("testssl", "--quiet", "--color", "0", "--warnings", "batch", "--jsonfile", said,
                 "--add-ca", ca.ca, "--ip", running.address[0], "-p", "-s", "-f", "-P", "-S", "-h",
                 "-U", f"localhost:{running.address[1]}", status=None)
    found = json.loads(said.read_text())
    bad = [(f["id"], f["severity"], f["finding"]) for f in found
           if f["severity"] not in ("OK", "INFO") and f["id"].split()[0] not in NOT_OURS]
    assert bad == []
    assert len(found) > 60, "it has gone to the end"
    assert any(f["id"] == "TLS1_3" and "offered" in f["finding"] for f in found)
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0,
                  "all of its connections to be gone")


# --- clients ---

@pytest.mark.parametrize("words, version", [
    (["--http1.1", "--tls-max", "1.2"], "1.1"), (["--http1.1", "--tlsv1.3"], "1.1"),
    (["--http2", "--tls-max", "1.2"], "2"), (["--http2", "--tlsv1.3"], "2")])
def test_curl(front, ca, words, version):
    said = programs.curl("--cacert", ca.ca, *words, "-o", os.devnull, "-w",
                         "%{http_version} %{http_code} %{ssl_verify_result}\n",
                         url(front, "/index.html"), "-o", os.devnull, url(front, "/flask/any"))
    assert said.decode().split("\n")[:2] == [f"{version} 200 0"] * 2
    body = os.urandom(1 << 20)
    assert programs.curl("--cacert", ca.ca, *words, "--data-binary", "@-",
                         url(front, "/flask/any"), input=body).endswith(b"%d\n" % len(body))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes_its_session(front, ca, tmp_path, version):
    def ask(*words):
        return programs.run("openssl", "s_client", "-connect", "%s:%d" % front.address, version,
                            "-servername", "localhost", "-verify_return_error", "-CAfile", ca.ca,
                            "-ign_eof", *words, input=b"GET /index.html HTTP/1.1\r\n"
                            b"Host: localhost\r\nConnection: close\r\n\r\n")
    first = ask("-sess_out", tmp_path / "session")
    assert b"HTTP/1.1 200" in first and b"\nNew, TLS" in first
    assert b"\nReused, TLS" in ask("-sess_in", tmp_path / "session")


@needs("nghttp")
def test_nghttp_fetches_many_over_one_connection(front):
    paths = ["/index.html", "/browser.css", "/first.js", "/second.js", "/module.js", "/flask/any"]
    said = programs.run("nghttp", "-ns", *(url(front, path) for path in paths)).decode()
    assert sorted(re.findall(r" 200 +\S+ (/\S+)", said)) == sorted(paths), said


@needs("h2load")
def test_h2load_with_many_streams(front):
    said = programs.run("h2load", "-n", REQUESTS, "-c", 8, "-m", 10,
                        url(front, "/index.html")).decode()
    assert f"{REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert "Application protocol: h2" in said


# --- a browser ---

def browse(running, path, folder):
    """What the page reports. Nobody has told Chromium of the authority."""
    said = programs.run(
        chromium.PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        f"--user-data-dir={folder}/profile",
        "--ignore-certificate-errors", "--dump-dom", url(running, path),
        env=dict(os.environ, HOME=str(folder))).decode()
    found = REPORT.search(said)
    assert found and "<title>done</title>" in said, said[-3000:]
    return json.loads(html.unescape(found.group(1)))


@chromium.is_there
def test_chromium_loads_a_page_with_many_parts(front, whole_site, tmp_path):
    folder = os.path.join(whole_site.nginx.html, "pictures")
    os.makedirs(folder, exist_ok=True)
    for number in range(PICTURES):
        with open(os.path.join(folder, f"{number}.png"), "wb") as f:
            f.write(png(number + 1))
    whole_site.flask.forget_notes("browser")
    before = lines(front, r"HTTP/1\.1\"")
    assert browse(front, "/browser.html", tmp_path) == EXPECTED
    wire.wait_for(lambda: lines(front, r"/pictures/\d+.png.* HTTP/2\.0\"") >= PICTURES,
                  "the lines of all pictures")
    assert lines(front, r"HTTP/1\.1\"") == before, "all by HTTP/2"


@chromium.is_there
def test_chromium_has_a_websocket_beside_it(front, tmp_path):
    seen = browse(front, "/ws/page", tmp_path)
    assert seen.pop("extensions").startswith("permessage-deflate")
    assert seen == {"echoes": 7, "faults": [], "code": 4321, "clean": True}
    front.wait_log(r"/ws/echo HTTP/2\.0\"")
