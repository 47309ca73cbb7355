#!/usr/bin/env python3
"""Shows that the lint sees what it is there for: every bad sample must be found, at its
line, and the good ones must not be."""
import os
import shutil
import sys
import tempfile

import lint
import oldest

GOOD = "static int f(void)\n{\n\treturn 0;\n}\n"


def function_of(lines):
    return "static void f(void)\n{\n" + "\tg();\n" * (lines - 1) + "}\n"


MAP = "".join(f"| {folder}/ | | {' '.join(names) or '–'} | |\n"
              for folder, names in lint.MAY_INCLUDE.items())

# name, file, text, expected "LINE: beginning of the message", or None for a good one
CASES = [
    ("good", "src/route/a.c", '#include "base/str.h"\n#include <pcre2.h>\n' + GOOD, None),
    ("own header", "src/http/a.c", '#include "http/message.h"\n' + GOOD, None),
    ("generated config.h", "src/base/a.c", '#include "config.h"\n' + GOOD, None),
    ("a main may use all", "src/hpcbald.c", '#include "supervisor/supervisor.h"\n', None),
    ("one header of net", "src/supervisor/a.c", '#include "net/loop.h"\n', None),
    ("upward", "src/base/a.c", '\n#include "conf/conf.h"\n',
     '2: src/base/ may not include "conf/conf.h"; it may include base and: nothing'),
    ("sideways", "src/proxy/a.c", '#include "supervisor/rights.h"\n',
     '1: src/proxy/ may not include "supervisor/rights.h"; it may include proxy and: base'),
    ("other header of net", "src/supervisor/a.c", '#include "net/conn.h"\n',
     '1: src/supervisor/ may not include "net/conn.h"'),
    ("without its folder", "src/net/a.c", '#include "conn.h"\n',
     '1: include "conn.h" has no folder'),
    ("folder without a row", "src/cellar/a.c", '#include "base/str.h"\n',
     "1: folder src/cellar/ has no row"),
    ("openssl in proxy", "src/proxy/a.c", "#include <openssl/ssl.h>\n",
     "1: <openssl/ssl.h> belongs to src/net/ alone"),
    ("libevent in a main", "src/hpcbald.c", "#include <event2/event.h>\n",
     "1: <event2/event.h> belongs to src/net/ alone"),
    ("jansson in conf", "src/conf/a.c", "#include <jansson.h>\n",
     "1: <jansson.h> belongs to src/admin/ alone"),
    ("seccomp in loader", "src/loader/a.c", "#include <seccomp.h>\n",
     "1: <seccomp.h> belongs to src/supervisor/ alone"),
    ("pure folder logs", "src/http/a.c", '#include "base/log.h"\n',
     "1: src/http/ is pure and may not include base/log.h"),
    ("pure folder reads the clock", "src/balance/a.c",
     "static void f(void)\n{\n\tt = clock_now_us();\n}\n",
     "3: src/balance/ is pure and may not call clock_now_us()"),
    ("pure file of a folder that is not", "src/vrrp/fsm_fault.c",
     "static void f(void)\n{\n\tlog_warn(1);\n}\n",
     "3: src/vrrp/ is pure and may not call log_warn()"),
    ("other file of that folder", "src/vrrp/wire.c",
     "static void f(void)\n{\n\tclose(1);\n}\n", None),
    ("only named in a comment", "src/balance/a.c", "/* not clock_now_us() */\n" + GOOD, None),
    ("only named in a string", "src/balance/a.c", 'char *s = "write(1)";\n' + GOOD, None),
    ("function of 80", "src/base/a.c", function_of(80), None),
    ("function of 81", "src/base/a.c", function_of(81), "2: function of 81 lines; at most 80"),
    ("long function of a test", "tests/unit/a.c", function_of(81), "2: function of 81 lines"),
    ("file of 800", "src/base/a.c", "\n" * 800, None),
    ("file of 801", "src/base/a.c", "\n" * 801, "801: file of 801 lines; at most 800"),
    ("tests of 800", "tests/e2e/test_a.py", "#\n" * 800, None),
    ("tests of 801", "tests/e2e/test_a.py", "#\n" * 801, "801: file of 801 lines; at most 800"),
    ("99 columns", "src/base/a.c", "\t" + "x" * 91 + "\n", None),
    ("100 columns", "src/base/a.c", "\t" + "x" * 92 + "\n", "1: line of 100 columns"),
    ("condition around functions", "src/base/a.c", "#if A\n" + GOOD + "#endif\n", None),
    ("condition inside", "src/base/a.c", "void f(void)\n{\n#ifdef A\n\tg();\n#endif\n}\n",
     "3: conditional compilation inside a function"),
    ("typedef", "src/base/a.h", "typedef struct a {\n\tint b;\n} a;\n",
     "1: typedef for a struct"),
    ("unfinished", "src/base/a.c", "\n/* TO" "DO: later */\n", "2: left open in the text"),
    ("unfinished script", "packaging/a", "#!/bin/sh\n# FIX" "ME\n", "2: left open in the text"),
    ("map that allows more", "src/README.md", MAP.replace("| conf/ | | base |",
                                                           "| conf/ | | base ipc |"),
     "2: the map lets conf/ include ['base', 'ipc'], tests/lint/lint.py ['base']"),
    ("map without a folder", "src/README.md", MAP.replace("| admin/ | | base ipc | |\n", ""),
     "1: the map has no row for admin/"),
    ("map that agrees", "src/README.md", MAP, None),
    ("newer constant", "src/supervisor/a.c", "int a = CAPNG_SELECT_ALL;\n",
     "1: CAPNG_SELECT_ALL is newer than libcap-ng 0.7.9 of Ubuntu 22.04"),
    ("newer header", "tests/unit/a.c", "#include <sys/pidfd.h>\n",
     "1: sys/pidfd.h is newer than glibc 2.35"),
    ("a longer name", "src/vrrp/a.c", "int IFA_PROTO_ATTRIBUTE; /* for IFA_PROTO */\n", None),
    ("blanks at the end", "src/base/a.c", "int a; \n", "1: blanks at the end of the line"),
]


