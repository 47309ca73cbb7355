"""What can be seen on a segment: which node has an address, since when (from the kernel's own
messages); the advertisements; who answers ARP. And packets that nobody there should have sent."""
import contextlib
import os
import select
import socket
import struct
import threading
import time

import segment

ETH_P_ARP = 0x0806
PROTOCOL = 112
GROUP, GROUP6 = "224.0.0.18", "ff02::12"
RTMGRP = 0x10 | 0x100  # IPv4 and IPv6 addresses
RTM_NEWADDR, RTM_DELADDR = 20, 21
SO_TIMESTAMPNS = 35
BROADCAST = b"\xff" * 6


def text_of(address):
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def bytes_of(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


class Advert:
    """An advertisement as the client's host hears it."""

    def __init__(self, at, source, data):
        self.at, self.source = at, source
        self.version = data[0] >> 4
        self.vrid, self.priority = data[1], data[2]
        words = struct.unpack_from("!H", data, 4)[0]
        self.interval = (words & 0xfff) / 100 if self.version == 3 else float(data[5])
        size = 16 if ":" in source else 4
        self.addresses = [text_of(data[8 + at:8 + at + size])
                          for at in range(0, data[3] * size, size)]

    def __repr__(self):
        return f"<{self.at:.3f} {self.source} v{self.version} priority {self.priority}>"


class Watch:
    """Watches a segment in a thread of its own; `moves` holds (when, host, address, is there),
    `adverts` and `announced` (when, host, address: gratuitous ARP) grow as things happen."""

    def __init__(self, there):
        self.there = there
        self.moves, self.adverts, self.announced = [], [], []
        self.present = {host: set() for host in segment.BALANCERS}
        self.sockets = {}
        self.ended = threading.Event()
        for host in segment.BALANCERS:
            with there.inside(host):
                sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.bind((0, RTMGRP))
            self.sockets[sock] = (self._hear_addresses, host)
        with there.inside("client"):
            self._open_client()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _open_client(self):
        index = socket.if_nametoindex(segment.INTERFACE)
        four = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
        four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("=4s4si", bytes_of(GROUP), bytes(4), index))
        six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, PROTOCOL)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                       bytes_of(GROUP6) + struct.pack("=i", index))
        arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
        arp.bind((segment.INTERFACE, ETH_P_ARP))
        for sock in (four, six, arp):
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sockets[four] = (self._hear_advert, 4)
        self.sockets[six] = (self._hear_advert, 6)
        self.sockets[arp] = (self._hear_arp, None)

    def close(self):
        self.ended.set()
        self.thread.join()
        for sock in self.sockets:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _work(self):
        with contextlib.suppress(OSError):  # this thread alone: it measures
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), segment.NICE)
        poll = select.poll()
        by_fd = {sock.fileno(): sock for sock in self.sockets}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        while not self.ended.is_set():
            for fd, _ in poll.poll(50):
                self._hear(by_fd[fd])

    def _hear(self, sock):
        handle, argument = self.sockets[sock]
        try:
            data, told, _, sender = sock.recvmsg(65536, 64)
        except OSError:  # the interface went down: nothing was heard
            return
        handle(time.monotonic() - self._age(told), data, sender, argument)

    @staticmethod
    def _age(told):
        """How long ago the kernel had this packet. Of addresses it does not say so."""
        for level, kind, data in told:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("=qq", data)
                return max(0.0, time.time() - seconds - nanoseconds / 1e9)
        return 0.0

    def _hear_addresses(self, now, data, _, host):
        while len(data) >= 16:
            size, kind = struct.unpack_from("=IH", data)
            if kind in (RTM_NEWADDR, RTM_DELADDR):
                self._note_address(now, host, kind == RTM_NEWADDR, data[16:size])
            data = data[(size + 3) & ~3:]

    def _note_address(self, now, host, is_there, body):
        attributes, address = body[8:], None
        while len(attributes) >= 4:
            size, kind = struct.unpack_from("=HH", attributes)
            if kind == 2 or (kind == 1 and address is None):  # IFA_LOCAL, else IFA_ADDRESS
                address = text_of(attributes[4:size])
            attributes = attributes[(size + 3) & ~3:]
        if (address in self.present[host]) != is_there:  # a renewed lease is no move
            (self.present[host].add if is_there else self.present[host].discard)(address)
            self.moves.append((now, host, address, is_there))

    def _hear_advert(self, now, data, sender, family):
        if family == 4:
            data = data[(data[0] & 0xf) * 4:]
        if len(data) >= 8:
            self.adverts.append(Advert(now, sender[0].split("%")[0], data))

    def _hear_arp(self, now, data, *_):
        if len(data) >= 42 and data[28:32] == data[38:42]:
            self.announced.append((now, self._host(data[22:28]), text_of(data[28:32])))

    def _host(self, mac):
        return self.there.mac.get(":".join(f"{byte:02x}" for byte in mac), "a stranger")

    # --- asking ---

    def has(self, host, address=segment.VIP):
        return address in self.present[host]

    def holders(self, address=segment.VIP):
        return [host for host in segment.BALANCERS if self.has(host, address)]

    def moves_of(self, since, address=segment.VIP):
        return [m for m in self.moves if m[2] == address and m[0] >= since]

    def arrivals(self, since, address=segment.VIP):
        """On which nodes the address appeared since then, in order."""
        return [host for _, host, _, there in self.moves_of(since, address) if there]

    def time_with(self, number, since, until, address=segment.VIP):
        """For how many seconds of this time so many nodes had the address."""
        present, total, last = set(), 0.0, since
        for when, host, where, there in self.moves + [(until, None, address, False)]:
            if where != address:
                continue
            when = min(when, until)
            if when > last:
                total += when - last if len(present) == number else 0.0
                last = when
            if host:
                (present.add if there else present.discard)(host)
        return total

    def adverts_of(self, host, since=0.0):
        mine = (segment.ADDRESS[host], self.link_local(host))
        return [a for a in self.adverts if a.at >= since and a.source in mine]

    def link_local(self, host):
        for mac, whose in self.there.mac.items():
            if whose == host:
                raw = bytes(int(part, 16) for part in mac.split(":"))
                raw = bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]
                return text_of(bytes.fromhex("fe80000000000000") + raw)
        raise KeyError(host)

    def who_answers(self, address=segment.VIP, patience=0.3):
        """The hosts that answer an ARP question for the address, asked by the client."""
        with self.there.inside("client"):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
            sock.bind((segment.INTERFACE, ETH_P_ARP))
        mac = sock.getsockname()[4]
        sock.send(BROADCAST + mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, 1)
                  + mac + bytes_of(segment.ADDRESS["client"]) + bytes(6) + bytes_of(address))
        found, end = set(), time.monotonic() + patience
        while time.monotonic() < end:
            sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = sock.recv(2048)
            except socket.timeout:
                break
            if len(data) >= 42 and data[20:22] == b"\0\2" and data[28:32] == bytes_of(address):
                found.add(self._host(data[22:28]))
        sock.close()
        return sorted(found)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def forge_v2(vrid, priority, password, interval=1, addresses=(segment.VIP,)):
    """A version 2 advertisement with a simple password, right in all but what is asked for."""
    body = struct.pack("!BBBBBBH", 0x21, vrid, priority, len(addresses), 1, interval, 0)
    body += b"".join(map(bytes_of, addresses)) + password.encode()[:8].ljust(8, b"\0")
    return body[:6] + struct.pack("!H", checksum(body)) + body[8:]


class Flood:
    """Sends a forged advertisement from the client every so often, until closed."""

    def __init__(self, there, data, every):
        with there.inside("client"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
            index = socket.if_nametoindex(segment.INTERFACE)
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                 struct.pack("=4s4si", bytes(4), bytes(4), index))
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        self.data, self.every, self.sent = data, every, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self):
        while not self.ended.wait(self.every):
            self.sock.sendto(self.data, (GROUP, 0))
            self.sent += 1

    def close(self):
        self.ended.set()
        self.thread.join()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
