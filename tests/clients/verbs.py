"""What each client does to the registry in these tests, and what it has no way to do."""

from collections.abc import Mapping
from dataclasses import dataclass

VERBS = (
    "push",
    "pull",
    "list tags",
    "list repositories",
    "copy by mount",
    "delete a tag",
    "delete a manifest",
    "attach a referrer",
    "find referrers",
)


@dataclass(frozen=True)
class Cannot:
    """The client has no command or call for it."""

    why: str


Cell = str | Cannot  # a test, as `module::name`
NO_REFERRERS = Cannot("no command asks for referrers")


def _go(**more: Cell) -> dict[str, Cell]:
    """The tests that crane, oras and regctl share."""
    module = "test_go_clients"
    return {
        "push": f"{module}::test_go_clients_pull_the_bytes_they_pushed",
        "pull": f"{module}::test_go_clients_pull_the_bytes_they_pushed",
        "list tags": f"{module}::test_go_clients_list_tags",
        "list repositories": f"{module}::test_go_clients_list_repositories",
        "copy by mount": f"{module}::test_go_clients_copy_by_mounting",
        "delete a tag": f"{module}::test_go_clients_delete_a_tag_and_nothing_else",
        "delete a manifest": f"{module}::test_go_clients_delete_a_manifest",
        "attach a referrer": f"{module}::test_go_clients_find_what_they_attached",
        "find referrers": f"{module}::test_go_clients_find_what_they_attached",
        **{name.replace("_", " "): cell for name, cell in more.items()},
    }


TABLE: Mapping[str, Mapping[str, Cell]] = {
    "crane": _go(
        attach_a_referrer=(
            "test_go_clients::test_an_artifact_that_is_pushed_before_its_subject_refers_to_it"
        ),
        find_referrers=NO_REFERRERS,
    ),
    "oras": _go(delete_a_tag=Cannot("it deletes the manifest behind the tag")),
    "regctl": _go(),
    "skopeo": {
        "push": "test_skopeo::test_skopeo_pulls_the_bytes_it_pushed",
        "pull": "test_skopeo::test_skopeo_pulls_the_bytes_it_pushed",
        "list tags": "test_skopeo::test_skopeo_inspects_and_lists_tags",
        "list repositories": Cannot("no command asks for the catalog"),
        "copy by mount": "test_cases::test_a_push_to_a_second_repository_mounts",
        "delete a tag": Cannot("it deletes the manifest behind the tag"),
        "delete a manifest": "test_skopeo::test_skopeo_deletes_by_digest_of_the_tag",
        "attach a referrer": ("test_skopeo::test_skopeo_attaches_by_pushing_what_names_a_subject"),
        "find referrers": NO_REFERRERS,
    },
    "podman": {
        "push": "test_containers::test_containers_pull_what_they_pushed",
        "pull": "test_containers::test_containers_pull_what_they_pushed",
        "list tags": "test_containers::test_podman_lists_tags",
        "list repositories": "test_containers::test_podman_searches",
        "copy by mount": Cannot("what it copies goes through its own store"),
        "delete a tag": Cannot("no command deletes at a registry"),
        "delete a manifest": Cannot("no command deletes at a registry"),
        "attach a referrer": Cannot("it writes its own manifests, without a subject"),
        "find referrers": NO_REFERRERS,
    },
    "ctr": {
        "push": "test_containerd::test_ctr_fetches_the_bytes_it_pushed",
        "pull": "test_containerd::test_ctr_fetches_the_bytes_it_pushed",
        "list tags": Cannot("no command lists tags of a registry"),
        "list repositories": Cannot("no command asks for the catalog"),
        "copy by mount": Cannot("what it copies goes through its own store"),
        "delete a tag": Cannot("no command deletes at a registry"),
        "delete a manifest": Cannot("no command deletes at a registry"),
        "attach a referrer": "test_containerd::test_ctr_attaches_by_pushing_what_names_a_subject",
        "find referrers": NO_REFERRERS,
    },
    "python-dxf": {
        "push": "test_python_dxf::test_dxf_pulls_the_bytes_it_pushed",
        "pull": "test_python_dxf::test_dxf_pulls_the_bytes_it_pushed",
        "list tags": "test_python_dxf::test_dxf_lists_and_deletes",
        "list repositories": "test_python_dxf::test_dxf_lists_and_deletes",
        "copy by mount": "test_python_dxf::test_dxf_mounts_from_another_repository",
        "delete a tag": Cannot("del_alias deletes the manifest behind the tag"),
        "delete a manifest": (
            "test_python_dxf::test_dxf_deletes_the_manifest_behind_a_tag_and_blobs"
        ),
        "attach a referrer": "test_python_dxf::test_dxf_attaches_by_pushing_what_names_a_subject",
        "find referrers": Cannot("no call asks for referrers"),
    },
    "oras-py": {
        "push": "test_oras_py::test_oras_pulls_the_bytes_it_pushed",
        "pull": "test_oras_py::test_oras_pulls_the_bytes_it_pushed",
        "list tags": "test_oras_py::test_oras_keeps_artifacts",
        "list repositories": Cannot("no call asks for the catalog"),
        "copy by mount": Cannot("no call mounts"),
        "delete a tag": Cannot("delete_tag deletes the manifest behind the tag"),
        "delete a manifest": "test_oras_py::test_oras_deletes_a_tag",
        "attach a referrer": "test_oras_py::test_oras_attaches_artifacts",
        "find referrers": Cannot("no call asks for referrers"),
    },
}
