"""HTTP.md 52 to 83: fields on their way, and what a server may answer."""
import pytest

import daemon
import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"


# --- request fields ---

def test_h52_hop_by_hop_request_fields(site):
    got = site.forward(HEAD + "Connection: close, x-secret\r\nX-Secret: 1\r\n"
                       "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                       "Upgrade: foo\r\nTE: gzip\r\nX-Kept: 1\r\n\r\n")
    for name in ("X-Secret", "Keep-Alive", "Proxy-Connection", "Upgrade", "TE"):
        assert not got.has(name), name
    assert b"close" not in b"".join(got.all("Connection"))
    assert got.one("X-Kept") == b"1"


def test_h52_connection_in_several_fields(site):
    got = site.forward(HEAD + "A: 1\r\nConnection: a\r\nB: 2\r\nConnection: ,b,,C ,\r\n"
                       "C: 3\r\nD: 4\r\n\r\n")
    assert [got.has(name) for name in "ABCD"] == [False, False, False, True]


def test_h52_hop_by_hop_response_fields(site):
    site.origin.answer = wire.answer(b"ok", fields=[
        "Connection: X-Secret", "X-Secret: 1", "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive", "Upgrade: h2", "X-Kept: 1"])
    response = site.ask(GET)
    for name in ("X-Secret", "Keep-Alive", "Proxy-Connection", "Upgrade"):
        assert not response.has(name), name
    assert response.one("X-Kept") == b"1"
    assert response.body == b"ok"


def test_h53_fields_kept_though_connection_names_them(site):
    got = site.forward(POST + "Connection: Host, Content-Length, Authorization, Cookie, "
                       "X-Forwarded-For, X-Forwarded-Proto\r\nContent-Length: 2\r\n"
                       "Authorization: b\r\nCookie: c=1\r\n\r\nab")
    assert got.one("Host") == b"a"
    assert (got.one("Content-Length"), got.body) == (b"2", b"ab")
    assert (got.one("Authorization"), got.one("Cookie")) == (b"b", b"c=1")
    assert got.has("X-Forwarded-For") and got.has("X-Forwarded-Proto")


def test_h53_chunked_kept_though_connection_names_it(site):
    got = site.forward(POST + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "2\r\nab\r\n0\r\n\r\n")
    assert got.body == b"ab"


def test_h54_te_trailers(site):
    got = site.forward(HEAD + "TE: trailers\r\nConnection: TE\r\n\r\n")
    assert got.one("TE") == b"trailers"
    assert b"te" in b",".join(got.all("Connection")).lower()


@pytest.mark.parametrize("value", ["gzip", "trailers;q=0.5", "deflate;q=0.5", ""])
def test_h54_other_te(site, value):
    got = site.forward(HEAD + f"TE: {value}\r\nConnection: TE\r\n\r\n")
    assert not got.has("TE")


def test_h55_h2c_upgrade(site):
    got = site.forward(HEAD + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                       "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n")
    assert not got.has("Upgrade") and not got.has("HTTP2-Settings")
    assert b"upgrade" not in b"".join(got.all("Connection")).lower()


def test_h55_settings_without_connection(site):
    assert not site.forward(HEAD + "HTTP2-Settings: AAMAAABk\r\n\r\n").has("HTTP2-Settings")


@pytest.mark.parametrize("name", ["X_Auth_User", "X.Auth", "X!A", "x_auth-user", "Content_Length",
                                  "_", "X~"])
def test_h56_odd_names_are_dropped(site, name):
    got = site.forward(HEAD + f"{name}: root\r\nX-Auth-User: me\r\n\r\n")
    assert not got.has(name)
    assert b"root" not in got.raw
    assert got.one("X-Auth-User") == b"me"


FORGED = ("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
          "X-Forwarded-Port: 666\r\nForwarded: for=1.2.3.4;proto=https;host=evil\r\n"
          "X-Forwarded-Protocol: https\r\nX-Forwarded-Ssl: on\r\nX-Real-IP: 1.2.3.4\r\n")


def test_h57_forwarding_from_outside_is_replaced(site):
    client = site.client(source="127.0.0.7")
    assert client.ask(HEAD + FORGED + "\r\n").status == 200
    got = site.origin.expect_requests(1)[0]
    assert got.one("X-Forwarded-For") == b"127.0.0.7"
    assert got.one("X-Forwarded-Proto") == b"http"
    assert got.one("X-Forwarded-Host") == b"a"
    for name in ("X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Real-IP"):
        assert not got.has(name), name
    for word in (b"1.2.3.4", b"evil", b"666"):
        assert word not in got.raw


def test_h57_repeated_forgeries_are_replaced(site):
    got = site.forward(HEAD + FORGED + FORGED.lower() + "\r\n")
    assert got.one("X-Forwarded-For") == b"127.0.0.1"
    assert b"1.2.3.4" not in got.raw


def test_h57_trusted_proxy_is_appended_to(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address),
                    frontend='trusted_proxies = ( "127.0.0.8/30" );')
    client = running.client(source="127.0.0.9")
    assert client.ask(HEAD + "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n"
                      ).status == 200
    client.close()
    outside = running.client(source="127.0.0.12")
    assert outside.ask(HEAD + "X-Forwarded-For: 1.2.3.4\r\n\r\n").status == 200
    outside.close()
    trusted, replaced = server.expect_requests(2)
    listed = b",".join(trusted.all("X-Forwarded-For")).replace(b" ", b"")
    assert listed == b"1.2.3.4,127.0.0.9"
    assert trusted.one("X-Forwarded-Proto") == b"https"
    assert replaced.one("X-Forwarded-For") == b"127.0.0.12"


