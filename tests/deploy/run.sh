#!/usr/bin/env bash
# Checks what is deployed without deploying it: the Kubernetes manifests and the compose file against their schemas, what they
# refer to, who may speak to whom, and every command line and variable against the real binary, which is run with them.
#
# Does its own set-up in a virtual environment under target/. CADASTRE_BINARY names another binary than the one built last.
set -euo pipefail

readonly KUBERNETES_VALIDATE=1.37.0 CHECK_JSONSCHEMA=0.39.0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/deploy/venv
export PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "deploy: $*" >&2
    exit 1
}

command -v python3 >/dev/null || fail 'python3 is missing; install it (apt-get install python3)'
CADASTRE_BINARY=$("$root/tests/services/binary.sh")
export CADASTRE_BINARY

# Schemas come with the packages: nothing is asked of the network afterwards.
if [[ ! -e $venv/installed-$KUBERNETES_VALIDATE-$CHECK_JSONSCHEMA ]]; then
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv" || fail 'python3 cannot make a virtual environment; install it (apt-get install python3-venv)'
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        "kubernetes-validate==$KUBERNETES_VALIDATE" "check-jsonschema==$CHECK_JSONSCHEMA" || fail 'the validators cannot be installed'
    touch "$venv/installed-$KUBERNETES_VALIDATE-$CHECK_JSONSCHEMA"
fi

cd "$root/tests/deploy"
if (( $# == 0 )); then set -- network_claims reference_claims schema_claims settings_claims; fi
exec "$root/tests/services/with.sh" "$venv/bin/python" -m unittest -v "$@"
