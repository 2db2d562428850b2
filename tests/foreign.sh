# shellcheck shell=bash
# foreign.sh - what the scripts about foreign programs share; they source it, in the repository.
#
# Each script has a loopback address of its own, made of its process number, so that all may use the
# same ports side by side: `host`:2525 for `mta` or `fakeisp`, `host`:2526 for who is behind `mta`.
# Who needs several addresses takes `hosts` and the seven behind it: what follows `host` is another
# script's.
# Foreign servers run as root in a mount and process namespace of their own, where /etc and /usr are
# laid over as they need it; nothing outside of it changes.
export LC_ALL=C
repository=$PWD
programs=$(dirname "$(realpath -m "${MTALAB:-build/release/bin/mtalab}")")
host=127.$((64 + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255))
# shellcheck disable=SC2034 # for whoever sources this
hosts=127.$((128 + ($$ >> 13 & 127))).$(($$ >> 5 & 255)).$(($$ << 3 & 255))
started=()
failures=0
[ -x "$programs/mta" ] || { echo "no program $programs/mta" && exit 2; }
work=$(mktemp -d) && chmod 755 "$work" && cd "$work" || exit 2
trap 'kill -9 "${started[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

skip() # REASON
{
    echo "$*"
    exit 77
}

needs() # PROGRAM PACKAGE
{
    command -v "$1" >/dev/null || [ -x "$1" ] || skip "no $(basename "$1") here ($2; make deps-test)"
}

needs_namespace()
{
    [ "$(id -u)" = 0 ] || skip "a foreign server has to be started by root"
    unshare --mount --pid --fork true 2>/dev/null || skip "no mount and process namespaces here"
}

complain() # WHAT...
{
    failures=$((failures + 1))
    echo "line ${BASH_LINENO[1]}: $*"
    tail -qn 12 errors server.log 2>/dev/null | cut -c 1-300 | sed 's/^/    /'
}

until_true() # COMMAND...: for a minute
{
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    complain "never: $*"
    return 1
}

says() # FILE PATTERN
{
    grep -qE -- "$2" "$1" || complain "$1 lacks: $2"
}

are() # COUNT FILE PATTERN: so many lines
{
    local seen
    seen=$(grep -cE -- "$3" "$2")
    [ "$seen" = "$1" ] || complain "$seen lines of $2, not $1, are: $3"
}

listens() # PORT
{
    (exec 3<>"/dev/tcp/$host/$1")
}

mail() # COMMAND ARGUMENT...
{
    timeout 120 python3 "$repository/tests/foreign_mail.py" "$@" || complain "mail $*"
}

certify() # NAME: it signs itself, in certificate.pem and key.pem
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj "/CN=$1" -addext "subjectAltName=DNS:$1" -keyout key.pem -out certificate.pem \
        2>/dev/null || complain "openssl makes no certificate"
}

# For servers whose packages cannot be installed beside another: `make deps-test` unpacked them.
finds_unpacked() # PROGRAM PACKAGE: leaves its /usr in foreign_usr
{
    foreign_usr=$repository/build/foreign/$2/usr
    [ -x "$foreign_usr/sbin/$1" ] || skip "no $1 here ($2; make deps-test)"
    ! ldd "$foreign_usr/sbin/$1" | grep -q 'not found' ||
        skip "$1 lacks $(ldd "$foreign_usr/sbin/$1" | awk '/not found/ { print $1; exit }') (make deps-test)"
    unshare --mount mount -t overlay overlay -o "lowerdir=$foreign_usr:/usr" /usr 2>/dev/null ||
        skip "$1 cannot be laid over /usr here"
}

make_accounts() # NAME...: passwd and group, with these besides
{
    local name number=64000
    cp /etc/passwd /etc/group . || exit 2
    for name in "$@"; do
        number=$((number + 1))
        sed -i "/^$name:/d" passwd group
        echo "$name:x:$number:$number::/nonexistent:/usr/sbin/nologin" >>passwd
        echo "$name:x:$number:" >>group
    done
}

# The first process in there is the one to end, then all others in there end with it. The kernel
# forgets to tell it that its parent died once it has changed its user (PR_SET_PDEATHSIG).
in_namespace() # SCRIPT ARGUMENT...: a foreign server, until the script ends
{
    local parent first=
    unshare --mount --pid --fork --mount-proc timeout 600 bash -euc "$@" >>server.log 2>&1 &
    parent=$!
    while [ -z "$first" ] && kill -0 "$parent" 2>/dev/null; do
        read -r first <"/proc/$parent/task/$parent/children"
    done 2>/dev/null
    [ -z "$first" ] || started+=("$first")
}

start_fakeisp() # ARGUMENT...
{
    "$programs/fakeisp" --listen "$host:2525" --dns none --ledger ledger "$@" 2>errors &
    pid=$!
    started+=("$pid")
    until_true grep -q '^ready' errors || exit 1
}

# Mail for DOMAIN goes to the foreign server. SETTINGS are lines of mta.yaml.
start_mta() # DOMAIN [SETTINGS [NAME-SERVER]]
{
    local output port dns=${3:-}
    if [ -z "$dns" ]; then
        exec {output}< <(exec "$programs/../tests/tool/name_server" 600 "$1=$host")
        started+=("$!")
        read -r -t 30 -u "$output" port || { echo "the name server did not start" && exit 1; }
        dns=127.0.0.1:$port
    fi
    cat >mta.yaml <<YAML
hostname: mta.test
listen: $host:2525
source_ips: [$host]
port: 2526
dns: {servers: ["$dns"]}
spool: spool
efs: {to: feedback}
log: {events: events}
control: control
${2:-}
YAML
    "$programs/mta" -c mta.yaml 2>>errors &
    pid=$!
    started+=("$pid")
    until_true "$programs/mta" ctl -s control status || exit 1
}

waiting() # COUNT: so many recipients are in the queue
{
    [ "$("$programs/mta" ctl -s control queue --json |
        grep -oE '"(waiting|in_flight|deferred)":[0-9]+' | awk -F : '{ n += $2 } END { print n + 0 }')" = "$1" ]
}

stop() # of ours: in order, and with no complaint of a sanitizer
{
    kill "$pid" && wait "$pid" || complain "told to stop, it ends with $?"
    ! grep -E 'Sanitizer|runtime error|Assertion' errors || complain "it crashed"
}
