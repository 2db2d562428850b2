#!/usr/bin/env bash
# cli_test.sh - `mtalab` as a person and a CI meet it: commands, options, exit codes, what lands on
# stdout, on stderr and in files. MTALAB names the program.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=$(realpath -m "${MTALAB:-build/release/bin/mtalab}")
[ -x "$mtalab" ] || { echo "no program $mtalab" && exit 2; }
work=$(mktemp -d)
started=()
trap 'kill -9 "${started[@]}" 2>/dev/null; rm -rf "$work"' EXIT
cp -r scenarios "$work/" && cd "$work" || exit 2
export LC_ALL=C # "ok" and "FAIL" for the symbols
unset NO_COLOR CLICOLOR_FORCE GITHUB_STEP_SUMMARY
rows=scenarios/efs/five-rows.yaml
one=scenarios/efs/one-message.yaml
failures=0

has() # COMMAND: is it installed?
{
    command -v "$1" >/dev/null
}

complain() # WHAT...
{
    local line=${BASH_LINENO[1]}
    [ "$line" != 0 ] || line=${BASH_LINENO[0]}
    failures=$((failures + 1))
    echo "line $line: $*"
    head -n 8 stdout stderr | cut -c 1-160 | sed 's/^/    /'
}

run() # EXIT ARGUMENTS...: leaves stdout and stderr
{
    local got
    timeout 60 "$mtalab" "${@:2}" >stdout 2>stderr
    got=$?
    [ $got = "$1" ] || complain "mtalab ${*:2} ends with $got, not $1"
    ! grep -q 'Sanitizer\|runtime error\|Assertion' stderr || complain "mtalab ${*:2} crashed"
}

says() # TEXT: somewhere on stdout
{
    grep -qF -- "$1" stdout || complain "not on stdout: $1"
}

tells() # TEXT: somewhere on stderr
{
    grep -qF -- "$1" stderr || complain "not on stderr: $1"
}

silent() # FILE
{
    [ ! -s "$1" ] || complain "$1 is not empty"
}

is_json() # FILE
{
    ! has python3 || python3 -m json.tool "$1" >/dev/null 2>&1 || complain "$1 is not JSON"
}

same() # FILE FILE
{
    cmp -s "$1" "$2" || complain "$1 and $2 differ: $(diff "$1" "$2" | head -n 4)"
}

timeless() # stdout, without what depends on this machine's speed
{
    sed 's/ in [0-9.]* s (x[0-9,]*)/ in no time/' stdout
}

# --- words -------------------------------------------------------------------------------------

for word in help --help -h; do
    run 0 $word
    says 'mtalab run     FILE|DIR...'
    says '77 all skipped'
done
for word in version --version; do
    run 0 $word
    says 'mtalab 0.'
done

# What is wrong with a command line is said in one line on stderr, with the word that was meant.
while IFS='~' read -r arguments says; do
    read -r says <<<"$says"
    # shellcheck disable=SC2086 # words
    run 2 $arguments
    tells "mtalab: $says"
    silent stdout
    [ "$(wc -l <stderr)" = 1 ] || complain "$arguments: more than one line"
done <<TABLE
                           ~ what shall I do? See mtalab help
rnu $one                   ~ no command "rnu"; did you mean "run"?
frobnicate                 ~ no command "frobnicate"; see mtalab help
run                        ~ usage: mtalab run FILE|DIR...
show                       ~ usage: mtalab show FILE
why later-001              ~ usage: mtalab why RECIPIENT FILE
run $one --sed 7           ~ no option "--sed"; did you mean "--seed"?
run $one -x                ~ no option "-x"
run $one --seed            ~ --seed wants N
run $one --seed seven      ~ --seed wants a number, not "seven"
run $one --seeds 3..1      ~ --seeds wants A..B with A <= B, not "3..1"
run $one --twice=yes       ~ --twice takes no value
run $one -j 0              ~ -j wants 1 to 1024, not 0
run $one -j many           ~ -j wants a number, not "many"
run $one --shard 3/2       ~ --shard wants I/N with 1 <= I <= N, not "3/2"
run $one --until soon      ~ --until
run $one --until 0s        ~ --until wants a time after the start
run $one --format yaml     ~ no format "yaml" (human, json, tap, junit, github)
run $one --report junit    ~ --report wants KIND=FILE, not "junit"
run $one --report xml=x    ~ no format "xml"
run $one --color blue      ~ --color
run $one --set x           ~ --set wants NAME=VALUE, not "x"
run nowhere.yaml           ~ nowhere.yaml: No such file or directory
explain isps.limit         ~ no key "isps.limit" in the scenario language
why nobody $rows           ~ $rows has no recipient like "nobody"
TABLE
run 2 run $rows --only row2-hrad
tells "mtalab: $rows has no expectation \"row2-hrad\"; did you mean \"row2-hard\"?"

