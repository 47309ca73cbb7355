"""A daemon with TLS in front of one server, and what clients do with it."""
import os
import subprocess

import daemon
import wire
from pki import TlsClient

GET = "GET /x HTTP/1.1\r\nHost: %s\r\n\r\n"

CONFIG = """\
node = "test";
proxy: { threads = %(threads)d; };
log: { target = "file:{folder}/hpcbal.log"; };
control: { socket = "{folder}/control.sock"; };
timeouts: { %(timeouts)s };
frontends = (
  { name = "front"; bind = ( { address = "{listen}"; %(bind)s tls: { certificates = ( %(certificates)s );
      %(tls)s }; } );
    %(frontend)s }
);
backends = ( { name = "main"; mode = "%(mode)s"; servers = (
  { name = "main1"; address = "%(origin)s"; check = false; } ); } );
"""


def config(origin, *certificates, threads=1, timeouts="", bind="", tls="", mode="http",
           frontend='default_backend = "main";'):
    return CONFIG % {"origin": "%s:%d" % origin.address, "threads": threads,
                     "timeouts": timeouts, "bind": bind, "tls": tls, "mode": mode,
                     "frontend": frontend + (' mode = "tcp";' if mode == "tcp" else ""),
                     "certificates": ", ".join(f'"{path}"' for path in certificates)}


def connect(running, ca, name="a.test", session=None, **options):
    return TlsClient(running.address, ca.context(**options), name, session)


def ask(client, host="a.test", path="/x"):
    return client.ask(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")


def s_client(address, *words, stdin=""):
    return subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % address, *words],
        input=stdin, capture_output=True, text=True, check=False, timeout=4 * wire.PATIENCE)


def session_of(running, ca, context):
    """A TLS 1.3 ticket comes behind the handshake, with the answer at the latest."""
    client = TlsClient(running.address, context, "a.test")
    assert not client.sock.session_reused
    assert ask(client).status == 200
    return client.sock.session


def resumes(running, context, session):
    client = TlsClient(running.address, context, "a.test", session)
    assert ask(client).status == 200
    return client.sock.session_reused


def check(folder, text):
    path = os.path.join(str(folder), "check.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("{folder}", str(folder)).replace("{listen}", "127.0.0.1:8443"))
    done = subprocess.run([os.path.join(daemon.build_folder(), "hpcbald"), "--check", "-f", path],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
