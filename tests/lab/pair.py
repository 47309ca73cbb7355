"""The two balancers of a segment. A node is hpcbal, or keepalived with haproxy; both have one
interface, so that a fault is written once and pairs can be mixed."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import segment
import spin

VRID = 51


class Settings:
    """What both nodes are told, in no product's words."""

    def __init__(self, name, version, interval, check=2.0, priorities=(110, 100),
                 password="secretpass", preempt=(True, True), unicast=False, family=4,
                 excluded=(), grace=None):
        self.name, self.version, self.interval, self.check = name, version, interval, check
        self.priority = dict(zip(segment.BALANCERS, priorities))
        self.password = password if version == 2 else None
        self.preempt = dict(zip(segment.BALANCERS, preempt))
        self.unicast, self.family, self.grace = unicast, family, grace
        self.excluded = excluded
        self.addresses = ((segment.VIP,) if family == 4
                          else (segment.VIP6_LINK, segment.VIP6))

    @property
    def vip(self):
        return self.addresses[-1]

    def skew(self, host):
        unit = 1.0 if self.version == 2 else self.interval
        return unit * (256 - self.priority[host]) / 256

    def down(self, host):
        """How long this node waits for an advertisement before it takes over."""
        return 3 * self.interval + self.skew(host)

    def lease(self):
        """The lifetime hpcbal gives an address, and how late the kernel may notice its end."""
        return int(self.interval + 0.5) + 1 + 0.3

    def but(self, **changes):
        told = {"name": self.name, "version": self.version, "interval": self.interval,
                "check": self.check, "priorities": tuple(self.priority.values()),
                "password": self.password, "preempt": tuple(self.preempt.values()),
                "unicast": self.unicast, "family": self.family, "excluded": self.excluded,
                "grace": self.grace}
        return Settings(**{**told, **changes})


PORTAL = Settings("portal", 2, 1.0)
# One second is the shortest interval of a check that Debian's keepalived knows.
FAST = Settings("v3 100 ms", 3, 0.1, check=1.0)
FASTEST = Settings("v3 10 ms", 3, 0.01, check=1.0)


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


class Node:
    """It may be started again after stop(); close() is the end."""

    def __init__(self, there, host, settings):
        self.there, self.host, self.settings = there, host, settings
        self.folder = os.path.join(there.folder, f"{host}-{self.kind}")
        os.makedirs(self.folder, exist_ok=True)
        self.processes = []

    def start_program(self, *words, **options):
        self.processes.append(self.there.start(self.host, *words, **options))
        return self.processes[-1]

    def all_pids(self):
        """Every process of this node, those above before those below."""
        found = []
        for process in self.processes:
            if process.poll() is None:
                found += [process.pid] + segment.children_of(process.pid)
        return found

    def kill_all(self):
        """All of it at once: stopped first, so that none sees another die."""
        pids = self.all_pids()
        segment.signal_all(pids, signal.SIGSTOP)
        segment.signal_all(pids, signal.SIGKILL)
        for process in self.processes:
            process.wait()

    def kill_proxy(self):
        os.kill(self.proxy_pid(), signal.SIGKILL)

    def kill_vrrp(self):
        os.kill(self.vrrp_pid(), signal.SIGKILL)

    def delete(self, address):
        for line in self.there.ip(self.host, "-o", "addr", "show", "to", address).splitlines():
            self.there.ip(self.host, "addr", "del", line.split()[3], "dev", segment.INTERFACE)

    def delete_vip(self):
        self.delete(self.settings.vip)

    def close(self):
        self.stop()

    def stop(self):
        """Ends it, whatever state it is in; addresses that it left behind go too."""
        segment.signal_all(self.all_pids(), signal.SIGCONT)
        if self.processes:
            self.orderly_stop()
        self.kill_all()
        self.processes = []
        self.there.ip(self.host, "link", "set", segment.INTERFACE, "up")
        for address in self.settings.addresses + tuple(self.settings.excluded):
            self.delete(address.split("/")[0])


HAPROXY = """\
global
    maxconn 4096
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend http_front
    bind :::80 v4v6
    default_backend web_backend
backend web_backend
    balance roundrobin
    option httpchk GET /
    server web1 {app}:8001 check
    server web2 {app}:8002 check
"""

