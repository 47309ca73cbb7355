"""Bad days of the daemon itself: killed, hung, stopped, out of descriptors, its log full or
stuck, its control socket misused; all of it while clients are being served."""
import fcntl
import os
import random
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

import daemon
import test_h128_h142_websocket as websocket
import wire
from test_bad_days import logged
from test_processes import replaced
from traffic import Ledger, Traffic

SCALE = int(os.environ.get("HPCBAL_TEST_SCALE", "1"))
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Knocker:
    """A connection after the other, each with one request. Notes when each was answered, how
    many were refused, and how many were cut (which a death may do to those that ran)."""

    def __init__(self, running):
        self.running = running
        self.over = False
        self.answered, self.refused, self.cut = [], [], []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            try:
                client = self.running.client()
            except ConnectionError as fault:
                self.refused.append(repr(fault))
                continue
            try:
                if client.ask(CLOSE).status == 200:
                    self.answered.append(time.monotonic())
            except (OSError, wire.Closed) as fault:
                self.cut.append(repr(fault))
            client.close()

    def answered_after(self, moment):
        return any(at > moment for at in self.answered)

    def longest_pause(self):
        return max(b - a for a, b in zip(self.answered, self.answered[1:]))

    def stop(self):
        self.over = True
        self.thread.join(30 * wire.SLOWDOWN)
        assert not self.thread.is_alive()


def requests(running):
    return running.server("main", "main1")["requests_total"]


# --- the proxy dies ---

def test_killed_under_load(start, origin):
    checked = []

    def answer(request, connection):
        if request.target == "/health":
            checked.append(time.monotonic())
        return wire.answer(b"well")
    server = origin(port=daemon.quiet_port())
    server.answer = answer
    gone = ("127.0.0.1", wire.free_port())
    check = 'check: { http = "GET /health"; interval = "1d"; timeout = "5s"; };'
    running = start(daemon.backend("main", server.address, gone, more=check), threads=2)
    assert running.server("main", "main2")["state"] == "DOWN"
    knockers = [Knocker(running) for _ in range(4)]
    try:
        total = wire.wait_for(lambda: requests(running) > 10 and requests(running), "traffic")
        checks = len(checked)
        killed, before = time.monotonic(), running.child("proxy")
        os.kill(before, signal.SIGKILL)
        replaced(running, before)
        wire.wait_for(lambda: all(k.answered_after(killed + 0.5) for k in knockers), "service")
        assert running.server("main", "main1")["state"] == "UP"
        assert running.server("main", "main2")["state"] == "DOWN"
        assert len(checked) == checks, "no first round again"
        assert requests(running) >= total
    finally:
        for knocker in knockers:
            knocker.stop()
    pauses = [k.longest_pause() for k in knockers]
    print(f"the longest pauses: {', '.join('%.0f ms' % (1000 * p) for p in pauses)}")
    running.wait_log("started again at once")
    assert [k.refused for k in knockers] == [[]] * 4, "nobody is refused"
    assert all(len(k.cut) <= 2 for k in knockers), "only what ran is lost"
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0,
                  "the gauges to begin anew")
    assert running.server("main", "main1")["active"] == 0


