#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz/replay_control.sh - runs the seeds of fuzz_control through it; part of make check
exec ./tests/fuzz/fuzz_control_replay "$(dirname "$0")"/seeds-control/*
