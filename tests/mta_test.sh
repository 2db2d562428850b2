#!/usr/bin/env bash
# mta_test.sh - `mta` as a program on real sockets: its file, control socket, logs, metrics, signals,
# and what a kill -9 leaves. tests/mta_peer.py is whom it deals with. MTALAB names its sister.
set -u
cd "$(dirname "$0")/.." || exit 2
command -v python3 >/dev/null || { echo "no python3 here" && exit 77; }
mta=$(dirname "$(realpath -m "${MTALAB:-build/release/bin/mtalab}")")/mta
[ -x "$mta" ] || { echo "no program $mta" && exit 2; }
peer=$PWD/tests/mta_peer.py
example=$PWD/mta/mta.yaml
work=$(mktemp -d)
started=()
trap 'kill -9 "${started[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0

complain() # WHAT...
{
    local line=${BASH_LINENO[1]}
    [ "$line" != 0 ] || line=${BASH_LINENO[0]}
    failures=$((failures + 1))
    echo "line $line: $*"
    head -n 8 stdout stderr | cut -c 1-200 | sed 's/^/    /'
}

run() # EXIT ARGUMENTS...: leaves stdout and stderr
{
    local got
    timeout 60 "$mta" "${@:2}" >stdout 2>stderr
    got=$?
    [ $got = "$1" ] || complain "mta ${*:2} ends with $got, not $1"
}

says() # FILE PATTERN
{
    grep -qE -- "$2" "$1" || complain "$1 lacks: $2"
}

until_true() # COMMAND...: for half a minute
{
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    complain "never: $*"
    return 1
}

ctl() # EXIT WORDS...
{
    run "$1" ctl -s sock "${@:2}"
}

is_settled() # nobody waits
{
    [ "$("$mta" ctl -s sock queue --json 2>/dev/null)" = "[]" ]
}

taken_are() # COUNT
{
    [ "$(wc -l <taken)" = "$1" ]
}

start()
{
    "$mta" -c mta.yaml 2>>errors &
    pid=$!
    started+=("$pid")
    until_true "$mta" ctl -s sock status
}

submit() # RECIPIENT...: a message each
{
    python3 - "$listen" "$@" <<'PYTHON' || complain "not taken: $*"
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=30) as client:
    for rcpt in sys.argv[2:]:
        client.sendmail("b+1@us.test", [rcpt], "X-Number: 0\r\n\r\nhello\r\n")
PYTHON
}

# --- the file ---------------------------------------------------------------------------------

run 0 -c "$example" --check
[ ! -s stderr ] || complain "the example has diagnostics"
printf 'hostname: a.test\nlisten: 127.0.0.1\nspol: x\nmx: [{conections: 3}]\nefs: {to: x}\n' >bad.yaml
run 3 -c bad.yaml --check
says stderr '^bad.yaml:2:9: error: listen: "127.0.0.1" is not an IP address and a port'
says stderr 'did you mean "spool"'
says stderr 'did you mean "connections"'
says stderr '"spool" is missing in mta.yaml'
run 3 -c bad.yaml
run 2 -c nowhere.yaml
run 2 -c
run 0 explain mx.connections
says stdout 'at least 1'
run 0 explain
run 2 explain nothing.such
run 4 ctl -s nowhere queue
run 2 ctl queue

# --- mail -------------------------------------------------------------------------------------

