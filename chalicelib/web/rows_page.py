"""The rows of the web page: what a browser asks for. Forms only know GET and POST.

A component that is a dash can be in no repository's name; what stands behind it is the page's.
"""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.web.endpoint import Endpoint, Family

_READ = ("GET", "HEAD")
_REPO = "/ui/r/{repository}"


def _page(name: str, path: str, action: Action, summary: str, *, sends: bool = False) -> Endpoint:
    methods = ("POST",) if sends else _READ
    return Endpoint(f"page.{name}", methods, path, "ours", action, Family.PAGE, summary)


def _repo(name: str, tail: str, action: Action, summary: str, *, sends: bool = False) -> Endpoint:
    path = f"{_REPO}/-/{tail}" if tail else _REPO
    return _page(name, path, action, summary, sends=sends)


_TEAM = "/ui/teams/{team}"


def _team(name: str, tail: str, summary: str, *, sends: bool = False) -> Endpoint:
    # Which team somebody is in, and as what, is the service's to say.
    path = f"{_TEAM}/{tail}".rstrip("/")
    return _page(name, path, Action.SIGNED_IN, summary, sends=sends)


TEAM_PAGES: tuple[Endpoint, ...] = (
    _page("teams.get", "/ui/teams", Action.SIGNED_IN, "An account's teams, with the role in each"),
    _page("teams.post", "/ui/teams", Action.SIGNED_IN, "Makes a team", sends=True),
    _page("join.post", "/ui/join", Action.SIGNED_IN, "Joins a team by an invitation", sends=True),
    _team("team.get", "", "A team: its end, its quotas and how full they are"),
    _team("team.post", "", "Gives a team another end; for its owners", sends=True),
    _team("team.repositories", "repositories", "A team's repositories, in pages"),
    _team("members.get", "members", "The members of a team with their roles"),
    _team("members.post", "members", "Another role, or none; for owners", sends=True),
    _team("team_tokens.get", "tokens", "A team's machine tokens; for owners"),
    _team("team_tokens.post", "tokens", "Makes one, shown once; for owners", sends=True),
    _team("team_token.revoke", "tokens/{token_id}/revoke", "Revokes one; for owners", sends=True),
    _team("webhooks.get", "webhooks", "The webhooks of a namespace; for its owners"),
    _team("webhooks.post", "webhooks", "Makes one; its secret is shown once", sends=True),
    _team("webhook.get", "webhooks/{hook_id}", "A webhook, and what it was told of late"),
    _team("webhook.post", "webhooks/{hook_id}", "Pings, pauses, repeats, deletes", sends=True),
    _team("invite.post", "invitations", "Makes an invitation, shown once; for owners", sends=True),
)

PAGE: tuple[Endpoint, ...] = (
    _page("home", "/ui", Action.NONE, "Lists and finds repositories; browsers get it at / as well"),
    _page("asset", "/ui/assets/{asset}", Action.NONE, "The page's style sheet and its icon"),
    _page("sign_in.get", "/ui/sign-in", Action.NONE, "Asks for a name and a password"),
    _page("sign_in.post", "/ui/sign-in", Action.NONE, "Begins a session", sends=True),
    _page("sign_out", "/ui/sign-out", Action.NONE, "Ends a session", sends=True),
    _page("tokens.get", "/ui/tokens", Action.SIGNED_IN, "Lists an account's API tokens"),
    _page(
        "tokens.post", "/ui/tokens", Action.SIGNED_IN, "Makes an API token, shown once", sends=True
    ),
    _page(
        "token.revoke",
        "/ui/tokens/{token_id}/revoke",
        Action.SIGNED_IN,
        "Revokes an API token",
        sends=True,
    ),
    _page("password.get", "/ui/password", Action.SIGNED_IN, "Asks for another password"),
    _page(
        "password.post",
        "/ui/password",
        Action.SIGNED_IN,
        "Changes the password, which ends all other sessions",
        sends=True,
    ),
    *TEAM_PAGES,
    _page("usage", "/ui/usage", Action.SIGNED_IN, "What a team has used, by day, as plots"),
    _repo("repository", "", Action.PULL, "A repository with its tags, in pages"),
    _repo("tag", "tags/{tag}", Action.PULL, "What a tag points to: layers, platforms, sizes"),
    _repo("manifest", "manifests/{digest}", Action.PULL, "The same of a manifest by its digest"),
    _repo("config", "configs/{digest}", Action.PULL, "An image's configuration and its history"),
    _repo("history", "history/{tag}", Action.PULL, "What a tag was pointed to, when and by whom"),
    _repo("referrers", "referrers/{digest}", Action.PULL, "Signatures, SBOMs and the like"),
    _repo("images", "images", Action.PULL, "The v1 images of a repository as a tree"),
    _repo("image", "images/{image_id}", Action.PULL, "One v1 image with its ancestry"),
    _repo("delete.get", "delete/{tag}", Action.DELETE, "Asks whether a tag should go"),
    _repo("delete.post", "delete/{tag}", Action.DELETE, "Removes a tag", sends=True),
    _repo("access.get", "access", Action.ADMIN, "Who may see and change a repository"),
    _repo(
        "access.post", "access", Action.ADMIN, "Shows, hides, describes a repository", sends=True
    ),
    _repo("expiry.get", "expiry", Action.ADMIN, "When a repository ends"),
    _repo("expiry.post", "expiry", Action.ADMIN, "Gives it another end, or none", sends=True),
    _repo("tag_expiry.get", "expiry/{tag}", Action.PUSH, "When a tag ends"),
    _repo("tag_expiry.post", "expiry/{tag}", Action.PUSH, "Gives it another end", sends=True),
    _repo("rules.get", "rules", Action.ADMIN, "Rules of tags, and what retention takes"),
    _repo("rules.post", "rules", Action.ADMIN, "Adds a rule or takes one away", sends=True),
    _repo("going", "going", Action.ADMIN, "What the collector would remove, and why"),
    _repo("remove.get", "remove", Action.ADMIN, "Asks whether a repository should go"),
    _repo("remove.post", "remove", Action.ADMIN, "Removes a repository", sends=True),
    _repo("repository_webhooks", "webhooks", Action.ADMIN, "Who is told of a repository"),
    _repo("grants.post", "grants", Action.ADMIN, "Gives or takes back a grant", sends=True),
)
