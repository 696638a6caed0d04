# SPDX-License-Identifier: MIT
"""wire.py - packets as bytes, and a device to send them into

Whatever is sent goes out of the device as if an application of this namespace had sent it, byte for byte. Answers are heard
on every interface, for a stack may bring them by the device or by local routing; the kernel's own sockets must not see
them (the caller has a firewall rule for its ports).
"""
import select
import socket
import struct
import time

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ip(src, dst, proto, payload, *, options=b"", ident=7, frag=0, total=None, ihl=None, sum_=None, ttl=64):
    """An IP packet; what is named otherwise is written otherwise."""
    if ":" in src:
        return struct.pack("!IHBB", 6 << 28, len(payload) if total is None else total, proto, ttl) + packed(src) + packed(dst) + payload
    words = 5 + len(options) // 4 if ihl is None else ihl
    size = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH", 4 << 4 | words, 0, size, ident, frag, ttl, proto, 0) + packed(src) + packed(dst) + options
    head = head[:10] + struct.pack("!H", checksum(head) if sum_ is None else sum_) + head[12:]
    return head + payload


def pseudo(src, dst, proto, size):
    if ":" in src:
        return packed(src) + packed(dst) + struct.pack("!II", size, proto)
    return packed(src) + packed(dst) + struct.pack("!HH", proto, size)


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", *, window=65535, offset=None, sum_=None):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       (5 if offset is None else offset) << 4, flags, window, 0, 0)
    got = checksum(pseudo(src, dst, 6, len(head + data)) + head + data)
    return head[:16] + struct.pack("!H", got if sum_ is None else sum_) + head[18:] + data


def udp(src, dst, sport, dport, data, *, size=None, sum_=None):
    head = struct.pack("!HHHH", sport, dport, 8 + len(data) if size is None else size, 0)
    got = checksum(pseudo(src, dst, 17, len(head + data)) + head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", got if sum_ is None else sum_) + data


def icmp(src, dst, kind, code, body):
    head = struct.pack("!BBH", kind, code, 0)
    total = checksum((pseudo(src, dst, 58, 4 + len(body)) if ":" in src else b"") + head + body)
    return struct.pack("!BBH", kind, code, total) + body


class Seen:
    """A packet that was heard: proto, src, dst, and the fields of its header."""

    def __init__(self, data):
        six = data[0] >> 4 == 6
        at = 40 if six else (data[0] & 15) * 4
        self.proto = data[6] if six else data[9]
        family, where, size = (socket.AF_INET6, 8, 16) if six else (socket.AF_INET, 12, 4)
        self.src = socket.inet_ntop(family, data[where:where + size])
        self.dst = socket.inet_ntop(family, data[where + size:where + 2 * size])
        body = data[at:]
        self.sport = self.dport = self.kind = None
        if self.proto == 6 and len(body) >= 20:
            self.sport, self.dport, self.seq, self.ack, off, self.flags, self.window = struct.unpack("!HHIIBBH", body[:16])
            self.data = body[(off >> 4) * 4:]
        elif self.proto == 17 and len(body) >= 8:
            self.sport, self.dport = struct.unpack("!HH", body[:4])
            self.data = body[8:]
        elif self.proto in (1, 58) and len(body) >= 8:
            self.kind, self.code = body[0], body[1]
            self.data = body[4:]

    def __str__(self):
        if self.proto == 6:
            return f"TCP {self.sport}>{self.dport} seq {self.seq} ack {self.ack} flags {self.flags:#x} {len(self.data)} bytes"
        return f"protocol {self.proto} type {self.kind} from {self.src}, {len(self.data)} bytes"


class Device:
    def __init__(self, name):
        self.name = name
        self.out = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.kept = []

    def send(self, packet):
        self.out.sendto(packet, (self.name, ETH_P_IPV6 if packet[0] >> 4 == 6 else ETH_P_IP))

    def expect(self, wanted, seconds=2.0):
        """The first packet to us for which wanted(packet) holds; None when time is up. Others are kept for later."""
        for i, p in enumerate(self.kept):
            if wanted(p):
                return self.kept.pop(i)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.heard], [], [], left)[0]:
                break
            data, where = self.heard.recvfrom(70000)
            if where[1] not in (ETH_P_IP, ETH_P_IPV6) or len(data) < 20:
                continue
            # What goes out of the device is ours; by the loopback device each packet is heard twice.
            if where[2] == socket.PACKET_OUTGOING:
                continue
            p = Seen(data)
            if wanted(p):
                return p
            self.kept.append(p)
        return None
