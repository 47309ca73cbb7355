"""Plays cases, has them judged when their log lines have come, and counts."""
import collections
import dataclasses
import os
import shutil
import tempfile
import time

import judges
import rig
from cases import Case, make_case

# Every so many cases one is played once more, in other segments; and what servers got of one is
# given to the other proxies, to read it; and the others are judged too, for the figures.
SPLIT_EVERY, READ_EVERY, OTHERS_EVERY = 4, 8, 4
BEHIND = 50  # cases that may wait for their log lines


@dataclasses.dataclass
class Totals:
    """What came out; of several lanes, added up."""
    cases: int = 0
    requests: int = 0    # whole ones that hpcbal forwarded
    looked: int = 0      # cases in which the others were judged too
    findings: dict = dataclasses.field(default_factory=dict)   # proxy -> class -> count
    told: list = dataclasses.field(default_factory=list)       # (case, proxy, finding) as text
    beside: dict = dataclasses.field(default_factory=dict)     # comparison -> count
    laxer: list = dataclasses.field(default_factory=list)      # cases

    def add(self, other):
        self.cases += other.cases
        self.requests += other.requests
        self.looked += other.looked
        for proxy, kinds in other.findings.items():
            mine = self.findings.setdefault(proxy, {})
            for kind, count in kinds.items():
                mine[kind] = mine.get(kind, 0) + count
        for word, count in other.beside.items():
            self.beside[word] = self.beside.get(word, 0) + count
        self.told += other.told
        self.laxer += other.laxer

    def count(self, proxy, kind):
        kinds = self.findings.setdefault(proxy, {})
        kinds[kind] = kinds.get(kind, 0) + 1

    def compare(self, word):
        self.beside[word] = self.beside.get(word, 0) + 1

    def of(self, proxy):
        return sum(self.findings.get(proxy, {}).values())


