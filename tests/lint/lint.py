#!/usr/bin/env python3
"""The rules of the house that a machine can keep.

    lint.py [ROOT]      prints FILE:LINE: what is wrong; what would be right. Exit 1 on any.

The tables below are the rules; a new folder, or a new library, is a new row.
"""
import os
import re
import sys

import oldest

FUNCTION_LINES = 80
FILE_LINES = 800
COLUMNS = 99
TAB = 8

# folder under src/ -> folders (or single headers) that its files may include, besides its own;
# the table in src/README.md must say the same
MAY_INCLUDE = {
    "base": [],
    "conf": ["base"],
    "ipc": ["base"],
    "http": ["base"],
    "net": ["base", "conf"],
    "route": ["base", "conf", "http"],
    "balance": ["base", "conf"],
    "limit": ["base", "conf", "ipc"],
    "upstream": ["base", "conf", "http", "net", "balance"],
    "loader": ["base", "conf", "ipc", "route", "balance", "net", "vrrp/times.h"],
    "supervisor": ["base", "ipc", "net/loop.h"],
    "runner": ["base", "ipc", "net/loop.h"],
    "vrrp": ["base", "conf", "ipc", "net/loop.h"],
    "proxy": ["base", "conf", "ipc", "http", "net", "route", "balance", "limit", "upstream"],
    "admin": ["base", "ipc"],
    "ctl": ["base", "conf", "ipc", "admin"],
    "web": ["base", "ipc", "http", "net", "admin"],
}
ANYWHERE = {"config.h"}

# outside library's header (a file, or a folder with its slash) -> the one folder that uses it
LIBRARY_HOME = {
    "libconfig.h": "conf",
    "nghttp2/": "http",
    "event2/": "net",
    "event.h": "net",
    "openssl/": "net",
    "pcre2.h": "route",
    "netlink/": "vrrp",
    "cap-ng.h": "supervisor",
    "seccomp.h": "supervisor",
    "jansson.h": "admin",
    "curses.h": "ctl",
    "term.h": "ctl",
}

# memory in, memory out: no clock is read, nothing is logged, no descriptor is touched
PURE = {"conf", "http", "route", "balance", "limit"}
PURE_FILES = re.compile(
    r"src/(?:vrrp/(?:fsm\w*|packet|peers|priority|times)|runner/(?:queue|schedule)"
    r"|proxy/linger|proxy/pace|ctl/top_\w+)\.")
PURE_HEADERS = {"base/log.h", "sys/socket.h", "sys/epoll.h", "fcntl.h", "poll.h", "syslog.h"}
PURE_CALLS = re.compile(
    r"(?<![\w.>])(clock_now\w*|clock_gettime|gettimeofday|time|log_(?:msg|error|warn|notice|info)"
    r"|open|openat|fopen|read|write|close|socket|connect|send|sendmsg|recv|recvmsg|printf|syslog"
    r")\s*\("
)

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
CONDITIONAL = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif|else)\b")
TYPEDEF = re.compile(r"^\s*typedef\s+(?:struct|union)\b")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|not implemen" r"ted)\b")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')

C_SUFFIXES = (".c", ".h", ".def")
TEXT_TREES = ("src", "tests", "packaging", "man", "etc", ".ci")
TEXT_FILES = ("README.md", "configure.ac", "Makefile.am")
SKIPPED_FOLDERS = {"__pycache__", ".pytest_cache", "corpus"}


class Report:
    def __init__(self, root):
        self.root = root
        self.lines = []

    def add(self, path, line, text):
        name = os.path.relpath(path, self.root)
        self.lines.append((name, line, f"{name}:{line}: {text}"))

    def show(self):
        for _, _, text in sorted(self.lines):
            print(text)
        return 1 if self.lines else 0


def walk(top):
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(files):
            yield os.path.join(folder, name)


