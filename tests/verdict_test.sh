#!/usr/bin/env bash
# verdict_test.sh - a true scenario holds; turned false in any one number it fails, and says where,
# what, when, and how to see it again. MTALAB names the program.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=$(realpath -m "${MTALAB:-build/release/bin/mtalab}")
[ -x "$mtalab" ] || { echo "no program $mtalab" && exit 2; }
truth=$PWD/scenarios/efs/five-rows.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
export LC_ALL=C # "ok" and "FAIL" for the symbols
unset NO_COLOR CLICOLOR_FORCE
failures=0

complain() # WHAT...
{
    failures=$((failures + 1))
    echo "$*"
    sed 's/^/    /' stdout stderr | grep -A 5 FAIL | head -n 20
}

run() # EXIT ARGUMENTS...
{
    local got
    "$mtalab" run "${@:2}" >stdout 2>stderr
    got=$?
    [ $got = "$1" ] || complain "mtalab run ${*:2} ends with $got, not $1"
}

says() # NAME TEXT: one line of the summary is this, spaces around it apart
{
    sed 's/^ *//; s/  */ /g' stdout | grep -qxF -- "$2" || complain "$1: no line says: $2"
}

run 0 "$truth"
says 'the truth' 'all 7 expectations held.'
! grep -q '^replay' stdout || complain 'the truth: nobody needs to replay it'

# What sed does, and what is told: the expectation, observed and expected, its check, the instant, the
# line of the file.
while IFS='~' read -r edit id verdict check instant line; do
    for field in edit id verdict check instant line; do read -r "${field?}" <<<"${!field}"; done
    sed "$edit" "$truth" >false.yaml
    ! cmp -s "$truth" false.yaml || complain "$edit changes nothing"
    run 1 false.yaml
    says "$edit" "FAIL $id $verdict"
    says "$edit" "check: $check"
    says "$edit" "at $instant"
    says "$edit" "false.yaml:$line"
    says "$edit" '1 of 7 expectations failed.'
    replay=$(sed -n 's/^replay: mtalab run //p' stdout)
    [ -n "$replay" ] || complain "$edit: no replay command"
    eval "run 1 $replay" # as a person would paste it
    says "replay of $edit" "FAIL $id $verdict"
    says "replay of $edit" '1 of 1 expectation failed.'
done <<'TABLE'
s/success == 85%/success == 86%/ ~ end-state        ~ 85%, expected 86%                          ~ kpi.success == 86%                ~ 4d00h00m00s        ~ 74
s/success == 0%/success == 1%/   ~ row1-relayed     ~ 0%, expected 1%                            ~ kpi.success == 1%                 ~ 0.010s             ~ 51
s/fires: 100/fires: 101/         ~ row2-hard        ~ fired 100 times, expected 101 times        ~ fires: 101                        ~ 4d00h00m00s        ~ 54
s/fires: 900/fires: 899/         ~ row3-soft        ~ fired 900 times, expected 899 times        ~ fires: 899                        ~ 3d09h00m38.120200s ~ 58
s/fires: 900/fires: 901/         ~ row3-soft        ~ fired 900 times, expected 901 times        ~ fires: 901                        ~ 4d00h00m00s        ~ 58
s/fires: 150/fires: 151/         ~ row4-retry-wins  ~ fired 150 times, expected 151 times        ~ fires: 151                        ~ 4d00h00m00s        ~ 63
s/fires: 50/fires: 51/           ~ row5-retry-loses ~ fired 50 times, expected 51 times          ~ fires: 51                         ~ 4d00h00m00s        ~ 67
s/84h..84h1m/85h..86h/           ~ row5-retry-loses ~ 3d12h29.9998s, expected 85h..86h           ~ within: 85h..86h                  ~ 3d12h00m30.009400s ~ 68
s/sent) == 850/sent) == 851/     ~ end-state        ~ 850, expected 851                          ~ count(log.status == sent) == 851  ~ 4d00h00m00s        ~ 74
s/failed) == 150/failed) == 149/ ~ end-state        ~ 150, expected 149                          ~ count(log.status == failed) == 149 ~ 4d00h00m00s       ~ 74
TABLE

# The world may be wrong as well as the claim.
sed 's/count: 700/count: 701/' "$truth" >false.yaml
run 1 false.yaml
says 'one recipient more' '1 of 7 expectations failed.'

# What nothing was said about is not true.
cat >open.yaml <<'SCENARIO'
mtalab: 1
name: open
run: {until: 1h, seed: 1}
isps:
  rows:
    serves: [rows.test]
deliveries:
  spring:
    at: 0s
    to:
      - {pattern: "ok-%02d@rows.test", count: 3}
expect:
  - {id: too-late, by: 2h, check: kpi.sent == 4}
  - {id: no-longer-there, at: 2h, check: kpi.sent == 3}
  - {id: not-long-enough, eventually: kpi.sent == 3, hold: 2h}
  - {id: may-be-late, by: 2h, check: kpi.sent == 4, may_end_open: true}
  - {id: vacuous, when: bounce.hard, check: log.status == failed}
  - {id: none-is-a-number, when: bounce.hard, fires: 0}
SCENARIO
run 1 open.yaml
undecided='undecided: the run ended before its deadline'
says 'a deadline beyond the end' "FAIL too-late $undecided"
says 'an instant beyond the end' "FAIL no-longer-there $undecided"
says 'a hold beyond the end' "FAIL not-long-enough $undecided"
says 'may_end_open' "ok may-be-late $undecided"
says 'a check that nothing ever met' 'FAIL vacuous never applied, so it shows nothing'
says 'a check that wants nothing' 'ok none-is-a-number fired 0x'
says 'six' '4 of 6 expectations failed.'
run 0 open.yaml --only may-be-late
run 1 open.yaml --only vacuous

# A replay is a line for a shell, whatever the names are.
mkdir "it's here"
sed 's/fires: 100/fires: 101/' "$truth" >"it's here/a b.yaml"
run 1 "it's here/a b.yaml" --seed 9 --until 100h
replay=$(sed -n 's/^replay: mtalab run //p' stdout)
eval "run 1 $replay"
says 'replay of a file with a blank' 'FAIL row2-hard fired 100 times, expected 101 times'
grep -q 'seed 9' stdout || complain 'a replay keeps the seed'
[[ $replay == *'--until 4d4h'* ]] || complain "a replay keeps the end: $replay"

[ $failures = 0 ] || { echo "$failures complaints" && exit 1; }
