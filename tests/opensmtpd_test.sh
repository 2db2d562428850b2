#!/usr/bin/env bash
# opensmtpd_test.sh - `mta` delivers to OpenSMTPD: 300 messages into mailboxes byte for byte, what it
# refuses told as what it is, every session ended by QUIT.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/foreign.sh
needs_namespace
finds_unpacked smtpd opensmtpd

make_accounts opensmtpd opensmtpq
mkdir stored && chown nobody stored
printf '%s@opensmtpd.test\n' {a,b,c}-{0..299} >mailboxes
cat >smtpd.conf <<CONF
table mailboxes file:$work/mailboxes
listen on $host port 2526 hostname mx.opensmtpd.test
action "store" maildir "$work/stored/%{dest.user}" virtual { "@" = nobody }
match from any for domain opensmtpd.test rcpt-to <mailboxes> action "store"
CONF
chmod 644 smtpd.conf mailboxes
# shellcheck disable=SC2016 # the namespace expands them
in_namespace 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group
    mount -t overlay overlay -o "lowerdir=$1:/usr" /usr
    for directory in /run /var/spool /var/lib; do mount -t tmpfs tmpfs "$directory"; done
    install -d -m 711 /var/spool/smtpd && mkdir -p /var/lib/opensmtpd/empty
    exec /usr/sbin/smtpd -d -f "$0/smtpd.conf"' "$work" "$foreign_usr"
until_true listens 2526 || exit 1
start_mta opensmtpd.test
mail submit "$host:2525" opensmtpd.test 300 gone
until_true waiting 0
delivered() # COUNT: OpenSMTPD has it in mailboxes
{
    [ "$(grep -c ' mda delivery .*result=Ok' server.log)" = "$1" ]
}
until_true delivered 900
stop
mail compare lf 300 stored
are 900 feedback '"kind":"delivered"'
are 30 feedback '"kind":"hard".*"rcpt":"gone-.*"code":550,.*"reason":"user_unknown"'
are 930 feedback .
sessions=$(grep -c 'smtp disconnected reason=quit' server.log)
[ "$sessions" -gt 0 ] && [ "$sessions" -lt 150 ] || complain "$sessions sessions for 300 messages"
are 1 server.log 'smtp disconnected reason=[^q]' # that was us, looking
echo "300 messages in $sessions sessions"
[ $failures = 0 ]
