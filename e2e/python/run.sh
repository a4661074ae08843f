#!/usr/bin/env bash
# Runs test_client.py against a world of one pod and a world of two. Needs python3 with venv, and cargo.
# JAGUARD names the daemon to test; without it, it is built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
scratch=$(mktemp -d)
pids=()

finish() {
    # A daemon's standard input is a pipe that this shell holds; by pid and not by name.
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap finish EXIT

venv=$target/e2e-python
if [[ ! -x $venv/bin/python ]]; then python3 -m venv "$venv"; fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"

if [[ -z ${JAGUARD:-} ]]; then
    cargo build --locked --manifest-path "$root/Cargo.toml" --package jaguard --release
    JAGUARD=$target/release/jaguard
fi

# start NAME FLAGS...: starts a daemon and sets `address` to where it serves.
start() {
    local name=$1
    shift
    local out=$scratch/$name.out
    "$JAGUARD" --name "$name" --bind-address 127.0.0.1 --grpc-port 0 --metrics-port 0 "$@" >"$out" 2>"$scratch/$name.log" &
    local pid=$!
    pids+=("$pid")
    until [[ -s $out ]]; do
        kill -0 "$pid" 2>/dev/null || { cat "$scratch/$name.log" >&2; return 1; }
        sleep 0.05
    done
    address=$(sed -n 's/.*"grpc":"\([^"]*\)".*/\1/p' "$out")
}

# stop PID: tells a daemon to leave; it must exit 0.
stop() { kill -TERM "$1" && wait "$1"; }

start one
echo "one pod, at $address"
"$venv/bin/python" "$here/test_client.py" --address "$address"

start two --join "$address"
echo "two pods, through the second at $address"
"$venv/bin/python" "$here/test_client.py" --address "$address"

stop "${pids[0]}"
stop "${pids[1]}"
pids=()
echo "both pods left with exit code 0"
