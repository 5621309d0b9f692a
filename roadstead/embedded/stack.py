"""Start, watch and stop the local S3 server and the local DynamoDB engine as one thing."""

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from roadstead.embedded import dynamodb, install, processes, seaweed
from roadstead.embedded.checks import check_data
from roadstead.embedded.errors import EmbeddedStackError, EngineUnavailableError, PortTakenError
from roadstead.embedded.folder import DataFolder, Secrets, read_json, write_json
from roadstead.embedded.machine import Machine
from roadstead.embedded.ports import LOOPBACK, PortBlock, choose_ports
from roadstead.embedded.processes import Answer, Server, ServerCommand

_START_TIMEOUT_S: Final = 60.0
# A server may say 500 for a moment while it comes up; longer means that its data is damaged.
_FAILING_TIMEOUT_S: Final = 5.0
_POLL_INTERVAL_S: Final = 0.03
_PORT_ATTEMPTS: Final = 5
_PORT_TAKEN_SIGNS: Final = ("address already in use", "is not available on", "is already in use")


@dataclass(frozen=True)
class StackEndpoints:
    """Where the servers are, and with which key. ``warnings`` are sentences to print plainly."""

    s3_url: str
    s3_access_key: str
    s3_secret_key: str
    s3_region: str
    dynamodb_url: str
    dynamodb_engine: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Engine:
    """The DynamoDB engine that was settled on, and how to start it on a port."""

    name: str
    command: Callable[[int], ServerCommand]
    warnings: tuple[str, ...]


def _print_line(line: str) -> None:
    print(line, flush=True)


