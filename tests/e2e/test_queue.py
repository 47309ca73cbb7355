"""Limits of servers, and the queue in front of them; the reasons QUEUE_TIMEOUT, QUEUE_FULL and
CLIENT_ABORT_QUEUE."""
import collections
import re
import threading

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Busy:
    """An origin that answers a request only when it is told to, and counts what it has at a
    time."""

    def __init__(self, origin, name="main"):
        self.origin = origin(name=name)
        self.lock = threading.Lock()
        self.gates = collections.deque()
        self.seen = []
        self.running = self.most = 0
        self.origin.answer = self.answer

    @property
    def address(self):
        return self.origin.address

    def answer(self, request, connection):
        gate = threading.Event()
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.seen.append(request.target)
            self.gates.append(gate)
        gate.wait(60)
        with self.lock:
            self.running -= 1
        return wire.answer(self.origin.name.encode())

    def answer_one(self):
        wire.wait_for(lambda: self.gates, "a request to answer")
        self.gates.popleft().set()

    def answer_all(self, clients):
        for _ in clients:
            self.answer_one()

    def wait_seen(self, count):
        wire.wait_for(lambda: len(self.seen) >= count, f"{count} requests")
        assert len(self.seen) == count


def block(servers, most=1, more="", balance="roundrobin"):
    """Nobody's wait ends by its time, however long a test takes, but where it is about that."""
    if "queue_timeout" not in more:
        more += 'queue_timeout = "10m";'
    return daemon.backend("main", *[s.address for s in servers], balance=balance, more=more,
                          server_more=f"max_connections = {most};" if most else "")


def queued(running):
    return next(b["queue"] for b in running.json("status")["backends"] if b["name"] == "main")


def wait_queued(running, count):
    wire.wait_for(lambda: queued(running) == count, f"{count} in the queue")


def get(target, *fields):
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *fields]) + "\r\n\r\n"


def active(running):
    return sum(row["active"] for row in running.json("servers")["servers"])


def send_each(running, requests, first):
    """Clients that each send one, each when the one before is in its place: the `first` ones at
    a server, the others in the queue."""
    clients = []
    for at, request in enumerate(requests):
        client = running.client()
        client.send(request)
        clients.append(client)
        wire.wait_for(lambda at=at: active(running) == min(first, at + 1), "a place at a server")
        wait_queued(running, max(0, at + 1 - first))
    return clients


def test_never_more_than_the_limit_and_in_order_across_workers(start, origin):
    server = Busy(origin)
    running = start(block([server], most=2), threads=4)
    targets = [f"/{n}" for n in range(12)]
    clients = send_each(running, [get(t) for t in targets], first=2)
    server.wait_seen(2)
    assert "main: waiting for any server: 10" in running.ctl("servers").stdout
    assert re.search(r'hpcbal_backend_queue\{backend="main"\} 10$',
                     running.ctl("metrics").stdout, re.M)
    assert " 2/2 " in running.ctl("servers").stdout
    assert "requests wait" in running.ctl("explain", "GET", "/").stdout
    for n in range(12):
        server.answer_one()
        server.wait_seen(min(n + 3, 12))
    for client in clients:
        assert client.read_response().status == 200
    assert server.most == 2
    assert sorted(server.seen[:2]) == targets[:2] and server.seen[2:] == targets[2:]
    assert queued(running) == 0
    for n, target in enumerate(targets):
        running.wait_log(rf' 0/{max(0, n - 2)} "GET {target} HTTP/1\.1"')


