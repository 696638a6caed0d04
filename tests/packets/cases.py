#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cases.py - exact packets into the live device, and the exact answers

usage: cases.py DEVICE CLIENT4 CLIENT6 SERVER4 SERVER6

At port 7 of the servers everything is echoed, at port 9 nobody listens. A case is a function; "ok NAME" or "not ok NAME:
WHY" for each. Every case has source ports of its own.
"""
import struct
import sys
import time

from wire import ACK, FIN, PSH, RST, SYN, Device, icmp, ip, tcp, udp

DEVICE, C4, C6, S4, S6 = sys.argv[1:6]
device = Device(DEVICE)
QUIET = 0.4  # seconds in which an answer would have come
ports = iter(range(40000, 41000))
cases = []


def case(function):
    cases.append(function)
    return function


class Flow:
    """Our side of a TCP connection."""

    def __init__(self, six=False, dport=7, isn=1000):
        self.src, self.dst = (C6, S6) if six else (C4, S4)
        self.sport, self.dport, self.seq, self.ack = next(ports), dport, isn, 0

    def send(self, flags, data=b"", **other):
        packet = {k: other.pop(k) for k in ("options", "ihl", "total", "ip_sum") if k in other}
        if "ip_sum" in packet:
            packet["sum_"] = packet.pop("ip_sum")
        seq, ack = other.pop("seq", self.seq), other.pop("ack", self.ack)
        device.send(ip(self.src, self.dst, 6, tcp(self.src, self.dst, self.sport, self.dport, seq, ack, flags, data, **other),
                       **packet))

    def is_mine(self, p):
        return p.proto == 6 and (p.src, p.dst, p.sport, p.dport) == (self.dst, self.src, self.dport, self.sport)

    def expect(self, flags, mask=FIN | SYN | RST | ACK, seconds=2.0, more=lambda p: True):
        p = device.expect(lambda p: self.is_mine(p) and p.flags & mask == flags and more(p), seconds)
        assert p, f"no segment with flags {flags:#x}; heard: {[str(k) for k in device.kept if self.is_mine(k)]}"
        return p

    def silence(self):
        p = device.expect(self.is_mine, QUIET)
        assert not p, f"silence was wanted, heard {p}"

    def open(self):
        self.send(SYN)
        p = self.expect(SYN | ACK)
        assert p.ack == self.seq + 1, f"SYN+ACK acknowledges {p.ack}, not {self.seq + 1}"
        self.seq += 1
        self.ack = p.seq + 1
        self.send(ACK)
        return self

    def receive(self, size):
        """The next bytes, in order, acknowledged."""
        got = b""
        while len(got) < size:
            p = self.expect(ACK, FIN | SYN | RST | ACK, more=lambda p: p.data and p.seq == self.ack & 0xFFFFFFFF)
            got += p.data
            self.ack += len(p.data)
            self.send(ACK)
        return got


def udp_flow(six=False):
    return (C6, S6, next(ports)) if six else (C4, S4, next(ports))


def is_answer(src, dst, sport):
    return lambda p: p.proto == 17 and (p.src, p.dst, p.dport) == (dst, src, sport)


def is_icmp(src, kind, code, quoted):
    return lambda p: p.proto in (1, 58) and p.dst == src and (p.kind, p.code) == (kind, code) and quoted in p.data


# ---- TCP


@case
def a_syn_is_answered():
    for six in False, True:
        Flow(six).open().send(RST)


@case
def a_syn_at_the_end_of_sequence_space():
    f = Flow(isn=0xFFFFFFFF)
    f.send(SYN)
    assert f.expect(SYN | ACK).ack == 0
    f.send(RST, seq=0)


@case
def a_closed_port_resets_with_the_right_numbers():
    for six in False, True:
        f = Flow(six, dport=9)
        f.send(SYN)
        p = f.expect(RST | ACK)
        assert (p.seq, p.ack) == (0, 1001), (p.seq, p.ack)


@case
def bytes_come_back():
    for six in False, True:
        f = Flow(six).open()
        f.send(ACK | PSH, b"hello world")
        f.seq += 11
        assert f.receive(11) == b"hello world"
        f.send(RST)


@case
def segments_out_of_order():
    f = Flow().open()
    f.send(ACK, b"world", seq=f.seq + 6)
    f.send(ACK, b"hello ")
    f.seq += 11
    assert f.receive(11) == b"hello world"
    f.send(RST)


@case
def a_segment_twice():
    f = Flow().open()
    f.send(ACK, b"once")
    f.send(ACK, b"once")
    f.seq += 4
    assert f.receive(4) == b"once"
    f.send(ACK, b"!")
    f.seq += 1
    assert f.receive(1) == b"!"
    f.send(RST)


@case
def our_fin_is_answered_with_a_fin():
    f = Flow().open()
    f.send(FIN | ACK, b"bye")
    f.seq += 4
    assert f.receive(3) == b"bye"
    p = f.expect(FIN | ACK)
    assert p.ack == f.seq, (p.ack, f.seq)
    f.ack = p.seq + 1 + len(p.data)
    device.kept.clear()  # an ACK of our FIN may have come before theirs
    f.send(ACK)
    f.silence()


@case
def simultaneous_close():
    f = Flow().open()
    f.send(ACK, b"quit")  # the server closes at this
    f.seq += 4
    p = f.expect(FIN | ACK)
    f.send(FIN | ACK, ack=p.seq)  # before we acknowledge its FIN
    f.seq += 1
    f.ack = p.seq + 1
    f.send(ACK)
    f.expect(ACK, more=lambda p: p.ack == f.seq)


@case
def a_reset_ends_a_connection_without_an_answer():
    f = Flow().open()
    f.send(RST)
    f.silence()
    f.send(ACK, b"late")
    f.expect(RST, mask=RST)


@case
def a_zero_window_holds_data_back_and_an_update_frees_it():
    f = Flow().open()
    f.send(ACK, b"x")
    f.send(ACK, b"held", seq=f.seq + 1, window=0)  # a later segment: every stack takes its window
    f.seq += 5
    p = device.expect(lambda p: f.is_mine(p) and b"held" in p.data, 0.15)
    assert not p, f"data in a window of 0: {p}"
    f.send(ACK, window=65535)
    assert f.receive(5) == b"xheld"
    f.send(RST)


@case
def a_stray_ack_is_reset_from_its_own_number():
    for six in False, True:
        f = Flow(six)
        f.send(ACK, ack=4242)
        p = f.expect(RST)
        assert p.seq == 4242, p.seq


@case
def strays_that_get_no_answer():
    for flags in RST, RST | ACK, 0, FIN, FIN | PSH | 32, SYN | FIN, SYN | RST:
        f = Flow()
        f.send(flags, ack=4242 if flags & ACK else 0)
        f.silence()


@case
def a_syn_again_gets_the_same_answer():
    f = Flow()
    f.send(SYN)
    first = f.expect(SYN | ACK)
    f.send(SYN)
    assert f.expect(SYN | ACK).seq == first.seq
    f.seq += 1
    f.send(RST)


# ---- headers


@case
def damaged_headers_get_silence():
    good = Flow()
    good.send(SYN)
    good.expect(SYN | ACK)
    for damage in ({"sum_": 1}, {"ip_sum": 1}, {"total": 2000}, {"total": 30}, {"ihl": 4}, {"ihl": 15}, {"offset": 4},
                   {"offset": 15}):
        f = Flow()
        f.send(SYN, **damage)
        f.silence()


@case
def ip_options():
    f = Flow()
    f.send(SYN, options=b"\x01\x01\x01\x00")  # no-operation: passed over
    f.expect(SYN | ACK)
    for options in b"\x83\x07\x04" + bytes(4) + b"\0", b"\x89\x07\x04" + bytes(4) + b"\0", b"\x07\x07\x04" + bytes(4) + b"\0", b"\x82\x00\0\0":
        f = Flow()
        f.send(SYN, options=options)  # source routes, record route, one of no length
        f.silence()


@case
def addresses_that_cannot_be():
    for src, dst in (S4, S4), ("127.0.0.1", S4), ("224.0.0.1", S4), (C4, "224.0.0.1"), (C4, "255.255.255.255"), (C4, "0.0.0.1"):
        f = Flow()
        f.src, f.dst = src, dst
        f.send(SYN)
        f.silence()


@case
def closed_addresses_are_prohibited():
    f = Flow()
    f.dst = "127.0.0.1"
    f.send(SYN)
    assert device.expect(is_icmp(C4, 3, 13, struct.pack("!HH", f.sport, 7))), "no ICMP error"
    f = Flow(True)
    f.dst = "::1"
    f.send(SYN)
    assert device.expect(is_icmp(C6, 1, 1, struct.pack("!HH", f.sport, 7))), "no ICMPv6 error"


# ---- datagrams


@case
def a_datagram_comes_back():
    for six in False, True:
        for data in b"x" * 700, b"", b"odd":
            src, dst, sport = udp_flow(six)
            device.send(ip(src, dst, 17, udp(src, dst, sport, 7, data)))
            p = device.expect(is_answer(src, dst, sport))
            assert p and p.data[:len(data)] == data, p


@case
def a_closed_port_is_unreachable():
    for six in False, True:
        src, dst, sport = udp_flow(six)
        kind, code = (1, 4) if six else (3, 3)
        device.send(ip(src, dst, 17, udp(src, dst, sport, 9, b"anybody?")))
        assert device.expect(is_icmp(src, kind, code, struct.pack("!HH", sport, 9))), "no ICMP error"


@case
def datagrams_with_wrong_lengths_and_sums_get_silence():
    for damage in {"size": 5}, {"size": 200}, {"size": 9}, {"sum_": 1}:
        src, dst, sport = udp_flow()
        device.send(ip(src, dst, 17, udp(src, dst, sport, 7, b"hello", **damage)))
        p = device.expect(is_answer(src, dst, sport), QUIET)
        assert not p, f"{damage}: {p}"


def fragments(src, dst, sport, cut, ident):
    whole = udp(src, dst, sport, 7, bytes(range(256)) * 4)
    return [ip(src, dst, 17, whole[:cut], ident=ident, frag=0x2000), ip(src, dst, 17, whole[cut:], ident=ident, frag=cut // 8)]


@case
def fragments_make_one_datagram_in_either_order():
    for order in 1, -1:
        src, dst, sport = udp_flow()
        for packet in fragments(src, dst, sport, 512, sport)[::order]:
            device.send(packet)
        p = device.expect(is_answer(src, dst, sport))
        assert p and p.data == bytes(range(256)) * 4, p


@case
def fragments_that_overlap_or_are_tiny_get_silence():
    src, dst, sport = udp_flow()
    first, last = fragments(src, dst, sport, 512, sport)
    whole = udp(src, dst, sport, 7, bytes(range(256)) * 4)
    device.send(first)
    device.send(ip(src, dst, 17, whole[504:520], ident=sport, frag=0x2000 | 504 // 8))
    device.send(last)
    assert not device.expect(is_answer(src, dst, sport), QUIET), "an overlap passed"
    f = Flow()
    segment = tcp(C4, S4, f.sport, 7, 1000, 0, SYN)
    device.send(ip(C4, S4, 6, segment[:8], ident=f.sport, frag=0x2000))
    device.send(ip(C4, S4, 6, segment[8:], ident=f.sport, frag=1))
    f.silence()


@case
def an_icmp_error_ends_a_datagram_flow_and_the_next_datagram_begins_one():
    src, dst, sport = udp_flow()
    device.send(ip(src, dst, 17, udp(src, dst, sport, 7, b"one")))
    assert device.expect(is_answer(src, dst, sport))
    quoted = ip(dst, src, 17, udp(dst, src, 7, sport, b"one"))
    device.send(ip(src, dst, 1, icmp(src, dst, 3, 3, bytes(4) + quoted)))
    time.sleep(0.2)  # it may come up by another queue than the datagrams
    device.send(ip(src, dst, 17, udp(src, dst, sport, 7, b"two")))
    p = device.expect(is_answer(src, dst, sport))
    assert p and p.data == b"two", p


# ---- echo


@case
def echo_requests_come_back_whole():
    for src, dst, proto, ask, tell in (C4, S4, 1, 8, 0), (C6, S6, 58, 128, 129):
        ident = next(ports)
        body = struct.pack("!HH", ident, 3) + b"0123456789" * 10
        device.send(ip(src, dst, proto, icmp(src, dst, ask, 0, body)))
        p = device.expect(lambda p: p.proto == proto and p.kind == tell and p.src == dst and p.data == body)
        assert p, "no echo reply with our identifier, number and data"


failed = 0
for function in cases:
    name = function.__name__.replace("_", " ")
    device.kept.clear()
    try:
        function()
        print("ok", name, flush=True)
    except AssertionError as e:
        failed = 1
        print(f"not ok {name}: {e}", flush=True)
sys.exit(failed)
