"""What Flask serves, under gunicorn with sync workers. Each request may be in another
process: what they tell each other are files in $REAL_BOARD."""
import gzip
import hashlib
import os
import time

import flask

import blocks

app = flask.Flask(__name__)
BOARD = os.environ.get("REAL_BOARD", "/nonexistent")
PATIENCE = float(os.environ.get("REAL_PATIENCE", "20"))
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"]
PAGE = b"A line that gzip makes short.\n" * 2000


def wait_for_note(name):
    """The note's text, or None when nobody left it in time."""
    end = time.monotonic() + PATIENCE
    path = os.path.join(BOARD, name)
    while not os.path.exists(path):
        if time.monotonic() > end:
            return None
        time.sleep(0.002)
    with open(path, encoding="utf-8") as f:
        return f.read()


def leave_note(name, text):
    path = os.path.join(BOARD, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


@app.route("/flask/any", methods=METHODS)
def any_method():
    body = flask.request.get_data()
    return f"{flask.request.method} {flask.request.args.get('n')} {len(body)}\n"


@app.route("/flask/hash", methods=["PUT", "POST"])
def hash_body():
    """The checksum of the body, as it comes."""
    digest, size = hashlib.sha256(), 0
    while block := flask.request.stream.read(blocks.BLOCK):
        digest.update(block)
        size += len(block)
    return {"sha256": digest.hexdigest(), "size": size,
            "length": flask.request.headers.get("Content-Length"),
            "coding": flask.request.headers.get("Transfer-Encoding"),
            "expect": flask.request.headers.get("Expect")}


@app.route("/flask/hash-later/<name>", methods=["PUT"])
def hash_body_later(name):
    """Reads nothing of the body until a note is there."""
    leave_note(f"{name}.here", "")
    if wait_for_note(name) is None:
        return "nobody came", 500
    return hash_body()


@app.route("/flask/big/<int:size>")
def big(size):
    """Without a length, so gunicorn sends it in chunks. ?name= tells how far it is."""
    name = flask.request.args.get("name")

    def stream():
        made = 0
        for block in blocks.blocks(size):
            yield block
            made += len(block)
            if name:
                leave_note(name, str(made))
    return flask.Response(stream(), mimetype="application/octet-stream")


@app.route("/flask/events/<name>/<int:count>")
def events(name, count):
    """Server-sent events: the next one only after a note says that the last one has come."""
    def stream():
        for number in range(count):
            yield f"id: {number}\ndata: event {number}\n\n"
            if wait_for_note(f"{name}.{number}") is None:
                yield "event: fault\ndata: the last one did not arrive\n\n"
                return
        yield "event: end\ndata: all\n\n"
    return flask.Response(stream(), mimetype="text/event-stream",
                          headers={"Cache-Control": "no-cache"})


@app.route("/flask/poll/<name>")
def poll(name):
    """A long poll."""
    leave_note(f"{name}.{flask.request.args.get('n', '0')}.here", "")
    text = wait_for_note(name)
    return (text, 200) if text is not None else ("nobody came", 500)


@app.route("/flask/note/<name>", methods=["POST"])
def note(name):
    leave_note(name, flask.request.get_data(as_text=True))
    return "", 204


@app.route("/flask/cookies/<int:count>")
def cookies(count):
    """What cookies came, and as many new ones."""
    answer = flask.jsonify(flask.request.cookies)
    for number in range(count):
        answer.set_cookie(f"cookie{number}", f"value-{number}", path="/flask")
    return answer


@app.route("/flask/redirect/<int:code>", methods=METHODS)
def redirect(code):
    return flask.redirect("/flask/any?n=after", code=code)


@app.route("/flask/zipped")
def zipped():
    """Compressed by the application itself, which answers conditions about it, too."""
    answer = flask.Response(gzip.compress(PAGE, mtime=0), mimetype="text/plain")
    answer.headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding",
                           "ETag": '"zipped-1"'})
    return answer.make_conditional(flask.request)


@app.route("/flask/refuse", methods=["PUT"])
def refuse():
    """The final word before the body was looked at."""
    return "too much\n", 413


@app.route("/flask/echo", methods=["POST"])
def echo():
    return flask.jsonify(flask.request.get_json())
