"""A terminal that a test reads and types into: a pty, and pyte as what shows it."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

import pyte

import wire


class Terminal:
    """`kind` is what TERM says; pyte understands all that ncurses does for "linux"."""

    def __init__(self, words, columns=100, lines=30, kind="linux", controlling=True, **environment):
        self.master, self.slave = pty.openpty()
        self.raw = b""
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            words, stdin=self.slave, stdout=self.slave, stderr=self.slave, close_fds=True,
            env=dict(os.environ, TERM=kind, LC_ALL="C.UTF-8", **environment),
            start_new_session=True, preexec_fn=self.take if controlling else None)

    @staticmethod
    def take():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self):
        """Takes what has come, and waits a moment for it."""
        while select.select([self.master], [], [], 0.02)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.raw += data
            self.stream.feed(data)

    def lines(self):
        self.read()
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def wait(self, pattern, absent=False):
        """For a pattern on the screen, or for its going."""
        seen = re.compile(pattern, re.M)
        try:
            return wire.wait_for(
                lambda: not seen.search(self.text()) if absent else seen.search(self.text()),
                f"{pattern!r} {'not ' if absent else ''}on the screen")
        except AssertionError as fault:
            raise AssertionError(f"{fault}\n{self.text()}") from None

    def color_of(self, word):
        """How the first place of a word on the screen is drawn."""
        for at, line in enumerate(self.lines()):
            if word in line:
                return self.screen.buffer[at][line.index(word)].fg
        raise AssertionError(f"{word!r} is not in:\n{self.text()}")

    def wait_end(self):
        """Its exit status; what it wrote last is on the screen."""
        def ended():
            self.read()
            return self.process.poll() is not None
        wire.wait_for(ended, "the program to end")
        self.read()
        return self.process.returncode

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before and not self.screen.cursor.hidden

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd is not None:
                os.close(fd)
