"""Readings of HTTP/1.1 bytes: one parser whose every leniency is a setting, and profiles that
set them in the manner of servers and clients that there are. What two of them read differently
is what request smuggling is made of."""
import dataclasses
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
DIGITS = re.compile(rb"[0-9]+\Z")
HEX = re.compile(rb"[0-9A-Fa-f]+\Z")
BLANK = b" \t"
# What Python's str.strip() and C's isspace() take away, in latin-1.
WIDE_BLANK = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0"
EXTENSION = re.compile(
    rb"""(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*
    (?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|
    \\[\t \x21-\x7e\x80-\xff])*"))?)*\Z""", re.X)
CR_OR_LF = re.compile(rb"\r\n|\r|\n")
LENGTH_LIMIT = (1 << 63) - 1


class Refused(Exception):
    """This reading answers 400 (or throws the answer away)."""


class Incomplete(Exception):
    """It waits for more."""


@dataclasses.dataclass
class Message:
    """A message as one reading has it. `first` is the first line's three parts; fields and
    trailers are (lower-case name, value); framing is none, length, chunked, close or tunnel."""
    first: tuple
    fields: list
    framing: str = "none"
    length: int = 0
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    complete: bool = True
    start: int = 0
    head_end: int = 0
    end: int = 0

    def all(self, name):
        return [value for field, value in self.fields if field == name]

    @property
    def method(self):
        return self.first[0]

    @property
    def target(self):
        return self.first[1]

    @property
    def status(self):
        return int(self.first[1])

    def options(self):
        """The elements of its Connection fields."""
        return list_of(self.all(b"connection"))

    def __str__(self):
        return (f"{b' '.join(self.first)!r} {self.framing} body {short(self.body)}"
                f"{'' if self.complete else ' (cut)'} fields {short(self.fields, 300)}"
                + (f" trailers {self.trailers!r}" if self.trailers else ""))


def short(value, limit=120):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(value)})"


def list_of(values):
    return [item.strip(BLANK).lower() for value in values for item in value.split(b",")
            if item.strip(BLANK)]


@dataclasses.dataclass
class Stream:
    """What a reading made of all bytes. `rest` is empty when they were used up, "cut" when it
    waits for more, else why it refused; the messages before that stand."""
    messages: list
    rest: str = ""

    @property
    def refused(self):
        return self.rest not in ("", "cut")


