"""drain, maint, ready and weight: what administrators do to servers while clients come and go."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def pair(start, origin):
    """Two servers, and a daemon before them."""
    one, two = origin(name="one"), origin(name="two")
    running = start(daemon.backend("main", one.address, two.address))
    running.one, running.two = one, two
    return running


def answers(running, count=6):
    """Who answers, each time to another client."""
    said = set()
    for _ in range(count):
        client = running.client()
        said.add(client.ask(GET).body)
        client.close()
    return said


class Busy:
    """A request that main1 answers when it is let go on."""

    def __init__(self, pair):
        self.asked, self.go_on = threading.Event(), threading.Event()
        pair.ctl("drain", "main/main2")
        pair.one.answer = self.answer
        self.client = pair.client()
        self.client.send(GET)
        assert self.asked.wait(wire.PATIENCE)
        pair.ctl("ready", "main/main2")

    def answer(self, request, connection):
        self.asked.set()
        assert self.go_on.wait(wire.PATIENCE)
        return wire.answer(b"late")


def drain_and_wait(pair):
    return subprocess.Popen(
        [os.path.join(daemon.build_folder(), "hpcbalctl"), "-s",
         os.path.join(pair.folder, "control.sock"), "drain", "main/main1", "--wait"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


@pytest.mark.parametrize("command, state, word", [
    ("drain", "DRAIN", "is drained"), ("maint", "MAINT", "is in maintenance")])
def test_out_and_back(pair, command, state, word):
    assert answers(pair) == {b"one", b"two"}
    said = pair.ctl(command, "main/main1", "--why", "a new kernel").stdout
    assert said.startswith(f"main/main1 {word}: ")
    assert answers(pair) == {b"two"}
    assert pair.server("main", "main1")["state"] == state
    assert re.search(rf"^main/main1 .* {state} .* by hand \w+ ago: a new kernel$",
                     pair.ctl("servers").stdout, re.M)
    assert re.search(rf"^(what is wrong:)?\n?  main/main1 {word} by hand \w+ ago: a new kernel$",
                     pair.ctl("status").stdout, re.M)
    row = pair.json("servers")["servers"][0]
    assert row["taken_out"]["why"] == "a new kernel"
    assert row["taken_out"]["until"] is None
    assert pair.ctl("ready", "main/main1").stdout == "main/main1 is ready again\n"
    assert answers(pair) == {b"one", b"two"}
    assert pair.json("servers")["servers"][0]["taken_out"] is None
    assert pair.ctl("ready", "main/main1").stdout == "main/main1 was ready already\n"
    events = wire.wait_for(lambda: "server main/main1 is ready again by hand" in (
        said := pair.ctl("events").stdout) and said, "the events")
    assert f"server main/main1 {word} by hand: a new kernel" in events
    assert events.count("server main/main1 is ready again by hand") == 1


def test_what_runs_goes_on(pair):
    """A request under way, and a kept connection's next one, which goes elsewhere."""
    busy = Busy(pair)
    said = pair.ctl("maint", "main/main1").stdout
    assert said.endswith("; still running there: 1\n"), said
    busy.go_on.set()
    assert busy.client.read_response().body == b"late"
    assert busy.client.ask(GET).body == b"two"


def test_wait(pair):
    busy = Busy(pair)
    with drain_and_wait(pair) as waits:
        assert waits.stdout.readline().startswith("main/main1 is drained: ")
        with pytest.raises(subprocess.TimeoutExpired):
            waits.wait(1)
        busy.go_on.set()
        assert waits.wait(wire.PATIENCE) == 0
        assert re.fullmatch(r"nothing runs there any more, after \S+\n", waits.stdout.read())
    assert busy.client.read_response().body == b"late"
    said = pair.ctl("maint", "main/main1", "--wait").stdout
    assert said.endswith("goes there\nnothing runs there\n"), said


def test_wait_ends_when_it_is_made_ready(pair):
    busy = Busy(pair)
    with drain_and_wait(pair) as waits:
        waits.stdout.readline()
        pair.ctl("ready", "main/main1")
        assert waits.wait(wire.PATIENCE) == 1
        assert waits.stderr.read() == \
            "hpcbalctl: main/main1 was made ready while it was waited for\n"
    busy.go_on.set()


def test_for_a_time(pair):
    said = pair.ctl("maint", "main/main1", "--for", "1h").stdout
    assert said.startswith("main/main1 is in maintenance for 1h: ")
    row = pair.json("servers")["servers"][0]
    assert row["state"] == "MAINT" and row["taken_out"]["until"] is not None
    began = time.monotonic()
    pair.ctl("maint", "main/main1", "--for", "1s")
    pair.wait_server("main", "main1", "UP")
    assert time.monotonic() - began >= 1
    assert answers(pair) == {b"one", b"two"}
    wire.wait_for(lambda: "server main/main1 is ready again: the time that was given is over"
                  in pair.ctl("events").stdout, "the event")


def test_the_last_one(pair):
    pair.ctl("drain", "main/main1")
    said = pair.ctl("drain", "main/main2").stdout
    assert said.endswith("; main has no other server that can take requests: they get 503 now\n")
    assert pair.client().ask(GET).status == 503


