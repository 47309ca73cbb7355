"""The daemon of the soak: its configuration and its reloads, and what is measured of it when all
its clients are gone."""
import itertools
import os
import shutil
import socket
import ssl
import time

import bad as bad_clients
import daemon
import pki
import talk
import wire

# For how long a peer that stalls is borne with, and what a good request may take beside such.
STALL = 5
BOUND = 4
# What may be more at the end than in the middle. Of the heap: libevent keeps some bytes of each
# descriptor's number that a thread of the proxy has seen.
GROWTH = {"heap": 4096, "descriptors": 0, "threads": 0}
REST = 30  # seconds in which everything has to be given back
# CPU seconds in half a second at rest: there are health checks, and nothing else.
RESTING = 0.1
MARK = b"hpcbal soak, heap count\0"  # in heap.c

CONFIG = """
node = "soak";
proxy: {{ threads = 2; }};
timeouts: {{ connect = "3s"; request = "{stall}s"; client = "{stall}s"; server = "{stall}s";
  keep_alive = "{stall}s"; tunnel = "60s"; fin = "{stall}s"; upstream_idle = "1s";
  proxy_header = "{stall}s"; tls_handshake = "{stall}s"; }};
log: {{ target = "file:{{folder}}/hpcbal.log"; }};
control: {{ socket = "{{folder}}/control.sock"; }};
frontends = ( {{ name = "front"; max_headers = {max_headers};
  bind = ( "{binds[http]}", {{ address = "{binds[named]}"; proxy_protocol = true; }},
    {{ address = "{binds[h2c]}"; h2c = true; }},
    {{ address = "{binds[tls]}"; tls: {{ certificates = ( "{{folder}}/front.pem" ); }}; }} );
  trusted_proxies = ( "127.0.0.0/8" );
  limits = ( {{ name = "requests"; rate = "10000/s"; }},
             {{ name = "connections"; connections = 1000; }},
             {{ name = "few"; when = "path_beg /l/"; rate = "{few}/s"; burst = {few}; }} );
  routes = ( {{ when = "path_beg /b/"; backend = "bad"; }},
             {{ when = "path_beg /h/"; backend = "headed"; }},
             {{ when = "path_beg /f/"; backend = "flapping"; }},
             {{ when = "path_beg /s/"; backend = "secured"; }},
             {{ when = "path_beg /t/"; backend = "two"; }},
             {{ when = "path_beg /u/"; backend = "twosecured"; }},
             {{ when = "path_beg /v/"; backend = "twobad"; }},
             {{ when = "path_beg /w/"; backend = "securedbad"; }} );
  default_backend = "sound"; }},
  {{ name = "raw"; mode = "tcp"; bind = ( "{binds[raw]}" ); default_backend = "raw"; }},
  {{ name = "rawbad"; mode = "tcp"; bind = ( "{binds[rawbad]}" ); default_backend = "rawbad"; }} );
backends = ( {sound}, {headed}, {bad}, {flapping}, {raw[raw]}, {raw[rawbad]}, {secured}, {two},
  {twosecured}, {twobad}, {securedbad} );
"""
SERVER_TLS = 'tls: {{ ca = "{folder}/tls/ca.pem"; sni = "{name}"; }};'
PATIENT = 'timeouts: { server = "60s"; };'
TWO = "http2 = true;"


