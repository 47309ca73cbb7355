"""HTTP.md 52 to 83: fields on their way, and what a server may answer."""
import gzip
import os
import signal
import threading

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


def test_h52_what_close_names(site):
    """Close is a field's name that only "Connection: close" could have made."""
    site.origin.answer = wire.answer(b"ok", fields=["Connection: close", "Close: 1", "A: 2"])
    response = site.ask(HEAD + "Connection: close\r\nCLOSE: 1\r\nA: 2\r\n\r\n")
    got = site.origin.expect_requests(1)[0]
    for head in (got, response):
        assert not head.has("Close") and head.one("A") == b"2"


def test_h52_names_in_any_case_and_interim(site):
    site.origin.answer = (b"HTTP/1.1 103 Early Hints\r\nConnection: x-A\r\nX-a: 1\r\nKeep-Alive: x\r\n"
                          b"Link: b\r\n\r\n" + wire.answer(b"ok"))
    response = site.ask(HEAD + "CONNECTION:\tKEEP-ALIVE\t,\tx-A\r\nX-a: 1\r\nx-B: 2\r\n\r\n")
    got = site.origin.expect_requests(1)[0]
    assert not got.has("X-A") and got.has("X-B")
    hint = response.interim[0]
    assert not hint.has("X-A") and not hint.has("Keep-Alive") and hint.one("Link") == b"b"


