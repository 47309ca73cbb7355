"""What is demanded of a pair of hpcbal nodes under each fault, at the portal's settings and at
100 ms. Bounds are the protocol's. Addresses move by processes that the kernel runs at once, so
they are judged closely; a client's answer needs processes that wait for their turn on a machine
where other pairs run at the same time, so it gets more slack."""
import statistics
import time

import pytest

import faults
import pair
import segment

SLACK = 0.4
CLOSE = 0.1
GRACE = 0.5
waiting = pytest.mark.waiting
each_setting = pytest.mark.parametrize("told", [pair.PORTAL, pair.FAST], ids=lambda t: t.name)


def see(lab, told, act, kinds=("hpcbal", "hpcbal")):
    """The outcome of the fault, and the pair that it befell."""
    both = lab.pair(told, *kinds).start()
    return faults.observe(both, faults.BY_ACT[act]), both


def check_silence(seen, bound, slack=SLACK):
    assert seen.silence < bound + slack + seen.lateness, f"more than {bound:.3f} s: {seen}"


def check_gap(seen, bound):
    """No node had the address for longer than this, and some node got it."""
    assert seen.nowhere < bound + CLOSE, f"more than {bound:.3f} s: {seen}"


def check_one_holder(seen, host):
    assert seen.holders == [host] and seen.answering == [host], seen


def check_nobody_noticed(seen):
    assert seen.arrivals == [] and seen.refused == 0, seen
    check_one_holder(seen, "lb1")


@waiting
@each_setting
def test_a_killed_proxy_costs_nobody_the_address(lab, told):
    seen, _ = see(lab, told, faults.proxy_killed)
    check_nobody_noticed(seen)
    check_silence(seen, 0.05)


@waiting
@each_setting
def test_a_proxy_that_stands_still_costs_the_mastership(lab, told):
    seen, _ = see(lab, told, faults.proxy_stopped)
    assert seen.arrivals[:1] == ["lb2"], seen
    check_silence(seen, GRACE + told.skew("lb2"))


@waiting
@each_setting
def test_a_lost_node_is_replaced_in_time(lab, told):
    seen, _ = see(lab, told, faults.node_lost)
    assert seen.arrivals == ["lb2"] and seen.holders == ["lb2"], seen
    check_gap(seen, told.down("lb2"))
    check_silence(seen, told.down("lb2"))


@waiting
@each_setting
def test_when_the_switch_comes_back_one_node_has_the_address(lab, told):
    seen, both = see(lab, told, faults.switch_lost_and_found)
    assert seen.arrivals[0] == "lb2", seen
    check_one_holder(seen, "lb1")
    assert pair.answers(both.there, told.vip)


@waiting
@each_setting
@pytest.mark.parametrize("priorities", [(110, 100), (250, 240)], ids=str)
def test_an_orderly_stop_hands_over_within_the_skew(lab, told, priorities):
    told = told.but(priorities=priorities)
    seen, _ = see(lab, told, faults.orderly_stop)
    assert seen.arrivals == ["lb2"], seen
    check_one_holder(seen, "lb2")
    check_gap(seen, told.skew("lb2"))
    check_silence(seen, told.skew("lb2"))


@waiting
@each_setting
def test_nobody_notices_a_killed_vrrp_process(lab, told):
    seen, both = see(lab, told, faults.vrrp_killed)
    check_nobody_noticed(seen)
    check_silence(seen, 0.0)
    assert seen.counts["ok"] == sum(seen.counts.values()), seen
    assert both.lb1.instance()["state"] == "MASTER"


@waiting
@each_setting
def test_of_a_node_killed_whole_the_kernel_takes_the_address(lab, told):
    seen, _ = see(lab, told, faults.everything_killed)
    assert seen.arrivals == ["lb2"], seen
    assert seen.left and seen.left[0] < told.lease() + CLOSE, f"left after {seen.left}: {seen}"
    check_one_holder(seen, "lb2")
    check_silence(seen, max(told.down("lb2"), told.lease()))
    if told is pair.PORTAL:
        assert seen.twice == 0, f"gone before the peer may claim it: {seen}"