class Site:
    def __init__(self, folder):
        def some(count):
            return [("127.0.0.1", wire.free_port()) for _ in range(count)]
        self.addresses = {"sound": some(2), "headed": some(2), "bad": some(3), "flapping": some(1),
                          "raw": some(2), "rawbad": some(2), "secured": some(2), "two": some(2),
                          "twosecured": some(2), "twobad": some(3), "securedbad": some(3)}
        # Where clients go; "named": behind a PROXY header; "raw…": in mode tcp; "tls", which is
        # "h2" when ALPN says so, and "bare" for who speaks no sound TLS.
        self.binds = {name: some(1)[0]
                      for name in ("http", "named", "raw", "rawbad", "tls", "h2c")}
        self.binds["h2"] = self.binds["bare"] = self.binds["tls"]
        self.folder = folder
        authority = pki.Authority(os.path.join(folder, "tls"))
        self.ca = authority.ca
        self.server_certificate = authority.issue("server", talk.NAME)
        self.certificates = itertools.cycle(
            [authority.issue(f"front{at}", talk.NAME, kind=kind)
             for at, kind in enumerate(("ec", "rsa"))])
        self.renew()
        self.reloads = 0
        self.heap_at = None
        self.daemon = daemon.Daemon(folder, config=self.config(), threads=2,
                                    listen=self.binds["http"])
        self.log_path = os.path.join(folder, "hpcbal.log")

    def config(self):
        """Every second reload another server is gone, and the other one back."""
        tls = SERVER_TLS.format(folder=self.folder, name=talk.NAME)
        binds = {name: "%s:%d" % address for name, address in self.binds.items()}
        raw = {name: daemon.backend(name, *self.addresses[name], more='mode = "tcp";')
               for name in ("raw", "rawbad")}
        return CONFIG.format(
            binds=binds, raw=raw, few=bad_clients.FEW, stall=STALL,
            max_headers=100 + self.reloads % 2,
            sound=daemon.backend("sound", *self.addresses["sound"], more=PATIENT),
            secured=daemon.backend("secured", *self.addresses["secured"], more=PATIENT,
                                   server_more=tls),
            two=daemon.backend("two", *self.addresses["two"], more=TWO + PATIENT),
            twosecured=daemon.backend("twosecured", *self.addresses["twosecured"],
                                      more=TWO + PATIENT, server_more=tls),
            twobad=daemon.backend("twobad", *self.some_of("twobad"),
                                  more=TWO + "check: { tcp = true; };"),
            securedbad=daemon.backend("securedbad", *self.some_of("securedbad"), server_more=tls,
                                      more="check: { tcp = true; tls = false; };"),
            bad=daemon.backend("bad", *self.some_of("bad")),
            headed=daemon.backend("headed", *self.addresses["headed"],
                                  server_more="send_proxy = 2;"),
            flapping=daemon.backend("flapping", *self.addresses["flapping"],
                                    more='check: { tcp = true; interval = "100ms"; rise = 1; '
                                         'fall = 2; };'))

    def some_of(self, name):
        addresses = self.addresses[name]
        return addresses[0], addresses[1 + self.reloads % 2]

    def renew(self):
        """Another certificate takes the place of the one that clients are shown."""
        path, fresh = os.path.join(self.folder, "front.pem"), next(self.certificates)
        shutil.copy(fresh, path + ".new")
        os.rename(path + ".new", path)
        with open(fresh, encoding="ascii") as f:
            self.shown = ssl.PEM_cert_to_DER_cert(f.read().partition("-----BEGIN PRIVATE")[0])

    def start(self):
        # Freed memory that lies in quarantine would look like memory that is held.
        os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=1:malloc_context_size=4:"
                                              "thread_local_quarantine_size_kb=64")
        self.daemon.start()

    def reload(self):
        """The configuration is another one behind it, and so is the certificate."""
        self.reloads += 1
        self.renew()
        self.daemon.write_config(self.config())
        self.daemon.ctl("reload")
        with socket.create_connection(self.binds["tls"], timeout=BOUND * wire.SLOWDOWN) as sock:
            context = ssl.create_default_context(cafile=self.ca)
            with context.wrap_socket(sock, server_hostname=talk.NAME) as client:
                assert client.getpeercert(True) == self.shown, "the certificate is an old one"

    def stop(self):
        self.daemon.stop()

    # --- at rest ---

    def open_now(self):
        """What the gauges say of connections: {name: value}, of those that are not 0."""
        told = {}
        for line in self.daemon.ctl("metrics").stdout.splitlines():
            name, _, value = line.rpartition(" ")
            if name.startswith(("hpcbal_frontend_connections{", "hpcbal_server_connections{")):
                told[name] = int(value)
        assert told, "there are no gauges"
        return {name: value for name, value in told.items() if value}

    def wait_for_rest(self):
        """Until no connection is left, on either side, and the proxy does nothing. It is measured
        with the same configuration and certificate each time: others are of another size."""
        if self.reloads % 2:
            self.reload()
        self.daemon.check_alive()
        self.daemon.check_words()
        end = time.monotonic() + REST
        while (left := self.open_now()) and time.monotonic() < end:
            time.sleep(0.1)
        assert not left, f"not given back: {left}"
        before = self.cpu()
        time.sleep(0.5)
        spent = self.cpu() - before
        assert spent <= RESTING, f"{spent} s of CPU in half a second at rest"
        dropped = self.metric("hpcbal_log_dropped_total")
        assert dropped == 0, f"{dropped} log lines were dropped: the books cannot agree"

    def metric(self, name):
        lines = self.daemon.ctl("metrics").stdout.splitlines()
        return next(int(line.split()[-1]) for line in lines if line.startswith(name + " "))

    def proc(self, *path):
        return os.path.join("/proc", str(self.daemon.first_proxy), *path)

    def cpu(self):
        with open(self.proc("stat"), encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self):
        """Of the proxy: KiB resident, threads, bytes allocated, and open descriptors; the last
        two 0 for unknown, since not everybody may look into another user's process."""
        with open(self.proc("status"), encoding="ascii") as f:
            resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        heap = descriptors = 0
        try:
            descriptors = min(len(os.listdir(self.proc("fd"))) for _ in range(20))
            heap = self.heap()
        except PermissionError:
            pass
        return {"heap": heap, "resident_kib": resident, "descriptors": descriptors,
                "threads": len(os.listdir(self.proc("task")))}

    def heap(self):
        """What heap.c counts; the least of some looks, since health checks go on."""
        at = self.heap_at or self.find_heap()
        with open(self.proc("mem"), "rb", buffering=0) as f:
            def look():
                time.sleep(0.01)
                return int.from_bytes(os.pread(f.fileno(), 8, at), "little")
            return min(look() for _ in range(30))

    def find_heap(self):
        """The address of its count, in the program's own data."""
        program = os.path.realpath(os.path.join(daemon.build_folder(), "hpcbald"))
        with open(self.proc("maps"), encoding="utf-8") as f:
            parts = [line.split()[0] for line in f
                     if line.rstrip().endswith(program) and " rw-p " in line]
        with open(self.proc("mem"), "rb", buffering=0) as f:
            for part in parts:
                start, end = (int(number, 16) for number in part.split("-"))
                found = os.pread(f.fileno(), end - start, start).find(MARK)
                if found >= 0:
                    self.heap_at = start + found + len(MARK)
                    return self.heap_at
        raise AssertionError(f"{program} does not count its heap")
