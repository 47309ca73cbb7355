#!/usr/bin/env python3
"""Adds up what the runners said.

    tally.py FILE                                  the last line: all of FILE added up
    tally.py --trs FOLDER STATUS LOG NAME FILE     a `make check`, into FILE
    tally.py --junit XML STATUS LOG NAME FILE      a pytest, into FILE

FILE has a line "PASSED FAILED SKIPPED NAME" a runner. Failures and the reasons of what was
skipped are printed."""
import os
import re
import sys
import xml.etree.ElementTree

LIBCHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
RESULT = re.compile(r"^:test-result: (\w+)", re.M)
MISTAKE = re.compile(r"error|Error|warning:|undefined reference|No rule")
SKIPPED = re.compile(r"^skipped .*$", re.M)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def tail(path, lines):
    print("\n".join(read(path).splitlines()[-lines:]))


def count_program(result, text):
    """What one test program counted of itself; one test when it counts nothing."""
    passed = failed = skipped = 0
    for checks, failures, errors in LIBCHECK.findall(text):
        failed += int(failures) + int(errors)
        passed += int(checks) - int(failures) - int(errors)
    for numbers in COUNTED.findall(text):
        passed, failed, skipped = (a + int(b) for a, b in
                                   zip((passed, failed, skipped), numbers))
    if result in ("PASS", "SKIP") and not passed + failed + skipped:
        return (1, 0, 0) if result == "PASS" else (0, 0, 1)
    if result not in ("PASS", "SKIP") and not failed:
        failed = 1
    return passed, failed, skipped


def tally_trs(folder, status, log):
    total = [0, 0, 0]
    for top, _, names in os.walk(folder):
        for name in sorted(n for n in names if n.endswith(".trs")):
            found = RESULT.search(read(os.path.join(top, name)))
            result = found.group(1) if found else "ERROR"
            text = read(os.path.join(top, name[:-4] + ".log"))
            total = [a + b for a, b in zip(total, count_program(result, text))]
            if result == "SKIP":
                print(f"skipped {name[:-4]}: {' '.join(text.splitlines()[-1:])}")
            elif result != "PASS":
                print(f"--- {name[:-4]}: {result}\n{text[-6000:]}")
            for line in SKIPPED.findall(text) if result == "PASS" else ():
                print(line)
    if status and not total[1]:
        told = [line for line in read(log).splitlines() if MISTAKE.search(line)]
        print("\n".join(told[:40]))
        total[1] = 1
    return total


def tally_junit(path, status, log):
    total = [0, 0, 0]
    try:
        suites = xml.etree.ElementTree.parse(path).getroot().iter("testsuite")
    except (OSError, xml.etree.ElementTree.ParseError):
        suites = []
    for suite in suites:
        failed = int(suite.get("failures")) + int(suite.get("errors"))
        skipped = int(suite.get("skipped"))
        total[0] += int(suite.get("tests")) - failed - skipped
        total[1] += failed
        total[2] += skipped
    if status and not total[1]:
        total[1] = 1
    if total[1]:
        tail(log, 400)
    for line in read(log).splitlines():
        if line.startswith("SKIPPED"):
            print(line)
    return total


def add_up(path):
    total = [0, 0, 0]
    for line in read(path).splitlines():
        total = [a + int(b) for a, b in zip(total, line.split()[:3])]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")


def main():
    if sys.argv[1] not in ("--trs", "--junit"):
        return add_up(sys.argv[1])
    kind, source, status, log, name, path = sys.argv[1:]
    tally = tally_trs if kind == "--trs" else tally_junit
    total = tally(source, int(status), log)
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped: {name}")
    with open(path, "a", encoding="utf-8") as f:
        f.write(f"{total[0]} {total[1]} {total[2]} {name}\n")
    return None


if __name__ == "__main__":
    main()
