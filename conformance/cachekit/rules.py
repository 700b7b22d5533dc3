"""The protocol's rules in Python, as far as the vectors need them, over libraries that share no code with Larder:
what is normalised and in which order, what surrounds a payload, and what a ciphertext is bound to. Also the values at
random that the vectors are about, from a fixed seed.
"""

import datetime
import hashlib
import json
import math
import random
import struct
import uuid

import lz4.block
import msgpack
import xxhash
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RNG = random.Random(0x1A2DE2)
WORDS = ["alice", "bob", "größe", "ключ", "名前", "🔑", "", "a b", "x" * 31, "y" * 32, "z" * 300, "tab\tnew\nline", "\u0000"]
KEYS = ["a", "B", "_", "ä", "zz", "0", "10", "9", "key", "\uff61", "\U00010000", "name", ""]


# Tagged JSON and the Python values that it stands for.


class Set(list):
    """A set as it was given, so that order and repetition reach the reader."""


def tagged(value):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$int": str(value)}
    if isinstance(value, float):
        return {"$float": repr(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, datetime.datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, uuid.UUID):
        return {"$uuid": str(value).upper()}
    if isinstance(value, Set):
        return {"$set": [tagged(item) for item in value]}
    if isinstance(value, list):
        return [tagged(item) for item in value]
    return {key: tagged(item) for key, item in value.items()}


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


# Microseconds as a float64, then one division: dividing the integers would round far dates differently.
def unix_micros(value):
    return (value - EPOCH) // datetime.timedelta(microseconds=1)


def number_v1(value):
    if value == math.floor(value) and -(2**63) <= value < 2**64:
        return int(value)
    return value


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def sets(items, normal):
    encoded = sorted({pack(normal(item)) for item in items})
    return [msgpack.unpackb(item, strict_map_key=False) for item in encoded]


def normal_v1(value):
    if isinstance(value, float):
        return number_v1(value)
    if isinstance(value, datetime.datetime):
        return number_v1(float(unix_micros(value)) / 1e6)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Set):
        return sets(value, normal_v1)
    if isinstance(value, list):
        return [normal_v1(item) for item in value]
    if isinstance(value, dict):
        return {key: normal_v1(value[key]) for key in sorted(value)}
    return value


def normal_draft(value):
    if isinstance(value, datetime.datetime):
        return float(unix_micros(value)) / 1e6
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Set):
        return sets(value, normal_draft)
    if isinstance(value, list):
        return [normal_draft(item) for item in value]
    if isinstance(value, dict):
        return {key: normal_draft(value[key]) for key in sorted(value)}
    return value


def normal_auto(value):
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, list):
        return [normal_auto(item) for item in value]
    if isinstance(value, dict):
        return {key: normal_auto(value[key]) for key in sorted(value)}
    return value


def blake(data, size=32):
    return hashlib.blake2b(data, digest_size=size).hexdigest()


# Values at random, of every kind and every width.

WIDTHS = [0, 1, 31, 32, 33, 127, 128, 129, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
FLOATS = [0.0, -0.0, 0.5, -1.5, 2.0, 1e300, -1e300, 5e-324, 2.0**53, 2.0**63, -(2.0**63), 2.0**64, -(2.0**64), 1e18, 0.1, 123456789.25]


def integer():
    value = RNG.choice(WIDTHS)
    return -value if value <= 2**63 and RNG.random() < 0.4 else value


def moment():
    micros = RNG.choice([0, 1, -1, 10**6, -(10**6), 1_704_110_445_123_456, -62_135_596_800_000_000 + 86_400_000_000, RNG.randrange(-(10**15), 10**16)])
    zone = datetime.timezone(datetime.timedelta(minutes=RNG.choice([0, 330, -570, 60, -1])))
    return (EPOCH + datetime.timedelta(microseconds=micros)).astimezone(zone)


def data(length):
    return bytes(RNG.randrange(256) for _ in range(length))


def value(depth=3, kinds="nbifstldSuD"):
    kind = RNG.choice(kinds if depth else kinds.replace("l", "").replace("d", "").replace("S", ""))
    if kind == "n":
        return None
    if kind == "b":
        return RNG.random() < 0.5
    if kind == "i":
        return integer()
    if kind == "f":
        return RNG.choice(FLOATS)
    if kind == "s":
        return RNG.choice(WORDS)
    if kind == "t":
        return data(RNG.choice([0, 1, 31, 32, 255, 256]))
    if kind == "l":
        return [value(depth - 1, kinds) for _ in range(RNG.choice([0, 1, 3, 15, 16]))]
    if kind == "d":
        keys = RNG.sample(KEYS, RNG.choice([0, 1, 3, 8]))
        return {key: value(depth - 1, kinds) for key in keys}
    if kind == "S":
        return Set(value(0, kinds) for _ in range(RNG.choice([0, 1, 2, 7])))
    if kind == "u":
        return uuid.UUID(bytes=data(16))
    return moment()


def ordered(item):
    if isinstance(item, list):
        return [ordered(inner) for inner in item]
    if isinstance(item, dict):
        return {key: ordered(item[key]) for key in sorted(item)}
    return item


# Envelopes.


def block(payload, mode="default"):
    return lz4.block.compress(payload, mode=mode, store_size=False)


def checksum(payload):
    return xxhash.xxh3_64_digest(payload)


def envelope(payload, compressed, form, format_name="msgpack", size=None, check=None):
    fields = {
        "compressed_data": list(compressed) if form.startswith("ints") else compressed,
        "checksum": list(check or checksum(payload)),
        "original_size": len(payload) if size is None else size,
        "format": format_name,
    }
    if form.endswith("checksum-bin"):
        fields["checksum"] = bytes(fields["checksum"])
    if "map" in form:
        keys = list(fields)
        RNG.shuffle(keys)
        return pack({key: fields[key] for key in keys})
    return pack(list(fields.values()))


# Encryption.


def derive(master, domain, tenant):
    tenant = tenant.encode()
    salt = b"cachekit_v1_" + bytes([len(domain)]) + domain.encode() + struct.pack(">H", len(tenant)) + tenant
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=domain.encode()).derive(master)


def fingerprint(key):
    return hashlib.sha256(b"key_fingerprint_v1" + key).digest()[:16]


def aad(tenant, key, format_name, compressed, original_type=None):
    parts = [tenant, key, format_name, str(compressed)] + ([original_type] if original_type is not None else [])
    return b"\x03" + b"".join(struct.pack(">I", len(part.encode())) + part.encode() for part in parts)


def sealed(name, master, tenant, key, format_name, compressed, original_type, plaintext):
    derived = derive(master, "encryption", tenant)
    extra = aad(tenant, key, format_name, compressed, original_type)
    nonce = data(12)
    row = {"name": name, "master_key_hex": master.hex(), "tenant_id": tenant, "derived_key_fingerprint_hex": fingerprint(derived).hex(), "cache_key": key, "format": format_name, "compressed": compressed}
    if original_type is not None:
        row["original_type"] = original_type
    entry = nonce + AESGCM(derived).encrypt(nonce, plaintext, extra)
    return row | {"aad_hex": extra.hex(), "plaintext_hex": plaintext.hex(), "nonce_hex": nonce.hex(), "ciphertext_hex": entry.hex()}


# Frames of the Python SDK.


def frame(header, payload, magic=b"CK", version=3, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return magic + bytes([version]) + struct.pack(">I", len(text) if length is None else length) + text + payload
