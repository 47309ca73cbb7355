"""Findings: what of a play two could read differently, or is not as it should be. Each judge
looks at one side, and knows no proxy's source; a finding says its class and what was seen."""
import dataclasses
import re

import oracle
import parsers
import rig
from reading import READERS, STRICT, short

# Which judge found it.
CLASSES = {
    "request readings": "two readings of what a server was sent disagree",
    "request malformed": "what a server was sent is no HTTP/1.1 to the letter",
    "request differs": "a server got another request than the client sent",
    "request unsound": "a server got, as whole, what should have been refused",
    "request refused": "a sound request was refused",
    "request lost": "a sound request was neither forwarded nor answered",
    "condition passed by": "a server that a condition guards is asked through another's door",
    "answer readings": "two readings of what a client was sent disagree",
    "answer malformed": "what a client was sent is no HTTP/1.1 to the letter",
    "answer differs": "a client got another answer than the server sent",
    "answer unsound": "a client got, as whole, what was cut or is no answer",
    "answer to another": "an answer stands where that to another request belongs",
    "log": "the access log says otherwise, or says nothing",
    "hang": "neither an answer nor an end",
    "left behind": "a later client gets, or a server sees, what a case left behind",
    "split": "the same bytes in other segments are read differently",
}


@dataclasses.dataclass
class Finding:
    kind: str
    text: str

    def __post_init__(self):
        assert self.kind in CLASSES, self.kind

    def __str__(self):
        return f"{self.kind}: {self.text}"


# --- two readings of the same bytes ---

FRAMING_FIELDS = (b"content-length", b"transfer-encoding")


def merged(message):
    """Fields by name, repeated ones joined, as many programs keep them."""
    out = {}
    for name, value in message.fields:
        if name not in FRAMING_FIELDS:
            out[name] = out[name] + b", " + value if name in out else value
    return out


# What a parser does to fields that is its own affair, and no other reader's: it leaves these out.
OWN_AFFAIR = {"waitress": lambda fields: {n: v for n, v in fields.items() if b"_" not in n}}
# gunicorn writes methods in capitals.
CAPITALS = ("gunicorn",)


def difference(a, b, who):
    """What two messages differ in; "" for nothing."""
    tidy = OWN_AFFAIR.get(who, lambda fields: fields)
    method = a.method.upper() if who in CAPITALS else a.method
    if (method, a.target) != b.first[:2]:
        return f"first line {a.first!r} or {b.first!r}"
    if a.complete != b.complete:
        return "whole or cut"
    if a.body != b.body and a.complete:
        return f"body {short(a.body)} or {short(b.body)}"
    fields, others = tidy(merged(a)), tidy(merged(b))
    if fields != others:
        gone = {n: v for n, v in fields.items() if others.get(n) != v}
        more = {n: v for n, v in others.items() if fields.get(n) != v}
        return f"fields {short(gone)} or {short(more)}"
    return ""


def compare(strict, other, who, kind):
    """The first disagreement of a reading with the strict one."""
    for a, b in zip(strict.messages, other.messages):
        found = difference(a, b, who)
        if found:
            return [Finding(kind, f"strict and {who}: {found}")]
    ours, theirs = len(strict.messages), len(other.messages)
    if theirs > ours and not strict.refused:
        return [Finding(kind, f"{who} sees {theirs} messages, strict {ours}: "
                              f"{other.messages[ours]}")]
    if theirs < ours and not other.refused:
        return [Finding(kind, f"{who} sees {theirs} messages, strict {ours}")]
    if theirs == ours and {strict.rest, other.rest} == {"", "cut"}:
        return [Finding(kind, f"{who} {other.rest or 'is at the end'}, strict "
                              f"{strict.rest or 'is at the end'}")]
    return []


def judge_requests_read(play):
    """Every reading of what the origins were sent."""
    found = []
    for connection in play.connections:
        data = bytes(connection.received)
        if connection.tunnel_at is not None:
            data = data[:connection.tunnel_at]
        strict = STRICT.requests(data)
        if strict.refused:
            found.append(Finding("request malformed", f"{strict.rest}: {short(data, 400)}"))
        for reader in READERS[1:]:
            found += compare(strict, reader.requests(data), reader.name, "request readings")
        for name, read in parsers.SERVERS.items():
            if strict.rest == "cut" and len(data) > 0 and not strict.messages:
                continue  # a head that was cut: some take the end of the bytes for its end
            found += compare(strict, read(data), name, "request readings")
    return found


