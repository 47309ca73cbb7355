"""The supervisor with the real proxy: its files, its signals, its log, and bad moments."""
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

import daemon
import hold
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def ask(running):
    client = running.client()
    try:
        return client.ask(GET)
    finally:
        client.close()


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


# --- files ---


def test_control_socket_is_for_few(start, origin):
    running = start(daemon.backend("main", origin().address))
    mode = os.stat(os.path.join(running.folder, "control.sock")).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    with open(os.path.join(running.folder, "hpcbald.pid"), encoding="ascii") as f:
        assert int(f.read()) == running.process.pid


def test_stale_socket_and_pidfile_are_in_nobodys_way(start, origin, tmp_path):
    server = origin()
    running = start(daemon.backend("main", server.address))
    children = list(running.children())
    running.process.kill()
    running.process.wait()
    wire.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children),
                  "the children to leave")
    assert os.path.exists(os.path.join(running.folder, "control.sock"))
    running.notify.close()
    running.start()
    assert ask(running).status == 200


def test_relative_configuration_of_a_daemon(tmp_path, origin):
    first, second = origin(name="first"), origin(name="second")
    made = daemon.Daemon(tmp_path / "d", daemon.backend("main", first.address))
    subprocess.run([os.path.join(daemon.build_folder(), "hpcbald"), "-f", "hpcbal.conf"],
                   cwd=made.folder, stdin=subprocess.DEVNULL, check=True, timeout=30)
    try:
        assert ask(made).body == b"first"
        made.write_config(backends=daemon.backend("main", second.address))
        made.ctl("reload")
        assert ask(made).body == b"second"
    finally:
        pid = made.json("status")["pid"]
        os.kill(pid, signal.SIGTERM)
        wire.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the daemon to leave", 20)


def test_address_in_use_names_frontend_and_holder(tmp_path, origin):
    taken = origin()
    made = daemon.Daemon(tmp_path / "d", daemon.backend("main", taken.address),
                         listen=taken.address)
    with pytest.raises(AssertionError, match="before READY=1"):
        made.start()
    made.process = None
    said = made.stderr()
    assert f"frontend front cannot listen on 127.0.0.1:{taken.address[1]}" in said
    assert f"(pid {os.getpid()}) listens there" in said


