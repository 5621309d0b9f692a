"""One request's way: identify -> authorize -> handle -> render. Every family goes it.

A handler is a function of a ``Call``; it is bound to its endpoint by ``handles`` and the tests
hold the bindings against the table.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chalicelib.domain.access import (
    ANONYMOUS,
    OF_NO_REPOSITORY,
    OPEN_TEAM,
    Action,
    Actor,
    Decision,
    Mode,
    team_of,
)
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import RepositoryName, parse_repository_name
from chalicelib.domain.tokens import parse_v1_token
from chalicelib.ports import Conflict, Missing, PartRefused, Refused, Throttled, Unavailable
from chalicelib.service.accounts import check_login, decided
from chalicelib.service.once import once
from chalicelib.service.tokens import check_bearer, check_v1_token
from chalicelib.service.world import World
from chalicelib.trace import note
from chalicelib.web.challenge import challenge_for
from chalicelib.web.credentials import Basic, BearerText, V1TokenText, parse_authorization
from chalicelib.web.endpoints import Endpoint, Family
from chalicelib.web.messages import Request, Response
from chalicelib.web.page_frame import sign_in_first
from chalicelib.web.render import FAMILY_HEADERS, render_error
from chalicelib.web.session import visitor

log = logging.getLogger("roadstead")


@dataclass(frozen=True)
class Call:
    """What a handler is given: the request, who asks, and the repository when the path names one.

    ``team`` is the repository's; of a v1 image request, whose path names none, the token's.
    """

    world: World
    request: Request
    endpoint: Endpoint
    actor: Actor
    repository: RepositoryName | None
    team: str

    @property
    def name(self) -> RepositoryName:
        """The repository of a path that has one."""
        assert self.repository is not None, self.endpoint.name
        return self.repository

    @property
    def listed_in(self) -> RepositoryName | None:
        """The repository whose image list counts for a v1 image request; see service/images."""
        return None if self.world.mode is Mode.OPEN else self.repository


Handler = Callable[[Call], Response]
HANDLERS: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Bind a handler to endpoints by name."""

    def bind(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return bind


LOST_RACE = "somebody else was changing the same thing; try again"


def respond(world: World, endpoint: Endpoint, request: Request) -> Response:
    """Answer a request to an endpoint; never raises, and never shows an exception."""
    action = endpoint.action.value
    note(endpoint=endpoint.name, family=endpoint.family.value, action=action)
    try:
        call = _admitted(world, endpoint, request)
        response = HANDLERS[endpoint.name](call)
    except RegistryError as error:
        if endpoint.family is Family.PAGE and error.code is ErrorCode.UNAUTHORIZED:
            return sign_in_first(request)
        challenge = challenge_for(world.challenge, endpoint, request)
        return _refused(endpoint.family, error, challenge)
    except Refused as refusal:
        # The team may not: its sentence says why, and nothing was stored.
        note(quota=refusal.quota)
        return _refused(endpoint.family, RegistryError(ErrorCode.QUOTA_EXCEEDED, str(refusal)))
    except Unavailable as error:
        log.warning("unavailable endpoint=%s cause=%s", endpoint.name, error)
        code = ErrorCode.THROTTLED if isinstance(error, Throttled) else ErrorCode.UNAVAILABLE
        return _refused(endpoint.family, RegistryError(code))
    except (Missing, Conflict, PartRefused):
        # Something changed under the request's feet: whoever repeats it finds the new state.
        log.exception("lost a race endpoint=%s request=%s", endpoint.name, request.request_id)
        return _refused(endpoint.family, RegistryError(ErrorCode.UNAVAILABLE, LOST_RACE))
    except Exception:
        log.exception("unexpected endpoint=%s request=%s", endpoint.name, request.request_id)
        return _refused(endpoint.family, RegistryError(ErrorCode.UNKNOWN))
    return replace(response, headers={**FAMILY_HEADERS[endpoint.family], **response.headers})


def refuse(family: Family, allowed: tuple[str, ...]) -> Response:
    """Answer a request that no endpoint matches."""
    if allowed:
        error = RegistryError(ErrorCode.UNSUPPORTED, headers={"Allow": ", ".join(allowed)})
    else:
        error = RegistryError(ErrorCode.NOT_FOUND)
    note(family=family.value)
    return _refused(family, error)


def _refused(family: Family, error: RegistryError, challenge: str | None = None) -> Response:
    note(error=error.code.name)
    return render_error(family, error, challenge)


def _admitted(world: World, endpoint: Endpoint, request: Request) -> Call:
    if endpoint.family is Family.PAGE:
        world = replace(world, accounts=once(world.accounts))
        actor = ANONYMOUS if endpoint.name == "page.asset" else visitor(world, request)
    else:
        actor = identify(world, request)
    note(actor=actor.name, token_id=actor.token_id)
    repository = _repository(request.params)
    if repository is None and _needs_repository(endpoint):
        repository = _repository_of_token(world, actor, request)
    team = _team(world.mode, repository)
    note(repository=repository.shown if repository else None, team=team)
    call = Call(world, request, endpoint, actor, repository, team)
    if endpoint.action is Action.NONE:
        return call
    if _needs_repository(endpoint) and repository is None and world.mode is Mode.ACCOUNTS:
        raise RegistryError(ErrorCode.UNAUTHORIZED)
    authorize(world, actor, endpoint.action, repository)
    return call


def _repository_of_token(world: World, actor: Actor, request: Request) -> RepositoryName | None:
    """The repository that a v1 image request is about: its path names none, its token does.

    In an open registry the token allows nothing that is not allowed to all, and still says where.
    """
    if actor.grants is not None:
        return actor.only_repository
    credentials = parse_authorization(request.headers.get("authorization"))
    if world.mode is not Mode.OPEN or not isinstance(credentials, V1TokenText):
        return None
    token = parse_v1_token(world.signing_key, credentials.text, now_s=world.clock.now_s())
    return token.repository if token else None


def _team(mode: Mode, repository: RepositoryName | None) -> str:
    # With accounts, a request that names no repository has no team either.
    if repository is None:
        return OPEN_TEAM if mode is Mode.OPEN else ""
    return team_of(mode, repository)


def _needs_repository(endpoint: Endpoint) -> bool:
    return endpoint.action not in OF_NO_REPOSITORY


def _repository(params: Mapping[str, str]) -> RepositoryName | None:
    text = params.get("repository")
    return parse_repository_name(text) if text is not None else None


def identify(world: World, request: Request) -> Actor:
    """Who sends this request.

    Raises: RegistryError(UNAUTHORIZED): wrong password, bad token, unknown scheme;
        RegistryError(TOOMANYREQUESTS) after too many wrong passwords.
    Costs: for a password 1 read and one argon2 a minute; for a token 1 read in thirty seconds.
    """
    if world.mode is Mode.OPEN:
        return ANONYMOUS
    credentials = parse_authorization(request.headers.get("authorization"))
    if credentials is None:
        return ANONYMOUS
    actor: Actor | None = None
    if isinstance(credentials, Basic):
        address = request.source_ip
        actor = check_login(world, credentials.name, credentials.password, address)
    elif isinstance(credentials, V1TokenText):
        now_s = world.clock.now_s()
        token = parse_v1_token(world.signing_key, credentials.text, now_s=now_s)
        actor = check_v1_token(world, token) if token else None
    elif isinstance(credentials, BearerText):
        actor = check_bearer(world, credentials.text)
    if actor is None:
        note(wrong_login=1)
        raise RegistryError(ErrorCode.UNAUTHORIZED, "wrong name, password or token")
    return actor


def authorize(
    world: World, actor: Actor, action: Action, repository: RepositoryName | None
) -> None:
    """Let the actor do this, or say why not.

    Raises: RegistryError(UNAUTHORIZED) for somebody unknown, RegistryError(DENIED) for the others.
    Costs: 0; 1 read where the decision hangs on the repository's record.
    """
    decision = decided(world, actor, action, repository)
    if decision is Decision.ALLOW:
        return
    scope = {"action": action.value}
    if repository is not None:
        scope["repository"] = repository.shown
    code = ErrorCode.UNAUTHORIZED if decision is Decision.IDENTIFY else ErrorCode.DENIED
    raise RegistryError(code, detail=scope)
