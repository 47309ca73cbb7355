"""The admin address: what it says, to whom, and that nobody who comes there holds anything."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import daemon
import wire
from traffic import is_listening

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def listen(port):
    return f'admin: {{ listen = "127.0.0.1:{port}"; }};'


class Admin:
    """A daemon with an admin address."""

    def __init__(self, start, origin, **options):
        self.port = wire.free_port()
        self.origin = origin()
        backends = options.pop("backends", daemon.backend("main", self.origin.address))
        self.daemon = start(backends, top=listen(self.port), **options)

    def client(self, **options):
        return wire.Client(("127.0.0.1", self.port), **options)

    def get(self, path, host="localhost", method="GET"):
        """Over a connection of its own."""
        client = self.client()
        try:
            return client.ask(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n", method)
        finally:
            client.close()

    def metric(self, name, **labels):
        """The value of one series; None without it."""
        for line in self.get("/metrics").body.decode().splitlines():
            found = re.fullmatch(re.escape(name) + r"(?:\{(.*)\})? (\S+)", line)
            if found and dict(re.findall(r'(\w+)="([^"]*)"', found.group(1) or "")) == labels:
                return float(found.group(2))
        return None

    def health(self):
        response = self.get("/health")
        document = json.loads(response.body)
        assert document["healthy"] == (response.status == 200)
        return response.status, document["reason"]

    def expect_healthy(self):
        """A proxy that has no CPU for a second is not, so it may take a moment."""
        wire.wait_for(lambda: self.health() == (200, None), "/health to say 200")

    def pid(self):
        return self.daemon.child("admin")


@pytest.fixture
def admin(start, origin):
    return lambda **options: Admin(start, origin, **options)


# --- what it says ---

@pytest.mark.parametrize("path, words", [
    ("/api/v1/status", ["status"]), ("/api/v1/servers", ["servers"]),
    ("/api/v1/servers/other", ["servers", "other"]), ("/api/v1/vrrp", ["vrrp"]),
    ("/api/v1/limits", ["limits"]), ("/api/v1/limits/few", ["limits", "few"]),
    ("/api/v1/events", ["events"])])
def test_documents_are_those_of_hpcbalctl_byte_for_byte(admin, origin, path, words):
    other = origin()
    site = admin(backends=daemon.backend("main", origin().address, more='check: { tcp = true; '
                                         'interval = "1h"; };') + ", " +
                 daemon.backend("other", other.address),
                 acls='is_api = "path_beg /api";',
                 routes='{ when = "is_api"; backend = "other"; }',
                 frontend='limits = ( { name = "few"; by = "src"; rate = "2/1m"; } );')
    client = site.daemon.client()
    assert [client.ask(GET).status for _ in range(3)] == [200, 200, 429]
    client.close()
    wire.wait_for(lambda: site.daemon.json("status")["frontends"][0]["connections"] == 0,
                  "the connection to be counted out")

    def same():  # but for the second in which they were asked
        return site.get(path).body.decode() == site.daemon.ctl("--json", *words).stdout
    wire.wait_for(same, f"{path} to be as hpcbalctl {words}")
    response = site.get(path)
    assert response.status == 200 and response.one("Content-Type") == b"application/json"
    assert site.get(path, method="HEAD").body == b""
    assert json.loads(site.get("/api/v1/").body)["documents"]


def test_metrics_are_those_of_hpcbalctl_and_promtool_takes_them(admin):
    site = admin(acls='is_gone = "path_beg /gone";', routes='{ when = "is_gone"; deny = 403; }')
    client = site.daemon.client()
    for _ in range(5):
        assert client.ask(GET).status == 200
    assert client.ask(b"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n").status == 403
    client.close()
    wire.wait_for(lambda: site.metric("hpcbal_frontend_connections", frontend="front") == 0,
                  "the connection to be counted out")
    response = site.get("/metrics")
    assert response.one("Content-Type") == b"text/plain; version=0.0.4; charset=utf-8"
    assert response.body.decode() == site.daemon.ctl("metrics").stdout
    count = "hpcbal_requests_total"
    assert site.metric(count, frontend="front", backend="main", code="2xx") == 5
    assert site.metric(count, frontend="front", backend="", code="4xx") == 1
    assert site.metric("hpcbal_request_duration_seconds_count", backend="main") == 5
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not there: install the package prometheus")
    checked = subprocess.run([promtool, "check", "metrics"], input=response.body,
                             capture_output=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout + checked.stderr == b""


def buckets(site, name):
    """Upper bound in seconds -> how many, of a backend's histogram."""
    found = re.findall(r'duration_seconds_bucket\{backend="%s",le="([^"]*)"\} (\d+)' % name,
                       site.get("/metrics").body.decode())
    return {float(le): int(count) for le, count in found}


