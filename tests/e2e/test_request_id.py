"""The id of a request: made, passed to the server and the client, and logged."""
import json
import re

import pytest

import daemon
import wire

MADE = re.compile(rb"[0-9a-f]{32}")


def ask(running, fields="", target="/", source=None):
    client = running.client(source=source)
    response = client.ask(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    client.close()
    return response


def got(server, number=0):
    return server.expect_requests(number + 1)[number]


def line_of(running, target):
    return json.loads(running.wait_log(f'"target":"{re.escape(target)}"'))


@pytest.fixture(name="make")
def make_(start, origin):
    """One daemon before one server, with these settings in its frontend."""
    def make(frontend="", log_format="json", **parts):
        server = origin()
        running = start(daemon.backend("main", server.address), frontend=frontend,
                        log_format=log_format, **parts)
        running.server = server
        return running
    return make


def test_each_request_has_its_own(make):
    running = make()
    client = running.client()
    for number in range(20):
        response = client.ask(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not response.has("X-Request-ID"), "clients are told when that is asked for"
    ids = [request.one("X-Request-ID") for request in running.server.expect_requests(20)]
    assert len(set(ids)) == 20 and all(MADE.fullmatch(one) for one in ids)
    assert line_of(running, "/7")["request_id"].encode() == ids[7]


def test_ids_of_another_process_are_others(make):
    """Workers, nodes and restarts begin at numbers of their own."""
    seen = set()
    for _ in range(2):
        running = make(threads=2)
        for _ in range(20):
            ask(running)
        seen |= {request.one("X-Request-ID")[16:] for request in running.server.requests}
    assert len(seen) == 40


def test_a_client_does_not_choose_it(make):
    running = make()
    ask(running, "X-Request-ID: mine\r\nx-request-id: again\r\nX-Trace: t\r\n", "/x")
    request = got(running.server)
    assert MADE.fullmatch(request.one("X-Request-ID"))
    assert request.one("X-Trace") == b"t"
    assert line_of(running, "/x")["request_id"].encode() == request.one("X-Request-ID")


def test_a_trusted_proxy_does(make):
    running = make('trusted_proxies = ( "127.0.0.2" );')
    ask(running, "X-Request-ID: of:the-proxy=1\r\n", "/trusted", source="127.0.0.2")
    assert got(running.server).one("X-Request-ID") == b"of:the-proxy=1"
    assert line_of(running, "/trusted")["request_id"] == "of:the-proxy=1"
    ask(running, "X-Request-ID: mine\r\n", "/other", source="127.0.0.3")
    assert MADE.fullmatch(got(running.server, 1).one("X-Request-ID"))
    ask(running, "", "/none", source="127.0.0.2")
    assert MADE.fullmatch(got(running.server, 2).one("X-Request-ID"))


@pytest.mark.parametrize("sent", ["a b", "a,b", '"', "<script>", "x" * 129, "\xe4", "",
                                  "a\r\nX-Request-ID: a"])
def test_what_is_no_id_is_replaced(make, sent):
    running = make("request_id: { keep = true; };")
    ask(running, f"X-Request-ID: {sent}\r\n")
    assert MADE.fullmatch(got(running.server).one("X-Request-ID"))


def test_keep_is_for_all(make):
    running = make("request_id: { keep = true; };")
    ask(running, f"X-Request-ID: {'x' * 128}\r\n", "/kept")
    assert got(running.server).one("X-Request-ID") == b"x" * 128
    assert line_of(running, "/kept")["request_id"] == "x" * 128


def test_another_field(make):
    running = make('request_id: { header = "X-Trace"; keep = true; to_client = true; };')
    running.server.answer = wire.answer(b"", fields=["X-Trace: said", "X-Request-ID: r"])
    response = ask(running, "X-Request-ID: other\r\nX-Trace: mine\r\n")
    request = got(running.server)
    assert (request.one("X-Trace"), request.one("X-Request-ID")) == (b"mine", b"other")
    assert (response.one("X-Trace"), response.one("X-Request-ID")) == (b"mine", b"r")
    ask(running, "X-Request-ID: other\r\n")
    assert MADE.fullmatch(got(running.server, 1).one("X-Trace"))


def test_without(make):
    running = make("request_id = false;")
    ask(running, "X-Request-ID: mine\r\n", "/x")
    assert got(running.server).one("X-Request-ID") == b"mine"
    assert MADE.fullmatch(line_of(running, "/x")["request_id"].encode())
    ask(running)
    assert not got(running.server, 1).has("X-Request-ID")


def test_the_client_is_told(make):
    running = make("request_id: { to_client = true; };",
                   routes='{ when = "path /here"; respond: { body = "x"; }; }')
    running.server.answer = wire.answer(b"", fields=["x-request-id: said"])
    response = ask(running)
    assert response.one("X-Request-ID") == got(running.server).one("X-Request-ID")
    response = ask(running, target="/here")
    assert response.one("X-Request-ID").decode() == line_of(running, "/here")["request_id"]


def test_errors_tell_it_always(make):
    running = make(routes='{ when = "path /here"; respond: { body = "x"; }; },'
                          '{ when = "path /secret"; deny = 403; }')
    assert not ask(running, target="/here").has("X-Request-ID")
    response = ask(running, target="/secret")
    assert response.status == 403
    assert response.one("X-Request-ID").decode() == line_of(running, "/secret")["request_id"]
    client = running.client()
    response = client.ask("GET /\x01 HTTP/1.1\r\n\r\n")
    line = json.loads(running.wait_log("REQ_TARGET"))
    assert (response.status, response.one("X-Request-ID").decode()) == (400, line["request_id"])


def test_rules_go_first(make):
    running = make("""
        request_headers = ( { set = "X-Request-ID"; value = "rule"; when = "path /set"; },
                            { set = "X-Copy"; value = "${request_id}"; } );
        response_headers = ( { set = "X-Asked"; value = "${request_id}"; },
                             { delete = "X-Request-ID"; when = "path /set"; } );
        request_id: { to_client = true; };""")
    response = ask(running, target="/set")
    request = got(running.server)
    assert request.one("X-Request-ID") == b"rule"
    assert not response.has("X-Request-ID")
    assert response.one("X-Asked") == request.one("X-Copy")
    response = ask(running, target="/not")
    request = got(running.server, 1)
    assert request.one("X-Request-ID") == request.one("X-Copy") == response.one("X-Request-ID")
    assert line_of(running, "/not")["request_id"].encode() == request.one("X-Copy")


def test_a_redirect_can_have_it(make):
    running = make(routes='{ when = "always"; redirect: { to = "/sorry?id=${request_id}"; }; }')
    where = ask(running, target="/x").one("Location").decode()
    assert where == "/sorry?id=" + line_of(running, "/x")["request_id"]


def test_a_retry_keeps_it(start, origin):
    one, two = origin(name="one"), origin(name="two")

    def close(_, connection):
        connection.close()
    one.answer = two.answer = close
    running = start(daemon.backend("main", one.address, two.address), log_format="json")
    response = ask(running, target="/x")
    line = line_of(running, "/x")
    wire.wait_for(lambda: len(one.requests + two.requests) >= 2, "a second try")
    ids = {request.one("X-Request-ID").decode() for request in one.requests + two.requests}
    assert ids == {line["request_id"]}
    assert (response.status, response.one("X-Request-ID").decode()) == (502, line["request_id"])


def test_the_line_of_haproxy_has_it_behind_its_end(make):
    running = make(log_format="haproxy")
    ask(running, target="/x")
    line = running.wait_log(r'"GET /x HTTP/1\.1" id=')
    made = got(running.server).one("X-Request-ID").decode()
    assert line.endswith(f' 0/0 "GET /x HTTP/1.1" id={made}')


def test_the_combined_line_has_it_last(make):
    running = make(log_format="combined")
    ask(running, "User-Agent: me\r\n", target="/x")
    made = got(running.server).one("X-Request-ID").decode()
    assert running.wait_log("/x").endswith(f' "me" "{made}"')


def test_a_connection_of_mode_tcp_has_one_for_the_log(start, origin):
    server = origin()
    running = start(daemon.backend("main", server.address, more='mode = "tcp";'),
                    frontend='mode = "tcp";', log_format="json")
    client = running.client()
    assert client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: b\r\n\r\n").status == 200
    client.close()
    assert got(server).one("X-Request-ID") == b"b"
    assert MADE.fullmatch(json.loads(running.wait_log("COMPLETE"))["request_id"].encode())
