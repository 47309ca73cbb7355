"""What tshark's dissector says of the advertisements on the wire."""
import socket
import struct
import subprocess
import time

import pytest

import pair
import segment

FIELDS = ("eth.dst", "ip.src", "ip.dst", "ip.ttl", "ip.dsfield", "ip.checksum.status", "ipv6.src",
          "ipv6.dst", "ipv6.hlim", "ipv6.plen", "vrrp.version", "vrrp.type", "vrrp.virt_rtr_id",
          "vrrp.prio", "vrrp.addr_count", "vrrp.auth_type", "vrrp.adver_int",
          "vrrp.short_adver_int", "vrrp.checksum.status", "vrrp.ip_addr", "vrrp.ipv6_addr",
          "vrrp.auth_string", "_ws.malformed", "_ws.expert.severity")
WARNING = 0x600000  # of the dissector's severities
CASES = {"v2": pair.PORTAL, "v3": pair.FAST, "v3 IPv6": pair.FAST.but(family=6)}


def capture(there, act, patience=8.0):
    """Calls act(), then collects frames of protocol 112 until the last has priority 0."""
    with there.inside("client"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sock.bind((segment.INTERFACE, 0))
    frames, end = [], time.monotonic() + patience
    sock.settimeout(0.2)
    time.sleep(0.5)
    act()
    while time.monotonic() < end and not (frames and priority_of(frames[-1]) == 0):
        try:
            frame = sock.recv(2048)
        except socket.timeout:
            continue
        if priority_of(frame) is not None:
            frames.append(frame)
    sock.close()
    return frames


def priority_of(frame):
    if frame[12:14] == b"\x08\0" and frame[23] == 112:
        return frame[14 + 4 * (frame[14] & 0xf) + 2]
    if frame[12:14] == b"\x86\xdd" and frame[20] == 112:
        return frame[14 + 40 + 2]
    return None


def dissect(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at, frame in enumerate(frames):
            f.write(struct.pack("=IIII", at, 0, len(frame), len(frame)) + frame)
    words = ["tshark", "-r", str(path), "-o", "ip.check_checksum:TRUE", "-T", "fields",
             "-E", "separator=;"]
    for field in FIELDS:
        words += ["-e", field]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(frames)
    return [dict(zip(FIELDS, line.split(";"))) for line in lines]


def check_well_formed(told, row, host):
    addresses = ",".join(told.addresses)
    expected = {"_ws.malformed": "", "vrrp.type": "1", "vrrp.virt_rtr_id": str(pair.VRID),
                "vrrp.version": str(told.version), "vrrp.checksum.status": "1",
                "vrrp.addr_count": str(len(told.addresses))}
    if told.family == 4:
        expected.update({"eth.dst": "01:00:5e:00:00:12", "ip.src": segment.ADDRESS[host],
                         "ip.dst": "224.0.0.18", "ip.ttl": "255", "ip.dsfield": "0xc0",
                         "ip.checksum.status": "1", "vrrp.ip_addr": addresses})
    else:
        expected.update({"eth.dst": "33:33:00:00:00:12", "ipv6.dst": "ff02::12",
                         "ipv6.hlim": "255", "vrrp.ipv6_addr": addresses})
        assert row["ipv6.src"].startswith("fe80:"), row
    if told.version == 2:
        expected.update({"vrrp.auth_type": "1", "vrrp.auth_string": told.password[:8],
                         "vrrp.adver_int": str(int(told.interval))})
    else:
        expected["vrrp.short_adver_int"] = str(int(told.interval * 100))
    assert {name: row[name] for name in expected} == expected
    severities = [int(word, 0) for word in row["_ws.expert.severity"].split(",") if word]
    assert all(value < WARNING for value in severities), row


@pytest.mark.tshark
@pytest.mark.waiting
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["hpcbal",
                                  pytest.param("keepalived", marks=pytest.mark.keepalived)])
def test_tshark_finds_the_advertisements_well_formed(lab, kind, name):
    """keepalived's too: what tshark finds right in both is what is on the wire elsewhere."""
    told = CASES[name]
    both = lab.pair(told, kind, kind)
    both.lb1.start()
    segment.wait_for(lambda: both.watch.has("lb1", told.vip), "lb1 to be master")
    frames = capture(lab.there, lambda: (time.sleep(2 * told.interval), both.lb1.orderly_stop()))
    rows = dissect(f"{lab.there.folder}/frames.pcap", frames)
    assert len(rows) >= 2
    for row in rows:
        check_well_formed(told, row, "lb1")
    priorities = [int(row["vrrp.prio"]) for row in rows]
    assert set(priorities[:-1]) == {told.priority["lb1"]} and priorities[-1] == 0, priorities