def test_durations_are_those_that_the_server_took(admin):
    site = admin()
    site.origin.answer = lambda request, connection: time.sleep(0.3) or wire.answer(b"late")
    client = site.daemon.client()
    assert client.ask(GET).status == 200
    wire.wait_for(lambda: site.metric("hpcbal_request_duration_seconds_count", backend="main"),
                  "the request to be counted")
    count = buckets(site, "main")
    assert count[0.25] == 0 and count[float("inf")] == 1
    assert 0.3 <= site.metric("hpcbal_request_duration_seconds_sum", backend="main") < 60
    # Time that the client takes, before it asks or while it does, is no duration.
    site.origin.answer = wire.answer(b"soon")
    before = site.metric("hpcbal_request_duration_seconds_sum", backend="main")
    pause = 0.3 * wire.SLOWDOWN
    time.sleep(pause)
    client.send(GET[:20])
    time.sleep(pause)
    begun = time.monotonic()
    assert client.ask(GET[20:]).status == 200
    client.close()
    wire.wait_for(lambda: site.metric("hpcbal_request_duration_seconds_count",
                                      backend="main") == 2, "the second to be counted")
    took = time.monotonic() - begun
    after = site.metric("hpcbal_request_duration_seconds_sum", backend="main")
    assert after - before < took + 0.001


def test_a_connection_in_mode_tcp_counts_until_the_way_is_open(start, origin):
    server, port = origin(), wire.free_port()
    config = daemon.CONFIG.format(
        folder="{folder}", listen="{listen}", threads=1, proxy="", timeouts="",
        top=listen(port), acls="", routes="", frontend='mode = "tcp";', log_format="haproxy",
        backends=daemon.backend("main", server.address, more='mode = "tcp";'))
    site = Admin.__new__(Admin)
    site.port, site.daemon = port, start(config=config)
    begun = time.monotonic()
    client = site.daemon.client()
    assert client.ask(GET).status == 200
    took = time.monotonic() - begun
    time.sleep(0.3)
    client.close()
    wire.wait_for(lambda: site.metric("hpcbal_request_duration_seconds_count", backend="main"),
                  "the connection to be counted")
    assert site.metric("hpcbal_request_duration_seconds_sum", backend="main") < took + 0.001
    assert site.metric("hpcbal_requests_total", frontend="front", backend="main",
                       code="other") == 1


def test_counts_go_on_over_a_reload_and_a_new_proxy(admin):
    site = admin()
    client = site.daemon.client()
    assert client.ask(GET).status == 200
    client.close()
    wire.wait_for(lambda: site.metric("hpcbal_request_duration_seconds_count", backend="main"),
                  "the request to be counted")
    site.daemon.ctl("reload")
    assert site.metric("hpcbal_requests_total", frontend="front", backend="main", code="2xx") == 1
    site.daemon.first_proxy = None
    os.kill(site.daemon.child("proxy"), signal.SIGKILL)
    wire.wait_for(lambda: site.health()[0] == 200 and site.metric(
        "hpcbal_process_restarts_total", process="proxy") == 1, "the next proxy")
    client = site.daemon.client()
    assert client.ask(GET).status == 200
    client.close()
    wire.wait_for(lambda: site.metric("hpcbal_request_duration_seconds_count",
                                      backend="main") == 2, "both to be counted")
    assert site.metric("hpcbal_requests_total", frontend="front", backend="main", code="2xx") == 2


@pytest.mark.parametrize("line, status, words", [
    ("GET /metrcs", 404, "did you mean /metrics?"),
    ("GET /api/v1/servers/mian", 404, 'did you mean \\"main\\"?'),
    ("POST /metrics", 405, "use GET or HEAD"), ("PURGE /", 405, "use GET or HEAD")])