# --- reading without running -------------------------------------------------------------------

run 0 list
says 'efs-five-rows'
says 'Success % and sending-log status through the five feedback steps'
silent stderr
cp stdout all
run 0 list scenarios/efs/
[ "$(grep -c '\.yaml$' stdout)" = "$(find scenarios/efs -name '*.yaml' | wc -l)" ] ||
    complain 'list DIR lists something else'
run 0 check scenarios
[ "$(grep -c ': fine$' stdout)" = "$(find scenarios -name '*.yaml' | wc -l)" ] ||
    complain 'check DIR checks something else'
says ' not valid'
cp stdout checked
run 0 check -q $one
silent stdout
run 0 show --resolved $rows
says 'serves:'
cp stdout resolved.yaml
run 0 check resolved.yaml
run 0 schema
is_json stdout
says '"$schema"'
run 0 explain isps.limits.window
says 'window'
run 0 run --dry-run $rows
says '1,000'
! grep -q 'expectation' stdout || complain 'a dry run judges nothing'

# --- why ---------------------------------------------------------------------------------------

run 0 why later-001 $rows
silent stderr
says 'later-001@rows.example'
says 'rows      refuses at rcpt: 451 4.2.1 mailbox busy (rule busy-at-first)'
says 'mta       try 2 at mx1.rows.example deferred; class 70 Transient Failure'
says 'campaign  soft bounce: status unchanged, reason Unreachable, Soft'
says 'campaign  delivered: Sent'
[ "$(grep -c 'refuses' stdout)" = 2 ] || complain 'it is refused twice'
run 0 why 'never-001@*' $rows
[ "$(grep -c ' deferred;' stdout)" = 12 ] || complain 'twelve tries in 84 hours'
says '3d12h00m30.009400s  campaign  expired: Failed, reason Unreachable, Ignored'
run 0 why 'gone-0*' $rows
says 'campaign  hard bounce: Failed, reason User unknown, Hard'
says 'the end   Failed; the address is in quarantine'
says '... and more recipients'
[ "$(grep -c '^gone-' stdout)" = 20 ] || complain 'twenty recipients are enough'
run 0 why never-001 $rows --until 1h
says 'the end   Taken into account by the service provider'

# --- one after the other, side by side, in parts -----------------------------------------------

run 0 run scenarios/efs scenarios/mx
timeless >in-turn
says ' held, 0 failed'
run 0 run scenarios/efs scenarios/mx -j 2
timeless >side-by-side
same in-turn side-by-side
run 0 run scenarios/efs -v -j 2
[ "$(grep -c 'Delivery log' stdout)" = "$(find scenarios/efs -name '*.yaml' | wc -l)" ] ||
    complain '-v shows every table'
run 0 run scenarios/efs -q
[ "$(grep -c . stdout)" = 1 ] || complain '-q leaves one line'

for shard in 1/2 2/2; do
    run 0 check scenarios --shard $shard
    grep ': fine$' stdout
done | sort >in-parts
grep ': fine$' checked | sort >whole
same in-parts whole
run 77 check $one --shard 2/2
tells 'no file is left for shard 2 of 2'

run 0 run $one --seeds 1..3
for seed in 1 2 3; do says "one-message   seed $seed "; done
says '3 scenario runs: 3 held, 0 failed'
run 0 run $rows --seed=9 --twice
says 'seed 9'
run 1 run $rows --until 2h -j2 # what it expects comes later
says '2h virtual'
run 0 run $rows --until 2h --only never-goes-back
says 'the only expectation'
run 0 run --only row2-hard -- $rows

# --- results folder ----------------------------------------------------------------------------

sed 's/^report:.*/record: {events: story.jsonl}/' $rows >recorded.yaml
for folder in first second; do
    run 0 run recorded.yaml --out $folder/results
    tells "mtalab: results are in $folder/results"
done
for file in journal.bin result.json series.tsv story.jsonl; do
    [ -s first/results/$file ] || complain "no $file"
    same {first,second}/results/$file
