"""What Python's own TLS client cannot do: a client by OpenSSL itself, for new keys in the middle of a
connection. It believes any certificate."""
import ctypes
import ctypes.util
import socket
import struct

import wire

SSL = ctypes.CDLL(ctypes.util.find_library("ssl"))
for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(SSL, name).restype = ctypes.c_void_p
SSL.SSL_CTX_new.argtypes = SSL.SSL_new.argtypes = [ctypes.c_void_p]
for name in ("SSL_connect", "SSL_do_handshake", "SSL_free", "SSL_CTX_free"):
    getattr(SSL, name).argtypes = [ctypes.c_void_p]
SSL.SSL_set_fd.argtypes = SSL.SSL_key_update.argtypes = [ctypes.c_void_p, ctypes.c_int]
SSL.SSL_write.argtypes = SSL.SSL_read.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]

REQUESTED = 1  # the other side is to take a new key, too


class Client:
    def __init__(self, address, room=None):
        self.sock = socket.socket()
        if room:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        limit = struct.pack("ll", int(6 * wire.PATIENCE), 0)  # the descriptor stays a blocking one
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.sock.setsockopt(socket.SOL_SOCKET, way, limit)
        self.sock.connect(address)
        self.context = SSL.SSL_CTX_new(SSL.TLS_client_method())
        self.ssl = SSL.SSL_new(self.context)
        SSL.SSL_set_fd(self.ssl, self.sock.fileno())
        assert SSL.SSL_connect(self.ssl) == 1

    def send(self, text):
        return SSL.SSL_write(self.ssl, text, len(text)) == len(text)

    def change_key(self):
        return SSL.SSL_key_update(self.ssl, REQUESTED) == 1 and SSL.SSL_do_handshake(self.ssl) == 1

    def read(self, n=65536):
        """Waits for something; b"": the end."""
        to = ctypes.create_string_buffer(n)
        got = SSL.SSL_read(self.ssl, to, n)
        return to.raw[:got] if got > 0 else b""

    def close(self):
        SSL.SSL_free(self.ssl)
        SSL.SSL_CTX_free(self.context)
        self.sock.close()


def closed(client):
    """The other side has ended the connection."""
    client.sock.settimeout(wire.PATIENCE)
    try:
        while client.sock.recv(65536):
            pass
    except ConnectionError:
        pass
    return True
