"""hpcbald, haproxy and nginx in front of origins that record every byte, and the play of a case
through all of them at once. One thread; nothing here waits for a time but to give up."""
import collections
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import daemon
import wire
from odd_answers import SAW, Answer, plain_answer
from oracle import OF_SERVERS
from reading import STRICT, Incomplete, Refused

# Beyond this nothing is expected any more: a proxy hangs. Its own timeouts are far shorter.
LIMIT = 20.0 * wire.SLOWDOWN
READY = 10.0 * wire.SLOWDOWN
# How long a polite client, that waits for an answer, waits in vain before it goes on.
POLITE = 0.2
QUIET = 0.004
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CANARY = b"/canary/%d"
HELD_BY_ADMIN = (b"/admin", b"secret.example")

HPCBAL = """\
node = "differential";
proxy: {{ threads = 1; }};
timeouts: {{ connect = "2s"; client = "2s"; server = "1s"; request = "2s"; keep_alive = "2s";
            tunnel = "1s"; fin = "1s"; }};
log: {{ target = "file:{folder}/log.fifo"; format = "json"; }};
control: {{ socket = "{folder}/control.sock"; }};
frontends = ( {{ name = "front"; bind = ( "127.0.0.1:{port}" ); {more}
  routes = ( {{ when = "path_beg /admin"; backend = "admin"; }},
             {{ when = "host secret.example"; backend = "admin"; }} );
  default_backend = "main"; }} );
backends = (
  {{ name = "main"; servers = ( {{ name = "m"; address = "127.0.0.1:{main}"; }} ); }},
  {{ name = "admin"; servers = ( {{ name = "a"; address = "127.0.0.1:{admin}"; }} ); }} );
"""
HAPROXY = """\
global
  nbthread 1
  maxconn 500
  no log
defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 500ms
  timeout http-request 2s
  timeout http-keep-alive 2s
  timeout tunnel 1s
  option forwardfor
frontend front
  bind 127.0.0.1:{port}
  use_backend admin if {{ path_beg /admin }} or {{ hdr(host) -i secret.example }}
  default_backend main
backend main
  server m 127.0.0.1:{main}
backend admin
  server a 127.0.0.1:{admin}
"""
NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 500; }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s; send_timeout 2s;
client_max_body_size 0; large_client_header_buffers 4 16k; proxy_ignore_client_abort on;
proxy_request_buffering off; proxy_buffering off;
proxy_read_timeout 500ms; proxy_send_timeout 500ms;
proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $remote_addr;
server {{ listen 127.0.0.1:{port} default_server;
  location / {{ proxy_pass http://127.0.0.1:{main}; }}
  location /admin {{ proxy_pass http://127.0.0.1:{admin}; }} }}
server {{ listen 127.0.0.1:{port}; server_name secret.example;
  location / {{ proxy_pass http://127.0.0.1:{admin}; }} }} }}
"""


def missing():
    """The programs that are not there; hpcbald has to be."""
    return [name for name in ("haproxy", "nginx")
            if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]


# --- sockets ---

class Loop:
    """Whose socket is ready is called."""

    def __init__(self):
        self.epoll = select.epoll()
        self.callbacks = {}

    def watch(self, sock, callback, events=select.EPOLLIN):
        self.callbacks[sock.fileno()] = callback
        self.epoll.register(sock.fileno(), events)

    def change(self, sock, events):
        self.epoll.modify(sock.fileno(), events)

    def forget(self, sock):
        self.callbacks.pop(sock.fileno(), None)
        try:
            self.epoll.unregister(sock.fileno())
        except (OSError, ValueError):
            pass

    def turn(self, seconds):
        """False when nothing was ready."""
        ready = self.epoll.poll(seconds)
        for fd, events in ready:
            callback = self.callbacks.get(fd)
            if callback:
                callback(events)
        return bool(ready)


class Endpoint:
    """A socket with a queue of what is still to be sent."""

    def __init__(self, loop, sock):
        self.loop, self.sock = loop, sock
        self.received = bytearray()
        self.queue = collections.deque()
        self.ending = self.over = False
        self.end = ""  # eof, reset
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.watch(sock, self.ready)

    def send(self, *pieces):
        """Each piece in a segment of its own, as far as that is in our hands."""
        self.queue.extend(piece for piece in pieces if piece)
        self.flush()

    def finish(self):
        """Ends our side when all is sent."""
        self.ending = True
        self.flush()

    def flush(self):
        if self.over:
            return
        try:
            if self.queue:
                piece = self.queue[0]
                sent = self.sock.send(piece)
                if sent == len(piece):
                    self.queue.popleft()
                else:
                    self.queue[0] = piece[sent:]
            if self.ending and not self.queue:
                self.sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self.queue.clear()
            self.broken()
            return
        if self.end and self.ending and not self.queue:
            self.close()
            return
        self.loop.change(self.sock, self.events())

    def broken(self):
        """The other side takes nothing more; what it has said can still be read."""
        if self.end:
            self.close()

    def events(self):
        return (0 if self.end else select.EPOLLIN) | (select.EPOLLOUT if self.queue else 0)

    def ready(self, events):
        if events & select.EPOLLOUT:
            self.flush()
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            self.read()

    def read(self):
        while not self.over and not self.end:
            try:
                data = self.sock.recv(262144)
            except BlockingIOError:
                return
            except OSError:
                data, self.end = b"", "reset"
            if not data:
                self.end = self.end or "eof"
                self.on_end()
                return
            self.received += data
            self.on_data()

    def close(self):
        if not self.over:
            self.over = True
            self.loop.forget(self.sock)
            self.sock.close()

    def on_data(self):
        pass

    def on_end(self):
        self.close()


# --- the origin ---

class OriginConnection(Endpoint):
    """Records; answers each whole request as the play says."""

    def __init__(self, play, sock, admin):
        self.play, self.admin = play, admin
        self.at = 0            # behind the last whole request
        self.numbers = []      # of the requests read here
        self.answered = []     # for each request: the Answer as it was sent, or None
        self.tunnel_at = None  # bytes from here on are no HTTP
        self.early_bytes = b"" # came before the tunnel was open
        self.continued = False
        super().__init__(play.loop, sock)

    def on_data(self):
        while self.tunnel_at is None and not self.ending and self.at < len(self.received):
            data = bytes(self.received)
            try:
                message = STRICT.request(data, self.at)
                end = STRICT.body(data, message, False)
            except Refused:
                self.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                self.finish()
                return
            except Incomplete:
                self.look_at_part(data)
                return
            self.at = end
            self.answer(message)

    def look_at_part(self, data):
        """A head may be whole, and the answer not wait for its body."""
        try:
            message = STRICT.request(data, self.at)
        except (Incomplete, Refused):
            return
        if self.play.next_answer_is_early():
            message.complete = False
            try:
                STRICT.body(data, message, False)
            except (Incomplete, Refused):
                pass  # the body is filled as far as it goes
            self.at = len(data)
            self.answer(message)
            self.finish()
        elif message.all(b"expect") and not self.continued:
            self.continued = True
            self.send(CONTINUE)

    def answer(self, message):
        answer = self.play.answer_for(self, message)
        if b" 101 " in answer.data and self.opens_tunnel(answer, message):
            self.early_bytes = bytes(self.received[self.at:])
            self.tunnel_at = self.at
        if answer.split:
            self.send(answer.data[:answer.split], answer.data[answer.split:])
        else:
            self.send(answer.data)
        if self.continued:
            answer.data = CONTINUE + answer.data
        self.continued = False
        if answer.close:
            self.finish()

    @staticmethod
    def opens_tunnel(answer, message):
        at = 0
        while True:
            stream = OF_SERVERS.one_response(answer.data, at, message.method, True)
            if not stream.messages or stream.messages[0].status >= 200:
                return False
            if stream.messages[0].framing == "tunnel":
                return True
            at = stream.messages[0].end


class Listener:
    def __init__(self, loop, admin):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.sock.setblocking(False)
        self.port = self.sock.getsockname()[1]
        self.loop, self.admin = loop, admin
        self.play = None
        loop.watch(self.sock, self.accept)

    def accept(self, _=None):
        while True:
            try:
                sock, _ = self.sock.accept()
            except BlockingIOError:
                return
            if self.play:
                self.play.connections.append(OriginConnection(self.play, sock, self.admin))
            else:
                sock.close()

    def close(self):
        self.loop.forget(self.sock)
        self.sock.close()


# --- a play ---

class Client(Endpoint):
    def __init__(self, play, address, segments, polite):
        self.segments = collections.deque(segments)
        self.polite = polite
        self.quiet_since = 0
        self.heard = False
        super().__init__(play.loop, socket.create_connection(address))

    def on_end(self):
        """The other side has ended: what we have to say we say all the same."""
        if self.end == "reset" or self.ending or not (self.segments or self.queue):
            self.close()
        else:
            self.polite = False
            self.loop.change(self.sock, self.events())

    def step(self):
        """A segment a turn; the last one ends our side. True when there is more to do."""
        if self.over or self.queue or self.ending:
            return False
        if self.polite and not self.may_go_on():
            return True
        if self.segments:
            self.send(self.segments.popleft())
            self.heard, self.quiet_since = False, time.monotonic()
        if not self.segments and not self.polite:
            self.finish()
        return not self.ending

    def may_go_on(self):
        quiet = time.monotonic() - self.quiet_since
        if quiet < (QUIET if self.heard else POLITE):
            return False
        self.polite = bool(self.segments)
        return True

    def on_data(self):
        self.heard, self.quiet_since = True, time.monotonic()


class Play:
    """One case through one proxy; afterwards a canary, a sound request of another client, whose
    answer shows what the case has left behind."""

    def __init__(self, proxy, case, segments=None):
        self.loop, self.proxy, self.case = proxy.loop, proxy, case
        self.connections = []
        self.requests = []  # (connection, Message) in the order of their numbers
        self.answers_given = 0
        self.lines = []
        proxy.main.play = proxy.admin.play = self
        self.began = time.monotonic()
        self.client = Client(self, proxy.address, segments or case.segments(), case.polite)
        self.canary = None
        self.end = ""
        self.done = False

    def next_answer_is_early(self):
        return (self.answers_given < len(self.case.answers) and
                self.case.answers[self.answers_given].early)

    def answer_for(self, connection, message):
        """The next answer, and a record of what was asked."""
        number = len(self.requests)
        self.requests.append((connection, message))
        if message.target.startswith(b"/canary/") or self.answers_given >= len(self.case.answers):
            answer = plain_answer(number, message.method, message.target)
        else:
            planned = self.case.answers[self.answers_given]
            answer = Answer(planned.data.replace(SAW, b"%05d" % number), planned.close,
                            planned.early, planned.names, planned.split)
        self.answers_given += 1
        connection.numbers.append(number)
        connection.answered.append(answer)
        return answer

    def step(self):
        """True when there is something to do without an event."""
        busy = (self.canary or self.client).step()
        late = time.monotonic() - self.began > self.proxy.limit
        if not self.canary and (self.client.over or late):
            self.end = self.client.end if self.client.over else "hang"
            self.client.close()
            self.send_canary()
            return True
        elif self.canary and (self.canary.over or late):
            self.finish()
        return busy

    def send_canary(self):
        request = b"GET %s HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n" % (
            CANARY % self.case.number)
        self.began = time.monotonic()
        self.canary = Client(self, self.proxy.address, [request], False)

    def finish(self):
        self.done = True
        self.canary.close()
        for listener in (self.proxy.main, self.proxy.admin):
            listener.accept()
        for connection in self.connections:
            connection.read()
            connection.close()
        self.proxy.main.play = self.proxy.admin.play = None

    @property
    def received(self):
        return bytes(self.client.received)


# --- the proxies ---

class Proxy:
    """One of the three; its own two origins behind it."""
    name = ""
    limit = LIMIT
    more = ""  # settings
    strict = True  # refuses all that is unsound
    exact = True   # changes what the manual says, and nothing else

    def __init__(self, loop, folder):
        self.loop = loop
        self.folder = os.path.join(folder, self.name)
        os.makedirs(self.folder, exist_ok=True)
        self.main, self.admin = Listener(loop, False), Listener(loop, True)
        self.address = ("127.0.0.1", wire.free_port())

    def config(self, template):
        return template.format(folder=self.folder, port=self.address[1], main=self.main.port,
                               admin=self.admin.port, more=self.more)

    def stop(self):
        self.main.close()
        self.admin.close()


class Hpcbal(Proxy):
    name = "hpcbal"

    def __init__(self, loop, folder):
        super().__init__(loop, folder)
        fifo = os.path.join(self.folder, "log.fifo")
        os.mkfifo(fifo)
        os.chmod(fifo, 0o666)
        self.log = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.torn = b""
        self.lines = []
        self.daemon = daemon.Daemon(self.folder, config=self.config(HPCBAL),
                                    listen=self.address)
        self.daemon.start()

    def read_log(self):
        """New lines of the access log, as far as they have come."""
        while True:
            try:
                data = os.read(self.log, 65536)
            except BlockingIOError:
                break
            *whole, self.torn = (self.torn + data).split(b"\n")
            self.lines += [json.loads(line) for line in whole if line.startswith(b"{")]
        return self.lines

    def lines_of(self, number):
        """The lines of a case without its canary's, or None when that has not come yet."""
        mark = (CANARY % number).decode()
        for at, line in enumerate(self.read_log()):
            if line["target"] == mark:
                lines, self.lines = self.lines[:at], self.lines[at + 1:]
                return lines
        return None

    def check_alive(self):
        self.daemon.check_alive()

    def stop(self):
        try:
            self.daemon.stop()
        finally:
            os.close(self.log)
            super().stop()


class Relaxed(Hpcbal):
    """It takes more, and believes its clients; what it sends must be as sound as ever."""
    name = "relaxed"
    more = 'relax = ( "bare_lf" ); trusted_proxies = ( "127.0.0.0/8" );'
    strict = False


class Program(Proxy):
    """haproxy, nginx."""
    template = ""
    exact = False

    def __init__(self, loop, folder):
        super().__init__(loop, folder)
        path = os.path.join(self.folder, "conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.config(self.template))
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        with open(os.path.join(self.folder, "stderr"), "wb") as out:
            self.process = subprocess.Popen(self.command(path), stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, env=environment)
        self.wait_ready()

    def command(self, path):
        raise NotImplementedError

    def wait_ready(self):
        end = time.monotonic() + READY
        while True:
            try:
                socket.create_connection(self.address).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    with open(os.path.join(self.folder, "stderr"), encoding="utf-8",
                              errors="replace") as f:
                        raise AssertionError(f"{self.name} did not start: {f.read()[-2000:]}"
                                             ) from None
                time.sleep(0.02)

    def check_alive(self):
        assert self.process.poll() is None, f"{self.name} has ended"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(READY)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        super().stop()


class Haproxy(Program):
    name, template = "haproxy", HAPROXY

    def command(self, path):
        return ["haproxy", "-db", "-f", path]


class Nginx(Program):
    name, template = "nginx", NGINX

    def command(self, path):
        return ["nginx", "-p", self.folder, "-c", path]


PROXIES = {proxy.name: proxy for proxy in (Hpcbal, Haproxy, Nginx)}


class Rig:
    """Starts proxies by class; plays cases through all of them side by side."""

    def __init__(self, folder, kinds):
        self.loop = Loop()
        self.proxies = []
        try:
            for kind in kinds:
                self.proxies.append(kind(self.loop, str(folder)))
        except BaseException:
            self.stop()
            raise

    def play(self, case, segments=None, only=None):
        """Name of the proxy -> Play."""
        plays = [Play(proxy, case, segments) for proxy in self.proxies
                 if only is None or proxy.name in only]
        left = list(plays)
        while left:
            busy = [play.step() for play in left]
            left = [play for play in left if not play.done]
            if left:
                self.loop.turn(0.001 if any(busy) else 0.05)
        return {play.proxy.name: play for play in plays}

    def stop(self):
        for proxy in self.proxies:
            proxy.stop()


OWN_PAGE = re.compile(
    rb'(?:<!DOCTYPE html>\n<html lang="en">\n[^\0]*<title>[45][0-9][0-9] [A-Za-z ()\-]+</title>\n'
    rb'[^\0]*\n<p><small>Request ID: [!-~]+</small></p>\n</body>\n</html>\n'
    rb'|{"status":[45][0-9][0-9],"title":"[^"]+","detail":"[^"]+","reason":"\w+",'
    rb'"request_id":"[!-~]+"}\n)\Z')


def own_answer(body):
    """Whether a body is one of hpcbal's own answers, the page of an error."""
    return OWN_PAGE.match(body) is not None
