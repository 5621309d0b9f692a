"""The registry under test: ours through `tests.support.registry`, or Debian's as a peer.

`ROADSTEAD_TEST_PEER=debian` runs the tests against Debian's docker-registry, `debian-auth`
against the same with a password.  Otherwise they run against Roadstead's own gateway.
"""

import contextlib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .commands import Service, clean_environment, find, need, serving, workspace

PEER = os.environ.get("ROADSTEAD_TEST_PEER", "")
# "clients" with the password "clients-password", as bcrypt: the one hash Debian's registry takes.
HTPASSWD = "clients:$2b$04$eZi0Z04d26P96H5X0s6cBeMkE305IUBUufZu1mKko40sI/Bpv9U9K\n"


@dataclass(frozen=True)
class Registry:
    """Where to push, as whom, and what this registry does not claim to do."""

    host: str
    url: str
    username: str | None = None
    password: str | None = None
    namespace: str = "clients"
    speaks_v1: bool = True
    # Whether two clients may write one blob to one repository at the same time.
    takes_races: bool = True
    # Whether it deletes a tag as such, and tells what refers to a manifest.
    speaks_oci_1_1: bool = True

    @property
    def credentials(self) -> str | None:
        return None if self.username is None else f"{self.username}:{self.password}"


@contextlib.contextmanager
def running() -> Iterator[Registry]:
    """The registry of this session."""
    if PEER:
        with _debian(secured=PEER == "debian-auth") as registry:
            yield registry
        return
    from tests.support.registry import running_registry

    with running_registry() as ours:
        optional = ("username", "password", "namespace", "speaks_v1")
        known = {name: getattr(ours, name) for name in optional if hasattr(ours, name)}
        yield Registry(host=ours.host, url=ours.url, **known)


@contextlib.contextmanager
def running_with_accounts(challenge: str = "basic") -> Iterator[Registry]:
    """A registry of ours with accounts, and the user whose namespace the tests push to.

    ``challenge`` is ``basic`` or ``bearer``.
    """
    from chalicelib.domain.access import Mode
    from chalicelib.domain.bearer import Challenge
    from chalicelib.service import accounts
    from tests.support.registry import running_registry

    name, password = "clients", "clients-password"
    with running_registry(Mode.ACCOUNTS, challenge=Challenge(challenge)) as ours:
        accounts.create(ours.world, name, password)
        yield Registry(host=ours.host, url=ours.url, username=name, password=password)


@contextlib.contextmanager
def _debian(*, secured: bool) -> Iterator[Registry]:
    need("docker-registry")
    with workspace() as folder:
        host = f"127.0.0.1:{free_port()}"
        config = folder / "config.yml"
        config.write_text(_configuration(folder, host, secured=secured))
        service = Service(
            [find("docker-registry") or "", "serve", config],
            clean_environment(folder),
            folder / "registry.log",
        )
        registry = Registry(
            host,
            f"http://{host}",
            username="clients" if secured else None,
            password="clients-password" if secured else None,
            speaks_v1=False,
            # Its file driver makes a link empty and fills it then: a HEAD in between answers 500.
            takes_races=False,
            speaks_oci_1_1=False,
        )
        with serving(service, lambda: answers(registry.url + "/v2/")):
            yield registry


def _configuration(folder: Path, host: str, *, secured: bool) -> str:
    lines = [
        "version: 0.1",
        "log: {level: error, accesslog: {disabled: true}}",
        "storage:",
        f"  filesystem: {{rootdirectory: {folder / 'store'}}}",
        "  delete: {enabled: true}",
        f"http: {{addr: '{host}'}}",
    ]
    if secured:
        (folder / "htpasswd").write_text(HTPASSWD)
        lines.append(f"auth: {{htpasswd: {{realm: peer, path: {folder / 'htpasswd'}}}}}")
    return "\n".join(lines) + "\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether anything speaks HTTP there, whatever it says."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=2).close()
    except urllib.error.HTTPError as refused:
        refused.close()
        return True
    except OSError:
        return False
    return True
