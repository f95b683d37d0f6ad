#!/usr/bin/env python3
"""Double every kind of input, and say how the time of every program that reads it grows.

usage: doubling.py [--bin DIRECTORY] [--quick] [--limit 1.2] [--rounds 3] [--only WORD]... [--list]

Each input is made for a size n by a rule of its own, the same in every run. From the size at which a program takes well
longer than its start, it is doubled four times; the figure of a size is the least user CPU time of several runs, less the
time of a start. The exponent is the slope of a line through the logarithms of n, or of the bytes where these grow faster:
1.0 is linear, n log n shows as 1.05 to 1.15, 2.0 is a square. A row without an exponent never takes longer than a few starts:
a bound of the reader stops it first.

What no longer fits the processor's caches takes longer for each step, and a clock cannot tell that from more steps. So where
time grows above the limit, the instructions of the three least sizes are counted too (by valgrind, where it is there), and
their exponent stands beside it and decides.

Exits with 1 where an exponent is above the limit, or a run was ended by a signal or took more than a minute.
--quick takes fewer rounds and only the first program of each input.
"""
import argparse, json, math, os, shutil, signal, subprocess, sys, tempfile, time

GATEWAY = """\
services:
  openclaw-gateway:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: {OPENCLAW_GATEWAY_TOKEN: "${OPENCLAW_GATEWAY_TOKEN:-test-token-of-the-bench}"}
    volumes: ["./state:/home/node/.openclaw"]
"""
CONFIG = '{gateway: {mode: "local", bind: "lan", auth: {token: "${OPENCLAW_GATEWAY_TOKEN}"}}}\n'
EXAMINE = ("look", "fix", "sources", "freeze", "namespaces")
ALL = ("config", "explain", "diff", *EXAMINE)

# Name to (rule, programs, first size, last size).
INPUTS = {}


def input(name, programs=ALL, first=64, last=1 << 24):
    """Registers a rule: a function from n to the files of a stack."""

    def register(rule):
        INPUTS[name] = (rule, programs, first, last)
        return rule

    return register


def lines(text, n):
    return "".join(text.format(i=i, j=i + 1) for i in range(n))


def compose(text, **more):
    return {"compose.yaml": text, "state/openclaw.json": CONFIG, **more}


def gateway(tail, **more):
    """The gateway's service, and more lines of it."""
    return compose(GATEWAY + tail, **more)


def service(fields):
    return "services:\n" + fields


# Compose files.
input("comment lines", ("config", "look"))(lambda n: compose("# a line\n" * n + GATEWAY))
input("one long line")(lambda n: gateway("    hostname: " + "y" * n + "\n"))
input("lines of a block")(lambda n: gateway("    hostname: |\n" + "      line\n" * n))
input("quotes in a text", ("config", "look"))(lambda n: gateway('    hostname: "' + '\\"' * n + '"\n'))
input("keys of a mapping")(lambda n: gateway("    labels:\n" + lines("      k{i}: v\n", n)))
input("items of a list")(lambda n: gateway("    cap_add:\n" + lines("      - C{i}\n", n)))
input("one key again and again")(lambda n: gateway("    labels:\n" + "      k: v\n" * n))
input("one item again and again")(lambda n: gateway("    cap_add:\n" + "      - C\n" * n))
input("unknown keys")(lambda n: gateway(lines("    unknown{i}: v\n", n)))
input("wrong types")(lambda n: compose(service(lines("  s{i}: {{image: x, restart: [1]}}\n", n))))
input("wrong values on one line")(lambda n: compose("services: {" + ",".join("s%d: {image: x, restart: [1]}" % i for i in range(n)) + "}\n"))
input("extension fields")(lambda n: compose(lines("x-{i}: {{a: 1, b: [2]}}\n", n) + GATEWAY))
input("documents", ("config", "look"))(lambda n: compose(GATEWAY + "---\nx-a: 1\n" * n))
input("anchors")(lambda n: compose(lines("x-{i}: &a{i} 1\n", n) + GATEWAY))
input("aliases")(lambda n: compose("x-a: &a {b: 1}\nx-list:\n" + "  - *a\n" * n + GATEWAY))
input("aliases of different anchors")(lambda n: compose(lines("x-{i}: &a{i} [1]\n", n) + "x-list:\n" + lines("  - *a{i}\n", n) + GATEWAY))
input("merge keys")(lambda n: compose("x-a: &a {image: x, restart: always}\n" + service(lines("  s{i}: {{<<: *a}}\n", n))))
input("merge keys in a chain", ("config", "look"))(lambda n: compose("x-0: &a0 {k0: 1}\n" + "".join(f"x-{i}: &a{i} {{<<: *a{i-1}, k: {i}}}\n" for i in range(1, n)) + GATEWAY))
input("merge keys of one mapping")(lambda n: compose(lines("x-{i}: &a{i} {{k{i}: v}}\n", n) + GATEWAY + "    labels:\n      <<: [" + ",".join(f"*a{i}" for i in range(n)) + "]\n"))
input("nested lists", ("config", "look"))(lambda n: compose("x-a: " + "[" * n + "]" * n + "\n" + GATEWAY))
input("nested mappings", ("config", "look"), last=4096)(lambda n: compose("x-a:\n" + "".join(" " * (i + 1) + "a:\n" for i in range(n)) + GATEWAY))
input("unclosed lists", ("config", "look"))(lambda n: compose("x-a: " + "[" * n + "\n" + GATEWAY))
input("reset tags", ("config", "look"))(lambda n: compose(GATEWAY + "    labels:\n" + lines("      k{i}: v\n", n), **{"compose.override.yaml": service("  openclaw-gateway:\n    labels:\n" + lines("      k{i}: !reset null\n", n))}))
input("an override of every key")(lambda n: compose(GATEWAY + "    labels:\n" + lines("      k{i}: v\n", n), **{"compose.override.yaml": service("  openclaw-gateway:\n    labels:\n" + lines("      k{i}: w\n", n))}))
input("an override of every item")(lambda n: compose(GATEWAY + "    volumes:\n" + lines("      - ./v{i}:/v{i}\n", n), **{"compose.override.yaml": service("  openclaw-gateway:\n    volumes:\n" + lines("      - ./w{i}:/v{i}\n", n))}))

