"""Limits of requests and connections, through a real daemon. Where a test counts what gets
through, the rate is so slow that no time it could take gives another token."""
import json
import os
import re
import signal
import threading
import time

import pytest

import daemon
import test_h145_h147_proxy_protocol as proxied
import wire


def get(path="/", *fields):
    return "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (path, "".join(f + "\r\n" for f in fields))


@pytest.fixture
def limited(start, origin):
    """Starts a daemon whose frontend has these limits; `.statuses()` asks it."""
    server = origin(name="main")

    def run(limits, **parts):
        running = start(daemon.backend("main", server.address),
                        frontend=f"limits = ( {limits} );", **parts)
        running.origin = server
        running.statuses = lambda *requests, **options: statuses(running, *requests, **options)
        return running
    return run


def statuses(running, *requests, **options):
    """Of requests over one connection, or more where one was closed."""
    got, client = [], running.client(**options)
    for request in requests:
        response = client.ask(request)
        got.append(response.status)
        if response.one("Connection") == b"close":
            client.close()
            client = running.client(**options)
    client.close()
    return got


def refused_total(running, name):
    return next(limit["refused_total"] for limit in running.json("limits")["limits"]
                if limit["name"] == name)


def limited_keys(running, *words):
    return {(entry["limit"], entry["key"]) for entry in running.json("limits", *words)["limited"]}


# --- requests ---

def test_burst_gets_through_and_no_more(limited):
    running = limited('{ name = "all"; rate = "5/h"; }')
    assert running.statuses(*[get()] * 9) == [200] * 5 + [429] * 4
    assert refused_total(running, "all") == 4
    assert len(running.origin.requests) == 5


def test_workers_share_a_bucket(limited):
    """Many clients at once, four workers: exactly the burst."""
    running = limited('{ name = "all"; rate = "10/d"; burst = 40; }', threads=4)
    got, barrier = [], threading.Barrier(16)

    def ask():
        barrier.wait()
        got.extend(running.statuses(*[get()] * 5))
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got.count(200), got.count(429)) == (40, 40)


def ask_for_a_second(running):
    """Asks without a pause. At each refusal it is known how many have to be through by now,
    unless the client itself was held up for so long that the bucket was full: it had taken no
    more than what had come since it began."""
    client, let, began, undisturbed = running.client(), 0, time.monotonic(), True
    first, refused = None, False
    while time.monotonic() < began + 1:
        before = time.monotonic()
        status = client.ask(get()).status
        after = time.monotonic()
        first = first or after
        undisturbed = undisturbed and (not let or let > 40 * (after - began))
        let += status == 200
        assert let <= 10 + 40 * (after - began)
        if status == 429:
            refused = True
            assert not undisturbed or let > 10 + 40 * (before - first) - 1
    client.close()
    return undisturbed and refused


def test_rate_is_kept_and_used(limited):
    running = limited('{ name = "all"; rate = "40/s"; burst = 10; }')
    for _ in range(5):
        running.ctl("limits", "clear")
        if ask_for_a_second(running):
            break


def test_retry_after_is_true(limited):
    """The first limit that refuses answers; the wait is that of the one that needs longest."""
    running = limited('{ name = "first"; rate = "1/h"; }, { name = "second"; rate = "1/2h"; }')
    client = running.client()
    assert client.ask(get()).status == 200
    response = client.ask(get())
    assert response.status == 429
    assert 3600 < int(response.one("Retry-After")) <= 7200
    assert refused_total(running, "first") == 1
    assert refused_total(running, "second") == 0
    reload_with(running, '{ name = "soon"; rate = "1/2s"; }')

    def refused():
        response = client.ask(get())
        return response if response.status == 429 else None
    after = int(wire.wait_for(refused, "a refusal").one("Retry-After"))
    assert after in (1, 2)
    time.sleep(after)
    assert client.ask(get()).status == 200


