"""hpcbalctl top, in a terminal: what it shows, its keys, and that it gives the terminal back."""
import os
import re
import signal
import subprocess

import pytest

import daemon
import terminal
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHECK = 'check: { tcp = true; interval = "300ms"; timeout = "5s"; };'


@pytest.fixture
def running(start, origin):
    """Two backends, in one of which a server is down."""
    one, two = origin(name="one"), origin(name="two")
    gone = ("127.0.0.1", wire.free_port())
    return start(daemon.backend("main", one.address, gone, more=CHECK) + ", " +
                 daemon.backend("other", two.address))


def words_of(running, *more):
    return [os.path.join(daemon.build_folder(), "hpcbalctl"), "-s",
            os.path.join(running.folder, "control.sock"), "top", *more]


@pytest.fixture
def top():
    made = []

    def run(running, interval="200ms", words=None, **options):
        words = words or words_of(running, "--interval", interval)
        made.append(terminal.Terminal(words, **options))
        return made[-1]
    yield run
    for one in made:
        one.close()


def test_it_shows_what_goes_on(running, top):
    running.wait_server("main", "main2", "DOWN")
    shown = top(running, columns=140)
    # What is wrong stands on top.
    shown.wait(r"\Ahpcbal test +\d\d:\d\d:\d\d +up [^\n]*\n"
               r"main/main2 is DOWN since [^\n]*connection refused")
    shown.wait(r"^main +1/2 ")
    shown.wait(r"^main/main1 +UP .* passed ")
    shown.wait(r"^main/main2 +DOWN .* failed .*: connection refused$")
    shown.wait(r"^other/other1 +UP .* no check$")
    shown.wait(r"^EVENTS")
    shown.wait(r"proxy: server main/main2 is DOWN")
    assert shown.color_of("main/main2 is DOWN") == "red"
    assert shown.color_of("1/2") in ("yellow", "brown")
    client = running.client()

    def counted():
        for _ in range(5):
            assert client.ask(GET).status == 200
        text = shown.text()
        return all(re.search(pattern, text, re.M) for pattern in (
            r"^[1-9][\d.]*k? requests/s, .* p50 [\d.]+m?s", r"^front +1 +[1-9]",
            r"^main/main1 +UP +\w+ +100 +\d+ +0 +[1-9]"))
    wire.wait_for(counted, "rates and latencies")
    client.close()
    running.ctl("drain", "main/main1", "--why", "a new kernel")
    shown.wait(r"^main/main1 is drained by hand \w+ ago: a new kernel")
    shown.wait(r"^main/main1 +DRAIN ")


def test_keys(running, top):
    running.wait_server("main", "main2", "DOWN")
    shown = top(running)
    shown.wait(r"s:file$")
    shown.wait(r"^main/main1[^/]*\nmain/main2")
    shown.type("sssss")
    shown.wait(r"s:state$")
    shown.wait(r"^SERVER.*\nmain/main2")
    shown.type("r")
    shown.wait(r"s:state \(r\)$")
    shown.wait(r"^other/other1[^\n]*\nmain/main1[^\n]*\nmain/main2")
    shown.type("/oth")
    shown.wait(r"^/oth_")
    shown.wait(r"^main/main1 ", absent=True)
    shown.wait(r"^other/other1 ")
    shown.type("\n")
    shown.wait(r" /oth$")
    shown.type("\x1b")
    shown.wait(r"^main/main1 ")
    shown.type("?")
    shown.wait(r"^KEYS\n")
    shown.type("?p")
    shown.wait(r"^hpcbal test +PAUSED ")
    running.ctl("drain", "other/other1")
    with pytest.raises(AssertionError):
        wire.wait_for(lambda: "DRAIN" in shown.text(), "a change", patience=1)
    shown.type("p")
    shown.wait(r"^other/other1 +DRAIN ")
    shown.wait(r"PAUSED", absent=True)
    shown.type("q")
    assert shown.wait_end() == 0
    assert shown.is_restored()


def test_sizes(running, top):
    running.wait_server("main", "main2", "DOWN")
    shown = top(running, columns=40, lines=10)
    shown.wait(r"^main/main2 is DOWN")
    shown.wait(r"q:quit")
    assert "SERVER" not in shown.text(), "it does not fit"
    shown.type("G")
    shown.wait(r"^\d+-(\d+)/\1 ")
    shown.type("g")
    shown.wait(r"^1-\d+/\d+ ")
    shown.type("\x1b[6~")  # page down
    shown.wait(r"^[2-9]\d*-\d+/\d+ ")
    shown.type("\x1b[5~")
    shown.wait(r"^1-\d+/\d+ ")
    shown.type("\x1b[B")
    shown.wait(r"^2-\d+/\d+ ")
    shown.type("\x1b[A")
    shown.wait(r"^1-\d+/\d+ ")
    shown.resize(200, 50)
    shown.wait(r"^SERVER +STATE +FOR +WEIGHT .* CHECK$")
    shown.wait(r"^1-(\d+)/\1 ")
    shown.resize(30, 24)
    shown.wait(r"^SERVER +STATE[^\n]{0,20}$")
    for columns, lines in ((1, 1), (2, 3), (5, 2), (300, 4)):
        shown.resize(columns, lines)
        shown.read()
    shown.resize(100, 30)
    shown.wait(r"^main/main1 +UP ")
    shown.type("q")
    assert shown.wait_end() == 0


