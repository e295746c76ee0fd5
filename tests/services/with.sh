#!/usr/bin/env bash
# Runs a command beside the servers that the tests need, each on a free port of loopback and with a directory of its own,
# and stops them afterwards:
#
#   tests/services/with.sh cargo nextest run --workspace --all-features
#
# What is started, and the variable that names it:
#
#   CADASTRE_TEST_AZURITE=HOST:PORT    the table service of Azurite (npm)
#   CADASTRE_TEST_REDIS=HOST:PORT      Redis
#   CADASTRE_TEST_REDIS_SERVER=PATH    its program, for tests that stop it
#
# The npm packages are installed into target/services on the first run. A server that does not start fails the command.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
installed=${CARGO_TARGET_DIR:-$root/target}/services
started=()
directory=$(mktemp -d)

stop() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$directory"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    echo "$1" >&2
    exit 1
}

# A port of loopback that is free now.
free_port() {
    node -e 'const s = require("net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# Waits until something listens: NAME PORT PID LOG
await() {
    for _ in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return; fi
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    cat "$4" >&2
    die "$1 did not start."
}

install_packages() {
    command -v npm >/dev/null || die 'There is no npm: install Node.js 20 or later and start again.'
    if ! cmp -s "$here/package-lock.json" "$installed/installed.json"; then
        echo 'Installing Azurite'
        mkdir -p "$installed"
        cp "$here/package.json" "$here/.npmrc" "$installed/"
        cp "$here/package-lock.json" "$installed/package-lock.json"
        (cd "$installed" && npm ci --no-progress --ignore-scripts)
        # Last: it says that the rest is there.
        cp "$here/package-lock.json" "$installed/installed.json"
    fi
}

start_azurite() {
    local port log=$directory/azurite.log
    port=$(free_port)
    # Without --disableTelemetry it calls out.
    "$installed/node_modules/.bin/azurite-table" --silent --disableTelemetry --skipApiVersionCheck \
        --location "$directory/azurite" --tableHost 127.0.0.1 --tablePort "$port" >"$log" 2>&1 </dev/null &
    started+=($!)
    await Azurite "$port" "$!" "$log"
    export CADASTRE_TEST_AZURITE=127.0.0.1:$port
}

start_redis() {
    local port log=$directory/redis.log program
    # Debian has the program twice; only the package with the link `redis-server` also starts a service of the machine.
    program=$(command -v redis-server || command -v redis-check-rdb) ||
        die 'There is no Redis: install the package redis-tools.'
    mkdir "$directory/redis"
    # It goes by the name that it is called by.
    ln -s "$program" "$directory/redis-server"
    port=$(free_port)
    "$directory/redis-server" --bind 127.0.0.1 --port "$port" --dir "$directory/redis" --save '' --appendonly no \
        >"$log" 2>&1 </dev/null &
    started+=($!)
    await Redis "$port" "$!" "$log"
    export CADASTRE_TEST_REDIS=127.0.0.1:$port CADASTRE_TEST_REDIS_SERVER=$directory/redis-server
}

(( $# )) || die "Usage: $0 COMMAND [ARGUMENT...]"
install_packages
start_azurite
start_redis
"$@"
