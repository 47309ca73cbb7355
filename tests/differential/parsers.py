"""What real programs make of the same bytes: gunicorn, waitress, h11 and Python's http.server as
servers, h11 and Python's http.client as clients. Each is a function as Reader.requests or
Reader.responses is, and is there when its package is."""
import functools
import http.client
import http.server
import io

from reading import Message, Stream

try:
    import h11
except ImportError:
    h11 = None
try:
    import gunicorn.config
    import gunicorn.http
    import gunicorn.http.errors
except ImportError:
    gunicorn = None
try:
    import waitress.adjustments
    import waitress.parser
except ImportError:
    waitress = None

BIG = 1 << 20


def latin(text):
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def lower_fields(fields):
    return [(latin(name).lower(), latin(value).strip(b" \t")) for name, value in fields]


def framing_of(fields):
    names = {name for name, _ in fields}
    if b"transfer-encoding" in names:
        return "chunked"
    return "length" if b"content-length" in names else "none"


def complete_length(message):
    """Whether a body of a given length is all there, for parsers that do not tell."""
    lengths = message.all(b"content-length")
    return message.framing != "length" or len(message.body) >= int(lengths[0])


# --- gunicorn ---

@functools.lru_cache(None)
def gunicorn_config():
    config = gunicorn.config.Config()
    config.set("limit_request_line", 0)
    config.set("limit_request_field_size", 0)
    config.set("limit_request_fields", 2000)
    return config


def read_gunicorn(data):
    messages = []
    parser = gunicorn.http.RequestParser(gunicorn_config(), iter([data]), ("127.0.0.1", 1))
    errors = gunicorn.http.errors
    try:
        for request in parser:
            fields = lower_fields(request.headers)
            version = b"HTTP/%d.%d" % request.version
            message = Message((latin(request.method), latin(request.uri), version), fields,
                              framing_of(fields), complete=False)
            messages.append(message)
            message.body = request.body.read()
            message.complete = complete_length(message)
            if not message.complete:
                return Stream(messages, "cut")
            message.trailers = lower_fields(request.trailers)
            if request.should_close():
                return Stream(messages, "stops at Connection: close")
    except errors.NoMoreData:
        return Stream(messages, "cut")
    except StopIteration:
        return Stream(messages)
    except (errors.ParseException, OSError, ValueError, OverflowError, MemoryError) as why:
        return Stream(messages, f"{type(why).__name__}")
    return Stream(messages)


# --- waitress ---

@functools.lru_cache(None)
def waitress_adjustments():
    return waitress.adjustments.Adjustments(clear_untrusted_proxy_headers=True)


def read_waitress(data):
    messages, adjustments = [], waitress_adjustments()
    while data:
        parser = waitress.parser.HTTPRequestParser(adjustments)
        while data and not parser.completed:
            used = parser.received(data)
            if used <= 0 and not parser.completed:
                break
            data = data[used:]
        if parser.error:
            return Stream(messages, str(parser.error.reason))
        if parser.empty:
            continue
        if not parser.headers_finished:
            return Stream(messages, "cut")
        messages.append(waitress_message(parser))
        if not parser.completed:
            return Stream(messages, "cut")
    return Stream(messages)


def waitress_message(parser):
    """It keeps fields in the manner of CGI: X_A and X-A are one."""
    fields = [(latin(name).lower().replace(b"_", b"-"), latin(value))
              for name, value in parser.headers.items()]
    first = latin(parser.first_line).split()
    message = Message((latin(parser.command), first[1], b"HTTP/" + latin(parser.version)),
                      fields)
    message.framing = "chunked" if parser.chunked else framing_of(fields)
    message.complete = parser.completed
    if parser.body_rcv is not None:
        message.body = parser.get_body_stream().read()
    return message


# --- h11 ---

def h11_next(connection, message):
    """The next event; bodies and trailers go into `message`."""
    event = connection.next_event()
    if isinstance(event, h11.Data):
        message.body += bytes(event.data)
    elif isinstance(event, h11.EndOfMessage):
        message.trailers = lower_fields(event.headers)
        message.complete = True
    return event


