#!/bin/sh
# SPDX-License-Identifier: MIT
# look.sh - adit show, schema, modules, inspect, doctor
#
#    no network: only the program
#
# shellcheck disable=SC2034,SC2016,SC2015,SC1091
LIMIT=60 ONLY=adit AS_USER=1 NEED="python3"
. "$(dirname "$0")/../lib/netns.sh"

mkdir "$W/d" && cd "$W/d" || bail "no directory"
examples=$TESTDIR/../../examples
run() { "$ADIT" "$@" >"$W/out" 2>"$W/err" </dev/null; rc=$?; }
json() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$W/out" "$1" 2>&1; }

# ---- show
run show
is "show without a manifest prints the defaults" "$rc $(json 'd["adit"], d["stack"], d["platform"]["mtu"], d["limits"]["connect"]')" \
	"0 (1, '', 1500, '30s')"
for m in direct blocklist echo; do
	run show "$examples/$m.json"
	cp "$W/out" effective.json
	run check effective.json
	is "what show prints of $m.json is a manifest that check likes" "$rc $(cat "$W/err")" "0 "
	run show effective.json
	is "... and means the same" "$(json 'd == json.load(open("effective.json"))')" True
done
"$ADIT" show "$examples/direct.json" >a
"$ADIT" show --effective "$examples/direct.json" >b
same "--effective is the default" a b
run show --origin --set limits.flows=100 "$examples/direct.json"
like "--origin: a value of the file" "$(cat "$W/out")" '"namespace": "new", // .*examples/direct\.json:4:58$'
like "--origin: a value of the command line" "$(cat "$W/out")" '"flows": 100, // command line$'
like "--origin: a default" "$(cat "$W/out")" '"mtu": 1500, // default$'
cp "$W/out" origin.json
run check origin.json
is "... which is a manifest too" "$rc $(cat "$W/err")" "0 "
printf 'hush' >word
printf '{"adit":1,"x-note":"${file:word}","outbounds":[{"name":"a","module":"outbound-direct"}]}' >secret.json
run show secret.json
is "show prints no secret" "$(grep -c hush "$W/out")" 0
run show none.json
is "show of a manifest that is not there" "$rc $(cat "$W/out" "$W/err")" \
	"2 adit: none.json: No such file or directory; create it, or correct the path"

# ---- schema
run schema
is "schema is a JSON Schema" "$rc $(json 'd["$schema"]')" "0 https://json-schema.org/draft/2020-12/schema"
if python3 -c 'import jsonschema' 2>/dev/null; then
	cp "$W/out" schema.json
	cat >judge.py <<-'END'
		import json, re, sys
		import jsonschema
		schema = json.load(open("schema.json"))
		checker = jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)
		checker.check_schema(schema)
		text = re.sub(r"^\s*//.*$", "", open(sys.argv[1]).read(), flags=re.M)
		sys.exit(0 if checker(schema).is_valid(json.loads(text)) else 1)
	END
	for m in direct blocklist echo; do check "python3-jsonschema: $m.json is valid" python3 judge.py "$examples/$m.json"; done
	for text in '{}' '{"adit":1,"plattform":{}}' '{"adit":1,"shards":100}' '{"adit":1,"platform":{"module":"platform-linux","mtu":1}}' \
		'{"adit":1,"handlers":[{"module":"handler-direct","conect_first":true}]}'; do
		printf '%s' "$text" >bad.json
		check "python3-jsonschema refuses $text" sh -c '! python3 judge.py bad.json 2>judge.err && ! test -s judge.err'
	done
else
	skip "python3-jsonschema judges the examples" "it is not installed"
fi

# ---- modules
run modules
for m in handler-direct outbound-direct platform-linux stack-system; do
	like "modules lists $m" "$(cat "$W/out")" "^$m +[0-9.]+ +[A-Za-z]"
done
run modules handler-direct
is "modules NAME lists that one" "$rc $(cut -d' ' -f1 "$W/out")" "0 handler-direct"
run modules no-such
is "... or says that there is none" "$rc $(cat "$W/out" "$W/err")" \
	"1 adit: there is no module no-such; adit modules --why no-such tells where it was looked for"
