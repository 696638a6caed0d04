#!/bin/sh
# SPDX-License-Identifier: MIT
# 40-private.sh - a selection of the tests with TCP ended in form "private"
exec sh "$(dirname "$0")/conformance" system:private
