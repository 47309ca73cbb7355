"""What nginx and Flask say about ranges, conditions and codings is what the client gets: each
request goes to the server and through the proxy, and the two answers are compared, bytes and
fields."""
import email.utils
import gzip
import os
import re

import pytest

import flask_site
import wire

# The proxy's own business, and the second in which it was asked.
OWN = (b"connection", b"keep-alive", b"transfer-encoding", b"date")
BOUNDARY = re.compile(rb"boundary=(\w+)")
TEXT = b"".join(b"line %d of a text that gzip makes short\n" % n for n in range(20000))
MODIFIED = 1_700_000_000
LATER, EARLIER = (email.utils.formatdate(MODIFIED + offset, usegmt=True)
                  for offset in (86400, -86400))
ETAG = '"%x-%x"' % (MODIFIED, len(TEXT))  # as nginx makes them


@pytest.fixture(scope="module", autouse=True)
def text(whole_site):
    path = os.path.join(whole_site.nginx.html, "text.txt")
    with open(path, "wb") as f:
        f.write(TEXT)
    os.utime(path, (MODIFIED, MODIFIED))
    os.makedirs(os.path.join(whole_site.nginx.html, "folder"), exist_ok=True)


def ask(client, method, path, fields):
    lines = "".join(f"{line}\r\n" for line in fields)
    return client.ask(f"{method} {path} HTTP/1.1\r\nHost: portal.example\r\n{lines}\r\n", method)


def shown(response):
    """Status, fields and body without what may differ from one request to the next; fields
    of different names may change places."""
    fields = [(name.lower(), value) for name, value in response.fields
              if name.lower() not in OWN]
    fields.sort(key=lambda field: field[0])
    boundary = BOUNDARY.search(response.one("Content-Type") or b"")
    if not boundary:
        return response.first, fields, response.body
    fields = [(name, BOUNDARY.sub(b"boundary=", value)) for name, value in fields]
    return response.first, fields, response.body.replace(boundary.group(1), b"")


def both(site, method, path, *fields):
    """The answer through the proxy, which is the server's."""
    server = site.flask if path.startswith("/flask") else site.nginx
    origin = wire.Client(server.address)
    direct = ask(origin, method, path, fields)
    origin.close()
    proxied = ask(site.client(), method, path, fields)
    assert shown(proxied) == shown(direct)
    return proxied