def plain_host(message):
    return [re.sub(rb":[0-9]*\Z", b"", value).lower() for value in message.all(b"host")]


def judge_read_by(name, data, play):
    """What another proxy forwards of the bytes that a server was sent: the same requests, as
    far as it takes them at all."""
    strict = [(m.method, m.target, plain_host(m), m.body) for m in STRICT.requests(data).messages
              if m.complete and not m.target.startswith(b"/canary/")]
    read = [(m.method, m.target, plain_host(m), m.body) for _, _, m in forwarded(play)
            if m.complete]
    if read == strict[:len(read)]:
        return []
    return [Finding("request readings", f"{name} reads {short(read, 300)}, strict "
                                        f"{short(strict, 300)}")]


# --- conditions ---

def path_readings(target):
    """The paths that servers may see in a target. Parameters are a part of a path, for conditions
    too: only beside dot segments they are more than that, and those are gone."""
    path = re.split(rb"[?#]", target)[0]
    seen = set()
    for once in (path, unescape(path)):
        for plain in (once, once.replace(b"\\", b"/"), once.split(b"\0")[0]):
            seen.add(plain)
            seen.add(dots_removed(plain))
            seen.add(dots_removed(re.sub(rb"/+", b"/", plain)))
    return seen


def unescape(path):
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), path)


def dots_removed(path):
    out = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            out = out[:-1]
        elif segment != b".":
            out.append(segment)
    if segments and segments[-1] in (b".", b".."):
        out.append(b"")
    return b"/" + b"/".join(out)


def host_readings(host):
    name = re.sub(rb":[0-9]*\Z", b"", host).lower()
    return {name, name.rstrip(b"."), unescape(name), name.split(b"@")[-1], name.split(b",")[0]}


def judge_conditions(play):
    """What the conditions send to admin must not be readable in what main gets."""
    found = []
    path, host = rig.HELD_BY_ADMIN
    for connection, message in play.requests:
        if connection.admin or message.target.startswith(b"/canary/"):
            continue
        paths = [p for p in path_readings(message.target) if p.startswith(path)]
        hosts = [h for value in message.all(b"host") for h in host_readings(value) if h == host]
        if paths or hosts:
            found.append(Finding("condition passed by",
                                 f"{message.target!r} of {message.all(b'host')!r} may be read as "
                                 f"{(paths + hosts)[0]!r}"))
    return found


# --- what servers got ---

def forwarded(play):
    """[(number, connection, message)] without the canary's, and without those that the server
    left unanswered and that were sent again. Of a request that never became whole the part."""
    out, seen = [], []
    for number, (connection, message) in enumerate(play.requests):
        if not message.target.startswith(b"/canary/"):
            seen.append((number, connection, message))
    for at, (number, connection, message) in enumerate(seen):
        answer = connection.answered[connection.numbers.index(number)]
        again = at + 1 < len(seen) and same_request(message, seen[at + 1][2])
        if again and not answer.data and answer.close:
            continue
        out.append((number, connection, message))
    return out


def same_request(a, b):
    return a.first == b.first and a.fields == b.fields and a.body == b.body


def parts(play):
    """Requests that came to an origin cut: (connection, message)."""
    out = []
    for connection in play.connections:
        if connection.tunnel_at is not None or connection.at >= len(connection.received):
            continue
        stream = STRICT.requests(bytes(connection.received), connection.at)
        out += [(connection, message) for message in stream.messages if not message.complete]
    return out


