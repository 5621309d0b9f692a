"""What is pushed, by its name on the command line.

oci:DIR[:REF]              an OCI layout folder
docker-archive:FILE[:REF]  what `docker save` or `podman save` wrote; a bare FILE.tar as well
docker://HOST/NAME:TAG     another registry
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from roadstead.client.errors import TransferError
from roadstead.client.image import Descriptor, Image
from roadstead.client.names import ImageName, parse_image
from roadstead.uploader.planned import Readable

Remote = Callable[[ImageName], "Source"]


class Source(Protocol):
    """An image that can be read."""

    @property
    def image(self) -> Image: ...

    @property
    def name(self) -> ImageName | None:
        """Where it lives, when that is a registry."""

    def blob(self, descriptor: Descriptor) -> Readable | None:
        """Its bytes; None when they are not here. Raises: TransferError."""


def open_source(text: str, remote: Remote, *, insecure: bool) -> AbstractContextManager[Source]:
    """The source that a name stands for. Raises: TransferError."""
    from roadstead.client.sources.archive import open_archive  # noqa: PLC0415
    from roadstead.client.sources.layout import open_layout  # noqa: PLC0415

    scheme, _, rest = text.partition(":")
    if scheme == "oci":
        return open_layout(*split_path(rest))
    if scheme == "docker-archive":
        return open_archive(*split_path(rest))
    if scheme == "docker" and rest.startswith("//"):
        return _Opened(remote(parse_image(rest[2:], insecure=insecure)))
    if Path(text).is_dir():
        return open_layout(Path(text), None)
    if Path(text).is_file():
        return open_archive(Path(text), None)
    raise TransferError(
        f"{text!r} is no source: say oci:DIR, docker-archive:FILE, or docker://HOST/NAME:TAG"
    )


class _Opened:
    """A source that has nothing to close."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> Source:
        return self._source

    def __exit__(self, *_: object) -> None:
        return


def split_path(text: str) -> tuple[Path, str | None]:
    """``PATH[:REF]``: the longest path that exists. Raises: TransferError."""
    path, reference = text, ""
    while path:
        if Path(path).exists():
            return Path(path), reference or None
        path, colon, tail = path.rpartition(":")
        if not colon:
            break
        reference = f"{tail}:{reference}" if reference else tail
    raise TransferError(f"{text.partition(':')[0] or text}: no such file or folder")
