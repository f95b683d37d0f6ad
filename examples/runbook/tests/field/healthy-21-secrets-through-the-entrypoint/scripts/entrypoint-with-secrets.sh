#!/bin/sh
set -eu
for name in DISCORD_BOT_TOKEN OPENCLAW_GATEWAY_TOKEN; do
  eval "file=\${${name}_FILE:-}"
  if [ -n "$file" ]; then
    export "$name=$(cat "$file")"
  fi
done
exec "$@"
