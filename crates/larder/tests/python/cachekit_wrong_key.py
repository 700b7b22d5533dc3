"""What a key that the server does not know comes to in cachekit: an error that says so, of each call. Prints the calls that were refused."""

import asyncio

import larder_host  # noqa: F401: first, so that names resolve
from cachekit.backends.cachekitio import CachekitIOBackend
from cachekit.backends.errors import BackendError, BackendErrorType

backend = CachekitIOBackend()
calls = {
    "get": lambda: backend.get("k"),
    "set": lambda: backend.set("k", b"1"),
    "exists": lambda: backend.exists("k"),
    "delete": lambda: backend.delete("k"),
    "get_async": lambda: asyncio.run(backend.get_async("k")),
}
refused = []
for name, call in calls.items():
    try:
        call()
    except BackendError as error:
        assert error.error_type == BackendErrorType.AUTHENTICATION, error
        refused.append(name)
print("refused:", " ".join(refused))
