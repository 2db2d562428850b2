#!/usr/bin/env bash
# aiosmtpd_test.sh - `mta` delivers to aiosmtpd: 300 messages byte for byte, refusals of several lines
# told as what they are, every session ended by QUIT.
set -u
cd "$(dirname "$0")/.." || exit 2
python=python3
"$python" -c 'import aiosmtpd' 2>/dev/null || python=/usr/bin/python3 # Debian's own
"$python" -c 'import aiosmtpd' 2>/dev/null || { echo "no aiosmtpd here (python3-aiosmtpd)" && exit 77; }
. tests/foreign.sh

mkdir stored
"$python" "$repository/tests/foreign_mail.py" store "$host" 2526 stored 2>server.log &
server=$!
started+=("$server")
until_true listens 2526 || exit 1
start_mta aiosmtpd.test
mail submit "$host:2525" aiosmtpd.test 300 gone
until_true waiting 0
stop
mail compare crlf 300 stored
are 900 feedback '"kind":"delivered"'
are 30 feedback '"kind":"hard".*"rcpt":"gone-.*"code":550,.*"text":"This user is not here,\\nand.*"reason":"user_unknown"'
are 930 feedback .
kill "$server" && wait "$server" || complain "the server ends with $?"
read -r _ sessions _ messages _ quits <counts
[ "$messages" -ge 300 ] && [ "$messages" -le 900 ] || complain "$messages transactions for 300 messages"
[ "$sessions" -lt 150 ] || complain "$sessions sessions for 300 messages: none is used again"
[ "$sessions" = "$quits" ] || complain "$quits of $sessions sessions ended by QUIT"
echo "300 messages in $sessions sessions"
[ $failures = 0 ]
