"""A reload touches what changed and nothing else: servers, checks, addresses, timeouts."""
import threading
import time

import pytest

import daemon
import test_h128_h142_websocket as websocket
import wire
from traffic import is_listening

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
# Behind the first check the second one is far away: see daemon.quiet_port().
CHECK = 'check: { http = "GET /health"; interval = "1d"; timeout = "5s"; };'


@pytest.fixture(name="origin")
def fixture_origin(origin):
    return lambda **options: origin(port=daemon.quiet_port(), **options)


class Gate:
    """An origin's answer that waits until it is opened; some are never."""

    def __init__(self, origin):
        self.go = threading.Event()
        self.body = origin.name.encode()
        origin.answer = self

    def __call__(self, request, connection):
        return wire.answer(self.body) if self.go.wait(30) else None


def in_background(work):
    done = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()

    def finish():
        thread.join(20 * wire.SLOWDOWN)
        assert done, "it did not come to its end"
        return done[0]
    return finish


def bodies(running, count):
    client = running.client()
    found = {client.ask(GET).body.decode() for _ in range(count)}
    client.close()
    return found


def names(running):
    return [(b["name"], [s["name"] for s in b["servers_detail"]])
            for b in running.json("status")["backends"]]


# --- servers that go ---

def test_connections_to_a_removed_server(start, origin):
    stays, goes = origin(name="stays"), origin(name="goes")
    running = start(daemon.backend("main", stays.address, goes.address))
    assert bodies(running, 4) == {"stays", "goes"}
    gate = Gate(goes)
    busy = [running.client() for _ in range(2)]
    for client in busy:
        client.send(GET)
    goes.expect_requests(3)
    running.write_config(backends=daemon.backend("main", stays.address))
    running.ctl("reload")
    assert names(running) == [("main", ["main1"])]
    assert bodies(running, 4) == {"stays"}
    free = wire.wait_for(lambda: len(left := [c for c in goes.connections
                                              if not c.closed.is_set()]) == 1 and left,
                         "all but the one that is used to be closed")
    gate.go.set()
    assert sorted(client.read_response().body for client in busy) == [b"goes", b"stays"]
    assert wire.wait_for(free[0].closed.is_set, "the last connection to be closed")
    for client in busy:
        assert client.ask(GET).body == b"stays"
        client.close()


def test_drain_deadline(start, origin):
    stays, goes, tunnel = origin(name="stays"), origin(name="goes"), origin(name="tunnel")
    tunnel.answer = websocket.switch
    Gate(goes)
    shape = {"acls": 'is_ws = "hdr(Upgrade) -i websocket";', "proxy": 'drain = "2s";',
             "routes": '{ when = "is_ws"; backend = "ws"; }'}
    running = start(daemon.backend("main", goes.address) + ","
                    + daemon.backend("ws", tunnel.address), **shape)
    waiting, talking = running.client(), running.client()
    waiting.send(GET)
    goes.expect_requests(1)
    talking.send(websocket.handshake())
    assert talking.read_response_head().status == 101
    running.write_config(backends=daemon.backend("main", stays.address) + ","
                         + daemon.backend("ws", stays.address))
    begun = time.monotonic()
    running.ctl("reload")
    talking.send("x")
    assert talking.read_exactly(1) == b"X", "until the deadline all goes on"
    assert waiting.read_response().status == 503
    talking.expect_closed()
    assert time.monotonic() - begun > 1.9
    running.wait_log('" 503 |503 .*KD')
    waiting.close()


def test_drain_counts_from_the_removal(start, origin):
    """Also for what began under a configuration from before the one that removed it."""
    stays, goes = origin(name="stays"), origin(name="goes")
    gate = Gate(goes)
    shape = {"proxy": 'drain = "3s";'}
    running = start(daemon.backend("main", goes.address), **shape)
    client = running.client()
    client.send(GET)
    goes.expect_requests(1)
    running.write_config(timeouts='request = "9s";')
    running.ctl("reload")
    time.sleep(2.2)
    running.write_config(backends=daemon.backend("main", stays.address))
    running.ctl("reload")
    time.sleep(1.3)
    gate.go.set()
    assert client.read_response().body == b"goes"
    client.close()


