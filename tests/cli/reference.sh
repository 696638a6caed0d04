#!/bin/sh
# SPDX-License-Identifier: MIT
# reference.sh - docs/MANIFEST.md and adit-manifest(5) say what the schemas say, and their manifests are good
#
#    no network: only the program
#
# shellcheck disable=SC2034,SC2016,SC2015,SC2012,SC1091
LIMIT=30 ONLY=adit NEED="python3"
. "$(dirname "$0")/../lib/netns.sh"

docs=$TESTDIR/../../docs
"$ADIT" schema >"$W/schema.json"
python3 "$docs/manifest-reference" markdown <"$W/schema.json" >"$W/markdown"
sed '1,/^<!-- made by make reference/d' "$docs/MANIFEST.md" >"$W/committed"
same "docs/MANIFEST.md is as make reference would write it" "$W/markdown" "$W/committed"
python3 "$docs/manifest-reference" man "$docs/man/adit-manifest.prose" <"$W/schema.json" >"$W/man"
same "docs/man/adit-manifest.5 too" "$W/man" "$docs/man/adit-manifest.5"
cmp -s "$W/markdown" "$W/committed" && cmp -s "$W/man" "$docs/man/adit-manifest.5" || note "the cure: make reference"

# Every key that the schemas know stands in both.
missing=$(python3 - "$W/schema.json" "$docs/MANIFEST.md" "$docs/man/adit-manifest.5" <<'END'
import json, sys
schema = json.load(open(sys.argv[1]))
texts = [open(p).read().replace("\\-", "-") for p in sys.argv[2:]]
keys = set(schema["properties"]) - {"$schema"}
for name, d in schema["$defs"].items():
    if "." in name and name.split(".")[1] not in ("handler-echo", "handler-blocklist"):
        keys |= set(d["properties"]) - {"$schema"}
print(len(keys) > 30, [k for k in sorted(keys) for t in texts if k not in t])
END
)
is "no key is left out" "$missing" "True []"

# The manifests of the page.
awk -v dir="$W" '/^```/ { if (inside) inside = 0; else if ($0 == "```json") { inside = 1; n++ } next } inside { print >(dir "/" n ".json") }' \
	"$docs/MANIFEST.md"
is "there are two manifests in docs/MANIFEST.md" "$(cd "$W" && ls -- [0-9]*.json | tr '\n' ' ')" "1.json 2.json "
for n in 1 2; do check "manifest $n of docs/MANIFEST.md is good" "$ADIT" check "$W/$n.json"; done
for what in 'limits.flows=100' 'stacks.system.form=private'; do
	check "--set $what, as the page says" "$ADIT" check --set "$what" "$W/1.json"
done
