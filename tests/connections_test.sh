#!/usr/bin/env bash
# connections_test.sh - a thousand sessions at once against `fakeisp`, none fails, and the server still
# answers afterwards. `make bench` does it with ten thousand. MTALAB names the program beside it.
set -u
cd "$(dirname "$0")/.." || exit 2
bin=$(dirname "$(realpath -m "${MTALAB:-build/release/bin/mtalab}")")
crowd=$bin/../tests/tool/many_sessions
[ -x "$bin/fakeisp" ] && [ -x "$crowd" ] || { echo "no programs in $bin" && exit 2; }
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
port=$((20000 + $$ % 10000))

cat >"$work/profile.yaml" <<'YAML'
mtalab: 1
title: A provider that counts and has opinions, none of them against this sender
isps:
  sink:
    serves: [dest.test]
    limits:
      - {id: open, count: connections_open, per: [site], max: 1000, over: 421 4.7.0 too many}
    rules:
      - {id: spam, stage: body, header: "X-Spam: yes", reply: 554 5.7.1 spam}
YAML
(ulimit -Sn 256 && # which is the program's to raise
    exec "$bin/fakeisp" --listen 127.0.0.1:$port --dns none "$work/profile.yaml") 2>"$work/err" &
pid=$!
for _ in $(seq 200); do
    grep -q '^ready' "$work/err" && break
    sleep 0.05
done
timeout 150 "$crowd" $port 1000 $pid
status=$?
if [ $status = 0 ]; then # one above the limit is turned away, and that is noticed
    timeout 150 "$crowd" $port 1001 >"$work/out" 2>&1
    [ $? = 1 ] && grep -q '^1 failed' "$work/out" || { cat "$work/out" && status=1; }
fi
kill -TERM $pid && wait $pid
ended=$?
pid=
[ $ended = 0 ] || { echo "fakeisp ends with $ended" && status=1; }
[ $status != 77 ] || exit 77
! grep 'Sanitizer\|runtime error\|Assertion' "$work/err" && [ $status = 0 ]
