"""Each call of cachekit's REST backend against Larder: cachekit_backend.py, with the variables of the README.

The values of times are not waited for: what expires when is tested elsewhere, with a clock that the test owns.
"""

import asyncio

import larder_host  # noqa: F401: first, so that names resolve
from cachekit.backends.cachekitio import CachekitIOBackend
from cachekit.backends.errors import BackendError

KEYS = [
    "plain",
    "ns:users:func:app.models.get_user:args:" + "0f" * 32 + ":1s",
    "nsapi:tools:" + "k" * 300,
    "users:get_user:61598716255080080f6456eb065c2e51badfaa4320b0efe97469c29cffee8875",
]
VALUES = [b"x", bytes(range(256)), b"\x94\xc4\x12" + b"\0" * 65_536, b"v" * 5_000_000]


def values(backend):
    for key in KEYS:
        assert backend.get(key) is None
        assert backend.exists(key) is False
        for value in VALUES:
            backend.set(key, value)
            assert backend.get(key) == value
            assert backend.exists(key) is True
        assert backend.delete(key) is True
        assert backend.get(key) is None
        # Not an error, and not told from one that was there.
        backend.delete(key)


def empty_value(backend):
    backend.set("empty", b"", ttl=60)
    assert backend.get("empty") == b""
    assert backend.exists("empty") is True


def freshness(backend):
    backend.set("fresh", b"1", ttl=600, stale_ttl=60)
    value, is_stale, fresh_for = backend.get_with_freshness("fresh")
    assert (value, is_stale) == (b"1", False) and 590 <= fresh_for <= 600, fresh_for
    backend.set("for-ever", b"1")
    value, is_stale, fresh_for = backend.get_with_freshness("for-ever")
    assert (value, is_stale, fresh_for) == (b"1", False, None), (value, is_stale, fresh_for)


def refusals(backend):
    for key in ["with space", "sl/ash", "a..b", "k" * 401]:
        try:
            backend.set(key, b"1")
        except BackendError as error:
            assert not isinstance(error.__cause__, OSError), error
        else:
            raise AssertionError(f"{key!r} was taken")
    for ttl in [0, -1, 2_592_001]:
        try:
            backend.set("plain", b"1", ttl=ttl)
        except BackendError:
            pass
        else:
            raise AssertionError(f"a TTL of {ttl} was taken")
    assert backend.get("plain") is None


async def times(backend):
    await backend.set_async("timed", b"1", ttl=600)
    assert 590 <= await backend.get_ttl("timed") <= 600
    assert await backend.refresh_ttl("timed", 1_200) is True
    assert 1_190 <= await backend.get_ttl("timed") <= 1_200
    await backend.set_async("timed", b"2")
    assert await backend.get_ttl("timed") is None, "a value without a TTL has none"
    assert await backend.get_ttl("nothing") is None


async def locks(backend):
    async with backend.acquire_lock("locked", timeout=30) as first:
        assert first
        async with backend.acquire_lock("locked", timeout=30) as second:
            assert not second
        async with backend.acquire_lock("another", timeout=30) as other:
            assert other
    # Given back, so that it can be had again at once.
    async with backend.acquire_lock("locked", timeout=30) as again:
        assert again
    # Sixteen at once: one has it at any time, and all get their turn.
    inside = most = 0

    async def enter():
        nonlocal inside, most
        async with backend.acquire_lock("crowded", timeout=30, blocking_timeout=60) as has_it:
            assert has_it
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(16)))
    assert most == 1, most


async def asynchronously(backend):
    await asyncio.gather(*(backend.set_async(f"many:{i}", b"%d" % i, ttl=60) for i in range(200)))
    found = await asyncio.gather(*(backend.get_async(f"many:{i}") for i in range(200)))
    assert found == [b"%d" % i for i in range(200)]
    assert await backend.exists_async("many:0")
    assert await backend.delete_async("many:0")
    assert await backend.get_async("many:0") is None


def health(backend):
    is_healthy, details = backend.health_check()
    assert is_healthy, details
    assert details["version"] != "unknown", details


def main():
    backend = CachekitIOBackend()
    for check in [values, empty_value, freshness, refusals, health]:
        check(backend)
    for check in [times, locks, asynchronously]:
        asyncio.run(check(backend))
    print("done")


main()
