"""Fixtures: `lab` is a segment of its own with its watch and its origin; `pairs` raises pairs
on it."""
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["PATH"] += ":/usr/sbin:/sbin"

import pair  # noqa: E402
import segment  # noqa: E402
import watch  # noqa: E402


def missing_programs(*names):
    gone = [name for name in names if not shutil.which(name)]
    return f"not installed: {', '.join(gone)}" if gone else None


def why_no_vrrp(folder):
    """Why this build of hpcbal cannot be tried here, or None."""
    try:
        program = pair.HpcbalNode.program("hpcbald")
    except RuntimeError as why:
        return str(why)
    path = pair.write(f"{folder}/try.conf", pair.HpcbalNode.config_of("lb1", folder, pair.FAST))
    done = subprocess.run([program, "--check", "-f", path], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if "does not move" in done.stdout + done.stderr:
        return "this build of hpcbal does not move addresses"
    return None


def pytest_collection_modifyitems(items):
    reasons = [segment.why_not() or missing_programs("nginx", "cc")]
    keepalived, tshark = pair.KeepalivedNode.why_not(), missing_programs("tshark")
    with tempfile.TemporaryDirectory() as folder:
        vrrp = why_no_vrrp(folder)
    for item in items:
        why = reasons[0]
        if item.get_closest_marker("keepalived"):
            why = why or keepalived
        if item.get_closest_marker("tshark"):
            why = why or tshark
        if item.get_closest_marker("hpcbal"):
            why = why or vrrp
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_configure(config):
    for name in ("keepalived", "hpcbal", "tshark"):
        config.addinivalue_line("markers", f"{name}: needs it")


@pytest.fixture
def lab(tmp_path):
    with Lab(tmp_path / "lab") as made:
        yield made


class Lab:
    """A segment, its watch, and pairs on it that end with it."""

    def __init__(self, folder):
        self.there = segment.Segment(folder)
        self.watch, self.pairs = None, []
        try:
            self.watch = watch.Watch(self.there)
        except BaseException:
            self.there.close()
            raise

    def pair(self, settings, *kinds):
        self.pairs.append(pair.Pair(self.there, self.watch, settings, kinds))
        return self.pairs[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            for one in self.pairs:
                one.close()
        finally:
            self.watch.close()
            self.there.close()