KEEPALIVED = """\
global_defs {{
    script_user root
    vrrp_version {version}
}}
vrrp_script chk_haproxy {{
    script "{folder}/check"
    interval {check:g}
    weight -20
}}
vrrp_instance VI_1 {{
    state {state}
    interface {interface}
    virtual_router_id {vrid}
    priority {priority}
    advert_int {interval:g}
    {more}
    virtual_ipaddress {{
        {addresses}
    }}
    track_script {{
        chk_haproxy
    }}
}}
"""


class KeepalivedNode(Node):
    """The portal's plan: haproxy, and keepalived that looks whether it is there. `killall -0
    haproxy` would find the other node's, since namespaces share their processes; so the check
    asks for this node's pid. Its weight is -20, since the portal's +2 moves nothing when the
    priorities differ by more than 2."""
    kind = "keepalived"

    @staticmethod
    def why_not():
        missing = [name for name in ("keepalived", "haproxy", "nginx")
                   if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
        return f"not installed: {', '.join(missing)}" if missing else None

    def start(self):
        self.start_proxy()
        self.start_vrrp()

    def start_proxy(self):
        path = write(f"{self.folder}/haproxy.cfg", HAPROXY.format(app=segment.ADDRESS["app1"]))
        self.proxy = self.start_program("haproxy", "-db", "-f", path)
        write(f"{self.folder}/check",
              f"#!/bin/sh\nexec kill -0 $(cat {self.folder}/haproxy.pid)\n", 0o755)
        write(f"{self.folder}/haproxy.pid", f"{self.proxy.pid}\n")

    def start_vrrp(self):
        path = write(f"{self.folder}/keepalived.conf", self.config())
        for name in ("keepalived.pid", "vrrp.pid"):  # of one that was killed, which may be a zombie
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.folder}/{name}")
        self.agent = self.start_program(
            "keepalived", "--dont-fork", "--log-console", "--log-detail", "--no-syslog", "--vrrp",
            "-f", path, "-p", f"{self.folder}/keepalived.pid", "-r", f"{self.folder}/vrrp.pid")

    def config(self):
        told, more = self.settings, []
        if told.password:
            more.append(f"authentication {{ auth_type PASS\n auth_pass {told.password} }}")
        if told.unicast:
            peer = next(h for h in segment.BALANCERS if h != self.host)
            more.append(f"unicast_src_ip {segment.ADDRESS[self.host]}\n"
                        f"unicast_peer {{ {segment.ADDRESS[peer]} }}")
        if not told.preempt[self.host]:
            more.append("nopreempt")
        if told.excluded:
            more.append("virtual_ipaddress_excluded { %s }" % "\n".join(told.excluded))
        first = self.host == "lb1" and told.preempt[self.host]
        return KEEPALIVED.format(
            version=told.version, folder=self.folder, check=told.check, vrid=VRID,
            state="MASTER" if first else "BACKUP", interface=segment.INTERFACE,
            priority=told.priority[self.host], interval=told.interval,
            more="\n    ".join(more), addresses="\n        ".join(
                f"{a}/{64 if ':' in a else 24}" for a in told.addresses))

    def is_ready(self):
        return self.agent.poll() is None and self.proxy.poll() is None

    def proxy_pid(self):
        return self.proxy.pid

    def kill_proxy(self):
        super().kill_proxy()
        self.proxy.wait()  # until then its pid lives on, and the check would find it

    def vrrp_pid(self):
        below = segment.wait_for(lambda: segment.children_of(self.agent.pid),
                                 f"keepalived's child on {self.host}")
        return below[0]

    def orderly_stop(self):
        for process in reversed(self.processes):  # the agent first
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)


HPCBAL = """\
node = "{host}";
proxy: {{ threads = 1; max_connections = 4096; }};
timeouts: {{ connect = "5s"; client = "30s"; server = "30s"; }};
log: {{ target = "file:{folder}/hpcbal.log"; }};
control: {{ socket = "{control}"; }};
frontends = (
  {{ name = "http_front"; bind = ( {bind} ); default_backend = "web_backend"; }}
);
backends = (
  {{ name = "web_backend"; balance = "roundrobin"; check: {{ http = "GET /"; {check} }};
    servers = ( {{ name = "web1"; address = "{app}:8001"; }},
                {{ name = "web2"; address = "{app}:8002"; }} ); }}
);
vrrp = (
  {{ name = "VI_1"; interface = "{interface}"; virtual_router_id = {vrid};
    version = {version};
    priority: {{ lb1 = {lb1}; lb2 = {lb2}; }};
    advertisement_interval = "{interval:.0f}ms";
    {more}
    virtual_addresses = ( {addresses} ); }}{beside}
);
"""


