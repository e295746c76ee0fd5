#!/usr/bin/env bash
# Prints the path of the binary that scripts run: CADASTRE_BINARY, or the one that was built last.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binary=${CADASTRE_BINARY:-}
if [[ -z $binary ]]; then
    for candidate in "${CARGO_TARGET_DIR:-$root/target}"/{release,debug}/cadastre; do
        if [[ -x $candidate && ( -z $binary || $candidate -nt $binary ) ]]; then binary=$candidate; fi
    done
fi
if [[ -z $binary ]]; then
    echo 'There is no binary; build one with: cargo build --release -p cadastre' >&2
    exit 1
fi
if [[ ! -x $binary ]]; then
    echo "$binary cannot be run; CADASTRE_BINARY must be a cadastre binary." >&2
    exit 1
fi
printf '%s\n' "$binary"