# Services and what they have.
input("services")(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: x\n", n)))
input("services that are off")(lambda n: compose(GATEWAY + lines("  s{i}: {{image: x, profiles: [p{i}]}}\n", n)))
input("services without an image")(lambda n: compose(GATEWAY + lines("  s{i}: {{restart: always}}\n", n)))
input("clients", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    environment: {{OPENCLAW_GATEWAY_TOKEN: test-token-{i}}}\n", n)))
input("clients with a URL", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    environment: {{OPENCLAW_GATEWAY_URL: \"ws://openclaw-gateway:18789\", OPENCLAW_GATEWAY_TOKEN: test-token-of-the-bench}}\n", n)))
input("clients that mount the state", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    volumes: [\"./state:/home/node/.openclaw\"]\n", n)))
input("clients with states of their own", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    volumes: [\"./state{i}:/home/node/.openclaw\"]\n", n)))
input("gateways", EXAMINE)(lambda n: compose(service(lines("  g{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n    environment: {{OPENCLAW_GATEWAY_TOKEN: test-token-{i}}}\n", n))))
input("gateways that publish", EXAMINE)(lambda n: compose(service(lines("  g{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway, --bind, lan]\n    ports: [\"{j}:18789\"]\n", n))))
input("gateways and clients", EXAMINE)(lambda n: compose(service(lines("  g{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n  c{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    network_mode: \"service:g{i}\"\n", n))))
input("network_mode in a chain", EXAMINE)(lambda n: compose(service(lines("  s{i}:\n    image: openclaw:2026.9.6\n    network_mode: \"service:s{j}\"\n", n) + f"  s{n}: {{image: \"openclaw:2026.9.6\", command: [openclaw, gateway]}}\n")))
input("network_mode of one service", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    network_mode: \"service:openclaw-gateway\"\n", n)))
input("apps beside a gateway", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}: {{image: nginx, environment: {{URL: \"ws://openclaw-gateway:18789\"}}}}\n", n)))
input("proxies before a gateway", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}: {{image: \"caddy:2\", command: caddy reverse-proxy --from :{j} --to openclaw-gateway:18789, ports: [\"{j}:{j}\"]}}\n", n)))
input("depends_on in a chain")(lambda n: compose(service(lines("  s{i}: {{image: x, depends_on: [s{j}]}}\n", n) + f"  s{n}: {{image: x}}\n")))
input("depends_on in a circle")(lambda n: compose(service("".join(f"  s{i}: {{image: x, depends_on: [s{(i + 1) % n}]}}\n" for i in range(n)))))
input("depends_on of many")(lambda n: compose(GATEWAY + "    depends_on: [" + ",".join(f"s{i}" for i in range(n)) + "]\n" + lines("  s{i}: {{image: x}}\n", n)))
input("depends_on of none")(lambda n: compose(GATEWAY + "    depends_on: [" + ",".join(f"s{i}" for i in range(n)) + "]\n"))
input("extends in a chain")(lambda n: compose(service(lines("  s{i}: {{extends: s{j}}}\n", n) + f"  s{n}: {{image: x}}\n")))
input("extends in a chain of overrides")(lambda n: compose(service(lines("  s{i}: {{extends: s{j}, environment: {{A: \"{i}\", B{i}: x}}}}\n", n) + f"  s{n}: {{image: x}}\n")))
input("extends of one service")(lambda n: compose(service("  b: {image: x, environment: {A: '1'}}\n" + lines("  s{i}: {{extends: b}}\n", n))))
input("extends in a circle")(lambda n: compose(service("".join(f"  s{i}: {{extends: s{(i + 1) % n}}}\n" for i in range(n)))))
input("extends of none")(lambda n: compose(service(lines("  s{i}: {{image: x, extends: none{i}}}\n", n))))
input("extends of one file", last=1 << 14)(lambda n: compose(service(lines("  s{i}: {{extends: {{file: base.yaml, service: b}}}}\n", n)), **{"base.yaml": "services: {b: {image: x}}\n"}))
input("extends of one large file", last=1 << 14)(lambda n: compose(service(lines("  s{i}: {{extends: {{file: base.yaml, service: b{i}}}}}\n", n)), **{"base.yaml": service(lines("  b{i}: {{image: x}}\n", n))}))
input("extends through files", last=1 << 14)(lambda n: compose(service("  a: {extends: {file: f0.yaml, service: a}}\n"), **{f"f{i}.yaml": service(f"  a: {{extends: {{file: f{i + 1}.yaml, service: a}}}}\n") for i in range(n)}, **{f"f{n}.yaml": "services: {a: {image: x}}\n"}))
input("includes", last=1 << 14)(lambda n: compose("include: [" + ",".join(f"f{i}.yaml" for i in range(n)) + "]\n" + GATEWAY, **{f"f{i}.yaml": service(f"  s{i}: {{image: x}}\n") for i in range(n)}))
input("includes of one file", last=1 << 16)(lambda n: compose("include:\n" + "  - f.yaml\n" * n + GATEWAY, **{"f.yaml": "services: {a: {image: x}}\n"}))
input("includes in a chain", last=1 << 14)(lambda n: compose("include: [f0.yaml]\n" + GATEWAY, **{f"f{i}.yaml": f"include: [f{i + 1}.yaml]\n" + service(f"  s{i}: {{image: x}}\n") for i in range(n)}, **{f"f{n}.yaml": "services: {a: {image: x}}\n"}))
input("includes in a tree", last=1 << 10)(lambda n: compose("include: [f0.yaml, ./f0.yaml]\n" + GATEWAY, **{f"f{i}.yaml": f"include: [f{i + 1}.yaml, ./f{i + 1}.yaml]\n" for i in range(n)}, **{f"f{n}.yaml": "services: {a: {image: x}}\n"}))
input("includes with env files", last=1 << 12)(lambda n: compose("include:\n" + lines("  - {{path: f{i}.yaml, env_file: e{i}}}\n", n) + GATEWAY, **{f"f{i}.yaml": service(f"  s{i}: {{image: x}}\n") for i in range(n)}, **{f"e{i}": f"A{i}=1\n" for i in range(n)}, **{".env": lines("V{i}=1\n", n)}))
input("networks")(lambda n: gateway("    networks:\n" + lines("      n{i}: {{aliases: [a{i}]}}\n", n) + "networks:\n" + lines("  n{i}: {{}}\n", n)))
input("aliases on a network")(lambda n: gateway("    networks:\n      n: {aliases: [" + ",".join(f"a{i}" for i in range(n)) + "]}\nnetworks: {n: {}}\n"))
input("a network for each client", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}: {{image: \"openclaw:2026.9.6\", entrypoint: [openclaw], networks: [n{i}]}}\n", n) + "networks:\n" + lines("  n{i}: {{}}\n", n)))
input("networks that are not there")(lambda n: gateway("    networks: [" + ",".join(f"n{i}" for i in range(n)) + "]\n"))
input("bind mounts")(lambda n: compose("", **{"compose.yaml": GATEWAY.replace('"./state:/home/node/.openclaw"', '"./state:/home/node/.openclaw",' + ",".join(f'"./v{i}:/v{i}"' for i in range(n)))}))
input("named volumes")(lambda n: gateway("    tmpfs: [/t]\n  s:\n    image: x\n    volumes:\n" + lines("      - v{i}:/v{i}\n", n) + "volumes:\n" + lines("  v{i}: {{}}\n", n)))
input("volumes that are not there")(lambda n: gateway("  s:\n    image: x\n    volumes:\n" + lines("      - v{i}:/v{i}\n", n)))
input("secrets")(lambda n: gateway("    secrets: [" + ",".join(f"s{i}" for i in range(n)) + "]\nsecrets:\n" + lines("  s{i}: {{file: ./s{i}}}\n", n)))
input("configs")(lambda n: gateway("    configs: [" + ",".join(f"c{i}" for i in range(n)) + "]\nconfigs:\n" + lines("  c{i}: {{file: ./c{i}}}\n", n)))
input("profiles")(lambda n: gateway("  s: {image: x, profiles: [" + ",".join(f"p{i}" for i in range(n)) + "]}\n"))
input("profiles that are on")(lambda n: gateway(lines("  s{i}: {{image: x, profiles: [p{i}]}}\n", n), **{".env": "COMPOSE_PROFILES=" + ",".join(f"p{i}" for i in range(n)) + "\n"}))
input("ports", last=1 << 15)(lambda n: gateway("    ports:\n" + lines("      - \"{j}:18789\"\n", n)))
input("a range of ports", last=1 << 15)(lambda n: gateway(f"    ports: [\"1-{n}:1-{n}\"]\n"))
input("words of a command")(lambda n: compose(GATEWAY.replace("gateway]", "gateway, " + ", ".join(f"--flag{i}" for i in range(n)) + "]")))
input("words of a shell command")(lambda n: compose(GATEWAY.replace("[openclaw, gateway]", "sh -c 'A=1 openclaw gateway; " + "true; " * n + "'")))
input("variables of a shell command")(lambda n: compose(GATEWAY.replace("[openclaw, gateway]", "sh -c '" + lines("A{i}=1 ", n) + "openclaw gateway'")))
input("lines of a health check")(lambda n: gateway("    healthcheck: {test: [CMD-SHELL, '" + "curl localhost:18789 || " * n + "exit 1']}\n"))
input("extra hosts")(lambda n: gateway("    extra_hosts:\n" + lines("      - h{i}:10.0.0.1\n", n)))
input("devices and ulimits")(lambda n: gateway("    devices:\n" + lines("      - /dev/d{i}:/dev/d{i}\n", n)))

