"""What changes under a virtual router: its configuration, its interface, its rights; and how it
comes and goes."""
import os
import time

import pytest

import pair
import segment

pytestmark = pytest.mark.waiting

VIP2, VIP3, BESIDE = "10.99.0.102", "10.99.0.103", "10.99.0.104"
SLACK = 0.4


def wait_holder(both, address, host):
    segment.wait_for(lambda: both.watch.holders(address) == [host], f"{address} to be on {host}")


def beats(both, host, since, vrid=pair.VRID):
    return [a.at for a in both.watch.adverts_of(host, since) if a.vrid == vrid]


def arrival(both, host, since, address=segment.VIP):
    def find():
        return next((when for when, where, _, there in both.watch.moves_of(since, address)
                     if where == host and there), None)
    return segment.wait_for(find, f"{address} to appear on {host}") - since


# --- reloads ---

def test_twenty_reloads_of_a_master(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    wait_holder(both, segment.VIP, "lb1")
    first, since = both.lb1.vrrp_pid(), time.monotonic()
    for n in range(20):
        both.lb1.settings = pair.FAST.but(priorities=(110 + n, 100),
                                          excluded=(f"{BESIDE}/24",) if n % 2 else ())
        both.lb1.beside = pair.another(52, VIP2) if n % 4 < 2 else ""
        both.lb1.reload()
        assert both.lb1.instance()["priority"] == 110 + n
        segment.wait_for(lambda: both.watch.has("lb1", BESIDE) == bool(n % 2),  # noqa: B023
                         "the other address to come or go")
    until = time.monotonic()
    assert both.lb1.vrrp_pid() == first
    assert both.watch.moves_of(since) == []
    times = beats(both, "lb1", since)
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert max(gaps) < 2 * pair.FAST.interval, f"one was missed: {sorted(gaps)[-3:]}"
    # Those that a change sends at once come on top.
    assert len(times) >= (until - since) / pair.FAST.interval - 2
    check_refused(both)


def check_refused(both):
    """The file is right, and no virtual router can be on a loopback interface."""
    generation, since = both.lb1.json("status")["generation"], time.monotonic()
    before = both.lb1.instance()
    both.lb1.settings = both.lb1.settings.but(priorities=(50, 100))
    both.lb1.beside = pair.another(53, VIP3).replace(segment.INTERFACE, "lo")
    done = both.lb1.reload(check=False)
    assert done.returncode == 1 and "interface lo: is no Ethernet" in done.stderr, done
    assert both.lb1.json("status")["generation"] == generation
    after = both.lb1.instance()
    for key in ("state", "since", "priority", "effective_priority"):
        assert after[key] == before[key]
    assert both.watch.moves_of(since) == []
    assert both.watch.holders(VIP3) == []


def test_all_routers_go_and_come_by_reload(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal").start()
    since = time.monotonic()
    both.lb1.routes = False
    both.lb1.reload()
    assert arrival(both, "lb2", since) < pair.FAST.skew("lb2") + SLACK
    both.wait_holder("lb2")
    assert [a for a in both.watch.adverts_of("lb1", since) if a.priority == 0]
    segment.wait_for(lambda: both.lb1.role("vrrp") is None, "the vrrp process to end")
    assert both.lb1.json("status")["vrrp"] == []
    assert pair.answers(lab.there, segment.ADDRESS["lb1"])
    both.lb1.routes = True
    both.lb1.reload()
    both.wait_holder("lb1")
    assert both.lb1.role("vrrp")


# --- at boot ---

def test_an_interface_that_comes_later(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
    both.lb1.beside = pair.another(52, "10.98.0.102").replace(segment.INTERFACE, "eth7")
    both.start()
    told = both.lb1.instance("VI_52")
    assert told["state"] == "FAULT"
    assert told["faults"].startswith("the interface is missing, or cannot be used"), told
    assert "eth7" in both.lb1.ctl("vrrp", "VI_52").stdout
    there = lab.there
    there.ip("lb1", "link", "add", "eth7", "type", "veth", "peer", "name", "far7")
    there.ip("lb1", "addr", "add", "10.98.0.1/24", "dev", "eth7")
    there.ip("lb1", "link", "set", "far7", "up")
    there.ip("lb1", "link", "set", "eth7", "up")
    both.lb1.wait("to be master", lambda i: i["state"] == "MASTER", "VI_52")
    assert "10.98.0.102" in there.ip("lb1", "-o", "addr", "show", "dev", "eth7")
    assert both.watch.holders() == ["lb1"]


def test_without_the_right_to_raw_sockets_it_says_so(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
    path = os.path.join(both.lb1.folder, "said")
    with open(path, "wb") as said:
        started = lab.there.start(
            "lb1", "setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw",
            both.lb1.program("hpcbald"), "-F", "-f", both.lb1.write_config(), stderr=said)
    assert started.wait(30) == 1
    with open(path, encoding="utf-8") as f:
        told = f.read()
    assert "the vrrp process needs the capability net_raw, which hpcbald does not have" in told
    assert "start it as root, or allow it (CapabilityBoundingSet= in the unit" in told
    assert both.watch.holders() == []


def test_addresses_and_their_announcements(lab):
    both = lab.pair(pair.FAST, "hpcbal", "hpcbal")
    for node in both.nodes.values():
        node.settings = pair.FAST.but(excluded=(f"{BESIDE}/24",))
        node.settings.addresses = (segment.VIP, VIP2, VIP3)
        node.within = 'garp: { count = 3; interval = "300ms"; refresh = "1s"; };'
    both.start()
    held = (segment.VIP, VIP2, VIP3, BESIDE)
    for address in held:
        wait_holder(both, address, "lb1")
    assert both.watch.adverts_of("lb1")[-1].addresses == [segment.VIP, VIP2, VIP3]
    detail = both.lb1.wait("to have all", lambda i: all(
        one["held"] for one in i["addresses_detail"]))["addresses_detail"]
    assert [(one["address"], one["held"], one["advertised"]) for one in detail] == [
        (f"{address}/24", True, address != BESIDE) for address in held]
    for address in held:
        begun = next(when for when, host, _, there in both.watch.moves_of(0, address)
                     if host == "lb1" and there)

        def announced():
            return [when for when, host, what in both.watch.announced
                    if host == "lb1" and what == address]  # noqa: B023
        segment.wait_for(lambda: announced() and announced()[-1] > begun + 5,  # noqa: B023
                         "announcements for some seconds")
        first = announced()[0]
        # That the address is there is noticed later than the kernel notes a packet.
        assert first - begun < 0.04, first - begun
        times = [when - first for when in announced()]
        # Some more come after 50 ms, 250 ms and 1 s; then it is refreshed.
        for begin, end in ((0.28, 0.55), (0.55, 0.95)):
            assert [t for t in times if begin <= t < end], times
        assert max(b - a for a, b in zip(times, times[1:])) < 1 + SLACK, times
    since = time.monotonic()
    both.lb1.orderly_stop()
    for address in held:
        wait_holder(both, address, "lb2")
        assert arrival(both, "lb2", since, address) < pair.FAST.skew("lb2") + SLACK


# --- who takes over ---

def start_again(both):
    both.lb1.stop()
    since = time.monotonic()
    both.lb1.start()
    segment.wait_for(both.lb1.is_ready, "lb1 to be ready")
    return since


def test_preempt_its_delay_and_the_owner(lab):
    told = pair.FAST.but(preempt=(False, True))
    both = lab.pair(told, "hpcbal", "hpcbal").start()
    both.lb1.orderly_stop()
    both.wait_holder("lb2")
    since = start_again(both)
    both.lb1.wait("to be backup", lambda i: i["state"] == "BACKUP")
    time.sleep(3 * told.down("lb1"))
    assert both.watch.arrivals(since) == [], "it was told not to preempt"
    assert both.lb1.instance()["master"] == segment.ADDRESS["lb2"]

    both.lb1.settings = pair.FAST
    both.lb1.within = 'preempt_delay = "2s";'
    since = time.monotonic()
    both.lb1.reload()
    assert 2 <= arrival(both, "lb1", since) < 2 + told.down("lb1") + SLACK
    both.lb1.orderly_stop()
    both.wait_holder("lb2")
    since = start_again(both)
    assert 2 <= arrival(both, "lb1", since)
    both.wait_holder("lb1")
    # It waits for a master with less right only, not for one that is gone.
    both.lb1.ctl("demote")
    both.wait_holder("lb2")
    both.lb1.ctl("promote")
    since = time.monotonic()
    both.lb2.kill_all()
    assert arrival(both, "lb1", since) < told.down("lb1") + SLACK

    both.lb1.within = ""
    both.lb1.settings = told.but(priorities=(255, 100))
    both.lb2.stop()
    both.lb2.start()
    since = start_again(both)
    both.wait_settled("lb1")
    assert both.lb1.instance()["priority"] == 255
    assert both.watch.adverts_of("lb1")[-1].priority == 255
    assert "owner of the addresses" in both.lb1.events()
