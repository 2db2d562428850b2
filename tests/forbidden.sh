#!/usr/bin/env bash
# forbidden.sh [BUILD] - nobody but the doors knows the time, rolls dice, or touches the world.
#
# Looks at what the objects of the library in BUILD (build/release) ask of other libraries, after it
# has shown on objects of its own that it sees a breach. The Makefile lists them in BUILD/objects.
set -eu
cd "$(dirname "$0")/.."

forbidden='time clock clock_gettime gettimeofday timespec_get ftime localtime localtime_r strftime
sleep usleep nanosleep clock_nanosleep alarm setitimer timer_create timerfd_create
rand rand_r srand random srandom drand48 lrand48 mrand48 getrandom getentropy arc4random
socket socketpair connect bind listen accept accept4 send sendto sendmsg recv recvfrom recvmsg
poll ppoll select pselect epoll_create epoll_create1 epoll_ctl epoll_wait
getaddrinfo gethostbyname gethostbyname_r gethostname res_query res_search
open open64 openat creat read write fopen fopen64 fdopen freopen opendir mkdir unlink rename
tmpfile mkstemp mkdtemp getenv secure_getenv setlocale getpid getuid
pthread_create thrd_create fork vfork clone popen system execv execve execvp posix_spawn'

# Objects that may, what they may, and why.
exempt='
mta/base/*_net.o       *                      the doors to the network and to real time
mta/base/*_file.o      *                      the doors to the disk
mta/base/conf*.o       fopen fopen64 read     reads the file it is given
scenarios/load*.o      fopen fopen64 opendir  reads scenarios and profiles
scenarios/files.o      fopen fopen64 opendir mkdir  finds scenarios, writes what a run leaves
scenarios/twins.o      tmpfile                keeps the story of one run to compare another with
scenarios/world_doors.o  mkdtemp               a folder for the store of a run on real sockets
scenarios/outcome_files.o fopen fopen64       writes what a run leaves
scenarios/drawing.o    mkdtemp unlink         draws for the terminal by way of a folder
scenarios/run*.o       *                      faces the person: files, progress, processes
scenarios/sut*.o       fopen fopen64 mkdir getenv  starts a foreign MTA on files of its own
scenarios/batch.o      *                      runs many at once: processes, signals, the terminal
scenarios/arena.o      fork read write        runs many at once, each in a process of its own
scenarios/arena_table.o fopen fopen64         writes what the arena leaves
reports/*.o            *                      writes what people read; draws by gnuplot
'

may() # OBJECT SYMBOL
{
    local glob symbols symbol
    while read -r glob symbols; do
        # shellcheck disable=SC2053 # a glob is meant
        [[ -n $glob && $1 == $glob ]] || continue
        set -f
        for symbol in $symbols; do
            [[ $symbol == '*' || $symbol == "$2" ]] && set +f && return
        done
        set +f
    done <<<"$exempt"
    return 1
}

check_objects() # DIRECTORY: prints every breach below it
{
    local object symbol
    tr ' ' '\n' <"$1/objects" | while read -r object; do
        object=${object#"$1"/}
        nm -u "$1/$object" | sed 's/^ *[UwV] //; s/@.*//' | sort -u |
            grep -Fx -f <(tr ' ' '\n' <<<"$forbidden") | while read -r symbol; do
            may "$object" "$symbol" || echo "$object: uses $symbol()"
        done
    done
}

show_that_it_sees()
{
    local root
    root=$(mktemp -d)
    # shellcheck disable=SC2064 # now, root is local
    trap "rm -rf '$root'" EXIT
    mkdir -p "$root"/{mta/base,scenarios}
    echo 'long time(long *); long now(void); long now(void) { return time(0); }' >"$root/a.c"
    ${CC:-cc} -c -o "$root/mta/queue.o" "$root/a.c"
    cp "$root/mta/queue.o" "$root/mta/base/loop_net.o"
    cp "$root/mta/queue.o" "$root/scenarios/run.o"
    echo "$root/mta/queue.o $root/mta/base/loop_net.o $root/scenarios/run.o" >"$root/objects"
    [ "$(check_objects "$root")" = "mta/queue.o: uses time()" ] ||
        { echo "tests/forbidden.sh does not see time() in mta/queue.o, or sees more" && return 1; }
}

command -v nm >/dev/null || { echo "no nm here (binutils)" && exit 77; }
(show_that_it_sees)
[ -s "${1:-build/release}/objects" ] || { echo "nothing is built in ${1:-build/release}" && exit 1; }
breaches=$(check_objects "${1:-build/release}")
[ -z "$breaches" ] || { echo "$breaches" && exit 1; }
