"""Reload as a transaction: refused whole or taken whole, and nothing that stays is touched."""
import signal
import threading

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_bad_file_changes_nothing(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    assert client.ask(GET).status == 200
    before = running.json("status")
    running.write_config(routes='{ when = "nonsense /"; backend = "main"; }')
    done = running.ctl("reload", check=False)
    assert done.returncode == 1
    assert "hpcbal.conf:" in done.stderr and "nonsense" in done.stderr
    after = running.json("status")
    assert after["generation"] == before["generation"]
    assert after["config"]["sha256"] == before["config"]["sha256"]
    assert client.ask(GET).status == 200
    client.close()


def test_all_mistakes_are_told(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    running.write_config(timeouts='client = "30";', acls='x = "path_bge /";',
                         routes='{ when = "x"; backend = "nowhere"; }')
    said = running.ctl("reload", check=False).stderr
    for word in ('"30"', "path_bge", "nowhere"):
        assert word in said


def test_good_file_is_taken(start, origin):
    first, second = origin(name="first"), origin(name="second")
    running = start(daemon.backend("main", first.address))
    client = running.client()
    assert client.ask(GET).body == b"first"
    generation = running.json("status")["generation"]
    running.write_config(backends=daemon.backend("main", second.address))
    running.ctl("reload")
    assert running.json("status")["generation"] == generation + 1
    assert client.ask(GET).body == b"second", "the idle client stays and gets the new servers"
    client.close()


def test_what_stays_keeps_its_counters_and_connections(start, origin):
    stays, goes, comes = origin(name="stays", port=daemon.quiet_port()), origin(), origin()
    check = 'check: { tcp = true; interval = "1d"; };'
    kept = daemon.backend("main", stays.address, more=check)
    running = start(kept + "," + daemon.backend("other", goes.address))
    client = running.client()
    for _ in range(5):
        assert client.ask(GET).body == b"stays"
    connections = len(stays.connections)
    running.write_config(backends=kept + "," + daemon.backend("other", comes.address))
    running.ctl("reload")
    server = running.server("main", "main1")
    assert (server["state"], server["requests_total"]) == ("UP", 5)
    assert client.ask(GET).body == b"stays"
    assert len(stays.connections) == connections, "the pooled connection is used again"
    client.close()


def test_removed_server_finishes_what_it_has(start, origin):
    old, new = origin(name="old"), origin(name="new")
    go = threading.Event()
    old.answer = lambda request, connection: go.wait(20) and wire.answer(b"old")
    running = start(daemon.backend("main", old.address))
    busy = running.client()
    busy.send(GET)
    old.expect_requests(1)
    running.write_config(backends=daemon.backend("main", new.address))
    running.ctl("reload")
    other = running.client()
    assert other.ask(GET).body == b"new"
    go.set()
    assert busy.read_response().body == b"old"
    busy.close()
    other.close()


def test_addresses_come_and_go(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    first, second = running.address, ("127.0.0.1", wire.free_port())
    client = running.client()
    assert client.ask(GET).status == 200
    running.address = second
    running.write_config()
    running.ctl("reload")
    moved = running.client()
    assert moved.ask(GET).status == 200
    try:
        wire.Client(first).close()
        raise AssertionError("the old address still accepts")
    except OSError:
        pass
    moved.close()
    client.close()


def test_address_that_cannot_be_had(start, origin):
    server, taken = origin(), origin()
    running = start(daemon.backend("main", server.address))
    mine = running.address
    running.address = taken.address
    running.write_config()
    done = running.ctl("reload", check=False)
    assert done.returncode == 1
    assert "in use" in done.stderr
    running.address = mine
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()


def test_what_cannot_change_while_running(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address))
    running.write_config(threads=2)
    done = running.ctl("reload", check=False)
    assert done.returncode == 1
    assert "threads" in done.stderr and "restart" in done.stderr


def test_sighup(start, origin):
    first, second = origin(name="first"), origin(name="second")
    running = start(daemon.backend("main", first.address))
    running.write_config(backends=daemon.backend("main", second.address))
    running.process.send_signal(signal.SIGHUP)
    running.wait_notify("RELOADING=1")
    running.wait_notify("READY=1")
    client = running.client()
    assert client.ask(GET).body == b"second"
    client.close()
