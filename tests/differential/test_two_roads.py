"""HTTP.md 109 and 110: a request is the same request for a server, whether it came by HTTP/1.1 or by
HTTP/2. Always the same cases; HPCBAL_DIFFERENTIAL_SEED and HPCBAL_ROADS play others and more."""
import os

import pytest

import two_roads

SEED = int(os.environ.get("HPCBAL_DIFFERENTIAL_SEED", "1"))
CASES = int(os.environ.get("HPCBAL_ROADS", "600"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = two_roads.Site(tmp_path_factory.mktemp("roads"))
    yield made
    made.stop()


def test_h109_h110_two_roads(site):
    found = [wrong for wrong in (site.play(SEED, number) for number in range(CASES)) if wrong]
    assert not found, f"{len(found)} of {CASES}:\n" + "\n".join(found[:10])


def test_the_cases_are_of_all_kinds():
    """Sound and unsound, with bodies and without."""
    cases = [two_roads.make_case(SEED, number) for number in range(CASES)]
    assert sum(bool(c.odd) for c in cases) > CASES / 4
    assert sum(c.body is not None for c in cases) > CASES / 4
    assert sum(bool(c.trailers) for c in cases) > CASES / 20
    assert {what for c in cases for what in c.odd} >= {"name", "value", "path", "host", "many"}