def test_a_crowd_is_served_by_few_places(start, origin):
    """Nobody is forgotten, whichever worker frees the place and whichever waits for it."""
    servers = [origin(name=name) for name in "ab"]
    lock, counts = threading.Lock(), {"a": [0, 0], "b": [0, 0]}

    def counting(name):
        def answer(request, connection):
            count = counts[name]
            with lock:
                count[0] += 1
                count[1] = max(count)
            with lock:
                count[0] -= 1
            return wire.answer(name.encode())
        return answer
    for server in servers:
        server.answer = counting(server.name)
    running = start(block(servers, most=1), threads=4)

    def ask(failed):
        client = running.client()
        for _ in range(20):
            if client.ask(GET).status != 200:
                failed.append(True)
        client.close()
    failed = []
    threads = [threading.Thread(target=ask, args=(failed,)) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert counts["a"][1] == counts["b"][1] == 1
    assert queued(running) == 0


def test_too_long_in_the_queue(start, origin):
    server = Busy(origin)
    running = start(block([server], more='queue_timeout = "300ms";'), threads=2)
    clients = send_each(running, [get("/first")], first=1) + [running.client()]
    clients[1].send(get("/second"))
    response = clients[1].read_response()
    assert response.status == 503 and int(response.one("Retry-After")) > 0
    assert b"no server had a free place in time" in response.body
    line = running.wait_log(r'main/<NOSRV> .* 503 .* sQ.* "GET /second')
    waited = int(re.search(r"<NOSRV> \d+/(\d+)/-1/-1/", line).group(1))
    assert waited >= 300
    assert queued(running) == 0
    # Its connection is as good as before.
    running.write_config(backends=block([server], more='queue_timeout = "60s";'))
    running.ctl("reload")
    clients[1].send(get("/third"))
    wait_queued(running, 1)
    server.answer_one()
    server.answer_one()
    assert clients[0].read_response().status == clients[1].read_response().status == 200
    line = running.wait_log(r'main/main1 .* 200 .* "GET /third')
    assert re.search(r"main1 \d+/\d+/\d+/\d+/", line)
    assert server.seen == ["/first", "/third"]


def test_the_queue_is_full(start, origin):
    server = Busy(origin)
    running = start(block([server], more="max_queue = 1;"))
    clients = send_each(running, [get("/first"), get("/second")], first=1)
    response = running.client().ask(get("/third"))
    assert response.status == 503 and response.has("Retry-After")
    assert b"queue is full" in response.body
    running.wait_log(r'main/<NOSRV> .* 503 .* SQ.* "GET /third')
    server.answer_all(clients)
    assert [c.read_response().status for c in clients] == [200, 200]


def test_nobody_waits_where_the_queue_has_no_places(start, origin):
    server = Busy(origin)
    running = start(block([server], more="max_queue = 0;"))
    first = running.client()
    first.send(get("/first"))
    server.wait_seen(1)
    assert running.client().ask(GET).status == 503
    server.answer_one()
    assert first.read_response().status == 200
    running.client().send(GET)
    server.wait_seen(2)
    server.answer_one()


def test_a_client_that_leaves_is_taken_out(start, origin):
    server = Busy(origin)
    running = start(block([server]), threads=2)
    clients = send_each(running, [get(f"/{n}") for n in range(3)], first=1)
    clients[1].reset()
    running.wait_log(r'main/<NOSRV> .* CQ.* "GET /1')
    wait_queued(running, 1)
    server.answer_one()
    server.wait_seen(2)
    server.answer_one()
    assert clients[2].read_response().status == 200
    assert server.seen == ["/0", "/2"]


def test_a_client_that_ends_its_side_too_where_that_is_leaving(start, origin):
    server = Busy(origin)
    running = start(block([server]), frontend="abort_on_close = true;")
    clients = send_each(running, [get("/0"), get("/1")], first=1)
    clients[1].half_close()
    wait_queued(running, 0)
    running.wait_log(r'main/<NOSRV> .* CQ.* "GET /1')
    server.answer_one()
    assert clients[0].read_response().status == 200


def test_a_body_waits_with_its_request(start, origin):
    server = Busy(origin)
    running = start(block([server]))
    body = b"x" * 300000
    head = f"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    clients = send_each(running, [get("/first"), head + body[:1000]], first=1)
    sender = threading.Thread(target=clients[1].send, args=(body[1000:],))
    sender.start()
    server.answer_one()
    server.wait_seen(2)
    server.answer_one()
    sender.join()
    assert clients[1].read_response().status == 200
    assert server.origin.requests[1].body == body


def keyed(count, servers, running):
    """Requests whose key has its home at the first server."""
    found, n = [], 0
    while len(found) < count:
        client = running.client()
        if client.ask(get("/", f"X-User: {n}")).body.decode() == servers[0].name:
            found.append(f"X-User: {n}")
        client.close()
        n += 1
    return found


def test_a_key_waits_for_its_server_and_moves_when_that_goes(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers, balance="hdr(X-User)"), threads=2)
    fields = keyed(3, servers, running)
    gate = threading.Event()
    servers[0].answer = lambda request, connection: gate.wait(60) and wire.answer(b"a")
    clients = send_each(running, [get("/", field) for field in fields], first=1)
    rows = running.json("servers")["servers"]
    assert [row["queue"] for row in rows] == [2, 0]
    assert rows[0]["max_connections"] == 1
    running.ctl("drain", "main/main1")
    assert clients[1].read_response().body == b"b"
    assert clients[2].read_response().body == b"b"
    gate.set()
    assert clients[0].read_response().body == b"a"
    for before in 0, 1:
        running.wait_log(rf'main/main2 .* {before}/0 "GET / HTTP/1\.1"')


