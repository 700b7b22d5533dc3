"""Vectors in the shapes of the protocol's later files, on inputs of our own: documents that readers take although no
writer makes them, bounds given as constructions, envelopes that fail at a step of the retrieve flow, and plaintexts in
the wrong container.
"""

import datetime
import struct

import msgpack

from rules import RNG, block, checksum, data, derive, envelope, fingerprint, moment, ordered, pack, sealed, tagged, value


def padded(item):
    """The document of a value with headers of any width that fits, and the keys of maps in any order."""
    wide = RNG.random() < 0.7
    if item is None or isinstance(item, (bool, float)) or not wide:
        return pack(item) if not isinstance(item, (list, dict)) else collection(item, wide)
    if isinstance(item, int):
        forms = [(marker, code) for marker, code, low, high in [(0xD1, ">h", -(2**15), 2**15), (0xD2, ">i", -(2**31), 2**31), (0xD3, ">q", -(2**63), 2**63), (0xCD, ">H", 0, 2**16), (0xCE, ">I", 0, 2**32), (0xCF, ">Q", 0, 2**64)] if low <= item < high]
        marker, code = RNG.choice(forms)
        return bytes([marker]) + struct.pack(code, item)
    if isinstance(item, str):
        raw = item.encode()
        return header(len(raw), [(0xD9, ">B"), (0xDA, ">H"), (0xDB, ">I")]) + raw
    if isinstance(item, bytes):
        return header(len(item), [(0xC4, ">B"), (0xC5, ">H"), (0xC6, ">I")]) + item
    return collection(item, wide)


def header(length, forms):
    marker, code = RNG.choice([(marker, code) for marker, code in forms if length < 256 ** struct.calcsize(code)])
    return bytes([marker]) + struct.pack(code, length)


def collection(item, wide):
    is_map = isinstance(item, dict)
    if wide:
        head = header(len(item), [(0xDE, ">H"), (0xDF, ">I")] if is_map else [(0xDC, ">H"), (0xDD, ">I")])
    else:
        head = msgpack.Packer().pack_map_header(len(item)) if is_map else msgpack.Packer().pack_array_header(len(item))
    if not is_map:
        return head + b"".join(padded(inner) for inner in item)
    keys = list(item)
    RNG.shuffle(keys)
    return head + b"".join(padded(key) + padded(item[key]) for key in keys)


def readers():
    accepts = []
    for index in range(50):
        item = value(3, "nbifstld")
        raw = padded(item)
        # msgpack reads what this script wrote by hand.
        assert msgpack.unpackb(raw, strict_map_key=False) == item
        accepts.append({"name": f"padded_{index}", "msgpack_hex": raw.hex(), "value": tagged(item)})
    for index, number in enumerate([0.5, -2.0, 1.0 / 1024, 2.0**100]):
        accepts.append({"name": f"float32_{index}", "msgpack_hex": (b"\xca" + struct.pack(">f", number)).hex(), "value": {"$float": repr(number)}})
    accepts.append({"name": "last_of_equal_keys", "msgpack_hex": b"\x82\xa1a\x01\xa1a\x02".hex(), "value": {"a": 2}})
    beyond = [pack({7: "x", -1: None}), pack({b"k": {True: []}}), pack({None: 1}), pack({1.5: 2}), b"\x81\x90\x01", b"\x81\x80\xc0", msgpack.packb([msgpack.ExtType(9, b"abcde")]), b"\x81\xa1e\xd7\xff" + bytes(8), msgpack.packb(msgpack.ExtType(0, b""))]
    accepts += [{"name": f"beyond_the_model_{index}", "msgpack_hex": raw.hex()} for index, raw in enumerate(beyond)]
    rejects = [(f"byte_after_{index}", pack(ordered(value(2, "nbifstld"))) + tail, "trailing bytes") for index, tail in enumerate([b"\0", b"\0\0\0\0", b"\xc0", b"\x91", b"\xc1", b"\n"])]
    rejects += [("python_frame", b"CK\x03\0\0\0\x02{}\x01", "trailing bytes: a Python frame"), ("nothing", b"", "incomplete"), ("half_a_float", b"\xcb\x40", "incomplete")]
    sentinels = []
    for index in range(6):
        when = moment()
        for name, text in [("datetime", when.isoformat()), ("date", when.date().isoformat()), ("time", when.time().isoformat())]:
            pairs = [(f"__{name}__", True), ("value", text)]
            RNG.shuffle(pairs)
            sentinels.append({"name": f"{name}_{index}", "payload_hex": pack(dict(pairs)).hex(), "revives_to": {"type": name, "iso": text}})
    naive = datetime.datetime(2024, 2, 29, 1, 2, 3)
    sentinels.append({"name": "naive_datetime", "payload_hex": pack({"__datetime__": True, "value": naive.isoformat()}).hex(), "revives_to": {"type": "datetime", "iso": naive.isoformat()}})
    return {
        "reader_accept_vectors_provenance": "written by hand with other widths, and read back by msgpack", "reader_accept_vectors": accepts,
        "reader_reject_vectors_provenance": "msgpack, and bytes after it", "reader_reject_vectors": [{"name": name, "msgpack_hex": raw.hex(), "error": error} for name, raw, error in rejects],
        "temporal_sentinel_vectors_provenance": "msgpack and datetime", "temporal_sentinel_vectors": sentinels,
    }


