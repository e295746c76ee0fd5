#!/usr/bin/env bash
# Fuzzes the public API from its own OpenAPI document: Schemathesis makes requests that the document allows, and
# requests that it does not, and checks every answer. Fails on any 5xx, on an answer that contradicts the document,
# on a panic in the server's log, and on anything that keeps it from testing. About three minutes.
#
# Does its own set-up: a virtual environment under target/, a server of its own with a directory of its own on a free
# port of loopback, and stops it at the end. CADASTRE_BINARY names another binary, SCHEMATHESIS_SECONDS another length.
# It begins from the same seed every time, so that one change can be told from another; SCHEMATHESIS_SEED names another
# seed, or `random`.
set -euo pipefail

readonly VERSION=4.32.5
readonly SECONDS_OF_FUZZING=${SCHEMATHESIS_SECONDS:-150}
readonly SEED=${SCHEMATHESIS_SEED:-20260501}
readonly PASSWORD='twelve green herons wade upstream'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/schemathesis
venv=$work/venv
server=

fail() {
    echo "schemathesis: $*" >&2
    exit 1
}

finish() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    if [[ -n ${data:-} ]]; then rm -rf "$data"; fi
}
trap finish EXIT

binary=$("$root/tests/services/binary.sh")

# Schemathesis, in a virtual environment of its own.
command -v python3 >/dev/null || fail "python3 is missing; install it (apt-get install python3)"
mkdir -p "$work"
if [[ ! -e $venv/schemathesis-$VERSION ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "python3 cannot make a virtual environment; install it (apt-get install python3-venv)"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION" ||
        fail "schemathesis $VERSION cannot be installed"
    touch "$venv/schemathesis-$VERSION"
fi

# A server of its own. Somebody may take the port between our look and our start: then another one.
data=$(mktemp -d "$work/data.XXXXXX")
for attempt in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url=http://127.0.0.1:$port
    CADASTRE_ADMIN_PASSWORD=$PASSWORD CADASTRE_LOG=warn "$binary" serve --data "$data/records" \
        --listen "127.0.0.1:$port" --rate-limit 0 --address-rate-limit 0 >"$data/server.log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
        if ! kill -0 "$server" 2>/dev/null; then break; fi
        if "$venv/bin/python" -c 'import sys, requests; sys.exit(not requests.get(sys.argv[1], timeout=5).ok)' \
            "$url/ready" 2>/dev/null; then break 2; fi
        sleep 0.1
    done
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
    if ! grep -q 'in use' "$data/server.log"; then break; fi
    echo "schemathesis: port $port was taken (attempt $attempt)"
done
[[ -n $server ]] || { cat "$data/server.log" >&2; fail "the server did not start"; }

# An API token: unlike a session it survives the fuzzing of /auth/logout. And something for requests to meet.
token=$("$venv/bin/python" - "$url" "$PASSWORD" <<'PYTHON'
import sys
import requests

url, password = sys.argv[1:]
api = requests.Session()

def post(path, body):
    answer = api.post(url + "/api/v1" + path, json=body, timeout=30)
    assert answer.status_code in (200, 201), f"{path}: {answer.status_code} {answer.text}"
    return answer.json()

access = post("/auth/login", {"username": "admin", "password": password})["accessToken"]
api.headers["Authorization"] = "Bearer " + access
space = post("/addressspaces", {"name": "Fuzzed"})["id"]
post(f"/addressspaces/{space}/tags", {"name": "Region", "type": "Inheritable"})
for prefix in ("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"):
    post(f"/addressspaces/{space}/ips", {"prefix": prefix, "tags": {"Region": "r"}})
print(post("/auth/tokens", {"name": "schemathesis"})["token"])
PYTHON
) || fail "no token can be had from the server"

seed=(--seed "$SEED")
if [[ $SEED == random ]]; then seed=(); fi

fuzz() {
    "$venv/bin/schemathesis" run "$url/openapi.json" --url "$url" --header "Authorization: Bearer $token" \
        --checks not_a_server_error,response_schema_conformance,content_type_conformance,status_code_conformance,allow_header_conformance \
        --request-timeout 30 --suppress-health-check all --warnings off --continue-on-failure \
        "${seed[@]}" "$@"
}

# How files are sent, which are neither JSON nor forms.
export SCHEMATHESIS_HOOKS=$root/tests/schemathesis/hooks.py PYTHONDONTWRITEBYTECODE=1
cd "$work" # It keeps its examples where it runs.
status=0
# Everything but the two operations that could take its own token away.
fuzz --exclude-operation-id revokeApiToken --max-time "$SECONDS_OF_FUZZING" || status=$?
"$venv/bin/python" -c 'import sys, requests
sys.exit(not requests.get(sys.argv[1] + "/api/v1/me", headers={"Authorization": "Bearer " + sys.argv[2]}, timeout=30).ok)' \
    "$url" "$token" || fail "the token stopped working on the way, so what came after was not tested"
fuzz --include-operation-id revokeApiToken --max-time 10 || status=$?

kill -0 "$server" 2>/dev/null || { cat "$data/server.log" >&2; fail "the server has gone"; }
if grep -n -E 'panicked|panic:' "$data/server.log" >&2; then fail "the server panicked"; fi
[[ $status == 0 ]] || { tail -n 40 "$data/server.log" >&2; fail "see above (exit code $status)"; }
echo "schemathesis: no complaints"
