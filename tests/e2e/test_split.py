"""split of routes: canary and blue-green by weight, and what keeps a client at its side."""
import collections

import pytest

import daemon
import wire

BLUE_GREEN = 'split = ( { backend = "blue"; weight = %d; }, { backend = "green"; weight = %d; } );'
CANARY = """
    { when = "hdr(X-Canary) 'always'"; backend = "green"; },
    { when = "cookie(canary) 1"; backend = "green"; },"""


def routes(blue, green):
    parts = BLUE_GREEN % (blue, green)
    return CANARY + f"""
    {{ when = "path_dir /turn"; {parts} }},
    {{ when = "path_dir /src"; split_by = "src"; {parts} }},
    {{ when = "path_dir /user"; split_by = "cookie(user)"; {parts} }},
    {{ when = "path_dir /tenant"; split_by = "hdr(X-Tenant)"; strip_prefix = "/tenant"; {parts} }}"""


class Site:
    def __init__(self, folder, blue=95, green=5, threads=2, servers=()):
        self.origins = [wire.Origin(name=name) for name in ("main", "blue", "green")]
        self.check = ('check: { tcp = true; interval = "100ms"; timeout = "5s";'
                      ' rise = 1; fall = 1; };')
        self.daemon = daemon.Daemon(folder, self.backends(), routes=routes(blue, green),
                                    threads=threads)
        self.daemon.start()
        self.keep = self.daemon.client()

    def backends(self):
        return ", ".join(daemon.backend(origin.name, origin.address, more=self.check)
                         for origin in self.origins)

    def ask(self, target, fields="", client=None):
        client = client or self.keep
        client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
        response = client.read_response()
        return response.body.decode() if response.status == 200 else response.status

    def sides(self, keys, target="/user", field="Cookie: user={}\r\n"):
        return [self.ask(target, field.format(key)) for key in keys]

    def close(self):
        self.keep.close()
        self.daemon.stop()
        for origin in self.origins:
            origin.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("split"))
    yield made
    made.close()


def test_by_header_and_cookie(site):
    assert site.ask("/x") == "main"
    assert site.ask("/x", "X-Canary: always\r\n") == "green"
    assert site.ask("/x", "X-Canary: never\r\n") == "main"
    assert site.ask("/turn", "Cookie: a=b; canary=1\r\n") == "green"


def test_in_turn_by_weight_exactly(site):
    """Of every hundred in a row, whichever worker serves them, exactly five; and never two
    neighbours."""
    clients = [site.daemon.client() for _ in range(8)]
    got = [site.ask("/turn", client=clients[at % 8]) for at in range(200)]
    for client in clients:
        client.close()
    assert collections.Counter(got[:100]) == {"blue": 95, "green": 5}
    assert collections.Counter(got[50:150]) == {"blue": 95, "green": 5}
    at = [i for i, side in enumerate(got) if side == "green"]
    assert {b - a for a, b in zip(at, at[1:])} == {20}


def test_a_key_stays_at_its_side(site):
    keys = range(400)
    first = site.sides(keys)
    share = collections.Counter(first)["green"]
    assert 5 <= share <= 40  # 20 are due; so far off is the hash of one set of keys in millions
    assert site.sides(keys) == first
    # The same value is the same key, whatever it came in; another route has the same parts.
    assert site.sides(keys, "/tenant/x", "X-Tenant: {}\r\n") == first
    assert len({site.ask("/src") for _ in range(20)}) == 1


def test_prefix_of_a_split(site):
    site.ask("/tenant/y", "X-Tenant: 1\r\n")
    assert "/y" in [r.target for origin in site.origins for r in origin.requests]


def test_without_a_key_it_goes_in_turn(site):
    got = collections.Counter(site.ask("/user") for _ in range(100))
    assert got == {"blue": 95, "green": 5}


def test_explain(site):
    said = site.daemon.ctl("explain", "GET", "/turn").stdout
    assert "-> split: blue 95 %, green 5 %, in turn\n" in said
    assert "backend blue: " in said and "backend green: " in said
    for key in range(40):
        side = site.ask("/user", f"Cookie: user={key}\r\n")
        said = site.daemon.ctl("explain", "GET", "/user", "--header", f"Cookie: user={key}").stdout
        assert "-> split: blue 95 %, green 5 %, by cookie(user)\n" in said
        assert f"its cookie(user) leads to {side}\nbackend {side}: " in said
    said = site.daemon.ctl("explain", "GET", "/user").stdout
    assert "it has no cookie(user): it goes in turn\n" in said
    side = site.ask("/src")
    said = site.daemon.ctl("explain", "GET", "/src", "--from", "127.0.0.1").stdout
    assert f"its src leads to {side}\n" in said


def test_roads_are_counted(site):
    site.ask("/turn")
    said = site.daemon.ctl("metrics").stdout
    for side in ("blue", "green"):
        assert f'hpcbal_requests_total{{frontend="front",backend="{side}",code="2xx"}}' in said


