#!/usr/bin/env bash
# tls_test.sh - TLS with and without arithmetic tells the same story, and so do two runs with it.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=$(realpath -m "${MTALAB:-build/release/bin/mtalab}")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
code=0

play() # NAME SCENARIO
{
    mkdir -p "$out/$1"
    "$mtalab" run "$2" --out "$out/$1" >"$out/log" 2>&1 || { cat "$out/log" && return 1; }
}

for scenario in scenarios/tls/*.yaml; do
    name=$(basename "$scenario" .yaml)
    sed 's/^run: {/&tls: modelled, /' "$scenario" >"$out/$name.yaml"
    grep -q 'tls: modelled' "$out/$name.yaml" || { echo "$scenario: no line run:" && code=1; }
    play "$name/real" "$scenario" && play "$name/modelled" "$out/$name.yaml" || code=1
    cmp "$out/$name"/{real,modelled}/journal.bin || code=1
    "$mtalab" run --twice "$scenario" >"$out/log" 2>&1 || { cat "$out/log" && code=1; }
done
exit $code