# --- servers that come ---

def test_new_server_is_checked_before_it_is_used(start, origin):
    old, new = origin(name="old"), origin(name="new")
    running = start(daemon.backend("main", old.address, more=CHECK))
    gate = Gate(new)
    running.write_config(backends=daemon.backend("main", old.address, new.address, more=CHECK))
    reload = in_background(lambda: running.ctl("reload"))
    wire.wait_for(lambda: new.requests, "the first check")
    assert new.requests[0].target == "/health"
    assert bodies(running, 6) == {"old"}
    assert running.json("status")["generation"] == 1
    assert [r.target for r in new.requests] == ["/health"]
    gate.go.set()
    reload()
    assert bodies(running, 6) == {"old", "new"}
    assert [r.target for r in old.requests].count("/health") == 1, "it was not checked again"


def test_new_server_that_fails_its_first_check(start, origin):
    old, new = origin(name="old"), origin(name="new")
    running = start(daemon.backend("main", old.address, more=CHECK))
    new.answer = wire.answer(b"", 500)
    running.write_config(backends=daemon.backend("main", old.address, new.address, more=CHECK))
    running.ctl("reload")
    assert bodies(running, 6) == {"old"}
    assert running.server("main", "main2")["state"] == "DOWN"


def test_backend_of_which_all_servers_are_down(start, origin):
    old, dead = origin(name="old"), ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", old.address, more=CHECK))
    running.write_config(
        backends=daemon.backend("main", old.address, more=CHECK) + ","
        + daemon.backend("dead", dead, more=CHECK),
        routes='{ when = "path_beg /dead"; backend = "dead"; }')
    running.ctl("reload")
    assert running.json("status")["generation"] == 2
    client = running.client()
    assert client.ask(GET.replace("/ ", "/dead ")).status == 503
    assert client.ask(GET).status == 200
    client.close()


def test_server_that_comes_back_is_new(start, origin):
    """What was known of it may be true no longer."""
    stays, other = origin(name="stays"), origin(name="other")
    both = daemon.backend("main", stays.address, other.address, more=CHECK)
    running = start(both)
    assert bodies(running, 4) == {"stays", "other"}
    running.write_config(backends=daemon.backend("main", stays.address, more=CHECK))
    running.ctl("reload")
    other.answer = wire.answer(b"", 500)
    running.write_config(backends=both)
    running.ctl("reload")
    assert running.server("main", "main2")["state"] == "DOWN"
    assert bodies(running, 4) == {"stays"}
    assert [r.target for r in stays.requests].count("/health") == 1


def test_health_counters_and_connections_of_what_stays(start, origin):
    sick, well, comes = origin(name="sick"), origin(name="well"), origin(name="comes")
    sick.answer = wire.answer(b"", 500)
    running = start(daemon.backend("main", sick.address, well.address, more=CHECK))
    assert bodies(running, 3) == {"well"}
    sick.answer = wire.answer(b"sick")
    before = running.server("main", "main2")
    connections = len(well.connections)
    running.write_config(backends=daemon.backend(
        "main", sick.address, well.address, comes.address, balance="leastconn", more=CHECK))
    running.ctl("reload")
    assert running.server("main", "main1")["state"] == "DOWN", "known from its last check"
    after = running.server("main", "main2")
    assert after["requests_total"] == before["requests_total"] == 3
    assert after["check"] == before["check"]
    assert bodies(running, 4) == {"well", "comes"}
    assert len(well.connections) == connections, "a pooled connection is used again"
    assert len(sick.requests) == 1


# --- refused as a whole ---

