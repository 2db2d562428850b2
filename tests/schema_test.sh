#!/usr/bin/env bash
# schema_test.sh - the JSON Schema that editors read is the one that the program knows, and every
# scenario in the tree names it.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=${MTALAB:-build/release/bin/mtalab}

"$mtalab" schema | diff - scenarios/scenario.v1.json ||
    { echo "run: mtalab schema >scenarios/scenario.v1.json" && exit 1; }
code=0
while read -r file; do
    schema=$(sed -n '1s/.*\$schema=//p' "$file")
    [ -n "$schema" ] && [ -f "$(dirname "$file")/$schema" ] ||
        { echo "$file: its first line names no schema" && code=1; }
done < <(find scenarios fakeisp/profiles -name '*.yaml')
exit $code