def test_what_one_limit_refuses_costs_nothing_at_another(limited):
    running = limited('{ name = "wide"; rate = "4/d"; }, '
                      '{ name = "narrow"; when = "path /n"; rate = "1/d"; }')
    assert running.statuses(*[get("/n")] * 6) == [200] + [429] * 5
    assert running.statuses(*[get("/")] * 4) == [200] * 3 + [429]


def test_h82_a_limit_answers_429_and_the_connection_stays(limited):
    running = limited('{ name = "all"; rate = "1/d"; }')
    client = running.client()
    assert client.ask(get()).status == 200
    response = client.ask(get())
    assert response.status == 429
    assert response.reason == b"Too Many Requests"
    assert b"<p>over a limit of requests</p>" in response.body
    assert int(response.one("Retry-After")) in range(86000, 86401)
    client.expect_open()
    assert client.ask(get()).status == 429
    head = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", method="HEAD")
    assert (head.status, head.body) == (429, b"")
    running.wait_log(r' front front/<NOSRV> \d+/-1/-1/-1/\d+ 429 \d+ - - PR-- \S+ 0/0 '
                     r'\{limit:all\} "GET / HTTP/1\.1" LIMIT_REQUESTS id=\w{32}$')


def test_request_with_a_body_is_refused_before_its_body(limited):
    running = limited('{ name = "all"; rate = "1/d"; }')
    assert running.statuses(get()) == [200]
    client = running.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf")
    response = client.read_response()
    assert response.status == 429
    assert response.one("Connection") == b"close"
    client.send("x" * 90000)
    client.expect_closed()
    assert len(running.origin.requests) == 1


# --- what is counted apart ---

def test_by_source_and_network(limited):
    running = limited('{ name = "host"; rate = "2/d"; }, '
                      '{ name = "net"; by = "src/24"; rate = "3/d"; }')
    assert running.statuses(*[get()] * 3, source="127.0.0.1") == [200, 200, 429]
    assert running.statuses(*[get()] * 3, source="127.0.0.2") == [200, 429, 429]
    assert running.statuses(*[get()] * 3, source="127.0.1.2") == [200, 200, 429]
    assert limited_keys(running) == {("host", "127.0.0.1"), ("net", "127.0.0.0/24"),
                                     ("host", "127.0.1.2")}


def test_by_header(limited):
    running = limited('{ name = "token"; by = "hdr(Authorization)"; rate = "2/d"; }')
    one, other = get("/", "Authorization: one"), get("/", "authorization:   other ")
    assert running.statuses(one, one, one) == [200, 200, 429]
    assert running.statuses(other, other, other) == [200, 200, 429]
    assert running.statuses(one, source="127.0.0.2") == [429]
    assert running.statuses(*[get()] * 5) == [200] * 5  # what has none is not counted


def test_by_cookie(limited):
    running = limited('{ name = "session"; by = "cookie(sid)"; rate = "2/d"; }')
    one = get("/", "Cookie: a=b; sid=one; c=d")
    assert running.statuses(one, get("/", "Cookie: sid=one"), one) == [200, 200, 429]
    assert running.statuses(get("/", "Cookie: sid=other")) == [200]
    assert running.statuses(get("/", "Cookie: xsid=one; side=one"), get("/", "Cookie: sid")) == \
        [200] * 2


@pytest.mark.parametrize("by, field", [("hdr(X-Key)", "X-Key: %s"),
                                       ("cookie(sid)", "Cookie: sid=%s")])
def test_a_value_that_comes_twice_is_no_way_around(limited, by, field):
    """Who is refused by his own value, and sends another one in front of it or behind it."""
    running = limited('{ name = "key"; by = "%s"; rate = "2/d"; }' % by)
    twice = [get("/", field % f"junk{i}", field % "mine") for i in range(3)]
    assert running.statuses(*[get("/", field % "mine")] * 3) == [200, 200, 429]
    assert running.statuses(*twice) == [200, 200, 429]
    assert running.statuses(get("/", field % "mine", field % "junk9")) == [429]


