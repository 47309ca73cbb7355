"""HTTP.md 148: real servers in mode tcp."""
import hashlib
import os
import random
import shutil
import subprocess
import threading
import time

import pytest

import daemon
import wire
from tcprig import TCP, refused


def needs(*programs):
    for name in programs:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")


def listens(process, port, patience):
    def answers():
        assert process.poll() is None, "it ended at once"
        return not refused(("127.0.0.1", port))
    wire.wait_for(answers, f"a server to listen on {port}", patience)


@pytest.fixture
def redis(tmp_path):
    needs("redis-server")
    port = wire.free_port()
    with open(tmp_path / "redis.log", "wb") as log:
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(tmp_path)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        listens(process, port, 10 * wire.SLOWDOWN)
        yield ("127.0.0.1", port)
    finally:
        process.kill()
        process.wait()


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def redis_site(start, address, **options):
    return start(daemon.backend("main", address, more=TCP + 'check: { tcp = true; };'),
                 frontend=TCP, **options)


def test_h148_redis(start, redis):
    running = redis_site(start, redis)
    client = running.client()
    client.send(command("PING"))
    assert client.read_until(b"\n") == b"+PONG\r\n"
    big = random.Random(1).randbytes(8 << 20)
    client.send(command("SET", "big", big))
    assert client.read_until(b"\n", patience=30) == b"+OK\r\n"
    client.send(command("GET", "big"))
    assert client.read_until(b"\n") == b"$%d\r\n" % len(big)
    got = client.read_exactly(len(big) + 2, patience=30)
    assert hashlib.sha256(got[:-2]).digest() == hashlib.sha256(big).digest()
    # Ten thousand at once, answered in order.
    count = 10000
    sender = threading.Thread(target=client.sock.sendall,
                              args=(b"".join(command("ECHO", n) for n in range(count)),))
    sender.start()
    wanted = b"".join(b"$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(count))
    assert client.read_exactly(len(wanted), patience=30) == wanted
    sender.join()
    client.send(command("QUIT"))
    assert client.read_to_end() == b"+OK\r\n"
    client.close()


def test_h148_redis_publishes_to_subscribers(start, redis):
    running = redis_site(start, redis)
    heard = [running.client() for _ in range(10)]
    for client in heard:
        client.send(command("SUBSCRIBE", "news"))
        client.read_until(b":1\r\n")
    speaker = running.client()
    for number in range(50):
        speaker.send(command("PUBLISH", "news", f"item {number}"))
        assert speaker.read_until(b"\n") == b":10\r\n"
    for client in heard:
        for number in range(50):
            client.read_until(b"item %d\r\n" % number)
        client.close()
    speaker.close()


MARIADB_PATIENCE = 30.0


@pytest.fixture
def mariadb(tmp_path):
    """Only where it comes up quickly: it takes seconds, and one server that speaks first is as
    good as another."""
    needs("mariadbd", "mariadb-install-db", "mariadb")
    data, port = str(tmp_path / "data"), wire.free_port()
    end = time.monotonic() + MARIADB_PATIENCE
    common = ["--no-defaults", f"--datadir={data}"]
    if os.getuid() == 0:
        common.append("--user=root")
    try:
        subprocess.run(["mariadb-install-db", *common, "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=MARIADB_PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.skip(f"MariaDB did not come up within {MARIADB_PATIENCE:.0f} s")
    process = subprocess.Popen(
        ["mariadbd", *common, f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve",
         f"--socket={tmp_path}/my.sock", f"--pid-file={tmp_path}/my.pid",
         "--innodb-buffer-pool-size=16M"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        try:
            listens(process, port, max(end - time.monotonic(), 0.1))
        except AssertionError:
            if process.poll() is not None:
                raise
            pytest.skip(f"MariaDB did not come up within {MARIADB_PATIENCE:.0f} s")
        yield ("127.0.0.1", port)
    finally:
        process.kill()
        process.wait()


def test_h148_mariadb(start, mariadb):
    running = redis_site(start, mariadb)

    def query(text):
        return subprocess.run(
            ["mariadb", "--no-defaults", "-N", "-B", "--protocol=tcp", "-h", "127.0.0.1", "-u",
             "root", "-P", str(running.address[1]), "-e", text], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=True, timeout=60).stdout
    query("create database trial; create table trial.t (n int, s longblob); "
          "insert into trial.t values (1, repeat('x', 3000000)), (2, 'two')")
    assert query("select n, length(s) from trial.t order by n") == "1\t3000000\n2\t3\n"
    assert len(query("select s from trial.t where n = 1")) == 3000001
    assert " -- " in running.wait_log("front main/main1")
