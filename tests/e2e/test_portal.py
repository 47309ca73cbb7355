"""The portal's own configuration (etc/hpcbal.conf) before real servers: nginx, Flask under
gunicorn, and a WebSocket server, three hosts of them on loopback addresses."""
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

import pytest

import daemon
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PORTAL = os.path.join(TOP, "packaging", "portal")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
TIERS = ("web", "api", "websocket", "auth")
WRITTEN_PORTS = {"web": 80, "api": 5010, "websocket": 5011, "auth": 4430}
HEALTH = {"web": "/", "api": "/api/health", "websocket": "/ws/health", "auth": "/auth/health"}

NGINX = """
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{}}
http {{ access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen {host}:{port}; root {folder}/html; add_header X-Served-By {name}; }} }}
"""


class Host:
    """One application host: its four servers, each a process that can be stopped."""

    def __init__(self, folder, number):
        self.name = f"app{number}"
        self.ip = f"127.0.0.{10 + number}"
        self.folder = os.path.join(folder, self.name)
        self.ports = {tier: wire.free_port(self.ip) for tier in TIERS}
        self.processes = {}
        os.makedirs(os.path.join(self.folder, "html"))
        with open(os.path.join(self.folder, "html", "index.html"), "w", encoding="ascii") as f:
            f.write(f"page of {self.name}\n")
        with open(os.path.join(self.folder, "nginx.conf"), "w", encoding="ascii") as f:
            user = "user root;" if os.getuid() == 0 else ""
            f.write(NGINX.format(user=user, folder=self.folder, host=self.ip, port=self.ports["web"],
                                 name=self.name))

    def command(self, tier):
        flask = [PYTHON, "-B", "-m", "gunicorn", "--chdir", PORTAL, "--workers", "1",
                 "--log-level", "warning", "--bind", f"{self.ip}:{self.ports[tier]}",
                 "flask_app:app"]
        return {
            "web": ["nginx", "-p", self.folder, "-c", os.path.join(self.folder, "nginx.conf")],
            "api": flask,
            "auth": flask,
            "websocket": [PYTHON, "-B", os.path.join(PORTAL, "websocket_server.py"), self.name,
                          self.ip, str(self.ports["websocket"])],
        }[tier]

    def start(self, tier):
        with open(os.path.join(self.folder, tier + ".log"), "ab") as log:
            self.processes[tier] = subprocess.Popen(
                self.command(tier), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, PORTAL_HOST=self.name))

    def answers(self, tier):
        """An HTTP answer, so that gunicorn's worker has loaded Flask, too."""
        try:
            client = wire.Client((self.ip, self.ports[tier]))
            client.send(f"GET {HEALTH[tier]} HTTP/1.1\r\nHost: a\r\n"
                        "Connection: close\r\n\r\n")
            return client.read_response().status == 200
        except (OSError, TimeoutError, wire.Closed):
            return False

    def wait(self, tier):
        try:
            wire.wait_for(lambda: self.answers(tier), f"{self.name}'s {tier}", 30 * wire.SLOWDOWN)
        except AssertionError as fault:
            with open(os.path.join(self.folder, tier + ".log"), encoding="utf-8") as f:
                raise AssertionError(f"{fault}; it said:\n{f.read()[-2000:]}") from None

    def stop(self, tier):
        process = self.processes.pop(tier)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self):
        for tier in list(self.processes):
            self.stop(tier)


