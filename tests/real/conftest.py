"""Fixtures: `site` is one daemon before one nginx and one Flask for all of these tests."""
import os
import re
import shutil
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import daemon  # noqa: E402
import programs  # noqa: E402
import wire  # noqa: E402

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\d+)$", re.M)
NEEDED = ("nginx", "curl", "ab", "wrk", "sha256sum")
WORKERS = 12
# Behind each answer stand whole programs, on a machine that may have other things to do.
wire.PATIENCE *= 6


class Site:
    def __init__(self, running, nginx, flask):
        self.daemon = running
        self.nginx = nginx
        self.flask = flask
        self.clients = []

    def url(self, path):
        return "http://%s:%d%s" % (*self.daemon.address, path)

    def client(self, **options):
        self.clients.append(self.daemon.client(**options))
        return self.clients[-1]

    def note(self, name, text=""):
        """Leaves one for Flask, by the same way as everything else."""
        answer = self.client().ask(f"POST /flask/note/{name} HTTP/1.1\r\nHost: a\r\n"
                                   f"Content-Length: {len(text)}\r\n\r\n{text}")
        assert answer.status == 204, answer.raw

    def metrics(self):
        """(name, labels) -> value."""
        return {(name, labels): int(value)
                for name, labels, value in SAMPLE.findall(self.daemon.ctl("metrics").stdout)}

    def metric(self, name, **labels):
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        return self.metrics()[name, text]

    def requests(self, code):
        """Of the frontend, whatever backend they went to."""
        return sum(value for (name, labels), value in self.metrics().items()
                   if name == "hpcbal_requests_total" and labels.endswith(f'code="{code}"'))

    def proxy_memory(self, key="VmRSS"):
        """Bytes that the proxy has resident; VmHWM: the most it ever had."""
        with open(f"/proc/{self.daemon.child('proxy')}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key + ":"))

    def close(self):
        for client in self.clients:
            client.close()
        self.clients = []


@pytest.fixture(scope="session")
def whole_site(tmp_path_factory):
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (packaging/dependencies install test)")
    folder = tmp_path_factory.mktemp("real")
    os.chmod(folder, 0o755)
    servers = []
    try:
        servers.append(programs.Nginx(folder / "nginx"))
        servers.append(programs.Flask(folder / "flask", WORKERS))
        nginx, flask = servers
        running = daemon.Daemon(
            folder / "hpcbal",
            daemon.backend("main", nginx.address) + ", " + daemon.backend("flask", flask.address),
            threads=2, routes='{ when = "path_beg /flask"; backend = "flask"; }')
        try:
            running.start()
            yield Site(running, nginx, flask)
        finally:
            running.stop()
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def site(whole_site):
    yield whole_site
    whole_site.close()
    whole_site.daemon.check_alive()
