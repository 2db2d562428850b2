# measure.sh - what the benches that are scripts share: servers, their CPU time, medians. To be sourced.
#
# BIN is where our programs are. CPU time is that of a server with its threads and its children, dead
# ones too. It is what to compare on a machine that others use as well; rates are worth less.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
bin=$(realpath -m "${BIN:-build/release/bin}")
work=$(mktemp -d)
pids=()
trap 'leave' EXIT
export LC_ALL=C PATH=$PATH:/usr/sbin

leave()
{
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    wait
    rm -rf "$work"
}

skip() # WHY...: nothing can be measured
{
    echo "$(basename "$0" .sh) is skipped: $*"
    exit 77
}

has() # COMMAND
{
    command -v "$1" >/dev/null
}

fresh_port() # sets port to one that was free just now
{
    until port=$((20000 + RANDOM % 12000)) && ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
}

start() # COMMAND...: a server at $port; sets pid. False: nobody answers there within ten seconds
{
    "$@" >>"$work/log" 2>&1 &
    pid=$!
    pids+=("$pid")
    for _ in $(seq 200); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    echo "$1 does not start:"
    tail -n 5 "$work/log"
    return 1
}

until_true() # COMMAND...: within twenty seconds
{
    for _ in $(seq 200); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "never: $*"
    return 1
}

family() # PID: it, its children, and theirs
{
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do family "$child"; done
}

cpu_us() # PID
{
    local process file ns rest stat total=0
    for process in $(family "$1"); do
        for file in /proc/"$process"/task/*/schedstat; do
            read -r ns rest <"$file" && total=$((total + ns / 1000))
        done
        stat=$(<"/proc/$process/stat")
        # shellcheck disable=SC2086 # words are meant; behind the name, the dead children's are 14 and 15
        set -- ${stat##*) }
        total=$((total + (${14} + ${15}) * 1000000 / ticks_per_s))
    done 2>/dev/null
    echo "$total"
}
ticks_per_s=$(getconf CLK_TCK)

resident_kib() # PID
{
    awk '/^VmRSS/ {print $2}' "/proc/$1/status"
}

now_us()
{
    echo "${EPOCHREALTIME/./}"
}

median() # of the numbers on standard input
{
    sort -n | awk '{n[NR] = $1} END {if (NR > 0) printf "%d\n", (n[int((NR + 1) / 2)] + n[int(NR / 2) + 1]) / 2}'
}

verdict() # FIGURE FLOOR GOAL: less is better if the goal is below the floor
{
    awk -v x="$1" -v floor="$2" -v goal="$3" 'BEGIN {
        less = goal < floor
        if (less ? x <= goal : x >= goal) word = "goal reached"
        else if (less ? x <= floor : x >= floor) word = "floor held"
        else word = "BELOW THE FLOOR"
        printf "floor %s, goal %s: %s\n", floor, goal, word }'
}

[ -x "$bin/fakeisp" ] || { echo "no programs in $bin" && exit 2; }
[ -r /proc/self/schedstat ] || skip "no /proc/self/schedstat here"
has pgrep || skip "no pgrep here (procps)"
