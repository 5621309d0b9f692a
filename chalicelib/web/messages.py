"""What the handlers see of HTTP: frozen values, headers without regard to case."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.media_types import JSON


class Headers(Mapping[str, str]):
    """Request headers: names in any case; a repeated header keeps all its values."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = (*self._values.get(key, ()), value)

    def __getitem__(self, name: str) -> str:
        """The last value, as API Gateway's single-value map has it."""
        return self._values[name.lower()][-1]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a repeated header, in order; docker sends ``Accept`` several times."""
        return self._values.get(name.lower(), ())


@dataclass(frozen=True)
class Request:
    """A request whose path and query are decoded, once; ``params`` are the path's variables.

    ``through_edge`` says that it came through the edge in front of us: see ``web/front.py``.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    source_ip: str = ""
    request_id: str = ""
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    through_edge: bool = False

    def every(self, parameter: str) -> tuple[str, ...]:
        """All values of a repeated query parameter, in order; ``query`` has the last."""
        return self.repeated.get(parameter, ())

    @property
    def host(self) -> str:
        """The name by which the client called us."""
        return self.headers.get("host", "")

    @property
    def origin(self) -> str:
        """Scheme and host as the client sees them; a front that ends TLS says so in a header."""
        scheme = self.headers.get("x-forwarded-proto", "http").rpartition(",")[2].strip().lower()
        return f"{'https' if scheme == 'https' else 'http'}://{self.host}"


@dataclass(frozen=True)
class Response:
    """An answer; header values are strings, because Chalice fails on anything else.

    Content-Length is never among them: the gateway in front computes it from the body, also for
    HEAD, whose body it then drops.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A document in JSON, keys sorted, as both old servers wrote it."""
    body = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    return Response(status, {"Content-Type": JSON, **(headers or {})}, body)
