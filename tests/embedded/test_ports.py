import socket
from itertools import pairwise

import pytest

from roadstead.embedded.ports import LOOPBACK, choose_ports


def test_blocks_do_not_overlap_and_stay_below_the_ports_for_outgoing_connections() -> None:
    blocks = [choose_ports(None) for _ in range(20)]
    bases = sorted(block.base for block in blocks)
    assert all(later - earlier >= 8 for earlier, later in pairwise(bases))
    assert max(bases) + 10000 + 5 < 32768
    for block in blocks:
        block.release()


def test_a_block_is_held_until_it_is_released() -> None:
    block = choose_ports(None)
    other = choose_ports(block.base)
    assert other.base != block.base
    block.release()
    again = choose_ports(block.base)
    assert again.base == block.base
    again.release()
    other.release()


@pytest.mark.parametrize("offset", [0, 5, 10001])
def test_a_block_in_which_somebody_listens_is_not_taken(offset: int) -> None:
    block = choose_ports(None)
    block.release()
    with socket.socket() as listener:
        listener.bind((LOOPBACK, block.base + offset))
        listener.listen()
        other = choose_ports(block.base)
        assert other.base != block.base
        other.release()


def test_a_nonsense_preference_is_not_followed() -> None:
    block = choose_ports(70000)
    assert block.base < 32768
    block.release()
