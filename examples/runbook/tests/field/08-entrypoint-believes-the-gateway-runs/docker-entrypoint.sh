#!/bin/sh
set -e
if openclaw gateway status >/dev/null 2>&1; then
  echo "[entrypoint] gateway already running"
else
  openclaw gateway restart
fi
exec node dashboard/server.js
