#!/usr/bin/env bash
# Runs the split topology from local processes, for development and tests: Redis, Azurite, two data access services, two
# frontends with shared keys, one gateway. Everything listens on loopback; records stay in ./data-split between runs.
#
#     make split                                 build, then this
#     CADASTRE_BINARY=… deploy/split.sh
#     CACHE=none deploy/split.sh                 without Redis
#
# DATA is the directory (./data-split), PORT the gateway's port (8080). The others take the ports behind it: frontends +1
# and +2, data access +3 and +4, Azurite +5, Redis +6. CADASTRE_* variables of yours reach every service.
#
# Ctrl-C or SIGTERM stops everything, the door first and the stores last. From another terminal (the pids are on the screen
# and in DATA/run): `kill PID` of one service stops that one; SIGUSR1 to this script starts again what does not run; SIGHUP
# restarts the services one after the other, each ready before the next one goes.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
installed=${CARGO_TARGET_DIR:-$root/target}/services
data=${DATA:-./data-split}
port=${PORT:-8080}
cache=${CACHE:-redis}

# In the order in which they start; they stop the other way round.
readonly STORES=(azurite redis) SERVICES=(dataaccess-1 dataaccess-2 frontend-1 frontend-2 gateway)
# Everything is gone so many seconds after the signal: a service takes less than 10.
readonly STOP_WITHIN=13
declare -A ports=() pids=()
ending= starting_again= rolling=

die() {
    echo "split: $*" >&2
    exit 1
}

say() {
    echo "split: $*"
}

# Of those that were started.
runs() {
    [[ -n ${pids[$1]:-} ]] && kill -0 "${pids[$1]}" 2>/dev/null
}

# A short pause that a signal ends.
pause() {
    sleep 0.1 &
    wait "$!" || true
}

# Starts NAME COMMAND…, in a process group of its own: Ctrl-C on the terminal reaches this script alone, which knows the order.
launch() {
    local name=$1
    shift
    set -m
    "$@" >>"$data/logs/$name.log" 2>&1 </dev/null 9>&- &
    set +m
    pids[$name]=$!
    echo "$!" >"$data/run/$name.pid"
}

start() {
    local name=$1 listen=127.0.0.1:${ports[$1]} stores=() frontends dataaccess
    frontends=http://127.0.0.1:${ports[frontend-1]},http://127.0.0.1:${ports[frontend-2]}
    dataaccess=http://127.0.0.1:${ports[dataaccess-1]},http://127.0.0.1:${ports[dataaccess-2]}
    if [[ $cache == redis ]]; then stores+=(--cache "redis://127.0.0.1:${ports[redis]}"); fi
    case $name in
        # Without --disableTelemetry it calls out.
        azurite) launch "$name" "$installed/node_modules/.bin/azurite-table" --silent --disableTelemetry --skipApiVersionCheck \
            --location "$data/azurite" --tableHost 127.0.0.1 --tablePort "${ports[azurite]}" ;;
        redis) launch "$name" "$data/run/redis-server" --bind 127.0.0.1 --port "${ports[redis]}" --dir "$data/redis" --daemonize no \
            --save '' --appendonly no --maxmemory 256mb --maxmemory-policy allkeys-lru ;;
        # The key of the emulator, which everybody knows.
        dataaccess-*) CADASTRE_AZURE_CONNECTION="AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;TableEndpoint=http://127.0.0.1:${ports[azurite]}/devstoreaccount1" \
            launch "$name" "$binary" dataaccess --listen "$listen" --store azure-tables:cadastre "${stores[@]}" ;;
        frontend-*) launch "$name" "$binary" frontend --listen "$listen" --dataaccess "$dataaccess" \
            --data "$data" --keys "$data/keys" ;;
        gateway) launch "$name" "$binary" gateway --listen "$listen" --frontend "$frontends" ;;
    esac
}

listens() {
    (exec 3<>"/dev/tcp/127.0.0.1/${ports[$1]}") 2>/dev/null
}

answers() {
    case $1 in
        azurite | redis) listens "$1" ;;
        *) curl -fs -o /dev/null --max-time 5 "http://127.0.0.1:${ports[$1]}/ready" ;;
    esac
}

# Waits until NAME answers; says why when it does not.
await() {
    local name=$1 deadline=$((SECONDS + 60))
    until answers "$name"; do
        if [[ -n $ending ]]; then return 1; fi
        if ! runs "$name"; then
            tail -n 20 "$data/logs/$name.log" >&2
            say "$name has ended instead of starting; its log is $data/logs/$name.log" >&2
            return 1
        fi
        if (( SECONDS > deadline )); then
            tail -n 20 "$data/logs/$name.log" >&2
            say "$name is not ready after 60 s; its log is $data/logs/$name.log" >&2
            return 1
        fi
        pause
    done
}