class Runner:
    """`subject` is the name of the proxy that has a log and is judged; all others are only
    counted."""

    def __init__(self, kinds, seed, subject="hpcbal", beside=True, folder=None):
        self.seed, self.subject = seed, subject
        self.judge_others = beside
        self.totals = Totals()
        self.pending = collections.deque()
        self.folder = folder or tempfile.mkdtemp(prefix="differential.")
        os.chmod(self.folder, 0o755)
        self.keep = folder is not None
        self.rig = rig.Rig(self.folder, kinds)
        self.proxy = next(p for p in self.rig.proxies if p.name == subject)

    def play(self, number):
        case = make_case(self.seed, number)
        self.pending.append((case, self.rig.play(case), None))
        if number % SPLIT_EVERY == 0 and not case.polite:
            self.pending.append((case, self.rig.play(case, other_segments(case),
                                                     [self.subject]), self.pending[-1][1]))
        if number % READ_EVERY == 1:
            self.have_read(case, self.pending[-1][1][self.subject])
        while len(self.pending) > BEHIND:
            self.collect(True)
        self.collect(False)

    def have_read(self, case, subject):
        """Has the other proxies read what the subject sent to servers."""
        others = [proxy.name for proxy in self.rig.proxies if proxy.name != self.subject]
        for connection in subject.connections if others else ():
            data = bytes(connection.received)[:connection.tunnel_at]
            if connection.tunnel_at is not None or not data:
                continue
            again = Case(case.seed, case.number, [data], [], [])
            for name, play in self.rig.play(again, only=others).items():
                for finding in judges.judge_read_by(name, data, play):
                    self.tell(case, self.subject, finding)

    def finish(self):
        while self.pending:
            self.collect(True)
        self.proxy.check_alive()

    def stop(self):
        self.rig.stop()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def collect(self, wait):
        """Judges what has its log lines."""
        end = time.monotonic() + rig.LIMIT
        while self.pending:
            case, plays, first = self.pending[0]
            lines = self.proxy.lines_of(case.number)
            if lines is None and wait and time.monotonic() < end:
                time.sleep(0.002)
                continue
            if lines is None and not wait:
                return
            self.pending.popleft()
            self.judge(case, plays, lines, first)
            if wait:
                return

    def judge(self, case, plays, lines, first):
        subject = plays[self.subject]
        if lines is None:
            self.tell(case, self.subject, judges.Finding("log", "no line of the canary came"))
            lines = []
        for finding in judges.judge(case, subject, lines):
            self.tell(case, self.subject, finding)
        if first:
            self.compare_splits(case, first[self.subject], subject)
            return
        self.totals.cases += 1
        self.totals.requests += len(judges.forwarded(subject))
        if self.judge_others:
            self.compare(case, plays)
        if self.judge_others and case.number % OTHERS_EVERY == 0:
            self.look_at_others(case, plays)

    def look_at_others(self, case, plays):
        """In how many cases of each class the same would have been found of them."""
        self.totals.looked += 1
        for name, play in plays.items():
            found = [] if name == self.subject else judges.judge(case, play)
            for kind in sorted({finding.kind for finding in found}):
                self.totals.count(name, kind)

    def tell(self, case, proxy, finding):
        self.totals.count(proxy, finding.kind)
        self.totals.told.append((str(case), proxy, str(finding)))

    def compare_splits(self, case, one, other):
        """What a server does badly may be found in time for a 502, or too late for it."""
        if any(answer.early for answer in case.answers) or any(
                line["reason"].startswith(("RES_", "SERVER_"))
                for play in (one, other) for line in play.lines):
            return
        different = judges.split_difference(one, other)
        if different:
            self.tell(case, self.subject, judges.Finding("split", different))

    def compare(self, case, plays):
        """How many of the requests each takes for sound, where the servers give no reason to stop;
        and of a single odd answer, whether it passes as whole."""
        if not case.answers:
            self.compare_counts(case, "requests", {
                name: len(judges.forwarded(play)) for name, play in plays.items()})
        elif len(case.requests) == 1:
            self.compare_counts(case, "answers", {
                name: judges.whole_answers(play) for name, play in plays.items()})

    def compare_counts(self, case, what, taken):
        ours = taken.pop(self.subject)
        for name, theirs in taken.items():
            self.totals.compare(f"{what}: as {name}" if ours == theirs else
                                f"{what}: more than {name}" if ours > theirs else
                                f"{what}: fewer than {name}")
        if taken and ours > max(taken.values()):
            self.totals.compare(f"{what}: more than all others")
            self.totals.laxer.append((str(case), ours, taken))
        elif taken and ours < min(taken.values()):
            self.totals.compare(f"{what}: fewer than all others")


def other_segments(case):
    """All at once when it was split, else one byte each around the middle of its first head."""
    data = case.data
    if case.cuts:
        return [data]
    middle = min(len(data), max(1, data.find(b"\r\n\r\n")))
    start = max(1, middle - 8)
    ends = [start] + list(range(start + 1, min(len(data), start + 24))) + [len(data)]
    return [data[a:b] for a, b in zip([0] + ends, ends) if a < b]


def run_for(kinds, seed, numbers, seconds, least=0, **options):
    """Totals of these cases: `least`, and then as many as the time allows."""
    runner = Runner(kinds, seed, **options)
    try:
        end = time.monotonic() + seconds
        for done, number in enumerate(numbers):
            if done >= least and time.monotonic() > end:
                break
            runner.play(number)
        runner.finish()
    finally:
        runner.stop()
    return runner.totals


def report(totals):
    """The figures, as lines."""
    lines = [f"{totals.cases} cases, {totals.requests} requests forwarded whole, "
             f"{totals.of('hpcbal') + totals.of('relaxed')} findings of hpcbal"]
    for proxy, kinds in sorted(totals.findings.items()):
        cases = "" if proxy in ("hpcbal", "relaxed") else f" in {totals.looked} cases"
        words = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        lines.append(f"{proxy}{cases}: {words}")
    if totals.beside:
        lines.append("taken by hpcbal: " + ", ".join(
            f"{word} {count}" for word, count in sorted(totals.beside.items())))
    return lines
