"""Circuit breaking: who is ejected for what requests met with, and who is not."""
import datetime
import os
import signal

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def breaker(settings=""):
    return f'breaker: {{ consecutive = 3; ejection = "30s"; {settings} }}; retries = 0;'


def ask(running, count):
    """Each on a connection of its own; the bodies and statuses of the answers."""
    got = []
    for _ in range(count):
        client = running.client()
        answer = client.ask(GET)
        got.append((answer.status, answer.body.decode()))
        client.close()
    return got


def row(running, name):
    return running.json("servers", f"main/{name}")["servers"][0]


@pytest.mark.parametrize("misbehave, why", [
    (lambda request, connection: wire.answer(b"", 503), "status 503"),
    (lambda request, connection: connection.close(), "the server closed without an answer"),
    (lambda request, connection: connection.read_to_end(60) and None,
     "the server did not answer in time"),
    (lambda request, connection: b"hello world\r\n\r\n", "malformed status line"),
], ids=["5xx", "closes", "hangs", "nonsense"])
def test_errors_in_a_row_eject(start, origin, misbehave, why):
    good, bad = origin(name="good"), origin(name="bad")
    running = start(daemon.backend("main", good.address, bad.address, more=(
        breaker() + (' timeouts: { server = "1s"; };' if "in time" in why else ""))))
    bad.answer = misbehave
    errors = [a for a in ask(running, 12) if a != (200, "good")]
    assert len(errors) == 3
    entry = row(running, "main2")
    assert entry["ejected"]["why"] == f"3 errors in a row, the last: {why}"
    text = (f"server main/main2 is ejected for 30s: 3 errors in a row, the last: {why}; "
            "1 other servers of main can take requests")
    wire.wait_for(lambda: text in running.ctl("events").stdout, text)
    assert "main/main2 is ejected for" in running.ctl("status").stdout
    assert row(running, "main1")["ejected"] is None


def test_connections_that_fail_eject(start, origin):
    good = origin(name="good")
    refusing = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", good.address, refusing, more=(
        'breaker: { consecutive = 1; ejection = "30s"; };')))
    assert set(ask(running, 6)) == {(200, "good")}, "retries find the other"
    assert row(running, "main2")["ejected"]["why"].startswith("1 errors in a row, the last: ")


def test_a_share_of_errors_ejects(start, origin):
    good, bad = origin(name="good"), origin(name="bad")
    count = []

    def every_other(request, connection):
        count.append(1)
        return wire.answer(b"", 500 if len(count) % 2 else 200)
    bad.answer = every_other
    running = start(daemon.backend("main", good.address, bad.address, more=breaker(
        'rate = 40; minimum = 6; window = "1h";')))
    ask(running, 30)
    assert row(running, "main2")["ejected"]["why"] == "4 of 7 requests failed, the last: status 500"
    metrics = running.ctl("metrics").stdout
    for name, server, value in (("ejected", "main1", 0), ("ejected", "main2", 1),
                                ("ejections_total", "main2", 1)):
        assert f'hpcbal_server_{name}{{backend="main",server="{server}"}} {value}\n' in metrics
    assert len(count) == 7


def test_answers_that_are_no_fault_of_the_server(start, origin):
    server, spare = origin(name="server"), origin(name="spare")
    server.answer = wire.answer(b"", 404)
    running = start(daemon.backend("main", server.address, spare.address, more=breaker()))
    ask(running, 12)
    assert row(running, "main1")["ejected"] is None


def test_it_comes_back_and_goes_for_longer(start, origin):
    good, bad = origin(name="good"), origin(name="bad")
    running = start(daemon.backend("main", good.address, bad.address, more=(
        'breaker: { consecutive = 2; ejection = "200ms"; max_ejection = "60s"; }; retries = 0;')))
    bad.answer = wire.answer(b"", 500)

    def events():
        ask(running, 2)
        return running.ctl("events").stdout
    wire.wait_for(lambda: "main/main2 is ejected for 800ms" in events(), "the third ejection")
    text = events()
    assert text.index("ejected for 200ms") < text.index("ejected for 400ms") < \
        text.index("ejected for 800ms")
    assert "server main/main2 gets requests again: its ejection is over" in text
    bad.answer = wire.answer(b"bad")
    wire.wait_for(lambda: (200, "bad") in ask(running, 2), "it to come back")


