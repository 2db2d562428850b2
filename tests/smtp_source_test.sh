#!/usr/bin/env bash
# smtp_source_test.sh - smtp-source loads `fakeisp` and `mta`: every recipient of every session is in
# the books exactly once, and what is refused is told to it.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/foreign.sh
needs /usr/sbin/smtp-source postfix

load() # OPTION...: leaves what it says in said
{
    timeout 120 /usr/sbin/smtp-source -4 -M source.test -f s@us.test "$@" "$host:2525" >said 2>&1
}

doubled() # FILE PATTERN: nobody is twice among these lines
{
    local twice
    twice=$(grep -E "$2" "$1" | grep -oE '"rcpt":"[^"]*"' | sort | uniq -d | head -n 1)
    [ -z "$twice" ] || complain "$twice is more than once in $1"
}

# --- fakeisp: 20 sessions at once, connections used again and not, long content ---
start_fakeisp --try
load -d -s 20 -m 500 -r 4 -N -l 3000 -t kim@isp.test || complain "it says: $(cat said)"
until_true eval '[ "$(grep -c "\"event\":\"accepted\"" ledger)" = 2000 ]'
load -s 20 -m 200 -N -l 200000 -t lee@isp.test || complain "it says: $(cat said)"
until_true eval '[ "$(grep -c "\"event\":\"accepted\",.*lee" ledger)" = 200 ]'
are 2200 ledger '"event":"accepted"'
doubled ledger '"event":"accepted"'
are 0 ledger '"event":"refused"'
are "$(grep -c '"outcome":"opened"' ledger)" ledger '"outcome":"closed"'
load -m 1 -t 550_5.1.1@isp.test && complain "it does not mind a 550"
grep -q '550 5.1.1' said || complain "it was not told: $(cat said)"
load -A -m 3 -d -t data_452_4.2.2@isp.test || complain "with -A, it says: $(cat said)"
stop

# --- mta: what it took, it delivers to fakeisp ---
: >ledger
"$programs/fakeisp" --try --listen "$host:2526" --dns none --ledger ledger 2>isp.log &
isp=$!
started+=("$isp")
until_true grep -q '^ready' isp.log || exit 1
start_mta isp.test
load -d -s 20 -m 500 -r 4 -N -l 3000 -t kim@isp.test || complain "it says: $(cat said)"
until_true waiting 0
stop
kill "$isp" && wait "$isp" || complain "fakeisp ends with $?"
are 2000 ledger '"event":"accepted"'
doubled ledger '"event":"accepted"'
are 2000 feedback '"kind":"delivered"'
[ $failures = 0 ]
