"""Checks by a program: what it is told, how it ends, and whom it is run by."""
import os
import shutil
import signal
import tempfile

import pytest

import daemon
import wire

# What it does stands in a file for each server; without one it is well.
PROGRAM = """\
#!/bin/sh
cd "{folder}" || exit 9
{first}
do=do.$HPCBAL_SERVER
[ -e "$do" ] && . "./$do"
exit 0
"""


class Program:
    """In a folder that the runner's user reaches, whoever that is."""

    def __init__(self, first=""):
        self.folder = tempfile.mkdtemp(dir="/tmp", prefix="hpcbal-e2e-")
        os.chmod(self.folder, 0o777)
        self.path = os.path.join(self.folder, "check")
        self.write("check", PROGRAM.format(folder=self.folder, first=first), 0o755)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)

    def do(self, server, text):
        self.write(f"do.{server}", text + "\n")

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def check(self, more='interval = "50ms"; timeout = "20s"; fall = 2; rise = 2;'):
        return f'check: {{ external = "{self.path}"; {more} }};'


@pytest.fixture
def program():
    made = []

    def make(first=""):
        made.append(Program(first))
        return made[-1]
    yield make
    for one in made:
        # One that was killed with the daemon may have a command under way.
        wire.wait_for(lambda: shutil.rmtree(one.folder, ignore_errors=True)
                      or not os.path.exists(one.folder), "its folder to go")


def nowhere():
    return ("127.0.0.1", wire.free_port())


def reason(running, server="main1"):
    return running.server("main", server)["check"]["reason"]


def wait_reason(running, part, server="main1"):
    try:
        wire.wait_for(lambda: part in reason(running, server), f"{server}: {part}")
    except AssertionError as fault:
        raise AssertionError(f"{fault}; it is {reason(running, server)!r}\n"
                             f"{running.words()}") from None


def wait_replaced(running, before):
    return wire.wait_for(lambda: running.child("runner") not in (None, before) and
                         running.child("runner"), "a new runner")


