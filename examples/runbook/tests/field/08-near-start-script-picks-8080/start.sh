#!/usr/bin/env bash
set -euo pipefail
export OPENCLAW_STATE_DIR=${OPENCLAW_STATE_DIR:-/data/.openclaw}
mkdir -p "$OPENCLAW_STATE_DIR"
exec node /app/openclaw.mjs gateway run --bind lan --port "${PORT:-8080}" --allow-unconfigured
