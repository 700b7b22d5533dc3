#!/usr/bin/env python3
"""Larder beside an echo floor and the peers that are installed: server CPU per request, as a multiple of the floor.

One server thread on one core, the load generator on the other. The servers alternate within every round, and each figure is
the median over the rounds of the ratio within a round, so that what else the machine does falls out. Losing rows are printed
like the others. `larder-seriput` is the same program asked in Seriput, values checked to be JSON; with `larder` beside it, the
ratio of the two is printed as well.

    bench/servers.py [--rounds 5] [--seconds 2] [--rows get-50x1,set-50x16] [--only larder,redis]

Needs the load generator: its folder in LOADGEN, or ../shared/tools/loadgen beside the checkout. Redis, Valkey, memcached and the
published paper-server take part if they are on the PATH.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CPU, CLIENT_CPU = "1", "0"

# name: connections, pipeline, per cent SET, value bytes, distribution, keys
ROWS = {
    "get-50x1": (50, 1, 0, 64, "uniform", 1_000_000),
    "get-256x1": (256, 1, 0, 64, "uniform", 1_000_000),
    "get-1000x1": (1000, 1, 0, 64, "uniform", 1_000_000),
    "get-16x16": (16, 16, 0, 64, "uniform", 1_000_000),
    "get-50x64": (50, 64, 0, 64, "uniform", 1_000_000),
    "zipf-50x1": (50, 1, 10, 64, "zipf", 1_000_000),
    "zipf-50x16": (50, 16, 10, 64, "zipf", 1_000_000),
    "zipf-1k-50x16": (50, 16, 10, 1024, "zipf", 200_000),
    "set-50x1": (50, 1, 100, 64, "uniform", 1_000_000),
    "set-50x16": (50, 16, 100, 64, "uniform", 1_000_000),
    "get-64k-16x1": (16, 1, 0, 65_536, "uniform", 10_000),
    # The REST API, beside a floor of canned HTTP answers.
    "http-50x1": (50, 1, 0, 64, "uniform", 1_000_000),
    "http-256x1": (256, 1, 0, 64, "uniform", 1_000_000),
    "http-50x16": (50, 16, 0, 64, "uniform", 1_000_000),
}

# Larder's listeners: a row has on the one that it measures.
LISTENERS = ["--paper", "--seriput", "--rest", "--admin"]


def loadgen_folder():
    folder = pathlib.Path(os.environ.get("LOADGEN", ROOT.parent / "shared/tools/loadgen"))
    if not folder.exists():
        sys.exit(f"no load generator at {folder}: set LOADGEN to its folder")
    target = pathlib.Path(tempfile.gettempdir()) / "larder-loadgen"
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "--manifest-path", folder / "Cargo.toml", "--target-dir", target], check=True
    )
    return target / "release"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


API_KEY = "ck_live_0123456789abcdef"


def larder(listener, port):
    addresses = [text for name in LISTENERS for text in (name, f"127.0.0.1:{port}" if name == listener else "off")]
    return [ROOT / "target/release/larder", "serve", "--workers", "1", *addresses]


def commands(tools, size, http):
    """Every server that can be started here: name, protocol, arguments to verify, command line for a port."""
    floor = lambda frame: lambda port: [tools / "echo-limit", "-p", port, "--frame", frame, "-v", size]
    if http:
        return [
            ("floor", "http", ["--verify", "none"], floor("http")),
            ("larder", "http", [], lambda port: larder("--rest", port)),
            ("larder-key", "http", ["--token", API_KEY], lambda port: [*larder("--rest", port), "--api-key", f"{API_KEY}=default"]),
        ]
    all_of_them = [
        ("floor", "paper", ["--verify", "none"], floor("paper")),
        ("larder", "paper", [], lambda port: larder("--paper", port)),
        ("larder-seriput", "seriput", [], lambda port: larder("--seriput", port)),
        ("redis", "resp", [], lambda port: ["redis-server", "--port", port, "--save", "", "--bind", "127.0.0.1"]),
        ("valkey", "resp", [], lambda port: ["valkey-server", "--port", port, "--save", "", "--bind", "127.0.0.1"]),
        (
            "memcached",
            "mc-meta",
            [],
            lambda port: ["memcached", "-p", port, "-t", "1", "-m", "4096", "-l", "127.0.0.1", "-u", "root", "-I", "2m"],
        ),
        ("paper-server", "paper", ["--quickack"], lambda port: ["paper-server", "--config", paper_config(port)]),
    ]
    return [server for server in all_of_them if shutil.which(str(server[3](0)[0]))]


def paper_config(port):
    file = pathlib.Path(tempfile.gettempdir()) / f"larder-bench-{port}.pconf"
    file.write_text(f"host=127.0.0.1\nport={port}\nmax_size=4GiB\npolicies[]=lru\npolicy=lru\nmax_connections=1100\n")
    return file


def start(command):
    command = ["taskset", "-c", SERVER_CPU, *map(str, command)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_until_listening(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Server:
    def __init__(self, name, protocol, options, command):
        self.name, self.protocol, self.options = name, protocol, options
        self.port = free_port()
        self.process = start(command(self.port))
        wait_until_listening(self.port)

    def load(self, tools, extra):
        command = [tools / "loadgen", "-P", self.protocol, "-a", f"127.0.0.1:{self.port}", "--cpus", CLIENT_CPU]
        command += ["--server-pid", self.process.pid, "--json", "-", *self.options, *extra]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0:
            sys.exit(f"load on {self.name} failed: {done.stderr or done.stdout}")
        # A load of no duration, as the prefill is, has nothing to say.
        return json.loads(lines[-1]) if lines else None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def measure(row, tools, args):
    conns, pipeline, set_pct, value, dist, keys = ROWS[row]
    load = ["-c", conns, "-p", pipeline, "-s", set_pct, "-v", value, "-k", keys, "--dist", dist]
    wanted = args.only.split(",") if args.only else None
    every = commands(tools, value, row.startswith("http"))
    servers = [Server(*server) for server in every if not wanted or server[0] in ["floor", *wanted]]
    try:
        for server in servers:
            if server.name != "floor":
                server.load(tools, [*load, "--prefill", "--duration", 0])
        cost = {server.name: [] for server in servers}
        for _ in range(args.rounds):
            for server in servers:
                result = server.load(tools, [*load, "-d", args.seconds, "-w", 0.5])
                cost[server.name].append(result["server_cpu_us_per_req"])
    finally:
        for server in servers:
            server.stop()
    floor = cost["floor"]
    print(f"{row:<15} floor {statistics.median(floor):7.3f} us", end="")
    for name, values in cost.items():
        if name != "floor":
            ratio = statistics.median(value / base for value, base in zip(values, floor))
            print(f"   {name} {ratio:.2f}", end="")
    if "larder" in cost and "larder-seriput" in cost:
        ratio = statistics.median(seriput / paper for seriput, paper in zip(cost["larder-seriput"], cost["larder"]))
        print(f"   seriput/paper {ratio:.2f}", end="")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    tools = loadgen_folder()
    for row in args.rows.split(","):
        measure(row, tools, args)


if __name__ == "__main__":
    main()
