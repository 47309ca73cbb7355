"""Opens a new connection every 5 ms, whatever became of those before, and asks each for one
page. Every line on standard input ends a span; the answer is a line of what was seen in it:
    SILENCE ms without an answer at the longest, from one that came to the next that came
    BEGUN   visits
    FAILED  visits: refused, cut off, answered with an error, or not within 800 ms
    LATE    ms that the visitor itself was held up at the longest: the machine's part in SILENCE
A lost SYN is sent again after 1 s; as every visit is a connection of its own, that does not
blur the end of a silence.
    visitor.py ADDRESS PORT"""
import errno
import os
import select
import socket
import sys
import time

PACE = 0.005
PATIENCE = 0.8
STDIN = 0
ASKING = b"GET / HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n"


class Visit:
    def __init__(self, address):
        self.begun = time.monotonic()
        self.heard = b""
        self.asked = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.error = self.socket.connect_ex(address)

    def go_on(self):
        """True when it is over."""
        try:
            if not self.asked:
                self.socket.sendall(ASKING)
                self.asked = True
                return False
            part = self.socket.recv(65536)
        except OSError:
            self.heard = b""
            return True
        self.heard += part
        return not part

    def answered(self):
        return self.heard.startswith(b"HTTP/1.1 200 ")


class Visitor:
    def __init__(self, address):
        self.address = address
        self.visits = {}
        self.poll = select.epoll()
        self.poll.register(STDIN, select.EPOLLIN)
        self.due = self.last_answer = time.monotonic()
        self.forget()

    def forget(self):
        self.silence = self.late = 0.0
        self.begun = self.failed = 0

    def hear(self, now):
        self.silence = max(self.silence, now - self.last_answer)
        self.last_answer = now

    def begin(self):
        visit = Visit(self.address)
        self.begun += 1
        if visit.error not in (0, errno.EINPROGRESS):
            self.failed += 1
            visit.socket.close()
            return
        self.visits[visit.socket.fileno()] = visit
        self.poll.register(visit.socket, select.EPOLLOUT)

    def end(self, number):
        visit = self.visits.pop(number)
        self.poll.unregister(number)
        visit.socket.close()
        if visit.answered():
            self.hear(time.monotonic())
        else:
            self.failed += 1

    def begin_what_is_due(self):
        now = time.monotonic()
        if now < self.due:
            return
        self.late = max(self.late, now - self.due)
        self.begin()
        self.due = max(self.due + PACE, now)

    def end_what_takes_too_long(self):
        too_old = time.monotonic() - PATIENCE
        for number, visit in list(self.visits.items()):  # the oldest first
            if visit.begun > too_old:
                return
            visit.heard = b""
            self.end(number)

    def tell(self):
        silence = max(self.silence, time.monotonic() - self.last_answer)
        print(round(silence * 1000), self.begun, self.failed, round(self.late * 1000), flush=True)
        self.forget()

    def handle(self, number):
        """False when nobody asks any more."""
        if number == STDIN:
            lines = os.read(STDIN, 4096)
            if lines:
                self.tell()
            return bool(lines)
        visit = self.visits[number]
        if visit.go_on():
            self.end(number)
        else:
            self.poll.modify(number, select.EPOLLIN)
        return True

    def run(self):
        while True:
            for number, _ in self.poll.poll(max(self.due - time.monotonic(), 0)):
                if not self.handle(number):
                    return
            self.begin_what_is_due()
            self.end_what_takes_too_long()


def get_ahead():
    """The visitor's own lateness is none of what it measures."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        pass  # not everywhere allowed; LATE tells


get_ahead()
Visitor((sys.argv[1], int(sys.argv[2]))).run()
