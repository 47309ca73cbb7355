"""hpcbald as a test runs it: in the foreground, in a folder of its own, watched."""
import json
import os
import re
import signal
import socket
import subprocess
import time

import wire

READY_PATIENCE = 30.0 * wire.SLOWDOWN
STOP_PATIENCE = 30.0 * wire.SLOWDOWN
FAULTS = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:|"
    r"panic|assertion|Assertion"
)

CONFIG = """\
node = "test";
proxy: {{ threads = {threads}; {proxy} }};
timeouts: {{ {timeouts} }};
log: {{ target = "file:{folder}/hpcbal.log"; format = "{log_format}"; }};
control: {{ socket = "{folder}/control.sock"; }};
{top}
frontends = (
  {{ name = "front";
    bind = ( "{listen}" );
    acls: {{ {acls} }};
    routes = ( {routes} );
    default_backend = "main";
    {frontend} }}
);
backends = (
  {backends}
);
"""


def build_folder():
    folder = os.environ.get("HPCBAL_BUILD")
    if not folder:
        raise RuntimeError("HPCBAL_BUILD is not set; it names the folder with hpcbald in it "
                           "(tests/run sets it)")
    return os.path.abspath(folder)


def freeze(pid):
    """Stops a process by SIGSTOP, and returns when every thread of it stands still. The signal
    alone only asks for that: a thread may still wake and accept a connection before it stops."""
    os.kill(pid, signal.SIGSTOP)

    def stands_still():
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="latin-1") as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "T":
                    return False
        return True
    wire.wait_for(stands_still, f"the threads of {pid} to stand still")


def daily_place(name, port):
    """When the check of a server at 127.0.0.1 that is made once a day is made for the second time,
    in seconds: as balance/server.c and balance/health.c have it."""
    def mix(x):
        for factor in (0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53, 1):
            x = (x ^ x >> 33) * factor % (1 << 64)
        return x

    def fnv(text):
        h = 0xcbf29ce484222325
        for byte in text.encode():
            h = (h ^ byte) * 0x100000001b3 % (1 << 64)
        return mix(h)
    a, b = fnv(name), fnv(f"127.0.0.1:{port}")
    return mix(a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2)) % (1 << 64)) % 86400_000000 / 1e6


def quiet_port():
    """As wire.free_port(), for a server that is checked once a day: not again within an hour."""
    while True:
        port = wire.free_port()
        if all(daily_place(f"main{n}", port) > 3600 for n in (1, 2, 3)):
            return port


