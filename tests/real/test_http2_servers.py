"""nginx as a server of HTTP/2, in plain text and over TLS: bodies of all sizes both ways, many
requests over few connections, and its graceful ends, which come every so many requests."""
import hashlib
import os
import re
import shutil
import signal

import pytest

import daemon
import pki
import programs
import wire

# http2_max_requests is keepalive_requests as nginx before 1.19.7 calls it; later ones only warn.
CONFIG = """
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  log_format short "$server_protocol $connection $request_method $status $request_uri";
  access_log {folder}/access.log short;
  client_body_temp_path {folder}/store/.body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 0; keepalive_requests 200; http2_max_requests 200;
  server {{
    listen 127.0.0.1:{ready}; listen 127.0.0.1:{plain} http2 backlog=4096;
    listen 127.0.0.1:{tls} ssl http2 backlog=4096;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    root {folder}/html;
    location /store/ {{ root {folder}; dav_methods PUT DELETE; }}
    location /any {{ default_type text/plain; return 200 "$request_method $arg_n\\n"; }}
  }}
}}
"""


class Nginx(programs.Server):
    def __init__(self, folder, certificate):
        super().__init__(folder, "/any")
        self.plain, self.tls = wire.free_port(), wire.free_port()
        os.makedirs(os.path.join(self.folder, "html"))
        os.makedirs(os.path.join(self.folder, "store"))
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(user="user root;" if os.getuid() == 0 else "",
                                  folder=self.folder, ready=self.address[1], plain=self.plain,
                                  tls=self.tls, certificate=certificate))
        self.start(["nginx", "-p", self.folder, "-c", config])

    def lines(self):
        """(protocol, connection, method, status, uri) of each request."""
        with open(os.path.join(self.folder, "access.log"), encoding="ascii") as f:
            return [tuple(line.split()) for line in f]


class Site:
    def __init__(self, running, nginx, h2c):
        self.daemon, self.nginx, self.h2c = running, nginx, h2c

    def curl(self, kind, path, *words):
        url = "http://%s:%d%s" % (*self.daemon.address, path)
        return programs.curl("-H", f"Host: {kind}.test", *words, url)


@pytest.fixture(scope="module")
def h2_site(tmp_path_factory):
    missing = [name for name in ("nginx", "curl", "h2load") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (packaging/dependencies install test)")
    folder = tmp_path_factory.mktemp("h2")
    os.chmod(folder, 0o755)
    ca = pki.Authority(folder / "ca")
    ca.issue("app.test")
    nginx = Nginx(folder / "nginx", ca.path("app.test.pem"))
    h2c = ("127.0.0.1", wire.free_port())
    running = daemon.Daemon(
        folder / "hpcbal",
        daemon.backend("main", ("127.0.0.1", nginx.plain), more="http2 = true;") + ", " +
        daemon.backend("tls", ("127.0.0.1", nginx.tls), more="http2 = true;",
                       server_more=f'tls: {{ ca = "{ca.ca}"; sni = "app.test"; }};'),
        threads=2, routes='{ when = "host tls.test"; backend = "tls"; }',
        frontend='}, { name = "h2"; bind = ( { address = "%s:%d"; h2c = true; } ); '
                 'default_backend = "main";' % h2c)
    try:
        running.start()
        yield Site(running, nginx, h2c)
    finally:
        try:
            running.stop()
        finally:
            nginx.stop()


KINDS = pytest.mark.parametrize("kind", ["plain", "tls"])


@KINDS
def test_downloads_of_all_sizes(h2_site, kind):
    for size in (0, 1, 65535, 65536, 100000, 20 << 20):
        with open(os.path.join(h2_site.nginx.folder, "html", "file"), "wb") as f:
            f.write(os.urandom(size))
        with open(f.name, "rb") as f:
            want = f.read()
        got = h2_site.curl(kind, "/file")
        assert hashlib.sha256(got).digest() == hashlib.sha256(want).digest(), size
    assert h2_site.nginx.lines()[-1][0] == "HTTP/2.0"


@KINDS
def test_uploads(h2_site, kind, tmp_path):
    source = tmp_path / "source"
    for size in (1, 70000, 10 << 20):
        source.write_bytes(os.urandom(size))
        for words in ((), ("-H", "Transfer-Encoding: chunked")):
            h2_site.curl(kind, f"/store/{kind}", "-T", source, *words)
            with open(os.path.join(h2_site.nginx.folder, "store", kind), "rb") as f:
                assert f.read() == source.read_bytes(), (size, words)


@KINDS
def test_answers_without_a_body(h2_site, kind):
    with open(os.path.join(h2_site.nginx.folder, "html", "small"), "wb") as f:
        f.write(b"x" * 1000)
    head = h2_site.curl(kind, "/small", "-I").decode().lower()
    assert "200 ok" in head and "content-length: 1000" in head
    tag = re.search(r"etag: (\S+)", head).group(1)
    code = ("-o", os.devnull, "-w", "%{http_code} %{size_download}")
    assert h2_site.curl(kind, "/small", "-H", f"If-None-Match: {tag}", *code) == b"304 0"
    assert h2_site.curl(kind, "/small", "-r", "10-19", *code) == b"206 10"
    assert h2_site.curl(kind, "/none", *code).startswith(b"404 ")


def test_many_requests_over_few_connections(h2_site):
    """nginx says GOAWAY to each connection after 200 requests; nobody notices."""
    before = len(h2_site.nginx.lines())
    said = programs.run("h2load", "-n", "6000", "-c", "6", "-m", "10",
                        "http://%s:%d/any?n=1" % h2_site.h2c).decode()
    assert "6000 succeeded, 0 failed" in said, said
    wire.wait_for(lambda: len(h2_site.nginx.lines()) >= before + 6000, "nginx's log")
    lines = h2_site.nginx.lines()[before:]
    assert all(line[0] == "HTTP/2.0" for line in lines)
    assert 30 <= len({line[1] for line in lines}) < 200, "connections of at most 200 requests"


def test_nginx_reloads_under_load(h2_site):
    before = len(h2_site.nginx.lines())
    with programs.subprocess.Popen(
            ["h2load", "-n", "6000", "-c", "4", "-m", "5", "http://%s:%d/any?n=2" % h2_site.h2c],
            stdout=programs.subprocess.PIPE, stderr=programs.subprocess.STDOUT) as load:
        for part in range(1, 4):
            wire.wait_for(lambda: len(h2_site.nginx.lines()) >= before + 1200 * part, "requests")
            h2_site.nginx.process.send_signal(signal.SIGHUP)
        said = load.communicate(timeout=programs.CLIENT_PATIENCE)[0].decode()
    assert "6000 succeeded, 0 failed" in said, said
