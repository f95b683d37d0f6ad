#!/usr/bin/env bash
# Kills a freeze, a rotation and a fix over two files at random moments, and checks what is left: both files of one side, every
# file whole, the same command runs to its end afterwards, and every generation that stands has its one line in the ledger.
# 25 kills each, or $KILLS. Programs from $BIN; without it they are built.
set -euo pipefail
cd "$(dirname "$0")/../../.."
stacks=$PWD/examples/stacks
kills=${KILLS:-25}
if [ -z "${BIN:-}" ]; then
  cargo build --quiet --release --locked -p openclaw-runbook
  BIN=${CARGO_TARGET_DIR:-target}/release
fi
BIN=$(cd "$BIN" && pwd)
work=$(mktemp -d -p "${KILLS_DIR:-/dev/shm}" 2>/dev/null || mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "kills.sh: $*" >&2; exit 1; }

# A stack whose token stands in two files as a literal.
fresh() {
  rm -rf "$work/s" && cp -r "$stacks/silent-override" "$work/s" && rm -rf "$work/s/captured"
}
env_token() { sed -n 's/^OPENCLAW_GATEWAY_TOKEN=//p' "$work/s/.env"; }
json_token() { sed -n 's/^ *token: "\(.*\)",$/\1/p' "$work/s/state/openclaw.json"; }
same_token() { sed -i "s/token: \"test-token-wizard[^\"]*\"/token: \"$(env_token)\"/" "$work/s/state/openclaw.json"; }
# Both hold one token, or both what they held before.
whole() {
  local now
  now="$(env_token) $(json_token)"
  [ "$(env_token)" = "$(json_token)" ] || [ "$now" = "$before" ] || fail "$1: a mixed set"
  [ -n "$(env_token)" ] && [ -n "$(json_token)" ] || fail "$1: a token is lost"
  grep -q '^OPENCLAW_IMAGE=' "$work/s/.env" && tail -n 1 "$work/s/state/openclaw.json" | grep -q '^}$' || fail "$1: a file is cut"
}
ledger() {
  local records lines
  records=$(find "$work/s/.openclaw-token/records" -name 'record-*.json' | wc -l)
  lines=$(wc -l < "$work/s/.openclaw-token/ledger.jsonl")
  [ "$records" = "$lines" ] || fail "$1: $records records, $lines lines in the ledger"
}
# How long the command takes by itself, in microseconds: a kill falls somewhere before.
took() {
  local from to
  from=${EPOCHREALTIME/./}; "$@" > /dev/null 2>&1 || true; to=${EPOCHREALTIME/./}
  echo $((to - from))
}
# Runs a command and kills it at a random moment of its life. True if it was hit.
killed() {
  "$@" > /dev/null 2>&1 & local pid=$! status=0
  sleep "$(printf '0.%06d' $(((RANDOM * 32768 + RANDOM) % span)))"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || status=$?
  [ "$status" -eq 137 ]
}

freeze() { "$BIN/runbook" freeze --project-directory "$work/s" --by kills "$@"; }
mend() { "$BIN/runbook" fix --project-directory "$work/s" --yes "$@"; }

# mint: two empty places. rotate: one token in both. fix: two files with edits of one finding each.
prepare() {
  fresh
  case $1 in
    freeze) sed -i 's/^OPENCLAW_GATEWAY_TOKEN=.*/OPENCLAW_GATEWAY_TOKEN=/' "$work/s/.env"
            sed -i 's/token: "test-token[^"]*"/token: ""/' "$work/s/state/openclaw.json" ;;
    rotate) same_token; freeze --adopt > /dev/null ;;
    fix) sed -i 's/bind: "lan"/bind: "loopback"/' "$work/s/state/openclaw.json" ;;
  esac
}
command=()
run_of() {
  case $1 in
    freeze) command=("$BIN/runbook" freeze --project-directory "$work/s" --by kills --mint) ;;
    rotate) command=("$BIN/runbook" freeze --project-directory "$work/s" --by kills --rotate --reason kills) ;;
    fix) command=("$BIN/runbook" fix --project-directory "$work/s" --yes) ;;
  esac
}
sum() { cat "$work/s/.env" "$work/s/state/openclaw.json" | sha256sum; }

for act in freeze rotate fix; do
  run_of "$act"
  prepare "$act"; old=$(sum)
  span=$(($(took "${command[@]}") + 500))
  hit=0; half=0
  for ((n = 1; n <= kills; )); do
    prepare "$act"; before="$(env_token) $(json_token)"; old=$(sum)
    killed "${command[@]}" || continue
    n=$((n + 1)); hit=$((hit + 1))
    left=$(find "$work/s/.openclaw-token/transactions" -maxdepth 1 -name '*.*' 2>/dev/null | grep -cvE '\.(done|reverted)$' || true)
    [ "$left" -eq 0 ] || half=$((half + 1))
    case $act in
      freeze | rotate)
        status=0; said=$("${command[@]}" 2>&1) || status=$?
        # Minted already, by the run that was killed: said, and no error.
        [ "$status" -eq 0 ] || fail "$act $n: exit $status: $said"
        [ "$(env_token)" = "$(json_token)" ] || fail "$act $n: a mixed set"
        whole "$act $n"; ledger "$act $n"
        freeze --verify > /dev/null || fail "$act $n: $(freeze --verify 2>&1)" ;;
      fix)
        status=0; said=$("${command[@]}" 2>&1) || status=$?
        [ "$status" -eq 0 ] || fail "$act $n: exit $status: $said"
        [ "$(env_token)" = "$(json_token)" ] || fail "$act $n: a mixed set"
        whole "$act $n"
        said=$("${command[@]}" 2>&1) || fail "$act $n: again: $said"
        [[ $said == *"nothing to mend by edits"* ]] || fail "$act $n: not at its end: $said" ;;
    esac
    find "$work/s" -name '.*.openclaw-*' | grep . && fail "$act $n: left behind"
  done
  echo "$act: $hit kills, $half of them left a change half done; 0 mixed, 0 lost, $hit of $hit ran again to the end"
done
