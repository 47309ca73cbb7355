"""Ten thousand requests of every method, over kept connections and over one each, by HTTP/1.1
and by HTTP/1.0: every one is answered, and the client's, the server's and the proxy's books
agree to the last one."""
import collections
import os
import re

import pytest

import programs
import wire

MANY = 10000
CLOSING = 2000  # by HTTP/1.1 with a connection each; ab makes MANY of them by HTTP/1.0
FEW = 300       # at Flask, whose sync workers take a connection each
# method: (what it sends, ab's words for it)
METHODS = {
    "GET": (b"", ["-m", "GET"]),
    "HEAD": (b"", ["-i"]),
    "POST": (b"a=1&b=2", ["-p", "{body}"]),
    "PUT": (b"a=1&b=2", ["-u", "{body}"]),
    "DELETE": (b"", ["-m", "DELETE"]),
    "OPTIONS": (b"", ["-m", "OPTIONS"]),
    "PATCH": (b"a=1&b=2", ["-m", "PATCH"]),
    "BREW": (b"", ["-m", "BREW"]),  # nobody knows it, and everybody passes it
}
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.I)
COUNTED = re.compile(r"^(?P<what>Complete requests|Failed requests|Non-2xx responses|Write errors|"
                     r"Keep-Alive requests): +(?P<count>\d+)$", re.M)
LOGGED = re.compile(r' (?P<backend>\w+)/\w+ [-/\d]+ (?P<code>\d+) \d+ - - (?P<letters>\S+) .*'
                    r'"(?P<method>\S+) (?P<target>\S+) HTTP/1\.\d" id=\S+$')


CODES = ("2xx", "3xx", "4xx", "5xx", "other")


class Tail:
    """The lines that a file gets from here on."""

    def __init__(self, path):
        self.file = open(path, encoding="utf-8")
        self.file.seek(0, os.SEEK_END)
        self.text = ""

    def lines(self):
        self.text += self.file.read()
        return self.text.splitlines()


class Books:
    """What the proxy and nginx counted, from here on."""

    def __init__(self, site):
        self.site = site
        self.metrics = site.metrics()
        self.requests = {code: site.requests(code) for code in CODES}
        self.log = Tail(os.path.join(site.daemon.folder, "hpcbal.log"))
        self.nginx_log = Tail(site.nginx.access_log)

    def grown(self, name, **labels):
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        return self.site.metric(name, **labels) - self.metrics[name, text]

    def grown_requests(self, code):
        return self.site.requests(code) - self.requests[code]

    def logged(self, method):
        """Access log lines of this method: (backend, code, letters) -> how many."""
        found = (LOGGED.search(line) for line in self.log.lines())
        return collections.Counter((line["backend"], line["code"], line["letters"])
                                   for line in found if line and line["method"] == method)

    def expect(self, method, count, backend="main"):
        """Exactly so many requests, all answered with 200 and by the first try."""
        wire.wait_for(lambda: sum(self.logged(method).values()) >= count,
                      f"{count} lines in the log", programs.CLIENT_PATIENCE)
        assert self.logged(method) == {(backend, "200", "----"): count}
        for code in CODES:
            assert self.grown_requests(code) == (count if code == "2xx" else 0)
        assert self.grown("hpcbal_server_requests_total", backend=backend,
                          server=f"{backend}1") == count
        assert self.site.metric("hpcbal_log_dropped_total") == 0
        if backend == "main":
            told = [line.split(" ", 2) for line in self.nginx_log.lines()]
            answered = collections.Counter((asked, code) for asked, code, _ in told)
            assert answered == {(method, "200"): count}
            return collections.Counter(target for _, _, target in told)
        return None


def take_more(client):
    data = client.sock.recv(65536)
    assert data, f"the connection closed after {bytes(client.buf[-200:])!r}"
    client.buf += data


