"""Does mastership stay where it is while the machine has too much to do? A pair with two virtual
routers, one of 100 ms and one of 10 ms, beside programs that keep all cores busy, and beside a
reference timer of the same class, which tells what the machine itself held up."""
import os
import re
import signal
import subprocess
import time
from datetime import datetime

import pair
import segment

HERE = os.path.dirname(os.path.abspath(__file__))
FAST, FASTEST = "VI_1", "VI_2"
VIP2 = "10.99.0.102"
# A backup of priority 110 claims after three intervals of 10 ms and its skew. A stall that was
# long enough for that may be told a little apart from it.
ENOUGH_US, NEAR_US = 25000, 500000

BUSY = "import os\nwhile True:\n    sum(range(20000)); bytearray(1 << 20); os.getppid()\n"


class Node(pair.HpcbalNode):
    """With a second virtual router, of 10 ms."""

    def config(self):
        second = (
            f'  , {{ name = "{FASTEST}"; interface = "{segment.INTERFACE}"; '
            f'virtual_router_id = {pair.VRID + 1}; '
            f'priority: {{ lb1 = {self.settings.priority["lb1"]}; '
            f'lb2 = {self.settings.priority["lb2"]}; }}; '
            f'advertisement_interval = "10ms"; virtual_addresses = ( "{VIP2}/24" ); }}\n);\n')
        text = super().config()
        assert text.endswith(");\n")
        return text[:-len(");\n")] + second

    def states(self):
        return {i["name"]: i for i in self.json("vrrp")["vrrp"]}

    def moves(self, name):
        """(wall time in µs, line) of every change of state in the log."""
        found = []
        with open(f"{self.folder}/hpcbal.log", encoding="utf-8", errors="replace") as f:
            for line in f:
                if re.search(rf"vrrp \w+: {name}: \w+ → ", line):
                    at = datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S.%f")
                    found.append((at.timestamp() * 1e6, line.strip()))
        return found


class Reference:
    def __init__(self, folder):
        program = f"{folder}/reference"
        segment.run("cc", "-O2", "-pthread", "-o", program, f"{HERE}/reference.c")
        self.process = subprocess.Popen([program], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def stop(self):
        """(stalls as (wall time in µs, how late in µs), the worst in µs)."""
        self.process.send_signal(signal.SIGTERM)
        stalls, worst = [], 0
        for line in self.process.communicate()[0].splitlines():
            fields = line.split()
            if fields[0] == "worst":
                worst = max(worst, int(fields[1]))
            else:
                stalls.append((int(fields[0]), int(fields[1])))
        return stalls, worst


class Result:
    def __init__(self, nodes, began, stalls, worst):
        self.stalls, self.worst = stalls, worst
        self.moves = {name: sorted(m for n in nodes for m in n.moves(name) if m[0] > began)
                      for name in (FAST, FASTEST)}
        self.late = {name: max(n.states()[name]["counters"]["late_us_max"] for n in nodes)
                     for name in (FAST, FASTEST)}

    def unexplained(self):
        """Moves of the fastest router with no stall of the reference near."""
        return [line for at, line in self.moves[FASTEST]
                if not any(late >= ENOUGH_US and abs(at - when) < NEAR_US + late
                           for when, late in self.stalls)]


def measure(there, watched, seconds, per_core=2):
    """Raises the pair, keeps all cores busy for so long, and tells what moved."""
    settings = pair.Settings("steady", 3, 0.1, check=1.0)
    nodes = [Node(there, host, settings) for host in segment.BALANCERS]
    busy = []
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            segment.wait_for(node.is_ready, f"hpcbal on {node.host}", 30)
        for address in (segment.VIP, VIP2):
            segment.wait_for(lambda: watched.holders(address) == ["lb1"],  # noqa: B023
                             f"{address} to be on lb1 alone", 30)
        reference = Reference(there.folder)
        began = time.time() * 1e6
        busy = [subprocess.Popen(["/usr/bin/python3", "-c", BUSY])
                for _ in range(per_core * (os.cpu_count() or 1))]
        time.sleep(seconds)
        return Result(nodes, began, *reference.stop())
    finally:
        for process in busy:
            process.kill()
            process.wait()
        for node in nodes:
            node.close()
