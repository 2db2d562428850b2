#!/usr/bin/env bash
# same_seed.sh [SCENARIO...] - the same seed gives the same bytes, another seed other ones.
#
# Each scenario runs under circumstances that must not matter: addresses shuffled or fixed, memory
# filled with other rubbish, another time zone, language and terminal. The journals are compared
# byte by byte. MTALAB names the program, SEED and OTHER_SEED the seeds.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=$(realpath -m "${MTALAB:-build/release/bin/mtalab}")
seed=${SEED:-7}
other_seed=${OTHER_SEED:-8}
scenarios=("$@")
[ $# -gt 0 ] || scenarios=(scenarios/demo.yaml)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

play() # NAME SEED SCENARIO COMMAND...: into $out/NAME; that an expectation fails is not our topic
{
    mkdir "$out/$1"
    "${@:4}" "$mtalab" run "$3" --seed "$2" --out "$out/$1" >"$out/$1.log" 2>&1
    [ $? -le 1 ] || { cat "$out/$1.log" && echo "$3: the run failed ($1)" && return 1; }
    [ -s "$out/$1/journal.bin" ] || { echo "$3: no journal ($1)" && return 1; }
}

play_all() # SCENARIO
{
    rm -rf "${out:?}"/*
    play plain "$seed" "$1" env || return
    play rubbish "$seed" "$1" env MALLOC_PERTURB_=165 || return
    play elsewhere "$seed" "$1" env -i TZ=Asia/Kathmandu LC_ALL=C.UTF-8 TERM=dumb PATH="$PATH" || return
    play other "$other_seed" "$1" env || return
    if setarch -R true 2>/dev/null; then
        play fixed "$seed" "$1" setarch -R env || return
        play fixed-rubbish "$seed" "$1" setarch -R env MALLOC_PERTURB_=90 || return
    fi
    for name in rubbish elsewhere fixed fixed-rubbish; do
        [ ! -d "$out/$name" ] || cmp "$out"/{plain,"$name"}/journal.bin || return
    done
    ! cmp -s "$out"/{plain,other}/journal.bin ||
        { echo "$1: seeds $seed and $other_seed gave the same journal" && return 1; }
    echo "$1: the same bytes"
}

code=0
for scenario in "${scenarios[@]}"; do
    play_all "$scenario" || code=1
done
exit $code
