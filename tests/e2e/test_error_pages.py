"""Pages of the errors that hpcbal answers itself: HTML or JSON, built in or given."""
import json
import os
import re

import pytest

import daemon
import wire

BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
SCRIPT = "Accept: application/json, text/plain, */*\r\n"


def ask(running, target="/", fields="", method="GET"):
    client = running.client()
    response = client.ask(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n", method)
    client.close()
    return response


def log_of(running, target):
    return json.loads(running.wait_log(f'"target":"{re.escape(target)}"'))


def write(folder, **pages):
    os.makedirs(folder, exist_ok=True)
    for name, page in pages.items():
        with open(os.path.join(folder, name.replace("__", ".")), "wb") as f:
            f.write(page)


@pytest.fixture(name="make")
def make_(tmp_path_factory, start, origin):
    """A daemon with a backend where nobody listens, `main`, and a good one, `well`; {} in its
    settings is the folder of its pages."""
    def make(front="", back="", top="", routes="", pages=None, mode=""):
        folder = str(tmp_path_factory.mktemp("pages"))
        write(folder, **(pages or {}))
        front, back, top = (text.replace("{}", folder) for text in (front, back, top))
        server = origin()
        running = start(
            daemon.backend("main", ("127.0.0.1", wire.free_port()),
                           more=back + mode + " retries = 0;") + ", " +
            daemon.backend("well", server.address, more=mode),
            routes=routes + ('' if mode else '{ when = "path_beg /well"; backend = "well"; },'
                                             '{ when = "path_beg /denied"; deny = 403; }'),
            frontend=front + mode, top=top, log_format="json")
        running.pages, running.server = folder, server
        return running
    return make


# --- built in ---

def test_a_browser_gets_html(make):
    running = make()
    response = ask(running, "/a", BROWSER)
    line = log_of(running, "/a")
    assert response.status == 503
    assert response.one("Content-Type") == b"text/html; charset=utf-8"
    assert response.one("Cache-Control") == b"no-store"
    assert response.one("Vary") == b"Accept"
    assert response.one("X-Request-ID").decode() == line["request_id"]
    assert response.body.startswith(b"<!DOCTYPE html>\n")
    for part in ("<title>503 Service Unavailable</title>", f"<p>{line['reason_text']}</p>",
                 f"Request ID: {line['request_id']}<"):
        assert part.encode() in response.body


def test_a_script_gets_json(make):
    running = make()
    response = ask(running, "/a", SCRIPT)
    line = log_of(running, "/a")
    assert response.status == 503
    assert response.one("Content-Type") == b"application/json"
    assert (response.one("Cache-Control"), response.one("Vary")) == (b"no-store", b"Accept")
    assert json.loads(response.body) == {
        "status": 503, "title": "Service Unavailable", "detail": line["reason_text"],
        "reason": line["reason"], "request_id": line["request_id"]}


@pytest.mark.parametrize("accept, form", [
    ("", "html"), ("Accept: */*\r\n", "html"), ("Accept: image/png\r\n", "html"),
    ("Accept: application/json;q=0.5, text/html;q=0.4\r\n", "json"),
    ("Accept: text/html;q=0.1\r\nAccept: application/problem+json\r\n", "json"),
    ("Accept: application/json;q=0, */*;q=0.1\r\n", "html")])
def test_what_accept_asks_for(make, accept, form):
    running = make()
    for target, status in (("/", 503), ("/denied", 403)):
        response = ask(running, target, accept)
        assert response.status == status
        assert form in response.one("Content-Type").decode()
        assert response.one("Vary") == b"Accept"


def test_who_was_not_understood_gets_html(make):
    running = make()
    client = running.client()
    response = client.ask("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nX\r\n\r\n")
    assert response.status == 400
    assert response.one("Content-Type") == b"text/html; charset=utf-8"
    assert not response.has("Vary")
    assert b"Request ID: " + response.one("X-Request-ID") in response.body
    client.expect_closed()


def test_head_gets_the_length_alone(make):
    running = make()
    whole = ask(running, "/", SCRIPT)
    client = running.client()
    head = client.ask(f"HEAD / HTTP/1.1\r\nHost: a\r\n{SCRIPT}\r\n", "HEAD")
    assert (head.status, head.body) == (503, b"")
    assert head.one("Content-Length") == whole.one("Content-Length")
    assert head.one("Content-Type") == b"application/json"
    client.expect_open()
    assert client.ask(f"GET / HTTP/1.1\r\nHost: a\r\n{BROWSER}\r\n").body.endswith(b"</html>\n")


def test_the_servers_own_errors_pass(make):
    running = make()
    running.server.answer = wire.answer(b"mine", 503, reason=b"No")
    response = ask(running, "/well", SCRIPT)
    assert (response.status, response.body) == (503, b"mine")
    assert not response.has("Vary")


# --- given ---

PAGES = {
    "five__html": b"<h1>${status} ${phrase} of ${node}</h1><script>`$${x} $5`</script>"
                  b"<p>${text} <i>${reason}</i> ${request_id}\n",
    "five__json": b'{"id":"${request_id}","why":"${reason}","price":"$5"}',
    "back__html": b"of the backend ${status}",
    "top__html": b"of the top ${status}",
}
FIVE = 'errors = ( { status = "5xx"; html = "{}/five.html"; json = "{}/five.json"; } );'


def test_a_page_that_is_given(make):
    running = make(FIVE, pages=PAGES)
    response = ask(running, "/a", BROWSER)
    line = log_of(running, "/a")
    assert (response.status, response.one("Content-Type")) == (503, b"text/html; charset=utf-8")
    assert response.body.decode() == (
        "<h1>503 Service Unavailable of test</h1><script>`${x} $5`</script>"
        f"<p>{line['reason_text']} <i>{line['reason']}</i> {line['request_id']}\n")
    response = ask(running, "/b", SCRIPT)
    line = log_of(running, "/b")
    assert json.loads(response.body) == {"id": line["request_id"], "why": line["reason"],
                                         "price": "$5"}
    response = ask(running, "/denied", BROWSER)
    assert response.status == 403 and b"<title>403 Forbidden</title>" in response.body


def test_the_nearest_page_is_shown(make):
    running = make(FIVE, 'errors = ( { status = "502-503"; html = "{}/back.html"; } );',
                   'errors = ( { status = "400, 403,404,503"; html = "{}/top.html"; } );',
                   pages=PAGES)
    assert ask(running, "/", BROWSER).body == b"of the backend 503"
    # Each form is looked for by itself.
    assert b'"price"' in ask(running, "/", SCRIPT).body
    assert ask(running, "/denied", BROWSER).body == b"of the top 403"
    assert json.loads(ask(running, "/denied", SCRIPT).body)["status"] == 403
    assert running.client().ask("no\r\n\r\n").body == b"of the top 400"


def test_the_first_entry_of_a_list_goes_first(make):
    running = make('errors = ( { status = "500-503"; html = "{}/back.html"; },'
                   '           { status = "5XX"; html = "{}/top.html";'
                   '             json = "{}/five.json"; } );',
                   pages=PAGES)
    assert ask(running, "/", BROWSER).body == b"of the backend 503"
    assert b'"price"' in ask(running, "/", SCRIPT).body


def test_an_id_of_a_client_is_escaped(make):
    running = make(FIVE + "request_id: { keep = true; };",
                   pages=dict(PAGES, five__html=b"[${request_id}]"))
    assert ask(running, "/", BROWSER + "X-Request-ID: a;b=c\r\n").body == b"[a;b=c]"
    response = ask(running, "/", BROWSER + "X-Request-ID: <b>\r\n")
    assert re.fullmatch(rb"\[[0-9a-f]{32}\]", response.body)


def test_a_route_that_responds_has_its_own_body(make):
    running = make(FIVE, pages=PAGES, routes='{ when = "path /sorry"; '
                   'respond: { status = 503; body = "sorry"; content_type = "a/b"; }; },'
                   '{ when = "path /silent"; respond: { status = 503; }; },')
    response = ask(running, "/sorry", SCRIPT)
    assert (response.body, response.one("Content-Type")) == (b"sorry", b"a/b")
    assert not response.has("Vary")
    assert b'"why":"RESPONDED"' in ask(running, "/silent", SCRIPT).body


def test_large_pages_and_pipelined_requests(make):
    page = b"x" * 65000 + b"${status}" + b"y" * 500
    running = make(FIVE, pages=dict(PAGES, five__html=page, five__json=b""))
    want = page.replace(b"${status}", b"503")
    client = running.client()
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{BROWSER}\r\n" * 10)
    assert [client.read_response().body == want for _ in range(10)] == [True] * 10
    response = client.ask(f"GET / HTTP/1.1\r\nHost: a\r\n{SCRIPT}\r\n")
    assert (response.body, response.one("Content-Length")) == (b"", b"0")
    client.expect_open()


def test_a_reload_replaces_pages(make):
    running = make(FIVE, pages=PAGES)
    client = running.client()
    request = f"GET / HTTP/1.1\r\nHost: a\r\n{BROWSER}\r\n"
    before = client.ask(request).body
    write(running.pages, five__html=b"new ${status}")
    assert client.ask(request).body[:40] == before[:40], "nothing is read but in a reload"
    running.ctl("reload")
    assert client.ask(request).body == b"new 503"
    write(running.pages, five__html=b"bad ${statu}")
    done = running.ctl("reload", check=False)
    assert done.returncode == 1 and 'nothing is called "${statu}"' in done.stderr
    assert client.ask(request).body == b"new 503"
    os.unlink(os.path.join(running.pages, "five.html"))
    done = running.ctl("reload", check=False)
    assert done.returncode == 1
    assert re.search(r"hpcbal\.conf:\d+: cannot read the page \".*five\.html\"", done.stderr)
    assert client.ask(request).body == b"new 503"


def test_no_page_in_mode_tcp(make):
    running = make(top=FIVE, pages=PAGES, mode='mode = "tcp";')
    client = running.client()
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_to_end() == b""
