"""Garbage collection of a serving process."""

import gc
from collections.abc import Iterator

import pytest

from schemas.runtime import gc_tuning


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_startup_objects_are_excluded_from_later_collections() -> None:
    """A collection of all generations would walk over every module each time."""
    gc_tuning.freeze_startup_objects()
    assert gc.get_freeze_count() > 1000 and gc.get_threshold() == gc_tuning.THRESHOLDS


def test_later_reference_cycles_are_still_collected() -> None:
    """Rarer collections leak nothing."""
    gc_tuning.freeze_startup_objects()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