CLI = "  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n"
input("clients that dial one alias", EXAMINE)(lambda n: compose(GATEWAY + lines(CLI + "    environment: {{OPENCLAW_GATEWAY_URL: \"ws://gw:18789\", OPENCLAW_GATEWAY_TOKEN: test-token-of-the-bench}}\n    networks: {{default: {{aliases: [gw]}}}}\n", n)))
input("clients that dial nobody", EXAMINE)(lambda n: compose(GATEWAY + lines(CLI + "    environment: {{OPENCLAW_GATEWAY_URL: \"ws://nobody:18789\", OPENCLAW_GATEWAY_TOKEN: test-token-of-the-bench}}\n    networks: [n{i}]\n", n) + "networks:\n" + lines("  n{i}: {{}}\n", n)))
input("clients that dial the host", EXAMINE)(lambda n: compose(GATEWAY + lines(CLI + "    environment: {{OPENCLAW_GATEWAY_URL: \"ws://host.docker.internal:{j}\", OPENCLAW_GATEWAY_TOKEN: test-token-of-the-bench}}\n", n)))
input("clients that dial what is off", EXAMINE)(lambda n: compose(GATEWAY + lines(CLI + "    environment: {{OPENCLAW_GATEWAY_URL: \"ws://o{i}:18789\", OPENCLAW_GATEWAY_TOKEN: test-token-of-the-bench}}\n  o{i}: {{image: x, profiles: [p]}}\n", n)))
input("clients on another port of the namespace", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    network_mode: \"service:openclaw-gateway\"\n    environment: {{OPENCLAW_GATEWAY_PORT: \"19000\"}}\n", n)))
input("clients of another release", EXAMINE)(lambda n: compose(GATEWAY + lines(CLI.replace("2026.9.6", "2026.8.1"), n)))
input("gateways and clients of two releases", EXAMINE)(lambda n: compose(service(lines("  g{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n", n) + lines(CLI.replace("2026.9.6", "2026.8.1"), n))))
input("clients of another user on the state", EXAMINE)(lambda n: compose(GATEWAY + lines(CLI + "    user: \"{j}\"\n    volumes: [\"./state:/home/node/.openclaw\"]\n", n)))
input("gateways on one state", EXAMINE)(lambda n: compose(service(lines("  g{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n    user: \"{j}\"\n    volumes: [\"./state:/home/node/.openclaw\"]\n", n))))
input("gateways that publish another port", EXAMINE, last=1 << 14)(lambda n: compose(service(lines("  g{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway, --bind, lan]\n    ports: [\"{j}:80\"]\n", n))))
input("clients with a broken configuration", EXAMINE, last=1 << 12)(lambda n: compose(GATEWAY + lines(CLI + "    volumes: [\"./c{i}:/home/node/.openclaw\"]\n", n), **{f"c{i}/openclaw.json": "{" for i in range(n)}))
input("clients with a remote URL", EXAMINE, last=1 << 12)(lambda n: compose(GATEWAY + lines(CLI + "    volumes: [\"./c{i}:/home/node/.openclaw\"]\n", n), **{f"c{i}/openclaw.json": '{gateway: {mode: "local", remote: {url: "ws://x:1"}}}' for i in range(n)}))
input("networks of two services", EXAMINE)(lambda n: gateway("    networks: [" + ",".join(f"n{i}" for i in range(n)) + "]\n  nginx:\n    image: nginx\n    networks: [" + ",".join(f"m{i}" for i in range(n)) + "]\nnetworks:\n" + lines("  n{i}: {{}}\n  m{i}: {{}}\n", n)))
input("mounts of a proxy", EXAMINE)(lambda n: gateway("  s:\n    image: nginx\n    volumes:\n" + lines("      - ./v{i}:/v{i}\n", n)))
input("lines of a proxy's configuration", EXAMINE)(lambda n: compose(GATEWAY + "  caddy:\n    image: caddy:2\n    volumes: [\"./Caddyfile:/etc/caddy/Caddyfile\"]\n", Caddyfile="a.example {\n" + lines("  reverse_proxy other{i}:80\n", n) + "}\n"))
input("routers of traefik", EXAMINE)(lambda n: gateway("    labels:\n" + lines("      traefik.http.routers.r{i}.rule: Host(`a.example`)\n      traefik.http.routers.r{i}.entrypoints: web\n", n)))
input("links", EXAMINE)(lambda n: gateway("    links: [" + ",".join(f"s{i}" for i in range(n)) + "]\n" + lines("  s{i}: {{image: x}}\n", n)))
input("different env files of a service", last=1 << 9)(lambda n: gateway("    env_file: [" + ",".join(f"e{i}.env" for i in range(n)) + "]\n", **{f"e{i}.env": f"A{i}=1\n" for i in range(n)}))
input("variables that name a gateway", EXAMINE)(lambda n: compose(GATEWAY + "  s:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    environment:\n" + lines("      V{i}_GATEWAY: x\n", n)))
input("address pools", ("config", "look"))(lambda n: compose("networks: {n: {ipam: {config: [" + ",".join(f"{{subnet: 10.{i >> 8 & 255}.{i & 255}.0/24}}" for i in range(n)) + "]}}}\n" + GATEWAY, **{"compose.override.yaml": "networks: {n: {ipam: {config: [" + ",".join(f"{{subnet: 11.{i >> 8 & 255}.{i & 255}.0/24}}" for i in range(n)) + "]}}}\n"}))
input("files of a checkout that name the token", ("sources",), last=1 << 13)(lambda n: compose(GATEWAY, **{f"f{i}.sh": "OPENCLAW_GATEWAY_TOKEN=test-token-in-a-script\n" for i in range(n)}))
input("names on a line of a checkout", ("sources",))(lambda n: compose(GATEWAY, **{"x.sh": "OPENCLAW_GATEWAY_TOKEN=test-token-in-a-script " * n + "\n"}))
input("names that are minted in a checkout", ("sources",))(lambda n: compose(GATEWAY, **{"x.sh": lines("T{i}=$(openssl rand -hex 32)\n", n) + lines("A=${{OPENCLAW_GATEWAY_TOKEN:-$X{i}}}\n", n)}))

