#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""notifylog.py PATH - stands in for a service manager's notification socket: one line for each message, with its time"""
import os
import socket
import sys
import time

path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + path[1:] if path[0] == "@" else path)
began = time.monotonic()
print("listening", flush=True)
while True:
    text = s.recv(4096).decode(errors="replace").replace("\0", ".")
    print("%.3f %s" % (time.monotonic() - began, text.replace("\n", " | ")), flush=True)
