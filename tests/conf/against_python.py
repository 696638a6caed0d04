#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# conf/against_python.py - the validator against python3-jsonschema: made-up schemas and values, and the joined schema
#
# usage: against_python.py VALIDATE   (the program made of validate.c). 77: the Python module is missing.
import json
import random
import subprocess
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("python3-jsonschema is not installed (tools/setup check)")
    sys.exit(77)

PROGRAM = sys.argv[1]
CASES = 4000
random.seed(20261120)
pick = random.choice

TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
PATTERNS = ["^a", "b$", "^[a-c]+$", "a|b", "x{2,}"]
KEYS = ["a", "b", "c", "ab"]


def value(depth=3):
    simple = [None, True, False, 0, 1, 1.0, 2.5, -3, 7, 10**15, "", "a", "ab", "abc", "xx", "\u00e9\u00e9"]
    if depth and random.random() < 0.5:
        if random.random() < 0.5:
            return [value(depth - 1) for _ in range(random.randrange(4))]
        return {k: value(depth - 1) for k in random.sample(KEYS, random.randrange(4))}
    return pick(simple)


def schema(depth=3):
    if random.random() < 0.05:
        return pick([True, False])
    out = {}
    for _ in range(random.randrange(1, 4)):
        key = pick(list(MAKERS) if depth else SIMPLE)
        out[key] = MAKERS[key](depth - 1)
    return out


def schemas(depth):
    return [schema(depth) for _ in range(random.randrange(1, 4))]


MAKERS = {
    "type": lambda d: pick(TYPES) if random.random() < 0.7 else random.sample(TYPES, 2),
    "enum": lambda d: [value(1) for _ in range(3)],
    "const": lambda d: value(1),
    "minimum": lambda d: pick([-1, 0, 1, 2.5]),
    "maximum": lambda d: pick([-1, 0, 1, 2.5]),
    "exclusiveMinimum": lambda d: pick([-1, 0, 1, 2.5]),
    "exclusiveMaximum": lambda d: pick([0, 1, 2.5, 10]),
    "minLength": lambda d: random.randrange(4),
    "maxLength": lambda d: random.randrange(4),
    "pattern": lambda d: pick(PATTERNS),
    "minItems": lambda d: random.randrange(4),
    "maxItems": lambda d: random.randrange(4),
    "uniqueItems": lambda d: True,
    "required": lambda d: random.sample(KEYS, random.randrange(3)),
    "$ref": lambda d: pick(["#/$defs/x", "#/$defs/y"]),
    "properties": lambda d: {k: schema(d) for k in random.sample(KEYS, 2)},
    "patternProperties": lambda d: {pick(PATTERNS): schema(d)},
    "additionalProperties": lambda d: schema(d),
    "items": lambda d: schema(d),
    "allOf": schemas,
    "anyOf": schemas,
    "oneOf": schemas,
    "not": lambda d: schema(d),
    "if": lambda d: schema(d),
    "then": lambda d: schema(d),
    "else": lambda d: schema(d),
}
SIMPLE = [k for k in MAKERS if k not in ("$ref", "properties", "patternProperties", "additionalProperties", "items",
                                         "allOf", "anyOf", "oneOf", "not", "if", "then", "else")]


def ask(arguments, lines):
    done = subprocess.run([PROGRAM] + arguments, input="\n".join(lines) + "\n", capture_output=True, text=True,
                          timeout=120, check=True)
    return done.stdout.split("\n")[:-1]


def compare(what, lines, ours, theirs):
    wrong = [(line, o, t) for line, o, t in zip(lines, ours, theirs) if o != t]
    for line, o, t in wrong[:10]:
        print(f"{what}: ours {o}, theirs {t}: {line}")
    valid = theirs.count("1")
    print(f"{what}: {len(theirs)} cases ({valid} valid), {len(wrong)} differ")
    return not wrong and len(ours) == len(theirs) and 0 < valid < len(theirs)


def made_up():
    lines, theirs = [], []
    for _ in range(CASES):
        one = schema()
        if isinstance(one, dict):
            # The definitions refer to nothing, so nothing can lead in circles.
            one["$defs"] = {"x": {pick(SIMPLE): None}, "y": {"type": pick(TYPES)}}
            key = next(iter(one["$defs"]["x"]))
            one["$defs"]["x"][key] = MAKERS[key](0)
        else:
            one = {"allOf": [one]}
        data = value()
        lines.append(json.dumps({"schema": one, "data": data}))
        theirs.append("1" if Draft202012Validator(one).is_valid(data) else "0")
    return compare("made-up schemas", lines, ask([], lines), theirs)


MANIFESTS = [
    {"adit": 1},
    {"adit": 2},
    {},
    {"adit": 1, "x-note": 5, "$schema": "s"},
    {"adit": 1, "shards": 65},
    {"adit": 1, "stack": ""},
    {"adit": 1, "stack": {"tcp": "lwip"}},
    {"adit": 1, "stack": {"tpc": "lwip"}},
    {"adit": 1, "limits": {"flows": 100, "x-why": "a"}},
    {"adit": 1, "limits": {"flws": 100}},
    {"adit": 1, "platform": {"module": "platform-linux", "mtu": 1500}},
    {"adit": 1, "platform": {"module": "platform-linux", "mtu": 70000}},
    {"adit": 1, "platform": {"module": "platform-linux", "mut": 1500}},
    {"adit": 1, "platform": {"module": "platform-none"}},
    {"adit": 1, "platform": {}},
    {"adit": 1, "outbounds": [{"name": "p", "module": "outbound-proxy", "server": "s", "tls": {"verify": True}}]},
    {"adit": 1, "outbounds": [{"name": "p", "module": "outbound-proxy", "server": "s", "tls": {"verfy": True}}]},
    {"adit": 1, "outbounds": [{"name": "p", "module": "outbound-proxy", "server": "s", "x-a": 1}]},
    {"adit": 1, "outbounds": [{"name": "p", "module": "outbound-proxy"}]},
    {"adit": 1, "outbounds": [{"module": "outbound-proxy", "server": "s", "mode": {"b": 1}}]},
    {"adit": 1, "outbounds": [{"module": "outbound-proxy", "server": "s", "mode": {"b": "x"}}]},
    {"adit": 1, "outbounds": [{"module": "outbound-direct", "server": "s"}]},
    {"adit": 1, "handlers": [{"module": "handler-direct", "outbound": "direct", "match": {"proto": "tcp", "port": [80]}}]},
    {"adit": 1, "handlers": [{"module": "handler-direct", "match": {"proto": "tpc"}}]},
    {"adit": 1, "handlers": [{"module": "handler-direct", "match": {"port": 65536}}]},
    {"adit": 1, "handlers": [{"module": "outbound-direct"}]},
]


def manifests():
    joined = json.loads(subprocess.run([PROGRAM, "--joined"], capture_output=True, text=True, check=True).stdout)
    Draft202012Validator.check_schema(joined)
    lines = [json.dumps(m) for m in MANIFESTS]
    theirs = ["1" if Draft202012Validator(joined).is_valid(m) else "0" for m in MANIFESTS]
    return compare("manifests against the joined schema", lines, ask(["--manifest"], lines), theirs)


sys.exit(0 if made_up() & manifests() else 1)