def request_difference(wanted, message, exact=True):
    """What a server got otherwise than `wanted`; "" for nothing. Not `exact`: of a proxy that is
    free to write targets and fields in its own way."""
    if message.method != wanted.method:
        return f"method {message.method!r} for {wanted.method!r}"
    if not exact:
        return "" if not message.complete or message.body == wanted.body else "body"
    if message.target != wanted.target:
        return f"target {message.target!r} for {wanted.target!r}"
    if wanted.host and message.all(b"host") != [wanted.host]:
        return f"Host {message.all(b'host')!r} for {wanted.host!r}"
    if message.complete and message.body != wanted.body:
        return f"body {short(message.body)} for {short(wanted.body)}"
    if not message.complete and not wanted.body.startswith(message.body):
        return f"a part of a body {short(message.body)} for {short(wanted.body)}"
    fields = [f for f in message.fields if f[0] not in oracle.OURS]
    if fields != wanted.fields:
        return f"fields {short(fields, 300)} for {short(wanted.fields, 300)}"
    if message.complete and message.trailers != wanted.trailers:
        return f"trailers {message.trailers!r} for {wanted.trailers!r}"
    return ""


# What hpcbal itself may say of the connection, and of the client.
CONNECTIONS = [[], [b"te"], [b"upgrade"], [b"te", b"upgrade"]]
NEVER = (b"keep-alive", b"proxy-connection", b"http2-settings", b"x-real-ip", b"forwarded",
         b"x-forwarded-protocol", b"x-forwarded-ssl")


def own_fields_difference(wanted, message):
    """What is wrong in the fields that hpcbal sets by itself."""
    for name in NEVER:
        if message.all(name):
            return f"{name.decode()} passed"
    if sorted(message.options()) not in CONNECTIONS or message.all(b"te") not in ([], [
            b"trailers"]) or message.all(b"upgrade") not in ([], [b"websocket"]):
        return f"hop by hop {[f for f in message.fields if f[0] in oracle.HOP]!r}"
    told = {b"x-forwarded-for": [b"127.0.0.1"], b"x-forwarded-proto": [b"http"],
            b"x-forwarded-host": [wanted.host] if wanted.host else []}
    for name, values in told.items():
        if message.all(name) != values:
            return f"{name.decode()} {message.all(name)!r}"
    return ""


# A server closed a connection that was used again: whether it read the request nobody knows, and
# what may not be sent twice is not (HTTP.md 92).
GONE = ("SERVER_CLOSED", "SERVER_RESET")


def align(plan, play):
    """For each wanted request what a server got of it: (number, connection, message), or None.
    The second: what servers got beyond that."""
    left, pairs = forwarded(play), []
    for at, wanted in enumerate(plan.wanted):
        if wanted.own:
            pairs.append(None)
            continue
        if not left:
            break
        line = play.lines[at] if at < len(play.lines) else None
        if line and line["reason"] in GONE and request_difference(wanted, left[0][2]):
            pairs.append(None)
        else:
            pairs.append(left.pop(0))
    return pairs + [None] * (len(plan.wanted) - len(pairs)), left


def judge_requests_sent(plan, play):
    """What the origins got against what the client sent."""
    pairs, more = align(plan, play)
    if more:
        return [Finding("request unsound", f"{more[0][2]} where {plan.fault or 'nothing'!r} was "
                                           "due")]
    found = []
    for pair, wanted in zip(pairs, plan.wanted):
        if pair is None:
            continue
        _, connection, message = pair
        different = request_difference(wanted, message, play.proxy.exact)
        if not different and play.lines:
            different = own_fields_difference(wanted, message)
        if different:
            found.append(Finding("request differs", different))
        if not wanted.whole and not was_early(connection, message):
            found.append(Finding("request unsound", f"{message} is whole, the client's was "
                                                    f"{wanted.spoiled or 'cut'}"))
    for connection, message in parts(play):
        if all(request_difference(wanted, message, play.proxy.exact) for wanted in plan.wanted):
            found.append(Finding("request differs", f"a part of it: {message}"))
    return found


def was_early(connection, message):
    return any(answer.early for answer in connection.answered)


# --- what the client got ---

def client_stream(plan, play):
    methods = plan.methods or [b"GET"]
    return STRICT.responses(play.received, methods + [b"GET"], play.end == "eof")


