"""The page for people at the admin address, as headless Chromium shows it. Pictures of it are
left where $HPCBAL_PICTURES says, else in the test's own folder."""
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

import chromium
import daemon
import wire

pytestmark = chromium.is_there

DOCUMENTS = {"/", "/metrics", "/health", "/api/v1/status", "/api/v1/servers",
             "/api/v1/events"}
TEXT = "document.body.innerText"


class Page:
    """A daemon with two backends, one of them lame, and traffic through it."""

    def __init__(self, folder, browser):
        self.browser = browser
        self.folder = os.environ.get("HPCBAL_PICTURES") or str(folder)
        self.origin, self.slow = wire.Origin(name="main"), wire.Origin(name="slow")
        self.slow.answer = self.answer_slowly
        self.gone = ("127.0.0.1", wire.free_port())
        self.port = wire.free_port()
        check = 'check: { tcp = true; interval = "500ms"; };'
        self.daemon = daemon.Daemon(
            folder / "hpcbal",
            daemon.backend("main", self.origin.address, self.gone, more=check) + ", " +
            daemon.backend("slow_backend", self.slow.address, balance="leastconn"),
            top=f'admin: {{ listen = "127.0.0.1:{self.port}"; }};',
            acls='is_slow = "path_beg /slow"; is_gone = "path_beg /gone";',
            routes='{ when = "is_slow"; backend = "slow_backend"; }, '
                   '{ when = "is_gone"; deny = 403; }').start()
        self.client = self.daemon.client()

    def answer_slowly(self, request, _connection):
        time.sleep(0.05)
        return wire.answer(b"", status=500 if b"/slow/bad" in request.raw else 200)

    def ask(self, times=10):
        for _ in range(times):
            for path in ("/", "/slow", "/slow/bad", "/gone"):
                self.client.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")

    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def open(self):
        self.browser.fetched.clear()
        self.browser.complaints.clear()
        self.browser.go(self.url())
        self.browser.wait("document.readyState === 'complete' && "
                          "!!document.querySelector('#backends .card')", "the page")

    def fill(self):
        """Until each kind of line has some points."""
        def drawn():
            self.ask()
            return self.browser.ask("""['one', 'two', 'three', 'four'].every((c) =>
                document.querySelector(`#all path.${c}`).getAttribute('d').split('L').length > 4)""")
        wire.wait_for(drawn, "lines in the plots", chromium.PATIENCE)

    def picture(self, name):
        return self.browser.photograph(os.path.join(self.folder, f"page-{name}.png"))

    def close(self):
        self.client.close()
        self.daemon.stop(checked=False)
        self.origin.close()
        self.slow.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    one = chromium.Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


@pytest.fixture
def page(tmp_path, browser):
    one = Page(tmp_path, browser)
    try:
        yield one
    finally:
        one.close()


def test_page_shows_what_runs_in_all_sizes_and_colors(page):
    browser, backs = page.browser, {}
    browser.look(1280, 900)
    page.open()
    page.fill()
    page.daemon.wait_server("main", "main2", "DOWN")
    browser.wait(TEXT + ".includes('1 of 2 up') && " + TEXT + ".includes('DOWN')",
                 "the lame backend")
    text = browser.ask(TEXT)
    for word in ("test", "serving", "main1", "main2", "slow_backend1", "leastconn", "front",
                 "127.0.0.1:%d" % page.daemon.address[1], "main/main2", "p99", "Requests/s"):
        assert word in text, f"{word!r} is not in:\n{text}"
    assert "1 of 1 up" in text
    label = browser.ask("document.querySelectorAll('#backends .card')[1]"
                        ".querySelectorAll('svg')[2].getAttribute('aria-label')")
    found = re.fullmatch(r"Latency: p50 ([\d.]+) ms, p95 ([\d.]+) m?s, p99 [\d.]+ m?s", label)
    assert found and float(found.group(1)) >= 25, label  # 50 ms lie between 25 and 50, or above
    for name, width, height, mobile in (("wide", 1280, 900, False), ("phone", 390, 844, True)):
        for dark in (False, True):
            browser.look(width, height, dark, mobile)
            # A phone would make its window wider for a page that is.
            assert browser.ask("document.documentElement.scrollWidth") <= width, name
            backs[dark] = browser.ask("getComputedStyle(document.body).backgroundColor")
            picture = page.picture(f"{name}-{'dark' if dark else 'light'}")
            assert os.path.getsize(picture) > 10_000
    assert backs[False] != backs[True]
    assert not browser.complaints, browser.complaints
    own = f"http://127.0.0.1:{page.port}"
    paths = {url[len(own):] if url.startswith(own) else url for url in browser.fetched
             if not url.startswith("data:")}
    assert paths == DOCUMENTS, "it fetches from here and from nowhere else"


