"""HTTP.md 142: a tunnel counts, is listed and killable as long as it lives: hpcbalctl sessions and
hpcbalctl kill, with many tunnels, clients that do not read their answer, and workers at work."""
import os
import re
import signal
import socket
import threading

import pytest

import daemon
import test_h128_h142_websocket as websocket
import tcprig
import wire

LONG = "n" * 60
# The first letter of the reason and the second one, behind the status.
LETTERS = re.compile(r" (-?\d+) \d+ - - (\S\S)-- ")


@pytest.fixture
def site(start, origin):
    """One worker, two servers that switch; all clients are closed at the end."""
    site = Site(start, origin)
    yield site
    site.close()


class Site:
    def __init__(self, start, origin):
        self.origins = [origin(name="main1"), origin(name="main2")]
        for each in self.origins:
            each.answer = websocket.switch
        self.start_daemon = start
        self.clients = []
        self.daemon = None

    def start(self, **options):
        self.daemon = self.start_daemon(
            daemon.backend("main", *[o.address for o in self.origins]), **options)
        return self.daemon

    def client(self):
        self.clients.append(self.daemon.client())
        return self.clients[-1]

    def tunnels(self, count, target="/ws"):
        opened = [self.client() for _ in range(count)]
        for client in opened:
            client.send(websocket.handshake().replace("/ws", target, 1))
        for client in opened:
            assert client.read_response_head().status == 101
        return opened

    def sessions(self, *words):
        return self.daemon.json("sessions", *words)["sessions"]

    def one(self, client, *words):
        """The entry of this client, which must be there once."""
        found = [s for s in self.sessions(*words) if s["client"] == name_of(client)]
        assert len(found) == 1, found
        return found[0]

    def kill(self, *words, check=True):
        return self.daemon.ctl("kill", *words, check=check)

    def close(self):
        for client in self.clients:
            client.close()


def name_of(client):
    return "%s:%d" % client.sock.getsockname()


def ends(running, count):
    """(status, letters) of the first `count` exchanges of the access log."""
    def find():
        found = [LETTERS.search(line) for line in running.log() if "front main/" in line]
        return [each.groups() for each in found] if len(found) >= count else None
    return wire.wait_for(find, f"{count} lines in the log")


def echoes(client, word=b"\x81\x04word"):
    client.send(word)
    return client.read_exactly(len(word)) == word.upper()


def expect_leave(client, patience=None):
    """What ends a tunnel from outside says so, where a frame may stand (143)."""
    assert client.read_to_end(patience) == websocket.GOING_AWAY


# --- the list ---

def test_h142_a_tunnel_is_listed(site):
    running = site.start()
    assert running.ctl("sessions").stdout == "no such session runs\n"
    assert running.json("sessions") == {"sessions": []}
    client, other = site.tunnels(2, "/ws?a=b")
    site.client()  # idle: it runs nothing
    client.send("x" * 5000)
    client.read_exactly(5000)
    assert len(site.sessions()) == 2
    silent, found = site.one(other), site.one(client)
    age, idle = found.pop("age_ms"), found.pop("idle_ms")
    assert 0 <= idle <= age
    assert found == {
        "id": found["id"], "step": "TUNNEL", "client": name_of(client), "frontend": "front",
        "backend": "main", "server": found["server"], "method": "GET", "target": "/ws?a=b",
        "bytes_in": len(websocket.handshake()) + 4 + 5000,
        "bytes_out": silent["bytes_out"] + 5000}
    assert {found["server"], silent["server"]} == {"main1", "main2"}
    assert [s["id"] for s in site.sessions("main/" + found["server"])] == [found["id"]]
    client.close()
    wire.wait_for(lambda: len(site.sessions()) == 1, "the closed tunnel to leave the list")
    assert site.one(other)["id"] == silent["id"]


def test_h142_the_list_for_people(site):
    running = site.start()
    client = site.tunnels(1)[0]
    client.send("x" * 5000)
    client.read_exactly(5000)
    head, row = [line.split() for line in running.ctl("sessions").stdout.splitlines()]
    assert head == ["ID", "AGE", "IDLE", "STEP", "CLIENT", "FRONTEND", "SERVER", "IN", "OUT",
                    "REQUEST"]
    assert row[0] == site.one(client)["id"]
    assert row[3:] == ["TUNNEL", name_of(client), "front", "main/main1", "5.0K", "5.0K", "GET",
                       "/ws"]


