"""request_headers and response_headers of frontends and backends."""
import pytest

import daemon
import wire

FRONTEND = """
    request_headers = (
      { set = "X-Front"; value = "${method} ${path} for ${src}"; },
      { set = "X-Forwarded-Proto"; value = "https"; when = "is_api"; },
      { delete = "X-Secret"; },
      { add = "X-Seen"; value = "front"; },
      { delete = "X-Forwarded-For"; when = "path /anonymous"; },
      { set = "X-Empty"; value = "${hdr(X-None)}"; } );
    response_headers = (
      { set = "Strict-Transport-Security"; value = "max-age=63072000"; },
      { delete = "Server"; },
      { add = "X-Asked"; value = "${hdr(User-Agent)}"; when = "is_api"; } );"""
BACKEND = """
    request_headers = ( { add = "X-Seen"; value = "main"; },
                        { set = "X-Front"; value = "anew"; when = "path_beg /anew"; } );
    response_headers = ( { set = "X-Backend"; value = "main ${query(v)}"; } );"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server, other = wire.Origin(), wire.Origin()
    made = daemon.Daemon(
        tmp_path_factory.mktemp("fields"),
        daemon.backend("main", server.address, more=BACKEND) + ", " +
        daemon.backend("other", other.address),
        acls='is_api = "path_beg /api"; unused = "method GET";',
        routes='{ when = "path_beg /other unused"; backend = "other"; },'
               '{ when = "path /denied"; deny = 403; }',
        frontend=FRONTEND)
    made.server, made.other = server, other
    try:
        yield made.start()
    finally:
        made.stop()
        server.close()
        other.close()


@pytest.fixture
def site(running):
    yield running
    running.server.reset()
    running.other.reset()


def ask(site, target, fields="", server=None, method="GET"):
    client = site.client()
    client.send(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    response = client.read_response(method)
    got = (server or site.server).expect_requests(1)[0]
    client.close()
    return got, response


def test_requests(site):
    got, _ = ask(site, "/x", "X-Front: forged\r\nx-front: twice\r\nX-SECRET: s\r\nX-Seen: me\r\n"
                             "X-Kept: 1\r\n")
    assert got.all("X-Front") == [b"GET /x for 127.0.0.1"]
    assert not got.has("X-Secret")
    assert got.all("X-Seen") == [b"me", b"front", b"main"]
    assert got.all("X-Empty") == [b""]
    assert got.one("X-Kept") == b"1"
    assert got.one("X-Forwarded-Proto") == b"http"
    assert got.one("X-Forwarded-For") == b"127.0.0.1"


def test_what_is_set_comes_before_what_hpcbal_says(site):
    got, _ = ask(site, "/api", "X-Forwarded-Proto: forged\r\n")
    assert got.all("X-Forwarded-Proto") == [b"https"]
    site.server.reset()
    got, _ = ask(site, "/anonymous")
    assert not got.has("X-Forwarded-For")


def test_the_backend_comes_behind_the_frontend(site):
    got, _ = ask(site, "/anew")
    assert got.all("X-Front") == [b"anew"]
    site.server.reset()
    got, _ = ask(site, "/other", server=site.other)
    assert got.all("X-Seen") == [b"front"]


def test_responses(site):
    site.server.answer = wire.answer(b"body", fields=(b"Server: secret/1.0", b"X-Backend: theirs",
                                                      b"Strict-Transport-Security: max-age=0"))
    _, response = ask(site, "/api?v=2", "User-Agent: me\r\n")
    assert response.body == b"body"
    assert not response.has("Server")
    assert response.all("Strict-Transport-Security") == [b"max-age=63072000"]
    assert response.all("X-Backend") == [b"main 2"]
    assert response.all("X-Asked") == [b"me"]
    site.server.reset()
    _, response = ask(site, "/x", method="HEAD")
    assert not response.has("X-Asked")
    assert response.one("X-Backend") == b"main"


def test_interim_responses_pass_as_they_are(site):
    site.server.answer = (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + wire.answer(b"x"))
    _, response = ask(site, "/x")
    assert [hint.has("X-Backend") for hint in response.interim] == [False]
    assert response.one("X-Backend") == b"main"


def test_a_retry_sends_the_same(site):
    """The second server gets what the first would have got, once."""
    calls = []

    def once(request, connection):
        calls.append(request)
        if len(calls) == 1:
            connection.close()
            return None
        return wire.answer(b"ok")
    site.server.answer = once
    client = site.client()
    client.send("GET /anew HTTP/1.1\r\nHost: a\r\nX-Seen: me\r\n\r\n")
    assert client.read_response().status == 200
    assert len(calls) == 2
    for request in calls:
        assert request.all("X-Seen") == [b"me", b"front", b"main"]
        assert request.all("X-Front") == [b"anew"]


def test_websockets_have_them_too(site):
    client = site.client()
    got, response = [], None

    def switch(request, connection):
        got.append(request)
        return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    site.server.answer = switch
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    response = client.read_until(wire.END_OF_HEAD)
    assert response.startswith(b"HTTP/1.1 101 ")
    assert got[0].one("X-Front") == b"GET /ws for 127.0.0.1"
    assert got[0].one("Upgrade") == b"websocket"