def constructions():
    def row(name, repeat, count, suffix, reasons=None, both=False):
        raw = repeat * count + suffix
        fields = {"name": name, "construction": {"repeat_hex": repeat.hex(), "count": count, "suffix_hex": suffix.hex()}, "input_len": len(raw)}
        return fields | ({"input_hex": raw.hex()} if both else {}) | ({"reject_reasons": reasons} if reasons else {})

    rejects = [
        row("lists_1025", b"\x91", 1025, b"\xc0", ["depth"]), row("maps_1025", b"\x81\xa0", 1025, b"\xc0", ["depth"], both=True), row("lists_and_maps", b"\x91\x81\xa1k", 600, b"\x01"),
        row("lists_5000_empty", b"\x91", 5000, b"\x90"), row("each_claims_the_whole", b"\xdd\x00\x00\x0f\xa0", 800, b"", ["depth", "overclaim"]), row("maps_that_claim", b"\xde\x27\x10", 700, b""),
        row("each_header_fits_the_rest", b"\xdc\x03\xe8", 20, b"\xc0" * 1500, ["overclaim"]), row("wraps_32_bits", b"\x92", 1, b"\xdd\xff\xff\xff\xfe\xc0"), row("map_wraps_32_bits", b"\xdf\x80\x00\x00\x01", 1, b"", ["overclaim"], both=True),
        row("owes_a_value", b"\x82", 1, b"\xde\x00\x00\xc2"), row("owes_an_item", b"\x92", 2, b"\xdc\x00\x00\xdc\x00\x00", ["incomplete"]), row("item_after_it", b"\x90", 2, b""), row("reserved", b"\x91", 3, b"\xc1"),
    ]
    accepts = [row("lists_32", b"\x91", 32, b"\xc0"), row("maps_32", b"\x81\xa0", 32, b"\xc0", both=True), row("wide_and_backed", b"\xdd\x00\x00\x01\x00", 1, b"\xc2" * 256), row("text_16_backed", b"\xda\x01\x00", 1, b"x" * 256), row("empty_maps", b"\x94", 1, b"\x80" * 4)]
    return {"reject_vectors_provenance": "by hand, from the rules", "reject_vectors": rejects, "accept_vectors_provenance": "by hand, from the rules", "accept_vectors": accepts}


