#!/usr/bin/env bash
# Kills a freeze, a transaction, a ledger append and the settling of a freeze that was stopped half-way at every system call
# that touches files, and checks what is left.
# Needs strace. Fails, rather than skips, without it.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v strace >/dev/null || { echo 'crash.sh: strace is not installed' >&2; exit 1; }

child=$(cargo build --quiet -p openclaw-token --features fs --example crash-child --locked --message-format=json |
  python3 -c 'import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == "crash-child"][-1])')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every call that changes a file, a name or what is durable. strace counts each call by itself, so each is walked by
# itself; what this platform does not have is skipped by strace ("?") and never kills.
calls=(write pwrite64 ftruncate fsync fdatasync rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat
  rmdir fchmod fchown openat flock)

for act in commit freeze append settle; do
  kills=0
  for call in "${calls[@]}"; do
    for ((n = 1; ; n++)); do
      root=$work/$act-$call-$n
      mkdir "$root"
      "$child" prepare "$root" >/dev/null
      [ "$act" != settle ] || "$child" halve "$root"
      status=0
      said=$(strace -f -qq -o /dev/null -e trace="?$call" -e inject="?$call:signal=KILL:when=$n" \
        "$child" "$act" "$root" 2>/dev/null) || status=$?
      "$child" check "$root" ${said:+acknowledged} || { echo "crash.sh: $act, killed at $call $n" >&2; exit 1; }
      rm -rf "$root"
      [ "$status" -eq 0 ] && break
      kills=$((kills + 1))
      # strace itself fails, if it may not trace here: that would go on for ever.
      [ "$n" -lt 500 ] || { echo "crash.sh: $act never came to its end under strace" >&2; exit 1; }
    done
  done
  # A run without kills would prove nothing.
  [ "$kills" -ge 5 ] || { echo "crash.sh: $act was killed only $kills times" >&2; exit 1; }
  echo "$act: killed at each of $kills system calls, whole every time"
done