class EmbeddedStack:
    """The S3 server and the DynamoDB engine of one data folder.

    ``durable=False`` is for tests: DynamoDB lives in memory, and a stop is a kill.
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        cache_folder: Path | None = None,
        log: Callable[[str], None] = _print_line,
        durable: bool = True,
        machine: Machine | None = None,
    ) -> None:
        self._machine = machine or Machine()
        self._folder = DataFolder(data_folder, self._machine)
        self._cache = (cache_folder or install.default_cache_folder()).absolute()
        self._log = log
        self._durable = durable
        self._opened = False
        self._ports: PortBlock | None = None
        self._servers: list[Server] = []

    def start(self) -> StackEndpoints:
        """Start both servers and wait until they answer.

        The first start on a machine downloads the DynamoDB engine.

        Raises: EmbeddedStackError; nothing is left running then.
        """
        if self._opened:
            raise EmbeddedStackError("This stack is started already. Stop it first.")
        try:
            self._folder.open()
            self._opened = True
            return self._start_in_folder()
        except OSError as error:
            self.stop()
            raise EmbeddedStackError(
                f"The data folder {self._folder.path} cannot be used: {error}. "
                "Repair it, or choose another folder."
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what this stack started, and give the folder back. Idempotent."""
        self._stop_servers()
        if self._opened:
            with contextlib.suppress(OSError):  # a folder that somebody removed meanwhile
                self._records.unlink(missing_ok=True)
            self._folder.close()
            self._opened = False

    def failed(self) -> str | None:
        """Say in a sentence which server has died and what it said last; None while all run."""
        for server in self._servers:
            if not server.is_running():
                return self._obituary(server)
        return None

    def room_warning(self) -> str | None:
        """Say so in a sentence if the disk is so full that pushes may fail; else None."""
        return self._folder.room_warning()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _records(self) -> Path:
        return self._folder.run / "processes.json"

    @property
    def _port_memory(self) -> Path:
        return self._folder.run / "ports.json"

    def _start_in_folder(self) -> StackEndpoints:
        weed = seaweed.find_weed()
        secrets = self._folder.secrets()
        engine = self._settle_engine()
        self._clear_left_over()
        check_data(self._folder)
        preferred = read_json(self._port_memory).get("base")
        for _ in range(_PORT_ATTEMPTS):
            ports = self._ports = choose_ports(preferred if isinstance(preferred, int) else None)
            try:
                self._start_servers(weed, engine, ports, secrets)
                return self._settled(engine, ports, secrets)
            except PortTakenError as error:
                self._log(f"{error} Trying other ports.")
                self._stop_servers()
                preferred = None
        raise EmbeddedStackError(
            f"Other programs took our ports {_PORT_ATTEMPTS} times in a row. Try again."
        )

    def _settled(self, engine: _Engine, ports: PortBlock, secrets: Secrets) -> StackEndpoints:
        write_json(self._port_memory, {"base": ports.base})
        self._folder.remember_engine(engine.name)
        room_warning = self._folder.room_warning()
        return StackEndpoints(
            s3_url=f"http://{LOOPBACK}:{ports.s3}",
            s3_access_key=secrets.s3_access_key,
            s3_secret_key=secrets.s3_secret_key,
            s3_region=seaweed.REGION,
            dynamodb_url=f"http://{LOOPBACK}:{ports.dynamodb}",
            dynamodb_engine=engine.name,
            warnings=engine.warnings + ((room_warning,) if room_warning else ()),
        )

    def _settle_engine(self) -> _Engine:
        """Take the engine that the folder's data belongs to; in a new folder the best there is.

        Never another one for old data: it would show an empty registry.
        """
        kept = self._folder.engine()
        if kept == dynamodb.MINISTACK:
            return self._ministack("This data folder was made with it.")
        try:
            java = install.find_java(self._machine)
            jar = install.install_dynamodb_local(self._cache, self._machine, self._log)
        except EngineUnavailableError as unavailable:
            if kept == dynamodb.DYNAMODB_LOCAL:
                raise EmbeddedStackError(
                    f"The data in {self._folder.path} belongs to DynamoDB Local. {unavailable}"
                ) from unavailable
            return self._ministack(str(unavailable))
        return _Engine(
            dynamodb.DYNAMODB_LOCAL,
            lambda port: dynamodb.dynamodb_local_command(
                java, jar, self._folder, port, durable=self._durable
            ),
            warnings=(),
        )

    def _ministack(self, reason: str) -> _Engine:
        try:
            python = install.install_ministack(self._cache, self._machine, self._log)
        except EngineUnavailableError as unavailable:
            raise EmbeddedStackError(
                f"There is no DynamoDB engine. {reason} The substitute, ministack, cannot be had "
                f"either: {unavailable}"
            ) from unavailable
        return _Engine(
            dynamodb.MINISTACK,
            lambda port: dynamodb.ministack_command(
                python, self._folder, port, durable=self._durable
            ),
            warnings=(f"{dynamodb.MINISTACK_BANNER} {reason}",),
        )

    def _clear_left_over(self) -> None:
        processes.stop_left_over(self._records, self._log)
        base = read_json(self._port_memory).get("base")
        if isinstance(base, int):
            seaweed.remove_sockets(base)

    def _start_servers(
        self, weed: Path, engine: _Engine, ports: PortBlock, secrets: Secrets
    ) -> None:
        s3_command = seaweed.seaweed_command(weed, self._folder, ports, secrets)
        dynamodb_server = self._launch(engine.command(ports.dynamodb))
        s3_server = self._launch(s3_command)
        self._await_ready(
            {
                dynamodb_server: lambda: dynamodb.ask(ports.dynamodb),
                s3_server: lambda: seaweed.ask(ports, secrets),
            }
        )

    def _await_ready(self, waiting: dict[Server, Callable[[], Answer]]) -> None:
        started_s = time.monotonic()
        failing_since_s: dict[Server, float] = {}
        while waiting:
            for server, ask in list(waiting.items()):
                answer = ask()
                if answer is Answer.READY:
                    del waiting[server]
                elif answer is Answer.FAILING:
                    since_s = failing_since_s.setdefault(server, time.monotonic())
                    if time.monotonic() - since_s > _FAILING_TIMEOUT_S:
                        raise EmbeddedStackError(self._obituary(server))
            self._check_alive()
            if waiting and time.monotonic() - started_s > _START_TIMEOUT_S:
                raise EmbeddedStackError(self._too_slow(next(iter(waiting))))
            if waiting:
                time.sleep(_POLL_INTERVAL_S)

    def _launch(self, command: ServerCommand) -> Server:
        stop_signal = signal.SIGTERM if self._durable else signal.SIGKILL
        server = Server(command, stop_signal=stop_signal)
        self._servers.append(server)
        processes.remember(self._records, [server.record for server in self._servers])
        return server

    def _stop_servers(self) -> None:
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.wait_stopped()
        self._servers = []
        if self._ports is not None:
            seaweed.remove_sockets(self._ports.base)
            self._ports.release()
            self._ports = None

    def _check_alive(self) -> None:
        for server in self._servers:
            if not server.is_running():
                words = server.last_words(40).lower()
                if any(sign in words for sign in _PORT_TAKEN_SIGNS):
                    raise PortTakenError(f"Another program took a port of {server.name}.")
                raise EmbeddedStackError(self._obituary(server))

    def _too_slow(self, server: Server) -> str:
        return (
            f"{server.name} did not answer within {_START_TIMEOUT_S:.0f} s. If the machine is "
            f"busy, try again; else see {server.log}, which ends:\n{server.last_words()}"
        )

    def _obituary(self, server: Server) -> str:
        if server.ran_out_of_space():
            advice = f"The disk of {self._folder.path} is full: free some space and start again."
        else:
            advice = (
                f"Start again; if it dies again, its data in {self._folder.path} may be damaged: "
                "put the folder back from a copy, or start on a new one."
            )
        return f"{server.name} {server.end()}. {advice} {server.log} ends:\n{server.last_words()}"
