"""What a virtual router tracks: scripts, interfaces, backends, the proxy; and the programs that
it notifies."""
import os
import time

import pytest

import faults
import pair
import probe
import programs
import segment
import spin

pytestmark = pytest.mark.waiting

VIP2 = "10.99.0.102"
SLACK = 0.4
RUNS = 'interval = "400ms"; rise = 2; fall = 3;'


def two_routers(lab, weighed, needed):
    """VI_1 of lb1 loses 20 when `weighed` is down, VI_52 is unfit when `needed` is."""
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
    both.lb1.within = f"track = ( {{ {weighed} weight = -20; }} );"
    both.lb1.beside = pair.another(52, VIP2, f"track = ( {{ {needed} }} );")
    both.lb2.beside = pair.another(52, VIP2)
    both.start()
    wait_holder(both, VIP2, "lb1")
    return both


def wait_holder(both, address, host):
    segment.wait_for(lambda: both.watch.holders(address) == [host], f"{address} to be on {host}")


def check_both_left(both, word, why, fault):
    """Both addresses are on lb2, and lb1 says why."""
    wait_holder(both, segment.VIP, "lb2")
    wait_holder(both, VIP2, "lb2")
    weighed = both.lb1.wait("to be backup", lambda i: i["state"] == "BACKUP")
    assert weighed["effective_priority"] == 90
    needed = both.lb1.wait("to be unfit", lambda i: i["state"] == "FAULT", "VI_52")
    assert fault in needed["faults"]
    for name in ("VI_1", "VI_52"):
        tracker = both.lb1.tracker(word, name)
        assert tracker["up"] is False and why in tracker["reason"], tracker
    told = both.lb1.ctl("status").stdout
    assert "VI_52 is FAULT since" in told and fault in told
    assert "it costs 20 of the priority" in told and why in told


def check_both_returned(both):
    wait_holder(both, segment.VIP, "lb1")
    wait_holder(both, VIP2, "lb1")


def test_scripts_move_the_address_and_back(lab):
    with programs.Programs() as made:
        # A shell would run another program than this.
        weighed, needed = made.script("weighed; false"), made.script("needed")
        both = two_routers(lab, f'script = "{weighed.path}"; {RUNS}',
                           f'script = "{needed.path}"; {RUNS}')
        check_rights(weighed)

        since = time.monotonic()
        weighed.play("1", "1", "0", "1", "1", "0")
        assert both.watch.moves_of(since) == [], "two bad runs in a row are not three"

        weighed.say("1")
        needed.say("1")
        check_both_left(both, "script", "exited with status 1", "a tracked script fails")
        weighed.play("0", "1", "0", "1")
        assert both.watch.holders() == ["lb2"], "one good run is not two in a row"
        weighed.say("0")
        needed.say("0")
        check_both_returned(both)

        weighed.say("hang")
        needed.say("hang")
        check_both_left(both, "script", "did not end within 400 ms, killed",
                        "a tracked script fails")
        weighed.say("0")
        needed.say("0")
        check_both_returned(both)
        left = weighed.lines("left") + needed.lines("left")
        assert left
        segment.wait_for(lambda: not [pid for pid in left if programs.runs(pid)],
                         "what the scripts had started to be killed with them")
        events = both.lb1.events()
        for line in ("VI_1: priority 110 → 90", "VI_1: priority 90 → 110",
                     "VI_52: MASTER → FAULT: a tracked script fails"):
            assert line in events, events


def check_rights(script):
    segment.wait_for(lambda: script.lines("facts"), "the script to say who it is")
    user, groups, arguments, environment, descriptors, rights = script.lines("facts")
    assert int(user) and "0" not in groups.split()
    assert arguments == "0"
    assert environment.strip().startswith("PATH=") and len(environment.split()) == 1, environment
    assert descriptors.split() == ["0", "1", "2", "3"], "the 3rd is the folder that was listed"
    told = dict(zip(rights.split()[::2], rights.split()[1::2]))
    assert told.pop("NoNewPrivs") == "1"
    assert set(told) == {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}
    assert all(int(mask, 16) == 0 for mask in told.values()), told


def test_a_tracked_interface_moves_the_address_and_back(lab):
    def cable():
        lab.there.ip("lb1", "link", "add", "eth1", "type", "veth", "peer", "name", "far")
        lab.there.ip("lb1", "link", "set", "far", "up")
        lab.there.ip("lb1", "link", "set", "eth1", "up")
    cable()
    both = two_routers(lab, 'interface = "eth1";', 'interface = "eth1";')
    lab.there.ip("lb1", "link", "set", "far", "down")
    check_both_left(both, "eth1", "the link is down", "a tracked interface is down")
    lab.there.ip("lb1", "link", "set", "far", "up")
    check_both_returned(both)
    lab.there.ip("lb1", "link", "del", "eth1")
    check_both_left(both, "eth1", "it is missing", "a tracked interface is down")
    cable()
    check_both_returned(both)


# --- backends ---

def backend_pair(lab, told=pair.FAST):
    both = lab.pair(told, "hpcbal", "hpcbal")
    for node in both.nodes.values():
        node.check = 'interval = "1s"; fall = 1; rise = 1;'
        node.within = 'track = ( { backend = "web_backend"; weight = -30; } );'
    return both.start()


def wait_priorities(both, *wanted):
    for node, priority in zip(both.nodes.values(), wanted):
        node.wait(f"a priority of {priority}",
                  lambda i: i["effective_priority"] == priority)  # noqa: B023


