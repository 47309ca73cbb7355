"""Which server gets a request: balancing, and the checks that decide who may."""
import collections
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def spread(running, count, **options):
    """Who answered how often, over one connection."""
    client = running.client(**options)
    bodies = collections.Counter(client.ask(GET).body.decode() for _ in range(count))
    client.close()
    return bodies


def test_roundrobin(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(daemon.backend("main", *[s.address for s in servers]))
    assert spread(running, 30) == {"a": 10, "b": 10, "c": 10}


def test_roundrobin_across_workers(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(daemon.backend("main", *[s.address for s in servers]), threads=4)
    total = collections.Counter()
    for _ in range(20):
        total += spread(running, 3)
    assert total == {"a": 30, "b": 30}


def test_weights(start, origin):
    a, b = origin(name="a"), origin(name="b")
    text = daemon.backend("main", a.address, b.address).replace(
        f'"127.0.0.1:{b.address[1]}";', f'"127.0.0.1:{b.address[1]}"; weight = 300;', 1)
    running = start(text.replace("weight = 300", "weight = 200"))
    assert spread(running, 30) == {"a": 10, "b": 20}


def test_leastconn_counts_running_requests(start, origin):
    a, b = origin(name="a"), origin(name="b")
    running = start(daemon.backend("main", a.address, b.address, balance="leastconn"))
    for server in (a, b):
        server.answer = lambda request, connection: connection.read_to_end(60) and None
    busy = running.client()
    busy.send(GET)
    wire.wait_for(lambda: a.requests or b.requests, "the request")
    free = b if a.requests else a
    free.answer = wire.answer(b"free")
    assert spread(running, 10) == {"free": 10}
    busy.close()


def test_source_keeps_a_client_at_its_server(start, origin):
    servers = [origin(name=name) for name in "abc"]
    everyone = [s.address for s in servers]
    running = start(daemon.backend("main", *everyone, balance="source"))
    sources = [f"127.0.1.{n}" for n in range(1, 61)]

    def homes():
        found = {}
        for source in sources:
            answers = spread(running, 2, source=source)
            assert len(answers) == 1, "a client has one server"
            found[source] = answers.popitem()[0]
        return found
    before = homes()
    assert set(before.values()) == {"a", "b", "c"}
    running.write_config(backends=daemon.backend("main", *everyone[:2], balance="source"))
    running.ctl("reload")
    after = homes()
    for source in sources:
        if before[source] != "c":
            assert after[source] == before[source], "only clients of the one that left move"


def test_backup_takes_over(start, origin):
    first, backup = origin(name="first"), origin(name="backup")
    text = daemon.backend("main", first.address, backup.address,
                          more='check: { tcp = true; interval = "100ms"; timeout = "5s"; '
                               'fall = 2; };')
    running = start(text.replace(f'{backup.address[1]}";', f'{backup.address[1]}"; backup = true;'))
    assert spread(running, 4) == {"first": 4}
    first.close()
    running.wait_server("main", "main1", "DOWN")
    assert spread(running, 4) == {"backup": 4}


HTTP_CHECK = ('check: { http = "GET /health"; interval = "100ms"; timeout = "5s"; fall = 3; '
              'rise = 2; };')


def test_check_decides_before_traffic_is_let_through(start, origin):
    good, bad = origin(name="good"), origin(name="bad")
    bad.answer = wire.answer(b"", 503)
    running = start(daemon.backend("main", good.address, bad.address, more=HTTP_CHECK))
    assert spread(running, 10) == {"good": 10}
    assert running.server("main", "main2")["state"] == "DOWN"
    assert running.server("main", "main2")["check"]["status"] == 503


def test_check_follows_rise_and_fall(start, origin):
    server, spare = origin(name="main"), origin(name="spare")
    running = start(daemon.backend("main", server.address, spare.address, more=HTTP_CHECK))
    asked = []

    def sick(request, connection):
        asked.append(request.target)
        return wire.answer(b"", 500)
    server.answer = sick
    running.wait_server("main", "main1", "DOWN")
    assert asked.count("/health") >= 3, "three failures in a row"
    assert spread(running, 6) == {"spare": 6}
    server.answer = wire.answer(b"main")
    running.wait_server("main", "main1", "UP")
    assert set(spread(running, 6)) == {"main", "spare"}
    for state in ("DOWN", "UP"):
        wire.wait_for(lambda s=state: f"main/main1 is {s}" in running.ctl("events").stdout,
                      f"the event {state}")


@pytest.mark.parametrize("misbehave", [
    lambda request, connection: connection.close(),
    lambda request, connection: connection.reset(),
    lambda request, connection: connection.read_to_end(60) and None,
    lambda request, connection: b"hello world\r\n\r\n",
], ids=["closes", "resets", "hangs", "nonsense"])
def test_check_of_a_server_that_misbehaves(start, origin, misbehave):
    server = origin()
    server.answer = misbehave
    check = 'check: { http = "GET /"; interval = "100ms"; timeout = "200ms"; };'
    running = start(daemon.backend("main", server.address, more=check))
    entry = running.server("main", "main1")
    assert entry["state"] == "DOWN"
    assert entry["check"]["reason"]
    client = running.client()
    assert client.ask(GET).status == 503
    client.close()


def test_tcp_check(start, origin):
    server = origin()
    refusing = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", server.address, refusing,
                                   more='check: { tcp = true; interval = "100ms"; '
                                        'timeout = "5s"; };'))
    assert running.server("main", "main1")["state"] == "UP"
    assert running.server("main", "main2")["state"] == "DOWN"
    assert spread(running, 6) == {"origin": 6}
    late = origin(name="late", port=refusing[1])
    running.wait_server("main", "main2", "UP")
    assert spread(running, 6) == {"origin": 3, "late": 3}
    late.close()


def test_checks_are_spread_in_time(start, origin):
    """Each server has its own place in the interval, by its name and address: six of them never
    fall into one twelfth of it together."""
    servers = [origin() for _ in range(6)]
    interval = 0.4
    times = []

    def note(request, connection):
        times.append(time.monotonic())
        return wire.answer(b"")
    for server in servers:
        server.answer = note
    check = f'check: {{ http = "GET /"; interval = "{interval * 1000:.0f}ms"; }};'
    start(daemon.backend("main", *[s.address for s in servers], more=check))
    wire.wait_for(lambda: len(times) >= 5 * len(servers), "five rounds of checks")
    places = sorted(at % interval for at in times[len(servers):])
    empty = max(b - a for a, b in zip(places, places[1:] + [places[0] + interval]))
    assert empty < interval * 11 / 12, "all at once"
