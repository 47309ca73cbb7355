"""strip_prefix and replace_prefix of routes: paths that are others for servers than for clients."""
import re

import pytest

import daemon
import wire

ROUTES = """
    { when = "path_dir /api"; backend = "app"; strip_prefix = "/api"; },
    { when = "path_beg /quiet"; backend = "app"; strip_prefix = "/quiet"; forwarded_prefix = false; },
    { when = "path_dir /old"; backend = "app"; replace_prefix: { from = "/old"; to = "/new"; }; },
    { when = "path_dir /told"; backend = "app"; forwarded_prefix = true;
      replace_prefix: { from = "/told"; to = "/new"; }; },
    { when = "host shop"; backend = "app"; replace_prefix: { from = "/"; to = "/shop"; }; },
    { when = "path_dir /set"; backend = "app"; strip_prefix = "/set"; }"""
FRONTEND = """
    request_headers = ( { set = "X-Asked"; value = "${path} ${uri}"; },
                        { set = "X-Forwarded-Prefix"; value = "mine"; when = "path_dir /set"; } );
    response_headers = ( { delete = "Location"; when = "path_dir /set"; },
                         { add = "X-Path"; value = "${path}"; } );"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server = wire.Origin()
    made = daemon.Daemon(
        tmp_path_factory.mktemp("prefix"),
        daemon.backend("main", server.address) + ", " + daemon.backend("app", server.address),
        routes=ROUTES, frontend=FRONTEND + "expect = ( "
        '{ request = "GET /api/x"; backend = "app"; }, { request = "GET /apix"; backend = "main"; } );')
    made.server = server
    try:
        yield made.start()
    finally:
        made.stop()
        server.close()


@pytest.fixture
def site(running):
    yield running
    running.server.reset()


def ask(site, target, fields="", host="a", answer=None):
    """The request that the server got, and what the client did."""
    if answer is not None:
        site.server.answer = wire.answer(b"body", 302, fields=[answer], reason=b"Found")
    client = site.client()
    client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
    response = client.read_response()
    got = site.server.expect_requests(1)[0]
    client.close()
    site.server.reset()
    return got, response


@pytest.mark.parametrize("target, gets, prefix", [
    ("/api", "/", b"/api"),
    ("/api/", "/", b"/api"),
    ("/api?q=/api/", "/?q=/api/", b"/api"),
    ("/api/x%20y//z?%2F..", "/x%20y//z?%2F..", b"/api"),
    ("/%61pi/x", "/x", b"/api"),
    ("/./api/y/../x", "/x", b"/api"),
    ("/api//evil.example/x", "/evil.example/x", b"/api"),
    ("//api/%2F%5cevil.example", "/evil.example", b"/api"),
    ("http://a/api/x?y", "/x?y", b"/api"),
    ("http://a/api", "/", b"/api"),
    ("/apix", "/apix", None),
    ("/quietly", "/quietly", None),
    ("/quiet/x", "/x", None),
    ("/old/x?y", "/new/x?y", None),
    ("/old", "/new", None),
    ("/told//x", "/new//x", b"/told"),
])
def test_what_the_server_is_asked_for(site, target, gets, prefix):
    got, _ = ask(site, target)
    assert got.target == gets
    assert got.all("X-Forwarded-Prefix") == ([prefix] if prefix else [])


def test_a_host_may_have_one(site):
    assert ask(site, "/x", host="shop")[0].target == "/shop/x"
    _, response = ask(site, "/", host="shop", answer=b"Location: http://shop/shop/cart")
    assert response.one("Location") == b"http://shop/cart"


def test_rules_and_log_see_the_path_as_it_came(site):
    got, response = ask(site, "/api/x?y")
    assert got.one("X-Asked") == b"/api/x /api/x?y"
    assert response.one("X-Path") == b"/api/x"
    site.wait_log(re.escape('"GET /api/x?y HTTP/1.1"'))


def test_a_clients_own_word_is_not_passed_on(site):
    assert ask(site, "/other", "X-Forwarded-Prefix: //evil.example\r\n")[0].all(
        "X-Forwarded-Prefix") == []
    assert ask(site, "/api", "x-forwarded-prefix: //evil.example\r\n")[0].all(
        "X-Forwarded-Prefix") == [b"/api"]


def test_rules_come_behind_it(site):
    got, response = ask(site, "/set/x", answer=b"Location: /y")
    assert got.target == "/x"
    assert got.all("X-Forwarded-Prefix") == [b"mine"]
    assert not response.has("Location")


@pytest.mark.parametrize("target, said, becomes", [
    ("/api/x", b"Location: /y?z", b"Location: /api/y?z"),
    ("/api/x", b"Location: /api/y", b"Location: /api/y"),
    ("/quiet/x", b"Location: /quiet/y", b"Location: /quiet/quiet/y"),
    ("/api/x", b"Location: http://a/y", b"Location: http://a/api/y"),
    ("/api/x", b"Location: https://A/y", b"Location: https://A/api/y"),
    ("/api/x", b"Location: http://SERVER/y", b"Location: /api/y"),
    ("/api/x", b"Location: http://other/y", b"Location: http://other/y"),
    ("/api/x", b"Location: //other/y", b"Location: //other/y"),
    ("/api/x", b"Location: y", b"Location: y"),
    ("/old/x", b"Location: /new/y", b"Location: /old/y"),
    ("/old/x", b"Location: /other", b"Location: /other"),
    ("/api/x", b"Content-Location: /y", b"Content-Location: /api/y"),
    ("/api/x", b"Refresh: 1; url=/y", b"Refresh: 1; url=/api/y"),
    ("/api/x", b"Set-Cookie: a=b; Path=/; HttpOnly", b"Set-Cookie: a=b; Path=/api; HttpOnly"),
    ("/api/x", b"Set-Cookie: __Host-a=b; Path=/", b"Set-Cookie: __Host-a=b; Path=/"),
    ("/apix", b"Location: /y", b"Location: /y"),
])
def test_what_the_server_says_of_its_paths(site, target, said, becomes):
    here = ("%s:%d" % site.server.address).encode()
    _, response = ask(site, target, answer=said.replace(b"SERVER", here))
    name, value = becomes.split(b": ", 1)
    assert response.all(name.decode()) == [value]
    assert response.body == b"body"


def test_a_second_try_asks_for_the_same(site):
    calls = []

    def once(request, connection):
        calls.append(request)
        if len(calls) == 1:
            connection.close()
            return None
        return wire.answer(b"ok", fields=(b"Location: /y",))
    site.server.answer = once
    client = site.client()
    client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
    response = client.read_response()
    assert [request.target for request in calls] == ["/x", "/x"]
    assert [request.all("X-Forwarded-Prefix") for request in calls] == [[b"/api"]] * 2
    assert response.one("Location") == b"/api/y"
    client.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response().one("Location") == b"/y"
    client.close()


def test_trusted_proxies_may_have_taken_one_away(tmp_path):
    server = wire.Origin()
    made = daemon.Daemon(tmp_path, daemon.backend("main", server.address),
                         routes='{ when = "always"; backend = "main"; strip_prefix = "/api"; }',
                         frontend='trusted_proxies = ( "127.0.0.1" );').start()
    made.server = server
    try:
        got, _ = ask(made, "/api/x", "X-Forwarded-Prefix: /site\r\n")
        assert got.all("X-Forwarded-Prefix") == [b"/site, /api"]
        got, _ = ask(made, "/x", "X-Forwarded-Prefix: /site\r\n")
        assert got.all("X-Forwarded-Prefix") == [b"/site"]
        made.write_config(frontend="forwarded_for = false;")
        made.ctl("reload")
        got, _ = ask(made, "/api/x", "X-Forwarded-Prefix: /site\r\n")
        assert got.all("X-Forwarded-Prefix") == []
    finally:
        made.stop()
        server.close()


def test_explain_tells_the_path(site):
    said = site.ctl("explain", "GET", "/api//x").stdout
    assert ": takes it: path_dir /api -> app, as /x\n" in said
    said = site.ctl("explain", "GET", "/quietly").stdout
    assert ": takes it: path_beg /quiet -> app, as it is: not under /quiet\n" in said
