# SPDX-License-Identifier: MIT
# complete.bash - what bash would offer: complete.bash COMPLETION WORD... ; the last word is the one being typed
# shellcheck shell=bash disable=SC1090,SC2317
source "$1"
shift
# Only a running completion may change its options; what they change is not looked at here.
compopt() { :; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMPREPLY=()
_adit
printf '%s\n' "${COMPREPLY[@]}" | grep .
exit 0
