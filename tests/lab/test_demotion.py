"""What hpcbalctl says of virtual routers, and what demote and promote do."""
import time

import pytest

import pair
import probe
import segment
import watch

pytestmark = pytest.mark.waiting

VIP2 = "10.99.0.102"
KEYS = ["instance", "from", "to", "steps", "gap_ms", "connections_kept"]


def metric(node, name, **labels):
    words = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return next(float(line.split()[-1]) for line in node.ctl("metrics").stdout.splitlines()
                if line.startswith(f"{name}{{{words}}} "))


def both_master(node):
    return metric(node, "hpcbal_vrrp_both_master", instance="VI_1")


def row(node, instance="VI_1"):
    """This instance's line of status."""
    return next(line for line in node.ctl("status").stdout.splitlines()
                if line.startswith(instance + " "))


# --- what is told ---

def test_two_masters_are_told(lab):
    """lb2 hears nothing any more, and is heard."""
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    assert both_master(both.lb1) == 0
    lab.there.block("from", "lb1", "ip protocol 112")
    told = both.lb1.wait("to hear the other master", lambda i: i["rival"])
    assert told["rival"] == segment.ADDRESS["lb2"] and told["state"] == "MASTER"
    assert both.lb1.json("status")["vrrp"][0]["rival"] == segment.ADDRESS["lb2"]
    assert both.watch.holders() == ["lb1", "lb2"]
    status = both.lb1.ctl("status").stdout
    assert "BOTH MASTER" in row(both.lb1)
    assert f"VI_1: BOTH MASTER: {segment.ADDRESS['lb2']} advertises too" in status
    assert f"BOTH MASTER {segment.ADDRESS['lb2']}" in both.lb1.ctl("vrrp").stdout
    assert both_master(both.lb1) == 1
    assert both_master(both.lb2) == 0, "it cannot know"
    assert f"{segment.ADDRESS['lb2']} is master too" in both.lb1.events()
    lab.there.unblock()
    both.wait_holder("lb1")
    both.lb1.wait("to be the only master", lambda i: not i["rival"])
    assert both_master(both.lb1) == 0
    assert "BOTH MASTER" not in both.lb1.ctl("status").stdout
    assert "all is well" in both.lb1.ctl("status").stdout


@pytest.mark.parametrize("password", [pair.PORTAL.password, "another"])
def test_somebody_elses_router_with_our_id_is_named(lab, password):
    both = lab.pair(pair.PORTAL, "hpcbal", "hpcbal").start()
    since = time.monotonic()
    forged = watch.forge_v2(pair.VRID, 200, password, addresses=("10.99.0.55",))
    with watch.Flood(lab.there, forged, 0.2):
        told = both.lb1.wait("to hear it", lambda i: i["foreign"])
    assert told["foreign"] == "10.99.0.10 is a router for 10.99.0.55, with our id"
    status = both.lb1.ctl("status").stdout
    assert (f"somebody else's router uses virtual router id {pair.VRID} on {segment.INTERFACE} "
            "too: 10.99.0.10 is a router for 10.99.0.55, with our id") in status
    assert "10.99.0.10" in both.lb1.events()
    assert both.watch.moves_of(since) == []


