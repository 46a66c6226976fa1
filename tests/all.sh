#!/usr/bin/env bash
# All tests that need services, in three lanes at once: they mostly wait, and each lane has services of its own.
# What a lane prints is shown when it ends. tests/all.sh PYTHON [pytest options]
set -uo pipefail
python=$1
shift
logs=$(mktemp -d)
# services and workers write their data all the time: in memory, where there is plenty
plenty=6000
room=$(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1 || true)
if [ "${room:-0}" -gt "$plenty" ]; then
  data=$(mktemp -d /dev/shm/pipeline-tests.XXXXXX)
else
  data=$logs/data
fi
trap 'rm -rf "$logs" "$data"' EXIT
mkdir -p "$data"

lane() {
  local name=$1 code=0
  shift
  "$python" -m pytest --basetemp="$data/$name" "$@" >"$logs/$name" 2>&1 || code=$?
  printf '\n--- %s\n' "$name"
  cat "$logs/$name"
  return "$code"
}

failed=0
# parts of the integration tests go to the other lanes, so that all end at about the same time
early=(tests/integration/test_delivery_start.py)
shared=(tests/integration/mends tests/integration/known_defects)
apart=("${early[@]}" "${shared[@]}")
lane integration tests/integration "${apart[@]/#/--ignore=}" "$@" &
integration=$!
lane chaos "${early[@]}" tests/chaos "$@" &
chaos=$!
lane others tests/e2e tests/clients "${shared[@]}" "$@" || failed=1
wait "$chaos" || failed=1
wait "$integration" || failed=1
exit "$failed"