def test_other_weights_move_only_the_difference(tmp_path):
    site = Site(tmp_path)
    try:
        keys = range(300)
        before = site.sides(keys)
        site.daemon.write_config(routes=routes(70, 30))
        site.daemon.ctl("reload")
        after = site.sides(keys)
        assert all(b == "green" for a, b in zip(before, after) if a == "green")
        assert 50 <= collections.Counter(after)["green"] <= 130  # 90 are due
        site.daemon.write_config(routes=routes(0, 7))
        site.daemon.ctl("reload")
        assert set(site.sides(keys)) == {"green"}
        assert {site.ask("/turn") for _ in range(20)} == {"green"}
        site.daemon.write_config(routes=routes(70, 30))
        site.daemon.ctl("reload")
        assert site.sides(keys) == after
    finally:
        site.close()


def test_a_side_without_servers_is_passed_over(tmp_path):
    site = Site(tmp_path, 50, 50)
    try:
        keys = range(40)
        before = site.sides(keys)
        assert set(before) == {"blue", "green"}
        site.daemon.ctl("maint", "green/green1", "--why", "test")
        assert {site.ask("/turn") for _ in range(10)} == {"blue"}
        assert set(site.sides(keys)) == {"blue"}
        site.daemon.ctl("maint", "blue/blue1", "--why", "test")
        assert site.ask("/turn") == 503
        site.daemon.ctl("ready", "green/green1")
        site.daemon.ctl("ready", "blue/blue1")
        assert site.sides(keys) == before
    finally:
        site.close()


def test_who_is_bound_stays_at_a_drained_side(tmp_path):
    origins = [wire.Origin(name=name) for name in ("blue", "green")]
    made = daemon.Daemon(
        tmp_path, ", ".join(daemon.backend(o.name, o.address,
                                           more=f'sticky: {{ cookie = "{o.name}"; }};')
                            for o in origins) +
        ", " + daemon.backend("main", origins[0].address),
        routes="{ when = \"path /user\"; split_by = \"cookie(user)\"; " + BLUE_GREEN % (1, 1) +
               " }, { when = \"path /turn\"; " + BLUE_GREEN % (1, 1) + " }").start()
    client = made.client()

    def ask(target, cookies):
        return client.ask(f"GET {target} HTTP/1.1\r\nHost: a\r\nCookie: {cookies}\r\n\r\n")
    try:
        bound = {}
        for key in range(40):
            response = ask("/user", f"user={key}")
            cookie = response.one("Set-Cookie").split(b";")[0].decode()
            bound[key] = (response.body, cookie)
        assert {side for side, _ in bound.values()} == {b"blue", b"green"}
        made.ctl("drain", "green/green1")
        for key, (side, cookie) in bound.items():
            assert ask("/user", f"user={key}; {cookie}").body == side
            assert ask("/user", f"user={key}").body == b"blue", "nobody new"
        cookie = next(cookie for side, cookie in bound.values() if side == b"green")
        assert {ask("/turn", cookie).body for _ in range(4)} == {b"blue", b"green"}
        assert {ask("/turn", "a=b").body for _ in range(4)} == {b"blue"}
        made.ctl("maint", "green/green1")
        assert {ask("/user", f"user={key}; {c}").body for key, (_, c) in bound.items()} == {b"blue"}
    finally:
        client.close()
        made.stop()
        for origin in origins:
            origin.close()


def test_what_is_expected(tmp_path):
    origin = wire.Origin()
    part = BLUE_GREEN % (1, 0)
    text = ('expect = ( { request = "GET /x"; backend = "%s"; } );')
    made = daemon.Daemon(
        tmp_path, ", ".join(daemon.backend(name, origin.address)
                            for name in ("main", "blue", "green")),
        routes='{ when = "path /x"; ' + part + " }", frontend=text % "blue").start()
    try:
        made.write_config(frontend=text % "green")
        done = made.ctl("reload", check=False)
        assert done.returncode == 1
        assert 'expect: "GET /x" goes to blue (by the route in line ' in done.stderr
        assert "and green is expected" in done.stderr
    finally:
        made.stop()
        origin.close()


def test_in_mode_tcp(tmp_path):
    origins = [wire.Origin(name=name) for name in ("blue", "green")]
    blocks = ", ".join(daemon.backend(origin.name, origin.address, more='mode = "tcp";')
                       for origin in origins)
    made = daemon.Daemon(
        tmp_path, blocks + ", " + daemon.backend("main", origins[0].address, more='mode = "tcp";'),
        frontend='mode = "tcp";',
        routes='{ when = "always"; ' + BLUE_GREEN % (3, 1) + " }").start()
    try:
        got = collections.Counter()
        for _ in range(8):
            client = made.client()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got[client.read_response().body] += 1
            client.close()
        assert got == {b"blue": 6, b"green": 2}
    finally:
        made.stop()
        for origin in origins:
            origin.close()
