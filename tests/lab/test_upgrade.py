"""Another program takes the place of a node's hpcbald: nobody on the segment notices."""
import os
import time

import pytest

import pair
import programs
import segment

ROUNDS = 10


def upgrade(node):
    before = node.vrrp_pid()
    node.ctl("upgrade")
    assert node.vrrp_pid() != before


def changes(both):
    """What the nodes tell of states of virtual routers."""
    return [line for node in (both.lb1, both.lb2) for line in node.events().splitlines()
            if "VI_1" in line]


def beats(both, host, since):
    return [a.at for a in both.watch.adverts_of(host, since) if a.vrid == pair.VRID]


def test_ten_upgrades_of_a_master(lab):
    """The successor adopts: no address goes, no state changes, and the backup hears no pause that
    it would act on."""
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    both.wait_holder("lb1")
    before, other = both.lb1.instance(), both.lb2.instance()
    told, since = changes(both), time.monotonic()
    for _ in range(ROUNDS):
        upgrade(both.lb1)
        segment.wait_for(lambda: both.lb1.instance()["state"] == "MASTER", "the new one to tell")
    upgrade(both.lb2)
    both.wait_holder("lb1")
    for host, was in (("lb1", before), ("lb2", other)):
        now = getattr(both, host).instance()
        for key in ("state", "since", "priority", "effective_priority"):
            assert now[key] == was[key], f"{host}: {key}"
    assert both.watch.moves_of(since) == []
    assert changes(both) == told
    assert beats(both, "lb2", since) == []
    times = beats(both, "lb1", since)
    gaps = sorted(b - a for a, b in zip(times, times[1:]))
    print(f"the longest pauses: {['%.0f ms' % (gap * 1000) for gap in gaps[-3:]]}")
    assert gaps[-1] < 2 * pair.FAST.interval, gaps[-3:]


@pytest.mark.waiting
def test_a_demotion_outlives_an_upgrade(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    both.wait_holder("lb1")
    both.lb1.ctl("demote")
    both.wait_holder("lb2")
    since = time.monotonic()
    upgrade(both.lb1)
    upgrade(both.lb2)
    time.sleep(3 * pair.FAST.skew("lb1") + 1)
    assert both.watch.moves_of(since) == []
    both.lb1.ctl("promote")
    both.wait_holder("lb1")


@pytest.mark.waiting
def test_what_was_tracked_and_told_stays(lab):
    """A script that fails costs priority, before its next run too; and nobody is notified."""
    with programs.Programs() as made:
        script, told = made.script("script"), made.notify("told")
        both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
        both.lb1.within = (f'track = ( {{ script = "{script.path}"; interval = "2s"; rise = 1; '
                           f'fall = 1; weight = -20; }} ); notify = "{told.path}";')
        both.start()
        both.wait_holder("lb1")
        script.say("1")
        both.wait_holder("lb2")
        both.lb1.wait("to be backup", lambda i: i["state"] == "BACKUP")
        segment.wait_for(lambda: len(told.lines("runs")) >= 3, "the notifications")
        before, since = told.lines("runs"), time.monotonic()
        for _ in range(5):
            upgrade(both.lb1)
            now = both.lb1.instance()
            assert (now["state"], now["effective_priority"]) == ("BACKUP", 90)
            assert "exited with status 1" in both.lb1.tracker("script")["reason"]
        assert both.watch.moves_of(since) == []
        assert told.lines("begun") == before
        script.say("0")
        both.wait_holder("lb1")


@pytest.mark.waiting
def test_boards_of_another_layout(lab):
    """Nothing can be taken over: the old one resigns, and the new one starts as at the boot."""
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    both.wait_holder("lb1")
    folder = f"/proc/{both.lb1.agent.pid}/fd"
    board = next(fd for fd in os.listdir(folder)
                 if "hpcbal-vrrp" in os.readlink(f"{folder}/{fd}"))
    since = time.monotonic()
    with open(f"{folder}/{board}", "r+b", buffering=0) as f:
        f.seek(8)
        f.write(b"\xff\0\0\0")
    upgrade(both.lb1)
    both.wait_holder("lb1")
    assert any(a.priority == 0 for a in both.watch.adverts_of("lb1", since))