def test_refused_reload_leaves_no_trace(start, origin):
    """Also when it is refused late: the proxy had made all of it already."""
    old, slow = origin(name="old"), origin(name="slow")
    running = start(daemon.backend("main", old.address))
    before = running.json("status")
    gate = Gate(slow)
    check = 'check: { http = "GET /"; timeout = "20s"; };'
    running.write_config(
        backends=daemon.backend("main", old.address) + ","
        + daemon.backend("comes", slow.address, more=check),
        routes='{ when = "always"; backend = "comes"; }')
    reload = in_background(lambda: running.ctl("reload"))
    wire.wait_for(lambda: slow.requests, "the first check")
    assert names(running) == [("main", ["main1"])], "it does not run yet"
    gate.go.set()
    reload()
    running.write_config(
        backends=daemon.backend("main", old.address) + ","
        + daemon.backend("third", old.address),
        routes="", frontend='bind_is_no_setting = 1;')
    assert running.ctl("reload", check=False).returncode == 1
    assert names(running) == [("main", ["main1"]), ("comes", ["comes1"])]
    assert running.json("status")["generation"] == before["generation"] + 1


def bind(running, *addresses):
    text = ", ".join('"%s:%d"' % address for address in addresses)
    with open(running.path, encoding="utf-8") as f:
        whole = f.read()
    start = whole.index("bind = ( ")
    end = whole.index(" );", start)
    with open(running.path, "w", encoding="utf-8") as f:
        f.write(whole[:start] + "bind = ( " + text + whole[end:])


def test_address_in_use_refuses_the_whole(start, origin):
    old, new, taken = origin(name="old"), origin(name="new"), origin(name="taken")
    running = start(daemon.backend("main", old.address))
    free = ("127.0.0.1", wire.free_port())
    running.write_config(backends=daemon.backend("main", new.address))
    bind(running, running.address, free, taken.address)
    done = running.ctl("reload", check=False)
    assert done.returncode == 1
    assert "in use" in done.stderr and str(taken.address[1]) in done.stderr
    assert not is_listening(free), "the good one was closed again"
    assert bodies(running, 2) == {"old"}
    assert running.json("status")["generation"] == 1
    bind(running, running.address, free)
    running.ctl("reload")
    assert is_listening(free)
    assert bodies(running, 2) == {"new"}