# Variables.
input("variables of a container")(lambda n: gateway("  s:\n    image: x\n    environment:\n" + lines("      V{i}: x\n", n)))
input("variables of a container in a list")(lambda n: gateway("  s:\n    image: x\n    environment:\n" + lines("      - V{i}=x\n", n)))
input("names without a value")(lambda n: gateway("  s:\n    image: x\n    environment:\n" + lines("      - V{i}\n", n), **{".env": lines("V{i}=1\n", n)}))
input("secrets of a container", ALL)(lambda n: gateway("  s:\n    image: x\n    environment:\n" + lines("      T{i}_TOKEN: test-token-value-{i}\n", n)))
input("secrets in .env, and findings")(lambda n: compose(GATEWAY + lines("  s{i}: {{image: x, unknown{i}: 1}}\n", n), **{".env": lines("T{i}_TOKEN=test-token-value-{i}\n", n)}))
input("uses of a variable")(lambda n: gateway("    hostname: \"" + "${A}" * n + "\"\n", **{".env": "A=1\n"}))
input("uses of a variable that is not set")(lambda n: gateway("    hostname: \"" + "${A}" * n + "\"\n"))
input("variables that are not set")(lambda n: gateway("    labels:\n" + lines("      k{i}: ${{V{i}}}\n", n)))
input("variables that are required")(lambda n: gateway("    labels:\n" + lines("      k{i}: ${{V{i}:?say}}\n", n)))
input("dollars")(lambda n: gateway("    hostname: \"" + "$" * n + "\"\n"))
input("broken templates")(lambda n: gateway("    labels:\n" + lines("      k{i}: ${{\n", n)))
input("broken templates in one text")(lambda n: gateway("    hostname: \"" + "${" * n + "\"\n"))
input("nested defaults")(lambda n: gateway("    hostname: \"" + "${A:-" * n + "}" * n + "\"\n"))
input("open defaults")(lambda n: gateway("    hostname: \"" + "${A:-" * n + "\"\n"))
input("defaults in a row")(lambda n: gateway("    hostname: \"" + "${A:-x}" * n + "\"\n"))
input("defaults that do not close")(lambda n: gateway("    hostname: \"" + "${A:-{x} " * n + "}\"\n"))
input("lines of .env")(lambda n: gateway("", **{".env": lines("V{i}=x{i}\n", n)}))
input("one name in .env")(lambda n: gateway("", **{".env": "A=1\n" * n}))
input("tokens in .env")(lambda n: gateway("", **{".env": lines("OPENCLAW_GATEWAY_TOKEN=test-token-value-{i}\n", n)}))
input("comments in .env")(lambda n: gateway("", **{".env": "# a line\n" * n + "A=1\n"}))
input("a long line in .env")(lambda n: gateway("", **{".env": "A=" + "x" * n + "\n"}))
input("quoted lines in .env")(lambda n: gateway("", **{".env": "A=\"" + "line\n" * n + "\"\n"}))
input("escapes in .env")(lambda n: gateway("", **{".env": "A=\"" + "\\n" * n + "\"\n"}))
input("open quotes in .env")(lambda n: gateway("", **{".env": lines("V{i}=\"x\n", n)}))
input("broken lines in .env")(lambda n: gateway("", **{".env": "a broken line\n" * n}))
input("references in .env")(lambda n: gateway("", **{".env": "A0=1\n" + lines("A{j}=${{A{i}}}x\n", n)}))
input("references that double in .env", last=1 << 14)(lambda n: gateway("", **{".env": "A0=1\n" + lines("A{j}=${{A{i}}}${{A{i}}}\n", n)}))
input("references that are not set in .env")(lambda n: gateway("", **{".env": lines("A{i}=${{B{i}}}\n", n)}))
input("dollars in .env")(lambda n: gateway("", **{".env": "A=" + "${" * n + "\n"}))
input("blanks in .env")(lambda n: gateway("", **{".env": "A=" + " # " * n + "\n" + "\n" * n + " \t" * n}))
input("env files of a service")(lambda n: gateway("    env_file: [" + ",".join(["e.env"] * n) + "]\n", **{"e.env": "A=1\n"}))
input("services with one env file")(lambda n: compose(GATEWAY + lines("  s{i}: {{image: x, env_file: e.env}}\n", n), **{"e.env": "A=1\nB=${A}\n"}))
input("an env file for each service", last=1 << 14)(lambda n: compose(GATEWAY + lines("  s{i}: {{image: x, env_file: e{i}.env}}\n", n), **{f"e{i}.env": "A=1\n" for i in range(n)}))
input("lines of an env file")(lambda n: gateway("    env_file: e.env\n", **{"e.env": lines("V{i}=x\n", n)}))
input("lines of a label file")(lambda n: gateway("    label_file: e.env\n", **{"e.env": lines("v{i}=x\n", n)}))


