"""The lab itself: cables, the client, the watch; and that keepalived with haproxy behaves in it
as it does elsewhere, so that what is measured of hpcbal beside it means something."""
import os
import time

import pytest

import faults
import pair
import probe
import segment
import watch

TRY = ("addr", "add", f"{segment.VIP}/32", "dev", segment.INTERFACE)
UNTRY = ("addr", "del", f"{segment.VIP}/32", "dev", segment.INTERFACE)


def test_cables_are_cut_and_restored(lab):
    there, watched = lab.there, lab.watch
    there.ip("lb1", *TRY)
    for cut, restore in ((there.cut, there.restore), (there.lose_switch, there.find_switch)):
        assert watched.who_answers() == ["lb1"]
        cut("lb1")
        assert watched.who_answers() == []
        restore("lb1")
        segment.wait_for(lambda: watched.who_answers() == ["lb1"], "the cable to carry again")


def test_a_cable_is_cut_in_one_direction(lab):
    there, watched = lab.there, lab.watch
    there.ip("lb1", *TRY)
    forged = watch.forge_v2(pair.VRID, 100, "secret")
    with watch.Flood(there, forged, 0.01):
        segment.wait_for(lambda: watched.adverts, "an advertisement")
    for direction in ("from", "to"):
        there.block(direction, "lb1")
        assert watched.who_answers() == []
        there.unblock()
        assert watched.who_answers() == ["lb1"]
        there.block(direction, "lb1", "ip protocol 112")
        assert watched.who_answers() == ["lb1"]
        there.unblock()


def test_the_watch_sees_where_the_address_is(lab):
    there, watched = lab.there, lab.watch
    since = time.monotonic()
    there.ip("lb1", *TRY)
    there.ip("lb2", *TRY)
    segment.wait_for(lambda: watched.holders() == ["lb1", "lb2"], "both to have it")
    assert watched.who_answers() == ["lb1", "lb2"]
    there.ip("lb1", *UNTRY)
    segment.wait_for(lambda: watched.holders() == ["lb2"], "one to have it")
    until = time.monotonic()
    assert watched.arrivals(since) == ["lb1", "lb2"]
    times = [watched.time_with(number, since, until) for number in (0, 1, 2)]
    assert abs(sum(times) - (until - since)) < 1e-6 and all(t > 0 for t in times), times


@pytest.mark.keepalived
def test_the_client_tells_silence_from_refusal(lab):
    there = lab.there
    pair.start_origin(there)
    node = pair.KeepalivedNode(there, "lb1", pair.FAST)
    node.start_proxy()
    there.ip("lb1", *TRY)
    segment.wait_for(lambda: pair.answers(there, segment.VIP), "a page")
    client = probe.Probe(there)
    time.sleep(0.5)
    there.ip("lb1", *UNTRY)
    gone = time.monotonic()
    time.sleep(0.4)
    there.ip("lb1", *TRY)
    back = time.monotonic()
    time.sleep(1.1)  # TCP repeats itself after a second: what it asked in vain is answered now
    dying = time.monotonic()
    node.kill_proxy()
    killed = time.monotonic()
    time.sleep(0.3)
    record = client.stop()
    silence = record.silence(gone - 0.2, dying)
    assert 0.4 <= silence < back - gone + 0.3, silence
    assert record.count("refused", gone - 0.2, dying - 0.1) == 0
    assert record.count("refused", killed, killed + 0.3) > 20, record.summary(killed, killed + 1)
    assert record.count("ok", gone - 0.3, gone - 0.1) > 20
    assert record.silence(killed, killed + 0.3) >= 0.29


@pytest.mark.keepalived
def test_keepalived_takes_over_in_the_lab(tmp_path):
    told = pair.FAST

    def see(act):
        return faults.measure(tmp_path / act.__name__, told, ("keepalived",) * 2,
                              faults.BY_ACT[act])
    acts = (faults.node_lost, faults.orderly_stop, faults.everything_killed)
    lost, stopped, killed = segment.side_by_side([lambda a=a: see(a) for a in acts])
    assert lost.arrivals == ["lb2"] and lost.holders == ["lb2"], lost
    assert 2 * told.interval < lost.silence < told.down("lb2") + 0.3, lost
    assert stopped.arrivals == ["lb2"] and stopped.silence < told.skew("lb2") + 0.2, stopped
    assert killed.answering == ["lb1", "lb2"], f"nobody takes keepalived's address away: {killed}"


def test_nothing_is_left_of_a_segment(tmp_path):
    with segment.Segment(tmp_path / "gone") as there:
        sleeper = there.start("lb1", "sleep", "1000")
        names = [there.name(host) for host in there.made]
    assert sleeper.poll() is not None
    assert not [name for name in names if os.path.exists(f"/run/netns/{name}")]
