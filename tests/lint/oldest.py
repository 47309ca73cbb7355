#!/usr/bin/env python3
"""The oldest libraries that hpcbal is built on are Ubuntu 22.04's. Whoever builds on a newer
system sees nothing of a function or a constant that is not there: what here is known of them says.

    oldest.py PROGRAM...     judges what programs want of their libraries by the packages'
                             .symbols files, which tell since which version each function is there

lint.py reads the sources for NEWER."""
import functools
import glob
import os
import re
import shutil
import subprocess
import sys

# library -> its package, and the version that its functions may have come with at the latest
OLDEST = {
    "libc.so.6": ("libc6", "2.35"),
    "libm.so.6": ("libc6", "2.35"),
    "libssl.so.3": ("libssl3", "3.0.2"),
    "libcrypto.so.3": ("libssl3", "3.0.2"),
    "libevent_core-2.1.so.7": ("libevent-core-2.1-7", "2.1.12-stable"),
    "libnghttp2.so.14": ("libnghttp2-14", "1.43.0"),
    "libpcre2-8.so.0": ("libpcre2-8-0", "10.39"),
    "libseccomp.so.2": ("libseccomp2", "2.5.3"),
    "libcap-ng.so.0": ("libcap-ng0", "0.7.9"),
    "libnl-3.so.200": ("libnl-3-200", "3.5.0"),
    "libnl-route-3.so.200": ("libnl-route-3-200", "3.5.0"),
    "libncursesw.so.6": ("libncursesw6", "6.3"),
    "libtinfo.so.6": ("libtinfo6", "6.3"),
    # 2.13 in truth: to the .symbols file of 2.14 all its functions are new.
    "libjansson.so.4": ("libjansson4", "2.14"),
    # The same in both, and without a .symbols file.
    "libconfig.so.9": None,
}
# Those of the compiler, and of libcheck.
NOT_JUDGED = re.compile(r"lib(?:asan|ubsan|tsan|lsan|gcc_s|stdc\+\+|subunit)\.so")

# what Ubuntu 22.04 has -> names that came later and Debian 12 has; functions only of the
# libraries that tell no versions
NEWER = {
    "libcap-ng 0.7.9": """CAPNG_AMBIENT CAPNG_CLEAR_AMBIENT CAPNG_SELECT_ALL CAPNG_SELECT_AMBIENT
        CAPNG_SUPPORTS_AMBIENT CAPNG_UNSET_ROOTID""",
    "nghttp2 1.43": """NGHTTP2_EXTPRI_DEFAULT_URGENCY NGHTTP2_EXTPRI_URGENCY_HIGH
        NGHTTP2_EXTPRI_URGENCY_LEVELS NGHTTP2_EXTPRI_URGENCY_LOW NGHTTP2_PRIORITY_UPDATE
        NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES nghttp2_extpri nghttp2_ext_priority_update""",
    "jansson 2.13": """json_object_deln json_object_getn json_object_iter_key_len
        json_object_keylen_foreach json_object_keylen_foreach_safe json_object_setn
        json_object_setn_new json_object_setn_new_nocheck json_object_setn_nocheck""",
    "glibc 2.35": "sys/pidfd.h",
    "the headers of Linux 5.15": """IFA_PROTO IFAPROT_KERNEL_LL IFAPROT_KERNEL_LO IFAPROT_KERNEL_RA
        IFAPROT_UNSPEC IFLA_ALLMULTI IFLA_GRO_MAX_SIZE IFLA_TSO_MAX_SEGS IFLA_TSO_MAX_SIZE
        NLMSGERR_ATTR_MISS_NEST NLMSGERR_ATTR_MISS_TYPE NLM_F_BULK SO_RCVMARK SO_RESERVE_MEM
        SO_TXREHASH""",
}
NEWER = {name: had for had, names in NEWER.items() for name in names.split()}
NEWER_NAME = re.compile(r"(?<![\w/])(?:%s)(?!\w)" % "|".join(map(re.escape, NEWER)))

SYMBOLS = "/var/lib/dpkg/info"


@functools.lru_cache(None)
def is_later(version, than):
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than],
                          check=False).returncode == 0


def read_symbols(lines):
    """A .symbols file as library -> {"name@VERSION": since}."""
    found, one = {}, {}
    for line in lines:
        words = line.split()
        if line[:1] == " ":
            one[words[0]] = words[1]
        elif words and line[0] not in "|*#":
            one = found.setdefault(words[0], {})
    return found


@functools.lru_cache(None)
def symbols_of(package):
    """Empty when this machine has none. Newer systems have a t64 behind some packages' names."""
    found = {}
    for end in (".symbols", ":*.symbols", "t64.symbols", "t64:*.symbols"):
        for path in glob.glob(f"{SYMBOLS}/{package}{end}"):
            with open(path, encoding="utf-8") as f:
                found.update(read_symbols(f))
    return found


def said_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True,
                          env=dict(os.environ, LC_ALL="C")).stdout


def faults(libraries, wanted, rows=None, tell=symbols_of):
    """What of `wanted` ("name@VERSION") is newer than it may be."""
    rows = rows or OLDEST
    for library in libraries:
        if library not in rows and not NOT_JUDGED.match(library):
            yield f"{library} has no row in OLDEST of tests/lint/oldest.py; give it one"
        if not rows.get(library):
            continue
        package, newest = rows[library]
        since = tell(package).get(library, {})
        for symbol in wanted:
            if symbol in since and is_later(since[symbol], newest):
                yield (f"{symbol.partition('@')[0]}() came with {package} {since[symbol]}; "
                       f"Ubuntu 22.04 has {newest}")


def libraries_of(program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", said_by("readelf", "-d", program))


def judge(program):
    wanted = []
    for line in said_by("nm", "-D", "--undefined-only", program).splitlines():
        kind, symbol = line.split()[-2:]
        if kind == "U":
            wanted.append(symbol if "@" in symbol else symbol + "@Base")
    return list(faults(libraries_of(program), wanted))


def unknown(programs):
    """Libraries that have a row, of which this machine cannot tell."""
    needed = {library for program in programs for library in libraries_of(program)}
    return sorted(library for library in needed
                  if OLDEST.get(library) and not symbols_of(OLDEST[library][0]).get(library))


def main():
    missing = [name for name in ("dpkg", "nm", "readelf") if not shutil.which(name)]
    if missing or not symbols_of("libc6"):
        print("skipped the oldest libraries: " + (f"not installed: {', '.join(missing)}" if missing
                                                  else f"no .symbols files in {SYMBOLS}"))
        print("0 passed, 0 failed, 1 skipped")
        return 0
    failed, silent = 0, unknown(sys.argv[1:])
    for library in silent:
        print(f"skipped {library}: no .symbols file of {OLDEST[library][0]} tells of it")
    for program in sys.argv[1:]:
        found = judge(program)
        failed += bool(found)
        for fault in found:
            print(f"{program}: {fault}")
    print(f"{len(sys.argv) - 1 - failed} passed, {failed} failed, {len(silent)} skipped")
    return 1 if failed or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
