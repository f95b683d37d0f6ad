#!/usr/bin/env bash
# How long two builds from nothing take, as somebody meets them after a clone: the ticket of README.md, and all tests.
# What has to be fetched is fetched before. Each build has a directory of its own, which goes away with it. Exits 1 where a
# bound is missed; the bounds are for two idle cores.
#
#   examples/bench/build.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
unset CARGO_BUILD_RUSTC_WRAPPER RUSTC_WRAPPER
export CARGO_TERM_COLOR=never
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
cargo fetch --locked --quiet
echo "load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || uptime) on $(getconf _NPROCESSORS_ONLN) processors"

missed=0
# The most seconds, the exit status that is its success, and the command.
figure() {
  local bound=$1 expected=$2 began=$SECONDS status=0 took
  shift 2
  CARGO_TARGET_DIR=$target/build "$@" >"$target/said" 2>&1 || status=$?
  took=$((SECONDS - began))
  rm -rf "$target/build"
  [ "$status" = "$expected" ] || { tail -n 40 "$target/said"; echo "$*: exit $status"; exit 2; }
  if [ "$took" -le "$bound" ]; then echo "$took s, at most $bound: $*"; else missed=1 && echo "$took s, MISSED $bound: $*"; fi
}
figure 150 1 cargo run --locked --release --bin runbook -- examples/stacks/silent-override
figure 360 0 cargo test --locked --workspace
exit $missed
