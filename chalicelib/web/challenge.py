"""What a 401 says: how to identify, and in a Bearer challenge what to ask for.

v1 registry     Token
v1 index        Basic, Token
v2              Basic by default: a constant, which API Gateway and CloudFront can give as well;
                Bearer with realm, service and scope by the registry's setting

Spec: RFC 7235, 4.1; RFC 6750, 3; Docker token authentication.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.access import Action
from chalicelib.domain.bearer import SERVICE, Challenge
from chalicelib.web.credentials import BearerText, parse_authorization
from chalicelib.web.endpoint import Endpoint, Family
from chalicelib.web.messages import Request

TOKEN_PATH = "/v2/token"  # noqa: S105 - where tokens are got, and none itself

CHALLENGES: Mapping[Family, str] = {
    Family.V1_REGISTRY: "Token",
    Family.V1_INDEX: 'Basic realm="auth required",Token',
}
BASIC_CHALLENGE = 'Basic realm="Roadstead"'

# What clients ask for where an endpoint needs this; who pushes also looks what is there.
SCOPE_WORDS: Mapping[Action, str] = {
    Action.PULL: "pull",
    Action.PUSH: "pull,push",
    Action.DELETE: "delete",
    Action.ADMIN: "*",
}


def challenge_for(kind: Challenge, endpoint: Endpoint, request: Request) -> str:
    """The WWW-Authenticate of a refusal of this request."""
    if endpoint.family in CHALLENGES:
        return CHALLENGES[endpoint.family]
    if kind is Challenge.BASIC or endpoint.name in ("v2.token.get", "v2.token.post"):
        return BASIC_CHALLENGE
    parts = [f'realm="{_quoted(request.origin)}{TOKEN_PATH}"', f'service="{SERVICE}"']
    scope = _scope(endpoint, request)
    parts += [f'scope="{scope}"'] if scope else []
    if isinstance(parse_authorization(request.headers.get("authorization")), BearerText):
        # Whoever has a token learns that this one is too small, or has ended.
        parts.append('error="insufficient_scope"' if scope else 'error="invalid_token"')
    return "Bearer " + ",".join(parts)


def _scope(endpoint: Endpoint, request: Request) -> str:
    if endpoint.action is Action.CATALOG:
        return "registry:catalog:*"
    repository, words = request.params.get("repository"), SCOPE_WORDS.get(endpoint.action)
    if repository is None or words is None:
        return ""
    scopes = [f"repository:{repository}:{words}"]
    source = request.query.get("from")
    if endpoint.name == "v2.upload.start" and source:
        scopes.append(f"repository:{source}:pull")
    return _quoted(" ".join(scopes))


def _quoted(text: str) -> str:
    """A text for between quotes: what could end them, or the header, is not in it."""
    return "".join(c for c in text if c.isprintable() and c not in '"\\' and c.isascii())
