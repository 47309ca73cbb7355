"""The faults of a pair, and what a client and the segment see of each."""
import contextlib
import os
import random
import signal
import time

import pair
import probe
import segment
import watch


def freeze(pid):
    """Stops a process, and returns when every thread of it stands still."""
    segment.signal_all([pid], signal.SIGSTOP)

    def stands_still():
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="latin-1") as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "T":
                    return False
        return True
    segment.wait_for(stands_still, f"{pid} to stand still")


class Outcome:
    """What was seen from the fault to the end of the watch; times in seconds."""

    def __init__(self, record, watched, since, until, vip=segment.VIP):
        self.record, self.since, self.until = record, since, until
        self.silence = record.silence(since, until)
        self.usual = record.silence(since - 0.8, since)  # nothing had befallen anybody yet
        self.lateness = record.lateness(since - 1, until)
        self.counts = record.summary(since, until - probe.TIMEOUT_MS / 1000)
        self.refused = self.counts.get("refused", 0)
        self.arrivals = watched.arrivals(since, vip)
        self.nowhere = watched.time_with(0, since, until, vip)
        self.twice = watched.time_with(2, since, until, vip)
        self.holders = watched.holders(vip)
        self.left = [when - since for when, host, _, there in watched.moves_of(since, vip)
                     if host == "lb1" and not there]
        self.answering = watched.who_answers(vip) if ":" not in vip else None

    @property
    def leaves_behind(self):
        return len(self.holders) > 1

    def __repr__(self):
        return (f"silence {self.silence * 1000:.0f} ms (usual {self.usual * 1000:.0f}, "
                f"machine late {self.lateness * 1000:.0f}), "
                f"{self.counts}, appeared on {self.arrivals}, nowhere {self.nowhere * 1000:.0f} "
                f"ms, twice {self.twice * 1000:.0f} ms, at the end on {self.holders}, "
                f"ARP {self.answering}")


# Each fault is a function of the pair, whose master is lb1; as a generator it may undo what it
# did when the watch is over.

def proxy_killed(both):
    both.lb1.kill_proxy()


def proxy_stopped(both):
    pid = both.lb1.proxy_pid()
    freeze(pid)
    yield
    segment.signal_all([pid], signal.SIGCONT)


def node_lost(both):
    both.there.cut("lb1")


def switch_lost(both):
    both.there.lose_switch("lb1")


def switch_lost_and_found(both):
    both.there.lose_switch("lb1")
    time.sleep(2 * both.settings.down("lb2"))
    both.there.find_switch("lb1")


def orderly_stop(both):
    both.lb1.orderly_stop()


def vrrp_killed(both):
    both.lb1.kill_vrrp()


def everything_killed(both):
    both.lb1.kill_all()


def vrrp_stopped_a_while(both):
    pid = both.lb1.vrrp_pid()
    freeze(pid)
    time.sleep(6)
    segment.signal_all([pid], signal.SIGCONT)


def vip_deleted(both):
    both.lb1.delete_vip()


def wrong_password(both):
    forged = watch.forge_v2(pair.VRID, 50, "wrongpwd", int(both.settings.interval))
    with watch.Flood(both.there, forged, 0.4):
        time.sleep(12)


def demoted(both):
    both.demotion = both.lb1.json("demote")


class Fault:
    def __init__(self, name, act, window, kinds=("keepalived", "hpcbal"), version=None):
        self.name, self.act, self.window = name, act, window
        self.kinds, self.version = kinds, version

    def applies(self, settings, kind):
        return kind in self.kinds and self.version in (None, settings.version)


def _takeover(settings):
    """Long enough for any takeover by the clock, noticed by a check or not."""
    return 2 * settings.check + 2 * settings.down("lb2") + 1


FAULTS = [
    Fault("proxy killed (-9)", proxy_killed, _takeover),
    Fault("proxy stopped (SIGSTOP)", proxy_stopped, _takeover),
    Fault("node lost (link cut)", node_lost, _takeover),
    Fault("node lost (switch lost)", switch_lost, _takeover),
    Fault("switch lost and found", switch_lost_and_found, _takeover),
    Fault("orderly stop", orderly_stop, _takeover),
    Fault("vrrp process killed (-9)", vrrp_killed, _takeover),
    Fault("everything killed (-9)", everything_killed, _takeover),
    Fault("vrrp stopped 6 s, continued", vrrp_stopped_a_while, _takeover),
    Fault("VIP deleted by hand", vip_deleted, lambda s: s.down("lb2") + 1),
    Fault("wrong-password flood", wrong_password, lambda s: 1.0, version=2),
    Fault("demote", demoted, _takeover, kinds=("hpcbal",)),
]
BY_ACT = {fault.act: fault for fault in FAULTS}


def measure(folder, settings, kinds, fault):
    """Raises a segment with a pair, lets the fault happen, and tells what was seen."""
    with contextlib.ExitStack() as stack:
        there = stack.enter_context(segment.Segment(folder))
        watched = stack.enter_context(watch.Watch(there))
        pair.start_origin(there)
        try:
            both = stack.enter_context(pair.Pair(there, watched, settings, kinds))
            return observe(both.start(), fault)
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{there.words()}") from None


def observe(both, fault):
    client = probe.Probe(both.there, both.settings.vip)
    # The client's caches are warm, its record shows what is normal, and the fault comes at any
    # time between two advertisements and two checks.
    time.sleep(1.0 + random.random() * max(both.settings.interval, both.settings.check))
    since = time.monotonic()
    undo = fault.act(both)
    if undo is not None:
        next(undo)
    time.sleep(fault.window(both.settings))
    until = time.monotonic()
    record = client.stop()
    outcome = Outcome(record, both.watch, since, until, both.settings.vip)
    if undo is not None:
        next(undo, None)
    return outcome
