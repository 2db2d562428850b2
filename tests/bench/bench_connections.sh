#!/usr/bin/env bash
# bench_connections.sh - 10,000 sessions at once against `fakeisp`, and 2,000 from `mta`: none may fail.
# Says what each of them costs in memory. Client and server are processes of their own.
source "$(dirname "$0")/measure.sh"
has smtp-source || skip "no smtp-source here (postfix)"
SESSIONS=${SESSIONS:-10000} FROM_MTA=2000

profile() # RULE: 2,000 sessions are open before the first is greeted, if it waits long enough
{
    cat <<YAML
mtalab: 1
title: A provider with room for many
isps:
  sink:
    serves: [dest.test]
    limits:
      - {id: open, count: connections_open, per: [site], max: 20000, over: 421 4.7.0 no}
    rules:
      - {id: spam, stage: body, header: "X-Spam: yes", reply: 554 5.7.1 spam}
      $1
YAML
}

most=$(($(ulimit -Hn) - 100)) # a session is a file in each process
[ "$(ulimit -Hn)" = unlimited ] && most=$SESSIONS
if [ "$most" -lt "$SESSIONS" ]; then
    echo "only $most sessions, for a process may open $(ulimit -Hn) files"
    SESSIONS=$most
fi
profile "" >"$work/many.yaml"
fresh_port
start "$bin/fakeisp" --listen 127.0.0.1:$port --dns none "$work/many.yaml" || exit 1
timeout 150 "$bin/../tests/tool/many_sessions" "$port" "$SESSIONS" "$pid" || exit 1

# --- from mta: recipients wait until the domain is resumed, then all sessions are held at the door
profile "- {id: slow, stage: banner, delay: 5s}" >"$work/slow.yaml"
fresh_port && dns=$port
fresh_port && smtp=$port
start "$bin/fakeisp" --listen "127.0.0.1:$smtp" --dns "127.0.0.1:$dns" --control "$work/isp" \
    "$work/slow.yaml" || exit 1
fresh_port
cat >"$work/mta.yaml" <<YAML
hostname: mta.test
listen: 127.0.0.1:$port
source_ips: [127.0.0.1]
port: $smtp
dns: {servers: ["127.0.0.1:$dns"]}
spool: $work/spool
efs: {to: /dev/null}
control: $work/mta
mx: [{connections: $FROM_MTA}]
YAML
start "$bin/mta" -c "$work/mta.yaml" || exit 1
mta=$pid

ctl() # WORD...
{
    "$bin/mta" ctl -s "$work/mta" "$@"
}

isp_says() # PATTERN
{
    "$bin/fakeisp" ctl "$work/isp" status | grep -qE "$1"
}

mta_says() # PATTERN
{
    ctl status --json | grep -qE "$1"
}

# mta opens a session per 20 recipients that wait.
ctl suspend dest.test >/dev/null || exit 1
timeout 60 smtp-source -d -s 20 -m $FROM_MTA -r 20 -l 2048 -f from@source.test -t to@dest.test \
    "127.0.0.1:$port" || exit 1
before=$(resident_kib "$mta")
ctl resume dest.test >/dev/null || exit 1
until_true isp_says "sessions $FROM_MTA " || exit 1
bytes=$((($(resident_kib "$mta") - before) * 1024 / FROM_MTA))
until_true mta_says "\"delivered\":$((20 * FROM_MTA)),\"deferred\":0,\"failed\":0" || exit 1
isp_says "recipients $((20 * FROM_MTA)) " || exit 1
echo "$FROM_MTA sessions from mta, none failed; its memory grows by $bytes bytes each"
