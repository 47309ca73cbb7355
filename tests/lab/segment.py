"""A network segment of its own: a bridge and the hosts client, lb1, lb2 and app1, each in a
network namespace, with cables that can be cut. Needs root. All of it goes with close()."""
import atexit
import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
NICE = -15
HOSTS = ("client", "lb1", "lb2", "app1")
BALANCERS = ("lb1", "lb2")
ADDRESS = {"client": "10.99.0.10", "lb1": "10.99.0.1", "lb2": "10.99.0.2", "app1": "10.99.0.20"}
ADDRESS6 = {"client": "fd99::10", "lb1": "fd99::1", "lb2": "fd99::2", "app1": "fd99::20"}
VIP = "10.99.0.100"
VIP6 = "fd99::100"
VIP6_LINK = "fe80::100"
INTERFACE = "eth0"
PATIENCE = 30.0  # which is for hangs; how long something may take is judged by itself

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def wait_for(condition, what, patience=PATIENCE, step=0.002):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(step)


def run(*words, check=True):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def why_not():
    """Why no segment can be raised here, or None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    name = f"hpcbal-lab-{os.getpid()}-try"
    try:
        run("ip", "netns", "add", name)
    except (OSError, RuntimeError) as fault:
        return f"cannot make network namespaces: {fault}"
    try:
        run("ip", "-n", name, "link", "add", "lan", "type", "bridge")
    except RuntimeError as fault:
        return f"the kernel has no bridge: {fault}"
    finally:
        run("ip", "netns", "del", name, check=False)
    return None


def children_of(pid):
    """All descendants of a process, parents first."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="latin-1") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(0), [])
        found += below
        todo += below
    return found


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Segment:
    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.prefix = f"hpcbal-lab-{os.getpid()}-{next(_numbers)}"
        self.made = []
        self.programs = []
        self.mac = {}
        atexit.register(self.close)
        try:
            self._raise()
        except BaseException:
            self.close()
            raise

    # --- the machine room ---

    def _raise(self):
        self._add("net")
        self.ip("net", "link", "add", "lan", "type", "bridge", "mcast_snooping", "0")
        self.ip("net", "link", "set", "lan", "up")
        for host in HOSTS:
            self._add(host)
            self.write_sysctl(host, "net/ipv6/conf/default/accept_dad", "0")
            self.ip("net", "link", "add", f"to-{host}", "type", "veth", "peer", "name",
                    INTERFACE, "netns", self.name(host))
            self.ip("net", "link", "set", f"to-{host}", "master", "lan", "up")
            self.ip(host, "link", "set", "lo", "up")
            self.ip(host, "addr", "add", f"{ADDRESS[host]}/24", "dev", INTERFACE)
            self.ip(host, "addr", "add", f"{ADDRESS6[host]}/64", "dev", INTERFACE, "nodad")
            self.ip(host, "link", "set", INTERFACE, "up")
            words = self.ip(host, "-o", "link", "show", INTERFACE).split()
            self.mac[words[words.index("link/ether") + 1]] = host

    def _add(self, host):
        run("ip", "netns", "add", self.name(host))
        self.made.append(host)

    def close(self):
        atexit.unregister(self.close)
        for process in self.programs:
            if process.poll() is None:
                signal_all([process.pid] + children_of(process.pid), signal.SIGCONT)
                signal_all([process.pid] + children_of(process.pid), signal.SIGKILL)
            process.wait()
        self.programs = []
        for host in reversed(self.made):
            for pid in run("ip", "netns", "pids", self.name(host), check=False).split():
                signal_all([int(pid)], signal.SIGKILL)
            run("ip", "netns", "del", self.name(host), check=False)
        self.made = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- what a host does ---

    def name(self, host):
        return f"{self.prefix}-{host}"

    def ip(self, host, *words, check=True):
        return run("ip", "-n", self.name(host), *words, check=check)

    def on(self, host, *words, check=True):
        return run("ip", "netns", "exec", self.name(host), *words, check=check)

    def write_sysctl(self, host, path, value):
        with self.inside(host), open(f"/proc/sys/{path}", "w", encoding="ascii") as f:
            f.write(value)

    def start(self, host, *words, log=None, **options):
        """Starts a program on a host; its words go to FOLDER/log/HOST-LOG."""
        os.makedirs(os.path.join(self.folder, "log"), exist_ok=True)
        path = os.path.join(self.folder, "log", f"{host}-{log or os.path.basename(words[0])}")
        with open(path, "ab") as out:
            options = {"stdout": out, "stderr": out, "stdin": subprocess.DEVNULL, **options}
            process = subprocess.Popen(["ip", "netns", "exec", self.name(host), *words],
                                       start_new_session=True, cwd="/", **options)
        self._get_ahead(process.pid)
        self.programs.append(process)
        return process

    @staticmethod
    def _get_ahead(pid):
        """Its children inherit this: what else runs on this machine shall not be measured."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICE)
        with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w",
                                                encoding="ascii") as f:
            f.write(str(NICE))

    @contextlib.contextmanager
    def inside(self, host):
        """The calling thread is on `host` for a while; sockets made there stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/run/netns/{self.name(host)}", "rb") as there:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(home)

    @staticmethod
    def _enter(namespace):
        if _libc.setns(namespace.fileno(), CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, f"setns: {os.strerror(code)}")

    def words(self):
        """The last words of all programs, for a failed test's report."""
        told = []
        folder = os.path.join(self.folder, "log")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                told += [f"--- {name}"] + f.read().splitlines()[-25:]
        return "\n".join(told)

    # --- faults of the network ---

    def cut(self, host):
        """The cable is out: both ends lose their carrier."""
        self.ip("net", "link", "set", f"to-{host}", "down")

    def restore(self, host):
        self.ip("net", "link", "set", f"to-{host}", "up")

    def lose_switch(self, host):
        """The carrier stays, and nothing gets through."""
        self.ip("net", "link", "set", f"to-{host}", "nomaster")

    def find_switch(self, host):
        self.ip("net", "link", "set", f"to-{host}", "master", "lan")

    def block(self, direction, host, match=""):
        """Loses what `host` sends ("from") or what is sent to it ("to"); with a match of
        nftables' only that, as "ip protocol 112"."""
        word = {"from": "iifname", "to": "oifname"}[direction]
        self.on("net", "nft", "add table bridge lab; add chain bridge lab cut "
                "{ type filter hook forward priority 0; }; "
                f"add rule bridge lab cut {word} to-{host} {match} drop")

    def unblock(self):
        self.on("net", "nft", "delete table bridge lab", check=False)

    def refuse(self, host, address):
        """From now on this host's connections to there are refused."""
        self.on(host, "nft", "add table ip lab; add chain ip lab out "
                "{ type filter hook output priority 0; }; "
                f"add rule ip lab out ip daddr {address} tcp dport 1-65535 reject with tcp reset")

    def admit(self, host):
        self.on(host, "nft", "delete table ip lab")


def side_by_side(tasks):
    """Runs functions in threads of their own, since most of each is waiting, and returns their
    results in order; the first fault is raised when all have ended."""
    results = [None] * len(tasks)

    def work(at, task):
        try:
            results[at] = (task(), None)
        except BaseException as fault:  # raised below, in the caller's thread
            results[at] = (None, fault)
    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, fault in results:
        if fault is not None:
            raise fault
    return [value for value, _ in results]
