#!/usr/bin/env bash
# junit_test.sh - our JUnit files are what the schema says, and the schema would see if they were not.
set -eu
cd "$(dirname "$0")/.."
command -v xmllint >/dev/null || { echo "no xmllint here (libxml2-utils)" && exit 77; }

is_valid() # FILE
{
    xmllint --noout --schema tests/fixtures/junit.xsd "$1" 2>&1
}

is_valid tests/golden/report_junit.xml

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
while read -r edit; do
    sed "$edit" tests/golden/report_junit.xml >"$root/broken.xml"
    ! cmp -s "$root/broken.xml" tests/golden/report_junit.xml || { echo "$edit changes nothing" && exit 1; }
    ! is_valid "$root/broken.xml" >"$root/said" || { echo "the schema does not see $edit" && exit 1; }
done <<'EDITS'
s/ classname="[^"]*"//
s/ time="[^"]*"/ time="soon"/
s/<failure message="[^"]*"/<failure/
s/name="row1-relayed"/name="ledgers-agree"/
s/&lt;/</
s/testsuites/suites/
EDITS

if [ -x "${MTALAB:-}" ] && [ -f scenarios/efs/five-rows.yaml ]; then
    "$MTALAB" run scenarios/efs/five-rows.yaml --format junit >"$root/run.xml"
    is_valid "$root/run.xml"
fi
