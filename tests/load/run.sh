#!/usr/bin/env bash
# The load tests themselves, in small: that verification can fail, that every scenario's operation works (smoke), and
# that a server killed twice in the middle of an allocation race has given no address twice. About half a minute.
#
# Response times are not asserted here: the machine may be busy and the binary a debug one. LOAD_SECONDS is the length of
# the race, CADASTRE_BINARY another binary.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
loadtests=$root/loadtests
export PYTHONDONTWRITEBYTECODE=1
# Nothing but what is said here: these are also variables of `make load`.
unset SERVER SCENARIO DURATION RATE VUS ITERATIONS KEEP

python3 -m unittest discover --start-directory "$loadtests/verify"

export OUT=${CARGO_TARGET_DIR:-$root/target}/load/test
export P95_MS=10000 P99_MS=10000 WRITE_P95_MS=10000 WRITE_P99_MS=10000
SCENARIO=smoke,allocation-race DURATION="${LOAD_SECONDS:-12}s" VUS=32 KILLS=2 "$loadtests/run.sh"