def test_h57_forwarded_for_can_be_switched_off(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address), frontend="forwarded_for = false;")
    client = running.client()
    assert client.ask(GET).status == 200
    client.close()
    assert not server.expect_requests(1)[0].has("X-Forwarded-For")


def test_h59_repeated_fields_keep_their_order(site):
    site.origin.answer = wire.answer(b"", fields=["Set-Cookie: a=1", "X: 1", "Set-Cookie: b=2",
                                                  "X: 2"])
    client = site.client()
    response = client.ask(HEAD + "A: 1\r\nB: x\r\nA: 2\r\nA: 3\r\n\r\n")
    assert site.origin.expect_requests(1)[0].all("A") == [b"1", b"2", b"3"]
    assert response.all("Set-Cookie") == [b"a=1", b"b=2"]
    assert response.all("X") == [b"1", b"2"]


def test_h62_own_version_both_ways(site):
    site.origin.answer = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
    response = site.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert response.version == b"HTTP/1.1"
    assert site.origin.expect_requests(1)[0].version == b"HTTP/1.1"


def test_h63_date_is_added(site):
    response = site.ask(GET)
    assert response.one("Date").endswith(b" GMT")
    site.origin.answer = wire.answer(b"", fields=["Date: Mon, 01 Jan 2001 00:00:00 GMT"])
    assert site.ask(GET).one("Date") == b"Mon, 01 Jan 2001 00:00:00 GMT"


# --- responses ---

@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_h65_no_body_whatever_the_fields_say(site, status, fields):
    site.origin.answer = b"HTTP/1.1 %d X\r\n%s\r\n" % (status, fields)
    client = site.client()
    response = client.ask(GET)
    assert response.status == status
    client.expect_open()
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"


def test_h65_head_has_no_body(site):
    site.origin.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    client = site.client()
    assert client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD").one("Content-Length") == b"5"
    client.expect_open()
    assert client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD").status == 200


