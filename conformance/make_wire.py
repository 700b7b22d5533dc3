#!/usr/bin/env python3
"""Test vectors for the PaperCache and Seriput protocols: paper.json and seriput.json beside this file.

The frames are built here with `struct` from the layouts in the protocols' published pages, and from what the existing
clients and servers were seen to send where the pages are silent (the handshake, AUTH's length, booleans as 33 and 63).
Nothing of Larder's own code is involved: what its decoders and encoders do is judged by these.

    make_wire.py            write both files
    make_wire.py --check    say (exit status 1) if a file is not what this script makes

Bytes are in hexadecimal throughout. A vector's `hex` is what is on the wire; `request`, `reply` or `response` holds the
fields that it decodes to. `one_way` marks bytes that must be understood but would be written differently.
"""

import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent

# The limits under which vectors named "…too long" are too long.
PAPER_LIMITS = {"key_bytes_max": 65_536, "value_bytes_max": 1_048_576, "text_bytes_max": 4_096}
SERIPUT_LIMITS = {"key_bytes_max": 65_536, "value_bytes_max": 1_048_576}

ALL_BYTES = bytes(range(256))
UTF8 = "ключ/鍵/🔑".encode()


def block(data):
    """PaperCache: a little-endian u32 length, then the bytes."""
    return struct.pack("<I", len(data)) + data


# PaperCache requests ---------------------------------------------------------------------------------------------

PAPER_COMMANDS = {
    "PING": 0, "VERSION": 1, "AUTH": 2, "GET": 3, "SET": 4, "DEL": 5, "HAS": 6, "PEEK": 7, "TTL": 8, "SIZE": 9,
    "WIPE": 10, "RESIZE": 11, "POLICY": 12, "STATUS": 13,
}
KEYED = ["GET", "DEL", "HAS", "PEEK", "SIZE"]


def paper_request(command, /, **fields):
    """The bytes of a request, and its fields as JSON."""
    frame = struct.pack("<B", PAPER_COMMANDS[command])
    shown = {"command": command}
    for name, value in fields.items():
        if name == "size":
            frame += struct.pack("<Q", value)
        elif name == "ttl_s":
            frame += struct.pack("<I", value)
        else:
            frame += block(value)
            value = value.hex()
        shown[name] = value
    return frame, shown


def paper_requests():
    def vector(name, command, /, **fields):
        frame, shown = paper_request(command, **fields)
        return {"name": name, "hex": frame.hex(), "request": shown}

    for command in ["PING", "VERSION", "WIPE", "STATUS"]:
        yield vector(command.lower(), command)
    yield vector("auth", "AUTH", token=b"auth_token")
    yield vector("auth with an empty token", "AUTH", token=b"")
    yield vector("auth with bytes that are not UTF-8", "AUTH", token=b"\xff\xfe")
    for command in KEYED:
        yield vector(f"{command.lower()} of a text", command, key=b"user:1")
        yield vector(f"{command.lower()} of an empty key", command, key=b"")
        yield vector(f"{command.lower()} of all bytes", command, key=ALL_BYTES)
    yield vector("get of a key in three scripts", "GET", key=UTF8)
    yield vector("set without expiry", "SET", key=b"k", value=b"v", ttl_s=0)
    yield vector("set for a minute", "SET", key=b"user:1", value=b'{"name":"Alice"}', ttl_s=60)
    yield vector("set for as long as can be said", "SET", key=b"k", value=b"v", ttl_s=2**32 - 1)
    yield vector("set of an empty value", "SET", key=b"k", value=b"", ttl_s=0)
    yield vector("set of an empty key", "SET", key=b"", value=b"v", ttl_s=0)
    yield vector("set of all bytes", "SET", key=ALL_BYTES, value=ALL_BYTES[::-1], ttl_s=0x01020304)
    yield vector("set of 1,000 bytes", "SET", key=UTF8, value=b"\x00\x01\x02\x03" * 250, ttl_s=1)
    yield vector("ttl", "TTL", key=b"user:1", ttl_s=3_600)
    yield vector("ttl that clears", "TTL", key=b"user:1", ttl_s=0)
    yield vector("ttl of an empty key", "TTL", key=b"", ttl_s=2**32 - 1)
    yield vector("resize to 1 GiB", "RESIZE", size=2**30)
    yield vector("resize to nothing", "RESIZE", size=0)
    yield vector("resize to as much as can be said", "RESIZE", size=2**64 - 1)
    yield vector("resize with eight different bytes", "RESIZE", size=0x0102030405060708)
    for policy in ["lru", "auto", "2q-0.25-0.5", "s3-fifo-0.1"]:
        yield vector(f"policy {policy}", "POLICY", name=policy.encode())
    yield vector("policy that is not UTF-8", "POLICY", name=b"l\xffu")


