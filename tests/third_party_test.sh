#!/usr/bin/env bash
# third_party_test.sh - foreign MTAs on the bench: that they start, that scenarios judge them, that what
# goes wrong with them is told in their own words, and that nothing of them stays behind. MTALAB names
# the program. Skipped (77) where there is no namespace or no Postfix; without OpenSMTPD or Exim, what is
# about them is passed over.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=$(realpath -m "${MTALAB:-build/release/bin/mtalab}")
[ -x "$mtalab" ] || { echo "no program $mtalab" && exit 2; }
export MTALAB_FOREIGN=${MTALAB_FOREIGN:-$PWD/build/foreign}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
export LC_ALL=C
failures=0

complain() # WHAT...
{
    failures=$((failures + 1))
    echo "line ${BASH_LINENO[1]}: $*"
    head -n 12 stdout stderr | cut -c 1-200 | sed 's/^/    /'
}

run() # EXIT ARGUMENTS...: leaves stdout and stderr
{
    local got
    timeout 120 "$mtalab" "${@:2}" >stdout 2>stderr
    got=$?
    [ $got = "$1" ] || complain "mtalab ${*:2} ends with $got, not $1"
    ! grep -q 'Sanitizer\|runtime error\|Assertion' stderr || complain "mtalab ${*:2} crashed"
}

says() # TEXT: somewhere on stdout or stderr
{
    grep -qF -- "$1" stdout stderr || complain "nowhere: $1"
}

# A minute of three messages, with these settings besides.
variant() # SETTING...
{
    cat <<'YAML'
mtalab: 1
name: variant
requires: [postfix >= 3.5, libfaketime, netns]
run: {mode: real, speed: 60, until: 2m}
isps: {calm: {serves: [calm.example]}}
deliveries: {one: {via: submission, to: [{pattern: "u%d@calm.example", count: 3}]}}
expect: [{id: arrives, at: end, check: count(accepted) == 3}]
sut:
  kind: postfix
  settings:
    queue_run_delay: 60s
YAML
    printf '    %s\n' "$@"
}

# What a run might leave in places that all share.
left_behind()
{
    ls /dev/shm
    ls -d /var/spool/mtalab 2>/dev/null
    ps -e -o comm= | grep -x 'master\|qmgr\|pickup\|faketime\|smtpd' | sort
}

variant >short.yaml
before=$(left_behind)
"$mtalab" run short.yaml >stdout 2>stderr
[ $? != 77 ] || { sed -n 's/^ *[-–] //p' stdout | tail -n 1 && exit 77; }
run 0 run short.yaml --out results
says 'with postfix in'
grep -q 'status=sent' results/sut.log || complain 'results/sut.log does not tell of a delivery'

# A slip in a name, and values that Postfix cannot read.
variant 'queue_run_delays: 60s' >slip.yaml
run 3 run slip.yaml
says 'sut.settings: Postfix has no parameter "queue_run_delays'
variant 'message_size_limit: huge' >huge.yaml
run 3 run huge.yaml
says 'sut.settings: postmap: fatal: bad numerical configuration: message_size_limit = huge'
# What one of its programs cannot read is only known when that one starts.
variant 'smtpd_hard_error_limit: many' >deaf.yaml
run 4 run deaf.yaml --out failed
says 'postfix does not take mail; it says: '
says 'fatal: bad numerical configuration: smtpd_hard_error_limit = many'
grep -q 'smtpd_hard_error_limit = many' failed/sut.log || complain 'failed/sut.log does not say why'
variant 'smtp_mx_session_limit: many' >dumb.yaml
run 1 run dumb.yaml
says 'mtalab: postfix says: '
says 'fatal: bad numerical configuration: smtp_mx_session_limit = many'

# OpenSMTPD and Exim, installed or unpacked: what is laid over for them is seen by nobody else.
opensmtpd() # SETTING...
{
    variant "$@" | sed 's/^requires.*/requires: [opensmtpd >= 6.6, netns]/; s/kind: postfix/kind: opensmtpd/
        s/speed: 60, until: 2m/speed: 1, until: 5s/; /queue_run_delay/d'
}
opensmtpd 'queue.ttl: 1h' 'smtp.max-message-size: 20M' >opensmtpd.yaml
if "$mtalab" run opensmtpd.yaml --out opensmtpd >stdout 2>stderr || [ $? != 77 ]; then
    says 'with opensmtpd in'
    says 'arrives  '
    says 'expectation held'
    grep -q 'result="Ok"' opensmtpd/sut.log || complain 'opensmtpd/sut.log does not tell of a delivery'
    opensmtpd 'queue.tttl: 1h' >slip.yaml
    run 3 run slip.yaml
    says 'sut.settings: /var/spool/mtalab/smtpd.conf:1: '
    opensmtpd 'relay.tsl: no-verify' >slip.yaml
    run 3 run slip.yaml
    says 'sut.settings: /var/spool/mtalab/smtpd.conf:2: '
    opensmtpd 'queue.ttl: 1h' | sed 's/speed: 1,/speed: 21,/' >fast.yaml
    run 3 run fast.yaml
    says 'the clock of opensmtpd cannot go that fast: run it at speed 20 at most'
    sed 's/>= 6.6/< 6.6/' opensmtpd.yaml >old.yaml
    run 77 run old.yaml
    says 'requires opensmtpd < 6.6, and '
    [ -x /usr/sbin/smtpd ] || MTALAB_FOREIGN= run 77 run opensmtpd.yaml
    getent passwd opensmtpd && [ ! -x /usr/sbin/smtpd ] && complain 'there is a user opensmtpd now'
else
    says 'requires opensmtpd >= 6.6, which is not here'
fi
sed 's/opensmtpd/exim/g; s/>= 6.6/>= 4.94/; /^  settings/,$d' opensmtpd.yaml >exim.yaml
if "$mtalab" run exim.yaml >stdout 2>stderr || [ $? != 77 ]; then
    says 'with exim in'
    sed 's/>= 4.94/< 4.94/' exim.yaml >old.yaml
    run 77 run old.yaml
    says 'requires exim < 4.94, and 4.'
else
    says 'requires exim >= 4.94, which is not here'
fi

run 2 why u1@calm.example short.yaml
says 'a foreign MTA, which does not do the same twice'
run 2 run short.yaml --twice

# ^C, once: judged as far as it came, and all processes gone.
variant >long.yaml
sed -i 's/speed: 60, until: 2m/speed: 1, until: 1h/' long.yaml
timeout --foreground --signal=INT 5 "$mtalab" run long.yaml >stdout 2>stderr
says 'interrupted'
# Killed: nobody is there to clean up, and the kernel does it.
{ timeout --signal=KILL 5 "$mtalab" run long.yaml; } >stdout 2>&1
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(left_behind)" = "$before" ] && break
    sleep 0.2
done
[ "$(left_behind)" = "$before" ] || complain "left behind: $(left_behind)"

[ $failures = 0 ] || { echo "$failures complaints" && exit 1; }
