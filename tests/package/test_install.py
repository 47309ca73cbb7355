"""An administrator's life with the package, in the order of the tests: each goes on where the
one before has ended, in one root."""
import json
import os
import re
import subprocess

import pytest

import clean_root
from clean_root import wait_for

USERS = ("hpcbal", "hpcbal-vrrp", "hpcbal-runner", "hpcbal-stats")
# What the unit gives, by their numbers in the kernel.
CAPABILITIES = {"chown": 0, "dac_override": 1, "kill": 5, "setgid": 6, "setuid": 7, "setpcap": 8,
                "net_bind_service": 10, "net_admin": 12, "net_raw": 13}
CAP_SYS_RESOURCE = 24
ANSWER = "a server of the test answers"
SERVER = f"""
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write({ANSWER.encode()!r})
http.server.ThreadingHTTPServer(("127.0.0.1", 8481), Handler).serve_forever()
"""
# All that the unit's rights are for: a low port, a log file in another's folder, a virtual router.
FULL = """
node = "node1";
log: { target = "file:/srv/log/hpcbal.log"; };
control: { socket = "/run/hpcbal/control.sock"; };
frontends = ( { name = "web"; bind = ( "*:80", "127.0.0.1:8480" ); default_backend = "app"; } );
backends = ( { name = "app"; servers = ( { name = "one"; address = "127.0.0.1:8481"; } ); } );
vrrp = ( { name = "VI"; interface = "lan0"; virtual_router_id = 7; priority = 250;
           virtual_addresses = ( "192.0.2.1/24" ); } );
"""
DROP_IN = "/run/systemd/system/hpcbald.service.d"


@pytest.fixture(name="root", scope="module")
def fixture_root(booted_root):
    """Booted, with the server that the sample names, and a network card."""
    root = booted_root
    root.before = root.snapshot()
    server = subprocess.Popen(root.outside("/usr/bin/python3", "-c", SERVER),
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(root.outside("ip", "link", "add", "lan0", "type", "veth", "peer", "lan1"),
                   check=True)
    for card in ("lan0", "lan1"):
        subprocess.run(root.outside("ip", "link", "set", card, "up"), check=True)
    subprocess.run(root.outside("ip", "address", "add", "192.0.2.11/24", "dev", "lan0"), check=True)
    yield root
    server.kill()
    server.wait()


def ask(root, url="http://127.0.0.1:8480/"):
    return subprocess.run(root.outside("curl", "-sS", "-m", "20", "--noproxy", "*", url),
                          capture_output=True, text=True, check=False).stdout


def status(root):
    return json.loads(root.say("hpcbalctl", "--json", "status"))


def main_pid(root):
    """The supervisor's, in the root's namespace."""
    return root.say("systemctl", "show", "-P", "MainPID", "hpcbald")


def proc_status_of(text):
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.M))


def proc_status(root, pid):
    return proc_status_of(root.say("cat", f"/proc/{pid}/status"))


def children(root):
    """Role -> process number, in the root's namespace."""
    main = main_pid(root)
    said = root.run("sh", "-c", f"for pid in $(cat /proc/{main}/task/{main}/children); do "
                    "echo $pid $(cat /proc/$pid/comm); done").stdout
    return {role: pid for pid, role in re.findall(r"^(\d+) hpcbald: (\w+)$", said, re.M)}


def bits(*capabilities):
    return sum(1 << CAPABILITIES[name] for name in capabilities)


def leftovers(root):
    """What a package that is gone must not have left."""
    left = [f"user {u}" for u in USERS if root.run("getent", "passwd", u, check=False).stdout]
    left += [f"group {g}" for g in (*USERS, "hpcbal-admin")
             if root.run("getent", "group", g, check=False).stdout]
    left += [f for f in ("/run/hpcbal", "/var/lib/hpcbal", "/etc/hpcbal.conf")
             if root.run("test", "-e", f, check=False).returncode == 0]
    if root.run("dpkg-query", "-W", "hpcbal", check=False).returncode == 0:
        left.append("dpkg's records: " + root.say("dpkg-query", "-W", "-f", "${Status}", "hpcbal"))
    return left


def test_installs_and_purges_where_no_systemd_runs(made_root, package):
    before = made_root.snapshot()
    made_root.install(package)
    said = made_root.say("hpcbald", "--check")
    assert ": good:" in said and "warning" not in said.replace("0 warnings", ""), said
    for user in USERS:
        assert ":/usr/sbin/nologin" in made_root.say("getent", "passwd", user)
    made_root.run("apt-get", "-q", "-y", "purge", "hpcbal")
    assert clean_root.differences(before, made_root.snapshot()) == []
    assert leftovers(made_root) == []


