#!/bin/sh
set -eu
ensure_token() {
  openclaw config set gateway.auth.token "$(cat /proc/sys/kernel/random/uuid)"
}
read_token() {
  openclaw config get gateway.auth.token
}
ensure_token
openclaw gateway run --bind loopback --port 18789 &
n=0
until openclaw gateway call health --token "$(read_token)" >/dev/null 2>&1; do
  n=$((n + 1))
  [ "$n" -lt 5 ] || { echo "[entrypoint] gateway did not become ready within 25s, giving up"; exit 1; }
  sleep 5
done
exec node /opt/dashboard/server.mjs
