#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""followed.py - reads `tshark -z follow,tcp,raw,N` of one HTTP answer; prints the SHA-256 of its body"""
import hashlib
import sys

down = bytearray()
for line in sys.stdin:
    # What the server says is set in by a tab.
    if line.startswith("\t"):
        down += bytes.fromhex(line.strip())
print(hashlib.sha256(down.split(b"\r\n\r\n", 1)[-1]).hexdigest())