def paper_oversized():
    """Requests with a part above its limit. `hex` ends where `discard` further bytes would follow."""

    def vector(name, command, part, limit, length, head, after=0):
        return {
            "name": name,
            "hex": (struct.pack("<B", PAPER_COMMANDS[command]) + head + struct.pack("<I", length)).hex(),
            "oversized": {
                "command": command, "part": part, "len": length, "max": PAPER_LIMITS[limit],
                "discard": length + after,
            },
        }

    for length, words in [(65_537, "one byte too long"), (2**32 - 1, "too long by as much as can be said")]:
        for command in KEYED:
            yield vector(f"{command.lower()} of a key {words}", command, "key", "key_bytes_max", length, b"")
        yield vector(f"ttl of a key {words}", "TTL", "key", "key_bytes_max", length, b"", after=4)
        # What follows the key is told apart only when it is there: the value's length, the value, the TTL.
        yield vector(f"set of a key {words}", "SET", "key", "key_bytes_max", length, b"")
    for length, words in [(4_097, "one byte too long"), (2**32 - 1, "too long by as much as can be said")]:
        for command in ["AUTH", "POLICY"]:
            yield vector(f"{command.lower()} of a text {words}", command, "text", "text_bytes_max", length, b"")
    for length, words in [(1_048_577, "one byte too long"), (2**32 - 1, "too long by as much as can be said")]:
        yield vector(
            f"set of a value {words}", "SET", "value", "value_bytes_max", length, block(b"user:1"), after=4
        )


def paper_request_violations():
    for byte in [14, 33, 63, ord("G"), 0x7F, 0xFF]:
        yield {
            "name": f"command byte {byte:#04x}", "hex": bytes([byte]).hex(),
            "violation": {"kind": "unknown command", "byte": byte},
        }
    yield {
        "name": "an HTTP request", "hex": b"GET / HTTP/1.1\r\n\r\n".hex(),
        "violation": {"kind": "unknown command", "byte": ord("G")},
    }


# PaperCache replies ----------------------------------------------------------------------------------------------

OKAY, NOT_OKAY = 33, 63
PAPER_ERRORS = {
    "INTERNAL": [1], "MAX_CONNECTIONS_EXCEEDED": [2], "UNAUTHORIZED": [3], "INTERNAL_CACHE_ERROR": [0, 0],
    "KEY_NOT_FOUND": [0, 1], "ZERO_VALUE_SIZE": [0, 2], "EXCEEDING_VALUE_SIZE": [0, 3], "ZERO_CACHE_SIZE": [0, 4],
    "UNCONFIGURED_POLICY": [0, 5], "INVALID_POLICY": [0, 6],
}
BOOLEANS = {"clients": {True: 33, False: 63}, "published": {True: 1, False: 0}}


def status_bytes(status, booleans):
    frame = struct.pack(
        "<BIQQQQQQQQd", OKAY, status["pid"], status["max_size"], status["used_size"], status["num_objects"],
        status["rss"], status["hwm"], status["gets"], status["sets"], status["dels"], status["miss_ratio"],
    )
    frame += struct.pack("<I", len(status["policies"]))
    for policy in status["policies"]:
        frame += block(policy.encode())
    frame += block(status["policy"].encode())
    return frame + struct.pack("<BQ", BOOLEANS[booleans][status["is_auto"]], status["uptime_ms"])


