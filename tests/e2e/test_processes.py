"""The processes: what happens when one dies, hangs, stops or runs out of something."""
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
POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"


def replaced(running, before):
    """Waits for the successor of a proxy and makes it the known one."""
    def look():
        pid = running.child("proxy")
        return pid if pid not in (None, before) else None
    running.first_proxy = wire.wait_for(look, "a new proxy")
    return running.first_proxy


def test_killed_proxy_comes_back_and_nobody_is_refused(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    assert client.ask(GET).status == 200
    total = running.server("main", "main1")["requests_total"]
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    for _ in range(20):
        waiting = running.client()
        assert waiting.ask(GET).status == 200
        waiting.close()
    replaced(running, before)
    assert running.server("main", "main1")["requests_total"] == total + 20, "counters go on"
    running.wait_log(rf"{before}.*(SIGKILL|[Kk]illed|signal 9)")
    client.close()


def test_killed_proxy_keeps_what_was_known_of_servers(start, origin):
    up = origin()
    dead = ("127.0.0.1", wire.free_port())
    check = 'check: { tcp = true; interval = "100ms"; timeout = "5s"; fall = 2; };'
    running = start(daemon.backend("main", up.address, dead, more=check))
    running.wait_server("main", "main2", "DOWN")
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    replaced(running, before)
    assert running.server("main", "main1")["state"] == "UP"
    assert running.server("main", "main2")["state"] == "DOWN"


def test_proxy_that_keeps_dying_is_started_ever_later(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    for _ in range(5):
        before = running.child("proxy")
        begun = time.monotonic()
        os.kill(before, signal.SIGKILL)
        wire.wait_for(lambda: running.child("proxy") not in (None, before), "a new proxy", 20)
        gap = time.monotonic() - begun
    assert gap > 0.8
    running.wait_log("started again in 800 ms")
    running.first_proxy = running.child("proxy")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()


def test_hung_proxy_is_killed(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    before = running.child("proxy")
    begun = time.monotonic()
    daemon.freeze(before)
    wire.wait_for(lambda: running.child("proxy") not in (None, before), "a new proxy",
                  10 * wire.SLOWDOWN)
    assert time.monotonic() - begun > 1.5
    running.first_proxy = running.child("proxy")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()


def test_aborted_proxy_leaves_a_core(start, origin):
    """What a proxy that hangs gets: although it changed its user, there is something to read."""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as f:
        if os.getuid() != 0 or wire.SLOWDOWN != 1 or f.read(1) in ("|", "\n"):
            pytest.skip("cores are not files here, or not allowed, or a sanitizer forbids them")
    running = start(daemon.backend("main", origin().address))
    before = running.child("proxy")
    os.kill(before, signal.SIGABRT)
    running.wait_log(rf"\(pid {before}\) killed by SIGABRT \(core dumped\)")
    replaced(running, before)


def test_children_leave_when_the_supervisor_is_killed(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    children = list(running.children())
    running.process.kill()
    running.process.wait()
    wire.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children),
                  "the children to leave")
    running.process = None


def test_clean_stop_finishes_running_requests(start, origin):
    server = origin()
    go = threading.Event()
    server.answer = lambda request, connection: go.wait(20) and wire.answer(b"finished")
    running = start(daemon.backend("main", server.address))
    idle, busy = running.client(), running.client()
    busy.send(GET)
    server.expect_requests(1)
    running.process.send_signal(signal.SIGTERM)
    running.wait_notify("STOPPING=1")
    idle.expect_closed()
    with pytest.raises(OSError):
        wire.wait_for(lambda: running.client().close(), "the port to be closed")
    go.set()
    response = busy.read_response()
    assert response.body == b"finished"
    busy.expect_closed()
    assert running.process.wait(daemon.STOP_PATIENCE) == 0


def test_clean_stop_ends_after_the_grace(start, origin):
    server = origin()
    server.answer = lambda request, connection: connection.read_to_end(60) and None
    running = start(daemon.backend("main", server.address), proxy='grace = "700ms";')
    client = running.client()
    client.send(GET)
    server.expect_requests(1)
    begun = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    assert 0.6 < time.monotonic() - begun < 25, "it is not that of the default, 30 s"
    client.close()


def test_notify_protocol(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    running.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in running.wait_notify("RELOADING=1")
    running.wait_notify("READY=1")
    running.process.send_signal(signal.SIGTERM)
    running.wait_notify("STOPPING=1")
    assert running.process.wait(daemon.STOP_PATIENCE) == 0


def test_watchdog(start, origin, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    server = origin()
    running = start(daemon.backend("main", server.address))
    for _ in range(3):
        running.wait_notify("WATCHDOG=1")


def test_daemon_mode(tmp_path, origin):
    server = origin()
    made = daemon.Daemon(tmp_path / "d", daemon.backend("main", server.address))
    done = subprocess.run([os.path.join(daemon.build_folder(), "hpcbald"), "-f", made.path],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 0, done.stderr
    pid = made.json("status")["pid"]
    try:
        client = made.client()
        assert client.ask(GET).status == 200, "it is ready when the command returns"
        client.close()
        written = [name for name in os.listdir(made.folder) if name.endswith(".pid")]
        assert len(written) == 1
        with open(os.path.join(made.folder, written[0]), encoding="ascii") as f:
            assert int(f.read()) == pid
        assert os.getsid(pid) != os.getsid(0)
    finally:
        os.kill(pid, signal.SIGTERM)
    wire.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the daemon to leave", 20)
    left = set(os.listdir(made.folder)) - {"hpcbal.conf", "hpcbal.log"}
    assert not left, "it takes its socket and pidfile with it"


def test_second_daemon_at_the_same_address(start, origin, tmp_path):
    server = origin()
    running = start(daemon.backend("main", server.address))
    second = daemon.Daemon(tmp_path / "second", daemon.backend("main", server.address),
                           listen=running.address)
    with pytest.raises(AssertionError, match="in use"):
        second.start()
    assert second.process.wait(10) != 0
    second.process = None
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()


def test_bad_configuration_at_start(tmp_path):
    made = daemon.Daemon(tmp_path / "d", daemon.backend("main", ("127.0.0.1", 1)),
                         routes='{ when = "path_beg /"; backend = "mian"; }')
    with pytest.raises(AssertionError, match="before READY=1"):
        made.start()
    assert made.process.wait(10) == 1
    assert re.search(r"hpcbal\.conf:\d+: .*mian.*main", made.stderr())
    made.process = None


def test_out_of_descriptors(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    proxy = running.child("proxy")
    held = len(os.listdir(f"/proc/{proxy}/fd"))
    # As the proxy's own user: root in a container may not.
    owner = os.stat(f"/proc/{proxy}")
    subprocess.run(["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}",
                    "--clear-groups", "prlimit", "--pid", str(proxy),
                    f"--nofile={held + 20}:{held + 20}"], check=True)
    sockets = [socket.create_connection(running.address) for _ in range(60)]
    running.wait_log("out of file descriptors")
    time.sleep(0.3)
    assert sum("out of file descriptors" in line for line in running.log()) == 1, "it is said once"
    for sock in sockets:
        sock.close()
    wire.wait_for(lambda: len(os.listdir(f"/proc/{proxy}/fd")) <= held + 5, "room again")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()


def test_connections_over_the_limit_wait(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), proxy="max_connections = 3;")
    held = [running.client() for _ in range(3)]
    for client in held:
        assert client.ask(GET).status == 200
    waiting = running.client()
    waiting.send(GET)
    waiting.expect_open(0.3)
    held[0].close()
    assert waiting.read_response().status == 200
    for client in held[1:] + [waiting]:
        client.close()


def test_proxy_runs_without_rights(start, origin):
    if os.getuid() != 0:
        pytest.skip("only a daemon started as root has rights to drop")
    server = origin()
    running = start(daemon.backend("main", server.address))
    with open(f"/proc/{running.child('proxy')}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def board_kib(pid):
    """How much of the proxy's board is in memory."""
    with open(f"/proc/{pid}/smaps", encoding="ascii") as f:
        text = f.read().split("hpcbal-proxy", 1)[1]
    return int(re.search(r"^Rss:\s*(\d+) kB", text, re.M).group(1))


def test_what_is_not_configured_takes_no_memory(start, origin):
    """The board has room for 4096 servers; who looks at it leaves what is empty alone."""
    running = start(daemon.backend("main", origin().address))
    for words in (["status"], ["servers"], ["--json", "servers"], ["metrics"], ["reload"]):
        running.ctl(*words)
    assert running.client().ask(GET).status == 200
    proxy = running.child("proxy")
    assert board_kib(proxy) < 1024
    os.kill(proxy, signal.SIGKILL)
    proxy = replaced(running, proxy)
    assert running.client().ask(GET).status == 200
    assert board_kib(proxy) < 1024
