"""Images made of nothing but a seed: the same bytes on every machine, each one known.

An `Image` is a folder laid out as OCI says, together with every digest and size in it, so that
whatever a client pulls can be compared byte for byte with what was pushed.
Sources: OCI image-spec 1.1 (image-layout, manifest, config); Docker image manifest V2, schema 2.
"""

import gzip
import hashlib
import io
import json
import platform
import random
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEGABYTE = 1 << 20
LARGE = 300 * MEGABYTE
HOST = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "amd64")
CREATED = "2026-11-23T00:00:00Z"

# What Docker itself has pushed for ENV and CMD since 2015: 1,024 zero bytes of tar, gzipped.
DOCKER_EMPTY_LAYER = bytes.fromhex(
    "1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000"
)


@dataclass(frozen=True)
class Kind:
    """One family of media types."""

    manifest: str
    index: str
    config: str
    layer: str


OCI = Kind(
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
)
DOCKER = Kind(
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)


@dataclass(frozen=True)
class Blob:
    """What a descriptor says: enough to prove the bytes."""

    digest: str
    size: int
    media_type: str

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class Layer:
    blob: Blob
    diff_id: str


@dataclass(frozen=True)
class Manifest:
    """One platform's image."""

    blob: Blob
    config: Blob
    layers: tuple[Layer, ...]
    architecture: str

    @property
    def diff_ids(self) -> list[str]:
        return [layer.diff_id for layer in self.layers]