FRESH = {
    "pid": 4_242, "max_size": 2 * 2**30, "used_size": 0, "num_objects": 0, "rss": 11_534_336, "hwm": 11_534_336,
    "gets": 0, "sets": 0, "dels": 0, "miss_ratio": 1.0,
    "policies": ["lfu", "fifo", "clock", "sieve", "lru", "mru", "2q-0.25-0.5", "arc", "s3-fifo-0.1"],
    "policy": "lru", "is_auto": True, "uptime_ms": 1,
}
FULL = {
    "pid": 2**32 - 1, "max_size": 2**64 - 1, "used_size": 2**63, "num_objects": 0x0102030405060708, "rss": 1,
    "hwm": 2, "gets": 3, "sets": 5, "dels": 7, "miss_ratio": 0.625, "policies": ["arc"], "policy": "arc",
    "is_auto": False, "uptime_ms": 2**64 - 1,
}
BARE = dict(FULL, policies=[], policy="", miss_ratio=0.0)


def paper_replies():
    def vector(name, command, frame, reply, **more):
        return {"name": name, "command": command, "hex": bytes(frame).hex(), "reply": reply, **more}

    okay = bytes([OKAY])
    for command in ["AUTH", "SET", "DEL", "TTL", "WIPE", "RESIZE", "POLICY"]:
        yield vector(f"{command.lower()} went well", command, okay, "ok")
    for command, value in [
        ("PING", b"pong"), ("VERSION", b"1.11.13"), ("GET", b"value"), ("GET", b""), ("GET", ALL_BYTES), ("PEEK", UTF8)
    ]:
        yield vector(f"{command.lower()}: {len(value)} bytes", command, okay + block(value), {"bytes": value.hex()})
    for booleans, values in BOOLEANS.items():
        for value, byte in values.items():
            yield vector(
                f"has: {str(value).lower()}, as {booleans} have it", "HAS", okay + bytes([byte]),
                {"boolean": value}, booleans=booleans,
            )
    for size in [0, 1, 0x01020304, 2**32 - 1]:
        yield vector(f"size: {size}", "SIZE", okay + struct.pack("<I", size), {"size": size})
    for name, status in [("fresh", FRESH), ("full", FULL), ("bare", BARE)]:
        for booleans in BOOLEANS:
            yield vector(
                f"status: {name}, as {booleans} have it", "STATUS", status_bytes(status, booleans),
                {"status": status}, booleans=booleans,
            )
    for command, error in [
        *[("GET", error) for error in PAPER_ERRORS],
        ("PING", "INTERNAL"), ("AUTH", "UNAUTHORIZED"), ("SET", "ZERO_VALUE_SIZE"), ("HAS", "UNAUTHORIZED"),
        ("SIZE", "KEY_NOT_FOUND"), ("RESIZE", "ZERO_CACHE_SIZE"), ("POLICY", "INVALID_POLICY"),
        ("STATUS", "INTERNAL_CACHE_ERROR"),
    ]:
        yield vector(f"{command.lower()}: {error}", command, [NOT_OKAY, *PAPER_ERRORS[error]], {"error": error})


def paper_handshakes():
    yield {"name": "admitted", "hex": bytes([OKAY]).hex(), "admitted": True}
    refused = bytes([NOT_OKAY, *PAPER_ERRORS["MAX_CONNECTIONS_EXCEEDED"]])
    yield {"name": "refused", "hex": refused.hex(), "admitted": False}


# Seriput ---------------------------------------------------------------------------------------------------------

SERIPUT_OPS = {"GET": 1, "PUT": 2, "DELETE": 3}


def seriput_frame(op, key_type, value_type, key, value):
    return struct.pack(">BBBii", op, key_type, value_type, len(key), len(value)) + key + value