def test_what_the_program_is_told(program, start):
    told = program('{ echo "$@"; env | sort | grep -v PWD=; id -u; } >told.new; mv told.new told\n'
                   'echo "all well"; echo "no more"')
    address, other = nowhere(), nowhere()
    running = start(daemon.backend("main", address, more=told.check(
        f'port = {other[1]}; timeout = "7s"; interval = "1m";'),
        server_more="max_connections = 9;"))
    assert running.server("main", "main1")["state"] == "UP"
    *lines, user = told.read("told").splitlines()
    assert lines == [
        f"NOT_USED NOT_USED 127.0.0.1 {other[1]}",
        "HAPROXY_PROXY_ADDR=NOT_USED", "HAPROXY_PROXY_NAME=main", "HAPROXY_PROXY_PORT=NOT_USED",
        "HAPROXY_SERVER_ADDR=127.0.0.1", "HAPROXY_SERVER_MAXCONN=9", "HAPROXY_SERVER_NAME=main1",
        f"HAPROXY_SERVER_PORT={other[1]}",
        "HPCBAL_ADDRESS=127.0.0.1", "HPCBAL_BACKEND=main", f"HPCBAL_PORT={other[1]}",
        "HPCBAL_SERVER=main1", "HPCBAL_TIMEOUT_MS=7000",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    assert user != "0"
    assert reason(running).startswith("exited with status 0 in ")
    assert reason(running).endswith(": all well")
    assert not [line for line in running.log() if "all well" in line and "said" in line]


def test_how_it_ends_decides(program, start):
    mood = program()
    running = start(daemon.backend("main", nowhere(), nowhere(), more=mood.check()))
    mood.do("main1", "echo; echo 'queue is \033full'; echo more; exit 3")
    running.wait_server("main", "main1", "DOWN")
    assert reason(running) == "exited with status 3: queue is ?full"
    history = running.json("servers", "main/main1")["servers"][0]["checks"]
    assert history[0]["reason"] == "exited with status 3: queue is ?full"
    running.wait_log(r"main/main1 is DOWN: exited with status 3: queue is \?full "
                     r"\(2 failures in a row, \d+ ms\); 1 of 2 servers of main are up")
    wire.wait_for(lambda: "main/main1 is DOWN: exited with status 3"
                  in running.ctl("events").stdout, "the event")
    mood.do("main1", "kill -SEGV $$")
    wait_reason(running, "killed by SIGSEGV")
    mood.do("main1", "exit 0")
    running.wait_server("main", "main1", "UP")
    os.unlink(mood.path)
    running.wait_server("main", "main1", "DOWN")
    wait_reason(running, "cannot be started: No such file or directory")
    assert running.child("runner")


def test_time_limit(program, start):
    slow = program()
    slow.do("main1", "echo I wait; sleep 1000 & echo $! >left; sleep 1000")
    running = start(daemon.backend("main", nowhere(), nowhere(), more=slow.check(
        'interval = "300ms"; timeout = "300ms"; fall = 2; rise = 1;')))
    assert running.server("main", "main1")["state"] == "DOWN"
    wait_reason(running, "did not end within 300 ms, killed: I wait")

    def all_are_dead():
        left = slow.read("left").strip()
        try:
            os.kill(int(left), 0)
        except (ProcessLookupError, ValueError):
            return True
        return False
    slow.do("main1", "exit 0")
    running.wait_server("main", "main1", "UP")
    wire.wait_for(all_are_dead, "what it started to be dead")


def test_runner_dies_under_checks(program, start):
    """Who is asked meanwhile is not answered, and that says nothing of the server."""
    steady = program("echo x >>begun")
    running = start(daemon.backend("main", nowhere(), more=steady.check(
        'interval = "50ms"; timeout = "1s"; fall = 1; rise = 1;')))
    for _ in range(3):
        before = running.child("runner")
        os.kill(before, signal.SIGKILL)
        wait_replaced(running, before)
        seen = len(steady.read("begun"))
        wire.wait_for(lambda: len(steady.read("begun")) > seen + 4, "checks by the successor")
    assert not [line for line in running.log() if "is DOWN" in line]
    steady.do("main1", "exit 1")
    running.wait_server("main", "main1", "DOWN")


def test_runner_hangs_under_checks(program, start):
    """As if it were dead, and then it is: who hangs is replaced."""
    steady = program("echo x >>begun")
    running = start(daemon.backend("main", nowhere(), more=steady.check(
        'interval = "50ms"; timeout = "500ms"; fall = 1; rise = 1;')))
    runner = running.child("runner")
    daemon.freeze(runner)
    line = running.wait_log("health check of server main/main1 could not be made")
    assert "the runner process did not answer within 1500 ms; its state stays" in line
    assert running.server("main", "main1")["state"] == "UP"
    running.wait_log(rf"runner \(pid {runner}\): its main thread hangs since more than 2 s")
    wait_replaced(running, runner)
    seen = len(steady.read("begun"))
    wire.wait_for(lambda: len(steady.read("begun")) > seen + 4, "checks by the successor")
    wait_reason(running, "exited with status 0")
    assert not [line for line in running.log() if "main1 is DOWN" in line]


def test_reload_brings_a_runner_and_takes_it(program, start):
    """The first checks belong to the transaction, whose runner is as new as they are."""
    named = program()
    named.do("main2", "echo not yet; exit 1")
    address, other = nowhere(), nowhere()
    running = start(daemon.backend("main", address))
    assert running.child("runner") is None
    running.write_config(backends=daemon.backend("main", address, other, more=named.check()))
    running.ctl("reload")
    assert running.server("main", "main1")["state"] == "UP"
    assert running.server("main", "main2")["state"] == "DOWN"
    assert reason(running, "main2") == "exited with status 1: not yet"
    assert running.child("runner")
    second = program()
    second.do("main1", "echo the second says so; exit 1")
    running.write_config(backends=daemon.backend("main", address, other, more=second.check()))
    running.ctl("reload")
    running.wait_server("main", "main2", "UP")
    running.wait_server("main", "main1", "DOWN")
    assert reason(running) == "exited with status 1: the second says so"
    running.write_config(backends=daemon.backend("main", address, other))
    running.ctl("reload")
    assert running.server("main", "main1")["state"] == "UP"
    wire.wait_for(lambda: running.child("runner") is None, "the runner to go")


def test_refused_reload_changes_no_check(program, start):
    named = program("echo x >>begun")
    address = nowhere()
    good = daemon.backend("main", address, more=named.check())
    running = start(good)
    running.write_config(backends=daemon.backend("main", address, more=(
        'check: { external = "/nowhere/check"; };')))
    refused = running.ctl("reload", check=False)
    assert refused.returncode != 0
    assert '"/nowhere/check" cannot be run: No such file or directory' in (
        refused.stdout + refused.stderr)
    seen = len(named.read("begun"))
    wire.wait_for(lambda: len(named.read("begun")) > seen + 4, "checks as before")


def test_many_servers_are_no_storm(program, start):
    """A server's program never runs twice at a time, and no more together than the runner takes."""
    busy = program('mkdir "run.$HPCBAL_SERVER" || echo "$HPCBAL_SERVER" >>twice\n'
                   'ls -d run.* | wc -l >>counts\n'
                   'sleep 0.2\n'
                   'rmdir "run.$HPCBAL_SERVER"; echo "$HPCBAL_SERVER" >>over')
    servers = [nowhere() for _ in range(100)]
    running = start(daemon.backend("main", *servers, more=busy.check(
        'interval = "10ms"; timeout = "60s";')))
    states = [s["state"] for b in running.json("status")["backends"]
              for s in b["servers_detail"]]
    assert states == ["UP"] * 100
    wire.wait_for(lambda: len(busy.read("over").split()) > 200, "a second round", 60)
    assert busy.read("twice") == ""
    counts = [int(n) for n in busy.read("counts").split()]
    assert 8 < max(counts) <= 64
