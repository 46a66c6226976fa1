#!/usr/bin/env bash
# All tests that need services, in three lanes at once: they mostly wait, and each lane has services of its own.
# What a lane prints is shown when it ends. tests/all.sh PYTHON [pytest options]
set -uo pipefail
python=$1
shift
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

lane() {
  local name=$1 code=0
  shift
  "$python" -m pytest "$@" >"$logs/$name" 2>&1 || code=$?
  printf '\n--- %s\n' "$name"
  cat "$logs/$name"
  return "$code"
}

failed=0
lane integration tests/integration "$@" &
integration=$!
lane chaos tests/chaos "$@" &
chaos=$!
lane "e2e and clients" tests/e2e tests/clients "$@" || failed=1
wait "$chaos" || failed=1
wait "$integration" || failed=1
exit "$failed"