def servers_up(node):
    return node.json("status")["backends"][0]["servers_up"]


def test_servers_down_on_one_node_only_move_the_address(lab):
    both = backend_pair(lab)
    lab.there.refuse("lb1", segment.ADDRESS["app1"])
    both.wait_holder("lb2")
    wait_priorities(both, 80, 100)
    assert not both.lb1.tracker("web_backend")["up"]
    assert "no server of it is up" in both.lb1.ctl("status").stdout
    segment.wait_for(lambda: pair.answers(lab.there, segment.VIP), "a page from lb2")
    lab.there.admit("lb1")
    both.wait_holder("lb1")
    wait_priorities(both, 110, 100)


@pytest.mark.parametrize("order", [("lb1", "lb2"), ("lb2", "lb1")], ids="-".join)
def test_servers_down_everywhere_move_nothing(lab, order):
    """One node sees them go, and come back, up to a check's interval before the other; that is
    longer than a backup waits for."""
    both = backend_pair(lab, pair.FAST.but(interval=0.05))
    since = time.monotonic()
    for act, up in ((lambda host: lab.there.refuse(host, segment.ADDRESS["app1"]), 0),
                    (lab.there.admit, 2)):
        act(order[0])
        segment.wait_for(lambda: servers_up(both.nodes[order[0]]) == up,  # noqa: B023
                         f"{order[0]} to see {up} servers")
        act(order[1])
        wait_priorities(both, *((80, 70) if up == 0 else (110, 100)))
        if up == 0:
            assert pair.status_of(lab.there, segment.VIP) == 503
    assert both.watch.moves_of(since) == [], both.watch.moves_of(since)
    segment.wait_for(lambda: pair.answers(lab.there, segment.VIP), "a page")


# --- the proxy ---

def departure(both, since):
    """When the address left lb1."""
    def find():
        return next((when for when, host, _, there in both.watch.moves_of(since)
                     if host == "lb1" and not there), None)
    return segment.wait_for(find, "the address to leave lb1") - since


def test_the_proxys_grace_is_waited_for(lab):
    told = pair.FAST.but(grace=1.5)
    both = lab.pair(told, "hpcbal", "hpcbal").start()
    faults.freeze(both.lb1.proxy_pid())
    since = time.monotonic()
    assert 1.2 < departure(both, since) < 1.5 + SLACK
    both.wait_holder("lb2")
    assert "the proxy does not serve" in both.lb1.instance()["faults"]
    both.wait_holder("lb1")  # the supervisor made another one


@pytest.mark.skipif(spin.why_not() is not None, reason=str(spin.why_not()))
@pytest.mark.parametrize("told", [pair.PORTAL, pair.FAST], ids=lambda t: t.name)
def test_a_worker_that_spins_costs_the_mastership(lab, told):
    both = lab.pair(told, "hpcbal", "hpcbal").start()
    client = probe.Probe(both.there)
    time.sleep(0.5)
    first = both.lb1.proxy_pid()
    try:
        since = both.lb1.spin_worker()
    except RuntimeError as fault:
        if "Operation not permitted" in str(fault):
            pytest.skip(f"ptrace is not allowed here: {fault}")
        raise
    assert departure(both, since) < 0.5 + SLACK
    both.wait_holder("lb2")
    both.wait_holder("lb1")
    record = client.stop()
    silence = record.silence(since, time.monotonic() - 1)
    assert silence < 0.5 + told.skew("lb2") + SLACK + record.lateness(since, time.monotonic())
    assert both.lb1.proxy_pid() != first
    assert "worker 0 hangs" in both.lb1.events() or "worker 0 thread hangs" in both.lb1.events()


# --- who is notified ---

def test_programs_are_notified_in_order_and_a_slow_one_delays_no_other_router(lab):
    with programs.Programs() as made:
        slow, quick = made.notify("slow"), made.notify("quick")
        both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
        both.lb1.within = f'notify = "{slow.path}";'
        both.lb1.beside = pair.another(52, VIP2, f'notify = "{quick.path}";')
        both.lb2.beside = pair.another(52, VIP2)
        both.start()
        wait_holder(both, VIP2, "lb1")
        for program, name in ((slow, "VI_1"), (quick, "VI_52")):
            begin = [f"INSTANCE {name} BACKUP 110", f"INSTANCE {name} MASTER 110"]
            segment.wait_for(lambda: len(program.lines()) == 2, "two notices")  # noqa: B023
            assert program.lines() == begin

        with open(slow.file("wait"), "w", encoding="ascii"):
            both.lb1.ctl("demote", "VI_1")
            segment.wait_for(lambda: len(slow.lines("begun")) == 3, "the slow one to begin")
            both.lb1.ctl("promote", "VI_1")
            both.wait_holder("lb1")
            both.lb1.ctl("demote", "VI_52")
        segment.wait_for(lambda: len(quick.lines()) == 3, "the other router's notice")
        assert len(slow.lines()) == 2, "it waits, and so does what comes behind it"
        os.unlink(slow.file("wait"))
        segment.wait_for(lambda: len(slow.lines()) == 4, "the slow one")
        both.lb1.orderly_stop()
        assert slow.lines()[2:] == [f"INSTANCE VI_1 {state}" for state in
                                    ("BACKUP 1", "MASTER 110", "STOP 110")]
        assert quick.lines()[2:] == ["INSTANCE VI_52 BACKUP 1", "INSTANCE VI_52 STOP 110"]
        assert both.lb1.agent.returncode == 0