run modules --json
is "--json has name, version, path, origin" "$(json '[sorted(m)[:3] for m in d if m["name"] == "handler-direct"]')" "[['name', 'origin', 'path']]"
own="$(dirname "$(readlink -f "$ADIT")")/lib/adit/modules/abi-1"
run modules --why handler-direct
is "--why: the place it was taken from, first" "$(sed -n 2p "$W/out" | sed "s,$own,OWN,")" \
	"taken    OWN/handler-direct.so: handler-direct $("$ADIT" --version | cut -d' ' -f2) (from the program's own tree)"
run modules --why no-such
is "--why of one that is nowhere" "$rc $(sed -n 2p "$W/out" | sed "s,$own,OWN,")" \
	"1 left     OWN/no-such.so: No such file or directory (from the program's own tree)"
mkdir -p mods
cp "$own/handler-direct.so" "$own/handler-direct.json" mods/
chmod 755 mods
run modules --why handler-direct --module-dir mods
like "--module-dir goes before" "$(sed -n 2p "$W/out")" '^taken .*/d/mods/handler-direct\.so: .*\(from --module-dir\)$'
ADIT_MODULE_PATH=$W/d/mods "$ADIT" modules --why handler-direct >"$W/out" 2>"$W/err"
like "ADIT_MODULE_PATH too" "$(sed -n 2p "$W/out")" '^taken .*/d/mods/handler-direct\.so: .*\(from ADIT_MODULE_PATH\)$'
ADIT_MODULE_PATH=mods "$ADIT" modules >"$W/out" 2>"$W/err"
is "... if absolute" "$(cat "$W/err")" \
	'adit: warning: ADIT_MODULE_PATH: "mods" is ignored: it is not absolute; write the whole path, from /'
run modules --safe-mode --module-dir mods
is "--safe-mode looks among the installed ones alone" "$(grep -c "$W/d/mods" "$W/out")" 0
chmod 777 mods
run modules --why handler-direct --module-dir mods
like "a directory that others may write into is refused" "$rc $(sed -n 2p "$W/out")" \
	'^1 refused .*/d/mods/handler-direct\.so: the directory is writable by everybody \(mode 0777\)'
chmod 755 mods

# ---- inspect
run inspect handler-direct
like "inspect: where it is, and that it can be loaded" "$rc $(tr '\n' ' ' <"$W/out")" "^0 path +$own/handler-direct.so .*loadable +yes \$"
run inspect --json handler-direct
is "inspect --json" "$(json 'd["name"], d["components"][0]["interface"], d["elf"]["exports"]')" \
	"('handler-direct', 'adit.handler/1', ['adit_module_1'])"
run inspect ./mods/handler-direct.so
is "inspect of a path" "$rc $(sed -n 's/^name  *//p' "$W/out")" "0 handler-direct"
head -c 1000 mods/handler-direct.so >mods/cut.so
run inspect ./mods/cut.so
like "inspect of a broken one says why" "$rc $(cat "$W/out")" "a segment is outside the file: it was cut short; install the file again"
is "... with status 1" $rc 1
head -c 5000 /dev/urandom >mods/noise.so
run inspect ./mods/noise.so
like "inspect of noise" "$rc $(tr '\n' ' ' <"$W/out")" '^1 .*loadable +no'
run inspect --json ./mods/noise.so
is "... as JSON" "$rc $(json 'd["loadable"]')" "1 False"
run inspect ./none.so
is "inspect of nothing" "$rc $(cat "$W/err")" "1 adit: ./none.so: there is no such file"
run inspect no-such
like "inspect of a name that is nowhere" "$rc $(cat "$W/err")" '^1 adit: there is no module no-such in [0-9]+ director'

# ---- doctor
run doctor
like "doctor: a line for each finding" "$(grep -vcE '^(ok|warn|BAD)  |^ +cure: ' "$W/out")" '^0$'
like "... about the TUN device too" "$(cat "$W/out")" '^(ok|warn|BAD) +TUN device '
bad=$(grep -c ^BAD "$W/out")
is "... and status 1 if something is missing" $rc $((bad > 0))
run doctor --json
is "doctor --json says the same" "$(json 'len([f for f in d if f["level"] == "bad"])')" "$bad"
rm -rf mods word ./*.json judge.py judge.err a b
is "nothing was written into the working directory" "$(ls -A)" ""