def test_by_route_and_its_condition(limited):
    running = limited('{ name = "api"; by = "route"; when = "is_api !src 127.0.0.9"; '
                      'rate = "3/d"; }', acls='is_api = "path_beg /api";')
    assert running.statuses(get("/api/1"), source="127.0.0.1") == [200]
    assert running.statuses(get("/api/2"), source="127.0.0.2") == [200]
    assert running.statuses(get("/api/3"), get("/api/4"), source="127.0.0.3") == [200, 429]
    assert running.statuses(*[get("/web")] * 5, source="127.0.0.3") == [200] * 5
    assert running.statuses(*[get("/api")] * 5, source="127.0.0.9") == [200] * 5
    assert limited_keys(running) == {("api", "all")}


def test_limits_of_two_frontends_are_two(start, origin):
    server = origin(name="main")
    other = ("127.0.0.1", wire.free_port())
    running = start(config="""
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
frontends = (
  { name = "one"; bind = ( "{listen}" ); default_backend = "main";
    limits = ( { name = "all"; rate = "1/d"; } ); },
  { name = "two"; bind = ( "127.0.0.1:%d" ); default_backend = "main";
    limits = ( { name = "all"; rate = "2/d"; } ); } );
backends = ( %s );
""" % (other[1], daemon.backend("main", server.address)))
    assert statuses(running, get(), get()) == [200, 429]
    client = wire.Client(other)
    assert [client.ask(get()).status for _ in range(3)] == [200, 200, 429]
    running.ctl("limits", "clear", "two/all")
    assert client.ask(get()).status == 200
    assert statuses(running, get()) == [429]
    running.ctl("limits", "clear", "all")
    assert statuses(running, get()) == [200]


# --- what is told ---

def test_secrets_are_told_nowhere(limited):
    running = limited('{ name = "token"; by = "hdr(Authorization)"; rate = "1/d"; }, '
                      '{ name = "session"; by = "cookie(sid)"; rate = "1/d"; }, '
                      '{ name = "app"; by = "hdr(X-App)"; rate = "1/d"; }', log_format="json")
    running.statuses(*[get("/", "Authorization: Basic hunter2")] * 2)
    running.statuses(*[get("/", "Cookie: sid=hunter2")] * 2)
    running.statuses(*[get("/", "X-App: mobile")] * 2)
    running.wait_log('"limited":{"name":"app","key":"mobile","dry_run":false}')
    keys = dict(limited_keys(running))
    assert keys["app"] == "mobile"
    assert re.fullmatch("#[0-9a-f]{16}", keys["token"])
    assert re.fullmatch("#[0-9a-f]{16}", keys["session"])
    running.ctl("limits", "exempt", "Basic hunter2", "token")
    running.ctl("limits", "exempt", "hunter2")
    said = "\n".join(running.log()) + running.ctl("limits").stdout + running.stderr() + \
        running.ctl("events").stdout + running.ctl("metrics").stdout
    assert keys["token"] in said
    assert "hunter2" not in said


def test_dry_run_counts_and_logs_and_lets_through(limited):
    running = limited('{ name = "try"; rate = "2/d"; dry_run = true; }')
    assert running.statuses(*[get()] * 5) == [200] * 5
    limit = running.json("limits")["limits"][0]
    assert (limit["would_refuse_total"], limit["refused_total"]) == (3, 0)
    entry = running.json("limits")["limited"][0]
    assert (entry["key"], entry["refused"], entry["dry_run"]) == ("127.0.0.1", 3, True)
    running.wait_log(r'main/main1 .* 200 .* 0/0 \{dry_run:try\} "GET / HTTP')
    running.wait_log(r"notice: limit front/try \(dry run\) would refuse 127\.0\.0\.1;")
    wire.wait_for(lambda: len([l for l in running.log() if '"GET /' in l]) == 5, "five lines")
    assert len([l for l in running.log() if "would refuse" in l]) == 1
    assert len([l for l in running.log() if "{dry_run:try}" in l]) == 3
    metrics = running.ctl("metrics").stdout
    assert 'hpcbal_limit_would_refuse_total{frontend="front",limit="try"} 3\n' in metrics
    assert 'hpcbal_limit_refused_total{frontend="front",limit="try"} 0\n' in metrics