# openclaw.json.
def config(text):
    return compose(GATEWAY, **{"state/openclaw.json": text})


def member(text):
    return config('{gateway: {mode: "local", bind: "lan", ' + text + "}}\n")


input("members of openclaw.json", EXAMINE)(lambda n: config("{" + ",".join(f"k{i}: 1" for i in range(n)) + "}\n"))
input("members of openclaw.json on lines", EXAMINE)(lambda n: config("{\n" + lines("  k{i}: 1,\n", n) + "}\n"))
input("one member again and again", EXAMINE)(lambda n: config("{" + "k: 1," * n + "}\n"))
input("nested members", EXAMINE)(lambda n: config("{a:" * n + "1" + "}" * n + "\n"))
input("open members", EXAMINE)(lambda n: config("{a:" * n + "\n"))
input("lists in openclaw.json", EXAMINE)(lambda n: config("{a: [" + "1," * n + "]}\n"))
input("comments in openclaw.json", EXAMINE)(lambda n: config("// a line\n" * n + CONFIG))
input("an open comment in openclaw.json", EXAMINE)(lambda n: config("/*" * n + CONFIG))
input("escapes in openclaw.json", EXAMINE)(lambda n: member('name: "' + "\\u0041" * n + '"'))
input("continued lines in openclaw.json", EXAMINE)(lambda n: member('name: "' + "\\\n" * n + '"'))
input("origins", EXAMINE)(lambda n: member("controlUi: {allowedOrigins: [" + ",".join(f'"http://h{i}"' for i in range(n)) + "]}"))
input("trusted proxies", EXAMINE)(lambda n: member("trustedProxies: [" + ",".join(f'"10.0.{i >> 8 & 255}.{i & 255}"' for i in range(n)) + "]"))
input("placeholders in openclaw.json", EXAMINE)(lambda n: member('auth: {token: "' + "${A}" * n + '"}'))
input("variables of openclaw.json", EXAMINE)(lambda n: config("{env: {vars: {" + ",".join(f'V{i}: "test-value-{i}"' for i in range(n)) + "}}}\n"))
input("secrets of openclaw.json", EXAMINE)(lambda n: config("{env: {vars: {" + ",".join(f'T{i}_TOKEN: "test-token-value-{i}"' for i in range(n)) + "}}}\n"))
input("includes of openclaw.json", EXAMINE)(lambda n: compose(GATEWAY, **{"state/openclaw.json": '{"$include": [' + ",".join(["\"./a.json\""] * n) + "]}", "state/a.json": "{a: {b: 1}}"}))
input("different includes of openclaw.json", EXAMINE, last=1 << 12)(lambda n: compose(GATEWAY, **{"state/openclaw.json": '{"$include": [' + ",".join(f'"./a{i}.json"' for i in range(n)) + "]}", **{f"state/a{i}.json": f"{{a: {{k{i}: 1}}}}" for i in range(n)}}))
input("members of an include", EXAMINE)(lambda n: compose(GATEWAY, **{"state/openclaw.json": '{"$include": "./a.json",' + ",".join(f"k{i}: 1" for i in range(n)) + "}", "state/a.json": "{" + ",".join(f"k{i}: 2" for i in range(n)) + "}"}))
input("placeholders and variables of openclaw.json", EXAMINE)(lambda n: config("{gateway: {auth: {token: \"" + "".join(f"${{V{i}}}" for i in range(n)) + "\"}}, env: {vars: {" + ",".join(f'V{i}: "x"' for i in range(n)) + "}}}\n"))
input("clients of a state with variables", EXAMINE)(lambda n: compose(GATEWAY + lines("  s{i}:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n    volumes: [\"./state:/home/node/.openclaw\"]\n", n), **{"state/.env": lines("V{i}=x\n", n)}))
input("lines of the state's .env", EXAMINE)(lambda n: compose(GATEWAY, **{"state/openclaw.json": CONFIG, "state/.env": lines("V{i}=x\n", n)}))
input("secrets of the state's .env", EXAMINE)(lambda n: compose(GATEWAY, **{"state/openclaw.json": CONFIG, "state/.env": lines("T{i}_TOKEN=test-token-value-{i}\n", n)}))


