#!/usr/bin/env bash
# worlds_test.sh - what is true in virtual time is true on real sockets: the same scenarios in both
# worlds tell every recipient's story alike, and their expectations hold in virtual time. Eight hours
# pass in half a minute, most of it asleep.
set -u
cd "$(dirname "$0")/.." || exit 2
mtalab=${MTALAB:-build/release/bin/mtalab}
scenarios='
    scenarios/efs/one-message.yaml scenarios/campaign/doubles.yaml
    scenarios/campaign/quarantine-hard.yaml scenarios/bounces/mixed-transaction.yaml
    scenarios/bounces/asynchronous.yaml scenarios/trouble/greylist.yaml scenarios/mx/failover.yaml
    scenarios/mx/connection-cap.yaml scenarios/tls/if-available.yaml
    scenarios/tls/some-hosts-only.yaml scenarios/tls/resumption.yaml'
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# shellcheck disable=SC2086 # words are meant
"$mtalab" run -j 12 --both-worlds --speed 1000 --until 8h $scenarios >"$out/log" 2>&1 ||
    { cat "$out/log" && exit 1; }

# Would it see a difference? At the edge of an hour a limit lets others through than in virtual time.
"$mtalab" run --both-worlds --speed 2000 --until 4h scenarios/mx/hourly-limit.yaml >"$out/log" 2>&1
[ $? = 6 ] && grep -q 'the two worlds part at' "$out/log" || { cat "$out/log" && exit 1; }

# In one process, at its own pace, judged there.
cat >"$out/now.yaml" <<SCENARIO
mtalab: 1
name: now
run: {mode: real, speed: 60, until: 5m}
tolerance: {time: 1s * speed}
isps:
  isp:
    serves: [isp.test]
    rules: [{id: gone, to: "u1*", reply: 550 5.1.1 no such user}]
deliveries:
  news: {at: 0s, to: [{pattern: "u%02d@isp.test", count: 30}]}
expect:
  - {id: gone, when: bounce.hard, fires: 10, within: ..1m, check: code == 550}
  - {id: done, by: 2m, check: [kpi.sent == 20, kpi.failed == 10]}
SCENARIO
"$mtalab" run "$out/now.yaml" >"$out/log" 2>&1 || { cat "$out/log" && exit 1; }
grep -q 'on real sockets' "$out/log" || { cat "$out/log" && exit 1; }
[ -z "$(find /tmp -maxdepth 1 -name 'mtalab-store-*' -newer "$out/now.yaml")" ] ||
    { echo "a store was left behind" && exit 1; }
