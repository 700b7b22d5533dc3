"""A name for this machine, for tests of cachekit against a Larder that runs here.

cachekit only talks to hosts over TLS, and refuses addresses of private networks and `localhost`; it does not resolve names
before it decides. So the tests' certificate is for the name below, and this module makes it stand for 127.0.0.1 in this process,
as a line in /etc/hosts would for all of them. Nothing of cachekit itself is changed.
"""

import socket

NAME = "larder.test"

_resolve = socket.getaddrinfo


def _getaddrinfo(host, *args, **kwargs):
    return _resolve("127.0.0.1" if host == NAME else host, *args, **kwargs)


socket.getaddrinfo = _getaddrinfo
