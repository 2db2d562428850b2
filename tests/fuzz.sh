#!/usr/bin/env bash
# fuzz.sh - runs every fuzz target with the given options of libFuzzer, e.g. -max_total_time=30.
#
# A target fuzz_NAME starts from tests/fuzz/corpus/NAME/ and uses tests/fuzz/NAME.dict, if they are
# there. What it finds, and the inputs that made it fail, stay in build/.
set -eu
cd "$(dirname "$0")/.."
built=$(make -s FLAVOUR=fuzz CC=clang where)

for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    name=${target#fuzz_}
    found=$built/corpus/$name
    options=("$@" -max_len=4096 -timeout=10 -verbosity=0 -print_final_stats=1 -artifact_prefix="$built/")
    [ -f "tests/fuzz/$name.dict" ] && options+=(-dict="tests/fuzz/$name.dict")
    corpora=("$found")
    [ -d "tests/fuzz/corpus/$name" ] && corpora+=("tests/fuzz/corpus/$name")
    echo "$target"
    rm -rf "$found" && mkdir -p "$found" # so that two runs do the same
    "$built/tests/fuzz/$target" "${options[@]}" "${corpora[@]}"
done
