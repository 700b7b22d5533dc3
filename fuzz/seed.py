#!/usr/bin/env python3
"""Seeds for the fuzz targets of the protocols: corpus/<target>/seed-*, made from the vectors in ../conformance."""

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
