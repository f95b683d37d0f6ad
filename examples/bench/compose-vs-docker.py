#!/usr/bin/env python3
"""Time `runbook config -q` against `docker compose config -q` on the same stacks, in one run.

usage: compose-vs-docker.py [--bin PATH] [--docker 'docker compose'] ... [--rounds N] [DIRECTORY ...]

Each DIRECTORY holds a stack as `docker compose` finds it. Without one, three are made: two services, 200 of them
(130 KB) and 1,600 (1 MB), with two merge keys and an env file each. `--docker` may be given for each of several releases
(`openclaw-compose/tests/corpus/program` fetches two). The programs take turns, so that all see the same load. Printed are medians of wall and CPU time in milliseconds, how many times docker compose takes as long, and
the peak memory (with GNU time at hand); with valgrind also the allocations of runbook. `config` needs no
daemon; where docker compose is missing its columns are empty.
"""
import argparse, os, shlex, shutil, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bin", default="target/release/runbook", help="our program (default: %(default)s)")
parser.add_argument("--docker", action="append", help="another one (default: docker compose)")
parser.add_argument("--rounds", type=int, default=10, help="runs of each (default: %(default)s)")
parser.add_argument("directories", nargs="*", metavar="DIRECTORY")
options = parser.parse_args()

# Slow programs get fewer rounds, but never fewer than three.
LONGEST_SECONDS = 20


def stack(services):
    lines = [
        "x-log: &log {logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}}",
        "x-env: &env {environment: {LOG_LEVEL: '${LOG_LEVEL:-info}', REGION: eu}}",
        "services:",
    ]
    for number in range(services):
        lines += [
            f"  service-{number}:",
            "    <<: [*log, *env]",
            f"    image: registry.example/app-{number}:${{TAG:-1.2.3}}",
            "    env_file: common.env",
            "    restart: unless-stopped",
            "    healthcheck:",
            f"      test: [CMD, curl, -f, 'http://localhost:{20000 + number}/healthz']",
            "      interval: 30s",
            "      timeout: 5s",
            f"    ports: ['127.0.0.1:{20000 + number}:{20000 + number}']",
            f"    volumes: ['./data/{number}:/data', 'shared:/shared:ro']",
            "    labels:",
            f"      app.name: service-{number}",
            "      app.url: https://${HOST}/" + str(number),
            f"    command: [serve, --port, '{20000 + number}', --name, service-{number}]",
            f"    depends_on: [service-{number - 1}]" if number else "    user: '1000:1000'",
        ]
    return "\n".join(lines + ["volumes: {shared: }", ""])


def lay(directory, services):
    os.makedirs(directory)

    def write(name, text):
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)

    write("compose.yaml", stack(services))
    write(".env", "HOST=example.net\nTAG=4.5.6\n")
    write("common.env", "".join(f"COMMON_{n}=value-{n}\n" for n in range(20)) + "WHERE=${HOST}\n")


def size(directory):
    """Bytes of the Compose files that lie in the directory."""
    names = [name for name in os.listdir(directory) if "compose" in name and name.endswith((".yml", ".yaml"))]
    return sum(os.path.getsize(os.path.join(directory, name)) for name in names)


def once(command, directory):
    """One run: wall and CPU milliseconds, exit status."""
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, child.returncode


def race(commands, directory, rounds):
    """Median wall and CPU time of each command, taking turns; None for one that fails."""
    first = [once(command, directory) for command in commands]
    runs = [[] for _ in commands]
    began = time.perf_counter()
    for number in range(rounds):
        if number >= 3 and time.perf_counter() - began > LONGEST_SECONDS:
            break
        for command, warm, done in zip(commands, first, runs):
            if warm[2] == 0:
                done.append(once(command, directory))
    return [
        (statistics.median(run[0] for run in done), statistics.median(run[1] for run in done)) if done else None
        for done in runs
    ]


def peak(command, directory):
    """Megabytes, as GNU time counts them: a child of this program would inherit its size."""
    # A Mac's has no format.
    if sys.platform == "darwin" or not os.path.exists("/usr/bin/time"):
        return "-"
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], cwd=directory, capture_output=True, text=True)
    last = done.stderr.split()[-1:]
    return f"{int(last[0]) / 1024:.1f}" if done.returncode == 0 and last and last[0].isdigit() else "-"


def allocations(command, directory):
    if not shutil.which("valgrind"):
        return "-"
    done = subprocess.run(["valgrind", *command], cwd=directory, capture_output=True, text=True)
    line = [line for line in done.stderr.splitlines() if "total heap usage" in line]
    return line[0].split("usage:")[1].split(" allocs")[0].strip() if line else "-"


def release(command):
    """The release of a Docker Compose; None where it is not there."""
    try:
        done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


ours = [os.path.abspath(options.bin), "config", "-q"]
programs = [shlex.split(words) for words in options.docker or ["docker compose"]]
theirs = {name: [*words, "config", "-q"] for words in programs if (name := release(words))}
if not os.path.exists(ours[0]):
    sys.exit(f"{options.bin} is not there: cargo build --release -p openclaw-runbook --bin runbook")

root = tempfile.mkdtemp(prefix="compose-vs-docker-")
try:
    stacks = [(os.path.basename(os.path.abspath(path)), os.path.abspath(path)) for path in options.directories]
    if not stacks:
        for name, services in (("2 services", 2), ("200 services", 200), ("1600 services", 1600)):
            stacks.append((name, os.path.join(root, str(services))))
            lay(stacks[-1][1], services)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{'':>16} {'':>9} {'':>10} | {'wall ms':^26} | {'CPU ms':^26} | {'peak MB':^13} |")
    columns = f"{'ours':>8} {'docker':>9} {'ratio':>7}"
    print(f"{'stack':>16} {'bytes':>9} {'docker':>10} | {columns} | {columns} | {'ours':>6} {'docker':>6} | {'allocations':>11}")
    failed = False
    for name, directory in stacks:
        mine, *others = race([ours, *theirs.values()], directory, options.rounds)
        if mine is None:
            failed = True
            print(f"{name:>16} {size(directory):>9} | refused by {options.bin}, status {once(ours, directory)[2]}")
            continue
        of_ours = (peak(ours, directory), allocations(ours, directory))
        for (docker, command), other in zip(theirs.items() or [("-", None)], others or [None]):
            cells = []
            for number in (0, 1):
                if other:
                    cells.append(f"{mine[number]:8.2f} {other[number]:9.1f} {other[number] / max(mine[number], 0.001):7.1f}")
                else:
                    cells.append(f"{mine[number]:8.2f} {'-':>9} {'-':>7}")
            memory = f"{of_ours[0]:>6} {peak(command, directory) if other else '-':>6}"
            print(f"{name:>16} {size(directory):>9} {docker:>10} | {cells[0]} | {cells[1]} | {memory} | {of_ours[1]:>11}")
finally:
    shutil.rmtree(root)
sys.exit(1 if failed else 0)