def test_dry_run_beside_a_limit_that_refuses(limited):
    running = limited('{ name = "try"; rate = "1/d"; dry_run = true; }, '
                      '{ name = "all"; rate = "2/d"; }', log_format="json")
    assert running.statuses(*[get()] * 4) == [200, 200, 429, 429]
    wire.wait_for(lambda: len([l for l in running.log() if l.startswith("{")]) == 4, "4 lines")
    limits = [json.loads(line)["limited"] for line in running.log() if line.startswith("{")]
    assert [limit and (limit["name"], limit["dry_run"]) for limit in limits] == \
        [None, ("try", True), ("all", False), ("all", False)]


# --- reloads and deaths ---

def reload_with(running, limits):
    running.write_config(frontend=f"limits = ( {limits} );")
    running.ctl("reload")


def test_reload_gives_nobody_a_new_bucket(limited):
    running = limited('{ name = "all"; rate = "3/d"; }')
    client = running.client()
    assert [client.ask(get()).status for _ in range(2)] == [200, 200]
    reload_with(running, '{ name = "more"; by = "hdr(X)"; rate = "1/d"; }, '
                         '{ name = "all"; rate = "3/d"; }')
    assert [client.ask(get()).status for _ in range(2)] == [200, 429]
    assert refused_total(running, "all") == 1
    # Under another rate what was taken counts, and no more than a whole bucket.
    reload_with(running, '{ name = "all"; rate = "20/s"; burst = 1; }')
    wire.wait_for(lambda: client.ask(get()).status == 200, "the new rate to let one through",
                  patience=10)
    reload_with(running, '{ name = "other"; rate = "1/d"; }')
    assert [client.ask(get()).status for _ in range(2)] == [200, 429]
    assert limited_keys(running) == {("other", "127.0.0.1")}
    reload_with(running, "")
    assert [client.ask(get()).status for _ in range(3)] == [200] * 3
    assert running.ctl("limits").stdout == "no frontend has limits\n"


def kill_proxy(running):
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    wire.wait_for(lambda: running.child("proxy") not in (None, before), "another proxy")
    running.first_proxy = running.child("proxy")
    running.wait_log(r"serves again")


def test_killed_proxy_gives_nobody_a_new_bucket(limited):
    running = limited('{ name = "all"; rate = "3/d"; }')
    assert running.statuses(get(), get()) == [200, 200]
    running.ctl("limits", "exempt", "127.0.0.7")
    kill_proxy(running)
    assert running.statuses(get(), get()) == [200, 429]
    assert running.statuses(*[get()] * 5, source="127.0.0.7") == [200] * 5


# --- hpcbalctl limits ---

def test_listing_for_people(limited):
    running = limited('{ name = "login"; when = "path /login"; rate = "2/h"; }, '
                      '{ name = "conns"; connections = 100; }')
    assert running.statuses(*[get("/login")] * 5) == [200] * 2 + [429] * 3
    said = running.ctl("limits").stdout
    assert re.search(r"^front/login +src +2/h, 2 at once +3 +0 +-$", said, re.M)
    assert re.search(r"^front/conns +src +100 connections +0 +0 +-$", said, re.M)
    assert re.search(r"^front/login +127\.0\.0\.1 +\d+s +3 +\d+m +- +-$", said, re.M)
    entry = running.json("limits", "login")["limited"][0]
    assert entry["since"] <= entry["last"] < entry["until"]
    assert running.json("limits", "conns")["limited"] == []
    done = running.ctl("limits", "logn", check=False)
    assert (done.returncode, done.stderr) == \
        (1, 'hpcbalctl: there is no limit "logn"; did you mean "login"?\n')


