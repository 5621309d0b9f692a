"""What comes through the edge in front of us, and how answers go back through it.

    x-roadstead-edge        its word on every request: nobody else has it
    x-forwarded-host        how the client called the registry; believed only beside the word
    299                     a 401: API Gateway renames WWW-Authenticate, and no function of
      x-roadstead-status    CloudFront sees an answer from 400 up; the edge turns it back
      x-roadstead-challenge

Where no word is set there is no edge, and everybody is served as they come.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.service.world import World
from chalicelib.trace import note
from chalicelib.web.endpoint import Family
from chalicelib.web.messages import Headers, Request, Response
from chalicelib.web.render import render_error

WORD_HEADER = "x-roadstead-edge"
HOST_HEADER = "x-forwarded-host"
STATUS_HEADER = "x-roadstead-status"
CHALLENGE_HEADER = "x-roadstead-challenge"
# Any 2xx passes API Gateway and CloudFront as it is; this one stands for nothing else.
CARRIER_STATUS = 299


def fronted(
    world: World, request: Request, family: Family, answer: Callable[[Request], Response]
) -> Response:
    """Answer a request as it came through the edge, or refuse it because it did not."""
    if world.edge_word is None:
        return answer(request)
    if not _has_word(request, world.edge_word):
        refusal = _refusal(world)
        note(error=refusal.code.name)
        return render_error(family, refusal)
    return carried(answer(seen_by_client(request)))


def seen_by_client(request: Request) -> Request:
    """The request as the client sent it: its host, its address, and nothing of the edge's own."""
    own = (WORD_HEADER, HOST_HEADER)
    pairs = [
        (name, value)
        for name in request.headers
        if name not in own
        for value in request.headers.every(name)
    ]
    host = request.headers.get(HOST_HEADER)
    if host:
        pairs = [(name, value) for name, value in pairs if name != "host"] + [("host", host)]
    return replace(request, headers=Headers(pairs), source_ip=_address(request), through_edge=True)


def carried(response: Response) -> Response:
    """The answer in the form that reaches the edge whole."""
    if response.status != 401:
        return response
    headers = {
        CHALLENGE_HEADER if name.lower() == "www-authenticate" else name: value
        for name, value in response.headers.items()
    }
    return replace(
        response, status=CARRIER_STATUS, headers={**headers, STATUS_HEADER: str(response.status)}
    )


def status_of(status: int, headers: Mapping[str, str]) -> int:
    """What the client will see of an answer that has been made: a carried one as what it is."""
    carried_text = headers.get(STATUS_HEADER, "")
    return int(carried_text) if status == CARRIER_STATUS and carried_text.isdigit() else status


def _has_word(request: Request, word: str) -> bool:
    claimed = request.headers.every(WORD_HEADER)
    return len(claimed) == 1 and hmac.compare_digest(
        claimed[0].strip().lower().encode("utf-8", "replace"), word.encode()
    )


def _refusal(world: World) -> RegistryError:
    code = ErrorCode.NOT_THE_EDGE
    where = f"; the registry is at {world.host}" if world.host else ""
    return RegistryError(code, f"{code.value.message}{where}")


def _address(request: Request) -> str:
    # The edge has put the client's address last; API Gateway adds the edge's, which it also
    # gives as where the request came from. Wrong passwords are counted by this address.
    listed = ",".join(request.headers.every("x-forwarded-for")).split(",")
    addresses = [text.strip() for text in listed if text.strip()]
    if addresses and addresses[-1] == request.source_ip:
        addresses.pop()
    return addresses[-1] if addresses else request.source_ip