def test_a_hand_on_a_plot_reads_its_values(page):
    browser = page.browser
    browser.look(1280, 900)
    page.open()
    page.fill()
    box = browser.ask("""(() => { const b = document.querySelector('#all .frame')
        .getBoundingClientRect(); return [b.right - 2, b.top + b.height / 2, b.left]; })()""")
    browser.point(box[0], box[1])
    browser.wait("document.querySelector('#all .cursor').getAttribute('visibility') === "
                 "'visible' && / ago/.test(document.querySelector('#all .plot').innerText)",
                 "the values at the hand")
    browser.point(box[2], 5)
    browser.wait("document.querySelector('#all .cursor').getAttribute('visibility') === 'hidden'",
                 "the cursor to go")
    assert not browser.complaints, browser.complaints


ROUTER = {"name": "VI_1", "state": "MASTER", "since": "2026-01-01T00:00:00.000Z", "priority": 100,
          "effective_priority": 90, "interface": "eth0", "virtual_router_id": 51,
          "addresses": ["10.9.0.1/24", "2001:db8::1/64"], "master": "10.0.0.1", "demoted": False,
          "live": True, "faults": None, "rival": None}


@pytest.mark.parametrize("changes, words", [
    ({}, ["MASTER", "10.9.0.1/24 2001:db8::1/64", "priority 90 of 100", "master 10.0.0.1",
          "id 51 on eth0"]),
    ({"state": "BACKUP", "demoted": True, "effective_priority": 100},
     ["BACKUP, demoted", "priority 100;"]),
    ({"live": False}, ["was MASTER", "the vrrp process does not run"]),
    ({"state": "FAULT", "faults": "eth0 is down"}, ["FAULT", "eth0 is down"]),
    ({"rival": "10.0.0.2"}, ["both master: 10.0.0.2"])])
def test_virtual_addresses(page, changes, words):
    """The next turn takes it away again: no router is configured here."""
    browser = page.browser
    browser.look(800, 600)
    page.open()
    text = browser.ask(f"drawRouters([{json.dumps(dict(ROUTER, **changes))}]);"
                       "document.getElementById('vrrp').parentElement.innerText")
    for word in ["Virtual addresses", "VI_1"] + words:
        assert word in text, f"{word!r} is not in:\n{text}"
    browser.wait("document.getElementById('vrrp').parentElement.hidden", "it to be gone again")


def test_page_says_when_nobody_answers_or_the_proxy_is_gone(page):
    browser = page.browser
    browser.look(800, 600)
    page.open()
    admin = page.daemon.child("admin")
    daemon.freeze(page.daemon.child("proxy"))
    browser.wait("document.getElementById('told').innerText.includes('It cannot serve now')",
                 "the page to tell of the proxy")
    browser.wait("document.getElementById('health').innerText === 'serving'", "the next proxy")
    daemon.freeze(page.daemon.process.pid)  # who would put another in its place
    daemon.freeze(admin)
    browser.wait("document.getElementById('health').innerText === 'no answer'",
                 "the page to miss an answer")
    assert "what is shown is old" in browser.ask("document.getElementById('told').innerText")
    assert "main1" in browser.ask(TEXT)
    os.kill(admin, signal.SIGCONT)
    os.kill(page.daemon.process.pid, signal.SIGCONT)
    browser.wait("document.getElementById('health').innerText === 'serving'",
                 "answers to come again")


def test_page_tells_of_old_proxies(page):
    browser, held, let_go = page.browser, threading.Event(), threading.Event()

    def slowly(_request, _connection):
        held.set()
        assert let_go.wait(chromium.PATIENCE)
        return wire.answer(b"")
    page.slow.answer = slowly
    client = page.daemon.client()
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    assert held.wait(chromium.PATIENCE)
    page.client.close()
    browser.look(800, 600)
    page.open()
    old = "document.getElementById('old')"
    assert browser.ask(old + ".hidden")
    page.daemon.ctl("upgrade")
    browser.wait(f"!{old}.hidden && {old}.innerText === '1 connection ends in an old proxy'",
                 "the page to tell of it")
    let_go.set()
    assert client.read_response().status == 200
    client.close()
    browser.wait(old + ".hidden", "the old proxy to be gone")
    assert not browser.complaints, browser.complaints