def test_clear(limited):
    running = limited('{ name = "all"; rate = "1/d"; }')
    assert running.statuses(get(), get()) == [200, 429]
    assert running.statuses(get(), get(), source="127.0.0.2") == [200, 429]
    assert running.ctl("limits", "clear", "127.0.0.2").stdout == "cleared 1 key\n"
    assert running.statuses(get(), get(), source="127.0.0.2") == [200, 429]
    assert running.statuses(get()) == [429]
    assert running.ctl("limits", "clear", "all").stdout == "cleared 2 keys of all\n"
    assert limited_keys(running) == set()
    assert running.statuses(get()) == [200]
    done = running.ctl("limits", "clear", "all", "192.0.2.1", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing is counted of the key" in done.stderr
    wire.wait_for(lambda: "limits: cleared 2 keys of all" in running.ctl("events").stdout,
                  "the event")


def test_exempt_and_enforce(limited):
    running = limited('{ name = "all"; rate = "1/d"; }, '
                      '{ name = "other"; when = "path /o"; rate = "2/d"; }')
    assert running.statuses(get("/o"), get("/o")) == [200, 429]
    assert running.ctl("limits", "exempt", "127.0.0.0/28", "all").stdout == \
        "127.0.0.0/28 is exempt from the limit all\n"
    assert running.statuses(*[get("/o")] * 3) == [200, 429, 429]  # the other one still holds
    assert running.statuses(*[get()] * 3) == [200] * 3
    assert running.statuses(get(), get(), source="127.0.0.16") == [200, 429]
    listing = running.json("limits")
    assert [(e["key"], e["limit"], e["until"]) for e in listing["exempt"]] == \
        [("127.0.0.0/28", "all", None)]
    assert {entry["key"]: entry["exempt"] for entry in listing["limited"]
            if entry["limit"] == "all"} == {"127.0.0.1": True, "127.0.0.16": False}
    assert next(l for l in listing["limits"] if l["name"] == "all")["exempted_total"] == 6
    reload_with(running, '{ name = "all"; rate = "1/d"; }')
    assert running.statuses(get()) == [200]
    assert running.ctl("limits", "enforce", "127.0.0.0/28").stdout == \
        "127.0.0.0/28 is exempt no more\n"
    assert running.statuses(get()) == [429]
    done = running.ctl("limits", "enforce", "127.0.0.0/28", check=False)
    assert done.returncode == 1 and "is not exempt" in done.stderr


def test_exemption_for_a_time_ends_by_itself(limited):
    running = limited('{ name = "all"; by = "hdr(X-App)"; rate = "1/d"; }')
    ask = get("/", "X-App: mobile")
    assert running.statuses(ask, ask) == [200, 429]
    began = time.monotonic()
    running.ctl("limits", "exempt", "mobile", "all", "--for", "1s")
    first = running.statuses(ask)
    assert first == [200] or time.monotonic() > began + 1
    wire.wait_for(lambda: running.statuses(ask) == [429], "the exemption to end")
    assert time.monotonic() >= began + 1
    assert running.json("limits")["exempt"] == []


# --- connections ---

def turned_away(running, **options):
    client = running.client(**options)
    response = client.read_response()
    client.expect_closed()
    return response


def admitted(running, **options):
    """A connection that was asked something, and so is counted for sure."""
    client = running.client(**options)
    assert client.ask(get()).status == 200
    return client


def test_far_over_its_connections_a_source_is_closed_unanswered(limited):
    """Those that are being told, and stay to hear it, are bounded too."""
    running = limited('{ name = "conns"; connections = 1; }', log_format="json")
    kept = [admitted(running)]
    closed = 0
    while not closed and len(kept) < 200:
        client = running.client()
        kept.append(client)  # its side stays open
        closed += not client.sock.recv(4096)
    assert closed, "nobody was closed unanswered"
    line = json.loads(running.wait_log("LIMIT_CONNECTIONS_CUT"))
    assert (line["status"], line["client"].rsplit(":", 1)[0]) == (None, "127.0.0.1")
    admitted(running, source="127.0.0.2").close()


def connections(running, name="conns"):
    return {entry["key"]: entry["connections"] for entry in running.json("limits")["limited"]
            if entry["limit"] == name}


def test_connections_of_a_source(limited):
    running = limited('{ name = "conns"; connections = 2; }')
    kept = [admitted(running) for _ in range(2)]
    response = turned_away(running)
    assert response.status == 429
    assert response.one("Connection") == b"close"
    assert response.one("Retry-After") == b"1"
    assert b"<p>over a limit of connections</p>" in response.body
    running.wait_log(r' front front/<NOSRV> -1/-1/-1/-1/\d+ 429 \d+ - - PR-- \S+ 0/0 '
                     r'\{limit:conns\} "<BADREQ>" LIMIT_CONNECTIONS id=\w{32}$')
    admitted(running, source="127.0.0.2").close()
    assert connections(running) == {"127.0.0.1": 2}
    kept.pop().close()
    wire.wait_for(lambda: connections(running) == {"127.0.0.1": 1}, "a connection to be given up")
    kept.append(admitted(running))
    assert turned_away(running).status == 429
    assert refused_total(running, "conns") == 2
    # One that has asked already when it is turned away gets the answer to that.
    client = running.client()
    client.send(get())
    assert client.read_response().status == 429
    client.expect_closed()
    assert [client.ask(get()).status for client in kept] == [200, 200]


def test_connections_that_wait_to_be_told_are_few(limited):
    """Who opens connections without end, and reads none of the answers, holds sixteen more."""
    running = limited('{ name = "conns"; connections = 1; }')
    kept = [admitted(running)]
    for _ in range(40):
        kept.append(running.client())
    wire.wait_for(lambda: refused_total(running, "conns") == 40, "all to be turned away")
    running.wait_log(r' front front/<NOSRV> \S+ -1 0 - - PR-- \S+ 0/0 \{limit:conns\} '
                     r'"<BADREQ>"')
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] <= 17,
                  "those that are over to be closed")
    assert kept[0].ask(get()).status == 200


