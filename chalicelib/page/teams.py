"""Pages of teams: what they hold and may hold, who is in them, and when they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.expiry import DAY_S
from chalicelib.domain.paging import Page
from chalicelib.domain.teams import Role
from chalicelib.page.paper import link, moved, page
from chalicelib.page.repositories import Show, Take
from chalicelib.service import teams
from chalicelib.service.teams import Seen
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

REPOSITORIES_ON_A_PAGE = 50
# One query; whoever has more sees that it is as many and more.
MOST_COUNTED = 1000
# What is offered to whoever extends an end, in days; empty is no end at all.
DAYS = (1, 7, 30, 90, 365)
SECTIONS = (
    ("page.team.get", "Overview"),
    ("page.team.repositories", "Repositories"),
    ("page.members.get", "Members"),
)
# For its owners alone.
OWNERS_SECTIONS = (
    ("page.team_tokens.get", "Machine tokens"),
    ("page.webhooks.get", "Webhooks"),
)


@dataclass(frozen=True)
class Gauge:
    """How full a quota is; ``limit`` is None without bound, ``percent`` at most 100.

    ``is_cut``: there may be more than were counted.
    """

    name: str
    used: int
    limit: int | None
    is_bytes: bool = False
    is_cut: bool = False

    @property
    def percent(self) -> int:
        if self.limit is None:
            return 0
        return min(100, self.used * 100 // self.limit) if self.limit else 100


def show_teams(call: Call) -> Response:
    return _teams(call)


def _teams(
    call: Call, problem: str = "", status: int = 200, form: Mapping[str, str] | None = None
) -> Response:
    mine = [each for each in teams.mine(call.world, call.actor) if each.team]
    return page(call, "teams.html", status=status, teams=mine, problem=problem, form=form or {})


def take_teams(call: Call, form: Mapping[str, str]) -> Response:
    asked: dict[str, object] = {"name": form.get("name", ""), **asked_end(form)}
    try:
        team = teams.create(call.world, call.actor, asked)
    except RegistryError as error:
        if error.status not in (400, 409):
            raise
        return _teams(call, error.message, error.status, form)
    return moved(link("page.team.get", team=team.name))


def asked_end(form: Mapping[str, str]) -> dict[str, object]:
    """What a form says of an end, in the API's words; nothing for a choice that it does not have.

    ``days`` is a number of days from now, or empty for no end.
    """
    text = form.get("days", "")
    if not text:
        return {"expires_at": None}
    is_number = text.isascii() and text.isdigit() and len(text) < 8
    return {"expires_in_s": int(text) * DAY_S if is_number else text}


def take_join(call: Call, form: Mapping[str, str]) -> Response:
    name = form.get("team", "").strip()
    try:
        joined = teams.join(call.world, call.actor, name, {"code": form.get("code", "").strip()})
    except RegistryError as error:
        if error.status not in (400, 404, 409):
            raise
        return _teams(call, error.message, error.status)
    return moved(link("page.team.get", team=joined.team))


def seen_here(call: Call, least: Role = Role.READER) -> Seen:
    return teams.seen(call.world, call.actor, call.request.params["team"], least=least)


def team_page(call: Call, template: str, found: Seen, status: int = 200, **values: Any) -> Response:
    """A page of a team, as somebody sees it."""
    is_owner = found.role is Role.OWNER or call.actor.is_administrator
    return page(
        call,
        template,
        status=status,
        team=found.team,
        role=found.role.value if found.role else "administrator",
        is_owner=is_owner,
        team_sections=(*SECTIONS, *(OWNERS_SECTIONS if is_owner else ())),
        **values,
    )


def show_team(call: Call) -> Response:
    return _team(call)


def _team(call: Call, problem: str = "", status: int = 200) -> Response:
    found = seen_here(call)
    used, quota = teams.usage(call.world, found.team), found.team.quota
    held = call.world.accounts.count_repositories(found.team.name, MOST_COUNTED)
    gauges = [
        Gauge("Bytes", used.size_bytes, quota.size_bytes, is_bytes=True),
        Gauge("Repositories", held, quota.repositories, is_cut=held == MOST_COUNTED),
        Gauge("Pulls today", used.pulls, quota.pulls_a_day),
    ]
    return team_page(
        call,
        "team.html",
        found,
        status,
        gauges=gauges,
        days=DAYS,
        problem=problem,
    )


def take_team(call: Call, form: Mapping[str, str]) -> Response:
    name = call.request.params["team"]
    try:
        teams.change(call.world, call.actor, name, asked_end(form))
    except RegistryError as error:
        if error.status != 400:
            raise
        return _team(call, error.message, 400)
    return moved(link("page.team.get", team=name))


def show_repositories(call: Call) -> Response:
    found = seen_here(call)
    after = call.request.query.get("after", "")
    wanted = Page(REPOSITORIES_ON_A_PAGE, after)
    listing = call.world.metadata.list_repositories(found.team.name, wanted)
    last = listing.entries[-1].path if listing.more and listing.entries else None
    return team_page(call, "team_repositories.html", found, names=listing.entries, next_after=last)


def show_members(call: Call) -> Response:
    return _members(call)


def _members(call: Call, problem: str = "", status: int = 200, code: str = "") -> Response:
    found = seen_here(call)
    listed = call.world.accounts.list_members(found.team.name)
    roles = [role.value for role in Role]
    return team_page(
        call,
        "members.html",
        found,
        status,
        members=listed,
        roles=roles,
        problem=problem,
        code=code,
    )


def take_members(call: Call, form: Mapping[str, str]) -> Response:
    name, user, role = call.request.params["team"], form.get("user", ""), form.get("role", "")
    try:
        if role == "none":
            teams.remove(call.world, call.actor, name, user)
        else:
            teams.set_role(call.world, call.actor, name, user, role)
    except RegistryError as error:
        if error.status not in (400, 404, 409):
            raise
        return _members(call, error.message, error.status)
    left = user == call.actor.name and role == "none"
    return moved(link("page.teams.get") if left else link("page.members.get", team=name))


def take_invite(call: Call, form: Mapping[str, str]) -> Response:
    """Answered in place: the code is shown this once."""
    name = call.request.params["team"]
    try:
        made = teams.invite(call.world, call.actor, name, {"role": form.get("role", "")})
    except RegistryError as error:
        if error.status != 400:
            raise
        return _members(call, error.message, 400)
    return _members(call, status=201, code=made.code)


SHOWS: Mapping[str, Show] = {
    "page.teams.get": show_teams,
    "page.team.get": show_team,
    "page.team.repositories": show_repositories,
    "page.members.get": show_members,
}
TAKES: Mapping[str, Take] = {
    "page.teams.post": take_teams,
    "page.join.post": take_join,
    "page.team.post": take_team,
    "page.members.post": take_members,
    "page.invite.post": take_invite,
}
