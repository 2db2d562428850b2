#!/usr/bin/env bash
# returns_test.sh - mail comes back to `mta` as a program: tokens that another program made (openssl),
# feedback, logs, metrics, and what a kill -9 between the 250 and the poll leaves. MTALAB names its
# sister.
set -u
cd "$(dirname "$0")/.." || exit 2
for needed in python3 openssl; do
    command -v $needed >/dev/null || { echo "no $needed here" && exit 77; }
done
mta=$(dirname "$(realpath -m "${MTALAB:-build/release/bin/mtalab}")")/mta
[ -x "$mta" ] || { echo "no program $mta" && exit 2; }
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0

complain() # WHAT...
{
    failures=$((failures + 1))
    echo "line ${BASH_LINENO[1]}: $*"
}

says() # FILE PATTERN
{
    grep -qE -- "$2" "$1" || { complain "$1 lacks: $2" && head -n 5 "$1" | cut -c 1-300; }
}

lacks() # FILE PATTERN
{
    ! grep -qE -- "$2" "$1" || complain "$1 has: $2"
}

until_true() # COMMAND...: for ten seconds
{
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    complain "never: $*"
    return 1
}

read -r submit inbound metrics < <(python3 -c '
import socket
sockets = [socket.socket() for _ in range(3)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))')

key=00112233445566778899aabbccddeeff
echo $key >key
write_settings() # POLL
{
    cat >mta.yaml <<-END
	hostname: mta.test
	listen: 127.0.0.1:$submit
	inbound: 127.0.0.1:$inbound
	return_domains: [bounces.test]
	inmail: {poll: $1, key: key, instance: prod}
	rules: {inbound: own.tsv}
	efs: {to: feedback}
	spool: spool
	log: {events: events, bouncelog: bounces, fbllog: complaints}
	control: sock
	metrics: 127.0.0.1:$metrics
	dns: {servers: ["127.0.0.1:1"]}
	END
}
printf 'id\tkind\twhere\tstatus\tregex\tclass\ttype\treason\tstate\texample\n' >own.tsv
printf 'House_rule\tbounce\tdiagnostic\t-\tgone fishing\t22\tsoft\tmailbox_full\tkeep\tgone fishing\n' >>own.tsv

start()
{
    "$mta" -c mta.yaml 2>stderr &
    pid=$!
    until_true "$mta" ctl -s sock returns || { cat stderr && exit 1; }
}

# The construction of mta/smtp/verp.h, by other hands.
token() # DELIVERY ROW
{
    local day derived block
    day=$(($(date +%s) / 86400))
    derived=$(printf 'bounces.test\0%s' "$1" | openssl mac -macopt cipher:AES-128-CBC -macopt "hexkey:$key" -in - CMAC)
    block=$(printf '%016x%016x' "$2" $day | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' |
        openssl enc -aes-128-ecb -nopad -K "$derived" | od -An -tx1 -N5 | tr -d ' \n')
    python3 -c '
import sys
bits = int(sys.argv[1]) % 1024 << 40 | int(sys.argv[2], 16)
print("".join("0123456789abcdefghijklmnopqrstuv"[bits >> 5 * i & 31] for i in reversed(range(10))))' $day "$block"
}

bring() # RECIPIENT FILE: prints the code of the first no, or of the end
{
    python3 - "$inbound" "$1" "$2" <<-'END'
	import smtplib, sys
	with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as smtp:
	    smtp.ehlo("mx.isp.test")
	    smtp.mail("")
	    code, _ = smtp.rcpt(sys.argv[2])
	    if code == 250:
	        code, words = smtp.data(open(sys.argv[3]).read())
	        if code != 250: print(words.decode(), file=sys.stderr)
	    print(code)
	END
}

write_report() # FILE RECIPIENT STATUS DIAGNOSTIC
{
    cat >"$1" <<-END
	From: mailer-daemon@mx.isp.test
	Subject: Undelivered
	MIME-Version: 1.0
	Content-Type: multipart/report; report-type=delivery-status; boundary=b

	--b
	Content-Type: text/plain

	Sorry.
	--b
	Content-Type: message/delivery-status

	Reporting-MTA: dns; mx.isp.test

	Final-Recipient: rfc822; $2
	Action: failed
	Status: $3
	Diagnostic-Code: smtp; $4

	--b--
	END
}

expect_code() # CODE RECIPIENT FILE
{
    local got
    got=$(bring "$2" "$3")
    [ "$got" = "$1" ] || complain "$2 is answered $got, not $1"
}

