#!/usr/bin/env bash
# fuzz.sh - runs every fuzz target with the given options of libFuzzer, e.g. -max_total_time=30.
#
# A target fuzz_NAME starts from tests/fuzz/corpus/NAME/ and uses tests/fuzz/NAME.dict, if they are
# there. What it finds, and the inputs that made it fail, stay in build/.
#
# A unit that hangs is not found by libFuzzer's own -timeout: it asks the C library for the time, and
# while a loop runs that is the loop's (base/libc_time.h). Here a target that takes a minute longer than
# it was given is aborted, which leaves the input it was at.
set -eu
cd "$(dirname "$0")/.."
built=$(make -s FLAVOUR=fuzz CC=clang where)
seconds=240 # of a number of runs
for option in "$@"; do
    [[ $option == -max_total_time=* ]] && seconds=${option#*=}
done

for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    name=${target#fuzz_}
    found=$built/corpus/$name
    options=("$@" -max_len=4096 -timeout=0 -verbosity=0 -print_final_stats=1 -artifact_prefix="$built/")
    [ -f "tests/fuzz/$name.dict" ] && options+=(-dict="tests/fuzz/$name.dict")
    corpora=("$found")
    [ -d "tests/fuzz/corpus/$name" ] && corpora+=("tests/fuzz/corpus/$name")
    echo "$target"
    rm -rf "$found" && mkdir -p "$found" # so that two runs do the same
    timeout -s ABRT $((seconds + 60)) "$built/tests/fuzz/$target" "${options[@]}" "${corpora[@]}"
done
