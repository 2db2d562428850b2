#!/usr/bin/env bash
# postfix_test.sh - `mta` delivers to a stock Postfix: 300 messages into mailboxes byte for byte, over
# TLS with a certificate that is verified, what Postfix refuses told as what it is, every session ended
# by QUIT.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/foreign.sh
needs /usr/sbin/postfix postfix
needs openssl openssl
needs_namespace

mkdir config queue data stored
chown postfix data && chown nobody stored || skip "no user postfix here (postfix)"
certify mx.postfix.test
cat >config/main.cf <<CF
compatibility_level = 3.6
queue_directory = $work/queue
data_directory = $work/data
maillog_file = $work/maillog
maillog_file_prefixes = $work
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.postfix.test
mydestination =
alias_maps =
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = $work/certificate.pem
smtpd_tls_key_file = $work/key.pem
smtpd_reject_footer = a footer makes it a reply of two lines
smtpd_recipient_restrictions = check_recipient_access regexp:$work/config/access,
    reject_unauth_destination
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = $work/stored
virtual_mailbox_maps = texthash:$work/config/mailboxes
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
virtual_minimum_uid = 1
CF
cat >config/master.cf <<CF
$host:2526 inet n - n - - smtpd
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
error      unix - - n - - error
retry      unix - - n - - error
proxymap   unix - - n - - proxymap
virtual    unix - n n - - virtual
tlsmgr     unix - - n 1000? 1 tlsmgr
anvil      unix - - n - 1 anvil
postlog    unix-dgram n n n - 1 postlogd
CF
echo '/^full-/ 452 4.2.2 over quota' >config/access
printf '%s@postfix.test %s/\n' $(printf '%s %s ' {a,b,c}-{0..299}{,}) >config/mailboxes
in_namespace 'exec /usr/sbin/postfix -c "$0/config" start-fg' "$work"
until_true listens 2526 || exit 1
start_mta postfix.test "tls: {trust: certificate.pem}
mx: [{domain: postfix.test, tls: required, tls_verify: yes}]"
mail submit "$host:2525" postfix.test 300 gone full
until_true waiting 30
delivered() # COUNT: Postfix has it in mailboxes
{
    [ "$(grep -c 'status=sent (delivered to maildir)' maillog)" = "$1" ]
}
until_true delivered 900
stop
mail compare lf 300 stored
are 900 feedback '"kind":"delivered"'
are 30 feedback '"kind":"hard".*"rcpt":"gone-.*"code":550,"enhanced":"5.1.1",.*\\na footer.*"reason":"user_unknown"'
are 30 feedback '"kind":"soft".*"rcpt":"full-.*"code":452,"enhanced":"4.2.2",.*"reason":"mailbox_full"'
are 960 feedback .
sessions=$(grep -c 'smtpd.*: disconnect from .* mail=' maillog)
[ "$sessions" -lt 150 ] || complain "$sessions sessions for 300 messages: none is used again"
are "$sessions" maillog 'smtpd.*: disconnect from .* starttls=1 mail=.* quit=1'
are 0 maillog 'lost connection after [^C]|timeout|improper|non-SMTP' # CONNECT: that was us, looking
echo "300 messages in $sessions sessions"
[ $failures = 0 ]
