"""Everything at once: clients that cut, stall, pipeline, half-close and upload, servers that
cut, reset, drip and answer early, servers that are killed, and reloads. What was answered must
be right whatever happens around it, and afterwards nothing may be left.

HPCBAL_CHAOS_SECONDS makes it longer, HPCBAL_CHAOS_SEED repeats one."""
import hashlib
import itertools
import os
import random
import socket
import struct
import threading
import time
from urllib.parse import parse_qsl

import daemon
import wire

SECONDS = float(os.environ.get("HPCBAL_CHAOS_SECONDS", "8"))
SEED = int(os.environ.get("HPCBAL_CHAOS_SEED", "0")) or random.randrange(1, 1 << 31)
SIZES = (0, 1, 100, 4095, 16384, 32767, 65535, 65536, 65537, 131072, 300001)
# Answers that hpcbal may give by itself when a server misbehaves or is gone. No 504: nobody here
# is silent for that long, so it would be an end that was not seen.
OWN = (502, 503)


def body_of(number, size):
    """Each number has a body of its own, so that a piece of another's is seen."""
    return (b"<%d>" % number * (size // 3 + 1))[:size]


def abort(sock):
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass


class ChaosOrigin:
    """Answers as the target's query says. kill() resets all it has and is gone for a while."""

    def __init__(self, book):
        self.book = book
        self.lock = threading.Lock()
        self.open = set()
        self.address = None
        self.listen()

    def listen(self):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self.address or ("127.0.0.1", wire.free_port()))
        sock.listen(512)
        self.address = sock.getsockname()
        self.listener = sock
        threading.Thread(target=self.accept, args=(sock,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.open.add(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def kill(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for sock in list(self.open):
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def serve(self, sock):
        stream = wire.Stream(sock)
        try:
            while True:
                request = wire.Request(stream.read_until(wire.END_OF_HEAD, 60))
                if not self.answer(stream, request):
                    return
        except (wire.Closed, TimeoutError, OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    @staticmethod
    def read_body(stream, request):
        if request.has("Transfer-Encoding"):
            return stream.read_chunked()[0]
        return stream.read_exactly(int(request.one("Content-Length") or 0), 60)

    def answer(self, stream, request):
        """True: the connection goes on."""
        plan = dict(parse_qsl(request.target.partition("?")[2]))
        number, act = int(plan["n"]), plan["act"]
        self.book.arrived(number, request)
        early = act == "early"
        if request.has("Expect") and not early and plan.get("c") == "1":
            stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        got = b"" if early else self.read_body(stream, request)
        if act == "mute":
            return False
        if act == "reset":
            abort(stream.sock)
            return False
        for _ in range(int(plan.get("i", 0))):
            stream.send(b"HTTP/1.1 103 Early Hints\r\nLink: </%d>\r\n\r\n" % number)
        self.respond(stream, request, plan, got)
        ended = plan["f"] == "close" and request.method != "HEAD"
        return act == "ok" and not ended and not plan.get("bye")

    def respond(self, stream, request, plan, got):
        number, size, act = int(plan["n"]), int(plan["s"]), plan["act"]
        head = [b"HTTP/1.%d 200 OK" % (0 if plan.get("v") == "0" else 1),
                b"X-Number: %d" % number,
                b"X-Got: " + hashlib.sha256(got).hexdigest().encode()]
        head += [b"Connection: keep-alive"] if plan.get("v") == "0" else []
        head += [b"Connection: close"] if plan.get("bye") else []
        body = body_of(number, size)
        if plan["f"] == "length":
            head.append(b"Content-Length: %d" % size)
        elif plan["f"] == "chunked":
            head.append(b"Transfer-Encoding: chunked")
            cuts = [0, size // 3, size // 2, size]
            body = b"".join(b"%x\r\n%s\r\n" % (b - a, body[a:b])
                            for a, b in zip(cuts, cuts[1:]) if b > a) + b"0\r\n\r\n"
        if request.method == "HEAD":
            body = b""
        data = b"\r\n".join(head) + wire.END_OF_HEAD + body
        if act == "stray":
            data += b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY"
        if act in ("cut", "cutreset"):
            data = data[:int(plan["at"]) % max(len(data) - 1, 1)]
        slices = max(len(data) // 4, 1) if plan.get("d") and act != "stray" else None
        stream.send(data, slices, 0.002 if slices else 0.0)
        if act == "cutreset":
            abort(stream.sock)


class Book:
    """What was asked, what arrived, and what was not as it should be."""

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.times = {}
        self.faults = []
        self.kills = []
        self.done = {}

    def arrived(self, number, request):
        with self.lock:
            self.times[number] = self.times.get(number, 0) + 1
            if request.method == "POST" and self.times[number] > 1:
                self.faults.append(f"POST {number} arrived twice")

    def count(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1

    def killed_since(self, began):
        return any(end is None or end + 0.5 > began for _, end in self.kills)


class Ask:
    """One request, and what its answer must be."""

    def __init__(self, rng, number, calm):
        self.number = number
        self.method = rng.choice(("GET", "GET", "GET", "HEAD", "POST", "POST", "PUT"))
        self.size = rng.choice(SIZES)
        acts = ("ok",) if calm else ("ok",) * 8 + ("cut", "cutreset", "mute", "reset", "stray",
                                                   "early")
        self.act = rng.choice(acts)
        # Where only the end ends the body a cut is none, and nothing is stray.
        self.framing = rng.choice(("length", "chunked", "close")
                                  if self.act not in ("cut", "stray") else
                                  ("length", "chunked"))
        if self.act == "stray": # in one piece: what comes later may meet the next request
            self.size = rng.choice(SIZES[:4])
        self.old_server = self.framing != "chunked" and rng.random() < 0.2
        self.body = body_of(number + 7, rng.choice(SIZES)) if self.method in ("POST", "PUT") \
            else b""
        self.wire = self.head(rng) + self.framed(rng)
        self.began = None

    def head(self, rng):
        plan = [f"n={self.number}", f"act={self.act}", f"s={self.size}", f"f={self.framing}"]
        plan += [f"i={rng.randrange(1, 4)}"] if not self.old_server and rng.random() < 0.2 else []
        plan += ["v=0"] if self.old_server else []
        plan += ["bye=1"] if self.act == "early" or rng.random() < 0.2 else []
        plan += ["d=1"] if rng.random() < 0.2 else []
        plan += [f"at={rng.randrange(1, 400000)}"]
        lines = [f"Host: chaos{self.number % 7}"]
        if rng.random() < 0.1:
            lines += [f"X-Pad-{i}: " + "p" * 1400 for i in range(rng.randrange(1, 11))]
        if self.body and rng.random() < 0.2:
            lines += ["Expect: 100-continue"]
            plan += [f"c={rng.randrange(2)}"]
        self.chunked = bool(self.body) and rng.random() < 0.5
        if self.chunked:
            lines += ["Transfer-Encoding: chunked"]
        elif self.method in ("POST", "PUT"):
            lines += [f"Content-Length: {len(self.body)}"]
        target = "/chaos?" + "&".join(plan)
        return "\r\n".join([f"{self.method} {target} HTTP/1.1"] + lines).encode() + \
            wire.END_OF_HEAD

    def framed(self, rng):
        if not self.chunked:
            return self.body
        out, at = b"", 0
        while at < len(self.body):
            step = rng.choice((1, 100, 4096, 65536, 100000))
            piece = self.body[at:at + step]
            out += b"%x\r\n%s\r\n" % (len(piece), piece)
            at += len(piece)
        return out + b"0\r\n\r\n"

    def judge(self, response):
        """A complete response. None: as it should be."""
        if response.status != 200:
            return None if response.status in OWN else f"status {response.status}"
        if response.one("X-Number") != b"%d" % self.number:
            return "the answer to another request"
        for hint in response.interim:
            if hint.status == 103 and hint.one("Link") != b"</%d>" % self.number:
                return "a hint for another request"
        if self.method != "HEAD" and response.body != body_of(self.number, self.size):
            return f"a wrong body of {len(response.body)} bytes, not {self.size}"
        got = hashlib.sha256(b"" if self.act == "early" else self.body).hexdigest()
        if response.one("X-Got") != got.encode():
            return "the server got another body"
        if self.act in ("mute", "reset"):
            return "complete, but the server never answered"
        return None

    def may_fail(self):
        return self.act not in ("ok", "stray")


class ChaosClient:
    def __init__(self, book, connect, seed):
        self.book = book
        self.connect = connect
        self.rng = random.Random(seed)

    def run(self, over):
        while not over.is_set():
            try:
                client = self.connect()
            except OSError as fault:
                self.book.faults.append(f"connect: {fault}")
                continue
            try:
                self.connection(client, over)
            except OSError:
                self.book.count("client connection broke")
            finally:
                client.close()

    def connection(self, client, over):
        rng = self.rng
        way = rng.choice(("one", "one", "pipeline", "reset sending", "reset reading", "half",
                          "slow", "stall"))
        calm = way != "one" or rng.random() < 0.3
        for _ in range(rng.randrange(1, 8)):
            if over.is_set():
                return
            many = rng.randrange(2, 6) if way in ("pipeline", "half") else 1
            asks = [Ask(rng, next(self.book.numbers), calm) for _ in range(many)]
            for ask in asks:
                ask.began = time.monotonic()
            if not self.exchange(client, way, asks):
                return

    def exchange(self, client, way, asks):
        data = b"".join(ask.wire for ask in asks)
        rng = self.rng
        self.book.count(way)
        if way == "reset sending":
            client.sock.sendall(data[:rng.randrange(len(data)) + 1])
            time.sleep(rng.choice((0, 0.001, 0.02)))
            client.reset()
            return False
        sender = threading.Thread(target=self.send, args=(client, way, data), daemon=True)
        sender.start()
        if way == "reset reading":
            try:
                client.read_exactly(rng.randrange(1, 70000), 1.0)
            except (wire.Closed, TimeoutError):
                pass
            client.reset()
            sender.join()
            return False
        if way == "stall":
            time.sleep(rng.choice((0.01, 0.2)))
        good = self.read_answers(client, way, asks)
        sender.join()
        return good and way != "half"

    def send(self, client, way, data):
        try:
            if way == "slow":
                client.send(data, max(len(data) // 6, 1), 0.005)
            else:
                client.send(data)
            if way == "half":
                client.half_close()
        except OSError:
            pass

    def read_answers(self, client, way, asks):
        for ask in asks:
            try:
                response = client.read_response(ask.method, 20 * wire.SLOWDOWN)
            except TimeoutError:
                self.fault(way, ask, "no answer in time")
                return False
            except wire.Closed:
                self.book.count("cut")
                if not ask.may_fail() and not self.book.killed_since(ask.began):
                    self.fault(way, ask, "cut")
                return False
            wrong = ask.judge(response)
            killed = self.book.killed_since(ask.began)
            if response.status != 200 and not ask.may_fail() and not killed:
                wrong = f"{response.status} {response.body!r}"
            # A killed server may end in order where only the end ends the body.
            if response.status == 200 and killed and ask.framing == "close" and \
                    body_of(ask.number, ask.size).startswith(response.body):
                wrong = None
            if wrong:
                self.fault(way, ask, wrong)
                return False
            self.book.count(f"answered {response.status}")
            if response.one("Connection") == b"close":
                return False
        return True

    def fault(self, way, ask, wrong):
        self.book.faults.append(f"{way}: {ask.method} {ask.number} {ask.act} {ask.framing} "
                                f"{ask.size}: {wrong}; {ask.wire[:200]!r}")


def backends(origins, more):
    return daemon.backend("main", *[o.address for o in origins], balance="leastconn",
                          more='check: { tcp = true; interval = "200ms"; timeout = "5s"; '
                               'rise = 1; fall = 2; }; ' + more)


def disturb(rng, book, running, origins, over):
    """Kills servers and reloads, now and then."""
    spare = ChaosOrigin(book)
    for turn in itertools.count():
        if over.wait(rng.uniform(0.1, 0.5)):
            return
        if turn % 4 == 3:
            victim = rng.choice(origins)
            book.kills.append((time.monotonic(), None))
            victim.kill()
            time.sleep(rng.uniform(0.0, 0.5))
            victim.listen()
            time.sleep(0.5)
            book.kills[-1] = (book.kills[-1][0], time.monotonic())
        elif turn % 2:
            some = origins + [spare] if rng.random() < 0.5 else origins
            running.write_config(backends=backends(some, rng.choice(("", "retries = 4;"))))
            running.ctl("reload")


def descriptors(running):
    return len(os.listdir(f"/proc/{running.child('proxy')}/fd"))


def nothing_left(running):
    """All requests are over, nobody is connected."""
    status = running.json("status")
    return all(s["active"] == 0 for b in status["backends"] for s in b["servers_detail"]) and \
        all(f["connections"] == 0 for f in status["frontends"])


def test_chaos(start):
    print(f"HPCBAL_CHAOS_SEED={SEED}")
    rng, book, over = random.Random(SEED), Book(), threading.Event()
    origins = [ChaosOrigin(book) for _ in range(3)]
    running = start(backends(origins, ""), threads=2,
                    timeouts='upstream_idle = "500ms"; client = "10s"; server = "10s";')
    wire.wait_for(lambda: nothing_left(running), "the beginning")
    before = descriptors(running)
    threads = [threading.Thread(target=ChaosClient(book, running.client, rng.random()).run,
                                args=(over,)) for _ in range(12)]
    threads.append(threading.Thread(target=disturb,
                                    args=(rng, book, running, origins, over)))
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    over.set()
    for thread in threads:
        thread.join(60 * wire.SLOWDOWN)
        assert not thread.is_alive(), "a client hangs"
    print(book.done)
    assert not book.faults, f"seed {SEED}: {len(book.faults)} faults:\n" + \
        "\n".join(book.faults[:10])
    wire.wait_for(lambda: nothing_left(running), "all to be over", 20)
    wire.wait_for(lambda: descriptors(running) <= before + 4, "descriptors to be closed", 20)
    assert book.done.get("answered 200", 0) > 10 * SECONDS / wire.SLOWDOWN
