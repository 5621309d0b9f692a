"""Everything of a v2 registry, brought from real registries to real registries."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest

from tests.awslimits.places import aws_place
from tests.clients.images import Shelf
from tests.clients.registry import Registry
from tests.migrate.filling import (
    Filled,
    described,
    digest_of,
    put_referrer,
    put_small,
    small_image,
)
from tests.support.stack import Stack
from tests.uploader.conftest import Command

OCI = "application/vnd.oci.image.manifest.v1+json"
CHOSEN = ("two-platforms", "docker-five", "empty-layer", "foreign-names")


def report_of(lines: Sequence[str]) -> dict[str, str]:
    """The rows of the final report."""
    rows = (line.split(maxsplit=1) for line in lines if not line.startswith(" "))
    return {row[0]: row[1] for row in rows if len(row) == 2}


def filled(registry: Filled, shelf: Shelf, prefix: str) -> dict[str, str]:
    """One repository for each image; name to image."""
    names = {f"{prefix}/app-{number}": name for number, name in enumerate(CHOSEN)}
    for repository, name in names.items():
        registry.put_image(repository, "1.0", shelf[name])
        registry.put_image(repository, "latest", shelf[name])
    return names


def test_everything_of_another_registry_comes_byte_for_byte(
    debian: Filled, ours: Registry, images: Shelf, team: str, roadstead: Command
) -> None:
    names = filled(debian, images, "old")
    lines = roadstead.run("migrate", "--verify", f"docker://{debian.host}", f"{ours.host}/{team}")
    target = Filled(ours.host)
    for repository, name in names.items():
        assert target.tags(f"{team}/{repository}") == ["1.0", "latest"]
        assert target.holds(f"{team}/{repository}", "1.0", images[name])
        assert target.holds(f"{team}/{repository}", "latest", images[name])
    report = report_of(lines)
    tags = 2 * len(names)
    assert report["repositories"] == str(len(names))
    assert report["tags"] == f"{tags} brought, 0 were there already"
    assert report["verified"] == f"{tags} tags are the same on both sides"
    assert report["failures"] == "0"


def test_repeated_it_sends_nothing_and_brings_what_is_new(
    debian: Filled, ours: Registry, images: Shelf, team: str, roadstead: Command
) -> None:
    filled(debian, images, "old")
    words = ("migrate", f"docker://{debian.host}", f"{ours.host}/{team}")
    roadstead.run(*words)
    again = report_of(roadstead.run(*words))
    assert again["tags"].startswith("0 brought,")
    assert (again["manifests"], again["bytes"].split(" moved")[0]) == ("0 brought", "0.0 KiB")
    put_small(debian, "old/app-0", "2.0", "new")
    third = report_of(roadstead.run(*words))
    assert third["tags"].startswith("1 brought,")


def test_a_tag_that_has_moved_at_the_source_moves_here_unless_tags_are_kept(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    words = (f"docker://{debian.host}", f"{ours.host}/{team}")
    first = put_small(debian, "old/app", "latest", "one")
    roadstead.run("migrate", *words)
    second = put_small(debian, "old/app", "latest", "two")
    kept = report_of(roadstead.run("migrate", "--keep", *words))
    target = Filled(ours.host)
    assert kept["tags"] == "0 brought, 0 were there already, 1 differ and were left"
    assert digest_of(target.manifest(f"{team}/old/app", "latest") or b"") == first
    roadstead.run("migrate", *words)
    assert digest_of(target.manifest(f"{team}/old/app", "latest") or b"") == second


def test_what_several_repositories_share_is_sent_once(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    layer = team.encode() * 200_000
    for number in range(5):
        config = json.dumps(
            {"os": "linux", "architecture": "amd64", "n": f"{team}{number}"}
        ).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": described(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [described(layer, "application/vnd.oci.image.layer.v1.tar")],
        }
        for blob in (config, layer):
            debian.put_blob(f"old/app-{number}", blob)
        debian.put_manifest(f"old/app-{number}", "1", json.dumps(manifest).encode(), OCI)
    lines = roadstead.run(
        "migrate", "--jobs", "5", f"docker://{debian.host}", f"{ours.host}/{team}"
    )
    moved, there = report_of(lines)["bytes"].split(" moved, ")
    mib = len(layer) / 1024 / 1024
    assert moved == f"{mib:.1f} MiB"
    assert there == f"{4 * mib:.1f} MiB were there already"


def test_signatures_by_tag_come_along_even_when_their_tags_are_not_chosen(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    digest = put_small(debian, "old/app", "1.0", "signed")
    signature = digest.replace(":", "-") + ".sig"
    put_small(debian, "old/app", signature, "the signature")
    put_small(debian, "old/app", "2.0", "another")
    source, target = f"docker://{debian.host}", f"{ours.host}/{team}"
    roadstead.run("migrate", "--only", ":1.*", source, target)
    assert Filled(ours.host).tags(f"{team}/old/app") == ["1.0", signature]


def test_what_refers_to_an_image_comes_along(
    ours: Registry,
    ours_with_accounts: Registry,
    team: str,
    roadstead: Command,
) -> None:
    source = Filled(ours.host)
    put_small(source, f"{team}/app", "1.0", team)
    image = source.manifest(f"{team}/app", "1.0") or b""
    sbom = put_referrer(source, f"{team}/app", image, "an SBOM")
    on_sbom = put_referrer(
        source, f"{team}/app", source.manifest(f"{team}/app", sbom) or b"", "its signature"
    )
    user, password = ours_with_accounts.username or "", ours_with_accounts.password or ""
    words = ("migrate", "--user", user, "--password-stdin", f"docker://{ours.host}/{team}")
    _, out, err = roadstead.outcome(*words, f"{ours_with_accounts.host}/{user}", stdin=password)
    assert "failures      0" in out, err
    target = Filled(ours_with_accounts.host, login=f"{user}:{password}")
    for subject, referrer in ((digest_of(image), sbom), (sbom, on_sbom)):
        listed = target.ask("GET", f"/v2/{user}/app/referrers/{subject}").json["manifests"]
        assert [entry["digest"] for entry in listed] == [referrer]
    assert password not in out + err


def test_a_dry_run_says_what_would_come_and_sends_nothing(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    put_small(debian, "old/app", "1.0", "dry")
    put_small(debian, "old/app", "latest", "dry")
    words = ("migrate", "--dry-run", f"docker://{debian.host}", f"{ours.host}/{team}")
    status, out, err = roadstead.outcome(*words)
    assert (status, report_of(out.splitlines())["tags"]) == (
        0,
        "2 would be brought, 0 were there already",
    )
    assert report_of(out.splitlines())["bytes"] == "1.2 KiB at most, each layer once"
    assert f"old/app:1.0 -> {team}/old/app:1.0  1.2 KiB  would be brought" in err
    assert Filled(ours.host).tags(f"{team}/old/app") == []


CHOICES = [
    (["--only", "old/a*"], ["old/a:1", "old/a:2", "old/ab:1"]),
    (["--only", "old/a:1", "--only", "old/b"], ["old/a:1", "old/b:1"]),
    (["--except", "*:2", "--except", "old/b"], ["old/a:1", "old/ab:1"]),
    (["--map", "old/=new/", "--only", ":2"], ["new/a:2"]),
    (["--map", "old/b=c", "--only", "old/b"], ["c:1"]),
]


@pytest.mark.parametrize(("words", "expected"), CHOICES)
def test_repositories_and_tags_are_chosen_and_renamed(
    words: list[str],
    expected: list[str],
    debian: Filled,
    ours: Registry,
    team: str,
    roadstead: Command,
) -> None:
    for name in ("old/a:1", "old/a:2", "old/ab:1", "old/b:1"):
        put_small(debian, *name.split(":"), name)
    roadstead.run("migrate", *words, f"docker://{debian.host}", f"{ours.host}/{team}")
    target = Filled(ours.host)
    found = [
        f"{name}:{tag}"
        for name in ("old/a", "old/ab", "old/b", "new/a", "new/b", "c")
        for tag in target.tags(f"{team}/{name}")
    ]
    assert found == expected


def test_named_repositories_need_no_list_and_a_prefix_gives_way_to_the_team(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    for name in ("old/a", "old/b", "other/c"):
        put_small(debian, name, "1", name)
    target = Filled(ours.host)
    roadstead.run("migrate", f"docker://{debian.host}/old", f"{ours.host}/{team}")
    assert [target.tags(f"{team}/{name}") for name in ("a", "b", "c")] == [["1"], ["1"], []]
    roadstead.run("migrate", f"docker://{debian.host}", f"{ours.host}/{team}", "other/c")
    assert target.tags(f"{team}/other/c") == ["1"]


def test_an_image_that_fails_is_named_and_the_rest_comes(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    put_small(debian, "old/good", "1", "good")
    put_small(debian, "old/bad", "1", "bad")
    blobs, _ = small_image("bad")
    assert debian.store is not None
    name = digest_of(blobs[1]).removeprefix("sha256:")
    (damaged,) = debian.store.glob(f"**/blobs/sha256/*/{name}/data")
    damaged.write_bytes(blobs[1][:-1] + b"x")
    status, out, _ = roadstead.outcome("migrate", f"docker://{debian.host}", f"{ours.host}/{team}")
    target = Filled(ours.host)
    assert status == 1
    assert (target.tags(f"{team}/old/good"), target.tags(f"{team}/old/bad")) == (["1"], [])
    assert "failures      1\n  old/bad:1: " in out
    assert "DIGEST_INVALID" in out


def test_a_layer_too_large_for_a_function_comes_through_aws_limits(
    debian: Filled, stack: Stack, team: str, roadstead: Command
) -> None:
    blobs, manifest = small_image(team, 20_000_000)
    for blob in blobs:
        debian.put_blob("old/large", blob)
    debian.put_manifest("old/large", "1", manifest, OCI)
    with aws_place(stack) as place:
        words = (f"docker://{debian.host}", f"http://{place.host}/{team}")
        lines = roadstead.run("migrate", "--verify", *words)
        target = Filled(place.host)
        assert target.manifest(f"{team}/old/large", "1") == manifest
        found = target.ask("GET", f"/v2/{team}/old/large/blobs/{digest_of(blobs[1])}")
        assert digest_of(found.body) == digest_of(blobs[1])
    assert report_of(lines)["failures"] == "0"


def test_killed_in_the_middle_it_goes_on_when_it_is_repeated(
    debian: Filled, ours: Registry, team: str, roadstead: Command
) -> None:
    for number in range(12):
        blobs, manifest = small_image(f"{team} {number}", 6_000_000)
        for blob in blobs:
            debian.put_blob("old/many", blob)
        debian.put_manifest("old/many", f"v{number}", manifest, OCI)
    words = ("migrate", f"docker://{debian.host}", f"{ours.host}/{team}")
    process = roadstead.start(*words)
    target = Filled(ours.host)
    try:
        deadline = time.monotonic() + 60
        while len(target.tags(f"{team}/old/many")) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()
    before = target.tags(f"{team}/old/many")
    assert before
    # 72 MB take longer than two tags do; a machine that stalls here may see none left to bring.
    if len(before) == 12:
        pytest.skip("NOT RUN: it was done before it could be killed")
    for tag in before:
        assert (
            target.manifest(f"{team}/old/many", tag)
            == small_image(f"{team} {tag[1:]}", 6_000_000)[1]
        )
    report = report_of(roadstead.run("migrate", "--verify", *words[1:]))
    assert report["tags"] == f"{12 - len(before)} brought, {len(before)} were there already"
    assert report["verified"] == "12 tags are the same on both sides"
