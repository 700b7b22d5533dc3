#!/usr/bin/env python3
"""Seeds for the fuzz targets of the protocols: corpus/<target>/seed-*, made from the vectors in ../conformance and the lists below."""

import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
CONFORMANCE = HERE.parent / "conformance"

# Longer ones only slow the search down.
SEED_BYTES_MAX = 160

PAPER_COMMANDS = [
    "PING", "VERSION", "AUTH", "GET", "SET", "DEL", "HAS", "PEEK", "TTL", "SIZE", "WIPE", "RESIZE", "POLICY", "STATUS",
]
HANDSHAKE = 14

JSON = [
    '{"name":"Alice","age":30}', '[1,-2.5,3e9,true,false,null,"",[],{}]', r'"\u00e9\ud83d\ude00\ud83d\n\\\""',
    '{"a":{"b":[{"c":0}]},"é":"🔑"}', " [ 1 , 2 ]\n", '"0123456789abcdef\\t0123456789"', "[[[[[[[[[[]]]]]]]]]]", "-0.1E-2",
    "01", "[1,]", '{"a":1,}', '"\t"', '"\\x"', "1 2",
]

REST_TARGETS = [
    "health", "k", "ns%3Ausers%3Aa.b%3Aargs%3A0", "nsapi:tools:k", "ns:x", "%68ealth", "a%2Fb", "a%252Fb", "a%zz", "..", "a%2e%2E",
    "", "k/lock", "k/lock?lock_id=7d444840-9dc0-11d1-b245-5ffdce74fad2", "k/ttl", "%6B/ttl", "k/x", "caf%C3%A9",
]
REST_HEADERS = [
    "X-CacheKit-TTL: 60", "X-TTL: 5", "X-CacheKit-TTL: 60\nX-CacheKit-Stale-TTL: 2591940", "X-CacheKit-TTL: 0", "X-CacheKit-TTL: -1",
    "X-CacheKit-TTL: 1.5", "X-CacheKit-TTL: 2592001", "X-CacheKit-TTL: 5\nX-CacheKit-TTL: 5", "X-CacheKit-Stale-TTL: 5",
    "Authorization: Bearer ck_live_fuzz", "authorization: bearer  ck_live_fuzz ", "Authorization: Basic ck_live_fuzz",
    "X-CacheKit-Lock-Id: 7d444840-9dc0-11d1-b245-5ffdce74fad2", "X-CacheKit-Lock-Id: ",
]
REST_BODIES = [
    '{"timeout_ms":30000}', '{"timeout_ms":0}', '{"timeout_ms":31536000000}', '{"ttl":60}', ' { "ttl" : 6e1 } ', '{"ttl":1.5}',
    '{"ttl":7,"ttl":7}', '{"ttl":7,"more":1}', '{"ttl":"7"}', "[7]",
]


def rest_requests():
    targets = [f"/v1/cache/{target}" for target in REST_TARGETS] + ["/", "*", "http://h/v1/cache/k"]
    yield from targets
    yield from (f"/v1/cache/k\n{headers}" for headers in REST_HEADERS)
    yield from (f"/v1/cache/k/ttl\n\n{body}" for body in REST_BODIES)


def vectors(protocol, *lists):
    content = json.loads((CONFORMANCE / f"{protocol}.json").read_text(encoding="utf-8"))
    return [vector for name in lists for vector in content[name]]


def plain(vector):
    return bytes.fromhex(vector["hex"])


def reply(vector):
    command = PAPER_COMMANDS.index(vector["command"]) if "command" in vector else HANDSHAKE
    return bytes([command]) + plain(vector)


def seeds():
    requests = ["requests", "oversized", "request_violations"]
    yield "paper_request", plain, vectors("paper", *requests)
    yield "paper_reply", reply, vectors("paper", "handshakes", "replies")
    requests = ["requests", "discarded", "invalid", "request_violations"]
    yield "seriput_request", plain, vectors("seriput", *requests)
    yield "seriput_response", plain, vectors("seriput", "responses", "response_violations")
    yield "rest_request", lambda text: text["name"].encode(), [{"name": text} for text in rest_requests()]
    yield "json", lambda text: text["name"].encode(), [{"name": text} for text in JSON]


def main():
    for target, make, of in seeds():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
        made = {}
        for vector in of:
            data = make(vector)
            if len(data) <= SEED_BYTES_MAX:
                made.setdefault(data, vector["name"])
        for number, (data, name) in enumerate(made.items()):
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
            (folder / f"seed-{number:02}-{slug}".rstrip("-")).write_bytes(data)


if __name__ == "__main__":
    main()
