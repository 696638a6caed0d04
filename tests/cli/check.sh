#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh - adit check: every kind of finding once, in its exact words, and the status
#
#    no network: only the program
#
# shellcheck disable=SC2034,SC2016,SC2015,SC1091
LIMIT=60 ONLY=adit AS_USER=1 NEED="python3"
. "$(dirname "$0")/../lib/netns.sh"

mkdir "$W/d" && cd "$W/d" || bail "no directory"
check_words() { "$ADIT" check "$@" >"$W/out" 2>"$W/err"; echo $? >"$W/rc"; }
finds() { # TEXT WANTED-STDERR MANIFEST [OPTION...]
	text=$1 want=$2
	printf '%s' "$3" >m.json
	shift 3
	check_words m.json "$@"
	is "$text" "$(cat "$W/rc" "$W/out" "$W/err")" "2
$want"
}

# ---- the file
check_words none.json
is "no such file" "$(cat "$W/err")" "adit: none.json: No such file or directory; create it, or correct the path"
check_words .
is "a directory" "$(cat "$W/err")" "adit: .: not a regular file; name an ordinary file"
finds "an empty file" "adit: m.json:1:1: the file ends too early; close what is open" ""
finds "an object that is not closed" "adit: m.json:1:11: the file ends too early; close what is open" '{"adit":1,'
finds "a key given twice" 'adit: m.json:1:11: "adit" is given twice in the same object; keep one of them' '{"adit":1,"adit":1}'

# ---- the host's own keys
finds "no version" 'adit: m.json:1:1: "adit" is missing; add "adit": 1' '{}'
finds "another version" 'adit: m.json:1:9: /adit: 2 is not known here; must be 1' '{"adit":2}'
finds "an unknown key" 'adit: m.json:1:11: /plattform: unknown key "plattform"; did you mean "platform"?' '{"adit":1,"plattform":{}}'
finds "a wrong type" 'adit: m.json:1:20: /shards: "2" is a text; must be an integer' '{"adit":1,"shards":"2"}'
finds "a list for an object" 'adit: m.json:1:22: /platform: a list is not what belongs here; must be an object' '{"adit":1,"platform":[]}'
finds "above the limit" 'adit: m.json:1:20: /shards: 100 is above 64; at most 64' '{"adit":1,"shards":100}'
finds "a word out of a list" \
	'adit: m.json:1:26: /log/level: "loud" is not known here; must be one of "trace", "debug", "info", "warn", "error"' \
	'{"adit":1,"log":{"level":"loud"}}'
finds "no duration" \
	'adit: m.json:1:32: /limits/idle_udp: "5 minutes" is not a duration; must be "1.5s" (units ns us ms s m h d) or a number of seconds' \
	'{"adit":1,"limits":{"idle_udp":"5 minutes"}}'
finds "lines and columns are counted" 'adit: m.json:3:13: /shards: -1 is below 0; at least 0' '{
  "adit": 1, // one
  "shards": -1
}'

# ---- modules
nowhere='install it, correct the name, or name its directory in /modules/path'
finds "no such module" "adit: m.json:1:33: /handlers/0/module: there is no module \"handler-dierct\"; $nowhere" \
	'{"adit":1,"handlers":[{"module":"handler-dierct"}]}'
finds "a module of another kind" \
	'adit: m.json:1:33: /handlers/0/module: module "outbound-direct" has no handler; use a module that has one' \
	'{"adit":1,"handlers":[{"module":"outbound-direct"}]}'
finds "a setting that the module does not know" \
	'adit: m.json:1:49: /platform/mtoo: unknown key "mtoo"; known here: name, mtu, addresses, routes, namespace, queues, offloads, fd, facts, mark, bypass_device' \
	'{"adit":1,"platform":{"module":"platform-linux","mtoo":9}}'
finds "no address with a prefix" \
	'adit: m.json:1:62: /platform/addresses/0: "10.0.0.300/8" is not a cidr; must be "10.0.0.0/8" or "fd00::/8"' \
	'{"adit":1,"platform":{"module":"platform-linux","addresses":["10.0.0.300/8"]}}'
finds "a stack that is not installed" \
	'adit: /stack: stack "none" is not installed: there is no module stack-none and no entry of that name in stacks; install the package adit-module-stack-none, or choose another; `adit modules` lists them' \
	'{"adit":1,"stack":"none"}'
finds "two that are not installed" \
	'adit: /stack: stack "one" is not installed: there is no module stack-one and no entry of that name in stacks; install the package adit-module-stack-one, or choose another; `adit modules` lists them
