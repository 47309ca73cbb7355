"""Another program takes the daemon's place while clients of every kind are at work."""
import collections
import itertools
import os
import platform
import re
import shutil
import signal
import ssl
import subprocess
import threading

import pytest

import daemon
import h2wire
import pki
import test_external_checks
import test_h125_h127_tls as tls
import test_h128_h142_websocket as websocket
import wire
from pki import TlsClient
from traffic import Ledger, Traffic

CHECK = 'check: { tcp = true; interval = "1s"; timeout = "5s"; };'
TIMEOUTS = 'client = "20s"; server = "20s"; keep_alive = "5m"; '
WS = {"acls": 'is_ws = "hdr(Upgrade) -i websocket";',
      "routes": '{ when = "is_ws"; backend = "ws"; }', "timeouts": TIMEOUTS}


class Installed(daemon.Daemon):
    """A daemon whose program is a file of its own, as a package manager would replace it."""

    def __init__(self, folder, *arguments, **parts):
        super().__init__(folder, *arguments, **parts)
        self.program = os.path.join(self.folder, "hpcbald")
        self.install()

    def install(self, change=None):
        """A new file takes the place of the old one, as dpkg does it."""
        fresh = self.program + ".new"
        shutil.copy2(os.path.join(daemon.build_folder(), "hpcbald"), fresh)
        if change:
            change(fresh)
        os.rename(fresh, self.program)

    def install_text(self, text, mode=0o755):
        with open(self.program + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(self.program + ".new", mode)
        os.rename(self.program + ".new", self.program)

    def upgrade(self):
        done = self.ctl("upgrade")
        self.first_proxy = None
        return done

    def running_inode(self):
        return os.stat(f"/proc/{self.process.pid}/exe").st_ino

    def roles(self, role):
        return [pid for pid, words in self.children().items() if f"--role {role}" in words]

    def wait_alone(self):
        wire.wait_for(lambda: len(self.roles("proxy")) == 1, "the old proxies to be through", 30)


@pytest.fixture(name="install")
def fixture_install(tmp_path):
    made = []

    def install(*arguments, **parts):
        made.append(Installed(tmp_path / f"daemon{len(made)}", *arguments, **parts))
        return made[-1].start()
    yield install
    for one in made:
        one.stop()


def get(path="/1", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n"


def tunnel_through(running):
    client = running.client()
    client.send(websocket.handshake())
    assert client.read_response_head().status == 101
    return client


def speaks(tunnel, word):
    tunnel.send(word)
    return tunnel.read_exactly(len(word)) == word.upper()


def test_another_program_takes_over(install, origin):
    """Same pid, the new file; a request that runs, an idle client and a tunnel go on; a new client
    is served; the manager is told, and no counter goes back."""
    server, go = origin(), threading.Event()
    held = threading.Event()

    def reply(request, connection):
        if request.target == "/ws":
            return websocket.switch(request, connection)
        if request.target == "/held":
            held.set()
            go.wait(60 * wire.SLOWDOWN)
        return wire.answer(request.target.encode())
    server.answer = reply
    running = install(",".join([daemon.backend("main", server.address, more=CHECK),
                                daemon.backend("ws", server.address)]), **WS)
    pid, proxy = running.process.pid, running.child("proxy")
    idle, busy, tunnel = running.client(), running.client(), tunnel_through(running)
    assert idle.ask(get("/idle")).status == 200
    busy.send(get("/held"))
    assert held.wait(20 * wire.SLOWDOWN)
    before = running.running_inode()
    running.install()
    done = running.upgrade()
    assert "took over" in done.stdout and "connections end in the old proxy" in done.stdout
    assert running.running_inode() != before and running.process.pid == pid
    assert running.running_inode() == os.stat(running.program).st_ino
    running.wait_notify("READY=1")
    with open(os.path.join(running.folder, "hpcbald.pid"), encoding="ascii") as f:
        assert int(f.read()) == pid
    assert proxy in running.roles("proxy") and len(running.roles("proxy")) == 2
    fresh = running.client()
    assert not fresh.ask(get("/fresh")).has("Connection")
    go.set()
    assert busy.read_response().one("Connection") == b"close"
    busy.expect_closed()
    response = idle.ask(get("/again"))
    assert response.body == b"/again" and response.one("Connection") == b"close"
    idle.expect_closed()
    assert speaks(tunnel, b"still here")
    wire.wait_for(lambda: running.json("status")["old_proxies"] == {"count": 1, "connections": 1},
                  "the tunnel to be all that is left")
    assert "1 connection ends in an old proxy" in running.ctl("status").stdout
    metrics = running.ctl("metrics").stdout.splitlines()
    assert "hpcbal_old_proxies 1" in metrics and "hpcbal_old_connections 1" in metrics
    wire.wait_for(lambda: running.server("main", "main1")["requests_total"] == 4,
                  "what the old proxy counted", 10)
    tunnel.close()
    running.wait_alone()
    wire.wait_for(lambda: running.json("status")["old_proxies"] == {"count": 0, "connections": 0},
                  "status to say so")
    assert "took over from" in running.ctl("events").stdout
    for client in (idle, busy, fresh):
        client.close()


# --- what is refused ---

# exit_group(1), which leaves no core behind.
ENDS = {"x86_64": bytes.fromhex("bf01000000b8e70000000f05"),
        "aarch64": bytes.fromhex("200080d2c80b80d2010000d4")}


def ends_in(path, function):
    """A copy of the program that ends as soon as it comes to `function`."""
    names = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    address = next(int(line.split()[0], 16) for line in names.splitlines()
                   if line.split()[-1] == function)
    heads = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True)
    for line in heads.stdout.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, start, size = (int(words[at], 16) for at in (1, 2, 4))
            if start <= address < start + size:
                with open(path, "r+b") as f:
                    f.seek(offset + address - start)
                    f.write(ENDS[platform.machine()])
                return
    raise AssertionError(f"{function} is in no segment")


def refused(running, *words):
    """Nothing has changed: same children, same program, and the client of before is served."""
    before, inode = running.children(), running.running_inode()
    generation = running.json("status")["generation"]
    client = running.client()
    assert client.ask(get("/before")).status == 200
    done = running.ctl("upgrade", check=False)
    assert done.returncode == 1 and done.stdout == "", done
    for word in words:
        assert word in done.stderr, done.stderr
    assert running.children() == before, f"{done.stderr}{running.words()}"
    assert running.running_inode() == inode
    assert running.json("status")["generation"] == generation
    response = client.ask(get("/after"))
    assert response.status == 200 and not response.has("Connection")
    client.close()
    running.wait_notify("READY=1")
    return done.stderr


needs_machine = pytest.mark.skipif(platform.machine() not in ENDS,
                                   reason="nobody wrote down how a program ends on this machine")


@needs_machine
def test_a_program_that_is_none_changes_nothing(install, origin):
    running = install(daemon.backend("main", origin().address))
    running.install_text("#!/bin/sh\nexit 0\n", 0o644)
    refused(running, "cannot be executed")
    running.install_text("#!/bin/sh\nexit 3\n")
    refused(running, running.program, "cannot be used", "loader process failed")
    shutil.copy("/bin/false", running.program + ".new")
    os.rename(running.program + ".new", running.program)
    refused(running, running.program, "cannot be used", "exited with status 1")
    os.unlink(running.program)
    refused(running, "No such file")
    os.mkdir(running.program)
    refused(running, "it is no file")
    os.rmdir(running.program)
    # The trial: a program that reads the file, but knows nothing of an upgrade.
    running.install(lambda path: ends_in(path, "trial_main"))
    refused(running, "cannot take over", "restart hpcbald")
    running.install()
    running.upgrade()
    running.wait_alone()


def test_a_configuration_that_the_new_one_refuses_changes_nothing(install, origin):
    running = install(daemon.backend("main", origin().address))
    running.write_config(timeouts="nonsense = 1;")
    refused(running, "nonsense")
    text = open(running.path, encoding="utf-8").read().replace("nonsense = 1;", "")
    running.write_config(text.replace("control.sock", "other.sock"))
    refused(running, "the control socket cannot change")


@needs_machine
@pytest.mark.parametrize("function", ["proxy_main", "generation_publish", "web_main"])
def test_a_new_child_that_dies_has_the_old_program_back(install, origin, function):
    """Behind the step: the new supervisor brings up its own, and one of them cannot."""
    admin = 'admin: { listen = "127.0.0.1:%d"; };' % wire.free_port()
    running = install(daemon.backend("main", origin().address, more=CHECK), top=admin)
    running.ctl("drain", "main/main1", "--why", "for this test")
    running.ctl("ready", "main/main1")
    running.install(lambda path: ends_in(path, function))
    for _ in range(2):
        said = refused(running, "process died on the way")
        assert "admin" in said if function == "web_main" else "proxy" in said
    assert any("upgrade refused" in line for line in running.ctl("events").stdout.splitlines())
    running.ctl("reload")
    running.install()
    running.upgrade()
    running.wait_alone()
    assert running.json("status")["generation"] == 3


@pytest.fixture(name="slow")
def fixture_slow(install, origin):
    """A daemon in the middle of an upgrade: the new proxy waits for a first check, which hangs.
    `go` ends that."""
    server, mute, go = origin(), origin(), threading.Event()

    def reply(_request, _connection):
        go.wait(60 * wire.SLOWDOWN)
        return wire.answer(b"")
    mute.answer = reply
    running = install(daemon.backend("main", server.address, more=CHECK))
    running.before = running.children()
    running.write_config(backends=",".join([
        daemon.backend("main", server.address, more=CHECK),
        daemon.backend("mute", mute.address, more='check: { http = "GET /"; timeout = "60s"; };')]))
    running.result = []
    running.asked = threading.Thread(
        target=lambda: running.result.append(running.ctl("upgrade", check=False)))
    running.asked.start()
    wire.wait_for(lambda: len(running.roles("proxy")) == 2, "the new proxy")
    mute.expect_requests(1)
    yield running, go
    go.set()
    running.asked.join()


def test_while_the_new_proxy_comes_up_the_old_one_serves(slow):
    """The log's target is opened anew, commands are answered, and what came meanwhile is done."""
    running, go = slow
    client = running.client()
    assert not client.ask(get("/meanwhile")).has("Connection")
    done = running.ctl("drain", "main/main1", check=False)
    assert done.returncode == 1 and "an upgrade is under way" in done.stderr
    assert running.server("main", "main1")["state"] == "UP"
    log = os.path.join(running.folder, "hpcbal.log")
    os.rename(log, log + ".1")
    running.process.send_signal(signal.SIGUSR1)
    wire.wait_for(lambda: os.path.exists(log), "the log to be opened anew")
    running.process.send_signal(signal.SIGHUP)
    go.set()
    running.asked.join()
    running.first_proxy = None
    assert running.result[0].returncode == 0, running.result
    wire.wait_for(lambda: running.json("status")["generation"] == 3, "the reload behind it")
    assert client.ask(get("/last")).one("Connection") == b"close"
    client.close()
    running.wait_alone()


@pytest.mark.parametrize("role", ["proxy", "second proxy"])
def test_a_proxy_that_dies_meanwhile_ends_the_upgrade(slow, role):
    running, _ = slow
    (old,) = running.before
    (fresh,) = set(running.roles("proxy")) - {old}
    os.kill(old if role == "proxy" else fresh, signal.SIGKILL)
    running.asked.join()
    assert running.result[0].returncode == 1 and "died" in running.result[0].stderr
    wire.wait_for(lambda: running.child("proxy"), "a proxy")
    running.first_proxy = None
    client = running.client()
    assert client.ask(get("/after")).status == 200
    client.close()
    assert (running.child("proxy") == old) == (role != "proxy")
    assert running.json("status")["generation"] == 1


def test_a_stop_meanwhile_is_carried_out(slow):
    running, _ = slow
    client = running.client()
    assert client.ask(get("/1")).status == 200
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    client.expect_closed()
    client.close()
    assert not os.path.exists(os.path.join(running.folder, "control.sock"))
    assert not os.path.exists(os.path.join(running.folder, "hpcbald.pid"))


# --- load ---

ROUNDS = 10 * int(os.environ.get("HPCBAL_TEST_SCALE", "1"))


def test_ten_upgrades_under_load(install, origin):
    """No request fails, no idle client is reset, no tunnel cut, no count is lost; and what was set
    by hand stays."""
    ledger = Ledger()
    main, other, ws = [ledger.serve(origin(name=name)) for name in ("main", "other", "ws")]
    running = install(",".join([
        daemon.backend("main", main.address, other.address, more=CHECK),
        daemon.backend("ws", ws.address)]), threads=2, **WS)
    running.ctl("drain", "main/main2", "--why", "a disk")
    running.ctl("weight", "main/main1", "7")
    traffic = Traffic(running.client, tunnels=5, idle=10, kept=2, fresh=2, upload=1, download=1)
    pid = running.process.pid
    try:
        for turn in range(ROUNDS):
            running.install()
            running.upgrade()
            seen = len(traffic.answered)
            wire.wait_for(lambda: len(traffic.answered) > seen + 20, "traffic", 30)  # noqa: B023
    finally:
        traffic.stop()
    traffic.use_idle_ones()
    assert traffic.faults == []
    assert not ledger.doubled() and ledger.at["other"] == 0
    assert len(traffic.answered) > 200 and traffic.echoes > 10
    assert running.process.pid == pid
    assert running.json("status")["generation"] == ROUNDS + 1
    servers = {s["name"]: s for s in running.json("servers", "main")["servers"]}
    assert servers["main2"]["state"] == "DRAIN"
    assert servers["main2"]["taken_out"]["why"] == "a disk"
    assert servers["main1"]["weight"] == 7 and servers["main1"]["state"] == "UP"
    for client in traffic.idle:
        client.expect_closed()
    traffic.close()
    running.wait_alone()
    wire.wait_for(lambda: running.server("main", "main1")["requests_total"] == ledger.at["main"],
                  "the sum of what all of them counted", 10)
    assert not any("DOWN" in line for line in running.log())


def descriptors(pid):
    """Of what kinds; a program that was replaced is one still."""
    return collections.Counter(
        re.sub(":.*| .deleted.$", "", name) for name in daemon.files_of(pid))


@needs_machine
def test_upgrades_leave_nothing_behind(install, origin):
    """Neither those that succeed nor those that go back."""
    running = install(daemon.backend("main", origin().address))
    running.upgrade()
    running.wait_alone()
    wire.wait_for(lambda: running.json("status")["old_proxies"]["count"] == 0,
                  "the supervisor to let the old one go")
    before, supervisor = descriptors(running.process.pid), running.process.pid
    for _ in range(5):
        running.upgrade()
        running.install(lambda path: ends_in(path, "proxy_main"))
        assert running.ctl("upgrade", check=False).returncode == 1
        running.install()
    running.wait_alone()
    # Before may have had what was on its way, as the end of a client.
    wire.wait_for(lambda: not descriptors(supervisor) - before, "no more descriptors than before")
    with open(f"/proc/{supervisor}/status", encoding="ascii") as f:
        blocked = re.search(r"^SigBlk:\s*(\w+)", f.read(), re.M).group(1)
    assert int(blocked, 16) == 0


def test_buckets_of_limits_stay(install, origin):
    limit = 'limits = ( { name = "all"; by = "src"; rate = "3/1h"; } );'
    running = install(daemon.backend("main", origin().address), frontend=limit)

    def status():
        """Over a connection of its own: the old proxy may still accept one, and close it."""
        client = running.client()
        got = client.ask(get()).status
        client.close()
        return got

    def statuses():
        return [status(), status()]
    assert statuses() == [200, 200]
    running.upgrade()
    running.wait_alone()  # what it still accepts it counts for itself alone
    assert statuses() == [200, 429]
    running.upgrade()
    assert statuses() == [429, 429]
    wire.wait_for(lambda: running.json("limits")["limits"][0]["refused_total"] == 3,
                  "the refusals of both", 10)
    running.wait_alone()


def test_the_old_proxy_has_nothing_to_tell(install, origin):
    """Both see a server die; the new one says so, once."""
    server, other = origin(), origin()
    other.answer = websocket.switch
    quick = 'check: { tcp = true; interval = "20ms"; timeout = "5s"; fall = 1; };'
    running = install(",".join([daemon.backend("main", server.address, more=quick),
                                daemon.backend("ws", other.address)]), **WS)
    tunnel, (old,) = tunnel_through(running), running.roles("proxy")
    running.upgrade()
    server.close()
    said = running.wait_log("main/main1 is DOWN")
    assert f"[{old}]" not in said
    wire.wait_for(lambda: running.server("main", "main1")["state"] == "DOWN", "status to say so")
    assert sum("main/main1 is DOWN" in line for line in running.log()) == 1
    wire.wait_for(lambda: running.ctl("events").stdout.count("main/main1 is DOWN") == 1,
                  "the event")
    running.ctl("reload")
    assert speaks(tunnel, b"on")
    assert sum("main/main1 is DOWN" in line for line in running.log()) == 1
    tunnel.close()
    running.wait_alone()


def test_external_checks_go_on(install, origin):
    """The old proxy has no runner any more, which says nothing of its servers."""
    other = origin()
    other.answer = websocket.switch
    program = test_external_checks.Program()
    try:
        running = install(",".join([
            daemon.backend("main", origin().address,
                           more=program.check('interval = "50ms"; timeout = "20s"; '
                                              'fall = 1; rise = 1;')),
            daemon.backend("ws", other.address)]), **WS)
        tunnel = tunnel_through(running)
        running.upgrade()
        program.do("main1", "exit 1")
        running.wait_server("main", "main1", "DOWN")
        program.do("main1", "exit 0")
        running.wait_server("main", "main1", "UP")
        assert speaks(tunnel, b"on")
        tunnel.close()
        running.wait_alone()
        assert not [line for line in running.log() if "could not be made" in line]
    finally:
        shutil.rmtree(program.folder, ignore_errors=True)


def test_an_upgrade_waits_for_a_reload_and_a_reload_for_it(install, origin):
    running = install(daemon.backend("main", origin().address, more=CHECK))
    results = []

    def ask(word):
        results.append((word, running.ctl(word, check=False)))
    threads = [threading.Thread(target=ask, args=(word,))
               for word in ("reload", "upgrade", "reload", "upgrade", "reload")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running.first_proxy = None
    assert [done.returncode for _, done in results] == [0] * 5, results
    assert all(("took over" if word == "upgrade" else "reloaded") in done.stdout
               for word, done in results), results
    running.wait_alone()


def test_a_stop_ends_old_proxies_too(install, origin):
    server = origin()
    server.answer = websocket.switch
    running = install(",".join([daemon.backend("main", server.address),
                                daemon.backend("ws", server.address)]),
                      proxy='grace = "200ms";', **WS)
    tunnel = tunnel_through(running)
    running.upgrade()
    assert speaks(tunnel, b"on")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(daemon.STOP_PATIENCE) == 0
    tunnel.expect_closed()
    tunnel.close()


def test_a_tunnel_is_cut_at_the_deadline(install, origin):
    server = origin()
    server.answer = websocket.switch
    running = install(",".join([daemon.backend("main", server.address),
                                daemon.backend("ws", server.address)]),
                      proxy='drain = "300ms";', **WS)
    tunnel = tunnel_through(running)
    running.upgrade()
    assert tunnel.read_to_end() == b"\x88\x02\x03\xe9", "1001: it goes away"
    tunnel.close()
    running.wait_alone()


def test_boards_of_another_layout_are_made_anew(install, origin):
    """As after a change of a board: counters and events begin again, servers are checked first. Not
    while something was set by hand."""
    server = origin()
    running = install(daemon.backend("main", server.address, more=CHECK))
    client = running.client()
    assert client.ask(get()).status == 200

    def spoil():
        for fd in os.listdir(f"/proc/{running.process.pid}/fd"):
            path = f"/proc/{running.process.pid}/fd/{fd}"
            if "hpcbal-proxy" in os.readlink(path):
                with open(path, "r+b", buffering=0) as f:
                    f.seek(8)
                    f.write(b"\xff\0\0\0")
                return
        raise AssertionError("no board")
    running.ctl("maint", "main/main1")
    running.ctl("ready", "main/main1")
    running.ctl("weight", "main/main1", "3")
    spoil()
    done = running.ctl("upgrade", check=False)
    assert done.returncode == 1 and "set by hand" in done.stderr, done
    running.ctl("reload")  # it ends the weight
    running.upgrade()
    assert client.ask(get()).one("Connection") == b"close"
    assert running.server("main", "main1")["state"] == "UP"
    assert running.server("main", "main1")["requests_total"] == 0
    fresh = running.client()
    assert fresh.ask(get()).status == 200
    for one in (client, fresh):
        one.close()
    running.wait_alone()


# --- TLS and HTTP/2 ---

@pytest.fixture(name="ca", scope="module")
def fixture_ca(tmp_path_factory):
    authority = pki.Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("a.test")
    return authority


def another_proxy(running):
    """The one that serves dies."""
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    wire.wait_for(lambda: running.child("proxy") not in (None, before), "another proxy", 10)
    running.first_proxy = None


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_go_on_and_the_file_is_read_anew(install, origin, ca, version):
    """Keys and certificates are the new proxy's, and of one that takes its place."""
    running = install(config=tls.config(origin(), ca.path("a.test.pem"), timeouts=TIMEOUTS))
    context = ca.context(maximum_version=getattr(ssl.TLSVersion, version))
    session = tls.session_of(running, ca, context)
    idle = TlsClient(running.address, context, "a.test")
    assert tls.ask(idle).status == 200
    ca.issue("a.test")
    running.install()
    running.upgrade()
    assert tls.resumes(running, context, session)
    fresh = TlsClient(running.address, context, "a.test")
    assert fresh.serial != idle.serial and tls.ask(fresh).status == 200
    response = tls.ask(idle)
    assert response.status == 200 and response.one("Connection") == b"close"
    idle.expect_closed()
    assert not idle.truncated
    running.wait_alone()
    another_proxy(running)
    assert tls.resumes(running, context, session)
    assert TlsClient(running.address, context, "a.test").serial == fresh.serial


@needs_machine
def test_the_old_program_has_its_keys_back(install, origin, ca):
    running = install(config=tls.config(origin(), ca.path("a.test.pem")))
    context = ca.context()
    session = tls.session_of(running, ca, context)
    serial = TlsClient(running.address, context, "a.test").serial
    ca.issue("a.test")
    running.install(lambda path: ends_in(path, "proxy_main"))
    assert running.ctl("upgrade", check=False).returncode == 1
    another_proxy(running)
    assert tls.resumes(running, context, session)
    assert TlsClient(running.address, context, "a.test").serial == serial


class Streams(h2wire.Client):
    """HTTP/2 over TLS, with a few streams at a time."""

    def __init__(self, running, ca):
        context = ca.context()
        context.set_alpn_protocols(["h2"])
        super().__init__(TlsClient(running.address, context, "a.test"))
        self.ids = itertools.count(1, 2)
        self.handshake()


class StreamTraffic(Traffic):
    def streams(self, client, number):
        """Until GOAWAY: all streams up to its last one are answered, and those before they come
        are answered, too."""
        ids = [next(client.ids) for _ in range(3)]
        for at in ids:
            client.headers(at, (*h2wire.GET[:2], (":path", f"/get/{10 ** 6 * number + at}"),
                                (":authority", "a.test")))
        for at in ids:
            answer = client.answers.setdefault(at, h2wire.Answer())
            client.read_until(lambda: answer.ended or client.goaway and  # noqa: B023
                              client.goaway[-1].last < at, "answer")  # noqa: B023
            if answer.ended:
                assert answer.status == 200
                assert answer.body.split()[0] == str(10 ** 6 * number + at).encode()
                self.seen += 1
        if not client.goaway:
            return client
        client.to_the_end()
        assert client.goaway[-1].code == h2wire.NO_ERROR
        self.goaways += 1
        return client.close()

    seen = goaways = 0


def test_upgrades_under_load_of_tls_and_http_2(install, origin, ca):
    """No request fails and no stream is lost; a client that says nothing is told to go."""
    ledger = Ledger()
    server = ledger.serve(origin(name="main"))
    counted = server.answer
    server.answer = lambda request, connection: (
        wire.answer(b"") if request.target == "/x" else counted(request, connection))
    running = install(config=tls.config(server, ca.path("a.test.pem"), threads=2,
                                        timeouts=TIMEOUTS))
    context = ca.context()
    session = tls.session_of(running, ca, context)
    silent = Streams(running, ca)
    traffic = Traffic(lambda: TlsClient(running.address, context, "a.test"), tunnels=2, idle=3,
                      kept=2, fresh=1, upload=1, download=1)
    streams = StreamTraffic(lambda: Streams(running, ca), streams=2)
    try:
        for turn in range(ROUNDS // 2):
            running.install()
            running.upgrade()
            if not turn:
                silent.expect_goaway(h2wire.NO_ERROR)
                assert [f.last for f in silent.goaway] == [0x7FFFFFFF, 0]
            assert tls.resumes(running, context, session)
            before = len(traffic.answered), streams.goaways
            wire.wait_for(lambda: len(traffic.answered) > before[0] + 20, "traffic", 30)  # noqa: B023
            wire.wait_for(lambda: streams.goaways > turn, "a GOAWAY", 30)  # noqa: B023
    finally:
        traffic.stop()
        streams.stop()
    traffic.use_idle_ones()
    assert traffic.faults == [] and streams.faults == []
    assert not ledger.doubled()
    assert len(traffic.answered) > 100 and streams.seen > 100 and traffic.echoes > 10
    traffic.close()
    running.wait_alone()
