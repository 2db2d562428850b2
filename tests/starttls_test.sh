#!/usr/bin/env bash
# starttls_test.sh - openssl's s_client and Python's ssl speak TLS with `fakeisp` and `mta`: versions,
# ciphers, certificates good and bad, resumption, nothing believed that came in plain text before; and
# `mta` sends nothing to a certificate that is not good, where it has to be.
set -u
cd "$(dirname "$0")/.." || exit 2
command -v openssl >/dev/null || { echo "no openssl here (openssl)" && exit 77; }
command -v python3 >/dev/null || { echo "no python3 here (python3)" && exit 77; }
. tests/foreign.sh

cat >profile.yaml <<'YAML'
mtalab: 1
title: A provider for each kind of certificate
isps:
  good: {serves: [good.test], hosts: {mx: {tls: {offer: starttls}}}}
  plain: {serves: [plain.test], hosts: {mx: {tls: {offer: none}}}}
  expired: {serves: [expired.test], hosts: {mx: {tls: {offer: starttls, certificate: expired}}}}
  wrong: {serves: [wrong.test], hosts: {mx: {tls: {offer: starttls, certificate: wrong_name}}}}
  own: {serves: [own.test], hosts: {mx: {tls: {offer: starttls, certificate: self_signed}}}}
  old: {serves: [old.test], hosts: {mx: {tls: {offer: starttls, fault: old_protocol}}}}
  cut: {serves: [cut.test], hosts: {mx: {tls: {offer: starttls, fault: cut}}}}
YAML
start_fakeisp profile.yaml --listen "$hosts:2525" --authority authority.pem

at() # PROVIDER: its address and port
{
    sed -n "s/^host mx.$1.test at \(.*\) port \(.*\)/\1:\2/p" errors
}

shake() # PROVIDER OPTION...: hands; leaves said
{
    echo QUIT | timeout 20 openssl s_client -connect "$(at "$1")" -starttls smtp -crlf \
        -name us.test -servername "mx.$1.test" -verify_hostname "mx.$1.test" \
        -CAfile authority.pem "${@:2}" >said 2>&1
}

shakes() # PATTERN PROVIDER OPTION...: and it says so
{
    shake "${@:2}"
    grep -qE -- "$1" said || complain "with ${*:2}, no $1: $(grep -iE 'verif|error|cipher' said | head -n 5)"
}

shakes 'Verify return code: 0 \(ok\)' good
shakes '^221 2.0.0' good -quiet
shakes 'New, TLSv1.3, Cipher is TLS_' good
shakes 'New, TLSv1.2, Cipher is ECDHE' good -tls1_2
shakes 'error|Cipher is \(NONE\)' good -tls1_1 -cipher DEFAULT@SECLEVEL=0
shakes 'error|Cipher is \(NONE\)' good -tls1_2 -cipher aNULL:eNULL:RC4:3DES:MD5@SECLEVEL=0
shakes 'certificate has expired' expired
shakes '[Hh]ostname mismatch' wrong
shakes 'self[- ]signed certificate' own
shakes 'error|Cipher is \(NONE\)' old -tls1_2
shakes 'error|errno|Cipher is \(NONE\)' cut
(exec 3<>"/dev/tcp/$(at plain | tr : /)" && printf 'EHLO us.test\r\nSTARTTLS\r\nQUIT\r\n' >&3 &&
    timeout 20 cat <&3) >said
are 0 said '^250.STARTTLS'
says said '^50[0-9] 5'
shake good -tls1_2 -sess_out session
shakes '^Reused, TLSv1.2' good -tls1_2 -sess_in session
mail encrypt "$(at good)" good.test authority.pem mx.good.test
stop
are 1 ledger '"event":"accepted".*"rcpt":"safe@good.test"'
are 0 ledger 'injected'

# --- mta: with a certificate of its own, and others' verified ---
certify mta.test
"$programs/fakeisp" profile.yaml --listen "$hosts:2526" --dns "$host:2553" --ledger ledger.out \
    --authority authority.pem 2>isp.log &
started+=("$!")
until_true grep -q '^ready' isp.log || exit 1
start_mta other.test "tls: {certificate: certificate.pem, key: key.pem, trust: authority.pem}
mx: [{tls: required, tls_verify: yes}]" "$host:2553"
mail encrypt "$host:2525" good.test certificate.pem mta.test
reasons=(
    "plain:STARTTLS required but not offered"
    "expired:certificate expired"
    "wrong:certificate for another name"
    "own:certificate self-signed"
    "old:protocol too old"
    "cut:connection cut"
)
for reason in "${reasons[@]}"; do
    mail submit "$host:2525" "${reason%%:*}.test" 1
done
until_true waiting 18
stop
are 1 feedback '"kind":"delivered".*"rcpt":"safe@good.test"'
are 1 ledger.out '"event":"accepted"' # and nothing but this
for reason in "${reasons[@]}"; do
    are 3 feedback "\"kind\":\"soft\".*@${reason%%:*}.test.*\"stage\":\"starttls\".*${reason#*:}\""
done
[ $failures = 0 ]
