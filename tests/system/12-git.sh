#!/bin/sh
# SPDX-License-Identifier: MIT
# 12-git.sh - git daemon: clone, push, fetch, over both families
#
#    client (git) ---- adit or veth ---- gateway ------------ servers (git daemon :9418)
#
# shellcheck disable=SC2034,SC1091
LIMIT=60 AS_USER=1 NEED="git openssl"
. "$(dirname "$0")/../lib/netns.sh"

export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
git config --global user.name tester && git config --global user.email tester@example.org
git config --global init.defaultBranch main
git config --global --add safe.directory '*'
topo
mkdir "$W/repos"
git init -q "$W/origin" || bail "git init"
for i in 1 2 3 4 5 6 7 8; do
	make_file "$W/origin/file$i" $((i * 700001))
	git -C "$W/origin" add . && git -C "$W/origin" commit -qm "file $i" || bail "git commit"
done
git clone -q --bare "$W/origin" "$W/repos/r.git" || bail "git clone --bare"
start git servers git daemon --reuseaddr --export-all --enable=receive-pack --base-path="$W/repos" --port=9418
await_port git servers tcp 9418
size=9000000
for a in $S4 $S6; do
	size=$((size + 1000))
	url=git://$(url_host $a)/r.git
	check "clone from $a" client git clone -q "$url" "$W/clone-$a"
	check "the clone of $a is sound" git -C "$W/clone-$a" fsck --full --strict
	is "the clone of $a is complete" "$(git -C "$W/clone-$a" rev-parse 'HEAD^{tree}')" "$(git -C "$W/repos/r.git" rev-parse 'main^{tree}')"
	make_file "$W/clone-$a/big" $size
	git -C "$W/clone-$a" add . && git -C "$W/clone-$a" commit -qm "big, by $a"
	check "push to $a" client git -C "$W/clone-$a" push -q origin main
	is "the push to $a is there" "$(git -C "$W/repos/r.git" rev-parse main)" "$(git -C "$W/clone-$a" rev-parse HEAD)"
	check "fetch from $a" client git -C "$W/clone-$a" fetch -q origin
done
