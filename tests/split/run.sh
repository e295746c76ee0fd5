#!/usr/bin/env bash
# Runs the topology of `make split` for real (Azurite, Redis, two data access services, two frontends, one gateway) and
# shows that it serves, outlives a replica of each layer, is restarted without losing a request, and stops. Under a minute.
#
# CADASTRE_BINARY names another binary than the one built last; CACHE=none goes without Redis.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "split: $*" >&2
    exit 1
}

command -v python3 >/dev/null || fail 'python3 is missing; install it (apt-get install python3)'
if [[ -z ${CADASTRE_BINARY:-} ]]; then
    for candidate in "$target/release/cadastre" "$target/debug/cadastre"; do
        if [[ -x $candidate && ( -z ${CADASTRE_BINARY:-} || $candidate -nt $CADASTRE_BINARY ) ]]; then CADASTRE_BINARY=$candidate; fi
    done
fi
[[ -n ${CADASTRE_BINARY:-} && -x $CADASTRE_BINARY ]] || fail 'there is no binary; build one with: cargo build -p cadastre'
export CADASTRE_BINARY
exec python3 "$root/tests/split/claims.py" "$@"