@waiting
@each_setting
def test_a_stopped_vrrp_process_lets_go_and_does_not_take_back(lab, told):
    seen, _ = see(lab, told, faults.vrrp_stopped_a_while)
    assert seen.left and seen.left[0] < told.lease() + CLOSE, f"left after {seen.left}: {seen}"
    assert seen.arrivals == ["lb2"], seen
    check_one_holder(seen, "lb2")


@waiting
def test_wrong_passwords_change_nothing(lab):
    seen, both = see(lab, pair.PORTAL, faults.wrong_password)
    check_nobody_noticed(seen)
    check_silence(seen, 0.0)
    for node in both.nodes.values():
        assert node.discarded("PASSWORD") >= 25


@waiting
@each_setting
@pytest.mark.keepalived
@pytest.mark.parametrize("peer", ["hpcbal", "keepalived"])
def test_a_demotion_hands_over(lab, told, peer):
    seen, both = see(lab, told, faults.demoted, ("hpcbal", peer))
    check_demoted(seen, both)
    check_silence(seen, 0.005)


def check_demoted(seen, both):
    assert seen.arrivals == ["lb2"] and seen.refused == 0, seen
    assert seen.nowhere < 0.002, f"no node had it: {seen}"  # the watch reads one after the other
    check_one_holder(seen, "lb2")
    assert both.demotion["gap_ms"] <= 5, both.demotion
    assert both.lb1.instance()["demoted"] is True


@waiting
def test_a_demotion_without_a_peer_is_harmless(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    both.lb2.orderly_stop()
    since = time.monotonic()
    done = both.lb1.ctl("demote", check=False)
    assert done.returncode == 1, done
    assert both.watch.moves_of(since) == [] and both.watch.holders() == ["lb1"]
    assert both.lb1.instance()["state"] == "MASTER"
    segment.wait_for(lambda: both.watch.adverts_of("lb1")[-1].priority == 110,
                     "its priority to be back")


# --- milliseconds: with nothing else going on ---

def test_a_demotion_loses_nothing(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    demote = faults.Fault("demote", faults.demoted, lambda told: 0.5)
    seen = []
    for _ in range(5):
        seen.append(faults.observe(both, demote))
        check_demoted(seen[-1], both)
        both.lb1.ctl("promote")
        both.wait_holder("lb1")
    # Two attempts are 2 ms apart, and an answer takes its time, as before.
    assert statistics.median(one.silence - one.usual for one in seen) < 0.005, seen


def test_a_killed_proxy_is_back_within_50_ms(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    killed = faults.Fault("proxy killed", faults.proxy_killed, lambda told: 1.5)
    seen = []
    # What else runs on this machine may have made it late.
    while not seen or (seen[-1].silence >= 0.05 and len(seen) < 5):
        if seen:
            time.sleep(10)  # it is started again at once, as if it had never died
        seen.append(faults.observe(both, killed))
        check_nobody_noticed(seen[-1])
    assert seen[-1].silence < 0.05, seen


def test_a_deleted_address_is_back_within_5_ms(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    gone = []
    for _ in range(9):
        since = time.monotonic()
        both.lb1.delete_vip()
        segment.wait_for(lambda: len(both.watch.moves_of(since)) == 2,  # noqa: B023
                         "the address to go and come back")
        (left, _, _, _), (back, host, _, there) = both.watch.moves_of(since)
        assert there and host == "lb1"
        gone.append(back - left)
        segment.wait_for(lambda: [a for a in both.watch.announced if a[0] >= left],  # noqa: B023
                         "a gratuitous ARP")
        time.sleep(0.2)
    assert both.lb1.instance()["state"] == "MASTER"
    assert statistics.median(gone) < 0.005, gone
