#!/bin/sh
set -e
mkdir -p "$HOME/.openclaw"
exec node dist/index.js "$@" --bind lan --port 18789
