"""Many processes miss the same entry at once and compute it once: cachekit_stampede.py PROCESSES METRICS_URL

The parent starts the processes, lets them all go when all are ready, and counts what they computed. Whoever computes goes on only
when all others have asked for the lock, which Larder's own metrics tell: so they do compete.
"""

import asyncio
import subprocess
import sys
import time
import urllib.request

PATIENCE_S = 60
LOCKS = 'larder_requests_total{protocol="rest",command="lock"} '


def asked_for_locks(metrics):
    with urllib.request.urlopen(metrics, timeout=PATIENCE_S) as answer:
        lines = answer.read().decode().splitlines()
    return next(int(line.removeprefix(LOCKS)) for line in lines if line.startswith(LOCKS))


def child(processes, metrics):
    import larder_host  # noqa: F401: first, so that names resolve
    from cachekit import cache

    computed = []

    @cache.io(ttl=600, namespace="stampede")
    async def expensive():
        deadline = time.monotonic() + PATIENCE_S
        while asked_for_locks(metrics) < processes:
            assert time.monotonic() < deadline, "the others do not come"
            await asyncio.sleep(0.01)
        computed.append(1)
        return "dear"

    print("ready", flush=True)
    sys.stdin.readline()
    assert asyncio.run(expensive()) == "dear"
    print(len(computed), flush=True)


def parent(processes, metrics):
    command = [sys.executable, __file__, str(processes), metrics, "child"]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for process in children:
        assert process.stdout.readline() == "ready\n"
    for process in children:
        process.stdin.write("go\n")
        process.stdin.flush()
    computed = [int(process.stdout.readline()) for process in children]
    assert all(process.wait(PATIENCE_S) == 0 for process in children)
    print("computed:", sum(computed))


(child if "child" in sys.argv else parent)(int(sys.argv[1]), sys.argv[2])
