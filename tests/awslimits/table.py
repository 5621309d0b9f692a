"""Which client gets which size of layer through which way in, on AWS's limits: the data.

docs/clients.md is made of it (`python -m tests.awslimits.clientsdoc`), and test_clients.py runs
every cell of it with the real client.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Way(Enum):
    """How a client comes in."""

    PLAIN = "Lambda and S3 alone"
    PROXY = "`roadstead proxy`"
    GATEWAY = "a gateway beside it"


class Size(Enum):
    """The largest layer: its bytes are those of the tests' images."""

    SMALL = "1 MB"
    MIDDLE = "8 MB"
    LARGE = "300 MB"


class Ends(Enum):
    """What becomes of the push. All but WORKS show the user why, in these words."""

    WORKS = "works"
    OURS = "refused, with our sentence"


# What a client's user has to see: what is said at the edge or by the API, and names the ways.
SAYS = {Ends.OURS: ("roadstead push",)}


class Dialect(Enum):
    """How a client sends a blob; that alone decides."""

    WHOLE = "one PUT, with its length"
    PATCH = "one PATCH, with its length"
    STREAM = "one PATCH, its length unknown"
    V1 = "v1: one PUT, its length unknown"


_ALL = dict.fromkeys(Size, Ends.WORKS)
# What a stream without a length meets is API Gateway itself, whose refusal explain.js puts into
# our words: before it the edge cannot know the size.
ENDS: dict[Dialect, dict[Way, dict[Size, Ends]]] = {
    Dialect.WHOLE: dict.fromkeys(Way, _ALL),
    Dialect.PATCH: {
        Way.PLAIN: {
            Size.SMALL: Ends.WORKS,
            Size.MIDDLE: Ends.OURS,
            Size.LARGE: Ends.OURS,
        },
        Way.PROXY: _ALL,
        Way.GATEWAY: _ALL,
    },
    Dialect.STREAM: {
        Way.PLAIN: {
            Size.SMALL: Ends.WORKS,
            Size.MIDDLE: Ends.OURS,
            Size.LARGE: Ends.OURS,
        },
        Way.PROXY: _ALL,
        Way.GATEWAY: _ALL,
    },
}
ENDS[Dialect.V1] = ENDS[Dialect.STREAM]


@dataclass(frozen=True)
class Client:
    """A client of the tests. ``differs``: cells that its dialect does not explain, and why."""

    name: str
    dialect: Dialect
    tried: str
    also: str = ""
    differs: tuple[tuple[Way, Size, Ends], ...] = ()
    why: str = ""

    def ends(self, way: Way, size: Size) -> Ends:
        own = {(w, s): e for w, s, e in self.differs}
        return own.get((way, size), ENDS[self.dialect][way][size])


CLIENTS: tuple[Client, ...] = (
    Client("docker", Dialect.STREAM, "20.10", "up to 28, and 29 with its classic store"),
    Client("podman", Dialect.STREAM, "4.3"),
    Client("buildah", Dialect.STREAM, "1.28"),
    Client("skopeo", Dialect.PATCH, "1.9"),
    Client("crane", Dialect.PATCH, "0.22", "ko, kaniko"),
    Client("ctr", Dialect.WHOLE, "1.6", "docker 29 with containerd's store, BuildKit, nerdctl"),
    Client("oras", Dialect.WHOLE, "1.3", "Helm, notation"),
    Client("regctl", Dialect.WHOLE, "0.11"),
    Client("oras-py", Dialect.WHOLE, "0.2"),
    Client("dxf", Dialect.WHOLE, "12"),
    Client("v1", Dialect.V1, "1.12, its requests written by the tests", "docker before 1.13"),
)
CELLS = tuple((client, way, size) for way in Way for size in Size for client in CLIENTS)
# The cells of 300 MB that `make test` runs: one client of each dialect through each way. The
# others are `make clients-table`.
DAILY = frozenset(
    (name, way, Size.LARGE)
    for name, way in (
        ("regctl", Way.PLAIN),
        ("crane", Way.PLAIN),
        ("docker", Way.PLAIN),
        ("crane", Way.PROXY),
        ("docker", Way.GATEWAY),
        ("v1", Way.GATEWAY),
    )
)


def is_daily(client: Client, way: Way, size: Size) -> bool:
    return size is not Size.LARGE or (client.name, way, size) in DAILY