def seriput_requests():
    def vector(name, op, key, value=b"", value_type=0, key_type=1, one_way=False):
        frame = seriput_frame(SERIPUT_OPS[op], key_type, value_type, key, value)
        request = {"op": op, "key": key.decode()}
        if op == "PUT":
            request |= {"value_type": "JSON", "value": value.hex()}
        return {"name": name, "hex": frame.hex(), "request": request, **({"one_way": True} if one_way else {})}

    alice = b'{"name":"Alice","age":30}'
    for op in ["GET", "DELETE"]:
        yield vector(f"{op.lower()} of the document's key", op, b"user:1")
        yield vector(f"{op.lower()} of an empty key", op, b"")
        yield vector(f"{op.lower()} of a key in three scripts", op, UTF8)
        for value_type in [0x01, 0x10, 0x7F, 0xFF]:
            name = f"{op.lower()} with value type {value_type:#04x}"
            yield vector(name, op, b"user:1", value_type=value_type, one_way=True)
    yield vector("put of the document's value", "PUT", b"user:1", alice, 1)
    yield vector("put of the document's value with the document's type", "PUT", b"user:1", alice, 0x10, one_way=True)
    yield vector("put of an empty value", "PUT", b"user:1", b"", 1)
    yield vector("put of an empty key", "PUT", b"", b"null", 1)
    yield vector("put of bytes that are not JSON", "PUT", b"user:1", b"\xff{", 1)
    yield vector("put of 1,002 bytes", "PUT", UTF8, b'"' + b"0123456789" * 100 + b'"', 1)


def seriput_discarded():
    """GET and DELETE with value bytes: `hex` ends where they begin, and `discard` of them follow."""
    for op in ["GET", "DELETE"]:
        for length in [1, 2_000_000, 2**31 - 1]:
            head = struct.pack(">BBBii", SERIPUT_OPS[op], 1, 1, 6, length)
            yield {
                "name": f"{op.lower()} with {length} value bytes", "hex": (head + b"user:1").hex(),
                "request": {"op": op, "key": "user:1"}, "discard": length,
            }


def seriput_invalid():
    """Well framed but wrong: `hex` ends where the request is found wrong, and `discard` bytes of it follow."""

    def vector(name, head, reason, discard, key=b""):
        return {
            "name": name, "hex": (struct.pack(">BBBii", *head) + key).hex(), "invalid": reason, "discard": discard
        }

    for op in [0, 4, 0xFF]:
        yield vector(f"operation {op:#04x}", (op, 1, 1, 6, 2), {"kind": "unknown op", "byte": op}, 8)
    for op in SERIPUT_OPS.values():
        for key_type in [0, 2, 0x10]:
            yield vector(
                f"key type {key_type:#04x} with operation {op}", (op, key_type, 1, 6, 2),
                {"kind": "unknown key type", "byte": key_type}, 8,
            )
    for value_type in [0, 2, 0x11, 0xFF]:
        yield vector(
            f"put of value type {value_type:#04x}", (2, 1, value_type, 6, 2),
            {"kind": "unknown value type", "byte": value_type}, 8,
        )
    for length in [65_537, 2**31 - 1]:
        for op in SERIPUT_OPS.values():
            yield vector(
                f"key of {length} bytes with operation {op}", (op, 1, 1, length, 5),
                {"kind": "key too long", "len": length, "max": 65_536}, length + 5,
            )
    for length in [1_048_577, 2**31 - 1]:
        yield vector(
            f"put of a value of {length} bytes", (2, 1, 1, 6, length),
            {"kind": "value too long", "len": length, "max": 1_048_576}, length + 6,
        )
    yield vector(
        "the two longest lengths", (2, 1, 1, 2**31 - 1, 2**31 - 1),
        {"kind": "key too long", "len": 2**31 - 1, "max": 65_536}, 2**32 - 2,
    )
    for op in SERIPUT_OPS.values():
        yield vector(
            f"key that is not UTF-8 with operation {op}", (op, 1, 1, 4, 7),
            {"kind": "key not UTF-8", "offset": 2}, 7, key=b"ab\xff\xfe",
        )


