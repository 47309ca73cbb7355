"""A small proxy of our own in hpcbal's place: right by default, and with one fault of FAULTS that
the judges have to find. It waits for whole messages, and lives in the rig's own thread."""
import collections
import re
import select
import socket

import oracle
import rig
from reading import STRICT, Incomplete, Reader, Refused

# Fault -> the classes of findings of which one has to appear, and the oddities of the cases in
# which it can show; none: any case.
READINGS = ("request readings", "request malformed")
ANSWER_READINGS = ("answer readings", "answer malformed")
FAULTS = {
    "length and coding": (READINGS, ["length_and_coding"]),
    "several lengths": (READINGS, ["second_length"]),
    "bare LF": (READINGS, ["all_bare_lf", "odd_field_end", "odd_line_end"]),
    "folded lines": (READINGS, ["folded"]),
    "space before the colon": (READINGS, ["odd_colon"]),
    "NUL in a value": (READINGS, ["odd_value"]),
    "lax chunk sizes": (READINGS, ["odd_chunk_size"]),
    "underscores": (["request readings"], ["underscores", "gaps"]),
    "names in another reader's way": (["request differs"], []),
    "forged fields": (["request differs"], ["forged"]),
    "fields of this hop": (["request differs"], ["odd_connection"]),
    "trailers into the head": (["request differs"], ["trailers", "many_trailers"]),
    "a byte of a body lost": (["request differs"], []),
    "a cut body made whole": (["request unsound"], ["cut"]),
    "an unsound request taken": (["request unsound"], ["no_host"]),
    "early bytes of a tunnel": (["request unsound"], ["switch"]),
    "sound requests refused": (["request refused"], []),
    "what is refused goes on": (["request differs", "request unsound"], ["odd_expect"]),
    "refused in its own way": (["answer differs"], ["odd_expect"]),
    "requests dropped": (["request lost"], []),
    "paths as they came": (["condition passed by"], ["odd_target", "mixed_target"]),
    "hosts as they came": (["condition passed by"], ["odd_host"]),
    "length and coding in answers": (ANSWER_READINGS, ["answer length_and_coding"]),
    "body where none can be": (ANSWER_READINGS, ["answer stray_body"]),
    "folded lines in answers": (["answer unsound"], ["answer folded"]),
    "a byte of an answer lost": (["answer differs"], []),
    "interim answers dropped": (["answer differs"], ["answer interim"]),
    "fields of an answer's hop": (["answer differs"], ["answer odd_connection"]),
    "a cut answer made whole": (["answer unsound"], ["answer cut"]),
    "an answer that is none": (["answer unsound"], ["answer odd_version", "answer odd_status"]),
    "a switch that does not match": (["answer unsound"], ["answer switch"]),
    "odd names of trailers dropped": (["answer differs"], ["answer trailers"]),
    "the answer before": (["answer to another"], []),
    "bytes behind an answer kept": (["left behind", "answer to another"], ["answer behind"]),
    "no log line": (["log"], []),
    "another status in the log": (["log"], []),
    "another target in the log": (["log"], []),
    "silence": (["hang"], []),
    "segments decide": (["split"], []),
}
RAW_HEADS = {"bare LF": Reader("", line_end="lf"), "folded lines": Reader("", fold="join"),
             "space before the colon": Reader("", names="strip"),
             "NUL in a value": Reader("", control="keep"),
             "several lengths": Reader("", lengths="first"),
             "length and coding": Reader("", both="te"),
             "lax chunk sizes": Reader("", chunk_size="int")}
ANSWERS = {"folded lines in answers": Reader("", both="te", lengths="equal", fold="join",
                                             coding_in_10="honour"),
           "an answer that is none": Reader("", both="te", lengths="equal", first_line="split",
                                            coding_in_10="honour")}
REFUSAL_PAGE = (b'<!DOCTYPE html>\n<html lang="en">\n<title>%d %s</title>\n<p>%s</p>\n'
                b"<p><small>Request ID: x</small></p>\n</body>\n</html>\n")
REFUSAL = (b"HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nDate: x\r\n"
           b"%sContent-Length: %d\r\n\r\n%s")


def chunked(body, trailers=()):
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return chunk + b"0\r\n" + lines(trailers) + b"\r\n"


def lines(fields):
    return b"".join(b"%s: %s\r\n" % field for field in fields)


class Side(rig.Endpoint):
    """Tells its exchange what happens."""

    def __init__(self, relay, sock, owner):
        self.owner = owner
        super().__init__(relay.loop, sock)

    def on_data(self):
        self.owner.progress()

    def on_end(self):
        """The other way may go on, but not after a reset, nor when both have ended."""
        if self.end == "reset" or self.ending:
            self.close()
        else:
            self.loop.change(self.sock, self.events())
        self.owner.progress()


