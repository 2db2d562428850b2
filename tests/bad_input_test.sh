#!/usr/bin/env bash
# bad_input_test.sh - what a person may do wrong to a scenario file: a sentence with its place on
# stderr and exit 3, from `check` and from `run`, and never a crash. MTALAB names the program.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=$(realpath -m "${MTALAB:-build/release/bin/mtalab}")
[ -x "$mtalab" ] || { echo "no program $mtalab" && exit 2; }
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0

complain() # WHAT...
{
    failures=$((failures + 1))
    echo "$*"
    sed 's/^/    /' stderr | cut -c 1-200 | head -n 12
}

expect() # NAME EXIT SAYS ARGUMENTS...: `check` and `run` end so, say so, and write no results
{
    local name=$1 code=$2 says=$3 command got
    for command in check run; do
        timeout 20 "$mtalab" "$command" "${@:4}" >stdout 2>stderr
        got=$?
        [ $got = "$code" ] || complain "$name: $command ends with $got, not $code"
        grep -qF -- "$says" stderr || complain "$name: $command does not say: $says"
        ! grep -q 'Sanitizer\|runtime error\|Assertion' stderr || complain "$name: $command crashed"
        [ ! -s stdout ] || complain "$name: $command has something to say on stdout"
    done
}

cat >base.yaml <<'SCENARIO'
mtalab: 1
name: base
run: {until: 1h, seed: 1}
params:
  share: {type: percent, default: 10%, about: how many are gone}
isps:
  rows:
    serves: [rows.test]
    hosts: {mx1: {rtt: 40ms}}
    rules:
      - {id: gone, stage: rcpt, to: gone-*, share: $share, reply: 550 5.1.1 nobody}
mta:
  retry: {first: 20m, factor: 2, cap: 12h}
deliveries:
  spring:
    at: 0s
    to:
      - {pattern: "ok-%02d@rows.test", count: 3}
expect:
  - {id: sent, when: delivered, fires: 3}
SCENARIO
for command in check run; do
    "$mtalab" $command base.yaml >stdout 2>stderr || complain "nothing is wrong with it yet"
done

# Name, what sed does to base.yaml, and what is said behind "bad.yaml:".
while IFS='~' read -r name edit says; do
    read -r name <<<"$name" && read -r edit <<<"$edit" && read -r says <<<"$says"
    sed "$edit" base.yaml >bad.yaml
    ! cmp -s base.yaml bad.yaml || complain "$name: $edit changes nothing"
    expect "$name" 3 "bad.yaml:$says" bad.yaml