def seriput_request_violations():
    for part, lengths in [
        ("key", (-1, 0)), ("key", (-11, 0)), ("key", (-2**31, -2**31)), ("value", (0, -1)), ("value", (100, -100)),
        ("value", (6, -2**31)),
    ]:
        for op in [1, 2, 3, 0x47]:
            length = lengths[0] if part == "key" else lengths[1]
            yield {
                "name": f"lengths {lengths[0]} and {lengths[1]} with operation {op}",
                "hex": struct.pack(">BBBii", op, 1, 1, *lengths).hex(),
                "violation": {"kind": "negative length", "part": part, "len": length},
            }


def seriput_responses():
    def vector(name, status, value_type, body, response, one_way=False):
        frame = struct.pack(">BBi", status, value_type, len(body)) + body
        return {"name": name, "hex": frame.hex(), "response": response, **({"one_way": True} if one_way else {})}

    yield vector("ok", 0, 0, b"", "ok")
    yield vector("ok with a body that has no type", 0, 0, b"x", "ok", one_way=True)
    for value in [b'{"name":"Alice","age":30}', b"", b"null", b'"' + UTF8 + b'"']:
        yield vector(f"value of {len(value)} bytes", 0, 1, value, {"value": value.hex()})
    yield vector("not found", 2, 0, b"", "not_found")
    yield vector("not found with a body", 2, 1, b"{}", "not_found", one_way=True)
    body = b'{"errorCode":7,"errorMessage":"the \\"key\\""}'
    for status, name in [(1, "invalid_request"), (3, "internal_error")]:
        yield vector(name.replace("_", " "), status, 1, body, {name: body.hex()}, one_way=True)
        yield vector(f"{name.replace('_', ' ')} without a body", status, 0, b"", {name: ""}, one_way=True)
        yield vector(
            f"{name.replace('_', ' ')} with a body that has no type", status, 0, b"junk", {name: ""}, one_way=True
        )


def seriput_response_violations():
    for status in [4, 0x21, 0xFF]:
        yield {
            "name": f"status {status:#04x}", "hex": struct.pack(">BBi", status, 0, 0).hex(),
            "violation": {"kind": "unknown status", "byte": status},
        }
    for value_type in [2, 0x10, 0xFF]:
        yield {
            "name": f"value type {value_type:#04x}", "hex": struct.pack(">BBi", 0, value_type, 0).hex(),
            "violation": {"kind": "unknown value type", "byte": value_type},
        }
    for length in [-1, -2**31]:
        yield {
            "name": f"length {length}", "hex": struct.pack(">BBi", 0, 1, length).hex(),
            "violation": {"kind": "negative length", "len": length},
        }
    for length in [1_048_577, 2**31 - 1]:
        yield {
            "name": f"length {length}", "hex": struct.pack(">BBi", 0, 1, length).hex(),
            "violation": {"kind": "too long", "len": length, "max": 1_048_576},
        }


# -----------------------------------------------------------------------------------------------------------------


def files():
    yield "paper.json", {
        "limits": PAPER_LIMITS,
        "requests": list(paper_requests()),
        "oversized": list(paper_oversized()),
        "request_violations": list(paper_request_violations()),
        "handshakes": list(paper_handshakes()),
        "replies": list(paper_replies()),
    }
    yield "seriput.json", {
        "limits": SERIPUT_LIMITS,
        "requests": list(seriput_requests()),
        "discarded": list(seriput_discarded()),
        "invalid": list(seriput_invalid()),
        "request_violations": list(seriput_request_violations()),
        "responses": list(seriput_responses()),
        "response_violations": list(seriput_response_violations()),
    }


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    for name, content in files():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        path = HERE / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path}: not what make_wire.py makes; run it without --check")


if __name__ == "__main__":
    main()