def test_why_a_router_is_unfit_is_told(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    own = (f"{segment.ADDRESS['lb1']}/24", "dev", segment.INTERFACE)
    for act, undo, why in (
            (lambda: lab.there.cut("lb1"), lambda: lab.there.restore("lb1"), "the link is down"),
            (lambda: lab.there.ip("lb1", "addr", "del", *own),
             lambda: lab.there.ip("lb1", "addr", "add", *own),
             "the interface has no address to send from")):
        act()
        told = both.lb1.wait("to be unfit", lambda i: i["state"] == "FAULT")
        assert told["faults"] == why and told["reason"] == why
        both.wait_holder("lb2")
        assert "VI_1 is FAULT since" in both.lb1.ctl("status").stdout
        assert row(both.lb1).split()[1] == "FAULT"
        assert f"VI_1: MASTER → FAULT: {why}" in both.lb1.events()
        assert metric(both.lb1, "hpcbal_vrrp_state", instance="VI_1", state="FAULT") == 1
        undo()
        both.wait_holder("lb1")
    told = both.lb1.instance()
    assert told["faults"] in ("", None) and told["state"] == "MASTER"
    assert both.lb1.instance()["peers"][0]["address"] == segment.ADDRESS["lb2"]


# --- demote and promote ---

def wait_holder(both, address, host):
    segment.wait_for(lambda: both.watch.holders(address) == [host], f"{address} to be on {host}")


def two_routers(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
    for node in both.nodes.values():
        node.beside = pair.another(52, VIP2)
    both.start()
    wait_holder(both, VIP2, "lb1")
    return both


def test_one_router_is_demoted_and_promoted(lab):
    both = two_routers(lab)
    since = time.monotonic()
    done = both.lb1.json("demote", "VI_1")
    assert list(done)[:6] == KEYS and set(done) - set(KEYS) == {"done", "text"}
    assert done["instance"] == "VI_1" and done["done"] is True
    assert (done["from"], done["to"]) == (segment.ADDRESS["lb1"], segment.ADDRESS["lb2"])
    assert done["gap_ms"] <= 5 and done["connections_kept"] is None
    assert done["steps"] and all(set(step) == {"ms", "what"} for step in done["steps"])
    both.wait_holder("lb2")
    assert both.watch.moves_of(since, VIP2) == []
    assert [one["demoted"] for one in both.lb1.json("status")["vrrp"]] == [True, False]
    assert "BACKUP (demoted)" in row(both.lb1) and "demoted" not in row(both.lb1, "VI_52")
    assert "VI_1: demoted; `hpcbalctl promote VI_1` ends it" in both.lb1.ctl("status").stdout
    assert "demoted     yes; until promoted" in both.lb1.ctl("vrrp", "VI_1").stdout

    done = both.lb1.ctl("demote", "VI_1")
    assert "VI_1: was demoted before" in done.stdout
    assert "VI_1: the demotion is over" in both.lb1.ctl("promote", "VI_1").stdout
    both.wait_holder("lb1")
    assert "VI_1: was not demoted" in both.lb1.ctl("promote", "VI_1").stdout
    done = both.lb1.ctl("demote", "VI_9", check=False)
    assert done.returncode == 1 and "VI_9" in done.stderr and done.stdout == ""

    done = both.lb1.json("demote")
    assert sorted(one["instance"] for one in done) == ["VI_1", "VI_52"]
    for address in (segment.VIP, VIP2):
        wait_holder(both, address, "lb2")
    told = both.lb1.events()
    for line in ("VI_1: demoted by hpcbalctl", "VI_1: promoted by hpcbalctl",
                 "VI_1: MASTER → BACKUP: demoted, and another node took over",
                 "VI_52: MASTER → BACKUP: demoted, and another node took over"):
        assert line in told, told
    restart_ends_the_demotion(both)


def restart_ends_the_demotion(both):
    both.lb1.stop()
    both.lb1.start()
    both.wait_settled("lb1")
    wait_holder(both, VIP2, "lb1")
    for name in ("VI_1", "VI_52"):
        assert both.lb1.instance(name)["demoted"] is False
    assert "demoted" not in both.lb1.ctl("status").stdout


def test_a_demotion_ends_by_itself_and_by_force(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    since = time.monotonic()
    both.lb1.ctl("demote", "VI_1", "--for", "2s")
    both.wait_holder("lb2")
    assert both.lb1.instance()["demoted_until"]
    assert "left); `hpcbalctl promote VI_1` ends it" in both.lb1.ctl("status").stdout
    both.wait_holder("lb1")
    assert time.monotonic() - since >= 2
    assert both.lb1.instance()["demoted"] is False
    assert "the time of the demotion is over" in both.lb1.events()

    since = time.monotonic()
    done = both.lb1.ctl("demote", "--force")
    assert done.returncode == 0 and "resigned" in done.stdout
    both.wait_holder("lb2")
    segment.wait_for(lambda: [a for a in both.watch.adverts_of("lb1", since) if a.priority == 0],
                     "an advertisement of priority 0")
    assert "VI_1: MASTER → BACKUP: demoted by force" in both.lb1.events()
    assert both.lb1.instance()["demoted"] is True

    # Demoted, it still holds the address when nobody else does.
    both.lb2.kill_all()
    both.wait_holder("lb1")
    assert row(both.lb1).split()[1] == "MASTER" and "(demoted)" in row(both.lb1)
    assert "and master since nobody else is" in both.lb1.ctl("status").stdout


def test_a_demotion_without_a_peer_is_seen_by_nobody(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    both.lb2.orderly_stop()
    client = probe.Probe(both.there)
    time.sleep(0.5)
    since = time.monotonic()
    done = both.lb1.ctl("--json", "demote", check=False)
    until = time.monotonic()
    assert done.returncode == 1 and "no peer took over" in done.stderr
    record = client.stop()
    counts = record.summary(since, until - 0.1)
    assert counts.get("ok", 0) > 50 and sum(counts.values()) == counts["ok"], counts
    assert both.watch.moves_of(since) == []
    assert both.lb1.instance()["demoted"] is False
