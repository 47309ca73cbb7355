"""Stops one thread of a process alone, as a deadlock or a busy machine would, by ptrace."""
import os
import platform
import subprocess
import sys

import pytest

import wire

ACCEPT4 = {"x86_64": 288, "aarch64": 242, "riscv64": 242}

# A process of its own, for the thread goes on when its tracer ends. Without a number of a system
# call it is stopped at once, else where it next enters that one.
TRACER = """
import ctypes, os, struct, sys
PTRACE_SYSCALL, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_GET_SYSCALL_INFO = 24, 0x4206, 0x4207, 0x420e
PTRACE_O_TRACESYSGOOD = 1
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
tid, awaited = int(sys.argv[1]), int(sys.argv[2])
info = ctypes.create_string_buffer(96)

def ask(request, a=None, b=None):
    if libc.ptrace(request, tid, a, b) < 0:
        sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))

def stops():
    return os.WIFSTOPPED(os.waitpid(tid, 0x40000000)[1])

def enters():
    ask(PTRACE_GET_SYSCALL_INFO, 96, info)
    return info.raw[0] == 1 and struct.unpack_from("Q", info, 24)[0] == awaited

ask(PTRACE_SEIZE, None, PTRACE_O_TRACESYSGOOD)
ask(PTRACE_INTERRUPT)
stops()
print("seized", flush=True)
if awaited >= 0:
    ask(PTRACE_SYSCALL)
    while stops() and not enters():
        ask(PTRACE_SYSCALL)
    print("held", flush=True)
while stops():
    pass
"""


def find_thread(pid, name):
    """The log writer is not asked for: it may stand still as long as its target does."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
            # Every thread has the main thread's name until it gets one of its own.
            if f.read().strip() == name or name == "main" and int(tid) == pid:
                return int(tid)
    return None


def thread_of(pid, name):
    """A thread names itself, at its start: READY may be said before."""
    return wire.wait_for(lambda: find_thread(pid, name), f"the proxy's thread {name}")


class Hold:
    """A thread that stands still, until it is let go."""

    def __init__(self, tid, awaited=-1):
        self.tracer = subprocess.Popen([sys.executable, "-c", TRACER, str(tid), str(awaited)],
                                       bufsize=0, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
        if self.tracer.stdout.readline() != b"seized\n":
            said = self.tracer.communicate()[1].decode()
            pytest.skip(f"ptrace is not allowed here: {said}")

    def has_come(self):
        """To the call that was awaited."""
        return wire.is_readable(self.tracer.stdout, 0)

    def let_go(self):
        self.tracer.kill()
        self.tracer.communicate()


def at_accept(tid):
    """Where it is about to accept a connection."""
    number = ACCEPT4.get(platform.machine())
    if number is None:
        pytest.skip(f"the number of accept4() on {platform.machine()} is not known here")
    return Hold(tid, number)