python3 "$peer" serve . &
started+=($!)
until_true test -s ports || exit 1
read -r smtp dns <ports
read -r listen metrics < <(python3 "$peer" ports 2)
cat >mta.yaml <<YAML
hostname: mta.test
listen: 127.0.0.1:$listen
source_ips: [127.0.0.1]
port: $smtp
dns: {servers: ["127.0.0.1:$dns"]}
spool: spool
efs: {to: feedback}
log: {events: events, mainlog: mainlog, bouncelog: bouncelog}
control: sock
metrics: 127.0.0.1:$metrics
mx: [{connections: 20}]
YAML
start
"$mta" -c mta.yaml 2>second
[ $? = 4 ] || complain "a second one runs on the same spool"
submit kim@isp.test gone-1@isp.test later-1@isp.test never-1@other.test
until_true taken_are 1
until_true grep -q '"kind":"hard".*gone-1@isp.test.*"code":550.*"reason":"user_unknown"' feedback
until_true grep -q '"kind":"soft".*later-1@isp.test' feedback
until_true grep -q '"kind":"soft".*never-1@other.test' feedback
ctl 0 queue
says stdout '^isp.test +mx.isp.test +0 +0 +1 '
ctl 0 queue later-1@isp.test
says stdout 'later-1@isp.test +deferred +1 '
ctl 0 status mx.isp.test --json
says stdout '"delivered":1,"deferred":1,"failed":1,'
ctl 1 status mx.nowhere.test
ctl 0 suspend isp.test for 1h
submit lee@isp.test
ctl 0 queue
says stdout '^isp.test .* for (1h|59m)'
ctl 1 resume other.test
taken_are 1 || complain "a suspended domain got mail"
ctl 1 suspend 127.0.0.9
says stderr '127.0.0.9 is none of our source IPs'
ctl 0 suspend 127.0.0.1
ctl 0 resume isp.test
sleep 0.2
taken_are 1 || complain "a suspended IP sent mail"
ctl 0 resume 127.0.0.1
until_true taken_are 2
ctl 0 flush isp.test
says stdout '^1 recipient tried now'
until_true taken_are 3
ctl 0 bounce other.test nobody lives there
until_true is_settled
says feedback '"kind":"hard".*never-1@other.test.*"code":554.*"text":"nobody lives there","class":25'
ctl 1 sespend isp.test
says stderr 'did you mean "suspend"'
python3 "$peer" get "$metrics" /metrics >page
says page '^200$'
says page '^mta_delivered_total\{site="mx.isp.test",number="0"\} 3$'
says page '^mta_failed_total\{site="mx.isp.test",number="0",class="10"\} 1$'
says page '^# TYPE mta_queue_recipients gauge$'
python3 "$peer" get "$metrics" /healthz >page
says page '^ok$'
says events '"event":"attempt".*kim@isp.test.*"outcome":"delivered"'
says mainlog '^[0-9]+@[0-9A-F]{2}/[0-9A-F]{2}-[0-9]{5}-[0-9A-F]{8}@.*@D@isp.test@'
says bouncelog '@B@gone-1@isp.test@b\+1@us.test@default@127.0.0.1@5@10@.*@550 5.1.1 no such user$'

# --- reload, new files ------------------------------------------------------------------------

echo 'mx: [{connections: nine}]' >wrong
cp mta.yaml good && grep -v '^mx' good >mta.yaml && cat wrong >>mta.yaml
ctl 1 reload
says stderr '^mta.yaml:[0-9]+:[0-9]+: error: mx'
sed 's/connections: nine/connections: 9, controller: kumo/' <mta.yaml >better && mv better mta.yaml
printf 'id\thost\ttype\ttext\ttrigger\taction\tfor\texample\nodd\t-\tuser\t-\tnow\tsuspend\t1h\t-\n' >own.tsv
echo 'rules: {kumo: own.tsv}' >>mta.yaml
ctl 1 reload
says stderr 'own.tsv:2:14: first, or so many in so long'
sed 's/now/first/' <own.tsv >better && mv better own.tsv
ctl 0 reload
sed '/^rules/d; s/, controller: kumo//' <mta.yaml >better && mv better mta.yaml
ctl 0 reload
submit kim@isp.test
until_true taken_are 4
ctl 0 status --json
says stdout '"site":"mx.isp.test","hosts":1,"connections":[01],"connections_max":9'
mv events events.old
kill -USR1 "$pid"
until_true test -f events
submit kim@isp.test
until_true grep -q received events

# --- stop, and on again -----------------------------------------------------------------------

