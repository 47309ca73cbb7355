"""How many connections there may be, and what is left for everybody else when they are used up."""
import signal
import threading
import time

import pytest

import daemon
import hold
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_limit_is_exact_across_workers(start, origin):
    """Forty connect at once, to four workers: three are served, and the next when one leaves."""
    server, over = origin(), threading.Event()
    server.answer = lambda request, connection: over.wait(60 * wire.SLOWDOWN) and wire.answer(b"x")
    running = start(daemon.backend("main", server.address), frontend="max_connections = 3;",
                    threads=4)
    clients = [running.client() for _ in range(40)]
    for client in clients:
        client.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
    wire.wait_for(lambda: len(server.requests) >= 3, "three requests")
    time.sleep(0.3)
    assert len(server.requests) == 3
    assert running.json("status")["frontends"][0]["connections"] == 3
    assert running.wait_log(r"accepting on .* is paused: the frontend has as many connections as "
                            r"its max_connections allows")
    over.set()
    for client in clients:
        assert client.read_response().status == 200
        client.close()


@pytest.mark.parametrize("whose", ["proxy", "frontend"])
def test_limit_is_exact_though_a_worker_stands_still(start, origin, whose):
    """One of two workers has begun to accept while the limit was far away, and is stopped there
    until the other has filled all places. It may not bring in one more then. The supervisor, too,
    stands still meanwhile, or it would take that for a worker that hangs."""
    running = start(daemon.backend("main", origin().address), threads=2,
                    **{whose: "max_connections = 150;"})
    workers = [hold.thread_of(running.child("proxy"), f"worker {i}") for i in (0, 1)]
    first = hold.at_accept(workers[0])
    second = hold.Hold(workers[1])  # or it would be this one that accepts
    try:
        daemon.freeze(running.process.pid)
        clients = [running.client()]
        wire.wait_for(first.has_come, "worker 0 to begin")
        second.let_go()
        clients += [running.client() for _ in range(159)]
        running.wait_log("accepting on .* is paused")
    finally:
        first.let_go()
        second.let_go()
        running.process.send_signal(signal.SIGCONT)
    running.json("sessions")  # both workers have done what they had begun
    assert running.json("status")["frontends"][0]["connections"] == 150
    for client in clients:
        client.close()


def test_a_frontend_at_its_limit_leaves_the_others_alone(start, origin):
    server = origin()
    other = ("127.0.0.1", wire.free_port())
    running = start(daemon.backend("main", server.address), threads=2,
                    frontend="max_connections = 2; }, { name = \"second\"; bind = ( \"%s:%d\" ); "
                             "default_backend = \"main\";" % other)
    held = [running.client() for _ in range(2)]
    for client in held:
        assert client.ask(GET).status == 200
    waiting = running.client()
    waiting.send(GET)
    for _ in range(20):
        second = wire.Client(other)
        assert second.ask(GET).status == 200
        second.close()
    waiting.expect_open()
    held[0].close()
    assert waiting.read_response().status == 200
    for client in held[1:] + [waiting]:
        client.close()


def test_who_only_lingers_makes_room(start, origin):
    """Clients that had their answer, a 400, and go on sending: they would be read from for five
    seconds, and are closed at once when their places are needed."""
    server = origin()
    running = start(daemon.backend("main", server.address), frontend="max_connections = 4;")
    lingering = [running.client() for _ in range(4)]
    for client in lingering:
        client.send("BAD\x01 / HTTP/1.1\r\nHost: a\r\n\r\nmore")
        assert client.read_response().status == 400
    over = threading.Event()

    def babble():
        while not over.wait(0.2):
            for client in lingering:
                try:
                    client.send("x")
                except OSError:
                    pass
    babbler = threading.Thread(target=babble)
    babbler.start()
    try:
        for _ in range(4):
            client = running.client()
            client.send(GET)
            assert client.read_response(patience=4).status == 200
    finally:
        over.set()
        babbler.join()
    for client in lingering:
        client.close()
