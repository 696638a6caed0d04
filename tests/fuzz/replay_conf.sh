#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz/replay_conf.sh - runs the seeds of fuzz_conf through it; part of make check
exec ./tests/fuzz/fuzz_conf_replay "$(dirname "$0")"/seeds-conf/*
