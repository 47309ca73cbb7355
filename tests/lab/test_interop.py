"""hpcbal beside Debian's keepalived, each as master and as backup, in both versions."""
import time

import pytest

import pair
import segment

pytestmark = [pytest.mark.keepalived, pytest.mark.waiting]

SLACK = 0.4  # of a busy machine, on top of what the protocol says
BOTH_WAYS = [("hpcbal", "keepalived"), ("keepalived", "hpcbal")]
BESIDE = "10.99.0.101"
SETTINGS = {
    "v2": pair.PORTAL,
    "v3": pair.FAST,
    "v3 IPv6": pair.FAST.but(family=6),
    "unicast": pair.FAST.but(unicast=True),
    "excluded": pair.FAST.but(excluded=(f"{BESIDE}/24",)),
}


def both_ways(function):
    return pytest.mark.parametrize("kinds", BOTH_WAYS, ids="-".join)(function)


def arrival(both, host, since):
    """When the address appeared on this node, waiting for it; in seconds after `since`."""
    def find():
        return next((when for when, where, _, there in
                     both.watch.moves_of(since, both.settings.vip)
                     if where == host and there), None)
    return segment.wait_for(find, f"{both.settings.vip} to appear on {host}") - since


def start_again(both, host):
    """The node with the higher priority comes back and takes over, and the other lets go."""
    since = time.monotonic()
    both.nodes[host].start()
    after = arrival(both, host, since)
    both.wait_settled(host)
    return after


@both_ways
@pytest.mark.parametrize("name", SETTINGS)
def test_a_pair_of_both_kinds(lab, name, kinds):
    told = SETTINGS[name]
    both = lab.pair(told, *kinds).start()
    check_excluded(both, "lb1")

    since = time.monotonic()
    both.lb1.orderly_stop()
    after = arrival(both, "lb2", since)
    assert after < told.skew("lb2") + SLACK, f"priority 0 was not obeyed: {after:.3f} s"
    if not told.unicast:
        assert [a for a in both.watch.adverts_of("lb1", since) if a.priority == 0]
    both.wait_holder("lb2")
    check_excluded(both, "lb2")
    segment.wait_for(lambda: pair.answers(lab.there, told.vip), "a page from lb2 at the VIP")

    both.lb1.stop()
    start_again(both, "lb1")
    check_excluded(both, "lb1")

    since = time.monotonic()
    both.lb1.kill_all()
    after = arrival(both, "lb2", since)
    assert 2 * told.interval - 0.1 < after < told.down("lb2") + SLACK, f"{after:.3f} s"
    if both.lb1.kind == "hpcbal":
        both.wait_holder("lb2")  # the lease ends
        assert time.monotonic() - since < max(told.lease(), after) + SLACK

    both.lb1.stop()
    start_again(both, "lb1")


def check_excluded(both, host):
    if both.settings.excluded:
        both.wait_holder(host)
        segment.wait_for(lambda: both.watch.holders(BESIDE) == [host],
                         f"{BESIDE} to be on {host}")
        assert both.watch.adverts_of(host)[-1].addresses == [segment.VIP]


def start_strangers(lab, kinds, change):
    """A pair whose keepalived is told something else; both become master."""
    both = lab.pair(pair.PORTAL, *kinds)
    ours, theirs = ((both.lb1, both.lb2) if kinds[0] == "hpcbal" else (both.lb2, both.lb1))
    theirs.settings = both.settings.but(**change)
    for node in both.nodes.values():
        node.start()
    segment.wait_for(lambda: both.watch.holders() == ["lb1", "lb2"],
                     "both to be master")
    return both, ours, theirs


@both_ways
@pytest.mark.parametrize("change, reason", [({"password": "another"}, "PASSWORD"),
                                            ({"interval": 2.0}, "INTERVAL")],
                         ids=["password", "interval"])
def test_v2_strangers_change_nothing(lab, kinds, change, reason):
    both, ours, theirs = start_strangers(lab, kinds, change)
    # Of keepalived only the first ones come: what it does not take holds its own back.
    segment.wait_for(lambda: ours.discarded(reason), f"a packet counted as {reason}")
    since = time.monotonic()
    time.sleep(5)
    assert ours.discarded(reason) == len(both.watch.adverts_of(theirs.host))
    assert ours.instance()["state"] == "MASTER"
    assert not [m for m in both.watch.moves_of(since) if m[1] == ours.host]
    beats = [a.at for a in both.watch.adverts_of(ours.host, since)]
    gaps = [b - a for a, b in zip(beats, beats[1:])]
    assert gaps and max(gaps) < 1.0 + SLACK, f"its own advertisements were held up: {gaps}"


@both_ways
def test_v3_the_masters_interval_is_adopted(lab, kinds):
    """The backup alone would wait for 0.36 s; the master's advertisements are 0.5 s apart."""
    both = lab.pair(pair.FAST, *kinds)
    both.lb1.settings = pair.FAST.but(interval=0.5)
    both.lb1.start()
    segment.wait_for(lambda: both.watch.holders() == ["lb1"], "lb1 to be master")
    both.lb2.start()
    since = time.monotonic()
    both.wait_settled("lb1")
    time.sleep(3)
    # keepalived may become master for a moment before it has heard the first one.
    assert "lb2" not in both.watch.arrivals(since + 1.0)
    since = time.monotonic()
    both.lb1.kill_all()
    after = arrival(both, "lb2", since)
    slow = pair.FAST.but(interval=0.5)
    assert 2 * slow.interval - 0.1 < after < slow.down("lb2") + SLACK, f"{after:.3f} s"


def test_without_preempt_hpcbal_stays_backup(lab):
    told = pair.FAST.but(preempt=(False, True))
    both = lab.pair(told, "hpcbal", "keepalived").start()
    both.lb1.orderly_stop()
    both.wait_holder("lb2")
    both.lb1.stop()
    since = time.monotonic()
    both.lb1.start()
    segment.wait_for(both.lb1.is_ready, "lb1 to be ready")
    time.sleep(3 * told.down("lb1") + 1)
    assert both.watch.arrivals(since) == []
    assert both.lb1.instance()["state"] == "BACKUP"
    since = time.monotonic()
    both.lb2.kill_all()
    assert arrival(both, "lb1", since) < told.down("lb1") + SLACK