def test_h52_trailers_that_connection_names(site):
    site.origin.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-A\r\n\r\n"
                          b"3\r\nabc\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n")
    response = site.ask(POST + "Connection: keep-alive, x-c\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "1\r\nx\r\n0\r\nX-C: 1\r\nX-D: 2\r\n\r\n")
    assert response.trailers == [(b"X-B", b"2")]
    assert site.origin.expect_requests(1)[0].trailers == [(b"X-D", b"2")]


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


@pytest.mark.parametrize("reply,body", [
    (b"Content-Length: 2\r\n\r\nab", b"ab"),
    (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab")])
def test_h53_framing_of_a_response_that_connection_names(site, reply, body):
    site.origin.answer = (b"HTTP/1.1 200 OK\r\nConnection: content-length, transfer-encoding, "
                          b"set-cookie, date\r\n" + reply)
    client = site.client()
    response = client.ask(GET)
    assert response.body == body and response.has("Date")
    assert client.ask(GET).body == body


def test_h54_te_trailers(site):
    got = site.forward(HEAD + "TE: trailers\r\nConnection: TE\r\n\r\n")
    assert got.one("TE") == b"trailers"
    assert b"te" in b",".join(got.all("Connection")).lower()


@pytest.mark.parametrize("fields", [
    "TE: gzip, TRAILERS", "te:trailers,deflate;q=0.5\r\nTE: gzip", "TE: gzip\r\nTE: trailers"])
def test_h54_te_trailers_among_others(site, fields):
    assert site.forward(HEAD + fields + "\r\n\r\n").all("TE") == [b"trailers"]


def test_h54_no_trailers_for_http10(site):
    got = site.forward("GET / HTTP/1.0\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
    assert not got.has("TE") and not got.has("Connection")


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
    assert got.one("X-Forwarded-Port") == str(site.daemon.address[1]).encode()
    for word in (b"1.2.3.4", b"evil"):
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


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 304 Not Modified\r\n\r\n", b"HTTP/1.1 204 None\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"nonsense\r\n\r\n"])
def test_h63_every_final_response_has_one_date(site, reply):
    site.origin.answer = b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply
    response = site.ask(GET)
    assert response.one("Date").endswith(b" GMT")
    assert not response.interim[0].has("Date")


def test_h63_head_has_a_date(site):
    assert site.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD").has("Date")


def test_h64_what_is_compressed_passes_untouched(site):
    packed = gzip.compress(b"text " * 1000, mtime=0)
    fields = ["Content-Encoding: gzip", 'ETag: "x"', "Vary: Accept-Encoding"]
    site.origin.answer = wire.answer(packed, fields=fields)
    response = site.ask(HEAD + "Accept-Encoding: br;q=0.5, gzip\r\n\r\n")
    assert site.origin.expect_requests(1)[0].one("Accept-Encoding") == b"br;q=0.5, gzip"
    assert response.body == packed
    for field in fields:
        assert field.encode() in response.lines
    plain = b"text " * 1000
    site.origin.answer = wire.answer(plain)
    response = site.ask(HEAD + "Accept-Encoding: gzip\r\n\r\n")
    assert response.body == plain and not response.has("Content-Encoding")


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


@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_h65_body_of_a_204_that_comes_late(site, fields):
    """A connection that may still bring a body is used no more."""
    def reply(request, connection):
        if len(site.origin.connections) == 1:
            connection.send(b"HTTP/1.1 204 None\r\n" + fields + b"\r\n")
            connection.read_request()
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        return wire.answer(b"good")
    site.origin.answer = reply
    client = site.client()
    assert client.ask(GET).status == 204
    assert client.ask(GET).body == b"good"


def test_h65_body_of_a_1xx(site):
    site.origin.answer = (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nstray"
                          + wire.answer(b"end"))
    response = site.ask(GET)
    assert [r.status for r in response.interim] == [103]
    assert response.status == 502 and b"stray" not in response.body


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_h65_head_of_what_only_the_end_would_end(site, version, reply):
    site.origin.answer = reply + b"\r\n"
    client = site.client()
    response = client.ask(f"HEAD / HTTP/{version}\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
                          "HEAD")
    assert response.status == 200
    assert not response.has("Content-Length") and not response.has("Transfer-Encoding")
    client.expect_open()
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"


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


def test_h67_interim_responses_come_at_once(site):
    go = threading.Event()

    def reply(request, connection):
        connection.send(b"HTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\n")
        go.wait(60)
        return wire.answer(b"end")
    site.origin.answer = reply
    client = site.client()
    client.send(GET)
    assert client.read_until(wire.END_OF_HEAD) == b"HTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\n"
    go.set()
    assert client.read_response().body == b"end"


@pytest.mark.parametrize("number,status", [(64, 200), (65, 502)])
def test_h67_as_many_as_the_cap(site, number, status):
    site.origin.answer = b"HTTP/1.1 102 Processing\r\n\r\n" * number + wire.answer(b"end")
    response = site.ask(GET)
    assert (response.status, len(response.interim)) == (status, 64)
    site.origin.reset()
    site.origin.answer = b"HTTP/1.1 102 Processing\r\n\r\n" * number + wire.answer(b"end")
    response = site.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert (response.status, len(response.interim)) == (status, 0)


def test_h68_head_for_http10(site):
    site.origin.answer = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n")
    client = site.client()
    response = client.ask("HEAD / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", "HEAD")
    assert response.interim == [] and not response.has("Transfer-Encoding")
    client.expect_open()


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


@pytest.mark.parametrize("method,status", [("HEAD", 200), ("GET", 304), ("GET", 204)])
def test_h70_without_a_body_too(site, method, status):
    site.origin.answer = (b"HTTP/1.1 %d X\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                          % status)
    client = site.client()
    response = client.ask(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n", method)
    assert response.status == status and not response.has("Content-Length")
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
    assert len(site.origin.connections) == 2


BAD_RESPONSES = {
    "h71_differing_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "h71_list": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc",
    "h71_with_coding": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"
                       b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "h71_204": b"HTTP/1.1 204 None\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
    "h71_304": b"HTTP/1.1 304 Same\r\nContent-Length: 1\r\nContent-Length: 3\r\n\r\n",
    "h71_1xx": b"HTTP/1.1 103 Hint\r\nContent-Length: 1, 3\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
    "h71_plus": b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
    "h71_huge": b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nabc",
    "h71_bad_length": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
    "h75_status_below": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "h75_status_above": b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n",
    "h75_status_short": b"HTTP/1.1 99 X\r\nContent-Length: 0\r\n\r\n",
    "h75_status_long": b"HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n",
    "h75_version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_minor_missing": b"HTTP/1. 200 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_two_digits": b"HTTP/1.10 200 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_two_spaces": b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_tab": b"HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_sign": b"HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_lower_case": b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "h75_phrase": b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
    "h76_empty_line": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "h76_banner": b"SSH-2.0-OpenSSH_9.2\r\n",
    "h76_half_a_line": b"HTTP/1.1 20",
    "h76_not_http": b"hello world\r\n\r\n",
    "h76_old_http": b"<html>hello</html>\r\n",
    "h77_nul": b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "h77_bare_cr": b"HTTP/1.1 200 OK\r\nA: b\rEvil: c\r\nContent-Length: 0\r\n\r\n",
    "h77_name": b"HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 0\r\n\r\n",
    "h77_space_before_colon": b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\nContent-Length: 0\r\n\r\n",
    "h77_tab_before_colon": b"HTTP/1.1 200 OK\r\nA\t: b\r\nContent-Length: 0\r\n\r\n",
    "h77_no_name": b"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n",
    "h77_no_colon": b"HTTP/1.1 200 OK\r\nA\r\nContent-Length: 0\r\n\r\n",
    "h77_control": b"HTTP/1.1 200 OK\r\nA: b\x0bc\r\nContent-Length: 0\r\n\r\n",
    "h77_cr_cr_lf": b"HTTP/1.1 200 OK\r\nA: b\r\r\nContent-Length: 0\r\n\r\n",
    "h77_bare_lf": b"HTTP/1.1 200 OK\r\nA: b\nEvil: c\r\nContent-Length: 0\r\n\r\n",
    "h77_high_name": b"HTTP/1.1 200 OK\r\n\xc3\xa4: b\r\nContent-Length: 0\r\n\r\n",
    "h78_fold": b"HTTP/1.1 200 OK\r\nA: b\r\n Evil: c\r\nContent-Length: 0\r\n\r\n",
    "h78_fold_by_tab": b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\nContent-Length: 0\r\n\r\n",
    "h78_fold_at_once": b"HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n",
    "h80_head_too_large": b"HTTP/1.1 200 OK\r\nA: " + b"a" * 100000 + b"\r\n\r\n",
    "coding_identity": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc",
    "coding_twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
}


@pytest.mark.parametrize("case", BAD_RESPONSES)
def test_h71_h80_bad_response(site, case):
    def reply(request, connection):
        connection.send(BAD_RESPONSES[case])
        if case == "h76_half_a_line":
            connection.close()
        return None
    site.origin.answer = reply
    client = site.client()
    response = client.ask(GET)
    assert response.status == 502
    assert b"Evil" not in response.raw
    assert wire.wait_for(site.origin.connections[0].closed.is_set, "its connection to close")
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


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_h72_h73_close_delimited_response_that_is_reset(site, version):
    def reply(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nnot all")
        sent.wait(60)
        connection.reset()
    sent = threading.Event()
    site.origin.answer = reply
    client = site.client()
    client.send(f"GET /reset{version} HTTP/{version}\r\nHost: a\r\n\r\n")
    response = client.read_response_head()
    if version == "1.1":
        assert client.read_exactly(12) == b"7\r\nnot all\r\n"
        sent.set()
        client.expect_closed()
    else:
        assert not response.has("Transfer-Encoding") and response.one("Connection") == b"close"
        assert client.read_exactly(7) == b"not all"
        sent.set()
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(100):
                pass
    site.daemon.wait_log(rf' SD-- .*"GET /reset{version} HTTP/{version}" SERVER_CUT id=')


@pytest.mark.parametrize("head,part", [
    (b"Content-Length: 10", b"abc"), (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n"),
    (b"Transfer-Encoding: chunked", b"a\r\nabc")])
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


def test_h73_a_reset_that_the_upload_met_cuts_the_response(site):
    """Where only the end ends the body, a reset is none, though the kernel tells of it only once:
    to who was sending to the server."""
    sent, proxy = threading.Event(), site.daemon.child("proxy")

    def reply(_, connection):
        assert sent.wait(wire.PATIENCE)
        # It is to find all of this at once, and so to send before it reads.
        daemon.freeze(proxy)
        connection.send(b"HTTP/1.1 200 OK\r\n\r\npart of it")
        connection.sock.close()  # with the upload unread: a reset, and no end before it
        os.kill(proxy, signal.SIGCONT)
    site.origin.read_bodies = False
    site.origin.answer = reply
    client = site.client()
    client.send("PUT /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    client.send_until_full()
    sent.set()
    with pytest.raises(wire.Closed):
        client.read_response()
    site.daemon.wait_log(r" [SP]D.*/reset ")


@pytest.mark.parametrize("stray", [b"stray", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
def test_h79_bytes_after_a_response(site, stray):
    site.origin.answer = wire.answer(b"first") + stray
    client = site.client()
    assert client.ask(GET).body == b"first"
    client.expect_open()
    site.origin.answer = wire.answer(b"second")
    assert client.ask(GET).body == b"second"
    assert len(site.origin.connections) == 2


def test_h79_bytes_on_an_idle_connection(site):
    """They are told, and the next request, whoever's it is, gets another connection."""
    late = threading.Event()

    def reply(request, connection):
        if len(site.origin.connections) == 1:
            connection.send(wire.answer(b"first"))
            late.wait(60)
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        return wire.answer(b"second")
    site.origin.answer = reply
    assert site.ask(GET).body == b"first"
    late.set()
    assert wire.wait_for(site.origin.connections[0].closed.is_set, "its connection to close")
    assert site.ask(GET).body == b"second"
    site.daemon.wait_log("server main/main1 sent bytes on an idle connection")


def test_h79_stray_bytes_are_told(site):
    site.origin.answer = wire.answer(b"first") + b"stray"
    assert site.ask("GET /stray HTTP/1.1\r\nHost: a\r\n\r\n").body == b"first"
    site.daemon.wait_log(r' 200 \d+ - - ---- .*"GET /stray HTTP/1.1" RES_STRAY id=')


def test_h80_the_largest_head_passes_and_the_log_names_what_is_larger(site):
    def head(size):
        begin, end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ", b"\r\n\r\n"
        return begin + b"a" * (size - len(begin) - len(end)) + end
    site.origin.answer = head(32768)
    assert site.ask(GET).one("A") in head(32768)
    site.origin.answer = head(32769)
    assert site.ask("GET /larger HTTP/1.1\r\nHost: a\r\n\r\n").status == 502
    site.daemon.wait_log(r'"GET /larger HTTP/1.1" RES_HEAD_TOO_LARGE size=32769 limit=32768 id=')
    site.origin.answer = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n"
    assert site.ask(GET).status == 502
    site.daemon.wait_log(r'" RES_TOO_MANY_FIELDS size=257 limit=256 id=')


def test_h81_trailers_are_not_merged(site):
    """Nor do those pass that would change the head, in either direction."""
    bad = "Content-Length: 9\r\nSet-Cookie: a\r\nHost: evil\r\nAuthorization: b\r\n" \
          "Transfer-Encoding: gzip\r\nX-Forwarded-For: c\r\nCache-Control: d\r\nVia: e\r\n"
    site.origin.answer = ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                          f"0\r\n{bad}X-Sum: 7\r\nx_sum: 8\r\n\r\n").encode()
    response = site.ask(POST + "Transfer-Encoding: chunked\r\n\r\n"
                        f"2\r\nab\r\n0\r\n{bad}X-Sum: 7\r\nX_Sum: 8\r\n\r\n")
    got = site.origin.expect_requests(1)[0]
    assert response.trailers == [(b"X-Sum", b"7"), (b"x_sum", b"8")]
    assert got.trailers == [(b"X-Sum", b"7")], "a request's odd names never pass"
    for head in (response, got):
        assert not head.has("X-Sum") and not head.has("Set-Cookie") and b"evil" not in head.raw
    assert got.one("X-Forwarded-For") == b"127.0.0.1"


def test_h81_no_trailers_for_http10(site):
    site.origin.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")
    client = site.client()
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    client.read_response_head()
    assert client.read_to_end() == b"abc"


def test_h81_trailers_pass(site):
    site.origin.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")
    response = site.ask(HEAD + "TE: trailers\r\nConnection: TE\r\n\r\n")
    assert response.body == b"abc"
    assert response.trailers == [(b"X-Sum", b"7")]
    assert not response.has("X-Sum")


# --- answers of our own ---

def test_h82_the_word_in_the_default_log(site):
    site.origin.answer = b"nonsense\r\n\r\n"
    assert site.ask("GET /word HTTP/1.1\r\nHost: a\r\n\r\n").status == 502
    site.daemon.wait_log(r'front main/main1 .* 502 \d+ - - PH-- .*"GET /word HTTP/1.1" RES_LINE id=')
    site.origin.reset()
    site.refuse("GET /x y HTTP/1.1\r\nHost: a\r\n\r\n", 400)
    site.daemon.wait_log(r'front front/<NOSRV> .* 400 \d+ - - PR-- .*"GET /x y HTTP/1.1" REQ_TARGET id=')
    site.refuse("GET /new HTTP/3.0\r\nHost: a\r\n\r\n", 505)
    site.daemon.wait_log('"GET /new HTTP/3.0" REQ_VERSION_UNSUPPORTED id=')
    assert site.ask("GET /good HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    site.daemon.wait_log(r' ---- .*"GET /good HTTP/1.1" id=')


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_h82_no_server_says_when_to_come_again(start, version):
    running = start(daemon.backend("main", ("127.0.0.1", wire.free_port()), more="retries = 0;"))
    client = running.client()
    response = client.ask(f"GET / HTTP/{version}\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    assert (response.status, response.version) == (503, b"HTTP/1.1")
    assert int(response.one("Retry-After")) > 0
    assert client.ask(GET).status == 503
    client.close()
    running.wait_log('" CONNECT_REFUSED id=')


BODIES = {
    "none": "Content-Length: 0\r\n\r\n",
    "length": "Content-Length: 5\r\n\r\nhello",
    "chunked": "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """A daemon that refuses in several ways what it understands."""
    origin = wire.Origin()
    running = daemon.Daemon(
        tmp_path_factory.mktemp("refusing"),
        ", ".join([daemon.backend("main", origin.address),
                   daemon.backend("down", ("127.0.0.1", wire.free_port()), more="retries = 0;")]),
        routes='{ when = "path /down /nowhere"; backend = "down"; }',
        frontend='max_body_size = "5B"; via = true;')
    try:
        running.start()
        yield running
    finally:
        try:
            running.stop()
        finally:
            origin.close()


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("line,fields,status", [
    ("GET /down HTTP/1.1", "", 503), ("POST /nowhere HTTP/1.1", "", 503),
    ("POST / HTTP/1.1", "Via: 1.1 test\r\n", 508), ("TRACE / HTTP/1.1", "", 405),
    ("POST / HTTP/1.1", "Expect: x\r\n", 417),
    ("OPTIONS / HTTP/1.1", "Max-Forwards: 0\r\n", 200)])
def test_h83_answers_of_our_own_keep_the_connection(refusing, body, line, fields, status):
    client = refusing.client()
    for _ in range(2): # pipelined: what is read of the first is exactly the first
        client.send(f"{line}\r\nHost: a\r\n{fields}{BODIES[body]}"
                    "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.read_response()
        assert response.status == status and not response.has("Connection"), response.raw
        assert client.read_response().body == b"origin"
    client.close()


@pytest.mark.parametrize("body", ["Content-Length: 6\r\n\r\nhello!",
                                  BODIES["chunked"].replace("0\r\n", "1\r\n!\r\n0\r\n")])
def test_h83_a_body_over_the_limit_that_has_come(refusing, body):
    client = refusing.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\n" + body
                + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response().status == 413
    assert client.read_response().body == b"origin"
    client.close()


@pytest.mark.parametrize("body", [
    "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"])
def test_h83_a_body_that_has_not_come_ends_the_connection(refusing, body):
    client = refusing.client()
    response = client.ask("TRACE / HTTP/1.1\r\nHost: a\r\n" + body)
    assert response.status == 405 and response.one("Connection") == b"close"
    client.send("\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    client.expect_closed()
    client.close()


def test_h83_own_error_keeps_the_connection(site):
    site.origin.answer = b"nonsense\r\n\r\n"
    client = site.client()
    assert client.ask(GET).status == 502
    site.origin.answer = wire.answer(b"next")
    assert client.ask(GET).body == b"next"