path=b+spring-1z-$(token spring 71)@bounces.test
other=b+spring-20-${path#b+spring-1z-}
write_report gone kim@isp.test 5.1.1 "550 5.1.1 no such user"
write_report fishing kim@isp.test 5.0.0 "550 gone fishing"
cat >complaint <<END
From: fbl@isp.test
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

A complaint.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: fbl/1
Version: 1
Original-Rcpt-To: <lou@isp.test>

--b
Content-Type: text/rfc822-headers

Message-ID: <spring-0-$(token spring 0).prod@bounces.test>
Subject: hi

--b--
END

# ---- who may come in, and what it becomes ----
write_settings 0s
start
expect_code 550 "$other" gone                       # the token of another row
expect_code 550 b+spring-1z@bounces.test gone       # none
expect_code 550 "kim@else.test" gone
expect_code 250 "$path" gone
expect_code 250 "$path" gone                        # a replay
expect_code 250 "$path" fishing
expect_code 250 fbl@bounces.test complaint
expect_code 250 fbl@bounces.test gone               # about no message of ours
until_true grep -q '"kind":"complaint"' feedback
until_true grep -q 'House_rule' feedback
says feedback "\"kind\":\"returned\",\"sender\":\"${path//+/\\+}\",\"rcpt\":\"kim@isp.test\",.*\"stage\":\"out_of_band\",\"code\":550,\"enhanced\":\"5.1.1\".*\"class\":10,\"reason\":\"user_unknown\",\"type\":\"hard\""
says feedback '"class":22,"reason":"mailbox_full","type":"soft","rule":"House_rule"'
says feedback '"kind":"complaint","sender":"b\+spring-0-.*"rcpt":"lou@isp.test","message_id":"spring-0-.*"reason":"denylisted","type":"hard"'
[ "$(wc -l <feedback)" = 3 ] || complain "feedback has $(wc -l <feedback) lines, not 3"
says bounces '@B@kim@isp.test@.*@21@10@'
says complaints '@F@lou@isp.test@.*@abuse@bounces.test@'
says events '"event":"fbl.received".*"kind":"complaint"'
says events '"event":"dsn.received".*"outcome":"duplicate"'
says events '"event":"dsn.received".*"outcome":"unmatched"'
{ for _ in $(seq 51); do echo "Received: by mx.isp.test; now"; done; cat gone; } >loop
expect_code 250 fbl@bounces.test loop
says stderr '^mta: mail that came back to fbl@bounces.test: more than 50 hops: a loop$'
until_true grep -q '"event":"dsn.trouble".*"text":"more than 50 hops: a loop".*"outcome":"cut"' events
"$mta" ctl -s sock returns >counts
says counts '^failed +5$'
says counts '^cut_short +1$'
says counts '^duplicate +1$'
says counts '^unmatched +2$'
says counts '^forged +2$'
says counts '^misaddressed +1$'
python3 -c 'import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:%s/metrics" % sys.argv[1]).read().decode())' "$metrics" >page
says page '^mta_return_paths_refused_total\{why="forged"\} 2$'
says page '^mta_returned_in_trouble_total\{why="cut_short"\} 1$'
says page '^mta_returned_total\{kind="complaint"\} 1$'

# ---- rules are read again; a file with mistakes changes nothing ----
printf 'nonsense\n' >>own.tsv
"$mta" ctl -s sock reload >answer 2>&1 && complain "own.tsv was read"
says answer 'own.tsv'
sed -i '/nonsense/d; s/House_rule/Other_rule/' own.tsv
"$mta" ctl -s sock reload >answer 2>&1 || complain "own.tsv was not read: $(cat answer)"
expect_code 250 "b+spring-2-$(token spring 2)@bounces.test" fishing
until_true grep -q 'Other_rule' feedback

# ---- what got its 250 is told, whatever happens before the poll ----
kill -TERM $pid && wait $pid
write_settings 1h
rm feedback
start
expect_code 250 "b+spring-3-$(token spring 3)@bounces.test" gone
[ -s feedback ] && complain "told before the poll"
kill -9 $pid && wait $pid 2>/dev/null
write_settings 0s
start
until_true grep -q 'b+spring-3-' feedback
expect_code 250 "b+spring-3-$(token spring 3)@bounces.test" gone
"$mta" ctl -s sock returns >counts
says counts '^duplicate +1$'
kill -TERM $pid && wait $pid
write_settings 1h
start
expect_code 250 "b+spring-4-$(token spring 4)@bounces.test" gone
kill -TERM $pid && wait $pid                        # who goes tells what waits
says feedback 'b\+spring-4-'
pid=

[ $failures = 0 ] || { echo "$failures failures" && exit 1; }