def test_control_socket_cannot_change(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    running.write_config()
    with open(running.path, encoding="utf-8") as f:
        text = f.read()
    with open(running.path, "w", encoding="utf-8") as f:
        f.write(text.replace("control.sock", "other.sock"))
    done = running.ctl("reload", check=False)
    assert done.returncode == 1
    assert "control socket" in done.stderr and "restart" in done.stderr
    assert running.json("status")["generation"] == 1


# --- addresses that go ---

def test_clients_of_a_removed_address(start, origin):
    server, slow = origin(name="fast"), origin(name="slow")
    running = start(daemon.backend("main", server.address) + ","
                    + daemon.backend("slow", slow.address),
                    routes='{ when = "path_beg /slow"; backend = "slow"; }')
    second = ("127.0.0.1", wire.free_port())
    bind(running, running.address, second)
    running.ctl("reload")
    idle, unused, busy = (wire.Client(second) for _ in range(3))
    assert idle.ask(GET).body == b"fast"
    gate = Gate(slow)
    busy.send(GET.replace("/ ", "/slow "))
    slow.expect_requests(1)
    bind(running, running.address)
    running.ctl("reload")
    idle.expect_closed()
    unused.expect_closed()
    assert not is_listening(second)
    busy.expect_open()
    gate.go.set()
    response = busy.read_response()
    assert (response.body, response.one("Connection")) == (b"slow", b"close")
    busy.expect_closed()
    assert bodies(running, 2) == {"fast"}


def test_address_moves_to_another_frontend(start, origin):
    """The socket stays, and so do its clients; the next request takes the new road."""
    one, two = origin(name="one"), origin(name="two")
    frontends = """
node = "test";
proxy: { threads = 1; };
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
frontends = (
  { name = "a"; bind = ( "{listen}" ); default_backend = "one"; },
  { name = "b"; bind = ( "SECOND" ); default_backend = "two"; }
);
backends = ( %s, %s );
""" % (daemon.backend("one", one.address), daemon.backend("two", two.address))
    second = "127.0.0.1:%d" % wire.free_port()
    running = start(config=frontends.replace("SECOND", second))
    client = running.client()
    assert client.ask(GET).body == b"one"
    running.write_config(frontends.replace("SECOND", "@").replace("{listen}", second)
                         .replace("@", "{listen}"))
    running.ctl("reload")
    assert client.ask(GET).body == b"two"
    client.close()
    wire.wait_for(lambda: {f["name"]: f["requests_total"]
                           for f in running.json("status")["frontends"]} == {"a": 1, "b": 1},
                  "both requests to be counted")
    wire.wait_for(lambda: [f["connections"] for f in running.json("status")["frontends"]]
                  == [0, 0], "no connection to be counted")


# --- an exchange keeps what it began with ---

def test_exchange_keeps_its_timeouts(start, origin):
    server = origin()
    gate = Gate(server)
    running = start(daemon.backend("main", server.address), timeouts='server = "20s";')
    before = running.client()
    before.send(GET)
    server.expect_requests(1)
    running.write_config(timeouts='server = "300ms";')
    running.ctl("reload")
    after = running.client()
    assert after.ask(GET).status == 504
    before.expect_open(0.5)
    gate.go.set()
    assert before.read_response().status == 200
    before.close()
    after.close()


def test_upload_goes_where_it_began(start, origin):
    old, new = origin(name="old"), origin(name="new")
    running = start(daemon.backend("main", old.address))
    client = running.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
    old.expect_requests(1)
    running.write_config(backends=daemon.backend("main", new.address), threads=1)
    running.ctl("reload")
    client.send("def" + GET)
    assert client.read_response().body == b"old"
    assert old.requests[0].body == b"abcdef"
    assert client.read_response().body == b"new", "and the next one takes the new road"
    client.close()


def test_idle_client_gets_the_new_keep_alive(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), timeouts='keep_alive = "5m";')
    client = running.client()
    assert client.ask(GET).status == 200
    running.write_config(timeouts='keep_alive = "1s";')
    running.ctl("reload")
    assert client.ask(GET).status == 200
    client.expect_closed()


# --- several at once ---

def test_reloads_at_the_same_time(start, origin):
    first, second = origin(name="first"), origin(name="second")
    running = start(daemon.backend("main", first.address))
    running.write_config(backends=daemon.backend("main", second.address))
    ends = [in_background(lambda: running.ctl("reload", check=False)) for _ in range(8)]
    assert [end().returncode for end in ends] == [0] * 8
    assert bodies(running, 2) == {"second"}
    assert 3 <= running.json("status")["generation"] <= 9


@pytest.mark.parametrize("good_last", [True, False])
def test_second_reload_while_one_prepares(start, origin, good_last):
    """It waits for its turn and reads the file as it is then."""
    old, slow = origin(name="old"), origin(name="slow")
    running = start(daemon.backend("main", old.address))
    gate = Gate(slow)
    running.write_config(backends=daemon.backend("main", slow.address, more=CHECK))
    first = in_background(lambda: running.ctl("reload", check=False))
    wire.wait_for(lambda: slow.requests, "the first check")
    running.write_config(backends=daemon.backend("main", old.address),
                         routes="" if good_last else '{ when = "never?"; backend = "main"; }')
    second = in_background(lambda: running.ctl("reload", check=False))
    time.sleep(0.2)
    gate.go.set()
    assert first().returncode == 0
    assert second().returncode == (0 if good_last else 1)
    assert bodies(running, 2) == ({"old"} if good_last else {"slow"})