@dataclass(frozen=True)
class Image:
    """A pushed thing: an OCI layout in `folder`, and all there is to know about its bytes."""

    name: str
    folder: Path
    kind: Kind
    top: Blob
    manifests: tuple[Manifest, ...]

    @property
    def is_index(self) -> bool:
        return self.top.media_type == self.kind.index

    @property
    def only(self) -> Manifest:
        (manifest,) = self.manifests
        return manifest

    @property
    def blobs(self) -> dict[str, int]:
        """Digest to size of every config and layer."""
        found: dict[str, int] = {}
        for manifest in self.manifests:
            for blob in (manifest.config, *(layer.blob for layer in manifest.layers)):
                found[blob.digest] = blob.size
        return found

    @property
    def everything(self) -> dict[str, int]:
        """Digest to size of every blob and every manifest."""
        manifests = {manifest.blob.digest: manifest.blob.size for manifest in self.manifests}
        return {**self.blobs, **manifests, self.top.digest: self.top.size}

    def path(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def read(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()


def noise(seed: str, size: int) -> Iterable[bytes]:
    """Pseudo-random bytes that no compression shrinks, in blocks of a megabyte."""
    source = random.Random(seed)
    while size > 0:
        block = source.randbytes(min(size, MEGABYTE))
        size -= len(block)
        yield block


class _Stream(io.RawIOBase):
    """File-like view of blocks, so that tarfile takes them without holding them all."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        self._rest = self._rest or next(self._blocks, b"")
        taken = self._rest[: len(target)]
        self._rest = self._rest[len(taken) :]
        target[: len(taken)] = taken
        return len(taken)


class _Hashing(io.RawIOBase):
    """Writes through, and knows the SHA-256 of what it wrote."""

    def __init__(self, sink: Any) -> None:
        self._sink, self.sha256, self.size = sink, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        self.size += len(data)
        self._sink.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self.sha256.hexdigest()}"


@dataclass(frozen=True)
class File:
    """A file in a layer; text, or `size` bytes of noise."""

    path: str
    text: str = ""
    size: int = 0

    def add(self, archive: tarfile.TarFile, seed: str) -> None:
        info = tarfile.TarInfo(self.path)
        info.mode, info.mtime, info.uname, info.gname = 0o644, 1_700_000_000, "root", "root"
        if self.size:
            info.size = self.size
            archive.addfile(info, io.BufferedReader(_Stream(noise(seed, self.size)), MEGABYTE))
        else:
            content = self.text.encode()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


class Builder:
    """Writes one image; the content decides the name of every file, as in a registry."""

    def __init__(self, folder: Path, kind: Kind = OCI, salt: str = "") -> None:
        """With a ``salt`` every layer is another than that of any other salt."""
        self.folder, self.kind, self.salt = folder, kind, salt
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)

    def blob(self, content: bytes, media_type: str) -> Blob:
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return Blob(f"sha256:{digest}", len(content), media_type)

    def layer(self, seed: str, files: Sequence[File], level: int = 1) -> Layer:
        """A gzipped tar; level 0 stores, which is what makes the large one quick."""
        if self.salt:
            files = [*files, File("salt", self.salt)]
        part = self._blobs / "part"
        with part.open("wb") as sink:
            packed = _Hashing(sink)
            with gzip.GzipFile("", "wb", level, packed, mtime=0) as zipped:
                plain = _Hashing(zipped)
                with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as archive:
                    for file in files:
                        file.add(archive, seed)
        part.rename(self._blobs / packed.sha256.hexdigest())
        return Layer(Blob(packed.digest, packed.size, self.kind.layer), plain.digest)

    def empty_layer(self) -> Layer:
        diff_id = hashlib.sha256(gzip.decompress(DOCKER_EMPTY_LAYER)).hexdigest()
        return Layer(self.blob(DOCKER_EMPTY_LAYER, self.kind.layer), f"sha256:{diff_id}")

    def manifest(
        self,
        layers: Sequence[Layer],
        history: Sequence[Mapping[str, Any]] | None = None,
        architecture: str = HOST,
        labels: Mapping[str, str] | None = None,
    ) -> Manifest:
        entries = history or [
            {"created": CREATED, "created_by": f"layer {number}"} for number in range(len(layers))
        ]
        config = self.json(
            {
                "created": CREATED,
                "architecture": architecture,
                "os": "linux",
                "config": {"Env": ["PATH=/bin"], "Labels": dict(labels or {})},
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
                "history": list(entries),
            },
            self.kind.config,
        )
        body = {
            "schemaVersion": 2,
            "mediaType": self.kind.manifest,
            "config": config.descriptor,
            "layers": [layer.blob.descriptor for layer in layers],
        }
        return Manifest(self.json(body, self.kind.manifest), config, tuple(layers), architecture)

    def json(self, value: Mapping[str, Any], media_type: str) -> Blob:
        return self.blob(json.dumps(value, ensure_ascii=False).encode(), media_type)

    def image(self, name: str, *manifests: Manifest, index: bool = False) -> Image:
        """Close the layout: index.json names the top, tagged `latest`."""
        top = manifests[0].blob
        if index:
            entries = [
                {
                    **manifest.blob.descriptor,
                    "platform": {"architecture": manifest.architecture, "os": "linux"},
                }
                for manifest in manifests
            ]
            body = {"schemaVersion": 2, "mediaType": self.kind.index, "manifests": entries}
            top = self.json(body, self.kind.index)
        named = {
            **top.descriptor,
            "annotations": {"org.opencontainers.image.ref.name": "latest"},
        }
        layout = {"schemaVersion": 2, "manifests": [named]}
        (self.folder / "index.json").write_text(json.dumps(layout))
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return Image(name, self.folder, self.kind, top, manifests)


def many_layers(name: str, count: int, size: int) -> Callable[[Builder], Image]:
    """`count` layers of `size` bytes of noise; the third takes a file of the first away."""

    def build(builder: Builder) -> Image:
        layers = []
        for number in range(count):
            files = [File(f"data/{number}.bin", size=size), File(f"text/{number}", f"{number}\n")]
            if number == 2:
                files.append(File("text/.wh.0"))
            layers.append(builder.layer(f"{name} {number}", files))
        return builder.image(name, builder.manifest(layers))

    return build


def large(builder: Builder) -> Image:
    layer = builder.layer("large", [File("large.bin", size=LARGE)], level=0)
    return builder.image("large", builder.manifest([layer]))


def twenty_megabytes(builder: Builder) -> Image:
    """Five layers, one of them larger than any request that Lambda takes."""
    layers = [builder.layer("large", [File("large.bin", size=20 * MEGABYTE)], level=0)]
    layers += [builder.layer(f"small {n}", [File(f"text/{n}", f"{n}\n")]) for n in range(4)]
    return builder.image("twenty-megabytes", builder.manifest(layers))


def two_platforms(builder: Builder) -> Image:
    common = builder.layer("common", [File("etc/common", "the same for both\n")])
    manifests = [
        builder.manifest([common, builder.layer(name, [File(name, size=50_000)])], None, name)
        for name in ("amd64", "arm64")
    ]
    return builder.image("two-platforms", *manifests, index=True)


def empty_layer(builder: Builder) -> Image:
    """One history entry without a layer, and one real layer without a file."""
    layers = [builder.layer("base", [File("base", "base\n")]), builder.empty_layer()]
    history: list[dict[str, Any]] = [
        {"created": CREATED, "created_by": "ADD base"},
        {"created": CREATED, "created_by": "ENV A=b", "empty_layer": True},
        {"created": CREATED, "created_by": "RUN true"},
    ]
    return builder.image("empty-layer", builder.manifest(layers, history))


def foreign_names(builder: Builder) -> Image:
    """File names, a label and a comment that are not ASCII."""
    files = [
        File("hafen/Liegeplätze/grüße.txt", "moin\n"),
        File("港/停泊地.txt", "船\n"),
        File("emoji/⚓", "anchor\n"),
    ]
    history = [{"created": CREATED, "created_by": "COPY hafen", "comment": "Reede, 錨地"}]
    manifest = builder.manifest(
        [builder.layer("names", files)], history, labels={"ort": "Reede vor Wangerooge, 港"}
    )
    return builder.image("foreign-names", manifest)


def attached_to(image: Image, folder: Path, artifact_type: str, content: bytes) -> Image:
    """An artifact in a layout of its own, with the top of `image` as the subject."""
    builder = Builder(folder)
    config = builder.blob(b"{}", "application/vnd.oci.empty.v1+json")
    layer = Layer(builder.blob(content, "text/plain"), "")
    body = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "artifactType": artifact_type,
        "config": config.descriptor,
        "layers": [layer.blob.descriptor],
        "subject": image.top.descriptor,
    }
    manifest = Manifest(builder.json(body, OCI.manifest), config, (layer,), HOST)
    return builder.image("attached", manifest)


@dataclass(frozen=True)
class Recipe:
    build: Callable[[Builder], Image]
    kind: Kind = OCI


RECIPES: Mapping[str, Recipe] = {
    "five": Recipe(many_layers("five", 5, MEGABYTE)),
    "thirty": Recipe(many_layers("thirty", 30, 64 * 1024)),
    "large": Recipe(large),
    "twenty-megabytes": Recipe(twenty_megabytes),
    "two-platforms": Recipe(two_platforms),
    "empty-layer": Recipe(empty_layer),
    "foreign-names": Recipe(foreign_names),
    "docker-five": Recipe(many_layers("docker-five", 5, MEGABYTE), DOCKER),
    "docker-two-platforms": Recipe(two_platforms, DOCKER),
}


def fresh(name: str, folder: Path, salt: str) -> Image:
    """The image of this name with blobs that no registry has yet, so that all must be sent."""
    recipe = RECIPES[name]
    return recipe.build(Builder(folder, recipe.kind, salt))


@dataclass
class Shelf:
    """Builds each image once, when first asked for; the folder goes with the session."""

    folder: Path
    recipes: dict[str, Recipe] = field(default_factory=lambda: dict(RECIPES))
    _built: dict[str, Image] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Image:
        if name not in self._built:
            recipe = self.recipes[name]
            self._built[name] = recipe.build(Builder(self.folder / name, recipe.kind))
        return self._built[name]