def test_role_is_no_option():
    done = subprocess.run([os.path.join(daemon.build_folder(), "hpcbald"), "--role", "proxy"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=30)
    assert done.returncode == 2
    assert "--role" in done.stderr


# --- signals ---


def test_second_sigterm_ends_the_grace(start, origin):
    server = origin()
    server.answer = lambda request, connection: connection.read_to_end(60) and None
    running = start(daemon.backend("main", server.address), proxy='grace = "60s";')
    client = running.client()
    client.send(GET)
    server.expect_requests(1)
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert running.process.poll() is None, "the request has its grace"
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    client.close()


def test_started_with_all_signals_blocked(start, origin):
    """As by a program that has them in a thread of their own: it stops and reloads all the same."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        running = start(daemon.backend("main", origin().address))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    running.process.send_signal(signal.SIGHUP)
    running.wait_log("reloaded .*: generation 2")
    running.stop()


def test_log_is_opened_again(start, origin):
    running = start(daemon.backend("main", origin().address))
    assert ask(running).status == 200
    log = os.path.join(running.folder, "hpcbal.log")
    running.wait_log('"GET / HTTP/1.1"')
    os.rename(log, log + ".1")
    running.process.send_signal(signal.SIGUSR1)
    wire.wait_for(lambda: os.path.exists(log), "a new log")
    for _ in range(3):
        assert ask(running).status == 200
        time.sleep(0.1)
    assert running.wait_log('"GET / HTTP/1.1"')


def test_stopped_supervisor_blames_nobody(start, origin):
    """Both stood still, as in a machine that was suspended: the proxy is not killed for it."""
    running = start(daemon.backend("main", origin().address))
    proxy = running.child("proxy")
    daemon.freeze(running.process.pid)
    daemon.freeze(proxy)
    time.sleep(4)
    running.process.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    os.kill(proxy, signal.SIGCONT)
    time.sleep(1.5)
    assert ask(running).status == 200
    assert running.child("proxy") == proxy


# --- a thread that hangs ---


@pytest.fixture
def stop():
    """Stops one thread alone until the test is over."""
    holds = []
    yield lambda tid: holds.append(hold.Hold(tid))
    for held in holds:
        held.let_go()


@pytest.mark.parametrize("name", ["main", "health", "worker 0", "worker 1"])
def test_any_hung_thread_is_noticed(start, origin, stop, name):
    running = start(daemon.backend("main", origin().address), threads=2)
    proxy = running.child("proxy")
    stop(hold.thread_of(proxy, name))
    wire.wait_for(lambda: running.child("proxy") not in (None, proxy), "a new proxy",
                  8 * wire.SLOWDOWN)
    running.first_proxy = running.child("proxy")
    assert ask(running).status == 200
    running.wait_log(rf"\(pid {proxy}\): its {name}( thread)? hangs")
    running.wait_log(rf"\(pid {proxy}\) killed by SIG(ABRT|KILL)")


# --- the log's target ---


class Syslog:
    def __init__(self, path):
        self.path = path
        self.open()

    def open(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.settimeout(0.2)
        self.sock.bind(self.path)

    def close(self):
        self.sock.close()
        os.unlink(self.path)

    def wait(self, word, poke, patience=12 * wire.SLOWDOWN):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            poke()
            try:
                while word not in self.sock.recv(8192).decode():
                    pass
                return
            except socket.timeout:
                pass
        raise AssertionError(f"syslog never got {word!r}")


def syslog_daemon(start, origin, path):
    config = daemon.CONFIG.replace("file:{folder}/hpcbal.log", path)
    made = start(config=config.format(
        threads=1, proxy="", timeouts="", top="", acls="", routes="", frontend="",
        log_format="haproxy", folder="{folder}", listen="{listen}",
        backends=daemon.backend("main", origin().address)))
    return made


def test_syslog_that_comes_later_and_again(start, origin, tmp_path):
    path = str(tmp_path / "dev-log")
    running = syslog_daemon(start, origin, path)
    assert "is a syslog daemon running?" in running.stderr()
    assert ask(running).status == 200
    syslog = Syslog(path)
    syslog.wait('"GET / HTTP/1.1"', lambda: ask(running))
    syslog.close()
    syslog.open()
    syslog.wait('"GET / HTTP/1.1"', lambda: ask(running))
    syslog.close()


# --- bad moments ---


def test_proxy_killed_in_the_middle_of_reloads(start, origin):
    running = start(daemon.backend("main", origin().address), threads=2)
    assert ask(running).status == 200
    time.sleep(0.3)
    files = open_files(running.process.pid)
    over = threading.Event()

    def kill():
        while not over.wait(0.15):
            pid = running.child("proxy")
            if pid:
                os.kill(pid, signal.SIGKILL)
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        ends = [running.ctl("reload", check=False) for _ in range(20)]
    finally:
        over.set()
        killer.join()
    for done in ends:
        assert done.returncode in (0, 1), done.stderr
        assert done.returncode == 0 or "died on the way" in done.stderr, done.stderr
    # The last one may have been killed a moment ago.
    wire.wait_for(lambda: running.ctl("reload", check=False).returncode == 0, "a reload")
    assert ask(running).status == 200
    generation = running.json("status")["generation"]
    assert generation >= 2
    running.first_proxy = running.child("proxy")
    wire.wait_for(lambda: open_files(running.process.pid) == files, "nothing to stay open")


def test_reloads_from_many_clients_at_once(start, origin):
    running = start(daemon.backend("main", origin().address))
    ends = []
    threads = [threading.Thread(target=lambda: ends.append(running.ctl("reload", check=False)))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in ends] == [0] * 12
    assert all(re.fullmatch(r"reloaded: generation \d+\n", done.stdout) for done in ends)


def test_clients_that_say_or_read_nothing(start, origin):
    running = start(daemon.backend("main", origin().address))
    files = open_files(running.process.pid)
    path = os.path.join(running.folder, "control.sock")
    silent = []
    for _ in range(100):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(path)
        silent.append(sock)
    assert running.json("status")["generation"] == 1
    for sock in silent:
        try:
            sock.send(b"events")
        except OSError:
            pass
    assert running.json("status")["generation"] == 1
    for sock in silent:
        sock.close()
    wire.wait_for(lambda: open_files(running.process.pid) <= files, "the clients to be forgotten")


@pytest.fixture
def by_a_user(origin):
    """Starts a daemon as nobody, by way of these words."""
    if os.getuid() != 0:
        pytest.skip("only root can become a user")
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(os.path.join(daemon.build_folder(), "hpcbald"), folder)
        made = daemon.Daemon(os.path.join(folder, "d"), daemon.backend("main", origin().address))
        os.chown(made.folder, nobody.pw_uid, nobody.pw_gid)

        def run(*words, **parts):
            if parts:
                made.write_config(**parts)
            with open(os.path.join(made.folder, "stderr"), "wb") as stderr:
                made.process = subprocess.Popen(
                    ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}",
                     "--clear-groups", *words, program, "-F", "-f", made.path],
                    stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, cwd="/")
            wire.wait_for(lambda: "serving" in made.stderr(), "the daemon to serve",
                          daemon.READY_PATIENCE)
            return made
        yield run
        if made.process:
            made.process.terminate()
            assert made.process.wait(20) == 0


def test_run_by_a_user(by_a_user):
    assert ask(by_a_user()).status == 200


def test_few_open_files_are_shared_with_the_servers(by_a_user):
    """Clients take no more descriptors than leave one for a server each: who is in is served."""
    running = by_a_user("prlimit", "--nofile=100:100")
    assert ("needs 8449 open files, but only 100 are allowed, which is enough for 25 connections"
            in running.stderr())
    held = [running.client() for _ in range(150)]
    assert held[0].ask(GET).status == 200
    assert "as the limit of open files allows" in running.wait_log("is paused")
    for client in held:
        client.close()
    assert ask(running).status == 200


def test_with_all_clients_that_fit_there_are_files_for_all_else(by_a_user, origin):
    """220 clients fit into 700 files. All of them are in, and have left as many idle connections
    to each of two servers; then all ask a third one at once, over both workers. Each is served,
    checks go on, and so do the admin's commands and the log."""
    first, second, slow = origin(name="first"), origin(name="second"), origin(name="slow")
    over, held = threading.Event(), threading.Barrier(220)
    for server in (first, second):
        server.answer = lambda request, connection: (
            request.target == "/check" or held.wait(60 * wire.SLOWDOWN),
            wire.answer(b"idle"))[1]
    slow.answer = lambda request, connection: over.wait(60 * wire.SLOWDOWN) and wire.answer(b"in")
    checked = 'check: { http = "GET /check"; interval = "100ms"; timeout = "20s"; };'
    running = by_a_user("prlimit", "--nofile=700:700", threads=2, backends=", ".join((
        daemon.backend("main", ("127.0.0.1", 1)), daemon.backend("slow", slow.address),
        daemon.backend("first", first.address, more=checked),
        daemon.backend("second", second.address))),
        routes=", ".join('{ when = "path /%s"; backend = "%s"; }' % (name, name)
                         for name in ("first", "second", "slow")))
    assert "which is enough for 220 connections of clients" in running.stderr()
    clients = [running.client() for _ in range(260)]
    inside = clients[:220]
    for path in ("/first", "/second"):
        for client in inside:
            client.send(GET.replace("/ ", path + " "))
        for client in inside:
            assert client.read_response().body == b"idle"
    for client in inside:
        client.send(GET.replace("/ ", "/slow "))
    wire.wait_for(lambda: len(slow.requests) == 220, "all of them to be at the server",
                  20 * wire.SLOWDOWN)
    assert open_files(running.child("proxy")) < 700
    checks = len(first.requests)
    wire.wait_for(lambda: len(first.requests) > checks + 3, "checks to go on")
    assert running.server("first", "first1")["state"] == "UP"
    assert running.json("status")["frontends"][0]["connections"] == 220
    over.set()
    for client in inside:
        assert client.read_response().body == b"in"
    assert not [line for line in running.log() if "RC--" in line or "too many open" in line]
    for client in clients:
        client.close()
