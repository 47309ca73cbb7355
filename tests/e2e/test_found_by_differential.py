"""What the differential test has found, each as a small case of its own."""
import threading

import pytest

import wire

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("body", [b"x\r\n", b"0x1\r\na\r\n0\r\n\r\n", b"1\r\nab\r\n0\r\n\r\n",
                                  b"0\n\r\n", b"0\r\nT : v\r\n\r\n"])
def test_h82_a_body_that_is_bad_from_its_start_is_a_502(site, body):
    """Its head has come along with it, and has not gone on: the client can still be told."""
    site.origin.answer = CHUNKED + body
    client = site.client()
    client.send(GET)
    response = client.read_response()
    assert response.status == 502
    assert b"<p>malformed chunked response body</p>" in response.body
    site.daemon.wait_log(r" 502 \d+ - - PD-- .*\"GET / HTTP/1.1\"")
    assert len(site.origin.requests) == 1


def test_h82_a_client_that_goes_on_is_answered_behind_such_a_502(site):
    replies = [CHUNKED + b"zz\r\n", wire.answer(b"second")]
    site.origin.answer = lambda request, connection: replies.pop(0)
    client = site.client()
    client.send(GET + GET)
    assert client.read_response().status == 502
    assert client.read_response().body == b"second"


def test_h73_what_has_begun_to_go_out_is_cut_and_no_502_follows(site):
    came = threading.Event()

    def reply(_, connection):
        connection.sock.sendall(CHUNKED + b"5\r\nhello\r\n")
        assert came.wait(wire.PATIENCE)
        return b"zz\r\n"
    site.origin.answer = reply
    client = site.client()
    client.send(GET)
    assert client.read_until(b"hello\r\n").endswith(b"5\r\nhello\r\n")
    came.set()
    client.expect_closed()


@pytest.mark.parametrize("request_", [
    "HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
    "HEAD / HTTP/3.0\r\n\r\n", "HEAD /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "HEAD / HTTP/1.1\nHost: a\r\n\r\n",
    "HEAD /" + "a" * 20000])
def test_h65_a_refused_head_request_has_an_answer_without_a_body(site, request_):
    client = site.client()
    client.send(request_)
    assert client.read_response("HEAD").status >= 400
    client.expect_closed()


@pytest.mark.parametrize("target", [
    "/%2Fapi", "/%2fapi/x", "/%5Capi", "/\\api", "//%2f/api", "/%2F%2Fapi", "/api%2Fx", "/ap%69"])
def test_h37_no_spelling_of_a_slash_gets_past_a_path_condition(site, target):
    """nginx, for one, decodes %2F and then takes two slashes for one; others do so with \\."""
    assert site.ask(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").body == b"other"
    assert site.origin.received == b""
    wanted = target.replace("%69", "i")
    assert site.other.requests[0].target == wanted


@pytest.mark.parametrize("host", ["other.example.", "OTHER.example.", "other.example.:80"])
def test_h22_a_dot_at_the_end_of_a_host_gets_past_no_condition(site, host):
    assert site.ask(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").body == b"other"
    assert site.other.requests[0].one("Host") == host.encode()


@pytest.mark.parametrize("host", ["other%2eexample", "%6fther.example"])
def test_h21_an_escape_in_a_host_is_refused(site, host):
    site.refuse(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n", 400)
    site.refuse(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n", 400)


def test_h86_a_cut_answer_takes_none_before_it_along(site):
    """What the client has sent behind it is never read. Closed at once, the connection would be
    reset by that, and the whole answer before would be lost on its way."""
    body = b"z" * 30000
    replies = [wire.answer(body)]

    def reply(_, connection):
        if replies:
            return replies.pop()
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut")
        connection.close()
        return None
    site.origin.answer = reply
    client = site.client(rcvbuf=4096)
    client.send(GET * 3000)
    site.daemon.wait_log(r" SD-- .*\"GET / HTTP/1.1\"")
    assert client.read_response().body == body
    assert client.read_until(b"cut").startswith(b"HTTP/1.1 200 OK\r\n")
    client.expect_closed()
