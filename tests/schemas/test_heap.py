"""The garbage collector of a process that serves."""

import gc
from collections.abc import Iterator

import pytest

from schemas import heap


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_was_made_at_the_start_is_looked_through_no_more() -> None:
    heap.settle()
    assert gc.get_freeze_count() > 1000 and gc.get_threshold() == heap.THRESHOLDS


def test_circles_that_were_made_later_still_go() -> None:
    heap.settle()
    circle: list[object] = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1