@dataclasses.dataclass(frozen=True)
class Reader:
    name: str
    # Each first word is the strict one.
    line_end: str = "crlf"        # lf: a bare LF too; any: a bare CR too
    both: str = "refuse"          # te, cl: which wins
    lengths: str = "one"          # equal, first, last: of several
    number: str = "digits"        # int: as Python's int(); prefix: as strtol()
    coding: str = "exact"         # has: "chunked" anywhere; last: the last element; trim: wide
    coding_in_10: str = "refuse"  # honour, ignore
    fold: str = "refuse"          # join: with a space; line: a field of its own
    names: str = "token"          # strip: blanks before the colon go; any; drop: bad ones go
    colonless: str = "refuse"     # skip
    control: str = "refuse"       # keep, cut: the value at its NUL
    underscore: str = "apart"     # dash: X_A and X-A are one, as in CGI
    chunk_size: str = "hex"       # int: as Python's int(x, 16); prefix: as strtol()
    chunk_end: str = "crlf"       # lf; skip: two bytes whatever they are
    blank_first: str = "refuse"   # skip: blanks before the first line
    first_line: str = "strict"    # split: at any white space; first-last: target has blanks

    # --- lines ---

    def line(self, data, at):
        """(line without its end, where the next begins)"""
        if self.line_end == "any":
            found = CR_OR_LF.search(data, at)
            if not found or (found.group() == b"\r" and found.end() == len(data)):
                raise Incomplete
            return data[at:found.start()], found.end()
        end = data.find(b"\n", at)
        if end < 0:
            raise Incomplete
        if end > at and data[end - 1] == 13:
            return data[at:end - 1], end + 1
        if self.line_end == "crlf":
            raise Refused("bare LF")
        return data[at:end], end + 1

    def checked(self, value):
        if self.control == "refuse":
            if not VALUE.match(value):
                raise Refused("control byte in a line")
            return value
        return value.split(b"\0")[0] if self.control == "cut" else value

    def name_of(self, name):
        """In lower case; None when the field is dropped."""
        if not TOKEN.match(name):
            if self.names == "token" or not name:
                raise Refused("bad field name")
            if self.names == "drop":
                return None
            if self.names == "strip":
                name = name.rstrip(BLANK)
        if self.underscore == "dash":
            name = name.replace(b"_", b"-")
        return name.lower()

    def add_field(self, line, fields):
        name, colon, value = line.partition(b":")
        if not colon:
            if self.colonless == "refuse":
                raise Refused("no colon")
            return
        name = self.name_of(name)
        if name is not None:
            fields.append((name, self.checked(value.strip(BLANK))))

    def fields(self, data, at):
        """(fields, where the empty line ends)"""
        fields = []
        while True:
            line, at = self.line(data, at)
            if not line:
                return fields, at
            if line[0] in BLANK:
                if self.fold == "refuse" or (self.fold == "join" and not fields):
                    raise Refused("folded line")
                if self.fold == "join":
                    name, value = fields[-1]
                    fields[-1] = (name, value + b" " + self.checked(line.strip(BLANK)))
                    continue
                line = line.strip(BLANK)
                if not line:
                    return fields, at
            self.add_field(line, fields)

    # --- framing ---

    def number_of(self, text):
        if self.number == "int":
            try:
                value = int(text.decode("latin-1"))
            except ValueError:
                raise Refused("Content-Length") from None
            if value < 0:
                raise Refused("Content-Length")
            return value
        if self.number == "prefix":
            found = re.match(rb"[ \t]*\+?([0-9]+)", text)
            return int(found.group(1)) if found else 0
        if not DIGITS.match(text) or int(text) > LENGTH_LIMIT:
            raise Refused("Content-Length")
        return int(text)

    def length_of(self, values):
        if self.lengths in ("first", "last"):
            items = [item.strip(BLANK) for value in values for item in value.split(b",")]
            return self.number_of(items[0 if self.lengths == "first" else -1])
        if self.lengths == "equal":
            values = [item.strip(BLANK) for value in values for item in value.split(b",")]
        numbers = {self.number_of(value) for value in values}
        if len(numbers) > 1 or (self.lengths == "one" and len(values) > 1):
            raise Refused("several Content-Length")
        return numbers.pop()

    def is_chunked(self, values, minor):
        if not values:
            return False
        if minor == 0 and self.coding_in_10 != "honour":
            if self.coding_in_10 == "refuse":
                raise Refused("Transfer-Encoding in HTTP/1.0")
            return False
        if self.coding == "has":
            return any(b"chunked" in value.lower() for value in values)
        if self.coding == "trim":
            return any(item.strip(WIDE_BLANK + b"\0").lower() == b"chunked"
                       for value in values for item in value.split(b","))
        if self.coding == "last":
            items = list_of(values)
            return bool(items) and items[-1] == b"chunked"
        if len(values) != 1 or values[0].lower() != b"chunked":
            raise Refused("Transfer-Encoding")
        return True

    def frame(self, message, minor):
        codings, lengths = message.all(b"transfer-encoding"), message.all(b"content-length")
        if codings and lengths and self.both == "refuse":
            raise Refused("Transfer-Encoding and Content-Length")
        if lengths and self.both == "cl":
            codings = []
        if self.is_chunked(codings, minor):
            message.framing = "chunked"
        elif lengths:
            message.framing, message.length = "length", self.length_of(lengths)

    # --- bodies ---

    def size_of(self, line):
        size, semicolon, extension = line.partition(b";")
        if self.chunk_size == "int":
            try:
                value = int(size.decode("latin-1"), 16)
            except ValueError:
                raise Refused("chunk size") from None
            if value < 0:
                raise Refused("chunk size")
            return value
        if self.chunk_size == "prefix":
            found = re.match(rb"[ \t]*(?:0[xX](?=[0-9A-Fa-f]))?([0-9A-Fa-f]+)", size)
            if not found:
                raise Refused("chunk size")
            return int(found.group(1), 16)
        if not HEX.match(size) or int(size, 16) > LENGTH_LIMIT:
            raise Refused("chunk size")
        if not EXTENSION.match(semicolon + extension):
            raise Refused("chunk extension")
        return int(size, 16)

    def chunk_line(self, data, at):
        if self.line_end == "crlf" and self.chunk_end != "crlf":
            return dataclasses.replace(self, line_end="lf").line(data, at)
        return self.line(data, at)

    def chunk_data_end(self, data, at):
        if self.chunk_end == "skip":
            if len(data) < at + 2:
                raise Incomplete
            return at + 2
        if self.chunk_end == "lf" and data[at:at + 1] == b"\n":
            return at + 1
        if len(data) < at + 2 and b"\r\n".startswith(data[at:]):
            raise Incomplete
        if data[at:at + 2] != b"\r\n":
            raise Refused("chunk data's end")
        return at + 2

    def chunks(self, data, at, message):
        """Where the message ends; fills its body as far as it goes."""
        pieces = []
        try:
            while True:
                line, at = self.chunk_line(data, at)
                size = self.size_of(line)
                if size == 0:
                    break
                pieces.append(data[at:at + size])
                if len(data) < at + size:
                    raise Incomplete
                at = self.chunk_data_end(data, at + size)
            message.trailers, at = self.fields(data, at)
        finally:
            message.body = b"".join(pieces)
        return at

    def body(self, data, message, ended):
        at = message.head_end
        if message.framing == "chunked":
            return self.chunks(data, at, message)
        if message.framing in ("close", "tunnel"):
            message.body = data[at:]
            return len(data)
        end = at + message.length
        message.body = data[at:end]
        if len(data) < end:
            raise Incomplete
        return end

    # --- first lines ---

    def request_line(self, line):
        if self.first_line == "split":
            parts = line.split()
            if len(parts) == 2:
                parts.append(b"HTTP/0.9")
            if len(parts) != 3:
                raise Refused("request line")
        elif self.first_line == "first-last":
            method, _, rest = line.strip(BLANK).partition(b" ")
            target, _, version = rest.rpartition(b" ")
            parts = [method, target, version]
        else:
            parts = line.split(b" ")
            if len(parts) != 3 or not TOKEN.match(parts[0]) or not parts[1]:
                raise Refused("request line")
            self.checked(line)
        if not parts[2].startswith(b"HTTP/1.") and self.first_line == "strict":
            raise Refused("version")
        return tuple(parts)

    def status_line(self, line):
        found = re.match(rb"(HTTP/[0-9]\.[0-9]) ([0-9]{3})(?: (.*))?\Z", line, re.S)
        if not found:
            if self.first_line == "strict":
                raise Refused("status line")
            found = re.match(rb"\s*(\S+)\s+(-?[0-9]{1,9})\s*(.*)\Z", line, re.S)
            if not found:
                raise Refused("status line")
        elif self.first_line == "strict":
            if not found.group(1).startswith(b"HTTP/1."):
                raise Refused("version")
            if not 100 <= int(found.group(2)) <= 599:
                raise Refused("status")
        return found.group(1), found.group(2), self.checked(found.group(3) or b"")

    def start_of(self, data, at, empty):
        """Where the first line begins: empty lines are passed over."""
        for _ in range(empty):
            if self.blank_first == "skip":
                while at < len(data) and data[at] in WIDE_BLANK:
                    at += 1
                return at
            if data[at:at + 2] == b"\r\n":
                at += 2
            elif self.line_end != "crlf" and data[at:at + 1] == b"\n":
                at += 1
            else:
                break
        return at

    # --- whole streams ---

    def request(self, data, at):
        start = self.start_of(data, at, 4)
        line, at = self.line(data, start)
        message = Message(self.request_line(line), [], start=start)
        message.fields, message.head_end = self.fields(data, at)
        self.frame(message, 0 if message.first[2] in (b"HTTP/1.0", b"HTTP/0.9") else 1)
        return message

    def response(self, data, at, method):
        line, at = self.line(data, at)
        message = Message(self.status_line(line), [], start=at)
        message.fields, message.head_end = self.fields(data, at)
        status = message.status
        if status == 101:
            message.framing = "tunnel"
        elif status >= 200 and status not in (204, 304) and method != b"HEAD":
            self.frame(message, 0 if message.first[0] == b"HTTP/1.0" else 1)
            if message.framing == "none":
                message.framing = "close"
        return message

    def requests(self, data, at=0):
        """All requests in `data`."""
        return self.stream(data, at, lambda at: self.request(data, at), False)

    def responses(self, data, methods, ended=True, at=0):
        """All responses in `data` to requests with these methods; interim ones take none.
        `ended`: the connection was closed in order after them."""
        left = list(methods)

        def read(at):
            if not left:
                raise Refused("more responses than requests")
            message = self.response(data, at, left[0])
            if message.status >= 200 or message.status == 101:
                left.pop(0)
            return message
        return self.stream(data, at, read, ended)

    def one_response(self, data, at, method, ended):
        """The next one, interim or final."""
        return self.stream(data, at, lambda at: self.response(data, at, method), ended, 1)

    def stream(self, data, at, read, ended, most=None):
        messages = []
        try:
            while len(messages) != most and (
                    self.start_of(data, at, 1) < len(data) or (at < len(data) and not messages)):
                message = read(at)
                messages.append(message)
                message.complete, message.end = False, len(data)
                at = message.end = self.body(data, message, ended)
                message.complete = message.framing not in ("close", "tunnel") or ended
        except Incomplete:
            return Stream(messages, "cut")
        except Refused as why:
            return Stream(messages, str(why))
        return Stream(messages)