def test_h142_long_requests_are_listed_at_their_step(site):
    """Those that run for a second, or as long as was said."""
    running = site.start()
    waits = threading.Event()
    for each in site.origins:
        each.answer = lambda request, connection: waits.wait(60) and wire.answer(b"late")
    client, half = site.client(), site.client()
    client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
    half.send("GET /half")
    wire.wait_for(lambda: any(o.requests for o in site.origins), "the request at its server")
    wire.wait_for(lambda: len(site.sessions("--older", "1ms")) == 2, "both to be listed")
    found = site.one(client, "--older", "1ms")
    assert (found["step"], found["method"], found["target"]) == ("READ_RESPONSE", "POST", "/slow")
    assert found["backend"] == "main" and found["server"] in ("main1", "main2")
    begun = site.one(half, "--older", "1ms")
    assert begun["step"] == "READ_HEAD"
    assert begun["server"] is begun["backend"] is begun["method"] is begun["target"] is None
    assert site.sessions("main/main1", "--older", "1h") == []
    assert site.sessions("--older", "1h") == []
    wire.wait_for(lambda: len(site.sessions()) == 2, "both to be a second old")
    assert min(s["age_ms"] for s in site.sessions()) >= 1000
    assert [s["client"] for s in site.sessions("main")] == [name_of(client)]
    assert len(running.ctl("sessions").stdout.splitlines()) == 3
    waits.set()
    assert client.read_response().body == b"late"
    assert site.sessions("main", "--older", "1ms") == []


def test_h142_what_is_asked_wrongly(site):
    running = site.start()
    for words, status, said in [
            (["sessions", "nowhere"], 1, "there is no backend nowhere"),
            (["sessions", "main/main3"], 1, "there is no server main/main3"),
            (["sessions", "main/"], 2, "is no BACKEND"), (["sessions", "/main1"], 2, "is no BACKEND"),
            (["sessions", "a/b/c"], 2, "is no BACKEND"), (["sessions", "x" * 3000], 2, "is no"),
            (["sessions", "x" * 200], 2, "too long"), (["sessions", "--older", "0s"], 2, "no time"),
            (["sessions", "main", "main"], 2, "too much"), (["kill"], 2, "takes the ID"),
            (["sessions", "--older"], 2, "takes a time"), (["kill", "--server"], 2, "BACKEND/SERVER"),
            (["kill", "0.1", "--server", "main/main1"], 2, "takes the ID"),
            (["kill", "0.1"], 1, "no such session"), (["kill", "63.1"], 1, "no such session"),
            (["kill", "64.1"], 2, "no session's id"), (["kill", "0.0"], 2, "no session's id"),
            (["kill", "0."], 2, "no session's id"), (["kill", "17"], 2, "no session's id"),
            (["kill", "0.xyz"], 2, "no session's id"), (["kill", "-1.5"], 2, ""),
            (["kill", "0." + "1" * 40], 2, "no session's id"), (["kill", "0." + "1" * 90], 2, "no ID"),
            (["kill", "--server", "main"], 2, "no BACKEND/SERVER"),
            (["kill", "--server", "main/main3"], 1, "there is no server main/main3"),
            (["status", "--older", "1s"], 2, "sessions"), (["status", "--server", "a/b"], 2, "kill")]:
        done = running.ctl(*words, check=False)
        assert done.returncode == status and said in done.stderr, (words, done)
        assert done.stdout == "" and len(done.stderr.splitlines()) == 1, (words, done)