done
[ "$(ls first/results | wc -l)" = 4 ] || complain "more than that: $(ls first/results)"
is_json first/results/result.json
events=$(sed -n 's/.* \([0-9,]*\) events .*/\1/p' stdout | tr -d ,)
[ "$(wc -l <first/results/story.jsonl)" = "$events" ] || complain 'a line for each event'
grep -qF '"event":"delivered"' first/results/story.jsonl || complain 'no delivery among the events'
! has python3 || python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)' <first/results/story.jsonl 2>stderr || complain 'no JSON lines'
if has gnuplot; then
    run 0 run $rows --out drawn
    [ -s drawn/kpi.svg ] || complain 'the scenario asks for a plot'
fi

mkdir again
cp $one again/one-message.yaml
run 0 run $one again/one-message.yaml $rows --seeds 4..5 --out many -j 2
tells 'mtalab: results are in many, a folder for each run'
for run in one-message-seed4 one-message-seed5 one-message-seed4-2 one-message-seed5-2 five-rows-seed5; do
    [ -s many/$run/result.json ] || complain "no folder $run"
done
run 4 run $one --out /dev/null/results
tells 'mtalab: /dev/null'
run 4 run $one --report json=nowhere/at/all.json
tells 'mtalab: nowhere/at/all.json'

# --- reports -----------------------------------------------------------------------------------

sed 's/fires: 100/fires: 101/' $rows >false.yaml
run 1 run false.yaml $one --report junit=r.xml --report json=r.json --report tap=r.tap \
    --report github=r.github --report human=r.txt
for format in json tap junit github; do
    run 1 run false.yaml $one --format $format
    silent stderr
    cp stdout "by-format.$format"
done
is_json by-format.json
is_json r.json
grep -q '^TAP version 14$' by-format.tap && grep -q '^not ok .*row2-hard' by-format.tap ||
    complain 'TAP without the failure'
[ "$(sed -n 's/^1\.\.//p' by-format.tap)" = "$(grep -c '^\(not \)\?ok ' by-format.tap)" ] ||
    complain 'TAP counts wrongly'
same by-format.tap r.tap
grep -q '<failure' by-format.junit && grep -q '<failure' r.xml || complain 'JUnit without the failure'
! has xmllint || xmllint --noout r.xml by-format.junit 2>stderr || complain 'JUnit is no XML'
grep -q '^::error file=false.yaml,line=54,' by-format.github || complain 'no annotation for GitHub'
same by-format.github r.github
grep -q 'row2-hard' r.txt || complain 'the summary does not say what failed'
GITHUB_STEP_SUMMARY=$work/summary.md run 1 run false.yaml --format github
grep -q 'row2-hard' summary.md || complain 'no page for GitHub'

# A file that is not valid is in the reports, with the reason.
sed 's/serves:/servs:/' $rows >invalid.yaml
run 3 run invalid.yaml $one --format junit
says 'invalid.yaml:18:5: unknown key &quot;servs&quot; in isps.rows (and 1 more error)'
tells 'invalid.yaml:18:5: error: unknown key "servs"'

# --- what a scenario requires ------------------------------------------------------------------

sed 's/^name: .*/&\nrequires: [gnuplot >= 99]/' $one >required.yaml
run 77 run required.yaml
says 'requires gnuplot >= 99, '
run 0 check required.yaml
run 0 run required.yaml $one
says '2 scenario runs: 1 held, 0 failed, 1 skipped'
run 77 run required.yaml --format tap
says '# SKIP requires gnuplot >= 99'
sed 's/^name: .*/&\nrequires: [gnuplot]/' $one >required.yaml
if has gnuplot; then
    run 0 run required.yaml
fi
mkdir no-gnuplot
PATH=$work/no-gnuplot "$mtalab" run required.yaml >stdout 2>stderr
[ $? = 77 ] || complain 'gnuplot is required, and not there'
says 'requires gnuplot'
mkdir profiles
sed '/^deliveries:/,$d' $one >profiles/slow.yaml
run 0 check profiles
run 77 run profiles
tells 'only profiles, nothing was run'

# --- plots -------------------------------------------------------------------------------------

if has gnuplot; then
    run 0 plot $rows --out plots
    says 'plots/kpi.svg'
    [ -s plots/kpi.svg ] && [ -s plots/kpi.png ] || complain 'no plots'
    run 0 plot $rows --text
    [ "$(wc -l <stdout)" -gt 20 ] || complain 'no plot in the terminal'
    run 0 run $rows --plot
    [ "$(wc -l <stdout)" -gt 60 ] || complain 'no plot behind the summary'