def judge_answers_read(plan, play):
    data, ended, found = play.received, play.end == "eof", []
    tunnelled = tunnel_of(play) is not None
    methods = plan.methods or [b"GET"]
    strict = STRICT.responses(data, methods, ended)
    if strict.refused:
        found.append(Finding("answer malformed", f"{strict.rest}: {short(data, 400)}"))
    for reader in READERS[1:]:
        if reader.underscore == "apart":
            found += compare(strict, reader.responses(data, methods, ended), reader.name,
                             "answer readings")
    for name, read in parsers.CLIENTS.items():
        if not tunnelled:
            found += compare_client(strict, read(data, methods, ended), name)
    return found


def compare_client(strict, other, name):
    """http.client does not tell of 100 Continue."""
    if name == "http.client":
        strict = dataclasses.replace(strict, messages=[m for m in strict.messages
                                                       if m.status != 100])
    return compare(strict, other, name, "answer readings")


def finals(messages):
    """[(interim ones, the final one)]"""
    out, interim = [], []
    for message in messages:
        if message.status >= 200 or message.status == 101:
            out.append((interim, message))
            interim = []
        else:
            interim.append(message)
    return out


def answer_difference(reply, interim, message, wanted, exact):
    """What a client got otherwise than the server's `reply`; "" for nothing. `exact` as above."""
    final = reply.final
    if message.status != final.status:
        return f"status {message.status} for {final.status}"
    if exact and message.first[2] != final.first[2]:
        return f"reason {message.first[2]!r} for {final.first[2]!r}"
    if message.complete and message.body != final.body:
        return f"body {short(message.body)} for {short(final.body)}"
    if not final.body.startswith(message.body) and not message.complete:
        return f"a part of a body {short(message.body)} for {short(final.body)}"
    if not exact:
        return ""
    fields = tidy_answer(message.fields)
    if fields != tidy_answer(final.fields):
        return f"fields {short(fields, 300)} for {short(tidy_answer(final.fields), 300)}"
    trailers = oracle.kept_trailers(final.trailers, final.fields, request=False)
    if message.complete and message.framing == final.framing == "chunked" and (
            message.trailers != trailers):
        return f"trailers {message.trailers!r} for {trailers!r}"
    if not wanted.old and [m.status for m in interim] != [m.status for m in reply.interim]:
        return f"interim {[str(m) for m in interim]} for {[str(m) for m in reply.interim]}"
    return ""


def tidy_answer(fields):
    return [f for f in oracle.kept_fields(fields, request=False) if f[0] != b"date"]


class Walk:
    """The client's answers one by one, each beside the request that it answers and what the
    origin said to that."""

    def __init__(self, plan, play):
        self.plan, self.play, self.exact = plan, play, play.proxy.exact
        self.stream = client_stream(plan, play)
        self.answers = finals(self.stream.messages)
        self.pairs = align(plan, play)[0]
        self.found = []

    def add(self, kind, text):
        self.found.append(Finding(kind, text))

    def judge(self):
        for at, (interim, message) in enumerate(self.answers):
            if at >= len(self.plan.methods) and self.plan.methods:
                self.add("answer to another", f"an answer nobody asked for: {message}")
                break
            wanted, pair = None, None
            if at < len(self.plan.wanted):
                wanted, pair = self.plan.wanted[at], self.pairs[at]
            if wanted is not None and wanted.own and self.exact:
                if message.status != wanted.own and not wanted.spoiled:
                    self.add("answer differs", f"{message} for {wanted.own}")
            elif is_own(message, self.exact):
                self.judge_own(wanted, message, pair)
            elif pair is None:
                self.add("answer to another", f"{message} to what no server was asked")
            else:
                self.judge_one(wanted, interim, message, pair)
        self.judge_end()
        return self.found

    def judge_own(self, wanted, message, pair):
        """hpcbal's own answer: a server's sound one is passed on."""
        if pair is None or message.status != 502 or not wanted.whole:
            return
        number, connection, asked = pair
        answer = connection.answered[connection.numbers.index(number)]
        reply = oracle.reply_of(answer.data, asked.method, wanted.may_switch, answer.close)
        if not reply.fault and not reply.either and not self.is_behind_stray(connection, number):
            self.add("answer differs", f"{message.body!r} for {reply.final}")

    def is_behind_stray(self, connection, number):
        """Whether bytes that were nobody's stood before this answer."""
        at = connection.numbers.index(number)
        for before, earlier in zip(connection.answered[:at], connection.numbers[:at]):
            asked = self.play.requests[earlier][1]
            if oracle.reply_of(before.data, asked.method, False, before.close).left:
                return True
        return False

    def judge_one(self, wanted, interim, message, asked):
        number, connection, request = asked
        saw = message.all(b"x-saw")
        # A number that the case has spoiled says nothing.
        if len(saw) == 1 and re.match(rb"[0-9]{5}\Z", saw[0]) and int(saw[0]) != number:
            self.add("answer to another", f"the answer to request {saw[-1].decode()} stands where "
                                          f"that to {number} belongs")
            return
        answer = connection.answered[connection.numbers.index(number)]
        reply = oracle.reply_of(answer.data, request.method, wanted.may_switch, answer.close)
        if reply.final is None:
            self.add("answer unsound", f"{message} for {short(answer.data)} ({reply.fault})")
            return
        if reply.fault and message.complete:
            self.add("answer unsound", f"{message} is whole, the server's was {reply.fault}")
        different = answer_difference(reply, interim, message, wanted, self.exact)
        if different:
            self.add("answer differs", different)

    def judge_end(self):
        """Every request that should have an answer has one, or the connection says why not."""
        if self.stream.rest or self.play.end == "reset":
            return
        asked = len(self.plan.methods) - self.plan.left
        last = self.answers[-1][1] if self.answers else None
        if len(self.answers) < asked and not self.is_excused(len(self.answers), last):
            self.add("request lost", f"{len(self.answers)} answers to {asked} requests")

    def is_excused(self, at, last):
        if last is not None and (b"close" in last.options() or last.framing in (
                "close", "tunnel")):
            return True
        wanted = self.plan.wanted[at] if at < len(self.plan.wanted) else None
        return wanted is not None and not wanted.whole and not wanted.spoiled


