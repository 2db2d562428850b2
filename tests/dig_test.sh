#!/usr/bin/env bash
# dig_test.sh - a resolver that others wrote understands the providers' name server.
set -eu
cd "$(dirname "$0")/.."
command -v dig >/dev/null || { echo "no dig here (bind9-dnsutils)" && exit 77; }
name_server=$(dirname "${MTALAB:-build/debug/bin/mtalab}")/../tests/tool/name_server

exec {output}< <(exec "$name_server" 60)
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
read -r -u "$output" port || { echo "the name server did not start" && exit 1; }
failed=0

ask() # QUESTION...: what dig shows, without the padding
{
    dig @127.0.0.1 -p "$port" +timeout=2 +tries=1 +nocookie "$@" 2>&1 | tr -s ' \t' ' ' || true
}

says() # PATTERN QUESTION...: a line of it matches
{
    local said
    said=$(ask "${@:2}")
    grep -qE -- "$1" <<<"$said" && return
    printf 'dig %s does not say "%s" but:\n%s\n' "${*:2}" "$1" "$said"
    failed=1
}

says '^10 mx1\.bigmail\.test\.$'                       +short bigmail.test MX
says '^bigMAIL\.test\. 300 IN MX 20 mx2\.big'          bigMAIL.test MX
says '^0 \.$'                                          +short null.bigmail.test MX
says '^192\.0\.2\.1$'                                  +short mx1.bigmail.test A
says '^2001:db8::1$'                                   +short mx1.bigmail.test AAAA
says '^"k{255}" "k{45}"$'                              +short key.bigmail.test TXT
says '^bigmail\.test\. nobody\.invalid\. 1 3600 1200 604800 300$' +short bigmail.test SOA
says '^bigmail\.test\.$'                               +short bigmail.test NS
says 'status: NOERROR'                                 bigmail.test A
says '^bigmail\.test\. 300 IN SOA'                     bigmail.test A
says 'flags: qr aa rd;'                                bigmail.test A
says 'status: NXDOMAIN'                                no.bigmail.test A
says 'status: REFUSED'                                 elsewhere.example A
says 'status: SERVFAIL'                                broken.test MX
says 'timed out'                                       dark.test MX
says 'status: NOTIMP'                                  +opcode=status bigmail.test
says 'status: FORMERR'                                 +header-only
says 'status: BADVERS'                                 +edns=1 +noednsnegotiation bigmail.test MX
says 'EDNS: version: 0, flags:; udp: 1232'             bigmail.test MX
says 'flags: qr aa tc rd;'                             +ignore long.bigmail.test TXT
says 'retrying in TCP'                                 long.bigmail.test TXT
says '"k{255}"( "k{255}"){6} "k{15}"$'                 long.bigmail.test TXT
says 'flags: qr aa tc rd;'                             +ignore +noedns long.bigmail.test TXT
says '\(TCP\)'                                         +tcp bigmail.test MX
says 'Transfer failed'                                 bigmail.test AXFR
# three questions on one connection
answers=$(ask +tcp +keepopen +short bigmail.test NS null.bigmail.test MX mx1.bigmail.test A)
[ "$answers" = $'bigmail.test.\n0 .\n192.0.2.1' ] || { echo "over one connection: $answers" && failed=1; }

kill "$server" && wait "$server" 2>/dev/null || true
exit $failed
