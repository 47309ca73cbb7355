"""Certificates for tests, made once by openssl, and clients and servers that speak TLS."""
import os
import ssl
import subprocess

import wire


def openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def key_options(kind):
    if kind == "rsa":
        return ["-newkey", "rsa:2048"]
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]


class Authority:
    """Signs certificates. `folder` has ca.pem, and of each NAME: NAME.crt, NAME.key and
    NAME.pem, which is both."""

    def __init__(self, folder, name="ca"):
        self.folder = str(folder)
        self.name = name
        os.makedirs(self.folder, exist_ok=True)
        openssl("req", "-x509", *key_options("ec"), "-nodes", "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:true",
                "-days", "30", "-keyout", self.path(name + ".key"),
                "-out", self.path(name + ".pem"))
        self.ca = self.path(name + ".pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as f:
            return f.read()

    def issue(self, name, *hosts, kind="ec", days=400, file=None, more=""):
        """The path of the new NAME.pem."""
        file = file or name
        names = ",".join(f"DNS:{host}" for host in hosts or (name,))
        openssl("req", *key_options(kind), "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.path(file + ".key"), "-out", self.path(file + ".csr"))
        with open(self.path(file + ".ext"), "w", encoding="ascii") as f:
            f.write(f"subjectAltName={names}\nbasicConstraints=CA:false\n{more}\n")
        openssl("x509", "-req", "-in", self.path(file + ".csr"), "-CA", self.ca,
                "-CAkey", self.path(self.name + ".key"), "-CAcreateserial", "-days", str(days),
                "-extfile", self.path(file + ".ext"), "-out", self.path(file + ".crt"))
        with open(self.path(file + ".pem"), "w", encoding="ascii") as f:
            os.chmod(f.fileno(), 0o600)
            f.write(self.read(file + ".crt") + self.read(file + ".key"))
        return self.path(file + ".pem")

    def context(self, **options):
        """Of a client that trusts this authority."""
        context = ssl.create_default_context(cafile=self.ca)
        context.options |= getattr(ssl, "OP_NO_RENEGOTIATION", 0)
        for name, value in options.items():
            setattr(context, name, value)
        return context


class TlsClient(wire.Client):
    """As wire.Client, over TLS. `name` is what is asked for (SNI) and verified; None: nothing is."""

    def __init__(self, address, context, name=None, session=None):
        super().__init__(address)
        if name is None:
            context.check_hostname = False
        self.raw = self.sock
        self.sock = context.wrap_socket(self.raw, server_hostname=name, session=session,
                                        suppress_ragged_eofs=False)
        self.truncated = False

    def fill(self, end):
        """The end has to be said: one without close_notify is noted."""
        if self.sock.pending():
            self.buf += self.sock.recv(65536)
            return True
        try:
            return super().fill(end)
        except ssl.SSLEOFError:
            self.truncated = True
            self.ended = True
            return False

    @property
    def serial(self):
        return self.sock.getpeercert()["serialNumber"]

    @property
    def names(self):
        return [name for _, name in self.sock.getpeercert()["subjectAltName"]]


class TlsOrigin(wire.Origin):
    """A server that speaks TLS; `context` may be changed between connections. What it counted:
    `handshakes`, `resumed`, `failed`, and the `names` that were asked for."""

    def __init__(self, context, **options):
        self.context = context
        self.handshakes = self.resumed = self.failed = 0
        self.names = []
        super().__init__(**options)
        context.sni_callback = lambda _sock, name, _context: self.names.append(name)

    def connection_of(self, sock):
        return TlsOriginConnection(self, sock)


class TlsOriginConnection(wire.OriginConnection):
    def serve(self):
        try:
            self.sock = self.origin.context.wrap_socket(self.sock, server_side=True)
        except (ssl.SSLError, OSError):
            self.origin.failed += 1
            self.sock.close()
            return
        self.origin.handshakes += 1
        self.origin.resumed += bool(self.sock.session_reused)
        super().serve()

    def fill(self, end):
        while isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            data = self.sock.recv(65536)
            self.received += data
            self.buf += data
            return True
        return super().fill(end)


def ends_with_notify(sock):
    """Reads a TLS socket to its end; whether that was said."""
    sock.settimeout(wire.PATIENCE)
    try:
        while sock.recv(65536):
            pass
    except ssl.SSLEOFError:
        return False
    return True
