"""HTTP.md 148: what is written down of connections in mode tcp, how they outlive reloads and
stops, and the PROXY protocol before and behind them."""
import re
import signal
import time

import pytest

import daemon
import tcprig
import test_h145_h147_proxy_protocol as proxied
import wire
from tcprig import TCP, GREETING, backend, pair, lines, line, was_reset

server, tcp = tcprig.server, tcprig.tcp


# --- what is written down ---

def test_h148_a_line_in_haproxys_form_of_tcp(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    other.send(b"12345")
    assert client.read_exactly(5) == b"12345"
    port = client.sock.getsockname()[1]
    other.close()
    client.close()
    assert re.search(
        r"127\.0\.0\.1:%d \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] front main/main1 "
        r"0/\d+/\d+ 5 -- 1/1/\d+/\d+/0 0/0 id=\w{32}$" % port,
        running.wait_log("front main/main1"))


def test_h148_a_line_in_json(tcp, server):
    one = server()
    running = tcp(one, log_format="json")
    client, other = pair(running, one)
    client.send(b"1234567")
    other.read_exactly(7)
    other.send(b"12345")
    client.read_exactly(5)
    port = client.sock.getsockname()[1]
    client.close()
    other.close()
    entry = line(running)
    assert entry["client"] == f"127.0.0.1:{port}"
    assert (entry["bytes_in"], entry["bytes_out"]) == (7, 5)
    assert entry["reason"] == "COMPLETE" and entry["server"] == "main1"
    assert entry["connect_ms"] is not None and entry["total_ms"] is not None
    for key in ("method", "target", "host", "status", "request_ms", "response_ms"):
        assert entry[key] is None, key


def test_h148_a_line_in_combined(tcp, server):
    one = server()
    running = tcp(one, log_format="combined")
    client, other = pair(running, one)
    other.send(b"12345")
    client.read_exactly(5)
    client.close()
    other.close()
    assert re.search(r'^127\.0\.0\.1 - - \[.*\] "-" - 5 "-" "-" "\w{32}"$', running.wait_log(r'^127'))


def test_h148_counts(tcp, server):
    one = server()
    running = tcp(one)
    client, other = pair(running, one)
    front = running.json("status")["frontends"][0]
    assert (front["mode"], front["connections"], front["requests_total"]) == ("tcp", 1, 0)
    client.send(b"1234567")
    other.read_exactly(7)
    client.close()
    other.close()
    wire.wait_for(lambda: running.json("status")["frontends"][0]["connections"] == 0, "its end")
    front = running.json("status")["frontends"][0]
    assert (front["connections"], front["requests_total"]) == (0, 1)
    metrics = running.ctl("metrics").stdout
    assert re.search(r'hpcbal_bytes_total\{frontend="front",direction="in"\} 7$', metrics, re.M)
    assert running.server("main", "main1")["requests_total"] == 1
    assert "tcp" in running.ctl("status").stdout


# --- reloads and stops ---

def test_h148_a_reload_leaves_connections_alone(tcp, server):
    one = server()
    running = tcp(one)
    pairs = [pair(running, one) for _ in range(20)]
    for number in range(3):
        running.write_config(timeouts=f'connect = "{number + 1}s";')
        running.ctl("reload")
        for client, other in pairs:
            client.send(b"ping")
            assert other.read_exactly(4) == b"ping"
            other.send(b"pong")
            assert client.read_exactly(4) == b"pong"
    fresh, far = pair(running, one)
    far.send(GREETING)
    assert fresh.read_until(b"\n") == GREETING
    for client, _ in pairs + [(fresh, far)]:
        client.close()


def test_h148_a_removed_servers_connections_have_their_time(tcp, server):
    one, two = server(), server()
    running = tcp(one, proxy='drain = "1500ms";', log_format="json")
    client, other = pair(running, one)
    running.write_config(backends=backend("main", two))
    begun = time.monotonic()
    running.ctl("reload")
    client.send(b"still here")
    assert other.read_exactly(10) == b"still here"
    assert was_reset(client) and was_reset(other)
    assert time.monotonic() - begun > 1.4
    assert line(running)["reason"] == "DRAIN_DEADLINE"
    pair(running, two)[0].close()


def test_h148_a_stop_waits_for_connections(tcp, server):
    one = server()
    running = tcp(one, proxy='grace = "20s";')
    client, other = pair(running, one)
    running.process.send_signal(signal.SIGTERM)
    running.wait_log("SIGTERM: stopping")
    for _ in range(3):
        time.sleep(0.1)
        client.send(b"ping")
        assert other.read_exactly(4) == b"ping"
    assert running.process.poll() is None
    client.close()
    other.read_to_end()
    other.close()
    assert running.process.wait(wire.PATIENCE) == 0
    running.stop()


def test_h148_a_stop_does_not_wait_for_ever(tcp, server):
    one = server()
    running = tcp(one, proxy='grace = "300ms";', log_format="json")
    client, other = pair(running, one)
    running.process.send_signal(signal.SIGTERM)
    assert was_reset(client) and was_reset(other)
    assert running.process.wait(wire.PATIENCE) == 0
    assert line(running)["reason"] == "STOPPING"
    running.stop()


def test_h148_a_reload_may_change_what_is_spoken(start, server, origin):
    """A connection that waits for a request is none of the new mode's."""
    web, one = origin(), server()
    running = start(daemon.backend("main", web.address))
    idle = running.client()
    assert idle.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    running.write_config(frontend=TCP, backends=backend("main", one))
    running.ctl("reload")
    idle.expect_closed()
    client, other = pair(running, one)
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    running.write_config(frontend="", backends=daemon.backend("main", web.address))
    running.ctl("reload")
    client.send(b"HELO\r\n")
    assert other.read_until(b"\n") == b"HELO\r\n"
    client.close()
    other.close()
    assert running.client().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200


# --- with the PROXY protocol ---

def behind_proxy(start, *servers, server_more="", balance="roundrobin", **parts):
    return start(config=proxied.configuration(
        backend("main", *servers, server_more=server_more, balance=balance),
        frontend=TCP, **parts))


def proxied_client(running):
    return wire.Client(running.address, source=proxied.LISTED)


@pytest.mark.parametrize("header", proxied.HEADERS.values(), ids=proxied.HEADERS.keys())
@pytest.mark.parametrize("slices", [None, 1])
def test_h148_behind_a_proxy(start, server, header, slices):
    one = server()
    running = behind_proxy(start, one)
    client = proxied_client(running)
    client.send(header, slices=slices)
    other = one.take()
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    # Another header is payload, whole and unchanged.
    client.send(header + b"HELO\r\n")
    assert other.read_exactly(len(header) + 6) == header + b"HELO\r\n"
    client.close()
    assert other.read_to_end() == b""
    other.close()
    entry = line(running)
    assert entry["client"] == "192.0.2.7:5555"
    assert entry["bytes_in"] == len(header) + 6


@pytest.mark.parametrize("data,reason", [
    (b"HELO\r\n", "PROXY_MISSING"), (b"PROXY TCP4 x\r\n", "PROXY_LINE")])
def test_h148_no_header_no_server(start, server, data, reason):
    one = server()
    running = behind_proxy(start, one)
    client = proxied_client(running)
    client.send(data)
    client.expect_closed()
    assert line(running)["reason"] == reason
    assert not wire.is_readable(one.listener, 0.1)


def test_h148_the_announced_client_is_judged(start, server):
    one, two = server(), server()
    running = start(config=proxied.configuration(
        backend("main", one) + "," + backend("other", two), frontend=TCP,
        acls='is_far = "src 192.0.2.99"; is_port = "dst_port 9000";',
        routes='{ when = "is_far or is_port"; backend = "other"; }'))
    for header, chosen in ((proxied.v2(), one), (proxied.v2("192.0.2.99"), two),
                           (proxied.v2(ports=(1, 9000)), two)):
        client = proxied_client(running)
        client.send(header)
        chosen.take()
        client.close()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("speaks", ["server", "client"])
def test_h148_a_server_hears_of_the_client(tcp, server, version, speaks):
    """First of all, even of a client that says nothing."""
    one = server()
    running = tcp(one, server_more=f"send_proxy = {version};")
    client = running.client(source="127.0.0.9")
    wanted = proxied.says(version, client.sock.getsockname(), running.address)
    if speaks == "client":
        client.send(b"first")
    other = one.take()
    assert other.read_exactly(len(wanted)) == wanted
    if speaks == "client":
        assert other.read_exactly(5) == b"first"
    other.send(GREETING)
    assert client.read_until(b"\n") == GREETING
    client.send(b"more")
    assert other.read_exactly(4) == b"more"
    client.half_close()
    assert other.read_to_end() == b""
    client.close()


def test_h148_a_header_for_each_try(tcp, server):
    one, two = server(), server()
    running = tcp(one, two, server_more="send_proxy = 1;")
    one.listener.close()
    for _ in range(2):
        client, other = pair(running, two)
        wanted = proxied.says(1, client.sock.getsockname(), running.address)
        assert other.read_exactly(len(wanted)) == wanted
        client.half_close()
        assert other.read_to_end() == b""
        client.close()
        other.close()


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("said", [proxied.local(), b"PROXY UNKNOWN\r\n"], ids=["v2", "v1"])
def test_h148_checks_of_a_proxy_in_front_make_no_noise(start, server, said, end):
    one = server()
    running = behind_proxy(start, one)
    for _ in range(3):
        client = proxied_client(running)
        client.send(said)
        other = one.take()
        other.send(GREETING)
        assert client.read_until(b"\n") == GREETING
        getattr(client, end)()
        other.read_to_end()
        other.close()
    client = proxied_client(running)
    client.send(said + b"work")
    other = one.take()
    assert other.read_exactly(4) == b"work"
    client.close()
    other.close()
    entry = line(running)
    assert entry["client"].startswith(proxied.LISTED) and entry["bytes_in"] == 4
    assert len(lines(running)) == 1
    wire.wait_for(lambda: running.json("status")["frontends"][0]["requests_total"] == 4,
                  "all to be counted")