def tunnel_of(play):
    """The connection on which a server switched as it was asked, or None."""
    for connection in play.connections:
        if connection.tunnel_at is None:
            continue
        answer, number = connection.answered[-1], connection.numbers[-1]
        request = play.requests[number][1]
        asked = (b"websocket" in [v.lower() for v in request.all(b"upgrade")] and
                 request.all(b"sec-websocket-version") == [b"13"])
        if not oracle.reply_of(answer.data, request.method, asked, answer.close).fault:
            return connection
    return None


def judge_tunnel(plan, play):
    """Bytes behind a switch pass both ways as they are, and none before it."""
    connection, found = tunnel_of(play), []
    if connection is None:
        return found
    if connection.early_bytes:
        found.append(Finding("request unsound", "bytes of a tunnel before it was open: "
                                                f"{short(connection.early_bytes)}"))
    got = bytes(connection.received[connection.tunnel_at:])
    if not plan.tail.startswith(got):
        found.append(Finding("request differs", f"tunnel {short(got)} for {short(plan.tail)}"))
    for line in play.lines[-1:]:
        if line["status"] == 101 and line["reason"] == "COMPLETE" and got != plan.tail:
            found.append(Finding("request differs", f"only {len(got)} bytes of a tunnel's "
                                                    f"{len(plan.tail)}"))
    return found


def is_own(message, exact):
    """Whether the proxy itself has answered. Of the others' answers this is a guess."""
    if not exact:
        return message.status >= 400 and not message.all(b"x-saw")
    return rig.own_answer(message.body) or (
        message.status >= 400 and not message.all(b"x-saw") and message.body == b"" and
        message.all(b"content-type") in (
            [b"text/html; charset=utf-8"], [b"application/json"]))


def judge_refusals(plan, play):
    """Sound requests that hpcbal refused; the log says why."""
    found = []
    for line, wanted in zip(play.lines, plan.wanted):
        if line["reason"].startswith("REQ_") and wanted.whole and not (
                wanted.either or wanted.own):
            found.append(Finding("request refused", f"{line['reason']} ({line['reason_text']})"))
    return found


# --- the log, the end, what was left ---

