#!/usr/bin/env python3
"""Time `runbook timeline --only episodes` on a large log of two sources against `rg -c` with the same words.

usage: timeline.py [--bin PATH] [--size MIB] [--rounds N]

The log is made of the lines of every captured log in this repository, over and over, each behind a time that never goes
back; gateways' lines go to one file, clients' to the other. The two programs take turns. Printed are the least user and
system time of each, the rate, how many times rg takes as long, and the peak memory of runbook. Without rg its columns are
empty. Every line counts alike: retries and starts come as often as they do in the captured logs.
"""
import argparse, json, os, pathlib, resource, shutil, subprocess, sys, tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bin", default="target/release/runbook", help="our program (default: %(default)s)")
parser.add_argument("--size", type=int, default=1024, help="of both files together, in MiB (default: %(default)s)")
parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: %(default)s)")
options = parser.parse_args()

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "openclaw-pairing/src/timeline/symptoms/rows.rs"


def words():
    """Every text of the table, as `said`, `since` and `until` have it."""
    text = TABLE.read_text()
    rows = text[text.index("const ROWS") :]
    found = []
    for maker in ("said(", "since(", "until(", "since_before("):
        for part in rows.split(maker)[1:]:
            found.append(json.JSONDecoder().raw_decode(part.lstrip())[0])
    return found


def lines(is_gateway):
    found = []
    for path in sorted(ROOT.glob("*/**/logs/*.log")):
        if ("cli" in path.stem) != is_gateway and "target" not in path.parts:
            found += path.read_bytes().splitlines()
    return [line for line in found if line]


def write(path, said, size, step):
    """The lines over and over, a time before each."""
    at, written = 0, 0
    with open(path, "wb", buffering=1 << 20) as file:
        while written < size:
            for line in said:
                at += step
                day, rest = divmod(at // 1000, 86400)
                time = b"2026-%02d-%02dT%02d:%02d:%02d.%03dZ " % (
                    1 + day // 28 % 12, 1 + day % 28, rest // 3600, rest // 60 % 60, rest % 60, at % 1000)
                written += file.write(time + line + b"\n")
                if written >= size:
                    break
    return written


def used(command):
    """CPU seconds of a command whose words nobody reads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode > 1:
        sys.exit(f"{command[0]}: {ended.stderr.decode(errors='replace')}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if not os.access(options.bin, os.X_OK):
    sys.exit(f"{options.bin} is not a program; build it with `cargo build --release --bin runbook`, or give --bin")
with tempfile.TemporaryDirectory() as directory:
    logs = [f"{directory}/gateway.log", f"{directory}/cli.log"]
    half = options.size << 19
    size = write(logs[0], lines(True), half, 3) + write(logs[1], lines(False), half, 5)
    patterns = f"{directory}/words"
    pathlib.Path(patterns).write_text("".join(word + "\n" for word in words()))
    ours = [options.bin, "timeline", "--only", "episodes", *logs]
    theirs = ["rg", "-j1", "-a", "-i", "-c", "-F", "-f", patterns, *logs] if shutil.which("rg") else None
    times, others = [], []
    for _ in range(options.rounds):
        times.append(used(ours))
        if len(times) == 1:
            # The largest of all children; rg comes later.
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        if theirs:
            others.append(used(theirs))
    mine = min(times)
    print(f"{size / 1e6:.0f} MB  runbook {mine:.2f} s  {size / 1e6 / mine:.0f} MB/s  peak {peak:.1f} MiB", end="")
    print(f"  rg {min(others):.2f} s  {mine / min(others):.2f} times rg" if others else "  rg is not here")
