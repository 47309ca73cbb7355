"""-f FILE in conditions, as an administrator would use it."""
import os
import signal

import pytest

import daemon
import wire

ORIGIN = daemon.backend("main", ("127.0.0.1", 9))


def put(folder, **files):
    for name, text in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())


def route(condition, status=204):
    return f'{{ when = "{condition}"; respond: {{ status = {status}; }}; }}'


class Site:
    """Answers 204 where a condition is true, else 404."""

    def __init__(self, folder, *conditions, **files):
        put(folder, **files)
        self.daemon = daemon.Daemon(folder, ORIGIN, routes=self.routes(*conditions))
        self.daemon.start()
        self.folder = self.daemon.folder

    @staticmethod
    def routes(*conditions):
        return ", ".join([route(c) for c in conditions] + [route("always", 404)])

    def holds(self, target, fields="", host="a"):
        client = self.daemon.client()
        client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
        status = client.read_response().status
        client.close()
        assert status in (204, 404)
        return status == 204

    def reload(self, *conditions):
        if conditions:
            self.daemon.write_config(routes=self.routes(*conditions))
        return self.daemon.ctl("reload", check=False)

    def sha(self):
        return self.daemon.json("status")["config"]["sha256"]

    def close(self):
        self.daemon.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    put(folder, paths="# exact ones\n\n/a\n  /b \t\r\n\r\n  # not one\r\n/c d\n/last", more="/m\n",
        hosts="\ufeffone.example.org\r\nTWO.example.org\r\n", nets="10.0.0.0/8\n127.0.0.1\n::1\n",
        others="192.0.2.0/24\n", regs="^/r[0-9]+$\n# (\n^/s/\n", heads="Yes\nmay be\n", none="# none\n",
        **{"with blank": "/blank\n"})
    absolute = os.path.join(folder, "more")
    made = Site(
        folder, f"path -f paths -f {absolute} /x /y", "path -i -f paths", "host -f hosts",
        "path /nets src -f nets", "path /others src -f others", "path_reg -f regs",
        "hdr(X-H) -i -f heads", "path -f none", "path -f 'with blank'", "path_beg /not !path -f heads")
    yield made
    made.close()


@pytest.mark.parametrize("target, fields, host, holds", [
    ("/a", "", "a", True), ("/b", "", "a", True), ("/last", "", "a", True),
    ("/c%20d", "", "a", True), ("/m", "", "a", True), ("/x", "", "a", True), ("/y", "", "a", True),
    ("/aa", "", "a", False), ("/%23%20exact%20ones", "", "a", False), ("/", "", "a", False),
    ("/LAST", "", "a", True), ("/M", "", "a", False),
    ("/", "", "one.example.org", True), ("/", "", "two.Example.org:81", True),
    ("/", "", "three.example.org", False),
    ("/nets", "", "a", True), ("/others", "", "a", False),
    ("/r12", "", "a", True), ("/r12x", "", "a", False), ("/s/x", "", "a", True),
    ("/", "X-H: yEs\r\n", "a", True), ("/", "X-H: x, may be\r\n", "a", True),
    ("/", "X-H: may\r\n", "a", False),
    ("/none", "", "a", False), ("/blank", "", "a", True), ("/nothing", "", "a", True),
])
def test_values(site, target, fields, host, holds):
    assert site.holds(target, fields, host) == holds


MISTAKES = {
    "path -f missing": 'cannot read the value file "missing": No such file or directory',
    "path -f folder": 'cannot read the value file "folder": it is a directory',
    "path -f /dev/zero": 'cannot read the value file "/dev/zero": it is no plain file',
    "path -f big": 'cannot read the value file "big": it has more than 16 MiB',
    "path /x -f ok": "path: -f stands behind a value; flags come first",
    "path -f": "-f stands without a file's name",
    "path -f ok -f": "-f stands without a file's name",
    "src -f ok": 'src "/ok" (line 1 of ok): ',
    "path_reg -f expression": 'path_reg "(" (line 2 of expression): ',
    "path -f binary": 'line 2 of the file "binary" of -f has a control character',
}


def test_mistakes(tmp_path):
    """All in one go, each with its line; and what runs goes on."""
    site = Site(tmp_path, "path -f ok", ok="/ok\n", expression="x\n(\n", binary=b"/a\n/\x00b\n")
    try:
        os.mkdir(os.path.join(site.folder, "folder"))
        with open(os.path.join(site.folder, "big"), "wb") as f:
            f.truncate((16 << 20) + 1)
        done = site.reload(*MISTAKES)
        assert done.returncode == 1
        for said in MISTAKES.values():
            assert said in done.stderr
        assert site.holds("/ok")
    finally:
        site.close()


def test_a_wrong_file_is_not_told_line_by_line(tmp_path):
    site = Site(tmp_path, "path /x", hosts="".join(f"h{i}.example.org\n" for i in range(1000)),
                notes="/a # mine\n")
    try:
        done = site.reload("src -f hosts")
        assert done.returncode == 1
        assert done.stderr.count("(line ") == 10
        assert "src: 990 more values of its files have faults like these; is it the right file?" \
            in done.stderr
        done = site.reload("path -f notes", "path -f hosts")
        assert done.returncode == 0
        said = site.daemon.stderr()
        assert 'path "/a # mine" (line 1 of notes): the whole line is the value' in said
        assert "path: 990 more values of its files have faults" in said
    finally:
        site.close()


def successor(made):
    now = made.child("proxy")
    return now if now != made.first_proxy else None


def test_a_changed_file_alone_is_a_change(tmp_path):
    """It counts from the next reload on; before that not even for a proxy that starts again."""
    site = Site(tmp_path, "path -f values", values="/one\n")
    try:
        before = site.sha()
        put(site.folder, values="/two\n")
        assert site.holds("/one") and not site.holds("/two")
        os.kill(site.daemon.first_proxy, signal.SIGKILL)
        site.daemon.first_proxy = wire.wait_for(lambda: successor(site.daemon), "another proxy")
        assert site.holds("/one") and not site.holds("/two")
        assert site.sha() == before
        assert site.reload().returncode == 0
        assert site.holds("/two") and not site.holds("/one")
        changed = site.sha()
        assert changed != before
        assert site.reload().returncode == 0
        assert site.sha() == changed
        os.unlink(os.path.join(site.folder, "values"))
        assert site.reload().returncode == 1
        assert site.holds("/two")
        put(site.folder, values="/one\n")
        assert site.reload().returncode == 0
        assert site.sha() == before
    finally:
        site.close()


def test_a_hundred_thousand_values(tmp_path):
    n = 100000
    site = Site(tmp_path, "path_beg -f paths", "host -i -f hosts", "path /nets src -f nets",
                paths="".join(f"/p{i}/\n" for i in range(n)),
                hosts="".join(f"h{i}.example.org\n" for i in range(n)),
                nets="".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(n)) +
                "127.0.0.1\n")
    try:
        for at in (0, 1, n // 2, n - 1):
            assert site.holds(f"/p{at}/x") and site.holds("/", host=f"H{at}.example.org")
        assert not site.holds(f"/p{n}/x") and not site.holds("/", host=f"h{n}.example.org")
        assert site.holds("/nets")
        put(site.folder, nets="10.0.0.1\n" * n)
        assert site.reload().returncode == 0
        assert not site.holds("/nets")
    finally:
        site.close()
