#!/usr/bin/env bash
# bench_sinks.sh - `fakeisp` beside other SMTP sinks: messages per second, and CPU time per message.
#
# smtp-source sends 2 KiB messages over 100 sessions that wait for each reply; every session either
# carries many messages ("reused") or each message has its own. The sinks take turns within each of
# ROUNDS (5) rounds; medians count. Floor of `fakeisp`, with policies on: the CPU time of smtp-sink per
# message; goal: 0.8 of it.
source "$(dirname "$0")/measure.sh"
has smtp-source && has smtp-sink || skip "no smtp-source and smtp-sink here (postfix)"
ENOUGH_S=45 # then no round begins

source_to() # PORT COUNT OPTION...
{
    timeout 20 smtp-source -s 100 -m "$2" -l 2048 -M source.test -f from@source.test \
        -t "to@dest.test" "${@:3}" "127.0.0.1:$1"
}

names=() sink_ports=() sink_pids=() reused_counts=() one_counts=()
add() # NAME REUSED-COUNT ONE-COUNT COMMAND...: one that takes PORT for its port
{
    local command
    fresh_port
    command=("${@:4}")
    if start "${command[@]//PORT/$port}"; then
        names+=("$1") reused_counts+=("$2") one_counts+=("$3")
        sink_ports+=("$port") sink_pids+=("$pid")
    fi
}

profile() # GREYLIST-LINE: limits and rules that look at everything and mind nothing
{
    cat <<YAML
mtalab: 1
title: A provider with opinions, none of them against this sender
isps:
  sink:
    serves: [dest.test]
    limits:
      - {id: rate, count: messages, per: [source_ip], max: 100000000/h, over: 451 4.7.28 too fast}
      - {id: open, count: connections_open, per: [source_ip], max: 20000, over: 421 4.7.0 too many}
    rules:
      - {id: gone, stage: rcpt, to: "gone-*", reply: 550 5.1.1 no such user}
      - {id: spam, stage: body, header: "X-Spam: yes", reply: 554 5.7.1 spam}
    $1
YAML
}

add_foreign()
{
    local python=/usr/bin/python3 modules=$PWD/build/node/node_modules
    if "$python" -c 'import aiosmtpd' 2>/dev/null; then
        add aiosmtpd 1000 500 "$python" -m aiosmtpd -n -c aiosmtpd.handlers.Sink -l 127.0.0.1:PORT
    else
        echo "left out: no aiosmtpd here (python3-aiosmtpd)"
    fi
    export NODE_PATH=${NODE_PATH:-$modules}
    if has node && node -e 'require("smtp-server")' 2>/dev/null; then
        add smtp-server 2000 500 node -e '
            const { SMTPServer } = require("smtp-server")
            new SMTPServer({
                disabledCommands: ["STARTTLS", "AUTH"], disableReverseLookup: true, logger: false,
                onData(stream, session, done) { stream.resume().on("end", () => done()) }
            }).listen(PORT, "127.0.0.1")'
    else
        echo "left out: no smtp-server here (npm install --prefix build/node smtp-server)"
    fi
}

measure() # NUMBER CASE COUNT OPTION...
{
    local i=$1 n=$3 from_us to_us before after
    source_to "${sink_ports[i]}" 200 "${@:4}" || return
    before=$(cpu_us "${sink_pids[i]}")
    from_us=$(now_us)
    source_to "${sink_ports[i]}" "$n" "${@:4}" || return
    to_us=$(now_us)
    after=$(cpu_us "${sink_pids[i]}")
    echo "$2 ${names[i]} $((n * 1000000 / (to_us - from_us))) $(((after - before) * 10 / n))" \
        >>"$work/figures"
}

figure() # CASE NAME COLUMN: its median
{
    awk -v c="$1" -v n="$2" -v k="$3" '$1 == c && $2 == n {print $k}' "$work/figures" | median
}

table() # CASE
{
    local name rate cpu base_rate base_cpu
    base_rate=$(figure "$1" smtp-sink 3) base_cpu=$(figure "$1" smtp-sink 4)
    for name in "${names[@]}"; do
        rate=$(figure "$1" "$name" 3) cpu=$(figure "$1" "$name" 4)
        [ -n "$rate" ] || continue
        awk -v kind="$1" -v name="$name" -v r="$rate" -v c="$cpu" -v br="$base_rate" -v bc="$base_cpu" \
            'BEGIN {printf "%-8s %-18s %9d %8.2f %11.1f %8.2f\n", kind, name, r, r / br, c / 10, c / bc}'
    done
    for name in fakeisp fakeisp-greylist; do
        cpu=$(figure "$1" $name 4)
        cpu=$(awk -v c="$cpu" -v bc="$base_cpu" 'BEGIN {printf "%.2f", c / bc}')
        echo "$1: CPU per message of $name is $cpu of smtp-sink's; $(verdict "$cpu" 1.0 0.8)"
    done
}

profile "" >"$work/plain.yaml"
profile "greylist: {key: [ip, from, to], delay: 1s, reply: 451 4.7.1 greylisted}" >"$work/grey.yaml"
user=$([ "$(id -u)" = 0 ] && echo "-u nobody")
# shellcheck disable=SC2086 # no user: no words
add smtp-sink 6000 3000 smtp-sink $user 127.0.0.1:PORT 1024
add fakeisp 6000 3000 "$bin/fakeisp" --listen 127.0.0.1:PORT --dns none "$work/plain.yaml"
add fakeisp-greylist 6000 3000 "$bin/fakeisp" --listen 127.0.0.1:PORT --dns none "$work/grey.yaml"
source_to "$port" 1 2>/dev/null # is told to come back, and later does
add_foreign
sleep 1.1

for round in $(seq "${ROUNDS:-5}"); do
    [ "$SECONDS" -lt $ENOUGH_S ] || { echo "enough after $((round - 1)) rounds" && break; }
    for i in "${!names[@]}"; do
        measure "$i" reused "${reused_counts[i]}" -d || echo "${names[i]} fails, sessions reused"
        measure "$i" one "${one_counts[i]}" || echo "${names[i]} fails, one message per session"
    done
done
printf '%-8s %-18s %9s %8s %11s %8s\n' sessions sink 'msg/s' ratio 'CPU us/msg' ratio
table reused
table one
