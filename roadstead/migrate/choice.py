"""Which repositories and tags come across, and under which names. Pure.

pattern ::= [REPOSITORY] [":" TAG]      "*" stands for any characters; what is left out fits
mapping ::= OLD "=" NEW                 OLD is a repository, or with "/" at its end all below
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.globs import fits
from chalicelib.domain.names import LIBRARY, parse_repository_name
from roadstead.client.errors import TransferError

ANY = "*"
# What may stand in a URL's path: names that no registry gives are not asked for.
_SOURCE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


@dataclass(frozen=True)
class Pattern:
    """Both parts have to fit."""

    repository: str
    tag: str

    def takes(self, repository: str, tag: str) -> bool:
        return fits(self.repository, repository) and fits(self.tag, tag)


def parse_pattern(text: str) -> Pattern:
    """
    >>> parse_pattern("team/*"), parse_pattern(":v1.*")
    (Pattern(repository='team/*', tag='*'), Pattern(repository='*', tag='v1.*'))
    """
    repository, _, tag = text.partition(":")
    return Pattern(repository or ANY, tag or ANY)


@dataclass(frozen=True)
class Choice:
    """What fits one of ``only`` (all, where there are none) and none of ``excepted``."""

    only: tuple[Pattern, ...] = ()
    excepted: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, only: Iterable[str], excepted: Iterable[str]) -> Choice:
        return cls(tuple(map(parse_pattern, only)), tuple(map(parse_pattern, excepted)))

    def takes_repository(self, name: str) -> bool:
        """Whether any tag of it may come: its tags are asked for."""
        wanted = not self.only or any(fits(each.repository, name) for each in self.only)
        without = (each for each in self.excepted if each.tag == ANY)
        return wanted and not any(fits(each.repository, name) for each in without)

    def takes(self, name: str, tag: str) -> bool:
        wanted = not self.only or any(each.takes(name, tag) for each in self.only)
        return wanted and not any(each.takes(name, tag) for each in self.excepted)


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """``OLD=NEW`` of each. Raises: TransferError."""
    found = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals or not old or not new or old.endswith("/") != new.endswith("/"):
            raise TransferError(
                f"--map {text!r}: it looks like OLD=NEW, or like OLD/=NEW/ for all below OLD"
            )
        found[old] = new
    return found


@dataclass(frozen=True)
class Naming:
    """Names at the target: below ``base`` (the team), where the source's ``prefix`` is left out.

    With ``two_components`` (v1) a name is NAMESPACE/REPOSITORY, and the team is the namespace.
    """

    base: str = ""
    prefix: str = ""
    mapped: Mapping[str, str] = field(default_factory=dict)
    two_components: bool = False

    def target(self, repository: str) -> str:
        """The repository's whole name at the target.

        Raises: TransferError: it cannot have that name, and how to give it another.
        """
        if not _SOURCE_NAME.fullmatch(repository):
            raise TransferError("this is no name of a repository; it is not asked for")
        name = self._below(repository)
        path = f"{self.base}/{name}" if self.base else name
        try:
            found = parse_repository_name(path).path
        except RegistryError as error:
            raise TransferError(
                f"{path!r} can be no name here ({error.message}); "
                f"give it another: --map '{repository}={_suggested(name)}'"
            ) from None
        if self.two_components and found.count("/") != 1:
            raise TransferError(
                f"{path!r} can be no v1 name (NAMESPACE/REPOSITORY); give it another: "
                f"--map '{repository}=NAME', or a team of one component"
            )
        return found

    def _below(self, repository: str) -> str:
        if repository in self.mapped:
            return self.mapped[repository]
        # The longest counts: a/b/ before a/.
        for old in sorted(self.mapped, key=len, reverse=True):
            if old.endswith("/") and repository.startswith(old):
                return self.mapped[old] + repository[len(old) :]
        if not self.base:
            return repository
        if self.two_components:
            return repository.rpartition("/")[2]
        if self.prefix and repository.startswith(f"{self.prefix}/"):
            return repository[len(self.prefix) + 1 :]
        short = repository.removeprefix(f"{LIBRARY}/")
        return repository if "/" in short else short


def _suggested(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-/") else "-" for c in name.lower())
    return "/".join(part.strip("._-") for part in kept.split("/") if part.strip("._-")) or "NAME"
