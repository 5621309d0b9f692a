"""The rows of v2, of its extensions, and of the uploader's side door."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.web.endpoint import Carries, Endpoint, Family


def _v2(name: str, methods: str, path: str, spec: str, action: Action, summary: str) -> Endpoint:
    carries = Carries.BLOB if name in _BLOB_BODIES else Carries.DOCUMENT
    return Endpoint(name, tuple(methods.split()), path, spec, action, Family.V2, summary, carries)


_BLOB_BODIES = frozenset({"v2.upload.start", "v2.upload.append", "v2.upload.close"})
_UPLOAD = "/v2/{repository}/blobs/uploads/{upload_id}"
_REMOTE = "/v2/{repository}/_roadstead/uploads/{upload_id}"

V2: tuple[Endpoint, ...] = (
    _v2("v2.base", "GET HEAD", "/v2", "end-1", Action.IDENTIFIED, "Says that this is a registry"),
    _v2(
        "v2.token.get",
        "GET HEAD",
        "/v2/token",
        "Docker token",
        Action.NONE,
        "Gives a Bearer token for the scopes that are asked for, as far as they are allowed",
    ),
    _v2(
        "v2.token.post",
        "POST",
        "/v2/token",
        "Docker oauth2",
        Action.NONE,
        "The same for a password or a refresh token in a form",
    ),
    _v2(
        "v2.catalog",
        "GET HEAD",
        "/v2/_catalog",
        "Docker v2",
        Action.CATALOG,
        "Lists repositories, in pages; with accounts one's own and those one was granted",
    ),
    _v2(
        "v2.manifest.get",
        "GET HEAD",
        "/v2/{repository}/manifests/{reference}",
        "end-3",
        Action.PULL,
        "Serves a manifest by tag or digest, byte for byte",
    ),
    _v2(
        "v2.manifest.put",
        "PUT",
        "/v2/{repository}/manifests/{reference}",
        "end-7",
        Action.PUSH,
        "Stores a manifest whose parts are here, and points the tag to it; expires ends it",
    ),
    _v2(
        "v2.manifest.delete",
        "DELETE",
        "/v2/{repository}/manifests/{reference}",
        "end-9",
        Action.DELETE,
        "Removes a tag, or a manifest with its tags",
    ),
    _v2(
        "v2.tags",
        "GET HEAD",
        "/v2/{repository}/tags/list",
        "end-8a, end-8b",
        Action.PULL,
        "Lists tags, bytewise, in pages",
    ),
    _v2(
        "v2.referrers",
        "GET HEAD",
        "/v2/{repository}/referrers/{digest}",
        "end-12a, end-12b",
        Action.PULL,
        "Lists the manifests that have this one as their subject, in pages, by type if asked",
    ),
    _v2(
        "v2.upload.start",
        "POST",
        "/v2/{repository}/blobs/uploads",
        "end-4a, end-4b, end-11",
        Action.PUSH,
        "Starts an upload; with digest takes the blob at once; with mount links one that is here",
    ),
    _v2("v2.upload.status", "GET HEAD", _UPLOAD, "end-13", Action.PUSH, "Says how much has come"),
    _v2("v2.upload.append", "PATCH", _UPLOAD, "end-5", Action.PUSH, "Takes the next bytes"),
    _v2("v2.upload.close", "PUT", _UPLOAD, "end-6", Action.PUSH, "Takes the last bytes, proves"),
    _v2("v2.upload.cancel", "DELETE", _UPLOAD, "end-14", Action.PUSH, "Forgets an upload"),
    _v2(
        "v2.blob.delete",
        "DELETE",
        "/v2/{repository}/blobs/{digest}",
        "end-10",
        Action.DELETE,
        "Stops serving a blob in this repository",
    ),
    _v2(
        "v2.blob.get",
        "GET HEAD",
        "/v2/{repository}/blobs/{digest}",
        "end-2",
        Action.PULL,
        "Sends to S3, which serves the blob, ranges included",
    ),
)

_OURS = "/v2/{repository}/_roadstead"

EXTENSIONS: tuple[Endpoint, ...] = (
    _v2(
        "v2.tag.history",
        "GET HEAD",
        f"{_OURS}/tags/{{tag}}/history",
        "ours",
        Action.PULL,
        "What a tag was pointed to, when and by whom, the newest first, in pages",
    ),
    _v2(
        "v2.tag_rules.get",
        "GET HEAD",
        f"{_OURS}/tags/rules",
        "ours",
        Action.PULL,
        "The rules of a repository's tags: which are immutable, which protected",
    ),
    _v2(
        "v2.tag_rules.put",
        "PUT",
        f"{_OURS}/tags/rules",
        "ours",
        Action.ADMIN,
        "Replaces the rules of a repository's tags",
    ),
    _v2(
        "v2.retention.get",
        "GET HEAD",
        f"{_OURS}/retention",
        "ours",
        Action.PULL,
        "What the collector may take from a repository: old tags, untagged manifests",
    ),
    _v2(
        "v2.retention.put",
        "PUT",
        f"{_OURS}/retention",
        "ours",
        Action.ADMIN,
        "Replaces a repository's retention rules",
    ),
    _v2(
        "v2.retention.preview",
        "GET HEAD",
        f"{_OURS}/retention/preview",
        "ours",
        Action.ADMIN,
        "What the retention rules would take now, and why; changes nothing",
    ),
    _v2(
        "v2.api_tokens.get",
        "GET HEAD",
        "/v2/_roadstead/tokens",
        "ours",
        Action.SIGNED_IN,
        "Lists an account's API tokens, without their secrets",
    ),
    _v2(
        "v2.api_tokens.post",
        "POST",
        "/v2/_roadstead/tokens",
        "ours",
        Action.SIGNED_IN,
        "Makes an API token, limited to scopes; its secret is shown this once",
    ),
    _v2(
        "v2.api_token.delete",
        "DELETE",
        "/v2/_roadstead/tokens/{token_id}",
        "ours",
        Action.SIGNED_IN,
        "Revokes an API token",
    ),
    _v2(
        "v2.usage",
        "GET HEAD",
        "/v2/_roadstead/usage",
        "ours",
        Action.SIGNED_IN,
        "What a team has used, by day or repository, in JSON or CSV, in pages; for its owner",
    ),
    _v2(
        "v2.usage.teams",
        "GET HEAD",
        "/v2/_roadstead/usage/teams",
        "ours",
        Action.SIGNED_IN,
        "Lists the teams that have used anything, in pages; for administrators",
    ),
)

_TEAM = "/v2/_roadstead/teams/{team}"


def _team(name: str, methods: str, tail: str, summary: str) -> Endpoint:
    path = f"{_TEAM}/{tail}".rstrip("/")
    return _v2(f"v2.team.{name}", methods, path, "ours", Action.SIGNED_IN, summary)


TEAMS: tuple[Endpoint, ...] = (
    _v2(
        "v2.teams.get",
        "GET HEAD",
        "/v2/_roadstead/teams",
        "ours",
        Action.SIGNED_IN,
        "Lists an account's teams, with the role in each",
    ),
    _v2(
        "v2.teams.post",
        "POST",
        "/v2/_roadstead/teams",
        "ours",
        Action.SIGNED_IN,
        "Makes a team, with an end and a quota if asked",
    ),
    _team("get", "GET HEAD", "", "A team that one is in: its end, its quota and what it uses"),
    _team("put", "PUT", "", "Changes a team's end, quota or settings; for its owners"),
    _team("delete", "DELETE", "", "Ends a team at once; for its owners"),
    _team("invite", "POST", "invitations", "Makes an invitation for one account; for owners"),
    _team("members", "GET HEAD", "members", "Lists the members of a team with their roles"),
    _team("join", "POST", "members", "Makes one a member, by an invitation"),
    _team("member.put", "PUT", "members/{username}", "Gives a member another role; for owners"),
    _team("member.delete", "DELETE", "members/{username}", "Takes a member out; for owners"),
    _team("tokens.get", "GET HEAD", "tokens", "Lists a team's machine tokens; for its owners"),
    _team("tokens.post", "POST", "tokens", "Makes a machine token, shown this once; for owners"),
    _team("token.delete", "DELETE", "tokens/{token_id}", "Revokes a machine token; for owners"),
)

ENDS: tuple[Endpoint, ...] = (
    _v2(
        "v2.expiry.get",
        "GET HEAD",
        f"{_OURS}/expiry",
        "ours",
        Action.PULL,
        "When a repository expires",
    ),
    _v2(
        "v2.expiry.put",
        "PUT",
        f"{_OURS}/expiry",
        "ours",
        Action.ADMIN,
        "Gives a repository another end, or none",
    ),
    _v2(
        "v2.tag.expiry.get",
        "GET HEAD",
        f"{_OURS}/tags/{{tag}}/expiry",
        "ours",
        Action.PULL,
        "When a tag expires",
    ),
    _v2(
        "v2.tag.expiry.put",
        "PUT",
        f"{_OURS}/tags/{{tag}}/expiry",
        "ours",
        Action.PUSH,
        "Gives a tag another end, or none",
    ),
)

UPLOADER: tuple[Endpoint, ...] = (
    Endpoint(
        "uploader.whole",
        ("POST",),
        f"{_REMOTE}/whole",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Gives a URL for the whole blob, which S3 takes only if its SHA-256 is right",
    ),
    Endpoint(
        "uploader.claim",
        ("POST",),
        f"{_REMOTE}/claim",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Hands the upload to whoever holds its bytes, with URLs for the parts",
    ),
    Endpoint(
        "uploader.parts",
        ("POST",),
        f"{_REMOTE}/parts",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Gives URLs for more parts, and renews the claim",
    ),
    Endpoint(
        "uploader.advance",
        ("POST",),
        f"{_REMOTE}/advance",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Records the parts that have been stored, with the proof of their hash",
    ),
)