def files_of(pid):
    """What its descriptors lead to; one may be closed while it is looked at."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return found


def backend(name, *addresses, balance="roundrobin", more="", server_more=""):
    """A backend block; servers are named NAME1, NAME2, …"""
    servers = ", ".join(
        '{ name = "%s%d"; address = "%s:%d"; %s }' % (name, at + 1, host, port, server_more)
        for at, (host, port) in enumerate(addresses))
    return (f'{{ name = "{name}"; balance = "{balance}"; {more}\n'
            f"    servers = ( {servers} ); }}")


class Daemon:
    """`backends` is the text of the blocks; the other arguments go into CONFIG above, or
    `config` is the whole text, in which {folder} and {listen} are replaced."""

    def __init__(self, folder, backends="", config=None, listen=None, threads=1, **parts):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.path = os.path.join(self.folder, "hpcbal.conf")
        self.address = listen or ("127.0.0.1", wire.free_port())
        self.text = config
        self.parts = {"threads": threads, "proxy": "", "timeouts": "", "top": "", "acls": "",
                      "routes": "", "frontend": "", "log_format": "haproxy"}
        self.parts.update(parts, backends=backends)
        self.process = None
        self.program = os.path.join(build_folder(), "hpcbald")
        self.notified = []
        self.write_config()

    def write_config(self, text=None, **parts):
        """What a reload will read; without arguments, what the daemon was made with."""
        self.parts.update(parts)
        self.text = text or self.text
        listen = "%s:%d" % self.address
        if self.text:
            whole = self.text.replace("{folder}", self.folder).replace("{listen}", listen)
        else:
            whole = CONFIG.format(folder=self.folder, listen=listen, **self.parts)
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(whole)

    # --- life ---

    def start(self):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = os.path.join(self.folder, "notify.sock")
        if os.path.exists(notify_path):
            os.unlink(notify_path)
        self.notify.bind(notify_path)
        environment = dict(os.environ, NOTIFY_SOCKET=notify_path)
        with open(os.path.join(self.folder, "stderr"), "ab") as stderr:
            self.process = subprocess.Popen(
                [self.program, "-F", "-f", self.path],
                stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=environment,
                cwd="/")
        self.wait_notify("READY=1", READY_PATIENCE)
        self.first_proxy = self.child("proxy")
        return self

    def wait_notify(self, word, patience=READY_PATIENCE):
        """Waits for a message of the notify protocol that holds `word`."""
        end = time.monotonic() + patience
        self.notify.settimeout(0.05)
        while True:
            for at, message in enumerate(self.notified):
                if word in message.split("\n"):
                    del self.notified[:at + 1]
                    return message
            try:
                self.notified.append(self.notify.recv(4096).decode())
                continue
            except socket.timeout:
                pass
            if self.process.poll() is not None:
                raise AssertionError(f"hpcbald ended with {self.process.returncode} before "
                                     f"{word}:\n{self.words()}")
            if time.monotonic() > end:
                raise AssertionError(f"hpcbald did not say {word}:\n{self.words()}")

    def stop(self, checked=True):
        if self.process is None:
            return
        fault = None
        if self.process.poll() is None:
            try:
                if checked:
                    self.check_alive()
            except AssertionError as found:  # told below: first it has to stop
                fault = found
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"hpcbald did not stop:\n{self.words()}") from None
        finally:
            self.notify.close()
            self.process = None
        if fault:
            raise fault
        if checked:
            assert status == 0, f"hpcbald ended with {status}:\n{self.words()}"
            self.check_words()

    def check_alive(self):
        """Neither the daemon nor its proxy died and came back behind the test's back."""
        assert self.process.poll() is None, f"hpcbald is gone:\n{self.words()}"
        if self.first_proxy is not None:
            now = self.child("proxy")
            assert now == self.first_proxy, f"the proxy was replaced:\n{self.words()}"

    def check_words(self):
        found = FAULTS.search(self.stderr())
        assert not found, f"hpcbald said {found.group(0)!r}:\n{self.words()}"

    # --- looking ---

    def stderr(self):
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def log(self):
        """The lines of the log file, both the agent's own and the access log's. A reader may see
        the first part of what is being written: a line is one when its end is there."""
        try:
            with open(os.path.join(self.folder, "hpcbal.log"), encoding="utf-8",
                      errors="replace") as f:
                text = f.read()
                return text[:text.rfind("\n") + 1].splitlines()
        except FileNotFoundError:
            return []

    def words(self):
        """All that it said, for a failed test's report."""
        return "\n".join(["--- configuration", open(self.path).read(), "--- stderr",
                          self.stderr()[-8000:], "--- log"] + self.log()[-40:])

    def wait_log(self, pattern, patience=None):
        """The first log line in which `pattern` is found, waiting for it."""
        seen = re.compile(pattern)

        def find():
            return next((line for line in self.log() if seen.search(line)), None)
        try:
            return wire.wait_for(find, f"a log line with {pattern!r}", patience)
        except AssertionError as fault:
            raise AssertionError(f"{fault}\n{self.words()}") from None

    def children(self):
        """pid -> command line, of all children of the supervisor."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat", encoding="latin-1") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                with open(f"/proc/{entry}/cmdline", encoding="latin-1") as f:
                    command = f.read().replace("\0", " ").strip()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                found[int(entry)] = command
        return found

    def child(self, role):
        """The pid of the child with this role, or None."""
        for pid, command in self.children().items():
            if f"--role {role}" in command:
                return pid
        return None

    def rss(self):
        """Bytes that all processes of the daemon hold, shared ones counted once."""
        total = 0
        for pid in [self.process.pid] + list(self.children()):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        return total * 1024

    # --- commands ---

    def ctl(self, *words, check=True):
        command = [os.path.join(build_folder(), "hpcbalctl"), "-s",
                   os.path.join(self.folder, "control.sock"), *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=STOP_PATIENCE, check=False)
        if check:
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def json(self, *words):
        return json.loads(self.ctl("--json", *words).stdout)

    def server(self, backend_name, server_name):
        """A server's entry in `status --json`."""
        for entry in self.json("status")["backends"]:
            if entry["name"] == backend_name:
                for server in entry["servers_detail"]:
                    if server["name"] == server_name:
                        return server
        raise AssertionError(f"no server {backend_name}/{server_name}")

    def wait_server(self, backend_name, server_name, state, patience=None):
        wire.wait_for(lambda: self.server(backend_name, server_name)["state"] == state,
                      f"{backend_name}/{server_name} to be {state}", patience)

    def client(self, **options):
        return wire.Client(self.address, **options)
