#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/fuzz/replay_elf.sh - runs the ELF fuzz target over every form of the hostile module and over our own modules
set -eu
exec tests/fuzz/fuzz_elf tests/abi/forms/*.so tests/abi/forms/*.json lib/adit/modules/abi-1/*.so