def test_connections_over_reloads(limited):
    running = limited('{ name = "conns"; connections = 2; }')
    kept = [admitted(running) for _ in range(2)]
    reload_with(running, '{ name = "other"; rate = "1000/s"; }, '
                         '{ name = "conns"; connections = 2; }')
    assert turned_away(running).status == 429
    assert [client.ask(get()).status for client in kept] == [200, 200]
    # A limit that comes counts those who are there; it turns none of them away.
    reload_with(running, '{ name = "strict"; connections = 1; }')
    assert turned_away(running).status == 429
    assert [client.ask(get()).status for client in kept] == [200, 200]
    assert connections(running, "strict") == {"127.0.0.1": 2}
    reload_with(running, '{ name = "strict"; connections = 3; }')
    kept.append(admitted(running))
    assert turned_away(running).status == 429
    reload_with(running, "")
    kept.append(admitted(running))
    reload_with(running, '{ name = "strict"; connections = 4; }')
    wire.wait_for(lambda: connections(running, "strict") == {"127.0.0.1": 4},
                  "all four to be counted")
    for client in kept:
        client.close()
    wire.wait_for(lambda: connections(running, "strict").get("127.0.0.1", 0) == 0,
                  "all to be given up")


def test_connections_of_a_killed_proxy_are_gone(limited):
    running = limited('{ name = "conns"; connections = 2; }')
    old = [admitted(running) for _ in range(2)]
    assert turned_away(running).status == 429
    kill_proxy(running)
    kept = [admitted(running) for _ in range(2)]
    assert turned_away(running).status == 429
    for client in old + kept:
        client.close()