def test_wrong_questions_are_told_what_would_be_right(admin, line, status, words):
    site = admin()
    client = site.client()
    response = client.ask(f"{line} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert response.status == status and words in response.body.decode()
    if status == 405:
        assert response.one("Allow") == b"GET, HEAD"
    # The connection is as good as before.
    assert client.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
    client.close()


def test_a_name_that_was_made_to_lead_here_is_refused(admin):
    site = admin()
    assert site.get("/api/v1/status", host="evil.example:80").status == 421
    assert site.get("/api/v1/status", host="test").status == 200  # the node
    response = site.get("/api/v1/status")
    assert not response.has("Access-Control-Allow-Origin")


# --- bad clients ---

def test_bad_clients_hold_nothing_but_themselves(admin, origin):
    many = ", ".join(
        '{ name = "many%03d"; address = "127.0.0.1:%d"; }' % (i, 20000 + i) for i in range(500))
    server = origin()
    site = admin(backends=daemon.backend("main", server.address) +
                 f', {{ name = "crowd"; servers = ( {many} ); }}',
                 acls='is_odd = "path /odd";', routes='{ when = "is_odd"; backend = "crowd"; }')
    whole = site.get("/metrics")
    assert len(whole.body) > 150_000
    pid, kept = site.pid(), []
    # 200 that say nothing, 20 that are slow, 20 that do not read (an answer is made for each of
    # them in each turn, and takes a sanitizer long), 20 that talk rubbish
    for _ in range(200):
        kept.append(socket.create_connection(("127.0.0.1", site.port), wire.PATIENCE))
    for _ in range(20):
        kept.append(socket.create_connection(("127.0.0.1", site.port), wire.PATIENCE))
        kept[-1].sendall(b"GET /metrics HTTP/1.1\r\nHos")
    for _ in range(max(4, int(20 / wire.SLOWDOWN))):
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(wire.PATIENCE)
        deaf.connect(("127.0.0.1", site.port))
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30)
        kept.append(deaf)
    for _ in range(20):
        kept.append(socket.create_connection(("127.0.0.1", site.port), wire.PATIENCE))
        kept[-1].sendall(os.urandom(2000))
    for _ in range(5):
        assert site.get("/metrics").body.count(b"\n") == whole.body.count(b"\n")
        site.expect_healthy()
    assert len(os.listdir(f"/proc/{pid}/fd")) < 64 + 20
    client = site.daemon.client()
    assert client.ask(GET).status == 200
    client.close()
    for sock in kept:
        sock.close()
    wire.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) < 20, "all places to be free again")
    assert site.pid() == pid, "it lived through all that"


