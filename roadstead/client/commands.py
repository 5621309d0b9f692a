"""What `roadstead push` and `roadstead pull` do with their arguments."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from roadstead.client.cli import cache_folder, docker_config, login_for
from roadstead.client.http import PAUSES_S, SEND_TIMEOUT_S, RegistryClient
from roadstead.client.layouts import LayoutFolder, pack_archive
from roadstead.client.login import find_login
from roadstead.client.memory import Memory
from roadstead.client.names import ImageName, parse_image
from roadstead.client.progress import watching
from roadstead.client.pull import pull
from roadstead.client.push import push
from roadstead.client.sources import Source, open_source
from roadstead.client.sources.registry import RegistryImage
from roadstead.uploader import PartStorage


def run_push(asked: argparse.Namespace) -> None:
    """Push, and print the digest. Raises: TransferError."""
    target = parse_image(asked.target, insecure=asked.insecure)
    client = RegistryClient(target.host, login_for(asked, target.host))
    memory = Memory(cache_folder())
    with (
        watching(quiet=asked.quiet) as watch,
        open_source(asked.source, _reader(client), insecure=asked.insecure) as source,
    ):
        digest = push(
            source,
            client,
            PartStorage(send_timeout_s=SEND_TIMEOUT_S, pauses_s=PAUSES_S),
            memory,
            target,
            watch,
            asked.expires,
        )
        watch.say(f"pushed {target}")
    print(digest, flush=True)


def _reader(target: RegistryClient) -> Callable[[ImageName], Source]:
    """How another registry is read: with docker's login for it, or with ours for the same host."""

    def read(name: ImageName) -> Source:
        if name.host == target.host:
            return RegistryImage(target, name)
        login = find_login(docker_config(), name.host.name)
        return RegistryImage(RegistryClient(name.host, login), name)

    return read


def run_pull(asked: argparse.Namespace) -> None:
    """Pull, and print the digest. Raises: TransferError."""
    name = parse_image(asked.source, insecure=asked.insecure)
    scheme, path, reference = parse_destination(asked.target)
    client = RegistryClient(name.host, login_for(asked, name.host))
    client.ping()
    # A tar is packed from a folder beside it, which stays when the pull breaks off.
    folder = LayoutFolder(path if scheme == "oci" else path.with_name(path.name + ".partial"))
    with watching(quiet=asked.quiet) as watch:
        source = RegistryImage(client, name)
        with folder.alone():
            digest = pull(source, folder, watch)
            folder.close(source.image.top, name, reference)
            if scheme == "docker-archive":
                pack_archive(folder, source.image, name, path)
                shutil.rmtree(folder.folder)
        watch.say(f"pulled {name} to {path}")
    print(digest, flush=True)


def parse_destination(text: str) -> tuple[str, Path, str | None]:
    """``oci:DIR[:REF]``, ``docker-archive:FILE``, or a bare folder or FILE.tar."""
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "docker-archive":
        return scheme, Path(rest), None
    if colon and scheme == "oci":
        path, _, reference = rest.partition(":")
        return scheme, Path(path), reference or None
    if text.endswith(".tar"):
        return "docker-archive", Path(text), None
    return "oci", Path(text), None