def ask(client, method, target, close):
    """One request, whose answer must be its own."""
    body = METHODS[method][0]
    number = target.rpartition("=")[2]
    lines = f"{method} {target} HTTP/1.1\r\nHost: a\r\n"
    lines += f"Content-Length: {len(body)}\r\n" if body else ""
    lines += "Connection: close\r\n" if close else ""
    client.sock.sendall(lines.encode() + b"\r\n" + body)
    while (end := client.buf.find(b"\r\n\r\n")) < 0:
        take_more(client)
    head, size = bytes(client.buf[:end + 4]), end + 4
    assert head.startswith(b"HTTP/1.1 200 "), head
    length = int(LENGTH.search(head).group(1)) if method != "HEAD" else 0
    while len(client.buf) < size + length:
        take_more(client)
    answer = bytes(client.buf[size:])
    assert len(answer) == length, answer
    if method != "HEAD":
        assert answer.split()[:2] == [method.encode(), number.encode()], answer
    client.buf.clear()
    assert close or b"\r\nConnection: close" not in head, head


@pytest.mark.parametrize("method", METHODS)
def test_over_one_connection(site, method):
    books = Books(site)
    client = site.client()
    for number in range(MANY):
        ask(client, method, f"/any?n={number}", close=False)
    numbers = books.expect(method, MANY)
    assert len(numbers) == MANY and set(numbers.values()) == {1}


@pytest.mark.parametrize("method", METHODS)
def test_over_a_connection_each(site, method):
    books = Books(site)
    for number in range(CLOSING):
        client = site.daemon.client()
        ask(client, method, f"/any?n={number}", close=True)
        client.expect_closed()
        client.close()
    numbers = books.expect(method, CLOSING)
    assert len(numbers) == CLOSING and set(numbers.values()) == {1}


def ab(site, tmp_path, method, *words):
    """ab's own count of what it did: HTTP/1.0, 32 at once."""
    body = tmp_path / "body"
    body.write_bytes(METHODS[method][0])
    chosen = [word.format(body=body) for word in METHODS[method][1]]
    said = programs.run("ab", "-q", "-n", MANY, "-c", 32, *chosen, *words,
                        site.url("/any?n=ab")).decode()
    counted = {found["what"]: int(found["count"]) for found in COUNTED.finditer(said)}
    assert counted.get("Complete requests") == MANY, said
    assert counted.get("Failed requests") == 0, said
    assert not counted.get("Non-2xx responses") and not counted.get("Write errors"), said
    return counted


@pytest.mark.parametrize("method", METHODS)
def test_ab_with_a_connection_each(site, tmp_path, method):
    books = Books(site)
    ab(site, tmp_path, method)
    books.expect(method, MANY)


@pytest.mark.parametrize("method", METHODS)
def test_ab_over_kept_connections(site, tmp_path, method):
    books = Books(site)
    assert ab(site, tmp_path, method, "-k")["Keep-Alive requests"] == MANY
    books.expect(method, MANY)


@pytest.mark.parametrize("method", METHODS)
def test_at_flask(site, method):
    """It closes each connection, and says so."""
    books = Books(site)
    client = site.client()
    for number in range(FEW):
        ask(client, method, f"/flask/any?n={number}", close=False)
    books.expect(method, FEW, backend="flask")


def test_wrk(site, tmp_path):
    """For a time and not for a number: what it counted, and what was on its way at the end."""
    script = tmp_path / "method.lua"
    connections = 32
    books = Books(site)
    script.write_text('wrk.method = "PATCH"\nwrk.body = "a=1"\n')
    said = programs.run("wrk", "-t", 1, "-c", connections, "-d", "1s", "-s", script,
                        site.url("/any?n=wrk")).decode()
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    count = int(re.search(r"(\d+) requests in", said).group(1))
    assert count > 0

    def whole():
        return sum(books.logged("PATCH").values())
    wire.wait_for(lambda: whole() >= count, f"{count} lines in the log", programs.CLIENT_PATIENCE)
    assert count <= whole() <= count + connections
    assert books.grown_requests("5xx") == 0
