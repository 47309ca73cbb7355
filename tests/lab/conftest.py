"""`lab` is a segment of its own with its watch, on which a test raises pairs. Tests marked
`waiting` spend their time in waiting: they are played side by side from the start, and their
results collected one by one. All others, which measure milliseconds, come when those are over,
and have the machine for themselves."""
import concurrent.futures
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["PATH"] += ":/usr/sbin:/sbin"

import pair  # noqa: E402
import segment  # noqa: E402
import watch  # noqa: E402


SIDE_BY_SIDE = 8


def missing_programs(*names):
    gone = [name for name in names if not shutil.which(name)]
    return f"not installed: {', '.join(gone)}" if gone else None


def pytest_collection_modifyitems(items):
    reasons = [segment.why_not() or missing_programs("nginx", "cc")]
    keepalived, tshark = pair.KeepalivedNode.why_not(), missing_programs("tshark")
    items.sort(key=lambda item: not item.get_closest_marker("waiting"))
    for item in items:
        why = reasons[0]
        if item.get_closest_marker("keepalived"):
            why = why or keepalived
        if item.get_closest_marker("tshark"):
            why = why or tshark
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_configure(config):
    for name in ("keepalived", "tshark"):
        config.addinivalue_line("markers", f"{name}: needs it")
    config.addinivalue_line("markers", "waiting: is played side by side with others")


def play(item, folder):
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    with Lab(folder) as made:
        try:
            item.obj(lab=made, **parameters)
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{made.there.words()}") from failed


def pytest_runtestloop(session):
    """Before the first test: those that wait begin."""
    if session.config.option.collectonly:
        return
    folder = session.config._tmp_path_factory.mktemp("side-by-side")
    session.players = concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE)
    session.played = {
        item.nodeid: session.players.submit(play, item, folder / str(at))
        for at, item in enumerate(session.items)
        if item.get_closest_marker("waiting") and not item.get_closest_marker("skip")}


def pytest_pyfunc_call(pyfuncitem):
    played = pyfuncitem.session.played.get(pyfuncitem.nodeid)
    if played is None:
        return None
    played.result()
    return True


def pytest_sessionfinish(session):
    players = getattr(session, "players", None)
    if players:
        players.shutdown(cancel_futures=True)


@pytest.fixture
def lab(request, tmp_path):
    if request.node.get_closest_marker("waiting"):
        yield None  # play() made one
        return
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
        """A pair that is not started yet; the host app1 serves."""
        if not self.pairs:
            pair.start_origin(self.there)
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