@pytest.mark.parametrize("method,reply", [
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\nstray"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nstray"),
])
def test_h65_stray_body_is_not_sent_on(site, method, reply):
    site.origin.answer = reply
    client = site.client()
    client.ask(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n", method)
    client.expect_open()
    site.origin.answer = wire.answer(b"clean")
    assert client.ask(GET).body == b"clean"
    assert len(site.origin.connections) == 2, "the server connection was used again"


def test_h66_length_of_head_and_304_passes(site):
    site.origin.answer = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n"
    assert site.ask(GET).one("Content-Length") == b"1234"


def test_h66_length_of_204_and_1xx_is_removed(site):
    site.origin.answer = (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nLink: </a>\r\n\r\n"
                          b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n")
    response = site.ask(GET)
    assert response.status == 204
    assert not response.has("Content-Length") and not response.has("Transfer-Encoding")
    assert [r.status for r in response.interim] == [103]
    assert not response.interim[0].has("Content-Length")
    assert response.interim[0].one("Link") == b"</a>"


def test_h67_interim_responses_in_order(site):
    site.origin.answer = (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\n"
                          b"HTTP/1.1 103 Early Hints\r\nA: 2\r\n\r\n" + wire.answer(b"end"))
    response = site.ask(GET)
    assert [r.status for r in response.interim] == [102, 103, 103]
    assert response.body == b"end"


def test_h68_nothing_new_for_http10(site):
    site.origin.answer = (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    client = site.client()
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    response = client.read_response()
    assert response.interim == []
    assert not response.has("Transfer-Encoding")
    assert response.body == b"abc"
    client.expect_closed()


def test_h69_unasked_switch(site):
    site.origin.answer = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    assert site.ask(GET).status == 502


def test_h70_response_with_coding_and_length(site):
    site.origin.answer = (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\n5\r\nabcde\r\n0\r\n\r\n")
    client = site.client()
    response = client.ask(GET)
    assert response.body == b"abcde"
    assert not response.has("Content-Length")
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
    assert len(site.origin.connections) == 2


BAD_RESPONSES = {
    "h71_differing_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "h71_bad_length": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
    "h75_status_below": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "h75_status_above": b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n",
    "h75_status_short": b"HTTP/1.1 99 X\r\nContent-Length: 0\r\n\r\n",
    "h75_status_long": b"HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n",
    "h75_version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "h76_not_http": b"hello world\r\n\r\n",
    "h76_old_http": b"<html>hello</html>\r\n",
    "h77_nul": b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "h77_bare_cr": b"HTTP/1.1 200 OK\r\nA: b\rEvil: c\r\nContent-Length: 0\r\n\r\n",
    "h77_name": b"HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 0\r\n\r\n",
    "h80_head_too_large": b"HTTP/1.1 200 OK\r\nA: " + b"a" * 100000 + b"\r\n\r\n",
    "coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
}


@pytest.mark.parametrize("case", BAD_RESPONSES)
def test_h71_h80_bad_response(site, case):
    def reply(request, connection):
        connection.send(BAD_RESPONSES[case])
        connection.close()
    site.origin.answer = reply
    client = site.client()
    response = client.ask(GET)
    assert response.status == 502
    assert b"Evil" not in response.raw
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next", "the client connection is sound"


def test_h72_close_delimited_response(site):
    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        connection.close()
    site.origin.answer = reply
    client = site.client()
    response = client.ask(GET)
    assert response.body == b"all of it"
    assert response.one("Transfer-Encoding") == b"chunked"
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
    site.origin.answer = reply
    old = site.client()
    response = old.ask("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    assert not response.has("Transfer-Encoding")
    assert response.body == b"all of it"


@pytest.mark.parametrize("head,part", [
    (b"Content-Length: 10", b"abc"), (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n"),
    (b"Transfer-Encoding: chunked", b"a\r\nabc"),
    (b"Transfer-Encoding: chunked", b"3\r\nabc\r\nzz\r\n")])
def test_h73_truncated_response_is_visible(site, head, part):
    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + part)
        connection.close()
    site.origin.answer = reply
    client = site.client()
    client.send(f"GET /cut{len(part)} HTTP/1.1\r\nHost: a\r\n\r\n")
    with pytest.raises(wire.Closed):
        client.read_response()
    site.daemon.wait_log(rf" [SP]D.*/cut{len(part)} ")


@pytest.mark.parametrize("stray", [b"stray", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
def test_h79_bytes_after_a_response(site, stray):
    site.origin.answer = wire.answer(b"first") + stray
    client = site.client()
    assert client.ask(GET).body == b"first"
    client.expect_open()
    site.origin.answer = wire.answer(b"second")
    assert client.ask(GET).body == b"second"
    assert len(site.origin.connections) == 2


def test_h81_trailers_pass(site):
    site.origin.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")
    response = site.ask(HEAD + "TE: trailers\r\nConnection: TE\r\n\r\n")
    assert response.body == b"abc"
    assert response.trailers == [(b"X-Sum", b"7")]
    assert not response.has("X-Sum")


def test_h83_own_error_keeps_the_connection(site):
    site.origin.answer = b"nonsense\r\n\r\n"
    client = site.client()
    assert client.ask(GET).status == 502
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
