"""What the removal asks of AWS: a small port, and no call that it could be without.

Every deletion may be repeated: what is not there is gone. What AWS does not do yet is `Refused`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

EXPLAIN_REGION = "us-east-1"


class Refused(Exception):
    """AWS does not do it, or not yet; ``str()`` is why."""


@dataclass(frozen=True)
class Bound:
    """All that one removal may touch, by its exact name. Nothing is found by a search."""

    stage: str
    region: str
    buckets: tuple[str, ...]
    table: str
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Bound:
        """As infra/end.json says it. Raises: KeyError."""
        return cls(
            environ["ROADSTEAD_STAGE"],
            environ["AWS_REGION"],
            _listed(environ["ROADSTEAD_BUCKETS"]),
            environ["ROADSTEAD_TABLE"],
            _listed(environ["ROADSTEAD_SECRETS"]),
        )

    @property
    def app(self) -> str:
        return f"roadstead-{self.stage}"

    @property
    def data(self) -> str:
        return f"roadstead-{self.stage}-data"

    @property
    def end(self) -> str:
        return f"roadstead-{self.stage}-end"

    @property
    def explain(self) -> str:
        return f"roadstead-{self.stage}-explain-{self.region}"

    @property
    def explain_logs(self) -> str:
        """What Lambda@Edge writes to, in whichever region it ran."""
        return f"/aws/lambda/{EXPLAIN_REGION}.{self.explain}"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


@dataclass(frozen=True)
class Found:
    """A stack that is there: its status, its end as it is marked, and whose it is."""

    status: str
    ends: str
    stage: str

    def ends_at_s(self) -> int | None:
        """None where it has no end. Raises: ValueError for a mark that is no time."""
        return int(datetime.fromisoformat(self.ends).timestamp()) if self.ends else None


class Cloud(Protocol):
    """Raises, from each: Refused."""

    def stack(self, region: str, name: str) -> Found | None: ...

    def unprotect(self, region: str, name: str) -> None:
        """Let a stack be deleted."""

    def delete_stack(self, region: str, name: str) -> None:
        """Begin; `stack` says when it is gone."""

    def empty_page(self, bucket: str) -> bool:
        """Delete up to a thousand versions, or what uploads have left; whether it is empty."""

    def delete_bucket(self, bucket: str) -> None: ...

    def delete_table(self, name: str) -> bool:
        """Whether it is gone; it takes minutes."""

    def delete_secret(self, arn: str) -> None:
        """At once, and not to be brought back."""

    def regions(self) -> tuple[str, ...]:
        """Those in which there may be logs."""

    def delete_logs(self, region: str, name: str) -> None: ...
