"""Makes one thread of a process spin: `python3 spin.py TID`. The thread is stopped, the first
two bytes of the program, which no thread needs any more, become a jump to themselves, and it
goes on there. Says when, on the monotonic clock."""
import ctypes
import os
import platform
import struct
import sys
import time

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
PEEKTEXT, POKETEXT, GETREGS, SETREGS = 1, 4, 12, 13
AT_ENTRY = 9
WALL = 0x40000000
ORIG_RAX, RIP = 15, 16
JUMP_TO_ITSELF = 0xfeeb

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def why_not():
    return None if platform.machine() == "x86_64" else "knows the registers of x86_64 only"


def ptrace(what, tid, address=None, data=None):
    value = libc.ptrace(what, tid, address, data)
    if value == -1 and what != PEEKTEXT:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace {what}: {os.strerror(code)}")
    return value & 0xffffffffffffffff


def entry_of(pid):
    with open(f"/proc/{pid}/auxv", "rb") as f:
        vector = f.read()
    return next(value for kind, value in struct.iter_unpack("=QQ", vector) if kind == AT_ENTRY)


def spin(tid):
    ptrace(SEIZE, tid)
    ptrace(INTERRUPT, tid)
    os.waitpid(tid, WALL)
    entry = entry_of(tid)
    word = ptrace(PEEKTEXT, tid, entry)
    ptrace(POKETEXT, tid, entry, (word & ~0xffff) | JUMP_TO_ITSELF)
    registers = (ctypes.c_uint64 * 27)()
    ptrace(GETREGS, tid, None, ctypes.addressof(registers))
    registers[RIP] = entry
    registers[ORIG_RAX] = 0xffffffffffffffff  # the system call is not begun again
    ptrace(SETREGS, tid, None, ctypes.addressof(registers))
    now = time.monotonic()
    ptrace(DETACH, tid)
    return now


if __name__ == "__main__":
    print(spin(int(sys.argv[1])))
