#!/usr/bin/env bash
# smtp_sink_test.sh - `mta` delivers to smtp-sink: 310 messages byte for byte, lines of 100,000
# bytes among them; and when smtp-sink refuses or hangs up, nothing is lost and the reason is told.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/foreign.sh
needs /usr/sbin/smtp-sink postfix
user=
[ "$(id -u)" != 0 ] || user="-u nobody"

sink() # OPTION...: a new one
{
    # shellcheck disable=SC2086 # none, or two words
    /usr/sbin/smtp-sink $user -h mx.sink.test "$@" "$host:2526" 1000 2>>server.log &
    server=$!
    started+=("$server")
    until_true listens 2526 || exit 1
}

end_sink()
{
    kill "$server"
    wait "$server" 2>/dev/null
}

flushed() # COUNT: so many recipients are tried now
{
    "$programs/mta" ctl -s control flush sink.test | grep -q "^$1 recipient"
}

mkdir dumps && chmod 777 dumps
sink -d "dumps/%M."
start_mta sink.test
mail submit "$host:2525" sink.test 310
until_true waiting 0
mail unpack dumps/* stored
mail compare lf 310 stored
are 930 feedback '"kind":"delivered"'
end_sink

round() # OPTION...: smtp-sink does so to a message
{
    : >feedback
    sink "$@"
    python3 -c 'import smtplib, sys
with smtplib.SMTP(sys.argv[1], 2525, timeout=30) as client:
    client.sendmail("s@us.test", [f"{rcpt}@sink.test" for rcpt in "abc"], "X-Number: 0\r\n\r\n")' "$host" ||
        complain "not taken"
}
round -f RCPT
until_true waiting 0
are 3 feedback '"kind":"hard","sender":"s@us.test",.*"stage":"rcpt","code":500,"enhanced":"5.3.0"'
end_sink
round -r .
until_true waiting 3
until_true grep -q '"kind":"soft".*"stage":"dot","code":450,"enhanced":"4.3.0"' feedback
are 3 feedback '"kind":"soft"'
end_sink
sink -q DATA
flushed 3 || complain "nothing to flush"
until_true eval '[ "$(grep -c "\"kind\":\"soft\"" feedback)" = 6 ]'
end_sink
sink
flushed 3 || complain "nothing to flush"
until_true waiting 0
are 3 feedback '"kind":"delivered"'
are 9 feedback .
stop
end_sink
[ $failures = 0 ]