else
    echo 'no gnuplot here: plots are left out'
fi

# --- the terminal ------------------------------------------------------------------------------

escape=$'\033['
coloured() # YES OR NO
{
    case $1-$(grep -cF "$escape" stdout) in
    no-0 | yes-[1-9]*) ;;
    *) complain "colours: $1?" ;;
    esac
}
run 1 run false.yaml && coloured no # a file
run 1 run false.yaml --color always && coloured yes
export CLICOLOR_FORCE=1
run 1 run false.yaml && coloured yes
NO_COLOR=1 run 1 run false.yaml && coloured no
run 1 run false.yaml --color never && coloured no
unset CLICOLOR_FORCE
run 3 check invalid.yaml --color always
tells "$escape"
LC_ALL=C.UTF-8 run 1 run false.yaml
says '✗ row2-hard'

"$mtalab" run $one >/dev/full 2>stderr
[ $? = 4 ] || complain 'a full disk behind stdout'
tells 'stdout did not take everything'

# More than anybody waits for: days of retries for many.
cat >long.yaml <<'SCENARIO'
mtalab: 1
name: long
run: {until: 10d, seed: 1}
isps:
  rows:
    serves: [rows.test]
    rules:
      - {id: busy, stage: rcpt, to: u*, while: age(first_attempt) < 3d, reply: 451 4.2.1 mailbox busy}
deliveries:
  spring:
    at: 0s
    spread: 5d
    to:
      - {pattern: "u%07d@rows.test", count: 1000000}
expect:
  - {id: sent, at: end, check: kpi.sent == 1000000}
SCENARIO
sed 's/seed: 1}/seed: 1, wall_limit: 1s}/; s/count: 1000000/count: 100000/' long.yaml >hasty.yaml

if has script; then # its terminal is stderr only
    TERM=xterm script -qec "'$mtalab' run hasty.yaml >stdout" /dev/null </dev/null >stderr
    grep -q '^.*\[[#.]*\] .* of 10d' stderr || complain 'no bar on a terminal'
    ! grep -q '\[[#.]*\]' stdout || complain 'a bar on stdout'
fi

# --- what ends before its time -----------------------------------------------------------------

run 5 run hasty.yaml
says 'the wall-clock limit (run.wall_limit) is over'
run 5 run hasty.yaml $one false.yaml -j 3
says '3 scenario runs: 1 held, 2 failed'

begin() # ARGUMENTS...: beside us; returns when the run in out/long has begun
{
    rm -rf out
    "$mtalab" run "$@" --out out >stdout 2>stderr &
    started=($!)
    for _ in {1..600}; do
        [ -e out/journal.bin ] || [ -e out/long/journal.bin ] && return
        kill -0 "${started[0]}" || break
        sleep 0.1
    done
    complain "mtalab run $* does not begin"
}

ends_with() # EXIT: what begin() began
{
    local got
    wait "${started[0]}"
    got=$?
    started=()
    [ $got = "$1" ] || complain "ends with $got, not $1"
    ! grep -q 'Sanitizer\|runtime error\|Assertion' stderr || complain "it crashed"
}

children_of() # PID
{
    grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | cut -d / -f 3
}

begin long.yaml --report junit=partial.xml --report json=partial.json
kill -INT "${started[0]}"
ends_with 130
says 'interrupted'
grep -q 'interrupted' partial.xml || complain 'no partial report'
is_json partial.json
[ -s out/result.json ] || complain 'no partial results'
is_json out/result.json

begin long.yaml $one -j 2 --report junit=partial.xml
kill -TERM "${started[0]}"
ends_with 143
grep -q 'interrupted' partial.xml || complain 'no partial report of several'

# A process that is shot takes its own run with it, and no other.
begin long.yaml $one $rows -j 2 --report junit=shot.xml
for _ in {1..600}; do
    [ -s out/five-rows/result.json ] && break
    sleep 0.1
done
for _ in {1..100}; do # until only the long one is left
    children=$(children_of "${started[0]}")
    [ "$(wc -w <<<"$children")" = 1 ] && break
    sleep 0.1
done
# shellcheck disable=SC2086 # numbers
kill -KILL $children
ends_with 4
tells 'mtalab: long.yaml: the process of this run died (signal 9)'
says '3 scenario runs: 2 held, 1 failed'
says 'one-message'
grep -q 'died' shot.xml && grep -q 'efs-five-rows' shot.xml || complain 'not in the report'

[ $failures = 0 ] || { echo "$failures complaints" && exit 1; }