def raw(running, *words):
    """As another hpcbalctl would ask."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(wire.PATIENCE)
    sock.connect(os.path.join(running.folder, "control.sock"))
    sock.send(b"\0".join(words))
    return sock


def test_h142_words_that_nobody_knows(site):
    running = site.start()
    client = site.tunnels(1)[0]
    for words in [(b"kill",), (b"kill", b"backend=main"), (b"kill", b"age=0"), (b"sessions", b"x=1"),
                  (b"sessions", b"age=-1"), (b"kill", b"id=\xff.1"), (b"sessions", b"backend="
                                                                     + b"x" * 64)]:
        with raw(running, *words) as sock:
            assert sock.recv(40000)[:1] == b"e" and sock.recv(40000) == b"x\x02", words
    assert echoes(client) and len(site.sessions()) == 1


# --- kill ---

def test_h142_a_tunnel_is_killed(site):
    running = site.start(log_format="json")
    client, other = site.tunnels(2)
    server = next(o for o in site.origins if o.name == site.one(client)["server"])
    name = site.one(client)["id"]
    assert site.kill(name).stdout == "ended 1 session\n"
    expect_leave(client)
    wire.wait_for(lambda: server.connections[0].closed.is_set(), "the server to see the end")
    line = running.wait_log('"reason":"TUNNEL_KILLED"')
    assert '"termination":"KT--"' in line and '"status":101' in line
    assert echoes(other) and [s["client"] for s in site.sessions()] == [name_of(other)]
    again = site.kill(name, check=False)
    assert again.returncode == 1 and "no such session" in again.stderr
    assert running.json("kill", site.one(other)["id"]) == {"killed": 1}
    expect_leave(other)
    for number in (1, 2):
        wire.wait_for(lambda n=number: running.server("main", f"main{n}")["active"] == 0,
                      "nothing to be counted")


def test_h142_a_request_is_killed(site):
    """Before its answer it gets one of ours, in its midst it is cut so that one sees it; the
    next request of its connection is another session."""
    running = site.start()
    goes_on = threading.Event()

    def half(request, connection):
        if request.target == "/half":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        goes_on.wait(60)
    for each in site.origins:
        each.answer = half
    waiting, cut = site.client(), site.client()
    waiting.send(websocket.GET)
    cut.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
    assert cut.read_response_head().status == 200 and cut.read_exactly(4) == b"half"
    wire.wait_for(lambda: len(site.sessions("--older", "1ms")) == 2, "both to be listed")
    name = site.one(waiting, "--older", "1ms")["id"]
    site.kill(name)
    response = waiting.read_response()
    assert response.status == 503 and b"kill" in response.body
    site.kill(site.one(cut, "--older", "1ms")["id"])
    cut.expect_closed()
    assert sorted(ends(running, 2)) == [("200", "KD"), ("503", "KD")]
    for each in site.origins:
        each.answer = websocket.switch
    waiting.send(websocket.handshake())
    assert waiting.read_response_head().status == 101
    assert site.kill(name, check=False).returncode == 1 and echoes(waiting)
    assert site.one(waiting)["id"] != name
    goes_on.set()


def test_h142_no_id_comes_again(site):
    """Also not in the next proxy process: nobody kills another than was shown."""
    running = site.start()
    seen = site.one(site.tunnels(1)[0])["id"]
    before, running.first_proxy = running.first_proxy, None
    os.kill(before, signal.SIGKILL)
    wire.wait_for(lambda: running.child("proxy") not in (None, before), "another proxy")
    client = site.tunnels(1)[0]
    now = site.one(client)["id"]
    assert int(now.split(".")[1], 16) > int(seen.split(".")[1], 16)
    assert site.kill(seen, check=False).returncode == 1 and echoes(client)


def test_h142_all_of_a_server_are_killed(site):
    """More than one piece's worth, in both workers; those of the other server live."""
    running = site.start(threads=2)
    clients = site.tunnels(80)
    listed = {s["client"]: s for s in site.sessions()}
    assert len(listed) == 80 and len({s["id"] for s in listed.values()}) == 80
    hit = [c for c in clients if listed[name_of(c)]["server"] == "main1"]
    assert len(hit) == 40
    assert site.kill("--server", "main/main1").stdout == "ended 40 sessions\n"
    for client in clients:
        if client in hit:
            expect_leave(client)
        else:
            assert echoes(client)
    assert {s["server"] for s in site.sessions()} == {"main2"} and len(site.sessions()) == 40
    assert site.kill("--server", "main/main1").stdout == "ended 0 sessions\n"
    assert ends(running, 40) == [("101", "KT")] * 40
    running.wait_log("hpcbalctl kill ended 40 sessions on main/main1")


def test_h142_a_connection_of_mode_tcp(start):
    """It is listed, has no request, and is reset when it is killed, as 148 wants it."""
    server = tcprig.Server()
    running = start(tcprig.backend("main", server), frontend=tcprig.TCP)
    client = running.client()
    other = server.take()
    client.send("hello")
    assert other.read_exactly(5) == b"hello"
    found = running.json("sessions")["sessions"][0]
    assert (found["step"], found["client"], found["server"]) == ("TUNNEL", name_of(client), "main1")
    assert found["method"] is found["target"] is None
    assert (found["bytes_in"], found["bytes_out"]) == (5, 0)
    running.ctl("kill", found["id"])
    for each in (client, other):
        with pytest.raises(ConnectionResetError):
            assert wire.is_readable(each.sock, wire.PATIENCE)
            each.sock.recv(100)
    client.close()
    server.close()
    assert " KT " in running.wait_log("front main/main1")


# --- many, and at work ---

