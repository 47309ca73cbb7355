"""HTTP.md 89 to 93: what is tried again, where, how often, and what the log says of it."""
import json
import threading
import time

import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SAFE_TO_REPEAT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]
NOT_TO_REPEAT = ["POST", "PATCH", "LINK", "get"]


def request(method, body="", path="/"):
    length = f"Content-Length: {len(body)}\r\n" if body or method in ("POST", "PUT") else ""
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}"


def nowhere():
    return ("127.0.0.1", wire.free_port())


def close(_request, connection):
    connection.close()


def reset(_request, connection):
    connection.reset()


def half_a_head(_request, connection):
    connection.sock.sendall(b"HTTP/1.1 2")
    connection.close()


def interim_only(_request, connection):
    connection.sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    connection.close()


def half_a_body(_request, connection):
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    connection.close()


def json_lines(running, count=1):
    def find():
        lines = [json.loads(line) for line in running.log() if line.startswith("{")]
        return lines if len(lines) >= count else None
    return wire.wait_for(find, f"{count} lines in the access log")


@pytest.mark.parametrize("fault", [close, reset])
@pytest.mark.parametrize("method", NOT_TO_REPEAT)
def test_h89_what_is_not_idempotent_is_sent_once(start, origin, method, fault):
    servers = [origin() for _ in range(3)]
    for server in servers:
        server.answer = fault
    running = start(daemon.backend("main", *[s.address for s in servers]), log_format="json")
    client = running.client()
    assert client.ask(request(method, "ab")).status == 502
    client.close()
    line = json_lines(running)[0]
    assert line["retries"] == 0 and line["tried"] == []
    assert sum(len(s.connections) for s in servers) == 1


@pytest.mark.parametrize("method", SAFE_TO_REPEAT)
def test_h90_what_is_idempotent_goes_to_another_server(start, origin, method):
    """Whole, with its body, and the log shows both tries."""
    bad, good = origin(), origin(name="good")
    bad.answer = close
    running = start(daemon.backend("main", bad.address, good.address), log_format="json")
    client = running.client()
    body = "" if method in ("GET", "HEAD") else "the body"
    assert client.ask(request(method, body), method).status == 200
    client.close()
    assert good.requests[0].body == body.encode()
    line = json_lines(running)[0]
    assert line["server"] == "main2" and line["retries"] == 1 and line["redispatched"]
    assert line["tried"] == [{"server": "main1", "reason": "SERVER_CLOSED"}]


def test_h90_a_body_that_is_gone_is_not_sent_again(start, origin):
    """It was larger than the buffer, so that its beginning is no longer at hand."""
    bad, good = origin(), origin(name="good")
    bad.answer = close
    running = start(daemon.backend("main", bad.address, good.address))
    client = running.client()
    client.send(request("PUT", "x" * 300000))
    assert client.read_response().status == 502
    assert good.connections == []
    client.close()


@pytest.mark.parametrize("fault", [half_a_head, interim_only, half_a_body])
def test_h90_nothing_is_tried_again_once_a_byte_was_answered(start, origin, fault):
    bad, good = origin(), origin(name="good")
    bad.answer = fault
    running = start(daemon.backend("main", bad.address, good.address))
    client = running.client()
    client.send(GET)
    try:
        assert client.read_response().status == 502
    except wire.Closed as closed:
        assert b"200 OK" in closed.got or fault is half_a_body
    assert good.connections == []
    client.close()


def test_h90_the_count_of_retries_is_the_limit(start):
    running = start(daemon.backend("main", nowhere(), nowhere(), nowhere(), nowhere(),
                                   more="retries = 2;"), log_format="json")
    client = running.client()
    assert client.ask(GET).status == 503
    client.close()
    line = json_lines(running)[0]
    assert line["retries"] == 2 and line["reason"] == "CONNECT_REFUSED"
    assert [t["server"] for t in line["tried"]] + [line["server"]] == ["main1", "main2", "main3"]


def test_h90_no_retries_at_all(start, origin):
    good = origin()
    running = start(daemon.backend("main", nowhere(), good.address, more="retries = 0;"))
    client = running.client()
    assert client.ask(GET).status == 503
    assert client.ask(GET).status == 200, "but the next request goes elsewhere"
    good.answer = close
    assert client.ask(GET).status == 502, "what the server did is the reason"
    client.close()
    assert running.wait_log(" 502 .* SH-- ")


# --- the budget ---