def test_never_below_the_floor(start, origin):
    servers = [origin(name=name) for name in "abc"]
    for server in servers:
        server.answer = wire.answer(b"", 500)
    running = start(daemon.backend("main", *[s.address for s in servers],
                                   more=breaker("min_servers = 2;")))
    ask(running, 30)
    ejected = [n for n in ("main1", "main2", "main3") if row(running, n)["ejected"]]
    assert len(ejected) == 1
    wire.wait_for(lambda: "is not ejected although 3 errors in a row"
                  in running.ctl("events").stdout, "the event")
    assert sorted(len(s.requests) for s in servers)[0] == 3


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_when_all_are_ejected(start, origin, is_open):
    servers = [origin(name=name) for name in "ab"]
    for server in servers:
        server.answer = wire.answer(b"", 500)
    running = start(daemon.backend("main", *[s.address for s in servers], more=breaker(
        f"min_servers = 0; fail_open = {str(is_open).lower()};")))
    assert {status for status, _ in ask(running, 6)} == {500}
    for name in ("main1", "main2"):
        wire.wait_for(lambda n=name: row(running, n)["ejected"], f"{name} to be ejected")
    assert {status for status, _ in ask(running, 4)} == {500 if is_open else 503}


def test_an_idle_connection_that_closes_is_no_error(start, origin):
    """The first request of each connection is answered; the next finds it closed, and gets its
    answer over a new one."""
    server, spare = origin(name="server"), origin(name="spare")
    closed = []

    def once(request, connection):
        if len(connection.requests) > 1:
            closed.append(1)
            connection.close()
            return None
        return wire.answer(b"server")
    server.answer = once
    running = start(daemon.backend("main", server.address, spare.address, more=(
        'breaker: { consecutive = 1; ejection = "30s"; };')))
    client = running.client()
    wire.wait_for(lambda: client.ask(GET).status == 200 and len(closed) >= 3,
                  "connections that close under a request")
    client.close()
    assert row(running, "main1")["ejected"] is None


def test_the_end_of_an_ejection_is_told(start, origin):
    """Also when nobody asks for anything."""
    good, bad = origin(name="good"), origin(name="bad")
    running = start(daemon.backend("main", good.address, bad.address, more=(
        'breaker: { consecutive = 2; ejection = "500ms"; }; retries = 0;')))
    bad.answer = wire.answer(b"", 500)
    ask(running, 4)
    wire.wait_for(lambda: "main/main2 gets requests again: its ejection is over"
                  in running.ctl("events").stdout, "the end to be told")
    assert row(running, "main2")["ejected"] is None


def test_an_ejection_ends_with_the_breaker(start, origin):
    """A reload that takes it away: what is shown is as it is, and ready says what it does not end."""
    good, bad = origin(name="good"), origin(name="bad")
    running = start(daemon.backend("main", good.address, bad.address, more=breaker()))
    bad.answer = wire.answer(b"", 500)
    ask(running, 6)
    assert row(running, "main2")["ejected"]
    words = running.ctl("ready", "main/main2").stdout
    assert words.startswith("main/main2 was ready already; its breaker ejects it for "), words
    bad.answer = wire.answer(b"bad")
    running.write_config(backends=daemon.backend("main", good.address, bad.address))
    running.ctl("reload")
    assert row(running, "main2")["ejected"] is None
    wire.wait_for(lambda: "main/main2 gets requests again: its backend has no breaker" in (
        running.ctl("events").stdout), "the event")
    assert {body for _, body in ask(running, 4)} == {"good", "bad"}
    assert 'hpcbal_server_ejected{backend="main",server="main2"} 0\n' in (
        running.ctl("metrics").stdout)


def test_an_ejection_outlives_the_proxy(start, origin):
    good, bad = origin(name="good"), origin(name="bad")
    running = start(daemon.backend("main", good.address, bad.address, more=(
        'breaker: { consecutive = 2; ejection = "60s"; }; retries = 0;')))
    bad.answer = wire.answer(b"", 500)
    ask(running, 4)
    before = wire.wait_for(lambda: row(running, "main2")["ejected"], "it to be ejected")
    killed = running.child("proxy")
    os.kill(killed, signal.SIGKILL)
    running.first_proxy = wire.wait_for(
        lambda: running.child("proxy") not in (None, killed) and running.child("proxy"),
        "its successor")
    good.answer = wire.answer(b"good")
    assert {body for _, body in ask(running, 6)} == {"good"}
    now = row(running, "main2")["ejected"]
    assert now["why"] == before["why"]
    until = [datetime.datetime.fromisoformat(one["until"].replace("Z", "+00:00"))
             for one in (before, now)]
    assert abs((until[1] - until[0]).total_seconds()) <= 1  # it is told by another clock


def test_connections_that_fail_eject_in_mode_tcp(start, origin):
    good = origin(name="good")
    refusing = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", good.address, refusing, more=(
        'mode = "tcp"; breaker: { consecutive = 1; ejection = "60s"; };')),
        frontend='mode = "tcp";')
    assert set(ask(running, 8)) == {(200, "good")}, "retries find the other"
    assert row(running, "main2")["ejected"]["why"].startswith("1 errors in a row, the last: ")