class Session:
    """One client, its requests one after the other."""

    def __init__(self, relay, sock):
        self.relay = relay
        self.at = 0
        self.reads = 0
        self.busy = self.ended = self.inside = False
        self.server = None
        self.tunnel = False
        self.client = Side(relay, sock, self)

    @property
    def fault(self):
        return self.relay.fault

    # --- requests ---

    def progress(self):
        self.reads += 1
        if self.inside:
            return
        self.inside = True
        try:
            while self.go_on():
                pass
        finally:
            self.inside = False

    def go_on(self):
        """One step; False when nothing more can be done now."""
        if self.tunnel:
            self.pump_tunnel()
            return False
        if self.busy:
            return self.read_answer()
        if self.ended or self.at >= len(self.client.received):
            if self.client.over or self.client.end:
                self.close()
            return False
        return self.read_request()

    def reader(self):
        return RAW_HEADS.get(self.fault, STRICT)

    def read_request(self):
        data = bytes(self.client.received)
        try:
            message = self.reader().request(data, self.at)
            message.end = len(data)
            try:
                message.end = self.reader().body(data, message, False)
            except Incomplete:
                if not self.client.end:
                    raise
                message.complete = False
            self.wanted = oracle.judge_head(message, data)
        except Incomplete:
            if not self.client.end:
                return False
            self.log(None, None, "CLIENT_ABORT_HEAD", None, None)
            self.close()
            return False
        except Refused as why:
            return self.refuse(str(why), data)
        if self.fault == "sound requests refused" and message.method == b"PUT":
            return self.refuse("PUT", data)
        if self.fault == "segments decide" and self.reads > 3:
            return self.refuse("segments", data)
        self.message, self.raw = message, data[self.at:message.end]
        self.at = message.end
        if not message.complete and self.fault != "a cut body made whole":
            self.log(message, None, "CLIENT_ABORT_BODY", None, None)
            self.close()
            return False
        if self.wanted.own and self.fault != "what is refused goes on":
            self.answer_alone(message)
            return not self.ended
        if self.fault == "requests dropped" and self.relay.count % 3 == 2:
            self.close()
            return False
        self.send_request()
        return True

    def refuse(self, why, data):
        message = re.match(rb"(?:\r\n)*(HEAD) ", data[self.at:self.at + 30])
        if self.fault == "an unsound request taken" and why == "no Host":
            self.wanted = oracle.Wanted(b"GET", b"/r0", b"a.example")
            self.message = STRICT.request(data, self.at)
            self.raw = data[self.at:]
            self.at = len(data)
            self.send_request()
            return True
        self.own_answer(400, b"Bad Request", why, b"HEAD" if message else b"", True)
        self.log(None, 400, "REQ_X", None, None)
        return False

    def answer_alone(self, message):
        """What goes no further."""
        status = 400 if self.fault == "refused in its own way" else self.wanted.own
        self.own_answer(status, b"Own", "x", message.method, self.wanted.last)
        self.log(message, status, "REQ_X", None, None)

    def own_answer(self, status, phrase, why, method, last):
        body = REFUSAL_PAGE % (status, phrase, why.encode())
        self.client.send(REFUSAL % (status, phrase, b"Connection: close\r\n" if last else b"",
                                    len(body), b"" if method == b"HEAD" else body))
        if last:
            self.close()

    def is_admin(self):
        path, host = rig.HELD_BY_ADMIN
        if self.fault == "paths as they came":
            return self.message.target.startswith(path) or self.wanted.host == host
        target = self.wanted.target.split(b"?")[0]
        plain = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), target)
        plain = re.sub(rb"/+", b"/", plain.replace(b"\\", b"/"))
        name = re.sub(rb":[0-9]*\Z", b"", self.wanted.host).lower()
        if self.fault != "hosts as they came":
            name = name.rstrip(b".") or name
        return plain.startswith(path) or name == host

    def request_bytes(self):
        wanted, message = self.wanted, self.message
        target = message.target if self.fault == "paths as they came" else wanted.target
        fields = list(wanted.fields)
        body, head_trailers = wanted.body, []
        if self.fault == "underscores":
            fields += [f for f in message.fields if b"_" in f[0]]
        if self.fault == "names in another reader's way":
            fields = [(n.replace(b"x-", b"y-"), v) for n, v in fields]
        if self.fault == "forged fields":
            fields += [f for f in message.fields if f[0] == b"x-real-ip"]
        if self.fault == "fields of this hop":
            fields += [f for f in message.fields if f[0] in oracle.named(message.fields)]
        if self.fault == "trailers into the head":
            head_trailers = wanted.trailers
        if self.fault == "a byte of a body lost" and len(body) > 20:
            body = body[:-1]
        head = b"%s %s HTTP/1.1\r\nHost: %s\r\n" % (wanted.method, target,
                                                    wanted.host or b"127.0.0.1")
        if wanted.upgrade:
            head += b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        if message.framing == "chunked":
            framing, body = b"Transfer-Encoding: chunked\r\n", chunked(body, wanted.trailers)
        else:
            framing = b"Content-Length: %d\r\n" % len(body) if message.framing == "length" else b""
        told = b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
        if wanted.host:
            told += b"X-Forwarded-Host: %s\r\n" % wanted.host
        return head + lines(fields + head_trailers) + framing + told + b"\r\n" + body

    def send_request(self):
        self.busy = True
        admin = self.is_admin()
        self.relay.count += 1
        self.server = self.relay.connect(admin, self)
        self.admin = admin
        self.answer_at = len(self.server.received)
        if self.fault == "bytes behind an answer kept":
            self.answer_at = self.server.read_to
        self.interim = []
        raw = self.fault in RAW_HEADS and self.raw_is_odd()
        self.server.send(self.raw if raw else self.request_bytes())
        if self.fault == "early bytes of a tunnel" and self.wanted.upgrade:
            self.server.send(bytes(self.client.received[self.at:]))
            self.at = len(self.client.received)

    def raw_is_odd(self):
        """Only what is odd goes on as it came."""
        try:
            STRICT.body(self.raw, STRICT.request(self.raw, 0), False)
            return False
        except (Refused, Incomplete):
            return True

    # --- answers ---

    def read_answer(self):
        ended = bool(self.server.end)
        data = bytes(self.server.received)
        if self.fault == "silence" and self.relay.count % 5 == 4:
            return False
        if not data[self.answer_at:] and not ended:
            return False
        reply = self.reply_in(data, ended)
        if reply.fault in ("cut", "nothing") and not ended:
            return False
        self.pass_answer(reply)
        return True

    def reply_in(self, data, ended):
        """What is read of the answer."""
        reply = oracle.reply_of(data[self.answer_at:], self.message.method,
                                self.wanted.may_switch, ended)
        if reply.fault == "101" and self.fault == "a switch that does not match":
            return oracle.Reply([], oracle.OF_SERVERS.one_response(
                data[self.answer_at:], 0, self.message.method, ended).messages[0])
        if reply.fault and self.fault in ANSWERS:
            stream = ANSWERS[self.fault].responses(data[self.answer_at:], [self.message.method],
                                                   ended)
            if stream.messages and not stream.rest and stream.messages[-1].status >= 200:
                reply = oracle.Reply([], stream.messages[-1])
        return reply

    def pass_answer(self, reply):
        self.busy = False
        status, reason, final = 502, "RES_X", reply.final
        if final is not None and (not reply.fault or self.fault == "a cut answer made whole" and
                                  not final.complete):
            status, reason = final.status, "COMPLETE"
            self.send_answer(reply)
        elif final is not None and not final.complete and final.status >= 200:
            status, reason = final.status, "SERVER_CUT"
            self.send_interim(reply)
            self.client.send(self.answer_head(final, True) + final.body)
            self.close()
        else:
            last = self.wanted.last
            self.own_answer(502, b"Bad Gateway", "x", self.message.method, last)
        self.log(self.message, status, reason, "admin" if self.admin else "main", "s")
        if self.tunnel:
            self.pump_tunnel()
            return
        self.relay.give_back(self.server, self.admin, reply)
        if self.wanted.last:
            self.close()

    def answer_fields(self, final):
        fields = oracle.kept_fields(final.fields, request=False)
        if self.fault == "fields of an answer's hop":
            fields += [f for f in final.fields if f[0] in oracle.named(final.fields)]
        return fields

    def answer_head(self, final, cut=False):
        head = b"HTTP/1.1 %s %s\r\n" % final.first[1:] + lines(self.answer_fields(final))
        body = final.framing in ("chunked", "close")
        lengths = final.all(b"content-length")
        if final.status == 101:
            head += b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        elif cut:
            head += b"Content-Length: %d\r\n" % max(final.length, len(final.body) + 1)
        elif final.framing == "length":
            head += b"Content-Length: %d\r\n" % final.length
        elif body and self.wanted.old:
            head += b"Content-Length: %d\r\n" % len(final.body)
        elif body:
            head += b"Transfer-Encoding: chunked\r\n"
            if self.fault == "length and coding in answers" and lengths:
                head += b"Content-Length: %s\r\n" % lengths[0]
        elif lengths and final.status not in (204, 101) and not final.all(b"transfer-encoding"):
            head += b"Content-Length: %s\r\n" % lengths[0].split(b",")[0]
        if self.wanted.last and final.status != 101:
            head += b"Connection: close\r\n"
        return head + b"\r\n"

    def send_interim(self, reply):
        if self.wanted.old or self.fault == "interim answers dropped":
            return
        for message in reply.interim:
            self.client.send(b"HTTP/1.1 %s %s\r\n" % message.first[1:] +
                             lines(self.answer_fields(message)) + b"\r\n")

    def send_answer(self, reply):
        final = reply.final
        self.send_interim(reply)
        body = final.body
        if self.fault == "a byte of an answer lost" and len(body) > 20:
            body = body[:-1]
            final.length = max(0, final.length - 1)
        if self.fault == "a cut answer made whole":
            final.length = len(body)
        head = self.answer_head(final)
        if final.framing in ("chunked", "close") and not self.wanted.old:
            trailers = final.trailers if final.framing == "chunked" else []
            plain = self.fault == "odd names of trailers dropped"
            body = chunked(body, oracle.kept_trailers(trailers, final.fields, request=plain))
        if self.fault == "body where none can be" and final.status in (204, 304):
            body += reply.left
        whole = head + (b"" if final.status == 101 else body)
        if self.fault == "the answer before" and self.relay.count % 4 == 3 and self.relay.last:
            whole = self.relay.last
        if final.framing in ("length", "chunked"):
            self.relay.last = whole
        self.client.send(whole)
        if final.status == 101:
            self.tunnel = True
            self.tunnel_up = self.at
            self.tunnel_down = len(self.server.received) - len(final.body)

    def pump_tunnel(self):
        """Bytes both ways; each end is passed on."""
        if not self.server.over:
            self.server.send(bytes(self.client.received[self.tunnel_up:]))
        self.tunnel_up = len(self.client.received)
        if not self.client.over:
            self.client.send(bytes(self.server.received[self.tunnel_down:]))
        self.tunnel_down = len(self.server.received)
        if self.client.end and not self.server.ending:
            self.server.finish()
        if self.server.end and not self.client.ending:
            self.client.finish()

    def log(self, message, status, reason, backend, server):
        if self.fault == "no log line" and status == 200:
            return
        target = message.target.decode("latin-1") if message else None
        if self.fault == "another status in the log" and status == 404:
            status = 200
        if self.fault == "another target in the log" and target and self.relay.count % 3 == 0:
            target += "x"
        self.relay.lines.append({
            "method": message.method.decode("latin-1") if message else None, "target": target,
            "status": status, "reason": reason, "reason_text": reason, "backend": backend,
            "server": server, "host": None, "bytes_out": 0})

    def close(self):
        self.ended = True
        if not self.client.ending:
            self.client.finish()


