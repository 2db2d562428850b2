#!/usr/bin/env bash
# bench_relay.sh - `mta` as a durable relay beside Postfix, and what SMTP over the loopback costs.
#
# First `mtalab run --real`: MTA and provider in one process, pipelining, 20 messages per connection.
# Floor 8,000 messages per CPU second, both ends and all books together; goal 12,000.
#
# Then relays: smtp-source puts 2 KiB messages in over 20 sessions, one message each; every 250 is
# durable; `fakeisp` is where they go. A stock Postfix 3.7 runs from a folder of its own, and wants root
# and its account to be there. Relays take turns in ROUNDS (3) rounds; medians count. Floor of `mta`: 4
# times the messages per second, 0.15 of the CPU time per message; goal 6 and 0.1.
source "$(dirname "$0")/measure.sh"
MESSAGES=${MESSAGES:-10000} ENOUGH_S=50

# --- one process, both ends
: >"$work/loopback"
cat >"$work/loopback.yaml" <<YAML
mtalab: 1
title: Every message of a campaign over the loopback
run: {until: 10s, seed: 1}
isps:
  one: {serves: [one.test]}
mta:
  mx: [{connections: 50, messages_per_connection: 20}]
deliveries:
  all: {at: 0s, to: [{pattern: "u%06d@one.test", count: $MESSAGES}]}
expect:
  - {id: all-arrive, at: end, check: kpi.sent == $MESSAGES}
YAML
for _ in 1 2; do
    TIMEFORMAT='%U %S'
    { time "$bin/mtalab" run --real -q "$work/loopback.yaml" >"$work/out" 2>&1; } 2>"$work/time" ||
        { grep -A 3 FAIL "$work/out" && continue; } # a busy machine does not get there in ten seconds
    awk -v n="$MESSAGES" '{printf "%d\n", n / ($1 + $2)}' "$work/time" >>"$work/loopback"
done
rate=$(median <"$work/loopback")
[ -z "$rate" ] || echo "loopback, both ends: $rate messages per CPU second; $(verdict "$rate" 8000 12000)"

# --- relays
has smtp-source || skip "no smtp-source here (postfix)"

start_postfix()
{
    local etc=$work/postfix
    chmod 755 "$work"
    mkdir -p "$etc" "$work/postfix-spool" "$work/postfix-data" && chown postfix "$work/postfix-data"
    cat >"$etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $work/postfix-spool
data_directory = $work/postfix-data
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:$smtp
smtp_dns_support_level = disabled
smtp_host_lookup = native
CF
    awk -v port="$port" '
        $1 == "smtp" && $2 == "inet" {print "127.0.0.1:" port " inet n - n - - smtpd"; next}
        /^[a-z]/ && ($2 == "unix" || $2 == "fifo") {
            if (NF >= 8 && $0 !~ /pipe/) { $5 = "n"; print }
        }' /etc/postfix/master.cf >"$etc/master.cf"
    cp /etc/postfix/post-install /etc/postfix/postfix-files /etc/postfix/postfix-script "$etc" 2>/dev/null
    start postfix -c "$etc" start-fg
}

postfix_is_possible()
{
    has postfix || { echo "left out: no postfix here (postfix)" && return 1; }
    [ "$(id -u)" = 0 ] || { echo "left out: Postfix wants to be started by root" && return 1; }
    id postfix >/dev/null 2>&1 || { echo "left out: no account for Postfix here" && return 1; }
}

start_mta()
{
    cat >"$work/mta.yaml" <<YAML
hostname: relay.test
listen: 127.0.0.1:$port
source_ips: [127.0.0.1]
port: $smtp
dns: {servers: ["127.0.0.1:$dns"]}
spool: $work/spool
efs: {to: $work/feedback}
mx: [{connections: 20}]
YAML
    start "$bin/mta" -c "$work/mta.yaml"
}

taken() # how many messages have reached the provider
{
    "$bin/fakeisp" ctl "$work/isp" status | sed -n 's/.* messages \([0-9]*\) .*/\1/p'
}

await() # COUNT
{
    local deadline=$((SECONDS + 30))
    until [ "$(taken)" -ge "$1" ]; do
        [ $SECONDS -lt $deadline ] || { echo "only $(taken) of $1 have arrived" && return 1; }
        sleep 0.02
    done
}

put_in() # PORT COUNT
{
    timeout 60 smtp-source -s 20 -m "$2" -l 2048 -M source.test -f from@source.test \
        -t to@dest.test "127.0.0.1:$1"
}

measure() # NUMBER
{
    local i=$1 n=${counts[$1]} from_us to_us before after sum
    sum=$(taken)
    put_in "${relay_ports[i]}" 100 && await $((sum + 100)) || return
    before=$(cpu_us "${relay_pids[i]}")
    from_us=$(now_us)
    put_in "${relay_ports[i]}" "$n" && await $((sum + 100 + n)) || return
    to_us=$(now_us)
    sleep 0.3 # what it still has to tidy up
    after=$(cpu_us "${relay_pids[i]}")
    echo "${names[i]} $((n * 1000000 / (to_us - from_us))) $(((after - before) / n))" >>"$work/figures"
}

probe_disk() # how long a small write takes to be durable, which is what relays wait for
{
    local from_us
    from_us=$(now_us)
    dd if=/dev/zero of="$work/probe" bs=4k count=50 oflag=dsync 2>/dev/null
    echo $((($(now_us) - from_us) / 50)) >>"$work/syncs"
}

figure() # NAME COLUMN
{
    awk -v n="$1" -v k="$2" '$1 == n {print $k}' "$work/figures" | median
}

ratio() # COLUMN
{
    awk -v a="$(figure mta "$1")" -v b="$(figure postfix "$1")" 'BEGIN {printf "%.2f", a / b}'
}

printf 'mtalab: 1\ntitle: Takes everything\nisps: {one: {serves: [dest.test]}}\n' >"$work/isp.yaml"
fresh_port && dns=$port
fresh_port && smtp=$port
start "$bin/fakeisp" --listen "127.0.0.1:$smtp" --dns "127.0.0.1:$dns" --control "$work/isp" \
    "$work/isp.yaml" || exit 1
fresh_port
start_mta || exit 1
names=(mta) relay_ports=("$port") relay_pids=("$pid") counts=(3000)
fresh_port
if postfix_is_possible && start_postfix; then
    names+=(postfix) relay_ports+=("$port") relay_pids+=("$pid") counts+=(600)
fi
for round in $(seq "${ROUNDS:-3}"); do
    [ "$SECONDS" -lt $ENOUGH_S ] || { echo "enough after $((round - 1)) rounds" && break; }
    probe_disk
    for i in "${!names[@]}"; do measure "$i" || exit 1; done
done
echo "spools on $(df --output=fstype "$work" | tail -n 1), where a durable write takes" \
    "$(median <"$work/syncs") us; rates depend on it, CPU time does not"
for name in "${names[@]}"; do
    printf '%-8s %6d msg/s %6d CPU us/msg\n' "$name" "$(figure "$name" 2)" "$(figure "$name" 3)"
done
if [ ${#names[@]} = 2 ]; then
    echo "mta to Postfix, msg/s: $(ratio 2); $(verdict "$(ratio 2)" 4 6)"
    echo "mta to Postfix, CPU per message: $(ratio 3); $(verdict "$(ratio 3)" 0.15 0.1)"
fi