def run_case(path, text):
    with tempfile.TemporaryDirectory() as root:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full))
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        return [line for _, _, line in lint.lint(root).lines]


def judge(path, text, expected):
    found = run_case(path, text)
    if expected is None:
        return None if not found else f"found {found}, expected nothing"
    if len(found) == 1 and found[0].startswith(f"{path}:{expected}"):
        return None
    return f"found {found}, expected {path}:{expected}"


SYMBOLS = """\
liba.so.1 liba1 #MINVER#
* Build-Depends-Package: liba-dev
 old@Base 1.2
 new@Base 1.10
liba-extra.so.1 liba1 #MINVER#
 other@A_2 2.0
"""
# name, libraries of a program, symbols that it wants, expected beginnings of the faults
WANTED = [
    ("old enough", ["liba.so.1"], ["old@Base", "unknown@Base"], []),
    ("too new", ["liba.so.1"], ["old@Base", "new@Base"], ["new() came with liba1 1.10"]),
    ("another library's", ["liba.so.1"], ["other@A_2"], []),
    ("of the second library", ["liba.so.1", "liba-extra.so.1"], ["other@A_2"],
     ["other() came with liba1 2.0"]),
    ("library without a row", ["libb.so.1"], [], ["libb.so.1 has no row"]),
    ("the compiler's", ["libasan.so.8"], [], []),
]


def judge_wanted(libraries, wanted, expected):
    rows = {name: ("liba1", "1.9") for name in ("liba.so.1", "liba-extra.so.1")}
    found = list(oldest.faults(libraries, wanted, rows=rows,
                               tell=lambda _: oldest.read_symbols(SYMBOLS.splitlines())))
    alike = len(found) == len(expected) and all(map(str.startswith, found, expected))
    return None if alike else f"found {found}, expected {expected}"


def all_faults():
    for name, path, text, expected in CASES:
        yield name, judge(path, text, expected)
    if shutil.which("dpkg"):
        for name, libraries, wanted, expected in WANTED:
            yield name, judge_wanted(libraries, wanted, expected)


def main():
    passed = failed = 0
    for name, fault in all_faults():
        passed += not fault
        if fault:
            failed += 1
            print(f"{name}: {fault}")
    skipped = len(CASES) + len(WANTED) - passed - failed
    if skipped:
        print("skipped what a program may want: dpkg, which compares versions, is not here")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