# What was captured.
def container(i, more=None):
    labels = {"com.docker.compose.project": "stack", "com.docker.compose.service": "openclaw-gateway", "com.docker.compose.container-number": "1"}
    state = {"Status": "running", "Running": True, "StartedAt": "2026-11-22T06:00:00Z"}
    made = {"Id": f"{i:064x}", "Name": f"/stack-{i}", "State": state, "Config": {"Image": "openclaw:2026.9.6", "Env": ["OPENCLAW_GATEWAY_TOKEN=test-token"], "Labels": labels}, "HostConfig": {"NetworkMode": "stack_default"}, "Mounts": [], "NetworkSettings": {"Networks": {"stack_default": {}}}}
    made["Config"].update(more or {})
    return made


def captured(name, text):
    return compose(GATEWAY, **{"state/openclaw.json": CONFIG, f"captured/{name}": text})


def inspect(containers):
    return captured("inspect.json", json.dumps(containers))


LOOK = ("look", "fix", "sources", "namespaces")
input("containers", LOOK)(lambda n: inspect([container(i) for i in range(n)]))
input("containers of many services", LOOK)(lambda n: compose(GATEWAY + lines("  s{i}: {{image: \"openclaw:2026.9.6\", entrypoint: [openclaw]}}\n", n), **{"captured/inspect.json": json.dumps([container(i, {"Labels": {"com.docker.compose.project": "stack", "com.docker.compose.service": f"s{i}"}}) for i in range(n)])}))
input("containers in a namespace", LOOK)(lambda n: inspect([{**container(i), "HostConfig": {"NetworkMode": f"container:{i + 1:064x}"}} for i in range(n)]))
input("containers that were killed", LOOK)(lambda n: compose(service(lines("  s{i}:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway]\n", n)), **{"captured/inspect.json": json.dumps([{**container(i, {"Labels": {"com.docker.compose.project": "stack", "com.docker.compose.service": f"s{i}"}}), "State": {"Status": "exited", "ExitCode": 137}} for i in range(n)])}))
input("containers of another project", LOOK)(lambda n: inspect([{**container(i, {"Labels": {"com.docker.compose.project": "other", "com.docker.compose.service": "openclaw-gateway"}}), "ProcessLabel": "x"} for i in range(n)]))
input("images", LOOK)(lambda n: inspect([container(1)] + [{"Id": f"sha256:{i:064x}", "RepoTags": [f"x:{i}"], "RepoDigests": []} for i in range(n)]))
input("mounts of a running container", LOOK)(lambda n: compose(GATEWAY.replace('"./state:/home/node/.openclaw"', '"./state:/home/node/.openclaw",' + ",".join(f'"./v{i}:/v{i}"' for i in range(n))), **{"captured/inspect.json": json.dumps([{**container(1), "Mounts": [{"Type": "bind", "Source": f"/v{i}", "Destination": f"/v{i}"} for i in range(n)]}])}))
input("variables of a running container", LOOK)(lambda n: inspect([container(1, {"Env": [f"V{i}=x" for i in range(n)]})]))
input("labels of a running container", LOOK)(lambda n: inspect([container(1, {"Labels": {**container(1)["Config"]["Labels"], **{f"l{i}": "x" for i in range(n)}}})]))
input("secrets of a running container", LOOK)(lambda n: inspect([container(1, {"Env": [f"T{i}_TOKEN=test-token-value-{i}" for i in range(n)]})]))
input("nested inspect", LOOK)(lambda n: captured("inspect.json", "[" * n + "]" * n))
input("owners", LOOK)(lambda n: captured("ownership.txt", lines("1000:1000 600 state/f{i}\n", n)))
input("owners of a deep tree", LOOK, last=4096)(lambda n: captured("ownership.txt", "".join("1000:1000 755 state" + "/d" * i + "\n" for i in range(n))))
input("owners that differ", LOOK)(lambda n: captured("ownership.txt", lines("{i}:1000 600 state/f{i}\n", n)))
input("broken lines of owners", LOOK)(lambda n: captured("ownership.txt", "not an owner\n" * n))
input("lines of an ACL", LOOK)(lambda n: captured("ownership.txt", "# file: state\n# owner: 1000\n# group: 1000\nuser::rwx\n" + lines("user:{i}:rwx\n", n)))
input("lines of an id map", ("look",))(lambda n: captured("idmap.txt", lines("{i} {i} 1\n", n)))
input("members of the engine's words", ("look",))(lambda n: captured("engine.json", json.dumps({"OperatingSystem": "Linux", **{f"k{i}": 1 for i in range(n)}})))
input("lines of a unit", ("look",))(lambda n: captured("systemd/openclaw.service", "[Service]\n" + lines("Environment=V{i}=x\n", n)))
input("keys of a plist", ("look",))(lambda n: captured("launchd/ai.openclaw.gateway.plist", "<plist><dict><key>EnvironmentVariables</key><dict>" + lines("<key>V{i}</key><string>x</string>", n) + "</dict></dict></plist>"))

