"""Webhooks made, shown, changed, tried out. For the owners of a namespace, and administrators.

A team's own namespace is its owners'; a user's is their own, and has no record that could hold a
webhook of all of it: there each is of one repository. Who may not is told nothing, as of a team.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.domain import limits
from chalicelib.domain.access import Actor, Mode
from chalicelib.domain.accounts import is_username
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.paging import Listing, Page
from chalicelib.domain.receivers import is_listed, is_public, parse_address, parse_receiver
from chalicelib.domain.teams import Role, Team
from chalicelib.domain.webhooks import (
    Delivery,
    Event,
    EventKind,
    Lane,
    Outcome,
    Webhook,
    order_after,
)
from chalicelib.ports import Conflict, Missing, Refused
from chalicelib.service import teams
from chalicelib.service.races import repeated
from chalicelib.service.world import World
from chalicelib.trace import note
from chalicelib.webhook_ports import HookStore

# A ping is sent when it is asked for, to whatever webhook.
KINDS = tuple(kind for kind in EventKind if kind is not EventKind.PING)
_CHANGED = frozenset({"url", "kinds", "label", "paused"})
_WORDS = _CHANGED | {"repository"}


@dataclass(frozen=True)
class Shown:
    """A webhook with its last deliveries, the newest first."""

    hook: Webhook
    deliveries: Listing[Delivery]


def create(world: World, actor: Actor, team: str, asked: Mapping[str, object]) -> Webhook:
    """Make a webhook: ``{"url", "kinds"?, "repository"?, "label"?, "paused"?}``.

    Raises: RegistryError(TEAM_UNKNOWN, DENIED, BAD_REQUEST, NAME_UNKNOWN, WEBHOOK_LIMIT,
    UNSUPPORTED).
    Costs: 1 batch read, 1 query, 1 transaction; of a repository 1 batch read more.
    """
    store, record = _store(world), _owned(world, actor, team)
    _check_words(asked, _WORDS)
    if "url" not in asked:
        raise _bad("`url` is where it is told")
    repository, life = _place(world, team, record, asked.get("repository"))
    begun = Webhook(
        team,
        world.words.fresh()[:16],
        "",
        frozenset(KINDS),
        bytes.fromhex(world.words.fresh() + world.words.fresh()),
        world.clock.now_s(),
        actor.name or "",
        repository,
        life=life,
    )
    hook = _changed(world, begun, asked)
    try:
        store.put_hook(hook, most=limits.MAX_WEBHOOKS)
    except Refused as refusal:
        raise RegistryError(ErrorCode.WEBHOOK_LIMIT, str(refusal)) from None
    except Missing:
        raise RegistryError(ErrorCode.NAME_UNKNOWN) from None
    return hook


def _place(
    world: World, team: str, record: Team | None, asked: object
) -> tuple[str | None, str | None]:
    """What a new webhook is of, and the life of that."""
    if asked is None:
        if record is None:
            raise _bad("in a user's own namespace a webhook is of one `repository`")
        return None, record.life
    if not isinstance(asked, str):
        raise _bad("`repository` must be the name of one")
    name = parse_repository_name(asked)
    if name.namespace != team:
        raise _bad(f"`repository` must be one of {team}")
    found = world.metadata.find_repository(world.team_of(name), name)
    if found is None:
        raise RegistryError(ErrorCode.NAME_UNKNOWN, detail={"name": name.shown})
    return name.path, found.life


def _changed(world: World, hook: Webhook, asked: Mapping[str, object]) -> Webhook:
    """Raises: RegistryError(BAD_REQUEST)."""
    if "url" in asked:
        hook = replace(hook, url=_url(world, asked["url"]))
    if "kinds" in asked:
        hook = replace(hook, kinds=_kinds(asked["kinds"]))
    if "label" in asked:
        label = asked["label"]
        if not isinstance(label, str) or len(label) > limits.MAX_WEBHOOK_LABEL_CHARS:
            raise _bad(f"`label` has at most {limits.MAX_WEBHOOK_LABEL_CHARS} characters")
        if not label.isprintable():
            raise _bad("`label` must be printable")
        hook = replace(hook, label=label)
    if "paused" in asked:
        paused = asked["paused"]
        if not isinstance(paused, bool):
            raise _bad("`paused` must be true or false")
        if paused and not hook.is_paused:
            hook = replace(hook, paused_at_ms=world.clock.now_ms())
        hook = replace(hook, is_paused=paused)
    return hook


def _url(world: World, asked: object) -> str:
    """A URL whose form is right; where its name leads is looked at whenever it is told.

    Raises: RegistryError(BAD_REQUEST), which never repeats the URL: it may hold a secret.
    """
    if not isinstance(asked, str):
        raise _bad("`url` must be a text")
    try:
        receiver = parse_receiver(asked)
    except ValueError as error:
        raise _bad(str(error)) from None
    if not receiver.is_secure and not world.webhook_networks:
        raise _bad("a URL begins with https://")
    address = parse_address(receiver.host)
    if address is not None:
        listed = is_listed(address, world.webhook_networks)
        if not listed and not is_public(address):
            raise _bad("its address is not in the public internet")
        if not listed and not receiver.is_secure:
            raise _bad("a URL begins with https://")
    return asked


def _kinds(asked: object) -> frozenset[EventKind]:
    known = {kind.value: kind for kind in KINDS}
    if not isinstance(asked, list) or not asked or len(asked) > len(known):
        raise _bad(f"`kinds` must be some of {', '.join(known)}")
    if not all(isinstance(word, str) and word in known for word in asked):
        raise _bad(f"`kinds` must be some of {', '.join(known)}")
    return frozenset(known[word] for word in asked)


def list_all(world: World, actor: Actor, team: str) -> Sequence[Webhook]:
    """All of a namespace, its repositories' included. Costs: 1 batch read, 1 query.

    Raises: RegistryError(TEAM_UNKNOWN, DENIED, UNSUPPORTED).
    """
    store = _store(world)
    _owned(world, actor, team)
    return store.list_hooks(team)


def show(world: World, actor: Actor, team: str, hook_id: str, page: Page) -> Shown:
    """Raises: as ``change``. Costs: 1 batch read, 1 read, 1 query; 2 after the first page."""
    store = _store(world)
    hook = found(world, actor, team, hook_id)
    most = min(page.limit, limits.MAX_DELIVERIES_SHOWN)
    return Shown(hook, store.list_deliveries(team, hook_id, Page(most, page.after)))


def found(world: World, actor: Actor, team: str, hook_id: str) -> Webhook:
    """Costs: 1 batch read, 1 read."""
    store = _store(world)
    _owned(world, actor, team, must_be=False)
    known = len(team) <= limits.MAX_ID_CHARS and len(hook_id) <= limits.MAX_ID_CHARS
    hook = store.find_hook(team, hook_id) if known else None
    if hook is None:
        raise RegistryError(ErrorCode.WEBHOOK_UNKNOWN)
    return hook


def change(
    world: World, actor: Actor, team: str, hook_id: str, asked: Mapping[str, object]
) -> Webhook:
    """Change a webhook: ``{"url"?, "kinds"?, "label"?, "paused"?}``; what waits is told then.

    Raises: RegistryError(TEAM_UNKNOWN, DENIED, BAD_REQUEST, WEBHOOK_UNKNOWN, UNAVAILABLE,
    UNSUPPORTED). Costs: 1 batch read, 1 read, 1 conditional write.
    """
    store = _store(world)
    before = found(world, actor, team, hook_id)
    _check_words(asked, _CHANGED)
    after = _changed(world, before, asked)
    if after == before:
        return before
    try:
        store.change_hook(before, after)
    except Conflict:
        raise RegistryError(
            ErrorCode.UNAVAILABLE, "the webhook was changed at the same time; try again"
        ) from None
    _wake(after)
    return after


def delete(world: World, actor: Actor, team: str, hook_id: str) -> None:
    """Remove a webhook; what is on its way to it is not told any more.

    Raises: as ``change``. Costs: 1 batch read, 1 read, and those of ``delete_hook``.
    """
    hook = found(world, actor, team, hook_id)
    try:
        _store(world).delete_hook(hook)
    except Missing:
        raise RegistryError(ErrorCode.WEBHOOK_UNKNOWN) from None


def ping(world: World, actor: Actor, team: str, hook_id: str) -> Event:
    """Have a webhook told of nothing but that somebody asked for it.

    Raises: as ``change``. Costs: 1 batch read, 1 read, 1 transaction.
    """
    hook = found(world, actor, team, hook_id)
    if hook.is_paused:
        raise _bad("it is paused, and is told nothing")
    by = world.change_by(actor)
    order = order_after(by.at_ms, by.word, None)
    facts = {"webhook": hook.hook_id, "actor": actor.name or ""}
    where = hook.repository or ""
    event = Event(f"evt_{by.word}", EventKind.PING, team, where, by.at_ms, order, facts)
    try:
        _store(world).put_delivery(Delivery(hook_id, event))
    except Missing:
        raise RegistryError(ErrorCode.WEBHOOK_UNKNOWN) from None
    _wake(hook)
    return event


def repeat(world: World, actor: Actor, team: str, hook_id: str, event_id: str) -> Delivery:
    """Tell a webhook once more what it was told, or what was given up; one that waits stays.

    Raises: as ``change``; WEBHOOK_UNKNOWN for an event that it was never told of as well.
    Costs: 1 batch read, 1 read, 1 query for each MB, 1 transaction.
    """
    hook = found(world, actor, team, hook_id)
    again = repeated(lambda: _repeat(world, hook, event_id))
    _wake(hook)
    return again


def _repeat(world: World, hook: Webhook, event_id: str) -> Delivery:
    store = _store(world)
    delivery = store.find_delivery(hook.team, hook.hook_id, event_id)
    if delivery is None:
        raise RegistryError(ErrorCode.WEBHOOK_UNKNOWN)
    if delivery.outcome is not Outcome.PENDING:
        lane = Lane(hook.team, hook.hook_id, delivery.event.repository)
        store.repeat_delivery(lane, delivery)
    return replace(delivery, outcome=Outcome.PENDING, attempts=0, next_at_s=0)


def _wake(hook: Webhook) -> None:
    """Have the meter wake all lanes of the team, by this request's line."""
    note(hooked=True, team=hook.team)


