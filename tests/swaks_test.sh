#!/usr/bin/env bash
# swaks_test.sh - swaks submits to `mta`; tests/fakeisp_test.sh has it talk to `fakeisp`.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/foreign.sh
needs swaks swaks

says_reply() # PATTERN OPTION...: a line of the server
{
    timeout 60 swaks --server "$host" --port 2525 --timeout 10 --helo me.test --from s@us.test \
        "${@:2}" >said 2>&1
    grep -qE -- "^<[-*~ ]* $1" said || complain "swaks ${*:2}: no $1 in: $(grep '^<' said)"
}

"$programs/fakeisp" --try --listen "$host:2526" --dns none --ledger ledger 2>isp.log &
started+=("$!")
until_true grep -q '^ready' isp.log || exit 1
start_mta isp.test 'size_max: 100KiB'
says_reply '220 mta.test ESMTP' --quit-after CONNECT
says_reply '250[ -]PIPELINING' --quit-after EHLO
says_reply '250[ -]SIZE 102400' --quit-after EHLO
says_reply '250 2.0.0' --to kim@isp.test,lee@isp.test
says_reply '250 2.0.0' --to max@isp.test --pipeline
says_reply '250 2.0.0' --to pat@isp.test --protocol SMTP
says_reply '250 2.0.0' --to dot_552_5.3.4@isp.test --body "$(printf 'line\n.\n.dots\n')"
says_reply '250 2.0.0' --to 550_5.1.1@isp.test,greylist_15m@isp.test,ann@isp.test
head -c 200000 /dev/zero | tr '\0' 'x' | fold -w 70 >large
says_reply '552 5.3.4' --to large@isp.test --body @large
says_reply '501 5.5.4' --to nowhere
says_reply '50[0-9] 5.5' --to kim@isp.test --from 'two words'
until_true waiting 1
stop
are 5 feedback '"kind":"delivered"'
are 1 feedback '"kind":"hard".*"rcpt":"550_5.1.1@isp.test".*"code":550,"enhanced":"5.1.1".*"reason":"user_unknown"'
are 1 feedback '"kind":"hard".*"rcpt":"dot_552_5.3.4@isp.test".*"stage":"dot","code":552'
are 1 feedback '"kind":"soft".*"rcpt":"greylist_15m@isp.test".*"code":451'
are 8 feedback .
are 5 ledger '"event":"accepted"'
[ $failures = 0 ]
