#!/usr/bin/env python3
"""Time `runbook timeline` on large logs of two sources against `rg -c` with the same words.

usage: timeline.py [--bin PATH] [--size MIB]... [--only symptoms|episodes] [--rounds N]

The log is made of the lines of every captured log in this repository, over and over, each behind a time that never goes
back; gateways' lines go to one file, clients' to the other. With `--only symptoms`, as usual, both are merged, every line is
classed, and those that mean something, more than a third of all, are masked and written. The two programs take turns. Printed
is a row a size: the least user and system time of each, the rate, how many times rg takes as long, and the peak memory of
runbook. Without rg its columns are empty. Every line counts alike: retries and starts come as often as they do in the
captured logs. The files lie in the directory for temporary files, and go with the program.
"""
import argparse, json, os, pathlib, shutil, subprocess, sys, tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bin", default="target/release/runbook", help="our program (default: %(default)s)")
parser.add_argument("--size", type=int, action="append", help="of both files together, in MiB (default: 1024)")
parser.add_argument("--only", default="symptoms", help="what is written (default: %(default)s)")
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
    """CPU seconds and peak memory, in KiB, of a command whose words nobody reads."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        words = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        sys.exit(f"{command[0]}: {words.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)


if not os.access(options.bin, os.X_OK):
    sys.exit(f"{options.bin} is not a program; build it with `cargo build --release --bin runbook`, or give --bin")
print("| log | runbook | a second | peak | rg -c | times rg |\n| --- | --- | --- | --- | --- | --- |")
for mebibytes in options.size or [1024]:
    with tempfile.TemporaryDirectory() as directory:
        logs = [f"{directory}/gateway.log", f"{directory}/cli.log"]
        half = mebibytes << 19
        size = write(logs[0], lines(True), half, 3) + write(logs[1], lines(False), half, 5)
        patterns = f"{directory}/words"
        pathlib.Path(patterns).write_text("".join(word + "\n" for word in words()))
        ours = [options.bin, "timeline", "--only", options.only, *logs]
        theirs = ["rg", "-j1", "-a", "-i", "-c", "-F", "-f", patterns, *logs] if shutil.which("rg") else None
        times, others, peak = [], [], 0
        for _ in range(options.rounds):
            seconds, kibibytes = used(ours)
            times.append(seconds)
            peak = max(peak, kibibytes)
            if theirs:
                others.append(used(theirs)[0])
        mine = min(times)
        row = [f"{size / 1e6:.0f} MB", f"{mine:.2f} s", f"{size / 1e6 / mine:.0f} MB", f"{peak / 1024:.1f} MiB"]
        row += [f"{min(others):.2f} s", f"{mine / min(others):.2f}"] if others else ["", ""]
        print(f"| {' | '.join(row)} |", flush=True)
