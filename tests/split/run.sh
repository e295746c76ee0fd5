#!/usr/bin/env bash
# Runs the topology of `make split` for real (Azurite, Redis, two data access services, two frontends, one gateway) and
# shows that it serves, outlives a replica of each layer, is restarted without losing a request, and stops. Under a minute.
#
# CADASTRE_BINARY names another binary than the one built last; CACHE=none goes without Redis.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "split: $*" >&2
    exit 1
}

command -v python3 >/dev/null || fail 'python3 is missing; install it (apt-get install python3)'
CADASTRE_BINARY=$("$root/tests/services/binary.sh")
export CADASTRE_BINARY
exec python3 "$root/tests/split/claims.py" "$@"