def test_serves_after_the_installation(root, package):
    root.install(package)
    assert root.say("systemctl", "is-enabled", "hpcbald") == "enabled"
    assert root.say("systemctl", "is-active", "hpcbald") == "active"
    assert ask(root) == ANSWER
    told = status(root)
    assert told["pid"] == int(main_pid(root))
    assert [b["servers_up"] for b in told["backends"]] == [1]
    wait_for(lambda: "first_front" in root.say("journalctl", "-o", "cat", "-t", "hpcbald"),
             "the access log to reach the journal")


def test_sample_listens_on_the_loopback_address_only(root):
    heard = subprocess.run(root.outside("ss", "-Hlnptu"), capture_output=True, text=True,
                           check=True).stdout
    assert [line.split()[4] for line in heard.splitlines() if "hpcbald" in line] == [
        "127.0.0.1:8480"]
    assert "vrrp" not in children(root)


def test_unit_has_no_mistake(root):
    said = root.run("systemd-analyze", "verify", "hpcbald.service", check=False).stdout
    # The clean root has no manual pages' reader.
    assert [line for line in said.splitlines() if "man " not in line] == []


def test_configuration_is_roots_alone_and_control_the_groups(root):
    assert root.say("stat", "-c", "%a %U %G", "/etc/hpcbal.conf") == "640 root root"
    assert root.say("stat", "-c", "%a %U %G", "/run/hpcbal/control.sock") == (
        "660 root hpcbal-admin")
    member = ("setpriv", "--reuid", "nobody", "--regid", "hpcbal-admin", "--clear-groups")
    root.run(*member, "hpcbalctl", "status")
    stranger = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
    assert root.run(*stranger, "hpcbalctl", "status", check=False).returncode != 0
    assert root.run(*stranger, "cat", "/etc/hpcbal.conf", check=False).returncode != 0


def test_words_are_completed(root):
    script = (". /usr/share/bash-completion/completions/hpcbalctl; COMP_WORDS=(hpcbalctl serv); "
              "COMP_CWORD=1; _hpcbalctl; echo ${COMPREPLY[@]}")
    assert root.say("bash", "-c", script) == "servers"


def write_full(root):
    root.run("install", "-d", "-o", "nobody", "/srv/log")
    # The owner and the mode of the file stay.
    with open(root.file("etc/hpcbal.conf"), "w", encoding="utf-8") as f:
        f.write(FULL)


def test_reload_refuses_a_bad_configuration_and_takes_a_good_one(root):
    with open(root.file("etc/hpcbal.conf"), "w", encoding="utf-8") as f:
        f.write("frontends = ();\n")
    assert root.run("systemctl", "reload", "hpcbald", check=False).returncode != 0
    assert ask(root) == ANSWER
    write_full(root)
    root.run("systemctl", "reload", "hpcbald")
    assert ask(root, "http://192.0.2.11/") == ANSWER
    wait_for(lambda: is_master(root), "the virtual router to be master")
    assert root.say("stat", "-c", "%a %U %G", "/etc/hpcbal.conf") == "640 root root"


def is_master(root):
    return [v["state"] for v in status(root)["vrrp"]] == ["MASTER"]


def test_unit_gives_the_rights_that_are_needed(root):
    root.run("systemctl", "restart", "hpcbald")
    wait_for(lambda: is_master(root), "the virtual router to be master")
    assert ask(root, "http://192.0.2.1/") == ANSWER
    child = children(root)
    supervisor, vrrp, proxy = (proc_status(root, pid) for pid in (main_pid(root), child["vrrp"],
                                                                  child["proxy"]))
    assert int(supervisor["CapBnd"], 16) == bits(*CAPABILITIES)
    assert supervisor["NoNewPrivs"] == "1"
    assert int(vrrp["CapEff"], 16) == int(vrrp["CapPrm"], 16) == bits("net_admin", "net_raw")
    assert not any(int(process[kind], 16) for process, kind in (
        (vrrp, "CapBnd"), (proxy, "CapBnd"), (proxy, "CapPrm")))
    for pid, user in ((child["vrrp"], "hpcbal-vrrp"), (child["proxy"], "hpcbal")):
        assert root.say("stat", "-c", "%U", f"/proc/{pid}") == user
    assert "there is no user" not in root.say("journalctl", "-u", "hpcbald", "-o", "cat")


def test_vrrp_process_is_real_time_and_locked(root):
    own = proc_status_of(subprocess.run(["cat", "/proc/self/status"], capture_output=True,
                                        text=True, check=True).stdout)
    if not int(own["CapEff"], 16) & 1 << CAP_SYS_RESOURCE:
        pytest.skip("LimitRTPRIO= and LimitMEMLOCK= have no effect here: this machine's root has "
                    "no CAP_SYS_RESOURCE, so its systemd may not raise limits")
    vrrp = children(root)["vrrp"]
    assert int(proc_status(root, vrrp)["VmLck"].split()[0]) > 0
    assert "SCHED_RR" in root.say("chrt", "-p", vrrp)
    assert root.say("cat", f"/proc/{vrrp}/oom_score_adj") == "-1000"
    said = root.say("journalctl", "-u", "hpcbald", "-o", "cat")
    assert not re.search("no real-time|cannot be locked", said), said