def test_it_outlives_a_reload_and_a_proxy(pair):
    pair.ctl("maint", "main/main1", "--why", "disk")
    pair.ctl("drain", "main/main2", "--for", "1h")
    pair.write_config(backends=daemon.backend("main", pair.one.address, pair.two.address,
                                              more="retries = 2;"))
    pair.ctl("reload")
    for _ in range(2):
        rows = pair.json("servers")["servers"]
        assert [row["state"] for row in rows] == ["MAINT", "DRAIN"]
        assert rows[0]["taken_out"]["why"] == "disk"
        assert rows[1]["taken_out"]["until"] is not None
        assert pair.client().ask(GET).status == 503
        before = pair.child("proxy")
        os.kill(before, signal.SIGKILL)
        pair.first_proxy = wire.wait_for(
            lambda old=before: pair.child("proxy") not in (None, old) and pair.child("proxy"),
            "another proxy")
    wire.wait_for(lambda: pair.ctl("ready", "main/main1", check=False).returncode == 0,
                  "the proxy to take commands")
    pair.wait_server("main", "main1", "UP")
    assert answers(pair) == {b"one"}


def test_one_that_left_the_configuration_comes_back_ready(pair):
    pair.ctl("maint", "main/main1")
    pair.write_config(backends=daemon.backend("main", pair.two.address))
    pair.ctl("reload")
    pair.write_config(backends=daemon.backend("main", pair.one.address, pair.two.address))
    pair.ctl("reload")
    assert answers(pair) == {b"one", b"two"}


def test_weight(pair):
    def share():
        said = [pair.client().ask(GET).body for _ in range(12)]
        return said.count(b"one"), said.count(b"two")
    assert share() == (6, 6)
    said = pair.ctl("weight", "main/main1", "50").stdout
    assert said == "main/main1 has weight 50 until the next reload; the configuration says 100\n"
    assert share() == (4, 8)
    assert pair.server("main", "main1")["weight"] == 50
    before = pair.child("proxy")
    os.kill(before, signal.SIGKILL)
    pair.first_proxy = wire.wait_for(
        lambda: pair.child("proxy") not in (None, before) and pair.child("proxy"),
        "another proxy")
    pair.wait_server("main", "main1", "UP")
    assert pair.server("main", "main1")["weight"] == 50
    wire.wait_for(lambda: pair.ctl("weight", "main/main1", "0", check=False).returncode == 0,
                  "the proxy to take commands")
    assert share() == (0, 12)
    pair.ctl("reload")
    assert pair.server("main", "main1")["weight"] == 100
    assert share() == (6, 6)


@pytest.mark.parametrize("words, status, said", [
    (("drain",), 2, "usage: hpcbalctl drain BACKEND/SERVER; servers shows them all"),
    (("drain", "main"), 2, "usage: hpcbalctl drain BACKEND/SERVER; servers shows them all"),
    (("ready", "a/b/c"), 2, "usage: hpcbalctl ready BACKEND/SERVER; servers shows them all"),
    (("maint", "mian/main1"), 1, 'no backend is called "mian"; there are main'),
    (("maint", "main/web"), 1, 'main has no server "web"; it has main1, main2'),
    (("drain", "main/main1", "--for", "5"), 2,
     '--for "5" is no time; did you mean "5s"?'),
    (("drain", "main/main1", "--why", ""), 2, "--why takes a line of at most 127 bytes"),
    (("drain", "main/main1", "--why", "a\nb"), 2, "--why takes a line of at most 127 bytes"),
    (("drain", "main/main1", "--why", "x" * 128), 2, "--why takes a line of at most 127 bytes"),
    (("ready", "main/main1", "--why", "x"), 2,
     "ready takes no --why: it is an option of drain and maint"),
    (("status", "--wait"), 2, "status takes no --wait: it is an option of drain and maint"),
    (("weight", "main/main1"), 2,
     "usage: hpcbalctl weight BACKEND/SERVER N; servers shows them all"),
    (("weight", "main/main1", "-1"), 2, None),
    (("weight", "main/main1", "257"), 1, "257 is no weight; write 0 to 256"),
])
def test_mistakes(pair, words, status, said):
    done = pair.ctl(*words, check=False)
    assert done.returncode == status
    assert done.stdout == ""
    if said:
        assert done.stderr in (f"hpcbalctl: {said}\n", f"{said}\n")
    assert [row["state"] for row in pair.json("servers")["servers"]] == ["UP", "UP"]


def test_rubbish_at_the_control_socket(pair):
    """What no hpcbalctl would send does nothing."""
    path = os.path.join(pair.folder, "control.sock")
    for words in (b"drain", b"drain\0main/main1", b"drain\0main/main1\0x", b"drain\0\0\0",
                  b"weight\0main/main1\0" + b"9" * 30, b"maint\0/\0000", b"ready\0main/",
                  b"ready", b"maint\0", b"weight", b"explain", b"explain\0GET", b"limits\0x",
                  b"sessions\0x", b"kill"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.connect(path)
            sock.send(words)
            kinds = []
            while packet := sock.recv(65536):
                kinds.append(packet[:1])
            assert kinds == [b"e", b"x"], (words, kinds)
    assert [row["state"] for row in pair.json("servers")["servers"]] == ["UP", "UP"]
    assert json.dumps(pair.json("status"))
