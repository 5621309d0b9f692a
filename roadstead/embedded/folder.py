"""The data folder: one owner at a time, a format marker, secrets, and room on the disk.

data_folder/
  lock              held (flock) by the process that runs the stack; holds its pid
  roadstead.json    format version, and the DynamoDB engine that the data belongs to
  secrets.json      0600: the S3 key pair and SeaweedFS's internal signing key
  s3/ dynamodb/     the servers' data
  logs/ run/        what they said; what is running (processes.json, ports.json)
"""

import contextlib
import fcntl
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TextIO

from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.machine import Machine

FORMAT_VERSION: Final = 1
LEAST_FREE_BYTES: Final = 200 * 1024 * 1024
# SeaweedFS (`weed mini`) turns its volumes read-only below 1 % of the disk, and has no flag for it.
S3_RESERVE_FRACTION: Final = 0.01
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Secrets:
    s3_access_key: str
    s3_secret_key: str
    internal_signing_key: str


class DataFolder:
    """Owns the layout of one data folder; knows nothing of the servers."""

    def __init__(self, path: Path, machine: Machine) -> None:
        self.path = path.absolute()
        self._machine = machine
        self._lock_file: TextIO | None = None

    @property
    def s3(self) -> Path:
        return self.path / "s3"

    @property
    def dynamodb(self) -> Path:
        return self.path / "dynamodb"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        return self.path / "run"

    def open(self) -> None:
        """Take the folder: create it if it is new, lock it, check what it holds.

        Raises: EmbeddedStackError; the lock is not held then.
        """
        self._create()
        self._take_lock()
        try:
            self._check_marker()
            self._check_room()
            for folder in (self.s3, self.dynamodb, self.logs, self.run):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            self.close()
            raise EmbeddedStackError(
                f"The data folder {self.path} cannot be used: {error}. "
                "Repair it, or choose another folder."
            ) from error
        except EmbeddedStackError:
            self.close()
            raise

    def close(self) -> None:
        """Give the lock back. Idempotent."""
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def room_warning(self) -> str | None:
        """Say so if the S3 server is about to refuse uploads, else return None."""
        usage = self._machine.disk_usage(self.path)
        reserve_bytes = int(usage.total_bytes * S3_RESERVE_FRACTION)
        if usage.free_bytes >= reserve_bytes + LEAST_FREE_BYTES:
            return None
        return (
            f"The disk of {self.path} has {usage.free_bytes // _MIB} MiB free, and the S3 server "
            f"refuses uploads below 1 % of the disk ({reserve_bytes // _MIB} MiB): pulls work, "
            "pushes may fail until you free some space."
        )

    def secrets(self) -> Secrets:
        """Read the secrets, or make them in a new folder.

        Raises: EmbeddedStackError if the file is damaged.
        """
        path = self.path / "secrets.json"
        if not path.exists():
            made = Secrets(
                s3_access_key="RS" + secrets.token_hex(9).upper(),
                s3_secret_key=secrets.token_hex(20),
                internal_signing_key=secrets.token_hex(32),
            )
            write_json(path, asdict(made))
            return made
        try:
            read = json.loads(path.read_text())
            found = Secrets(**{field.name: read[field.name] for field in fields(Secrets)})
            if not all(isinstance(value, str) and value for value in asdict(found).values()):
                raise ValueError("an empty value")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmbeddedStackError(
                f"{path} is damaged ({type(error).__name__}: {error}). Put it back from a copy, "
                "or delete it: new keys are made then, and no data is lost."
            ) from error
        if stat.S_IMODE(path.stat().st_mode) != 0o600:
            path.chmod(0o600)
        return found

    def engine(self) -> str | None:
        """Name the DynamoDB engine that this folder's data belongs to; None when it is new."""
        engine = read_json(self._marker).get("dynamodb_engine")
        return engine if isinstance(engine, str) else None

    def remember_engine(self, engine: str) -> None:
        write_json(self._marker, {"format": FORMAT_VERSION, "dynamodb_engine": engine})

    @property
    def _marker(self) -> Path:
        return self.path / "roadstead.json"

    def _create(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise EmbeddedStackError(
                f"The data folder {self.path} is a file, not a folder. "
                "Move it away, or choose another folder."
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedStackError(
                f"The data folder {self.path} cannot be made: {error.strerror}. "
                "Choose a folder that you may write to."
            ) from error

    def _take_lock(self) -> None:
        try:
            lock_file = (self.path / "lock").open("a+")
        except OSError as error:
            raise EmbeddedStackError(
                f"The data folder {self.path} is not writable: {error.strerror}. "
                "Give yourself write permission, or choose another folder."
            ) from error
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock_file.seek(0)
            holder = lock_file.read().strip() or "unknown"
            lock_file.close()
            raise EmbeddedStackError(
                f"The data folder {self.path} is in use by the process with pid {holder}. "
                "Stop that one first, or choose another folder."
            ) from None
        lock_file.truncate(0)
        lock_file.write(str(os.getpid()))
        lock_file.flush()
        self._lock_file = lock_file

    def _check_marker(self) -> None:
        if not self._marker.exists():
            others = sorted(entry.name for entry in self.path.iterdir() if entry.name != "lock")
            if others:
                raise EmbeddedStackError(
                    f"The folder {self.path} holds other things ({', '.join(others[:3])}) and no "
                    "Roadstead data. Choose an empty or a new folder."
                )
            write_json(self._marker, {"format": FORMAT_VERSION})
            return
        found = read_json(self._marker).get("format")
        if not isinstance(found, int):
            raise EmbeddedStackError(
                f"{self._marker} is damaged. If the data is Roadstead's, write "
                f'{{"format": {FORMAT_VERSION}}} into it; else choose another folder.'
            )
        if found != FORMAT_VERSION:
            raise EmbeddedStackError(
                f"The data in {self.path} has format {found}, and this Roadstead reads format "
                f"{FORMAT_VERSION}. Use the Roadstead that wrote it, or choose another folder."
            )

    def _check_room(self) -> None:
        free_bytes = self._machine.disk_usage(self.path).free_bytes
        if free_bytes < LEAST_FREE_BYTES:
            raise EmbeddedStackError(
                f"The disk of {self.path} is full: {free_bytes // _MIB} MiB are free, and "
                f"{LEAST_FREE_BYTES // _MIB} MiB are needed to start. Free some space, "
                "or choose a folder on another disk."
            )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; anything else, a missing file included, reads as empty."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, value: object) -> None:
    """Write with mode 0600, all or nothing: a crash leaves the old file."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
