"""Headless Chromium, told what to do over its debugging protocol: a page is looked at in any
size and color scheme, asked, and photographed; what it fetched and complained of is kept."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

import pytest

import wire


def is_snap(path):
    """Ubuntu's: it sees neither our folders nor a profile in them."""
    with open(path, "rb") as f:
        return os.path.basename(os.path.realpath(path)) == "snap" or b"/snap/" in f.read(4096)


PROGRAM = next((path for path in map(shutil.which, ("chromium", "chromium-browser"))
                if path and not is_snap(path)), None)
is_there = pytest.mark.skipif(not PROGRAM, reason="no Chromium that is not a snap "
                                                  "(packaging/dependencies install browser)")
# It starts slowly on a machine that has other things to do.
PATIENCE = 60 * wire.SLOWDOWN


def high(fd):
    """The same file at a number that is in nobody's way."""
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(fd)
    return copy


class Browser:
    def __init__(self, folder):
        its_in, self.out = map(high, os.pipe())
        self.into, its_out = map(high, os.pipe())

        def become():  # it reads at 3 and writes at 4
            os.dup2(its_in, 3)
            os.dup2(its_out, 4)
        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--hide-scrollbars", "--remote-debugging-pipe",
             f"--user-data-dir={folder}/profile", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=str(folder)), preexec_fn=become, pass_fds=(3, 4))
        os.close(its_in)
        os.close(its_out)
        self.text, self.last, self.session = b"", 0, None
        self.fetched, self.complaints = [], []
        page = wire.wait_for(self.find_page, "Chromium's page", PATIENCE)
        self.session = self.call("Target.attachToTarget", targetId=page,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def find_page(self):
        found = self.call("Target.getTargets")["targetInfos"]
        return next((t["targetId"] for t in found if t["type"] == "page"), None)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)

    # --- the protocol: JSON, each message with a zero byte behind it ---

    def read(self, end):
        while b"\0" not in self.text:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.into], [], [], left)[0]:
                raise AssertionError("Chromium does not answer")
            more = os.read(self.into, 1 << 20)
            if not more:
                raise AssertionError("Chromium has ended")
            self.text += more
        one, _, self.text = self.text.partition(b"\0")
        return json.loads(one)

    def note(self, message):
        method, about = message.get("method"), message.get("params")
        if method == "Network.requestWillBeSent":
            self.fetched.append(about["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(about["exceptionDetails"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f'{about["entry"]["text"]} {about["entry"].get("url", "")}')
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(about["args"]))

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.read(end)
            if answer.get("id") == self.last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.note(answer)

    # --- what a test says ---

    def look(self, width, height, dark=False, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def go(self, url):
        self.call("Page.navigate", url=url)

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression, what):
        return wire.wait_for(lambda: self.ask(expression), what, PATIENCE)

    def point(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def photograph(self, path, whole=True):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))
        return path