def test_rubbish_is_answered_and_the_connection_closed(admin):
    site = admin()
    for rubbish in (b"\x16\x03\x01\x00\xff\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                    b"GET / HTTP/1.1\r\nContent-Length: x\r\nHost: a\r\n\r\n"):
        client = site.client()
        client.send(rubbish)
        assert client.read_response().status == 400
        client.expect_closed()
        client.close()


# --- while the proxy does not serve ---

def test_it_answers_while_the_proxy_hangs_or_is_dead(admin):
    site = admin()
    site.expect_healthy()
    site.daemon.first_proxy = None
    pid = site.daemon.child("proxy")
    daemon.freeze(pid)
    reason = wire.wait_for(lambda: site.health()[1], "/health to notice")
    assert "has not moved for" in reason or "is not running" in reason or "starting" in reason
    assert site.metric("hpcbal_config_generation") == 1
    wire.wait_for(lambda: site.health() == (200, None), "another proxy", 10 * wire.SLOWDOWN)
    assert site.daemon.child("proxy") != pid
    # One that cannot come back: each is stopped as it comes, before it can serve.
    reasons = set()
    end = time.monotonic() + 30 * wire.SLOWDOWN
    while not any("is not running; the last one ended: killed by SIGKILL" in r for r in reasons):
        assert time.monotonic() < end, f"/health has never told of the dead proxy: {reasons}"
        child = site.daemon.child("proxy")
        if child:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reasons.add(site.health()[1] or "")
        assert site.get("/metrics").status == 200
    wire.wait_for(lambda: site.health() == (200, None), "a proxy that lives",
                  20 * wire.SLOWDOWN)


def test_health_says_that_it_stops(admin):
    site = admin()
    asked, go_on = threading.Event(), threading.Event()

    def late(_request, _connection):
        asked.set()
        go_on.wait(wire.PATIENCE * 4)
        return wire.answer(b"done")
    site.origin.answer = late
    client = site.daemon.client()
    client.send(GET)
    assert asked.wait(wire.PATIENCE)
    site.daemon.process.send_signal(signal.SIGTERM)
    assert wire.wait_for(lambda: site.health()[0] == 503 and site.health(),
                         "/health to notice")[1] == "hpcbald is stopping"
    go_on.set()
    assert client.read_response().body == b"done"
    client.close()
    assert site.daemon.process.wait(wire.PATIENCE * 4) == 0
    site.daemon.process = None
    site.daemon.notify.close()
    with pytest.raises(OSError):
        site.client()


def test_a_dead_admin_process_is_back_and_nobody_is_refused(admin):
    site = admin()
    first = site.pid()
    os.kill(first, signal.SIGKILL)
    site.expect_healthy()
    wire.wait_for(lambda: site.metric("hpcbal_process_restarts_total", process="admin") == 1,
                  "the restart to be counted")
    assert site.pid() != first
    assert "the admin process was started again 1 time; the last one ended: killed by SIGKILL" \
        in site.daemon.ctl("status").stdout
    assert f"at 127.0.0.1:{site.port}" in site.daemon.ctl("status").stdout


def test_an_admin_process_that_hangs_is_replaced(admin):
    """As a worker that hangs; and a reload that needs it meanwhile is refused, not stuck."""
    site = admin()
    first, proxy = site.pid(), site.daemon.child("proxy")
    daemon.freeze(first)
    refused = site.daemon.ctl("reload", check=False)
    assert refused.returncode == 1
    assert re.search("the admin process (did not answer PREPARE|died on the way)",
                     refused.stdout + refused.stderr)
    site.daemon.wait_log(rf"admin \(pid {first}\): its main thread hangs since more than 5 s",
                         daemon.READY_PATIENCE)
    site.daemon.wait_log(rf"admin \(pid {first}\) killed by SIGKILL; started again")
    events = site.daemon.ctl("events").stdout
    assert f"admin (pid {first}): its main thread hangs" in events
    site.expect_healthy()  # who asks waits for the next one
    assert site.pid() not in (None, first)
    site.daemon.ctl("reload")
    assert site.daemon.child("proxy") == proxy


def test_it_has_no_rights(admin):
    site = admin()
    with open(f"/proc/{site.pid()}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert status["CapEff"] == status["CapPrm"] == "0000000000000000"
    assert status["NoNewPrivs"] == "1"
    if os.geteuid() == 0:
        assert "0" not in status["Uid"].split() + status["Gid"].split()
    listening = os.readlink(f"/proc/{site.pid()}/fd/0")
    assert listening == "/dev/null"


# --- reload ---

def test_reload_moves_the_address(admin):
    site = admin()
    pid, first, kept = site.pid(), site.port, site.client()
    health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert kept.ask(health).status == 200
    taken = socket.create_server(("127.0.0.1", wire.free_port()))
    site.daemon.write_config(top=listen(taken.getsockname()[1]))
    refused = site.daemon.ctl("reload", check=False)
    assert refused.returncode == 1
    assert re.search(r"admin cannot listen on 127\.0\.0\.1:\d+: bind: Address already in use; "
                     r".*listens there", refused.stderr), refused.stderr
    site.expect_healthy()  # the old one goes on
    taken.close()
    site.port = wire.free_port()
    site.daemon.write_config(top=listen(site.port))
    site.daemon.ctl("reload")
    site.expect_healthy()
    assert site.pid() == pid
    assert kept.ask(health).status == 200, "who is there stays"
    kept.close()
    wire.wait_for(lambda: not is_listening(("127.0.0.1", first)), "the old address to close")
    # Away with it, and back.
    site.daemon.write_config(top="")
    site.daemon.ctl("reload")
    wire.wait_for(lambda: site.pid() is None, "the admin process to go")
    wire.wait_for(lambda: not is_listening(("127.0.0.1", site.port)), "its address to close")
    assert f"at 127.0.0.1:{site.port}" not in site.daemon.ctl("status").stdout
    site.daemon.write_config(top=listen(site.port))
    site.daemon.ctl("reload")
    site.expect_healthy()
    assert site.metric("hpcbal_config_generation") == 4


def test_reload_that_changes_nothing_of_it_refuses_nobody(admin):
    site = admin()
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answers.append(site.get("/").status)
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(5):
            site.daemon.ctl("reload")
    finally:
        over.set()
        asking.join()
    assert answers and set(answers) == {200}


def test_start_with_a_port_in_use_says_so(tmp_path):
    taken = socket.create_server(("127.0.0.1", wire.free_port()))
    port = taken.getsockname()[1]
    made = daemon.Daemon(tmp_path, daemon.backend("main", ("127.0.0.1", 1)), top=listen(port))
    done = subprocess.run([os.path.join(daemon.build_folder(), "hpcbald"), "-F", "-f", made.path],
                          capture_output=True, text=True, timeout=60, check=False)
    taken.close()
    assert done.returncode == 1
    assert f"admin cannot listen on 127.0.0.1:{port}: bind: Address already in use" in done.stderr


def test_a_frontend_and_admin_cannot_have_one_address(tmp_path):
    made = daemon.Daemon(tmp_path, daemon.backend("main", ("127.0.0.1", 1)),
                         top='admin: { listen = "*:8404"; };', listen=("127.0.0.1", 8404))
    done = subprocess.run([os.path.join(daemon.build_folder(), "hpcbald"), "-c", "-f", made.path],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert 'give admin another port' in done.stderr
