"""Real servers, each a process in a folder of its own, and real clients."""
import os
import shutil
import signal
import subprocess
import sys
import threading

import wire

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
# What a real client may take for all that it does, hung or not.
CLIENT_PATIENCE = 120 * wire.SLOWDOWN

NGINX = """
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  log_format short "$request_method $status $request_uri";
  access_log {folder}/access.log short;
  client_body_temp_path {folder}/store/.body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ text/html html; text/css css; text/javascript js; text/plain txt; image/png png; }}
  default_type application/octet-stream;
  sendfile on; client_max_body_size 0;
  gzip on; gzip_vary on; gzip_types text/plain text/css text/javascript;
  server {{
    listen {host}:{port} backlog=4096; root {folder}/html;
    location /store/ {{ root {folder}; dav_methods PUT DELETE; gzip off; }}
    location /any {{ default_type text/plain; return 200 "$request_method $arg_n\\n"; }}
  }}
}}
"""


def last_words(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()[-3000:]


class Server:
    """A program that serves at .address from start() on."""

    def __init__(self, folder, ready):
        self.folder = str(folder)
        self.ready = ready
        self.address = ("127.0.0.1", wire.free_port())
        self.log = os.path.join(self.folder, "stderr")
        self.process = None
        os.makedirs(self.folder, exist_ok=True)

    def start(self, command, **environment):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True,
                                            env=dict(os.environ, **environment))
        try:
            wire.wait_for(self.answers, f"{command[0]} to answer", 30 * wire.SLOWDOWN)
        except AssertionError as fault:
            raise AssertionError(f"{fault}; it said:\n{last_words(self.log)}") from None
        return self

    def answers(self):
        assert self.process.poll() is None, f"it ended:\n{last_words(self.log)}"
        try:
            client = wire.Client(self.address)
            client.send(f"GET {self.ready} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return client.read_response().status == 200
        except (OSError, TimeoutError, wire.Closed):
            return False

    def stop(self):
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGKILL)  # gunicorn's workers take seconds to end
        self.process.wait()


class Nginx(Server):
    """Files in .html; /store/ takes PUT; /any answers every method."""

    def __init__(self, folder):
        super().__init__(folder, "/any")
        self.html = os.path.join(self.folder, "html")
        self.store = os.path.join(self.folder, "store")
        self.access_log = os.path.join(self.folder, "access.log")  # METHOD STATUS URI
        shutil.copytree(os.path.join(HERE, "page"), self.html)
        os.makedirs(self.store)
        config = os.path.join(self.folder, "nginx.conf")
        host, port = self.address
        with open(config, "w", encoding="ascii") as f:
            f.write(NGINX.format(user="user root;" if os.getuid() == 0 else "",
                                 folder=self.folder, host=host, port=port))
        self.start(["nginx", "-p", self.folder, "-c", config])


class Flask(Server):
    """flask_site.py under gunicorn; `workers` requests at once."""

    def __init__(self, folder, workers):
        super().__init__(folder, "/flask/any")
        self.board = os.path.join(self.folder, "board")
        os.makedirs(self.board)
        host, port = self.address
        self.start([PYTHON, "-B", "-m", "gunicorn", "--preload", "--chdir", HERE, "--workers",
                    str(workers), "--worker-class", "sync", "--timeout", "120",
                    "--worker-tmp-dir", self.folder, "--log-level", "warning",
                    "--bind", f"{host}:{port}", "flask_site:app"],
                   REAL_BOARD=self.board, REAL_PATIENCE=str(20 * wire.SLOWDOWN))

    def has_note(self, name):
        return os.path.exists(os.path.join(self.board, name))

    def forget_notes(self, beginning):
        """Those of another test: who waits for one is to wait."""
        for name in os.listdir(self.board):
            if name.startswith(beginning):
                os.unlink(os.path.join(self.board, name))

    def progress(self, name):
        """Bytes that Flask has made of /flask/big?name=NAME."""
        try:
            with open(os.path.join(self.board, name), encoding="ascii") as f:
                return int(f.read())
        except FileNotFoundError:
            return 0


def run(*command, status=0, **options):
    """A client that runs to its end, with that status, or any; what it printed, as bytes."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False,
                          timeout=CLIENT_PATIENCE, **options)
    assert status is None or done.returncode == status, \
        f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def curl(*words, status=0, **options):
    return run("curl", "-sS", "--no-progress-meter", *words, status=status, **options)


def piped(*commands, stdin=None):
    """The commands one behind the other; what the last one printed. All must succeed."""
    running = []
    for command in commands:
        running.append(subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE,
            stdin=running[-1].stdout if running else stdin or subprocess.DEVNULL))
    for one in running[:-1]:
        one.stdout.close()
    try:
        out, _ = running[-1].communicate(timeout=CLIENT_PATIENCE)
        for one, command in zip(running, commands):
            assert one.wait(CLIENT_PATIENCE) == 0, f"{command} ended with {one.returncode}"
    finally:
        for one in running:
            if one.poll() is None:
                one.kill()
                one.wait()
    return out


LOCAL = threading.local()


class Later:
    """A call that runs in a thread of its own."""

    def __init__(self, function, *arguments):
        self.value = self.fault = None
        self.progress = 0
        self.thread = threading.Thread(target=self.call, args=(function, arguments), daemon=True)
        self.thread.start()

    @staticmethod
    def current():
        """The one in whose thread we are."""
        return LOCAL.later

    def call(self, function, arguments):
        LOCAL.later = self
        try:
            self.value = function(*arguments)
        except BaseException as fault:  # told to the one who asks for the result
            self.fault = fault

    def result(self):
        self.thread.join(CLIENT_PATIENCE)
        assert not self.thread.is_alive(), "it hangs"
        if self.fault:
            raise self.fault
        return self.value
