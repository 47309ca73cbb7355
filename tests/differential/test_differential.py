"""The differential test as tests/run plays it: always the same cases, and as many of them as fit
into its time; and the judges themselves, who must find each fault of a proxy that has one."""
import os

import pytest

import cases
import relay
import rig
import runner

SEED = int(os.environ.get("HPCBAL_DIFFERENTIAL_SEED", "1"))
SECONDS = float(os.environ.get("HPCBAL_DIFFERENTIAL_SECONDS", "25"))
MOST = 2500    # cases, when the time is enough for them
FEWEST = 100   # so many whatever it takes
SOUND = 300
TRIES = 150    # cases in which a fault may show, until it is found


def test_what_hpcbal_forwards_nobody_reads_otherwise(capsys):
    missing = rig.missing()
    kinds = [kind for name, kind in rig.PROXIES.items() if name not in missing]
    totals = runner.run_for(kinds, SEED, range(MOST), SECONDS, least=FEWEST)
    with capsys.disabled():
        print("\n" + "\n".join(runner.report(totals)))
    told = [f"{case}: {finding}" for case, proxy, finding in totals.told if proxy == "hpcbal"]
    assert not told, "tests/differential/run shows one with its options:\n" + "\n".join(told[:20])
    assert totals.requests > totals.cases / 2, "hardly a request was forwarded"


def test_what_a_relaxed_hpcbal_forwards_nobody_reads_otherwise():
    totals = runner.run_for([rig.Relaxed], SEED, range(MOST), SECONDS / 5, subject="relaxed",
                            least=FEWEST)
    assert not totals.told, "\n".join(f"{case}: {finding}" for case, _, finding in totals.told)


@pytest.mark.parametrize("name", ["haproxy", "nginx"])
def test_there_is_a_proxy_to_compare_with(name):
    if name in rig.missing():
        pytest.skip(f"{name} is not installed")


def test_a_case_is_a_function_of_its_seed_and_number():
    for number in range(200):
        one, other = cases.make_case(5, number), cases.make_case(5, number)
        assert (one.segments(), one.answers) == (other.segments(), other.answers)
    assert len({cases.make_case(5, number).data for number in range(200)}) > 150


def test_a_proxy_without_a_fault_has_no_findings():
    """What it does is what the judges want, so they do not cry wolf."""
    totals = runner.run_for([relay.relay_with("")], SEED, range(SOUND), 1e9, subject="relay",
                            beside=False)
    assert totals.told == [] and totals.cases == SOUND


@pytest.mark.parametrize("fault", relay.FAULTS)
def test_the_judges_find(fault):
    """Each with a relay that has this fault, in a few of the cases in which it can show."""
    kinds, oddities = relay.FAULTS[fault]
    numbers = (n for n in range(20000)
               if not oddities or set(oddities) & set(cases.make_case(SEED, n).names))
    made = runner.Runner([relay.relay_with(fault)], SEED, subject="relay", beside=False)
    try:
        for _, number in zip(range(TRIES), numbers):
            made.play(number)
            made.finish()
            found = made.totals.findings.get("relay", {})
            if set(kinds) & set(found):
                return
    finally:
        made.stop()
    pytest.fail(f"none of {kinds} was found, but {found}")