class HpcbalNode(Node):
    """`within`: more settings of its virtual router; `beside`: more virtual routers;
    `check`: more of its servers' check."""
    kind = "hpcbal"
    within = beside = check = ""
    routes = True

    @staticmethod
    def program(name):
        folder = os.environ.get("HPCBAL_BUILD")
        if not folder:
            raise RuntimeError("HPCBAL_BUILD is not set; it names the folder with hpcbald in it "
                               "(tests/run sets it)")
        return os.path.join(os.path.abspath(folder), name)

    def __init__(self, there, host, settings):
        super().__init__(there, host, settings)
        # Names of sockets are short, those of a test's folder may be long.
        self.sockets = tempfile.mkdtemp(prefix="hpcbal-lab.")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setblocking(False)
        self.notify.bind(f"{self.sockets}/notify")

    def start(self):
        path = self.write_config()
        self.ready = False
        self.agent = self.start_program(self.program("hpcbald"), "-F", "-f", path,
                                        env=dict(os.environ,
                                                 NOTIFY_SOCKET=f"{self.sockets}/notify"))

    def write_config(self):
        return write(f"{self.folder}/hpcbal.conf", self.config())

    def config(self):
        text = self.config_of(self.host, self.folder, self.settings, f"{self.sockets}/control",
                              self.within, self.beside, self.check)
        return text if self.routes else text[:text.index("vrrp = (")]

    @staticmethod
    def config_of(host, folder, told, control="/run/control", within="", beside="", check=""):
        more = [within] if within else []
        if told.password:
            more.append(f'authentication: {{ type = "pass"; password = "{told.password}"; }};')
        if told.unicast:
            peer = next(h for h in segment.BALANCERS if h != host)
            more.append(f'unicast: {{ source = "{segment.ADDRESS[host]}"; '
                        f'peers = ( "{segment.ADDRESS[peer]}" ); }};')
        if not told.preempt[host]:
            more.append("preempt = false;")
        if told.excluded:
            more.append("virtual_addresses_excluded = ( %s );" % ", ".join(
                f'"{a}"' for a in told.excluded))
        if told.grace:
            more.append(f'track = ( {{ proxy = true; grace = "{told.grace * 1000:.0f}ms"; }} );')
        return HPCBAL.format(
            host=host, folder=folder, control=control, app=segment.ADDRESS["app1"],
            bind='"*:80"' if told.family == 4 else '"*:80", "[::]:80"',
            interface=segment.INTERFACE, vrid=VRID, version=told.version,
            lb1=told.priority["lb1"], lb2=told.priority["lb2"],
            interval=told.interval * 1000, check=check,
            beside=f",\n  {beside}" if beside else "",
            more="\n    ".join(more), addresses=", ".join(
                f'"{a}/{64 if ":" in a else 24}"' for a in told.addresses))

    def is_ready(self):
        assert self.agent.poll() is None, f"hpcbald ended on {self.host}:\n{self.there.words()}"
        with contextlib.suppress(BlockingIOError):
            while not self.ready:
                self.ready = b"READY=1" in self.notify.recv(4096)
        return self.ready

    def role(self, role):
        for pid in segment.children_of(self.agent.pid):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                if f"--role\0{role}\0".encode() in f.read():
                    return pid
        return None

    def proxy_pid(self):
        return segment.wait_for(lambda: self.role("proxy"), f"the proxy of {self.host}")

    def vrrp_pid(self):
        return segment.wait_for(lambda: self.role("vrrp"), f"the vrrp process of {self.host}")

    def orderly_stop(self):
        if self.agent.poll() is None:
            self.agent.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.agent.wait(20)

    def close(self):
        super().close()
        self.notify.close()
        shutil.rmtree(self.sockets, ignore_errors=True)

    # --- commands ---

    def spin_worker(self):
        """A thread that serves clients loops without end, since when is returned."""
        pid = self.proxy_pid()

        def find():
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
                    if f.read().startswith("worker"):
                        return tid
            return None
        return float(segment.run(sys.executable, spin.__file__,
                                 segment.wait_for(find, f"a worker of {self.host}")))

    def ctl(self, *words, check=True):
        done = subprocess.run(
            [self.program("hpcbalctl"), "-s", f"{self.sockets}/control", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def json(self, *words):
        return json.loads(self.ctl("--json", *words).stdout)

    def instance(self, name="VI_1"):
        return self.json("vrrp", name)["vrrp"][0]

    def wait(self, what, condition, name="VI_1"):
        """Waits until condition(instance) is true, and returns the instance."""
        def look():
            found = self.instance(name)
            return found if condition(found) else None
        return segment.wait_for(look, f"{name} of {self.host}: {what}", step=0.05)

    def tracker(self, word, name="VI_1"):
        """The tracker whose description has this word in it."""
        return next(t for t in self.instance(name)["trackers"] if word in t["what"])

    def events(self):
        return self.ctl("events").stdout

    def reload(self, check=True):
        self.write_config()
        return self.ctl("reload", check=check)

    def discarded(self, reason):
        """How many packets it did not take for this reason."""
        return next((row["packets"] for row in self.instance()["discards"]
                     if row["reason"] == reason), 0)


def another(vrid, address, more=""):
    """One more virtual router, for `beside`; lb1 is its master, too."""
    return (f'{{ name = "VI_{vrid}"; interface = "{segment.INTERFACE}"; '
            f'virtual_router_id = {vrid}; priority: {{ lb1 = 110; lb2 = 100; }}; {more} '
            f'virtual_addresses = ( "{address}/24" ); }}')


KINDS = {"keepalived": KeepalivedNode, "hpcbal": HpcbalNode}

NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 8001; listen 8002; location / {{ return 200 "app1\\n"; }} }}
}}
"""


def start_origin(there):
    """The application host: a page on two ports."""
    folder = os.path.join(there.folder, "app1")
    os.makedirs(folder, exist_ok=True)
    path = write(f"{folder}/nginx.conf", NGINX.format(folder=folder))
    there.start("app1", "nginx", "-p", folder, "-c", path)
    segment.wait_for(lambda: answers(there, segment.ADDRESS["app1"], 8002), "nginx on app1")


def status_of(there, address, port=80):
    """The status of the page from there, asked for by the client; None: no answer."""
    with there.inside("client"):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.settimeout(0.5)
    with sock, contextlib.suppress(OSError, IndexError, ValueError):
        sock.connect((address, port))
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return int(sock.recv(200).split()[1])
    return None


def answers(there, address, port=80):
    """Does a page come from there, asked by the client?"""
    return status_of(there, address, port) == 200


class Pair:
    """lb1, which is to be the master, and lb2; of the kinds named."""

    def __init__(self, there, watched, settings, kinds):
        self.there, self.watch, self.settings = there, watched, settings
        self.nodes = {host: KINDS[kind](there, host, settings)
                      for host, kind in zip(segment.BALANCERS, kinds)}
        self.lb1, self.lb2 = self.nodes.values()

    def start(self):
        """Both run, lb1 has the address, and pages come through it and through lb2."""
        self.lb1.start()
        if not self.settings.preempt["lb1"]:  # first come, first served
            self.wait_holder("lb1")
        self.lb2.start()
        self.wait_settled("lb1")
        return self

    def wait_settled(self, host):
        """Both are ready, and this node alone has the address and is heard."""
        for name, node in self.nodes.items():
            segment.wait_for(node.is_ready, f"{node.kind} on {name} to be ready")
            segment.wait_for(
                lambda: answers(self.there, segment.ADDRESS[name]),  # noqa: B023
                f"a page from {name}")
        self.wait_holder(host)
        segment.wait_for(lambda: answers(self.there, self.settings.vip), "a page from the VIP")

    def wait_holder(self, host):
        """Waits until this node alone has the addresses."""
        for address in self.settings.addresses:
            segment.wait_for(lambda: self.watch.holders(address) == [host],  # noqa: B023
                             f"{address} to be on {host} alone")

    def close(self):
        for node in self.nodes.values():
            node.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