class Server(Side):
    """A connection to an origin; whose turn it is changes."""

    def __init__(self, relay, sock, owner):
        self.read_to = 0
        super().__init__(relay, sock, owner)


class Relay(rig.Proxy):
    name = "relay"

    def __init__(self, loop, folder, fault=""):
        super().__init__(loop, folder)
        assert not fault or fault in FAULTS, fault
        self.fault = fault
        self.limit = 0.5 if fault == "silence" else rig.LIMIT
        self.lines, self.count, self.last = [], 0, b""
        self.idle = collections.defaultdict(list)
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(self.address)
        self.sock.listen(64)
        self.sock.setblocking(False)
        loop.watch(self.sock, self.accept, select.EPOLLIN)

    def accept(self, _):
        try:
            sock, _ = self.sock.accept()
        except BlockingIOError:
            return
        Session(self, sock)

    def connect(self, admin, session):
        """An idle connection, or a new one."""
        while self.idle[admin]:
            server = self.idle[admin].pop()
            server.read()
            if not server.end:
                server.owner = session
                return server
            server.close()
        port = (self.admin if admin else self.main).port
        return Server(self, socket.create_connection(("127.0.0.1", port)), session)

    def give_back(self, server, admin, reply):
        """Only a connection on which nothing is left may serve again."""
        sound = not reply.fault and reply.final is not None and not reply.left and (
            reply.final.framing != "close" and oracle.persists(reply.final, 1))
        server.read_to = len(server.received) - len(reply.left)
        kept = self.fault == "bytes behind an answer kept" and reply.final is not None and (
            not reply.fault and reply.final.framing != "close")
        if (sound or kept) and not server.over:
            server.owner = Idle()
            self.idle[admin].append(server)
        else:
            server.close()

    def lines_of(self, number):
        mark = (rig.CANARY % number).decode()
        for at, line in enumerate(self.lines):
            if line["target"] and line["target"].startswith(mark):
                found, self.lines = self.lines[:at], self.lines[at + 1:]
                return found
        found, self.lines = self.lines, []
        return found

    def check_alive(self):
        pass

    def stop(self):
        self.loop.forget(self.sock)
        self.sock.close()
        super().stop()


class Idle:
    """Whoever speaks or leaves unasked is not listened to."""

    def progress(self):
        pass


def relay_with(fault):
    """A class for the rig."""
    return lambda loop, folder: Relay(loop, folder, fault)
