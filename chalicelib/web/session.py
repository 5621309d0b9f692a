"""Who sits at the browser: the session's cookie, and whether a form is of this very page.

    cookie   `__Host-roadstead` by https, `roadstead` by http; HttpOnly, SameSite=Lax, Path=/
    form     its token is the session's, and the browser says that it was sent from this host

Only the page's endpoints read the cookie, and they read no Authorization header: what a browser
sends along by itself is good for nothing else.
Spec: RFC 6265bis; Fetch Metadata Request Headers; OWASP, "CSRF Prevention".
"""

from __future__ import annotations

from urllib.parse import urlsplit

from chalicelib.domain.access import ANONYMOUS, Actor, Mode
from chalicelib.domain.bearer import Holder
from chalicelib.domain.sessions import (
    SESSION_TTL_S,
    VISIT_TTL_S,
    Session,
    parse_session,
    render_session,
)
from chalicelib.service.tokens import is_good
from chalicelib.service.world import World
from chalicelib.web.messages import Request

_NAME = "roadstead"
# Long enough that nobody types on a form for longer, and for no more than one tab of one browser.
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax"


def session_of(world: World, request: Request) -> Session | None:
    """The session of a request, of whatever visitor; None without one that is ours. Costs: 0."""
    name = _cookie_name(request)
    values = [
        value.strip()
        for header in request.headers.every("cookie")
        for key, _, value in (pair.strip().partition("=") for pair in header.split(";"))
        if key == name
    ]
    # Of two cookies of one name one was planted from a neighbouring host: neither counts.
    if len(values) != 1:
        return None
    return parse_session(world.signing_key, values[0], now_s=world.clock.now_s())


def visitor(world: World, request: Request) -> Actor:
    """Who has signed in with this browser; the anonymous without a session that still is good.

    Costs: 1 read, once in thirty seconds for each account.
    """
    session = session_of(world, request)
    if session is None or session.user is None or world.mode is Mode.OPEN:
        return ANONYMOUS
    if not is_good(world, Holder(session.user, session.generation)):
        return ANONYMOUS
    return Actor(session.user, session.is_administrator, generation=session.generation)


def new_session(world: World, actor: Actor = ANONYMOUS) -> Session:
    """A session that nobody has had before. Costs: 0."""
    ttl_s = SESSION_TTL_S if actor.name else VISIT_TTL_S
    return Session(
        world.words.fresh(),
        world.clock.now_s() + ttl_s,
        actor.name,
        actor.generation,
        actor.is_administrator,
    )


def cookie(world: World, request: Request, session: Session) -> str:
    """The Set-Cookie that gives a browser this session; it ends with the browser at the latest."""
    value = render_session(world.signing_key, session)
    return f"{_cookie_name(request)}={value}; {_ATTRIBUTES}{_secure(request)}"


def no_cookie(request: Request) -> str:
    """The Set-Cookie that takes the session from a browser."""
    return f"{_cookie_name(request)}=; {_ATTRIBUTES}{_secure(request)}; Max-Age=0"


def is_from_here(request: Request) -> bool:
    """Whether a browser says that this very host has sent it here, or says nothing at all."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return True
    try:
        # `null`, and whatever is no address, names another host than ours.
        return urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:
        return False


def _cookie_name(request: Request) -> str:
    return f"__Host-{_NAME}" if _is_secure(request) else _NAME


def _secure(request: Request) -> str:
    return "; Secure" if _is_secure(request) else ""


def _is_secure(request: Request) -> bool:
    return request.origin.startswith("https:")
