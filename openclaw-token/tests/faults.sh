#!/usr/bin/env bash
# A full disk, a read-only mount, a directory that may not be written and files of another owner, on real file systems: each
# must be named in the error, and afterwards nothing may be lost. Needs root, for its own mounts. Fails, rather than skips.
set -euo pipefail
[ "${1:-}" = inside ] || exec unshare --mount --propagation private "$0" inside
cd "$(dirname "$0")/../.."

built=$(cargo build --quiet -p openclaw-token --features fs --example crash-child --locked --message-format=json |
  python3 -c 'import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == "crash-child"][-1])')
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work" || true' EXIT
chmod 755 "$work"
child=$work/crash-child
install -m 755 "$built" "$child"
disk=$work/disk
mkdir "$disk"

# Runs one act that must fail with these words.
refused() {
  local words=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "faults.sh: $* succeeded" >&2
    exit 1
  fi
  case $said in
    *"$words"*) echo "  $said" ;;
    *) echo "faults.sh: '$words' is not in: $said" >&2; exit 1 ;;
  esac
}

# An empty file system of a quarter megabyte with the three files of the child.
fresh() {
  mountpoint -q "$disk" && umount "$disk"
  mount -t tmpfs -o size=256k tmpfs "$disk"
  mkdir "$disk/root"
  "$child" prepare "$disk/root" >/dev/null
}

for act in commit freeze append; do
  echo "$act"
  fresh
  dd if=/dev/zero of="$disk/filler" bs=4k 2>/dev/null || true
  refused 'make room and repeat, nothing was overwritten' "$child" "$act" "$disk/root"
  rm "$disk/filler"
  "$child" check "$disk/root"

  fresh
  mount -o remount,ro "$disk"
  refused 'mounted read-only' "$child" "$act" "$disk/root"
  mount -o remount,rw "$disk"
  "$child" check "$disk/root"

  fresh
  chmod 755 "$disk/root"
  refused 'run as the owner of the directory' setpriv --reuid 1000 --regid 1000 --clear-groups "$child" "$act" "$disk/root"
  "$child" check "$disk/root"
done

echo 'commit over files of another owner'
fresh
chown 1000:1000 "$disk/root"
refused 'belongs to 0:0' setpriv --reuid 1000 --regid 1000 --clear-groups "$child" commit "$disk/root"
setpriv --reuid 1000 --regid 1000 --clear-groups "$child" recover "$disk/root"
"$child" check "$disk/root"
umount "$disk"