adit: /stack: stack "two" is not installed: there is no module stack-two and no entry of that name in stacks; install the package adit-module-stack-two, or choose another; `adit modules` lists them' \
	'{"adit":1,"stack":{"tcp":"one","udp":"two","icmp":"one"}}'

# ---- how it is joined
finds "two of one name" \
	'adit: m.json:1:62: /handlers/1: the handler "a" is there already (m.json:1:23); rename one, or say "override": true here to replace the other' \
	'{"adit":1,"handlers":[{"name":"a","module":"handler-direct"},{"name":"a","module":"handler-direct"}]}'
finds "an outbound that is not there" 'adit: m.json:1:61: /handlers/0/outbound: there is no outbound "plian"; did you mean "plain"?' \
	'{"adit":1,"handlers":[{"module":"handler-direct","outbound":"plian"}],"outbounds":[{"name":"plain","module":"outbound-direct"}]}'
finds "a port that is none" \
	'adit: m.json:1:66: /handlers/0/match/port: 0 has none of the forms allowed here; must be a port from 1 to 65535, or a range such as "8000-8080", or a list' \
	'{"adit":1,"handlers":[{"module":"handler-direct","match":{"port":0}}]}'
finds "a range downwards" \
	'adit: m.json:1:66: /handlers/0/match/port: "9-3" is not a port or a range; ports are 1 to 65535, and a range goes upwards: "8000-8080"' \
	'{"adit":1,"handlers":[{"module":"handler-direct","match":{"port":"9-3"}}]}'
finds "a network with an address in it" \
	'adit: m.json:1:69: /handlers/0/match/address: "10.1.2.3/8" has bits beyond its length; did you mean "10.0.0.0/8"?' \
	'{"adit":1,"handlers":[{"module":"handler-direct","match":{"address":"10.1.2.3/8"}}]}'

# ---- files and texts from elsewhere
finds "an include that is not there" 'adit: m.json:1:21: /include: none.json: there is no such file; create it, or correct the path' \
	'{"adit":1,"include":"none.json"}'
finds "a circle of includes" 'adit: m.json:1:21: /include: m.json: this file includes itself; break the circle' '{"adit":1,"include":"m.json"}'
finds "a variable that is not set" \
	'adit: m.json:1:26: /log/level: environment variable NO_SUCH is not set; set it, or write ${env:NO_SUCH:-default}
adit: m.json:1:26: /log/level: "${env:NO_SUCH}" is not known here; must be one of "trace", "debug", "info", "warn", "error"' \
	'{"adit":1,"log":{"level":"${env:NO_SUCH}"}}'
finds "a setting that nobody knows" 'adit: command line: /limitz: unknown key "limitz"; did you mean "limits"?' '{"adit":1}' --set limitz.flows=2
finds "a setting of a wrong type" 'adit: command line: /limits/flows: "many" is a text; must be an integer' '{"adit":1}' --set limits.flows=many
finds "all findings at once" 'adit: m.json:1:11: /logs: unknown key "logs"; did you mean "log"?
adit: m.json:1:29: /shards: 65 is above 64; at most 64' '{"adit":1,"logs":2,"shards":65}'

# ---- good ones
for m in direct blocklist echo; do
	check_words "$TESTDIR/../../examples/$m.json"
	like "examples/$m.json is good" "$(cat "$W/rc" "$W/out" "$W/err" | tr '\n' ' ')" "^0 .*examples/$m.json: good \$"
done
check_words --load "$TESTDIR/../../examples/direct.json"
is "... and can be made" "$(cat "$W/rc")" 0
LOG_LEVEL=debug "$ADIT" check --set 'log.level=${env:LOG_LEVEL}' "$TESTDIR/../../examples/direct.json" >/dev/null
is "a setting out of the environment" $? 0

# ---- for programs
printf '{"adit":1,"shards":"2"}' >m.json
check_words m.json --json
is "--json: one finding with its place" "$(python3 -c '
import json, sys
for f in json.load(open(sys.argv[1])): print(f["level"], f["file"], f["line"], f["column"], f["pointer"], f["text"], f["cure"], sep="|")' "$W/out")" \
	'error|m.json|1|20|/shards|"2" is a text|must be an integer'
is "... with the same status, and nothing else is said" "$(cat "$W/rc" "$W/err")" 2
check_words --json "$TESTDIR/../../examples/direct.json"
is "--json of a good one: an empty list" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1])))' "$W/out") $(cat "$W/rc")" "[] 0"
rm m.json
is "adit check wrote nothing" "$(ls -A)" ""
