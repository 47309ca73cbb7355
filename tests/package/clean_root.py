"""A root with nothing in it but what every Debian has, and systemd: made by debootstrap out of
this machine's own package sources, booted in namespaces (boot), and compared before and after."""
import ctypes
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# What package tools, and a system that runs, keep for themselves.
NOT_COMPARED = ("dev", "proc", "run", "sys", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg",
                "var/log", "var/lib/systemd/timers", "etc/ld.so.cache")
# A line of each user and group, the one before the last change: compared by their real ones.
BACKUPS = ("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
               "DEBIAN_FRONTEND": "noninteractive"}
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
          "e2scrub_all.timer", "console-getty.service", "systemd-tmpfiles-clean.timer")


class NoRoot(Exception):
    """It cannot be made here; the text says why."""


def patience():
    return float(os.environ.get("HPCBAL_TEST_SLOWDOWN", "1"))


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds * patience()
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.1)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def sources():
    """(mirror, release, component) of this machine's distribution, as apt has them."""
    said = subprocess.run(["apt-get", "indextargets", "Created-By: Packages", "--format",
                           "$(SITE) $(RELEASE) $(COMPONENT)"],
                          capture_output=True, text=True, check=True).stdout
    with open("/etc/os-release", encoding="utf-8") as f:
        codename = dict(line.rstrip().split("=", 1) for line in f if "=" in line).get(
            "VERSION_CODENAME", "")
    found = sorted({tuple(line.split()) for line in said.splitlines() if len(line.split()) == 3})
    found = [s for s in found if s[1].split("-")[0] == codename]
    if not [s for s in found if s[1] == codename]:
        raise NoRoot(f"apt has no package source for {codename or 'this distribution'}")
    return codename, found


class Root:
    def __init__(self, path):
        self.path = path
        self.booted = None      # the process that holds the namespaces
        self.init = 0           # process 1 of them, as we see it
        self.groups = []

    def make(self):
        codename, found = sources()
        mirror = [s[0] for s in found if s[1] == codename][0]
        log = self.path + ".log"
        with open(log, "wb") as f:
            status = subprocess.run(
                ["debootstrap", "--variant=minbase", "--include=systemd-sysv", codename,
                 self.path, mirror], stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                check=False).returncode
        if status:
            with open(log, encoding="utf-8", errors="replace") as f:
                last = " / ".join(f.read().splitlines()[-2:])
            raise NoRoot(f"debootstrap could not make a root from apt's source: {last}")
        with open(self.file("etc/apt/sources.list"), "w", encoding="utf-8") as f:
            f.writelines(f"deb {' '.join(s)}\n" for s in found)
        settings = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True,
                                  check=True).stdout
        with open(self.file("etc/apt/apt.conf.d/90host"), "wb") as f:
            f.write(settings)
        with open(self.file("etc/hostname"), "w", encoding="utf-8") as f:
            f.write("node1\n")
        shutil.copy("/etc/resolv.conf", self.file("etc/resolv.conf"))
        for unit in MASKED:
            os.symlink("/dev/null", self.file("etc/systemd/system/" + unit))

    def file(self, name):
        return os.path.join(self.path, name.lstrip("/"))

    # ---- running ----

    def run(self, *command, check=True, **options):
        """A command in the root: in its namespaces when it is booted."""
        if self.init:
            enter = ["nsenter", "-t", str(self.init), "-a", "-r", "-w"]
        else:
            # Its own view of processes: what starts in there ends with the command.
            enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-ec",
                     'mount -t proc proc "$0/proc"; exec chroot "$@"', self.path, self.path]
        done = subprocess.run([*enter, *command], stdin=subprocess.DEVNULL, env=ENVIRONMENT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=600, check=False, **options)
        if check:
            assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
        return done

    def say(self, *command):
        return self.run(*command).stdout.strip()

    def outside(self, *command):
        """A command of this machine, in the network of the booted root."""
        return ["nsenter", "-t", str(self.init), "-n", *command]

    def install(self, package):
        """As an administrator does who answers dpkg that his own configuration stays."""
        shutil.copy(package, self.file("var/cache/package.deb"))
        try:
            return self.run("apt-get", "-q", "-y", "--no-install-recommends", "-o",
                            "Dpkg::Options::=--force-confold", "install",
                            "/var/cache/package.deb").stdout
        finally:
            os.unlink(self.file("var/cache/package.deb"))

    # ---- the system in it ----

    def boot(self):
        name = f"hpcbal-package-{os.getpid()}"
        tops = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]
        if not os.path.isdir(tops[0]):
            tops = ["/sys/fs/cgroup"]
        try:
            for top in tops:
                os.mkdir(os.path.join(top, name))
                self.groups.append(os.path.join(top, name))
        except OSError as e:
            raise NoRoot(f"no control group can be made for its systemd: {e}") from e
        with open(self.path + ".boot", "wb") as log:
            self.booted = subprocess.Popen([os.path.join(HERE, "boot"), self.path, *self.groups],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           preexec_fn=die_with_parent)
        self.init = wait_for(self.find_init, "systemd to be process 1")
        wait_for(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip()
                 in ("running", "degraded"), "systemd to have started its units")

    def find_init(self):
        if self.booted.poll() is not None:
            with open(self.path + ".boot", encoding="utf-8", errors="replace") as f:
                raise NoRoot(f"systemd cannot be booted in namespaces here: {f.read().strip()}")
        pid = self.booted.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
        for child in children:
            with open(f"/proc/{child}/comm", encoding="ascii") as f:
                if f.read().strip() == "systemd":
                    return int(child)
        return 0

    def halt(self):
        if self.booted:
            if self.init:
                os.kill(self.init, signal.SIGKILL)
            self.booted.kill()
            self.booted.wait()
        self.booted, self.init = None, 0
        for top in self.groups:
            wait_for(lambda top=top: remove_group(top), f"{top} to be empty")
        self.groups = []

    # ---- what is there ----

    def snapshot(self):
        """Path -> what it is; of files below /etc also what they hold."""
        found = {}
        for folder, folders, files in os.walk(self.path):
            inside = os.path.relpath(folder, self.path)
            inside = "" if inside == "." else inside + "/"
            folders[:] = [d for d in folders if inside + d not in NOT_COMPARED]
            for name in folders + files:
                if inside + name not in NOT_COMPARED + BACKUPS:
                    found[inside + name] = describe(os.path.join(folder, name), inside)
        return found


def describe(path, inside):
    st = os.lstat(path)
    told = [stat.filemode(st.st_mode), str(st.st_uid), str(st.st_gid)]
    if stat.S_ISLNK(st.st_mode):
        told.append(os.readlink(path))
    elif stat.S_ISREG(st.st_mode) and inside.startswith("etc/"):
        with open(path, "rb") as f:
            told.append(hashlib.sha256(f.read()).hexdigest())
    return " ".join(told)


def remove_group(top):
    for folder, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return False
    return not os.path.isdir(top)


def differences(before, after):
    return sorted(f"{path}: {before.get(path, 'was not there')} -> {after.get(path, 'is gone')}"
                  for path in before.keys() | after.keys() if before.get(path) != after.get(path))
