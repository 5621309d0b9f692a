"""Our v1 checksums are those that real v1 clients computed for real v1 images."""

from pathlib import Path

import pytest

from .v1images import payload_sum, tarsum

pytestmark = pytest.mark.clients
DATA = Path(__file__).parent.parent / "data" / "tarsum"
KNOWN = {
    "46af0962ab5afeb5ce6740d4d91652e69206fc991fd5328c1a94d364ad00e457": (
        "e58fcf7418d4390dec8e8fb69d88c06ec07039d651fedd3aa72af9972e7d046b",
        "18d68bf937c1af14",
    ),
    "511136ea3c5a64f264b78b5433614aec563103b4d4702f3ba7d4d2698e22c158": (
        "ac672ee85da9ab7f9667ae3c32841d3e42f33cc52c273c23341dabba1c8b0c8b",
        "728301b48ba3badf",
    ),
    "xattr": (
        "e86f81a4d552f13039b1396ed03ca968ea9717581f9577ef1876ea6ff9b38c98",
        "4ec4a1a5726966b0",
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_tarsum_is_what_docker_computed(name: str) -> None:
    image_json = (DATA / name / "json").read_bytes()

    with (DATA / name / "layer.tar").open("rb") as layer:
        assert tarsum(image_json, layer) == f"tarsum+sha256:{KNOWN[name][0]}"


@pytest.mark.parametrize("name", KNOWN)
def test_payload_sum_is_what_docker_computed(name: str) -> None:
    image_json = (DATA / name / "json").read_bytes()
    layer = (DATA / name / "layer.tar").read_bytes()

    assert payload_sum(image_json, layer).startswith(f"sha256:{KNOWN[name][1]}")


def test_payload_sum_of_nothing_is_that_of_a_newline() -> None:
    assert payload_sum(b"", b"").startswith("sha256:01ba4719")
    assert payload_sum(b"test", b"").startswith("sha256:f2ca1bb6")
