"""The substitute engine, on a machine where no Java is found."""

from collections.abc import Callable
from pathlib import Path

from roadstead.embedded import EmbeddedStack, Machine

from .aws import read_both, write_both
from .watch import LOOPBACK_V4, listening, recorded_pids

WITHOUT_JAVA = Machine(find_program=lambda name: None)


def test_it_stands_in_says_so_and_keeps_data_over_a_clean_stop(
    make_stack: Callable[..., EmbeddedStack], tmp_path: Path
) -> None:
    stack = make_stack(durable=True, machine=WITHOUT_JAVA)
    endpoints = stack.start()
    assert endpoints.dynamodb_engine == "ministack"
    [warning] = endpoints.warnings
    assert "live in memory, and are written to the data folder only at a clean stop" in warning
    assert "no java was found" in warning
    for pid in recorded_pids(tmp_path / "data").values():
        assert {address for address, _ in listening(pid)} == {LOOPBACK_V4}
    write_both(endpoints, "kept")
    stack.stop()

    # With Java found again, the folder stays with the engine that its data belongs to.
    again = make_stack(durable=True).start()
    assert again.dynamodb_engine == "ministack"
    assert read_both(again) == ("kept", "kept")
