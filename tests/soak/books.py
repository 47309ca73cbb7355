"""The access log against what the clients did: each good exchange has exactly one line, and
each of a bad one too, which says whose it was and at which step it ended."""
import collections
import re
import time

# A line of a request, or, without what is optional here, of a connection in mode tcp. At its end
# is the word of the reason when it was no good one, and the id.
LINE = re.compile(r'^(?P<source>[\d.]+):\d+ \[[^]]*\] \S+ \S+ [-+\d/]+ (?:(?P<status>-?\d+) )?\d+ '
                  r'(?:- - )?(?P<letters>..)(?:--)? [-+\d/]+ 0/0(?: \{[^}]*\})?'
                  r'(?: "(?P<request>.*)")?(?: (?P<word>[A-Z0-9_]+)\b.*?)?(?: id=\S+)?$', re.M)
NAME = re.compile(r"/\w+/\w+/(?P<name>g\d+)\b")
PATIENCE = 30


class Books:
    def __init__(self, path):
        self.file = open(path, encoding="utf-8", errors="replace")
        self.lines = 0  # of the last round

    def read(self, expected):
        """A round's lines, when so many are there and no more come."""
        text, end = "", time.monotonic() + PATIENCE
        while True:
            more = self.file.read()
            text += more
            found = list(LINE.finditer(text))
            if (not more and len(found) >= expected) or time.monotonic() > end:
                return found
            time.sleep(0.2)

    def judge(self, answered, connections):
        """What does not fit, as a list of texts."""
        least = sum(one[2] for one in connections)
        lines = self.read(len(answered) + least)
        self.lines = len(lines)
        good, by_source = collections.defaultdict(list), collections.defaultdict(list)
        for line in lines:
            name = NAME.search(line["request"] or "")
            if name:
                good[name["name"]].append(line)
            else:
                by_source[line["source"]].append(line)
        return self.judge_good(answered, good) + self.judge_bad(connections, by_source)

    def judge_good(self, answered, good):
        faults = []
        for name in set(answered) | set(good):
            told = [(int(line["status"]), line["letters"]) for line in good.get(name, [])]
            if told != [(answered.get(name), "--")]:
                faults.append(f"good request {name} was answered {answered.get(name)}; the log "
                              f"has {told}")
        return faults

    def judge_bad(self, connections, by_source):
        faults = []
        for kind, source, least, most, letters in connections:
            told = by_source.pop(source, [])
            if not least <= len(told) <= most:
                faults.append(f"{kind} from {source}: {len(told)} lines in the log, not {least} "
                              f"to {most}: {[line.group(0) for line in told[:3]]}")
            for line in told:
                if line["letters"] != "--" and not line["word"]:
                    faults.append(f"{kind} from {source}: no word says why: {line.group(0)}")
                if line["letters"] not in letters:
                    faults.append(f"{kind} from {source}: letters not of {letters}: "
                                  f"{line.group(0)}")
        for source, told in by_source.items():
            faults.append(f"nobody's: {[line.group(0) for line in told[:3]]}")
        return faults
