"""For schemathesis, what the description of the API cannot say: a stale window needs a time to live beside it, and both together
have a limit; the id of a lock has to be in one place of two; a former name is not looked at beside the new one. A request that is otherwise has every part right and is wrong. And
a header that the description does not know is no fault: clients, proxies and SDKs send many."""

import schemathesis

LIFETIME_S_MAX = 2_592_000


@schemathesis.hook
def filter_case(context, case):
    headers = {name.lower(): str(value) for name, value in (case.headers or {}).items()}
    if "x-schemathesis-unknown-property" in headers:
        return False
    if case.operation.label == "DELETE /v1/cache/{key}/lock":
        ids = [headers.get("x-cachekit-lock-id"), (case.query or {}).get("lock_id")]
        return any(str(given).strip() for given in ids if given is not None)
    if "x-cachekit-ttl" in headers and "x-ttl" in headers:
        return False
    stale = headers.get("x-cachekit-stale-ttl")
    if stale is None:
        return True
    ttl = headers.get("x-cachekit-ttl", headers.get("x-ttl", ""))
    return ttl.isdigit() and stale.isdigit() and int(ttl) + int(stale) <= LIFETIME_S_MAX
