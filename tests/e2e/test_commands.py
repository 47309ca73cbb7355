"""hpcbald and hpcbalctl as commands: words, exit statuses, JSON, the log."""
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

import daemon
import wire

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "man",
                      "hpcbal.conf.5.in")
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def run(program, *words, **environment):
    return subprocess.run([os.path.join(daemon.build_folder(), program), *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          env=dict(os.environ, **environment), check=False)


@pytest.mark.parametrize("program", ["hpcbald", "hpcbalctl"])
def test_version_and_help(program):
    assert re.search(r"\b0\.\d+\.\d+\b", run(program, "--version").stdout)
    done = run(program, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {program} ")


@pytest.mark.parametrize("words", [["--nonsense"], ["-f"], ["one", "two"]])
def test_wrong_usage_of_the_daemon(words):
    done = run("hpcbald", *words)
    assert done.returncode == 2
    assert done.stderr


@pytest.mark.parametrize("words", [[], ["statsu"], ["status", "too", "much"], ["--nonsense"],
                                   ["-s"]])
def test_wrong_usage_of_the_control_program(words):
    done = run("hpcbalctl", *words)
    assert done.returncode == 2
    assert done.stderr


@pytest.mark.parametrize("command", ["status", "servers", "vrrp", "demote", "promote", "reload",
                                     "events", "metrics"])
def test_no_daemon(tmp_path, command):
    done = run("hpcbalctl", "-s", str(tmp_path / "nobody"), command)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    by_environment = run("hpcbalctl", command, HPCBAL_SOCKET=str(tmp_path / "nobody"))
    assert by_environment.returncode == 3


def test_check(tmp_path):
    good = daemon.Daemon(tmp_path / "good", daemon.backend("main", ("127.0.0.1", 1)))
    for command in (["hpcbald", "--check", "-f", good.path], ["hpcbalctl", "check", good.path]):
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    bad = daemon.Daemon(tmp_path / "bad", daemon.backend("main", ("127.0.0.1", 1)),
                        timeouts='clent = "30s";')
    for command in (["hpcbald", "--check", "-f", bad.path], ["hpcbalctl", "check", bad.path]):
        done = run(*command)
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert re.search(rf"{re.escape(bad.path)}:\d+: .*clent.*client", said)


def test_status_json(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address,
                                   more='check: { http = "GET /"; interval = "100ms";'
                                        ' timeout = "5s"; };'))
    client = running.client()
    assert client.ask(GET).status == 200
    running.wait_log(r'"GET / HTTP/1.1"')  # by then it is counted
    status = running.json("status")
    assert set(status) >= {"node", "version", "pid", "uptime_s", "generation", "config", "vrrp",
                           "frontends", "backends"}
    assert status["node"] == "test"
    assert status["pid"] == running.process.pid
    assert status["config"]["file"] == running.path
    assert re.fullmatch(r"[0-9a-f]{64}", status["config"]["sha256"])
    front = status["frontends"][0]
    assert front["name"] == "front"
    assert front["bind"] == ["%s:%d" % running.address]
    assert (front["connections"], front["requests_total"]) == (1, 1)
    back = status["backends"][0]
    assert (back["name"], back["balance"], back["servers_up"], back["servers"]) == (
        "main", "roundrobin", 1, 1)
    detail = back["servers_detail"][0]
    assert (detail["name"], detail["state"], detail["weight"], detail["requests_total"]) == (
        "main1", "UP", 100, 1)
    assert detail["address"] == "%s:%d" % server.address
    assert set(detail["check"]) >= {"last", "status", "duration_ms", "reason"}
    assert detail["check"]["status"] == 200
    client.close()


def test_listings_for_people(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address)
                    + "," + daemon.backend("other", server.address))
    for word in ("front", "main", "other", "test"):
        assert word in running.ctl("status").stdout
    everything = running.ctl("servers").stdout
    assert "main1" in everything and "other1" in everything
    one = running.ctl("servers", "other").stdout
    assert "other1" in one and "main1" not in one
    done = running.ctl("servers", "nowhere", check=False)
    assert done.returncode == 1 and "nowhere" in done.stderr
    assert run("hpcbalctl", "version", HPCBAL_SOCKET=f"{running.folder}/control.sock").stdout


HAPROXY_LINE = re.compile(
    r"127\.0\.0\.1:\d+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] front main/main1 "
    r"\d+/\d+/\d+/\d+/\d+ 200 \d+ - - ---- \d+/\d+/\d+/\d+/\d+ \d+/\d+ "
    r"\"GET /x\?y HTTP/1\.1\" id=\w{32}$")


