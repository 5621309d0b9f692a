"""Cases 1 to 17 and 58 to 63: images, as docker-registry's own tests have them."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import Case, Step, get, put, refused
from tests.conformance.v1 import (
    Image,
    describe,
    fetched,
    image,
    numbered,
    seal,
    send_layer,
    tar_of,
    uploaded,
)

BASE = "docker-registry tests/base.py"
IMAGES = "docker-registry tests/test_images.py"
LAYERS = "docker-registry tests/test_layers.py"
SUMS = "docker-registry tests/lib/test_checksums.py, tests/test_tarfile.py"

ROOT = image(1, short=True)
CHILD = image(2, ROOT, short=True)
BUSY = ErrorCode.V1_IMAGE_BUSY

REDIRECTED = "302 to a signed URL of S3, which serves the bytes and the ranges: no function could"
NO_HOOKS = "there are no server-side hooks: a registry that runs foreign code is no safer for it"
NO_ACCEL = "there is no nginx in front; S3 takes its part"

OLD = image(
    5,
    layer=tar_of(("gone/file", b"1"), ("same", b"1"), ("other", b"1")),
)
NEW = image(6, OLD, layer=tar_of(("./gone/.wh.file", b""), ("./other", b"22"), ("./fresh", b"3")))


def listed(one: Image, *rows: list[object]) -> tuple[Step, ...]:
    return (*uploaded(one), get(f"{one.url}/files", answer_json=list(rows)))


CASES: tuple[Case, ...] = (
    numbered(1, "an image's json is taken", BASE, describe(ROOT, answer_json=True)),
    numbered(
        2,
        "json that names a parent is taken after the parent",
        BASE,
        uploaded(ROOT),
        describe(CHILD),
    ),
    numbered(
        3,
        "json is not served while the image is being pushed",
        BASE,
        describe(ROOT),
        refused(get(f"{ROOT.url}/json"), BUSY),
    ),
    numbered(
        4,
        "a layer is taken as it is",
        BASE,
        describe(ROOT),
        send_layer(ROOT, answer_json=True),
    ),
    numbered(
        5,
        "the right checksum ends the push of an image",
        BASE,
        describe(ROOT),
        send_layer(ROOT),
        seal(ROOT, answer_json=True),
        get(f"{ROOT.url}/json", answer_body=ROOT.raw),
    ),
    numbered(
        6,
        "a checksum is set once",
        BASE,
        uploaded(ROOT),
        refused(seal(ROOT), ErrorCode.V1_CHECKSUM_CONFLICT),
    ),
    numbered(
        7,
        "a checksum of what is no image id is for nothing",
        BASE,
        refused(
            put(
                "/v1/images/zzzzzzzzzzzzzzzz/checksum",
                headers={"X-Docker-Checksum-Payload": ROOT.checksum},
            ),
            ErrorCode.V1_IMAGE_ID_INVALID,
        ),
    ),
    numbered(
        8,
        "json comes with the size of the layer",
        BASE,
        uploaded(ROOT),
        get(f"{ROOT.url}/json", answers={"X-Docker-Size": str(len(ROOT.layer))}),
    ),
    numbered(
        9,
        "json comes with the payload checksum that the client computed",
        BASE,
        uploaded(ROOT),
        get(f"{ROOT.url}/json", answers={"X-Docker-Checksum-Payload": ROOT.checksum}),
    ),
    numbered(
        10,
        "X-Docker-Payload-Checksum says nothing when json is put",
        BASE,
        describe(ROOT, headers={"X-Docker-Payload-Checksum": "sha256:" + "0" * 64}),
        send_layer(ROOT),
        seal(ROOT),
    ),
    numbered(
        11,
        "a layer comes back byte for byte",
        IMAGES,
        uploaded(ROOT),
        fetched(ROOT),
        differs=REDIRECTED,
    ),
    numbered(
        12,
        "the ancestry of a child is the child and its parent",
        IMAGES,
        uploaded(ROOT, CHILD),
        get(f"{CHILD.url}/ancestry", answer_json=[CHILD.id, ROOT.id]),
    ),
    numbered(
        13,
        "an image that is not there is a 404, whatever its id looks like",
        IMAGES,
        refused(get(f"{ROOT.url}/json"), ErrorCode.V1_IMAGE_UNKNOWN),
        refused(get("/v1/images/none/json"), ErrorCode.V1_IMAGE_ID_INVALID),
    ),
    numbered(
        14,
        "a range of a layer includes its last byte",
        IMAGES,
        uploaded(ROOT),
        get(f"{ROOT.url}/layer", status=302, save={"location": "header:Location"}),
        get(
            "{location}",
            headers={"Range": "bytes=2-5"},
            status=206,
            answer_body=ROOT.layer[2:6],
        ),
        differs=REDIRECTED,
    ),
    numbered(15, "a hook lets an image's json in", IMAGES, differs=NO_HOOKS),
    numbered(16, "a hook refuses an image's json in its own words", IMAGES, differs=NO_HOOKS),
    numbered(17, "nginx is told which file to serve as the layer", IMAGES, differs=NO_ACCEL),
    numbered(
        58,
        "the payload checksum of nothing is that of a newline",
        SUMS,
        shown_in="tests/files/test_tarsum.py",
    ),
    numbered(
        59,
        "the tarsum of three real layers is what docker computed",
        SUMS,
        shown_in="tests/files/test_tarsum.py",
    ),
    numbered(
        60,
        "a binary extended attribute is read from an archive and kept",
        SUMS,
        shown_in="tests/files/test_tarsum.py",
    ),
    numbered(
        61,
        "the files of a layer are listed, packed or not",
        LAYERS,
        *(
            listed(
                image(number, layer=tar_of(("test", b"0" * 512), packing=packing)),
                ["/test", "f", False, 512, 0, 420, 0, 0],
            )
            for number, packing in enumerate(("", "gz", "xz"), 10)
        ),
    ),
    numbered(
        62,
        "names in a layer begin with a slash, and whiteouts are deletions",
        LAYERS,
        listed(
            image(
                20,
                layer=tar_of(
                    (".", b""), ("./ab", b"1"), ("./.wh.x", b""), ("./.wh..wh.aufs", b"2")
                ),
            ),
            ["/", "d", False, 0, 0, 420, 0, 0],
            ["/ab", "f", False, 1, 0, 420, 0, 0],
            ["/x", "f", True, 0, 0, 420, 0, 0],
        ),
    ),
    numbered(
        63,
        "what differs from the parent is deleted, changed or created",
        LAYERS,
        uploaded(OLD, NEW),
        get(
            f"{NEW.url}/diff",
            answer_json={
                "deleted": {"/gone/file": ["f", True, 0, 0, 420, 0, 0]},
                "changed": {"/other": ["f", False, 2, 0, 420, 0, 0]},
                "created": {"/fresh": ["f", False, 1, 0, 420, 0, 0]},
            },
        ),
    ),
)