submit later-2@isp.test
until_true grep -q later-2 feedback
kill -TERM "$pid"
wait "$pid" || complain "told to stop, it ends with $?"
says errors 'mta: 5 delivered, 2 failed; 1 wait in the spool'
start
ctl 0 queue later-2@isp.test --json
says stdout '"state":"deferred","tries":1,.*"next_try":11[0-9]{5},'
ctl 0 bounce later-2@isp.test
until_true is_settled

# --- kill -9 ----------------------------------------------------------------------------------
# Nothing that had its 250 is lost. Twice comes only what the provider had taken in the moment before
# the end, when nobody could write it down any more (RFC 1047).

: >taken
for i in 1 2 3 4; do
    clients=()
    for client in 1 2 3 4; do
        python3 "$peer" submit "$listen" $((i * 100000 + client * 10000)) 10000 "acked.$i" &
        clients+=($!)
    done
    until_true test -s "acked.$i"
    sleep "0.$((i + 4))"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
    wait "${clients[@]}"
    wc -l <taken >"killed.$i"
    start
done
until_true is_settled
cut -d ' ' -f 1 taken | sort -n >delivered
sort -n acked.? >acked
[ "$(wc -l <acked)" -gt 100 ] || complain "only $(wc -l <acked) were acknowledged: this shows nothing"
lost=$(comm -23 <(sort -u acked) <(sort -u delivered) | wc -l)
[ "$lost" = 0 ] || complain "$lost of $(wc -l <acked) acknowledged messages are lost"
grep -o '"kind":"delivered".*"rcpt":"u[0-9]*@' feedback | grep -o '[0-9]*@$' | tr -d @ | sort -u >told
untold=$(comm -23 <(sort -u acked) told | wc -l)
[ "$untold" = 0 ] || complain "EFS never told of $untold deliveries"
uniq -d delivered >doubled
[ "$(wc -l <doubled)" -le 80 ] || complain "$(wc -l <doubled) messages came twice"
uniq -c delivered | awk '$1 > 2' >thrice
[ ! -s thrice ] || complain "messages came more than twice"
for number in $(cat doubled); do # its first coming is among the last before a kill
    first=$(grep -n "^$number " taken | head -n 1 | cut -d : -f 1)
    cat killed.? | awk -v n="$first" '$1 >= n && $1 - n < 100 { ok = 1 } END { exit !ok }' ||
        complain "message $number came twice, $first of $(cat killed.? | tr '\n' ' ')"
done
echo "kill -9: $(wc -l <acked) acknowledged, 0 lost, $(wc -l <doubled) came twice in 4 kills"

# --- many sessions ----------------------------------------------------------------------------

held=$(python3 "$peer" hold "$listen" 900)
[ "$held" = 900 ] || complain "$held of 900 sessions were held"
kill -TERM "$pid"
wait "$pid" || complain "told to stop, it ends with $?"

# The provider says nothing until 2,000 sessions are open at once; then every recipient gets through.
if [ "$(ulimit -Hn)" -ge 4096 ] || [ "$(ulimit -Hn)" = unlimited ]; then
    mkdir many && cd many || exit 2
    python3 "$peer" serve . 2000 &
    started+=($!)
    until_true test -s ports
    read -r smtp dns <ports
    sed "s/^port:.*/port: $smtp/; s/^dns:.*/dns: {servers: [\"127.0.0.1:$dns\"]}/; /^log:/d
        s/^mx:.*/mx: [{connections: 2000}]/" ../mta.yaml >mta.yaml
    start
    python3 "$peer" fill "$listen" 200 200 || complain "the spool did not take 40,000 recipients"
    until_true is_settled
    taken_are 40000 || complain "$(wc -l <taken) of 40000 recipients were delivered"
    ctl 0 status --json
    says stdout '"connections_max":2000,.*"tried":2000,"delivered":40000,"deferred":0'
    kill -TERM "$pid"
    wait "$pid" || complain "told to stop, it ends with $?"
    cat errors >>../errors
    cd ..
else
    echo "not tried: 2,000 sessions, for only $(ulimit -Hn) files may be open"
fi
! grep -E 'Sanitizer|runtime error|Assertion' errors || complain "it crashed"
[ $failures = 0 ]
