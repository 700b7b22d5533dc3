"""Makes the vector files beside this script, with libraries that share no code with Larder.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install -r requirements.txt
    /tmp/vectors/bin/python generate.py            # writes them; with --check, fails if they differ

Encoding is msgpack's, hashes are hashlib's (Blake2b) and xxhash's, compression is the reference LZ4 library, and
encryption is cryptography's. What this script adds itself are the protocol's rules: what is normalised, in which
order, and what surrounds it. Inputs come from a fixed seed, so the files come out the same every time.
"""

import json
import math
import pathlib
import struct
import sys
import uuid

import msgpack

import clients
import edges
from rules import *

HERE = pathlib.Path(__file__).parent
PROVENANCE = "generate.py beside this file"
CHECK = sys.argv[1:] == ["--check"]


def write(name, **groups):
    text = json.dumps({"generator": PROVENANCE, **groups}, indent=1, ensure_ascii=True) + "\n"
    path = HERE / name
    if not CHECK:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        sys.exit(f"{path}: not what generate.py makes; run it without --check")


# Keys.


def auto_keys():
    codes = {"default": "s", "std": "s", "standard": "s", "auto": "a", "pythonic": "a", "orjson": "o", "arrow": "w", "local": "l"}
    rows = []
    for index in range(60):
        namespace = RNG.choice([None, "", "users", "a b", "line\nbreak", "é" * 60, "n" * 230])
        module, qualname = RNG.choice(["app.models", "__main__", "m..n", "пакет"]), RNG.choice(["f", "C.f", "f.<locals>.g", "long" * 60])
        kinds = "nbifstlduD"
        args = [value(2, kinds) for _ in range(RNG.randrange(4))]
        kwargs = {key: value(1, kinds) for key in RNG.sample(KEYS, RNG.randrange(4))}
        integrity, serializer = RNG.random() < 0.7, RNG.choice(list(codes) + ["cbor", "<custom>:Mine", "ütf"])
        code = codes.get(serializer) or "x" + blake(serializer.encode(), 2)
        function = ""
        for c in f"{module}.{qualname}":
            c = c if c.isascii() and (c.isalnum() or c in "_.") else "_"
            function += "" if c == "." and function.endswith(".") else c
        digest = blake(pack([normal_auto(args), normal_auto(kwargs)]))
        key = f"ns:{namespace}:" if namespace else ""
        key += f"func:{function[:200]}:args:{digest}:{int(integrity)}{code}"
        key = key.replace(" ", "_").replace("\n", "_").replace("\r", "_")
        if len(key) > 250:
            key = key[:50] + ":" + blake(key.encode())[:32]
        rows.append({"name": f"auto_{index}", "namespace": namespace, "function_module": module, "function_qualname": qualname, "args": tagged(args), "kwargs": tagged(kwargs), "integrity_checking": integrity, "serializer_type": serializer, "expected_key": key})
    errors = [{"name": "empty_serializer", "function_module": "m", "function_qualname": "f", "args": [], "kwargs": {}, "integrity_checking": True, "serializer_type": "", "error": "an empty serializer name"}]
    write("auto-keys.json", vectors_provenance="msgpack and hashlib.blake2b", vectors=rows, error_vectors_provenance="by hand", error_vectors=errors)


def interop_row(name, namespace, operation, args):
    canonical = pack([normal_v1(item) for item in args])
    digest = blake(canonical)
    return {"name": name, "namespace": namespace, "operation": operation, "args": tagged(args), "canonical_args_hex": canonical.hex(), "args_hash": digest, "expected_key": f"{namespace}:{operation}:{digest}"}


def draft_row(name, args, kwargs):
    canonical = pack([[normal_draft(item) for item in args], normal_draft(kwargs)])
    digest = blake(canonical)
    return {"name": name, "profile": "draft", "namespace": "users", "operation": "get_user", "args": tagged(args), "kwargs": tagged(kwargs), "canonical_args_hex": canonical.hex(), "args_hash": digest, "expected_key": f"users:get_user:{digest}"}


