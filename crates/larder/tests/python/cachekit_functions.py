"""Functions under cachekit's decorators, with their entries in Larder: cachekit_functions.py PART FOLDER

Run in several processes, one after the other: what the first has computed, the second finds. Each says on its standard output
how often it has computed.
"""

import asyncio
import sys

import larder_host  # noqa: F401: first, so that names resolve
from cachekit import cache
from cachekit.backends.cachekitio import CachekitIOBackend

MASTER_KEY = "5a" * 32
computed = []


@cache.io(ttl=600, namespace="plain")
def plain(number):
    computed.append("plain")
    return {"number": number, "text": "é" * 100, "list": [1, 2.5, None, True], "bytes": b"\0\xff"}


@cache.io(ttl=600, namespace="waiting")
async def waiting(number):
    computed.append("waiting")
    return list(range(number))


@cache.secure(ttl=600, namespace="secret", master_key=MASTER_KEY, single_tenant_mode=True, backend=CachekitIOBackend())
def secret(name):
    computed.append("secret")
    return {"name": name, "card": "4111 1111 1111 1111"}


@cache(ttl=600, namespace="users", interop="get_user", backend=CachekitIOBackend())
def shared(user_id):
    computed.append("shared")
    return {"id": user_id, "name": "Alice"}


def everything():
    assert plain(7)["bytes"] == b"\0\xff"
    assert plain(7) == {"number": 7, "text": "é" * 100, "list": [1, 2.5, None, True], "bytes": b"\0\xff"}
    assert asyncio.run(waiting(1000)) == list(range(1000))
    assert secret("Bob") == {"name": "Bob", "card": "4111 1111 1111 1111"}
    assert shared(42) == {"id": 42, "name": "Alice"}


def invalidate():
    plain.invalidate_cache(7)
    assert plain(7)["number"] == 7


{"everything": everything, "invalidate": invalidate}[sys.argv[1]]()
print("computed:", " ".join(computed))
