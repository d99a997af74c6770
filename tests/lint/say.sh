#!/bin/sh
# Every text in say(…, "…") has its row in policies/say_zh.def.
set -u
texts=$(python3 - <<'PY'
import glob, re
call = re.compile(r'\bsay\([^,()]+(?:\([^()]*\))?,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
for f in sorted(glob.glob("*/*.c") + glob.glob("*/*/*.c")):
    if f.startswith("tests/"):
        continue
    for m in call.finditer(open(f, encoding="utf-8").read()):
        print("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', m.group(1))))
PY
) || exit 1
[ -n "$texts" ] || exit 0
rows=$(sed -n 's/^ZH("\(.*\)", ".*")$/\1/p' policies/say_zh.def)
bad=$(printf '%s\n' "$texts" | LC_ALL=C sort -u | grep -vxF -e "$rows")
[ -z "$bad" ] || { printf 'policies/say_zh.def wants: %s\n' "$bad"; exit 1; }
