"""Balancing in full: keys, bounds, chance and order."""
import collections
import os
import re
import signal

import daemon
import wire


def request(target="/", *fields):
    lines = [f"GET {target} HTTP/1.1", "Host: a", *fields]
    return "\r\n".join(lines) + "\r\n\r\n"


def homes(running, requests):
    """Who answered each request, over one connection."""
    client = running.client()
    found = [client.ask(one).body.decode() for one in requests]
    client.close()
    return found


def block(servers, balance, more="", server_more=""):
    return daemon.backend("main", *[s.address for s in servers], balance=balance, more=more,
                          server_more=server_more)


KEYED = {
    "uri": lambda n: request(f"/page/{n}"),
    "hdr(X-User)": lambda n: request("/", f"x-user: user{n}"),
    "query(id)": lambda n: request(f"/?a={n % 3}&id={n}"),
    "cookie(SID)": lambda n: request("/", f"Cookie: a=b; SID=session{n}"),
}


def test_a_key_keeps_its_server_and_only_a_share_moves(start, origin):
    servers = [origin(name=name) for name in "abc"]
    for balance, make in KEYED.items():
        running = start(block(servers, balance), threads=2)
        asked = [make(n) for n in range(60)]
        before = homes(running, asked)
        assert homes(running, asked) == before, balance
        assert set(before) == {"a", "b", "c"}, balance
        running.write_config(backends=block(servers[:2], balance))
        running.ctl("reload")
        after = homes(running, asked)
        assert [now for was, now in zip(before, after) if was != "c"] == \
            [was for was in before if was != "c"], f"{balance}: only those of the one that left"
        assert set(after) == {"a", "b"}, balance


def test_what_is_not_the_key_does_not_matter(start, origin):
    servers = [origin(name=name) for name in "abcd"]
    running = start(block(servers, "uri"))
    assert len(set(homes(running, [request(f"/one?n={n}") for n in range(12)]))) == 1
    running.write_config(backends=block(servers, "query(id)"))
    running.ctl("reload")
    assert len(set(homes(running, [request(f"/{n}?id=7&n={n}") for n in range(12)]))) == 1


def test_two_nodes_choose_alike(start, origin):
    servers = [origin(name=name) for name in "abcd"]
    one = start(block(servers, "hdr(X-User)"))
    turned = ", ".join('{ name = "main%d"; address = "127.0.0.1:%d"; }' % (n + 1, s.address[1])
                       for n, s in reversed(list(enumerate(servers))))
    other = start('{ name = "main"; balance = "hdr(X-User)"; servers = ( %s ); }' % turned)
    asked = [KEYED["hdr(X-User)"](n) for n in range(40)]
    assert homes(one, asked) == homes(other, asked)


def test_without_the_field_it_goes_in_turn(start, origin):
    servers = [origin(name=name) for name in "abc"]
    for balance, plain in (("hdr(X-User)", request()), ("hdr(X-User)", request("/", "X-User:")),
                           ("query(id)", request("/?other=1")), ("cookie(SID)", request())):
        running = start(block(servers, balance))
        assert collections.Counter(homes(running, [plain] * 12)) == {"a": 4, "b": 4, "c": 4}


def test_a_hot_key_spills_over(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(block(servers, "uri"), threads=2)
    home = homes(running, [request("/hot")])[0]
    for server in servers:
        server.reset()
        server.answer = lambda request, connection: connection.read_to_end(60) and None
    clients = [running.client() for _ in range(24)]
    for n, client in enumerate(clients):
        client.send(request("/hot"))
        wire.wait_for(lambda n=n: sum(len(s.requests) for s in servers) == n + 1, "the request")
    counts = {server.name: len(server.requests) for server in servers}
    # 24 of three equal servers: a share is 8, and half of it more is the most.
    assert max(counts.values()) == counts[home] == 12, counts
    assert min(counts.values()) < 12, counts
    for client in clients:
        client.close()


def test_random_uses_all(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers, "random"))
    counts = collections.Counter(homes(running, [request()] * 200))
    # An even coin that falls 200 times is outside of this once in a million runs.
    assert min(counts["a"], counts["b"]) > 65, counts


def test_first_uses_the_first(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers, "first"))
    assert homes(running, [request()] * 6) == ["a"] * 6
    running.ctl("maint", "main/main1")
    assert homes(running, [request()] * 6) == ["b"] * 6


