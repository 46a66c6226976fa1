#!/usr/bin/env bash
# All tests that need services, in two halves at once: they mostly wait, and each half has services of its own.
# tests/all.sh PYTHON [pytest options]
set -uo pipefail
python=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$python" -m pytest tests/integration tests/clients "$@" >"$log" 2>&1 &
other=$!
"$python" -m pytest tests/e2e tests/chaos "$@"
here=$?
wait "$other"
there=$?
printf '\n--- tests/integration tests/clients\n'
cat "$log"
exit $((here != 0 || there != 0))