def read_h11(data):
    messages, connection = [], h11.Connection(h11.SERVER, BIG)
    connection.receive_data(data)
    try:
        while True:
            event = h11_next(connection, messages[-1] if messages else None)
            if event is h11.NEED_DATA:
                left = connection.trailing_data[0]
                cut = left.strip(b"\r\n") or (messages and not messages[-1].complete)
                return Stream(messages, "cut" if cut else "")
            if isinstance(event, h11.Request):
                fields = lower_fields(event.headers)
                messages.append(Message((event.method, event.target,
                                         b"HTTP/" + event.http_version), fields,
                                        framing_of(fields), complete=False))
            elif event is h11.PAUSED:
                return Stream(messages, "stops at a switch of protocols")
            elif isinstance(event, h11.EndOfMessage):
                connection.send(h11.Response(status_code=200,
                                             headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    return Stream(messages, "stops at Connection: close")
                if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
                    connection.start_next_cycle()
    except h11.ProtocolError as why:
        return Stream(messages, str(why))


def h11_response(event):
    fields = lower_fields(event.headers)
    return Message((b"HTTP/" + event.http_version, b"%d" % event.status_code, event.reason),
                   fields, framing_of(fields), complete=event.status_code < 200)


def read_h11_responses(data, methods, ended=True):
    """Each response is read by a client of its own, as pipelines are none of h11's."""
    messages = []
    for method in methods:
        if not data:
            break
        connection = h11.Connection(h11.CLIENT, BIG)
        try:
            connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
            connection.send(h11.EndOfMessage())
            connection.receive_data(data)
            if ended:
                connection.receive_data(b"")
            data = h11_one_response(connection, messages)
        except h11.ProtocolError as why:
            cut = "without sending complete" in str(why) or "closed connection" in str(why)
            return Stream(messages, "cut" if cut else str(why))
        if data is None:
            return Stream(messages, "stops")
    return Stream(messages, "more responses than requests" if data else "")


def h11_one_response(connection, messages):
    """Into `messages`; what is left of the bytes, or None when nothing can follow."""
    while True:
        event = h11_next(connection, messages[-1] if messages else None)
        if isinstance(event, (h11.InformationalResponse, h11.Response)):
            messages.append(h11_response(event))
        elif isinstance(event, h11.EndOfMessage):
            return connection.trailing_data[0]
        elif event is h11.NEED_DATA or event is h11.PAUSED or isinstance(
                event, h11.ConnectionClosed):
            return None


# --- Python's own ---

class Handler(http.server.BaseHTTPRequestHandler):
    """http.server without a socket, and with the body taken as most of its users take it."""
    protocol_version = "HTTP/1.1"

    def __init__(self, data):
        self.rfile = io.BytesIO(data)
        self.wfile = io.BytesIO()
        self.client_address = ("127.0.0.1", 1)
        self.requestline = self.request_version = self.command = ""
        self.close_connection = False

    def log_message(self, *_):
        pass

    def handle_expect_100(self):
        return True

    def next(self):
        """The next request, or None; whether it was refused."""
        self.raw_requestline = self.rfile.readline(BIG)
        if not self.raw_requestline:
            return None, ""
        if not self.raw_requestline.endswith(b"\n"):
            return None, "cut"
        if not self.parse_request():
            words = self.wfile.getvalue()
            return None, "refused" if words else "cut"
        fields = lower_fields(self.headers.raw_items())
        message = Message((latin(self.command), latin(self.path), latin(self.request_version)),
                          fields, framing_of(fields))
        return message, ""

    def read_body(self, message):
        if message.framing != "length":
            return
        message.length = int(message.all(b"content-length")[0])
        message.body = self.rfile.read(max(message.length, 0))
        message.complete = len(message.body) == message.length


def read_http_server(data):
    """It knows no chunked coding: with the first such request it ends."""
    messages, handler = [], Handler(data)
    while True:
        message, fault = handler.next()
        if message is None:
            return Stream(messages, fault)
        if message.framing == "chunked":
            return Stream(messages, "knows no chunked coding")
        try:
            handler.read_body(message)
        except (ValueError, OverflowError, MemoryError):
            return Stream(messages, "Content-Length")
        # It folds "//" at the front of a path, which is its own affair.
        message.first = (message.first[0], latin(handler.requestline).split()[1],
                         message.first[2])
        messages.append(message)
        if not message.complete:
            return Stream(messages, "cut")
        if handler.close_connection:
            return Stream(messages, "stops at Connection: close")


class Socket:
    """What http.client wants of one."""

    def __init__(self, stream):
        self.stream = stream

    def makefile(self, *_):
        return self.stream


class Unclosed(io.BytesIO):
    """http.client closes its file behind each response; the next reads on."""

    def close(self):
        pass


def read_http_client(data, methods, ended=True):
    messages, stream = [], Unclosed(data)
    for method in methods:
        if stream.tell() == len(data):
            break
        response = http.client.HTTPResponse(Socket(stream), method=method.decode("latin-1"))
        try:
            response.begin()
            if response.status < 200:
                return Stream(messages, "knows no 1xx but 100")
            fields = lower_fields(response.msg.raw_items())
            version = b"HTTP/1.0" if response.version == 10 else b"HTTP/1.1"
            message = Message((version, b"%d" % response.status, latin(response.reason)),
                              fields, framing_of(fields), complete=False)
            messages.append(message)
            message.body = response.read()
            message.complete = response.length in (0, None) and (
                ended or response.chunked or response.length == 0)
        except http.client.IncompleteRead as cut:
            if messages and not messages[-1].complete:
                messages[-1].body = cut.partial
            return Stream(messages, "cut")
        except (http.client.HTTPException, ValueError, OverflowError, MemoryError) as why:
            return Stream(messages, f"{type(why).__name__}: {why}")
        if response.will_close:
            return Stream(messages, "stops")
    return Stream(messages, "more responses than requests" if stream.tell() < len(data) else "")


SERVERS = {"http.server": read_http_server}
CLIENTS = {"http.client": read_http_client}
if gunicorn:
    SERVERS["gunicorn"] = read_gunicorn
if waitress:
    SERVERS["waitress"] = read_waitress
if h11:
    SERVERS["h11"] = read_h11
    CLIENTS["h11 client"] = read_h11_responses
