"""API Gateway's own answers: those of the template, and its defaults where it has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roadstead.failure import Failure

INFRA = Path(__file__).resolve().parents[2] / "infra"

# Types, statuses and words without a template. Spec: Gateway response types for API Gateway.
DEFAULTS: Mapping[str, tuple[int, str]] = {
    "INTEGRATION_FAILURE": (504, "Network error communicating with endpoint"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "THROTTLED": (429, "Too Many Requests"),
    "API_CONFIGURATION_ERROR": (500, "Internal server error"),
}


@dataclass(frozen=True)
class Answer:
    """An answer that comes from API Gateway itself."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class GatewayResponses:
    """The gateway responses of a template, by type."""

    def __init__(self, configured: Mapping[str, Mapping[str, Any]]) -> None:
        self._configured = configured

    @classmethod
    def of_template(cls, path: Path = INFRA / "app.json") -> GatewayResponses:
        """Raises: Failure where the template is not beside the program."""
        try:
            template = json.loads(path.read_text())
        except OSError as error:
            raise Failure(
                f"{path} is not here: --aws-limits needs the whole project's folder, not the "
                "installed package alone."
            ) from error
        return cls(template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"])

    def answer(self, kind: str) -> Answer:
        """The answer of one type; DEFAULT_4XX and DEFAULT_5XX stand in, as in API Gateway."""
        status, words = DEFAULTS[kind]
        fallback = self._configured.get(f"DEFAULT_{status // 100}XX", {})
        own = self._configured.get(kind)
        found = fallback if own is None else own
        headers = found.get("ResponseParameters", {}).get("Headers", {})
        template = found.get("ResponseTemplates", {}).get("application/json")
        body = json.dumps({"message": words}) if template is None else template
        pairs = [(name, value.strip("'")) for name, value in headers.items()]
        return Answer(
            int(found.get("StatusCode", status)),
            [*pairs, ("Content-Type", "application/json")],
            body.encode(),
        )
