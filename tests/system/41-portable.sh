#!/bin/sh
# SPDX-License-Identifier: MIT
# 41-portable.sh - a selection of the tests with TCP ended in form "portable"
exec sh "$(dirname "$0")/conformance" system:portable