def test_killed_again_and_again_under_load(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    knocker = Knocker(running)
    try:
        for _ in range(3):
            before = running.child("proxy")
            os.kill(before, signal.SIGKILL)
            replaced(running, before)
            at = time.monotonic()
            wire.wait_for(lambda: knocker.answered_after(at), "service", 5 * wire.SLOWDOWN)
    finally:
        knocker.stop()
    assert knocker.refused == []
    waits = [re.search(r"started again (at once|in \d+ ms)", line) for line in running.log()]
    assert [m.group(1) for m in waits if m] == ["at once", "in 100 ms", "in 200 ms"]


def test_killed_in_a_reload(start, origin):
    first, second, slow = origin(name="first"), origin(name="second"), origin()
    go = threading.Event()
    slow.answer = lambda request, connection: go.wait(60) and wire.answer(b"")
    running = start(daemon.backend("main", first.address))
    running.write_config(backends=daemon.backend(
        "main", slow.address, second.address, more='check: { http = "GET /"; timeout = "60s"; };'))
    done = []
    reload = threading.Thread(target=lambda: done.append(running.ctl("reload", check=False)))
    reload.start()
    wire.wait_for(lambda: slow.requests, "the first check")
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    reload.join(20)
    go.set()
    assert done[0].returncode == 1 and "died" in done[0].stderr
    replaced(running, before)
    client = running.client()
    assert client.ask(GET).body == b"first", "what ran goes on"
    assert running.json("status")["generation"] == 1
    running.ctl("reload")
    assert running.json("status")["generation"] > 1
    assert {client.ask(GET).body for _ in range(4)} == {b"second", b""}
    client.close()


def test_killed_at_any_moment_of_reloads(start, origin):
    """A reload that said yes runs, one that said no does not, whenever the proxy dies."""
    servers = [origin(name=name) for name in ("even", "odd")]
    texts = [daemon.backend("main", s.address, more='check: { tcp = true; };') for s in servers]
    running = start(texts[0], threads=2)
    dice, runs = random.Random(7), 0
    for turn in range(6 * SCALE):
        wanted = 1 - runs
        running.write_config(backends=texts[wanted])
        done = []
        reload = threading.Thread(target=lambda: done.append(running.ctl("reload", check=False)))
        reload.start()
        time.sleep(dice.uniform(0, 0.04))
        proxy = running.child("proxy")
        if proxy:
            os.kill(proxy, signal.SIGKILL)
        reload.join(30 * wire.SLOWDOWN)
        runs = wanted if done[0].returncode == 0 else runs
        client = running.client()
        client.send(GET)
        body = client.read_response(patience=20 * wire.SLOWDOWN).body
        assert body == servers[runs].name.encode(), f"turn {turn}: {done[0].stderr}"
        client.close()
    running.first_proxy = running.child("proxy")


def test_reload_while_the_proxy_waits_to_be_started_again(start, origin):
    old, new = origin(name="old"), origin(name="new")
    running = start(daemon.backend("main", old.address))
    for wait_ms in (0, 100, 200, 400, 800, 1600, 3200):
        before, begun = running.child("proxy"), time.monotonic()
        os.kill(before, signal.SIGKILL)
        if wait_ms >= 1600:
            wire.wait_for(lambda: running.child("proxy") is None, "it to be dead")
            waiting = running.client()
            waiting.send(GET)
            running.write_config(backends="( nonsense")
            assert running.ctl("reload", check=False).returncode == 1
            running.write_config(backends=daemon.backend("main", new.address))
            running.ctl("reload")
            body = waiting.read_response().body
            waiting.close()
            if body == b"new":
                break
            # On a busy machine it was up again before we had come to that.
            assert time.monotonic() - begun > wait_ms / 1000
            running.write_config()
            running.ctl("reload")
        wire.wait_for(lambda: running.child("proxy") not in (None, before), "a new proxy", 20)
    assert body == b"new"
    running.first_proxy = running.child("proxy")


def test_reload_of_a_file_that_is_gone(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    os.unlink(running.path)
    done = running.ctl("reload", check=False)
    assert done.returncode == 1 and running.path in done.stderr
    os.kill(running.first_proxy, signal.SIGKILL)
    replaced(running, running.first_proxy)
    client = running.client()
    assert client.ask(GET).status == 200, "a new proxy runs on what was good"
    client.close()
    running.write_config()


def test_hung_proxy_is_replaced_and_those_who_waited_are_served(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    before = running.child("proxy")
    daemon.freeze(before)
    waiting = [running.client() for _ in range(20)]
    for client in waiting:
        client.send(GET)
    for client in waiting:
        assert client.read_response(patience=10 * wire.SLOWDOWN).status == 200
        client.close()
    running.wait_log("hangs .*SIGABRT")
    replaced(running, before)


# --- the end ---

def test_clean_stop_with_a_download_under_way(start, origin):
    go = threading.Event()

    def answer(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        go.wait(20)
        return b"67890"
    server = origin()
    server.answer = answer
    running = start(daemon.backend("main", server.address), proxy='grace = "10m";')
    client = running.client()
    client.send(GET)
    assert client.read_response_head().status == 200
    assert client.read_exactly(5) == b"12345"
    running.process.send_signal(signal.SIGTERM)
    running.wait_notify("STOPPING=1")
    time.sleep(0.2)
    go.set()
    assert client.read_exactly(5) == b"67890"
    client.expect_closed()
    # Nothing runs any more: the grace is not waited for.
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    assert logged(running)[2] == "----"


def test_clean_stop_under_load(start, origin):
    ledger = Ledger()
    server = ledger.serve(origin())
    running = start(daemon.backend("main", server.address), threads=2)
    traffic = Traffic(running.client, kept=2, fresh=2, upload=1, download=1)
    wire.wait_for(lambda: len(traffic.answered) > 50, "traffic", 20 * wire.SLOWDOWN)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    traffic.stop()
    # Who asks on a kept connection in the moment when it is closed cannot know; nobody gets
    # half an answer, or another's, and nothing is carried out twice.
    for fault in traffic.faults:
        assert re.search(r"ConnectionRefused|ConnectionReset|BrokenPipe|Closed closed after b''",
                         fault), fault
    assert not ledger.doubled()
    assert traffic.answered <= set(ledger.seen)


def test_clean_stop_cuts_tunnels_at_the_grace(start, origin):
    server = origin()
    server.answer = websocket.switch
    running = start(daemon.backend("main", server.address), proxy='grace = "1500ms";')
    tunnel = running.client()
    tunnel.send(websocket.handshake())
    assert tunnel.read_response_head().status == 101
    begun = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    running.wait_notify("STOPPING=1")
    tunnel.send("still here")
    assert tunnel.read_exactly(10) == b"STILL HERE"
    tunnel.expect_closed()
    assert time.monotonic() - begun > 1.4
    assert running.process.wait(daemon.STOP_PATIENCE) == 0


def test_second_signal_ends_the_grace(start, origin):
    server = origin()
    server.answer = lambda request, connection: connection.read_to_end(60) and None
    running = start(daemon.backend("main", server.address), proxy='grace = "1m";')
    client = running.client()
    client.send(GET)
    server.expect_requests(1)
    running.process.send_signal(signal.SIGTERM)
    running.wait_notify("STOPPING=1")
    time.sleep(0.3)
    assert running.process.poll() is None
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    client.close()


def test_stop_while_the_proxy_hangs(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), proxy='grace = "10m";')
    daemon.freeze(running.child("proxy"))
    running.process.send_signal(signal.SIGTERM)
    # It does not wait for the grace.
    assert running.process.wait(daemon.STOP_PATIENCE) == 0


def test_stop_while_no_proxy_runs(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    for _ in range(4):
        before = running.child("proxy")
        os.kill(before, signal.SIGKILL)
        wire.wait_for(lambda: running.child("proxy") not in (None, before), "a new proxy", 20)
    os.kill(running.child("proxy"), signal.SIGKILL)
    wire.wait_for(lambda: running.child("proxy") is None, "it to be dead")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0


def test_stop_in_a_reload(start, origin):
    server, slow = origin(), origin()
    slow.answer = lambda request, connection: connection.read_to_end(60) and None
    running = start(daemon.backend("main", server.address))
    running.write_config(backends=daemon.backend(
        "main", slow.address, more='check: { http = "GET /"; timeout = "5m"; };'))
    done = []
    reload = threading.Thread(target=lambda: done.append(running.ctl("reload", check=False)))
    reload.start()
    wire.wait_for(lambda: slow.requests, "the first check")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    reload.join(daemon.STOP_PATIENCE)
    assert done[0].returncode == 1 and "stopping" in done[0].stderr


# --- out of something ---

def limit(pid, what):
    """As the proxy's own user: root in a container may not."""
    owner = os.stat(f"/proc/{pid}")
    subprocess.run(["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}",
                    "--clear-groups", "prlimit", "--pid", str(pid), what], check=True)


def limit_descriptors(pid, most, hard=True):
    """Only a soft limit can be raised again."""
    limit(pid, f"--nofile={most}:{most if hard else ''}")


def test_no_descriptor_for_the_server(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address, more="retries = 1;"))
    proxy = running.child("proxy")
    idle = running.client()
    running.wait_log("generation 1")
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 1, "a client")
    numbers = sorted(int(n) for n in os.listdir(f"/proc/{proxy}/fd"))
    gaps = set(range(numbers[-1])) - set(numbers)
    assert not gaps, "the limit is on the numbers, which have no gaps here"
    limit_descriptors(proxy, numbers[-1] + 1)
    response = idle.ask(GET)
    assert response.status == 503
    assert logged(running)[1:3] == ("503", "RC--")
    assert server.requests == []
    other = running.client()
    other.send(GET)
    other.expect_open(0.2)
    idle.close()
    assert other.read_response().status == 503, "it has the client's descriptor, and no more"
    other.close()


def pauses(running):
    found = re.search(r"accepting was paused (\d+) time", running.ctl("status").stdout)
    return int(found.group(1)) if found else 0


def test_out_of_descriptors_is_told_once(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), threads=2)
    proxy = running.child("proxy")
    limit_descriptors(proxy, len(os.listdir(f"/proc/{proxy}/fd")) + 20)
    clients = [running.client() for _ in range(100)]
    wire.wait_for(lambda: pauses(running) >= 8, "both workers to have tried again")
    told = [line for line in running.log() if "is paused: out of file descriptors" in line]
    assert len(told) == 1, told
    for client in clients:
        client.close()
    client = running.client()
    assert client.ask(GET).status == 200, "accepting goes on by itself"
    client.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_supervisor_without_descriptors(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    pid = running.process.pid
    highest = max(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    waiting = control(running)
    waiting.send(b"version")
    used, lines = cpu_seconds(pid), len(running.log())
    time.sleep(1)
    assert cpu_seconds(pid) - used < 0.3, "it does not spin"
    assert len(running.log()) - lines < 5, "nor fill the log"
    running.process.send_signal(signal.SIGHUP)
    running.wait_log("reload refused")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert b"pid" in waiting.recv(65536), "who waited is served"
    waiting.close()
    running.ctl("reload")


def dropped(running):
    found = re.search(r"(\d+) .*lines? .*dropped", running.ctl("status").stdout)
    return int(found.group(1)) if found else 0


def ask_many(running, count):
    """None of them waits for a log that nobody reads: it would do so for ever."""
    client = running.client()
    for number in range(count):
        path = f"/{number}/{'x' * 1000}"
        assert client.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    client.close()


class StuckPipe:
    """A FIFO, opened by a reader that does not read until drain()."""

    def __init__(self, path):
        self.path = str(path)
        os.mkfifo(self.path)
        os.chmod(self.path, 0o666)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, 4096)

    def drain(self):
        """What is there, or comes within a moment."""
        got = b""
        while wire.is_readable(self.fd, 0.05):
            data = os.read(self.fd, 65536)
            if not data:
                break
            got += data
        return got


def test_log_to_a_pipe_that_nobody_reads(start, origin, tmp_path):
    server = origin()
    pipe = StuckPipe(tmp_path / "pipe")
    running = start(config=daemon.CONFIG.format(
        folder="{folder}", listen="{listen}", threads=1, proxy="", timeouts="", top="", acls="",
        routes="", frontend="", log_format="haproxy",
        backends=daemon.backend("main", server.address)).replace(
            "file:{folder}/hpcbal.log", "file:" + pipe.path))
    ask_many(running, 1000)
    wire.wait_for(lambda: dropped(running) > 0, "the loss to be counted")
    # The supervisor does not wait either.
    running.ctl("reload")
    running.ctl("events")
    client, asked, text = running.client(), 1000, pipe.drain()

    def come_again():
        nonlocal asked, text
        assert client.ask(GET).status == 200
        asked += 1
        text += pipe.drain()
        return b'"GET / HTTP/1.1"' in text
    wire.wait_for(come_again, "lines to come again when somebody reads")
    client.close()

    def adds_up():
        nonlocal text
        text += pipe.drain()
        lost = asked - text.count(b'"GET /')
        return lost <= dropped(running) <= lost + 5
    wire.wait_for(adds_up, "what was not written to be counted")
    assert all(line.count(b'"GET /') <= 1 for line in text.splitlines()), "no line is torn"
    os.close(pipe.fd)


def test_log_to_a_stderr_that_nobody_reads(start, origin, tmp_path, monkeypatch):
    server = origin()
    pipe = StuckPipe(tmp_path / "pipe")
    popen = subprocess.Popen

    def with_pipe(*words, **options):
        if options.get("stderr") not in (subprocess.PIPE, None):
            options["stderr"] = os.open(pipe.path, os.O_WRONLY)
        return popen(*words, **options)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", with_pipe)
        running = start(config=daemon.CONFIG.format(
            folder="{folder}", listen="{listen}", threads=1, proxy="", timeouts="", top="",
            acls="", routes="", frontend="", log_format="haproxy",
            backends=daemon.backend("main", server.address)).replace(
                "file:{folder}/hpcbal.log", "stderr"))
    ask_many(running, 1000)
    wire.wait_for(lambda: dropped(running) > 0, "the loss to be counted")
    for _ in range(40):
        running.ctl("reload")
    assert running.json("status")["generation"] == 41
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    replaced(running, before)
    ask_many(running, 10)
    running.stop()  # which does not wait for the log either
    os.close(pipe.fd)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "hpcbal-test",
                           str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs the right to mount: " + done.stderr.strip())
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_log_on_a_full_disk(start, origin, small_disk):
    server = origin()
    path = small_disk / "hpcbal.log"
    running = start(config=daemon.CONFIG.format(
        folder="{folder}", listen="{listen}", threads=1, proxy="", timeouts="", top="", acls="",
        routes="", frontend="", log_format="haproxy",
        backends=daemon.backend("main", server.address)).replace(
            "file:{folder}/hpcbal.log", f"file:{path}"))
    ask_many(running, 300)  # lines are lost, not requests
    wire.wait_for(lambda: dropped(running) > 0, "the loss to be counted")
    assert re.search(r"^hpcbal_log_dropped_total [1-9]", running.ctl("metrics").stdout, re.M)
    os.truncate(path, 0)
    wire.wait_for(lambda: ask_many(running, 1) or path.stat().st_size > 0, "lines to come again")
    running.ctl("reload")
    ask_many(running, 5)


# --- the control socket ---

def control(running):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(wire.PATIENCE)
    sock.connect(os.path.join(running.folder, "control.sock"))
    return sock


def test_log_over_the_limit_of_file_sizes(start, origin):
    """RLIMIT_FSIZE, as of LimitFSIZE=: a signal to die comes with it."""
    running = start(daemon.backend("main", origin().address))
    proxy = running.child("proxy")
    size = os.stat(os.path.join(running.folder, "hpcbal.log")).st_size
    limit(proxy, f"--fsize={size}:")
    client = running.client()
    assert client.ask(GET).status == 200
    wire.wait_for(lambda: dropped(running) > 0, "the loss to be counted")
    limit(proxy, "--fsize=unlimited:")
    assert client.ask(GET).status == 200, "the same connection, of the same proxy"
    client.close()
    running.wait_log(r'main/main1 .*"GET / HTTP/1.1"')


def test_control_clients_that_say_nothing_or_do_not_listen(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    silent = [control(running) for _ in range(12)]
    assert running.json("status")["node"] == "test"
    deaf = [control(running) for _ in range(4)]
    for sock in deaf:
        sock.send(b"events")
    for sock in [control(running) for _ in range(4)]:
        sock.send(b"reload")
        sock.close()
    running.ctl("reload")
    running.ctl("events")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()
    for sock in silent + deaf:
        sock.close()


def test_control_socket_with_too_many_clients(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    held = os.listdir(f"/proc/{running.process.pid}/fd")
    socks = []
    for _ in range(300):
        try:
            socks.append(control(running))
        except (BlockingIOError, socket.timeout, ConnectionError):
            break
    time.sleep(0.2)
    assert len(os.listdir(f"/proc/{running.process.pid}/fd")) < len(held) + 150
    for sock in socks:
        sock.close()
    wire.wait_for(lambda: running.ctl("version", check=False).returncode == 0, "room again")
    wire.wait_for(lambda: len(os.listdir(f"/proc/{running.process.pid}/fd")) <= len(held),
                  "the descriptors to come back")


@pytest.mark.parametrize("data", [
    b"reload\0now", b"\0reload", b"reload\n", b"RELOAD", b"status\0a\0b\0c", b"servers\0\xff\xfe",
    b"x" * 60000, b"\0" * 1000, bytes(range(256))])
def test_control_words_that_are_none(start, origin, data):
    server = origin()
    running = start(daemon.backend("main", server.address))
    with control(running) as sock:
        try:
            sock.send(data)
            got = sock.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            got = b""
    assert len(got) < 4096
    status = running.json("status")
    assert (status["node"], status["generation"]) == ("test", 1)