def what_fails(root):
    """Of an hpcbald that is started anew, in words; empty: nothing."""
    root.run("rm", "-f", "/srv/log/hpcbal.log")
    if root.run("systemctl", "start", "hpcbald", check=False).returncode:
        return "it does not start"
    if root.say("stat", "-c", "%a", "/run/hpcbal/control.sock") != "660":
        return "the control socket is not the group's"
    proxy = children(root)["proxy"]
    root.run("sh", "-c", f"kill -STOP {proxy}")
    try:
        wait_for(lambda: children(root).get("proxy", proxy) != proxy, "the next proxy", 12)
    except AssertionError:
        return "a child that hangs is not replaced"
    return ""


@pytest.fixture(name="stopped")
def fixture_stopped(root):
    """Nothing runs, and what a test puts into the unit is taken out again."""
    root.run("systemctl", "stop", "hpcbald")
    yield root
    root.run("sh", "-c", f"rm -rf {DROP_IN}; systemctl daemon-reload; "
             "systemctl kill -s KILL hpcbald; systemctl reset-failed hpcbald; "
             "systemctl restart hpcbald")


def test_nothing_fails_with_the_rights_of_the_unit(stopped):
    assert what_fails(stopped) == ""


@pytest.mark.parametrize("capability, failure", [
    ("chown", "socket"), ("dac_override", "start"), ("kill", "hangs"), ("net_admin", "start"),
    ("net_bind_service", "start"), ("net_raw", "start"), ("setgid", "start"),
    ("setpcap", "start"), ("setuid", "start")])
def test_unit_gives_no_right_that_is_not_needed(stopped, capability, failure):
    stopped.run("sh", "-c", f"mkdir -p {DROP_IN}; printf '[Service]\\nRestart=no\\n"
                f"CapabilityBoundingSet=~CAP_{capability.upper()}\\n' >{DROP_IN}/less.conf; "
                "systemctl daemon-reload")
    assert failure in what_fails(stopped)


def versions(root):
    """hpcbalctl's and the daemon's."""
    return re.findall(r"^hpcbal\w+ +(\S+)", root.say("hpcbalctl", "version"), re.M)


def test_upgrade_keeps_the_configuration_and_takes_over(root, next_package):
    coming = re.search(r"hpcbal_(.*?)_", next_package).group(1)
    wait_for(lambda: is_master(root), "the virtual router to be master")
    pid, before = main_pid(root), children(root)
    said = root.install(next_package)
    assert f"hpcbal: upgraded: hpcbald {coming} took over" in said, said
    assert root.say("cat", "/etc/hpcbal.conf") == FULL.strip()
    assert root.say("stat", "-c", "%a %U %G", "/etc/hpcbal.conf") == "640 root root"
    assert os.path.exists(root.file("etc/hpcbal.conf.dpkg-dist"))
    assert main_pid(root) == pid and is_master(root)
    assert root.say("systemctl", "is-active", "hpcbald") == "active"
    assert ask(root, "http://192.0.2.1/") == ANSWER
    assert versions(root) == [coming, coming]
    wait_for(lambda: not set(children(root).values()) & set(before.values()),
             "the old processes to end")
    assert ask(root) == ANSWER


def test_upgrade_says_when_it_refuses_the_configuration(root, next_package):
    with open(root.file("etc/hpcbal.conf"), "w", encoding="utf-8") as f:
        f.write("nonsense = 1;\n")
    try:
        said = root.run("dpkg-reconfigure", "-f", "noninteractive", "hpcbal", check=False).stdout
        assert "this version refuses /etc/hpcbal.conf" in said
        assert "/etc/hpcbal.conf:1:" in said
        assert ask(root) == ANSWER
    finally:
        write_full(root)


def test_removed_it_stops_and_keeps_the_configuration(root):
    root.run("apt-get", "-q", "-y", "remove", "hpcbal")
    assert root.run("systemctl", "is-active", "hpcbald", check=False).stdout.strip() == "inactive"
    assert ask(root) == ""
    assert root.say("cat", "/etc/hpcbal.conf") == FULL.strip()
    assert root.run("test", "-e", "/run/hpcbal", check=False).returncode != 0


def test_purged_it_leaves_nothing(root):
    root.run("apt-get", "-q", "-y", "purge", "hpcbal")
    root.run("rm", "-r", "/srv/log")
    assert clean_root.differences(root.before, root.snapshot()) == []
    assert leftovers(root) == []
    assert "hpcbal" not in root.say("systemctl", "list-units", "--all", "--no-pager")
    assert "hpcbal" not in root.say("sh", "-c", "cat /proc/[0-9]*/comm")
