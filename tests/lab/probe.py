"""The client: probe.c, compiled on the spot, and what its record says."""
import os
import signal
import subprocess
import threading

import segment

INTERVAL_US = 2000
TIMEOUT_MS = 1000

_source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe.c")
_lock = threading.Lock()


def compiled(folder):
    program = os.path.join(folder, "probe")
    with _lock:
        if not os.path.exists(program):
            segment.run(os.environ.get("CC", "cc"), "-O2", "-o", program + ".new", _source)
            os.rename(program + ".new", program)
    return program


class Record:
    """What the client noted; times in seconds of the monotonic clock."""

    def __init__(self, text):
        self.attempts = []
        for line in text.splitlines():
            begun, ended, how = line.split()
            self.attempts.append((int(begun) / 1e6, int(ended) / 1e6, how))

    def begun_since(self, since, until):
        return [a for a in self.attempts if since <= a[0] <= until]

    def silence(self, since, until):
        """The longest time without an answer: from one answer that came to the next one, and
        to the end when none came any more. So a connection that waits to be taken counts as
        silence, and the clock of TCP's repetitions (1 s) does not blur the end of it."""
        answers = sorted(ended for _, ended, how in self.attempts
                         if how == "ok" and since <= ended <= until)
        before = [ended for _, ended, how in self.attempts if how == "ok" and ended < since]
        times = [max(before, default=since)] + answers + [until]
        return max(b - a for a, b in zip(times, times[1:]))

    def lateness(self, since, until):
        """The longest time between two attempts begun: what the machine itself held up."""
        times = [begun for begun, _, _ in self.begun_since(since, until)]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)

    def count(self, how, since, until):
        return sum(1 for a in self.begun_since(since, until) if a[2] == how)

    def summary(self, since, until):
        found = {}
        for _, _, how in self.begun_since(since, until):
            found[how] = found.get(how, 0) + 1
        return found


class Probe:
    def __init__(self, there, address=segment.VIP, port=80):
        self.process = there.start(
            "client", compiled(os.path.dirname(there.folder)), address, str(port),
            str(INTERVAL_US), str(TIMEOUT_MS), log="probe", stdout=subprocess.PIPE)
        self.text = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        self.text.append(self.process.stdout.read().decode())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.reader.join()
        self.process.wait()
        self.process.stdout.close()
        return Record(self.text[0])
