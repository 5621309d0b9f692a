"""v2: teams, their members and machine tokens, and the ends of repositories and tags; all ours."""

from __future__ import annotations

from chalicelib.api.documents import read_object
from chalicelib.api.v2_tokens import NO_STORE, shown_token
from chalicelib.domain.access import Actor
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import is_near, parse_expiry, written
from chalicelib.domain.names import TagName, parse_tag
from chalicelib.domain.teams import Member, Role, Team
from chalicelib.service import api_tokens, ends, teams
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles


def _name(call: Call) -> str:
    return call.request.params["team"]


def _asked(call: Call) -> dict[str, object]:
    return read_object(call.request.body, ErrorCode.BAD_REQUEST)


def _end(end_s: int | None) -> str | None:
    return None if end_s is None else written(end_s)


def _team(team: Team, role: Role | None) -> dict[str, object]:
    return {
        "name": team.name,
        "role": role.value if role else None,
        "created_at": written(team.created_at_s),
        "expires_at": _end(team.expires_at_s),
        "quota": vars(team.quota),
        "expires_tags_by_name": team.expires_tags_by_name,
    }


def _member(member: Member) -> dict[str, object]:
    return {
        "username": member.user,
        "role": member.role.value,
        "joined_at": written(member.joined_at_s),
    }


@handles("v2.teams.get")
def list_teams(call: Call) -> Response:
    found = teams.mine(call.world, call.actor)
    return json_response({"teams": [_team(each.team, each.role) for each in found if each.team]})


@handles("v2.teams.post")
def make_team(call: Call) -> Response:
    made = teams.create(call.world, call.actor, _asked(call))
    return json_response(
        _team(made, Role.OWNER), 201, {"Location": url_for("v2.team.get", team=made.name)}
    )


@handles("v2.team.get")
def get_team(call: Call) -> Response:
    found = teams.seen(call.world, call.actor, _name(call))
    team, used = found.team, teams.usage(call.world, found.team)
    near = team.expires_at_s is not None and is_near(
        team.created_at_s, team.expires_at_s, call.world.clock.now_s()
    )
    shown = _team(team, found.role)
    shown["usage"] = {
        "size_bytes": used.size_bytes,
        "repositories": teams.count_repositories(call.world, team),
        # Nobody counts the pulls of a team that may pull as often as it likes.
        "pulls_today": None if team.quota.pulls_a_day is None else used.pulls,
    }
    shown["warnings"] = [f"this team expires at {_end(team.expires_at_s)}"] if near else []
    return json_response(shown)


@handles("v2.team.put")
def put_team(call: Call) -> Response:
    after = teams.change(call.world, call.actor, _name(call), _asked(call))
    role = teams.seen(call.world, call.actor, after.name).role
    return json_response(_team(after, role))


@handles("v2.team.delete")
def delete_team(call: Call) -> Response:
    teams.end(call.world, call.actor, _name(call))
    return Response(202)


@handles("v2.team.invite")
def invite(call: Call) -> Response:
    made = teams.invite(call.world, call.actor, _name(call), _asked(call))
    document = {
        "code": made.code,
        "role": made.role.value,
        "expires_at": written(made.expires_at_s),
    }
    place = url_for("v2.team.members", team=_name(call))
    return json_response(document, 201, {**NO_STORE, "Location": place})


@handles("v2.team.members")
def list_members(call: Call) -> Response:
    found = teams.members(call.world, call.actor, _name(call))
    return json_response({"members": [_member(member) for member in found]})


@handles("v2.team.join")
def join(call: Call) -> Response:
    joined = teams.join(call.world, call.actor, _name(call), _asked(call))
    place = url_for("v2.team.get", team=joined.team)
    return json_response(_member(joined), 201, {"Location": place})


@handles("v2.team.member.put")
def put_member(call: Call) -> Response:
    user, role = call.request.params["username"], _asked(call).get("role")
    return json_response(_member(teams.set_role(call.world, call.actor, _name(call), user, role)))


@handles("v2.team.member.delete")
def delete_member(call: Call) -> Response:
    teams.remove(call.world, call.actor, _name(call), call.request.params["username"])
    return Response(204)


@handles("v2.team.tokens.get")
def list_tokens(call: Call) -> Response:
    team = teams.seen(call.world, call.actor, _name(call), least=Role.OWNER).team
    listed = api_tokens.list_alive(call.world, Actor(team.name))
    return json_response({"tokens": [shown_token(token) for token in listed]}, headers=NO_STORE)


@handles("v2.team.tokens.post")
def make_token(call: Call) -> Response:
    made = teams.make_token(call.world, call.actor, _name(call), _asked(call))
    place = url_for("v2.team.token.delete", team=_name(call), token_id=made.token.token_id)
    document = {**shown_token(made.token), "username": made.token.user, "secret": made.secret}
    return json_response(document, 201, {**NO_STORE, "Location": place})


@handles("v2.team.token.delete")
def revoke_token(call: Call) -> Response:
    token_id = call.request.params["token_id"]
    teams.revoke_token(call.world, call.actor, _name(call), token_id)
    return Response(204)


# --- ends ---------------------------------------------------------------------------------------


def _ends(end_s: int | None) -> Response:
    return json_response({"expires_at": _end(end_s)})


@handles("v2.expiry.get")
def get_expiry(call: Call) -> Response:
    found = call.world.metadata.find_repository(call.team, call.name)
    if found is None:
        raise RegistryError(ErrorCode.NAME_UNKNOWN, detail={"name": call.name.shown})
    return _ends(found.expires_at_s)


@handles("v2.expiry.put")
def put_expiry(call: Call) -> Response:
    end_s = parse_expiry(_asked(call), call.world.clock.now_s())
    return _ends(ends.set_repository_end(call.world, call.name, end_s).expires_at_s)


def _tag(call: Call) -> TagName:
    return parse_tag(call.request.params["tag"])


@handles("v2.tag.expiry.get")
def get_tag_expiry(call: Call) -> Response:
    return _ends(ends.tag_end(call.world, call.name, _tag(call)))


@handles("v2.tag.expiry.put")
def put_tag_expiry(call: Call) -> Response:
    end_s = parse_expiry(_asked(call), call.world.clock.now_s())
    ends.set_tag_end(call.world, call.name, _tag(call), end_s)
    return _ends(end_s)