def test_explain_names_the_algorithm(start, origin):
    running = start(block([origin(name="a")], "hdr(X-User)"))
    assert "balance hdr(X-User)" in running.ctl("explain", "GET", "/").stdout
    assert running.json("status")["backends"][0]["balance"] == "hdr(X-User)"


# --- backups ---

def backups(servers, more=""):
    """The first is none."""
    text = block(servers, "roundrobin", more=more)
    for server in servers[1:]:
        address = f'127.0.0.1:{server.address[1]}";'
        text = text.replace(address, address + " backup = true;")
    return text


def test_the_first_backup_gets_all(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(backups(servers))
    running.ctl("maint", "main/main1")
    assert homes(running, [request()] * 6) == ["b"] * 6
    running.ctl("maint", "main/main2")
    assert homes(running, [request()] * 6) == ["c"] * 6
    running.ctl("ready", "main/main1")
    assert homes(running, [request()] * 6) == ["a"] * 6


def test_all_backups_when_they_are_wanted(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(backups(servers, more="all_backups = true;"))
    assert homes(running, [request()] * 6) == ["a"] * 6
    running.ctl("maint", "main/main1")
    assert collections.Counter(homes(running, [request()] * 12)) == {"b": 6, "c": 6}


# --- slow start ---

def slow_pair(origin, time):
    """Two servers that are checked; the second has a slow start."""
    servers = [origin(name=name) for name in "ab"]
    address = f'127.0.0.1:{servers[1].address[1]}";'
    text = block(servers, "roundrobin",
                 more='check: { http = "GET /health"; interval = "50ms";'
                      ' timeout = "5s"; rise = 1; fall = 1; };')
    return servers, text.replace(address, f'{address} slow_start = "{time}";')


def falls_and_comes_back(running, server):
    server.answer = wire.answer(b"", 503)
    running.wait_server("main", "main2", "DOWN")
    server.answer = wire.answer(b"b")
    running.wait_server("main", "main2", "UP")


def test_slow_start_when_it_comes_back_and_not_at_first(start, origin):
    servers, text = slow_pair(origin, "24h")
    running = start(text)
    assert collections.Counter(homes(running, [request()] * 40)) == {"a": 20, "b": 20}
    falls_and_comes_back(running, servers[1])
    assert homes(running, [request()] * 40).count("b") <= 2
    assert "(0%)" in running.ctl("servers").stdout
    assert "slow start" in running.ctl("explain", "GET", "/").stdout
    percents = [s["weight_percent"] for s in running.json("servers")["servers"]]
    assert percents[0] == 100 and percents[1] < 5
    metrics = running.ctl("metrics").stdout
    for name, server, value in (("slow_starts_total", "main1", "0"),
                                ("slow_starts_total", "main2", r"[1-9]\d*"),
                                ("weight_ratio", "main1", "1.00"),
                                ("weight_ratio", "main2", r"0\.0[0-4]")):
        assert re.search(rf'^hpcbal_server_{name}{{backend="main",server="{server}"}} {value}$',
                         metrics, re.M), metrics

    # A proxy that is started again goes on with it.
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    wire.wait_for(lambda: running.child("proxy") not in (None, before), "a new proxy")
    running.first_proxy = running.child("proxy")
    running.wait_server("main", "main2", "UP")
    assert homes(running, [request()] * 40).count("b") <= 2

    # And a reload that changes the time, too: then it is over.
    running.write_config(backends=text.replace('"24h"', '"1ms"'))
    running.ctl("reload")
    assert collections.Counter(homes(running, [request()] * 40)) == {"a": 20, "b": 20}


def test_slow_start_ends_with_its_time(start, origin):
    servers, text = slow_pair(origin, "300ms")
    running = start(text)
    falls_and_comes_back(running, servers[1])
    wire.wait_for(lambda: [s["weight_percent"] for s in running.json("servers")["servers"]] ==
                  [100, 100], "the end of the slow start")
    assert collections.Counter(homes(running, [request()] * 40)) == {"a": 20, "b": 20}


def test_slow_start_after_maintenance_and_not_after_drain(start, origin):
    _, text = slow_pair(origin, "1h")
    running = start(text)
    running.ctl("drain", "main/main2")
    running.ctl("ready", "main/main2")
    assert homes(running, [request()] * 40).count("b") == 20
    running.ctl("maint", "main/main2")
    running.ctl("ready", "main/main2")
    assert homes(running, [request()] * 40).count("b") <= 2