def test_what_became_of_servers(page):
    """Ejected by its breaker, drained by itself and by hand, a weight by hand, who waits, and how
    the last checks ended."""
    browser, running = page.browser, page.daemon
    more, held, let_go = wire.Origin(name="more"), threading.Event(), threading.Event()

    def bad(request, _connection):
        return wire.answer(b"", status=500 if b"/eject" in request.raw else 200)

    def slowly(_request, _connection):
        held.set()
        assert let_go.wait(chromium.PATIENCE)
        return wire.answer(b"")
    more.answer = bad
    waits = wire.Origin(name="waits")
    waits.answer = slowly
    running.write_config(
        backends=running.parts["backends"] + ", " + daemon.backend(
            "worn", more.address, page.origin.address,
            more='breaker: { consecutive = 1; ejection = "1h"; max_ejection = "1h"; }; '
                 'retries = 0;') + ", " +
        daemon.backend("leaves", page.slow.address, page.origin.address, more='check: { http = '
                       '"GET /bad"; expect = "200"; interval = "200ms"; drain_status = 500; };') +
        ", " + daemon.backend("narrow", waits.address, server_more="max_connections = 1;",
                             more='timeouts: { queue = "2m"; server = "2m"; };'),
        routes=running.parts["routes"] + ', { when = "path /eject"; backend = "worn"; }, '
        '{ when = "path /narrow"; backend = "narrow"; }, '
        '{ when = "path /leaves"; backend = "leaves"; }')
    running.ctl("reload")
    page.slow.answer = wire.answer(b"", status=500)
    running.wait_server("leaves", "leaves1", "DRAIN")
    for _ in range(2):
        page.client.ask("GET /eject HTTP/1.1\r\nHost: a\r\n\r\n")
    clients = [running.client() for _ in range(3)]
    for client in clients:
        client.send("GET /narrow HTTP/1.1\r\nHost: a\r\n\r\n")
    assert held.wait(chromium.PATIENCE)
    running.ctl("weight", "main/main1", "50")
    running.ctl("maint", "worn/worn2", "--for", "1h", "--why", "a new kernel")
    browser.look(1400, 900)
    page.open()
    browser.wait(TEXT + ".includes('narrow1')", "the servers")
    browser.wait("document.querySelectorAll('.mark.good').length > 0 && "
                 "document.querySelectorAll('.mark.bad').length > 0", "marks of checks")
    rows = """Object.fromEntries([...document.querySelectorAll('#backends tbody tr')].map((r) =>
        [r.cells[0].innerText, [...r.cells].map((c) => c.innerText).join('|')]))"""

    def row(name, *patterns):
        def found():
            text = browser.ask(rows).get(name, "")
            return all(re.search(p, text) for p in patterns)
        wire.wait_for(found, f"{patterns} in the row of {name}", chromium.PATIENCE)
    row("worn1", r"UP\s*ejected", r"ejected for \d+ (min|h) more: ")
    row("worn2", r"MAINT", r"by hand \d+ s ago, for \d+ (min|h) more: a new kernel")
    row("leaves1", r"DRAIN\s*it asks for that")
    row("main1", r"\|50\s*by hand\|")
    row("narrow1", r"\|1 of 1\|0\|")
    browser.wait(TEXT + ".includes('2 waiting')", "who waits")
    row("main2", r"DOWN", r"✕+")
    text = browser.ask("document.getElementById('wrong').innerText")
    for word in ("worn/worn1 is ejected", "worn/worn2 is in maintenance", "main/main2 is DOWN"):
        assert word in text, f"{word!r} is not in:\n{text}"
    assert "1 ejected" in browser.ask(TEXT)
    title = browser.ask("document.querySelector('.mark.bad').title")
    assert re.search(r", .*: connection refused", title), title
    for name, width, height, mobile in (("states-wide", 1400, 900, False),
                                        ("states-phone", 390, 844, True)):
        browser.look(width, height, mobile, mobile)
        assert browser.ask("document.documentElement.scrollWidth") <= width, name
        page.picture(name)
    running.ctl("ready", "worn/worn2")
    browser.wait("!document.getElementById('wrong').innerText.includes('worn2')", "it to go")
    let_go.set()
    for client in clients:
        client.close()
    assert not browser.complaints, browser.complaints
    for one in (more, waits):
        one.close()


def test_what_others_wrote_is_text_and_no_page(page, tmp_path):
    """The reason of a check comes from a server."""
    browser = page.browser
    evil = socket.create_server(("127.0.0.1", 0))
    evil.close()
    odd = wire.Origin(name="odd")
    odd.answer = wire.answer(b"", status=500, reason=b"<img src=x onerror=alert(1)>")
    page.daemon.write_config(backends=page.daemon.parts["backends"] + ", " + daemon.backend(
        "odd", odd.address, more='check: { http = "GET /<b>"; interval = "500ms"; };'),
        routes=page.daemon.parts["routes"] + ', { when = "path /odd"; backend = "odd"; }')
    page.daemon.ctl("reload")
    page.daemon.wait_server("odd", "odd1", "DOWN")
    browser.look(800, 600)
    page.open()
    browser.wait(TEXT + ".includes('odd1')", "the odd server")
    assert browser.ask("document.images.length") == 0
    assert not browser.complaints, browser.complaints
    odd.close()