def given(name, raw):
    """The bytes in full, or as a construction if one byte makes up nearly all of them."""
    unit = raw[len(raw) // 2 : len(raw) // 2 + 1]
    start, end = raw.find(unit * 1000), raw.rfind(unit * 1000) + 1000
    if start < 0:
        return {f"{name}_hex": raw.hex()}
    segments = [(raw[:start], 1), (unit, end - start), (raw[end:], 1)]
    assert b"".join(part * count for part, count in segments) == raw
    return {f"{name}_construction": [{"hex": part.hex(), "count": count} for part, count in segments]}


def steps():
    text = b"a payload that is read back " * 9
    good, check, size = block(text), list(checksum(text)), len(text)
    whole = envelope(text, good, "bin")
    rows = [
        ("size_over_cap", 4, envelope(text, bytes(600_000), "bin", size=2**29 + 1)), ("size_wraps_32_bits", 4, envelope(text, good, "bin", size=2**32 + size)), ("size_sign_bit", 4, envelope(text, good, "bin", size=2**63 + size)),
        ("zero_length_data", 5, envelope(b"", b"", "bin")), ("ratio_by_one", 5, envelope(text, b"\xff" * 500, "bin", size=500_001)), ("ratio_rounds_in_float32", 5, envelope(text, b"\xff" * 65_536, "bin", size=65_536_001)),
        ("length_mismatch", 6, envelope(text, good, "bin", size=size + 1)), ("lz4_offset_0", 6, envelope(b"AAAAA", b"\x10\x41\x00\x00", "bin")), ("checksum_mismatch", 8, envelope(text, good, "bin", check=bytes(check[::-1]))),
        ("arity_3", 2, pack([good, check, size])), ("arity_5", 2, pack([good, check, size, "msgpack", None])), ("checksum_of_nine_elements", 2, pack([good, check + [0], size, "msgpack"])), ("checksum_of_seven_elements", 2, pack([good, check[:7], size, "msgpack"])),
        ("element_above_255", 2, pack([list(good[:-1]) + [good[-1] + 256], check, size, "msgpack"])), ("slots_overclaim", 2, b"\x94\xc4" + bytes([len(whole) - 4]) + whole[3:]), ("text_for_a_name", 2, pack({"compressed_data": good, "checksum": check, "original_size": size, "form": "msgpack"})),
        ("format_not_utf8", 2, pack([good, check, size, b"\xff"])), ("format_nil", 2, pack([good, check, size, None])), ("name_nil", 2, pack({None: good, "checksum": check, "original_size": size, "format": "msgpack"})), ("name_negative", 2, pack({-1: good})), ("cut", 2, whole[:-3]),
    ]
    rejects = [{"name": name, "reject_step": step, "envelope_size": len(raw)} | given("envelope", raw) for name, step, raw in rows]

    documents = [("claims_4_gib", b"\xdd\xff\xff\xff\xff", ["overclaim"]), ("sums_over", b"\x92\xdc\x00\x06" + b"\xc0" * 6 + b"\xdc\x00\x09", ["overclaim"]), ("deep", b"\x91" * 1100 + b"\xc0", ["depth"]), ("ends_early", b"\x92\xdc\x00\x00", ["incomplete"]), ("trails", b"\xc0\xc0", None)]
    payloads = [{"name": name, "format": "msgpack", "envelope_hex": envelope(raw, block(raw), "bin").hex(), "input_hex": raw.hex()} | ({"reject_reasons": reasons} if reasons else {}) for name, raw, reasons in documents]

    fields = {"compressed_data": good, "checksum": check, "original_size": size, "format": "msgpack"}
    named = list(fields.items())
    forms = [
        ("format_as_bytes", pack([good, check, size, b"msgpack"])), ("names_as_bytes", pack({key.encode(): item for key, item in named})), ("places_for_names", pack({place: item for place, (_, item) in enumerate(named)})),
        ("places_in_reverse", pack({place: named[place][1] for place in (3, 2, 1, 0)})), ("names_of_all_kinds", pack({0: good, b"checksum": check, "original_size": size, 3: b"msgpack"})), ("place_that_is_not_known", pack({**fields, 4: [1], 2**40: {}})),
        ("name_that_is_not_known", pack({"added": {"later": [None]}, **fields, b"\xff": 1})), ("array16", b"\xdc\x00\x04" + pack(good) + pack(check) + pack(size) + pack("msgpack")), ("size_in_eight_bytes", b"\x94" + pack(good) + pack(check) + b"\xcf" + struct.pack(">Q", size) + pack("msgpack")),
    ]
    vectors = [{"name": name, "format": "msgpack", "envelope_hex": raw.hex(), "envelope_size": len(raw), "input_hex": text.hex(), "compressed_size": len(good)} for name, raw in forms]
    return {
        "vectors_provenance": "lz4.block, xxhash.xxh3_64 and msgpack; each form was read by the SDKs' own core (cachekit 0.24.1)", "vectors": vectors,
        "reject_vectors_provenance": "the same with one thing wrong, at the step of the retrieve flow that finds it", "reject_vectors": rejects,
        "payload_reject_vectors_provenance": "lz4.block, xxhash.xxh3_64 and msgpack around documents by hand", "payload_reject_vectors": payloads,
    }


def plaintexts():
    master, tenant = data(32), "tenant-b"
    document = pack({"id": 7, "name": "größe"})
    stored = envelope(document, block(document), "bin")
    contained = b"\xc1\x02\x93\x00" + pack(len(document)) + pack(document)
    summed = lambda payload: checksum(payload) + payload
    shapes = {"plain_msgpack": ("msgpack", False, None), "interop": ("msgpack", False, None), "bytestorage_envelope": ("msgpack", True, None), "interop_v2": ("msgpack", True, None), "arrow_checksummed": ("arrow", False, "arrow"), "orjson_checksummed": ("orjson", False, "orjson")}
    rows = []
    for reader, plaintext, outcome in [
        ("plain_msgpack", stored, "not_unwrapped"), ("interop", stored, "not_unwrapped"), ("plain_msgpack", contained, "not_unwrapped"), ("bytestorage_envelope", contained, "error"), ("interop_v2", stored, "error"),
        ("interop", document + b"\0", "error"), ("interop", document + b"\x92", "error"), ("plain_msgpack", document[:-1], "error"), ("bytestorage_envelope", document, "error"), ("bytestorage_envelope", summed(document), "error"),
        ("arrow_checksummed", b"ARROW1\0\0" + bytes(16), "error"), ("arrow_checksummed", stored, "error"), ("orjson_checksummed", b'{"id":7}', "error"), ("orjson_checksummed", summed(b"{}")[::-1], "error"),
    ]:
        row = sealed(f"plaintext_{len(rows)}", master, tenant, f"container:{len(rows)}", *shapes[reader], plaintext)
        row.pop("master_key_hex")
        row.pop("derived_key_fingerprint_hex")
        rows.append(row | {"reader": reader, "outcome": outcome})
    keys = [data(32).hex() for _ in range(5)]
    rings = [("none_previous", [], "accept"), ("three", keys[1:4], "accept"), ("one_twice", [keys[1], keys[1]], "accept"), ("four", keys[1:5], "reject"), ("current_between", [keys[1], keys[0], keys[2]], "reject"), ("current_in_upper_case", [keys[1], keys[0].upper()], "reject"), ("previous_of_31_bytes", [keys[1][:62]], "reject"), ("previous_odd", [keys[1][:63]], "reject"), ("previous_not_hex", [keys[1], "g" + keys[2][1:]], "reject")]
    return {
        "master_key_hex": master.hex(), "tenant_id": tenant, "derived_key_fingerprint_hex": fingerprint(derive(master, "encryption", tenant)).hex(),
        "decrypted_container": {"provenance": "cryptography (HKDF, AESGCM) over lz4.block, xxhash and msgpack", "vectors": rows},
        "keyring": {"configuration": {"provenance": "by hand, from the rules", "vectors": [{"name": name, "current_master_key_hex": keys[0], "decrypt_only_master_keys_hex": previous, "verdict": verdict} for name, previous, verdict in rings]}},
    }


def files():
    yield "readers.json", readers()
    yield "bounds-constructed.json", constructions()
    yield "envelope-steps.json", steps()
    yield "plaintexts.json", plaintexts()
