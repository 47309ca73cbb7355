"""Traffic of many kinds at once, each request with a number of its own, so that a request
that was lost, doubled or answered wrongly is found; and the origins that take part in it."""
import collections
import hashlib
import itertools
import os
import socket
import threading
import time

import test_h128_h142_websocket as websocket
import wire

UPLOAD = os.urandom(1 << 16) * 3
PIECE = os.urandom(4096)
PIECES = 24


class Ledger:
    """What all origins of a test have seen: how often each number, and where."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = collections.Counter()
        self.at = collections.Counter()

    def note(self, number, name):
        with self.lock:
            self.seen[number] += 1
            self.at[name] += 1

    def doubled(self):
        return {number: times for number, times in self.seen.items() if times > 1}

    def serve(self, origin):
        """Makes the origin answer this module's requests."""
        def reply(request, connection):
            kind, _, number = request.target.strip("/").partition("/")
            if kind == "ws":
                return websocket.switch(request, connection)
            self.note(int(number), origin.name)
            if kind == "upload":
                return wire.answer(hashlib.sha256(request.body).hexdigest().encode())
            if kind == "download":
                return download(connection)
            return wire.answer(f"{number} {origin.name}".encode())
        origin.answer = reply
        return origin


def download(connection):
    connection.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(PIECES):
        connection.sock.sendall(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        time.sleep(0.002)
    return b"0\r\n\r\n"


class Traffic:
    """Runs until stop(). `faults` tells what a client did not like; `answered` has the
    numbers of what was answered well. Threads named in `kinds` run that often."""

    def __init__(self, connect, tunnels=0, idle=0, **kinds):
        self.connect = connect
        self.numbers = itertools.count(1)
        self.over = threading.Event()
        self.faults = []
        self.answered = set()
        self.echoes = 0
        self.idle = [self.open_idle() for _ in range(idle)]
        self.tunnels = [self.open_tunnel() for _ in range(tunnels)]
        self.threads = [threading.Thread(target=self.run, args=(getattr(self, kind),))
                        for kind, times in kinds.items() for _ in range(times)]
        if tunnels:
            self.threads.append(threading.Thread(target=self.echo))
        for thread in self.threads:
            thread.start()

    def run(self, work):
        client = None
        while not self.over.is_set():
            number = next(self.numbers)
            try:
                client = work(client or self.connect(), number)
                self.answered.add(number)
            except (OSError, wire.Closed, AssertionError, ValueError) as fault:
                self.faults.append(f"{work.__name__} {number}: {type(fault).__name__} {fault}")
                if client:
                    client.close()
                client = None
        if client:
            client.close()

    def get(self, client, number, more=""):
        response = client.ask(f"GET /get/{number} HTTP/1.1\r\nHost: a\r\n{more}\r\n")
        assert response.status == 200, response.raw
        assert response.body.split()[0] == str(number).encode(), "another request's answer"
        return response

    def kept(self, client, number):
        """One connection for all requests; it says so when it has to go."""
        return client if not self.get(client, number).has("Connection") else client.close()

    def fresh(self, client, number):
        """A connection for each request."""
        self.get(client, number, "Connection: close\r\n")
        client.expect_closed()
        return client.close()

    def upload(self, client, number):
        body = str(number).encode() + UPLOAD
        client.send(b"POST /upload/%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                    % (number, len(body)) + body)
        response = client.read_response()
        assert response.status == 200, response.raw
        assert response.body == hashlib.sha256(body).hexdigest().encode()
        return client if not response.has("Connection") else client.close()

    def download(self, client, number):
        response = client.ask(f"GET /download/{number} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert response.status == 200, response.raw
        assert response.body == PIECE * PIECES
        return client if not response.has("Connection") else client.close()

    # --- connections that stay ---

    def open_idle(self):
        client = self.connect()
        number = next(self.numbers)
        self.get(client, number)
        self.answered.add(number)
        return client

    def open_tunnel(self):
        client = self.connect()
        client.send(websocket.handshake())
        assert client.read_response_head().status == 101
        return client

    def echo(self):
        turns = itertools.count()
        while not self.over.is_set():
            words = [b"%d.%d|" % (next(turns), at) for at in range(len(self.tunnels))]
            try:
                for tunnel, word in zip(self.tunnels, words):
                    tunnel.send(word)
                for tunnel, word in zip(self.tunnels, words):
                    got = tunnel.read_exactly(len(word))
                    assert got == word.upper(), f"{word} came back as {got}"
                self.echoes += 1
            except (OSError, wire.Closed, AssertionError) as fault:
                self.faults.append(f"tunnel: {type(fault).__name__} {fault}")
                return

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60 * wire.SLOWDOWN)
            assert not thread.is_alive(), "a client hangs"

    def use_idle_ones(self):
        """Each idle client asks once more; none was reset meanwhile."""
        for at, client in enumerate(self.idle):
            try:
                self.get(client, next(self.numbers))
            except (OSError, wire.Closed) as fault:
                self.faults.append(f"idle client {at}: {type(fault).__name__} {fault}")

    def close(self):
        for client in self.idle + self.tunnels:
            client.close()


def is_listening(address):
    try:
        socket.create_connection(address, timeout=wire.PATIENCE).close()
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:
        pass  # it came in the very moment of the close
    return True