def flood(running, count, workers=4):
    """Statuses of so many requests, of which each has a connection of its own."""
    statuses, lock = [], threading.Lock()

    def ask():
        for _ in range(count // workers):
            client = running.client()
            response = client.ask(GET)
            with lock:
                statuses.append(response.status)
            client.close()
    threads = [threading.Thread(target=ask) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_h90_retries_are_a_share_of_traffic(start, origin):
    """Every request is cut by one of the two servers. No more than a tenth of them, or ten in
    ten seconds, come a second time, whatever worker they came over; the rest end with a reason
    of their own, logged and counted."""
    servers = [origin(), origin()]
    for server in servers:
        server.answer = close
    running = start(daemon.backend("main", *[s.address for s in servers],
                                   more="retry_budget = 10;"), threads=2, log_format="json")
    begun = time.monotonic()
    statuses = flood(running, 400)
    windows = 1 + (time.monotonic() - begun) / 9
    sent = sum(len(s.requests) for s in servers)
    assert 400 + 10 <= sent <= 400 + max(40, 10 * windows)
    # Those that came a second time were cut again, which is their server's fault.
    denied = statuses.count(503)
    assert denied == 800 - sent and statuses.count(502) == sent - 400
    lines = [line for line in json_lines(running, 400) if line["reason"] == "RETRY_BUDGET"]
    assert len(lines) == denied
    for line in lines:
        assert line["termination"] == "RC--" and line["status"] == 503
        assert line["tried"] == [{"server": line["server"], "reason": "SERVER_CLOSED"}]
    assert sum(s["retries_denied"] for s in running.json("servers")["servers"]) == denied
    assert sum(s["errors"] for s in running.json("servers")["servers"]) == sent, "each try failed"
    assert "hpcbal_server_retries_denied_total" in running.ctl("metrics").stdout


def test_h91_refused_connections_count_too(start):
    """All servers are down, and a crowd asks: it is not multiplied by the retries."""
    running = start(daemon.backend("main", nowhere(), nowhere(), nowhere(),
                                   more="retries = 2; retry_budget = 0;"))
    statuses = flood(running, 100)
    assert statuses == [503] * 100
    servers = running.json("servers")["servers"]
    assert 110 <= sum(s["errors"] for s in servers) <= 130
    assert 10 <= sum(s["retries"] for s in servers) <= 30


def test_h91_a_dead_server_beside_a_good_one_costs_no_request(start, origin):
    """One of two refuses connections, and no check has found out: a few requests are tried
    again, and all the others go where they are served, so that the budget is never spent."""
    good = origin(name="good")
    running = start(daemon.backend("main", nowhere(), good.address, more="retry_budget = 5;"),
                    threads=2)
    assert flood(running, 600) == [200] * 600
    errors = {s["name"]: s["errors"] for s in running.json("servers")["servers"]}
    assert 1 <= errors["main1"] <= 60 and errors["main2"] == 0


def test_h91_a_server_that_came_back_is_used_again(start, origin):
    """Without a check nobody tells; a request in a second finds out."""
    back_at, good = wire.free_port(), origin(name="good")
    running = start(daemon.backend("main", ("127.0.0.1", back_at), good.address))
    client = running.client()
    assert client.ask(GET).body == b"good"
    back = origin(name="back", port=back_at)
    wire.wait_for(lambda: client.ask(GET).body == b"back", "the server to be used")
    bodies = [client.ask(GET).body for _ in range(10)]
    assert sorted(bodies) == [b"back"] * 5 + [b"good"] * 5
    client.close()
    back.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_h91_body_behind_a_refused_connection_arrives_whole(start, origin, method):
    good = origin()
    running = start(daemon.backend("main", nowhere(), good.address))
    client = running.client()
    body = "b" * 200000
    client.send(request(method, body))
    assert client.read_response().status == 200
    assert good.requests[0].body == body.encode()
    client.close()


# --- 92 ---

def once(_request, connection):
    """Answers a connection's first request, and closes at its second without a byte."""
    if len(connection.requests) > 1:
        connection.close()
        return None
    return wire.answer(b"fresh")


@pytest.mark.parametrize("method", SAFE_TO_REPEAT + NOT_TO_REPEAT)
def test_h92_a_reused_connection_closes_under_it(start, origin, method):
    server = origin()
    server.answer = once
    running = start(daemon.backend("main", server.address), log_format="json")
    client = running.client()
    for number in range(10):
        path = f"/second{number}"
        assert client.ask(GET).status == 200
        response = client.ask(request(method, path=path), method)
        if method in SAFE_TO_REPEAT or response.status != 200:
            break
        # The machine took a second for it, behind which a new connection is right.
    line = json_lines(running, 2 * number + 2)[-1]
    tries = [r for r in server.requests if r.target == path]
    if method in SAFE_TO_REPEAT:
        assert response.status == 200 and len(tries) == 2 and line["retries"] == 1
        assert tries[0].connection is not tries[1].connection
        assert len(tries[1].connection.requests) == 1, "on a new connection"
    else:
        assert response.status == 502 and len(tries) == 1 and line["reason"] == "SERVER_CLOSED"
    client.close()


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_h92_no_unsafe_method_on_a_connection_idle_for_a_second(start, origin, method):
    server = origin()
    running = start(daemon.backend("main", server.address))
    client = running.client()
    assert client.ask(GET).status == 200
    time.sleep(1.1)
    assert client.ask(request(method)).status == 200
    assert len(server.connections) == 2
    assert client.ask(request(method)).status == 200
    client.close()


@pytest.mark.parametrize("balance", ["roundrobin", "leastconn", "source"])
def test_h93_never_the_same_server_while_another_is_there(start, origin, balance):
    """Also when the algorithm would choose the same one again."""
    bad = [origin(), origin()]
    good = origin(name="good")
    for server in bad:
        server.answer = once
    running = start(daemon.backend("main", *[s.address for s in bad], good.address,
                                   more="retry_budget = 100;", balance=balance),
                    log_format="json")
    clients = [running.client(source=f"127.0.1.{n}") for n in range(1, 7)]
    for i in range(60):
        assert clients[i % 6].ask(request("GET", path=f"/{i}")).status == 200
    for client in clients:
        client.close()
    retried = [line for line in json_lines(running, 60) if line["retries"]]
    assert retried, "there were some"
    for line in retried:
        names = [t["server"] for t in line["tried"]] + [line["server"]]
        assert len(set(names)) == len(names) == line["retries"] + 1
        assert all(t["reason"] in ("SERVER_CLOSED", "SERVER_RESET") for t in line["tried"])
