#!/usr/bin/env python3
"""Time `compose-config config -q` against `docker compose config -q` on the same stacks, in one run.

usage: compose-vs-docker.py [--bin PATH] [--docker 'docker compose'] [--rounds N]

The stacks are made here: two services with an .env, 200 services (about 130 KB) and 1,600 (about 1 MB) with two merge
keys and an env file each. Prints the median of both in milliseconds, the ratio, and the peak memory of compose-config;
with valgrind at hand also its allocations. Where docker compose is missing its columns are empty. `config` needs no daemon.
"""
import argparse, os, shlex, shutil, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("--bin", default="target/release/compose-config")
parser.add_argument("--docker", default="docker compose")
parser.add_argument("--rounds", type=int, default=10)
options = parser.parse_args()


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
    write = lambda name, text: open(os.path.join(directory, name), "w").write(text)
    write("compose.yaml", stack(services))
    write(".env", "HOST=example.net\nTAG=4.5.6\n")
    write("common.env", "".join(f"COMMON_{n}=value-{n}\n" for n in range(20)) + "WHERE=${HOST}\n")
    return os.path.getsize(os.path.join(directory, "compose.yaml"))


def median(command, directory, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True)
        times.append((time.perf_counter() - start) * 1000)
        if done.returncode:
            return None
    return statistics.median(times)


def peak(command, directory):
    """Megabytes, as GNU time counts them: a child of this program would inherit its size."""
    if not os.path.exists("/usr/bin/time"):
        return "-"
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], cwd=directory, capture_output=True, text=True)
    return f"{int(done.stderr.split()[-1]) / 1024:.1f}"


def allocations(command, directory):
    if not shutil.which("valgrind"):
        return ""
    done = subprocess.run(["valgrind", *command], cwd=directory, capture_output=True, text=True)
    line = [line for line in done.stderr.splitlines() if "total heap usage" in line]
    return line[0].split("usage:")[1].split(" allocs")[0].strip() if line else ""


ours = [os.path.abspath(options.bin), "config", "-q"]
theirs = [*shlex.split(options.docker), "config", "-q"]
root = tempfile.mkdtemp(prefix="compose-vs-docker-")
print(f"{'stack':>16} {'bytes':>9} {'ours ms':>9} {'docker ms':>10} {'ratio':>7} {'peak MB':>8} {'allocations':>12}")
for name, services in (("2 services", 2), ("200 services", 200), ("1600 services", 1600)):
    directory = os.path.join(root, str(services))
    size = lay(directory, services)
    mine = median(ours, directory, options.rounds)
    other = median(theirs, directory, options.rounds if services < 1000 else max(1, options.rounds // 3))
    if mine is None:
        sys.exit(f"{options.bin} refused its own stack")
    shown = (f"{other:10.1f}", f"{other / mine:7.1f}") if other else (f"{'-':>10}", f"{'-':>7}")
    print(f"{name:>16} {size:>9} {mine:9.2f} {shown[0]} {shown[1]} {peak(ours, directory):>8} {allocations(ours, directory):>12}")
shutil.rmtree(root)