STRICT = Reader("strict")
LAX = dict(line_end="lf", names="any", colonless="skip", control="keep", blank_first="skip",
           coding_in_10="honour", first_line="split")

READERS = [
    STRICT,
    Reader("bare-lf", line_end="lf", chunk_end="lf"),
    Reader("bare-cr", line_end="any", chunk_end="lf", control="keep"),
    Reader("te-wins", both="te", coding="has", lengths="equal", coding_in_10="honour"),
    Reader("te-last", both="te", coding="last", lengths="first", coding_in_10="ignore"),
    Reader("te-trimmed", both="te", coding="trim", number="prefix", lengths="last",
           control="keep", coding_in_10="honour"),
    Reader("cl-wins", both="cl", lengths="first", number="prefix", coding="last",
           coding_in_10="ignore"),
    Reader("last-length", both="cl", lengths="last", number="int", coding="has",
           coding_in_10="ignore"),
    Reader("fold-joined", fold="join", line_end="lf", both="te", coding="has"),
    Reader("fold-apart", fold="line", line_end="lf", both="cl", lengths="last", coding="has"),
    Reader("names-stripped", names="strip", colonless="skip", both="te", coding="last"),
    Reader("names-dropped", names="drop", colonless="skip", both="cl", lengths="first"),
    Reader("cgi-names", underscore="dash", names="any", both="te", coding="last",
           lengths="last"),
    Reader("nul-cut", control="cut", both="te", coding="last", lengths="first"),
    Reader("int-chunks", chunk_size="int", chunk_end="lf", both="te", coding="has"),
    Reader("strtol-chunks", chunk_size="prefix", chunk_end="skip", both="te", coding="has"),
    Reader("lax", **LAX, both="te", coding="has", lengths="first", number="int",
           chunk_size="int", chunk_end="skip", fold="join"),
    Reader("lax-length", **LAX, both="cl", coding="trim", lengths="last", number="prefix",
           chunk_size="prefix", chunk_end="lf", fold="line"),
]