def test_connections_in_a_dry_run_and_exempt_ones(limited):
    running = limited('{ name = "try"; connections = 1; dry_run = true; }, '
                      '{ name = "conns"; connections = 3; }')
    kept = [admitted(running) for _ in range(3)]
    assert [client.ask(get()).status for client in kept] == [200] * 3
    wire.wait_for(lambda: len([l for l in running.log() if "{dry_run:try}" in l]) == 4,
                  "the lines of both connections")
    running.wait_log(r"limit front/try \(dry run\) would refuse 127\.0\.0\.1;")
    assert turned_away(running).status == 429
    running.ctl("limits", "exempt", "127.0.0.1", "conns")
    kept += [admitted(running) for _ in range(2)]
    assert connections(running) == {"127.0.0.1": 5}
    running.ctl("limits", "enforce", "127.0.0.1")
    assert turned_away(running).status == 429
    assert [client.ask(get()).status for client in kept] == [200] * 5


def test_connections_by_route(limited):
    running = limited('{ name = "conns"; by = "route"; when = "!src 127.0.0.9"; '
                      'connections = 2; }')
    kept = [admitted(running, source=f"127.0.0.{i}") for i in (1, 2)]
    assert turned_away(running, source="127.0.0.3").status == 429
    kept += [admitted(running, source="127.0.0.9") for _ in range(3)]
    assert connections(running) == {"all": 2}


# --- behind a proxy, and in mode tcp ---

def test_limits_see_the_client_that_a_proxy_header_names(start, origin):
    server = origin(name="main")
    running = start(config=proxied.configuration(
        daemon.backend("main", server.address), log_format="haproxy",
        frontend='limits = ( { name = "all"; rate = "2/d"; }, '
                 '{ name = "conns"; connections = 2; } );'))

    def client(address):
        one = running.client(source=proxied.LISTED)
        one.send(proxied.v2(src=address))
        return one
    kept = [client("192.0.2.7") for _ in range(2)]
    assert [one.ask(get()).status for one in kept] == [200, 200]
    over = client("192.0.2.7")
    assert b"over a limit of connections<" in over.read_response().body
    over.expect_closed()
    running.wait_log(r"^192\.0\.2\.7:5555 .* 429 .*\{limit:conns\}")
    other = client("192.0.2.8")
    assert [other.ask(get()).status for _ in range(3)] == [200, 200, 429]
    assert kept[0].ask(get()).status == 429
    assert limited_keys(running) == {("all", "192.0.2.7"), ("all", "192.0.2.8"),
                                     ("conns", "192.0.2.7")}
    for one in kept + [other]:
        one.close()
    wire.wait_for(lambda: connections(running).get("192.0.2.7") == 0, "them to be given up")


def test_limits_in_mode_tcp(start, origin):
    """A connection is what a request is elsewhere; who is refused is closed without an answer."""
    server = origin(name="main")
    running = start(daemon.backend("main", server.address, more='mode = "tcp";'),
                    frontend='mode = "tcp"; limits = ( { name = "all"; rate = "4/d"; }, '
                             '{ name = "conns"; connections = 2; } );')
    kept = [admitted(running) for _ in range(2)]
    over = running.client()
    over.expect_closed()
    running.wait_log(r" front front/<NOSRV> \S+ 0 PR \S+ 0/0 "
                     r"\{limit:conns\} LIMIT_\w+ id=\w{32}$")
    assert [client.ask(get()).status for client in kept] == [200, 200]
    kept.pop().close()
    wire.wait_for(lambda: connections(running) == {"127.0.0.1": 1}, "one to be given up")
    for _ in range(2):
        admitted(running).close()
        wire.wait_for(lambda: connections(running) == {"127.0.0.1": 1}, "one to be given up")
    over = running.client()
    over.expect_closed()
    running.wait_log(r" front front/<NOSRV> \S+ 0 PR \S+ 0/0 "
                     r"\{limit:all\} LIMIT_\w+ id=\w{32}$")
    assert (refused_total(running, "all"), refused_total(running, "conns")) == (1, 1)
    running.ctl("limits", "exempt", "127.0.0.1", "all")
    admitted(running).close()
    assert kept[0].ask(get()).status == 200
