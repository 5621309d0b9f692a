"""The web page: every endpoint of it, and who is let in. Spec: ours (docs/page.md)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.errors import ErrorCode
from chalicelib.web.page_frame import asset_url
from tests.conformance.bodies import (
    CONFIG,
    LAYER,
    OCI,
    OCI_INDEX,
    descriptor,
    image,
    index,
    push,
    pushed,
)
from tests.conformance.cases import ABSENT, Case, Form, Step, case, get, head, login, of, put

R, PUBLIC = "alice/app", "alice/public"
REPO = f"/ui/r/{R}"
HTML = {"Content-Type": "text/html; charset=utf-8"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TOKEN = r'html:name="form_token" value="([^"]+)"'
SIGNED = image(OCI, subject=descriptor(image(), OCI), artifactType="application/vnd.dev.cosign.x")
IMAGE_ID, CHILD_ID = "a" * 64, "b" * 64
V1_JSON = json.dumps({"id": IMAGE_ID, "container_config": {"Cmd": ["echo", "hello"]}}).encode()
CHECKSUM = "sha256:" + hashlib.sha256(V1_JSON + b"\n" + LAYER).hexdigest()


def seen(url: str, *shows: str, **more: Any) -> Step:
    """A page that somebody who has signed in looks at."""
    return get(url, headers={"Cookie": "{cookie}"}, shows=shows, answers=HTML, **more)


def sent(url: str, /, status: int = 303, cookie: str = "{cookie}", **fields: str) -> Step:
    """A form that somebody sends from a page."""
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    body = Form({"form_token": "{form}", **fields})
    return Step("POST", url, body, headers=headers, status=status)


def signed_in(name: str, password: str, where: str = "") -> tuple[Step, ...]:
    """Sign in, as a browser does it."""
    come = get("/ui/sign-in", save={"cookie": "cookie:", "form": TOKEN}, shows=("Password",))
    go = sent("/ui/sign-in", name=name, password=password, next=where)
    went = replace(go, save={"cookie": "cookie:"}, answers={"Location": where or "/ui"})
    form = get("/ui/password", headers={"Cookie": "{cookie}"}, save={"form": TOKEN})
    return come, went, form


ALICE = signed_in("alice", "alice-secret")
GIVEN = login("alice", pushed(R, "1.0", "2.0"))
CONFIG_URL = f"{REPO}/-/configs/{of(CONFIG)}"


def page(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    values = {"mode": Mode.ACCOUNTS, "public": (PUBLIC,), **more}
    return case(f"page: {name}", "ours", *steps, **values)


def gone(url: str, code: ErrorCode) -> Step:
    return seen(url, status=code.status, code=code)


def v1_push(image_id: str, raw: bytes, checksum: str) -> tuple[Step, ...]:
    at = f"/v1/images/{image_id}"
    return (
        put(f"{at}/json", raw, status=200),
        put(f"{at}/layer", LAYER, status=200),
        put(f"{at}/checksum", status=200, headers={"X-Docker-Checksum-Payload": checksum}),
        put("/v1/repositories/team/old/", [{"id": image_id}], status=200),
        put("/v1/repositories/team/old/tags/latest", image_id, status=200),
    )


CASES = (
    page(
        "browsers get it at the root, everybody else what was there",
        get("/", answer_json="Roadstead", answers={"X-Docker-Registry-Version": ...}),
        get("/", headers=BROWSER, answers={**HTML, "Vary": "Accept"}, shows=("Sign in",)),
        get("/ui", answers=HTML, shows=("alice/public",)),
        head("/ui", answers=HTML),
    ),
    page(
        "its style sheet is kept for a year, under an address of its own",
        get(asset_url("style.css"), answers={"Cache-Control": "public, max-age=31536000"}),
        get(asset_url("icon.svg"), answers={"Content-Type": "image/svg+xml"}),
        get("/ui/assets/style-0.css", status=404, code=ErrorCode.NOT_FOUND),
        get("/ui/nothing", status=404, code=ErrorCode.NOT_FOUND),
        Step("DELETE", "/ui", status=405, code=ErrorCode.UNSUPPORTED),
    ),
    page(
        "somebody unknown is sent to sign in, and comes back to where they were going",
        login("alice", pushed(R, "1.0")),
        get(
            f"{REPO}/-/tags/1.0?x=1",
            status=303,
            answers={
                "Location": "/ui/sign-in?next=%2Fui%2Fr%2Falice%2Fapp%2F-%2Ftags%2F1.0%3Fx%3D1"
            },
        ),
        signed_in("alice", "alice-secret", f"{REPO}/-/tags/1.0"),
        seen(f"{REPO}/-/tags/1.0", of(image())),
        sent("/ui/sign-out"),
        get("/ui/tokens", status=303),
    ),
    page(
        "a sign-in leads nowhere but to this host",
        *(
            replace(
                step,
                answers={**step.answers, "Location": "/ui"} if step.status == 303 else step.answers,
            )
            for where in ("//evil.test", "https://evil.test", "/\\evil.test", "/ui\r\nX: y", "ui")
            for step in signed_in("alice", "alice-secret", where)
        ),
    ),
    page(
        "a wrong password is told nothing but that, and many of them have to wait",
        get("/ui/sign-in", save={"cookie": "cookie:", "form": TOKEN}),
        *(sent("/ui/sign-in", 403, name="alice", password="wrong") for _ in range(5)),
        replace(
            sent("/ui/sign-in", 429, name="alice", password="alice-secret"),
            answers={"Retry-After": ...},
        ),
    ),
    page(
        "repositories are listed and found, each place by itself",
        GIVEN,
        login("bob", pushed("bob/lent", "1")),
        login("bob", put("/v1/repositories/bob/lent/grants/alice", {"access": "read"}, status=200)),
        ALICE,
        seen("/ui", "alice/app", "private", "Your own"),
        seen("/ui?q=app", "1 found", "alice/app"),
        seen("/ui?q=none", "Nothing found"),
        seen("/ui?in=shared", "bob/lent"),
        seen("/ui?in=public", "alice/public"),
        seen("/ui?in=all&after=%ff", "No repositories here yet"),
        seen("/ui/r/bob/lent", "docker pull", "bob/lent:1"),
        gone("/ui/r/bob/other", ErrorCode.DENIED),
        gone("/ui/r/bob/lent/-/access", ErrorCode.DENIED),
        gone("/ui/r/bob/lent/-/delete/1", ErrorCode.DENIED),
        gone("/ui/r/bob/lent/-/expiry", ErrorCode.DENIED),
        gone("/ui/r/bob/lent/-/expiry/1", ErrorCode.DENIED),
        sent("/ui/r/bob/lent/-/delete/1", 403),
        sent("/ui/r/bob/lent/-/expiry", 403, days="1"),
        sent("/ui/r/bob/lent/-/expiry/1", 403, days="1"),
        sent("/ui/r/bob/lent/-/access", 403, visibility="public"),
        sent("/ui/r/bob/lent/-/grants", 403, user="alice", access="write"),
        gone("/ui/r/alice/none", ErrorCode.NAME_UNKNOWN),
        gone("/ui/r/Alice", ErrorCode.NAME_INVALID),
    ),
    page(
        "a repository shows its tags, each its manifest, its configuration and its history",
        GIVEN,
        login(
            "alice",
            push(R, of(SIGNED), SIGNED),
            push(R, "all", index(OCI_INDEX, (image(), OCI)), OCI_INDEX),
        ),
        ALICE,
        seen(REPO, "1.0", "2.0", "60 B", "index", "docker pull"),
        seen(f"{REPO}?after=1.0", "2.0"),
        seen(f"{REPO}/-/tags/1.0", of(image()), "docker pull", "Layers", "20 B"),
        seen(f"{REPO}/-/tags/all", "Platforms", of(image())[7:19]),
        gone(f"{REPO}/-/tags/none", ErrorCode.MANIFEST_UNKNOWN),
        seen(f"{REPO}/-/manifests/{of(SIGNED)}", "Refers to"),
        gone(f"{REPO}/-/manifests/{of(b'none')}", ErrorCode.MANIFEST_UNKNOWN),
        gone(f"{REPO}/-/manifests/x", ErrorCode.DIGEST_INVALID),
        seen(CONFIG_URL, "amd64", "linux"),
        seen(f"{REPO}/-/configs/{of(LAYER)}", "describe no image"),
        gone(f"{REPO}/-/configs/{of(b'none')}", ErrorCode.BLOB_UNKNOWN),
        seen(f"{REPO}/-/history/1.0", "pointed to", "alice"),
        gone(f"{REPO}/-/history/none", ErrorCode.MANIFEST_UNKNOWN),
        seen(f"{REPO}/-/referrers/{of(image())}", "Signature", of(SIGNED)[7:19]),
        seen(f"{REPO}/-/referrers/{of(b'none')}", "Nothing does"),
        seen(f"{REPO}/-/images", "None:"),
        gone(f"{REPO}/-/images/{IMAGE_ID}", ErrorCode.V1_IMAGE_UNKNOWN),
        gone(f"{REPO}/-/images/x", ErrorCode.V1_IMAGE_ID_INVALID),
    ),
    page(
        "a tag is deleted after a question",
        GIVEN,
        ALICE,
        seen(f"{REPO}/-/delete/2.0", "Delete the tag"),
        gone(f"{REPO}/-/delete/none", ErrorCode.MANIFEST_UNKNOWN),
        replace(sent(f"{REPO}/-/delete/2.0"), answers={"Location": REPO}),
        gone(f"{REPO}/-/tags/2.0", ErrorCode.MANIFEST_UNKNOWN),
        seen(f"{REPO}/-/history/2.0", "deleted"),
        seen(f"{REPO}/-/tags/1.0"),
    ),
    page(
        "an owner shows a repository to everybody, or to somebody",
        GIVEN,
        ALICE,
        seen(f"{REPO}/-/access", "private"),
        sent(f"{REPO}/-/access", visibility="public", description="A <b>bold</b> one"),
        seen(REPO, "public", "A &lt;b&gt;bold&lt;/b&gt; one"),
        get(REPO, answers=HTML),
        sent(f"{REPO}/-/grants", user="bob", access="write"),
        seen(f"{REPO}/-/access", "bob", "write"),
        sent(f"{REPO}/-/grants", 404, user="nobody", access="read"),
        sent(f"{REPO}/-/grants", 400, user="bob", access="all"),
        sent(f"{REPO}/-/grants", user="bob", access="none"),
        seen(f"{REPO}/-/access"),
    ),
    page(
        "an API token is shown once, used, and revoked",
        GIVEN,
        ALICE,
        seen("/ui/tokens", "None yet"),
        sent("/ui/tokens", 400, label="", names="alice/*", actions="pull", days="3"),
        sent("/ui/tokens", 400, label="ci", names="alice/*", actions="pull", days="x"),
        replace(
            sent("/ui/tokens", 201, label="ci", names="alice/*", actions="pull", days="3"),
            save={"secret": r'html:value="(rst_[^"]+)"', "id": r"html:<code>([0-9a-f]{16})</code>"},
        ),
        get(f"/v2/{R}/tags/list", login="alice:{secret}"),
        seen("/ui/tokens", "{id}", "repository:alice/*:pull"),
        sent("/ui/tokens/{id}/revoke"),
        sent("/ui/tokens/{id}/revoke", 404),
        get(f"/v2/{R}/tags/list", login="alice:{secret}", status=401),
    ),
    page(
        "an API token signs nobody in here",
        ALICE,
        replace(
            sent("/ui/tokens", 201, label="ci", names="*", actions="pull", days=""),
            save={"secret": r'html:value="(rst_[^"]+)"'},
        ),
        sent("/ui/sign-in", 403, name="alice", password="{secret}"),
    ),
    page(
        "another password ends every session but the one that changed it",
        ALICE,
        replace(ALICE[0], save={"other": "cookie:"}),
        replace(sent("/ui/password", 400, old="wrong", new="x" * 8, again="x" * 8)),
        sent("/ui/password", 400, old="alice-secret", new="x" * 8, again="y" * 8),
        sent("/ui/password", 400, old="alice-secret", new="short", again="short"),
        get("/ui/sign-in", save={"old": "cookie:"}),
        get("/ui/tokens", headers={"Cookie": "{cookie}"}),
        replace(
            sent("/ui/password", 200, old="alice-secret", new="new-secret", again="new-secret"),
            save={"changed": "cookie:"},
        ),
        get("/ui/tokens", headers={"Cookie": "{cookie}"}, status=303),
        get("/ui/tokens", headers={"Cookie": "{changed}"}),
    ),
    page(
        "a session ends after twelve hours",
        ALICE,
        replace(seen("/ui/tokens"), wait_s=12 * 3600 - 1),
        replace(get("/ui/tokens", headers={"Cookie": "{cookie}"}, status=303), wait_s=1),
        sent("/ui/tokens", 303, label="x"),
    ),
    page(
        "a form that was not sent from this session's page is refused",
        ALICE,
        replace(sent("/ui/tokens", 403, label="x"), body=Form({"label": "x"})),
        replace(sent("/ui/tokens", 403), body=Form({"form_token": "{form}x"})),
        replace(sent("/ui/tokens", 403), code=ErrorCode.FORM_REFUSED, body=b"form_token=%C3%A4"),
        sent("/ui/sign-in", 403, cookie="", name="alice", password="alice-secret"),
        *(
            replace(step, headers={**step.headers, **more})
            for step in (sent("/ui/tokens", 403, label="x", names="*", actions="pull", days=""),)
            for more in (
                {"Origin": "https://evil.test"},
                {"Origin": "null"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
                {"Sec-Fetch-Site": "none"},
            )
        ),
        replace(sent("/ui/tokens", 400), body=b"a=%ff"),
        replace(sent("/ui/tokens", 400), body=b"a=1&a=2"),
        replace(sent("/ui/tokens", 413), body=b"a=" + b"1" * 70_000),
    ),
    page(
        "a team is made, shared, given another end, and left",
        ALICE,
        seen("/ui/teams", "You are in no team"),
        sent("/ui/teams", 400, name="A", days=""),
        sent("/ui/teams", 400, name="crew", days="x"),
        replace(sent("/ui/teams", name="crew", days="7"), answers={"Location": "/ui/teams/crew"}),
        sent("/ui/teams", 409, name="crew", days=""),
        seen("/ui/teams", "crew", "owner"),
        seen("/ui/teams/crew", "You are", "Bytes: 0 B", "without bound", "Ends"),
        sent("/ui/teams/crew", days="30"),
        sent("/ui/teams/crew", 400, days="x"),
        sent("/ui/teams/crew", days=""),
        seen("/ui/teams/crew", "never"),
        login("alice", pushed("crew/app", "1")),
        seen("/ui/teams/crew/repositories", "crew/app"),
        seen("/ui/r/crew/app/-/access", "everything"),
        sent("/ui/teams/crew/invitations", 400, role="king"),
        replace(
            sent("/ui/teams/crew/invitations", 201, role="reader"),
            save={"code": r'html:Code <input type="text" readonly value="([^"]+)"'},
        ),
        seen("/ui/teams/crew/members", "alice", "owner"),
        sent("/ui/teams/crew/members", 409, user="alice", role="reader"),
        sent("/ui/teams/crew/members", 404, user="bob", role="reader"),
        signed_in("bob", "bob-secret"),
        gone("/ui/teams/crew", ErrorCode.TEAM_UNKNOWN),
        sent("/ui/join", 404, team="crew", code="none"),
        sent("/ui/join", team="crew", code="{code}"),
        sent("/ui/join", 404, team="crew", code="{code}"),
        seen("/ui/teams/crew", "reader"),
        seen("/ui/r/crew/app", "docker pull"),
        sent("/ui/teams/crew", 403, days="1"),
        sent("/ui/teams/crew/invitations", 403, role="owner"),
        gone("/ui/usage?team=crew", ErrorCode.DENIED),
        sent("/ui/teams/crew/members", user="bob", role="none"),
        gone("/ui/r/crew/app", ErrorCode.DENIED),
        signed_in("alice", "alice-secret"),
        seen("/ui/usage?team=crew", "crew"),
        gone("/ui/usage?team=bob", ErrorCode.DENIED),
        gone("/ui/usage?team=A%20b", ErrorCode.BAD_REQUEST),
        seen("/ui/usage", "Bytes pulled", "<svg"),
    ),
    page(
        "a repository and a tag are given an end, and one that has come is the end",
        GIVEN,
        ALICE,
        seen(f"{REPO}/-/expiry", "It has no end"),
        sent(f"{REPO}/-/expiry", 400),
        sent(f"{REPO}/-/expiry", 400, days="9999999"),
        sent(f"{REPO}/-/expiry", days="7"),
        seen(f"{REPO}/-/expiry", "It ends"),
        seen(REPO, "until"),
        sent(f"{REPO}/-/expiry", days=""),
        seen(f"{REPO}/-/expiry/1.0", "It has no end"),
        gone(f"{REPO}/-/expiry/none", ErrorCode.MANIFEST_UNKNOWN),
        sent(f"{REPO}/-/expiry/none", 404, days="1"),
        sent(f"{REPO}/-/expiry/1.0", days="1"),
        seen(f"{REPO}/-/tags/1.0", "Ends", "Extend the life of this tag"),
        seen(REPO, ", ends"),
        replace(ALICE[0], wait_s=24 * 3600),
        *ALICE[1:],
        gone(f"{REPO}/-/tags/1.0", ErrorCode.MANIFEST_UNKNOWN),
        seen(REPO, "2.0"),
    ),
    case(
        "page: an open registry has it without accounts",
        "ours",
        pushed("team/app", "1"),
        get("/", headers=BROWSER, shows=("team/app",), answers={"Set-Cookie": ABSENT}),
        get("/ui?q=app", shows=("1 found",)),
        get("/ui/sign-in", status=405, code=ErrorCode.UNSUPPORTED),
        get("/ui/tokens", status=405, code=ErrorCode.UNSUPPORTED),
        get("/ui/r/team/app/-/delete/1", save={"cookie": "cookie:", "form": TOKEN}),
        sent("/ui/r/team/app/-/delete/1"),
        get("/ui/r/team/app", shows=("No tags",)),
    ),
    case(
        "page: v1 images stand in a tree",
        "ours",
        v1_push(IMAGE_ID, V1_JSON, CHECKSUM),
        get("/ui/r/team/old", shows=("v1 image", "latest")),
        get("/ui/r/team/old/-/tags/latest", status=303, answers={"Location": ...}),
        get("/ui/r/team/old/-/images", shows=(IMAGE_ID[:12], "sealed")),
        get(f"/ui/r/team/old/-/images/{IMAGE_ID}?tag=latest", shows=("echo hello", "Ancestry")),
        get("/ui/r/team/old/-/history/latest", shows=("pointed to the v1 image", "somebody")),
    ),
)
