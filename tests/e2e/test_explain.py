"""hpcbalctl explain: where a request would go, and why."""
import pytest

import daemon
import wire

ROUTES = """
    { when = "path_beg /api"; backend = "app"; },
    { when = "path_beg /admin !inside"; deny = 403; },
    { when = "host old.example.org"; redirect = "https"; },
    { when = "path_beg /api/v2"; backend = "main"; },
    { when = "cookie(v) 2"; backend = "app"; }"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    origins = [wire.Origin() for _ in range(3)]
    running = daemon.Daemon(
        tmp_path_factory.mktemp("explain"),
        daemon.backend("main", origins[0].address) + ", " +
        daemon.backend("app", origins[1].address, origins[2].address, balance="leastconn"),
        acls='inside = "src 10.0.0.0/8";', routes=ROUTES,
        frontend='limits = ( { name = "per_client"; rate = "1000/s"; },'
                 '           { name = "logins"; when = "path_beg /login"; rate = "5/m"; } );')
    running.origins = origins
    try:
        yield running.start()
    finally:
        running.stop()
        for origin in origins:
            origin.close()


def explain(site, *words):
    return site.ctl("explain", *words).stdout


def test_a_route_takes_it(site):
    said = explain(site, "GET", "/x/../api/v2//y?z")
    a, b = ("%s:%d" % origin.address for origin in site.origins[1:])
    assert said == f"""\
frontend front, port {site.address[1]}: GET /api/v2//y?z, host localhost
  no address was given (--from): no src is true
  limit per_client: counts it
  limit logins: is not for it
  route in line 12: takes it: path_beg /api -> app
  route in line 13: is not for it: path_beg /admin !inside -> deny with 403
  route in line 14: is not for it: host old.example.org -> 302 to https://localhost/api/v2//y?z
  route in line 15: would take it, but comes later: path_beg /api/v2 -> main
  route in line 16: is not for it: cookie(v) 2 -> app
backend app: balance leastconn
  server app1: can take it ({a}, weight 100, running there: 0)
  server app2: can take it ({b}, weight 100, running there: 0)
"""
    assert not site.origins[1].requests and not site.origins[2].requests


def test_servers_say_why_not(site):
    site.ctl("drain", "app/app1", "--why", "x")
    site.ctl("weight", "app/app2", "0")
    said = explain(site, "GET", "/", "--header", "Cookie: u=1; v=2")
    assert "  server app1: drained by hand (" in said
    assert "  server app2: its weight is 0 (" in said
    assert said.endswith("no server can take it: it is answered with 503\n")
    site.ctl("ready", "app/app1")
    site.ctl("weight", "app/app2", "100")


@pytest.mark.parametrize("words, lines", [
    (("GET", "/"), ["backend main, the default: balance roundrobin"]),
    (("GET", "/admin/x"), ["takes it: path_beg /admin !inside -> deny with 403"]),
    (("GET", "/admin/x", "--from", "10.1.2.3"), ["backend main, the default"]),
    (("GET", "/admin/x", "--from", "2001:db8::1"), ["deny with 403"]),
    (("HEAD", "http://old.example.org:81/a?b"),
     ["HEAD /a?b, host old.example.org:81", "302 to https://old.example.org/a?b"]),
    (("GET", "/", "--header", "Host: old.example.org"), ["takes it: host old.example.org"]),
    (("POST", "/login"), ["limit logins: counts it"]),
    (("GET", "/", "--frontend", "front"), ["frontend front, port"]),
])
def test_verdicts(site, words, lines):
    said = explain(site, *words)
    for line in lines:
        assert line in said


@pytest.mark.parametrize("words, status, said", [
    (("GET",), 2, "usage: hpcbalctl explain METHOD URL"),
    (("GET", ""), 2, "usage: hpcbalctl explain METHOD URL"),
    (("GET", "/%zz"), 1, "such a request is refused with 400: path with a bad percent-escape"),
    (("GET", "/ a"), 1, "such a request is refused with 400: request target with a forbidden"),
    (("G(T", "/"), 1, "refused with 400: method with a byte that is no token (REQ_METHOD)"),
    (("GET", "/", "--header", "nothing"), 1, "refused with 400: field line without a colon"),
    (("GET", "/", "--header", "A: b\r\nHost: c"), 1, "refused with 400"),
    (("GET", "/", "--from", "nobody"), 1, '"nobody" is no address'),
    (("GET", "/", "--frontend", "frnt"), 1, 'there is no frontend "frnt" of HTTP'),
    (("GET", "/" + "a" * 5000), 2, "the request is too long to be asked about"),
    (("GET", "/", *(["--header", "A: b"] * 25)), 2, "25 fields are too many; 24 at most"),
    (("GET", "/", "--for", "5s"), 2, "explain takes no --for"),
])
def test_mistakes(site, words, status, said):
    done = site.ctl("explain", *words, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_options_of_explain_are_its_own(site):
    done = site.ctl("servers", "--from", "::1", check=False)
    assert done.returncode == 2
    assert done.stderr == "hpcbalctl: servers takes no --from: it is an option of explain\n"
