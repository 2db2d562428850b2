#!/usr/bin/env bash
# layers.sh - who may include whom, and which library stands behind which door.
#
# `layers.sh` checks this tree, after it has shown on a small tree of its own that it sees a breach.
set -eu
cd "$(dirname "$0")/.."

# A floor, and the floors it may include. A file belongs to the longest path that is named here. The
# program of the providers puts them together from profiles, which are written as scenarios are.
floors='
mta/base   base
mta/smtp   base smtp
mta        base smtp mta
fakeisp    base smtp fakeisp
fakeisp/main.c base smtp fakeisp scenarios
reports    base reports
scenarios  base smtp mta fakeisp reports scenarios
tests      base smtp mta fakeisp reports scenarios tests
'

# A library's header, and the only files that may include it.
doors='
libfyaml.h      mta/base/conf*
pcre2.h         mta/base/regexes.c
event2/*        mta/base/*_net.[ch] tests/unit/test_*_net.c
openssl/*       mta/base/stream_tls*.[ch] mta/base/libcrypto_*.c tests/unit/test_stream_tls*.c tests/bench/bench_dkim.c
opendkim/*      mta/dkim*.c fakeisp/policy_auth*.c
spf2/*          fakeisp/policy_auth*.c
opendmarc/*     fakeisp/policy_auth*.c
netdb.h         fakeisp/policy_auth_spf.c
ldns/*          fakeisp/dns*.c
ares.h          mta/base/ares_net.[ch] mta/base/resolver_net*.c
gmime/*         mta/smtp/report*.c
lmdb.h          mta/base/store_file.h
iconv.h         mta/base/charset.c
sys/file.h      mta/base/*_file.c
cmocka.h        tests/unit.h
sys/socket.h    mta/base/*_net.[ch] tests/unit/test_*_net.c tests/bench/bench_stream.c
netinet/*       mta/base/*_net.c fakeisp/policy_auth_dmarc.c tests/unit/test_*_net.c tests/bench/bench_stream.c
time.h          scenarios/run*.c mta/base/*_net.c mta/base/libc_time.c tests/*
sys/timerfd.h   mta/base/loop_net.c
sys/time.h      mta/base/*_net.c mta/base/libc_time.c tests/*
sched.h         mta/base/*_net.c
sys/mount.h     mta/base/*_net.c
net/*           mta/base/*_net.c
linux/filter.h  mta/base/*_net.c
linux/if_*      mta/base/*_net.c
sys/prctl.h     scenarios/run*.c
pwd.h           scenarios/sut*.c
grp.h           scenarios/sut_unpacked.c
sys/un.h        mta/base/*_net.c
poll.h          scenarios/batch.c scenarios/run*.c reports/program.c
spawn.h         scenarios/sut.c reports/program.c
linux/perf_event.h tests/bench/*
sys/syscall.h   mta/base/libc_time.c tests/bench/*
'
# Any other header in <> is one of the C library or of POSIX:
system='assert ctype errno fcntl dirent float glob inttypes limits math setjmp signal stdarg stdbool
stddef stdint stdio stdlib string strings unistd sys/ioctl sys/mman sys/random sys/resource sys/stat
sys/types sys/wait arpa/inet immintrin'

matches_one_of() # FILE GLOB...
{
    for glob in "${@:2}"; do
        # shellcheck disable=SC2053 # a glob is meant
        [[ $1 == $glob ]] && return
    done
    return 1
}

floor_of() # FILE: the floors it may include
{
    local directory=$1/
    while [[ $directory == */* ]]; do
        directory=${directory%/*}
        [[ $floors =~ $'\n'"$directory "([^$'\n']*) ]] && echo "${BASH_REMATCH[1]}" && return
    done
    return 1
}

own_header_is_wrong() # FILE HEADER: says why
{
    local header=$2 floor
    [[ $header == */* ]] || { echo "\"$header\" does not say its directory" && return; }
    [[ $header != *..* && $header != mta/base/* && $header != mta/smtp/* ]] ||
        { echo "\"$header\" is spelled \"base/…\" or \"smtp/…\"" && return; }
    for floor in $(floor_of "$1"); do
        [ "$floor" = "${header%%/*}" ] && return 1
    done
    echo "\"$header\" lies on a floor that this file may not include"
}

library_header_is_wrong() # FILE HEADER: says why
{
    local header globs
    while read -r header globs; do
        # shellcheck disable=SC2053,SC2086 # globs are meant
        if [[ -n $header && $2 == $header ]]; then
            set -f
            matches_one_of "$1" $globs && set +f && return 1
            set +f
            echo "<$2> stands behind the door of $globs"
            return
        fi
    done <<<"$doors"
    [[ " ${system//$'\n'/ } " == *" ${2%.h} "* ]] && return 1
    echo "<$2> has no door yet (see the table in tests/layers.sh)"
}

check_tree() # prints every breach below the current directory
{
    local file line number header why
    grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' mta fakeisp reports scenarios tests |
        while IFS=: read -r file number line; do
            why=
            if [[ $line =~ \"([^\"]*)\" ]]; then
                why=$(own_header_is_wrong "$file" "${BASH_REMATCH[1]}") || continue
            elif [[ $line =~ \<([^\>]*)\> ]]; then
                why=$(library_header_is_wrong "$file" "${BASH_REMATCH[1]}") || continue
            fi
            echo "$file:$number: ${why:-not understood: $line}"
        done
}

# Would the check see what it is for?
show_that_it_sees()
{
    local root file include
    root=$(mktemp -d)
    # shellcheck disable=SC2064 # now, root is local
    trap "rm -rf '$root'" EXIT
    mkdir -p "$root"/{mta/base,mta/smtp,fakeisp,reports,scenarios,tests/unit}
    while read -r file include; do
        echo "#include $include" >"$root/$file"
        if [ -z "$(cd "$root" && check_tree)" ]; then
            echo "tests/layers.sh does not see #include $include in $file"
            return 1
        fi
        rm "$root/$file"
    done <<-BREACHES
	mta/base/map.c         "smtp/reply.h"
	mta/base/map.c         "mta/queue.h"
	mta/base/map.c         <pcre2.h>
	mta/smtp/reply.c       "mta/queue.h"
	mta/queue.c            "fakeisp/isp.h"
	mta/queue.c            "queue.h"
	mta/queue.c            "mta/base/map.h"
	mta/queue.c            "scenarios/world.h"
	mta/queue.c            "tests/unit.h"
	mta/queue.c            <libfyaml.h>
	mta/queue.c            <event2/event.h>
	mta/queue.c            <openssl/ssl.h>
	mta/queue.c            <time.h>
	fakeisp/isp.c          "mta/queue.h"
	fakeisp/isp.c          "scenarios/scenario.h"
	fakeisp/main.c         "mta/queue.h"
	reports/kpi.c          "smtp/event.h"
	reports/kpi.c          "scenarios/campaign.h"
	scenarios/world.c      "tests/unit.h"
	scenarios/world.c      <never/heard/of.h>
	tests/unit/test_map.c  <cmocka.h>
	BREACHES
    while read -r file include; do
        echo "#include $include" >"$root/$file"
    done <<-PROPER
	mta/base/map.c         "base/map.h"
	mta/base/conf.c        <libfyaml.h>
	mta/base/loop_net.c    <event2/event.h>
	mta/queue.c            "smtp/reply.h"
	mta/base/regexes.c     <pcre2.h>
	scenarios/world.c      "fakeisp/isp.h"
	tests/unit.h           <cmocka.h>
	tests/unit/test_map.c  "mta/queue.h"
	PROPER
    [ -z "$(cd "$root" && check_tree)" ] || { cd "$root" && check_tree && return 1; }
}

(show_that_it_sees)
breaches=$(check_tree)
[ -z "$breaches" ] || { echo "$breaches" && exit 1; }
