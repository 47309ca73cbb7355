"""The sticky cookie: who gets one, who keeps his server by it, and what of it servers and caches
see."""
import os
import re
import signal

import daemon
import wire
from test_queue import Busy, wait_queued

STICKY = 'sticky: { cookie = "SRV"; };'
SET = re.compile(rb"SRV=([0-9a-f]{16}); Path=/; SameSite=Lax; HttpOnly")


def get(cookie=None, *fields):
    lines = ["GET / HTTP/1.1", "Host: a", *fields]
    if cookie is not None:
        lines.append(f"Cookie: {cookie}")
    return "\r\n".join(lines) + "\r\n\r\n"


def block(servers, more=STICKY, name="main", server_more="", balance="roundrobin"):
    return daemon.backend(name, *[s.address for s in servers], more=more, balance=balance,
                          server_more=server_more)


def ask(running, cookie=None, *fields):
    client = running.client()
    response = client.ask(get(cookie, *fields))
    client.close()
    return response


def bound(running, servers):
    """name of a server -> the cookie of a client that is bound to it, as "SRV=…"."""
    found = {}
    for _ in range(4 * len(servers)):
        response = ask(running)
        found[response.body.decode()] = "SRV=" + SET.fullmatch(
            response.one("Set-Cookie")).group(1).decode()
    assert set(found) == {server.name for server in servers}
    return found


def test_a_client_keeps_its_server(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(block(servers), threads=2)
    cookies = bound(running, servers)
    assert len(set(cookies.values())) == 3
    for name, cookie in cookies.items():
        for _ in range(4):
            response = ask(running, cookie)
            assert response.body.decode() == name
            assert not response.has("Set-Cookie"), "it has it already"
            assert not response.has("Cache-Control")


def test_the_value_says_nothing_and_is_the_same_everywhere(start, origin):
    servers = [origin(name=name) for name in "ab"]
    one, other = start(block(servers)), start(block(servers))
    cookies = bound(one, servers)
    assert cookies == bound(other, servers)
    # Kept for good: that of an older version has to be understood.
    assert cookies["a"] == "SRV=a947bd033ea7fd5e"
    # Elsewhere the server may be another: another backend's value is none of this one's.
    third = start(block(servers) + ", " + block(servers, name="more"),
                  routes='{ when = "path /more"; backend = "more"; }')
    client = third.client()
    client.send(f"GET /more HTTP/1.1\r\nHost: a\r\nCookie: {cookies['a']}\r\n\r\n")
    assert client.read_response().has("Set-Cookie")


def test_the_same_server_at_another_address(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers))
    cookies = bound(running, servers)
    moved = origin(name="moved")
    running.write_config(backends=block([moved, servers[1]]))
    running.ctl("reload")
    for _ in range(3):
        assert ask(running, cookies["a"]).body == b"moved"


def test_attributes(start, origin):
    server = origin()
    more = 'sticky: { cookie = "__Host-S"; secure = true; http_only = false; same_site = "none"; };'
    running = start(block([server], more=more))
    assert re.fullmatch(rb"__Host-S=[0-9a-f]{16}; Path=/; SameSite=None; Secure",
                        ask(running).one("Set-Cookie"))


def test_servers_do_not_see_it(start, origin):
    server = origin(name="a")
    running = start(block([server]))
    cookie = bound(running, [server])["a"]
    for sent, seen in ((cookie, []), (f"x=1; {cookie}; y=2", [b"x=1; y=2"]),
                       ("SRV=nobody", []), ("x=1", [b"x=1"]), (f"SRVX=1;{cookie}", [b"SRVX=1"])):
        server.reset()
        assert ask(running, sent).status == 200
        assert server.expect_requests(1)[0].all("Cookie") == seen
        assert b"SRV=" not in server.received
    # Nor does a body go wrong by that.
    server.reset()
    client = running.client()
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\nCookie: a=1; {cookie}\r\nContent-Length: 5\r\n\r\nhello")
    assert client.read_response().status == 200
    assert server.expect_requests(1)[0].body == b"hello"
    assert server.requests[0].one("Cookie") == b"a=1"


def test_servers_set_none_of_its_name(start, origin):
    server = origin(name="a")
    running = start(block([server]))
    cookie = bound(running, [server])["a"]
    server.answer = wire.answer(b"a", fields=["Set-Cookie: SRV=mine", "Set-Cookie: SID=1; Path=/"])
    assert ask(running, cookie).all("Set-Cookie") == [b"SID=1; Path=/"]
    both = ask(running).all("Set-Cookie")
    assert len(both) == 2 and both[0] == b"SID=1; Path=/" and SET.fullmatch(both[1])


def test_no_shared_cache_keeps_a_response_that_sets_it(start, origin):
    server = origin(name="a")
    running = start(block([server]))
    assert ask(running).all("Cache-Control") == [b"private"]
    server.answer = wire.answer(b"a", fields=["Cache-Control: public, max-age=60"])
    assert ask(running).all("Cache-Control") == [b"public, max-age=60", b"private"]
    server.answer = wire.answer(b"a", fields=["Cache-Control: no-store"])
    assert ask(running).all("Cache-Control") == [b"no-store"]