def read_lines(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read().split("\n")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_only(text):
    """The text with comments and the insides of strings blanked; lines stay in place."""
    kept = re.compile(STRING.pattern + "|" + COMMENT.pattern, re.S)
    return kept.sub(blank, text)


def library_home(header):
    for prefix, home in LIBRARY_HOME.items():
        if header == prefix or (prefix.endswith("/") and header.startswith(prefix)):
            return home
    return None


def may_include(folder, header):
    allowed = [folder] + MAY_INCLUDE[folder]
    return header in ANYWHERE or header in allowed or header.split("/")[0] in allowed


def check_quoted_include(report, path, number, folder, header):
    if "/" not in header and header not in ANYWHERE:
        report.add(path, number, f'include "{header}" has no folder; write it relative to src/, '
                   f'as "{folder}/{header}"')
    elif folder not in MAY_INCLUDE:
        report.add(path, number, f"folder src/{folder}/ has no row in MAY_INCLUDE of "
                   "tests/lint/lint.py; give it one that agrees with src/README.md")
    elif not may_include(folder, header):
        names = ", ".join(MAY_INCLUDE[folder]) or "nothing but its own headers"
        report.add(path, number, f'src/{folder}/ may not include "{header}"; it may include '
                   f"{folder} and: {names}")


def check_includes(report, path, folder, lines):
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quote, header = found.groups()
        home = library_home(header)
        if home and home != folder:
            report.add(path, number, f"<{header}> belongs to src/{home}/ alone; "
                       f"call what src/{home}/ offers instead")
        if quote == '"' and folder:
            check_quoted_include(report, path, number, folder, header)


def check_pure(report, path, folder, lines, code):
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found and found.group(2) in PURE_HEADERS:
            report.add(path, number, f"src/{folder}/ is pure and may not include "
                       f"{found.group(2)}; take what it needs as an argument")
    for number, line in enumerate(code, 1):
        found = PURE_CALLS.search(line)
        if found and not line.startswith("#"):
            report.add(path, number, f"src/{folder}/ is pure and may not call "
                       f"{found.group(1)}(); take what it needs as an argument")


def check_functions(report, path, code):
    """A brace in column 0 opens and closes a function."""
    start = 0
    for number, line in enumerate(code, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}"):
            if start and number - start > FUNCTION_LINES:
                report.add(path, start, f"function of {number - start} lines; at most "
                           f"{FUNCTION_LINES}: a step or a table wants out")
            start = 0
        elif start and CONDITIONAL.match(line):
            report.add(path, number, "conditional compilation inside a function; put it "
                       "around whole functions or into a table")


def check_length(report, path, lines):
    if len(lines) - 1 > FILE_LINES:
        report.add(path, len(lines) - 1, f"file of {len(lines) - 1} lines; at most {FILE_LINES}")


def check_size(report, path, lines):
    check_length(report, path, lines)
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(TAB))
        if width > COLUMNS:
            report.add(path, number, f"line of {width} columns; at most {COLUMNS}")


def check_c(report, path, folder):
    lines = read_lines(path)
    code = code_only("\n".join(lines)).split("\n")
    check_size(report, path, lines)
    check_functions(report, path, code)
    for number, line in enumerate(code, 1):
        for name in oldest.NEWER_NAME.findall(line):
            report.add(path, number, f"{name} is newer than {oldest.NEWER[name]} of Ubuntu 22.04; "
                       "do without it")
        if TYPEDEF.match(line):
            report.add(path, number, "typedef for a struct; write struct NAME where it is used")
    if folder is not None:
        check_includes(report, path, folder, lines)
    if folder in PURE or PURE_FILES.match(os.path.relpath(path, report.root)):
        check_pure(report, path, folder, lines, code)


def check_text(report, path):
    tidy = path.endswith(C_SUFFIXES + (".py", ".md", ".mk", ".ac", ".am"))
    for number, line in enumerate(read_lines(path), 1):
        if UNFINISHED.search(line):
            report.add(path, number, "left open in the text; finish it, or file it")
        if tidy and line != line.rstrip():
            report.add(path, number, "blanks at the end of the line; remove them")


def mapped_includes(text, above):
    """A cell of the map: names, "–" for none, or "all above but a, b"."""
    if text.startswith("all above"):
        excepted = re.findall(r"[a-z]+", text.partition("but")[2])
        return [name for name in above if name not in excepted]
    return re.findall(r"[a-z_]+(?:/[a-z_]+\.h)?", text)


def check_map(report, path):
    """src/README.md's table of folders against MAY_INCLUDE."""
    above = []
    for number, line in enumerate(read_lines(path), 1):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 6 or not re.fullmatch(r"[a-z]+/", cells[1]):
            continue
        folder = cells[1][:-1]
        told = mapped_includes(cells[3], above)
        above.append(folder)
        if sorted(told) != sorted(MAY_INCLUDE.get(folder, [])):
            report.add(path, number, f"the map lets {folder}/ include {told}, tests/lint/lint.py "
                       f"{MAY_INCLUDE.get(folder, [])}; make them agree")
    for folder in set(MAY_INCLUDE) - set(above):
        report.add(path, 1, f"the map has no row for {folder}/, tests/lint/lint.py has one")


def folder_of(root, path):
    """'conf' for src/conf/x.c, '' for src/hpcbald.c, None outside src/."""
    parts = os.path.relpath(path, root).split(os.sep)
    if parts[0] != "src":
        return None
    return parts[1] if len(parts) > 2 else ""


def lint(root):
    report = Report(root)
    for tree in ("src", "tests"):
        for path in walk(os.path.join(root, tree)):
            if path.endswith(C_SUFFIXES):
                check_c(report, path, folder_of(root, path))
            elif path.endswith(".py"):
                check_length(report, path, read_lines(path))
    texts = [os.path.join(root, name) for name in TEXT_FILES]
    for tree in TEXT_TREES:
        texts += walk(os.path.join(root, tree))
    house = os.path.join(root, "src", "README.md")
    if os.path.isfile(house):
        check_map(report, house)
    for path in texts:
        if os.path.isfile(path) and is_text(path):
            check_text(report, path)
    return report


def is_text(path):
    with open(path, "rb") as f:
        head = f.read(4096)
    return b"\0" not in head and not path.endswith((".bin", ".raw", ".o", ".a"))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")
    return lint(os.path.abspath(root)).show()


if __name__ == "__main__":
    sys.exit(main())
