#!/bin/sh
# SPDX-License-Identifier: MIT
# conf/against_python.sh - runs against_python.py on the program of this build; part of make check
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
exec python3 "$(dirname "$0")/against_python.py" ./tests/conf/validate