TIME = "2026-11-22T06:26:00.737+00:00"
REFUSED = TIME + " [ws] closed before connect conn={i} remote=10.0.0.2 code=1008 reason=pairing required: device is not approved yet (requestId: 0234eb71-62a0-4ac3-8d0e-{i:012d}) cause=pairing-required deviceId={i:064x} requestId=0234eb71-62a0-4ac3-8d0e-{i:012d}\n"
ONE = REFUSED.replace("{i:012d}", "000000000001").replace("{i:064x}", "1" * 64)


def log(text):
    return captured("logs/openclaw-gateway.log", text)


READ = ("look", "pair")
input("lines of a log", READ)(lambda n: log(lines(TIME + " [gateway] something happened, number {i}\n", n)))
input("refusals of many devices", READ)(lambda n: log(lines(REFUSED, n)))
input("refusals of one device", READ)(lambda n: log(lines(ONE, n)))
input("starts in a log", READ)(lambda n: log((TIME + " [gateway] loading configuration…\n" + TIME + " [gateway] ready\n") * n))
input("one long line of a log", READ)(lambda n: log("x" * n + "\n"))
input("a device list", ("look", "pair-list"))(lambda n: captured("devices/openclaw-gateway.json", json.dumps({"pending": [{"requestId": f"r{i}", "deviceId": f"{i:064x}", "publicKey": "x", "role": "operator", "scopes": ["operator.read"], "ts": 1795329960000} for i in range(n)], "paired": []})))
input("paired devices", ("look", "pair-list"))(lambda n: captured("devices/openclaw-gateway.json", json.dumps({"pending": [], "paired": [{"deviceId": f"{i:064x}", "role": "operator", "roles": ["operator"], "scopes": ["operator.read"], "approvedScopes": ["operator.read"], "tokens": [{"role": "operator", "scopes": ["operator.read"], "createdAtMs": 1795329960000}], "createdAtMs": 1795329960000, "approvedAtMs": 1795329960000} for i in range(n)]})))


def command(name, directory):
    at = ["--project-directory", directory]
    return ["runbook", *{
        "look": ["look", directory],
        "fix": ["fix", *at, "--dry-run"],
        "sources": ["sources", *at, "--search"],
        "freeze": ["freeze", *at, "--verify"],
        "namespaces": ["namespaces", *at],
        "config": ["config", *at],
        "explain": ["explain", *at, "services.openclaw-gateway.image"],
        "diff": ["diff", directory, directory],
        "pair": ["pair", "--gateway-log", directory + "/captured/logs/openclaw-gateway.log"],
        "pair-list": ["pair", "--gateway-list", directory + "/captured/devices/openclaw-gateway.json"],
    }[name]]


def write(directory, rule, n):
    """The files of a rule, made by a process of its own: a program inherits the peak of the one that starts it."""
    shutil.rmtree(directory, ignore_errors=True)
    child = os.fork()
    if child == 0:
        for name, text in rule(n).items():
            path = os.path.join(directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(text.encode())
        os._exit(0)
    os.waitpid(child, 0)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names)


class Broken(Exception):
    pass


def run(arguments, longest):
    """User CPU seconds and peak MiB of one run."""
    devnull = subprocess.DEVNULL
    child = subprocess.Popen(arguments, cwd="/", env={"HOME": "/nonexistent"}, stdin=devnull, stdout=devnull, stderr=devnull)
    signal.signal(signal.SIGALRM, lambda *_: child.kill())
    signal.alarm(longest)
    try:
        _, status, usage = os.wait4(child.pid, 0)
    finally:
        signal.alarm(0)
    child.returncode = 0
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise Broken(f"ended by {name} after {usage.ru_utime + usage.ru_stime:.0f} s of CPU time")
    if os.WEXITSTATUS(status) == 101:
        raise Broken("panicked")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)