NGINX_CASES = {
    # name: (status, fields of the request)
    "plain": (200, ()),
    "single": (206, ("Range: bytes=10-19",)),
    "first_byte": (206, ("Range: bytes=0-0",)),
    "open_end": (206, (f"Range: bytes={len(TEXT) - 5}-",)),
    "suffix": (206, ("Range: bytes=-7",)),
    "multi": (206, ("Range: bytes=0-4,100-199,-3",)),
    "multi_of_many": (206, ("Range: bytes=" + ",".join(f"{n}-{n + 3}"
                                                        for n in range(0, 3000, 10)),)),
    "past_the_end": (416, (f"Range: bytes={len(TEXT)}-",)),
    "not_bytes": (200, ("Range: lines=1-2",)),
    "malformed": (416, ("Range: bytes=5-2",)),
    "if_range_same": (206, ("Range: bytes=1-3", f"If-Range: {ETAG}")),
    "if_range_other": (200, ("Range: bytes=1-3", 'If-Range: "other"')),
    "if_range_old_date": (200, ("Range: bytes=1-3", f"If-Range: {EARLIER}")),
    "none_match": (304, (f"If-None-Match: {ETAG}",)),
    "none_match_list": (304, (f'If-None-Match: "a", {ETAG}',)),
    "none_match_star": (304, ("If-None-Match: *",)),
    "none_match_other": (200, ('If-None-Match: "other"',)),
    "modified_since": (304, (f"If-Modified-Since: {email.utils.formatdate(MODIFIED, usegmt=True)}",
                             )),
    "modified_since_old": (200, (f"If-Modified-Since: {EARLIER}",)),
    "match_other": (412, ('If-Match: "other"',)),
    "unmodified_since_old": (412, (f"If-Unmodified-Since: {EARLIER}",)),
    "unmodified_since_new": (200, (f"If-Unmodified-Since: {LATER}",)),
    "gzip": (200, ("Accept-Encoding: gzip",)),
    "gzip_and_range": (200, ("Accept-Encoding: gzip", "Range: bytes=0-99")),
    "gzip_none_match": (304, ("Accept-Encoding: gzip", f"If-None-Match: W/{ETAG}")),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("case", NGINX_CASES)
def test_nginx(site, case, method):
    status, fields = NGINX_CASES[case]
    assert both(site, method, "/text.txt", *fields).status == status


def test_single_range_holds_what_it_says(site):
    answer = both(site, "GET", "/text.txt", "Range: bytes=10-19")
    assert answer.body == TEXT[10:20]
    assert answer.one("Content-Range") == b"bytes 10-19/%d" % len(TEXT)


def test_multi_range_holds_what_it_says(site):
    answer = both(site, "GET", "/text.txt", "Range: bytes=0-4,100-199,-3")
    boundary = BOUNDARY.search(answer.one("Content-Type")).group(1)
    parts = answer.body.split(b"--" + boundary)
    assert [part.split(b"\r\n\r\n", 1)[1][:-2] for part in parts[1:-1]] == \
        [TEXT[:5], TEXT[100:200], TEXT[-3:]]


def test_nginx_gzip_is_left_intact(site):
    answer = both(site, "GET", "/text.txt", "Accept-Encoding: gzip")
    assert answer.one("Content-Encoding") == b"gzip"
    assert answer.one("Vary") == b"Accept-Encoding"
    assert answer.one("ETag") == f"W/{ETAG}".encode()
    assert gzip.decompress(answer.body) == TEXT


def test_flask_gzip_is_left_intact(site):
    answer = both(site, "GET", "/flask/zipped", "Accept-Encoding: gzip")
    assert answer.body == gzip.compress(flask_site.PAGE, mtime=0)
    assert answer.one("Content-Encoding") == b"gzip"
    assert answer.one("Vary") == b"Accept-Encoding"
    assert answer.one("ETag") == b'"zipped-1"'


def test_nobody_compresses_on_the_way(site):
    answer = both(site, "GET", "/text.txt", "Accept-Encoding: identity")
    assert answer.body == TEXT and not answer.has("Content-Encoding")


@pytest.mark.parametrize("method,status,fields", [
    ("GET", 304, ('If-None-Match: "zipped-1"',)),
    ("HEAD", 304, ('If-None-Match: "zipped-1"',)),
    ("HEAD", 200, ()),
    ("OPTIONS", 200, ()),
    ("POST", 405, ("Content-Length: 0",)),
])
def test_flask(site, method, status, fields):
    assert both(site, method, "/flask/zipped", *fields).status == status


@pytest.mark.parametrize("path,status,location", [
    ("/folder", 301, b"http://portal.example:"),
    ("/flask/redirect/301", 301, b"/flask/any?n=after"),
    ("/flask/redirect/302", 302, b"/flask/any?n=after"),
    ("/flask/redirect/307", 307, b"/flask/any?n=after"),
    ("/flask/redirect/308", 308, b"/flask/any?n=after"),
])
def test_redirects(site, path, status, location):
    answer = both(site, "GET", path)
    assert answer.status == status
    assert answer.one("Location").startswith(location)


@pytest.mark.parametrize("path", ["/nothing", "/flask/nothing"])
def test_not_found(site, path):
    assert both(site, "GET", path).status == 404


@pytest.mark.parametrize("sent,set_by_flask", [(500, 0), (0, 200), (200, 100)])
def test_many_cookies(site, sent, set_by_flask):
    """As many as gunicorn takes in one field (8 KiB), and as the proxy takes fields in an
    answer (256): all arrive, in order, and no two are merged."""
    cookies = {f"in{number}": f"v{number}" for number in range(sent)}
    field = "; ".join(f"{name}={value}" for name, value in cookies.items())
    answer = both(site, "GET", f"/flask/cookies/{set_by_flask}",
                  *([f"Cookie: {field}"] if field else []))
    assert answer.status == 200
    assert all(f'"{name}":"{value}"'.encode() in answer.body.replace(b" ", b"")
               for name, value in cookies.items())
    assert [value.split(b";")[0] for value in answer.all("Set-Cookie")] == \
        [b"cookie%d=value-%d" % (number, number) for number in range(set_by_flask)]
