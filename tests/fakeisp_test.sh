#!/usr/bin/env bash
# fakeisp_test.sh - `fakeisp` as a person meets it: profiles, orders, signals, and --try, with swaks as
# the sender. MTALAB names the program beside it.
set -u
cd "$(dirname "$0")/.." || exit 2
fakeisp=$(dirname "$(realpath -m "${MTALAB:-build/release/bin/mtalab}")")/fakeisp
[ -x "$fakeisp" ] || { echo "no program $fakeisp" && exit 2; }
command -v swaks >/dev/null || { echo "no swaks here (swaks)" && exit 77; }
work=$(mktemp -d)
profiles=$PWD/fakeisp/profiles
cd "$work" || exit 2
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
export LC_ALL=C
port=$((20000 + $$ % 10000))
failures=0

complain() # WHAT...
{
    failures=$((failures + 1))
    echo "line ${BASH_LINENO[1]}: $*"
    tail -n 8 err | sed 's/^/    /'
}

until_true() # COMMAND...: within ten seconds
{
    local i
    for i in $(seq 200); do
        "$@" && return
        sleep 0.05
    done
    complain "never true: $*"
}

start() # OPTIONS...
{
    : >ledger
    "$fakeisp" "$@" --listen 127.0.0.1:$port --dns 127.0.0.1:$((port + 1)) --ledger ledger \
        --control control >out 2>err &
    pid=$!
    until_true grep -q '^ready' err
}

stop() # SIGNAL
{
    local status
    kill "-$1" "$pid" && wait "$pid"
    status=$?
    pid=
    [ $status = 0 ] || complain "ends with $status"
    ! grep -q 'Sanitizer\|runtime error\|Assertion' err || complain "crashed"
}

says() # CODE SWAKS-OPTIONS...: the last reply before QUIT begins so
{
    local said
    said=$(timeout 30 swaks --server 127.0.0.1 --port $port --timeout 5 --from me@here.test \
        --helo me.test "${@:2}" 2>&1 | grep '^<' | grep -v ' 221' | tail -n 1)
    grep -q "^<[-*~ ]* $1" <<<"$said" || complain "swaks ${*:2}: \"$said\" is not $1"
}

order() # STATUS ORDER...: leaves answer
{
    local status
    "$fakeisp" ctl control "${@:2}" >answer 2>&1
    status=$?
    [ $status = "$1" ] || complain "ctl ${*:2} ends with $status: $(cat answer)"
}

# --- the address says what happens ---
start --try --return-to 127.0.0.1:$port
says 550 --to 550_5.1.1@any.test
says 451 --to greylist_15m@any.test
says 552 --to data_552_5.3.4@any.test
says 421 --to dot_421@any.test
says 250 --to kim@any.test
says 550 --to help@any.test
says 250 --to dsn_1s_5.2.2@any.test
until_true grep -q '"event":"dsn.sent".*"enhanced":"5.2.2"' ledger
until_true grep -q '"event":"accepted","rcpt":"me@here.test"' ledger # it came back, to ourselves
order 0 status
grep -q 'dsn_taken 1' answer || complain "no report was taken: $(cat answer)"
says 250 --to dsn_softbank_1s@any.test
until_true grep -q '"event":"dsn.sent".*"class":10,.*"kind":"failed","rule":"softbank"' ledger
says 250 --to reply_japanese_1s@any.test
until_true grep -q '"event":"dsn.sent".*"kind":"auto_reply","rule":"auto_reply/japanese"' ledger
says 250 --to complaint_jmrp_1s@any.test
until_true grep -q '"event":"accepted","rcpt":"fbl@here.test"' ledger # the domain of swaks's From
stop TERM

# --- a profile, and orders ---
cp "$profiles/two-exchangers.yaml" profile.yaml
start profile.yaml
grep -q "^host mx2.bigmail.example at 127.0.0.2 port $port" err || complain "no map of the hosts"
says 250 --to kim@bigmail.example
says 550 --to kim@elsewhere.example
order 0 refuse next 1 with 554 5.7.1 not today
says 554 --to kim@bigmail.example
says 250 --to kim@bigmail.example
order 0 set limits.rate.max 0
says 451 --to kim@bigmail.example
order 0 set isps.bigmail.limits.rate.max 100/min
says 250 --to kim@bigmail.example
order 0 set limits.rate.max 100/min
order 0 scale limits.rate.max 2% # two in the minute, and more were taken already
says 451 --to kim@bigmail.example
order 0 scale limits.rate.max 5000%
says 250 --to kim@bigmail.example
order 1 scale limits.rate.max half
order 1 scale hosts.mx1.fault 50%
order 0 fault mx1 refuse for 1s
! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || complain "mx1 does not refuse"
until_true eval "(exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null"
order 1 set limits.rat.max 1
grep -q 'did you mean "rate"' answer || complain "no help: $(cat answer)"
order 1 fault mx9 refuse
order 1 refuse next many
order 0 status --json
if command -v dig >/dev/null; then
    mx=$(dig @127.0.0.1 -p $((port + 1)) +short bigmail.example MX)
    [ "$mx" = $'10 mx1.bigmail.example.\n20 mx2.bigmail.example.' ] || complain "MX is $mx"
    a=$(dig @127.0.0.1 -p $((port + 1)) +short mx2.bigmail.example A)
    [ "$a" = 127.0.0.2 ] || complain "mx2 is at $a"
    order 0 dns servfail
    dig @127.0.0.1 -p $((port + 1)) bigmail.example MX | grep -q SERVFAIL || complain "DNS is fine"
    order 0 dns none bigmail
    dig @127.0.0.1 -p $((port + 1)) bigmail.example MX | grep -q NOERROR || complain "DNS is not fine"
    order 1 dns sometimes
fi

# --- SIGHUP: a wrong profile changes nothing, a good one does ---
echo 'nonsense: 1' >>profile.yaml
kill -HUP "$pid"
until_true grep -q 'stay as they were' err
says 250 --to kim@bigmail.example
sed -i '$d; s/bigmail.example/smallmail.example/' profile.yaml
kill -HUP "$pid"
until_true grep -q 'mx1.smallmail.example' err
says 250 --to kim@smallmail.example
says 550 --to kim@bigmail.example
stop INT

# --- providers that are built in, by name ---
"$fakeisp" profiles >out
grep -q '^gmail .*not the provider$' out || complain "gmail is not on the list: $(head -n 3 out)"
start gmail laposte
says 250 --to kim@gmail.test
says 550 --to gone-1@gmail.test
until_true grep -q '"event":"accepted".*kim@gmail.test' ledger
order 0 set isps.gmail.limits.rate.burst 7
order 1 set isps.gmail.limits.connections.burst 7
grep -q 'only a bucket has a burst' answer || complain "a burst of what? $(cat answer)"
stop TERM

# --- what is wrong is said ---
for wrong in "--nonsense" "" "--try profile.yaml" "--listen nowhere --try" "--speed 0 --try"; do
    # shellcheck disable=SC2086 # words are meant
    "$fakeisp" $wrong >out 2>err
    [ $? = 2 ] || complain "fakeisp $wrong is no error of usage"
done
echo 'mtalab: 1' >empty.yaml
"$fakeisp" empty.yaml >out 2>err
[ $? = 3 ] || complain "a profile without providers is none"
"$fakeisp" profile.yaml profile.yaml >out 2>err
[ $? = 3 ] && grep -q 'two providers called bigmail' err || complain "the same provider twice is none"
"$fakeisp" --try --listen 192.0.2.1:$port >out 2>err
[ $? = 4 ] || complain "it listens beyond the loopback"

[ $failures = 0 ]