def test_access_log_in_haproxys_format(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    assert client.ask(GET.replace(" / ", " /x?y ")).status == 200
    client.close()
    assert HAPROXY_LINE.search(running.wait_log(r"GET /x\?y"))


def test_access_log_in_json(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), log_format="json")
    client = running.client()
    assert client.ask('GET /"\\ HTTP/1.1\r\nHost: a\r\n\r\n').status == 200
    client.close()
    entry = json.loads(running.wait_log(r'^\{.*GET'))
    assert entry["status"] == 200
    assert entry["target"] == '/"\\'
    with open(MANUAL, encoding="utf-8") as f:
        manual = f.read()
    missing = [key for key in entry if f'"{key}"' not in manual]
    assert not missing, "keys that the manual does not know"


def test_events_are_followed_over_a_restart_of_the_daemon(start, origin, tmp_path):
    running = start(daemon.backend("main", origin().address))
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        follower = subprocess.Popen(
            [os.path.join(daemon.build_folder(), "hpcbalctl"), "-s",
             f"{running.folder}/control.sock", "events", "-f"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def wait(name, text, count=1):
        wire.wait_for(lambda: (tmp_path / name).read_text().count(text) == count,
                      f"{count} of {text!r} in {name}")
    try:
        wait("out", "generation 1\n")
        running.ctl("drain", "main/main1", "--why", "the first")
        wait("out", "by hand: the first\n")
        running.stop()
        wait("err", "; it is waited for\n")
        running.start()
        wait("err", " answers again\n")
        running.ctl("drain", "main/main1", "--why", "the second")
        wait("out", "by hand: the second\n")
        wait("out", "generation 1\n", 2)
        wait("out", "by hand: the first\n")
        assert follower.poll() is None
    finally:
        follower.terminate()
        follower.wait()


LINES = {
    "haproxy": r'127\.0\.0\.1:\d+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] front main/main1 '
               r'[-\d]+/[-\d]+/[-\d]+/[-\d]+/\d+ 200 \d+ - - ---- \d+/\d+/\d+/\d+/\d+ \d+/\d+ '
               r'"GET /n(\d+) HTTP/1\.1" id=\w{32}$',
    "json": r'(?=\{.*"status": ?200)\{.*"/n(\d+)".*\}$',
    "combined": r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}\] '
                r'"GET /n(\d+) HTTP/1\.1" 200 \d+ "-" "-" "\w{32}"$',
}


@pytest.mark.parametrize("form", LINES)
def test_log_that_is_rotated_under_load_loses_nothing(start, origin, form):
    """As logrotate does: moved away, then SIGUSR1. Every request has its line, whole, and once."""
    server = origin()
    running = start(daemon.backend("main", server.address), log_format=form, threads=2)
    log = f"{running.folder}/hpcbal.log"
    number, over = itertools.count(), threading.Event()
    sent = []

    def ask():
        client = running.client()
        while not over.is_set():
            n = next(number)
            assert client.ask(f"GET /n{n} HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
            sent.append(n)
        client.close()
    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for turn in range(1, 5):
            wire.wait_for(lambda: os.path.exists(log) and os.path.getsize(log) > 2000,
                          "some lines in the log")
            os.rename(log, f"{log}.{turn}")
            running.process.send_signal(signal.SIGUSR1)
    finally:
        over.set()
        for thread in asking:
            thread.join()
    seen = re.compile(LINES[form])

    def logged():
        found = []
        for name in [f"{log}.{turn}" for turn in range(1, 5)] + [log]:
            if os.path.exists(name):
                with open(name, encoding="utf-8") as f:
                    found += [int(m.group(1)) for m in map(seen.search, f.read().split("\n")) if m]
        return sorted(found)
    wire.wait_for(lambda: len(logged()) >= len(sent), f"{len(sent)} lines")
    assert logged() == sorted(sent)
    assert "hpcbal_log_dropped_total 0\n" in running.ctl("metrics").stdout


def test_log_file_that_is_moved_away(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    path = os.path.join(running.folder, "hpcbal.log")
    os.rename(path, path + ".1")
    running.ctl("reload")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()
    running.wait_log(r'"GET / HTTP/1\.1"')


def test_bad_request_is_logged(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    client.send("GET / HTTP/1.1\r\nHost: a\r\nBad Name\x1b: x\r\n\r\n")
    assert client.read_response().status == 400
    client.close()
    line = running.wait_log(r" 400 .* PR--")
    assert "\x1b" not in line


def test_control_socket_survives_nonsense(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    for data in (b"", b"\0", b"x" * 4096, b"status\0" * 100, b"nonsense", b"\xff\xfe"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.connect(os.path.join(running.folder, "control.sock"))
            if data:
                sock.send(data)
    assert running.json("status")["node"] == "test"
    wire.wait_for(lambda: running.process.poll() is None, "it to live")