def test_what_names_nobody_gets_a_new_one(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers))
    cookies = bound(running, servers)
    for wrong in ("SRV=", "SRV", "SRV=0123456789abcdef", "SRV=" + "9" * 5000, "SRV=main1"):
        assert SET.fullmatch(ask(running, wrong).one("Set-Cookie"))
    # One that is right beside it counts.
    response = ask(running, f"SRV=old; {cookies['b']}")
    assert response.body == b"b" and not response.has("Set-Cookie")


def test_a_drained_server_keeps_its_own(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers))
    cookies = bound(running, servers)
    for take_out in (("drain", "main/main1"), ("weight", "main/main1", "0")):
        running.ctl(*take_out)
        for _ in range(3):
            assert ask(running, cookies["a"]).body == b"a"
            assert ask(running).body == b"b"
        running.ctl("ready", "main/main1")
        running.ctl("reload")


def moves(running, cookies):
    """From a to b, with a new cookie that then holds."""
    response = ask(running, cookies["a"])
    assert response.body == b"b"
    assert b"SRV=" + SET.fullmatch(response.one("Set-Cookie")).group(1) == cookies["b"].encode()
    assert ask(running, cookies["b"]).body == b"b"


def test_clients_of_one_that_is_gone_move(start, origin):
    servers = [origin(name=name) for name in "ab"]
    more = STICKY + (' check: { http = "GET /health"; interval = "50ms"; timeout = "5s";'
                     ' fall = 1; rise = 1; };')
    running = start(block(servers, more=more))
    cookies = bound(running, servers)
    running.ctl("maint", "main/main1")
    moves(running, cookies)
    running.ctl("ready", "main/main1")
    assert ask(running, cookies["a"]).body == b"a", "that is still its cookie"
    servers[0].answer = wire.answer(b"", 503)
    running.wait_server("main", "main1", "DOWN")
    moves(running, cookies)
    running.write_config(backends=block(servers[1:], more=more).replace("main1", "main2"))
    running.ctl("reload")
    moves(running, cookies)


def test_clients_of_one_that_is_ejected_move(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers, more=STICKY + ' breaker: { consecutive = 2; };'))
    cookie = bound(running, servers)["a"]
    servers[0].answer = wire.answer(b"", 500)
    assert [ask(running, cookie).status for _ in range(3)] == [500, 500, 200]


def test_a_server_that_cannot_be_reached_is_left_within_the_request(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers))
    cookies = bound(running, servers)
    servers[0].close()
    moves(running, cookies)


def test_who_is_bound_waits_for_his_server(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers, server_more="max_connections = 1;"), threads=2)
    cookies = bound(running, servers)
    busy = Busy(lambda name: servers[0], "a")
    first = running.client()
    first.send(get(cookies["a"]))
    busy.wait_seen(1)
    second = running.client()
    second.send(get(cookies["a"]))
    wait_queued(running, 1)
    assert ask(running).body == b"b"
    busy.answer_one()
    busy.answer_one()
    assert first.read_response().body == second.read_response().body == b"a"


def test_it_goes_before_the_algorithm(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(block(servers, balance="hdr(X-User)"))
    cookies = {}
    for n in range(60):
        response = ask(running, None, f"X-User: {n}")
        cookies[response.body] = "SRV=" + SET.fullmatch(response.one("Set-Cookie"))[1].decode()
    for name, cookie in cookies.items():
        assert {ask(running, cookie, f"X-User: {n}").body for n in range(8)} == {name}


def test_a_websocket_gets_it_too_and_an_answer_of_ours_does_not(start, origin):
    server = origin()
    server.answer = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     b"Connection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    running = start(block([server]))
    client = running.client()
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    response = client.read_response_head()
    assert response.status == 101 and SET.fullmatch(response.one("Set-Cookie"))
    client.close()
    running.ctl("maint", "main/main1")
    response = ask(running)
    assert response.status == 503 and not response.has("Set-Cookie")


def test_an_interim_response_has_none(start, origin):
    server = origin(name="a")
    server.answer = (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + wire.answer(b"a"))
    running = start(block([server]))
    response = ask(running)
    assert not response.interim[0].has("Set-Cookie") and response.has("Set-Cookie")


def test_beside_header_rules(start, origin):
    server = origin(name="a")
    running = start(block([server]), frontend='request_headers = ( { set = "X-A"; value = "1"; } ); '
                    'response_headers = ( { add = "X-B"; value = "2"; } );')
    response = ask(running, "SRV=x; a=1")
    assert response.one("X-B") == b"2" and SET.fullmatch(response.one("Set-Cookie"))
    request = server.expect_requests(1)[0]
    assert request.one("X-A") == b"1" and request.one("Cookie") == b"a=1"


def test_explain_says_to_whom_it_binds(start, origin):
    servers = [origin(name=name) for name in "ab"]
    running = start(block(servers))
    cookie = bound(running, servers)["b"]
    said = running.ctl("explain", "GET", "/", "--header", f"Cookie: {cookie}").stdout
    assert "its cookie SRV binds it to server main2" in said
    assert "its cookie SRV binds it to no server" in running.ctl("explain", "GET", "/").stdout


def test_a_proxy_that_died_forgets_nobody(start, origin):
    servers = [origin(name=name) for name in "abc"]
    running = start(block(servers))
    cookies = bound(running, servers)
    before = running.child("proxy")
    os.kill(before, signal.SIGKILL)
    wire.wait_for(lambda: running.child("proxy") not in (None, before), "a new proxy")
    running.first_proxy = running.child("proxy")
    for name, cookie in cookies.items():
        assert ask(running, cookie).body.decode() == name
