"""Reloads one after the other while clients of every kind are at work."""
import os
import re
import time

import daemon
import wire
from traffic import Ledger, Traffic, is_listening

CHECK = 'check: { tcp = true; interval = "1s"; timeout = "5s"; };'
TIMEOUTS = 'client = "20s"; server = "20s"; keep_alive = "5m"; '
TUNNELS = 20
IDLE = 20
# A long run looks for what is rare: HPCBAL_TEST_SCALE=20.
SCALE = int(os.environ.get("HPCBAL_TEST_SCALE", "1"))
ROUNDS = 50 * SCALE


class Shapes:
    """One configuration after the other: each differs from the one before in one thing."""

    def __init__(self, origins, extra):
        self.main, self.added, self.tunnel, self.other = (o.address for o in origins)
        self.extra = extra

    def parts(self, main=None, routes="", more="", timeouts="", balance="roundrobin"):
        main = main or daemon.backend("main", self.main, more=CHECK, balance=balance)
        return {
            "backends": ",".join([main, daemon.backend("ws", self.tunnel)] + more.split("&")[1:]),
            "acls": 'is_ws = "hdr(Upgrade) -i websocket";',
            "routes": '{ when = "is_ws"; backend = "ws"; }' + routes,
            "timeouts": TIMEOUTS + timeouts,
        }

    def all(self):
        both = daemon.backend("main", self.main, self.added, more=CHECK)
        other = "&" + daemon.backend("other", self.other, more=CHECK)
        route = ', { when = "path_beg /get/ path_end 7"; backend = "other"; }'
        heavy = both.replace(f'{self.added[1]}";', f'{self.added[1]}"; weight = 200;')
        assert heavy != both
        return {
            "plain": self.parts(),
            "unchanged": self.parts(),
            "a server more": self.parts(both),
            "another weight": self.parts(heavy),
            "a backend more": self.parts(heavy, more=other),
            "a route more": self.parts(heavy, route, other),
            "other timeouts": self.parts(heavy, route, other, 'request = "7s";'),
            "a server less": self.parts(None, route, other, 'request = "7s";'),
            "a backend and a route less": self.parts(),
            "another algorithm": self.parts(balance="leastconn"),
        }


def write(running, parts, extra=None):
    """With a second address to listen on, or without."""
    mine = '"%s:%d"' % running.address
    running.write_config(**parts)
    if extra:
        with open(running.path, encoding="utf-8") as f:
            text = f.read()
        with open(running.path, "w", encoding="utf-8") as f:
            f.write(text.replace(mine, '%s, "%s:%d"' % (mine, *extra)))


def judge_log(running, numbers):
    """Every request has one line, and each line says that all was well."""
    line_of = re.compile(r' (\S\S\S\S) \d+/\d+/\d+/\d+/\d+ \d+/\d+ "\w+ /(\w+)(?:/(\d+))? ')

    def lines():
        found = [line_of.search(line) for line in running.log()]
        return [m.groups() for m in found if m and m.group(2) != "ws"]
    wire.wait_for(lambda: len(lines()) >= len(numbers), "the log to be written", 10)
    bad = [line for line in lines() if line[0] != "----"]
    assert not bad
    told = sorted(int(line[2]) for line in lines())
    assert told == sorted(numbers)


def test_fifty_reloads_under_load(start, origin):
    ledger = Ledger()
    origins = [ledger.serve(origin(name=name)) for name in ("main", "added", "tunnel", "other")]
    shapes = Shapes(origins, None).all()
    extra = ("127.0.0.1", wire.free_port())
    running = start(threads=2, **shapes["plain"])
    traffic = Traffic(running.client, tunnels=TUNNELS, idle=IDLE, kept=3, fresh=2, upload=1,
                      download=1)
    order = list(shapes.values())
    try:
        for turn in range(1, ROUNDS + 1):
            listens = turn % 5 in (1, 2)
            write(running, order[turn % len(order)], extra if listens else None)
            running.ctl("reload")
            assert is_listening(extra) == listens, f"round {turn}"
    finally:
        traffic.stop()
    traffic.use_idle_ones()
    assert traffic.faults == []
    assert not ledger.doubled()
    assert traffic.answered <= set(ledger.seen)
    assert len(traffic.answered) > 300 and traffic.echoes > 20
    assert running.json("status")["generation"] == ROUNDS + 1
    server = running.server("main", "main1")
    assert (server["state"], server["requests_total"]) == ("UP", ledger.at["main"]), \
        "its counter went on through all of them"
    wire.wait_for(lambda: running.server("main", "main1")["active"] == 0, "nothing to run")
    assert running.server("ws", "ws1")["active"] == TUNNELS
    judge_log(running, ledger.seen)
    traffic.close()


def memory(pid):
    """What belongs to this process alone, in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith(("Private_Clean:", "Private_Dirty:")))


def descriptors(pid):
    return sorted(name.split(":")[0] for name in daemon.files_of(pid))


def mappings(pid):
    """Of files. The nameless ones are told by memory(): ThreadSanitizer has more and more of
    them for addresses that were mapped once."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        return sum(1 for line in f if len(line.split()) > 5 and line.split()[4] != "0")


def test_two_hundred_reloads_leave_nothing_behind(start, origin):
    ledger = Ledger()
    origins = [ledger.serve(origin(name=name)) for name in ("main", "added", "tunnel", "other")]
    shapes = Shapes(origins, None).all()
    order = list(shapes.values())
    extra = ("127.0.0.1", wire.free_port())
    running = start(threads=2, **shapes["plain"])
    pids = {"supervisor": running.process.pid, "proxy": running.child("proxy")}
    client, tunnel = running.client(), running.client()
    tunnel.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
    assert tunnel.read_response_head().status == 101

    def reload(times):
        for turn in range(times):
            write(running, order[turn % len(order)], extra if turn % 2 else None)
            running.ctl("reload")
            assert client.ask(f"GET /get/{turn} HTTP/1.1\r\nHost: a\r\n\r\n").status == 200

    def look():
        return {name: (descriptors(pid), mappings(pid)) for name, pid in pids.items()}

    def settled():
        """A tool's connection to the second address may take a moment to be closed."""
        seen = [None, look()]

        def again():
            time.sleep(0.3)
            seen[:] = [seen[1], look()]
            return seen[0] == seen[1]
        wire.wait_for(again, "descriptors and mappings to stay as they are", 20 * wire.SLOWDOWN)
        return seen[1]
    reload(2 * len(order))
    before, held = settled(), {name: memory(pid) for name, pid in pids.items()}
    reload(200 * SCALE)
    after = settled()
    for name, pid in pids.items():
        assert after[name][0] == before[name][0], f"descriptors of the {name}"
        assert after[name][1] <= before[name][1] + 8, f"mappings of the {name}"
        print(f"{name}: {held[name]} KiB before, {memory(pid)} KiB after")
        if wire.SLOWDOWN == 1:  # sanitizers keep what was freed
            assert memory(pid) < held[name] + 512, f"memory of the {name}"
    tunnel.send("x")
    assert tunnel.read_exactly(1) == b"X"
    tunnel.close()
    client.close()