def judge_log(plan, play):
    """A line an exchange, in order: its status is the one the client got, its target the one
    the server got."""
    found, lines = [], play.lines
    answers = finals(client_stream(plan, play).messages)
    told = [line for line in lines if line["status"] is not None]
    # A reset takes along what was still on its way.
    if len(told) < len(answers) or len(told) > len(answers) and play.end != "reset":
        found.append(Finding("log", f"{len(told)} lines with a status, {len(answers)} answers: "
                                    f"{[(i['target'], i['status'], i['reason']) for i in lines]}"))
    for line, (_, message) in zip(told, answers):
        if line["status"] != message.status:
            found.append(Finding("log", f"status {line['status']}, the client got "
                                        f"{message.status}"))
        if not message.complete and line["reason"] == "COMPLETE":
            found.append(Finding("log", f"complete, the client's answer was cut: {line}"))
    for line, pair in zip(lines, align(plan, play)[0]):
        if pair is None or line["server"] is None:
            continue
        _, connection, message = pair
        if connection.admin != (line["backend"] == "admin"):
            found.append(Finding("log", f"backend {line['backend']} for {message.target!r}"))
        if line["method"].encode() != message.method[:32]:
            found.append(Finding("log", f"method {line['method']} for {message.method!r}"))
        target = line["target"].encode("latin-1")
        if len(target) < 1000 and wanted_target(message.method, target) != message.target:
            found.append(Finding("log", f"target {target!r} for {message.target!r}"))
    return found


def wanted_target(method, target):
    try:
        return oracle.target_of(method, target)[0]
    except oracle.Refused:
        return None


def judge_end(play):
    return [Finding("hang", f"after {short(play.received)}")] if play.end == "hang" else []


def judge_canary(play):
    """The sound request of another client afterwards."""
    mark = rig.CANARY % play.case.number
    got = STRICT.responses(bytes(play.canary.received), [b"GET"], play.canary.end == "eof")
    asked = [number for number, (_, message) in enumerate(play.requests)
             if message.target == mark]
    good = (len(got.messages) == 1 and not got.rest and got.messages[0].status == 200 and
            len(asked) == 1 and got.messages[0].body == b"saw %05d %s" % (asked[0], mark))
    if good:
        return []
    return [Finding("left behind", f"the canary got {short(bytes(play.canary.received), 300)}, "
                                   f"servers saw it {len(asked)} times")]


def judge(case, play, lines=None):
    """All findings of one play. `lines`: of hpcbal's access log."""
    plan = oracle.plan_of(case.data, tunnel_of(play) is not None)
    play.lines = lines or []
    found = judge_requests_read(play) + judge_conditions(play)
    if play.proxy.strict:
        found += judge_requests_sent(plan, play) + judge_answers_read(plan, play)
        found += Walk(plan, play).judge() + judge_tunnel(plan, play)
    found += judge_end(play) + judge_canary(play)
    if lines is not None and play.proxy.strict:
        found += judge_refusals(plan, play) + judge_log(plan, play)
    return found


def whole_answers(play):
    """How many answers of servers the client got as whole."""
    plan = oracle.plan_of(play.case.data, tunnel_of(play) is not None)
    return sum(message.complete and not is_own(message, play.proxy.exact)
               for _, message in finals(client_stream(plan, play).messages))


def outcome(play):
    """What can be compared between proxies, or between two plays of the same case: what went to
    servers as whole, and the statuses that the client got."""
    sent = [(m.method, m.target, m.body) for _, _, m in forwarded(play)]
    plan = oracle.plan_of(play.case.data, tunnel_of(play) is not None)
    statuses = [m.status for _, m in finals(client_stream(plan, play).messages)]
    return sent, statuses


def split_difference(one, other):
    """What differs between two plays of a case in other segments; "" for nothing. Behind an answer
    of hpcbal's own the connection ends when not all of the request's body had come by then."""
    outcomes = [outcome(one), outcome(other)]
    (sent, statuses), (more_sent, more) = sorted(outcomes, key=lambda o: len(o[1]))
    wanted = oracle.plan_of(one.case.data).wanted[:len(statuses)]
    ended = (len(statuses) < len(more) and len(wanted) == len(statuses) > 0 and wanted[-1].own and
             wanted[-1].has_body)
    if ended and statuses == more[:len(statuses)] and sent == more_sent[:len(sent)]:
        return ""
    return "" if outcomes[0] == outcomes[1] else f"{outcomes[0]} or {outcomes[1]}"