def local_configuration(hosts):
    """etc/hpcbal.conf with nothing changed but addresses, the log and the check's pace."""
    with open(os.path.join(TOP, "etc", "hpcbal.conf"), encoding="utf-8") as f:
        text = f.read()
    for number, host in enumerate(hosts, 1):
        for tier, port in WRITTEN_PORTS.items():
            text = text.replace(f'"110.15.177.{122 + number}:{port}"',
                                f'"{host.ip}:{host.ports[tier]}"')
    text, binds = re.subn(r'bind = \( "\*:80" \)', 'bind = ( "{listen}" )', text)
    text, sockets = re.subn(r'socket = "[^"]*"', 'socket = "{folder}/control.sock"', text)
    # Two suites may run at a time.
    text, admins = re.subn(r'listen = "127\.0\.0\.1:8404"',
                           f'listen = "127.0.0.1:{wire.free_port()}"', text)
    text = re.sub(r'target = "/dev/log"', 'target = "file:{folder}/hpcbal.log"', text)
    text = re.sub(r'(http = "GET [^"]*");', r'\1; interval = "300ms"; timeout = "10s";', text)
    assert (binds, sockets, admins) == (1, 1, 1)
    assert not re.search(r'"110\.15\.177\.12[345]:', text)
    return text


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    for program in ("nginx", "curl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    folder = str(tmp_path_factory.mktemp("portal"))
    hosts = [Host(folder, number) for number in (1, 2, 3)]
    running = None
    try:
        for host in hosts:
            for tier in TIERS:
                host.start(tier)
        for host in hosts:
            for tier in TIERS:
                host.wait(tier)
        running = daemon.Daemon(os.path.join(folder, "hpcbal"),
                                config=local_configuration(hosts)).start()
        running.hosts = hosts
        yield running
    finally:
        try:
            if running:
                running.stop()
        finally:
            for host in hosts:
                host.close()


def visit(portal, path, **options):
    """(status, headers, body) as a library that people use sees it."""
    request = urllib.request.Request("http://%s:%d%s" % (*portal.address, path), **options)
    with urllib.request.urlopen(request, timeout=wire.PATIENCE) as response:
        return response.status, response.headers, response.read().decode()


def served_by(portal, path, times):
    return {visit(portal, path)[1]["X-Served-By"] for _ in range(times)}


def talk(portal, *words):
    """What a real WebSocket client hears."""
    command = [PYTHON, "-B", os.path.join(PORTAL, "websocket_client.py"),
               "ws://%s:%d/ws/echo" % portal.address, *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, check=True).stdout.splitlines()


def test_all_servers_are_up(portal):
    states = {(b["name"], s["name"]): s["state"] for b in portal.json("status")["backends"]
              for s in b["servers_detail"]}
    assert len(states) == 11
    assert set(states.values()) == {"UP"}


def test_each_tier_answers(portal):
    assert served_by(portal, "/", 6) == {"app1", "app2", "app3"}
    assert served_by(portal, "/api/jobs", 12) <= {"app1", "app2", "app3"}
    assert served_by(portal, "/auth/login", 4) == {"app1", "app2"}


def test_flask_sees_the_client(portal):
    said = json.loads(visit(portal, "/api/jobs")[2])
    assert said["client"] == "127.0.0.1"
    assert said["path"] == "/api/jobs"


def test_post_to_flask(portal):
    status, _, body = visit(portal, "/api/jobs", data=b"x" * 100000, method="POST")
    assert (status, json.loads(body)["received"]) == (201, 100000)


def test_websocket(portal):
    heard = talk(portal, "hello", "x" * 5000)
    name = heard[0].rsplit(" ", 1)[1]
    assert heard[1:] == [f"{name}: hello", f"{name}: " + "x" * 5000]
    assert talk(portal)[0] == heard[0], "one client, one server"


def test_curl_with_head_and_range(portal):
    url = "http://%s:%d/index.html" % portal.address
    head = subprocess.run(["curl", "-sSI", url], capture_output=True, text=True, check=True).stdout
    assert head.startswith("HTTP/1.1 200")
    part = subprocess.run(["curl", "-sS", "-r", "0-3", url, url], capture_output=True, text=True,
                          check=True).stdout
    assert part == "pagepage"


def test_flask_leaves_and_comes_back(portal):
    host = portal.hosts[1]
    host.stop("api")
    for _ in range(30):
        assert visit(portal, "/api/jobs")[0] == 200, "a connection refused goes elsewhere at once"
    portal.wait_server("app_backend", "app2", "DOWN", 20 * wire.SLOWDOWN)
    assert "app2" not in served_by(portal, "/api/jobs", 12)
    host.start("api")
    portal.wait_server("app_backend", "app2", "UP", 30 * wire.SLOWDOWN)
    assert visit(portal, "/api/jobs")[0] == 200
