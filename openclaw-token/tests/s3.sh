#!/usr/bin/env bash
# Sixteen processes race for one record on a real S3-compatible server on loopback: moto's, from PyPI.
# OPENCLAW_RACE_ROUNDS rounds (20 if unset).
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet 'moto[server]==5.2.5'
# Port 0: the operating system chooses, the server's log says which. One request at a time: S3 decides a conditional write at
# once, and moto looks first and stores later, so that two of its threads may both find nothing.
serve='from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)'
"$work/venv/bin/python" -c "$serve" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$work/log" | head -1) && [ -n "$url" ] && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.2
done
[ -n "${url:-}" ] || { echo 's3.sh: the server did not start' >&2; cat "$work/log" >&2; exit 1; }
curl --fail --silent --show-error --output /dev/null -X PUT "$url/records"
OPENCLAW_RACE_S3=$url cargo test -p openclaw-token --all-features --locked --test it -- --ignored --nocapture s3
