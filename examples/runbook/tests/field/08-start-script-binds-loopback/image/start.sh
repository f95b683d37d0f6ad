#!/bin/sh
set -eu
echo "warming up"
openclaw config get gateway.mode >/dev/null 2>&1 || openclaw config set gateway.mode local
exec openclaw gateway run --bind loopback --port 8080