def _store(world: World) -> HookStore:
    if world.mode is Mode.OPEN:
        raise RegistryError(
            ErrorCode.UNSUPPORTED,
            "this registry has no accounts: nobody could own a webhook, so it has none",
        )
    if world.webhooks is None:
        raise RegistryError(
            ErrorCode.UNSUPPORTED, "this registry has no webhooks: its operator has set no queue"
        )
    return world.webhooks


def _owned(world: World, actor: Actor, team: str, *, must_be: bool = True) -> Team | None:
    """The team of a namespace that is the actor's; None for a user's own.

    ``must_be`` is False where a webhook of it is read next, which says whether it is there.
    Raises: RegistryError(TEAM_UNKNOWN, DENIED). Costs: 1 batch read; 0 for one's own; 1 read more
    for an administrator who looks at another user's, where it must be.
    """
    if team == actor.name:
        return None
    try:
        return teams.seen(world, actor, team, least=Role.OWNER).team
    except RegistryError as error:
        if not actor.is_administrator or error.code is not ErrorCode.TEAM_UNKNOWN:
            raise
        if must_be and (not is_username(team) or world.accounts.find_user(team) is None):
            raise
        return None


def _check_words(asked: Mapping[str, object], known: frozenset[str]) -> None:
    if asked.keys() - known:
        raise _bad(f"unknown words: {', '.join(sorted(asked.keys() - known))[:200]}")


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"webhook: {message}")