def test_h142_a_client_that_does_not_read_stops_nobody(start, origin):
    """Its answer waits where it is made, and is whole when it reads after all."""
    server = origin()
    server.answer = websocket.switch
    block = '{ name = "%s"; servers = ( { name = "%s"; address = "%s:%d"; } ); }' % (
        LONG, LONG, *server.address)
    running = start(config=daemon.CONFIG.format(
        threads=1, proxy="", timeouts="", folder="{folder}", log_format="haproxy", top="",
        listen="{listen}", acls="", routes="", frontend="", backends=block).replace(
            '"main"', f'"{LONG}"').replace('"front"', f'"{LONG}"'))
    clients = [running.client() for _ in range(500)]
    target = "/ws?" + "q" * 300
    for client in clients:
        client.send(websocket.handshake().replace("/ws", target, 1))
    for client in clients:
        assert client.read_response_head().status == 101
    sock = raw(running, b"sessions")
    assert len(running.json("sessions")["sessions"]) == 500
    assert echoes(clients[0]) and echoes(clients[-1])
    clients[100].close()
    clients[499].close()
    packets = [sock.recv(40000)]
    while packets[-1][:1] == b"l":
        packets.append(sock.recv(40000))
    assert packets.pop() == b"x\x00"
    lines = b"".join(p[1:] for p in packets).splitlines()
    assert len(packets) > 10 and 498 <= len(lines) <= 500
    assert len({line.split(b"\t")[0] for line in lines}) == len(lines)
    assert all(len(line.split(b"\t")) == 12 for line in lines)
    sock.close()
    wire.wait_for(lambda: len(running.json("sessions")["sessions"]) == 498, "two to be gone")
    gone = raw(running, b"sessions")
    gone.close()  # before its answer
    quiet = raw(running, b"sessions")  # never reads: after its time its answer is lost
    assert running.json("kill", "--server", f"{LONG}/{LONG}") == {"killed": 498}
    quiet.close()
    for client in clients:
        client.close()


def test_h142_lists_while_requests_come_and_go(site):
    running = site.start(threads=2)
    stays = site.tunnels(20)
    over = threading.Event()
    faults = []

    def traffic():
        while not over.is_set():
            client = running.client()
            client.send(websocket.handshake())
            if client.read_response_head().status != 101 or not echoes(client):
                faults.append("a tunnel does not echo")
            client.close()
    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    names = {name_of(client) for client in stays}
    for _ in range(15):
        listed = site.sessions()
        assert len({s["id"] for s in listed}) == len(listed)
        assert names <= {s["client"] for s in listed}
    over.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert all(echoes(client) for client in stays)


# --- what counts ---

@pytest.mark.parametrize("where", ["frontend", "proxy"])
def test_h142_a_tunnel_counts_against_the_limits(site, where):
    site.start(**{where: "max_connections = 2;"})
    first, _ = site.tunnels(2)
    third = site.client()
    third.send(websocket.handshake())
    third.expect_open()
    site.kill(site.one(first)["id"])
    assert third.read_response_head().status == 101
    assert len(site.sessions()) == 2


def test_h142_leastconn_counts_each_tunnel(site):
    running = site.start()
    running.write_config(backends=daemon.backend(
        "main", *[o.address for o in site.origins], balance="leastconn"))
    running.ctl("reload")
    clients = site.tunnels(6)
    by_server = {name: [s["client"] for s in site.sessions() if s["server"] == name]
                 for name in ("main1", "main2")}
    assert [len(c) for c in by_server.values()] == [3, 3]
    for client in clients:
        if name_of(client) in by_server["main1"]:
            client.close()
    wire.wait_for(lambda: running.server("main", "main1")["active"] == 0, "main1 to be free")
    site.tunnels(3)
    assert sorted(s["server"] for s in site.sessions()) == ["main1"] * 3 + ["main2"] * 3


# --- drained ---

def test_h142_the_drain_deadline_ends_a_tunnel(site):
    """Until then it is listed and works, though its server is in no configuration any more."""
    running = site.start(proxy='drain = "4s";')
    clients = site.tunnels(4)
    listed = {s["client"]: s["server"] for s in site.sessions()}
    running.write_config(backends=daemon.backend("main", site.origins[0].address))
    running.ctl("reload")
    assert {s["client"]: s["server"] for s in site.sessions()} == listed
    left = [c for c in clients if listed[name_of(c)] == "main2"]
    assert len(left) == 2 and all(echoes(c) for c in clients)
    assert site.sessions("main/main2")[0]["step"] == "TUNNEL"
    for client in left:
        expect_leave(client, 10 * wire.SLOWDOWN)
    assert ends(running, 2) == [("101", "KD")] * 2
    assert all(echoes(c) for c in clients if c not in left) and len(site.sessions()) == 2


def test_h142_a_removed_server_can_be_killed_free(site):
    running = site.start(proxy='drain = "1h";')
    clients = site.tunnels(4)
    listed = {s["client"]: s["server"] for s in site.sessions()}
    running.write_config(backends=daemon.backend("main", site.origins[0].address))
    running.ctl("reload")
    assert site.kill("--server", "main/main2").stdout == "ended 2 sessions\n"
    for client in clients:
        if listed[name_of(client)] == "main2":
            expect_leave(client)
    assert site.kill("--server", "main/main2", check=False).returncode == 1
    wire.wait_for(lambda: "main/main2" not in running.ctl("servers").stdout,
                  "the removed server to be gone")
