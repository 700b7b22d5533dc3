"""Vectors of what clients of the REST API and readers of cache files do: keys in paths, freshness headers, and files."""

import hashlib
import struct
import urllib.parse

from rules import RNG, data

RESERVED = ["", ".", "..", "health", "ttl", "lock"]
TEXTS = ["users:get_user:00ff", "ns:a:func:m.f:args:0:1s", "t:default:k", "a/b", "../x", "x/..", "...", "....", ".a", "a.", "%2e", "%2E%2E", "%", "%%", "%zz", "a%20b", "a b", " ", "a+b", "~-._", "!*'()", "#?&=;,", "@$[]{}|\\^`<>\"", "Health", "TTL", "Lock", "health ", "healthy", "lock/ttl", "größe", "ключ", "名前", "🔑", "e\u0301", "\u00e9", "\ufeffx", "\u200b", "\x00", "\x01\x1f\x7f", "\r\n", "a\tb", "\u0080", "\uffff", "\U0010ffff", "k" * 400]


def paths():
    keys = TEXTS + ["".join(chr(RNG.choice([RNG.randrange(32, 127), RNG.randrange(0xA0, 0x2000), RNG.randrange(0x10000, 0x1F000)])) for _ in range(RNG.randrange(1, 30))) for _ in range(30)]
    rows = []
    for index, key in enumerate(keys):
        encoded = urllib.parse.quote(key, safe="")
        row = {"name": f"key_{index}", "key": key, "encoded": encoded, "decoded": urllib.parse.unquote(encoded)}
        alternate = urllib.parse.quote(key, safe="!*'()")
        rows.append(row | ({"encoded_alternates": [alternate]} if alternate != encoded else {}))
    rows += [{"name": f"reserved_{index}", "key": key, "encoded": None, "decoded": None, "reject": True} for index, key in enumerate(RESERVED)]
    return {"vectors_provenance": "urllib.parse.quote; the reserved keys by hand", "vectors": rows}


def headers():
    fresh = [(None, False), ("fresh", False)] + [(text, True) for text in ["stale", "FRESH", "fresh,", "fresh,fresh", "fresh;q=1", "\"fresh\"", "f", "freshness", "fre sh", "0", "true", "\u00e9", "fresh\u0085"]]
    numbers = [None, "0", "1", "9", "60", "0000000", "0000060", "2591999", "2592000"]
    others = ["2592001", "9999999", "10000000", "00000060", "4294967356", "18446744073709551676", "9" * 400, "", "-0", "-60", "+60", "60.", ".5", "6e1", "0x3c", "6_0", "6 0", "60,60", "60, 60", "60s", "\u00bc", "\u00a060", "\u00d9\u00a6", "\u0085", "null", "NaN"]
    bounds = [(text, None if text is None else int(text)) for text in numbers] + [(text, 0) for text in others]
    return {
        "freshness_vectors_provenance": "by hand, from the rule", "freshness_vectors": [{"name": f"freshness_{index}", "value": text, "stale": stale} for index, (text, stale) in enumerate(fresh)],
        "fresh_for_vectors_provenance": "int() where the rule allows the text, else 0", "fresh_for_vectors": [{"name": f"fresh_for_{index}", "value": text, "fresh_for": bound} for index, (text, bound) in enumerate(bounds)],
    }


def cache_files():
    rows = []
    for expiry, now in [(0, 0), (0, 2**64 - 1), (1, 0), (1, 1), (2, 1), (1_700_000_000, 1_699_999_999), (1_700_000_000, 1_700_000_000), (1_700_000_000, 1_700_000_001), (2**32, 2**32 - 1), (2**32, 2**32), (2**63, 2**63 - 1), (2**64 - 1, 2**64 - 2), (2**64 - 1, 2**64 - 1)]:
        for reserved, flags in [(0, 0), (RNG.choice([1, 2, 128, 255]), 0), (0, RNG.choice([1, 2, 256, 32768, 65535]))]:
            key, payload = RNG.choice([text for text in TEXTS if text]), data(RNG.choice([0, 1, 13, 14, 100]))
            header = b"CK\x01" + bytes([reserved]) + struct.pack(">HQ", flags, expiry)
            action = "miss_preserve" if reserved or flags else "miss_expired" if 0 < expiry <= now else "return_payload"
            row = {"name": f"file_{len(rows)}", "key_utf8": key, "filename": hashlib.blake2b(key.encode(), digest_size=16).hexdigest(), "header_hex": header.hex(), "payload_hex": payload.hex(), "file_hex": (header + payload).hex(), "expiry_unix_seconds": expiry, "flags": flags, "reader_now_unix_seconds": now, "reader_action": action}
            rows.append(row | ({"reserved": reserved} if reserved else {}))
    return {"vectors_provenance": "hashlib.blake2b and struct", "vectors": rows}


def files():
    yield "path-encoding.json", paths()
    yield "freshness-headers.json", headers()
    yield "cache-files.json", cache_files()
