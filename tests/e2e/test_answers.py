"""What routes answer by themselves: redirect, deny and respond."""
import json

import pytest

import daemon
import wire

ROUTES = """
    { when = "path_beg /tls"; redirect = "https"; },
    { when = "path_beg /moved"; redirect: { to = "/new${uri}"; code = 308; }; },
    { when = "path /search"; redirect: { to = "https://find.example/?q=${query(q)}"; }; },
    { when = "path_beg /path"; redirect: { to = "${path}"; code = 307; }; },
    { when = "path /src"; redirect: { to = "/from/${src}/${method}/${hdr(X-A)}/${cookie(c)}"; }; },
    { when = "path /secret"; deny = 403; },
    { when = "path /gone"; deny = 410; },
    { when = "path /teapot"; deny = 418; },
    { when = "path /closed"; respond: { status = 503; body = "<p>Closed.\\n";
                                        content_type = "text/html"; }; },
    { when = "path /robots.txt"; respond: { body = "User-agent: *\\n"; }; },
    { when = "path /nothing"; respond: { status = 204; }; }"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    server = wire.Origin()
    running = daemon.Daemon(tmp_path_factory.mktemp("answers"),
                            daemon.backend("main", server.address), log_format="json",
                            routes=ROUTES)
    running.origin = server
    try:
        yield running.start()
    finally:
        running.stop()
        server.close()


def ask(site, target, method="GET", fields="", host="www.example.org"):
    client = site.client()
    client.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
    response = client.read_response(method)
    assert not site.origin.requests, "a server got it"
    return response


@pytest.mark.parametrize("target, host, location", [
    ("/tls", "www.example.org", "https://www.example.org/tls"),
    ("/tls/a%20b?c=%zz&d", "www.example.org:8080", "https://www.example.org/tls/a%20b?c=%zz&d"),
    ("/tls/../tls/", "[2001:db8::1]:80", "https://[2001:db8::1]/tls/"),
    ("http://other.example:99/tls?", "other.example:99", "https://other.example/tls?"),
])
def test_to_https(site, target, host, location):
    response = ask(site, target, host=host)
    assert response.status == 302
    assert response.one("Location") == location.encode()
    assert response.body == b""


def test_to_https_of_a_client_that_names_no_host(site):
    client = site.client()
    client.send("GET /tls HTTP/1.0\r\n\r\n")
    assert client.read_response().one("Location") == b"https://127.0.0.1/tls"


@pytest.mark.parametrize("target, status, location", [
    ("/moved/x?y", 308, "/new/moved/x?y"),
    ("/search?p=1&q=%C3%A4+b;c", 302, "https://find.example/?q=%C3%A4+b"),
    ("/search", 302, "https://find.example/?q="),
    # What the client chose must not become an authority.
    ("//path/evil.example", 307, "/path/evil.example"),
    ("///path", 307, "/path"),
])
def test_to_somewhere(site, target, status, location):
    response = ask(site, target, "POST", "Content-Length: 0\r\n")
    assert (response.status, response.one("Location")) == (status, location.encode())


def test_what_a_client_sent_is_escaped(site):
    response = ask(site, "/src", fields="X-A: a b\"<\xff#\\\r\nCookie: c=|{}\r\n")
    assert response.one("Location") == b"/from/127.0.0.1/GET/a%20b%22%3C%FF%23%5C/%7C%7B%7D"


@pytest.mark.parametrize("path, status", [("/secret", 403), ("/gone", 410), ("/teapot", 418)])
def test_deny(site, path, status):
    response = ask(site, path)
    assert response.status == status
    assert b"<title>%d " % status in response.body
    assert b"<p>refused by a route</p>" in response.body
    assert response.one("Cache-Control") == b"no-store"


def test_respond(site):
    response = ask(site, "/closed")
    assert (response.status, response.body) == (503, b"<p>Closed.\n")
    assert response.one("Content-Type") == b"text/html"
    assert not response.has("Retry-After")
    response = ask(site, "/robots.txt", "HEAD")
    assert (response.status, response.body) == (200, b"")
    assert response.one("Content-Length") == b"14"
    assert response.one("Content-Type") == b"text/plain; charset=utf-8"
    response = ask(site, "/nothing")
    assert response.status == 204
    assert not response.has("Content-Length")


def test_a_body_that_comes_with_it_is_read(site):
    """The connection goes on behind it (HTTP.md 49, 83)."""
    client = site.client()
    client.send("POST /secret HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                "POST /tls HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\nGET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.read_response().status for _ in range(3)] == [403, 302, 200]


@pytest.mark.parametrize("path, reason, letters, status", [
    ("/secret", "DENIED", "PR", 403), ("/tls", "REDIRECTED", "LR", 302),
    ("/robots.txt", "RESPONDED", "LR", 200)])
def test_log_line(site, path, reason, letters, status):
    ask(site, f"{path}?{reason}")
    line = json.loads(site.wait_log(rf"\?{reason}"))
    assert line["reason"] == reason
    assert (line["status"], line["termination"][:2]) == (status, letters)