done <<'TABLE'
unknown key            ~ s/serves:/servs:/                   ~ 8:5: error: unknown key "servs" in isps.rows
a key too deep         ~ s/rtt: 40ms/rtt: {is: 40ms}/        ~ 9:24: error: isps.rows.hosts.mx1.rtt
wrong unit             ~ s/40ms/40 parsecs/                  ~ 9:24: error: isps.rows.hosts.mx1.rtt: expected a duration
no unit                ~ s/40ms/40/                          ~ 9:24: error: isps.rows.hosts.mx1.rtt: expected a duration
duration without end   ~ s/until: 1h/until: forever/         ~ 3:14: error: run.until: expected a duration
reply without code     ~ s/550 5.1.1 nobody/no such person/  ~ 11:67: error: isps.rows.rules.gone.reply: "no such person" is not a reply
reply of two digits    ~ s/550 5.1.1/55 5.1.1/               ~ 11:67: error: isps.rows.rules.gone.reply
duplicate key          ~ s/name: base/&\nname: again/        ~ 3:1: error: "name" is given twice
duplicate key, nested  ~ s/stage: rcpt/&, stage: mail/       ~ 11:33: error: "stage" is given twice
unknown stage          ~ s/stage: rcpt/stage: helo/          ~ 11:27: error: isps.rows.rules.gone.stage
unknown alias          ~ s/seed: 1/seed: *luck/              ~ 3:24: error: there is no anchor &luck
extends itself         ~ 1a extends: bad.yaml                ~ 2:10: error: extends goes round in a circle
extends nothing        ~ 1a extends: nowhere.yaml            ~ 2:10: error: cannot read nowhere.yaml
not YAML               ~ s/id: sent/id: [/                   ~ 20:38: error:
another language       ~ s/mtalab: 1/mtalab: 2/              ~ 1:9: error: version 1 of the language
no version             ~ 1d                                  ~ 1:1: error: a scenario begins with
missing CSV            ~ s/pattern:.*count: 3/csv: no.csv/   ~ 18:15: error: cannot read no.csv
recipient without @    ~ s/%02d@rows/%02d.rows/              ~ 18:20: error: ok-
ISP without domains    ~ s/serves: .*/serves: []/            ~ 8:13: error: isps.rows serves no domain
ISP without serves     ~ /serves:/d                          ~ 8:5: error: "serves" is missing in isps.rows
unknown event          ~ s/when: delivered/when: delivred/   ~ 20:22: error: there is no event "delivred"
event of returned mail ~ s/when: delivered/when: dsn.received/ ~ 20:22: error: nobody writes "dsn.received"
event of limits        ~ s/when: delivered/when: limit.hit/  ~ 20:22: error: nobody writes "limit.hit"
unknown KPI            ~ s/fires: 3/check: kpi.succes == 1/  ~ 20:40: error: there is no KPI "succes"
duration as a number   ~ s/fires: 3/check: kpi.sent == 1s/   ~ 20:52: error: cannot compare a number with a duration
two of one id          ~ $a\  - {id: sent, at: end, check: kpi.sent == 3} ~ 21:10: error: there are two expectations called "sent"
nothing is expected    ~ /id: sent/d; s/^expect:/& []/         ~ 19:9: error: nothing is expected
controller misspelt    ~ s/^mta:/&\n  mx: [{domain: rows.test, controller: tele}]/ ~ 13:40: error: mta.mx[1].controller: "tele" is none of static
sut in virtual time    ~ s/^mta:/sut: {kind: postfix}\n&/    ~ 3:6: error: a foreign MTA lives in real time
record over results    ~ $arecord: {events: result.json}     ~ 21:18: error: record.events names a file of the results folder
record elsewhere       ~ $arecord: {events: ../e.jsonl}      ~ 21:18: error: record.events names a file of the results folder
TABLE

# Not a sed away from a good file: content, and what is said of it.
: >empty.yaml
expect 'empty file' 3 'empty.yaml: error: the file is empty' empty.yaml
echo '# nothing but a comment' >comment.yaml
expect 'nothing but a comment' 3 'comment.yaml: error: the file is empty' comment.yaml
head -c 50000 "$mtalab" >binary.yaml
expect 'binary file' 3 'binary.yaml:1:1: error: byte 0x7f has no place in a text file' binary.yaml
printf 'mtalab: 1\nname: na\xefve\n' >latin1.yaml
expect 'not UTF-8' 3 'latin1.yaml:2:9: error: byte 0xef is not UTF-8' latin1.yaml
printf '[%.0s' {1..50000} >brackets.yaml
expect 'a nest of brackets' 3 'brackets.yaml:1:33: error: lists and maps are nested more than' brackets.yaml
printf 'mtalab: 1\nextends: b.yaml\n' >a.yaml
printf 'mtalab: 1\nextends: a.yaml\n' >b.yaml
expect 'cyclic extends' 3 'b.yaml:2:10: error: extends goes round in a circle: a.yaml -> b.yaml -> a.yaml' a.yaml
printf 'address\nok@rows.test\nnobody\n' >list.csv
sed 's/pattern:.*count: 3/csv: list.csv/' base.yaml >csv.yaml
expect 'CSV with a recipient without @' 3 'list.csv:3:1: error: "nobody" is not a mail address' csv.yaml

# A line of 1 GB: said soon, and without reading it all.
printf 'mtalab: 1\ntitle: ' >long.yaml
truncate -s 1G long.yaml
expect 'a line of 1 GB' 3 'long.yaml:2:1: error: this line is longer than' long.yaml
if command -v python3 >/dev/null; then
    kilobytes=$(python3 - "$mtalab" <<'PYTHON'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "check", "long.yaml"], stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
    )
    [ "$kilobytes" -lt 200000 ] || complain "a line of 1 GB: takes $kilobytes KB of memory"
fi

# Parameters: what was typed is shown, as it stands in no file.
expect 'unknown parameter' 3 'there is no parameter "shore"' base.yaml --set shore=10%
expect 'parameter of another kind' 3 'expected a percent' base.yaml --set share=often
expect 'no value' 2 '--set wants NAME=VALUE, not "share"' base.yaml --set share
expect 'no name' 2 '--set wants NAME=VALUE, not "=10%"' base.yaml --set =10%

# What is not there at all is a slip of the command line.
expect 'missing file' 2 'mtalab: nowhere.yaml: No such file or directory' nowhere.yaml
ln -s nowhere.yaml dangling.yaml
expect 'link to nothing' 2 'mtalab: dangling.yaml: No such file or directory' dangling.yaml
mkdir -p folder/of/folders
touch folder/README.md folder/.hidden.yaml
expect 'directory without scenarios' 2 'mtalab: folder: no scenario (*.yaml) is in there' folder
cp base.yaml unreadable.yaml
chmod 0 unreadable.yaml
if [ -r unreadable.yaml ]; then # root reads everything, but not this
    expect 'unreadable file' 2 'mtalab: cannot read /proc/self/mem' /proc/self/mem
else
    expect 'unreadable file' 2 'mtalab: cannot read unreadable.yaml: Permission denied' unreadable.yaml
fi

# A bad file among good ones: the others are run, the verdict is the worst.
mkdir mixed
cp base.yaml mixed/good.yaml
sed 's/serves:/servs:/' base.yaml >mixed/bad.yaml
"$mtalab" run mixed >stdout 2>stderr
[ $? = 3 ] && grep -q '2 scenario runs: 1 held, 1 failed' stdout || complain "a bad file among good ones"

[ $failures = 0 ] || { echo "$failures complaints" && exit 1; }
