#!/usr/bin/env python3
"""Seeds for the fuzz targets of the CacheKit formats: corpus/<target>/seed-*, from the vectors in ../conformance."""

import json
import pathlib

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "conformance" / "cachekit"

# Longer ones only slow the search down, and more of a kind add little.
SEED_BYTES_MAX = 200
SEEDS_PER_GROUP = 12

GROUPS = {
    "cachekit_decode": [("interop.json", "value_vectors", "canonical_msgpack_hex"), ("decode-bounds.json", "accept_vectors", "input_hex"), ("decode-bounds.json", "reject_vectors", "input_hex")],
    "cachekit_envelope": [("envelopes.json", "vectors", "envelope_hex"), ("envelopes.json", "reject_vectors", "envelope_hex"), ("interop-v2.json", "container_vectors", "container_hex"), ("interop-v2.json", "reject_vectors", "container_hex"), ("python-frames.json", "frame_vectors", "frame_hex")],
    "cachekit_open": [("encryption.json", "vectors", "ciphertext_hex"), ("encryption.json", "aad_vectors", "aad_hex"), ("encryption.json", "aad_error_vectors", "aad_hex")],
}


def seeds(groups):
    for file, group, field in groups:
        rows = json.loads((VECTORS / file).read_text(encoding="utf-8"))[group]
        found = [bytes.fromhex(row[field]) for row in rows if field in row]
        yield from [seed for seed in found if len(seed) <= SEED_BYTES_MAX][:SEEDS_PER_GROUP]


if __name__ == "__main__":
    for target, groups in GROUPS.items():
        directory = HERE / "corpus" / target
        directory.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(groups)):
            (directory / f"seed-{number:03}").write_bytes(seed)