def best(arguments, rounds, longest):
    """The least time and the peak of several runs; of slow ones fewer."""
    times, peak = [], 0.0
    for _ in range(rounds):
        seconds, memory = run(arguments, longest)
        times.append(seconds)
        peak = max(peak, memory)
        if sum(times) > 12:
            break
    return min(times), peak


def slope(sizes, times):
    """Of a line through the logarithms, by least squares."""
    xs, ys = [math.log(x) for x in sizes], [math.log(y) for y in times]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def instructions(arguments, work):
    """Of one run, as valgrind counts them; None where it cannot."""
    if shutil.which("valgrind") is None:
        return None
    counted = os.path.join(work, "counted")
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counted}"]
    subprocess.run(valgrind + arguments, cwd="/", env={"HOME": "/nonexistent"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(counted) as file:
        return next((int(line.split()[1]) for line in file if line.startswith("summary:")), None)


def slope_of_instructions(rule, program, found, by_bytes, options, work):
    """The exponent that no cache bends; None where it cannot be counted."""
    directory, counts = os.path.join(work, "stack"), []
    for n, size, _, _ in [(1, 0, 0, 0), *found[:3]]:
        write(directory, rule, n)
        arguments = command(program, directory)
        counted = instructions([os.path.join(options.bin, arguments[0]), *arguments[1:]], work)
        if counted is None:
            return None
        counts.append((size if by_bytes else n, counted))
    (_, start), *above = counts
    return slope(*zip(*[(size, counted - start) for size, counted in above]))


def grow(rule, program, first, last, start, options, work):
    """Sizes with their seconds less a start, and peaks; None where nothing ever takes longer than a few starts."""
    made = {}

    def measure(n, rounds):
        if n not in made:
            directory = os.path.join(work, "stack")
            size = write(directory, rule, n)
            arguments = command(program, directory)
            made[n] = (size, *best([os.path.join(options.bin, arguments[0]), *arguments[1:]], rounds, options.longest))
        return made[n]

    doublings = options.doublings
    n = first
    while True:
        size, seconds, peak = measure(n, 2)
        if seconds - start >= options.least:
            break
        if size >= options.largest or n * 2 > last:
            break
        n *= 2
    last_size, last_n = size, n
    # Four doublings up from there, or, where a bound stops it, down.
    top = n
    for _ in range(doublings):
        if top * 2 > last or last_size * (top * 2 // last_n) > 15 << 20:
            break
        top *= 2
    made.clear()
    sizes = [max(1, top >> step) for step in range(doublings, -1, -1)]
    sizes = sorted(set(sizes))
    rows = []
    for n in sizes:
        size, seconds, peak = measure(n, options.rounds)
        rows.append((n, size, seconds, peak))
        if seconds > options.longest / 5:
            break
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/release", help="where the programs are (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=1.2, help="the largest exponent (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each size (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, one program of each input")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="inputs or programs with this word")
    parser.add_argument("--list", action="store_true", help="name the inputs and their programs, and run nothing")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    options.doublings, options.longest, options.largest, options.least = 4, 60, 1 << 20, 0.03
    if options.quick:
        options.rounds, options.least = 3, 0.02

    rows = [(name, rule, program, first, last) for name, (rule, programs, first, last) in INPUTS.items() for program in (programs[:1] if options.quick else programs)]
    rows = [row for row in rows if all(word in f"{row[0]} | {row[2]}" for word in options.only)]
    if options.list:
        for name, _, program, _, _ in rows:
            print(f"{name:40} {program}")
        return 0

    failed, worst, starts = 0, (0.0, ""), {}
    print(f"{'input':38} {'program':18} {'n':>22} {'KiB':>13} {'seconds':>15} {'MiB':>9} exponent", flush=True)
    with tempfile.TemporaryDirectory(prefix="doubling-") as work:
        for name, rule, program, first, last in rows:
            if program not in starts:
                directory = os.path.join(work, "start")
                empty = {"captured/logs/openclaw-gateway.log": "", "captured/devices/openclaw-gateway.json": "{}"}
                write(directory, lambda _: compose(GATEWAY, **empty), 1)
                arguments = command(program, directory)
                starts[program], _ = best([os.path.join(options.bin, arguments[0]), *arguments[1:]], 10, options.longest)
            start = starts[program]
            try:
                found = grow(rule, program, first, last, start, options, work)
            except Broken as why:
                print(f"{name:38} {program:18} FAILED: {why}", flush=True)
                failed += 1
                continue
            head, tail = found[0], found[-1]
            # Where the bytes grow faster than n, as an indent does, they are the input.
            by_bytes = tail[1] / head[1] > 1.5 * tail[0] / head[0]
            above = [(size if by_bytes else n, seconds - start) for n, size, seconds, _ in found if seconds - start > max(0.004, start / 2)]
            exponent = "    -"
            if len(above) >= 3 and above[-1][1] >= options.least:
                value = slope(*zip(*above))
                exponent = f"{value:5.2f}"
                if value > options.limit and (counted := slope_of_instructions(rule, program, found, by_bytes, options, work)) is not None:
                    value = counted
                    exponent += f"  {counted:4.2f} in instructions"
                if value > options.limit:
                    exponent += "  TOO MUCH"
                    failed += 1
                if value > worst[0]:
                    worst = (value, f"{name}, {program}")
            print(f"{name:38} {program:18} {head[0]:>10} .. {tail[0]:>8} {head[1] >> 10:>5} .. {tail[1] >> 10:>5} {head[2]:>6.3f} .. {tail[2]:>6.3f} {tail[3]:>6.0f} {exponent}", flush=True)
    print(f"{len(rows)} rows, the largest exponent {worst[0]:.2f} ({worst[1]}); {failed} above {options.limit} or broken")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