def interop():
    names = ["a", "0", "users", "a.b-c_d", "x" * 64]
    v1 = [interop_row(f"number_{index}", "t", "op", [number]) for index, number in enumerate(FLOATS + WIDTHS + [-w for w in WIDTHS if w <= 2**63])]
    v1 += [interop_row(f"random_{index}", RNG.choice(names), RNG.choice(names + ["ns"]), [value() for _ in range(RNG.randrange(6))]) for index in range(60)]
    v1.append(interop_row("sixteen_arguments", "t", "op", list(range(16))))
    draft = [draft_row("seed_example", [42], {"include_profile": True}), draft_row("one_integer", [42], {})]
    draft += [draft_row(f"draft_{index}", [value(2) for _ in range(RNG.randrange(4))], {key: value(1) for key in RNG.sample(KEYS, RNG.randrange(4))}) for index in range(40)]

    values = []
    for index in range(40):
        item = value(3, "nbifstld")
        values.append({"name": f"value_{index}", "value": tagged(item), "canonical_msgpack_hex": pack(ordered(item)).hex()})
    for index in range(6):
        when = moment()
        sentinel = {"__datetime__": True, "value": when.isoformat()}
        values.append({"name": f"datetime_{index}", "value": tagged(when), "canonical_msgpack_hex": pack(sentinel).hex()})
    values.append({"name": "date", "value": {"$date": "2024-02-29"}, "canonical_msgpack_hex": pack({"__date__": True, "value": "2024-02-29"}).hex()})
    values.append({"name": "time", "value": {"$time": "01:02:03.000004"}, "canonical_msgpack_hex": pack({"__time__": True, "value": "01:02:03.000004"}).hex()})

    errors = [{"name": f"not_finite_{index}", "args": [wrap({"$float": text})], "error": "NaN or infinity"} for index, (text, wrap) in enumerate((t, w) for t in ["nan", "inf", "-inf", "1e400", "-1e400"] for w in [lambda x: x, lambda x: [x], lambda x: {"a": {"b": [x]}}, lambda x: {"$set": [1, x]}])]
    errors += [{"name": f"integer_{index}", "args": [{"$int": str(number)}], "error": "integer out of range"} for index, number in enumerate([2**64, 2**64 + 1, -(2**63) - 1, 2**100, -(2**70)])]
    errors += [{"name": f"naive_{index}", "args": [{"$datetime": text}], "error": "naive datetime"} for index, text in enumerate(["2024-01-01T00:00:00", "1969-12-31T23:59:59.5", "9999-12-31T23:59:59"])]
    bad = ["", "A", "a:b", "a b", "a\n", "\na", "-a", ".a", "_a", "é", "a..b", "a" * 65, "ns", "nsapi", "a/b", "a%"]
    errors += [{"name": f"namespace_{index}", "namespace": name, "operation": "op", "args": [], "error": "bad namespace"} for index, name in enumerate(bad)]
    errors += [{"name": f"operation_{index}", "namespace": "t", "operation": name, "args": [], "error": "bad operation"} for index, name in enumerate(bad[:12])]
    refused = [{"name": f"not_finite_{text}", "value": [{"$float": text}], "error": "NaN or infinity"} for text in ["nan", "inf", "-inf"]]
    refused += [{"name": "set", "value": {"$set": [1]}, "error": "a set is not a value"}, {"name": "uuid", "value": [{"$uuid": str(uuid.UUID(int=1))}], "error": "a UUID is not a value"}]
    how = "msgpack and hashlib.blake2b"
    write("interop.json", key_vectors_provenance=how, key_vectors=v1, draft_key_vectors_provenance=how, draft_key_vectors=draft, value_vectors_provenance="msgpack", value_vectors=values, error_vectors_provenance="by hand, from the grammar and ranges", error_vectors=errors, value_error_vectors_provenance="by hand", value_error_vectors=refused)


def surrogates():
    errors = [{"name": f"lone_surrogate_{index}", "args": [item], "error": "a lone surrogate"} for index, item in enumerate(["\ud800", "a\udfff", {"\udc00": 1}, ["\udc00\ud800"], {"$set": ["\udbff"]}])]
    write("surrogates.json", note="a file of their own, since many JSON parsers refuse all of it", error_vectors_provenance="by hand", error_vectors=errors)


# Envelopes and containers.


