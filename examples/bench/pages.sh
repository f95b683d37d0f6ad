#!/usr/bin/env bash
# Looks at the HTML pages of the bundled stacks, and of those that are given, in headless Chromium with axe-core.
#
#   examples/bench/pages.sh [STACK...]
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=${CARGO_TARGET_DIR:-target}/pages
mkdir -p "$tools"
export CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
if [ -z "$CHROMIUM" ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium nodejs npm
  CHROMIUM=$(command -v chromium)
fi
if [ ! -d "$tools/node_modules/puppeteer-core" ]; then
  npm install --prefix "$tools" --silent --no-audit --no-fund axe-core@4 puppeteer-core@24
fi
cargo build --quiet --locked --package openclaw-runbook --bin runbook
runbook=${CARGO_TARGET_DIR:-target}/debug/runbook
rm -f "$tools"/*.html
for stack in examples/stacks/*/ "$@"; do
  # A gate that is shut is a page as any other.
  "$runbook" look --host-files --format html "$stack" > "$tools/$(basename "$stack").html" || [ $? -ne 2 ]
done
node examples/bench/pages.mjs "$tools" "$tools"/*.html
