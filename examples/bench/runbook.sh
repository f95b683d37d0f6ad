#!/usr/bin/env bash
# Wall time and peak memory of `runbook` as a whole process on a two-service stack, release build, and of
# `docker compose config -q` on the same stack in the same run where that program is at hand.
#
#   examples/bench/runbook.sh [STACK] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
stack=${1:-examples/stacks/silent-override}
rounds=${2:-60}
target=${CARGO_TARGET_DIR:-target}

cargo build --release --quiet -p openclaw-runbook --bin runbook
# Not every machine has the compose plugin; then only our own figures are printed.
docker_compose=''
if docker compose version >/dev/null 2>&1; then docker_compose='docker compose'; fi

python3 - "$target/release/runbook" "$stack" "$rounds" "$docker_compose" <<'PYTHON'
import os, statistics, subprocess, sys, time

binary, stack, rounds, docker = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split()


def once(argv, cwd):
    """One run: wall milliseconds, CPU milliseconds, peak resident megabytes, exit status."""
    began = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]) if cwd is None else subprocess.Popen(
            argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
    _, status, usage = os.wait4(pid, 0)
    wall = (time.perf_counter() - began) * 1000
    return wall, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024), os.waitstatus_to_exitcode(status)


def measure(name, argv, count, cwd=None):
    once(argv, cwd)
    runs = [once(argv, cwd) for _ in range(count)]
    wall = sorted(run[0] for run in runs)
    median = statistics.median(wall)
    print(f"{name}: median {median:.1f} ms, best {wall[0]:.1f} ms, worst {wall[-1]:.1f} ms wall; "
          f"{statistics.median(run[1] for run in runs):.1f} ms CPU; "
          f"{max(run[2] for run in runs):.1f} MB peak; exit {runs[0][3]}; {count} runs")
    return median


ours = measure("runbook", [binary, stack], rounds)
if docker:
    theirs = measure("docker compose config -q", docker + ["config", "-q"], max(5, rounds // 6), cwd=stack)
    print(f"ratio: {theirs / ours:.1f}")
else:
    print("docker compose config -q: not at hand on this machine")
PYTHON