def test_the_daemon_goes_and_comes_back(running, top):
    shown = top(running, columns=120)
    shown.wait(r"^main/main1 +UP ")
    running.stop()
    shown.wait(r"^no answer from hpcbald for \S+, what is shown is old: no daemon at")
    shown.wait(r"^main/main1 +UP ")
    running.start()
    shown.wait(r"^no answer", absent=True)
    shown.wait(r"^main/main1 +UP ")
    client = running.client()
    wire.wait_for(lambda: client.ask(GET).status == 200 and
                  re.search(r"^[1-9][\d.]* requests/s", shown.text(), re.M), "rates again")
    client.close()


def test_the_proxy_dies(running, top):
    shown = top(running, columns=160)
    shown.wait(r"^main/main1 +UP ")
    os.kill(running.child("proxy"), signal.SIGKILL)
    shown.wait(r"^the proxy was started again 1 time; the last one ended: .*SIGKILL")
    running.first_proxy = None


@pytest.mark.parametrize("end, status", [
    (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP), (signal.SIGINT, 0)])
def test_a_signal_ends_it_and_the_terminal_is_as_before(running, top, end, status):
    shown = top(running, kind="xterm", interval="1h")
    wire.wait_for(lambda: b"main1" in (shown.read() or shown.raw), "the screen")
    assert not shown.is_restored()
    assert b"\x1b[?1049h" in shown.raw
    shown.process.send_signal(end)
    assert shown.wait_end() == status
    assert b"\x1b[?1049l" in shown.raw, "the screen that was there before is back"
    assert shown.is_restored()


def test_control_z_and_control_c(running, top):
    """In a shell with job control, since who has none cannot be stopped."""
    command = " ".join(words_of(running, "--interval", "200ms"))
    shown = top(running, words=["bash", "-m", "-c", f"{command}; echo stopped: $?; read -r x; "
                                "fg; echo ended: $?"])
    shown.wait(r"^main/main1 +UP ")
    shown.type("\x1a")
    shown.wait(r"^stopped: 148$")
    assert shown.is_restored()
    shown.type("\n")
    shown.wait(r"s:file$")
    assert not shown.is_restored()
    shown.type("s")
    shown.wait(r"s:requests$")
    shown.type("\x03")
    shown.wait_end()
    assert "ended: 0" in shown.text()
    assert shown.is_restored()


@pytest.mark.parametrize("controlling", [True, False])
def test_a_terminal_that_goes_ends_it(running, top, controlling):
    shown = top(running, controlling=controlling)
    shown.wait(r"^main/main1 +UP ")
    os.close(shown.slave)
    os.close(shown.master)
    shown.master = shown.slave = None
    wire.wait_for(lambda: shown.process.poll() is not None, "it to end")


@pytest.mark.parametrize("kind, environment", [("vt100", {}), ("linux", {"NO_COLOR": "1"})])
def test_without_colors(running, top, kind, environment):
    running.wait_server("main", "main2", "DOWN")
    shown = top(running, kind=kind, **environment)
    wire.wait_for(lambda: b"main/main2" in (shown.read() or shown.raw), "the screen")
    assert not re.search(rb"\x1b\[(\d+;)*[34][0-8]m", shown.raw), shown.raw


@pytest.mark.parametrize("kind, said", [
    ("no-such-terminal", 'top does not know the terminal "no-such-terminal"'),
    ("dumb", 'the terminal "dumb" cannot move its cursor')])
def test_terminals_that_cannot_draw(running, top, kind, said):
    shown = top(running, kind=kind)
    assert shown.wait_end() == 1
    lines = shown.raw.decode().split("\r\n")
    assert lines[0].startswith("hpcbalctl: " + said) and lines[1:] == [""], shown.raw
    assert shown.is_restored()


@pytest.mark.parametrize("words, status, said", [
    ([], 2, "top needs a terminal, and standard output is none"),
    (["--interval", "5"], 2, '--interval "5" is no time'),
    (["--interval", "10ms"], 2, '--interval "10ms" is out of range; it is 100ms to 1h'),
    (["--interval", "2h"], 2, "is out of range"),
    (["--interval"], 2, "--interval takes a time"),
    (["--json"], 2, "top gives no JSON"),
    (["main"], 2, '"main" is too much')])
def test_wrong_usage(running, words, status, said):
    done = running.ctl("top", *words, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_where_no_daemon_is(top, tmp_path):
    class Nobody:
        folder = str(tmp_path)
    shown = top(Nobody)
    assert shown.wait_end() == 3
    assert shown.raw.startswith(b"hpcbalctl: no daemon at "), shown.raw
    assert shown.is_restored()
    done = subprocess.run(words_of(Nobody)[:-1] + ["status", "--interval", "1s"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "it is an option of top" in done.stderr
