"""Entries of the CacheKit SDK for Python beside those of larder-client: entries.py MODE [ID…]

MODE: `plain` and `secure` call a function in interop mode with each ID and print what it returned and how often it has computed; `auto` calls one
outside of it. The entries are in Redis if REDIS_URL is set, behind the REST API that CACHEKIT_API_URL names otherwise.
"""

import json
import os
import sys

from cachekit import cache
from cachekit.backends import RedisBackend
from cachekit.backends.cachekitio import CachekitIOBackend

mode = sys.argv[1]
redis = os.environ.get("REDIS_URL")
options = dict(ttl=300, backend=RedisBackend(redis) if redis else CachekitIOBackend(), l1_enabled=False)
if mode == "secure":
    decorate = lambda **more: cache.secure(master_key=os.environ["KEY"], **options, **more)
else:
    decorate = lambda **more: cache(**options, **more)
computed = []


def user(user_id, tags):
    computed.append(user_id)
    return {"id": user_id, "name": "from Python", "score": 2.0, "tags": tags, "note": None}


if mode == "auto":
    # Not an interop entry: a private frame, under a key of Python's own.
    @decorate(namespace="users")
    def own(user_id):
        return user(user_id, [])

    own(1)
    print(own.__module__, own.__qualname__)
else:

    @decorate(interop="get_user", namespace="users")
    def get_user(user_id, tags=("a", "b")):
        return user(user_id, list(tags))

    for argument in sys.argv[2:]:
        print(json.dumps({"value": get_user(int(argument)), "computed": len(computed)}))