def test_the_rest_waits_for_any(start, origin):
    servers = [Busy(origin, name) for name in "ab"]
    running = start(block(servers), threads=2)
    clients = send_each(running, [get(f"/{n}") for n in range(3)], first=2)
    servers[1].wait_seen(1)
    servers[1].answer_one()
    servers[1].wait_seen(2)
    servers[1].answer_one()
    servers[0].answer_one()
    assert [c.read_response().status for c in clients] == [200] * 3


def test_when_nobody_is_left_nobody_is_waited_for(start, origin):
    server = Busy(origin)
    running = start(block([server]))
    clients = send_each(running, [get("/0"), get("/1")], first=1)
    running.ctl("maint", "main/main1")
    assert clients[1].read_response().status == 503
    running.wait_log(r'main/<NOSRV> .* SC.* "GET /1')
    server.answer_one()
    assert clients[0].read_response().status == 200


def test_a_reload_raises_the_limit(start, origin):
    server = Busy(origin)
    running = start(block([server]), threads=2)
    clients = send_each(running, [get(f"/{n}") for n in range(4)], first=1)
    running.write_config(backends=block([server], most=3))
    running.ctl("reload")
    server.wait_seen(3)
    wait_queued(running, 1)
    running.write_config(backends=block([server], most=0))
    running.ctl("reload")
    server.wait_seen(4)
    server.answer_all(clients)
    assert [c.read_response().status for c in clients] == [200] * 4


def test_a_server_that_comes_takes_who_waits(start, origin):
    servers = [Busy(origin, name) for name in "ab"]
    running = start(block(servers), threads=2)
    running.ctl("maint", "main/main2")
    clients = send_each(running, [get("/0"), get("/1")], first=1)
    running.ctl("ready", "main/main2")
    servers[1].wait_seen(1)
    servers[1].answer_one()
    assert clients[1].read_response().body == b"b"
    servers[0].answer_one()
    assert clients[0].read_response().body == b"a"


def test_connections_of_tcp_wait_too(start, origin):
    server = origin()
    text = daemon.backend("main", server.address, more='mode = "tcp"; queue_timeout = "60s";',
                          server_more="max_connections = 1;")
    running = start(text, frontend='mode = "tcp";', threads=2)
    first = running.client()
    assert first.ask(GET).status == 200
    second = running.client()
    second.send(GET)
    wait_queued(running, 1)
    first.close()
    assert second.read_response().status == 200
    running.write_config(backends=text.replace("60s", "300ms"))
    running.ctl("reload")
    third = running.client()
    third.send(GET)
    third.expect_closed()
    running.wait_log(r"main/<NOSRV> .* sQ")
    second.close()


def test_a_stop_does_not_wait_for_those_who_wait(start, origin):
    server = Busy(origin)
    running = start(block([server]), proxy='grace = "300ms";', threads=2)
    clients = send_each(running, [get("/0"), get("/1"), get("/2")], first=1)
    running.stop()
    assert clients[1].read_response().status == 503
    server.answer_one()


def test_a_tunnel_has_a_place(start, origin):
    server = origin()
    running = start(block([server]))
    handshake = ("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    server.answer = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     b"Connection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    tunnel = running.client()
    tunnel.send(handshake)
    assert tunnel.read_response_head().status == 101
    waits = running.client()
    server.answer = wire.answer(b"main")
    waits.send(GET)
    wait_queued(running, 1)
    tunnel.reset()
    assert waits.read_response().status == 200
