"""What a v1 tag shows of the client that set it, read from the User-Agent.

    docker/1.12.6 go/go1.6.4 git-commit/78d1802 kernel/4.4.0 os/linux arch/amd64 UpstreamClient(...)

Spec: docker-registry's tags; the keys are its own.
"""

from __future__ import annotations

import re

_PAIR = re.compile(r"([^/\s()]{1,64})/([^\s()]{1,256})", re.ASCII)
_KEYS = {
    "docker": "docker_version",
    "go": "docker_go_version",
    "arch": "arch",
    "os": "os",
    "kernel": "kernel",
}


def parse_user_agent(text: str) -> dict[str, str]:
    """The known fields of the header, lower-case; those that it lacks are missing."""
    pairs = ((name.lower(), value.lower()) for name, value in _PAIR.findall(text[:2048]))
    return {_KEYS[name]: value for name, value in pairs if name in _KEYS}