# Waits until none of NAME… runs, or the time (in SECONDS) is up.
await_end() {
    local until=$1 name left
    shift
    while true; do
        left=()
        for name in "$@"; do if runs "$name"; then left+=("$name"); fi; done
        if (( ${#left[@]} == 0 )); then return 0; fi
        if (( SECONDS >= until )); then return 1; fi
        pause
    done
}

terminate() {
    local name signal
    for name in "$@"; do
        # Azurite writes out what it holds at SIGINT; at SIGTERM it forgets its last seconds.
        case $name in azurite) signal=INT ;; *) signal=TERM ;; esac
        if runs "$name"; then kill "-$signal" "${pids[$name]}" 2>/dev/null || true; fi
    done
}

# The door first, so that nobody is let in whom nobody can serve; the stores last, when nobody writes any more.
stop_all() {
    local name last=$((SECONDS + STOP_WITHIN)) status=0
    trap '' INT TERM HUP USR1
    terminate gateway
    await_end $((SECONDS + 4)) gateway || true
    terminate frontend-1 frontend-2
    await_end $((SECONDS + 4)) frontend-1 frontend-2 || true
    terminate dataaccess-1 dataaccess-2
    await_end $((last - 2)) "${SERVICES[@]}" || true
    terminate "${STORES[@]}"
    await_end "$last" "${SERVICES[@]}" "${STORES[@]}" || true
    for name in "${SERVICES[@]}" "${STORES[@]}"; do
        if runs "$name"; then
            echo "split: $name did not end within $STOP_WITHIN s and was killed" >&2
            kill -KILL "${pids[$name]}" 2>/dev/null || true
            status=1
        fi
        rm -f "$data/run/$name.pid"
    done
    rm -f "$data/run/split.pid"
    return "$status"
}

finish() {
    local status=$?
    stop_all || status=1
    if (( status == 0 )); then say 'everything has stopped'; fi
    exit "$status"
}

# Each in turn, ready before the next one goes: what a cluster does when a version is rolled out.
restart_in_turn() {
    local name
    for name in "${SERVICES[@]}"; do
        say "restarting $name"
        terminate "$name"
        if ! await_end $((SECONDS + 12)) "$name"; then die "$name does not end"; fi
        start "$name"
        await "$name" || return 1
    done
    say 'restarted'
}

start_what_does_not_run() {
    local name gone=()
    # First all names: what somebody stops meanwhile stays stopped.
    for name in "${services[@]}"; do if ! runs "$name"; then gone+=("$name"); fi; done
    for name in "${gone[@]}"; do
        start "$name"
        if await "$name"; then say "$name runs again, pid ${pids[$name]}"; fi
    done
}

# Says once that one has gone.
watch_them() {
    local name status
    for name in "${services[@]}"; do
        if [[ -z ${pids[$name]:-} ]] || runs "$name"; then continue; fi
        status=0
        wait "${pids[$name]}" || status=$?
        say "$name (pid ${pids[$name]}) has ended with $status; kill -USR1 $$ starts it again"
        unset "pids[$name]"
        rm -f "$data/run/$name.pid"
    done
}

[[ $port =~ ^[0-9]+$ ]] && (( port >= 1 && port <= 65529 )) || die "PORT=$port must be a number from 1 to 65529"
case $cache in
    redis) services=("${STORES[@]}" "${SERVICES[@]}") ;;
    none) services=(azurite "${SERVICES[@]}") ;;
    *) die "CACHE=$cache must be redis or none" ;;
esac
for name in gateway frontend-1 frontend-2 dataaccess-1 dataaccess-2 azurite redis; do
    ports[$name]=$(( port + ${#ports[@]} ))
done

for tool in curl flock; do command -v "$tool" >/dev/null || die "$tool is missing; install it with apt-get"; done
# Debian has the program twice; only the package with the link `redis-server` also starts a service of the machine.
if [[ $cache == redis ]]; then
    redis=$(command -v redis-server || command -v redis-check-rdb) ||
        die 'Redis is missing; install it (apt-get install redis-tools), or go without: CACHE=none'
fi
binary=$("$root/tests/services/binary.sh")
# Of this script, not of the services: they warn of variables that they do not know.
unset CADASTRE_BINARY
# Installs the packages that it needs, Azurite among them.
"$root/tests/services/with.sh" true

(umask 077; mkdir -p "$data"/{logs,run,azurite,redis})
data=$(cd "$data" && pwd)
exec 9>"$data/run/lock"
flock -n 9 || die "a topology runs in $data already (pid $(cat "$data/run/split.pid" 2>/dev/null || echo unknown)); stop it, or set DATA and PORT"
# It goes by the name that it is called by.
if [[ $cache == redis ]]; then ln -sf "$redis" "$data/run/redis-server"; fi
if [[ ! -s $data/service-token ]]; then (umask 077; od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$data/service-token"); fi
CADASTRE_SERVICE_TOKEN=$(<"$data/service-token")
export CADASTRE_SERVICE_TOKEN

for name in "${services[@]}"; do
    if listens "$name"; then die "port ${ports[$name]}, for $name, is in use; set PORT"; fi
done

echo "$$" >"$data/run/split.pid"
trap finish EXIT
trap 'ending=1' INT TERM
trap 'starting_again=1' USR1
trap 'rolling=1' HUP

for name in "${services[@]}"; do
    start "$name"
    # Services wait for one another; a store has to be there.
    case $name in azurite | redis) await "$name" || exit 1 ;; esac
done
for name in "${services[@]}"; do await "$name" || { [[ -z $ending ]] || exit 0; exit 1; }; done

echo
echo 'Cadastre, split into services, with records in Azurite'
for name in "${services[@]}"; do printf '  %-14s 127.0.0.1:%-6s pid %s\n' "$name" "${ports[$name]}" "${pids[$name]}"; done
echo "  Admin          user admin, password in the file $data/admin-password"
echo "  Logs           $data/logs"
echo "  Stop           Ctrl-C, or kill $$"
echo "  One goes       kill PID; kill -USR1 $$ starts it again; kill -HUP $$ restarts all in turn"
echo "  URL            http://127.0.0.1:${ports[gateway]}"
echo

while [[ -z $ending ]]; do
    pause
    watch_them
    if [[ -n $starting_again ]]; then starting_again=; start_what_does_not_run; fi
    if [[ -n $rolling ]]; then rolling=; restart_in_turn || say 'the restart was not finished'; fi
done
