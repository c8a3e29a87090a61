"""Blocks of a file that is read in parts."""

import threading

import pytest

from tests.patience import SECONDS
from trajdata._store.ranges import overlapped


def test_blocks_come_whole_and_in_order():
    blocks = [bytes([number]) * 3 for number in range(5)]
    assert list(overlapped(iter(blocks))) == blocks
    assert list(overlapped(iter([]))) == []


def test_the_next_block_is_read_while_one_is_used():
    is_read = threading.Event()

    def blocks():
        yield b"first"
        is_read.set()
        yield b"second"

    coming = overlapped(blocks())
    assert next(coming) == b"first"
    assert is_read.wait(SECONDS)
    assert next(coming) == b"second"


def test_what_goes_wrong_with_a_block_is_raised_in_its_place():
    def blocks():
        yield b"first"
        raise FileNotFoundError(2, "gone")

    coming = overlapped(blocks())
    assert next(coming) == b"first"
    with pytest.raises(FileNotFoundError, match="gone"):
        next(coming)


def test_who_stops_early_leaves_nothing_that_waits():
    coming = overlapped(iter([b"block"] * 100))
    next(coming)
    coming.close()
    for thread in threading.enumerate():
        if thread.name == "trajdata-block":
            thread.join(SECONDS)
            assert not thread.is_alive()
