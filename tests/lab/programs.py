"""Programs that a balancer runs as a user without rights, and what they saw. What they shall do
stands in files, so that a test decides it from one run to the next."""
import os
import shutil
import tempfile

import segment

SCRIPT = """\
#!/bin/sh
cd "{folder}" || exit 9
if ! [ -e facts ]; then
    {{ id -u; id -G; echo "$#"; tr '\\0' ' ' </proc/$$/environ; echo
      ls /proc/self/fd | tr '\\n' ' '; echo
      sed -n 's/^\\(Cap...\\|NoNewPrivs\\):/\\1/p' /proc/self/status | tr '\\n' ' '; }} >facts.new
    mv facts.new facts
fi
if [ -s plan ]; then
    read -r what <plan
    tail -n +2 plan >rest
    mv rest plan
else
    read -r what <now
fi
echo "$what" >>runs
if [ "$what" = hang ]; then
    sleep 1000 &
    echo $! >>left
    sleep 1000
fi
exit "$what"
"""

# It waits for as long as there is a file "wait".
NOTIFY = """\
#!/bin/sh
cd "{folder}" || exit 9
echo "$*" >>begun
while [ -e wait ]; do sleep 0.05; done
echo "$*" >>runs
"""


class Program:
    def __init__(self, folder, name, text):
        self.path = os.path.join(folder, name)
        self.folder = self.path + ".d"
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self._write(self.path, text.format(folder=self.folder), 0o755)
        self.say("0")

    @staticmethod
    def _write(path, text, mode=0o666):
        with open(path + ".test", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".test", mode)
        os.rename(path + ".test", path)

    def file(self, name):
        return os.path.join(self.folder, name)

    def lines(self, name="runs"):
        if not os.path.exists(self.file(name)):
            return []
        with open(self.file(name), encoding="utf-8") as f:
            return f.read().splitlines()

    def say(self, what):
        """From now on each run exits with this, or hangs."""
        self._write(self.file("now"), what + "\n")

    def play(self, *plan):
        """The next runs go like this; returns when they, and one more, are over."""
        self._write(self.file("plan"), "\n".join(plan) + "\n")
        segment.wait_for(lambda: not os.path.getsize(self.file("plan")), "the plan to be played")
        self.wait_runs(2)

    def wait_runs(self, more):
        """A run that begins proves that the one before it was judged."""
        until = len(self.lines()) + more
        segment.wait_for(lambda: len(self.lines()) >= until, f"{self.path} to run again")


class Programs:
    """A folder that everybody may look into, since those who run them may not into a test's."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hpcbal-lab-programs.")
        os.chmod(self.folder, 0o755)

    def script(self, name):
        return Program(self.folder, name, SCRIPT)

    def notify(self, name):
        return Program(self.folder, name, NOTIFY)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def runs(pid):
    """Is there such a process, and is it more than a dead one that nobody asked for?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
