"""Real clients doing what they do: curl, http.client, pipelining, redirects that are followed,
a cookie jar that is carried on."""
import http.client
import json
import os

import programs
import wire

PIPELINED = 1000


def test_curl_follows_redirects_with_its_body(site):
    """307 and 308 repeat method and body; 302 makes it a GET."""
    for code, then in ((302, b"GET after 0\n"), (307, b"POST after 5\n"),
                       (308, b"POST after 5\n")):
        assert programs.curl("-L", "-d", "hello", site.url(f"/flask/redirect/{code}")) == then


def test_curl_reuses_its_connection(site):
    """Ten paths of both servers over one connection, though gunicorn closes its own each time."""
    paths = ["/any?n=1", "/flask/any?n=1"] * 5
    words = []
    for path in paths:
        words += ["-o", os.devnull, site.url(path)]
    said = programs.curl("-w", "%{num_connects} %{http_code}\n", *words).decode().split("\n")
    assert said[:10] == ["1 200"] + ["0 200"] * 9


def test_curl_carries_cookies_on(site, tmp_path):
    jar = tmp_path / "jar"
    programs.curl("-c", jar, site.url("/flask/cookies/40"))
    told = json.loads(programs.curl("-b", jar, site.url("/flask/cookies/0")))
    assert told == {f"cookie{number}": f"value-{number}" for number in range(40)}


def test_curl_resumes_a_download(site, tmp_path):
    half = tmp_path / "half"
    whole = programs.curl(site.url("/flask/zipped"))
    with open(os.path.join(site.nginx.html, "resume"), "wb") as f:
        f.write(whole * 100)
    half.write_bytes((whole * 100)[:777])
    programs.curl("-C", "-", "-o", half, site.url("/resume"))
    assert half.read_bytes() == whole * 100


def test_curl_understands_gzip_of_both_servers(site):
    for path in ("/flask/zipped", "/index.html"):
        plain = programs.curl("--compressed", site.url(path))
        assert plain and plain == programs.curl("--compressed", "http://%s:%d%s" % (
            *(site.flask if "flask" in path else site.nginx).address, path))


def test_http_client_over_one_connection(site):
    """Methods, bodies and answers of all kinds in a row."""
    connection = http.client.HTTPConnection(*site.daemon.address, timeout=wire.PATIENCE)
    connection.connect()
    first = connection.sock
    for turn in range(20):
        for method, path, body in (
                ("GET", "/any?n=1", None), ("POST", "/flask/any?n=1", b"x" * turn),
                ("HEAD", "/index.html", None), ("GET", "/flask/big/100000", None),
                ("PUT", "/flask/hash", iter([b"in", b"chunks"])), ("GET", "/nothing", None),
                ("DELETE", "/any?n=1", None)):
            connection.request(method, path, body=body, encode_chunked=method == "PUT")
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == (404 if path == "/nothing" else 200)
            assert len(content) == 100000 or path != "/flask/big/100000"
            assert connection.sock is first, f"closed after {method} {path}"
    connection.close()


def test_pipelined_requests_are_answered_in_order(site):
    """All sent before the first answer is read; to both servers by turns."""
    paths = [f"/flask/any?n={number}" if number % 20 == 0 else f"/any?n={number}"
             for number in range(PIPELINED)]
    client = site.client()
    sender = programs.Later(client.send, "".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"
                                                 for path in paths))
    for number in range(PIPELINED):
        answer = client.read_response()
        assert answer.status == 200
        assert answer.body.split()[:2] == [b"GET", b"%d" % number]
    sender.result()
    client.expect_open()


def test_pipelined_posts_with_bodies(site):
    client = site.client()
    client.send(b"".join(b"POST /flask/any?n=%d HTTP/1.1\r\nHost: a\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" % number
                         for number in range(50)))
    for number in range(50):
        assert client.read_response().body == b"POST %d 3\n" % number


def test_http10_without_host(site):
    """As old scripts and load testers ask."""
    client = site.client()
    client.send(b"GET /index.html HTTP/1.0\r\n\r\n")
    answer = client.read_response()
    assert answer.status == 200 and b"<title>" in answer.body
    client.expect_closed()


