#!/usr/bin/env bash
# check.sh - all tests, one line per step, one summary line at the end. `make check` calls it.
#
# Builds come first, one after the other, each with all cores. Everything after them runs side by
# side, and is reported in the order written here. A step that exits with 77 is skipped; the last
# line of its output is the reason.
set -u
cd "$(dirname "$0")/.." || exit 2
logs=build/check
passed=0 failed=0 skipped=0
rm -rf $logs && mkdir -p $logs

report() # NAME STATUS: what the log of that name says about it
{
    case $2 in
    0) passed=$((passed + 1)) && echo "ok    $1" ;;
    77) skipped=$((skipped + 1)) && echo "skip  $1: $(tail -n 1 "$logs/$1.log")" ;;
    *)
        failed=$((failed + 1)) && echo "FAIL  $1 (exit $2)"
        grep -v '^\[ *\(RUN\|OK\) *\]\|^cc  \|^link ' "$logs/$1.log" | tail -n 40 | sed 's/^/      /'
        ;;
    esac
}

step() # NAME COMMAND...: now
{
    "${@:2}" >"$logs/$1.log" 2>&1
    report "$1" $?
}

names=()
later() # NAME COMMAND...: beside others, as many as there are cores
{
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    names+=("$1")
    {
        "${@:2}" >"$logs/$1.log" 2>&1
        echo $? >"$logs/$1.status"
    } &
}

collect()
{
    wait
    for name in "${names[@]}"; do
        report "$name" "$(cat "$logs/$name.status")"
    done
    names=()
}

summary() # the last line, and the end
{
    printf '%d passed, %d failed' $passed $failed
    [ $skipped = 0 ] || printf ', %d skipped' $skipped
    echo
    [ $failed = 0 ]
    exit
}

needs() # COMMAND
{
    command -v "$1" >/dev/null || { echo "no $1 here" && return 77; }
}

build_with_clang()
{
    needs clang || return
    make FLAVOUR=fuzz CC=clang all unit fuzzers
}

format_is_ours()
{
    needs clang-format || return
    clang-format --version | grep -q 'version 14\.' || { echo "clang-format is not 14" && return 77; }
    find mta fakeisp scenarios reports tests -name '*.[ch]' -print0 |
        xargs -0 clang-format --dry-run --Werror
}

nothing_left_behind()
{
    local now
    now=$(git status --porcelain)
    [ "$tree" = "$now" ] || { diff <(echo "$tree") <(echo "$now"); return 1; }
}

export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
unset MTALAB_GOLDEN # writing them is a wish of its own
tree=$(git status --porcelain 2>/dev/null) && is_checkout=true || is_checkout=false
debug=$(make -s FLAVOUR=debug where)
release=$(make -s FLAVOUR=release where)
clang=$(make -s FLAVOUR=fuzz CC=clang where)
export MTALAB=$debug/bin/mtalab # what tests/*_test.sh run
export MTALAB_FOREIGN=$PWD/build/foreign # foreign MTAs, where they are not installed

step build-debug make FLAVOUR=debug all unit
step build-clang build_with_clang
step build-release make FLAVOUR=release all
[ $failed = 0 ] || summary # what follows would only say so again

later layers tests/layers.sh
later forbidden tests/forbidden.sh "$release"
later format format_is_ours
for source in tests/unit/test_*.c; do
    test=$(basename "$source" .c)
    later "$test" "$debug/tests/unit/$test"
    [ -x "$clang/tests/unit/$test" ] && later "$test-clang" "$clang/tests/unit/$test"
done
[ -d "$clang/tests/fuzz" ] && later fuzz tests/fuzz.sh -runs=20000 -seed=1
for script in tests/*_test.sh; do
    [ -x "$script" ] && later "$(basename "$script" .sh)" "$script"
done
if [ -f scenarios/main.c ]; then
    later scenarios-debug "$debug/bin/mtalab" run scenarios
    later scenarios-release "$release/bin/mtalab" run scenarios
    later same-seed env MTALAB="$release/bin/mtalab" tests/same_seed.sh
fi
collect
$is_checkout && step nothing-left-behind nothing_left_behind

summary
