#!/usr/bin/env bash
# dkim_test.sh - our signatures before a foreign verifier (Python's dkim), and those of foreign
# signers (the same, and opendkim-testmsg) before ours. All of it offline: keys are handed over.
#
# opendkim-testmsg takes keys from DNS only: where a network namespace can be made, ours is the name
# server at port 53 there. Elsewhere it only signs.
set -eu
cd "$(dirname "$0")/.."
bin=$(realpath -m "$(dirname "${MTALAB:-$(make -s FLAVOUR=debug where)/bin/mtalab}")")
unit=$bin/../tests/unit
keys=scenarios/dkim/keys/campaign.example
python=/usr/bin/python3 # where Debian's modules are
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 done=0

[ -x "$unit/test_dkim" ] || { echo "not built: $unit/test_dkim" && exit 77; }
command -v openssl >/dev/null || { echo "no openssl here" && exit 77; }
record() # KEY: its record, from the key itself
{
    case $1 in
    ed) echo "v=DKIM1; k=ed25519; p=$(openssl pkey -in $keys/ed.pem -pubout -outform DER | tail -c 32 | base64)" ;;
    *) echo "v=DKIM1; k=rsa; p=$(openssl rsa -in $keys/"$1".pem -pubout -outform DER 2>/dev/null | base64 -w 0)" ;;
    esac
}

expect() # WHAT EXPECTED OBSERVED
{
    done=$((done + 1))
    [ "$2" = "$3" ] || { failed=1 && echo "$1: expected $2, observed $3"; }
}

printf 'From: Kim <kim@campaign.example>\r\nTo: you@isp.test\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nSubject: a  letter\r\n with a fold\r\n\r\n' >"$work/letter"
printf 'Hello   you, \r\n\r\n.a dot\r\n..two\r\n\r\n\r\n' >>"$work/letter"

python_verifies() # KEY FILE
{
    $python - "$1" "$(record "$1")" <"$2" <<-'END' 3<"$2"
	import os, sys, dkim
	message = os.fdopen(3, 'rb').read()
	record = sys.argv[2].encode()
	print('pass' if dkim.verify(message, dnsfunc=lambda name, timeout=5: record) else 'fail')
	END
}

python_signs() # KEY FILE CANONICALISATION
{
    $python - "$1" "$keys/$1.pem" "$3" 3<"$2" <<-'END'
	import os, sys, dkim
	message = os.fdopen(3, 'rb').read()
	canonicalize = tuple(part.encode() for part in sys.argv[3].split('/'))
	signature = dkim.sign(message, sys.argv[1].encode(), b'campaign.example',
	                      open(sys.argv[2], 'rb').read(), canonicalize=canonicalize)
	sys.stdout.buffer.write(signature + message)
	END
}

ours_verifies() # KEY FILE
{
    "$unit/test_auth" verify "$1._domainkey.campaign.example" "$(record "$1")" <"$2"
}

if $python -c 'import dkim' 2>/dev/null; then
    names='rsa short'
    $python -c 'import nacl' 2>/dev/null && names+=' ed'
    for key in $names; do
        "$unit/test_dkim" sign $keys/$key.pem $key campaign.example <"$work/letter" >"$work/ours"
        expect "ours by $key, before Python" pass "$(python_verifies $key "$work/ours")"
        sed 's/Hello/Hallo/' "$work/ours" >"$work/changed"
        expect "ours by $key, changed, before Python" fail "$(python_verifies $key "$work/changed")"
    done
    for how in simple/simple relaxed/relaxed relaxed/simple; do
        python_signs rsa "$work/letter" $how >"$work/theirs"
        expect "Python's, $how" pass "$(ours_verifies rsa "$work/theirs")"
        sed 's/Hello/Hallo/' "$work/theirs" >"$work/changed"
        expect "Python's, $how, changed" body_changed "$(ours_verifies rsa "$work/changed")"
    done
fi

testmsg=$(command -v opendkim-testmsg || command -v /usr/sbin/opendkim-testmsg || true)
if [ -n "$testmsg" ]; then
    "$testmsg" -C -d campaign.example -s rsa -k $keys/rsa.pem < <(tr -d "\r" <"$work/letter") |
        sed "s/\r*$/\r/" >"$work/theirs"
    # good, and by SHA-1, which it always takes
    expect "opendkim-testmsg's" old_digest "$(ours_verifies rsa "$work/theirs")"
    expect "opendkim-testmsg's by another key" bad_signature "$("$unit/test_auth" verify \
        rsa._domainkey.campaign.example "$(record short)" <"$work/theirs")"
fi

testmsg_verifies() # FILE...: in a namespace with our name server; a word per file
{
    unshare --net --mount bash -s "$bin/fakeisp" "$testmsg" "$work" "$@" <<-'END'
	fakeisp=$1 testmsg=$2 work=$3
	ip link set lo up
	mount --bind "$work/resolv.conf" /etc/resolv.conf
	"$fakeisp" "$work/profile.yaml" --listen 127.0.0.1:2525 --dns 127.0.0.1:53 >"$work/out" 2>"$work/err" &
	for _ in $(seq 100); do grep -q ready "$work/err" && break; sleep 0.1; done
	for file in "${@:4}"; do
	    timeout 10 "$testmsg" <"$file" >"$work/out" 2>&1 && echo pass || echo fail
	done
	kill %1
	END
}

if [ -n "$testmsg" ] && command -v ip >/dev/null && unshare --net --mount true 2>/dev/null; then
    echo nameserver 127.0.0.1 >"$work/resolv.conf"
    cat >"$work/profile.yaml" <<-PROFILE
	mtalab: 1
	dns: {campaign.example: ['TXT rsa._domainkey "$(record rsa)"']}
	isps: {isp: {serves: [isp.test]}}
	PROFILE
    "$unit/test_dkim" sign $keys/rsa.pem rsa campaign.example <"$work/letter" >"$work/ours"
    sed 's/Hello/Hallo/' "$work/ours" >"$work/changed"
    expect "ours and ours changed, before opendkim-testmsg" $'pass\nfail' \
        "$(testmsg_verifies "$work/ours" "$work/changed")"
fi

[ $done -gt 0 ] || { echo "neither Python's dkim nor opendkim-testmsg here" && exit 77; }
[ $failed = 0 ] && echo "$done signatures verified"
exit $failed