def envelopes():
    payloads = [b"", b"\0", b"a" * 12, b"a" * 13, b"a" * 63, b"a" * 64, b"ab" * 40, data(15), data(270), data(300), bytes(range(256)) * 4, b"0123456789" * 500, b"\0" * 66_000, json.dumps({"user": list(range(200))}).encode(), data(65_536)[:700] * 3]
    forms = ["bin", "ints", "map", "ints-map", "checksum-bin", "ints-map-checksum-bin"]
    rows = []
    for number, payload in enumerate(payloads):
        for form in forms if len(payload) < 2000 else forms[:1]:
            mode = RNG.choice(["default", "fast", "high_compression"])
            name = RNG.choice(["msgpack", "orjson", "", "größe"])
            row = {"name": f"payload_{number}_{form}", "format": name, "input_size": len(payload), "checksum_hex": checksum(payload).hex()}
            stored = envelope(payload, block(payload, mode), form, name)
            row["envelope_hex"], row["envelope_size"] = stored.hex(), len(stored)
            if len(payload) < 2000:
                row["input_hex"] = payload.hex()
            else:
                unit = payload[:10] if payload[:1] == b"0" else payload[:1]
                whole = unit * (len(payload) // len(unit)) == payload
                segments = [(unit, len(payload) // len(unit))] if whole else [(payload, 1)]
                row["input_construction"] = [{"hex": hex_.hex(), "count": count} for hex_, count in segments]
            if form == "bin":
                row["envelope_encoding"] = "bin"
            rows.append(row)

    # A block of literals only, so long that 1000 times its length needs more than 32 bits.
    literals, runs = 15 + 255 * 17_000 + 7, 17_000
    head = b"\x94\xc6" + struct.pack(">I", 1 + runs + 1 + literals) + b"\xf0"
    zeros = bytes(literals)
    tail = pack(list(checksum(zeros))) + pack(literals) + pack("msgpack")
    segments = [(head, 1), (b"\xff", runs), (b"\x07", 1), (b"\0", literals), (tail, 1)]
    rows.append({"name": "constructed_literals", "format": "msgpack", "envelope_encoding": "bin", "original_size": literals, "checksum_hex": checksum(zeros).hex(), "envelope_construction": [{"hex": unit.hex(), "count": count} for unit, count in segments], "input_construction": [{"hex": "00", "count": literals}]})

    text = b"0123456789" * 20
    good = block(text)
    wide = block(b"\0" * 300_000)
    refused = [
        ("ratio", envelope(b"", b"\x00" * 10, "bin", size=10_001), "ratio over 1000"),
        ("ratio_wide", envelope(b"", b"\x00", "bin", size=1001), "ratio over 1000"),
        ("size_over_limit", envelope(b"", b"\x00" * 100, "bin", size=2**29 + 1), "size exceeds the limit"),
        ("size_2_pow_40", envelope(b"", good, "bin", size=2**40), "size exceeds the limit"),
        ("size_max", envelope(b"", good, "bin", size=2**64 - 1), "size exceeds the limit"),
        ("nothing_compressed", envelope(b"", b"", "bin"), "zero-length compressed data"),
        ("size_less", envelope(text, good, "bin", size=199), "lz4 size mismatch"),
        ("size_more", envelope(text, good, "bin", size=201), "lz4 size mismatch"),
        ("block_cut", envelope(text, good[:-3], "bin"), "lz4 block"),
        ("block_zero_offset", envelope(b"AAAAA", b"\x10\x41\x00\x00", "bin"), "lz4 block"),
        ("checksum_other", envelope(text, good, "bin", check=checksum(b"x")), "checksum"),
        ("checksum_reversed", envelope(text, good, "bin", check=checksum(text)[::-1]), "checksum"),
        ("checksum_seven", pack([good, [0] * 7, 200, "msgpack"]), "checksum field has another shape"),
        ("checksum_nine", pack([good, [0] * 9, 200, "msgpack"]), "field of another shape"),
        ("three_elements", pack([good, list(checksum(text)), 200]), "three elements"),
        ("five_elements", pack([good, list(checksum(text)), 200, "msgpack", None]), "five elements"),
        ("map_without_format", pack({"compressed_data": good, "checksum": list(checksum(text)), "original_size": 200}), "a field is absent"),
        ("number_over_255", pack([list(good[:-1]) + [256], list(checksum(text)), 200, "msgpack"]), "a field of wrong elements"),
        ("negative_size", pack([good, list(checksum(text)), -1, "msgpack"]), "a field of wrong sign"),
        ("float_size", pack([good, list(checksum(text)), 200.0, "msgpack"]), "a field of wrong type"),
        ("text_block", pack(["x", list(checksum(text)), 1, "msgpack"]), "a field of wrong type"),
        ("nil", pack(None), "no elements"),
        ("trailing", envelope(text, good, "bin") + b"\0", "trailing byte"),
        ("truncated", envelope(text, good, "bin")[:-1], "truncated"),
        ("ints_declared_4_gib", b"\x94\xdd\xff\xff\xff\xff", "truncated"),
        ("bin_declared_4_gib", b"\x94\xc6\xff\xff\xff\xff", "truncated"),
        ("claims_more_zeros", envelope(b"\0" * 300_000, wide, "bin", size=300_001), "lz4 size mismatch"),
    ]
    # A short checksum is a matter of shape, whatever its field is called.
    rejects = [{"name": name.replace("checksum_seven", "seven_bytes").replace("checksum_nine", "nine_bytes"), "envelope_hex": stored.hex(), "error": error.replace("checksum field", "field")} for name, stored, error in refused]
    write("envelopes.json", vectors_provenance="lz4.block, xxhash.xxh3_64 and msgpack", vectors=rows, reject_vectors_provenance="lz4.block, xxhash.xxh3_64 and msgpack, one field wrong in each", reject_vectors=rejects)


def containers():
    rows, rejects = [], []
    for index in range(30):
        item = value(3, "nbifstld")
        document = pack(ordered(item))
        method = index % 2
        payload = block(document) if method else document
        body = b"\x93" + pack(method) + pack(len(document)) + pack(payload)
        rows.append({"name": f"container_{index}", "value": tagged(item), "value_msgpack_hex": document.hex(), "method": method, "original_size": len(document), "payload_hex": payload.hex(), "container_hex": (b"\xc1\x02" + body).hex()})
    zeros = 100_000
    document = b"\xc6" + struct.pack(">I", zeros) + b"\0" * zeros
    payload = block(document)
    rows.append({"name": "container_constructed", "value_construction": [{"hex": document[:5].hex(), "count": 1}, {"hex": "00", "count": zeros}], "method": 1, "original_size": len(document), "payload_len": len(payload), "container_hex": (b"\xc1\x02\x93\x01" + pack(len(document)) + pack(payload)).hex()})

    def reject(name, raw, error):
        rejects.append({"name": name, "container_hex": raw.hex(), "error": error})

    small = pack("hello")
    for name, raw, error in [
        ("plain_value", small, "bad magic"),
        ("nothing", b"", "bad magic"),
        ("version_1", b"\xc1\x01\x93\x00\x06" + pack(small), "unsupported container version"),
        ("version_missing", b"\xc1", "unsupported container version"),
        ("method_2", b"\xc1\x02\x93\x02\x06" + pack(small), "unknown compression method"),
        ("method_255", b"\xc1\x02\x93\xcc\xff\x06" + pack(small), "unknown compression method"),
        ("method_int8", b"\xc1\x02\x93\xd0\x00\x06" + pack(small), "signed-family marker"),
        ("method_int64", b"\xc1\x02\x93\xd3" + bytes(8) + b"\x06" + pack(small), "signed-family marker"),
        ("method_negative", b"\xc1\x02\x93\xff\x06" + pack(small), "signed-family marker"),
        ("size_int16", b"\xc1\x02\x93\x00\xd1\x00\x06" + pack(small), "signed-family marker"),
        ("size_int32", b"\xc1\x02\x93\x00\xd2\x00\x00\x00\x06" + pack(small), "signed-family marker"),
        ("size_negative", b"\xc1\x02\x93\x01\xe0" + pack(block(small)), "signed-family marker"),
        ("payload_text", b"\xc1\x02\x93\x00\x01\xa1x", "payload must be msgpack bin"),
        ("payload_ints", b"\xc1\x02\x93\x00\x01\x91\x01", "payload must be msgpack bin"),
        ("stored_size_less", b"\xc1\x02\x93\x00\x05" + pack(small), "method 0 size mismatch"),
        ("stored_size_more", b"\xc1\x02\x93\x00\x07" + pack(small), "method 0 size mismatch"),
        ("trailing", b"\xc1\x02\x93\x00\x06" + pack(small) + b"\xc0", "trailing bytes"),
        ("bomb", b"\xc1\x02\x93\x01\xcf" + struct.pack(">Q", 2**50) + pack(block(small)), "size exceeds max"),
        ("ratio", b"\xc1\x02\x93\x01\xcd\x03\xe9" + pack(b"\0"), "ratio exceeds 1000:1"),
        ("empty_block", b"\xc1\x02\x93\x01\x01" + pack(b""), "zero-length compressed payload"),
        ("block_short", b"\xc1\x02\x93\x01\x07" + pack(block(small)), "LZ4 length mismatch"),
        ("block_cut", b"\xc1\x02\x93\x01\x06" + pack(block(small)[:-1]), "truncated LZ4 block"),
    ]:
        reject(name, raw, error)
    write("interop-v2.json", status="a draft of the protocol", container_vectors_provenance="lz4.block and msgpack", container_vectors=rows, reject_vectors_provenance="by hand, one field wrong in each", reject_vectors=rejects)


# Decode bounds.


def bounds():
    def nest(marker, depth, end=b"\xc0"):
        return marker * depth + end

    rejects = [
        ("array_depth_1025", nest(b"\x91", 1025), ["depth"]),
        ("map_depth_2000", nest(b"\x81\xc0", 2000), ["depth"]),
        ("mixed_depth_1500", nest(b"\x91\x81\xa1k", 750), ["depth"]),
        ("deep_in_the_second", b"\x92\xc0" + nest(b"\x91", 1100), ["depth"]),
        ("deep_as_a_key", b"\x81" + nest(b"\x91", 1100) + b"\xc0", ["depth"]),
        ("array32_alone", b"\xdd\x7f\xff\xff\xff", ["overclaim"]),
        ("map16_alone", b"\xde\xff\xff", ["overclaim"]),
        ("map_wraps_32_bits", b"\xdf\x80\x00\x00\x00" + b"\xc0" * 8, ["overclaim"]),
        ("sums_over", b"\x92\xdc\x00\x06" + b"\xc0" * 6 + b"\xdc\x00\x09", ["overclaim"]),
        ("wide_siblings", b"\xdc\x00\x40" + b"\xdc\x00\x30" * 64, ["overclaim"]),
        ("str32", b"\xdb\x00\x00\x10\x00x", ["overclaim"]),
        ("bin16", b"\xc5\xff\xff", ["overclaim"]),
        ("ext8", b"\xc7\x20\x01x", ["overclaim"]),
        ("str_in_list", b"\x92\xa5ab", ["overclaim"]),
        ("fixarray_short", b"\x93\x01\x02", ["overclaim"]),
        ("list_ends_early", b"\x93\xcd\x00\x01\xc0", ["incomplete"]),
        ("float_cut", b"\xcb\x00\x00\x00", ["incomplete"]),
        ("uint16_cut", b"\xcd\x01", ["incomplete"]),
        ("header_cut", b"\xdd\x00\x00", ["incomplete"]),
        ("fixext_cut", b"\xd8\x01\x00", ["incomplete"]),
        ("map_owes_a_value", b"\x82\xdc\x00\x00\xc0\xc0", ["incomplete"]),
        ("nested_owes", b"\x91\x92\xdc\x00\x00", ["incomplete"]),
    ]
    accepts = [nest(b"\x91", 32), nest(b"\x81\xa0", 32), nest(b"\x91\x81\xa1k", 16)]
    accepts += [pack(value(3, "nbifstld")) for _ in range(40)]
    accepts += [pack({1: 2, 3: [4]}), pack({b"k": 1}), msgpack.packb(msgpack.ExtType(5, b"abc")), msgpack.packb(msgpack.ExtType(5, b"abcd")), b"\xdc\x00\x03\xc0\xc0\xc0", b"\xdf\x00\x00\x00\x01\xc0\xc0", b"\xca\x3f\x80\x00\x00"]
    rows = [{"name": name, "input_hex": raw.hex(), "input_len": len(raw), "reject_reasons": reasons} for name, raw, reasons in rejects]
    other = [("empty", b""), ("reserved_byte", b"\xc1"), ("reserved_inside", b"\x91\xc1"), ("trailing", b"\xc0\xc0"), ("two_documents", pack(1) + pack({})), ("python_frame", b"CK\x03\0\0\0\x02{}x"), ("not_utf8", b"\xa2\xff\xfe"), ("surrogate_utf8", b"\xa3\xed\xa0\x80"), ("overlong_utf8", b"\xa2\xc0\x80")]
    rows += [{"name": name, "input_hex": raw.hex(), "input_len": len(raw)} for name, raw in other]
    write("decode-bounds.json", reject_vectors_provenance="by hand, from the rules; sizes counted by hand", reject_vectors=rows, accept_vectors_provenance="msgpack, and by hand at the widths it does not choose", accept_vectors=[{"name": f"accept_{index}", "input_hex": raw.hex(), "input_len": len(raw)} for index, raw in enumerate(accepts)])


# Encryption.


def encryption():
    tenants = ["default", "t", "größe", "00000000-0000-4000-8000-00000000000a", "x" * 255, "y" * 1024]
    rows = []
    for index in range(40):
        master = data(RNG.choice([32, 32, 32, 33, 64]))
        key = RNG.choice(["k", "users:get_user:" + blake(data(4)), "t:default:ns:a:func:m.f:args:0:1s", "ключ 🔑", ""])
        parts = RNG.choice([("msgpack", True, "msgpack"), ("msgpack", False, None), ("msgpack", True, None), ("arrow", True, "arrow"), ("orjson", False, "orjson"), ("msgpack", False, "")])
        rows.append(sealed(f"sealed_{index}", master, RNG.choice(tenants), key, *parts, data(RNG.choice([0, 1, 15, 16, 17, 100, 1000]))))

    def other(row, **changes):
        presented = row | changes
        extra = aad(presented["tenant_id"], presented["cache_key"], presented["format"], presented["compressed"], presented.get("original_type"))
        presented = {key: item for key, item in presented.items() if key not in ("plaintext_hex", "nonce_hex", "derived_key_fingerprint_hex") and item is not None}
        return presented | {"aad_hex": extra.hex(), "sealed_as": row["name"]}

    rejects = []
    for row in rows[:20]:
        changes = [{"cache_key": row["cache_key"] + "x"}, {"format": row["format"] + "x"}, {"compressed": not row["compressed"]}, {"original_type": "other"}]
        for change in changes:
            rejects.append(other(row, **change) | {"name": f"{row['name']}_other_{next(iter(change))}"})
    crypto_rejects = []
    for row, wrong in zip(rows[20:], rows[21:]):
        raw = bytearray.fromhex(row["ciphertext_hex"])
        raw[RNG.randrange(len(raw))] ^= 1 << RNG.randrange(8)
        base = {key: row[key] for key in ("master_key_hex", "tenant_id", "aad_hex", "ciphertext_hex")}
        crypto_rejects.append(base | {"name": f"{row['name']}_bit", "ciphertext_hex": raw.hex(), "error": "altered"})
        crypto_rejects.append(base | {"name": f"{row['name']}_key", "master_key_hex": wrong["master_key_hex"], "error": "another key"})
        crypto_rejects.append(base | {"name": f"{row['name']}_cut", "ciphertext_hex": row["ciphertext_hex"][:-2], "error": "cut"})
        crypto_rejects.append(base | {"name": f"{row['name']}_short", "ciphertext_hex": row["ciphertext_hex"][:54], "error": "27 bytes"})
        crypto_rejects.append(base | {"name": f"{row['name']}_swapped", "ciphertext_hex": wrong["ciphertext_hex"], "error": "another entry's bytes"})

    derived = []
    for index in range(30):
        master, tenant, domain = data(32), RNG.choice(tenants), RNG.choice(["encryption", "authentication", "cache_keys"])
        key = derive(master, domain, tenant)
        derived.append({"name": f"derived_{index}", "master_key_hex": master.hex(), "tenant_id": tenant, "domain": domain, "derived_key_hex": key.hex(), "derived_key_fingerprint_hex": fingerprint(key).hex()})

    aads = []
    for index in range(20):
        tenant, key, form = RNG.choice(tenants), RNG.choice(WORDS), RNG.choice([("msgpack", True, None), ("arrow", False, "series"), ("msgpack", False, "")])
        row = {"name": f"aad_{index}", "tenant_id": tenant, "cache_key": key, "format": form[0], "compressed": form[1], "aad_hex": aad(tenant, key, *form).hex()}
        aads.append(row | ({"original_type": form[2]} if form[2] is not None else {}))
    whole = aad("t", "k", "msgpack", True)
    bad = [("nothing", b""), ("version_2", b"\x02" + whole[1:]), ("cut", whole[:-1]), ("three_parts", whole[:-8]), ("six_parts", whole + bytes(8)), ("lower_case", whole[:-4] + b"true"), ("length_4_gib", whole[:-8] + b"\xff\xff\xff\xff" + whole[-4:]), ("not_utf8", aad("t", "k", "msgpack", True)[:5] + b"\xff" + whole[6:])]
    bad_aads = [{"name": name, "aad_hex": raw.hex(), "error": "not additional data of version 3"} for name, raw in bad]

    k = [data(32) for _ in range(4)]
    entries = [{"id": f"k{index}", "master_key_hex": key.hex(), "derived_key_fingerprint_hex": fingerprint(derive(key, "encryption", "ring")).hex()} for index, key in enumerate(k)]
    ring = []
    for index, key in enumerate(k):
        row = sealed(f"ring_{index}", key, "ring", f"ring:{index}", "msgpack", False, None, data(20))
        row.pop("master_key_hex")
        row["key_fingerprint_hex"] = row.pop("derived_key_fingerprint_hex")
        ring.append(row | {"encrypted_with": f"k{index}"})
    texts = [key.hex() for key in k]
    configuration = [
        ("alone", [], "accept"), ("one_previous", texts[1:2], "accept"), ("three_previous", texts[1:4], "accept"),
        ("four_previous", texts[1:4] + [data(32).hex()], "reject"), ("current_key_again", [texts[1], texts[0]], "reject"),
        ("current_key_again_upper_case", [texts[0].upper()], "reject"), ("previous_short", [texts[1][:-2]], "reject"), ("previous_not_hex", ["x" * 64], "reject"),
    ]
    keyring = {"tenant_id": "ring", "entries": entries, "vectors": ring, "configuration": {"vectors": [{"name": name, "current_master_key_hex": texts[0], "decrypt_only_master_keys_hex": previous, "verdict": verdict} for name, previous, verdict in configuration]}}

    accepted = [sealed(f"accept_{index}", master, "default", "users:get_all:00", "msgpack", False, None, pack([index])) for index, master in enumerate([bytes(32), b"\xff" * 32, bytes(range(32)), data(48)])]
    upper = sealed("upper_case_digits", b"\xab" * 32, "default", "k", "msgpack", False, None, b"\xc0")
    upper["master_key_hex"] = upper["master_key_hex"].upper()
    good = "0123456789abcdef" * 4
    refused = ["", "00", good[:-1], good[:-2], good + "0", good[:-1] + "g", "0x" + good, " " + good[1:], good + "\n", good[:32] + " " + good[33:], "ä" * 32, "+" + good[1:], "-" + good[1:], "٠" * 64]
    raw = [b"", bytes(16), bytes(24), bytes(31), bytes(33), bytes(64), good.encode()]
    inputs = {"tenant_id": "default", "accept_vectors": accepted + [upper], "reject_vectors": [{"name": f"text_{index}", "master_key_hex": text} for index, text in enumerate(refused)], "raw_reject_vectors": [{"name": f"raw_{index}", "raw_key_hex": key.hex()} for index, key in enumerate(raw)]}

    containers = []
    text = b"0123456789" * 20
    good_envelope, document = envelope(text, block(text), "bin"), pack({"a": 1})
    for reader, plaintext in [("interop", document + b"\0"), ("interop", b"\x92\x01"), ("interop", b""), ("bytestorage_envelope", document), ("bytestorage_envelope", good_envelope[:-1]), ("bytestorage_envelope", text), ("interop_v2", document), ("interop_v2", good_envelope), ("arrow_checksummed", b"ARROW1" + bytes(20)), ("orjson_checksummed", b'{"a":1}'), ("orjson_checksummed", b"")]:
        row = sealed(f"container_{len(containers)}", k[0], "default", "k", "msgpack", reader == "interop_v2", None, plaintext)
        row.pop("plaintext_hex")
        containers.append(row | {"reader": reader, "outcome": "error"})

    how = "cryptography (HKDF, AESGCM) and hashlib.sha256"
    write("encryption.json", vectors_provenance=how, vectors=rows, aad_reject_vectors_provenance=how, aad_reject_vectors=rejects, crypto_reject_vectors_provenance=how, crypto_reject_vectors=crypto_rejects, derived_keys_provenance=how, derived_keys=derived, aad_vectors_provenance="struct", aad_vectors=aads, aad_error_vectors_provenance="by hand", aad_error_vectors=bad_aads, keyring_provenance=how, keyring=keyring, master_key_input_provenance=how + "; refusals by hand", master_key_input=inputs, decrypted_container_provenance=how, decrypted_container={"vectors": containers})


# Frames of the Python SDK.


def frames():
    rows, rejects = [], []
    for index in range(32):
        item = value(2, "nbifstld")
        document = pack(ordered(item))
        with_envelope = index % 2 == 0
        header = {"s": RNG.choice(["default", "auto", "std", "Mine", "größe"]), "m": {"format": "msgpack", "encoding": "utf-8", "compressed": with_envelope, "original_type": "msgpack"}, "v": "2.0"}
        compressed = block(document)
        payload = envelope(document, compressed, RNG.choice(["bin", "ints"])) if with_envelope else document
        row = {"name": f"frame_{index}", "frame_hex": frame(header, payload).hex(), "expected_header": header, "expected_payload_hex": payload.hex(), "value_json": tagged(item)}
        if with_envelope:
            row["payload_envelope"] = {"compressed_data_hex": compressed.hex(), "checksum_hex": checksum(document).hex(), "original_size": len(document), "format": "msgpack", "inner_msgpack_hex": document.hex()}
        rows.append(row)
    header = {"s": "default", "m": {"format": "msgpack"}, "v": "2.0"}
    length = len(json.dumps(header))
    for name, raw, by in [
        ("nothing", b"", "prefix_length"), ("one_byte", b"C", "prefix_length"), ("two_bytes", b"CK", "prefix_length"), ("six_bytes", frame(header, b"")[:6], "prefix_length"),
        ("other_magic", frame(header, b"x", magic=b"KC"), "magic"), ("short_magic", b"CX\x03", "magic"), ("envelope", envelope(b"x", block(b"x"), "bin"), "magic"),
        ("version_0", frame(header, b"x", version=0), "version"), ("version_1", frame(header, b"x", version=1), "version"), ("version_255", frame(header, b"x", version=255), "version"),
        ("length_one_more", frame(header, b"", length=length + 1), "header_length"), ("length_max", frame(header, b"x" * 9, length=2**32 - 1), "header_length"),
        ("header_cut", frame(header, b"", length=length - 1), "header"), ("header_list", frame(b"[]", b"x"), "header"), ("header_empty", frame(b"", b"x"), "header"), ("header_not_utf8", frame(b'{"s":"\xff"}', b""), "header"),
        ("name_missing", frame({"m": {}}, b"x"), "serializer_name"), ("name_null", frame({"s": None}, b"x"), "serializer_name"), ("name_empty", frame({"s": ""}, b"x"), "serializer_name"), ("name_other", frame({"s": "Default"}, b"x"), "serializer_name"), ("name_list", frame({"s": ["default"]}, b"x"), "serializer_name"),
        ("interop_reader", frame(header, b"x"), None), ("interop_reader_version_9", frame(header, b"x", version=9), None),
    ]:
        rejects.append({"name": name, "frame_hex": raw.hex(), "error": "refused"} | ({"rejected_by": by} if by else {}))

    master, tenant, key = data(32), "tenant-a", "func:m.f:args:0:1s"
    document = pack({"secret": 1})
    reads = []

    def encrypted(name, claims, *, s="default", master_=master, tenant_=tenant, key_=key, plaintext=None, compressed=True, claim=True, alter=False):
        plaintext = envelope(document, block(document), "bin") if plaintext is None else plaintext
        derived, nonce = derive(master_, "encryption", tenant_), data(12)
        body = nonce + AESGCM(derived).encrypt(nonce, plaintext, aad(tenant_, key_, "msgpack", compressed, "msgpack"))
        if alter:
            body = body[:-1] + bytes([body[-1] ^ 1])
        header = {"m": {"format": "msgpack", "compressed": compressed, "original_type": "msgpack", "encrypted": claim, "tenant_id": tenant_, "key_fingerprint": fingerprint(derived).hex()}, "v": "2.0"}
        header |= {"s": s} if s is not None else {}
        reads.append({"name": name, "frame_hex": frame(header, body).hex(), "expected_header": header, "expected_payload_hex": body.hex(), "header_claims": claims, "outcome": "fail_closed"})

    encrypted("claims_plain", "plaintext", claim=False)
    encrypted("claim_is_text", "plaintext", claim="true")
    encrypted("other_key", "ciphertext", master_=data(32))
    encrypted("other_tenant", "ciphertext", tenant_="tenant-b")
    encrypted("other_cache_key", "ciphertext", key_="func:m.g:args:0:1s")
    encrypted("not_an_envelope", "ciphertext", plaintext=document)
    encrypted("claims_uncompressed", "ciphertext", plaintext=document, compressed=False)
    encrypted("altered", "ciphertext", alter=True)
    encrypted("serializer_other", "ciphertext", s="auto")
    encrypted("serializer_missing", "ciphertext", s=None)
    reader = {"master_key_hex": master.hex(), "tenant_id": tenant, "cache_key": key}
    write("python-frames.json", frame_vectors_provenance="struct, json, lz4.block, xxhash and msgpack", frame_vectors=rows, error_vectors_provenance="by hand, one field wrong in each", error_vectors=rejects, encrypted_reader=reader, encrypted_read_vectors_provenance="cryptography, over the same", encrypted_read_vectors=reads)


if __name__ == "__main__":
    if sys.argv[1:] and not CHECK:
        sys.exit(__doc__)
    auto_keys()
    interop()
    surrogates()
    envelopes()
    containers()
    bounds()
    encryption()
    frames()
    for name, groups in [*edges.files(), *clients.files()]:
        write(name, **groups)
